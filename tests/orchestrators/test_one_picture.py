"""The story of one picture: prepared, sent, looked at, stored; its deadlines, its cancel, and what it does when steps fail."""

import itertools
from datetime import datetime
from typing import Any

import pytest

from shared import names
from shared.domain.problem import Problem
from tests.orchestrators.story import (
    FINISHED,
    JOB,
    LIMITS,
    MODERATED,
    RUNNING,
    SUBMITTED,
    always,
    by_generator,
    closed,
    down,
    failed,
    job_order,
    one_after_another,
    refused,
    refused_for_now,
    stored,
    submitted,
    tell,
    unstored,
)


def test_a_job_is_prepared_submitted_once_looked_at_and_finished() -> None:
    told = tell(activities={names.CHECK_PREDICTION: one_after_another(RUNNING, RUNNING, stored())})

    assert [call.name for call in told.calls] == [
        names.PREPARE_IMAGE, names.SUBMIT_PREDICTION, *[names.CHECK_PREDICTION] * 3, names.FINISH_JOB,
    ]  # fmt: skip
    assert told.outcome.output == {"status": "succeeded"}
    job = told.job
    assert (job["status"], job["outputs"], job["error"]) == ("succeeded", [stored()["output"]], None)
    assert (job["attempts"], job["usage"]) == (1, {"cost_usd": 0.08, "estimated": True, "settled": True})


def test_a_bad_image_fails_the_job_before_anything_is_sent() -> None:
    problem = Problem("unsupported_image").to_payload()
    told = tell(activities={names.PREPARE_IMAGE: always({"problem": problem})})

    assert (told.job["error"]["code"], told.job["error"]["charged"]) == ("unsupported_image", "no")
    assert told.called(names.SUBMIT_PREDICTION) == []


def test_every_image_is_prepared_and_sent_in_the_order_of_its_kind() -> None:
    order = job_order()
    order["images"] = {"input_image_1": "a", "input_image_2": "b"}
    told = tell(order, activities={names.PREPARE_IMAGE: lambda payload: {"blob": payload["blob"] + ".png"}})

    (sent,) = told.called(names.SUBMIT_PREDICTION)
    assert sent["images"] == ["a.png", "b.png"]


def test_what_is_prepared_already_is_sent_as_it_is_and_what_is_poor_about_it_is_told() -> None:
    order = job_order()
    order["images"], poor = {"input_image_1": "a.png", "input_image_2": "b"}, {"code": "image_small", "params": {}}
    order["prepared"] = {"input_image_1": [poor]}  # type: ignore[list-item]
    told = tell(order, activities={names.PREPARE_IMAGE: lambda payload: {"blob": payload["blob"] + ".png"}})

    assert [call["field"] for call in told.called(names.PREPARE_IMAGE)] == ["input_image_2"]
    (sent,) = told.called(names.SUBMIT_PREDICTION)
    assert sent["images"] == ["a.png", "b.png"]
    assert told.ending["warnings"] == [poor]
    assert told.ending["sent"] == {"input_image_1": "a.png", "input_image_2": "b.png"}


def test_a_story_whose_images_are_all_prepared_begins_with_its_submit() -> None:
    order = job_order()
    order["prepared"] = {field: [] for field in order["images"]}
    assert [call.name for call in tell(order).calls][:1] == [names.SUBMIT_PREDICTION]


# ---- when it looks ----


def test_a_picture_whose_time_is_unknown_is_looked_at_every_second_and_then_less_often() -> None:
    told = tell(activities={names.CHECK_PREDICTION: always(RUNNING)})

    times = told.times(names.CHECK_PREDICTION)
    gaps = [round(b - a, 3) for a, b in itertools.pairwise(times[:-1])]
    assert gaps[0] == 1.0
    assert gaps == sorted(gaps)
    assert len(times) <= 120


def test_a_picture_of_a_known_time_is_looked_at_from_six_tenths_of_it_on() -> None:
    looks = one_after_another(*[RUNNING] * 4, stored())
    told = tell(activities={names.SUBMIT_PREDICTION: always(submitted(expected=12.0)), names.CHECK_PREDICTION: looks})

    assert [round(at) for at in told.times(names.CHECK_PREDICTION)] == [7, 11, 12, 13, 14]


def test_a_pause_that_the_provider_asks_for_between_looks_is_kept_until_the_deadline() -> None:
    busy = {**RUNNING, "after_seconds": 40.0}
    told = tell(activities={names.CHECK_PREDICTION: one_after_another(busy, busy, stored())})
    assert (told.job["status"], len(told.called(names.CHECK_PREDICTION))) == ("succeeded", 3)
    assert 79 <= told.ended_at <= 85

    told = tell(activities={names.CHECK_PREDICTION: always({**RUNNING, "after_seconds": 3600.0})})
    assert told.job["error"]["code"] == "generation_timeout"
    assert 119 <= told.ended_at <= 125


def test_it_gives_up_after_the_last_look_that_the_settings_allow() -> None:
    told = tell(job_order(poll_max_attempts=4), activities={names.CHECK_PREDICTION: always(RUNNING)})

    assert told.job["error"]["code"] == "generation_timeout"
    assert len(told.called(names.CHECK_PREDICTION)) == 4


def test_it_gives_up_at_the_deadline_and_cancels_the_prediction() -> None:
    told = tell(activities={names.CHECK_PREDICTION: always(RUNNING)})

    error = told.job["error"]
    assert (told.job["status"], error["code"], error["charged"]) == ("failed", "generation_timeout", "unknown")
    assert error["params"]["limit_ko"] == "2분"
    assert len(told.called(names.CANCEL_PREDICTION)) == 1
    assert 119 <= told.ended_at <= 125


def test_a_prediction_that_was_canceled_in_time_may_be_charged_and_is_no_leftover() -> None:
    told = tell(activities={names.CHECK_PREDICTION: always(RUNNING)})

    assert told.job["usage"] == {"cost_usd": 0, "estimated": True, "settled": False}
    assert told.called(names.KEEP_LEFTOVER) == []
    assert told.outcome.seconds < 130


# ---- how it ends ----


def test_a_moderated_prediction_ends_the_job_at_once() -> None:
    told = tell(activities={names.CHECK_PREDICTION: always(failed(MODERATED))})

    error = told.job["error"]
    assert (error["code"], error["charged"], told.job["attempts"]) == ("content_moderated", "no", 1)
    assert len(told.called(names.SUBMIT_PREDICTION)) == 1


def test_a_failure_that_the_provider_calls_transient_is_submitted_anew_as_the_next_attempt() -> None:
    looks = one_after_another(failed(down(), 2), failed(down(), 2), stored())
    told = tell(activities={names.CHECK_PREDICTION: looks})

    assert [order["attempt"] for order in told.called(names.SUBMIT_PREDICTION)] == [1, 2, 3]
    assert (told.job["status"], told.job["attempts"]) == ("succeeded", 3)


def test_transient_failures_end_with_the_attempts() -> None:
    told = tell(activities={names.CHECK_PREDICTION: always(failed(down(), 5))})

    assert len(told.called(names.SUBMIT_PREDICTION)) == LIMITS["max_attempts"]
    assert told.job["error"]["code"] == "provider_unavailable"


def test_an_end_does_not_forget_that_an_earlier_prediction_may_be_charged() -> None:
    told = tell(activities={
        names.CHECK_PREDICTION: always(failed(down("unknown"), 2)),
        names.SUBMIT_PREDICTION: one_after_another(submitted(), refused()),
    })  # fmt: skip

    assert (told.job["status"], told.job["error"]["charged"]) == ("failed", "unknown")


@pytest.mark.parametrize("answer", [refused_for_now(200), closed()], ids=["the provider is busy", "the gate is closed"])
def test_no_prediction_is_started_after_the_time_of_the_first(answer: Any) -> None:
    told = tell(
        job_order(generation_timeout_seconds=60),
        activities={
            names.CHECK_PREDICTION: one_after_another(failed(down(), 2), stored()),
            names.SUBMIT_PREDICTION: one_after_another(submitted(), answer, submitted()),
        },
    )

    assert told.job["error"]["code"] == "provider_unavailable"
    sent = [(order["is_over"], at) for order, at in _submits(told)]
    assert all(is_over or at < 60 for is_over, at in sent)
    assert told.ended_at < 70, "nobody waits for what will not be sent"


def _submits(told: Any) -> list[Any]:
    return list(zip(told.called(names.SUBMIT_PREDICTION), told.times(names.SUBMIT_PREDICTION), strict=True))


# ---- its cancel ----


def test_cancel_while_generating_stops_the_prediction() -> None:
    told = tell(cancel_at=5.5, activities={names.CHECK_PREDICTION: always(RUNNING)})

    assert told.job["status"] == "canceled"
    assert len(told.called(names.CANCEL_PREDICTION)) == 1
    assert told.ended_at < 10


def test_cancel_before_the_first_wait_is_not_forgotten() -> None:
    told = tell(cancel_at=0.0, activities={names.CHECK_PREDICTION: always(RUNNING)})

    assert told.job["status"] == "canceled"


def test_a_picture_that_was_quicker_than_its_cancel_is_not_lost() -> None:
    told = tell(cancel_at=1.5, activities={**FINISHED, names.CHECK_PREDICTION: one_after_another(RUNNING, stored())})

    assert (told.job["status"], told.job["outputs"]) == ("succeeded", [stored()["output"]])


def test_a_cancel_that_comes_with_the_finished_picture_does_not_lose_it() -> None:
    looks = one_after_another(unstored(), unstored(), stored())
    told = tell(cancel_at=1.5, activities={names.CHECK_PREDICTION: looks})

    assert told.job["status"] == "succeeded"


def test_a_canceled_job_says_what_it_has_paid_for() -> None:
    unusable = Problem("provider_bad_response", charged="yes").to_payload()
    looks = one_after_another(RUNNING, failed(unusable))
    told = tell(cancel_at=1.5, activities={**FINISHED, names.CHECK_PREDICTION: looks})

    assert (told.job["status"], told.job["error"], told.job["charges"]) == ("canceled", None, {"0": "yes"})
    assert told.job["usage"]["cost_usd"] == 0.08


def test_a_cancel_that_finds_a_failed_prediction_starts_no_other() -> None:
    looks = one_after_another(RUNNING, failed(down(), 2))
    told = tell(job_order(has_other=True), cancel_at=1.5, activities={**FINISHED, names.CHECK_PREDICTION: looks})

    assert (told.job["status"], len(told.called(names.SUBMIT_PREDICTION))) == ("canceled", 1)


def test_a_cancel_between_two_predictions_starts_no_other() -> None:
    told = tell(cancel_at=2.5, activities={names.CHECK_PREDICTION: always(failed(down(), 2))})

    assert (told.job["status"], len(told.called(names.SUBMIT_PREDICTION))) == ("canceled", 1)


# ---- steps that raise ----


def test_an_activity_that_raises_is_repeated_and_the_job_goes_on() -> None:
    away = RuntimeError("storage away")
    told = tell(activities={
        names.PREPARE_IMAGE: one_after_another(away, {"blob": "prepared.png"}),
        names.SUBMIT_PREDICTION: one_after_another(away, submitted()),
        names.CHECK_PREDICTION: one_after_another(away, stored()),
        names.FINISH_JOB: one_after_another(away, {"status": "succeeded"}),
    })  # fmt: skip

    assert told.outcome.output == {"status": "succeeded"}


def test_an_image_that_cannot_be_prepared_ends_the_job_as_internal() -> None:
    told = tell(activities={names.PREPARE_IMAGE: always(RuntimeError("token=secret"))})

    assert (told.job["status"], told.job["error"]["code"], told.job["error"]["charged"]) == ("failed", "internal", "no")
    assert "secret" not in str(told.ending)


@pytest.mark.parametrize("first", [[], [submitted()]], ids=["at first", "for the second attempt"])
def test_a_submit_that_always_raises_may_have_sent_so_the_records_are_asked(first: list[Any]) -> None:
    told = tell(activities={
        names.SUBMIT_PREDICTION: one_after_another(*first, RuntimeError("away")),
        names.CHECK_PREDICTION: always(failed(down(), 2)),
    })  # fmt: skip

    problem = told.picture["problem"]
    assert problem is not None
    assert (told.picture["sends"], problem["code"]) == (None, "internal")


def test_a_look_that_always_raises_does_not_fail_a_job_before_its_deadline() -> None:
    looks = one_after_another(*[RuntimeError("bug")] * 9, stored())
    told = tell(activities={names.CHECK_PREDICTION: looks})

    assert told.job["status"] == "succeeded"


def test_a_job_waits_for_hours_for_the_storage_that_its_end_is_written_to() -> None:
    told = tell(activities={names.FINISH_JOB: one_after_another(*[RuntimeError("away")] * 12, {"status": "succeeded"})})

    assert told.outcome.status == "Completed"
    assert 3600 <= told.outcome.seconds <= 7200


# ---- what is shown meanwhile ----


def test_progress_never_goes_back_and_every_status_has_a_stage() -> None:
    told = tell(activities={names.CHECK_PREDICTION: one_after_another(*[RUNNING] * 30, stored())})

    statuses = [status for _, status in told.outcome.custom_statuses]
    progress = [status["progress"] for status in statuses]
    assert progress == sorted(progress)
    assert all(status["stage"] and status["started_at"] for status in statuses)
    assert {"validating", "submitting", "generating"} <= {status["stage"] for status in statuses}


def test_progress_does_not_go_back_when_a_picture_is_tried_again() -> None:
    told = tell(activities={
        names.CHECK_PREDICTION: one_after_another(*[RUNNING] * 4, failed(down(), 2), RUNNING, stored()),
        names.SUBMIT_PREDICTION: one_after_another(refused_for_now(4), submitted()),
    })  # fmt: skip

    shown = [status["progress"] for _, status in told.outcome.custom_statuses]
    assert shown == sorted(shown)
    assert told.picture["progress"] == shown[-1] > 30


def test_what_it_owes_so_far_is_shown_while_it_runs() -> None:
    told = tell(activities={names.CHECK_PREDICTION: one_after_another(RUNNING, RUNNING, stored())})

    shown = [[send["state"] for send in status["sends"]] for _, status in told.outcome.custom_statuses if "sends" in status]
    assert [state for i, state in enumerate(shown) if state != shown[i - 1]] == [[], ["accepted"], ["paid"]]


# ---- another provider ----


def test_a_provider_that_fails_each_prediction_is_left_for_the_other() -> None:
    looks = by_generator(failed(down(), 2), stored())
    told = tell(job_order(has_other=True), activities={names.CHECK_PREDICTION: looks})

    assert (told.job["status"], told.job["provider"], told.job["fallback_used"]) == ("succeeded", "other", True)
    attempts = {(sent["generator"], sent["attempt"]) for sent in told.called(names.SUBMIT_PREDICTION)}
    # The record of an attempt is never that of another provider's.
    assert attempts == {("fake", 1), ("fake", 2), ("fake", 3), ("other", 4)}


@pytest.mark.parametrize("problem", [MODERATED, down("unknown")], ids=["moderated", "perhaps paid"])
def test_moderation_and_what_may_be_paid_for_never_go_to_the_other_provider(problem: Any) -> None:
    told = tell(job_order(has_other=True), activities={names.CHECK_PREDICTION: always(failed(problem))})

    assert (told.job["status"], told.job["fallback_used"]) == ("failed", False)


def test_nor_does_the_end_at_the_other_provider_forget_what_may_be_charged_at_the_first() -> None:
    looks = by_generator(failed(down("unknown"), 2), failed(MODERATED))
    told = tell(job_order(has_other=True), activities={names.CHECK_PREDICTION: looks})

    error = told.job["error"]
    assert (told.job["fallback_used"], error["code"], error["charged"]) == (True, "content_moderated", "unknown")


@pytest.mark.parametrize(
    "then", [[refused_for_now(1, is_down=True)], [refused()], [closed(down())]], ids=["refusals", "no credit", "closed gate"]
)
def test_after_a_failed_prediction_too_a_provider_that_is_down_is_left_for_the_other(then: list[Any]) -> None:
    told = tell(job_order(has_other=True), activities={
        names.CHECK_PREDICTION: by_generator(failed(down("unknown"), 2), stored()),
        names.SUBMIT_PREDICTION: by_generator(one_after_another(submitted(), *then), SUBMITTED),
    })  # fmt: skip

    assert (told.job["status"], told.job["fallback_used"]) == ("succeeded", True)


def test_the_job_is_its_only_pictures_orchestration() -> None:
    told = tell()

    assert set(told.bench.instances()) == {JOB}


def test_while_a_picture_is_made_its_story_tells_since_when_and_what_is_usual() -> None:
    """So that a job can be said to be late between two looks."""
    told = tell()
    shown = [status for _, status in told.outcome.custom_statuses if status["stage"] == "generating"]
    assert shown
    assert all(datetime.fromisoformat(status["submitted_at"]).tzinfo and status["expected_seconds"] > 0 for status in shown)
