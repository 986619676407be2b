"""Storage operations of one job whose provider takes 10 s, once its gate knows that, from the POST to what comes after its end.

Blob operations are counted in Azurite's access log; nobody asks for the job meanwhile, and what this program asks afterwards is
not counted. Queue and table operations are not made here: they are reckoned from the job's history with what each step takes
under the real engine (counted there, polls that find nothing left out). Before: the version that looked every second, then every
two and three (a968b67). Its blobs and history were counted in the same way, on a host whose timers fire on time; under the engine
itself, whose timers fired early then, all its storage operations were counted too, with and without a busy host's empty polls.
"""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from bench.steps import Case, Steps, measured
from bench.storage_operations import DURABLE_STEP
from bench.table import Row, spread
from tests.stack import ROOT

SECONDS, JOBS, WARM = 10, 3, 3
MOST_BLOBS = 10
CASES = (
    Case("goods, polled", "goods", SECONDS),
    Case("PPL, polled", "ppl", SECONDS),
    Case("PPL, told by webhook", "ppl", SECONDS, is_told=True),
)
#: Of a goods job in the version before, counted in this way on 2026-11-27 (`python -m bench.steps --app` with its checkout).
FORMER_BLOBS, FORMER_STEPS = 16, {"instance": 1, "activity": 13, "timer": 8}
#: The same counted under the engine: as it was, with the empty polls of a host that is busy, and with timers on time.
ENGINE_BUSY, ENGINE_ON_TIME = 460, 304
MOST_OF_FORMER = 0.5


def rows(is_long: bool) -> Iterator[Row]:
    with ThreadPoolExecutor(len(CASES)) as pool:
        by_case = dict(zip(CASES, pool.map(lambda case: measured(ROOT, case, JOBS, WARM), CASES), strict=True))
    for case, jobs in by_case.items():
        # Only the line of goods has a goal.
        goal = (f"<= {MOST_BLOBS}", max(job.blobs for job in jobs) <= MOST_BLOBS) if case.kind == "goods" else ("", None)
        yield Row(f"{case.what}: blob operations", spread([job.blobs for job in jobs], "", digits=0), goal=goal[0], holds=goal[1])
    yield from _beside_the_former(by_case[CASES[0]])
    for case, jobs in by_case.items():
        yield Row(f"{case.what}: queues and tables, reckoned", spread([job.durable for job in jobs], "", digits=0))
        yield Row(f"{case.what}: its blob operations", _one_by_one(jobs[-1].operations))


def _beside_the_former(jobs: list[Steps]) -> Iterator[Row]:
    """Of goods jobs, all operations beside those of the version before."""
    together = max(job.blobs + job.durable for job in jobs)
    reckoned = FORMER_BLOBS + sum(DURABLE_STEP[step] * count for step, count in FORMER_STEPS.items())
    for before, what in (
        (ENGINE_BUSY, "under the engine, with a busy host's empty polls"),
        (ENGINE_ON_TIME, "under the engine, timers on time"),
        (reckoned, "reckoned in the same way"),
    ):
        ratio = together / before
        has_goal = before is not reckoned
        yield Row(
            f"goods, all together, beside before {what}", str(together), str(before), ratio,
            f"<= {MOST_OF_FORMER}" if has_goal else "", ratio <= MOST_OF_FORMER if has_goal else None,
        )  # fmt: skip


def _one_by_one(operations: tuple[str, ...]) -> str:
    """In the order in which the first of each came."""
    counts = Counter(operations)
    return ", ".join(name if count == 1 else f"{count} x {name}" for name, count in counts.items())
