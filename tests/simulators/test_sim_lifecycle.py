"""A prediction's state follows from when it was made, its plan, and now."""

import dataclasses
import math
import random

import pytest

from simulators.lifecycle import OUTCOMES, Phase, Plan, draw_outcome, end_of, next_change, state_at, steering

PLAN = Plan("succeed", start_seconds=1, end_seconds=5, price_usd=0.08)


@pytest.mark.parametrize(
    ("now", "phase"), [(100, Phase.STARTING), (101, Phase.RUNNING), (104.9, Phase.RUNNING), (105, Phase.SUCCEEDED)]
)
def test_phases_follow_the_clock(now: float, phase: Phase) -> None:
    assert state_at(PLAN, 100, now).phase is phase


@pytest.mark.parametrize(
    ("changes", "canceled_at", "phase", "billed"),
    [
        ({}, None, Phase.SUCCEEDED, True),
        ({}, 100.5, Phase.CANCELED, False),
        ({}, 103, Phase.CANCELED, False),
        ({"bill_canceled": True}, 103, Phase.CANCELED, True),
        ({"bill_canceled": True}, 100.5, Phase.CANCELED, False),
        ({"bill_canceled": True}, 106, Phase.SUCCEEDED, True),
        ({"deadline_seconds": 0.5}, None, Phase.ABORTED, False),
        ({"deadline_seconds": 3}, None, Phase.CANCELED, False),
        ({"outcome": "never", "longest_seconds": 1800}, None, Phase.FAILED, False),
        ({"outcome": "moderated_output"}, None, Phase.MODERATED_OUTPUT, False),
        ({"outcome": "error_E003", "bill_failed": True}, None, Phase.FAILED, True),
        ({"outcome": "aborted"}, None, Phase.ABORTED, False),
    ],
)
def test_ends_and_what_they_cost(changes: dict, canceled_at: float | None, phase: Phase, billed: bool) -> None:
    state = state_at(dataclasses.replace(PLAN, **changes), 100, 10_000, canceled_at)
    assert (state.phase, state.is_billed) == (phase, billed)


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_every_outcome_ends_or_is_meant_not_to(outcome: str) -> None:
    ended_at, _ = end_of(dataclasses.replace(PLAN, outcome=outcome), 100)
    assert (ended_at == math.inf) == outcome.startswith("never")


def test_odd_statuses_share_the_run_in_order() -> None:
    plan = dataclasses.replace(PLAN, odd_statuses=("Reasoning", "Generating"))
    assert [state_at(plan, 0, now).odd_status for now in (0, 1, 2.9, 3.1, 4.9, 5)] == [
        None, "Reasoning", "Reasoning", "Generating", "Generating", None,
    ]  # fmt: skip


def test_the_next_change_is_start_then_end_then_none() -> None:
    assert [next_change(PLAN, 100, now) for now in (100, 101, 105)] == [101, 105, math.inf]


def test_a_plan_survives_json() -> None:
    plan = dataclasses.replace(PLAN, odd_statuses=("a",), moderation_reasons=("b",))
    assert Plan.from_json(plan.to_json()) == plan


def test_words_in_the_prompt_steer() -> None:
    assert steering("a hero [[moderated]]").outcome == "moderated_output"
    assert steering("[[moderate-input]]").outcome == "moderated_input"
    assert steering("[[fail]] [[slow:20]]") == dataclasses.replace(steering("[[fail]]"), delay_seconds=20.0)
    assert steering("[[outcome:error_PA]]").outcome == "error_PA"
    assert steering("[[429]]").throttled
    assert steering("[[outcome:nonsense]] [moderated]") == steering("")


def test_a_sequence_comes_before_the_mix() -> None:
    rng = random.Random(1)
    drawn = [draw_outcome("never", {"succeed": 1}, ["error_PA"], number, rng) for number in range(3)]
    assert drawn == ["error_PA", "succeed", "succeed"]
