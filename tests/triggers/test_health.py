"""Health and readiness, and what a form may offer."""

import asyncio
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import azure.functions as func
import pytest
from azure.core.exceptions import ServiceRequestError

from shared.domain.gate import BREAKER_FAILURES, BREAKER_SECONDS, Gate
from shared.domain.problem import Problem
from shared.providers.provider import ProviderError
from tests.fakes import HUB_TROUBLE
from tests.patience import PATIENCE
from tests.triggers.calls import (
    FakeHub,
    body,
    raw,
    request,
    settings,
    user,
)
from triggers import health, options


async def test_options_name_presets_limits_and_generators(app: Any) -> None:
    answer = body(await raw(options.get_options)(req=request()))

    assert answer["n"] == {"min": 1, "max": 4, "default": 1}
    assert [generator["kind"] for generator in answer["generators"]] == ["ppl", "goods"]
    assert all(preset["name"]["ko"] for preset in answer["presets"])


async def test_health_is_200_while_the_process_lives(app: Any) -> None:
    assert body(await raw(health.health)(req=request())) == {"status": "ok"}


@pytest.fixture
def readiness(app: Any, monkeypatch: Any) -> Any:
    monkeypatch.setattr(health, "_checks", health.Checks())
    app.blobs.check = lambda: None

    async def ready(hub: FakeHub) -> func.HttpResponse:
        return await user(health.health_ready)(req=request(), client=hub)

    return ready


async def test_ready_when_every_part_is(app: Any, hub: FakeHub, readiness: Any) -> None:
    answer = await readiness(hub)

    assert (answer.status_code, body(answer)["status"]) == (200, "ready")
    assert await readiness(hub), "the second answer uses the account checks of the first"


async def test_it_says_what_the_memory_allows(app: Any, hub: FakeHub, readiness: Any) -> None:
    told = body(await readiness(hub))["checks"]["images"]
    assert (told["status"], told["heic"]) == ("ok", True)
    assert (told["max_megapixels"]["image/jpeg"], told["max_megapixels"]["image/webp"]) == (40.0, 19.4)

    app.settings = replace(app.settings, decode_memory_mb=150)
    assert body(await readiness(hub))["checks"]["images"]["max_megapixels"]["image/webp"] == 5.9


async def test_a_host_that_cannot_read_heic_is_ready_and_says_so(hub: FakeHub, readiness: Any, monkeypatch: Any) -> None:
    monkeypatch.setitem(sys.modules, "pi_heif", None)
    answer = await readiness(hub)

    assert (answer.status_code, body(answer)["checks"]["images"]["status"]) == (200, "degraded")


@pytest.mark.parametrize(
    ("code", "status", "told"),
    [
        ("provider_auth_failed", 503, "failed"),
        ("provider_quota_exhausted", 503, "failed"),
        ("provider_unavailable", 200, "degraded"),
    ],
)
async def test_ready_names_what_stands_in_the_way(
    app: Any, hub: FakeHub, readiness: Any, generator: Any, monkeypatch: Any, code: str, status: int, told: str
) -> None:
    def refuse() -> None:
        raise ProviderError(Problem(code))

    monkeypatch.setattr(generator, "check_account", refuse)
    answer = await readiness(hub)

    assert (answer.status_code, body(answer)["checks"]["provider_fake"]["status"]) == (status, told)


async def test_a_provider_that_fails_every_picture_is_told_without_asking_it(
    app: Any, hub: FakeHub, readiness: Any, clock: Any, moment: "Moment"
) -> None:
    async def told() -> Any:
        moment.now += 60
        answer = await readiness(hub)
        assert answer.status_code == 200, "waiting jobs outlast it"
        return body(answer)["checks"]["provider_fake"]

    def gate(operation: Callable[[Gate], Any]) -> None:
        app.gates.change("fake", operation)

    gate(lambda gate: gate.enter("job_0/0", "i", "e"))
    for _ in range(BREAKER_FAILURES):
        assert await told() == {"status": "ok"}
        gate(lambda gate: gate.note_failure("job_0/0"))
    down = {"status": "degraded", "code": "provider_unavailable"}
    assert await told() == down
    # It is tried again: nothing is known to be better before that has ended. What nobody tries is not said to be down.
    clock.pass_by(seconds=BREAKER_SECONDS + 1)
    assert await told() == down
    gate(lambda gate: gate.leave("job_0/0", None))
    assert await told() == {"status": "ok"}


async def test_an_upload_of_which_two_are_more_than_the_host_takes_is_named(app: Any, hub: FakeHub, readiness: Any) -> None:
    settings(app, MAX_UPLOAD_BYTES="60000000")
    answer = await readiness(hub)

    assert answer.status_code == 503
    assert list(body(answer)["checks"]["settings"]["problems"]) == ["MAX_UPLOAD_BYTES"]


async def test_the_hosts_account_which_holds_the_gates_is_looked_at_too(app: Any, hub: FakeHub, readiness: Any) -> None:
    def away() -> None:
        raise ServiceRequestError("away")

    app.blobs.check = lambda: None
    app.__dict__["host_blobs"] = SimpleNamespace(check=away)

    assert body(await readiness(hub))["checks"]["storage"] == {"status": "failed", "reason": "ServiceRequestError"}


async def test_not_ready_without_storage_settings_or_hub(app: Any, hub: FakeHub, readiness: Any, monkeypatch: Any) -> None:
    def away() -> None:
        raise ServiceRequestError("away")

    async def no_hub(instance_id: str) -> None:
        raise OSError

    app.blobs.check = away
    settings(app, RETENTION_DAYS="soon")
    monkeypatch.setattr(hub, "get_status", no_hub)
    checks = body(await readiness(hub))["checks"]

    assert [checks[part]["status"] for part in ("settings", "storage", "task_hub")] == ["failed"] * 3
    assert checks["task_hub"]["reason"] == "OSError", "what its client raised"

    monkeypatch.undo()
    monkeypatch.setattr(health, "_checks", health.Checks())
    hub.statuses["health-probe"] = HUB_TROUBLE
    assert body(await readiness(hub))["checks"]["task_hub"] == {"status": "failed", "reason": "TaskHubUnavailable"}
    settings(app, RETENTION_DAYS="soon")
    checks = body(await readiness(hub))["checks"]
    assert "RETENTION_DAYS" in checks["settings"]["problems"]


# ---- what anybody may ask costs nothing ----


@pytest.fixture
def asked(app: Any, hub: FakeHub, readiness: Any, generator: Any, monkeypatch: Any) -> dict[str, int]:
    """How often each part was looked at."""
    counts = {"storage": 0, "task_hub": 0, "provider": 0}

    def counted(part: str, error: Exception | None = None) -> None:
        counts[part] += 1
        if error:
            raise error

    async def status(instance_id: str) -> Any:
        counted("task_hub")
        raise OSError

    app.blobs.check = lambda: counted("storage", ServiceRequestError("away"))
    monkeypatch.setattr(hub, "get_status", status)
    monkeypatch.setattr(generator, "check_account", lambda: counted("provider", ProviderError(Problem("provider_auth_failed"))))
    return counts


async def test_what_failed_is_not_looked_at_by_every_probe(hub: FakeHub, readiness: Any, asked: dict[str, int]) -> None:
    answers = [await readiness(hub) for _ in range(20)]

    assert {answer.status_code for answer in answers} == {503}
    assert asked == {"storage": 1, "task_hub": 1, "provider": 1}


async def test_probes_at_one_moment_share_one_look(hub: FakeHub, readiness: Any, asked: dict[str, int]) -> None:
    await asyncio.gather(*(readiness(hub) for _ in range(20)))

    assert asked == {"storage": 1, "task_hub": 1, "provider": 1}


@pytest.mark.parametrize(("seconds", "looks"), [(4.9, (1, 1)), (5.1, (2, 1)), (14.9, (2, 1)), (15.1, (2, 2))])
async def test_what_was_mended_shows_soon(
    hub: FakeHub, readiness: Any, asked: dict[str, int], monkeypatch: Any, seconds: float, looks: tuple[int, int]
) -> None:
    await readiness(hub)
    later = health.time.monotonic() + seconds
    monkeypatch.setattr(health, "time", SimpleNamespace(monotonic=lambda: later))
    await readiness(hub)

    assert (asked["storage"], asked["provider"]) == looks


async def test_a_provider_that_works_is_asked_once_a_minute(
    hub: FakeHub, readiness: Any, generator: Any, monkeypatch: Any
) -> None:
    looks: list[None] = []
    monkeypatch.setattr(generator, "check_account", lambda: looks.append(None))
    began = health.time.monotonic()
    for seconds, expected in ((0.0, 1), (59.0, 1), (61.0, 2)):
        monkeypatch.setattr(health, "time", SimpleNamespace(monotonic=lambda at=began + seconds: at))
        await readiness(hub)
        assert len(looks) == expected


# ---- parts that give no answer ----


class Silence:
    """What blocks a thread until it is broken."""

    def __init__(self) -> None:
        self.looks = 0
        self.is_over = threading.Event()

    def __call__(self) -> None:
        self.looks += 1
        assert self.is_over.wait(2 * PATIENCE)


class Moment:
    """health's clock, which stands until it is moved on."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def silence(monkeypatch: Any) -> Iterator[Silence]:
    made = Silence()
    # What does answer does so within this time on a busy machine too.
    monkeypatch.setattr(health, "_CHECK_SECONDS", 1.0)
    yield made
    made.is_over.set()


@pytest.fixture
def moment(monkeypatch: Any) -> Moment:
    made = Moment()
    monkeypatch.setattr(health, "time", made)
    return made


async def until_looked(part: str) -> None:
    """The look at a part that is under way has ended."""
    await asyncio.wait_for(asyncio.gather(health._checks._looks[part]), PATIENCE)


async def test_storage_that_does_not_answer_does_not_hold_the_probe(
    app: Any, hub: FakeHub, readiness: Any, silence: Silence
) -> None:
    app.blobs.check = silence

    assert body(await readiness(hub))["checks"]["storage"] == {"status": "failed", "reason": "no answer"}


async def test_a_provider_that_does_not_answer_does_not_hold_the_probe(
    app: Any, hub: FakeHub, readiness: Any, generator: Any, silence: Silence, monkeypatch: Any
) -> None:
    monkeypatch.setattr(generator, "check_account", silence)
    answer = await readiness(hub)

    assert answer.status_code == 200, "waiting jobs outlast it"
    told = {"status": "degraded", "reason": "no answer", "setting": generator.secret_name}
    assert body(answer)["checks"]["provider_fake"] == told


async def test_a_hub_that_does_not_answer_does_not_hold_the_probe(
    app: Any, hub: FakeHub, readiness: Any, silence: Silence, monkeypatch: Any
) -> None:
    ended = asyncio.Event()

    async def status(instance_id: str) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    monkeypatch.setattr(hub, "get_status", status)
    assert body(await readiness(hub))["checks"]["task_hub"] == {"status": "failed", "reason": "no answer"}
    await asyncio.wait_for(ended.wait(), PATIENCE)


async def test_a_part_that_gives_no_answer_holds_one_thread_however_often_it_is_asked_for(
    app: Any, hub: FakeHub, readiness: Any, generator: Any, silence: Silence, moment: Moment, monkeypatch: Any
) -> None:
    app.blobs.check = silence
    monkeypatch.setattr(generator, "check_account", provider := Silence())
    try:
        for _ in range(3):
            checks = [body(answer)["checks"] for answer in await asyncio.gather(*(readiness(hub) for _ in range(4)))]
            assert {check["storage"]["status"] for check in checks} == {"failed"}
            moment.now += 60
        assert (silence.looks, provider.looks) == (1, 1)
    finally:
        provider.is_over.set()


async def test_a_part_that_gave_no_answer_is_told_at_once_for_a_while(
    app: Any, hub: FakeHub, readiness: Any, silence: Silence, moment: Moment, monkeypatch: Any
) -> None:
    app.blobs.check = silence
    await readiness(hub)
    # Whoever waited now would wait for an hour.
    monkeypatch.setattr(health, "_CHECK_SECONDS", 3600.0)
    for seconds in (0.0, health._CHECK_EVERY_SECONDS - 0.1):
        moment.now = 1000.0 + seconds
        assert body(await asyncio.wait_for(readiness(hub), PATIENCE))["checks"]["storage"]["status"] == "failed"


async def test_what_comes_late_is_told_all_the_same(
    app: Any, hub: FakeHub, readiness: Any, generator: Any, silence: Silence, moment: Moment, monkeypatch: Any
) -> None:
    def refuse() -> None:
        silence()
        raise ProviderError(Problem("provider_auth_failed"))

    monkeypatch.setattr(generator, "check_account", refuse)
    assert (await readiness(hub)).status_code == 200
    silence.is_over.set()
    await until_looked("provider_fake")

    answer = await readiness(hub)
    assert (answer.status_code, body(answer)["checks"]["provider_fake"]["code"]) == (503, "provider_auth_failed")
    assert silence.looks == 1


@pytest.mark.parametrize("part", ["storage", "provider"])
async def test_what_a_look_says_counts_from_when_it_ended(
    app: Any, hub: FakeHub, readiness: Any, asked: dict[str, int], moment: Moment, generator: Any, monkeypatch: Any, part: str
) -> None:
    quick = {"storage": app.blobs.check, "provider": generator.check_account}[part]

    def slowly() -> None:
        moment.now += 3600
        quick()

    if part == "storage":
        app.blobs.check = slowly
    else:
        monkeypatch.setattr(generator, "check_account", slowly)
    for _ in range(5):
        await readiness(hub)
    assert asked[part] == 1


async def test_a_look_that_fails_itself_is_made_again(hub: FakeHub) -> None:
    checks, looks = health.Checks(), []

    async def look() -> health.Check:
        looks.append(None)
        if len(looks) == 1:
            raise ZeroDivisionError
        return {"status": "ok"}

    with pytest.raises(ZeroDivisionError):
        await checks.told("part", look, lambda check: 5.0, {"status": "failed"})
    assert await checks.told("part", look, lambda check: 5.0, {"status": "failed"}) == {"status": "ok"}
