"""Of threads that want the same thing at one moment one asks for it, as Go's singleflight does
(https://pkg.go.dev/golang.org/x/sync/singleflight). A lock around the question would make them ask one after another, each
as slowly as the last, while what is asked gives no answer.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

T = TypeVar("T")


class SingleFlight(Generic[T]):
    """One question at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._flight: Future[T] | None = None

    @property
    def is_under_way(self) -> bool:
        return self._flight is not None

    def ask(self, question: Callable[[], T]) -> T:
        """What `question` returns or raises; where one is under way, what that one comes to, without asking again."""
        with self._lock:
            flight, leads = self._flight, self._flight is None
            if flight is None:
                flight = self._flight = Future()
        if leads:
            try:
                flight.set_result(question())
            except BaseException as error:  # noqa: BLE001 - raised again, for all who wait for it
                flight.set_exception(error)
            finally:
                self._flight = None
        return flight.result()
