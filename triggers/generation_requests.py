"""The storage queue `generation-requests`: what a form can ask for, asked by a batch producer, with names of blobs for images.

Messages come at least once, so a request is known by its key. What can be answered is answered on `generation-results`; what
fails is delivered again by the platform's rules (host.json, `queues`), and lies in `generation-requests-poison` then (decision
34).
"""

import logging
from typing import Any

import azure.durable_functions as df
import azure.functions as func

from shared import announcing, telemetry, threads
from shared.domain.job import is_terminal
from shared.domain.problem import ProblemError
from shared.domain.queue_messages import (
    REQUESTS,
    Message,
    NoRequest,
    QueuedRequest,
    correlation_of,
    no_such_blob,
    read_message,
    request_of,
)
from shared.services import Services, services
from shared.starting import ensure_started
from shared.storage.blob_store import Missing
from shared.storage.key_store import BY_QUEUE
from triggers import generate
from triggers.upload import Form

blueprint = df.Blueprint()

#: No word of what a request is, but that it could not be looked after just now: another delivery may be.
_ANOTHER_TIME = ("internal", "busy", "idempotency_in_progress")
#: What was said in knowledge of the job that the key stands for.
_OF_ITS_KEY = ("idempotency_key_reused", "job_deleted", "job_not_found")


class NotTaken(Exception):
    """What leaves the function when a message is to be delivered again. The host and the worker log its text: it names the
    reason, and nothing that the message holds."""


@blueprint.function_name("generation_requests")
@blueprint.queue_trigger(arg_name="message", queue_name=REQUESTS, connection="AzureWebJobsStorage")
@blueprint.durable_client_input(client_name="client")
async def generation_requests(message: func.QueueMessage, client) -> None:  # type: ignore[no-untyped-def]
    message_id = str(message.id)
    try:
        with telemetry.span("generation_requests"):
            await take(services(), client, message.get_body().decode(errors="replace"), message_id)
    except Exception as error:  # noqa: BLE001 - texts of others may repeat what was sent
        reason = str(error) if isinstance(error, NoRequest | ProblemError) else type(error).__name__
        telemetry.event("intake_failed", logging.WARNING, request_id=message_id, reason=reason, delivery=message.dequeue_count)
        raise NotTaken(reason) from None


async def take(app: Services, client: df.DurableOrchestrationClient, text: str, message_id: str) -> None:
    """Start the job that a message asks for, or find it where the message came before, and tell; or tell why there is none.

    Raises NoRequest, and whatever may be over when the message comes again.
    """
    message = read_message(text)
    correlation_id = correlation_of(message, message_id)
    try:
        async with generate.accepting:
            document, replayed = await threads.run(_accept, app, message, message_id, correlation_id)
    except ProblemError as error:
        if error.problem.code in _ANOTHER_TIME:
            raise
        await threads.run(announcing.refused, app, error.problem, correlation_id)
        telemetry.event("intake_refused", request_id=correlation_id, code=error.problem.code)
        return
    telemetry.event(
        "job_accepted", job_id=document["id"], kind=document["kind"], request_id=correlation_id, replayed=replayed, source="queue"
    )
    if not is_terminal(document["status"]):
        document = await ensure_started(app, client, document, is_new=not replayed)
    await threads.run(announcing.accepted, app, document, correlation_id)


def _accept(app: Services, message: Message, message_id: str, correlation_id: str) -> tuple[dict[str, Any], bool]:
    asked = request_of(message, message_id)
    form = _form(app, asked)
    who, key = app.settings.intake_owner, BY_QUEUE + asked.key
    queued = {"correlation_id": correlation_id, "request": asked.digest()}
    try:
        return generate.accept(app, asked.kind, who, key, form, correlation_id, queued=queued)
    except ProblemError as error:
        if error.problem.code in (*_ANOTHER_TIME, *_OF_ITS_KEY):
            raise
        # The message may have come before, when its blobs were there: the job that was made of it goes on.
        known = generate.job_of(app, asked.kind, who, key)
        if known is None or known.get("queued", {}).get("request") != queued["request"]:
            raise
        return known, True


def _form(app: Services, asked: QueuedRequest) -> Form:
    files, mistakes = {}, list(asked.mistakes)
    for name, blob in asked.images.items():
        try:
            files[name] = app.intake_blobs.read(blob, app.settings.max_upload_bytes)
        except Missing:
            mistakes.append(no_such_blob(name))
    return Form(asked.fields, files, tuple(mistakes))
