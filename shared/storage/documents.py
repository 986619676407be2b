"""The one conditional read-change-write of JSON documents: shared by the threads of a process, safe beside other instances."""

import json
import random
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, NamedTuple, TypeVar
from weakref import WeakValueDictionary

from shared.storage.blob_store import BlobStore, Conflict

T = TypeVar("T")
Document = dict[str, Any]
#: Gets a copy of the document of its own (None: there is none) and returns what to write (None: nothing) and its answer.
Operation = Callable[[Document | None], tuple[Document | None, T]]
#: The metadata that a document is written with.
Describe = Callable[[Document], dict[str, str] | None]

#: How long a change tries to find a gap between the changes of others.
PATIENCE_SECONDS = 15.0
_PAUSE_SECONDS = 0.02
_LONGEST_PAUSE_SECONDS = 0.5
_REMEMBERED = 512


class Busy(Exception):
    """Others changed the document for as long as this change was ready to wait. Nothing of it was written."""


@dataclass(frozen=True)
class Changed(Generic[T]):
    """What a change came to: the document as it now is (as JSON, for most callers do not look), and what the operation
    answered."""

    text: str | None
    result: T

    @property
    def document(self) -> Document | None:
        """A copy of one's own each time."""
        return _parsed(self.text)


class Documents:
    """Changes documents by name.

    Threads that change one document at the same moment share one read and one write. The version that this process saw
    last is tried first: that the write is conditional proves it. Without a write it proves nothing, so what would only be
    decided by it is decided again by a fresh one.

    `before`: where an earlier version had these documents. One that is only there is read from there, and lies here from its
    first change on.
    """

    def __init__(
        self,
        blobs: BlobStore,
        *,
        before: BlobStore | None = None,
        patience_seconds: float = PATIENCE_SECONDS,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._blobs = blobs
        self._before = before
        self._patience_seconds = patience_seconds
        self._clock = clock
        self._sleep = sleep
        self._memory = _Memory()
        # A line lives as long as somebody stands in it.
        self._lines: WeakValueDictionary[str, _Line] = WeakValueDictionary()
        self._lock = threading.Lock()

    def read(self, name: str) -> Document | None:
        """The document as it is now."""
        return self._fresh(name).document

    def create(self, name: str, document: Document, metadata: dict[str, str] | None = None) -> None:
        """Raises Conflict when there is such a document already."""
        etag = self._blobs.create_document(name, document, metadata)
        self._memory.keep(name, _Version(json.dumps(document, ensure_ascii=False), etag))

    def forget_unwritten_since(self, moment: datetime, prefix: str, at_most: int) -> int:
        """Delete documents that nobody has written since, so many at most of each place; returns how many. Of what a process
        remembers of them nothing is written any more: its next write fails, and finds that there is none."""
        places = [self._blobs] if self._before is None else [self._blobs, self._before]
        return sum(place.delete_documents_unwritten_since(moment, prefix, at_most) for place in places)

    def change(
        self,
        name: str,
        operation: Operation[T],
        *,
        describe: Describe | None = None,
        is_new: bool = False,
        in_place: bool = False,
    ) -> Changed[T]:
        """Apply `operation`, which may run several times, and write what it returns.

        What it raises reaches its caller alone, and nothing of it is written. `is_new` says that there is probably no such
        document yet, which saves the read. `in_place` says that its answer holds no part of the document that others may change:
        all who change a large one at the same moment then parse it once. Raises Busy when the changes of others leave no gap, and
        what storage raises.
        """
        mine = _Change(operation, self._clock() + self._patience_seconds, in_place)
        line = self._line(name)
        if line.is_led_by(mine):
            try:
                self._lead(name, line, mine, describe, is_new)
            finally:
                line.leave(mine)
        return mine.outcome()

    def _line(self, name: str) -> "_Line":
        with self._lock:
            line = self._lines.get(name)
            if line is None:
                line = self._lines[name] = _Line()
            return line

    def _lead(self, name: str, line: "_Line", mine: "_Change[Any]", describe: Describe | None, is_new: bool) -> None:
        """Write for all who stand in line, again and again until `mine` is done; who comes meanwhile is taken along."""
        tries = 0
        while True:
            batch = line.waiting()
            try:
                self._attempt(name, batch, describe, is_new and not tries)
            except Conflict:
                self._send_away(name, line, batch)
            except Exception as error:  # noqa: BLE001 - storage's trouble belongs to all whose changes were to be written
                line.settle(batch, error)
            else:
                line.settle(batch)
            if mine.is_done:
                return
            tries += 1
            longest = min(_LONGEST_PAUSE_SECONDS, _PAUSE_SECONDS * tries)
            self._sleep(random.uniform(0, longest))  # noqa: S311 - spreads instances, hides nothing

    def _send_away(self, name: str, line: "_Line", batch: Sequence["_Change[Any]"]) -> None:
        now = self._clock()
        line.settle([change for change in batch if now >= change.ends], Busy(name))

    def _attempt(self, name: str, batch: Sequence["_Change[Any]"], describe: Describe | None, is_new: bool) -> None:
        """Run the changes one after the other and write what has become of the document. Raises Conflict."""
        guess = self._memory.guess(name, is_new and self._before is None)
        if guess is not None:
            after = _run(batch, guess.text)
            if after is not None:
                try:
                    self._put(name, guess, after, describe)
                    return
                except Conflict:
                    self._memory.mistrust(name)
        version = self._fresh(name)
        after = _run(batch, version.text)
        if after is not None:
            self._put(name, version, after, describe)

    def _put(self, name: str, version: "_Version", after: "_After", describe: Describe | None) -> None:
        metadata = describe(after.document) if describe else None
        if version.etag is None:
            etag = self._blobs.create_document(name, after.document, metadata)
        else:
            etag = self._blobs.replace_document(name, after.document, version.etag, metadata)
        self._memory.keep(name, _Version(after.text, etag))

    def _fresh(self, name: str) -> "_Version":
        found = self._blobs.read_document(name)
        if found is None:
            self._memory.forget(name)
            return self._as_before(name)
        version = _Version(json.dumps(found[0], ensure_ascii=False), found[1])
        self._memory.saw(name, version)
        return version

    def _as_before(self, name: str) -> "_Version":
        """What an earlier version left, without an ETag: of all who bring it here one creates it."""
        found = self._before.read_document(name) if self._before else None
        return _ABSENT if found is None else _Version(json.dumps(found[0], ensure_ascii=False), None)


class _Version(NamedTuple):
    """A document as JSON, so that each reader has a copy of its own; without text and ETag where there is none."""

    text: str | None
    etag: str | None
    #: Nobody else was seen to write this document: a guess is worth trying.
    is_trusted: bool = True

    @property
    def document(self) -> Document | None:
        return _parsed(self.text)


_ABSENT = _Version(None, None)


class _After(NamedTuple):
    """What is to be written, and the same as JSON."""

    document: Document
    text: str


class _Memory:
    """The last versions that this process saw. They may be old, so nothing but a conditional write may rely on them."""

    def __init__(self) -> None:
        self._versions: OrderedDict[str, _Version] = OrderedDict()
        self._lock = threading.Lock()

    def guess(self, name: str, is_new: bool) -> _Version | None:
        with self._lock:
            version = self._versions.get(name, _ABSENT if is_new else None)
            return version if version and version.is_trusted else None

    def keep(self, name: str, version: _Version) -> None:
        """What this process wrote. Where others write too it is read first: a wrong guess costs more than a right one saves."""
        with self._lock:
            known = self._versions.get(name)
            self._put(name, version._replace(is_trusted=known is None or known.is_trusted))

    def saw(self, name: str, version: _Version) -> None:
        """What this process read: when it is what it knew, the others have gone."""
        with self._lock:
            known = self._versions.get(name)
            is_trusted = known is None or known.is_trusted or known.etag == version.etag
            self._put(name, version._replace(is_trusted=is_trusted))

    def mistrust(self, name: str) -> None:
        with self._lock:
            if name in self._versions:
                self._versions[name] = self._versions[name]._replace(is_trusted=False)

    def forget(self, name: str) -> None:
        with self._lock:
            self._versions.pop(name, None)

    def _put(self, name: str, version: _Version) -> None:
        self._versions[name] = version
        self._versions.move_to_end(name)
        if len(self._versions) > _REMEMBERED:
            self._versions.popitem(last=False)


class _Change(Generic[T]):
    """One caller's operation, and what became of it."""

    def __init__(self, operation: Operation[T], ends: float, in_place: bool = False) -> None:
        self.ends = ends
        self.in_place = in_place
        self.is_done = False
        self.error: BaseException | None = None
        self.text: str | None = None
        self._operation = operation
        self._result: T | None = None

    def run(self, text: str | None) -> _After | None:
        """What this change makes of a document; None when there is nothing to write."""
        try:
            after = self.run_on(_parsed(text))
        except Exception as error:  # noqa: BLE001 - raised again, for its caller alone
            self.error = error
            return None
        return _changed(after, text)

    def run_on(self, document: Document | None) -> Document | None:
        self.error = None
        after, self._result = self._operation(document)
        return after

    def outcome(self) -> Changed[T]:
        if self.error is not None:
            raise self.error
        return Changed(self.text, self._result)  # type: ignore[arg-type]  # a change that is done has its answer


class _Line:
    """The changes of one document that wait in this process. One of their threads at a time writes for all of them."""

    def __init__(self) -> None:
        self._changes: list[_Change[Any]] = []
        self._leader: int | None = None
        self._news = threading.Condition()

    def is_led_by(self, change: _Change[Any]) -> bool:
        """Stand in line until the change is done (False), or until it is this thread's turn to write (True)."""
        me = threading.get_ident()
        with self._news:
            if self._leader == me:
                raise RuntimeError("an operation must not change its own document")
            self._changes.append(change)
            self._news.wait_for(lambda: change.is_done or self._leader is None)
            if not change.is_done:
                self._leader = me
            return not change.is_done

    def waiting(self) -> list[_Change[Any]]:
        with self._news:
            return list(self._changes)

    def settle(self, changes: Sequence[_Change[Any]], error: Exception | None = None) -> None:
        """These changes are done: written, or failed with `error`."""
        with self._news:
            for change in changes:
                change.error = error or change.error
                change.is_done = True
            self._changes = [change for change in self._changes if not change.is_done]
            self._news.notify_all()

    def leave(self, change: _Change[Any]) -> None:
        """The leader goes, whatever became of its change; the next one may lead."""
        with self._news:
            self._changes = [other for other in self._changes if other is not change]
            self._leader = None
            self._news.notify_all()


def _run(batch: Sequence[_Change[Any]], text: str | None) -> _After | None:
    """What all these changes make of a document; None when there is nothing to write."""
    try:
        after = _run_in_place(batch, text)
    except _OneByOne:
        after = None
        for change in batch:
            after = change.run(after.text if after else text) or after
    for change in batch:
        change.text = after.text if after else text
    return after


class _OneByOne(Exception):
    """These changes each need a copy of their own."""


def _run_in_place(batch: Sequence[_Change[Any]], text: str | None) -> _After | None:
    """The same with one copy for all. Raises _OneByOne, also where one of them fails or has nothing to write: it may have begun
    to change the copy."""
    if not all(change.in_place for change in batch):
        raise _OneByOne
    document = _parsed(text)
    for change in batch:
        try:
            document = change.run_on(document)
        except Exception:  # noqa: BLE001 - raised again, for its caller alone, when it has a copy of its own
            raise _OneByOne from None
        if document is None:
            raise _OneByOne
    return _changed(document, text)


def _changed(document: Document | None, before: str | None) -> _After | None:
    """None for what is the same but for the order of its keys. Documents may be large, so they are parsed only where that can be
    all that differs."""
    if document is None:
        return None
    text = json.dumps(document, ensure_ascii=False)
    is_same = text == before or (before is not None and len(text) == len(before) and _parsed(text) == _parsed(before))
    return None if is_same else _After(document, text)


def _parsed(text: str | None) -> Document | None:
    document: Document | None = None if text is None else json.loads(text)
    return document
