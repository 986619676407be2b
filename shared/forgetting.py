"""Deletes a job: hidden from everybody at once, forgotten when its story has ended and nothing more can be paid for it."""

import contextlib
import logging

import azure.durable_functions as df

from shared import delivering, limits, names, telemetry, threads
from shared.canceling import wake
from shared.domain.job import Document, is_terminal, is_watched
from shared.domain.payloads import JanitorOrder
from shared.domain.starting import is_to_be_started
from shared.services import Services
from shared.starting import PATIENCE, is_going_on, revive
from shared.storage.job_store import NoSuchJob
from shared.task_hub import find_instance, reason

LOOK_AGAIN_SECONDS = 15


async def forget_ended(app: Services, client: df.DurableOrchestrationClient, job_id: str) -> bool:
    """Remove what is left of a deleted job, unless its story goes on; whether nothing is left."""
    document = await threads.run(app.jobs.read, job_id)
    if document is not None and not await _has_ended(app, client, document):
        return False
    if document is not None and not await delivering.end(app, client, document):
        return False
    pictures, starts = (len(document["seeds"]), document.get("starts", 0)) if document else (1, 0)
    webhook = [names.webhook_instance_id(job_id)] if document is not None and "webhook" in document else []
    for instance in [*names.instance_ids(job_id, pictures, starts), *webhook]:
        if not await _forget_history(client, instance):
            return False
    if document is not None:
        # What is found by the document goes before it: what fails comes again.
        await threads.run(app.index.remove, document)
        await threads.run(app.index.remove_former, document)
        await threads.run(limits.forgotten, app, document)
    await threads.run(app.jobs.delete, job_id, document.get("key") if document else None)
    telemetry.event("job_forgotten", job_id=job_id)
    return True


async def _has_ended(app: Services, client: df.DurableOrchestrationClient, document: Document) -> bool:
    """Whether the story is over. One that died is started again: it may still have something to pay."""
    status = await find_instance(client, document["id"])
    try:
        document = await revive(app, client, document, status)
    except NoSuchJob:
        return True
    if status is not None and status.runtime_status.name == "Failed" and is_to_be_started(document):
        return False
    pictures = names.instance_ids(document["id"], len(document["seeds"]), document.get("starts", 0))
    return is_terminal(document["status"]) and not any([await is_going_on(client, instance) for instance in pictures])


async def _forget_history(client: df.DurableOrchestrationClient, instance: str) -> bool:
    try:
        await client.purge_instance_history(instance)
    except Exception as error:  # noqa: BLE001 - the client raises whatever its HTTP library does
        telemetry.event("history_kept", logging.WARNING, instance=instance, reason=type(error).__name__)
        return False
    return True


async def begin(app: Services, client: df.DurableOrchestrationClient, job_id: str) -> None:
    """Delete a job: nobody sees it from now on. Its story ends by itself and pays as little as it can. Raises NoSuchJob."""
    document = await threads.run(app.jobs.hide, job_id, app.now())
    try:
        await threads.run(app.pictures.forget, job_id)
        if not is_terminal(document["status"]) or is_watched(document):
            await wake(client, document)
        if await forget_ended(app, client, job_id):
            return
    except Exception as error:  # noqa: BLE001 - hidden it is: what is left to do is done later, whatever the hub says now
        telemetry.event("history_kept", logging.WARNING, instance=job_id, reason=reason(error))
    await call_janitor(client)


async def call_janitor(client: df.DurableOrchestrationClient) -> None:
    """Start the one instance that forgets deleted jobs, unless it is at work."""
    order: JanitorOrder = {"look_again_seconds": LOOK_AGAIN_SECONDS, "patience": PATIENCE}
    with contextlib.suppress(Exception):
        await client.start_new(names.FORGET_JOBS, names.JANITOR, order)
