"""Write how a job ended. A terminal status never changes, so running this twice changes nothing and is told once."""

import azure.durable_functions as df

from shared import names, telemetry
from shared.domain.job import finished, is_deleted
from shared.domain.payloads import FinishAnswer, FinishOrder, PictureEnd
from shared.services import Services, services
from shared.storage.job_store import NoSuchJob

blueprint = df.Blueprint()


@blueprint.activity_trigger(input_name="payload", activity=names.FINISH_JOB)
def finish_job(payload: dict) -> dict:  # type: ignore[type-arg]  # the worker refuses dict[...]
    with telemetry.step(names.FINISH_JOB, payload):
        return finish(services(), payload)  # type: ignore[arg-type,return-value]


def finish(services: Services, payload: FinishOrder) -> FinishAnswer:
    """The status as it stands in the document; `canceled` for a job that is gone."""
    pictures = [told_by_records(services, payload["job_id"], picture) for picture in payload["pictures"]]
    now, days = services.now(), services.settings.retention_days
    order: FinishOrder = {**payload, "pictures": pictures}
    try:
        document, has_ended = services.jobs.end(
            payload["job_id"], lambda document: finished(document, order, services.prices, now, days)
        )
    except NoSuchJob:
        return {"status": "canceled"}
    if is_deleted(document):
        services.pictures.forget(payload["job_id"])
    if has_ended:
        services.quotas.release(document["owner"], document["id"])
        telemetry.job_ended(document, document["polls"])
    return {"status": document["status"]}


def told_by_records(services: Services, job_id: str, picture: PictureEnd) -> PictureEnd:
    """The end of a picture whose story does not know what its sends owe, with what is on record of them."""
    if picture["sends"] is not None:
        return picture
    ledger = services.submissions.ledger(job_id, picture["index"], picture["generator"])
    kept = services.pictures.find(job_id, picture["index"])
    if kept is not None:
        output, attempt = kept
        ledger = ledger.ended(attempt, "paid")
        return {**picture, "state": "stored", "output": output, "problem": None, "sends": ledger.to_payload()}
    return {**picture, "sends": ledger.to_payload()}
