"""A job of version 1 whose second attempt is under way when version 2 is deployed. v1's records name no generator."""

from datetime import timedelta

import pytest

from shared import names
from shared.domain.problem import Problem
from shared.providers.provider import Failed
from tests.orchestrators.house import House
from tests.orchestrators.story import JOB


def v1_record(house: House, attempt: int, state: str, age: float, handle: str | None = None) -> None:
    at = (house.bench.now - timedelta(seconds=age)).isoformat()
    document = {"state": state, "sends": 1, "possible_duplicate": False, "sent_at": at, "call": attempt}
    if handle:
        document["handle"] = {"id": handle, "poll_url": f"https://fake/{handle}"}
    house.blobs.create_document(f"jobs/{JOB}/submission-0-{attempt}.json", document)


def deploy(house: House, **changes) -> None:
    """v1's instance was ended by refuse_other_stories: Failed in the hub, the job open."""
    house.accept(**changes)
    house.bench.start(names.GENERATE_JOB, {}, instance_id=JOB)  # fails at once, as an instance of another story does


@pytest.mark.parametrize("age", [60.0, 200.0])
def test_second_attempt_of_v1_is_looked_after(age: float) -> None:
    """v1: attempt 1 ended `Error` at BFL (free), attempt 2 was sent `age - 20` s ago, is Ready. Deployment, GET later."""
    house = House(can_find=False)
    deploy(house)
    house.provider.begin = None
    v1_record(house, 1, "submitted", age, "p-old1")
    v1_record(house, 2, "submitted", age - 20, "p-old2")
    # what the provider has: attempt 1 failed, attempt 2 is ready and paid
    house.provider.began["p-old2"], house.provider._takes["p-old2"] = house.bench.now, 5.0
    look = house.provider.look
    house.provider.look = lambda handle: (
        Failed(Problem("provider_unavailable", charged="no", params={"provider": "Fake"}), 2)
        if handle.id == "p-old1"
        else look(handle)
    )
    house.see_every(15.0, 40)
    house.go_on()
    job = house.job()
    assert len(house.provider.submitted) == 0
    assert job["status"] == "succeeded", (job["error"], job["usage"])
