"""A prediction whose handle storage did not take when it was made."""

from typing import Any, cast

import pytest
from azure.core.exceptions import ServiceRequestError

from activities.record_prediction import record
from activities.submit_prediction import submit
from shared import forgetting, names
from shared.domain import payloads as p
from shared.domain.submission import Submission
from shared.storage.blob_store import DOCUMENTS
from shared.storage.submission_store import Attempt
from tests.activities.orders import Client, Clock, submit_order
from tests.activities.test_forget_jobs import end
from tests.fakes import FakeBlobs, FakeGenerator, instance_status, make_job, make_services
from tests.orchestrators.story import always, submitted, tell

PREDICTIONS = "predictions/fake/"
UNRECORDED = cast(p.Submitted, {**submitted(), "is_recorded": False, "cost": {"usd": 0.08, "quoted": True}})


class Unwilling(FakeBlobs):
    refuses = ""

    def replace_document(self, name: str, *rest: Any) -> str:
        if self.refuses and self.refuses in name:
            raise ServiceRequestError("storage away")
        return super().replace_document(name, *rest)


@pytest.fixture
def services(generator: FakeGenerator, clock: Clock) -> Any:
    made = make_services(generator, clock, blobs=Unwilling())
    made.blobs.put_image("in.png", b"image", "image/png")
    make_job(made, polls=0, fallback_used=False)
    made.blobs.refuses = "submission"
    return made


def record_order(handle: p.Handle) -> p.RecordOrder:
    return {"job_id": "job_1", "traceparent": None, "index": 0, "generator": "fake", "attempt": 1, "handle": handle}


async def submit_unrecorded(services: Any, client: Client) -> p.Handle:
    answer = await submit(services, client, submit_order())  # type: ignore[arg-type]
    assert answer["state"] == "submitted"
    assert answer["is_recorded"] is False
    services.blobs.refuses = ""
    return answer["handle"]


def claims(services: Any) -> list[str]:
    return [name for name in services.blobs.documents if name.startswith(PREDICTIONS)]


async def test_it_is_put_on_record_and_its_claim_goes_with_the_job(services: Any, client: Client) -> None:
    handle = await submit_unrecorded(services, client)
    for _ in range(2):
        assert record(services, record_order(handle)) == {"recorded": True}
    end(services)
    client.statuses["job_1"] = instance_status("Completed")
    await forgetting.begin(services, client, "job_1")  # type: ignore[arg-type]

    assert [name for name in services.blobs.documents if name.startswith((PREDICTIONS, "jobs/"))] == []


async def test_what_it_costs_goes_on_record_with_it(services: Any, client: Client) -> None:
    order: p.RecordOrder = {**record_order(await submit_unrecorded(services, client)), "cost": {"usd": 0.06, "quoted": True}}
    record(services, order)

    assert services.submissions.find(Attempt("job_1", 0, 1)).submission.cost == {"usd": 0.06, "quoted": True}


async def test_a_story_that_is_told_again_goes_on_with_it(services: Any, client: Client, generator: FakeGenerator) -> None:
    handle = await submit_unrecorded(services, client)
    record(services, record_order(handle))
    again = await submit(services, client, submit_order(call=1001, may_be_sent=True, is_rerun=True))  # type: ignore[arg-type]

    assert again["state"] == "submitted"
    assert (again["handle"], again.get("is_recorded", True)) == (handle, True)
    assert len(generator.submitted) == 1


async def test_storage_that_is_still_away_is_said(services: Any, client: Client) -> None:
    handle = await submit_unrecorded(services, client)
    services.blobs.refuses = "submission"

    with pytest.raises(ServiceRequestError):
        record(services, record_order(handle))
    assert claims(services) == [f"{PREDICTIONS}p-1.json"]


async def test_where_another_run_has_sent_again_its_word_stands(services: Any, client: Client, clock: Clock) -> None:
    handle = await submit_unrecorded(services, client)
    found = services.submissions.find(Attempt("job_1", 0, 1))
    lost = found.submission.lost(clock()).sent_again(2, clock())
    services.submissions.change(found, lost)
    services.submissions.change(found, lost.submitted({"id": "p-2", "poll_url": "https://fake/p-2"}))

    assert record(services, record_order(handle)) == {"recorded": False}
    assert claims(services) == []
    assert services.submissions.find(Attempt("job_1", 0, 1)).submission.prediction_id == "p-2"


async def test_of_a_job_that_was_forgotten_meanwhile_no_claim_is_left(services: Any, client: Client) -> None:
    handle = await submit_unrecorded(services, client)
    services.blobs.delete(DOCUMENTS, Attempt("job_1", 0, 1).name)

    assert record(services, record_order(handle)) == {"recorded": False}
    assert claims(services) == []


# ---- the story ----


def test_it_is_put_on_record_before_it_is_looked_at() -> None:
    told = tell(activities={names.SUBMIT_PREDICTION: always(UNRECORDED)})

    (order,) = told.called(names.RECORD_PREDICTION)
    assert (order["handle"], order["attempt"], order["cost"]) == (UNRECORDED["handle"], 1, {"usd": 0.08, "quoted": True})
    assert told.times(names.RECORD_PREDICTION)[0] < told.times(names.CHECK_PREDICTION)[0]
    assert told.job["status"] == "succeeded"


def test_what_is_on_record_is_not_put_there_again() -> None:
    assert tell().called(names.RECORD_PREDICTION) == []


def test_a_picture_is_made_though_storage_takes_no_record_for_long() -> None:
    def away(_: Any) -> None:
        raise ServiceRequestError("storage away")

    told = tell(activities={names.SUBMIT_PREDICTION: always(UNRECORDED), names.RECORD_PREDICTION: away})

    assert told.job["status"] == "succeeded"
    assert len(told.called(names.RECORD_PREDICTION)) > 1


def test_how_old_the_prediction_is_counts_from_its_submit_though_the_record_took_its_time() -> None:
    tries = iter(range(100))

    def away_at_first(_: Any) -> p.Recorded:
        if next(tries) < 5:
            raise ServiceRequestError("storage away")
        return {"recorded": True}

    told = tell(activities={
        names.SUBMIT_PREDICTION: always(UNRECORDED), names.RECORD_PREDICTION: away_at_first,
        names.CHECK_PREDICTION: always({"state": "running", "trouble": None, "after_seconds": None}),
    })  # fmt: skip

    assert told.job["error"]["code"] == "generation_timeout"
    assert 112 < told.ended_at < 130


# ---- an intent that no send follows ----


class Forgetful(FakeBlobs):
    """Storage that does not read some documents."""

    hides = ""

    def read_document(self, name: str) -> Any:
        if self.hides and name.endswith(self.hides):
            raise ServiceRequestError("storage away")
        return super().read_document(name)


async def test_an_intent_is_taken_back_when_its_job_cannot_be_read(
    generator: FakeGenerator, clock: Clock, client: Client
) -> None:
    """The run may come so late that nobody asks for its answer, nor forgets what it leaves."""
    services: Any = make_services(generator, clock, blobs=Forgetful())
    services.blobs.put_image("in.png", b"image", "image/png")
    make_job(services)
    services.blobs.hides = "job.json"
    with pytest.raises(ServiceRequestError):
        await submit(services, client, submit_order())  # type: ignore[arg-type]
    assert services.submissions.find(Attempt("job_1", 0, 1)) is None

    services.blobs.hides = ""
    assert (await submit(services, client, submit_order()))["state"] == "submitted"  # type: ignore[arg-type]
    services.blobs.hides = "job.json"
    with pytest.raises(ServiceRequestError):
        await submit(services, client, submit_order(call=2))  # type: ignore[arg-type]
    # What was sent stays on record, whoever asks again.
    assert services.submissions.find(Attempt("job_1", 0, 1)).submission.state == "submitted"
    assert len(generator.submitted) == 1


def test_an_intent_that_somebody_has_gone_on_with_is_not_taken_back(services: Any, clock: Clock) -> None:
    services.blobs.refuses = ""
    record = services.submissions.create(Attempt("job_1", 0, 1), Submission.begun("fake", 1, clock()))
    services.submissions.change(services.submissions.find(record.attempt), record.submission.canceled())
    services.submissions.withdraw(record)

    assert services.submissions.find(record.attempt).submission.state == "canceled"


# ---- a claim that no record names ----


class Dies(BaseException):
    """The worker, right after it has claimed its prediction."""


async def test_the_claim_of_a_worker_that_died_before_it_wrote_its_record_goes_with_the_job(
    services: Any, client: Client, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies(*_: Any) -> None:
        raise Dies

    services.blobs.refuses = ""
    make_job(services, "job_2")
    services.submissions.claim("fake", "p-9", Attempt("job_2", 0, 1))
    with monkeypatch.context() as patched:
        patched.setattr(services.submissions, "change", dies)
        with pytest.raises(Dies):
            await submit(services, client, submit_order())  # type: ignore[arg-type]
    clock.pass_(300)
    over = submit_order(call=2, may_be_sent=True)
    # It is not in the list, so it is sent again.
    assert (await submit(services, client, over))["sends"] == ["open", "accepted"]  # type: ignore[arg-type]
    assert len(claims(services)) == 3
    end(services)
    client.statuses["job_1"] = instance_status("Completed")
    await forgetting.begin(services, client, "job_1")  # type: ignore[arg-type]

    # The other job keeps its own.
    assert claims(services) == [f"{PREDICTIONS}p-9.json"]
