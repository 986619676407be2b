"""What looks mean for a picture that waits for its prediction: not found, ready but not to be had, unusable; being told."""

from typing import Any

import pytest

from shared import names
from tests.orchestrators.story import (
    FINISHED,
    GOES_ON,
    LIMITS,
    MISSING,
    RUNNING,
    always,
    down,
    failed,
    job_order,
    one_after_another,
    stored,
    submitted,
    tell,
    unstored,
)

LOOK = names.CHECK_PREDICTION


# ---- when it was seen to run ----


def test_a_look_is_told_when_one_before_it_was_asked_for_that_saw_the_prediction_run() -> None:
    trouble = {**RUNNING, "trouble": "poll answered 500"}
    told = tell(
        activities={LOOK: one_after_another(RUNNING, trouble, MISSING, RUNNING, stored())},
        bench={"activity_seconds": {LOOK: 0.5}},
    )

    asked, ran = ([look[name] for look in told.called(LOOK)] for name in ("asked_at", "ran_at"))
    assert ran == [None, asked[0], asked[0], asked[0], asked[3]]


def test_nor_is_that_forgotten_when_nobody_waits_for_the_prediction_any_more() -> None:
    told = tell(
        activities={**GOES_ON, LOOK: one_after_another(*[RUNNING] * 3, stored())}, events=[(4.0, names.EVENT_CANCEL, {})]
    )  # fmt: skip

    looks = told.called(LOOK)
    assert told.at_its_end["status"] == "canceled"
    assert looks[-1]["ran_at"] == looks[-2]["asked_at"]


# ---- not found ----


def test_one_task_not_found_loses_nothing() -> None:
    told = tell(activities={LOOK: one_after_another(*[RUNNING] * 8, MISSING, stored())})

    assert (told.job["status"], told.job["outputs"]) == ("succeeded", [stored()["output"]])
    assert told.called(names.CANCEL_PREDICTION) == []


def test_a_prediction_that_is_not_found_right_after_its_submit_is_waited_for() -> None:
    told = tell(activities={LOOK: one_after_another(MISSING, MISSING, RUNNING, stored())})

    assert told.job["status"] == "succeeded"


def test_not_found_again_and_again_over_half_a_minute_ends_the_picture_and_it_is_watched_on() -> None:
    told = tell(activities={LOOK: one_after_another(*[RUNNING] * 3, *[MISSING] * 30, stored())})

    early = told.at_its_end
    assert (early["status"], early["error"]["code"], early["error"]["charged"]) == ("failed", "provider_unavailable", "unknown")
    assert 33 <= told.ended_at <= 60
    # It may be there all the same.
    assert (told.job["outputs"], told.job["error"]["charged"]) == ([stored()["output"]], "yes")


def test_a_look_that_shows_it_again_forgets_the_not_founds_before() -> None:
    hiccups = [looks for _ in range(6) for looks in (*[MISSING] * 4, RUNNING)]
    told = tell(activities={LOOK: one_after_another(*hiccups, stored())})

    assert told.job["status"] == "succeeded"


# ---- finished, but its picture is not to be had just now ----


def test_a_finished_picture_is_fetched_beyond_the_deadline() -> None:
    told = tell(job_order(generation_timeout_seconds=3), activities={LOOK: one_after_another(*[unstored()] * 5, stored())})

    assert (told.job["status"], told.picture["ready_at"]) == ("succeeded", stored()["ready_at"])
    assert told.called(names.CANCEL_PREDICTION) == []
    assert told.outcome.custom_statuses[-1][1]["stage"] == "storing"


def test_a_picture_that_cannot_be_fetched_at_all_fails_as_charged() -> None:
    told = tell(activities={LOOK: always(unstored())})

    assert (told.job["status"], told.job["error"]["charged"], told.job["usage"]["cost_usd"]) == ("failed", "yes", 0.08)
    assert told.ended_at >= LIMITS["fetch_timeout_seconds"]


def test_a_finished_picture_is_fetched_though_a_later_look_tells_nothing() -> None:
    looks = one_after_another(RUNNING, unstored(), MISSING, unstored(), RUNNING, RuntimeError("away"), stored())
    told = tell(job_order(generation_timeout_seconds=3), activities={LOOK: looks})

    assert told.job["status"] == "succeeded"
    assert told.called(names.CANCEL_PREDICTION) == []


@pytest.mark.parametrize(
    "then",
    [failed(down("unknown"), 2), failed(down("no"), 2), MISSING],
    ids=["failed", "failed for nothing", "not found any more"],
)
@pytest.mark.parametrize("has_other", [False, True])
def test_a_finished_picture_that_is_told_to_have_failed_is_paid_for_and_not_ordered_again(then: Any, has_other: bool) -> None:
    told = tell(job_order(has_other=has_other), activities={LOOK: one_after_another(unstored(), then)})

    assert len(told.called(names.SUBMIT_PREDICTION)) == 1
    assert (told.job["error"]["charged"], told.job["usage"]["cost_usd"]) == ("yes", 0.08)


def test_what_cannot_become_right_ends_within_one_more_look() -> None:
    told = tell(activities={LOOK: one_after_another(RUNNING, unstored(is_final=True))})

    assert len(told.called(LOOK)) == 3
    error = told.job["error"]
    assert (error["code"], error["charged"], told.job["usage"]["cost_usd"]) == ("provider_bad_response", "yes", 0.08)
    assert told.outcome.seconds < 10, "and nothing is watched on"


def test_a_result_that_was_unusable_once_may_be_there_at_the_next_look() -> None:
    told = tell(activities={LOOK: one_after_another(RUNNING, unstored(is_final=True), stored())})

    assert told.job["status"] == "succeeded"


# ---- the slot ----


def test_the_slot_is_left_at_the_first_look_that_shows_the_end() -> None:
    told = tell(activities={LOOK: one_after_another(RUNNING, *[unstored(left_gate=False)] * 2, *[unstored()] * 3, stored())})

    # What the look could not give back is given back at once, long before the picture is there.
    left = told.called(names.LEAVE_GATE)
    assert [order["outcome"] for order in left] == ["ok", "ok"]
    assert told.times(names.LEAVE_GATE)[0] == told.times(LOOK)[1]


@pytest.mark.parametrize(
    ("look", "outcome"), [(stored(left_gate=False), "ok"), (failed(down(), left_gate=False), "failed")], ids=["ok", "failed"]
)
def test_a_slot_that_the_look_could_not_give_back_is_given_back_with_what_the_provider_did(look: Any, outcome: str) -> None:
    told = tell(activities={LOOK: always(look)})

    assert [order["outcome"] for order in told.called(names.LEAVE_GATE)] == [outcome]


def test_a_slot_that_cannot_be_given_back_costs_no_picture() -> None:
    told = tell(activities={
        LOOK: always(stored(left_gate=False)), names.LEAVE_GATE: always(RuntimeError("the gate cannot be written")),
    })  # fmt: skip

    assert told.job["status"] == "succeeded"


# ---- canceling at the provider ----


def test_a_cancel_that_is_refused_is_tried_three_times() -> None:
    refusing = {names.CANCEL_PREDICTION: always({"state": "going on", "retryable": True, "left_gate": False})}
    told = tell(cancel_at=1.5, activities={**refusing, LOOK: one_after_another(RUNNING, stored())})

    assert told.job["status"] == "canceled"
    assert len(told.called(names.CANCEL_PREDICTION)) == 3
    # Two and four seconds between them, and nobody waits after the last.
    assert 7.5 <= told.ended_at <= 1.5 + (2 + 4) * 1.25 + 2
    assert len(told.called(names.KEEP_LEFTOVER)) == 1


def test_a_cancel_that_always_raises_leaves_the_prediction_to_be_watched() -> None:
    told = tell(cancel_at=1.5, activities={
        names.CANCEL_PREDICTION: always(RuntimeError("bug")), LOOK: one_after_another(RUNNING, stored()),
    })  # fmt: skip

    assert told.at_its_end["status"] == "canceled"
    assert told.job["outputs"] == [stored()["output"]]


def test_a_stopped_predictions_slot_is_given_back() -> None:
    stopped = {names.CANCEL_PREDICTION: always({"state": "canceled", "retryable": False, "left_gate": False})}
    told = tell(cancel_at=1.5, activities={**stopped, LOOK: always(RUNNING)})

    assert len(told.called(names.LEAVE_GATE)) == 1
    assert told.called(names.KEEP_LEFTOVER) == []


def test_a_ready_but_unfetched_picture_after_a_cancel_is_not_forgotten() -> None:
    looks = one_after_another(RUNNING, unstored(), unstored(), stored())
    told = tell(cancel_at=1.5, activities={**FINISHED, LOOK: looks})

    assert (told.at_its_end["status"], told.at_its_end["usage"]["cost_usd"]) == ("canceled", 0.08)
    assert told.job["outputs"] == [stored()["output"]]


def test_a_prediction_that_was_too_slow_but_quicker_than_its_cancel_is_a_picture() -> None:
    looks = one_after_another(*[RUNNING] * 3, stored())
    told = tell(job_order(poll_max_attempts=3), activities={**FINISHED, LOOK: looks})

    assert told.job["status"] == "succeeded"


# ---- being told by the provider ----

TOLD = {names.SUBMIT_PREDICTION: always(submitted(told=True))}


def test_a_job_looks_the_moment_it_is_told_and_hardly_before() -> None:
    told = tell(events=[(6.0, names.ended_event(1), {})], activities=TOLD)

    assert told.times(LOOK) == [6.0]
    assert told.job["status"] == "succeeded"


def test_an_early_hint_is_only_a_hint_and_looking_goes_on() -> None:
    events = [(0.0, names.ended_event(1), {}), (2.0, names.ended_event(1), {})]
    told = tell(events=events, activities={**TOLD, LOOK: one_after_another(RUNNING, RUNNING, stored())})

    assert told.job["status"] == "succeeded"
    assert len(told.called(LOOK)) == 3
    # Looked for as without calls from then on, not ten times slower.
    assert told.ended_at <= 5


def test_a_hint_that_never_comes_costs_only_time() -> None:
    told = tell(activities=TOLD)

    assert told.job["status"] == "succeeded"
    assert 9 <= told.ended_at <= 12


def test_a_hint_for_an_earlier_attempt_does_not_hurry_the_next() -> None:
    looks = one_after_another(failed(down(), 2), stored())
    events = [(6.0, names.ended_event(1), {}), (6.5, names.ended_event(1), {})]
    told = tell(events=events, activities={**TOLD, LOOK: looks})

    first, second = told.times(LOOK)
    assert first == 6.0
    assert second >= 16.0


@pytest.mark.parametrize("goes_on", [True, False])
def test_an_outage_of_our_own_at_the_deadline_is_no_reason_to_forget_a_prediction(goes_on: bool) -> None:
    looks = one_after_another(*[RuntimeError("storage away")] * 16, stored())
    told = tell(job_order(generation_timeout_seconds=60), activities={**(GOES_ON if goes_on else FINISHED), LOOK: looks})

    assert told.job["outputs"] == [stored()["output"]]
