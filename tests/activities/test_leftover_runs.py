"""Runs of the submit that come late, twice or after trouble: what each leaves behind, and what it does not take for its own."""

import asyncio
from typing import Any

import pytest
from azure.core.exceptions import ServiceRequestError

from activities.check_prediction import check
from activities.finish_job import finish
from activities.keep_leftover import keep
from activities.submit_prediction import submit
from shared.domain.problem import Problem
from shared.providers.provider import Failed, Handle, Ready
from shared.storage.documents import Busy
from shared.storage.submission_store import Attempt
from tests import pictures as drawn
from tests.activities.orders import LOST, REFUSED, Clock, check_order, finish_order, keep_order, picture_end, submit_order
from tests.activities.test_lost_sends import Listing
from tests.fakes import FakeGenerator, make_job, make_services


def gate(services: Any) -> dict[str, Any]:
    document: dict[str, Any] = services.gates.look("fake").document
    return document


def again(call: int, **changes: Any) -> Any:
    return submit_order(call=call, may_be_sent=True, **changes)


# ---- what is not this attempt's ----


async def test_the_prediction_of_an_earlier_attempt_is_not_adopted_though_nobody_claimed_it(client: Any, clock: Clock) -> None:
    """The former version claimed none."""
    services: Any = make_services(generator := Listing(), clock)
    services.blobs.put_image("in.png", b"image", "image/png")
    make_job(services)
    await submit(services, client, submit_order())
    services.submissions.release("fake", "p-1")
    generator.on_submit, generator.listed = [LOST], ["p-1"]
    await submit(services, client, submit_order(attempt=2, call=2))
    clock.pass_(5)
    answer = await submit(services, client, again(3, attempt=2))

    assert (answer["state"], answer["sends"]) == ("again", ["open"])


async def test_the_picture_of_an_earlier_attempt_is_not_the_end_of_this_one(services: Any, client: Any) -> None:
    thumbnail = type("Thumbnail", (), {"data": b"jpg", "facts": type("Facts", (), {"content_type": "image/jpeg"})})
    await submit(services, client, submit_order())
    await submit(services, client, submit_order(attempt=2, call=2))
    output = {"index": 0, "blob": "job_1/output/0.png", "thumbnail_blob": "job_1/thumbnail/0.jpg", "content_type": "image/png"}
    services.pictures.keep("job_1", output, 1, b"png", thumbnail)

    assert (await submit(services, client, again(3)))["state"] == "ended"
    assert (await submit(services, client, again(3, attempt=2)))["state"] == "submitted"


async def test_an_attempt_that_an_earlier_run_went_on_from_is_not_sent_again(
    services: Any, client: Any, generator: FakeGenerator
) -> None:
    """It was refused, and the story went on; the provider would take it now."""
    generator.on_submit = [REFUSED]
    await submit(services, client, submit_order())
    await submit(services, client, submit_order(attempt=2, call=2))
    answer: Any = await submit(services, client, again(1001, is_rerun=True))

    assert (answer["state"], answer["sends"], answer["followed_by"]) == ("failed", ["refused"], "fake")
    assert len(generator.submitted) == 2
    last: Any = await submit(services, client, again(1002, attempt=2, is_rerun=True))
    assert (last["state"], last.get("followed_by")) == ("submitted", None)


async def test_a_claim_that_storage_does_not_take_loses_no_prediction(
    services: Any, client: Any, generator: FakeGenerator, monkeypatch: Any
) -> None:
    def away(*_: Any) -> None:
        raise ServiceRequestError("storage away")

    with monkeypatch.context() as trouble:
        trouble.setattr(services.submissions, "claim", away)
        answer: Any = await submit(services, client, submit_order())

    assert (answer["state"], answer["handle"]["id"]) == ("submitted", "p-1")
    assert await submit(services, client, again(2)) == answer
    assert len(generator.submitted) == 1


# ---- what is told ----


async def test_when_every_send_was_lost_the_error_does_not_say_that_it_cost_nothing(client: Any, clock: Clock) -> None:
    services: Any = make_services(generator := FakeGenerator(can_find=False), clock)
    services.blobs.put_image("in.png", b"image", "image/png")
    make_job(services)
    generator.on_submit = [LOST, LOST]
    for call in (1, 2):
        await submit(services, client, submit_order(call=call, may_be_sent=call > 1))
        clock.pass_(60)
    answer: Any = await submit(services, client, again(3))

    assert (answer["state"], answer["problem"]["code"], answer["problem"]["charged"]) == (
        "failed", "provider_unavailable", "unknown",
    )  # fmt: skip


async def test_a_failure_that_is_told_by_a_run_without_a_slot_counts_at_the_gate(services: Any, client: Any) -> None:
    await submit(services, client, submit_order())
    await submit(services, client, again(2, has_failed=True))

    assert (gate(services)["failures"], set(gate(services)["active"])) == (1, {"job_1/0"})


# ---- what is left behind ----


@pytest.mark.parametrize("pictures", [[], [{"is_watched": False}]])
async def test_a_run_that_wakes_after_its_story_holds_no_slot(services: Any, client: Any, pictures: list[Any]) -> None:
    await submit(services, client, submit_order())
    services.gates.change("fake", lambda gate: gate.leave("job_1/0", "ok"))
    services.jobs.update("job_1", lambda job: job | {"status": "failed", "pictures": pictures})
    # It takes the activity for the first run of all.
    await submit(services, client, submit_order())

    assert (gate(services)["active"], gate(services)["waiting"]) == ({}, {})


async def test_a_run_that_wakes_while_its_prediction_is_watched_keeps_its_slot(services: Any, client: Any) -> None:
    await submit(services, client, submit_order())
    services.jobs.update("job_1", lambda job: job | {"status": "failed", "pictures": [{"is_watched": True}]})
    await submit(services, client, submit_order())

    assert set(gate(services)["active"]) == {"job_1/0"}


@pytest.mark.parametrize("had_read_its_images", [True, False])
async def test_a_run_that_wakes_after_its_job_was_forgotten_leaves_nothing(
    services: Any, client: Any, monkeypatch: Any, had_read_its_images: bool
) -> None:
    services.jobs.delete("job_1")
    if not had_read_its_images:
        services.blobs.delete_all("images", "")
        # Not for a moment either: it may die in that moment.
        monkeypatch.setattr(services.submissions, "create", None)

    assert await submit(services, client, submit_order()) == {"state": "canceled", "sends": []}
    assert [name for name in services.blobs.documents if "job_1" in name] == []
    assert (gate(services)["active"], gate(services)["waiting"]) == ({}, {})


async def test_what_was_sent_already_does_not_stand_in_a_line_that_is_closed(services: Any, client: Any) -> None:
    """It needs no slot: a place would be given one later, which nobody uses."""
    await submit(services, client, submit_order())
    services.gates.change("fake", lambda gate: gate.leave("job_1/0", "ok"))
    services.gates.change("fake", lambda gate: gate.stop("provider_quota_exhausted"))

    assert (await submit(services, client, submit_order()))["state"] == "submitted"
    assert (gate(services)["active"], gate(services)["waiting"]) == ({}, {})


@pytest.mark.parametrize("trouble", [ServiceRequestError("storage away"), Busy("gates/fake.json")])
async def test_a_picture_is_not_lost_because_its_slot_cannot_be_given_back_now(
    services: Any, client: Any, generator: FakeGenerator, monkeypatch: Any, trouble: Exception
) -> None:
    await submit(services, client, submit_order())
    generator.looks, generator.picture = [Ready("https://fake/x")], drawn.drawing_png(64, 64)

    def away(*_: Any) -> None:
        raise trouble

    monkeypatch.setattr(services.gates, "change", away)
    answer: Any = await check(services, client, check_order())

    assert (answer["state"], answer["left_gate"]) == ("stored", False)


async def test_an_end_is_told_though_its_slot_cannot_be_given_back_now(
    services: Any, client: Any, generator: FakeGenerator, monkeypatch: Any
) -> None:
    await submit(services, client, submit_order())
    generator.looks = [Failed(Problem("provider_unavailable", charged="no", params={"provider": "Fake"}), resubmits=2)]

    def away(*_: Any) -> None:
        raise ServiceRequestError("storage away")

    monkeypatch.setattr(services.gates, "change", away)
    answer: Any = await check(services, client, check_order())

    assert (answer["state"], answer["resubmits"], answer["left_gate"]) == ("failed", 2, False)


@pytest.mark.parametrize("trouble", [ServiceRequestError("storage away"), Busy("owners/x.json")])
def test_a_last_step_that_died_before_it_gave_its_owners_place_back_gives_it_back_the_next_time(
    clock: Clock, monkeypatch: Any, trouble: Exception, caplog: Any
) -> None:
    caplog.set_level("INFO", logger="toonconnect")
    services = make_services(clock=clock, MAX_ACTIVE_JOBS_PER_OWNER="1")
    make_job(services, polls=0, fallback_used=False)
    services.quotas.admit("anonymous", "job_1")

    def away(*_: Any) -> None:
        raise trouble

    with monkeypatch.context() as once:
        once.setattr(services.quotas, "release", away)
        with pytest.raises(type(trouble)):
            finish(services, finish_order(picture_end()))
    finish(services, finish_order(picture_end()))

    services.quotas.admit("anonymous", "job_2")
    assert caplog.messages.count("job_ended") == 1


async def test_what_the_watch_over_a_leftover_does_not_know_its_records_tell(services: Any, client: Any) -> None:
    await submit(services, client, submit_order())
    finish(services, finish_order(picture_end(state="failed")))
    kept = services.submissions.find(Attempt("job_1", 0, 1))
    services.submissions.change(kept, kept.submission.ended({"state": "failed"}, "free"))
    # The watch died, so that its job tells of the picture without its ledger.
    keep(services, keep_order(picture_end(state="failed", sends=None, is_watched=False)))

    job = services.jobs.read("job_1")
    assert (job["error"]["charged"], job["usage"]) == ("no", {"cost_usd": 0.0, "estimated": True, "settled": True})


# ---- runs beside each other ----


async def test_a_first_run_that_died_after_its_send_is_told_without_a_slot_and_does_not_wait_in_line(
    client: Any, clock: Clock
) -> None:
    services: Any = make_services(generator := FakeGenerator(), clock, slots=1)
    services.blobs.put_image("in.png", b"image", "image/png")
    make_job(services)
    await submit(services, client, submit_order())
    services.gates.change("fake", lambda gate: gate.leave("job_1/0", "ok"))
    services.gates.change("fake", lambda gate: gate.enter("job_0/0", "job_0", "slot-1"))
    # Its story never heard an answer, so it asks as for the first time.
    answer: Any = await submit(services, client, submit_order())

    assert (answer["state"], answer["handle"]["id"], len(generator.submitted)) == ("submitted", "p-1", 1)


async def test_what_another_run_has_found_meanwhile_is_not_stopped_by_the_run_that_made_it(client: Any, clock: Clock) -> None:
    class StandsStill(Listing):
        def submit(self, order: Any, *, timeout_seconds: int) -> Handle:
            handle = super().submit(order, timeout_seconds=timeout_seconds)
            self.listed = [handle.id]
            for call in (2, 3):
                clock.pass_(90)
                found.append(asyncio.run(submit(services, client, again(call))))
            return handle

    services: Any = make_services(generator := StandsStill(), clock)
    services.blobs.put_image("in.png", b"image", "image/png")
    make_job(services)
    found: list[Any] = []
    late: Any = await submit(services, client, submit_order())

    assert [(answer["state"], answer["handle"]["id"]) for answer in (found[-1], late)] == [("submitted", "p-1")] * 2
    assert (len(generator.submitted), generator.canceled) == (1, [])
