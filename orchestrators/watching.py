"""From a prediction to its end: looked at while its picture waits for it, and after that for as long as it may be paid for."""

from collections.abc import Generator
from typing import Any

from orchestrators.picture import End, Picture, Prediction, failed
from orchestrators.steps import ActivityFailed, call, pause, timer
from shared import names
from shared.domain import payloads as p
from shared.domain.job import GENERATING, STORING
from shared.domain.ledger import ENDINGS
from shared.domain.polling import eta_seconds, generating_progress, retry_delay_seconds
from shared.domain.problem import Charged, ProblemData, timed_out

#: How the picture ends, and its prediction where that goes on.
Followed = Generator[Any, Any, tuple[End, Prediction | None]]


def followed(picture: Picture, prediction: Prediction) -> Followed:
    """Look at the prediction until it ends, its time is over or the user cancels."""
    if not prediction.is_wanted:
        return (yield from _stopped(picture, prediction, End("canceled")))
    told, asked_pause, watch = prediction.told, 0.0, prediction.watch
    while True:
        delay = max(watch.seconds_to_next_look(prediction.age(picture.now), is_told=told is not None), asked_pause)
        if (yield from _wait(picture, prediction, delay, told)):
            return (yield from _stopped(picture, prediction, End("canceled")))
        # A call that came before the end could be seen is not repeated: from then on it is looked for as without calls.
        told = None if told is None or told.is_completed else told
        look = yield from _look(picture, prediction)
        picture.show_money()
        meaning = watch.judge(look, prediction.age(picture.now))
        if meaning == "end":
            return _end(look, watch.charged), None
        if meaning == "leave":
            return failed(_problem(look, picture.limits)), _left(picture, prediction)
        if meaning == "stop":
            return (yield from _stopped(picture, prediction, failed(_problem(look, picture.limits))))
        asked_pause = min(_asked_pause(look), picture.limits["generation_timeout_seconds"] - prediction.age(picture.now))


def known(ended: p.Ended) -> End:
    """The end of a prediction that an earlier run of this story has seen."""
    return _end(ended["look"])


def watched_on(picture: Picture, prediction: Prediction, end: p.PictureEnd) -> Generator[Any, Any, p.PictureEnd]:
    """Watch a prediction that nobody waits for; the picture's end as it is after that: stored, if its picture came after all."""
    while True:
        yield timer(picture.context, prediction.watch.seconds_to_next_look(prediction.age(picture.now)))
        look = yield from _look(picture, prediction)
        meaning = prediction.watch.judge(look, prediction.age(picture.now))
        if meaning == "leave":
            yield from picture.leave_gate()
        if meaning in ("end", "leave"):
            return picture.late(end, look["output"] if look["state"] == "stored" else None)


def _wait(picture: Picture, prediction: Prediction, seconds: float, told: Any) -> Generator[Any, Any, bool]:
    """Whether the user canceled meanwhile. What is paid for is fetched, whatever the user says."""
    age, expected = prediction.age(picture.now), prediction.watch.expected_seconds or prediction.default_seconds
    # With these whoever is asked for the job later than now can say how late it is.
    usual = {"submitted_at": prediction.submitted_at.isoformat(), "expected_seconds": expected}
    if prediction.watch.seen.paid_at is not None:
        picture.show(STORING, **usual)
        yield timer(picture.context, seconds)
        return False
    picture.show(GENERATING, progress=generating_progress(age, expected), eta_seconds=eta_seconds(age, expected), **usual)
    canceled: bool = yield from pause(picture.context, seconds, picture.cancel, *([] if told is None else [told]))
    return canceled


def _look(picture: Picture, prediction: Prediction) -> Generator[Any, Any, p.LookAnswer]:
    """One look, and what it tells of the money. Trouble on our side ends no picture that has a handle."""
    picture.course.looks += 1
    try:
        order: p.CheckOrder = {**prediction.order, "asked_at": picture.now.isoformat(), "ran_at": prediction.watch.ran_at}
        look = yield from call(picture.context, names.CHECK_PREDICTION, order, picture.limits["patience"]["few"])
    except ActivityFailed:
        return {"state": "running", "trouble": "look failed", "after_seconds": None}
    if look["state"] == "running" and not look["trouble"]:
        # Not when it was heard of: it may have ended by then.
        prediction.watch.ran_at = order["asked_at"]
    if look["state"] == "running" or look["state"] == "missing":
        return look
    charged = look["problem"]["charged"] if look["state"] == "failed" else "yes"
    picture.ledger = picture.ledger.ended(prediction.order["attempt"], ENDINGS[charged])
    if look["state"] != "failed":
        picture.course.ready_at = picture.course.ready_at or look["ready_at"]
    if not look["left_gate"]:
        yield from picture.leave_gate("failed" if look["state"] == "failed" else "ok")
    return look


def _stopped(picture: Picture, prediction: Prediction, end: End) -> Followed:
    """Cancel the prediction where the provider can, and end with `end`; or with the picture, if it was quicker and is paid for.

    One that cannot be canceled goes on: it holds its slot until it ends.
    """
    state = yield from _cancel(picture, prediction)
    if state == "canceled":
        # What ran until then may be billed (providers reference 1.7).
        picture.ledger = picture.ledger.ended(prediction.order["attempt"], "may be charged")
        return end, None
    if state == "finished":
        look = yield from _look(picture, prediction)
        meaning = prediction.watch.judge(look, prediction.age(picture.now))
        if meaning == "end":
            # A picture that was canceled stays so, but its ledger says what was paid.
            was = _end(look, prediction.watch.charged)
            return (was if was.state == "stored" or end.state == "failed" else end), None
    return end, _left(picture, prediction)


def _cancel(picture: Picture, prediction: Prediction) -> Generator[Any, Any, str]:
    """What the provider answered at last."""
    order: p.CancelOrder = {**picture.named(), "handle": prediction.order["handle"]}
    state = "going on"
    for tries in range(picture.limits["cancel_tries"]):
        if tries:
            yield timer(picture.context, retry_delay_seconds(tries - 1, None, picture.jitter()))
        try:
            answer = yield from call(picture.context, names.CANCEL_PREDICTION, order, picture.limits["patience"]["few"])
        except ActivityFailed:
            return state
        state = answer["state"]
        if state == "canceled" and not answer["left_gate"]:
            yield from picture.leave_gate()
        if not answer["retryable"]:
            break
    return state


def _left(picture: Picture, prediction: Prediction) -> Prediction:
    return prediction._replace(watch=prediction.watch.left(prediction.age(picture.now)), told=None)


def _end(look: p.LookAnswer, charged: Charged = "unknown") -> End:
    """`charged`: what is known of the prediction beside this look."""
    if look["state"] == "stored":
        return End("stored", look["output"])
    if look["state"] == "unstored":
        return failed(look["problem"])
    if look["state"] == "failed" and charged == "yes":
        # It was ready once: a new one would be paid for too.
        return failed({**look["problem"], "charged": charged})
    if look["state"] == "failed":
        return failed(look["problem"], look["resubmits"])
    raise AssertionError(f"{look['state']} is no end")


def _problem(look: p.LookAnswer, limits: p.Limits) -> ProblemData:
    """Why a picture ends whose prediction does not."""
    if look["state"] == "running" or look["state"] == "stored":
        return timed_out(limits["generation_timeout_seconds"], "unknown").at(GENERATING).to_payload()
    return look["problem"]


def _asked_pause(look: p.LookAnswer) -> float:
    return (look["after_seconds"] or 0.0) if look["state"] == "running" else 0.0
