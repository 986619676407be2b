"""Health and readiness, and what a form may offer."""

import sys
from dataclasses import replace
from typing import Any

import azure.functions as func
import pytest
from azure.core.exceptions import ServiceRequestError

from shared.domain.problem import Problem
from shared.providers.provider import ProviderError
from tests.fakes import HUB_TROUBLE
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
    monkeypatch.setattr(health, "_account_checks", {})
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

    monkeypatch.undo()
    hub.statuses["health-probe"] = HUB_TROUBLE
    assert body(await readiness(hub))["checks"]["task_hub"] == {"status": "failed", "reason": "TaskHubUnavailable"}
    settings(app, RETENTION_DAYS="soon")
    checks = body(await readiness(hub))["checks"]
    assert "RETENTION_DAYS" in checks["settings"]["problems"]


async def test_storage_that_does_not_answer_does_not_hold_the_probe(
    app: Any, hub: FakeHub, readiness: Any, monkeypatch: Any
) -> None:
    import threading

    release = threading.Event()
    app.blobs.check = lambda: release.wait(5)
    monkeypatch.setattr(health, "_CHECK_SECONDS", 0.05)
    checks = body(await readiness(hub))["checks"]
    release.set()

    assert checks["storage"] == {"status": "failed", "reason": "no answer"}
