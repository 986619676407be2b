"""What may have been paid for is never said to cost nothing; a signed call wakes the picture that it names and nothing else."""

from typing import Any

import pytest

from shared import names
from shared.domain.job import MAX_STARTS
from shared.domain.sheet import SHEET_PICTURES_MAX
from shared.storage.blob_store import Missing
from tests.triggers.calls import RUNTIME, FakeHub, Status, body, request
from tests.triggers.test_webhook_calls import JOB, webhook
from triggers.edge import endpoint


async def test_a_picture_that_is_missing_from_storage_may_have_been_paid_for(app: Any) -> None:
    @endpoint
    async def missing(req: Any) -> Any:
        raise Missing("job_1/output/0.png")

    assert (body(await missing(request()))["code"], body(await missing(request()))["charged"]) == ("result_expired", "unknown")


@pytest.mark.parametrize(
    ("instance", "submission"),
    [("forget-jobs", "1"), (JOB[:-1], "1"), (f"{JOB}-9", "1"), (f"{JOB}-0-1-1", "1"), (f"{JOB}-0-0", "1"),
     (f"{JOB}-0-10", "1"), (f"{JOB}-", "1"), (JOB, "0"), (JOB, "100"),
     (JOB, " 1"), (JOB, "+1")],
)  # fmt: skip
async def test_a_signed_call_wakes_nothing_but_the_picture_of_a_job(
    app: Any, hub: FakeHub, instance: str, submission: str
) -> None:
    """Though there be an instance of that name."""
    hub.statuses[instance] = Status(RUNTIME.Running)

    assert (await webhook(app, hub, instance=instance, submission=submission)).status_code == 204
    assert hub.raised == []


@pytest.mark.parametrize("pictures", [1, SHEET_PICTURES_MAX])
async def test_a_signed_call_wakes_every_instance_that_a_job_can_have(app: Any, hub: FakeHub, pictures: int) -> None:
    """Also those of a job that was started again: they tell the provider their own names."""
    told = [
        names.picture_instance_id(JOB, index, pictures, start) for start in range(MAX_STARTS + 1) for index in range(pictures)
    ]
    for instance in told:
        hub.statuses[instance] = Status(RUNTIME.Running)
        assert (await webhook(app, hub, instance=instance, submission="1")).status_code == 204

    assert hub.raised == [(instance, "ended-1") for instance in told]
