"""`python -m bench.storage_operations [--record]`: the storage operations of one job, counted at Azurite, and what they come to.

Blob operations are counted in Azurite's access log. Durable's own queue and table operations are not made here (the devhost
keeps its task hub in a file): they are estimated from the job's durable steps with the figures that were counted under the
real engine (durable steps below). Prices are examples from public pages, not quotes.
"""

import argparse
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import requests

from bench.record import record, recorded
from devhost.replay import ORCHESTRATOR_COMPLETED, ORCHESTRATOR_STARTED, TASK_COMPLETED, TASK_FAILED, TASK_SCHEDULED
from tests import pictures
from tests.hub import Hub
from tests.stack import Stack

_LINE = re.compile(r'"(GET|PUT|HEAD|DELETE|POST) (/devstoreaccount1/\S*) HTTP/[\d.]+" (\d+)')
#: What lies where (decision 20), by what it is called in a list of operations.
_PLACES = tuple(
    (re.compile(pattern), called)
    for pattern, called in (
        (r"images/uploads/.+", "upload"), (r"images/pictures/[^/]+/prepared/.+", "prepared image"),
        (r"images/pictures/[^/]+/output/.+", "output"), (r"images/pictures/[^/]+/thumbnail/.+", "thumbnail"),
        (r"documents/jobs/[^/]+/job\.json", "job document"), (r"documents/jobs/[^/]+/submission-.+", "submission"),
        (r"documents/jobs/[^/]+/.+", "other document of the job"), (r"documents/gates/.+", "gate"),
        (r"documents/predictions/.+", "prediction's name"),
    )
)  # fmt: skip
#: Azure Storage operations of one step with the Azure Storage provider: (queue and table operations counted at Azurite under
#: the engine, without the polls that find nothing). The last two are estimates.
DURABLE_STEP = {"instance": 9, "activity": 9, "timer": 6, "event": 7, "sub-orchestration": 11}
#: Of those, how many are queue operations: each message is put, fetched and deleted.
QUEUE_SHARE = {"instance": 3, "activity": 6, "timer": 3, "event": 3, "sub-orchestration": 6}

#: Example prices in USD (see docs/scaling-and-cost.md).
PER_10_000 = {"blob write": 0.05, "blob list": 0.05, "blob read": 0.004, "blob delete": 0.0, "queue": 0.004, "table": 0.0004}
GB_SECOND, PER_MILLION_EXECUTIONS, GB_MONTH, LOG_GB = 0.000026, 0.40, 0.02, 2.30
INSTANCE_GB, SECONDS_AN_EXECUTION, OVERLAP = 2.0, 1.0, 10
#: Of a rule that searches logs, by the minutes between two searches, a month; of one run of a standard availability test.
LOG_ALERT, AVAILABILITY_RUN = {15: 0.50, 5: 1.50}, 0.0006
#: Assumed of real pictures: what of a job is stored over a month, uploads with the week in which they can be recovered; what a
#: job writes to the logs.
STORED_MB = {"ppl": 3.2, "goods": 2.6}
LOG_KB_AN_EXECUTION = 1.5


#: Settings of a stack whose operations are counted: what housekeeping does every five minutes is no job's.
COUNTING = {"AZURITE_ACCESS_LOG": "1", "AzureWebJobs.housekeeping.Disabled": "true"}


@dataclass(frozen=True)
class Counted:
    what: str
    kind: str
    blobs: Counter[str]
    steps: Counter[str]
    episodes: int
    seconds: float
    #: For which an instance was active for it; 0 where that was not measured.
    active: float = 0.0

    @property
    def executions(self) -> int:
        """What the platform bills: the POST, each episode of an orchestrator, each activity, each webhook."""
        return 1 + self.episodes + self.steps["activity"] + self.steps["event"]

    @property
    def durable(self) -> Counter[str]:
        queues = sum(QUEUE_SHARE[step] * count for step, count in self.steps.items())
        return Counter(queue=queues, table=sum(DURABLE_STEP[step] * count for step, count in self.steps.items()) - queues)

    def per_1000(self) -> dict[str, float]:
        """USD per 1,000 pictures beside the provider's own price."""
        operations = self.blobs + self.durable
        alone = 1000 * self.executions * SECONDS_AN_EXECUTION * INSTANCE_GB * GB_SECOND
        return {
            "compute, one job at a time": alone,
            f"compute, {OVERLAP} jobs share an instance": alone / OVERLAP,
            "executions": 1000 * self.executions * PER_MILLION_EXECUTIONS / 1e6,
            "blob operations": sum(1000 * self.blobs[name] * PER_10_000[name] / 10_000 for name in self.blobs),
            "queue and table operations": sum(1000 * operations[name] * PER_10_000[name] / 10_000 for name in ("queue", "table")),
            "pictures kept a month": STORED_MB[self.kind] * 1000 / 1024 * GB_MONTH,
            "logs": self.executions * LOG_KB_AN_EXECUTION * 1000 / 1024 / 1024 * LOG_GB,
        }


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.storage_operations", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--record", action="store_true", help="keep the figures for the documentation")
    is_recorded = parser.parse_args().record
    counted = count_all()
    if is_recorded:
        record("storage_operations", [vars(row) for row in counted])
    _print_counts(counted)
    _print_cost(counted)
    return 0


def counted_last() -> list[Counted]:
    """What the record has of the usual jobs."""
    return [
        Counted(**row | {"blobs": Counter(row["blobs"]), "steps": Counter(row["steps"])})
        for row in recorded("storage_operations")
    ]


def count_all() -> list[Counted]:
    """The usual jobs, as long at their provider as they usually take; each on a stack of its own, side by side."""
    image = pictures.photo_jpeg(800, 800)
    cases: list[tuple[str, str, bool, Callable[[Stack], requests.Response]]] = [
        ("goods, polled", "goods", False, lambda stack: stack.goods(image)),
        ("PPL, polled", "ppl", False, lambda stack: stack.ppl(image, image)),
        ("PPL, told by webhook", "ppl", True, lambda stack: stack.ppl(image, image)),
    ]
    with ThreadPoolExecutor(len(cases)) as pool:
        return list(pool.map(lambda case: _count(*case), cases))


def _count(what: str, kind: str, is_told: bool, post: Callable[[Stack], requests.Response]) -> Counted:
    """One job from its POST to the end of its orchestration, and one GET of the ended job. One before it warms up: the gate knows
    then how long a picture takes."""
    with tempfile.TemporaryDirectory() as folder:
        stack = Stack(Path(folder), **COUNTING)
        if is_told:
            stack.settings["PUBLIC_BASE_URL"] = stack.url
        with stack:
            log = stack.folder / "azurite.log"
            stack.configure(bfl={"delay_seconds": 12}, replicate={"delay_seconds": 15})
            stack.ended(post(stack).json()["id"])
            # The launcher's last look at readiness and the end of the first job are over, and what was seen of the gate is old.
            time.sleep(2.5)
            before = log.stat().st_size
            began = time.perf_counter()
            job_id = post(stack).json()["id"]
            hub = f"{stack.url}/runtime/webhooks/durabletask/instances/{job_id}"
            # The task hub is asked, not the app: looking would be counted.
            while requests.get(hub, timeout=10).status_code == 202:
                time.sleep(0.2)
            seconds = time.perf_counter() - began
            stack.job(job_id)
            time.sleep(0.5)
            with log.open() as lines:
                lines.seek(before)
                blobs = count_blob_operations(lines.read())
            events = requests.get(hub, params={"showHistory": "true"}, timeout=10).json()["historyEvents"]
            steps, stored = count_steps(events), Hub(stack.folder).history(job_id)
            active = active_seconds(stored, seconds_of_http=[1.0] * (1 + steps["event"]))
            return Counted(what, kind, blobs, steps, _episodes(stored), seconds, active)


def count_blob_operations(access_log: str) -> Counter[str]:
    """Blob operations by what they cost. Lists and containers cost as writes do; a delete costs its round trip alone."""
    counts: Counter[str] = Counter()
    for method, path, _ in _LINE.findall(access_log):
        is_list = "comp=list" in path or "restype=container" in path
        kinds = {"GET": "blob read", "HEAD": "blob read", "DELETE": "blob delete"}
        counts["blob list" if is_list else kinds.get(method, "blob write")] += 1
    return counts


def blob_operations(access_log: str) -> Iterator[str]:
    """Each blob operation as it came: its method, and what kind of blob it is of."""
    for method, path, _ in _LINE.findall(access_log):
        place = path.removeprefix("/devstoreaccount1/").partition("?")[0]
        kind = next((called for pattern, called in _PLACES if pattern.fullmatch(place)), place)
        yield f"{method} {kind}"


def count_steps(events: list[dict[str, Any]]) -> Counter[str]:
    """Durable steps of one instance by its history."""
    names = {
        "ExecutionStarted": "instance", "TaskCompleted": "activity", "TaskFailed": "activity", "TimerFired": "timer",
        "EventRaised": "event", "SubOrchestrationInstanceCompleted": "sub-orchestration",
    }  # fmt: skip
    return Counter(names[event["EventType"]] for event in events if event["EventType"] in names)


def active_seconds(history: list[dict[str, Any]], seconds_of_http: Sequence[float] = ()) -> float:
    """For how long instances are active for one job alone, as its stored history has it: whatever runs is billed for a second at
    least, what runs on the same instance meanwhile is not billed again. HTTP functions have instances of their own: the POST and
    webhooks, of so many seconds, come on top."""
    began: dict[int, datetime] = {}
    spans: list[tuple[datetime, datetime]] = []
    episode = None
    for event in history:
        kind, now = event["EventType"], datetime.fromisoformat(event["Timestamp"].replace("Z", "+00:00"))
        if kind == ORCHESTRATOR_STARTED:
            episode = now
        elif kind == TASK_SCHEDULED:
            began[event["EventId"]] = now
        elif kind in (TASK_COMPLETED, TASK_FAILED):
            spans.append((began[event["TaskScheduledId"]], now))
        elif kind == ORCHESTRATOR_COMPLETED and episode is not None:
            spans.append((episode, now))
    total, until = timedelta(), None
    for start, end in sorted((start, max(end, start + timedelta(seconds=SECONDS_AN_EXECUTION))) for start, end in spans):
        total += max(end - max(start, until or start), timedelta())
        until = max(end, until or end)
    return total.total_seconds() + sum(seconds_of_http)


def _episodes(history: list[dict[str, Any]]) -> int:
    """How often the orchestrator ran."""
    return sum(event["EventType"] == ORCHESTRATOR_STARTED for event in history)


def _print_counts(counted: list[Counted]) -> None:
    print(f"{'storage operations of one job':32}" + "".join(f"{row.what:>22}" for row in counted))
    lines: list[tuple[str, Callable[[Counted], str]]] = [
        *((name, lambda c, n=name: str(c.blobs[n])) for name in ("blob write", "blob read", "blob list", "blob delete")),
        ("blob operations in all", lambda c: str(c.blobs.total())),
        *((f"durable: {name}", lambda c, n=name: str(c.steps[n])) for name in ("activity", "timer", "event")),
        ("durable: episodes", lambda c: str(c.episodes)),
        ("queue operations (estimate)", lambda c: str(c.durable["queue"])),
        ("table operations (estimate)", lambda c: str(c.durable["table"])),
        ("storage operations in all", lambda c: str(c.blobs.total() + c.durable.total())),
        ("executions billed", lambda c: str(c.executions)),
        ("seconds", lambda c: f"{c.seconds:.1f}"),
    ]
    for name, say in lines:
        print(f"{name:32}" + "".join(f"{say(row):>22}" for row in counted))


def _print_cost(counted: list[Counted]) -> None:
    print(f"\n{'USD per 1,000 pictures (example)':32}" + "".join(f"{row.what:>22}" for row in counted))
    for name in counted[0].per_1000():
        print(f"{name:32}" + "".join(f"{row.per_1000()[name]:>22.3f}" for row in counted))
    for word, left_out in (
        ("without overlap", f"compute, {OVERLAP} jobs share an instance"),
        ("with overlap", "compute, one job at a time"),
    ):
        sums = (sum(usd for name, usd in row.per_1000().items() if name != left_out) for row in counted)
        print(f"{'in all, ' + word:32}" + "".join(f"{usd:>22.2f}" for usd in sums))


if __name__ == "__main__":
    sys.exit(main())
