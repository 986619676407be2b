"""The providers' own book of the predictions they made: what was billed, whoever knows of it."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from tests.explore.plan import REPLICATE, Create

PRICE_USD = 0.08
#: A prediction without an end is given up by its provider after this (Replicate: 30 minutes, 1.5).
ENDLESS_SECONDS = 1800.0
#: (job id, picture, attempt): for whom a send was made.
Owner = tuple[str, int, int]


@dataclass
class Prediction:
    """One prediction, from its create on. What it is at a moment follows from the plan and from who canceled it when."""

    id: str
    provider: str
    number: int
    owner: Owner
    plan: Create
    created_at: datetime
    body: dict[str, Any] = field(repr=False)
    #: As the create's path names it.
    model: str = ""
    #: Replicate ends it then by itself (Cancel-After).
    deadline: datetime | None = None
    canceled_at: datetime | None = None
    #: Its id stands in a document. What only an answer of a step knows dies with its instance.
    is_known: bool = False
    #: The numbers of looks, downloads and cancels that it has seen.
    counts: dict[str, int] = field(default_factory=dict)
    #: When a list that showed it reached the step that looked for it.
    listed_at: datetime | None = None
    #: When a look that was told the end gave its answer to the story.
    seen_at: datetime | None = None

    @property
    def begins_at(self) -> datetime:
        return self.created_at + timedelta(seconds=self.plan.starts_after)

    @property
    def ends_at(self) -> datetime:
        """When it ends by itself, or by its deadline, or because it was canceled."""
        seconds = ENDLESS_SECONDS if self.plan.outcome == "never" else self.plan.starts_after + self.plan.seconds
        moments = [self.created_at + timedelta(seconds=seconds), self.deadline, self.canceled_at]
        return min(moment for moment in moments if moment is not None)

    def outcome(self, now: datetime) -> str:
        """How it stands: starting, processing, or how it ended: ready, canceled, aborted, or the plan's word for a failure."""
        if now < self.ends_at:
            return "starting" if now < self.begins_at else "processing"
        if self.ends_at in (self.canceled_at, self.deadline):
            return "aborted" if self.ends_at < self.begins_at else "canceled"
        if self.plan.outcome == "never":
            return "canceled" if self.provider == REPLICATE else "Error"
        return "ready" if self.plan.outcome in ("ready", "no output", "odd status") else self.plan.outcome

    def is_ended(self, now: datetime) -> bool:
        return now >= self.ends_at

    def is_billed(self, now: datetime) -> bool:
        """BFL bills what is Ready (2.10). Replicate bills what succeeded, and perhaps what failed or was stopped (1.12)."""
        outcome = self.outcome(now)
        if outcome == "ready":
            return True
        maybe = self.provider == REPLICATE and outcome not in ("starting", "processing", "aborted")
        return maybe and self.plan.bills_failed

    @property
    def has_picture(self) -> bool:
        return self.plan.outcome in ("ready", "odd status")


@dataclass
class Ask:
    """A create that reached a provider. `is_refused`: it surely made nothing."""

    provider: str
    owner: Owner
    at: datetime
    is_refused: bool = False
    #: Something was in the way of the run that asked.
    is_struck: bool = False
    #: What it made.
    prediction: Prediction | None = None


@dataclass
class Ledger:
    predictions: list[Prediction] = field(default_factory=list)
    asked: list[Ask] = field(default_factory=list)

    def of_job(self, job_id: str) -> list[Prediction]:
        return [prediction for prediction in self.predictions if prediction.owner[0] == job_id]

    def active(self, provider: str, now: datetime) -> list[Prediction]:
        return [p for p in self.predictions if p.provider == provider and not p.is_ended(now)]
