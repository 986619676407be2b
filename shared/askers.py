"""Who asks for jobs at this instance, and what they were told last: how many there are, so that they do not ask more often than
it can answer, and what a job was, while nobody can be asked that."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

#: Nobody is told to come back later than this.
REMEMBERED = timedelta(minutes=1)


class Askers:
    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        #: By job: when somebody asked for it, and what its story said then.
        self._asked: OrderedDict[str, tuple[datetime, dict[str, Any]]] = OrderedDict()
        self._lock = threading.Lock()

    def note(self, job_id: str, live: dict[str, Any], *, goes_on: bool) -> None:
        """Somebody asked for this job and was told that; it `goes_on`, or is not asked for any more."""
        with self._lock:
            self._asked.pop(job_id, None)
            if goes_on:
                self._asked[job_id] = self._clock(), live
            self._forget()

    def count(self) -> int:
        """Jobs that go on and were asked for in the last minute."""
        with self._lock:
            self._forget()
            return len(self._asked)

    def told(self, job_id: str) -> dict[str, Any]:
        """What its story said when somebody asked for it in the last minute; nothing where nobody has."""
        with self._lock:
            self._forget()
            return self._asked[job_id][1] if job_id in self._asked else {}

    def _forget(self) -> None:
        since = self._clock() - REMEMBERED
        while self._asked and next(iter(self._asked.values()))[0] < since:
            self._asked.popitem(last=False)
