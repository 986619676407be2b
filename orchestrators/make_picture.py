"""One picture: submit when there is a slot, look until the prediction ends, store what came out; or stop at a deadline or when
canceled. What goes on at the provider after that is watched on: it may be paid for."""

import itertools
from collections.abc import Generator
from datetime import timedelta
from typing import Any

import azure.durable_functions as df

from orchestrators.picture import CANCELED, End, Picture, Prediction, failed
from orchestrators.sending import Turn, send
from orchestrators.steps import ActivityFailed, Steps, call, pause
from orchestrators.versions import refuse_other_stories
from orchestrators.watching import Followed, followed, known, watched_on
from shared import names
from shared.domain import payloads as p
from shared.domain.outcomes import after_prediction, goes_elsewhere
from shared.domain.polling import retry_delay_seconds
from shared.domain.problem import Problem

blueprint = df.Blueprint()


@blueprint.orchestration_trigger(context_name="context", orchestration=names.MAKE_PICTURE)
def make_picture(context: df.DurableOrchestrationContext) -> Steps:
    """The story of one of several pictures. Its job hears of the end as soon as it is known, and of what came after it last."""
    refuse_other_stories(context)
    picture = Picture.begun(context, context.get_input())
    end, left = yield from make(picture)
    if left is not None:
        yield from _tell_job(picture, end)
        end = yield from watched_on(picture, left, end)
    return end


def make(picture: Picture) -> Generator[Any, Any, tuple[p.PictureEnd, Prediction | None]]:
    """How the picture ended, and the prediction that goes on at the provider, if one does. Never raises."""
    try:
        end, left = yield from _made(picture)
    except ActivityFailed:
        # It raised each time, perhaps after it had sent: the records know better than this story.
        return picture.ended(failed(Problem("internal")), is_known=False), None
    return picture.ended(end, is_watched=left is not None), left


def _made(picture: Picture) -> Followed:
    """One generator after another; mostly there is only one."""
    choices = list(picture.order["generators"])
    while True:
        choice = choices.pop(0)
        picture.course.generator = choice["name"]
        end, left = yield from _made_here(picture, is_last=not choices)
        went_on = picture.course.followed_by not in (None, choice["name"])
        if went_on and not choices:
            # An earlier run of the story had another generator to go to.
            choices.append({"name": str(picture.course.followed_by), "expected_seconds": choice["expected_seconds"]})
        if left is not None or end.problem is None or not choices:
            return end, left
        if not went_on and not goes_elsewhere(end.problem, picture.ledger, is_transient=end.resubmits > 0):
            return end, left
        picture.course.fallback_used = True


def _made_here(picture: Picture, *, is_last: bool) -> Followed:
    """All that one generator does for the picture: predictions until one ends well, or no other is worth a try."""
    turn = Turn(picture.now + timedelta(seconds=picture.limits["queue_timeout_seconds"]), is_last=is_last)
    end: End | None = None
    for tries in itertools.count(1):
        picture.course.attempt += 1
        sent = yield from send(picture, turn)
        if isinstance(sent, End) and picture.course.followed_by == picture.course.generator:
            # An earlier run of this story went on to another attempt here: its record is looked at next.
            continue
        if isinstance(sent, End):
            # When nothing more came of it, the prediction that failed before is the end.
            return (sent if end is None or sent.state == "canceled" else end), None
        end, left = (yield from followed(picture, sent)) if isinstance(sent, Prediction) else (known(sent), None)
        if left is not None or end.problem is None or not _repeats(picture, turn, tries, end):
            return end, left
        if picture.course.followed_by is not None:
            # Made already by an earlier run of this story: a cancel finds it there.
            continue
        if (yield from pause(picture.context, retry_delay_seconds(tries - 1, None, picture.jitter()), picture.cancel)):
            return CANCELED, None
    raise AssertionError("there is always another try, or an end")


def _repeats(picture: Picture, turn: Turn, tries: int, end: End) -> bool:
    """Whether another prediction is worth a try. None is started when the first one's time has passed.

    A story that is told again does what it did before.
    """
    if picture.course.followed_by is not None:
        return picture.course.followed_by == picture.course.generator
    code = "" if end.problem is None else end.problem["code"]
    is_too_late = turn.is_too_late(picture.now)
    return after_prediction(code, tries, end.resubmits, picture.limits["max_attempts"], is_too_late=is_too_late) == "again here"


def _tell_job(picture: Picture, end: p.PictureEnd) -> Steps:
    order: p.TellOrder = {
        "job_id": picture.order["job_id"], "traceparent": picture.order["traceparent"], "index": picture.order["index"],
        "instance": picture.context.parent_instance_id, "event": names.picture_event(picture.order["index"]), "end": end,
    }  # fmt: skip
    try:
        yield from call(picture.context, names.TELL_JOB, order, picture.limits["patience"]["patient"])
    except ActivityFailed:
        # Then the job waits for the end of this orchestration.
        return
