"""Timer triggers: when they are due, and what they remember."""

import asyncio
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from devhost.background_triggers import TimerTriggers, next_due
from devhost.taskhub import TaskHub


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("schedule", "after", "due"),
    [
        ("*/10 * * * * *", "2026-01-01T00:00:03", "2026-01-01T00:00:10"),
        ("30 15 3 * * *", "2026-01-01T12:00:00", "2026-01-02T03:15:30"),
        ("0 */5 * * * *", "2026-01-01T00:05:00", "2026-01-01T00:10:00"),
        ("*/5 * * * *", "2026-01-01T00:01:00", "2026-01-01T00:05:00"),
        ("0 0 9 * * 1-5", "2026-01-02T10:00:00", "2026-01-05T09:00:00"),
        ("0 0 0 13 * 5", "2026-01-01T00:00:00", "2026-02-13T00:00:00"),
        ("00:00:30", "2026-01-01T00:00:00", "2026-01-01T00:00:30"),
        ("1.02:00:00", "2026-01-01T00:00:00", "2026-01-02T02:00:00"),
    ],
)
def test_schedules(schedule: str, after: str, due: str) -> None:
    assert next_due(schedule, at(after)) == at(due)


class Recorder:
    """Stands in for the invoker; a call lasts `seconds`."""

    def __init__(self, seconds: float = 0.0, fails: bool = False) -> None:
        self.requests: list[Any] = []
        self.running = self.most = 0
        self.seconds, self.fails = seconds, fails

    async def call(self, function: Any, request: Any) -> None:
        self.requests.append(request)
        self.running += 1
        self.most = max(self.most, self.running)
        await asyncio.sleep(self.seconds)
        self.running -= 1
        if self.fails:
            raise ValueError("on purpose")


def timer(schedule: str, *, run_on_startup: bool = False) -> Any:
    return SimpleNamespace(name="tick", trigger=SimpleNamespace(schedule=schedule, run_on_startup=run_on_startup))


async def run(function: Any, hub: TaskHub, recorder: Recorder, seconds: float) -> None:
    tasks = TimerTriggers([function], hub, recorder).start()  # type: ignore[arg-type]
    await asyncio.sleep(seconds)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_on_startup_and_then_when_due() -> None:
    recorder = Recorder()
    await run(timer("0 0 0 1 1 *", run_on_startup=True), TaskHub(), recorder, 0.1)
    assert [r.past_due for r in recorder.requests] == [False]
    assert recorder.requests[0].schedule_status["Next"].endswith("-01-01T00:00:00.000000Z")


async def test_a_timer_never_overlaps_itself_and_survives_a_failure() -> None:
    recorder = Recorder(seconds=1.2, fails=True)
    await run(timer("* * * * * *"), TaskHub(), recorder, 4.0)
    assert len(recorder.requests) >= 2
    assert recorder.most == 1


async def test_what_was_missed_is_made_up_for_once() -> None:
    hub, recorder = TaskHub(), Recorder()
    hub.keep_timer("tick", None, "2026-01-01T00:00:00.000000Z")
    await run(timer("0 0 0 1 1 *"), hub, recorder, 0.2)
    assert [r.past_due for r in recorder.requests] == [True]
    assert recorder.requests[0].schedule == {"AdjustForDST": True}


async def test_a_schedule_that_was_changed_counts_at_once() -> None:
    hub, recorder = TaskHub(), Recorder()
    hub.keep_timer("tick", None, "2999-01-01T00:00:00.000000Z")
    await run(timer("00:00:01"), hub, recorder, 1.5)
    assert len(recorder.requests) == 1
