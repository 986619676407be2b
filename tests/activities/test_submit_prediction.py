"""A prediction is paid for, so: submitted once, looked for before a repeat, repeated at most once and then said so."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from azure.core.exceptions import ServiceRequestError
from hypothesis import given
from hypothesis import strategies as st

from activities import submit_prediction as activity
from shared.domain.problem import Problem
from shared.providers.generator import Handle, ProviderError
from tests.fakes import FakeGenerator, make_job, make_services

PAYLOAD = {
    "job_id": "job_1",
    "index": 0,
    "attempt": 1,
    "call": 1,
    "generator": "fake",
    "images": ["in.png"],
    "timeout_seconds": 120,
    "instance": "job_1",
}
RECORD = "jobs/job_1/submission-0-1.json"
BUSY = Problem("provider_unavailable", params={"provider": "Fake"})
REFUSED = ProviderError(BUSY, retry_after=9)
LOST = ProviderError(Problem("provider_unavailable", charged="unknown"), maybe_done=True)


class Killed(BaseException):
    """The process dies here: nothing after it runs."""


@pytest.fixture
def generator() -> FakeGenerator:
    return FakeGenerator()


@pytest.fixture
def services(generator: FakeGenerator) -> Any:
    made = make_services(generator)
    made.blobs.put_image("in.png", b"image", "image/png")
    make_job(made)
    return made


def grow_old(services: Any, seconds: float) -> None:
    """Let the send on record have begun so long ago."""
    document, etag = services.blobs.read_document(RECORD)
    document["sent_at"] = (datetime.now(UTC) - timedelta(seconds=seconds)).isoformat()
    services.blobs.replace_document(RECORD, document, etag)


def test_a_submit_sends_the_order_and_keeps_the_handle(services: Any, generator: FakeGenerator) -> None:
    answer = activity.submit(services, PAYLOAD)

    assert (answer["state"], answer["handle"]["id"], answer["possible_duplicate"]) == ("submitted", "p-1", False)
    (order,) = generator.submitted
    assert (order.prompt, order.images, order.seed, order.reference) == ("a hero", (b"image",), 7, "job_1/0")
    assert services.blobs.read_document(RECORD)[0]["state"] == "submitted"


def test_an_activity_that_runs_again_does_not_submit_again(services: Any, generator: FakeGenerator) -> None:
    assert activity.submit(services, PAYLOAD) == activity.submit(services, PAYLOAD)
    assert len(generator.submitted) == 1


def test_the_intent_is_on_record_before_anything_is_sent(services: Any, generator: FakeGenerator) -> None:
    generator.on_submit = [Killed()]
    with pytest.raises(Killed):
        activity.submit(services, PAYLOAD)

    assert services.blobs.read_document(RECORD)[0]["state"] == "sending"


def test_a_send_that_may_still_be_under_way_is_waited_for(services: Any, generator: FakeGenerator) -> None:
    generator.on_submit = [Killed()]
    with pytest.raises(Killed):
        activity.submit(services, PAYLOAD)

    answer = activity.submit(services, PAYLOAD)
    assert answer["state"] == "wait"
    assert 0 < answer["after_seconds"] <= activity.SETTLED_AFTER_SECONDS
    assert len(generator.submitted) == 1


def test_a_prediction_that_outlived_its_host_is_found_and_not_repeated(services: Any, generator: FakeGenerator) -> None:
    generator.on_submit = [Killed()]
    with pytest.raises(Killed):
        activity.submit(services, PAYLOAD)
    grow_old(services, 60)
    generator.known = Handle("p-found", "https://fake/p-found")

    answer = activity.submit(services, PAYLOAD)
    assert (answer["handle"]["id"], answer["possible_duplicate"]) == ("p-found", False)
    assert len(generator.submitted) == 1


@pytest.mark.parametrize("can_find", [True, False])
def test_a_send_that_nobody_knows_is_repeated_once_and_flagged(can_find: bool) -> None:
    generator = FakeGenerator(can_find=can_find)
    services = make_services(generator)
    services.blobs.put_image("in.png", b"image", "image/png")
    make_job(services)
    generator.on_submit = [LOST, LOST]

    assert activity.submit(services, PAYLOAD)["state"] == "wait"
    assert len(generator.submitted) == 1
    grow_old(services, 60)
    assert activity.submit(services, PAYLOAD)["state"] == "wait"
    assert len(generator.submitted) == 2
    grow_old(services, 60)
    answer = activity.submit(services, PAYLOAD)
    assert (answer["state"], answer["problem"]["charged"]) == ("failed", "unknown")
    assert len(generator.submitted) == 2
    assert answer["possible_duplicate"] is True


@pytest.mark.parametrize("code", ["provider_bad_response", "provider_auth_failed", "provider_unavailable"])
def test_a_refused_repeat_does_not_make_the_lost_send_before_it_free(services: Any, generator: FakeGenerator, code: str) -> None:
    generator.on_submit = [LOST, ProviderError(Problem(code, params={"provider": "Fake"}))]
    activity.submit(services, PAYLOAD)
    grow_old(services, 60)

    assert activity.submit(services, PAYLOAD)["problem"]["charged"] == "unknown"


def test_the_repeat_of_a_lost_send_is_flagged(services: Any, generator: FakeGenerator) -> None:
    generator.on_submit = [LOST]
    activity.submit(services, PAYLOAD)
    grow_old(services, 60)

    answer = activity.submit(services, PAYLOAD)
    assert (answer["state"], answer["possible_duplicate"]) == ("submitted", True)
    assert activity.submit(services, PAYLOAD)["possible_duplicate"] is True


def test_a_refusal_is_waited_out_as_the_provider_asks_and_then_sent_unflagged(services: Any, generator: FakeGenerator) -> None:
    generator.on_submit = [REFUSED]
    answer = activity.submit(services, PAYLOAD)
    assert (answer["state"], answer["after_seconds"]) == ("wait", 9)

    # The same call once more, as after a lost answer: it was refused, and whoever sent it may have gone elsewhere.
    assert activity.submit(services, PAYLOAD)["state"] == "wait"
    assert len(generator.submitted) == 1
    again = activity.submit(services, PAYLOAD | {"call": 2})
    assert (again["state"], again["possible_duplicate"]) == ("submitted", False)


@pytest.mark.parametrize("code", ["provider_auth_failed", "provider_quota_exhausted", "missing_api_key"])
def test_what_cannot_succeed_is_not_tried_again(services: Any, generator: FakeGenerator, code: str) -> None:
    generator.on_submit = [ProviderError(Problem(code, params={"provider": "Fake"}))]
    answer = activity.submit(services, PAYLOAD)

    assert (answer["state"], answer["problem"]["code"], answer["problem"]["charged"]) == ("failed", code, "no")


def test_a_canceled_job_is_never_sent(services: Any, generator: FakeGenerator) -> None:
    services.jobs.update("job_1", lambda job: job | {"cancel_requested_at": "2026-01-01T00:00:00+00:00"})

    nothing = {"state": "canceled", "possible_duplicate": False, "is_unsettled": False}
    assert activity.submit(services, PAYLOAD) == nothing
    assert activity.submit(services, PAYLOAD | {"job_id": "job_gone"}) == nothing
    assert generator.submitted == []


@pytest.mark.parametrize("status", ["failed", "succeeded", "canceled"])
def test_a_job_that_has_ended_is_never_sent(services: Any, generator: FakeGenerator, status: str) -> None:
    generator.on_submit = [REFUSED]
    activity.submit(services, PAYLOAD)
    services.jobs.update("job_1", lambda job: job | {"status": status})

    assert activity.submit(services, PAYLOAD | {"call": 2})["state"] == "canceled"
    assert len(generator.submitted) == 1


def test_two_runs_at_once_that_both_send_both_say_so(services: Any, generator: FakeGenerator) -> None:
    """The first stands still inside its call for so long that it is taken for dead."""
    first = generator.submit

    def stands_still(order: Any, *, timeout_seconds: int) -> Handle:
        del generator.submit  # type: ignore[method-assign]
        grow_old(services, 60)
        answers.append(activity.submit(services, PAYLOAD))
        return first(order, timeout_seconds=timeout_seconds)

    answers: list[dict[str, Any]] = []
    generator.submit = stands_still  # type: ignore[method-assign]
    answers.append(activity.submit(services, PAYLOAD))

    assert len(generator.submitted) == 2
    assert [(answer["state"], answer["possible_duplicate"]) for answer in answers] == [("submitted", True)] * 2


def test_a_run_that_stood_still_before_its_call_does_not_send(services: Any, generator: FakeGenerator, monkeypatch: Any) -> None:
    write = services.blobs.create_document

    def slow(name: str, document: dict[str, Any]) -> Any:
        late = (datetime.now(UTC) - timedelta(seconds=activity.SEND_WITHIN_SECONDS + 1)).isoformat()
        return write(name, document | {"sent_at": late}) if not document.update(sent_at=late) else None

    monkeypatch.setattr(services.blobs, "create_document", slow)
    answer = activity.submit(services, PAYLOAD)

    assert (answer["state"], answer["is_lost"], generator.submitted) == ("wait", True, [])


def test_a_handle_that_storage_would_not_keep_is_still_told(services: Any, generator: FakeGenerator, monkeypatch: Any) -> None:
    def away(*_: Any) -> str:
        raise ServiceRequestError("storage away")

    monkeypatch.setattr(services.blobs, "replace_document", away)
    answer = activity.submit(services, PAYLOAD)

    assert (answer["state"], answer["handle"]["id"]) == ("submitted", "p-1")


@given(st.lists(st.sampled_from(["killed", "lost", "refused", "ok"]), max_size=8))
def test_whatever_happens_one_intent_is_sent_twice_at_most_and_never_silently(fates: list[str]) -> None:
    """Each run of the activity meets a fate; refusals send nothing that counts."""
    generator = FakeGenerator()
    services = make_services(generator)
    services.blobs.put_image("in.png", b"image", "image/png")
    make_job(services)
    taken = 0
    for fate in [*fates, "ok", "ok", "ok"]:
        before = len(generator.submitted)
        generator.on_submit = [{"killed": Killed(), "lost": LOST, "refused": REFUSED, "ok": Handle("p", "u")}[fate]]
        try:
            answer = activity.submit(services, PAYLOAD)
        except Killed:
            answer = {}
        taken += len(generator.submitted) > before and fate != "refused"
        if services.blobs.read_document(RECORD):
            grow_old(services, 60)

    assert taken <= activity.MAX_SENDS
    if answer["state"] == "submitted":
        assert answer["possible_duplicate"] == (taken > 1)


def cancel_job(services: Any) -> None:
    services.jobs.update("job_1", lambda job: job | {"cancel_requested_at": "2026-01-01T00:00:01+00:00"})


def test_a_prediction_on_record_is_not_forgotten_because_its_job_was_canceled(services: Any, generator: FakeGenerator) -> None:
    first = activity.submit(services, PAYLOAD)
    cancel_job(services)
    assert activity.submit(services, PAYLOAD) == first


def test_a_lost_submit_of_a_canceled_job_is_looked_for_and_never_repeated(services: Any, generator: FakeGenerator) -> None:
    generator.on_submit = [LOST]
    activity.submit(services, PAYLOAD)
    cancel_job(services)
    grow_old(services, 60)
    assert activity.submit(services, PAYLOAD)["state"] == "canceled"
    assert len(generator.submitted) == 1
    generator.known = Handle("p-9", "https://fake/p-9")
    assert activity.submit(services, PAYLOAD)["handle"]["id"] == "p-9"


def test_a_job_canceled_before_its_submit_leaves_no_record(services: Any, generator: FakeGenerator) -> None:
    cancel_job(services)
    assert activity.submit(services, PAYLOAD)["state"] == "canceled"
    assert generator.submitted == []
    assert services.blobs.read_document(RECORD) is None


def test_a_refused_submit_of_a_canceled_job_stays_refused(services: Any, generator: FakeGenerator) -> None:
    generator.on_submit = [REFUSED]
    activity.submit(services, PAYLOAD)
    cancel_job(services)
    assert activity.submit(services, PAYLOAD)["state"] == "canceled"
    assert len(generator.submitted) == 1
