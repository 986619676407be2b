"""What the app adds to the provider's own time: from the POST until the job's document says that it has ended, less T.

T is on and off the whole seconds; each has a stack of its own, where five jobs of that T of each kind came before. Then ten
goods jobs, which are polled, and ten PPL jobs, told by Replicate's webhook, follow each other in a second or so, not in even
steps: of some T all ends would fall into the same moment of a later job, a busy one or an idle one. Nobody looks at them
meanwhile. Timers fire as under the engine, which knows whole seconds only (devhost.replay.timer_visible_at). The stages are
read from the task hub's history. The goal is judged for each T and over all.
"""

import statistics
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

from bench import clients, hosts
from bench.clients import Seen
from bench.table import Row, percentile
from bench.way import POST, STORE, Steps, spans_of, steps_of
from tests import pictures
from tests.hub import Hub
from tests.stack import Stack

SECONDS = (3.0, 3.5, 7.3, 12.0)
WARM, JOBS, APART = 5, 10, 0.9
FINISH, SUBMIT, PREPARE, LOOK = "finish_job", "submit_prediction", "prepare_image", "check_prediction"
STAGES = {POST: "POST", PREPARE: "images", SUBMIT: "submit", LOOK: "look", STORE: "store", FINISH: "end"}


@dataclass(frozen=True)
class Goal:
    p50: float
    p95: float | None

    def holds(self, values: list[float]) -> bool:
        return percentile(values, 50) <= self.p50 and (self.p95 is None or percentile(values, 95) <= self.p95)

    def __str__(self) -> str:
        return f"p50 <= {self.p50} s" + (f", p95 <= {self.p95} s" if self.p95 else "")


POLLED, TOLD = Goal(0.8, 1.4), Goal(0.4, None)
KINDS = {"goods, polled": POLLED, "PPL, told": TOLD}


@dataclass(frozen=True)
class Job:
    """Seconds: over T, and those of each stage."""

    over: float
    steps: Steps


def rows(is_long: bool) -> Iterator[Row]:
    measured = _measured()
    for kind, goal in KINDS.items():
        for seconds in SECONDS:
            yield _row(f"{kind}, T = {seconds:g} s", measured[kind, seconds], goal)
        yield _row(f"{kind}, every T", [job for seconds in SECONDS for job in measured[kind, seconds]], goal)


def _measured() -> dict[tuple[str, float], list[Job]]:
    with ExitStack() as opened:
        # All are started and warm before the first is measured, so that the next one's start is not in its way. One after the
        # other: what a picture takes while three other hosts work is not what it takes.
        stacks = {each: opened.enter_context(hosts.fresh_stack(each, is_told=True)) for each in SECONDS}
        for stack in stacks.values():
            _post(stack, WARM)
        return {(kind, each): jobs for each, stack in stacks.items() for kind, jobs in _jobs(stack, each).items()}


def _jobs(stack: Stack, seconds: float) -> dict[str, list[Job]]:
    posted = _post(stack, JOBS)
    return {kind: [_job(stack, seen, seconds) for seen in posted[n::2]] for n, kind in enumerate(KINDS)}


def _post(stack: Stack, jobs: int) -> list[Seen]:
    """Goods and PPL in turns, until all have ended."""
    image = pictures.photo_jpeg(800, 800)
    forms = [clients.goods(image), clients.ppl(image, image)] * jobs
    posted = clients.posted(stack.url, forms, apart=APART, spread=APART)
    Hub(stack.folder).wait_until_idle(hosts.PATIENCE_SECONDS)
    return posted


def _job(stack: Stack, seen: Seen, seconds: float) -> Job:
    job = stack.job(seen.job["id"])
    assert job["status"] == "succeeded", job
    history = Hub(stack.folder).history(job["id"])
    ended = max(end for name, _, end in spans_of(history) if name == FINISH)
    return Job(ended - seen.posted - seconds, steps_of(history, seen.posted, seen.answered))


def _row(what: str, jobs: list[Job], goal: Goal) -> Row:
    over = [job.over for job in jobs]
    figures = f"p50 {percentile(over, 50):.2f} s, p95 {percentile(over, 95):.2f} s"
    return Row(what, figures, goal=str(goal), holds=goal.holds(over), limit=_stages(jobs))


def _stages(jobs: list[Job]) -> str:
    """Medians of the stages, and of what is left: the wait for a timer, or for the webhook, after the provider was done."""
    told = []
    for stage, called in STAGES.items():
        # How often, times how long.
        spent = [times * seconds for times, seconds in (job.steps.get(stage, (0, 0.0)) for job in jobs)]
        told.append((called, statistics.median(spent)))
    rest = statistics.median(job.over for job in jobs) - sum(seconds for _, seconds in told)
    return ", ".join(f"{called} {seconds * 1000:.0f} ms" for called, seconds in (*told, ("wait beyond T", rest)))
