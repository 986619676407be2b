"""What the steps of one picture share. Rebuilt by every replay, so it holds nothing but what the history gave."""

from collections.abc import Generator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, NamedTuple

import azure.durable_functions as df

from orchestrators.steps import ActivityFailed, call
from shared import names
from shared.domain import payloads as p
from shared.domain.job import status_at
from shared.domain.ledger import Ledger
from shared.domain.problem import Problem, ProblemData
from shared.domain.watch import Watch

State = Literal["stored", "failed", "canceled"]


class End(NamedTuple):
    """How a picture ends. `resubmits`: new predictions that are worth a try after this one."""

    state: State
    output: p.Output | None = None
    problem: ProblemData | None = None
    resubmits: int = 0


CANCELED = End("canceled")


def failed(problem: Problem | ProblemData, resubmits: int = 0) -> End:
    data = problem.to_payload() if isinstance(problem, Problem) else problem
    return End("failed", problem=data, resubmits=resubmits)


class Prediction(NamedTuple):
    """One that exists at the provider: how to look at it, since when it runs, and how long it is watched."""

    order: p.CheckOrder
    submitted_at: datetime
    watch: Watch
    #: What such a picture usually takes, by the generator's own figure.
    default_seconds: float
    #: False: nobody wants its picture any more.
    is_wanted: bool = True
    #: The wait for the provider's own word that it has ended; None where it gives none.
    told: Any = None

    def age(self, now: datetime) -> float:
        """Seconds since the submit."""
        return (now - self.submitted_at).total_seconds()


@dataclass
class Course:
    """How far the picture has come."""

    generator: str
    attempt: int = 0
    calls: int = 0
    looks: int = 0
    fallback_used: bool = False
    #: Where the next attempt went, when an earlier run of this story made one.
    followed_by: str | None = None
    progress: int = 0
    submitted_at: str | None = None
    ready_at: str | None = None


@dataclass
class Picture:
    context: df.DurableOrchestrationContext
    order: p.PictureOrder
    #: The one wait for the cancel event of the whole story: see pause().
    cancel: Any
    course: Course
    ledger: Ledger = field(default_factory=Ledger)
    #: What the custom status said last.
    shown: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def begun(cls, context: df.DurableOrchestrationContext, order: p.PictureOrder) -> "Picture":
        cancel = context.wait_for_external_event(names.EVENT_CANCEL)
        return cls(context, order, cancel, Course(order["generators"][0]["name"], progress=order["progress"]))

    @property
    def now(self) -> datetime:
        now: datetime = self.context.current_utc_datetime
        return now

    @property
    def limits(self) -> p.Limits:
        return self.order["limits"]

    def named(self) -> p.Named:
        """What each payload about this picture begins with."""
        order = self.order
        return {
            "job_id": order["job_id"], "traceparent": order["traceparent"], "index": order["index"],
            "generator": self.course.generator, "attempt": self.course.attempt,
        }  # fmt: skip

    def show(self, stage: str, **fields: Any) -> None:
        """Set the custom status. A picture that is tried again goes back a stage, but the bar does not."""
        status = status_at(stage, **fields)
        self.course.progress = status["progress"] = max(self.course.progress, status["progress"])
        self.shown = {
            **status, "started_at": self.order["started_at"], "attempts": max(1, self.ledger.attempts),
            "model": self.course.generator, "fallback_used": self.course.fallback_used,
        }  # fmt: skip
        self.show_money()

    def show_money(self) -> None:
        """Add to the custom status what the picture owes so far."""
        sends = self.ledger.to_payload()
        self.context.set_custom_status({**self.shown, "sends": sends})

    def jitter(self) -> float:
        """0..1, the same in every replay: the SDK derives the id from the instance and its history."""
        return float(self.context.new_guid().int % 1000) / 1000

    def leave_gate(self, outcome: Literal["ok", "failed"] | None = None) -> Generator[Any, Any, None]:
        """Give the slot or the place back. What storage does not take back now the gate frees when this orchestration has
        ended, so nothing waits for it."""
        order: p.LeaveOrder = {**self.named(), "outcome": outcome}
        try:
            yield from call(self.context, names.LEAVE_GATE, order, self.limits["patience"]["few"])
        except ActivityFailed:
            return

    def ended(self, end: End, *, is_watched: bool = False, is_known: bool = True) -> p.PictureEnd:
        """The end as data; an error says what all sends of the picture owe, not only the last one's.

        `is_watched`: its prediction goes on. `is_known`: the ledger is the whole truth; else the records are asked.
        """
        problem: ProblemData | None = end.problem and {**end.problem, "charged": self.ledger.charged}
        course = self.course
        return {
            "index": self.order["index"], "state": end.state, "output": end.output, "problem": problem,
            "sends": self.ledger.to_payload() if is_known else None, "generator": course.generator,
            "fallback_used": course.fallback_used, "looks": course.looks, "submitted_at": course.submitted_at,
            "ready_at": course.ready_at, "progress": course.progress, "is_watched": is_watched,
        }  # fmt: skip

    def late(self, end: p.PictureEnd, output: p.Output | None) -> p.PictureEnd:
        """An end that was told before, as it is now that its prediction was watched to its end."""
        if output is not None:
            return self.ended(End("stored", output))
        problem: ProblemData | None = end["problem"] and {**end["problem"], "charged": self.ledger.charged}
        return {**end, "problem": problem, "sends": self.ledger.to_payload(), "looks": self.course.looks, "is_watched": False}
