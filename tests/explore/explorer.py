"""One seed from its plan to its verdict."""

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from devhost.taskhub import TERMINAL
from shared.domain.job import is_terminal
from tests.explore import judge as judges
from tests.explore.plan import Plan
from tests.explore.users import Customer, Housekeeper, Provider, Visitor
from tests.explore.world import Counts, Line, World

#: However long anything takes, it must have ended by then.
_LONGEST_SECONDS = 10 * 3600.0
#: The quiet time at the end, in which housekeeping finds what is left.
_QUIET_SECONDS = 2400.0
_SLICE_SECONDS = 300.0


#: Lines that tell of more than a look.
_CHANGES = re.compile(r"replace|create|start |delete|put|raise|terminate|resume|purge job|\*\*\*|!!!|failed")


@dataclass
class Verdict:
    plan: Plan
    wrongs: list[str]
    world: World

    @property
    def counts(self) -> Counts:
        return self.world.counts

    def lines(self) -> Iterator[str]:
        """The story as one reads it: the plan, what happened in order, what is left, and what is wrong."""
        yield from self.plan.lines()
        yield ""
        short = _Short()
        for line in _eventful(self.world.story):
            yield short(f"{line.at:10.2f} {'  ' * (line.depth - 1)}{line.who:26} {line.text}")
        yield "\nat the end"
        for document in judges.documents(self.world):
            yield short(f"  {document}")
        for row in self.world.engine.rows():
            yield short(f"  instance {row['id']} {row['status']} {str(row['output'])[:300]}")
        for p in self.world.ledger.predictions:
            billed = "billed" if p.is_billed(self.world.now) else "free"
            yield short(f"  {p.id} of {p.owner[0]}/{p.owner[1]} attempt {p.owner[2]}: {p.outcome(self.world.now)}, {billed}")
        yield f"\nseed {self.plan.seed}: {len(self.wrongs)} wrong"
        for wrong in self.wrongs:
            yield short(f"  {wrong}")


def _eventful(story: list[Line]) -> Iterator[Line]:
    """The story without housekeeping that found nothing to do."""
    for _, group in itertools.groupby(story, key=lambda line: line.who):
        lines = list(group)
        if "housekeeping#" not in lines[0].who or any(_CHANGES.match(line.text) for line in lines):
            yield from lines


class _Short:
    """Job ids as J1, J2, ... in order of their appearance."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}

    def __call__(self, text: str) -> str:
        return re.sub(r"job_[0-9a-z]{26}", lambda found: self._known.setdefault(found[0], f"J{len(self._known) + 1}"), text)


def play(plan: Plan) -> Verdict:
    world = World(plan)
    with world.at_play():
        world.customers = [Customer(world, job) for job in plan.jobs]
        for customer in world.customers:
            customer.come()
        Housekeeper(world).come()
        world.on_webhook = Provider(world).call
        _until_the_end(world)
        views = _views(world)
        return Verdict(plan, judges.judge(world, views), world)


def _until_the_end(world: World) -> None:
    """Until the plan is played and nothing goes on, and then the quiet time."""
    last = max((job.at + act.after for job in world.plan.jobs for act in job.acts), default=0.0)
    last = max([last, *(outage.at + outage.seconds for outage in world.plan.outages)]) + _SLICE_SECONDS
    world.engine.let_pass(last)
    while world.seconds < _LONGEST_SECONDS and _goes_on(world):
        world.engine.let_pass(_SLICE_SECONDS)
    world.engine.let_pass(_QUIET_SECONDS)


def _goes_on(world: World) -> bool:
    if any(row["status"] not in TERMINAL for row in world.engine.rows()):
        return True
    return any(job.last and not job.is_gone and not is_terminal(job.last["status"]) for job in world.records.jobs.values())


def _views(world: World) -> dict[str, dict[str, Any]]:
    """Each job that is left, as a GET tells it."""
    views = {}
    for job in world.records.jobs.values():
        if job.is_gone or job.deleted_at:
            continue
        answer = Visitor(world).ask("last get", "GET", job.id)
        if answer.status == 200:
            views[job.id] = answer.body
        else:
            world.records.wrong(f"GET {job.id} is answered {answer.status} at the end")
    return views


def kind_of(wrong: str) -> str:
    """A violation without its names and numbers."""
    return re.sub(r"job_[0-9a-z]{26}(-\d+)*(/\d+)?|(replicate|bfl)\d{4}x\w+( \([^)]*\))?|\d+(\.\d+)?", "_", wrong)[:110]


def shrunk(plan: Plan, tries: int = 400, word: str = "") -> Verdict:
    """The same kind of violation (the first one, or the first with `word`) with as little as possible around it."""
    best = play(plan)
    kind = next((kind_of(wrong) for wrong in best.wrongs if word in wrong), None)
    while kind is not None:
        better = None
        for smaller in best.plan.without():
            tries -= 1
            verdict = play(smaller)
            if kind in map(kind_of, verdict.wrongs):
                better = verdict
                break
            if tries <= 0:
                break
        if better is None:
            break
        best = better
    return best
