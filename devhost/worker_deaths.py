"""Deaths of the Python worker, a process of its own on Azure, while the host lives on.

The host takes the exit for the failure of the call that was under way: an activity becomes a failed task, and an episode ends
its instance as Failed, for good. Here worker and host are one process, so that such a call only ends as if.
"""

import logging
import math
import random
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TypeVar

log = logging.getLogger("devhost.durable")

Value = TypeVar("Value")
Answer = TypeVar("Answer")
#: What the host says of a worker that was killed for its memory.
EXIT = "python exited with code 137 (0x89)"
BEFORE, AFTER = "before it ran", "after it ran"


class WorkerDied(BaseException):
    """The worker is gone in the middle of this call. No `except Exception` of an app sees it, as none would on Azure."""

    def __init__(self, text: str = EXIT) -> None:
        super().__init__(text)


class InvalidSetting(Exception):
    """A setting of the devhost that cannot be understood; the text names it."""


class WorkerDeaths:
    """Lets a share of all calls die, after having run or before, by turns.

    What befalls the n-th call depends on the seed and n alone. Thread-safe.
    """

    def __init__(self, probability: float, seed: int = 0) -> None:
        if not 0 <= probability <= 1:
            raise ValueError(f"a probability is from 0 to 1, not {probability}")
        self._probability = probability
        self._random = random.Random(seed)  # noqa: S311 - a lot, not a secret
        self._lock = threading.Lock()
        self._hits = 0
        #: How many calls died, by kind and moment: ("episode", AFTER).
        self.tally: Counter[tuple[str, str]] = Counter()

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> "WorkerDeaths | None":
        """As DEVHOST_WORKER_DEATHS and DEVHOST_SEED say; None when nothing is to die. Raises InvalidSetting."""
        probability = _number(environ, "DEVHOST_WORKER_DEATHS", float, "a probability from 0 to 1, such as 0.02")
        seed = _number(environ, "DEVHOST_SEED", int, "a whole number")
        if not 0 <= probability <= 1:
            raise InvalidSetting(f"DEVHOST_WORKER_DEATHS is {probability}; it must be a probability from 0 to 1")
        return cls(probability, seed) if probability else None

    def strike(self) -> str | None:
        """Whether the call that comes next dies, and when: BEFORE, AFTER or None."""
        with self._lock:
            if self._random.random() >= self._probability:
                return None
            self._hits += 1
            return AFTER if self._hits % 2 else BEFORE

    def mortal(self, call: Callable[[Value], Answer], kind: str, of: str) -> Callable[[Value], Answer]:
        """The call (an "activity" or an "episode"), which raises WorkerDied when it is hit. `of` says in the log which one."""

        def live_or_die(value: Value) -> Answer:
            moment = self.strike()
            if moment is None:
                return call(value)
            log.warning("the worker dies in %s %s, %s", kind, of, moment)
            self.tally[kind, moment] += 1
            if moment == AFTER:
                with suppress(Exception):  # what it would have raised dies with it
                    call(value)
            raise WorkerDied

        return live_or_die


def _number(environ: Mapping[str, str], name: str, kind: type[Answer], what: str) -> Answer:
    text = environ.get(name, "").strip() or "0"
    try:
        value = kind(text)  # type: ignore[call-arg]
    except ValueError:
        raise InvalidSetting(f"{name} is {text!r}; it must be {what}") from None
    if isinstance(value, float) and math.isnan(value):
        raise InvalidSetting(f"{name} is {text!r}; it must be {what}")
    return value
