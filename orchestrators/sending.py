"""From the wish for a picture to a prediction: wait for a slot, send, wait out refusals, find out about lost sends."""

from collections.abc import Generator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from orchestrators.picture import CANCELED, End, Picture, Prediction, failed
from orchestrators.steps import ActivityFailed, call, pause, timer
from shared import names
from shared.domain import payloads as p
from shared.domain.job import SUBMITTING, WAITING
from shared.domain.polling import retry_delay_seconds
from shared.domain.problem import timed_out
from shared.domain.watch import Watch


@dataclass
class Turn:
    """A picture's turn at one generator."""

    queue_ends: datetime
    #: There is no other generator to go to.
    is_last: bool
    #: The time of the first prediction: no other is started after it.
    first_ends: datetime | None = None
    refusals: int = 0
    #: The provider failed since its gate was last told.
    has_failed: bool = False

    def waits_until(self) -> datetime:
        return min(self.queue_ends, self.first_ends or self.queue_ends)

    def is_too_late(self, now: datetime) -> bool:
        return self.first_ends is not None and now >= self.first_ends


def send(picture: Picture, turn: Turn) -> Generator[Any, Any, Prediction | p.Ended | End]:
    """The attempt's prediction; the recorded end of one that an earlier run had made; or how the picture ends without one.

    An attempt only ends with a verdict on its record: until then a run of the activity that was taken for dead may send.
    """
    turn.refusals = 0
    end = _hindrance(picture, turn)
    while True:
        given = picture.context.wait_for_external_event(names.slot_event(picture.course.calls + 1))
        answer = yield from _asked(picture, turn, end)
        if answer["state"] == "submitted":
            prediction = _prediction(picture, turn, answer)
            if not answer.get("is_recorded", True):
                yield from _put_on_record(picture, answer)
            return prediction
        if answer["state"] == "ended":
            return answer
        if answer["state"] == "canceled":
            return end or CANCELED
        if answer["state"] == "failed":
            return end or failed(answer["problem"])
        if answer["state"] == "waiting":
            end = yield from _wait_for_slot(picture, turn, answer, given)
        else:
            end = (yield from _wait_to_ask_again(picture, turn, answer)) or end


def _hindrance(picture: Picture, turn: Turn) -> End | None:
    """How the picture ends without a further send, if there may be none."""
    if picture.order["problem"] is not None:
        return failed(picture.order["problem"])
    if turn.is_too_late(picture.now):
        return failed(timed_out(picture.limits["generation_timeout_seconds"], "no"))
    return None


def _asked(picture: Picture, turn: Turn, end: End | None) -> Generator[Any, Any, p.SubmitAnswer]:
    """One call of the activity, and what it tells of the sends. `end`: how the picture ends unless something was sent."""
    course, order, limits = picture.course, picture.order, picture.limits
    course.calls += 1
    picture.show(SUBMITTING)
    payload: p.SubmitOrder = {
        **picture.named(), "call": order["run"] * 1000 + course.calls, "images": order["images"],
        "instance": picture.context.instance_id, "event": names.slot_event(course.calls),
        "timeout_seconds": limits["generation_timeout_seconds"], "has_failed": turn.has_failed,
        "may_wait_when_down": limits["may_wait_when_down"] and turn.is_last,
        "may_be_sent": order["run"] > 0 or picture.ledger.is_open, "is_rerun": order["run"] > 0,
        "is_over": end is not None,
        "over_problem": None if end is None else end.problem,
        "find_looks_seconds": limits["find_looks_seconds"], "owner": order.get("owner", ""),
    }  # fmt: skip
    answer = yield from call(picture.context, names.SUBMIT_PREDICTION, payload, limits["patience"]["paying"])
    picture.ledger = picture.ledger.noted(course.generator, course.attempt, answer["sends"], answer.get("cost"))
    course.followed_by = answer.get("followed_by")
    turn.has_failed = False
    return answer


def _prediction(picture: Picture, turn: Turn, answer: p.Submitted) -> Prediction:
    course, order = picture.course, picture.order
    submitted_at = picture.now - timedelta(seconds=answer["age_seconds"])
    course.submitted_at = course.submitted_at or submitted_at.isoformat()
    # Each prediction has its time; none is started after the first one's has passed.
    turn.first_ends = turn.first_ends or submitted_at + timedelta(seconds=picture.limits["generation_timeout_seconds"])
    told = picture.context.wait_for_external_event(names.ended_event(course.attempt)) if answer["will_be_told"] else None
    check: p.CheckOrder = {
        **picture.named(), "handle": answer["handle"], "seed": order["seed"],
        "asked_at": picture.now.isoformat(), "submitted_at": submitted_at.isoformat(), "ran_at": None,
        "is_followed": picture.context.instance_id == order["job_id"],
        "preset": order["preset"], "label": order["label"],
    }  # fmt: skip
    known = {choice["name"]: float(choice["expected_seconds"]) for choice in order["generators"]}
    usual = known.get(course.generator, float(order["generators"][0]["expected_seconds"]))
    watch = Watch(picture.limits, answer["expected_seconds"])
    return Prediction(check, submitted_at, watch, usual, answer["is_wanted"], told)


def _put_on_record(picture: Picture, answer: p.Submitted) -> Generator[Any, Any, None]:
    """Before the prediction is watched: a story that is told again would not know of it, and storage that takes no record
    would take no picture either."""
    order: p.RecordOrder = {**picture.named(), "handle": answer["handle"], "cost": answer.get("cost")}
    try:
        yield from call(picture.context, names.RECORD_PREDICTION, order, picture.limits["patience"]["paying"])
    except ActivityFailed:
        # This story holds the handle.
        return


def _wait_for_slot(picture: Picture, turn: Turn, answer: p.Waiting, given: Any) -> Generator[Any, Any, End | None]:
    """Until there may be a slot; how the picture ends when its time in line is over or nobody wants it any more."""
    left = (turn.waits_until() - picture.now).total_seconds()
    if left <= 0:
        too_long = timed_out(picture.limits["queue_timeout_seconds"], "no").at(WAITING).to_payload()
        return failed(answer["problem"] or too_long)
    picture.show(WAITING, eta_seconds=round(answer["wait_seconds"]))
    if (yield from pause(picture.context, min(answer["look_again_seconds"], left), picture.cancel, given)):
        return CANCELED
    return None


def _wait_to_ask_again(picture: Picture, turn: Turn, answer: p.Again) -> Generator[Any, Any, End | None]:
    """Until the provider may be asked again; how the picture ends when there is no use in it."""
    seconds = retry_delay_seconds(turn.refusals, answer["after_seconds"], picture.jitter())
    turn.refusals += 1
    turn.has_failed = answer["provider_failed"]
    picture.show(WAITING)
    if answer["sends"][-1:] == ["open"]:
        # Something may have been made: that is found out first, and then canceled as what it is.
        yield timer(picture.context, seconds)
        return None
    is_hopeless = not turn.is_last and turn.has_failed and turn.refusals >= picture.limits["refusals_before_fallback"]
    if is_hopeless or picture.now + timedelta(seconds=seconds) > turn.waits_until():
        return failed(answer["problem"])
    if (yield from pause(picture.context, seconds, picture.cancel)):
        return CANCELED
    return None
