"""Asking for a slot and giving it back: who is told, who is found dead, who is sent away."""

from datetime import UTC, datetime
from typing import Any

import pytest

from activities import enter_gate, keep_leftover, leave_gate
from shared import intake
from shared.domain import gate as rules
from shared.domain.job import given_up
from shared.domain.problem import Problem, timed_out
from shared.providers.generator import ProviderError
from tests.fakes import HUB_TROUBLE, NO_INSTANCE, FakeGenerator, instance_status, make_job, make_services

ASK = {"generator": "fake", "index": 0, "event": "slot-1", "failed": False, "may_wait_when_down": True}


class Client:
    """A durable client: remembers the events, and tells of instances what `statuses` say."""

    def __init__(self) -> None:
        self.events: list[tuple[str, str]] = []
        self.statuses: dict[str, Any] = {}
        self.is_away = False

    async def raise_event(self, instance: str, event: str, data: Any) -> None:
        if self.is_away:
            raise RuntimeError("hub away")
        self.events.append((instance, event))

    async def get_status(self, instance: str) -> Any:
        if self.is_away:
            raise RuntimeError("hub away")
        return self.statuses.get(instance, instance_status("Running"))


@pytest.fixture
def clock() -> list[float]:
    return [1_000.0]


@pytest.fixture
def generator() -> FakeGenerator:
    return FakeGenerator()


@pytest.fixture
def services(generator: FakeGenerator, clock: list[float]) -> Any:
    made = make_services(generator)
    made.gates._clock = lambda: clock[0]
    made.gates._limits["fake"] = 1
    for job_id in "abcwl":
        make_job(made, job_id)
    return made


@pytest.fixture
def client() -> Client:
    return Client()


async def enter(services: Any, client: Client, job: str, **changes: Any) -> dict[str, Any]:
    return await enter_gate.enter(services, client, ASK | {"job_id": job, "instance": job} | changes)  # type: ignore[arg-type]


async def leave(services: Any, client: Client, job: str, outcome: str | None = "ok") -> dict[str, Any]:
    payload = {"job_id": job, "index": 0, "generator": "fake", "outcome": outcome}
    return await leave_gate.leave(services, client, payload)  # type: ignore[arg-type]


async def test_the_next_in_line_is_told_when_a_slot_is_given_back(services: Any, client: Client) -> None:
    assert await enter(services, client, "a") == {"state": "granted", "expected_seconds": 10}
    waiting = await enter(services, client, "b")
    assert (waiting["state"], waiting["position"]) == ("waiting", 1)
    assert 15 <= waiting["look_again_seconds"] <= 60

    assert await leave(services, client, "a") == {"woken": 1}
    assert client.events == [("b", "slot-1")]
    assert (await enter(services, client, "b"))["state"] == "granted"


async def test_a_hub_that_is_away_fails_nobody(services: Any, client: Client, clock: list[float]) -> None:
    await enter(services, client, "a")
    await enter(services, client, "b")
    client.is_away = True
    clock[0] += rules.VERIFY_ACTIVE_SECONDS + 1
    assert (await enter(services, client, "c"))["state"] == "waiting"
    await leave(services, client, "a")
    assert (await enter(services, client, "b"))["state"] == "granted"


@pytest.mark.parametrize("runtime", ["Terminated", "Failed", "Completed", None])
async def test_the_slot_of_a_dead_job_goes_to_the_next(
    services: Any, client: Client, clock: list[float], runtime: str | None
) -> None:
    await enter(services, client, "a")
    await enter(services, client, "b")
    client.statuses["a"] = instance_status(runtime) if runtime else NO_INSTANCE
    clock[0] += rules.VERIFY_ACTIVE_SECONDS + 1
    await enter(services, client, "b")
    assert (await enter(services, client, "b"))["state"] == "granted"


async def test_trouble_of_the_hub_takes_no_slot_from_a_living_job(services: Any, client: Client, clock: list[float]) -> None:
    await enter(services, client, "a")
    await enter(services, client, "b")
    client.statuses["a"] = HUB_TROUBLE
    clock[0] += rules.VERIFY_ACTIVE_SECONDS + 1

    assert (await enter(services, client, "b"))["state"] == "waiting"
    assert set(services.gates.look("fake").document["active"]) == {"a/0"}


async def test_who_was_canceled_before_it_could_be_woken_finds_out_in_line(services: Any, client: Client) -> None:
    await enter(services, client, "a")
    services.jobs.update("b", lambda job: job | {"cancel_requested_at": "2026-01-01T00:00:00+00:00"})

    assert await enter(services, client, "b") == {"state": "canceled"}
    assert services.gates.look("fake").document["waiting"] == {}


async def test_when_the_provider_is_down_a_job_waits_or_leaves_as_it_is_set(services: Any, client: Client) -> None:
    for n in range(rules.BREAKER_FAILURES):
        await enter(services, client, f"f{n}")
        await leave(services, client, f"f{n}", "failed")

    waiting = await enter(services, client, "w")
    assert (waiting["state"], waiting["problem"]["code"]) == ("waiting", "provider_unavailable")
    closed = await enter(services, client, "l", may_wait_when_down=False)
    assert (closed["state"], closed["problem"]["code"], closed["problem"]["charged"]) == ("closed", "provider_unavailable", "no")
    assert set(services.gates.look("fake").document["waiting"]) == {"w/0"}


async def test_no_credit_sends_everybody_away_until_the_balance_check_passes(
    services: Any, client: Client, generator: FakeGenerator, clock: list[float]
) -> None:
    intake.stop(services, generator, "provider_quota_exhausted")  # type: ignore[arg-type]
    assert (await enter(services, client, "a"))["problem"]["code"] == "provider_quota_exhausted"
    refused = intake.refusal(services, generator)  # type: ignore[arg-type]
    assert refused is not None
    assert refused.code == "provider_quota_exhausted"

    def empty() -> None:
        raise ProviderError(Problem("provider_quota_exhausted"))

    generator.check_account = empty  # type: ignore[method-assign]
    clock[0] += rules.BALANCE_CHECK_SECONDS
    assert intake.refusal(services, generator) is not None  # type: ignore[arg-type]
    del generator.check_account
    clock[0] += rules.BALANCE_CHECK_SECONDS
    assert intake.refusal(services, generator) is None  # type: ignore[arg-type]
    assert (await enter(services, client, "a"))["state"] == "granted"


async def test_a_paused_provider_takes_in_nothing_and_serves_those_who_wait(services: Any, client: Client) -> None:
    await enter(services, client, "a")
    services.gates.change("fake", lambda gate: gate.document.update(paused={"reason": "maintenance"}))
    refused = intake.refusal(services, services.generators["fake"])
    assert refused is not None
    assert (refused.code, refused.charged) == ("intake_paused", "no")
    await leave(services, client, "a")
    assert (await enter(services, client, "b"))["state"] == "granted"


# ---- leftovers ----

STORED = {"state": "stored", "output": {"index": 0, "blob": "late.png"}, "ready_at": "2026-01-01T00:03:00+00:00"}


def ended(services: Any, **changes: Any) -> None:
    error = timed_out(120, "unknown").to_payload()
    charges = {"0": "unknown"} if changes.get("status", "failed") == "failed" else {}
    make_job(services, "job_1", **{"status": "failed", "error": error, "settled_cost_usd": 0.0, "charges": charges, **changes})


def kept(services: Any, look: dict[str, Any], index: int = 0) -> dict[str, Any]:
    payload = {"job_id": "job_1", "index": index, "generator": "fake", "look": look}
    keep_leftover.keep(services, payload)
    keep_leftover.keep(services, payload)
    return dict(services.jobs.read("job_1"))


def test_a_late_picture_is_added_once_and_the_job_stays_as_it_ended(services: Any) -> None:
    ended(services)
    job = kept(services, STORED)

    assert (job["status"], job["outputs"], job["error"]["charged"]) == ("failed", [STORED["output"]], "yes")
    assert job["usage"] == {"cost_usd": 0.08, "estimated": True}


def test_a_canceled_job_gets_its_late_picture_too(services: Any) -> None:
    ended(services, status="canceled", error=None)
    job = kept(services, STORED)

    assert (job["status"], len(job["outputs"]), job["error"], job["usage"]["cost_usd"]) == ("canceled", 1, None, 0.08)


def test_a_leftover_that_failed_costs_what_its_provider_says(services: Any) -> None:
    ended(services)
    job = kept(
        services, {"state": "failed", "problem": Problem("provider_unavailable", charged="no").to_payload(), "resubmits": 0}
    )

    assert (job["outputs"], job["error"]["charged"], job["usage"]["cost_usd"]) == ([], "no", 0.0)


def test_what_the_end_of_the_job_has_counted_is_not_counted_again(services: Any) -> None:
    ended(services, settled_cost_usd=0.08, charges={"0": "yes"})
    job = kept(services, STORED)

    assert (len(job["outputs"]), job["error"]["charged"], job["usage"]["cost_usd"]) == (1, "yes", 0.08)


def test_the_error_of_several_pictures_tells_of_those_that_are_missing(services: Any) -> None:
    free = {"state": "failed", "problem": Problem("content_moderated", charged="no").to_payload(), "resubmits": 0}
    ended(services, charges={"0": "unknown", "1": "unknown"})
    assert kept(services, STORED)["error"]["charged"] == "unknown"
    job = kept(services, free, index=1)

    assert (job["error"]["charged"], job["usage"]["cost_usd"], len(job["outputs"])) == ("no", 0.08, 1)


def test_a_late_picture_of_a_job_that_was_given_up_is_kept(services: Any) -> None:
    job = make_job(services, "job_1")
    services.jobs.update("job_1", lambda document: given_up(job, datetime.now(UTC), progress=30, retention_days=30))
    late = kept(services, STORED)

    assert (late["status"], len(late["outputs"]), late["error"]["charged"]) == ("failed", 1, "yes")


def test_a_leftover_of_a_deleted_job_ends_quietly(services: Any) -> None:
    assert keep_leftover.keep(services, {"job_id": "gone", "index": 0, "generator": "fake", "look": STORED}) == {
        "state": "stored"
    }


def test_what_is_known_to_be_paid_is_not_forgotten_with_a_late_look(services: Any) -> None:
    make_job(
        services, status="failed", error=Problem("provider_unavailable", charged="yes").to_payload(), charges={"0": "yes"},
        settled_cost_usd=0.08, usage={"cost_usd": 0.08, "estimated": True},
    )  # fmt: skip
    gone = {"state": "failed", "problem": Problem("provider_unavailable", charged="unknown").to_payload(), "resubmits": 0}
    keep_leftover.keep(services, {"job_id": "job_1", "index": 0, "generator": "fake", "traceparent": None, "look": gone})

    job = services.jobs.read("job_1")
    assert (job["error"]["charged"], job["usage"]["cost_usd"]) == ("yes", 0.08)
