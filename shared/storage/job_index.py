"""Which jobs an owner has, newest first: an empty document per job, whose name is its place in the owner's list, and what lists
are filtered by. A page of a list is one listing of names (decision 28).

A row is written before its job and deleted before it, so a job of an owner who has a list is always in it. A row without a job is
passed over, and so is one whose job has become another's.
"""

import hashlib
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from shared.domain.job import Document, former_owners, is_terminal
from shared.domain.owners import is_listed
from shared.storage.blob_store import DOCUMENTS, BlobStore, Conflict

INDEX = "index/"
#: As many names as one listing answers with.
MOST_AT_ONCE = 5000
_PLACE = re.compile(r"(\d{13})-(job_[0-9a-z]{26})")
_ROW = re.compile(rf"({_PLACE.pattern})\.(\w*)\.(\w*)\.([\w,-]*)", re.ASCII)
#: What a row says of a job that has not been seen to end; it comes after the words for an end.
_OPEN = "under_way"
#: Names are in ascending order, so a place counts the milliseconds down. The last moment is in the year 2286.
_LAST_MOMENT = 10**13 - 1
_EPOCH = datetime.fromtimestamp(0, UTC)
#: Comes after all that a row can be called.
_LAST = "~"


class Row(NamedTuple):
    """`status`: how the job ended; None where it was not seen to end."""

    name: str
    place: str
    job_id: str
    created_at: datetime
    kind: str
    status: str | None
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
            self._blobs.create_document(name, {})
        except Conflict:
            return False
        return True

    def tell_end(self, document: Document) -> None:
        """Let the row of a job that has ended say how."""
        former = row_name(document, is_open=True)
        if former is not None:
            # In this order the job has two rows for a moment, which are told as one, and is never without.
            self.add(document)
            self._blobs.delete(DOCUMENTS, former)

    def remove(self, document: Document) -> None:
        for name in {row_name(document), row_name(document, is_open=True)} - {None}:
            self._blobs.delete(DOCUMENTS, str(name))

    def remove_former(self, document: Document) -> None:
        """Out of the lists of those whose it was before."""
        for owner in former_owners(document):
            self.remove({**document, "owner": owner})

    def drop(self, row: Row) -> None:
        """Delete a row that leads to no job."""
        self._blobs.delete(DOCUMENTS, row.name)

    def rows(
        self, owner: str, after: str = "", *, created_before: datetime | None = None, at_once: int = MOST_AT_ONCE
    ) -> Iterator[Row]:
        """The owner's rows behind the place `after`, newest first, listed `at_once` by at once as they are asked for."""
        if not is_listed(owner):
            return
        bounds = [after, "" if created_before is None else _counted_down(created_before)]
        # A listing may begin at a name (List Blobs, startFrom, since service version 2026-02-06), so a page far back costs what
        # the first one does. A service that did not know the parameter would begin at the beginning: that is passed over.
        begin = folder_of(owner) + max(bound and bound + _LAST for bound in bounds)
        names = self._blobs.names(DOCUMENTS, folder_of(owner), start_from=begin, at_once=at_once)
        told = ""
        for row in filter(None, (_row(name) for name in names if name > begin)):
            # Of two rows of one job the first says how it ended.
            if row.place != told:
                told = row.place
                yield row


def place_of(document: Document) -> str:
    """Where a job stands in its owner's list: by the time at which it was accepted, then by its id."""
    return f"{_counted_down(datetime.fromisoformat(document['created_at']))}-{document['id']}"


def is_place(text: str) -> bool:
    return _PLACE.fullmatch(text) is not None


def row_name(document: Document, *, is_open: bool = False) -> str | None:
    """The document that is a job's row, or was while the job had not ended; None for a job of nobody."""
    if not is_listed(document["owner"]):
        return None
    status = document["status"] if is_terminal(document["status"]) and not is_open else _OPEN
    return f"{folder_of(document['owner'])}{place_of(document)}.{document['kind']}.{status}.{','.join(presets_of(document))}"


def presets_of(document: Document) -> list[str]:
    """What the job's pictures are made as, each preset once."""
    named = [document["input"].get("preset"), *(document.get("presets") or ())]
    return list(dict.fromkeys(preset for preset in named if preset))


def folder_of(owner: str) -> str:
    """An owner may be an e-mail address: names of blobs end up in logs."""
    return f"{INDEX}{hashlib.sha256(owner.encode()).hexdigest()}/"


def _row(name: str) -> Row | None:
    found = _ROW.fullmatch(name.rpartition("/")[2])
    if found is None:
        return None
    place, moment, job_id, kind, status, presets = found.groups()
    created_at = _EPOCH + timedelta(milliseconds=_LAST_MOMENT - int(moment))
    return Row(
        name, place, job_id, created_at, kind, None if status == _OPEN else status, tuple(filter(None, presets.split(",")))
    )


def _counted_down(at: datetime) -> str:
    milliseconds = (at - _EPOCH) // timedelta(milliseconds=1)
    return f"{_LAST_MOMENT - min(max(0, milliseconds), _LAST_MOMENT):013d}"
