"""GET /api/webhooks/secret and POST /api/webhooks/secret/rotate: what an owner verifies our webhooks with."""

from typing import Any

import azure.durable_functions as df
import azure.functions as func

from shared import telemetry, threads
from shared.delivering import SIGNING_KEY, signing_key
from shared.domain.owners import ANONYMOUS
from shared.domain.problem import Problem, ProblemError, invalid_fields
from shared.domain.quota import too_many_secrets
from shared.domain.signature import secret_of
from shared.services import services
from shared.storage.webhook_store import MOST_FORMER, StillSigning, Versions
from triggers.edge import endpoint, json_response, owner, request_id

blueprint = df.Blueprint()

_NOBODYS = invalid_fields((
    "X-Owner-Token",
    "비밀 값은 소유자마다 하나입니다. 로그인하거나 X-Owner-Token 헤더를 함께 보내 주세요.",
    "Each owner has a secret: sign in, or send the header X-Owner-Token.",
))  # fmt: skip


@blueprint.function_name("get_webhook_secret")
@blueprint.route("webhooks/secret", methods=["GET", "HEAD", "OPTIONS"], auth_level=func.AuthLevel.ANONYMOUS)
@endpoint
async def get_webhook_secret(req: func.HttpRequest) -> func.HttpResponse:
    """200 with the caller's secret, which is made of the app's signing key and lies nowhere."""
    who, key = await _asked(req)
    return json_response(_told(key, who, await threads.run(services().webhook_versions.of, who)))


@blueprint.function_name("rotate_webhook_secret")
@blueprint.route("webhooks/secret/rotate", methods=["POST", "OPTIONS"], auth_level=func.AuthLevel.ANONYMOUS)
@endpoint
async def rotate_webhook_secret(req: func.HttpRequest) -> func.HttpResponse:
    """200 with a new secret; for a day the one before signs beside it, so that a repeated request takes nothing away. 429
    where that could not be kept for all of them."""
    who, key = await _asked(req)
    try:
        versions = await threads.run(services().webhook_versions.rotate, who)
    except StillSigning as still:
        raise ProblemError(too_many_secrets(MOST_FORMER, still.until)) from None
    telemetry.event("webhook_secret_rotated", request_id=request_id(req), version=versions.current)
    return json_response(_told(key, who, versions))


async def _asked(req: func.HttpRequest) -> tuple[str, str]:
    """Who asks, and the signing key. Raises ProblemError."""
    who = owner(req)
    if who == ANONYMOUS:
        raise ProblemError(_NOBODYS)
    key = await threads.run(signing_key, services())
    if key is None:
        raise ProblemError(Problem("webhooks_not_configured", params={"setting": SIGNING_KEY}))
    return who, key


def _told(key: str, who: str, versions: Versions) -> dict[str, Any]:
    return {
        "secret": secret_of(key, who, versions.current), "version": versions.current,
        "rotated_at": _time(versions.rotated_at),
        "also_signing": [{"version": version, "until": _time(until)} for version, until in versions.former],
    }  # fmt: skip


def _time(moment: Any) -> str | None:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z") if moment else None
