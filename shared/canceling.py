"""Tells the orchestrations of a job that nobody wants its pictures any more. The mark in its document stops a submit to come."""

import azure.durable_functions as df

from shared import names
from shared.domain.job import Document
from shared.domain.starting import GOING_ON
from shared.task_hub import asked, find_instance

_RUNTIME = df.OrchestrationRuntimeStatus


async def wake(client: df.DurableOrchestrationClient, document: Document) -> None:
    """Raise the cancel event where a picture of the job is made. One that an operator suspended hears nothing: it is resumed.

    A picture that has ended, or has not begun (it will find the mark), needs no waking. Raises TaskHubUnavailable when any
    other did not hear it.
    """
    for instance in names.instance_ids(document["id"], len(document["seeds"]), document.get("starts", 0)):
        # Of every start: one that was counted may not have come to be, and the one before it goes on.
        status = await find_instance(client, instance)
        if status is None or status.runtime_status.name not in GOING_ON:
            continue
        with asked():
            if status.runtime_status == _RUNTIME.Suspended:
                await client.resume(instance, "canceled by its owner")
            if instance != document["id"] or len(document["seeds"]) == 1:
                await client.raise_event(instance, names.EVENT_CANCEL, {})
