"""Idempotency keys: one document a key says which job it stands for, so that a repeated request finds its job."""

import contextlib
import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from azure.core.exceptions import AzureError

from shared.storage.documents import Busy, Document, Documents, Operation
from shared.storage.job_store import JobStore

KEY_KEPT = timedelta(hours=24)
#: A message lives seven days in its queue and seven more as poison (learn.microsoft.com/rest/api/storageservices/put-message,
#: messagettl): then there is a day left for what an operator gives back.
QUEUED_KEY_KEPT = timedelta(days=15)
#: How the key of a message begins. None that comes by HTTP holds a line break: neither finds the other's job.
BY_QUEUE = "queue\n"
#: What says nothing any more is deleted this much later, since clocks differ.
_MARGIN = timedelta(hours=1)
#: Deletes of one run of housekeeping: about a minute.
_AT_ONCE = 4000
_KEYS, _QUEUED_KEYS = "idempotency/", "idempotency-queued/"
#: A POST that has not finished its work by then has died, or nearly.
KEY_ABANDONED = timedelta(seconds=60)


@dataclass(frozen=True)
class Taken:
    """The key is the caller's: it makes the job, under this id, or gives the key back.

    The id may be that of a POST which has died: should that live after all, there is still one job.
    """

    job_id: str
    #: Of this POST alone. It may undo only what is its own: under the same id another one may be making the job by now.
    holder: str = field(default_factory=lambda: secrets.token_hex(4), compare=False)
    #: The key was free: under this id no other POST has ever been at work.
    is_first: bool = field(default=False, compare=False)


class Known(NamedTuple):
    """The key stands for this job already."""

    job: dict[str, Any]


@dataclass(frozen=True)
class InProgress:
    """Another POST has the key, and has not made its job yet."""


@dataclass(frozen=True)
class Reused:
    """The key stands for another request."""


@dataclass(frozen=True)
class Deleted:
    """The key stands for a job that was deleted."""


class Fingerprints(NamedTuple):
    """What tells a request from another one. Any of them that two have in common makes them the same."""

    #: The only one that the former version kept, and compares: its instances work beside those of this one for a while.
    spelling: str
    meanings: tuple[str, ...] = ()

    def document(self) -> Document:
        return {"fingerprint": self.spelling, "meanings": list(self.meanings)}

    def are_of(self, known: Document) -> bool:
        """Whether the key was taken by the same request."""
        return known["fingerprint"] == self.spelling or not set(self.meanings).isdisjoint(known.get("meanings", ()))


Claim = Taken | Known | InProgress | Reused | Deleted


class _Standing(NamedTuple):
    """What the key's document says of a request that is not the first."""

    job_id: str
    at: str


class KeyStore:
    """A key is free, or taken by a request for its job; after its time it is free again."""

    def __init__(self, documents: Documents, jobs: JobStore, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._documents = documents
        self._jobs = jobs
        self._clock = clock

    def take(self, name: str, request: Fingerprints, job_id: str) -> Claim:
        """Take the key for `job_id` if it is free, or if its POST has died; `name` is that of `key_name`. Raises Busy."""
        now, free = self._clock(), Taken(job_id, is_first=True)

        def taken(known: Document | None) -> tuple[Document | None, Taken | Reused | Deleted | _Standing]:
            if known is None or now - _at(known) >= _kept(name):
                return _document(request, free, now), free
            return None, _judged(known, request)

        claim = self._documents.change(name, taken, is_new=True).result
        if not isinstance(claim, _Standing):
            return claim
        return self._stood_for(claim, now) or self._taken_over(name, request, claim, now)

    def look(self, name: str, request: Fingerprints | None) -> Known | InProgress | Reused | Deleted | None:
        """What `take` would answer, without taking the key: None when it would. Without a `request`: to the one that took it."""
        known, now = self._documents.read(name), self._clock()
        if known is None or now - _at(known) >= _kept(name):
            return None
        standing = _judged(known, request)
        return standing if isinstance(standing, Reused | Deleted) else self._stood_for(standing, now)

    def forget_old(self) -> int:
        """Delete keys that are free again; returns how many."""
        return sum(
            self._documents.forget_unwritten_since(self._clock() - _kept(folder) - _MARGIN, folder, _AT_ONCE)
            for folder in (_KEYS, _QUEUED_KEYS)
        )

    def is_of_deleted_job(self, name: str) -> bool:
        """Whether the job that the key stands for was deleted, perhaps while a slow POST was still making it."""
        known = self._documents.read(name)
        return known is not None and bool(known.get("deleted"))

    def hold(self, name: str, mine: Taken) -> bool:
        """Whether the key is still the caller's; then nobody takes it over for another minute. Raises Busy."""
        now = self._clock().isoformat()
        operation: Operation[bool] = lambda known: _changed(known, mine, now)  # noqa: E731 - says its type
        return self._documents.change(name, operation).result

    def give_back(self, name: str, mine: Taken, *, is_refused: bool = False) -> None:
        """Let the key be used again at once, unless another POST has taken it over: its request was refused or failed, and may
        be sent again. Trouble is passed over: then the key is free in a minute.

        `is_refused`: nothing of its job is there or ever will be, so that the key is free for any request, where no other POST
        can be making a job under its id. Else it stays the same request's and the same job's.
        """
        age = _kept(name) + _MARGIN if is_refused and mine.is_first else KEY_ABANDONED
        long_ago = (self._clock() - age).isoformat()
        operation: Operation[bool] = lambda known: _changed(known, mine, long_ago)  # noqa: E731 - says its type
        with contextlib.suppress(Busy, AzureError):
            self._documents.change(name, operation)

    def _stood_for(self, claim: _Standing, now: datetime) -> Known | InProgress | None:
        """None: its POST has died before it made the job."""
        job = self._jobs.read(claim.job_id)
        if job is not None:
            return Known(job)
        return InProgress() if now - datetime.fromisoformat(claim.at) < KEY_ABANDONED else None

    def _taken_over(self, name: str, request: Fingerprints, seen: _Standing, now: datetime) -> Claim:
        """The key of a POST that has died, unless somebody else was quicker."""
        mine = Taken(seen.job_id)

        def taken(known: Document | None) -> tuple[Document | None, Claim]:
            if known and known.get("deleted"):
                return None, Deleted()
            if known is None or (known["job_id"], known["at"]) != (seen.job_id, seen.at):
                return None, InProgress()
            return _document(request, mine, now), mine

        return self._documents.change(name, taken).result


def key_name(owner: str, route: str, key: str) -> str:
    """The document of a key, which counts for one owner and one route; names of blobs end up in logs."""
    folder = _QUEUED_KEYS if key.startswith(BY_QUEUE) else _KEYS
    return f"{folder}{hashlib.sha256(f'{owner}|{route}|{key}'.encode()).hexdigest()}.json"


def _kept(name: str) -> timedelta:
    return QUEUED_KEY_KEPT if name.startswith(_QUEUED_KEYS) else KEY_KEPT


def _document(request: Fingerprints, taken: Taken, now: datetime) -> Document:
    return {**request.document(), "job_id": taken.job_id, "holder": taken.holder, "at": now.isoformat()}


def _changed(known: Document | None, mine: Taken, at: str) -> tuple[Document | None, bool]:
    """A claim that is still `mine`, of another time, and whether it is. The former version names no holder."""
    is_mine = known is not None and (known["job_id"], known.get("holder")) == (mine.job_id, mine.holder)
    return {**known, "at": at} if known and is_mine else None, is_mine


def _judged(known: Document, request: Fingerprints | None) -> Reused | Deleted | _Standing:
    # Of a job that is gone the key keeps no request to compare with.
    if known.get("deleted"):
        return Deleted()
    return _Standing(known["job_id"], known["at"]) if request is None or request.are_of(known) else Reused()


def _at(document: Document) -> datetime:
    return datetime.fromisoformat(document["at"])
