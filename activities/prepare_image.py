"""Decode one uploaded image for real and store what a provider will get."""

import asyncio
import contextvars
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import azure.durable_functions as df

from shared import names, telemetry
from shared.domain.job import VALIDATING, is_deleted, is_wanted
from shared.domain.payloads import PrepareAnswer, PrepareOrder
from shared.domain.problem import Problem, ProblemError
from shared.pictures.prepare import prepare_for_provider
from shared.services import Services, services
from shared.storage.blob_store import Missing

blueprint = df.Blueprint()

#: An image that is stored this soon after it was asked for has its story still waiting, which removes what nobody wants.
ANSWERED_WITHIN = timedelta(seconds=10)


#: Uploads wait for one another here, and not in the threads that look after what is paid for.
_uploads = ThreadPoolExecutor(4, "prepare")


@blueprint.activity_trigger(input_name="payload", activity=names.PREPARE_IMAGE)
async def prepare_image(payload: dict) -> dict:  # type: ignore[type-arg]  # the worker refuses dict[...]
    with telemetry.step(names.PREPARE_IMAGE, payload):
        run = contextvars.copy_context().run
        return await asyncio.get_running_loop().run_in_executor(_uploads, run, prepare, services(), payload)  # type: ignore[arg-type,return-value]


def prepare(services: Services, payload: PrepareOrder) -> PrepareAnswer:
    """The prepared image, or what is wrong with the upload."""
    try:
        prepared = prepare_for_provider(services.blobs.get_image(payload["blob"]))
    except ProblemError as error:
        return {"problem": error.problem.about(payload["field"]).at(VALIDATING).to_payload()}
    except Missing:
        # A deleted job has no images any more, but its story goes on: something may be to pay.
        if is_wanted(services.jobs.read(payload["job_id"])):
            raise
        return {"problem": Problem("internal").at(VALIDATING).to_payload()}
    blob = services.sent_images.keep(payload["job_id"], payload["field"], prepared)
    if services.now() - datetime.fromisoformat(payload["asked_at"]) > ANSWERED_WITHIN:
        document = services.jobs.read(payload["job_id"])
        if document is None or is_deleted(document):
            services.pictures.forget(payload["job_id"])
        else:
            services.sent_images.forget_ended(document)
    answer: PrepareAnswer = {"blob": blob}
    if prepared.warnings:
        answer["warnings"] = [{**warning, "field": payload["field"]} for warning in prepared.warnings]
    return answer
