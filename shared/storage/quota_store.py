"""How many jobs an owner has under way and has started today, and how many translations were asked for: one document per owner,
only where a limit is set."""

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.domain.days import day_of, end_of_day
from shared.domain.quota import Policy, Scope, Standing, too_many_at_once, used_up
from shared.storage.documents import Document, Documents

#: A job is forgotten after this even if nobody said that it has ended: longer than all its deadlines together.
_FORGOTTEN_AFTER = timedelta(hours=1)
_OWNERS = "owners/"
#: A document that nobody has written for so long says what a new one says: its day is over, and its jobs are forgotten.
_SAYS_NOTHING_AFTER = timedelta(days=2)
#: Deletes of one run of housekeeping: about a minute.
_AT_ONCE = 4000


class QuotaStore:
    def __init__(
        self,
        documents: Documents,
        max_active: int | None,
        max_daily: int | None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._documents = documents
        self._max_active = max_active
        self._max_daily = max_daily
        self._clock = clock

    @property
    def is_limited(self) -> bool:
        return bool(self._max_active or self._max_daily)

    def admit(self, owner: str, job_id: str, scope: Scope = "own") -> list[Standing]:
        """Count a new job, once however often it is said: what is left of each limit after it. `scope`: whose limits these are.

        Raises LimitReached (`too_many_active_jobs`, `quota_exceeded`), and Busy.
        """
        document = self._change(owner, lambda document: self._admitted(document, job_id, scope))
        return [] if document is None else self._standings(document, scope)

    def translate(self, owner: str, scope: Scope = "own") -> list[Standing]:
        """Count a translation; a day may have as many as it may have jobs: what is left after it.

        Raises LimitReached (`quota_exceeded`), and Busy.
        """
        if not self._max_daily:
            return []
        document = self._change(owner, lambda document: self._translated(document, scope))
        return [] if document is None else self._of_translations(document, scope)

    def withdraw_translation(self, owner: str) -> None:
        """It did not come about."""
        if self._max_daily:
            self._change(owner, lambda document: {**document, "translated": max(0, document["translated"] - 1)})

    def release(self, owner: str, job_id: str) -> None:
        """The job has ended. What it used of the day stays used."""
        self._change(owner, lambda document: {**document, "active": {k: v for k, v in document["active"].items() if k != job_id}})

    def withdraw(self, owner: str, job_id: str, since: datetime | None = None) -> None:
        """The job did not come about: it does not count in its day either. `since`: where it was admitted after that only."""
        self._change(owner, lambda document: self._withdrawn(document, job_id, since))

    def forget_old(self) -> int:
        """Delete the documents of owners who have not come for two days; returns how many."""
        return self._documents.forget_unwritten_since(self._clock() - _SAYS_NOTHING_AFTER, _OWNERS, _AT_ONCE)

    def _withdrawn(self, document: dict[str, Any], job_id: str, since: datetime | None) -> dict[str, Any]:
        admitted_at = document["active"].get(job_id)
        if admitted_at is None or (since is not None and datetime.fromisoformat(admitted_at) <= since):
            return document
        active = {k: v for k, v in document["active"].items() if k != job_id}
        return {**document, "active": active, "started": max(0, document["started"] - 1)}

    def _admitted(self, document: dict[str, Any], job_id: str, scope: Scope) -> dict[str, Any]:
        if job_id in document["active"]:
            return document
        standings: dict[Policy, Standing] = {standing.policy: standing for standing in self._standings(document, scope)}
        if self._max_daily and document["started"] >= self._max_daily:
            raise used_up(standings["jobs-a-day"], end_of_day(self._clock()))
        if self._max_active and len(document["active"]) >= self._max_active:
            raise too_many_at_once(standings["jobs-at-once"])
        active = {**document["active"], job_id: self._clock().isoformat()}
        return {**document, "active": active, "started": document["started"] + 1}

    def _translated(self, document: dict[str, Any], scope: Scope) -> dict[str, Any]:
        for standing in self._of_translations(document, scope):
            if not standing.remaining:
                raise used_up(standing, end_of_day(self._clock()))
        return {**document, "translated": document["translated"] + 1}

    def _standings(self, document: dict[str, Any], scope: Scope) -> list[Standing]:
        told = []
        if self._max_active:
            left = max(0, self._max_active - len(document["active"]))
            told.append(Standing("jobs-at-once", scope, self._max_active, left))
        if self._max_daily:
            told.append(self._of_day("jobs-a-day", scope, self._max_daily, document["started"]))
        return told

    def _of_translations(self, document: dict[str, Any], scope: Scope) -> list[Standing]:
        if not self._max_daily:
            return []
        return [self._of_day("translations-a-day", scope, self._max_daily, document["translated"])]

    def _of_day(self, policy: Policy, scope: Scope, quota: int, used: int) -> Standing:
        now = self._clock()
        seconds = max(1, round((end_of_day(now) - now).total_seconds()))
        return Standing(policy, scope, quota, max(0, quota - used), 86_400, seconds)

    def _change(self, owner: str, change: Callable[[dict[str, Any]], dict[str, Any]]) -> Document | None:
        """The document as it now is; None where no limit is set."""
        if not self.is_limited:
            return None

        def changed(document: Document | None) -> tuple[Document | None, None]:
            return change(self._current(document)), None

        return self._documents.change(owner_name(owner), changed).document

    def _current(self, document: dict[str, Any] | None) -> dict[str, Any]:
        """The document as of now: another day begins at nothing, and what was never said to have ended is forgotten."""
        now = self._clock()
        today = day_of(now)
        known = document or {"day": today, "started": 0, "active": {}}
        active = {k: v for k, v in known["active"].items() if now - datetime.fromisoformat(v) < _FORGOTTEN_AFTER}
        is_today = known["day"] == today
        return {
            "day": today, "started": known["started"] if is_today else 0, "active": active,
            # The version before counted none.
            "translated": known.get("translated", 0) if is_today else 0,
        }  # fmt: skip


def owner_name(owner: str) -> str:
    """The document of an owner's counters. An owner may be an e-mail address: names of blobs end up in logs."""
    return f"{_OWNERS}{hashlib.sha256(owner.encode()).hexdigest()}.json"
