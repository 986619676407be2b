"""The records of a picture's attempts to make a prediction, and who a found prediction belongs to."""

from dataclasses import dataclass
from typing import Any

from shared.domain.ledger import Cost, Ledger
from shared.domain.payloads import Handle, Named
from shared.domain.submission import Submission
from shared.storage.blob_store import DOCUMENTS, BlobStore, Conflict
from shared.storage.job_store import prediction_name, submission_name


@dataclass(frozen=True)
class Attempt:
    """Which record: a picture's `attempt`-th try."""

    job_id: str
    index: int
    attempt: int

    @classmethod
    def of(cls, payload: Named) -> "Attempt":
        return cls(payload["job_id"], payload["index"], payload["attempt"])

    @property
    def name(self) -> str:
        return submission_name(self.job_id, self.index, self.attempt)


@dataclass
class Record:
    """A submission as it lies in storage. Every write is conditional on nobody having written since it was read."""

    attempt: Attempt
    submission: Submission
    etag: str


class SubmissionStore:
    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs

    def find(self, attempt: Attempt) -> Record | None:
        found = self._blobs.read_document(attempt.name)
        return None if found is None else Record(attempt, Submission(found[0]), found[1])

    def create(self, attempt: Attempt, submission: Submission) -> Record:
        """Raises Conflict when there is a record already."""
        return Record(attempt, submission, self._blobs.create_document(attempt.name, submission.document))

    def change(self, record: Record, submission: Submission) -> None:
        """Move the record on. Raises Conflict when somebody else has."""
        record.etag = self._blobs.replace_document(record.attempt.name, submission.document, record.etag)
        record.submission = submission

    def withdraw(self, record: Record) -> None:
        """Take an intent back that was not followed by a send, unless somebody else has gone on with it."""
        self._blobs.delete(DOCUMENTS, record.attempt.name, record.etag)

    def keep_handle(self, attempt: Attempt, provider: str, handle: Handle, cost: Cost | None = None) -> bool:
        """Put a prediction on record whose submit could not; whether it is there now. Where another run has taken the send over,
        its claim is given up instead, since nothing would lead to it. Raises AzureError."""
        record = self.find(attempt)
        if record is not None and record.submission.is_open:
            try:
                self.change(record, record.submission.submitted(handle, cost))
            except Conflict:
                record = self.find(attempt)
        is_kept = record is not None and record.submission.prediction_id == handle["id"]
        if not is_kept:
            self.release(provider, handle["id"])
        return is_kept

    def claim(self, provider: str, prediction_id: str, attempt: Attempt) -> bool:
        """Whether a prediction of a provider that can be searched belongs to this attempt, which it does from now on when it
        was nobody's: two sends with the same input are told apart by nothing else."""
        name = prediction_name(provider, prediction_id)
        mine: dict[str, Any] = {"job_id": attempt.job_id, "index": attempt.index, "attempt": attempt.attempt}
        try:
            self._blobs.create_document(name, mine, {"job_id": attempt.job_id})
        except Conflict:
            found = self._blobs.read_document(name)
            return found is not None and found[0] == mine
        return True

    def release(self, provider: str, prediction_id: str) -> None:
        self._blobs.delete(DOCUMENTS, prediction_name(provider, prediction_id))

    def known_predictions(self, attempt: Attempt) -> set[str]:
        """Ids of the predictions of the picture's earlier attempts."""
        earlier = (self.find(Attempt(attempt.job_id, attempt.index, n)) for n in range(1, attempt.attempt))
        return {record.submission.prediction_id for record in earlier if record is not None and record.submission.prediction_id}

    def ledger(self, job_id: str, index: int, default_generator: str) -> Ledger:
        """What the records of a picture say that its sends owe. `default_generator`: of records of the former version."""
        ledgers: dict[int, Ledger] = {}
        for name in sorted(self._blobs.names(DOCUMENTS, f"jobs/{job_id}/submission-{index}-")):
            found = self._blobs.read_document(name)
            if found is not None:
                attempt = int(name.rpartition("-")[2].removesuffix(".json"))
                generator = found[0].get("generator", default_generator)
                submission = Submission(found[0])
                ledgers[attempt] = Ledger().noted(generator, attempt, submission.sends, submission.cost)
        return Ledger(tuple(send for attempt in sorted(ledgers) for send in ledgers[attempt].sends))
