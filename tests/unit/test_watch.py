"""One prediction, watched: looks are aimed at when it is expected, nothing that is paid is dropped, and every watch ends."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activities.check_prediction import late_seconds
from shared.domain.payloads import Limits, LookAnswer
from shared.domain.problem import Problem
from shared.domain.watch import Meaning, Seen, Watch, poll_factor
from tests.unit.test_gate import Clocked

PROBLEM = Problem("provider_unavailable").to_payload()

RUNNING: LookAnswer = {"state": "running", "trouble": None, "after_seconds": None}
MISSING: LookAnswer = {"state": "missing", "problem": PROBLEM}
STORED: LookAnswer = {"state": "stored", "output": {}, "ready_at": "2026-06-01T12:00:00+00:00", "left_gate": True}  # type: ignore[typeddict-item]
FAILED: LookAnswer = {"state": "failed", "problem": PROBLEM, "resubmits": 0, "left_gate": True}
UNSTORED: LookAnswer = {
    "state": "unstored", "problem": PROBLEM, "ready_at": "2026-06-01T12:00:00+00:00", "is_final": False, "left_gate": True,
}  # fmt: skip
USELESS: LookAnswer = {**UNSTORED, "is_final": True}  # type: ignore[typeddict-item,misc]


def limits(**changes: Any) -> Limits:
    return {
        "poll_interval_seconds": 1, "poll_max_attempts": 120, "poll_steps": [[5, 1], [15, 2], [30, 3], [1_000_000, 5]],
        "generation_timeout_seconds": 120, "queue_timeout_seconds": 600, "fetch_timeout_seconds": 300,
        "leftover_timeout_seconds": 900, "max_attempts": 3, "may_wait_when_down": True, "refusals_before_fallback": 3,
        "cancel_tries": 3, "child_starts": 5, "find_looks_seconds": [5, 15, 40],
        "patience": {"few": [], "patient": [], "lasting": []}, **changes,
    }  # type: ignore[typeddict-item]  # fmt: skip


def watch(expected: float | None = None, *, left_at: float | None = None, **changes: Any) -> Watch:
    return Watch(limits(**changes), expected, left_at=left_at)


def ages(watch: Watch, looks: int, *, late_by: float = 0.0, is_told: bool = False) -> list[float]:
    """When the first looks come at a prediction that runs on; each comes `late_by` seconds late."""
    told, age = [], 0.0
    for _ in range(looks):
        age += watch.seconds_to_next_look(age, is_told=is_told) + late_by
        watch.judge(RUNNING, age)
        told.append(round(age, 3))
    return told


def meanings(watch: Watch, *looks: tuple[float, LookAnswer]) -> list[Meaning]:
    return [watch.judge(look, age) for age, look in looks]


# ---- when ----


@pytest.mark.parametrize(
    ("expected", "seconds"),
    [
        (12, [7, 11, 12, 13, 14, 16]),
        (30, [18, 27, 30, 31, 33, 36, 39]),
        (100, [60, 90, 100, 101, 110, 120]),
        (3, [2, 3, 4, 5, 6]),
        (1, [1, 2]),
        (7.5, [4, 7, 8, 9, 10, 11]),
    ],
)
def test_looks_are_aimed_at_parts_of_the_expected_time_at_itself_and_at_each_tenth_after(
    expected: float, seconds: list[int]
) -> None:
    assert ages(watch(expected), len(seconds)) == seconds


@pytest.mark.parametrize("late_by", [0.0, 0.05, 0.09])
@pytest.mark.parametrize("expected", [2.1, 3.6, 7.4, 12.1, 12.5, 30.4, 97.8])
def test_what_takes_as_long_as_usual_is_seen_within_the_second_after_that(expected: float, late_by: float) -> None:
    """As soon as whole seconds allow it: an earlier look never puts it off."""
    # A little sooner or later than the last ones were submitted.
    for ends_at in (expected - 0.09, expected, expected + 0.09):
        seen = next(age for age in ages(watch(expected), 20, late_by=late_by) if age >= ends_at)
        assert seen < ends_at + 1.2 + 2 * late_by


def test_a_picture_of_twelve_seconds_is_looked_at_three_times() -> None:
    assert sum(age <= 12 for age in ages(watch(12), 20)) == 3


@given(st.floats(1, 110), st.floats(0.8, 1.09), st.floats(0, 0.2))
def test_what_takes_about_as_long_as_usual_is_looked_at_six_times_at_most(expected: float, part: float, late_by: float) -> None:
    """Whether it is a little quicker or slower, and however late looks come."""
    assert sum(age < expected * part for age in ages(watch(expected), 12, late_by=late_by)) <= 5


def test_looks_that_come_late_do_not_push_the_later_ones() -> None:
    assert ages(watch(30), 5, late_by=0.4) == [18.4, 27.8, 31.2, 33.6, 36.0]
    assert watch(30).seconds_to_next_look(18.4) == 9
    assert watch(30).seconds_to_next_look(26.6) == 4, "27 is nearly there, so the one after it"
    assert watch(12).seconds_to_next_look(7.3) == 4


def test_what_is_far_beyond_twice_its_expected_time_is_looked_at_by_steps() -> None:
    late = watch(3)

    assert ages(late, 9) == [2, 3, 4, 5, 6, 7, 9, 11, 13]
    assert watch(12).seconds_to_next_look(24) == 1
    assert ages(watch(1), 7) == [1, 2, 3, 4, 5, 7, 9]


def test_looks_are_never_closer_than_the_poll_interval() -> None:
    assert ages(watch(12, poll_interval_seconds=3), 4) == [7, 12, 15, 18]
    assert ages(watch(12, poll_interval_seconds=2.4), 3) == [7, 12, 14]
    assert ages(watch(poll_interval_seconds=3), 7) == [3, 6, 9, 12, 15, 21, 27]
    assert ages(watch(poll_interval_seconds=0.1), 3) == [1, 2, 3]


def waited(gate: Clocked, takes: float) -> float:
    """How long after its end the picture was found, where the provider does not tell when that was: the gate says when to look,
    and learns from the look."""
    age, ran_at, submitted_at = 0.1, None, datetime(2026, 6, 1, tzinfo=UTC)
    about = watch(gate.at().measured_seconds())
    while (age := age + about.seconds_to_next_look(age)) < takes:
        about.judge(RUNNING, age)
        ran_at = (submitted_at + timedelta(seconds=age)).isoformat()
    found_at = submitted_at + timedelta(seconds=age)
    gate.enter("x/0")
    gate.at(age).leave("x/0", "ok", took_seconds=age - late_seconds(found_at, ran_at, None))
    return age - takes


@pytest.mark.parametrize(("before", "after"), [(4, 1), (6, 1), (6, 4), (8, 2), (12, 3), (30, 2), (3, 12), (8, 30)])
def test_looks_follow_a_provider_that_becomes_quicker_or_slower_and_does_not_tell_its_ends(before: float, after: float) -> None:
    gate = Clocked()
    for _ in range(20):
        waited(gate, before)
    waits = [waited(gate, after) for _ in range(40)]

    assert max(waits[-10:]) <= max(1.2, 0.11 * after)


def test_a_prediction_of_unknown_time_is_looked_at_quickly_first_and_then_calmly() -> None:
    seen = ages(watch(generation_timeout_seconds=9999), 40)

    waits = [round(later - earlier) for earlier, later in zip([0, *seen], seen, strict=False)]
    assert waits == [1] * 5 + [2] * 10 + [3] * 15 + [5] * 10


@pytest.mark.parametrize(("looks", "factor"), [(0, 1), (4, 1), (5, 2), (14, 2), (15, 3), (29, 3), (30, 5), (2_000_000, 5)])
def test_the_steps_of_the_poll_interval(looks: int, factor: int) -> None:
    assert poll_factor(looks, [[5, 1], [15, 2], [30, 3], [1_000_000, 5]]) == factor


@pytest.mark.parametrize("expected", [0.0, 1e-300, 0.1, 0.9])
def test_what_is_quicker_than_the_poll_interval_has_no_tenths_to_aim_at(expected: float) -> None:
    assert ages(watch(expected), 6) == ages(watch(None), 6) == [1, 2, 3, 4, 5, 7]
    assert watch(expected, poll_interval_seconds=4).seconds_to_next_look(0) == 4


def test_where_the_provider_tells_the_end_looking_is_for_words_that_get_lost() -> None:
    assert ages(watch(12), 3, is_told=True) == [18, 28, 38]
    assert ages(watch(), 3, is_told=True) == [10, 20, 30]
    assert ages(watch(poll_interval_seconds=2), 3, is_told=True) == [20, 40, 60]
    assert watch(12).seconds_to_next_look(115, is_told=True) == 5


@pytest.mark.parametrize(
    ("expected", "age", "seconds"),
    [(200, 0, 120), (200, 119, 1), (90, 117, 3), (100, 112, 8), (None, 119.8, 1), (None, 130, 1), (300, 119.4, 1)],
)
def test_the_last_look_comes_at_the_deadline(expected: float | None, age: float, seconds: int) -> None:
    assert watch(expected).seconds_to_next_look(age) == seconds


@given(
    st.none() | st.floats(0, 500), st.floats(0, 119), st.floats(0.1, 10), st.integers(0, 130), st.booleans(),
)  # fmt: skip
def test_every_wait_is_whole_seconds_of_at_least_the_interval_up_to_the_deadline(
    expected: float | None, age: float, interval: float, looks: int, is_told: bool
) -> None:
    about = watch(expected, poll_interval_seconds=interval)
    about.looks = looks
    seconds = about.seconds_to_next_look(age, is_told=is_told)

    assert isinstance(seconds, int)
    assert seconds >= 1
    assert age + seconds <= 120.5
    # Shorter than the interval only where the deadline is.
    assert seconds >= round(interval) or age + seconds >= 119.5


@given(st.none() | st.floats(0.5, 300), st.floats(0, 0.9))
def test_a_prediction_that_never_ends_is_stopped_at_the_deadline(expected: float | None, late_by: float) -> None:
    about, age, meaning = watch(expected), 0.0, "wait"
    while meaning == "wait":
        age += about.seconds_to_next_look(age) + late_by
        meaning = about.judge(RUNNING, age)

    assert meaning == "stop"
    assert 120 <= age <= 122


# ---- what a look means ----


def test_what_runs_is_waited_for_until_its_time_is_over() -> None:
    assert meanings(watch(), (0, RUNNING), (119.9, RUNNING), (120, RUNNING)) == ["wait", "wait", "stop"]


def test_what_runs_is_looked_at_so_often_and_no_more() -> None:
    assert meanings(watch(poll_max_attempts=3), (1, RUNNING), (2, RUNNING), (3, RUNNING)) == ["wait", "wait", "stop"]


@pytest.mark.parametrize("look", [STORED, FAILED], ids=["stored", "failed"])
@pytest.mark.parametrize("left_at", [None, 100.0])
@pytest.mark.parametrize("age", [101, 500, 9999])
def test_what_has_ended_has_ended_whenever_it_is_seen(look: LookAnswer, left_at: float | None, age: float) -> None:
    assert watch(left_at=left_at).judge(look, age) == "end"


def test_a_not_found_may_be_a_hiccup() -> None:
    assert meanings(watch(), (5, MISSING)) == ["wait"]
    assert meanings(watch(), (5, MISSING), (6, RUNNING), (7, STORED)) == ["wait", "wait", "end"]


@pytest.mark.parametrize(
    ("looks", "meaning"),
    [
        ([(10, MISSING), (40, MISSING)], "wait"),
        ([(10, MISSING), (20, MISSING), (39, MISSING)], "wait"),
        ([(10, MISSING), (20, MISSING), (40, MISSING)], "leave"),
        ([(10, MISSING), (20, MISSING), (39, MISSING), (40, MISSING)], "leave"),
        # Seen again in between, it begins anew.
        ([(10, MISSING), (20, MISSING), (30, RUNNING), (40, MISSING)], "wait"),
        ([(10, MISSING), (20, MISSING), (30, RUNNING), (40, MISSING), (50, MISSING), (69, MISSING)], "wait"),
        ([(10, MISSING), (20, MISSING), (30, RUNNING), (40, MISSING), (50, MISSING), (70, MISSING)], "leave"),
        # It may go on at the provider, so at the deadline it is asked to stop.
        ([(100, MISSING), (120, MISSING)], "stop"),
        ([(90, MISSING), (100, MISSING), (120, MISSING)], "leave"),
    ],
)
def test_what_is_missing_for_long_is_left(looks: list[tuple[float, LookAnswer]], meaning: Meaning) -> None:
    told = meanings(watch(), *looks)

    assert told[-1] == meaning
    assert set(told[:-1]) <= {"wait"}


def test_a_leftover_that_is_missing_is_watched_to_its_end_all_the_same() -> None:
    leftover = watch(left_at=100)

    assert meanings(leftover, (110, MISSING), (130, MISSING), (160, MISSING), (999, MISSING)) == ["wait"] * 4
    assert meanings(leftover, (1000, MISSING)) == ["leave"]


def test_what_is_paid_for_is_fetched_beyond_the_deadline_and_then_left() -> None:
    paid = watch()

    assert meanings(paid, (119, UNSTORED), (121, UNSTORED), (418, UNSTORED)) == ["fetch"] * 3
    assert meanings(paid, (419, UNSTORED)) == ["leave"]


@pytest.mark.parametrize("look", [RUNNING, MISSING, UNSTORED], ids=["running", "missing", "unstored"])
def test_what_was_ready_once_is_fetched_whatever_a_later_look_says(look: LookAnswer) -> None:
    paid = watch(poll_max_attempts=2)

    assert meanings(paid, (10, UNSTORED), (60, look), (110, look), (160, look), (309, look)) == ["fetch"] * 5
    assert meanings(paid, (310, look)) == ["leave"]
    assert paid.charged == "yes"


def test_the_fetches_come_at_once_and_then_calmer() -> None:
    paid, waits = watch(12), []
    for age in range(10, 17):
        paid.judge(UNSTORED, age)
        waits.append(paid.seconds_to_next_look(age))

    assert waits == [2, 4, 8, 15, 30, 30, 30]
    assert paid.seconds_to_next_look(15, is_told=True) == 30


def test_a_result_that_cannot_be_used_is_looked_at_once_more() -> None:
    assert meanings(watch(), (10, USELESS), (12, USELESS)) == ["fetch", "end"]
    assert meanings(watch(), (10, USELESS), (12, STORED)) == ["fetch", "end"]
    assert meanings(watch(), (10, USELESS), (12, UNSTORED), (16, RUNNING), (24, USELESS)) == ["fetch", "fetch", "fetch", "end"]
    assert meanings(watch(), (10, UNSTORED), (12, USELESS), (16, USELESS)) == ["fetch", "fetch", "end"]


def test_a_failure_after_it_was_ready_is_looked_at_once_more_and_stays_paid() -> None:
    paid = watch()

    assert meanings(paid, (10, UNSTORED), (12, FAILED)) == ["fetch", "fetch"]
    assert paid.charged == "yes"
    assert meanings(paid, (16, FAILED)) == ["end"]
    assert paid.charged == "yes"


def test_what_a_watch_knows_of_the_money() -> None:
    about = watch()
    assert about.charged == "unknown"
    about.judge(RUNNING, 10)
    about.judge(MISSING, 11)
    assert about.charged == "unknown"
    about.judge(UNSTORED, 12)
    assert about.charged == "yes"


# ---- a leftover ----


def test_a_leftover_is_looked_at_calmer_and_calmer() -> None:
    waits = []
    leftover = watch(12, left_at=120)
    for age in range(120, 128):
        waits.append(leftover.seconds_to_next_look(age))
        leftover.judge(RUNNING, age)

    assert waits == [5, 10, 15, 20, 25, 30, 30, 30]


def test_a_leftover_is_watched_for_its_own_time_and_not_stopped_again() -> None:
    leftover = watch(left_at=120, poll_max_attempts=2)

    assert meanings(leftover, (130, RUNNING), (500, RUNNING), (1019, RUNNING), (1020, RUNNING)) == [
        "wait",
        "wait",
        "wait",
        "leave",
    ]


def test_a_leftover_that_is_paid_for_is_fetched_until_its_time_is_over() -> None:
    leftover = watch(left_at=120)

    assert meanings(leftover, (130, UNSTORED), (600, UNSTORED), (1019, RUNNING)) == ["fetch"] * 3
    assert meanings(leftover, (1020, UNSTORED)) == ["leave"]
    assert leftover.charged == "yes"


def test_a_leftover_whose_result_cannot_be_used_ends_like_any_other() -> None:
    assert meanings(watch(left_at=120), (130, USELESS), (132, USELESS)) == ["fetch", "end"]


def test_what_was_seen_of_a_prediction_is_known_when_it_is_left_over() -> None:
    first = watch(12)
    meanings(first, (10, UNSTORED), (12, USELESS))
    leftover = first.left(310)

    assert (leftover.left_at, leftover.looks, leftover.charged) == (310, 0, "yes")
    assert (leftover.limits, leftover.expected_seconds) == (first.limits, 12)
    assert leftover.seconds_to_next_look(310) == 4, "the third fetch"
    assert meanings(leftover, (314, RUNNING), (322, USELESS)) == ["fetch", "end"]


def test_a_prediction_that_runs_is_left_over_as_unknown() -> None:
    first = watch(12)
    meanings(first, (119, RUNNING), (120, RUNNING))

    assert first.left(121).charged == "unknown"
    assert first.left(121).seconds_to_next_look(121) == 5


LOOKS = st.sampled_from([RUNNING, MISSING, STORED, FAILED, UNSTORED, USELESS])


@given(st.lists(LOOKS, max_size=12), st.booleans(), st.none() | st.floats(1, 200))
def test_whatever_is_seen_every_watch_ends_and_what_is_paid_is_never_stopped(
    looks: list[LookAnswer], is_leftover: bool, expected: float | None
) -> None:
    about, age = watch(expected, left_at=50.0 if is_leftover else None), 50.0 if is_leftover else 0.0
    was_ready = False
    for look in [*looks, *[looks[-1] if looks else RUNNING] * 500]:
        age += about.seconds_to_next_look(age)
        meaning = about.judge(look, age)
        was_ready |= look["state"] == "unstored"
        assert about.charged == ("yes" if was_ready else "unknown")
        assert not was_ready or meaning in ("fetch", "end", "leave")
        assert meaning != "fetch" or was_ready
        assert meaning != "stop" or not is_leftover
        if meaning in ("end", "stop", "leave"):
            break
    assert meaning in ("end", "stop", "leave")
    # 120 s of generation and 300 s of fetching; or 900 s of watching what was left at 50.
    assert age <= (50 + 900 + 30 if is_leftover else 120 + 300 + 30)


def test_two_watches_share_nothing() -> None:
    watch().judge(UNSTORED, 1)

    assert watch().seen == Seen()
