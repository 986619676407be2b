"""Write how a job ended. A terminal status never changes, so running this twice changes nothing and is told once."""

import contextlib
from typing import Any

import azure.durable_functions as df

from shared import announcing, delivering, limits, listing, names, originals, telemetry, threads
from shared.domain.delivery import is_expected
from shared.domain.job import Document, amended, finished, is_deleted, is_watched
from shared.domain.ledger import Ledger
from shared.domain.payloads import FinishAnswer, FinishOrder, PictureEnd
from shared.forgetting import call_janitor
from shared.services import Services, services
from shared.storage.job_store import NoSuchJob

blueprint = df.Blueprint()


@blueprint.activity_trigger(input_name="payload", activity=names.FINISH_JOB)
@blueprint.durable_client_input(client_name="client")
async def finish_job(payload: dict, client) -> dict:  # type: ignore[type-arg,no-untyped-def]  # the worker refuses dict[...]
    with telemetry.step(names.FINISH_JOB, payload):
        return await finish_and_forget(services(), client, payload)  # type: ignore[arg-type,return-value]


async def finish_and_forget(services: Services, client: df.DurableOrchestrationClient, payload: FinishOrder) -> FinishAnswer:
    """As `finish`; the story of a deleted job sees to it that the job is forgotten, that of one whose owner is to be told that he
    is."""
    answer = await threads.run(finish, services, payload)
    if answer.get("is_deleted"):
        await call_janitor(client)
    if answer.get("is_expected"):
        await delivering.start(client, payload["job_id"], payload["traceparent"])
    return answer


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
        # Forgotten already, with its history; this run of the story has one too.
        services.jobs.mark_for_forgetting(payload["job_id"])
        return {"status": "canceled", "is_deleted": True}
    if not has_ended and is_watched(document):
        # A story that is told again because its watch died: what it knows now is what the watch would have told.
        document = services.jobs.amend(payload["job_id"], lambda known: _caught_up(services, known, pictures))
    answer: FinishAnswer = {"status": document["status"]}
    if is_deleted(document):
        services.pictures.forget(payload["job_id"])
        answer["is_deleted"] = True
    if is_expected(document):
        answer["is_expected"] = True
    if has_ended:
        telemetry.job_ended(document, document["polls"])
    listing.tell_end(services, document)
    # Also by a run that follows one which died here.
    limits.ended(services, document)
    originals.forget(services, document)
    # Last, since it is tried again until it is told.
    announcing.ended(services, document)
    return answer


def _caught_up(services: Services, document: Document, pictures: list[PictureEnd]) -> Document:
    """An ended job with the ends of those pictures whose predictions were watched on; of the former version's it does not say."""
    known: list[Any] = document.get("pictures", pictures)
    watched = {picture["index"] for picture in known if picture["is_watched"] or "pictures" not in document}
    for picture in pictures:
        if picture["index"] in watched:
            document = amended(document, picture, services.prices)
    return document


def told_by_records(services: Services, job_id: str, picture: PictureEnd) -> PictureEnd:
    """The end of a picture with who made it and, where its story does not know what its sends owe, with what is on record of
    them. What may be paid for and was not fetched may lie there all the same: the run that stored it died before it said so."""
    # Of a model that was taken out meanwhile the document knows as much.
    with contextlib.suppress(KeyError):
        generator = services.generators[picture["generator"]]
        picture = {**picture, "made_by": {"provider": generator.provider.name, "model": generator.name}}
    if picture["sends"] is None:
        ledger = services.submissions.ledger(job_id, picture["index"], picture["generator"])
        picture = {**picture, "sends": ledger.to_payload()}
    else:
        ledger = Ledger.from_payload(picture["sends"])
        if picture["state"] == "stored" or picture["is_watched"] or ledger.charged == "no":
            return picture
    kept = services.pictures.find(job_id, picture["index"])
    if kept is None:
        return picture
    output, attempt = kept
    return {**picture, "state": "stored", "output": output, "problem": None, "sends": ledger.ended(attempt, "paid").to_payload()}
