"""What is written down while a story runs, and the rules that can be broken at a single moment."""

import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from devhost.taskhub import TERMINAL
from shared.domain.job import is_terminal
from tests.explore.ledger import Owner, Prediction
from tests.explore.plan import BFL, REPLICATE

if TYPE_CHECKING:
    from tests.explore.world import World

_JOB = re.compile(r"jobs/([^/]+)/job\.json")
_GATE = re.compile(r"gates/([^/]+)\.json")
_SUBMISSION = re.compile(r"jobs/([^/]+)/submission-(\d+)-(\d+)\.json")
#: At least so long a prediction is watched and holds its slot: one that was canceled right after its create, 15 minutes.
WATCHED_SECONDS = 900.0
WAITS_FOR_NOTHING_SECONDS = 5.0


@dataclass
class JobRecord:
    """What became of one job's document."""

    id: str
    prompt: str
    statuses: list[tuple[datetime, str]] = field(default_factory=list)
    last: dict[str, Any] | None = None
    cancel_at: datetime | None = None
    deleted_at: datetime | None = None
    #: When a cancel or DELETE was answered, with nothing in its way.
    unwanted_at: datetime | None = None
    #: When it got a terminal status, and when its document was removed.
    ended_at: datetime | None = None
    gone_at: datetime | None = None
    is_gone: bool = False
    terminated: bool = False
    suspended: bool = False


@dataclass
class Hold:
    """A slot of a gate, from its grant until it was given back."""

    gate: str
    holder: str
    since: datetime
    until: datetime | None = None


class Records:
    """Watches every write. `wrongs` are rules that were broken, as sentences."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self.jobs: dict[str, JobRecord] = {}
        self.wrongs: list[str] = []
        self.holds: list[Hold] = []
        #: Since when a gate has a free slot while somebody waits.
        self._starving: dict[str, datetime] = {}
        #: Submission record by the prediction that it holds.
        self._holders: dict[str, str] = {}

    def wrong(self, text: str) -> None:
        if text not in self.wrongs:
            self.wrongs.append(text)
            self._world.note(f"!!! {text}")

    # ---- documents ----

    def written(self, name: str, before: dict[str, Any] | None, after: dict[str, Any] | None) -> None:
        if found := _JOB.fullmatch(name):
            self._job_written(found.group(1), before, after)
        elif (found := _SUBMISSION.fullmatch(name)) and after is not None:
            self._submission_written(name, after)
        elif (found := _GATE.fullmatch(name)) and after is not None:
            self._judge_waiting(found.group(1), after)
            self._gate_written(found.group(1), set((before or {}).get("active", ())), set(after.get("active", ())))

    def _judge_waiting(self, gate: str, after: dict[str, Any]) -> None:
        """Nobody waits while there is a free slot, and the gate is neither shut nor tries its provider with one at a time."""
        since, now = self._starving.pop(gate, None), self._world.now
        if since is not None and (now - since).total_seconds() > WAITS_FOR_NOTHING_SECONDS:
            self.wrong(f"{gate} had a free slot for {(now - since).total_seconds():.0f} s, and somebody waited")
        is_free = (
            len(after.get("active", ())) < self._limit(gate) and not after.get("stopped") and after.get("open_until") is None
        )
        if is_free and any(self._has_room(entry.get("generator", ""), after) for entry in after.get("waiting", {}).values()):
            self._starving[gate] = since or now

    def _has_room(self, model: str, gate: dict[str, Any]) -> bool:
        share = self._world.share(model)
        return share is None or sum(slot.get("generator") == model for slot in gate.get("active", {}).values()) < share

    def _gate_written(self, gate: str, before: set[str], after: set[str]) -> None:
        now = self._world.now
        for hold in self.holds:
            if hold.gate == gate and hold.until is None and hold.holder not in after:
                hold.until = now
        self.holds += [Hold(gate, holder, now) for holder in sorted(after - before)]
        if len(after) > self._limit(gate) and len(after) > len(before):
            self.wrong(f"{gate} allows {self._limit(gate)} at once, and has given slots to {', '.join(sorted(after))}")

    def unwanted(self, job_id: str) -> None:
        """A cancel or DELETE of it was answered."""
        self.jobs[job_id].unwanted_at = self.jobs[job_id].unwanted_at or self._world.now

    def _job_written(self, job_id: str, before: dict[str, Any] | None, after: dict[str, Any] | None) -> None:
        if after is None:
            self.jobs[job_id].is_gone = True
            self.jobs[job_id].gone_at = self._world.now
            return
        job = self.jobs.setdefault(job_id, JobRecord(job_id, after["input"]["prompt"]))
        job.last = after
        now = self._world.now
        if after.get("cancel_requested_at") and job.cancel_at is None:
            job.cancel_at = now
        if after.get("deleted_at") and job.deleted_at is None:
            job.deleted_at = now
        if before is not None and is_terminal(before["status"]) and after["status"] != before["status"]:
            self.wrong(f"{job_id} was {before['status']} and is {after['status']}")
        if before is None or before["status"] != after["status"]:
            job.statuses.append((now, after["status"]))
        if is_terminal(after["status"]) and job.ended_at is None:
            job.ended_at = now

    def _submission_written(self, name: str, document: dict[str, Any]) -> None:
        handle = document.get("handle")
        if not handle:
            return
        self.known(handle["id"])
        other = self._holders.setdefault(handle["id"], name)
        if other != name and self._world.store.documents.get(other):
            self.wrong(f"{handle['id']} stands in {other} and in {name}")

    def known(self, prediction_id: str) -> None:
        for prediction in self._world.ledger.predictions:
            if prediction.id == prediction_id:
                prediction.is_known = True

    # ---- sends ----

    def sending(self, provider: str, owner: Owner) -> None:
        """A create is asked for: is it one too many, and is there a slot for it?"""
        ledger, now = self._world.ledger, self._world.now
        if self._world.frames[-1].is_frozen:
            return
        sends = [ask for ask in ledger.asked if ask.owner == owner and not ask.is_refused]
        if len(sends) > 2:
            self.wrong(f"{_named(owner)} is sent for the {len(sends)}th time, refusals not counted")
        for earlier in ledger.predictions:
            if earlier.owner == owner and earlier.listed_at is not None and not earlier.is_known:
                self.wrong(f"{_named(owner)} is sent again, though {earlier.id} was listed")
            if earlier.owner == owner and earlier.is_known:
                self.wrong(f"{_named(owner)} is sent again, though {earlier.id} is known")
            if earlier.owner == owner and self._could_be_found(earlier):
                self.wrong(f"{_named(owner)} is sent again, though the list would have shown {earlier.id}")
        limit = self._limit(provider)
        holders = {
            p.owner[:2] for p in ledger.active(provider, now)
            if p.is_known and (now - p.created_at).total_seconds() < WATCHED_SECONDS and not self._is_dropped(p.owner[0])
        }  # fmt: skip
        if len(holders | {owner[:2]}) > limit:
            shown = ", ".join(sorted(f"{job}/{index}" for job, index in holders))
            self.wrong(f"{provider} allows {limit} at once: {_named(owner)} is sent beside {shown}")

    def sending_model(self, provider: str, model: str, owner: Owner) -> None:
        """A create of a model is asked for: is it one more than its share?"""
        share, now = self._world.share(model), self._world.now
        if share is None or self._world.frames[-1].is_frozen:
            return
        holders = {
            p.owner[:2] for p in self._world.ledger.active(provider, now)
            if p.model == model and p.is_known and (now - p.created_at).total_seconds() < WATCHED_SECONDS
            and not self._is_dropped(p.owner[0])
        }  # fmt: skip
        if len(holders | {owner[:2]}) > share:
            self.wrong(f"{model} may have {share} at once: {_named(owner)} is sent beside {len(holders)} others")

    def _could_be_found(self, lost: Prediction) -> bool:
        """A prediction that whoever looks for it for half a minute finds in the list."""
        plan = self._world.plan
        is_troubled = plan.outages or plan.faults or plan.deaths or self._world.list_answers()
        is_alone = len(self.jobs) == 1
        return lost.provider == REPLICATE and lost.plan.list_lag <= 30 and is_alone and not is_troubled

    def _limit(self, provider: str) -> int:
        name = "BFL_MAX_ACTIVE" if provider == BFL else "REPLICATE_MAX_ACTIVE"
        return int(self._world.plan.settings.get(name, "24" if provider == BFL else "50"))

    def _is_dropped(self, job_id: str) -> bool:
        """An operator has terminated its story, and no part of it lives: nobody watches what goes on."""
        if job_id not in self.jobs:
            return True
        rows = self._world.engine.rows(job_id) if self.jobs[job_id].terminated else None
        return rows is not None and all(row["status"] in TERMINAL for row in rows)


def _named(owner: Owner) -> str:
    return f"{owner[0]}/{owner[1]} attempt {owner[2]}"
