"""Blob Storage in memory: what BlobStore promises, with each operation open to faults and each write seen by a watcher."""

import itertools
import json
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, Protocol, TypeVar

from shared.storage import blob_store
from shared.storage.blob_store import DOCUMENTS, IMAGES, Conflict

T = TypeVar("T")

#: What a missing image raises: an exception of its own where there is one.
Missing: type[Exception] = getattr(blob_store, "Missing", KeyError)


class Watcher(Protocol):
    def written(self, name: str, before: dict[str, Any] | None, after: dict[str, Any] | None) -> None:
        """A document was created, replaced, or deleted (`after` is None)."""


class Store:
    """What lies in the account. Looked at by the judge without any fault."""

    def __init__(self, watcher: Watcher) -> None:
        self.images: dict[str, bytes] = {}
        #: When each blob was written.
        self.written: dict[str, datetime] = {}
        self.documents: dict[str, tuple[str, str]] = {}
        self.metadata: dict[tuple[str, str], dict[str, str]] = {}
        self._watcher = watcher
        self._etags = itertools.count(1)

    def document(self, name: str) -> dict[str, Any] | None:
        found = self.documents.get(name)
        return None if found is None else json.loads(found[0])

    def write(self, name: str, document: dict[str, Any], metadata: dict[str, str] | None) -> str:
        before, etag = self.document(name), f'"{next(self._etags)}"'
        self.documents[name] = (json.dumps(document, ensure_ascii=False), etag)
        self.metadata[DOCUMENTS, name] = dict(metadata or {})
        self._watcher.written(name, before, self.document(name))
        return etag

    def kept(self, container: str) -> dict[str, Any]:
        return self.images if container == IMAGES else self.documents

    def remove(self, container: str, name: str, etag: str | None = None) -> None:
        if etag is not None and self.documents.get(name, ("", ""))[1] != etag:
            return
        before = self.document(name) if container == DOCUMENTS else None
        self.kept(container).pop(name, None)
        self.metadata.pop((container, name), None)
        if before is not None:
            self._watcher.written(name, before, None)


class MemoryBlobs:
    """BlobStore over a Store. `do(what, call)` runs each operation."""

    def __init__(self, store: Store, do: Callable[[str, Callable[[], Any]], Any], now: Callable[[], datetime]) -> None:
        self._store = store
        self._do = do
        self._now = now

    def put_image(self, name: str, data: bytes, content_type: str, metadata: dict[str, str] | None = None) -> None:
        def put() -> None:
            self._store.images[name] = data
            self._store.written[name] = self._now()
            self._store.metadata[IMAGES, name] = dict(metadata or {})

        self._do(f"put {name}", put)

    def get_image(self, name: str) -> bytes:
        def get() -> bytes:
            if name not in self._store.images:
                raise Missing(name)
            return self._store.images[name]

        return bytes(self._do(f"get {name}", get))

    def image_metadata(self, prefix: str) -> Iterator[tuple[str, dict[str, str]]]:
        yield from self._do(f"image metadata {prefix}", lambda: self._listed(IMAGES, prefix))

    def document_metadata(self, prefix: str, page: int | None = None) -> Iterator[tuple[str, dict[str, str]]]:
        yield from self._do(f"document metadata {prefix}", lambda: self._listed(DOCUMENTS, prefix))

    def create_document(self, name: str, document: dict[str, Any], metadata: dict[str, str] | None = None) -> str:
        def create() -> str:
            if name in self._store.documents:
                raise Conflict(name)
            return self._write(name, document, metadata)

        return str(self._do(f"create {name} {_short(document)}", create))

    def replace_document(self, name: str, document: dict[str, Any], etag: str, metadata: dict[str, str] | None = None) -> str:
        def replace() -> str:
            known = self._store.documents.get(name)
            if known is None or known[1] != etag:
                raise Conflict(name)
            return self._write(name, document, metadata)

        return str(self._do(f"replace {name} {_short(document)}", replace))

    def read_document(self, name: str) -> tuple[dict[str, Any], str] | None:
        def read() -> tuple[dict[str, Any], str] | None:
            found = self._store.documents.get(name)
            return None if found is None else (json.loads(found[0]), found[1])

        found: tuple[dict[str, Any], str] | None = self._do(f"read {name}", read)
        return found

    def names(self, container: str, prefix: str, *, start_from: str | None = None, at_once: int | None = None) -> Iterator[str]:
        def listed() -> list[str]:
            return [name for name, _ in self._listed(container, prefix) if name >= (start_from or "")]

        yield from self._do(f"names {container}/{prefix}", listed)

    def sizes(self, container: str, prefix: str) -> Iterator[tuple[str, int, datetime]]:
        kept = self._store.kept(container)
        for name, _ in self._do(f"sizes {container}/{prefix}", lambda: self._listed(container, prefix)):
            if name in kept:
                yield name, len(kept[name]), self._store.written.get(name, self._now())

    def delete(self, container: str, name: str, etag: str | None = None) -> None:
        self._do(f"delete {container}/{name}", lambda: self._store.remove(container, name, etag))

    def delete_all(self, container: str, prefix: str) -> None:
        for name in list(self.names(container, prefix)):
            self.delete(container, name)

    def delete_documents_unwritten_since(self, moment: datetime, prefix: str, at_most: int) -> int:
        def delete() -> int:
            names = [name for name, _ in self._listed(DOCUMENTS, prefix) if self._store.written[name] < moment][:at_most]
            for name in names:
                self._store.remove(DOCUMENTS, name)
            return len(names)

        return int(self._do(f"delete old {DOCUMENTS}/{prefix}", delete))

    def _write(self, name: str, document: dict[str, Any], metadata: dict[str, str] | None) -> str:
        self._store.written[name] = self._now()
        return self._store.write(name, document, metadata)

    def check(self) -> None:
        self._do("check", lambda: None)

    def _listed(self, container: str, prefix: str) -> list[tuple[str, dict[str, str]]]:
        found = sorted(name for name in self._store.kept(container) if name.startswith(prefix))
        return [(name, dict(self._store.metadata.get((container, name), {}))) for name in found]


def _short(document: dict[str, Any]) -> str:
    """What of a document a story shows."""
    shown = ("status", "state", "sends", "attempts", "possible_duplicate", "active", "starts", "deleted_at", "handle", "call",
             "cancel_requested_at", "send_states")  # fmt: skip
    told = {name: document[name] for name in shown if document.get(name)}
    if isinstance(told.get("active"), dict):
        told["active"] = sorted(told["active"])
    if isinstance(told.get("handle"), dict):
        told["handle"] = told["handle"].get("id")
    if document.get("waiting"):
        told["waiting"] = sorted(document["waiting"])
    error = document.get("error")
    if isinstance(error, dict):
        told["error"] = f"{error.get('code')}, charged {error.get('charged')}"
    return " ".join(f"{name}={value}" for name, value in told.items())
