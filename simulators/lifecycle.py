"""The life of a prediction: a pure function of when it was made, its plan, and now.

The plan is drawn once, at creation, and kept with the prediction. So a prediction goes on while the process is dead,
and a later change of the config does not reach back.
"""

import dataclasses
import math
import random
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

#: Error texts of failed Replicate runs (1.11); those of images are not known (?). BFL shows all of them as `Error`.
ERRORS = {
    "error_E003": "Service is currently unavailable due to high demand. Please try again later. (E003)",
    "error_PA": "Prediction interrupted; please retry (code: PA)",
    "error_E8765": "Director: unexpected error handling prediction (E8765)",
    "error_E9828": "Director: unexpected error handling prediction (E9828)",
    "error_E6716": "Director: timed out while starting (E6716)",
    "error_E1000": "Unknown error (E1000)",
    "error_E1001": "Out of memory (E1001)",
    "error_E4875": "Webhook URL is empty (E4875)",
    "error_unknown": "Something went wrong while the model was running.",
    "error_bad_image": "cannot identify image file: the input is not an image that can be read",
    "error_unfetched_image": "The input could not be fetched: its URL did not answer with a file.",
}
#: `failed` and `not_found` are BFL's; `canceled` and `aborted` are Replicate's, done by the provider itself.
OUTCOMES = (
    "succeed", "moderated_input", "moderated_output", "never", "never_starts", "canceled", "aborted", "failed", "not_found",
    *ERRORS,
)  # fmt: skip

#: Outcomes of what does not end by itself.
ENDLESS = ("never", "never_starts")


class Phase(StrEnum):
    STARTING = "starting"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    MODERATED_INPUT = "moderated_input"
    MODERATED_OUTPUT = "moderated_output"
    FAILED = "failed"
    #: Gone: BFL's `Task not found`.
    LOST = "lost"
    CANCELED = "canceled"
    ABORTED = "aborted"

    @property
    def is_terminal(self) -> bool:
        return self not in (Phase.STARTING, Phase.RUNNING)


@dataclass(frozen=True)
class Plan:
    outcome: str
    start_seconds: float
    end_seconds: float
    #: Price of a finished picture, and whether other ends are billed too.
    price_usd: float
    bill_canceled: bool = False
    bill_failed: bool = False
    #: The caller's own deadline (Replicate's Cancel-After, 1.7), from creation.
    deadline_seconds: float | None = None
    #: Replicate gives up by itself after 30 minutes (1.5).
    longest_seconds: float | None = None
    odd_statuses: tuple[str, ...] = ()
    output_shape: str = "string"
    early_output: bool = False
    #: Ends the moderation text with this id in brackets.
    moderation_id: str | None = None
    moderation_reasons: tuple[str, ...] | None = None
    seed: int = 0

    def to_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    @staticmethod
    def from_json(data: dict[str, Any]) -> "Plan":
        reasons = data["moderation_reasons"]
        return Plan(**{
            **data, "odd_statuses": tuple(data["odd_statuses"]),
            "moderation_reasons": None if reasons is None else tuple(reasons),
        })  # fmt: skip


@dataclass(frozen=True)
class State:
    phase: Phase
    started_at: float | None = None
    ended_at: float | None = None
    #: A status name to show instead of the running one.
    odd_status: str | None = None
    #: The picture can be seen although the run has not ended.
    has_early_output: bool = False
    is_billed: bool = False


_ENDS = {
    "succeed": Phase.SUCCEEDED,
    "moderated_input": Phase.MODERATED_INPUT,
    "moderated_output": Phase.MODERATED_OUTPUT,
    "canceled": Phase.CANCELED,
    "aborted": Phase.ABORTED,
    "not_found": Phase.LOST,
}


def state_at(plan: Plan, created_at: float, now: float, canceled_at: float | None = None) -> State:
    start, (ended_at, phase) = start_of(plan, created_at), end_of(plan, created_at, canceled_at)
    if now >= ended_at:
        has_started = start < ended_at or (start == ended_at and phase not in (Phase.CANCELED, Phase.ABORTED))
        started_at = start if has_started else None
        return State(phase, started_at, ended_at, is_billed=_is_billed(plan, phase, started_at))
    if now < start:
        return State(Phase.STARTING)
    running = (now - start) / max(ended_at - start, 1e-9) if math.isfinite(ended_at) else 0.0
    odd = plan.odd_statuses[min(int(running * len(plan.odd_statuses)), len(plan.odd_statuses) - 1)] if plan.odd_statuses else None
    early = plan.early_output and plan.outcome == "succeed" and running >= 0.5
    return State(Phase.RUNNING, started_at=start, odd_status=odd, has_early_output=early)


def start_of(plan: Plan, created_at: float) -> float:
    """When the run starts; infinite when it never does."""
    if plan.outcome in ("never_starts", "aborted"):
        return math.inf
    return created_at + min(plan.start_seconds, plan.end_seconds)


def end_of(plan: Plan, created_at: float, canceled_at: float | None = None) -> tuple[float, Phase]:
    """When it ends, and how; infinite when it never does."""
    start = start_of(plan, created_at)
    natural = math.inf if plan.outcome in ENDLESS else created_at + plan.end_seconds
    ends = [(natural, _ENDS.get(plan.outcome, Phase.FAILED))]
    if plan.longest_seconds is not None:
        ends.append((created_at + plan.longest_seconds, Phase.FAILED))
    if plan.deadline_seconds is not None:
        deadline = created_at + plan.deadline_seconds
        ends.append((deadline, Phase.ABORTED if deadline <= start else Phase.CANCELED))
    if canceled_at is not None:
        ends.append((canceled_at, Phase.CANCELED))
    return min(ends, key=lambda end: end[0])


def ended_after(plan: Plan, seconds: float) -> Plan:
    """The same, but that it ends by itself so long after its creation."""
    return dataclasses.replace(plan, start_seconds=min(plan.start_seconds, seconds), end_seconds=seconds)


def next_change(plan: Plan, created_at: float, now: float, canceled_at: float | None = None) -> float:
    """The next moment at which the state differs; infinite when there is none."""
    moments = (start_of(plan, created_at), end_of(plan, created_at, canceled_at)[0])
    return min((moment for moment in moments if moment > now), default=math.inf)


def _is_billed(plan: Plan, phase: Phase, started_at: float | None) -> bool:
    if phase is Phase.CANCELED:
        return plan.bill_canceled and started_at is not None
    if phase in (Phase.FAILED, Phase.MODERATED_INPUT, Phase.MODERATED_OUTPUT):
        return plan.bill_failed
    return phase is Phase.SUCCEEDED


_WORDS = re.compile(r"\[\[\s*([a-zA-Z0-9_-]+)(?:\s*:\s*([\w.-]+))?\s*\]\]")
_WORD_OUTCOMES = {
    "moderated": "moderated_output",
    "moderate-output": "moderated_output",
    "moderate-input": "moderated_input",
    "fail": "error_unknown",
    "never": "never",
}


@dataclass(frozen=True)
class Steering:
    """What words such as `[[moderated]]` in a prompt ask for this one prediction."""

    outcome: str | None = None
    delay_seconds: float | None = None
    #: The create is answered 429 a few times.
    throttled: bool = False


def steering(prompt: str) -> Steering:
    steer = Steering()
    for word, value in _WORDS.findall(prompt):
        name = word.lower()
        if name in _WORD_OUTCOMES:
            steer = dataclasses.replace(steer, outcome=_WORD_OUTCOMES[name])
        elif name == "outcome" and value in OUTCOMES:
            steer = dataclasses.replace(steer, outcome=value)
        elif name == "slow" and re.fullmatch(r"\d+(\.\d+)?", value):
            steer = dataclasses.replace(steer, delay_seconds=float(value))
        elif name == "429":
            steer = dataclasses.replace(steer, throttled=True)
    return steer


def draw_seconds(span: float | list[float], rng: random.Random) -> float:
    return rng.uniform(span[0], span[-1]) if isinstance(span, list) else float(span)


def draw_outcome(outcome: str, outcomes: dict[str, float] | None, sequence: list[str], number: int, rng: random.Random) -> str:
    """The outcome of the prediction that is the `number`th since the sequence was set."""
    if number < len(sequence):
        return sequence[number]
    if outcomes:
        return rng.choices(list(outcomes), weights=list(outcomes.values()))[0]
    return outcome
