"""`python -m bench.steps [--app DIR ...]`: the steps that one job takes, what they cost in storage, and the host's CPU seconds.

Jobs follow one another on a stack of their own, after some of the same kind that warm up: from then on the gate knows how long
its provider takes. Nobody looks at them meanwhile: when a job has ended is read from the task hub's file, so that all CPU time
of the host is the job's. With `--app` other checkouts are measured, each by its own devhost, and shown side by side.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.hosts import cpu_seconds
from bench.storage_operations import COUNTING, DURABLE_STEP, blob_operations
from devhost.replay import EVENT_RAISED, ORCHESTRATOR_STARTED, TASK_COMPLETED, TASK_FAILED, TASK_SCHEDULED, TIMER_CREATED
from tests import pictures
from tests.hub import Hub
from tests.stack import ROOT, Stack

_LOOK = "check_prediction"
#: The host's clock of CPU time ticks a hundred times a second, and what a job leaves behind is done by then.
_SETTLE_SECONDS = 0.5


@dataclass(frozen=True)
class Case:
    """One kind of job. `seconds`: how long its provider takes."""

    what: str
    kind: str
    seconds: int
    is_told: bool = False
    by_link: bool = False


CASES = (
    Case("goods 3 s", "goods", 3),
    Case("goods 12 s", "goods", 12),
    Case("goods 30 s", "goods", 30),
    Case("PPL 15 s, polled", "ppl", 15),
    Case("PPL 15 s, told", "ppl", 15, is_told=True),
)


@dataclass(frozen=True)
class Steps:
    """What one job took."""

    activities: int
    timers: int
    looks: int
    episodes: int
    history: int
    blobs: int
    #: The blob operations as they came, of the last job where several were measured.
    operations: tuple[str, ...]
    #: Queue and table operations, estimated with the figures that were counted under the real engine.
    durable: int
    cpu: float
    seconds: float


#: How each figure is called, and written.
FIGURES: tuple[tuple[str, str, str], ...] = (
    ("activities", "activities", ".0f"),
    ("looks", "of them looks", ".0f"),
    ("timers", "timers", ".0f"),
    ("episodes", "episodes", ".0f"),
    ("history", "history events", ".0f"),
    ("blobs", "blob operations", ".0f"),
    ("durable", "queue and table operations (estimated)", ".0f"),
    ("cpu", "host CPU seconds", ".2f"),
    ("seconds", "seconds from POST to end", ".1f"),
)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.steps", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--app", type=Path, action="append", help="a checkout to measure; this one by default")
    parser.add_argument("--jobs", type=int, default=10, help="jobs of each kind that are measured")
    parser.add_argument("--warm", type=int, default=5, help="jobs of each kind before that")
    parser.add_argument("--at-once", type=int, default=len(CASES), help="kinds that are measured at the same time")
    options = parser.parse_args()
    apps = [app.resolve() for app in options.app or [ROOT]]
    columns = [measure(app, options.jobs, options.warm, options.at_once) for app in apps]
    print_table(apps, columns)
    return 0


def measure(app: Path, jobs: int, warm: int, at_once: int = 1, cases: Sequence[Case] = CASES) -> list[Steps]:
    """What a job of each case takes in this checkout: medians, the CPU time apart, which is a mean."""
    with ThreadPoolExecutor(at_once) as pool:
        return list(pool.map(lambda case: _typical(measured(app, case, jobs, warm)), cases))


def _typical(rows: list[Steps]) -> Steps:
    numbers: dict[str, Any] = {name: statistics.median(getattr(row, name) for row in rows) for name, _, _ in FIGURES}
    return Steps(**{**numbers, "cpu": statistics.mean(row.cpu for row in rows)}, operations=rows[-1].operations)


def measured(app: Path, case: Case, jobs: int, warm: int) -> list[Steps]:
    """What each of so many jobs of a case takes, one after another; those that warm up go before them, all at once."""
    image = pictures.photo_jpeg(800, 800)
    with tempfile.TemporaryDirectory() as folder:
        stack = Stack(Path(folder), **COUNTING)
        stack.root = app
        if case.is_told:
            stack.settings["PUBLIC_BASE_URL"] = stack.url
        if case.by_link:
            stack.settings["IMAGES_BY_LINK"] = "true"

        def post() -> str:
            answer = stack.goods(image) if case.kind == "goods" else stack.ppl(image, image)
            return str(answer.json()["id"])

        with stack:
            stack.configure(bfl={"delay_seconds": case.seconds}, replicate={"delay_seconds": case.seconds})
            # The launcher's last look at readiness is over.
            time.sleep(2)
            for job_id in [post() for _ in range(warm)]:
                Hub(stack.folder).wait_until_ended(job_id, case.seconds + 60)
            time.sleep(_SETTLE_SECONDS)
            return [_one_job(stack, case, post) for _ in range(jobs)]


def _one_job(stack: Stack, case: Case, post: Callable[[], str]) -> Steps:
    (host,) = stack.processes("devhost")
    log, hub = stack.folder / "azurite.log", Hub(stack.folder)
    logged, worked, began = log.stat().st_size, cpu_seconds(host), time.monotonic()
    job_id = post()
    hub.wait_until_ended(job_id, case.seconds + 60)
    seconds = time.monotonic() - began
    time.sleep(_SETTLE_SECONDS)
    cpu = cpu_seconds(host) - worked
    with log.open() as lines:
        lines.seek(logged)
        operations = tuple(blob_operations(lines.read()))
    if stack.job(job_id)["status"] != "succeeded":
        raise RuntimeError(f"{case.what}: {job_id} did not succeed")
    time.sleep(_SETTLE_SECONDS)
    return counted(hub.history(job_id), operations, cpu, seconds)


def counted(history: list[dict[str, Any]], operations: tuple[str, ...] = (), cpu: float = 0.0, seconds: float = 0.0) -> Steps:
    """The steps of an instance by its history."""
    kinds = Counter(event["EventType"] for event in history)
    activities = kinds[TASK_COMPLETED] + kinds[TASK_FAILED]
    looks = sum(event["EventType"] == TASK_SCHEDULED and event["Name"] == _LOOK for event in history)
    steps = {"instance": 1, "activity": activities, "timer": kinds[TIMER_CREATED], "event": kinds[EVENT_RAISED]}
    return Steps(
        activities=activities, timers=kinds[TIMER_CREATED], looks=looks, episodes=kinds[ORCHESTRATOR_STARTED],
        history=len(history), blobs=len(operations), operations=operations,
        durable=sum(DURABLE_STEP[step] * count for step, count in steps.items()), cpu=cpu, seconds=seconds,
    )  # fmt: skip


def print_table(apps: list[Path], columns: list[list[Steps]]) -> None:
    """In Markdown. With several checkouts each cell shows them from left to right; CPU time also as a share of the first."""
    print("checkouts: " + ", ".join(str(app) for app in apps) + "\n")
    print("| | " + " | ".join(case.what for case in CASES) + " |")
    print("|---" * (len(CASES) + 1) + "|")
    for name, called, form in FIGURES:
        rows = [" → ".join(f"{getattr(column[i], name):{form}}" for column in columns) for i in range(len(CASES))]
        print(f"| {called} | " + " | ".join(rows) + " |")
    for column in columns[1:]:
        shares = [f"{after.cpu / before.cpu:.2f}" for before, after in zip(columns[0], column, strict=True)]
        print("| host CPU against the first | " + " | ".join(shares) + " |")


if __name__ == "__main__":
    sys.exit(main())
