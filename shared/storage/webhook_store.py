"""What is kept for the webhooks that we send: which jobs somebody waits to hear of, and which version of its secret an owner has.
No key and no address lies here."""

import contextlib
import hashlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from shared.job_ids import is_job_id
from shared.storage.blob_store import DOCUMENTS, BlobStore, Conflict
from shared.storage.documents import Document, Documents

_EXPECTED = "webhooks-due/"
_VERSIONS = "webhook-versions/"
#: How long the version before goes on signing beside the new one, so that receivers have time to change.
BOTH_SIGN = timedelta(hours=24)
#: So many former versions may sign at once: a POST that is repeated takes no secret away that receivers have, and the header of a
#: webhook stays short.
MOST_FORMER = 4


class StillSigning(Exception):
    """All the former versions that there may be sign: there can be no new one before `until`."""

    def __init__(self, until: datetime) -> None:
        super().__init__(until)
        self.until = until


class ExpectedDeliveries:
    """A mark for each job whose end is still to be told: what leads back to one of which nobody told, whoever ended it."""

    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs

    def expect(self, job_id: str) -> None:
        with contextlib.suppress(Conflict):
            self._blobs.create_document(expected_name(job_id), {"job_id": job_id})

    def all(self) -> list[str]:
        """Ids of jobs."""
        found = (name.removeprefix(_EXPECTED).removesuffix(".json") for name in self._blobs.names(DOCUMENTS, _EXPECTED))
        return [job_id for job_id in found if is_job_id(job_id)]

    def forget(self, job_id: str) -> None:
        self._blobs.delete(DOCUMENTS, expected_name(job_id))


class Versions(NamedTuple):
    """`former` ones, each with the end of its time, sign as well until then; the newest first."""

    current: int = 1
    rotated_at: datetime | None = None
    former: tuple[tuple[int, datetime], ...] = ()


class SecretVersions:
    """The versions of the owners' secrets. An owner who never changed it has the first one, and no document."""

    def __init__(self, documents: Documents, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._documents = documents
        self._clock = clock

    def of(self, owner: str) -> Versions:
        """As they are now."""
        return self._read(self._documents.read(versions_name(owner)))

    def rotate(self, owner: str) -> Versions:
        """Begin a new version; the one before it signs for another day. Raises StillSigning, Busy."""

        def rotated(document: Document | None) -> tuple[Document | None, None]:
            known, now = self._read(document), self._clock()
            if len(known.former) >= MOST_FORMER:
                raise StillSigning(known.former[-1][1])
            former = [(known.current, now + BOTH_SIGN), *known.former]
            return {
                "version": known.current + 1, "rotated_at": now.isoformat(),
                "former": [{"version": version, "until": until.isoformat()} for version, until in former],
            }, None  # fmt: skip

        return self._read(self._documents.change(versions_name(owner), rotated).document)

    def _read(self, document: dict[str, Any] | None) -> Versions:
        if document is None:
            return Versions()
        former = [(int(one["version"]), datetime.fromisoformat(one["until"])) for one in document["former"]]
        now = self._clock()
        return Versions(
            int(document["version"]), datetime.fromisoformat(document["rotated_at"]),
            tuple((version, until) for version, until in former if now < until),
        )  # fmt: skip


def expected_name(job_id: str) -> str:
    return f"{_EXPECTED}{job_id}.json"


def versions_name(owner: str) -> str:
    """An owner may be an e-mail address: names of blobs end up in logs."""
    return f"{_VERSIONS}{hashlib.sha256(owner.encode()).hexdigest()}.json"
