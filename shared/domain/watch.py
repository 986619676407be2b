"""One prediction, watched: when to look at it next, until when, and what a look means. Pure: orchestrators replay it.

The same rules serve a picture that is waited for and a prediction that is left over when its picture has ended. Times are whole
seconds: the engine's timers know no others (durable-host reference 4.8).
"""

import itertools
import math
from dataclasses import dataclass, field
from typing import Literal

from shared.domain.payloads import Limits, LookAnswer
from shared.domain.problem import Charged

#: wait: it runs, look again. fetch: it is finished and paid for, its picture is still to be had. end: the look says how it ended.
#: stop: its time is over, so ask the provider to cancel it. leave: nobody waits for it any more.
Meaning = Literal["wait", "fetch", "end", "stop", "leave"]

#: A prediction that its provider does not know for so long, in so many looks, is not waited for (a not-found may be a hiccup,
#: providers reference 1.13, 2.4).
MISSING_SECONDS, MISSING_LOOKS = 30, 3
#: One more look after a result that cannot be used, as it may have been given out too early; then it is the truth.
UNUSABLE_LOOKS = 2
FETCH_DELAYS_SECONDS = (2, 4, 8, 15, 30)
LEFTOVER_STEP_SECONDS, LEFTOVER_SLOWEST_SECONDS = 5, 30
#: Where the provider tells the end, looking is for calls that get lost.
TOLD_FACTOR = 10
#: And before this much of the expected time has passed there is nothing to look for.
TOLD_PATIENCE = 1.5
#: So much more or less a submit takes, which is part of the usual time: none is looked for a whole second later for that.
MEASURED_WITHIN_SECONDS = 0.1


@dataclass
class Watch:
    """The state of one watch. `age` is seconds since the prediction was submitted."""

    limits: Limits
    #: What a picture usually takes there; None where that is not known yet.
    expected_seconds: float | None = None
    #: The age at which it was left over; None while its picture waits for it.
    left_at: float | None = None
    looks: int = 0
    #: When a look was asked for that saw it run, the last of them (ISO 8601).
    ran_at: str | None = None
    seen: "Seen" = field(default_factory=lambda: Seen())

    def seconds_to_next_look(self, age: float, *, is_told: bool = False) -> int:
        """How long to wait from `age` on."""
        if self.seen.paid_at is not None:
            return FETCH_DELAYS_SECONDS[min(self.seen.fetches, len(FETCH_DELAYS_SECONDS)) - 1]
        if self.left_at is not None:
            return min(LEFTOVER_STEP_SECONDS * (self.looks + 1), LEFTOVER_SLOWEST_SECONDS)
        least = max(1, round(self.limits["poll_interval_seconds"]))
        if is_told:
            seconds = max(least * TOLD_FACTOR, round(TOLD_PATIENCE * (self.expected_seconds or 0.0) - age))
        elif self.expected_seconds is None or self.expected_seconds < least or age > 2 * self.expected_seconds:
            seconds = least * poll_factor(self.looks, self.limits["poll_steps"])
        else:
            seconds = aimed_delay(age, self.expected_seconds, least)
        return max(1, min(seconds, round(self.limits["generation_timeout_seconds"] - age)))

    def judge(self, look: LookAnswer, age: float) -> Meaning:
        """What a look at `age` means; it counts."""
        self.looks += 1
        if look["state"] == "stored":
            return "end"
        if look["state"] == "unstored":
            return self._unstored(age, is_final=look["is_final"])
        if look["state"] == "failed":
            # What was ready once is paid for, whatever a later look says.
            return "end" if self.seen.paid_at is None else self._unstored(age, is_final=True)
        if self.seen.paid_at is not None:
            return self._unstored(age, is_final=False)
        if look["state"] == "missing":
            self.seen.missing(age)
            if self.seen.is_gone(age):
                return "leave" if self.left_at is None else self._until_over(age)
        else:
            self.seen.running()
        return self._until_over(age)

    @property
    def charged(self) -> Charged:
        """What is known of a prediction that has not ended for us."""
        return "unknown" if self.seen.paid_at is None else "yes"

    def left(self, age: float) -> "Watch":
        """The watch that goes on when its picture has ended."""
        return Watch(self.limits, self.expected_seconds, left_at=age, ran_at=self.ran_at, seen=self.seen)

    def _unstored(self, age: float, *, is_final: bool) -> Meaning:
        self.seen.unstored(age, is_final=is_final)
        if self.seen.unusable >= UNUSABLE_LOOKS:
            return "end"
        if self.left_at is None and age - (self.seen.paid_at or 0.0) >= self.limits["fetch_timeout_seconds"]:
            return "leave"
        return "fetch" if self.left_at is None or not self._is_over(age) else "leave"

    def _until_over(self, age: float) -> Meaning:
        if not self._is_over(age):
            return "wait"
        return "stop" if self.left_at is None else "leave"

    def _is_over(self, age: float) -> bool:
        if self.left_at is not None:
            return age - self.left_at >= self.limits["leftover_timeout_seconds"]
        return age >= self.limits["generation_timeout_seconds"] or self.looks >= self.limits["poll_max_attempts"]


@dataclass
class Seen:
    """What the looks have shown so far, in ages."""

    paid_at: float | None = None
    fetches: int = 0
    unusable: int = 0
    missing_since: float | None = None
    missing_looks: int = 0

    def running(self) -> None:
        self.missing_since, self.missing_looks = None, 0

    def missing(self, age: float) -> None:
        self.missing_since = age if self.missing_since is None else self.missing_since
        self.missing_looks += 1

    def is_gone(self, age: float) -> bool:
        since = age if self.missing_since is None else self.missing_since
        return self.missing_looks >= MISSING_LOOKS and age - since >= MISSING_SECONDS

    def unstored(self, age: float, *, is_final: bool) -> None:
        self.paid_at = age if self.paid_at is None else self.paid_at
        self.fetches += 1
        self.unusable += is_final


def aimed_delay(age: float, expected_seconds: float, least: int) -> int:
    """Seconds from `age` to the next look: at 0.6 and 0.9 of the expected time, as soon as it has passed, and at each tenth after
    that, so that what takes up to a tenth longer is seen by the sixth look.

    Each target is rounded by itself, so errors do not add up. No look before the expected time makes the one after it later. What
    was looked for a moment too early is soon looked for again.
    """
    due = math.ceil(expected_seconds - MEASURED_WITHIN_SECONDS - age)
    if abs(expected_seconds - age) <= MEASURED_WITHIN_SECONDS:
        return least
    for tenths in itertools.chain((6, 9) if due > 0 else (), itertools.count(11)):
        target = round(expected_seconds * tenths / 10)
        if target - age >= least - 0.5:
            delay = max(least, round(target - age))
            return delay if due <= 0 or delay + least <= due else max(least, due)
    raise AssertionError("there is always another tenth")


def poll_factor(looks: int, steps: list[list[int]]) -> int:
    """How many poll intervals lie after `looks` looks; `steps` are (looks below which, factor), the last one for all others."""
    return next((factor for below, factor in steps if looks < below), steps[-1][1])
