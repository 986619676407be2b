"""Job documents, and the names of the documents beside them: the records of a job's submits, and its claims of predictions."""

import contextlib
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

from shared.domain.job import deleted, is_terminal
from shared.job_ids import accepted_at, is_job_id, prefixes_of
from shared.storage.blob_store import DOCUMENTS, IMAGES, BlobStore, Conflict
from shared.storage.documents import Document, Documents, Operation, T
from shared.storage.image_names import folders

#: May run several times, and gets a copy of its own each time.
JobChange = Callable[[dict[str, Any]], dict[str, Any]]


class NoSuchJob(Exception):
    """There is no job of this id, or not any more."""


class JobStore:
    """Documents by job id. A job's status, once terminal, never changes."""

    def __init__(self, blobs: BlobStore, documents: Documents) -> None:
        self._blobs = blobs
        self._documents = documents

    def create(self, document: dict[str, Any]) -> None:
        """Raises Conflict when the id is taken."""
        self._documents.create(job_name(document["id"]), document, _described(document))

    def read(self, job_id: str) -> dict[str, Any] | None:
        return self._documents.read(job_name(job_id))

    def update(self, job_id: str, change: JobChange) -> dict[str, Any]:
        """Apply `change` to the document unless the job has ended; returns the document as it now is. Raises NoSuchJob, Busy."""
        return self._changed(job_id, lambda job: (None if is_terminal(job["status"]) else change(job), None))[0]

    def amend(self, job_id: str, change: JobChange) -> dict[str, Any]:
        """As update, for a job that has ended too: its status stays what it is."""
        return self._changed(job_id, lambda job: ({**change(job), "status": job["status"]}, None))[0]

    def end(self, job_id: str, change: JobChange) -> tuple[dict[str, Any], bool]:
        """Apply `change`, which gives the job its terminal status, unless it has ended: (document as it now is, whether this
        call ended it). Of all calls for a job one hears True: it alone counts the job. Raises NoSuchJob, Busy.
        """

        def ended(job: dict[str, Any]) -> tuple[dict[str, Any] | None, bool]:
            if is_terminal(job["status"]):
                return None, False
            changed = change(job)
            if not is_terminal(changed["status"]):
                raise ValueError(f"{changed['status']} is no end")
            return changed, True

        return self._changed(job_id, ended)

    def open_jobs(self, accepted_from: datetime, accepted_to: datetime) -> Iterator[str]:
        """Ids of the jobs of this span of time that have not ended, the oldest first, by their blobs' names and metadata."""
        for prefix in prefixes_of(accepted_from, accepted_to):
            for name, metadata in self._blobs.document_metadata(f"jobs/{prefix}"):
                _, job_id, file = name.split("/", 2)
                if file != _FILE or not is_job_id(job_id) or not accepted_from <= accepted_at(job_id) <= accepted_to:
                    continue
                status = metadata.get("status") or self._status(job_id)
                if status and not is_terminal(status):
                    yield job_id

    def hide(self, job_id: str, at: datetime) -> dict[str, Any]:
        """Mark a job as deleted: nobody sees it any more, and it is known by a name of its own until it is forgotten.

        Raises NoSuchJob.
        """
        # First what leads back to it: a mark without a job is passed over, a hidden job without one would stay for ever.
        self.mark_for_forgetting(job_id)
        return self.amend(job_id, lambda job: deleted(job, at))

    def mark_for_forgetting(self, job_id: str) -> None:
        """Let the janitor look for what is left of a job."""
        with contextlib.suppress(Conflict):
            self._blobs.create_document(mark_name(job_id), {"job_id": job_id})

    def expired_jobs(self, now: datetime, retention: timedelta, at_most: int) -> list[str]:
        """Ids of jobs whose time is over, the oldest first; `retention`: how long jobs of today are kept after their end.

        Those of before may be kept for another time, as their documents say. Names sort by the time of their jobs, so this ends
        at the first one that is young by today's retention and still kept: mostly one listing.
        """
        found: list[str] = []
        for name, metadata in self._blobs.document_metadata("jobs/job_", page=_EXPIRED_PAGE):
            _, job_id, file = name.split("/", 2)
            if not is_job_id(job_id) or file != _FILE:
                continue
            if accepted_at(job_id) + _SHORTEST_RETENTION > now or len(found) == at_most:
                break
            expires_at = metadata.get("expires_at") or self._expiry(job_id)
            if expires_at and datetime.fromisoformat(expires_at) <= now:
                found.append(job_id)
            elif expires_at and accepted_at(job_id) + retention > now:
                break
        return found

    def deleted_jobs(self) -> list[str]:
        """Ids of the jobs that are deleted and not yet forgotten."""
        return [name.removeprefix(_MARKS).removesuffix(".json") for name in self._blobs.names(DOCUMENTS, _MARKS)]

    def delete(self, job_id: str, key: str | None = None) -> None:
        """The job's images, its claims of predictions, its records and at last its own document: a delete cut short can be asked
        for again. Its idempotency key stays for its day, as that of a job that is gone: a late repeat must not pay again."""
        for folder in folders(job_id):
            self._blobs.delete_all(IMAGES, folder)
        if key:
            self._documents.change(key, lambda claim: (_of_a_job_that_is_gone(claim, job_id), None))
        submissions = list(self._blobs.names(DOCUMENTS, f"jobs/{job_id}/submission-"))
        are_open = [self._delete_claim(name) for name in submissions]
        if any(are_open):
            self._delete_claims_without_record(job_id)
        for name in submissions:
            self._blobs.delete(DOCUMENTS, name)
        self._blobs.delete_all(DOCUMENTS, f"jobs/{job_id}/")
        self._blobs.delete(DOCUMENTS, mark_name(job_id))

    def _delete_claim(self, submission: str) -> bool:
        """Whether one may be left: the worker of a send that is still open may have died right after it had claimed."""
        found = self._blobs.read_document(submission)
        record = found[0] if found else {}
        # Records of earlier versions name no generator: they claimed nothing.
        provider = record.get("provider") or record.get("generator")
        if record.get("handle") and provider:
            self._blobs.delete(DOCUMENTS, prediction_name(provider, record["handle"]["id"]))
        return "open" in record.get("send_states", ())

    def _delete_claims_without_record(self, job_id: str) -> None:
        """All claims are looked through, which is as rare as such deaths are."""
        for name, metadata in list(self._blobs.document_metadata(PREDICTIONS)):
            if metadata.get("job_id") == job_id:
                self._blobs.delete(DOCUMENTS, name)

    def _expiry(self, job_id: str) -> str | None:
        """Of a job that has not ended, or was last written by a version without this metadata."""
        document = self.read(job_id)
        return None if document is None else document.get("expires_at")

    def _status(self, job_id: str) -> str | None:
        """Of a job that was last written by a version without metadata."""
        document = self.read(job_id)
        return None if document is None else str(document["status"])

    def _changed(self, job_id: str, change: Callable[[dict[str, Any]], tuple[Document | None, T]]) -> tuple[dict[str, Any], T]:
        operation: Operation[T] = lambda job: change(_existing(job, job_id))  # noqa: E731 - says its type
        done = self._documents.change(job_name(job_id), operation, describe=_described)
        return _existing(done.document, job_id), done.result


_FILE = "job.json"
#: Documents of one listing: mostly the first of them ends the search.
_EXPIRED_PAGE = 1000
#: Of all that RETENTION_DAYS may say or may have said.
_SHORTEST_RETENTION = timedelta(days=1)
_MARKS = "deleted/"
PREDICTIONS = "predictions/"


def mark_name(job_id: str) -> str:
    """What leads to a deleted job until it is forgotten."""
    return f"{_MARKS}{job_id}.json"


def _existing(document: Document | None, job_id: str) -> dict[str, Any]:
    if document is None:
        raise NoSuchJob(job_id)
    return document


def _of_a_job_that_is_gone(claim: Document | None, job_id: str) -> Document | None:
    """What says until the key's day is over that its job is gone, and nothing else of the request or the job; as the former
    version reads it, to which it is the key of another request. After a day the key may be another job's."""
    if claim is None or claim["job_id"] != job_id:
        return None
    return {"fingerprint": "", "job_id": "", "at": claim["at"], "deleted": True}


def _described(document: dict[str, Any]) -> dict[str, str]:
    expires_at = document.get("expires_at")
    return {"status": document["status"], **({"expires_at": expires_at} if expires_at else {})}


def job_name(job_id: str) -> str:
    """A job's own document."""
    return f"jobs/{job_id}/{_FILE}"


def submission_name(job_id: str, index: int, attempt: int) -> str:
    """The record of one submit: a picture's `attempt`-th prediction."""
    return f"jobs/{job_id}/submission-{index}-{attempt}.json"


def prediction_name(provider: str, prediction_id: str) -> str:
    """The claim of a prediction: whose it is, where one could be taken for another's."""
    return f"{PREDICTIONS}{provider}/{prediction_id}.json"
