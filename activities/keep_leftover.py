"""A prediction that went on after its job had ended: keep its picture if it came, and say truly what was charged."""

import azure.durable_functions as df

from activities.finish_job import told_by_records
from shared import limits, names, telemetry, threads
from shared.domain.job import amended, is_deleted
from shared.domain.ledger import Ledger
from shared.domain.payloads import KeepOrder, Kept
from shared.forgetting import call_janitor
from shared.services import Services, services
from shared.storage.job_store import NoSuchJob

blueprint = df.Blueprint()


@blueprint.activity_trigger(input_name="payload", activity=names.KEEP_LEFTOVER)
@blueprint.durable_client_input(client_name="client")
async def keep_leftover(payload: dict, client) -> dict:  # type: ignore[type-arg,no-untyped-def]  # the worker refuses dict[...]
    with telemetry.step(names.KEEP_LEFTOVER, payload):
        return await keep_and_forget(services(), client, payload)  # type: ignore[arg-type,return-value]


async def keep_and_forget(services: Services, client: df.DurableOrchestrationClient, payload: KeepOrder) -> Kept:
    """As `keep`; and the last step of a deleted job's story sees to it that the job is forgotten."""
    answer = await threads.run(keep, services, payload)
    if answer.get("is_deleted"):
        await call_janitor(client)
    return answer


def keep(services: Services, payload: KeepOrder) -> Kept:
    """The job's status stays as it is; its outputs, cost and what its error says of the charge become what they are.

    Running this twice changes nothing.
    """
    job_id, picture = payload["job_id"], told_by_records(services, payload["job_id"], payload["picture"])
    owed = Ledger.from_payload(picture["sends"] or ()).charged
    telemetry.event(
        "leftover_ended", job_id=job_id, index=picture["index"], generator=picture["generator"], state=picture["state"],
        charged=owed,
    )  # fmt: skip
    try:
        document = services.jobs.amend(job_id, lambda document: amended(document, picture, services.prices))
    except NoSuchJob:
        return {"kept": False}
    limits.settled(services, document)
    if is_deleted(document):
        services.pictures.forget(job_id)
        return {"kept": False, "is_deleted": True}
    return {"kept": picture["state"] == "stored"}
