"""Decode one uploaded image for real and store what a provider will get."""

import asyncio
import contextvars
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import partial

import azure.durable_functions as df

from shared import names, telemetry
from shared.domain.job import VALIDATING, is_deleted, is_wanted
from shared.domain.payloads import PrepareAnswer, PrepareOrder
from shared.domain.problem import Problem, ProblemError
from shared.pictures.prepare import prepare_for_provider, prepared_before
from shared.services import Services, services
from shared.storage.blob_store import Missing
from shared.storage.image_names import is_prepared_upload

blueprint = df.Blueprint()

#: An image that is stored this soon after it was asked for has its story still waiting, which removes what nobody wants.
ANSWERED_WITHIN = timedelta(seconds=10)

#: Uploads wait for one another here, not in the threads that look after what is paid for. One is fetched while one is decoded.
_uploads = ThreadPoolExecutor(2, "prepare")
#: How long an upload waits for its turn. A host runs so many activities at once and no more: one that only waits must not be
#: in the way of those that fetch results.
TURN_SECONDS = 3.0


class NotItsTurn(Exception):
    """Uploads that take long are being prepared: the story asks again after a pause."""


@blueprint.activity_trigger(input_name="payload", activity=names.PREPARE_IMAGE)
async def prepare_image(payload: dict) -> dict:  # type: ignore[type-arg]  # the worker refuses dict[...]
    with telemetry.step(names.PREPARE_IMAGE, payload):
        run = contextvars.copy_context().run
        return await in_turn(partial(run, prepare, services(), payload))  # type: ignore[arg-type,return-value]


async def in_turn(work: Callable[[], PrepareAnswer], seconds: float = TURN_SECONDS) -> PrepareAnswer:
    """Raises NotItsTurn, and then `work` never begins."""
    future = _uploads.submit(work)
    answer = asyncio.wrap_future(future)
    await asyncio.wait([answer], timeout=seconds)
    # Nothing that has begun can be canceled.
    if future.cancel():
        raise NotItsTurn
    return await answer


def prepare(services: Services, payload: PrepareOrder) -> PrepareAnswer:
    """The prepared image, or what is wrong with the upload."""
    try:
        data = services.blobs.get_image(payload["blob"])
        prepared = prepared_before(data) if is_prepared_upload(payload["blob"]) else prepare_for_provider(data)
    except ProblemError as error:
        return {"problem": error.problem.about(payload["field"]).at(VALIDATING).to_payload()}
    except Missing:
        return _without_upload(services, payload)
    blob = services.sent_images.keep(payload["job_id"], payload["field"], prepared)
    if services.now() - datetime.fromisoformat(payload["asked_at"]) > ANSWERED_WITHIN:
        document = services.jobs.read(payload["job_id"])
        if document is None or is_deleted(document):
            services.pictures.forget(payload["job_id"])
    answer: PrepareAnswer = {"blob": blob}
    if prepared.warnings:
        answer["warnings"] = prepared.warnings_about(payload["field"])
    return answer


def _without_upload(services: Services, payload: PrepareOrder) -> PrepareAnswer:
    """Uploads go when their job has ended; a story that is told again after that goes on with what was prepared of them."""
    prepared = services.sent_images.find(payload["job_id"], payload["field"])
    if prepared is not None:
        return {"blob": prepared}
    # A deleted job has no images any more, but its story goes on: something may be to pay.
    if is_wanted(services.jobs.read(payload["job_id"])):
        raise Missing(payload["blob"])
    return {"problem": Problem("internal").at(VALIDATING).to_payload()}
