"""GET /api/health while the process lives; GET /api/health/ready with a check per part."""

import asyncio
import time
from typing import Any

import azure.durable_functions as df
import azure.functions as func
from azure.core.exceptions import AzureError

from shared.pictures.decoding import has_heif_decoder
from shared.pictures.limits import most_pixels
from shared.providers.provider import Provider, ProviderError
from shared.services import services
from shared.storage.account import StorageNotConfigured
from shared.task_hub import find_instance
from triggers.edge import endpoint, json_response

blueprint = df.Blueprint()

#: Probes come every few seconds from several places; providers are asked once a minute.
_ACCOUNT_CHECK_SECONDS = 60.0
#: A probe wants an answer, also while storage does not give one.
_CHECK_SECONDS = 5.0
_account_checks: dict[str, tuple[float, dict[str, Any]]] = {}


@blueprint.function_name("health")
@blueprint.route("health", methods=["GET", "OPTIONS"], auth_level=func.AuthLevel.ANONYMOUS)
@endpoint
async def health(req: func.HttpRequest) -> func.HttpResponse:
    return json_response({"status": "ok"})


@blueprint.function_name("health_ready")
@blueprint.route("health/ready", methods=["GET", "OPTIONS"], auth_level=func.AuthLevel.ANONYMOUS)
@blueprint.durable_client_input(client_name="client")
@endpoint
async def health_ready(req: func.HttpRequest, client) -> func.HttpResponse:  # type: ignore[no-untyped-def]
    """200 when a job could be made, 503 when something an operator can mend stands in its way."""
    app = services()
    checks = {
        "settings": _settings_check(),
        "storage": await _storage_check(),
        "task_hub": await _hub_check(client),
        "images": _images_check(),
    }
    providers = app.providers.values()
    accounts = await asyncio.gather(*(asyncio.to_thread(_account_check, provider) for provider in providers))
    checks |= {f"provider_{provider.name}": check for provider, check in zip(providers, accounts, strict=True)}
    ready = all(check["status"] != "failed" for check in checks.values())
    return json_response({"status": "ready" if ready else "not_ready", "checks": checks}, 200 if ready else 503)


def _settings_check() -> dict[str, Any]:
    problems = services().setting_problems
    return {"status": "failed", "problems": dict(problems)} if problems else {"status": "ok"}


def _images_check() -> dict[str, Any]:
    """What the memory allows. Without its decoder HEIC is refused by name, and everything else goes on."""
    most = most_pixels(services().settings.decode_memory_mb)
    megapixels = {content_type: int(pixels / 100_000) / 10 for content_type, pixels in most.items()}
    return {"status": "ok" if has_heif_decoder() else "degraded", "heic": has_heif_decoder(), "max_megapixels": megapixels}


async def _storage_check() -> dict[str, Any]:
    try:
        await asyncio.wait_for(asyncio.to_thread(services().blobs.check), _CHECK_SECONDS)
    except TimeoutError:
        return {"status": "failed", "reason": "no answer"}
    except StorageNotConfigured as error:
        return {"status": "failed", "reason": f"{error} is missing"}
    except (AzureError, ValueError) as error:
        return {"status": "failed", "reason": type(error).__name__}
    return {"status": "ok"}


async def _hub_check(client: df.DurableOrchestrationClient) -> dict[str, Any]:
    try:
        await asyncio.wait_for(find_instance(client, "health-probe"), _CHECK_SECONDS)
    except Exception as error:  # noqa: BLE001 - the client raises whatever its HTTP library does
        return {"status": "failed", "reason": type(error).__name__}
    return {"status": "ok"}


def _account_check(provider: Provider) -> dict[str, Any]:
    """A missing or refused key or an empty account fails; a provider that is away is only told: waiting jobs outlast it."""
    known = _account_checks.get(provider.name)
    if known and time.monotonic() - known[0] < _ACCOUNT_CHECK_SECONDS:
        return known[1]
    try:
        provider.check_account()
        check: dict[str, Any] = {"status": "ok"}
    except ProviderError as error:
        mendable = error.problem.code in ("missing_api_key", "provider_auth_failed", "provider_quota_exhausted")
        check = {"status": "failed" if mendable else "degraded", "code": error.problem.code, "setting": provider.secret_name}
    if check["status"] == "ok":
        _account_checks[provider.name] = (time.monotonic(), check)
    return check
