"""What accounts have spent: one document for each and a month."""

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from shared.domain import spending
from shared.domain.days import month_of
from shared.domain.quota import Scope, Standing
from shared.domain.spending import Budget, Near, Spent
from shared.storage.documents import Document, Documents

#: Of owners, who may ask for theirs; and of addresses and of all callers together, which only limits ask for.
_OWNERS, _LIMITS = "usage/", "spending/"
#: A month that nobody writes any more is over, for limits.
_LIMITS_KEPT = timedelta(days=33)
_OWNERS_KEPT = timedelta(days=400)
#: Deletes of one run of housekeeping: about a minute.
_AT_ONCE = 4000


class SpendingStore:
    """By folder: that of `owner_folder` or `limit_folder`."""

    def __init__(self, documents: Documents, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._documents = documents
        self._clock = clock

    def reserve(self, folder: str, job: Spent, budget: Budget, scope: Scope) -> tuple[list[Standing], list[Near]]:
        """Count what a new job is expected to cost, once however often it is said: what is left, and what is nearly used up.

        Raises LimitReached, and Busy.
        """
        now = self._clock()

        def change(known: Document | None) -> tuple[Document, tuple[list[Standing], list[Near]]]:
            month, standings, near = spending.reserved(known, job, budget, scope, now)
            return month, (standings, near)

        return self._documents.change(_name(folder, job.day), change).result

    def translate(self, folder: str, words: Spent, budget: Budget, scope: Scope) -> tuple[list[Standing], list[Near]]:
        """As `reserve`, of a translation that no job has asked for: each counts. Raises LimitReached, and Busy."""
        now = self._clock()

        def change(known: Document | None) -> tuple[Document, tuple[list[Standing], list[Near]]]:
            month, standings, near = spending.translated(known, words, budget, scope, now)
            return month, (standings, near)

        return self._documents.change(_name(folder, words.day), change).result

    def withdraw_translation(self, folder: str, words: Spent) -> None:
        """It did not come about."""
        self._documents.change(_name(folder, words.day), lambda known: (spending.without_translation(known, words), None))

    def settle(self, folder: str, job: Spent, *, was_reserved: bool) -> None:
        """What the job has cost as far as is known: in place of what was said of it before. Raises Busy."""
        now = self._clock()
        self._documents.change(
            _name(folder, job.day), lambda known: (spending.settled(known, job, now, was_reserved=was_reserved), None)
        )

    def withdraw(self, folder: str, job: Spent) -> None:
        """The job did not come about."""
        self._documents.change(_name(folder, job.day), lambda known: (spending.withdrawn(known, job.job_id), None))

    def withdraw_after_its_end(self, folder: str, job: Spent) -> None:
        """Take back what a POST reserved for a job that had ended by then. Raises Busy."""
        self._documents.change(_name(folder, job.day), lambda known: (spending.withdrawn_after_its_end(known, job), None))

    def forget(self, folder: str, job: Spent) -> None:
        """What the job has cost stays counted, without its name."""
        now = self._clock()
        self._documents.change(_name(folder, job.day), lambda known: (spending.without_name(known, job.job_id, now), None))

    def months(self, folder: str, months: list[str]) -> list[Document]:
        """The documents there are: one read for each month."""
        found = [self._documents.read(_name(folder, month)) for month in months]
        return [document for document in found if document is not None]

    def forget_old(self) -> int:
        """Delete what is past its time; returns how many documents."""
        now = self._clock()
        return sum(
            self._documents.forget_unwritten_since(now - kept, prefix, _AT_ONCE)
            for prefix, kept in ((_LIMITS, _LIMITS_KEPT), (_OWNERS, _OWNERS_KEPT))
        )


def owner_folder(owner: str) -> str:
    """All that is known of an owner's money. An owner may be an e-mail address: names of blobs end up in logs."""
    return _OWNERS + hashlib.sha256(owner.encode()).hexdigest()


def limit_folder(account: str) -> str:
    return _LIMITS + hashlib.sha256(account.encode()).hexdigest()


def _name(folder: str, day: str) -> str:
    return f"{folder}/{month_of(day)}.json"
