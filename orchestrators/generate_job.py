"""A job: check its images, make its pictures side by side, write how it ended, keep what comes late."""

import json
from collections.abc import Generator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import azure.durable_functions as df

from orchestrators.make_picture import make
from orchestrators.picture import Picture, failed
from orchestrators.steps import ActivityFailed, Steps, begin, call, call_each, timer
from orchestrators.versions import refuse_other_stories
from orchestrators.watching import watched_on
from shared import names
from shared.domain import payloads as p
from shared.domain.job import GENERATING, STAGE_PROGRESS, TRANSLATING, VALIDATING, status_at
from shared.domain.problem import Problem, ProblemData
from shared.domain.warning import WarningData

blueprint = df.Blueprint()


@blueprint.orchestration_trigger(context_name="context", orchestration=names.GENERATE_JOB)
def generate_job(context: df.DurableOrchestrationContext) -> Steps:
    refuse_other_stories(context)
    job: p.JobOrder = context.get_input()
    started_at = context.current_utc_datetime.isoformat()
    context.set_custom_status(_shown(status_at(VALIDATING, started_at=started_at), job))
    images, problem, warnings = yield from _prepared(context, job, started_at)
    if problem is not None and not job["start"]:
        return (yield from _finished(context, job, started_at, [], problem, warnings, []))
    # A story that is told again may have sent something already: that is looked after, whatever became of the images.
    orders = [_order(job, wish, images, problem, started_at) for wish in job["pictures"]]
    if len(orders) == 1:
        return (yield from _one_picture(context, job, orders[0], warnings))
    return (yield from _several_pictures(context, job, orders, warnings))


def _shown(status: dict[str, Any], job: p.JobOrder) -> dict[str, Any]:
    """A custom status whose bar does not go back behind that of a run that died."""
    return {**status, "progress": max(job["progress"], status["progress"])}


def _prepared(
    context: df.DurableOrchestrationContext, job: p.JobOrder, started_at: str
) -> Generator[Any, Any, tuple[list[str], ProblemData | None, list[WarningData]]]:
    """The prepared images in the kind's order, or why there are none; and what is merely poor about them. Meanwhile the prompt is
    translated, where it is to be: what is sent is decided when this returns images. Small images came prepared."""
    known = job.get("prepared", {})
    orders: list[p.PrepareOrder] = [
        {
            "job_id": job["job_id"],
            "traceparent": job["traceparent"],
            "field": field,
            "blob": blob,
            "asked_at": context.current_utc_datetime.isoformat(),
        }
        for field, blob in job["images"].items()
        if field not in known
    ]
    calls: list[tuple[str, Any]] = [(str(names.PREPARE_IMAGE), order) for order in orders]
    if "translation" in job:
        calls.append((str(names.TRANSLATE_PROMPT), _translation(job, is_last=False)))

    def before_wait(left: set[int]) -> None:
        if left == {len(orders)}:
            context.set_custom_status(_shown(status_at(TRANSLATING, started_at=started_at), job))

    try:
        answers = yield from call_each(context, calls, job["limits"]["patience"]["patient"], before_wait)
        of_field: dict[str, p.PrepareAnswer] = {order["field"]: answers[i] for i, order in enumerate(orders)}
        for field, poor in known.items():
            of_field[field] = {"blob": job["images"][field], "warnings": poor}
        prepared = [of_field[field] for field in job["images"]]
        problem = next((image["problem"] for image in prepared if "problem" in image), None)
        if problem is None and {"state": "again"} in answers[len(orders) :]:
            yield from _translated(context, job, started_at)
    except ActivityFailed:
        return [], Problem("internal").to_payload(), []
    warnings = [warning for image in prepared for warning in image.get("warnings", ())]
    return [image["blob"] for image in prepared if "blob" in image], problem, warnings


def _translated(context: df.DurableOrchestrationContext, job: p.JobOrder, started_at: str) -> Steps:
    """Ask a translator that has failed again, for a few seconds. Raises ActivityFailed when nobody could decide."""
    context.set_custom_status(_shown(status_at(TRANSLATING, started_at=started_at), job))
    pauses, began = job["translation"]["pauses_seconds"], datetime.fromisoformat(started_at)
    for tries, pause in enumerate(pauses, start=1):
        yield timer(context, pause)
        has_waited = (context.current_utc_datetime - began).total_seconds()
        is_last = tries == len(pauses) or has_waited >= job["translation"]["last_after_seconds"]
        order = _translation(job, is_last=is_last)
        answer = yield from call(context, names.TRANSLATE_PROMPT, order, job["limits"]["patience"]["patient"])
        if answer["state"] == "decided":
            return


def _translation(job: p.JobOrder, *, is_last: bool) -> p.TranslateOrder:
    return {"job_id": job["job_id"], "traceparent": job["traceparent"], "start": job["start"], "is_last": is_last}


def _order(
    job: p.JobOrder, wish: p.PictureWish, images: list[str], problem: ProblemData | None, started_at: str
) -> p.PictureOrder:
    return {
        **wish, "job_id": job["job_id"], "traceparent": job["traceparent"], "run": job["start"], "problem": problem,
        "progress": job["progress"], "owner": job.get("owner", ""),
        "images": images, "label": job["label"], "generators": job["generators"], "started_at": started_at,
        "limits": job["limits"],
    }  # fmt: skip


def _one_picture(
    context: df.DurableOrchestrationContext, job: p.JobOrder, order: p.PictureOrder, warnings: list[WarningData]
) -> Steps:
    """It is made in the job's own orchestration."""
    picture = Picture.begun(context, order)
    end, left = yield from make(picture)
    status = yield from _finished(context, job, order["started_at"], [end], None, warnings, order["images"])
    if left is not None:
        context.set_custom_status({"job_ended": True})
        end = yield from watched_on(picture, left, end)
        yield from _kept(context, job, end)
    return status


@dataclass
class _Child:
    """The sub-orchestration of one of several pictures."""

    order: p.PictureOrder
    instance: str
    task: Any
    #: The wait for its word that the picture has ended while it watches a prediction on.
    told: Any
    end: p.PictureEnd | None = None

    @property
    def is_watching(self) -> bool:
        return self.end is not None and self.end["is_watched"]

    @property
    def is_over(self) -> bool:
        """Its orchestration has ended, and what came of it is still to be heard."""
        return bool(self.task.is_completed) and (self.end is None or self.is_watching)

    @property
    def has_told(self) -> bool:
        return self.end is None and bool(self.told.is_completed)


def _several_pictures(
    context: df.DurableOrchestrationContext, job: p.JobOrder, orders: list[p.PictureOrder], warnings: list[WarningData]
) -> Steps:
    """Each is made by an orchestration of its own. The job ends when all pictures have; predictions may go on after that."""
    # The pictures' own progress is shown as soon as each has some, and it begins below that of this stage.
    begun = status_at(GENERATING, progress=STAGE_PROGRESS[VALIDATING], started_at=orders[0]["started_at"])
    context.set_custom_status(_shown(begun, job))
    children = [_begun(context, job, order) for order in orders]
    while any(child.end is None for child in children):
        yield from _news(context, children, [task for child in children for task in (child.task, child.told)])
        for child in children:
            yield from _hear(context, child)
    ends = [child.end for child in children if child.end is not None]
    status = yield from _finished(context, job, orders[0]["started_at"], ends, None, warnings, orders[0]["images"])
    context.set_custom_status({"job_ended": True})
    while late := [child for child in children if child.is_watching]:
        yield from _news(context, late, [child.task for child in late])
        for child in late:
            yield from _hear(context, child)
            if child.end is not None and not child.is_watching:
                yield from _kept(context, job, child.end)
    return status


def _begun(context: df.DurableOrchestrationContext, job: p.JobOrder, order: p.PictureOrder) -> _Child:
    """Run numbers of a later start of the job lie above all of an earlier one's."""
    first: p.PictureOrder = {**order, "run": job["start"] * (job["limits"]["child_starts"] + 1)}
    instance = names.picture_instance_id(job["job_id"], order["index"], len(job["pictures"]), job["start"])
    told = context.wait_for_external_event(names.picture_event(order["index"]))
    return _Child(first, instance, context.call_sub_orchestrator(names.MAKE_PICTURE, first, instance), told)


def _news(context: df.DurableOrchestrationContext, children: list[_Child], waits: list[Any]) -> Steps:
    """Wait until there is something to hear of a child; there may be already, as time passed while another one began anew."""
    if not any(child.is_over or child.has_told for child in children):
        yield context.task_any([wait for wait in waits if not wait.is_completed])


def _hear(context: df.DurableOrchestrationContext, child: _Child) -> Steps:
    """What is known of a child's picture now. A child that failed is called again, and tells its story from the records."""
    if child.has_told and not child.is_over:
        told = child.told.result
        child.end = json.loads(told) if isinstance(told, str) else told
    while child.is_over:
        if not isinstance(child.task.result, Exception):
            child.end = child.task.result
        elif (yield from _may_begin_again(context, child)):
            child.order = {**child.order, "run": child.order["run"] + 1}
            child.task = context.call_sub_orchestrator(names.MAKE_PICTURE, child.order, child.instance)
            yield from begin(context, child.task)
        else:
            # Its records know what it owes.
            lost = Picture.begun(context, child.order).ended(failed(Problem("internal")), is_known=False)
            child.end = lost if child.end is None else {**child.end, "sends": None, "is_watched": False}


def _may_begin_again(context: df.DurableOrchestrationContext, child: _Child) -> Generator[Any, Any, bool]:
    """Not for ever, nor when an operator has ended it."""
    order = child.order
    if not (order["run"] + 1) % (order["limits"]["child_starts"] + 1):
        return False
    look: p.ChildOrder = {
        "job_id": order["job_id"], "traceparent": order["traceparent"], "index": order["index"], "instance": child.instance,
    }  # fmt: skip
    try:
        answer = yield from call(context, names.LOOK_AT_CHILD, look, order["limits"]["patience"]["few"])
    except ActivityFailed:
        return True
    return not answer["was_terminated"]


def _finished(
    context: df.DurableOrchestrationContext,
    job: p.JobOrder,
    started_at: str,
    ends: list[p.PictureEnd],
    problem: ProblemData | None,
    warnings: list[WarningData],
    images: list[str],
) -> Steps:
    order: p.FinishOrder = {
        "job_id": job["job_id"], "traceparent": job["traceparent"], "started_at": started_at, "problem": problem,
        "pictures": ends,
    }  # fmt: skip
    if warnings:
        order["warnings"] = warnings
    if len(images) == len(job["images"]):
        order["sent"] = dict(zip(job["images"], images, strict=True))
    answer = yield from call(context, names.FINISH_JOB, order, job["limits"]["patience"]["lasting"])
    return {"status": answer["status"]}


def _kept(context: df.DurableOrchestrationContext, job: p.JobOrder, end: p.PictureEnd) -> Steps:
    order: p.KeepOrder = {"job_id": job["job_id"], "traceparent": job["traceparent"], "picture": end}
    yield from call(context, names.KEEP_LEFTOVER, order, job["limits"]["patience"]["lasting"])
