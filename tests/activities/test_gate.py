"""Asking for a slot with a submit and giving it back: who is told, who is found dead, who is sent away."""

from typing import Any

import pytest

from activities import leave_gate, submit_prediction
from shared import intake
from shared.domain import gate as rules
from shared.domain.problem import Problem
from shared.providers.provider import ProviderError
from shared.storage.documents import Documents
from shared.storage.gate_store import GateStore
from tests.activities.orders import Client, Clock, submit_order
from tests.fakes import HUB_TROUBLE, NO_INSTANCE, FakeGenerator, instance_status, make_job, make_services


class Poor(FakeGenerator):
    """Its credit is used up, or not."""

    is_poor = False

    def check_account(self) -> None:
        if self.is_poor:
            raise ProviderError(Problem("provider_quota_exhausted"))


@pytest.fixture
def generator() -> Poor:
    return Poor()


@pytest.fixture
def services(generator: Poor, clock: Clock) -> Any:
    """One slot, and jobs that want it."""
    made = make_services(generator, clock, slots=1)
    made.blobs.put_image("in.png", b"image", "image/png")
    for job_id in "abcwl":
        make_job(made, job_id)
    return made


async def ask(services: Any, client: Client, job: str, **changes: Any) -> Any:
    return await submit_prediction.submit(services, client, submit_order(job_id=job, **{"instance": job, **changes}))  # type: ignore[arg-type]


async def leave(services: Any, client: Client, job: str, outcome: Any = "ok", attempt: int = 1) -> Any:
    order: Any = {"job_id": job, "traceparent": None, "index": 0, "generator": "fake", "attempt": attempt, "outcome": outcome}
    return await leave_gate.leave(services, client, order)  # type: ignore[arg-type]


def active(services: Any) -> set[str]:
    return set(services.gates.look("fake").document["active"])


async def test_who_has_no_slot_sends_nothing_and_is_told_its_place(services: Any, client: Client, generator: Poor) -> None:
    assert (await ask(services, client, "a"))["state"] == "submitted"
    waiting = await ask(services, client, "b")

    assert (waiting["state"], waiting["position"], waiting["sends"], waiting["problem"]) == ("waiting", 1, [], None)
    assert 15 <= waiting["look_again_seconds"] <= 60
    assert len(generator.submitted) == 1
    assert services.blobs.read_document("jobs/b/submission-0-1.json") is None


async def test_a_call_that_comes_late_sends_nobody_away(services: Any, client: Client, generator: Poor) -> None:
    """Its story stands in line with a later one, which is told what is the matter."""
    await ask(services, client, "a")
    assert (await ask(services, client, "b", call=2))["state"] == "waiting"
    services.gates.change("fake", lambda gate: gate.stop("provider_quota_exhausted"))
    late = await ask(services, client, "b", call=1)

    assert (late["state"], len(generator.submitted)) == ("waiting", 1)
    assert "b/0" in services.gates.look("fake").document["waiting"]


async def test_the_next_in_line_is_told_when_a_slot_is_given_back(services: Any, client: Client) -> None:
    await ask(services, client, "a")
    await ask(services, client, "b")

    assert await leave(services, client, "a") == {"woken": 1}
    assert client.events == [("b", "slot-1")]
    assert (await ask(services, client, "b", call=2))["state"] == "submitted"


async def test_a_slot_is_never_held_for_an_attempt_that_makes_no_prediction(
    services: Any, client: Client, generator: Poor
) -> None:
    generator.on_submit = [ProviderError(Problem("provider_auth_failed", params={"provider": "Fake"}))]
    await ask(services, client, "a")

    assert active(services) == set()


async def test_a_refused_send_keeps_its_slot_for_the_next_try(services: Any, client: Client, generator: Poor) -> None:
    generator.on_submit = [ProviderError(Problem("provider_unavailable", params={"provider": "Fake"}), retry_after=9)]
    await ask(services, client, "a")

    assert (await ask(services, client, "b"))["state"] == "waiting"
    assert (await ask(services, client, "a", call=2))["state"] == "submitted"


async def test_a_hub_that_is_away_fails_nobody(services: Any, client: Client, clock: Clock) -> None:
    await ask(services, client, "a")
    await ask(services, client, "b")
    client.is_away = True
    clock.pass_(rules.VERIFY_ACTIVE_SECONDS + 1)
    assert (await ask(services, client, "c"))["state"] == "waiting"
    await leave(services, client, "a")
    assert (await ask(services, client, "b", call=2))["state"] == "submitted"


@pytest.mark.parametrize("runtime", ["Terminated", "Failed", "Completed", None])
async def test_the_slot_of_a_job_that_ended_goes_to_the_next(
    services: Any, client: Client, clock: Clock, runtime: str | None
) -> None:
    await ask(services, client, "a")
    services.jobs.update("a", lambda job: job | {"status": "failed", "pictures": []})
    await ask(services, client, "b")
    client.statuses["a"] = instance_status(runtime) if runtime else NO_INSTANCE
    clock.pass_(rules.VERIFY_ACTIVE_SECONDS + 1)
    await ask(services, client, "b", call=2)

    assert (await ask(services, client, "b", call=3))["state"] == "submitted"


async def test_the_slot_of_a_job_whose_story_died_is_kept_and_the_story_is_started_again(clock: Clock, client: Client) -> None:
    services: Any = make_services(Goods(), clock, slots=1)
    services.blobs.put_image("in.png", b"image", "image/png")
    for job_id in "ab":
        make_job(services, job_id, images={}, provider="bfl", created_at=clock().isoformat())
        await ask(services, client, job_id, generator="bfl")
    client.statuses["a"] = instance_status("Failed")
    clock.pass_(rules.VERIFY_ACTIVE_SECONDS + 1)

    assert (await ask(services, client, "b", generator="bfl", call=2))["state"] == "waiting"
    assert (client.started, services.jobs.read("a")["starts"]) == (["a"], 1)
    assert set(services.gates.look("bfl").document["active"]) == {"a/0"}


class Goods(FakeGenerator):
    name = "bfl"


async def test_a_living_child_of_a_terminated_job_keeps_its_slot(services: Any, client: Client, clock: Clock) -> None:
    await ask(services, client, "a", instance="a-0")
    await ask(services, client, "b")
    client.statuses |= {"a": instance_status("Terminated"), "a-0": instance_status("Running")}
    clock.pass_(rules.VERIFY_ACTIVE_SECONDS + 1)

    assert (await ask(services, client, "b", call=2))["state"] == "waiting"
    assert active(services) == {"a/0"}


async def test_a_child_that_has_told_its_story_holds_no_slot_while_its_job_goes_on(
    services: Any, client: Client, clock: Clock
) -> None:
    await ask(services, client, "a", instance="a-0")
    await ask(services, client, "b")
    client.statuses["a-0"] = instance_status("Completed")
    clock.pass_(rules.VERIFY_ACTIVE_SECONDS + 1)
    await ask(services, client, "b", call=2)

    assert (await ask(services, client, "b", call=3))["state"] == "submitted"


async def test_the_slot_of_a_child_that_died_is_kept_while_its_job_can_call_it_again(
    services: Any, client: Client, clock: Clock
) -> None:
    await ask(services, client, "a", instance="a-0")
    await ask(services, client, "b")
    client.statuses["a-0"] = instance_status("Failed")
    clock.pass_(rules.VERIFY_ACTIVE_SECONDS + 1)

    assert (await ask(services, client, "b", call=2))["state"] == "waiting"


async def test_trouble_of_the_hub_takes_no_slot_from_a_living_job(services: Any, client: Client, clock: Clock) -> None:
    await ask(services, client, "a")
    await ask(services, client, "b")
    client.statuses["a"] = HUB_TROUBLE
    clock.pass_(rules.VERIFY_ACTIVE_SECONDS + 1)

    assert (await ask(services, client, "b", call=2))["state"] == "waiting"
    assert active(services) == {"a/0"}


@pytest.mark.parametrize("is_down", [False, True])
async def test_who_was_canceled_before_it_could_be_woken_finds_out_in_line(services: Any, client: Client, is_down: bool) -> None:
    await ask(services, client, "a")
    if is_down:
        services.gates.change("fake", lambda gate: [gate.note_failure("a/0") for _ in range(rules.BREAKER_FAILURES)])
    services.jobs.update("b", lambda job: job | {"cancel_requested_at": "2026-01-01T00:00:00+00:00"})

    assert await ask(services, client, "b") == {"state": "canceled", "sends": []}
    assert services.gates.look("fake").document["waiting"] == {}


async def fail_often(services: Any, client: Client) -> None:
    """Until the provider is left alone."""
    for n in range(rules.BREAKER_FAILURES):
        make_job(services, f"f{n}")
        await ask(services, client, f"f{n}")
        await leave(services, client, f"f{n}", "failed")


async def test_when_the_provider_is_down_a_picture_waits_or_leaves_as_it_is_set(services: Any, client: Client) -> None:
    await fail_often(services, client)

    waiting = await ask(services, client, "w")
    assert (waiting["state"], waiting["problem"]["code"]) == ("waiting", "provider_unavailable")
    closed = await ask(services, client, "l", may_wait_when_down=False)
    assert (closed["state"], closed["problem"]["code"], closed["problem"]["charged"]) == ("failed", "provider_unavailable", "no")
    assert closed["sends"] == []
    assert set(services.gates.look("fake").document["waiting"]) == {"w/0"}


async def test_failures_that_are_told_with_the_next_try_leave_the_provider_alone(
    services: Any, client: Client, generator: Poor
) -> None:
    generator.on_submit = [ProviderError(Problem("provider_unavailable", params={"provider": "Fake"}), provider_failed=True)] * (
        rules.BREAKER_FAILURES + 1
    )
    answers = [await ask(services, client, "a", call=n + 1, has_failed=n > 0) for n in range(rules.BREAKER_FAILURES + 1)]

    assert [answer["state"] for answer in answers] == ["again"] * rules.BREAKER_FAILURES + ["waiting"]
    assert len(generator.submitted) == rules.BREAKER_FAILURES


async def test_a_lost_send_is_cleared_up_though_the_gate_is_shut(services: Any, client: Client, clock: Clock) -> None:
    first = await ask(services, client, "a")
    await leave(services, client, "a")
    await fail_often(services, client)

    again = await ask(services, client, "a", may_wait_when_down=False)
    assert (again["state"], again["handle"]) == ("submitted", first["handle"])


async def test_no_credit_sends_everybody_away_until_the_balance_check_passes(
    services: Any, client: Client, generator: Poor, clock: Clock
) -> None:
    generator.on_submit, generator.is_poor = [ProviderError(Problem("provider_quota_exhausted"))], True
    assert (await ask(services, client, "a"))["problem"]["code"] == "provider_quota_exhausted"
    assert (await ask(services, client, "b"))["problem"]["code"] == "provider_quota_exhausted"
    refused = intake.refusal(services, generator)
    assert refused is not None
    assert (refused.code, len(generator.submitted)) == ("provider_quota_exhausted", 1)

    clock.pass_(rules.BALANCE_CHECK_SECONDS)
    assert intake.refusal(services, generator) is not None
    generator.is_poor = False
    clock.pass_(rules.BALANCE_CHECK_SECONDS)
    assert intake.refusal(services, generator) is None
    assert (await ask(services, client, "c"))["state"] == "submitted"


async def test_a_paused_provider_takes_in_nothing_and_serves_those_who_wait(services: Any, client: Client) -> None:
    await ask(services, client, "a")
    services.gates.change("fake", lambda gate: gate.pause("maintenance"))
    refused = intake.refusal(services, services.generators["fake"])
    assert refused is not None
    assert (refused.code, refused.charged) == ("intake_paused", "no")
    await leave(services, client, "a")
    assert (await ask(services, client, "b"))["state"] == "submitted"


@pytest.mark.parametrize(
    ("shut", "opened"),
    [
        (lambda gate: gate.pause("maintenance"), lambda gate: gate.resume()),
        (lambda gate: gate.stop("provider_quota_exhausted"), lambda gate: gate.balance_checked(True)),
    ],
)
def test_what_an_operator_or_another_instance_opened_again_is_open_here_at_once(
    services: Any, generator: Poor, clock: Clock, shut: Any, opened: Any
) -> None:
    elsewhere = GateStore(Documents(services.blobs), {"fake": 1}, lambda: clock().timestamp())
    services.gates.change("fake", shut)
    assert intake.refusal(services, generator) is not None

    elsewhere.change("fake", opened)
    assert intake.refusal(services, generator) is None


async def test_what_comes_late_of_an_earlier_attempt_leaves_the_slot_of_a_later_one(services: Any, client: Client) -> None:
    assert (await ask(services, client, "a", attempt=2))["state"] == "submitted"
    await leave(services, client, "a", "failed", attempt=1)
    assert active(services) == {"a/0"}

    await leave(services, client, "a", attempt=2)
    assert active(services) == set()
