"""Forget deleted jobs whose stories have ended: what is left of their images, documents and histories."""

import logging

import azure.durable_functions as df

from shared import names, telemetry, threads
from shared.domain.payloads import ForgetAnswer, ForgetOrder
from shared.forgetting import forget_ended
from shared.services import Services, services

blueprint = df.Blueprint()


@blueprint.activity_trigger(input_name="payload", activity=names.FORGET_DELETED)
@blueprint.durable_client_input(client_name="client")
async def forget_deleted(payload: dict, client) -> dict:  # type: ignore[type-arg,no-untyped-def]  # the worker refuses dict[...]
    with telemetry.step(names.FORGET_DELETED, payload):
        return await forget(services(), client, payload)  # type: ignore[arg-type,return-value]


async def forget(services: Services, client: df.DurableOrchestrationClient, payload: ForgetOrder) -> ForgetAnswer:
    """How many deleted jobs are left: their stories go on, or they have been deleted just now."""
    for job_id in await threads.run(services.jobs.deleted_jobs):
        try:
            await forget_ended(services, client, job_id)
        except Exception as error:  # noqa: BLE001 - the others are still to be looked at; this one comes again
            telemetry.event("history_kept", logging.WARNING, instance=job_id, reason=type(error).__name__)
    # Asked for anew: who was deleted meanwhile could not call another janitor.
    return {"left": len(await threads.run(services.jobs.deleted_jobs))}
