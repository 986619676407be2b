"""Waiting: calmer with time, never backwards, never for ever."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.job import STAGE_PROGRESS
from shared.domain.polling import eta_seconds, generating_progress, look_again_seconds, retry_delay_seconds

elapsed = st.floats(-10, 1e6)
expected = st.floats(0, 1000)
jitters = st.floats(0, 1)


@given(elapsed, st.floats(0, 1e6), expected)
def test_progress_never_goes_back_and_keeps_between_its_neighbours(at: float, later: float, usual: float) -> None:
    assert 30 <= generating_progress(at, usual) <= generating_progress(at + later, usual) <= 90


def test_progress_is_most_of_the_way_at_the_expected_time() -> None:
    assert [generating_progress(seconds, 10) for seconds in (0, 10, 3600)] == [30, 74, 89]


@given(elapsed, expected)
def test_the_expected_rest_is_always_a_moment_yet_or_unknown(at: float, usual: float) -> None:
    assert (eta_seconds(at, usual) or 1) >= 1


def test_the_expected_rest_is_what_is_left_of_the_usual_time_and_then_nobody_knows() -> None:
    assert [eta_seconds(at, 12) for at in (0, 5, 12, 15, 15.1, 60)] == [12, 7, 1, 1, None, None]


def test_a_quick_picture_is_late_after_a_second_at_least() -> None:
    assert [eta_seconds(at, 2) for at in (2, 3, 3.1)] == [1, 1, None]


def test_a_job_is_asked_for_again_when_it_may_be_done_within_bounds() -> None:
    assert [look_again_seconds(eta) for eta in (None, 0, 1, 7.6, 30, 3600)] == [2, 1, 1, 8, 30, 30]


def test_the_farther_back_in_line_the_later_one_asks_again() -> None:
    places = (1, 14, 15, 100, 299, 300, 5_000)
    assert [look_again_seconds(None, position=place) for place in places] == [2, 2, 3, 20, 59, 60, 60]
    assert look_again_seconds(30, position=10) == 30, "it is expected then"
    assert [look_again_seconds(eta, position=200) for eta in (8, 35, 160)] == [8, 35, 40], "not later than it is expected"
    together = sum(1 / look_again_seconds(None, position=place) for place in range(1, 1_001))
    assert together < 40, "a thousand of them, in a second"


def test_the_more_jobs_are_late_at_once_the_later_each_is_asked_for() -> None:
    assert [look_again_seconds(None, asked_for=many) for many in (0, 1, 74, 75, 500, 1_500, 9_999)] == [2, 2, 2, 3, 20, 30, 30]
    assert look_again_seconds(15, asked_for=100) == 15


@given(st.integers(0, 1000), st.floats(0, 1e9), jitters)
def test_a_retry_after_is_a_floor_up_to_ten_minutes(retries: int, asked: float, jitter: float) -> None:
    delay = retry_delay_seconds(retries, asked, jitter)

    assert max(1.0, min(asked, 600.0)) <= delay + 1e-6
    assert delay <= 750


@given(st.integers(0, 1000), jitters)
def test_without_a_retry_after_the_delay_grows_and_is_bounded(retries: int, jitter: float) -> None:
    assert 2 <= retry_delay_seconds(retries, None, jitter) <= retry_delay_seconds(retries + 1, None, jitter) <= 37.5


def test_the_pauses_after_refusals() -> None:
    assert [retry_delay_seconds(retries, None, 0.0) for retries in range(7)] == [2, 4, 8, 15, 30, 30, 30]
    assert [retry_delay_seconds(0, asked, 0.0) for asked in (0.0, 0.5, 7.0, 600.0, 86_400.0)] == [1, 1, 7, 600, 600]


@given(st.integers(0, 10), st.none() | st.floats(1, 600))
def test_jitter_spreads_callers_over_a_quarter_more(retries: int, asked: float | None) -> None:
    calm, late = retry_delay_seconds(retries, asked, 0.0), retry_delay_seconds(retries, asked, 1.0)

    assert late / calm == pytest.approx(1.25, rel=1e-5)


def test_the_stages_of_a_job_follow_each_other_on_the_progress_bar() -> None:
    stages = ["validating", "translating", "waiting", "submitting", "generating", "storing"]
    steps = [STAGE_PROGRESS[stage] for stage in stages]

    assert list(STAGE_PROGRESS) == stages
    assert steps == [5, 10, 15, 25, 30, 92]
    assert generating_progress(0, 10) == STAGE_PROGRESS["generating"]
    assert generating_progress(1e9, 10) <= STAGE_PROGRESS["storing"] < 100
