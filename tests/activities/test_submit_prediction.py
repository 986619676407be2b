"""A prediction is paid for, so: sent once, its intent on record first, and repeated at most once and then said so."""

import asyncio
from typing import Any

import pytest
from azure.core.exceptions import ServiceRequestError
from hypothesis import given
from hypothesis import strategies as st

from activities.submit_prediction import SETTLED_AFTER, submit
from shared.domain.problem import Problem
from shared.domain.submission import MAX_SENDS, SEND_WITHIN
from shared.providers.provider import Handle, ProviderError
from tests.activities.orders import LOST, REFUSED, Client, Clock, submit_order
from tests.fakes import FakeBlobs, FakeGenerator, make_job, make_services

RECORD = "jobs/job_1/submission-0-1.json"


class Killed(BaseException):
    """The process dies here: nothing after it runs."""


def record(services: Any, name: str = RECORD) -> Any:
    return services.blobs.read_document(name)[0]


def cancel_job(services: Any) -> None:
    services.jobs.update("job_1", lambda job: job | {"cancel_requested_at": "2026-01-01T00:00:01+00:00"})


async def test_a_submit_sends_the_order_and_keeps_the_handle(services: Any, client: Any, generator: FakeGenerator) -> None:
    answer = await submit(services, client, submit_order())

    assert answer["state"] == "submitted"
    assert (answer["handle"]["id"], answer["sends"], answer["age_seconds"]) == ("p-1", ["accepted"], 0.0)
    (order,) = generator.submitted
    assert (order.prompt, order.images, order.seed, order.reference) == ("a hero", (b"image",), 7, "job_1/0")
    assert (record(services)["state"], record(services)["handle"]["id"]) == ("submitted", "p-1")


async def test_each_picture_is_sent_with_a_seed_of_its_own(services: Any, client: Any, generator: FakeGenerator) -> None:
    make_job(services, "job_2", seeds=[7, 8, 9])
    for index in range(3):
        await submit(services, client, submit_order(job_id="job_2", index=index))

    assert [order.seed for order in generator.submitted] == [7, 8, 9]


async def test_an_activity_that_runs_again_does_not_submit_again(services: Any, client: Any, generator: FakeGenerator) -> None:
    first = await submit(services, client, submit_order())
    assert await submit(services, client, submit_order()) == first
    assert len(generator.submitted) == 1


async def test_the_intent_is_on_record_before_anything_is_sent(services: Any, client: Any, generator: FakeGenerator) -> None:
    generator.on_submit = [Killed()]
    with pytest.raises(Killed):
        await submit(services, client, submit_order())

    assert (record(services)["state"], record(services)["send_states"]) == ("sending", ["open"])


async def test_a_send_that_may_still_be_under_way_is_waited_for(services: Any, client: Any, generator: FakeGenerator) -> None:
    generator.on_submit = [Killed()]
    with pytest.raises(Killed):
        await submit(services, client, submit_order())

    answer = await submit(services, client, submit_order(may_be_sent=True))
    assert (answer["state"], answer["sends"]) == ("again", ["open"])
    assert 0 < (answer["after_seconds"] or 0) <= SETTLED_AFTER.total_seconds()
    assert len(generator.submitted) == 1


async def test_a_refusal_is_waited_out_as_the_provider_asks_and_then_sent_unflagged(
    services: Any, client: Any, generator: FakeGenerator
) -> None:
    generator.on_submit = [REFUSED]
    answer = await submit(services, client, submit_order())
    assert (answer["state"], answer["sends"], answer["after_seconds"]) == ("again", ["refused"], 9)

    # The same call once more, as after a lost answer: it was refused, and whoever sent it may have gone elsewhere.
    assert (await submit(services, client, submit_order()))["state"] == "again"
    assert len(generator.submitted) == 1
    again = await submit(services, client, submit_order(call=2))
    assert (again["state"], again["sends"]) == ("submitted", ["accepted"])


@pytest.mark.parametrize("code", ["provider_auth_failed", "provider_quota_exhausted", "missing_api_key"])
async def test_what_cannot_succeed_is_not_tried_again(services: Any, client: Any, generator: FakeGenerator, code: str) -> None:
    generator.on_submit = [ProviderError(Problem(code, params={"provider": "Fake"}))]
    answer = await submit(services, client, submit_order())

    assert (answer["state"], answer["sends"]) == ("failed", ["refused"])
    assert (answer["problem"]["code"], answer["problem"]["charged"]) == (code, "no")
    assert services.gates.look("fake").document["active"] == {}


async def test_a_failed_verdict_is_told_again_after_the_key_was_mended(
    services: Any, client: Any, generator: FakeGenerator
) -> None:
    generator.on_submit = [ProviderError(Problem("provider_auth_failed", params={"provider": "Fake"}))]
    first = await submit(services, client, submit_order())

    assert await submit(services, client, submit_order()) == first
    assert await submit(services, client, submit_order(call=2)) == first
    assert len(generator.submitted) == 1


async def test_a_key_that_no_header_can_hold_sends_nothing_and_charges_nothing(services: Any, client: Any) -> None:
    class Unsendable(FakeGenerator):
        def require_key(self) -> None:
            params = {"provider": "Fake", "setting": "FAKE_KEY"}
            raise ProviderError(Problem("provider_auth_failed", charged="no", params=params))

    services.generators["fake"] = bad = Unsendable()
    answer = await submit(services, client, submit_order())

    assert (answer["state"], answer["sends"], bad.submitted) == ("failed", ["refused"], [])
    problem = answer["problem"]
    assert (problem["code"], problem["charged"], problem["params"]["setting"]) == ("provider_auth_failed", "no", "FAKE_KEY")


# ---- jobs that nobody wants any more ----


async def test_a_canceled_job_is_never_sent(services: Any, client: Any, generator: FakeGenerator) -> None:
    cancel_job(services)
    answer = await submit(services, client, submit_order())

    # The intent was on record before the job was read, so that says that nothing was sent.
    assert (answer, generator.submitted) == ({"state": "canceled", "sends": ["refused"]}, [])
    assert record(services)["state"] == "canceled"
    assert services.gates.look("fake").document["active"] == {}


async def test_a_job_that_is_gone_is_never_sent(services: Any, client: Any, generator: FakeGenerator) -> None:
    answer = await submit(services, client, submit_order(job_id="job_gone"))

    assert (answer["state"], generator.submitted) == ("canceled", [])


@pytest.mark.parametrize("status", ["failed", "succeeded", "canceled"])
async def test_a_job_that_has_ended_is_never_sent(services: Any, client: Any, generator: FakeGenerator, status: str) -> None:
    generator.on_submit = [REFUSED]
    await submit(services, client, submit_order())
    services.jobs.update("job_1", lambda job: job | {"status": status})

    answer = await submit(services, client, submit_order(call=2))
    assert (answer["state"], answer["sends"], len(generator.submitted)) == ("canceled", ["refused"], 1)


async def test_a_cancel_that_comes_between_the_intent_and_the_send_is_seen(clock: Clock, client: Any) -> None:
    class Slow(FakeBlobs):
        def create_document(self, name: str, *rest: Any) -> str:
            etag = super().create_document(name, *rest)
            if name == RECORD:
                cancel_job(services)
            return etag

    services: Any = make_services(generator := FakeGenerator(), clock, blobs=Slow())
    services.blobs.put_image("in.png", b"image", "image/png")
    make_job(services)
    answer = await submit(services, client, submit_order())

    assert (answer["state"], generator.submitted) == ("canceled", [])


async def test_what_the_story_has_given_up_is_put_on_record_so_that_a_late_run_sends_nothing(
    services: Any, client: Any, generator: FakeGenerator
) -> None:
    problem = Problem("generation_timeout").to_payload()
    answer = await submit(services, client, submit_order(call=3, is_over=True, over_problem=problem))
    late = await submit(services, client, submit_order(call=2))

    assert (answer["state"], answer["sends"]) == ("failed", [])
    assert (late, generator.submitted) == (answer, [])


async def test_a_late_run_after_a_cancel_sends_nothing(services: Any, client: Any, generator: FakeGenerator) -> None:
    generator.on_submit = [REFUSED]
    await submit(services, client, submit_order())
    assert (await submit(services, client, submit_order(call=2, is_over=True)))["state"] == "canceled"

    assert (await submit(services, client, submit_order(call=2)))["state"] == "canceled"
    assert len(generator.submitted) == 1


async def test_a_prediction_on_record_is_not_forgotten_because_its_job_was_canceled(services: Any, client: Any) -> None:
    first = await submit(services, client, submit_order())
    cancel_job(services)
    again = await submit(services, client, submit_order(is_over=True))

    assert (again["state"], first["state"]) == ("submitted", "submitted")
    assert (again["handle"], again["is_wanted"], first["is_wanted"]) == (first["handle"], False, True)


async def test_a_deleted_job_without_images_is_cleared_up(services: Any, client: Any, generator: FakeGenerator) -> None:
    cancel_job(services)
    services.blobs.delete_all("images", "")

    assert (await submit(services, client, submit_order()))["state"] == "canceled"
    assert generator.submitted == []


# ---- runs beside each other ----


async def test_a_run_that_stood_still_before_its_call_does_not_send(client: Any, clock: Clock) -> None:
    class StandsStill(FakeGenerator):
        def require_key(self) -> None:
            clock.pass_(SEND_WITHIN.total_seconds() + 1)

    services: Any = make_services(generator := StandsStill(), clock)
    services.blobs.put_image("in.png", b"image", "image/png")
    make_job(services)
    answer = await submit(services, client, submit_order())

    assert (answer["state"], answer["sends"], generator.submitted) == ("again", ["refused"], [])
    # It says that there was none, so that nobody looks for it in vain.
    assert record(services)["send_states"] == ["refused"]


async def test_of_two_runs_at_once_that_both_send_the_later_ones_word_stands_and_both_say_so(client: Any, clock: Clock) -> None:
    """The first stands still inside its call for so long that it is taken for dead."""

    class StandsStill(FakeGenerator):
        def submit(self, order: Any, *, timeout_seconds: int) -> Handle:
            handle = super().submit(order, timeout_seconds=timeout_seconds)
            if len(self.submitted) == 1:
                clock.pass_(90)
                answers.append(asyncio.run(submit(services, client, submit_order(may_be_sent=True))))
            return handle

    services: Any = make_services(generator := StandsStill(can_find=False), clock)
    services.blobs.put_image("in.png", b"image", "image/png")
    make_job(services)
    answers: list[Any] = []
    answers.append(await submit(services, client, submit_order()))

    assert len(generator.submitted) == 2
    assert [(answer["state"], answer["sends"]) for answer in answers] == [
        ("submitted", ["open", "accepted"]), ("again", ["open", "accepted"]),
    ]  # fmt: skip
    assert (answers[0]["handle"]["id"], generator.canceled) == ("p-2", ["p-1"])


async def test_what_is_made_for_a_job_that_was_forgotten_meanwhile_is_stopped_and_leaves_nothing(
    client: Any, clock: Clock
) -> None:
    class StandsStill(FakeGenerator):
        def submit(self, order: Any, *, timeout_seconds: int) -> Handle:
            services.jobs.delete("job_1")
            return super().submit(order, timeout_seconds=timeout_seconds)

    services: Any = make_services(generator := StandsStill(), clock)
    services.blobs.put_image("in.png", b"image", "image/png")
    make_job(services)

    assert (await submit(services, client, submit_order()))["state"] == "canceled"
    assert generator.canceled == ["p-1"]
    assert not [name for name in services.blobs.documents if "job_1" in name or "p-1" in name]


class Unwilling(FakeBlobs):
    """Storage that does not write some documents."""

    refuses: str | None = None

    def replace_document(self, name: str, *rest: Any) -> str:
        if self.refuses and self.refuses in name:
            raise ServiceRequestError("storage away")
        return super().replace_document(name, *rest)


async def test_a_handle_that_storage_would_not_keep_is_still_told(client: Any, clock: Clock) -> None:
    services: Any = make_services(clock=clock, blobs=Unwilling())
    services.blobs.put_image("in.png", b"image", "image/png")
    make_job(services)
    services.blobs.refuses = "submission"
    answer = await submit(services, client, submit_order())

    assert answer["state"] == "submitted"
    assert (answer["handle"]["id"], answer["sends"]) == ("p-1", ["accepted"])


# ---- told again ----


async def test_the_age_of_a_prediction_is_told_from_its_submit_on(services: Any, client: Any, clock: Clock) -> None:
    await submit(services, client, submit_order())
    clock.pass_(75)
    answer = await submit(services, client, submit_order(may_be_sent=True))

    assert answer["state"] == "submitted"
    assert answer["age_seconds"] == 75.0


async def test_what_is_on_record_needs_no_slot(clock: Clock, client: Any) -> None:
    services: Any = make_services(FakeGenerator(), clock, slots=1)
    services.blobs.put_image("in.png", b"image", "image/png")
    make_job(services)
    first = await submit(services, client, submit_order())
    services.gates.change("fake", lambda gate: gate.leave("job_1/0", "ok"))
    services.gates.change("fake", lambda gate: gate.enter("job_2/0", "job_2", "slot-1"))

    assert (await submit(services, client, submit_order(may_be_sent=True)))["state"] == first["state"] == "submitted"


async def test_what_a_picture_usually_takes_is_told_with_its_prediction(services: Any, client: Any, clock: Clock) -> None:
    first = await submit(services, client, submit_order())
    clock.pass_(12)
    services.gates.change("fake", lambda gate: gate.leave("job_1/0", "ok"))
    make_job(services, "job_2")
    second = await submit(services, client, submit_order(job_id="job_2"))

    assert first["state"] == second["state"] == "submitted"
    assert (first["expected_seconds"], second["expected_seconds"]) == (None, 12.0)


@given(st.lists(st.sampled_from(["killed", "lost", "refused", "ok"]), max_size=8))
async def test_whatever_happens_one_intent_is_sent_twice_at_most_and_never_silently(fates: list[str]) -> None:
    """Each run of the activity meets a fate; refusals send nothing that counts."""
    clock, generator, client = Clock(), FakeGenerator(), Client()
    services: Any = make_services(generator, clock)
    services.blobs.put_image("in.png", b"image", "image/png")
    make_job(services)
    taken = 0
    for call, fate in enumerate([*fates, "ok", "ok", "ok"], start=1):
        before = len(generator.submitted)
        generator.on_submit = [{"killed": Killed(), "lost": LOST, "refused": REFUSED, "ok": Handle("p", "u")}[fate]]
        answer: Any = None
        try:
            answer = await submit(services, client, submit_order(call=call, may_be_sent=call > 1))  # type: ignore[arg-type]
        except Killed:
            pass
        taken += len(generator.submitted) > before and fate != "refused"
        clock.pass_(90)

    assert taken <= MAX_SENDS
    states = answer["sends"]
    assert len([state for state in states if state != "refused"]) == taken
    if answer["state"] == "submitted":
        assert states == ["open", "accepted"][-taken:]


async def test_what_goes_within_a_request_is_encoded_before_the_intent(
    services: Any, client: Any, generator: FakeGenerator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The longer a host is between its intent and its call, the more die there and leave a send of which nobody knows."""
    recorded = []

    def encoded(data: bytes) -> bytes:
        recorded.append(services.blobs.read_document(RECORD))
        return data + b", small"

    monkeypatch.setattr("activities.submit_prediction.for_inline", encoded)
    await submit(services, client, submit_order())
    assert recorded == [None], "once, and with nothing on record"
    assert generator.submitted[0].images == (b"image, small",)
