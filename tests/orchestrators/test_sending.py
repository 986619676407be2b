"""From the wish for a picture to its prediction: the line at the gate, refusals, lost sends, and when another is asked."""

from typing import Any

import pytest

from shared import names
from tests.orchestrators.story import (
    JOB,
    LIMITS,
    MODERATED,
    NO_CREDIT,
    RUNNING,
    SUBMITTED,
    always,
    by_generator,
    canceled,
    closed,
    down,
    failed,
    had_ended,
    job_order,
    lost,
    one_after_another,
    refused,
    refused_for_now,
    stored,
    submitted,
    tell,
    waiting,
)

SUBMIT, LOOK = names.SUBMIT_PREDICTION, names.CHECK_PREDICTION


# ---- the line at the gate ----


def test_a_picture_waits_for_its_slot_and_goes_on_the_moment_it_is_told() -> None:
    answers = one_after_another(waiting(), submitted())
    told = tell(events=[(7.0, names.slot_event(1), {})], activities={SUBMIT: answers})

    assert told.job["status"] == "succeeded"
    assert told.times(SUBMIT) == [0.0, 7.0]
    assert any(status["stage"] == "waiting" and status["eta_seconds"] == 20 for _, status in told.outcome.custom_statuses)


def test_a_picture_that_nobody_tells_looks_by_itself() -> None:
    told = tell(activities={SUBMIT: one_after_another(waiting(), waiting(), submitted())})

    assert told.job["status"] == "succeeded"
    asked = told.called(SUBMIT)
    # Each wait has an event of its own: an early event of an old wait must not end a new one.
    assert [(order["call"], order["event"]) for order in asked] == [(n, names.slot_event(n)) for n in (1, 2, 3)]
    assert [order["instance"] for order in asked] == [JOB] * 3
    assert 60 <= told.times(SUBMIT)[-1] <= 64


def test_waiting_at_the_gate_has_a_deadline_of_its_own_and_ends_with_a_verdict() -> None:
    told = tell(activities={SUBMIT: always(waiting())})

    error = told.job["error"]
    assert (error["code"], error["stage"], error["charged"]) == ("generation_timeout", "waiting", "no")
    assert error["params"]["limit_ko"] == "10분"
    assert 600 <= told.ended_at <= 605
    last = told.called(SUBMIT)[-1]
    # A run that comes later finds that nothing is to be sent, and why.
    assert (last["is_over"], last["over_problem"]["code"]) == (True, "generation_timeout")


def test_waiting_for_a_provider_that_is_down_ends_with_what_is_wrong_with_it() -> None:
    told = tell(activities={SUBMIT: always(waiting(problem=down()))})

    assert (told.job["error"]["code"], told.job["error"]["charged"]) == ("provider_unavailable", "no")


def test_a_cancel_in_line_sends_nothing_and_ends_with_a_verdict() -> None:
    told = tell(cancel_at=5.5, activities={SUBMIT: always(waiting())})

    assert (told.job["status"], told.job["attempts"], told.job["error"]) == ("canceled", 0, None)
    assert [(order["is_over"], order["over_problem"]) for order in told.called(SUBMIT)] == [(False, None), (True, None)]
    assert told.ended_at < 10


def test_who_was_canceled_before_its_picture_could_be_woken_is_told_by_the_submit() -> None:
    told = tell(job_order(2), activities={SUBMIT: always(canceled())})

    assert told.job["status"] == "canceled"
    assert told.called(LOOK) == []


def test_a_closed_gate_ends_the_job_at_once() -> None:
    told = tell(activities={SUBMIT: always(closed(NO_CREDIT))})

    assert (told.job["error"]["code"], told.job["error"]["charged"]) == ("provider_quota_exhausted", "no")
    assert len(told.called(SUBMIT)) == 1


# ---- refusals ----


def test_a_refused_submit_waits_as_long_as_the_provider_asks() -> None:
    told = tell(activities={SUBMIT: one_after_another(refused_for_now(40), submitted())})

    first, second = told.times(SUBMIT)
    assert 40 <= second - first <= 51
    assert any(status["stage"] == "waiting" for _, status in told.outcome.custom_statuses)
    assert (told.job["status"], told.job["possible_duplicate"]) == ("succeeded", False)


def test_waiting_for_the_provider_has_a_deadline_of_its_own() -> None:
    told = tell(activities={SUBMIT: always(refused_for_now())})

    assert (told.job["error"]["code"], told.job["error"]["charged"]) == ("provider_unavailable", "no")
    assert 500 <= told.ended_at <= 610


def test_a_cancel_between_refusals_costs_nothing() -> None:
    told = tell(cancel_at=5.5, activities={SUBMIT: always(refused_for_now(60))})

    assert (told.job["status"], told.job["attempts"], told.job["usage"]["settled"]) == ("canceled", 0, True)
    assert told.called(names.CANCEL_PREDICTION) == []
    assert told.ended_at < 10


def test_a_provider_that_is_down_is_told_to_the_gate_with_the_next_try() -> None:
    failing = refused_for_now(is_down=True)
    told = tell(activities={SUBMIT: one_after_another(failing, refused_for_now(), failing, submitted())})

    assert [order["has_failed"] for order in told.called(SUBMIT)] == [False, True, False, True]


@pytest.mark.parametrize(
    "answers",
    [one_after_another(closed(down())), one_after_another(refused_for_now(1, is_down=True)), one_after_another(refused(down()))],
    ids=["gate shut", "does not answer", "refuses the key"],
)
def test_a_provider_that_is_down_is_left_for_the_other(answers: Any) -> None:
    told = tell(job_order(has_other=True), activities={SUBMIT: by_generator(answers, SUBMITTED)})

    assert (told.job["status"], told.job["provider"], told.job["fallback_used"]) == ("succeeded", "other", True)
    asked = [order for order in told.called(SUBMIT) if order["generator"] == "fake"]
    assert len([order for order in asked if not order["is_over"]]) <= LIMITS["refusals_before_fallback"]
    # Only at the last one is there any use in waiting until it is up again.
    assert {(order["generator"], order["may_wait_when_down"]) for order in told.called(SUBMIT)} == {
        ("fake", False), ("other", True),
    }  # fmt: skip


def test_a_provider_that_is_only_busy_is_not_left() -> None:
    answers = by_generator(one_after_another(*[refused_for_now(1)] * 6, submitted()), SUBMITTED)
    told = tell(job_order(has_other=True), activities={SUBMIT: answers})

    assert (told.job["status"], told.job["fallback_used"]) == ("succeeded", False)


# ---- sends whose answer was lost ----


def test_a_possible_duplicate_is_told() -> None:
    told = tell(activities={SUBMIT: one_after_another(lost(), submitted("open", "accepted"))})

    assert (told.job["status"], told.job["possible_duplicate"]) == ("succeeded", True)
    assert told.job["usage"] == {"cost_usd": 0.08, "estimated": True, "settled": False}


def test_a_lost_send_that_was_found_leaves_the_charge_as_its_end_says() -> None:
    told = tell(activities={SUBMIT: one_after_another(lost(), submitted()), LOOK: always(failed(MODERATED))})

    assert (told.job["error"]["charged"], told.job["possible_duplicate"]) == ("no", False)


def test_the_end_of_a_possible_duplicate_does_not_speak_for_the_lost_one() -> None:
    answers = one_after_another(lost(), submitted("open", "accepted"))
    told = tell(activities={SUBMIT: answers, LOOK: always(failed(MODERATED))})

    assert told.job["error"]["charged"] == "unknown"


def test_a_send_whose_outcome_is_unknown_is_not_given_up_with_the_queue() -> None:
    order = job_order(queue_timeout_seconds=8)
    told = tell(order, activities={SUBMIT: one_after_another(*[lost()] * 3, submitted())})

    assert told.job["status"] == "succeeded"


def test_a_cancel_while_a_sends_outcome_is_unknown_first_finds_out_and_then_cancels_what_was_made() -> None:
    answers = one_after_another(lost(), lost(), submitted(is_wanted=False))
    told = tell(cancel_at=1.0, activities={SUBMIT: answers, LOOK: always(RUNNING)})

    assert told.job["status"] == "canceled"
    assert len(told.called(names.CANCEL_PREDICTION)) == 1
    assert told.called(LOOK) == []


def test_a_canceled_picture_tells_what_its_lost_send_owes() -> None:
    told = tell(cancel_at=1.0, activities={SUBMIT: one_after_another(lost(), canceled("open"))})

    assert told.picture["sends"] == [{"generator": "fake", "attempt": 1, "state": "open"}]
    assert (told.job["status"], told.job["charges"], told.job["usage"]["settled"]) == ("canceled", {"0": "unknown"}, False)


def test_two_lost_sends_are_a_possible_duplicate_that_may_be_charged() -> None:
    both = refused(down("unknown"), "open", "open")
    told = tell(activities={SUBMIT: one_after_another(lost(), lost(sends=["open", "open"]), both)})

    assert (told.job["possible_duplicate"], told.job["error"]["charged"]) == (True, "unknown")


def test_a_refusal_after_a_lost_send_does_not_say_that_nothing_is_charged_nor_goes_to_the_other_provider() -> None:
    answers = one_after_another(lost(), refused(NO_CREDIT, "open", "refused"))
    told = tell(job_order(has_other=True), activities={SUBMIT: answers})

    error = told.job["error"]
    assert (error["code"], error["charged"], told.job["fallback_used"]) == ("provider_quota_exhausted", "unknown", False)
    # The repeat was refused, so only one can have been made.
    assert told.job["possible_duplicate"] is False


def test_a_lost_send_is_looked_for_before_a_provider_that_is_down_is_left() -> None:
    answers = one_after_another(*[refused_for_now(1, is_down=True)] * 2, lost(1), submitted())
    told = tell(job_order(has_other=True), activities={SUBMIT: answers})

    assert (told.job["status"], told.job["fallback_used"]) == ("succeeded", False)
    assert [order["may_be_sent"] for order in told.called(SUBMIT)] == [False, False, False, True]


# ---- what an earlier run of the story has sent ----


def test_a_story_that_is_told_again_asks_whether_something_was_sent() -> None:
    told = tell(job_order(start=1))

    (asked,) = told.called(SUBMIT)
    # Its number lies above all that the former run gave.
    assert (asked["may_be_sent"], asked["call"]) == (True, 1001)


def test_what_an_earlier_run_saw_end_is_told_as_it_ended() -> None:
    told = tell(job_order(start=1), activities={SUBMIT: always(had_ended(stored(), "paid"))})
    assert (told.job["status"], told.job["outputs"]) == ("succeeded", [stored()["output"]])
    assert told.job["usage"] == {"cost_usd": 0.08, "estimated": True, "settled": True}
    assert told.called(LOOK) == []

    told = tell(job_order(start=1), activities={SUBMIT: always(had_ended(failed(MODERATED), "free"))})
    assert (told.job["error"]["code"], told.job["error"]["charged"]) == ("content_moderated", "no")


def test_a_transient_failure_that_an_earlier_run_saw_is_followed_by_the_next_attempt() -> None:
    answers = one_after_another(had_ended(failed(down(), 2), "free"), submitted())
    told = tell(job_order(start=1), activities={SUBMIT: answers})

    assert [order["attempt"] for order in told.called(SUBMIT)] == [1, 2]
    assert told.job["status"] == "succeeded"


def test_a_cancel_that_waits_for_a_story_told_again_finds_the_attempt_that_an_earlier_run_went_on_to() -> None:
    """It was made and may be paid, so it is canceled at the provider and not just left out."""
    first = {**had_ended(failed(down(), 2), "free"), "followed_by": "fake"}
    told = tell(job_order(start=1), cancel_at=0.0, activities={SUBMIT: one_after_another(first, submitted(is_wanted=False))})

    assert [order["attempt"] for order in told.called(SUBMIT)] == [1, 2]
    assert [order["attempt"] for order in told.called(names.CANCEL_PREDICTION)] == [2]
    assert (told.job["status"], told.job["usage"]["settled"]) == ("canceled", False)


def test_the_time_of_a_prediction_goes_on_from_its_submit_when_the_story_is_told_again() -> None:
    answers = always(submitted(age=100.0))
    told = tell(job_order(start=1), activities={SUBMIT: answers, LOOK: always(RUNNING)})

    assert told.job["error"]["code"] == "generation_timeout"
    assert 19 <= told.ended_at <= 25
    assert told.picture["submitted_at"] == "2025-12-31T23:58:20+00:00"


def test_a_prediction_that_nobody_wants_any_more_is_stopped_before_it_is_looked_at() -> None:
    told = tell(job_order(start=1), activities={SUBMIT: always(submitted(is_wanted=False))})

    assert told.job["status"] == "canceled"
    assert (len(told.called(names.CANCEL_PREDICTION)), told.called(LOOK)) == (1, [])
