"""Predictions that go on at the provider when their picture has ended: watched from that moment on, kept, told truly."""

import itertools
from typing import Any

import pytest

from shared import names
from tests.orchestrators.story import (
    GOES_ON,
    JOB,
    MISSING,
    MODERATED,
    RUNNING,
    always,
    by_index,
    canceled,
    down,
    failed,
    job_order,
    lost,
    one_after_another,
    stored,
    submitted,
    tell,
    unstored,
    waiting,
)

LOOK, KEEP, SUBMIT = names.CHECK_PREDICTION, names.KEEP_LEFTOVER, names.SUBMIT_PREDICTION


def slow(looks: int, last: Any) -> Any:
    """A prediction that runs on for so many looks."""
    return one_after_another(*[RUNNING] * looks, last)


# ---- one picture ----


def test_what_cannot_be_canceled_is_watched_and_its_picture_kept_after_the_job_has_ended() -> None:
    told = tell(cancel_at=1.5, activities={**GOES_ON, LOOK: slow(3, stored())})

    assert told.at_its_end["status"] == "canceled"
    # The user is told at once.
    assert told.ended_at < 3
    assert told.outcome.custom_statuses[-1][1] == {"job_ended": True}
    assert (told.job["status"], told.job["outputs"], told.job["usage"]) == (
        "canceled", [stored()["output"]], {"cost_usd": 0.08, "estimated": True, "settled": True},
    )  # fmt: skip


def test_a_leftover_is_looked_at_soon_then_every_half_minute() -> None:
    told = tell(cancel_at=1.5, activities={**GOES_ON, LOOK: always(RUNNING)})

    after = [at - told.ended_at for at in told.times(LOOK) if at > told.ended_at]
    assert 4 <= after[0] <= 6
    assert all(14 <= second - first <= 31 for first, second in itertools.pairwise(after[1:]))


def test_a_job_that_failed_and_whose_late_picture_was_then_paid_says_so() -> None:
    told = tell(job_order(generation_timeout_seconds=3), activities={**GOES_ON, LOOK: slow(5, stored())})

    assert (told.at_its_end["error"]["code"], told.at_its_end["error"]["charged"]) == ("generation_timeout", "unknown")
    assert (told.job["status"], told.job["error"]["charged"], len(told.job["outputs"])) == ("failed", "yes", 1)


def test_a_leftover_that_fails_says_what_it_cost() -> None:
    told = tell(job_order(generation_timeout_seconds=3), activities={**GOES_ON, LOOK: slow(4, failed(MODERATED))})

    assert told.at_its_end["error"]["charged"] == "unknown"
    error = told.job["error"]
    assert (error["code"], error["charged"], told.job["usage"]["settled"]) == ("generation_timeout", "no", True)


def test_a_leftover_that_never_ends_is_given_up_and_frees_its_slot() -> None:
    told = tell(job_order(generation_timeout_seconds=3), activities={**GOES_ON, LOOK: always(RUNNING)})

    assert [slot["outcome"] for slot in told.called(names.LEAVE_GATE)] == [None]
    assert 900 <= told.outcome.seconds <= 940
    # Nobody watches it any more, and nobody knows.
    assert (told.job["error"]["charged"], told.job["pictures"][0]["is_watched"]) == ("unknown", False)


def test_a_leftover_that_cannot_be_looked_at_is_given_up_too() -> None:
    looks = one_after_another(RUNNING, RuntimeError("bug"))
    told = tell(job_order(leftover_timeout_seconds=200), cancel_at=1.5, activities={**GOES_ON, LOOK: looks})

    assert told.outcome.status == "Completed"
    assert len(told.called(names.LEAVE_GATE)) == 1


def test_a_picture_that_could_not_be_fetched_in_time_is_fetched_on_after_the_end() -> None:
    told = tell(activities={LOOK: one_after_another(*[unstored()] * 20, stored())})

    assert (told.at_its_end["status"], told.at_its_end["error"]["charged"]) == ("failed", "yes")
    assert told.at_its_end["usage"]["cost_usd"] == 0.08
    assert (told.job["outputs"], told.job["usage"]["cost_usd"]) == ([stored()["output"]], 0.08)


@pytest.mark.parametrize("last", [RUNNING, MISSING, failed(down("unknown"))], ids=["no answer", "not found", "failed"])
def test_a_leftover_that_was_ready_once_is_told_as_paid_whatever_its_last_look_says(last: Any) -> None:
    told = tell(cancel_at=1.5, activities={**GOES_ON, LOOK: one_after_another(RUNNING, *[unstored()] * 4, last)})

    assert told.at_its_end["charges"] == {"0": "unknown"}
    assert (told.job["charges"], told.job["usage"]["cost_usd"]) == ({"0": "yes"}, 0.08)


def test_a_leftover_whose_result_cannot_become_right_ends_within_one_more_look() -> None:
    told = tell(cancel_at=1.5, activities={**GOES_ON, LOOK: one_after_another(RUNNING, unstored(is_final=True))})

    assert len(told.called(LOOK)) == 3
    assert (told.job["status"], told.job["charges"]) == ("canceled", {"0": "yes"})


def test_a_late_free_end_never_lowers_what_a_lost_send_may_cost() -> None:
    answers = one_after_another(lost(), submitted("open", "accepted"))
    told = tell(
        job_order(generation_timeout_seconds=10), activities={**GOES_ON, SUBMIT: answers, LOOK: slow(12, failed(MODERATED))}
    )

    assert told.at_its_end["error"]["code"] == "generation_timeout"
    assert told.called(KEEP), "it was watched on"
    assert (told.job["error"]["charged"], told.job["possible_duplicate"]) == ("unknown", True)


# ---- beside other pictures ----


def test_a_leftover_is_looked_at_from_the_moment_its_picture_ends() -> None:
    looks = by_index(slow(12, stored(0)), slow(60, stored(1)))
    told = tell(
        job_order(2, generation_timeout_seconds=30),
        activities={**GOES_ON, LOOK: looks, SUBMIT: by_index(submitted(), one_after_another(waiting(120.0), submitted()))},
    )

    leftover_ended = told.times(LOOK, 0)[-1]
    assert leftover_ended < 60 < told.ended_at
    # Its slot is free as soon as a look says so: here the looks themselves have given it back.
    assert told.called(names.LEAVE_GATE, 0) == []


def test_a_late_picture_is_an_ordinary_output_while_its_job_still_runs() -> None:
    looks = by_index(slow(12, stored(0)), one_after_another(*[RUNNING] * 6, stored(1)))
    told = tell(
        job_order(2, generation_timeout_seconds=30),
        activities={**GOES_ON, LOOK: looks, SUBMIT: by_index(submitted(), one_after_another(waiting(120.0), submitted()))},
    )

    assert told.at_its_end["status"] == "succeeded"
    assert [output["index"] for output in told.at_its_end["outputs"]] == [0, 1]
    assert told.at_its_end["error"] is None
    assert told.called(KEEP) == []


def test_a_job_ends_for_its_user_when_all_its_pictures_have_whatever_goes_on() -> None:
    looks = by_index(slow(40, stored(0)), one_after_another(RUNNING, stored(1)))
    told = tell(job_order(2, generation_timeout_seconds=30), activities={**GOES_ON, LOOK: looks})

    early = told.at_its_end
    assert told.ended_at < 40
    assert (early["status"], len(early["outputs"]), early["error"]["code"]) == ("succeeded", 1, "generation_timeout")
    assert (len(told.job["outputs"]), told.job["usage"]["cost_usd"]) == (2, 0.16)


def test_leftovers_of_several_pictures_are_watched_together() -> None:
    looks = by_index(slow(7, stored(0)), slow(8, stored(1)))
    told = tell(job_order(2, generation_timeout_seconds=3), activities={**GOES_ON, LOOK: looks})

    assert told.at_its_end["status"] == "failed"
    assert [order["picture"]["index"] for order in told.called(KEEP)] == [0, 1]
    assert [output["index"] for output in told.job["outputs"]] == [0, 1]


def test_one_leftover_that_cannot_be_looked_at_holds_up_no_other() -> None:
    looks = by_index(slow(4, stored(0)), one_after_another(*[RUNNING] * 4, RuntimeError("bug")))
    order = job_order(2, generation_timeout_seconds=3, leftover_timeout_seconds=200)
    told = tell(order, activities={**GOES_ON, LOOK: looks})

    kept = {order["picture"]["index"]: at for order, at in zip(told.called(KEEP), told.times(KEEP), strict=True)}
    assert kept[0] < 60 < 200 < kept[1]
    assert [output["index"] for output in told.job["outputs"]] == [0]


def test_a_slot_that_cannot_be_given_back_does_not_lose_sight_of_a_leftover() -> None:
    leave = by_index(RuntimeError("the gate cannot be written"), {"woken": 0})
    looks = by_index(stored(0, left_gate=False), always(RUNNING))
    told = tell(job_order(2, generation_timeout_seconds=20), activities={**GOES_ON, LOOK: looks, names.LEAVE_GATE: leave})

    assert any(told.ended_at < at < told.ended_at + 60 for at in told.times(LOOK, 1))


def test_a_job_that_cannot_be_told_of_an_end_waits_for_the_end_of_its_watch() -> None:
    looks = by_index(slow(12, stored(0)), one_after_another(RUNNING, stored(1)))
    told = tell(
        job_order(2, generation_timeout_seconds=10),
        activities={**GOES_ON, LOOK: looks, names.TELL_JOB: always(RuntimeError("the hub is away"))},
    )

    assert [output["index"] for output in told.at_its_end["outputs"]] == [0, 1]


# ---- what a canceled end owes beside its sisters ----


@pytest.mark.parametrize("sister", ["moderated", "stored"])
def test_a_canceled_picture_tells_what_its_lost_send_owes_beside_its_sister(sister: str) -> None:
    looks = by_index(RUNNING, failed(MODERATED) if sister == "moderated" else stored(1))
    told = tell(
        job_order(2),
        before=lambda bench: bench.at(9.0, lambda: bench.raise_event(f"{JOB}-0", names.EVENT_CANCEL, {})),
        activities={SUBMIT: by_index(one_after_another(lost(), lost(), canceled("open")), submitted()), LOOK: looks},
    )  # fmt: skip

    assert told.job["charges"]["0"] == "unknown"
    assert told.job["usage"]["settled"] is False
    if sister == "moderated":
        assert (told.job["status"], told.job["error"]["charged"]) == ("failed", "unknown")
    else:
        assert (told.job["status"], told.job["usage"]["cost_usd"]) == ("succeeded", 0.08)


def test_one_that_was_canceled_but_goes_on_may_be_charged_though_its_sister_was_free() -> None:
    looks = by_index(RUNNING, failed(MODERATED))
    told = tell(
        job_order(2), activities={**GOES_ON, LOOK: looks},
        before=lambda bench: bench.at(9.0, lambda: bench.raise_event(f"{JOB}-0", names.EVENT_CANCEL, {})),
    )  # fmt: skip

    error = told.at_its_end["error"]
    assert (told.at_its_end["status"], error["code"], error["charged"]) == ("failed", "content_moderated", "unknown")
