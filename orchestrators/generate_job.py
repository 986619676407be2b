"""A job: check its images, make its pictures side by side, write how it ended."""

from typing import Any

import azure.durable_functions as df

from orchestrators.make_picture import picture_story
from orchestrators.steps import PATIENT_DELAYS_SECONDS, ActivityFailed, Steps, call, call_all
from shared import names
from shared.domain.job import CANCELED, FAILED, GENERATING, SUCCEEDED, VALIDATING, status_at
from shared.domain.problem import Problem

blueprint = df.Blueprint()


@blueprint.orchestration_trigger(context_name="context", orchestration=names.GENERATE_JOB)
def generate_job(context: df.DurableOrchestrationContext) -> Steps:
    job = context.get_input()
    started_at = context.current_utc_datetime.isoformat()
    pictures: list[dict[str, Any]] = []
    try:
        context.set_custom_status(status_at(VALIDATING, started_at=started_at))
        prepared = yield from call_all(
            context, names.PREPARE_IMAGE,
            [{"job_id": job["job_id"], "field": field, "blob": blob} for field, blob in job["images"].items()],
        )  # fmt: skip
        problem = next((image["problem"] for image in prepared if "problem" in image), None)
        if problem is None:
            pictures = yield from _make_pictures(context, job, [image["blob"] for image in prepared], started_at)
    except ActivityFailed:
        problem = Problem("internal", charged="no").to_payload()

    ending = _ending(pictures, problem)
    yield from call(context, names.FINISH_JOB, {
        "job_id": job["job_id"], "generator": job["generator"], "started_at": started_at, **ending,
    }, PATIENT_DELAYS_SECONDS)  # fmt: skip
    return {"status": ending["status"]}


def _make_pictures(context: df.DurableOrchestrationContext, job: dict[str, Any], images: list[str], started_at: str) -> Steps:
    """One picture is made here; several are made by a sub-orchestration each, so that each has a story of its own."""
    orders = [
        {"job_id": job["job_id"], "generator": job["generator"], "images": images, "started_at": started_at,
         "limits": job["limits"], "label": job["label"], **picture}
        for picture in job["pictures"]
    ]  # fmt: skip
    if len(orders) == 1:
        picture = yield from picture_story(context, orders[0])
        return [picture]
    context.set_custom_status(status_at(GENERATING, started_at=started_at))
    made = yield context.task_all([
        context.call_sub_orchestrator(
            names.MAKE_PICTURE, order, names.picture_instance_id(job["job_id"], order["index"], len(orders))
        )
        for order in orders
    ])  # fmt: skip
    return made


def _ending(pictures: list[dict[str, Any]], problem: dict[str, Any] | None) -> dict[str, Any]:
    """How the job ended: with any picture it succeeded, and then `problem` tells of the ones that are missing."""
    outputs = [picture["output"] for picture in pictures if picture["state"] == "stored"]
    failed = [picture["problem"] for picture in pictures if picture["state"] == "failed"]
    if outputs:
        status = SUCCEEDED
    elif pictures and not failed:
        status = CANCELED
    else:
        status = FAILED

    def seen(name: str) -> list[str]:
        return sorted(picture[name] for picture in pictures if picture.get(name))

    return {
        "status": status,
        "outputs": outputs,
        "problem": problem or (failed[0] if failed else None),
        "attempts": sum(picture["attempts"] for picture in pictures),
        "possible_duplicate": any(picture["possible_duplicate"] for picture in pictures),
        "submitted_at": next(iter(seen("submitted_at")), None),
        "ready_at": next(reversed(seen("ready_at")), None),
    }
