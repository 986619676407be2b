"""A bound grows with what the machine is slowed by, and by no more; the pace is measured only where a bound is in question."""

import time

import pytest

from tests import pace
from tests.pace import MOST, QUIET_MEMORY_SECONDS, QUIET_SECONDS, at_most, is_within, slowness


@pytest.fixture
def paces(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How many times a quiet machine's seconds the fixed work takes, one after the other; what was measured is gone."""
    left: list[float] = []
    monkeypatch.setattr(pace, "work_seconds", lambda: left.pop(0) * QUIET_SECONDS)
    return left


@pytest.mark.parametrize(
    ("measured", "told"),
    [([1, 1, 1], 1), ([0.4, 0.5, 0.4], 1), ([2.2, 1, 1], 2.2), ([1, 1, 1.7], 1.7), ([0.5, 3, 1], 3), ([1, 50, 1], MOST)],
)
def test_the_slowest_of_some_measurements_counts(measured: list[float], told: float, paces: list[float]) -> None:
    paces += measured
    assert slowness() == pytest.approx(told)
    assert paces == []


def test_what_is_over_its_bound_may_be_so_by_as_much_as_the_machine_is_slower(paces: list[float]) -> None:
    paces += [2.0] * 6
    assert is_within(0.9, 1)
    assert len(paces) == 6, "not in question"
    assert is_within(1.9, 1)
    assert not is_within(2.1, 1)


def test_what_costs_ten_times_its_bound_is_over_it_on_any_machine() -> None:
    bound = 0.02

    def work() -> None:
        ends = time.thread_time() + 10 * bound
        while time.thread_time() < ends:
            pass

    with pytest.raises(AssertionError, match=r"on a quiet machine at most 0\.02"), at_most(bound):
        work()


def test_who_only_waits_spends_nothing(paces: list[float]) -> None:
    with at_most(0.1):
        time.sleep(0.3)
    assert paces == []


def test_the_fixed_work_is_the_same_each_time_and_counted_in_seconds_of_cpu() -> None:
    assert pace.fixed_work() == pace.fixed_work()
    began = time.thread_time()
    told = pace.work_seconds()
    assert 0 < told <= (time.thread_time() - began) * QUIET_SECONDS / QUIET_MEMORY_SECONDS


def test_what_fails_in_the_block_is_told() -> None:
    with pytest.raises(ZeroDivisionError), at_most(1):
        raise ZeroDivisionError
