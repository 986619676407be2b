"""What a prediction is doing at a moment: a pure function of its plan and its age. So it goes on while we are dead."""

import random
from dataclasses import asdict, dataclass
from typing import Any

#: What a prompt may contain to steer its own prediction, whatever the configuration says.
PROMPT_OUTCOMES = {
    "[[moderated]]": "moderated_output", "[[moderate-input]]": "moderated_input", "[[fail]]": "error_E003", "[[never]]": "never",
}  # fmt: skip

ERRORS = {
    "moderated_input": "The input or output was flagged as sensitive. Please try again with different inputs. (E005)",
    "moderated_output": "The input or output was flagged as sensitive. Please try again with different inputs. (E005) (r4nd0m)",
    "error_E003": "Service is currently unavailable due to high demand. Please try again later. (E003)",
    "error_PA": "Prediction interrupted; please retry (code: PA)",
    "error_E8765": "Director: unexpected error handling prediction (E8765)",
    "error_E6716": "Prediction timed out while starting (E6716)",
    "error_unknown": "Something nobody has seen before",
}


@dataclass(frozen=True)
class Plan:
    """Drawn once, when the prediction is created. Seconds count from then."""

    outcome: str
    start_seconds: float
    delay_seconds: float
    output_shape: str = "string"
    odd_status: str | None = None
    #: Replicate's Cancel-After.
    deadline_seconds: float | None = None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def draw_plan(config: dict[str, Any], prompt: str, number: int, deadline: float | None) -> Plan:
    rng = random.Random(f"{config.get('seed', 1)}-{number}")
    delay = config["delay_seconds"]
    seconds = rng.uniform(*delay) if isinstance(delay, list) else float(delay)
    outcome = config["outcome"]
    if config.get("outcomes"):
        outcome = rng.choices(list(config["outcomes"]), weights=list(config["outcomes"].values()))[0]
    for mark, named in PROMPT_OUTCOMES.items():
        if mark in prompt:
            outcome = named
    if "[[slow:" in prompt:
        seconds = float(prompt.split("[[slow:")[1].split("]]")[0])
    odd = config.get("odd_statuses") or []
    start = min(float(config["start_seconds"]), seconds)
    return Plan(outcome, start, seconds, config["output_shape"], rng.choice(odd) if odd else None, deadline)


def state_at(plan: Plan, age: float, canceled_at: float | None) -> str:
    """starting, processing, odd, succeeded, failed, canceled or aborted."""
    ends = float("inf") if plan.outcome == "never" else plan.delay_seconds
    if canceled_at is not None and canceled_at < ends:
        return "canceled" if age >= canceled_at else state_at(plan, age, None)
    deadline = plan.deadline_seconds
    if deadline is not None and deadline < ends and age >= deadline:
        return "aborted" if deadline < plan.start_seconds else "canceled"
    if age >= ends:
        return "succeeded" if plan.outcome == "succeed" else "failed"
    if age < plan.start_seconds:
        return "starting"
    return "odd" if plan.odd_status and age < (plan.start_seconds + ends) / 2 else "processing"
