"""What was in the app's way, when, and of which job: the only excuse that the judge knows."""

from dataclasses import dataclass

#: A step whose host died is delivered again after a minute, and a story that died is found by housekeeping within five.
STEP_SECONDS, STORY_SECONDS = 75.0, 330.0
STORY_DIED = "its story died"


@dataclass(frozen=True)
class Trouble:
    """Seconds from the beginning. `job`: None for what is in everybody's way."""

    at: float
    until: float
    job: str | None
    what: str


class Troubles:
    def __init__(self) -> None:
        self._all: list[Trouble] = []

    def add(self, at: float, seconds: float, job: str | None, what: str) -> None:
        self._all.append(Trouble(at, at + seconds, job, what))

    def of(self, job: str, start: float, end: float) -> list[Trouble]:
        """What was in a job's way between two moments."""
        return [t for t in self._all if t.job in (None, job) and t.at <= end and t.until >= start]

    def seconds(self, job: str, start: float, end: float) -> float:
        """How much of the time between two moments it took, at most."""
        return sum(min(t.until, end) - max(t.at, start) for t in self.of(job, start, end))
