"""Builders for the stories of jobs: inputs, the answers of activities, and what is told at the end.

The clock jumps to each timer, so that two minutes of looking take milliseconds.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, cast

import orchestrators
from devhost.bench import Bench, Outcome
from shared import names
from shared.domain import job as documents
from shared.domain import payloads as p
from shared.domain.ledger import SendState
from shared.domain.problem import Charged, Problem, ProblemData, moderated

JOB = "job_00000000000000000000000001"
READY_AT = "2026-01-01T00:00:09+00:00"
PRICES = {"fake": 0.08, "other": 0.04}
PATIENCE: p.Patience = {
    "few": [2, 5, 15],
    "paying": [2, 5, 15, 30, 60, 120, 300, 300, 300, 300, 300],
    "patient": [2, 5, 15, 30],
    "lasting": [2, 5, 15, 60, *[600] * 12],
}
LIMITS: p.Limits = {
    "poll_interval_seconds": 1.0, "poll_max_attempts": 120, "poll_steps": [[5, 1], [15, 2], [30, 3], [1_000_000, 5]],
    "generation_timeout_seconds": 120, "queue_timeout_seconds": 600, "fetch_timeout_seconds": 300,
    "leftover_timeout_seconds": 900, "max_attempts": 3, "may_wait_when_down": True, "refusals_before_fallback": 3,
    "cancel_tries": 3, "child_starts": 5, "find_looks_seconds": [5, 15, 40], "patience": PATIENCE,
}  # fmt: skip

Answer = Callable[[Any], Any]


# ---- inputs ----


def job_order(pictures: int = 1, *, start: int = 0, has_other: bool = False, **limits: Any) -> p.JobOrder:
    """`has_other`: there is another generator to go to."""
    chosen: list[p.GeneratorChoice] = [{"name": "fake", "expected_seconds": 10}]
    if has_other:
        chosen.append({"name": "other", "expected_seconds": 12})
    return {
        "job_id": JOB, "traceparent": None, "start": start, "progress": 0, "images": {"input_image": "in.png"}, "label": "none",
        "generators": chosen, "pictures": [{"index": i, "seed": i, "preset": None} for i in range(pictures)],
        "limits": cast(p.Limits, {**LIMITS, **limits}),
    }  # fmt: skip


# ---- problems ----


def down(charged: Charged = "no") -> ProblemData:
    return Problem("provider_unavailable", charged=charged, params={"provider": "Fake"}).to_payload()


NO_CREDIT = Problem("provider_quota_exhausted", params={"provider": "Fake"}).to_payload()
MODERATED = moderated("Fake", "input", "no").to_payload()


# ---- what a submit answers ----


def submitted(
    *sends: SendState, told: bool = False, age: float = 0.0, expected: float | None = None, is_wanted: bool = True
) -> p.Submitted:
    """`sends`: what is known of the attempt's sends, by themselves just this one."""
    return {
        "state": "submitted", "sends": list(sends) or ["accepted"], "handle": {"id": "p-1", "poll_url": "https://fake/p-1"},
        "will_be_told": told, "age_seconds": age, "expected_seconds": expected, "is_wanted": is_wanted,
    }  # fmt: skip


def waiting(look_again: float = 30.0, *, position: int | None = 3, problem: ProblemData | None = None) -> p.Waiting:
    return {
        "state": "waiting", "sends": [], "position": position, "wait_seconds": 20.0, "look_again_seconds": look_again,
        "problem": problem,
    }  # fmt: skip


def refused_for_now(after: float | None = None, *, is_down: bool = False) -> p.Again:
    return {"state": "again", "sends": ["refused"], "after_seconds": after, "problem": down(), "provider_failed": is_down}


def lost(after: float | None = 5.0, sends: Iterable[SendState] = ("open",)) -> p.Again:
    """Nobody knows whether anything was made."""
    return {
        "state": "again", "sends": list(sends), "after_seconds": after, "problem": down("unknown"), "provider_failed": True,
    }  # fmt: skip


def refused(problem: ProblemData = NO_CREDIT, *sends: SendState) -> p.SubmitFailed:
    return {"state": "failed", "sends": list(sends) or ["refused"], "problem": problem}


def closed(problem: ProblemData = NO_CREDIT) -> p.SubmitFailed:
    """The gate lets nobody in: nothing was sent."""
    return {"state": "failed", "sends": [], "problem": problem}


def canceled(*sends: SendState) -> p.SubmitCanceled:
    return {"state": "canceled", "sends": list(sends)}


def had_ended(look: p.Stored | p.LookFailed, *sends: SendState) -> p.Ended:
    """An earlier run of the story had seen the end."""
    return {"state": "ended", "sends": list(sends), "look": look}


# ---- what a look shows ----

RUNNING: p.Running = {"state": "running", "trouble": None, "after_seconds": None}
MISSING: p.Missing = {"state": "missing", "problem": down("unknown")}


def stored(index: int = 0, *, left_gate: bool = True) -> p.Stored:
    output: p.Output = {
        "index": index, "blob": f"{index}.png", "thumbnail_blob": f"{index}.jpg", "content_type": "image/png", "width": 8,
        "height": 8, "bytes": 1, "sha256": "5a", "seed": index, "preset": None,
    }  # fmt: skip
    return {"state": "stored", "output": output, "ready_at": READY_AT, "left_gate": left_gate}


def unstored(*, is_final: bool = False, left_gate: bool = True) -> p.Unstored:
    problem = Problem("provider_bad_response", charged="yes", params={"provider": "Fake"}) if is_final else None
    return {
        "state": "unstored", "problem": problem.to_payload() if problem else down("yes"), "ready_at": READY_AT,
        "is_final": is_final, "left_gate": left_gate,
    }  # fmt: skip


def failed(problem: ProblemData = MODERATED, resubmits: int = 0, *, left_gate: bool = True) -> p.LookFailed:
    return {"state": "failed", "problem": problem, "resubmits": resubmits, "left_gate": left_gate}


# ---- activities ----


def always(answer: Any) -> Answer:
    return one_after_another(answer)


def one_after_another(*answers: Any) -> Answer:
    """An activity that gives these answers in turn, then the last one for ever; an exception is raised."""
    left = list(answers)

    def activity(payload: Any) -> Any:
        answer = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(answer, BaseException):
            raise answer
        return answer

    return activity


def by_index(*activities: Any) -> Answer:
    """Each picture has an activity of its own, or one answer."""
    each = [activity if callable(activity) else always(activity) for activity in activities]
    return lambda payload: each[payload["index"]](payload)


def by_generator(fake: Any, other: Any) -> Answer:
    each = {"fake": fake if callable(fake) else always(fake), "other": other if callable(other) else always(other)}
    return lambda payload: each[payload["generator"]](payload)


SUBMITTED = always(submitted())


def _with_verdicts(body: Answer) -> Answer:
    """A submit that is over ends with a verdict, as the real one does, unless something may have been sent."""
    known: dict[Any, list[SendState]] = {}

    def activity(payload: p.SubmitOrder) -> Any:
        sends = known.get((payload["index"], payload["attempt"]), [])
        if payload["is_over"] and not payload["may_be_sent"]:
            problem = payload["over_problem"]
            return canceled(*sends) if problem is None else {"state": "failed", "sends": sends, "problem": problem}
        answer = body(payload)
        known[payload["index"], payload["attempt"]] = answer["sends"]
        return answer

    return activity


def cancel_says(state: str, *, retryable: bool = False, left_gate: bool | None = None) -> Answer:
    has_left = state == "canceled" if left_gate is None else left_gate
    return always({"state": state, "retryable": retryable, "left_gate": has_left})


GOES_ON = {names.CANCEL_PREDICTION: cancel_says("going on")}
FINISHED = {names.CANCEL_PREDICTION: cancel_says("finished")}


# ---- a story that was told ----


@dataclass(frozen=True)
class Call:
    name: str
    payload: Any
    at: float


@dataclass(frozen=True)
class Told:
    """A job's story as it went; its activities' calls are those of all its orchestrations, in order of time."""

    outcome: Outcome
    calls: list[Call]
    bench: Bench

    def called(self, name: str, index: int | None = None) -> list[Any]:
        """The payloads an activity was called with, for one picture or for all."""
        return [call.payload for call in self._calls(name, index)]

    def times(self, name: str, index: int | None = None) -> list[float]:
        return [call.at for call in self._calls(name, index)]

    def _calls(self, name: str, index: int | None) -> list[Call]:
        return [call for call in self.calls if call.name == name and index in (None, call.payload.get("index"))]

    @property
    def ending(self) -> p.FinishOrder:
        """What finish_job was told, once."""
        assert self.outcome.status == "Completed", self.outcome.output
        (told,) = self.called(names.FINISH_JOB)
        return cast(p.FinishOrder, told)

    @property
    def picture(self) -> p.PictureEnd:
        """How the only picture ended."""
        (end,) = self.ending["pictures"]
        return end

    @property
    def ended_at(self) -> float:
        """When the job ended for its user."""
        (at,) = self.times(names.FINISH_JOB)
        return at

    @property
    def at_its_end(self) -> dict[str, Any]:
        """The job's document as it was written when the job had ended."""
        order = self.ending
        return _finished(order)

    @property
    def job(self) -> dict[str, Any]:
        """The job's document after all that came late."""
        document = self.at_its_end
        for order in self.called(names.KEEP_LEFTOVER):
            document = documents.amended(document, order["picture"], PRICES)
        return document


def _finished(order: p.FinishOrder) -> dict[str, Any]:
    """As the last step writes it, where each generator is a provider of its own."""
    pictures: list[Any] = [
        {**picture, "made_by": {"provider": picture["generator"], "model": picture["generator"]}} for picture in order["pictures"]
    ]
    order = {**order, "pictures": pictures}
    return documents.finished(_document(order), order, PRICES, datetime.fromisoformat(order["started_at"]), 30)


def _document(order: p.FinishOrder) -> dict[str, Any]:
    return {
        "id": JOB, "status": "processing", "created_at": order["started_at"], "provider": "fake", "model": "fake", "outputs": [],
        "error": None,
        "possible_duplicate": False, "input": {"n": len(order["pictures"])},
    }  # fmt: skip


def tell(
    order: p.JobOrder | None = None, *, cancel_at: float | None = None, events: Iterable[tuple[float, str, Any]] = (),
    until: float = 14_400.0, bench: dict[str, Any] | None = None, activities: dict[str, Answer] | None = None,
    before: Callable[[Bench], None] = lambda bench: None,
) -> Told:  # fmt: skip
    """The whole story of a job. `before` may set up more on its bench; `cancel_at` raises the cancel event at each picture."""
    order = order or job_order()
    bodies: dict[str, Answer] = {
        names.PREPARE_IMAGE: lambda payload: {"blob": "prepared.png"},
        names.TRANSLATE_PROMPT: always({"state": "decided"}),
        names.SUBMIT_PREDICTION: SUBMITTED,
        names.RECORD_PREDICTION: always({"recorded": True}),
        names.CHECK_PREDICTION: lambda payload: stored(payload["index"]),
        names.CANCEL_PREDICTION: cancel_says("canceled"),
        names.LEAVE_GATE: always({"woken": 0}),
        names.FINISH_JOB: lambda payload: {"status": _finished(payload)["status"]},
        names.KEEP_LEFTOVER: lambda payload: {"kept": payload["picture"]["state"] == "stored"},
    } | (activities or {})  # fmt: skip
    bodies[names.SUBMIT_PREDICTION] = _with_verdicts(bodies[names.SUBMIT_PREDICTION])
    calls: list[Call] = []
    made = Bench(orchestrators.blueprints, **(bench or {}))
    bodies.setdefault(names.TELL_JOB, partial(_tell_job, made))
    bodies.setdefault(names.LOOK_AT_CHILD, lambda payload: {"was_terminated": False})
    began = made.now

    def noted(name: str, body: Answer) -> Answer:
        def activity(payload: Any) -> Any:
            calls.append(Call(name, payload, (made.now - began).total_seconds()))
            return body(payload)

        return activity

    before(made)
    if cancel_at is not None:
        pictures, start = len(order["pictures"]), order["start"]
        for index in range(pictures):
            instance = names.picture_instance_id(JOB, index, pictures, start)
            made.at(cancel_at, partial(made.raise_event, instance, names.EVENT_CANCEL, {}))
    outcome = made.run(
        names.GENERATE_JOB, order, instance_id=JOB, until=until, events=list(events),
        activities={str(name): noted(name, body) for name, body in bodies.items()},
    )  # fmt: skip
    return Told(outcome, calls, made)


def _tell_job(bench: Bench, payload: p.TellOrder) -> p.Told:
    return {"told": bench.raise_event(payload["instance"], payload["event"], payload["end"])}
