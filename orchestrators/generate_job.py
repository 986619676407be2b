"""A job: check its images, make its pictures side by side, write how it ended."""

from datetime import timedelta
from typing import Any

import azure.durable_functions as df

from orchestrators.make_picture import lost_picture, picture_story
from orchestrators.steps import (
    LASTING_DELAYS_SECONDS,
    RAISED_DELAYS_SECONDS,
    ActivityFailed,
    Call,
    Steps,
    call_all,
    end_all,
    try_all,
)
from shared import names
from shared.domain.job import CANCELED, FAILED, GENERATING, STAGE_PROGRESS, SUCCEEDED, VALIDATING, status_at
from shared.domain.polling import leftover_delay
from shared.domain.problem import Problem, worst_charge

blueprint = df.Blueprint()


@blueprint.orchestration_trigger(context_name="context", orchestration=names.GENERATE_JOB)
def generate_job(context: df.DurableOrchestrationContext) -> Steps:
    job = context.get_input()
    started_at = context.current_utc_datetime.isoformat()
    named = {"job_id": job["job_id"], "traceparent": job["traceparent"]}
    pictures: list[dict[str, Any]] = []
    try:
        context.set_custom_status(status_at(VALIDATING, started_at=started_at))
        prepared = yield from call_all(context, [
            (names.PREPARE_IMAGE, {**named, "field": field, "blob": blob})
            for field, blob in job["images"].items()
        ])  # fmt: skip
        problem = next((image["problem"] for image in prepared if "problem" in image), None)
        if problem is None:
            pictures = yield from _make_pictures(context, job, [image["blob"] for image in prepared], started_at)
    except ActivityFailed:
        problem = Problem("internal", charged="no").to_payload()

    ending = {**named, "started_at": started_at, **_ending(job, pictures, problem)}
    # Nobody waits for the slots' return, so it does not hold up the end.
    slots = [picture["slot"] for picture in pictures if picture["slot"] and not picture["leftover"]]
    calls: list[Call] = [(names.FINISH_JOB, ending), *((names.LEAVE_GATE, slot) for slot in slots)]
    calls = yield from _unanswered(context, calls)
    if (names.FINISH_JOB, ending) in calls:
        calls = yield from _unanswered(context, calls, LASTING_DELAYS_SECONDS)
    calls += yield from _watch_leftovers(context, job, [picture for picture in pictures if picture["leftover"]])
    # At last, since it may take hours: a slot that nobody takes back is no reason to lose sight of a picture.
    yield from try_all(context, calls, LASTING_DELAYS_SECONDS)
    return {"status": ending["status"]}


def _unanswered(
    context: df.DurableOrchestrationContext, calls: list[Call], delays_seconds: tuple[int, ...] = RAISED_DELAYS_SECONDS
) -> Steps:
    """Those of the calls that raised each time."""
    answers = yield from try_all(context, calls, delays_seconds)
    return [call for call, answer in zip(calls, answers, strict=True) if answer is None]


def _make_pictures(context: df.DurableOrchestrationContext, job: dict[str, Any], images: list[str], started_at: str) -> Steps:
    """One picture is made here; several are made by a sub-orchestration each, so that each has a story of its own."""
    orders = [
        {"job_id": job["job_id"], "generators": job["generators"], "images": images, "started_at": started_at,
         "traceparent": job["traceparent"], "limits": job["limits"], "label": job["label"], **picture}
        for picture in job["pictures"]
    ]  # fmt: skip
    if len(orders) == 1:
        picture = yield from picture_story(context, orders[0])
        return [picture]
    # The pictures' own progress is shown as soon as each has some, and it begins below that of this stage.
    context.set_custom_status(status_at(GENERATING, progress=STAGE_PROGRESS[VALIDATING], started_at=started_at))
    made = yield from end_all(context, [
        context.call_sub_orchestrator(
            names.MAKE_PICTURE, order, names.picture_instance_id(job["job_id"], order["index"], len(orders))
        )
        for order in orders
    ])  # fmt: skip
    # One that was terminated takes no other with it.
    return [picture or lost_picture(order) for picture, order in zip(made, orders, strict=True)]


def _ending(job: dict[str, Any], pictures: list[dict[str, Any]], problem: dict[str, Any] | None) -> dict[str, Any]:
    """How the job ended: with any picture it succeeded, and then `problem` tells of the ones that are missing."""
    made = [picture for picture in pictures if picture["state"] == "stored"]
    failed = [picture["problem"] for picture in pictures if picture["state"] == "failed"]
    charges = {str(picture["index"]): picture["problem"]["charged"] for picture in pictures if picture.get("problem")}
    if failed:
        problem = {**failed[0], "charged": worst_charge(charges.values())}
    if made:
        status = SUCCEEDED
    elif pictures and not failed:
        status = CANCELED
    else:
        status = FAILED

    def seen(name: str) -> list[str]:
        return sorted(picture[name] for picture in pictures if picture.get(name))

    return {
        "status": status,
        "outputs": [picture["output"] for picture in made],
        "problem": problem,
        "charges": charges,
        "progress": min((picture["progress"] for picture in pictures), default=STAGE_PROGRESS[VALIDATING]),
        "pictures_charged": len(made) + sum(charge == "yes" for charge in charges.values()),
        "generator": next((p["generator"] for p in [*made, *pictures]), job["generators"][0]["name"]),
        "fallback_used": any(picture["fallback_used"] for picture in pictures),
        "attempts": sum(picture["attempts"] for picture in pictures),
        "polls": sum(picture["polls"] for picture in pictures),
        "possible_duplicate": any(picture["possible_duplicate"] for picture in pictures),
        "submitted_at": next(iter(seen("submitted_at")), None),
        "ready_at": next(reversed(seen("ready_at")), None),
    }


def _watch_leftovers(context: df.DurableOrchestrationContext, job: dict[str, Any], pictures: list[dict[str, Any]]) -> Steps:
    """The job has ended, but the provider goes on with predictions that cannot be canceled: keep what is paid for.

    They hold their slots meanwhile, since the provider counts them as active. Returns the calls that nobody answered.
    """
    began = context.current_utc_datetime
    ends = began + timedelta(seconds=job["limits"]["leftover_timeout_seconds"])
    looks = 0
    paid: dict[int, dict[str, Any]] = {}
    unanswered: list[Call] = []
    if pictures:
        context.set_custom_status({"job_ended": True})
    while pictures:
        yield context.create_timer(context.current_utc_datetime + leftover_delay(looks))
        looks += 1
        is_last = context.current_utc_datetime >= ends
        passed = (context.current_utc_datetime - began).total_seconds()
        looked = yield from try_all(context, [
            (names.CHECK_PREDICTION, picture["leftover"] | {"age_seconds": picture["leftover"]["age_seconds"] + passed})
            for picture in pictures
        ])  # fmt: skip
        going_on, calls = [], []
        for picture, seen in zip(pictures, looked, strict=True):
            look, index = seen or {"state": "running"}, picture["index"]
            if look["state"] == "unstored":
                paid[index] = look
            if look["state"] in ("running", "unstored") and not is_last:
                going_on.append(picture)
                continue
            # What was ready once is paid for, whatever a later look says.
            known = look if look["state"] == "stored" else paid.get(index, look)
            if known["state"] != "running":
                names_of_it = {name: picture["leftover"][name] for name in ("job_id", "index", "generator", "traceparent")}
                calls.append((names.KEEP_LEFTOVER, {**names_of_it, "look": known}))
            calls.append((names.LEAVE_GATE, {**picture["slot"], "outcome": "ok" if look["state"] == "stored" else None}))
        unanswered += yield from _unanswered(context, calls)
        pictures = going_on
    return unanswered
