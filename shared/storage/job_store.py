"""Job documents, the record of each submit, and where a job's images lie."""

import random
import time
from collections.abc import Callable
from typing import Any

from shared.domain.job import is_terminal
from shared.storage.blob_store import DOCUMENTS, IMAGES, BlobStore, Conflict

_ATTEMPTS = 8


class JobStore:
    """Documents by job id. A job's status, once terminal, never changes."""

    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs

    def create(self, document: dict[str, Any]) -> None:
        """Raises Conflict when the id is taken."""
        self._blobs.create_document(_job_name(document["id"]), document)

    def read(self, job_id: str) -> dict[str, Any] | None:
        found = self._blobs.read_document(_job_name(job_id))
        return None if found is None else found[0]

    def update(self, job_id: str, change: Callable[[dict[str, Any]], dict[str, Any]]) -> dict[str, Any]:
        """Apply `change` to the document unless the job has ended; returns the document as it now is.

        `change` may run several times. Raises KeyError when there is no such job.
        """
        return self._change(job_id, lambda document: document if is_terminal(document["status"]) else change(document))

    def amend(self, job_id: str, change: Callable[[dict[str, Any]], dict[str, Any]]) -> dict[str, Any]:
        """As update, for a job that has ended too: its status stays what it is."""
        return self._change(job_id, lambda document: change(document) | {"status": document["status"]})

    def delete(self, job_id: str, key: str | None = None) -> None:
        """The job's images, the document of its idempotency key, its own: a delete cut short can be asked for again."""
        self._blobs.delete_all(IMAGES, f"{job_id}/")
        claim = self._blobs.read_document(key) if key else None
        # After a day the key may be another job's.
        if key and claim and claim[0]["job_id"] == job_id:
            self._blobs.delete_all(DOCUMENTS, key)
        self._blobs.delete_all(DOCUMENTS, f"jobs/{job_id}/")

    def _change(self, job_id: str, change: Callable[[dict[str, Any]], dict[str, Any]]) -> dict[str, Any]:
        for attempt in range(_ATTEMPTS):
            found = self._blobs.read_document(_job_name(job_id))
            if found is None:
                raise KeyError(job_id)
            document, etag = found
            changed = change(dict(document))
            if changed == document:
                return document
            try:
                self._blobs.replace_document(_job_name(job_id), changed, etag)
            except Conflict:
                time.sleep(random.uniform(0, 0.05 * (attempt + 1)))  # noqa: S311 - spreads instances, hides nothing
                continue
            return changed
        raise Conflict(job_id)


def _job_name(job_id: str) -> str:
    return f"jobs/{job_id}/job.json"


def submission_name(job_id: str, index: int, attempt: int) -> str:
    """The record of one submit: a picture's `attempt`-th prediction."""
    return f"jobs/{job_id}/submission-{index}-{attempt}.json"


def upload_name(job_id: str, field: str, extension: str) -> str:
    return f"{job_id}/input/{field}.{extension}"


def prepared_name(job_id: str, field: str, extension: str) -> str:
    return f"{job_id}/prepared/{field}.{extension}"


def output_name(job_id: str, index: int, extension: str) -> str:
    return f"{job_id}/output/{index}.{extension}"


def thumbnail_name(job_id: str, index: int) -> str:
    return f"{job_id}/thumbnail/{index}.jpg"
