"""Waiting: calmer with time, never backwards, never for ever."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.job import STAGE_PROGRESS, is_terminal, status_at
from shared.domain.polling import eta_seconds, generating_progress, poll_delay, retry_delay

SECOND = timedelta(seconds=1)
intervals = st.floats(0.1, 60)
elapsed = st.floats(-10, 1e6)
expected = st.floats(0, 1000)
jitters = st.floats(0, 1)


@given(st.integers(0, 10_000), intervals)
def test_the_poll_delay_never_shrinks_nor_falls_under_a_second(polls: int, interval: float) -> None:
    assert SECOND <= poll_delay(polls, interval) <= poll_delay(polls + 1, interval)


@given(st.integers(0, 10_000), intervals)
def test_the_poll_delay_stays_within_five_intervals(polls: int, interval: float) -> None:
    assert poll_delay(polls, interval) <= max(SECOND, timedelta(seconds=5 * interval))


def test_polling_begins_at_the_interval_and_slows_down() -> None:
    seconds = [poll_delay(polls, 1.0).total_seconds() for polls in (0, 4, 5, 14, 15, 29, 30, 119)]

    assert seconds == [1, 1, 2, 2, 3, 3, 5, 5]


@given(elapsed, st.floats(0, 1e6), expected)
def test_progress_never_goes_back_and_keeps_between_its_neighbours(at: float, later: float, usual: float) -> None:
    assert 30 <= generating_progress(at, usual) <= generating_progress(at + later, usual) <= 90


def test_progress_is_most_of_the_way_at_the_expected_time() -> None:
    assert [generating_progress(seconds, 10) for seconds in (0, 10, 3600)] == [30, 74, 89]


@given(elapsed, expected)
def test_the_expected_rest_is_always_a_moment_yet(at: float, usual: float) -> None:
    assert eta_seconds(at, usual) >= 1


def test_the_expected_rest_is_what_is_left_of_the_usual_time() -> None:
    assert [eta_seconds(at, 12) for at in (0, 5, 12, 60)] == [12, 7, 1, 1]


@given(st.integers(0, 1000), st.floats(0, 1e9), jitters)
def test_a_retry_after_is_a_floor_up_to_ten_minutes(retries: int, asked: float, jitter: float) -> None:
    delay = retry_delay(retries, asked, jitter).total_seconds()

    assert max(1.0, min(asked, 600.0)) <= delay + 1e-6
    assert delay <= 750


@given(st.integers(0, 1000), jitters)
def test_without_a_retry_after_the_delay_grows_and_is_bounded(retries: int, jitter: float) -> None:
    assert timedelta(seconds=2) <= retry_delay(retries, None, jitter) <= retry_delay(retries + 1, None, jitter)
    assert retry_delay(retries, None, jitter) <= timedelta(seconds=37.5)


@given(st.integers(0, 10), st.none() | st.floats(1, 600))
def test_jitter_spreads_callers_over_a_quarter_more(retries: int, asked: float | None) -> None:
    calm, late = retry_delay(retries, asked, 0.0), retry_delay(retries, asked, 1.0)

    assert late / calm == pytest.approx(1.25, rel=1e-5)


def test_the_stages_of_a_job_follow_each_other_on_the_progress_bar() -> None:
    stages = ["validating", "translating", "waiting", "submitting", "generating", "storing"]
    steps = [STAGE_PROGRESS[stage] for stage in stages]

    assert list(STAGE_PROGRESS) == stages
    assert steps == sorted(steps)
    assert generating_progress(0, 10) == STAGE_PROGRESS["generating"]
    assert generating_progress(1e9, 10) <= STAGE_PROGRESS["storing"] < 100


def test_a_custom_status_says_stage_and_progress_and_what_else_is_known() -> None:
    assert status_at("waiting", queue_position=3) == {"stage": "waiting", "progress": 15, "queue_position": 3}


@pytest.mark.parametrize(
    ("status", "terminal"),
    [("queued", False), ("processing", False), ("succeeded", True), ("failed", True), ("canceled", True), ("new", False)],
)
def test_a_job_has_ended_when_it_succeeded_failed_or_was_canceled(status: str, terminal: bool) -> None:
    assert is_terminal(status) is terminal
