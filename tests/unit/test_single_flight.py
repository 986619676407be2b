"""Of threads that want the same thing at one moment one asks, and all get what came of it."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from shared.single_flight import SingleFlight
from tests.patience import PATIENCE

THREADS = 8


class Oracle:
    """Answers, or fails, when told to."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.asked = 0
        self.begun, self.go_on = threading.Event(), threading.Event()

    def __call__(self) -> int:
        self.asked += 1
        self.begun.set()
        assert self.go_on.wait(2 * PATIENCE)
        if self.error:
            raise self.error
        return self.asked


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(THREADS) as made:
        yield made


@pytest.mark.parametrize("error", [None, OSError("away")])
def test_all_who_ask_meanwhile_get_the_answer_or_the_failure_of_one_question(
    pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch, error: Exception | None
) -> None:
    flight, oracle = SingleFlight[int](), Oracle(error)
    first = pool.submit(flight.ask, oracle)
    assert oracle.begun.wait(PATIENCE)
    assert flight.is_under_way
    joined = threading.Semaphore(0)
    wait = flight._flight.result

    def counted() -> int:
        joined.release()
        return wait()

    monkeypatch.setattr(flight._flight, "result", counted)
    try:
        others = [pool.submit(flight.ask, oracle) for _ in range(THREADS - 1)]
        for _ in others:
            assert joined.acquire(timeout=PATIENCE)
    finally:
        oracle.go_on.set()

    for answer in [first, *others]:
        assert answer.exception(PATIENCE) is error
    assert oracle.asked == 1
    assert not flight.is_under_way


def test_who_comes_after_the_answer_asks_again() -> None:
    flight, oracle = SingleFlight[int](), Oracle()
    oracle.go_on.set()

    assert [flight.ask(oracle), flight.ask(oracle)] == [1, 2]
    oracle.error = OSError("away")
    with pytest.raises(OSError, match="away"):
        flight.ask(oracle)
    oracle.error = None
    assert flight.ask(oracle) == 4
