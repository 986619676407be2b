"""The gate before a provider: who may use one of its few slots, in which order, and when nobody may. Pure.

A provider serves a limited number of predictions at once (BFL: 6 a model and account, providers reference 2.8), however
many instances of the app there are. A holder is one picture of one job, "job_.../0"; ids of jobs sort by the time they were
accepted, so the holder that sorts first came first.
"""

import statistics
from dataclasses import dataclass
from typing import Any

#: Failures in a row, of whatever job, after which the provider is left alone.
BREAKER_FAILURES = 5
BREAKER_SECONDS = 30.0
BREAKER_SECONDS_MAX = 300.0
#: A holder that has said nothing for so long may be dead: the task hub is asked.
VERIFY_ACTIVE_SECONDS = 60.0
VERIFY_WAITING_SECONDS = 150.0
#: How often a provider whose credit was used up is asked whether it has been topped up.
BALANCE_CHECK_SECONDS = 60.0
#: A provider that accepted a first try after an outage and does not end it is tried by one more.
PROBE_SECONDS = 60.0
_REMEMBERED_HOLDS = 20


def holder_name(job_id: str, index: int) -> str:
    return f"{job_id}/{index}"


def _names(holder: str) -> dict[str, str]:
    job_id, _, index = holder.partition("/")
    return {"job_id": job_id, "index": index}


@dataclass(frozen=True)
class Grant:
    """A slot given to a waiting holder: `event` tells the orchestration `instance`."""

    holder: str
    instance: str
    event: str


@dataclass(frozen=True)
class Place:
    """Where a holder stands: with a slot, or at `position` (from 1) of the queue."""

    granted: bool
    position: int | None = None
    wait_seconds: float = 0.0


class Gate:
    """The state of one gate as of `now` (epoch seconds). Changes its `document`; `grants` and `events` tell what happened."""

    def __init__(self, document: dict[str, Any] | None, limit: int, now: float) -> None:
        self.document: dict[str, Any] = document or {
            "active": {}, "waiting": {}, "holds": [], "failures": 0, "opened": 0, "open_until": None, "stopped": None,
            "paused": None,
        }  # fmt: skip
        self.limit = limit
        self.now = now
        self.grants: list[Grant] = []
        self.events: list[tuple[str, dict[str, Any]]] = []

    # ---- what holders do ----

    def enter(self, holder: str, instance: str, event: str, *, failed: bool = False, attempt: int | None = None) -> Place:
        """Take a slot or a place in the queue for an attempt; asking again changes nothing. `failed`: the provider failed this
        holder."""
        active, waiting = self.document["active"], self.document["waiting"]
        slot = active.get(holder)
        if failed:
            self._count_failure(probe=bool(slot and slot["probe"]))
        if slot and not (failed and self.is_shut):
            slot.update(seen_at=self.now, instance=instance, attempt=attempt)
            return Place(granted=True)
        active.pop(holder, None)
        since = (waiting.get(holder) or slot or {}).get("since", self.now)
        waiting[holder] = {"instance": instance, "event": event, "since": since, "seen_at": self.now, "attempt": attempt}
        self._fill(asking=holder)
        if holder in active:
            return Place(granted=True)
        position = self.position(holder)
        return Place(granted=False, position=position, wait_seconds=self.expected_wait(position or 1))

    def leave(self, holder: str, outcome: str | None, attempt: int | None = None) -> None:
        """Give up the slot or the place, unless a later attempt has it by now. `outcome`: "ok" when the provider did its work,
        "failed" when it did not."""
        held = (self.document["active"].get(holder) or self.document["waiting"].get(holder) or {}).get("attempt")
        if attempt is not None and held is not None and held > attempt:
            return
        slot = self.document["active"].pop(holder, None)
        self.document["waiting"].pop(holder, None)
        if outcome == "ok":
            self._count_success()
            if slot:
                self.document["holds"] = [*self.document["holds"], round(self.now - slot["granted_at"], 1)][-_REMEMBERED_HOLDS:]
        elif outcome == "failed":
            self._count_failure(probe=bool(slot and slot["probe"]))
        self._fill()

    def note_failure(self, holder: str) -> None:
        """The provider failed a holder, which keeps what it has."""
        self._count_failure(probe=bool(self.document["active"].get(holder, {}).get("probe")))

    def overdue(self) -> dict[str, str]:
        """Holders that have said nothing for so long that they may be dead, each with the instance that holds ("" where the
        former version did not note it)."""
        return {
            holder: entry.get("instance", "")
            for group, seconds in (("active", VERIFY_ACTIVE_SECONDS), ("waiting", VERIFY_WAITING_SECONDS))
            for holder, entry in self.document[group].items()
            if self.now - entry["seen_at"] > seconds
        }

    def verified(self, alive: dict[str, bool]) -> None:
        """What the task hub said of `overdue` holders: the dead lose their slots and places."""
        for group in ("active", "waiting"):
            for holder, is_alive in alive.items():
                if holder in self.document[group] and is_alive:
                    self.document[group][holder]["seen_at"] = self.now
                elif self.document[group].pop(holder, None):
                    self.events.append(("gate_freed", {**_names(holder), "reason": f"dead in {group}"}))
        self._fill()

    # ---- what can be known ----

    def position(self, holder: str) -> int | None:
        """Place in the queue from 1; None for a holder that does not wait."""
        waiting = self.document["waiting"]
        return 1 + sum(other < holder for other in waiting) if holder in waiting else None

    def measured_seconds(self) -> float | None:
        """How long a slot is held, measured on the last jobs that got their picture; None before there was one."""
        return statistics.median(self.document["holds"]) if self.document["holds"] else None

    def typical_seconds(self, default: float) -> float:
        measured = self.measured_seconds()
        return default if measured is None else measured

    def expected_wait(self, position: int, default_hold: float = 15.0) -> float:
        """Seconds until the holder at `position` has a slot, if all goes as it went lately."""
        waves = -(-position // self.limit)
        return waves * self.typical_seconds(default_hold) + self.seconds_until_open

    @property
    def is_shut(self) -> bool:
        """Nobody gets a slot now: the credit is used up, or the provider is being left alone."""
        return self.document["stopped"] is not None or self.seconds_until_open > 0

    @property
    def seconds_until_open(self) -> float:
        return max(0.0, (self.document["open_until"] or 0.0) - self.now)

    # ---- the provider's state ----

    def stop(self, code: str) -> None:
        """No slots and no intake until the balance check passes."""
        if self.document["stopped"] is None:
            self.events.append(("provider_stopped", {"code": code}))
        self.document["stopped"] = {"code": code, "checked_at": self.now}

    def pause(self, reason: str) -> None:
        """Take in no new jobs until resume(); those that are here go on. An earlier pause keeps its beginning."""
        since = (self.document.get("paused") or {}).get("since", self.now)
        self.document["paused"] = {"since": since, "reason": reason}

    def resume(self) -> None:
        self.document["paused"] = None

    @property
    def is_balance_check_due(self) -> bool:
        stopped = self.document["stopped"]
        return stopped is not None and self.now - stopped["checked_at"] >= BALANCE_CHECK_SECONDS

    def balance_checked(self, passed: bool) -> None:
        if self.document["stopped"] is None:
            return
        if not passed:
            self.document["stopped"]["checked_at"] = self.now
            return
        self.document["stopped"] = None
        self.events.append(("provider_resumed", {}))
        self._fill()

    def _count_success(self) -> None:
        if self.document["opened"]:
            self.events.append(("breaker_closed", {}))
        self.document.update(failures=0, opened=0, open_until=None)

    def _count_failure(self, *, probe: bool) -> None:
        self.document["failures"] += 1
        if self.seconds_until_open > 0:
            # A straggler from before: the provider is being left alone already.
            return
        if probe or self.document["failures"] >= BREAKER_FAILURES:
            seconds = min(BREAKER_SECONDS * 2 ** self.document["opened"], BREAKER_SECONDS_MAX)
            self.document.update(opened=self.document["opened"] + 1, open_until=self.now + seconds)
            self.events.append(("breaker_opened", {"failures": self.document["failures"], "seconds": seconds}))

    def _fill(self, asking: str | None = None) -> None:
        """Give free slots to those who came first. After an outage one of them tries first, alone."""
        active, waiting = self.document["active"], self.document["waiting"]
        probing = self.document["open_until"] is not None
        for slot in active.values():
            slot["probe"] = slot["probe"] and self.now - slot["granted_at"] < PROBE_SECONDS
        while waiting and not self.is_shut and len(active) < self.limit:
            if probing and any(slot["probe"] for slot in active.values()):
                return
            holder = min(waiting)
            entry = waiting.pop(holder)
            active[holder] = {
                "since": entry["since"], "granted_at": self.now, "seen_at": self.now, "probe": probing,
                "instance": entry["instance"], "attempt": entry.get("attempt"),
            }  # fmt: skip
            waited_ms = round((self.now - entry["since"]) * 1000)
            self.events.append(("gate_granted", {**_names(holder), "waited_ms": waited_ms}))
            if holder != asking:
                self.grants.append(Grant(holder, entry["instance"], entry["event"]))
