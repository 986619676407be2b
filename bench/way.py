"""`python -m bench.way [--record]`: where a job's time goes, from the POST to the stored picture, step by step on the devhost.

Its timers fire as the engine's do. Jobs follow one another on a stack of their own, after some that warm up; the steps are read
from the task hub's history.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any

from bench.record import record
from bench.steps import CASES, Case
from bench.storage_operations import COUNTING
from devhost.replay import ORCHESTRATOR_STARTED, TASK_COMPLETED, TASK_FAILED, TASK_SCHEDULED, TIMER_CREATED
from tests import pictures
from tests.hub import Hub
from tests.stack import Stack

#: By what they are called in the record.
MEASURED = {case.what: case for case in CASES if case.seconds in (12, 15)}
#: Steps that are no activity of that name: the last look also stores the picture, and `stored` is all until then.
POST, WAIT, STORE, STORED = "post", "wait", "store", "stored"
_LOOK = "check_prediction"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.way", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--jobs", type=int, default=10, help="jobs of each kind that are measured")
    parser.add_argument("--warm", type=int, default=3, help="jobs of each kind before that")
    parser.add_argument("--record", action="store_true", help="keep the figures for the documentation")
    options = parser.parse_args()
    with ThreadPoolExecutor(len(MEASURED)) as pool:
        found = dict(
            zip(MEASURED, pool.map(lambda c: typical(_jobs(c, options.jobs, options.warm)), MEASURED.values()), strict=True)
        )
    if options.record:
        record("way", found)
    for what, steps in found.items():
        print(what)
        for name, (times, seconds) in steps.items():
            print(f"  {name:20} {times:4.0f} x {seconds * 1000:8.0f} ms")
    return 0


#: How often a step comes in a job, and how many seconds one takes.
Steps = dict[str, tuple[float, float]]


def _jobs(case: Case, jobs: int, warm: int) -> list[Steps]:
    image = pictures.photo_jpeg(800, 800)
    with tempfile.TemporaryDirectory() as folder:
        stack = Stack(Path(folder), **COUNTING)
        if case.is_told:
            stack.settings["PUBLIC_BASE_URL"] = stack.url
        with stack:
            stack.configure(bfl={"delay_seconds": case.seconds}, replicate={"delay_seconds": case.seconds})
            time.sleep(2)
            return [_job(stack, case, image) for _ in range(warm + jobs)][warm:]


def _job(stack: Stack, case: Case, image: bytes) -> Steps:
    asked = time.time()
    answer = stack.goods(image) if case.kind == "goods" else stack.ppl(image, image)
    answered, job_id = time.time(), str(answer.json()["id"])
    hub = Hub(stack.folder)
    hub.wait_until_ended(job_id, case.seconds + 60)
    return steps_of(hub.history(job_id), asked, answered)


def steps_of(history: list[dict[str, Any]], asked: float, answered: float) -> Steps:
    """The steps of one job; `stored` is the whole time from the POST to the end of the last look, which stores the picture."""
    spans = list(spans_of(history))
    last = max((span for span in spans if span[0] == _LOOK), key=lambda span: span[2])
    spent: dict[str, list[float]] = {POST: [answered - asked]}
    for span in spans:
        name, began, ended = span
        spent.setdefault(STORE if span is last else name, []).append(ended - began)
    steps: Steps = {name: (len(seconds), statistics.mean(seconds)) for name, seconds in spent.items()}
    return steps | {STORED: (1, last[2] - asked)}


def spans_of(history: list[dict[str, Any]]) -> Iterator[tuple[str, float, float]]:
    """Activities until the episode that has their answer, and waits for a timer or an event: name, begin, end."""
    asked: dict[int, tuple[str, float]] = {}
    waiting: float | None = None
    now = 0.0
    for event in history:
        kind = event["EventType"]
        if kind == ORCHESTRATOR_STARTED:
            now = _seconds(event["Timestamp"])
        elif kind == TASK_SCHEDULED:
            if waiting is not None:
                yield WAIT, waiting, now
                waiting = None
            asked[event["EventId"]] = (event["Name"], now)
        elif kind in (TASK_COMPLETED, TASK_FAILED):
            yield *asked[event["TaskScheduledId"]], now
        elif kind == TIMER_CREATED:
            waiting = now if waiting is None else waiting


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def typical(jobs: list[Steps]) -> Steps:
    """Medians; a step that not every job has counts where it is."""
    names = list(dict.fromkeys(name for job in jobs for name in job))
    return {
        name: (
            statistics.median_low(job.get(name, (0, 0))[0] for job in jobs),
            round(statistics.median(job[name][1] for job in jobs if name in job), 4),
        )
        for name in names
    }


if __name__ == "__main__":
    sys.exit(main())
