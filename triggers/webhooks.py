"""POST /api/webhooks/replicate: signed; a hint to look at a prediction now, never its result."""

import contextlib
import logging
import re

import azure.durable_functions as df
import azure.functions as func

from shared import names, telemetry, threads
from shared.domain.problem import Problem, ProblemError, unreadable
from shared.job_ids import is_job_id
from shared.providers.provider import ProviderError
from shared.services import services
from shared.webhooks import Refused
from triggers.edge import endpoint

blueprint = df.Blueprint()

#: A finished prediction whose input is echoed: two images as data URIs, and room.
MAX_BODY_BYTES = 32 * 1024 * 1024
_TOO_LARGE = unreadable(
    f"본문이 너무 큽니다. {MAX_BODY_BYTES // 1024**2}MB까지 받습니다.",
    f"The body is too large: at most {MAX_BODY_BYTES // 1024**2} MB.",
)


@blueprint.function_name("replicate_webhook")
@blueprint.route("webhooks/replicate", methods=["POST"], auth_level=func.AuthLevel.ANONYMOUS)
@blueprint.durable_client_input(client_name="client")
@endpoint
async def replicate_webhook(req: func.HttpRequest, client) -> func.HttpResponse:  # type: ignore[no-untyped-def]
    """204 for whatever is signed, also for a job that has ended; 401 for what is not; 503 while that cannot be told.

    Replicate repeats what is not answered with 2xx (providers reference 1.8).
    """
    body = req.get_body()
    if len(body) > MAX_BODY_BYTES:
        raise ProblemError(_TOO_LARGE)
    try:
        await threads.run(services().webhooks.verify, req.headers, body)
    except Refused as refused:
        telemetry.event("webhook_refused", logging.WARNING, reason=str(refused))
        raise ProblemError(Problem("unauthorized")) from None
    except ProviderError as error:
        telemetry.event("webhook_refused", logging.WARNING, reason=f"no secret: {error}")
        raise
    instance, submission = req.params.get("instance", ""), req.params.get("submission", "")
    if _is_instance(instance) and re.fullmatch(r"[1-9][0-9]?", submission):
        telemetry.event("webhook_received", job_id=instance.partition("-")[0], instance=instance)
        # An instance that has ended, or was never known, needs no waking.
        with contextlib.suppress(Exception):
            await client.raise_event(instance, names.ended_event(int(submission)), {})
    return func.HttpResponse(status_code=204)


def _is_instance(text: str) -> bool:
    """A job's id, or the name of what makes one of its pictures."""
    job_id, dash, rest = text.partition("-")
    return is_job_id(job_id) and (not dash or re.fullmatch(names.PICTURE_SUFFIX, f"-{rest}") is not None)
