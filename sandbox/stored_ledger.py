"""The simulators' ledger in the app's own storage: whichever instance is asked about a prediction knows it."""

import dataclasses
import json
import re
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.storage.blob_store import DOCUMENTS, IMAGES, BlobStore, Conflict, Missing
from simulators.ledger import Ledger, Record

#: What every name begins with, in both containers.
PREFIX = "sandbox/"
#: As long as a provider keeps them (providers reference 1.5): forgotten then by whichever instance makes the next one.
KEPT_FOR = timedelta(hours=1)
_TIDY_EVERY_SECONDS = 600.0
_ID = re.compile(r"[A-Za-z0-9-]{1,64}")
_CHANGES = 5


class StoredLedger(Ledger):
    """Predictions are documents and inputs are images; only what one instance may know alone stays in memory.

    A prediction's life follows from its plan and the clock (simulators/lifecycle.py), so that a document is written when one is
    made or canceled, and no instance has to be alive for it to go on. Raises AzureError, which becomes a 500 of the provider.
    """

    def __init__(self, blobs: Callable[[], BlobStore], now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        super().__init__(None)
        self._blobs = blobs
        self._now = now
        self._tidied_at = -_TIDY_EVERY_SECONDS

    def add(self, record: Record) -> None:
        self._blobs().create_document(_name(record.provider, record.id), json.loads(record.to_json()))
        super().add(record)
        self._tidy()

    def change(self, record: Record, **fields: Any) -> Record:
        for _ in range(_CHANGES):
            found = self._read(record.provider, record.id)
            if found is None:
                return dataclasses.replace(record, **fields)
            known, etag = found
            changed = dataclasses.replace(known, **fields)
            try:
                self._blobs().replace_document(_name(record.provider, record.id), json.loads(changed.to_json()), etag)
            except Conflict:
                continue
            self._records[record.id] = changed
            return changed
        raise Conflict(record.id)

    def get(self, provider: str, prediction_id: str) -> Record | None:
        found = self._read(provider, prediction_id)
        if found is None:
            return None
        self._records[prediction_id] = found[0]
        return found[0]

    def of(self, provider: str) -> Iterator[Record]:
        """Newest first; of one that another instance has canceled since, as it was before."""
        names = list(self._blobs().names(DOCUMENTS, f"{PREFIX}{provider}/"))
        ids = [name.rpartition("/")[2].removesuffix(".json") for name in names]
        records = [self._records.get(prediction_id) or self.get(provider, prediction_id) for prediction_id in ids]
        return iter(sorted((record for record in records if record), key=lambda record: record.created_at, reverse=True))

    def add_image(self, sha: str, jpeg: bytes, original: str | None) -> None:
        super().add_image(sha, jpeg, original)
        self._blobs().put_image(f"{PREFIX}{sha}.jpg", jpeg, "image/jpeg")

    def image(self, sha: str | None) -> bytes | None:
        known = super().image(sha)
        if known is not None or sha is None or not _ID.fullmatch(sha):
            return known
        try:
            return self._blobs().get_image(f"{PREFIX}{sha}.jpg")
        except Missing:
            return None

    def _read(self, provider: str, prediction_id: str) -> tuple[Record, str] | None:
        if not _ID.fullmatch(prediction_id):
            return None
        found = self._blobs().read_document(_name(provider, prediction_id))
        return None if found is None else (Record.from_json(json.dumps(found[0])), found[1])

    def _tidy(self) -> None:
        if time.monotonic() - self._tidied_at < _TIDY_EVERY_SECONDS:
            return
        self._tidied_at = time.monotonic()
        for container in (DOCUMENTS, IMAGES):
            for name, _, written_at in list(self._blobs().sizes(container, PREFIX)):
                if self._now() - written_at > KEPT_FOR:
                    self._blobs().delete(container, name)


def _name(provider: str, prediction_id: str) -> str:
    return f"{PREFIX}{provider}/{prediction_id}.json"
