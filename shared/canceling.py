"""Tells the orchestrations of a job that nobody wants its pictures any more. The mark in its document stops a submit to come."""

import contextlib

import azure.durable_functions as df

from shared import names
from shared.domain.job import Document
from shared.domain.starting import GOING_ON
from shared.task_hub import find_instance

_RUNTIME = df.OrchestrationRuntimeStatus


async def wake(client: df.DurableOrchestrationClient, document: Document) -> None:
    """Raise the cancel event where a picture of the job is made. One that an operator suspended hears nothing: it is resumed.

    A picture that has ended, or has not begun (it will find the mark), needs no waking. Raises what the client raises when any
    other did not hear it.
    """
    pictures, start = len(document["seeds"]), document.get("starts", 0)
    for index in range(pictures):
        instance = names.picture_instance_id(document["id"], index, pictures, start)
        status = await find_instance(client, instance)
        if status is None or status.runtime_status.name not in GOING_ON:
            continue
        if status.runtime_status == _RUNTIME.Suspended:
            await client.resume(instance, "canceled by its owner")
        await client.raise_event(instance, names.EVENT_CANCEL, {})
    if pictures > 1:
        with contextlib.suppress(Exception):
            status = await find_instance(client, document["id"])
            if status is not None and status.runtime_status == _RUNTIME.Suspended:
                await client.resume(document["id"], "canceled by its owner")
