"""How many jobs are asked for at this instance, so that all who ask do not ask more often than it can answer."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime, timedelta

#: Nobody is told to come back later than this.
REMEMBERED = timedelta(minutes=1)


class Askers:
    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._asked_at: OrderedDict[str, datetime] = OrderedDict()
        self._lock = threading.Lock()

    def note(self, job_id: str, *, goes_on: bool) -> None:
        """Somebody asked for this job, which `goes_on` or is not asked for any more."""
        with self._lock:
            self._asked_at.pop(job_id, None)
            if goes_on:
                self._asked_at[job_id] = self._clock()
            self._forget()

    def count(self) -> int:
        """Jobs that go on and were asked for in the last minute."""
        with self._lock:
            self._forget()
            return len(self._asked_at)

    def _forget(self) -> None:
        since = self._clock() - REMEMBERED
        while self._asked_at and next(iter(self._asked_at.values())) < since:
            self._asked_at.popitem(last=False)
