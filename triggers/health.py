"""GET /api/health while the process lives; GET /api/health/ready with a check per part."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import azure.durable_functions as df
import azure.functions as func
from azure.core.exceptions import AzureError

from shared import delivering, threads
from shared.domain.problem import Problem, ProblemError
from shared.intake import INTAKE_SECONDS
from shared.pictures.decoding import has_heif_decoder
from shared.pictures.limits import most_pixels
from shared.providers.provider import Provider, ProviderError
from shared.services import services
from shared.storage.account import StorageNotConfigured
from shared.task_hub import TaskHubUnavailable, find_instance, reason
from triggers.edge import endpoint, json_response, problem_response

blueprint = df.Blueprint()

#: Probes come every few seconds from several places, and anybody may ask: providers are asked once a minute, or soon again where
#: they refused, so that a mended key shows; storage and hub every few seconds.
_ACCOUNT_CHECK_SECONDS = 60.0
FAILED_CHECK_SECONDS = 15.0
_CHECK_EVERY_SECONDS = 5.0
#: A probe wants an answer, also while a part does not give one.
_CHECK_SECONDS = 5.0

Check = dict[str, Any]
_SILENT: Check = {"status": "failed", "reason": "no answer"}
#: Of a part that no picture needs.
_UNKNOWN: Check = {"status": "degraded", "reason": "no answer"}


class Checks:
    """What the checks of the parts said last. Of each part one look at a time is under way, which all probes share: what it
    came to counts from when it ended. A look that takes longer than a probe may is not begun again, since its thread goes on.
    """

    def __init__(self) -> None:
        self._known: dict[str, tuple[float, Check]] = {}
        self._looks: dict[str, asyncio.Task[Check]] = {}

    async def told(
        self, part: str, look: Callable[[], Awaitable[Check]], good_for: Callable[[Check], float], silent: Check
    ) -> Check:
        """What `look` says, or said less than `good_for` ago; `silent` where it says nothing in the time that a probe has."""
        known = self._known.get(part)
        if known is not None and time.monotonic() - known[0] < good_for(known[1]):
            return known[1]
        if part not in self._looks:
            self._looks[part] = asyncio.create_task(self._look(part, look))
        task = self._looks[part]
        done, _ = await asyncio.wait((task,), timeout=_CHECK_SECONDS)
        if done:
            return task.result()
        self._known[part] = (time.monotonic(), silent)
        return silent

    async def _look(self, part: str, look: Callable[[], Awaitable[Check]]) -> Check:
        try:
            said = await look()
            self._known[part] = (time.monotonic(), said)
        finally:
            del self._looks[part]
        return said


_checks = Checks()


@blueprint.function_name("health")
@blueprint.route("health", methods=["GET", "HEAD", "OPTIONS"], auth_level=func.AuthLevel.ANONYMOUS)
@endpoint
async def health(req: func.HttpRequest) -> func.HttpResponse:
    return json_response({"status": "ok"})


@blueprint.function_name("health_ready")
@blueprint.route("health/ready", methods=["GET", "HEAD", "OPTIONS"], auth_level=func.AuthLevel.ANONYMOUS)
@blueprint.durable_client_input(client_name="client")
@endpoint
async def health_ready(req: func.HttpRequest, client) -> func.HttpResponse:  # type: ignore[no-untyped-def]
    """200 when a job could be made, 503 when something an operator can mend stands in its way."""
    app = services()
    storage, task_hub, webhooks, *accounts = await asyncio.gather(
        _checks.told("storage", _storage_check, lambda check: _CHECK_EVERY_SECONDS, _SILENT),
        _checks.told("task_hub", lambda: _hub_check(client), lambda check: _CHECK_EVERY_SECONDS, _SILENT),
        _checks.told("webhooks", lambda: threads.run(_webhooks_check), lambda check: _ACCOUNT_CHECK_SECONDS, _UNKNOWN),
        *(_provider_told(provider) for provider in app.providers.values()),
    )
    checks = {"settings": _settings_check(), "storage": storage, "task_hub": task_hub, "images": _images_check()}
    checks["webhooks"] = webhooks
    checks |= {f"provider_{name}": check for name, check in zip(app.providers, accounts, strict=True)}
    ready = all(check["status"] != "failed" for check in checks.values())
    told = {"sandbox": app.settings.is_sandbox, "checks": checks}
    if ready:
        return json_response({"status": "ready", **told})
    failed = ", ".join(part for part, check in checks.items() if check["status"] == "failed")
    return problem_response(req, Problem("not_ready", params={"checks": failed}), beside=told)


def _settings_check() -> Check:
    problems = services().setting_problems
    return {"status": "failed", "problems": dict(problems)} if problems else {"status": "ok"}


def _images_check() -> Check:
    """What the memory allows. Without its decoder HEIC is refused by name, and everything else goes on."""
    most = most_pixels(services().settings.decode_memory_mb)
    megapixels = {content_type: int(pixels / 100_000) / 10 for content_type, pixels in most.items()}
    return {"status": "ok" if has_heif_decoder() else "degraded", "heic": has_heif_decoder(), "max_megapixels": megapixels}


def _webhooks_check() -> Check:
    """Without its key a webhook_url is refused and everything else goes on, so nothing fails for it; it is missed where jobs wait
    to be told of."""
    try:
        if delivering.signing_key(services()) is not None:
            return {"status": "ok"}
        is_used = any(True for _ in services().deliveries.all())
    except (ProblemError, AzureError, StorageNotConfigured):
        return _UNKNOWN
    return {"status": "degraded" if is_used else "off", "setting": delivering.SIGNING_KEY}


async def _storage_check() -> Check:
    try:
        await threads.run(services().check_storage)
    except StorageNotConfigured as error:
        return {"status": "failed", "reason": f"{error} is missing"}
    except (AzureError, ValueError) as error:
        return {"status": "failed", "reason": type(error).__name__}
    return {"status": "ok"}


async def _hub_check(client: df.DurableOrchestrationClient) -> Check:
    try:
        # Ended with the probe: no thread is at it, and the client's own patience is minutes.
        await asyncio.wait_for(find_instance(client, "health-probe"), _CHECK_SECONDS)
    except TimeoutError:
        return _SILENT
    except TaskHubUnavailable as error:
        return {"status": "failed", "reason": reason(error)}
    return {"status": "ok"}


async def _provider_told(provider: Provider) -> Check:
    """What its account says, and where nothing is wrong with that, what came of the last pictures."""
    account, pictures = await asyncio.gather(
        _checks.told(
            f"provider_{provider.name}",
            lambda: threads.run(_account_check, provider),
            lambda check: _ACCOUNT_CHECK_SECONDS if check["status"] == "ok" else FAILED_CHECK_SECONDS,
            {"status": "degraded", "reason": "no answer", "setting": provider.secret_name},
        ),
        _checks.told(
            f"pictures_{provider.name}",
            lambda: threads.run(_pictures_check, provider),
            lambda check: _CHECK_EVERY_SECONDS,
            {"status": "ok"},
        ),
    )
    return pictures if account["status"] == "ok" else account


def _pictures_check(provider: Provider) -> Check:
    """From its gate: nothing is asked of it. Where storage is away that is said of storage."""
    try:
        is_failing = services().gates.look(provider.name, INTAKE_SECONDS).is_failing
    except (AzureError, StorageNotConfigured, ValueError):
        is_failing = False
    return {"status": "degraded", "code": "provider_unavailable"} if is_failing else {"status": "ok"}


def _account_check(provider: Provider) -> Check:
    """A missing or refused key or an empty account fails; a provider that is away is only told: waiting jobs outlast it."""
    try:
        provider.check_account()
    except ProviderError as error:
        mendable = error.problem.code in ("missing_api_key", "provider_auth_failed", "provider_quota_exhausted")
        return {"status": "failed" if mendable else "degraded", "code": error.problem.code, "setting": provider.secret_name}
    return {"status": "ok"}
