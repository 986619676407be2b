"""What a job leaves in its Durable history: events, replays (episodes of its orchestrator) and looks at its prediction.

Goods jobs, which are polled, and PPL jobs, which a webhook tells of the end, at providers that take 5, 30 and 100 s; after some
that were made before, so that their gate knows how long a picture takes. A stack for each time, all side by side: it takes as
long as two jobs of 100 s one after the other. Counts, so a busy machine hardly matters; of several jobs the one with the most is
told.
"""

import tempfile
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

from bench.steps import Steps, counted
from bench.storage_operations import COUNTING
from bench.table import Row
from tests import pictures
from tests.hub import Hub
from tests.stack import Stack

TIMES = (5, 30, 100)
#: The gate believes a new time when two in a row say it. All are under way at once: the account lets six through.
WARM, JOBS = 2, 3
MOST_EVENTS, MOST_LOOKS = 30, 6


def rows(is_long: bool) -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as folder, ExitStack() as running:
        stacks = []
        for seconds in TIMES:
            stack = Stack(Path(folder, str(seconds)), **COUNTING)
            stack.settings["PUBLIC_BASE_URL"] = stack.url
            running.enter_context(stack)
            stack.configure(bfl={"delay_seconds": seconds}, replicate={"delay_seconds": seconds})
            stacks.append(stack)
        with ThreadPoolExecutor(len(stacks)) as pool:
            taken = list(pool.map(_taken, stacks, TIMES))
    for kind, row in (("goods", _polled), ("ppl", _told)):
        for seconds, jobs in zip(TIMES, taken, strict=True):
            yield row(seconds, jobs[kind])


def _taken(stack: Stack, seconds: int) -> Mapping[str, list[Steps]]:
    """What each of the jobs took, by kind."""
    image, hub = pictures.photo_jpeg(800, 800), Hub(stack.folder)

    def made(number: int) -> dict[str, list[str]]:
        jobs = {
            "goods": [str(stack.goods(image).json()["id"]) for _ in range(number)],
            "ppl": [str(stack.ppl(image, image).json()["id"]) for _ in range(number)],
        }
        for job_id in (*jobs["goods"], *jobs["ppl"]):
            hub.wait_until_ended(job_id, seconds + 60)
            if stack.job(job_id)["status"] != "succeeded":
                raise RuntimeError(f"{job_id} did not succeed")
        return jobs

    made(WARM)
    # What was seen of the gate is old by then.
    time.sleep(2.5)
    return {kind: [counted(hub.history(job_id)) for job_id in ids] for kind, ids in made(JOBS).items()}


def _polled(seconds: int, jobs: list[Steps]) -> Row:
    looks = max(job.looks for job in jobs)
    return Row(f"goods, polled, {seconds} s", _all_of(jobs), goal=f"<= {MOST_LOOKS} looks", holds=looks <= MOST_LOOKS)


def _told(seconds: int, jobs: list[Steps]) -> Row:
    events = max(job.history for job in jobs)
    return Row(f"PPL, told by webhook, {seconds} s", _all_of(jobs), goal=f"<= {MOST_EVENTS} events", holds=events <= MOST_EVENTS)


def _all_of(jobs: list[Steps]) -> str:
    events, replays, looks = (max(getattr(job, name) for job in jobs) for name in ("history", "episodes", "looks"))
    return f"{events} events, {replays} replays, {looks} look{'' if looks == 1 else 's'}"
