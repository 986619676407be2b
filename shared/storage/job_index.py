"""Which jobs an owner has, newest first: an empty document per job, whose name is its place in the owner's list and whose
metadata is what lists are filtered by. A page of a list is one listing of names (decision 28).

A row is written before its job and deleted before it, so a job of an owner who has a list is always in it. A row without a job is
passed over, and so is one whose job has become another's.
"""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from shared.domain.job import QUEUED, Document
from shared.domain.owners import is_listed
from shared.storage.blob_store import DOCUMENTS, BlobStore, Conflict

INDEX = "index/"
_PLACE = re.compile(r"(\d{13})-(job_[0-9a-z]{26})")
#: Names are in ascending order, so a place counts the milliseconds down. The last moment is in the year 2286.
_LAST_MOMENT = 10**13 - 1
_EPOCH = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True)
class Row:
    """`status` may be that of a moment ago: `queued` says that the job has not been seen to end."""

    place: str
    job_id: str
    created_at: datetime
    kind: str
    status: str
    presets: tuple[str, ...]


class JobIndex:
    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs

    def add(self, document: Document) -> bool:
        """Put a job into its owner's list, and nothing into that of nobody; whether it was not there yet."""
        name = row_name(document)
        if name is None:
            return False
        try:
            self._blobs.create_document(name, {}, _described(document))
        except Conflict:
            return False
        return True

    def tell(self, document: Document) -> None:
        """Note the job's status in its row, where it has one: a row that is gone does not come back."""
        name = row_name(document)
        if name is not None:
            self._blobs.describe_document(name, _described(document))

    def remove(self, document: Document) -> None:
        name = row_name(document)
        if name is not None:
            self._blobs.delete(DOCUMENTS, name)

    def drop(self, owner: str, row: Row) -> None:
        """Delete a row that leads to no job."""
        self._blobs.delete(DOCUMENTS, _folder(owner) + row.place)

    def rows(self, owner: str, after: str = "", *, created_before: datetime | None = None, at_once: int = 1000) -> Iterator[Row]:
        """The owner's rows behind the place `after`, newest first, listed `at_once` by at once as they are asked for."""
        if not is_listed(owner):
            return
        # A listing may begin at a name (List Blobs, startFrom, since service version 2026-02-06), so a page far back costs what
        # the first one does. A service that did not know the parameter would begin at the beginning: that is passed over.
        first = after if created_before is None else max(after, f"{_counted_down(created_before)}~")
        folder = _folder(owner)
        for name, metadata in self._blobs.document_metadata(folder, start_from=folder + first, at_once=at_once):
            place = name.removeprefix(folder)
            found = _PLACE.fullmatch(place)
            if found and place > first:
                created_at = _EPOCH + timedelta(milliseconds=_LAST_MOMENT - int(found[1]))
                presets = tuple(filter(None, metadata.get("presets", "").split(",")))
                yield Row(place, found[2], created_at, metadata.get("kind", ""), metadata.get("status", QUEUED), presets)


def place_of(document: Document) -> str:
    """Where a job stands in its owner's list: by the time at which it was accepted, then by its id."""
    return f"{_counted_down(datetime.fromisoformat(document['created_at']))}-{document['id']}"


def is_place(text: str) -> bool:
    return _PLACE.fullmatch(text) is not None


def row_name(document: Document) -> str | None:
    """The document that is a job's row; None for a job of nobody."""
    owner = document["owner"]
    return _folder(owner) + place_of(document) if is_listed(owner) else None


def presets_of(document: Document) -> list[str]:
    """What the job's pictures are made as, each preset once."""
    named = [document["input"].get("preset"), *(document.get("presets") or ())]
    return list(dict.fromkeys(preset for preset in named if preset))


def _described(document: Document) -> dict[str, str]:
    return {"kind": document["kind"], "status": document["status"], "presets": ",".join(presets_of(document))}


def _folder(owner: str) -> str:
    """An owner may be an e-mail address: names of blobs end up in logs."""
    return f"{INDEX}{hashlib.sha256(owner.encode()).hexdigest()}/"


def _counted_down(at: datetime) -> str:
    milliseconds = (at - _EPOCH) // timedelta(milliseconds=1)
    return f"{_LAST_MOMENT - min(max(0, milliseconds), _LAST_MOMENT):013d}"
