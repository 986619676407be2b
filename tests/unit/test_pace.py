"""A bound grows with what the machine is slowed by, and by no more: measured before and after, of which the slower counts."""

import time

import pytest

from tests import pace
from tests.pace import MOST, QUIET_MEMORY_SECONDS, QUIET_SECONDS, measured, slowness


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [(1, 1, 1), (0.4, 0.5, 1), (2.2, 1, 2.2), (1, 1.7, 1.7), (0.5, 3, 3), (1, 50, MOST), (50, 1, MOST)],
)
def test_the_slower_of_before_and_after_counts(before: float, after: float, told: float, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    paces = iter([before * QUIET_SECONDS, after * QUIET_SECONDS])

    def work_seconds() -> float:
        done.append("pace")
        return next(paces)

    monkeypatch.setattr(pace, "work_seconds", work_seconds)
    with measured() as spent:
        done.append("work")
    assert done == ["pace", "work", "pace"]
    assert spent.slowness == pytest.approx(told)


def test_what_costs_ten_times_its_bound_is_over_it_on_any_machine() -> None:
    bound = 0.02
    with measured() as spent:
        ends = time.thread_time() + 10 * bound
        while time.thread_time() < ends:
            pass
    assert 10 * bound <= spent.seconds
    assert spent.seconds > bound * spent.slowness


def test_who_only_waits_spends_nothing() -> None:
    with measured() as spent:
        time.sleep(0.3)
    assert spent.seconds < 0.1


def test_the_fixed_work_is_the_same_each_time_and_counted_in_seconds_of_cpu() -> None:
    assert pace.fixed_work() == pace.fixed_work()
    began = time.thread_time()
    told = pace.work_seconds()
    assert 0 < told <= (time.thread_time() - began) * QUIET_SECONDS / QUIET_MEMORY_SECONDS


def test_a_bound_is_never_less_than_on_a_quiet_machine() -> None:
    assert slowness(0.0) == slowness(QUIET_SECONDS) == 1
    with measured() as spent:
        pass
    assert 1 <= spent.slowness <= MOST


def test_what_fails_in_the_block_is_told() -> None:
    with pytest.raises(ZeroDivisionError), measured():
        raise ZeroDivisionError
