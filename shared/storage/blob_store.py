"""Blobs by name in two containers: images, and the JSON documents beside them. Writes can be conditional."""

import functools
import json
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import islice
from typing import Any

from azure.core import MatchConditions
from azure.core.exceptions import ResourceExistsError, ResourceModifiedError, ResourceNotFoundError
from azure.storage.blob import BlobClient, BlobServiceClient, ContentSettings

from shared.storage.image_memory import ImageMemory

IMAGES = "images"
DOCUMENTS = "documents"
#: Metadata of a document that tells one write from all others.
_WRITE = "write"
#: Clients of single blobs that are kept, 32 KB each: a job's document is asked for by all its steps.
_KEPT_CLIENTS = 64


class Conflict(Exception):
    """Somebody else wrote the blob first."""


class Missing(Exception):
    """There is no such image."""


class BlobStore:
    """Metadata is ASCII: it travels in headers. Its keys are words of ours; of values, anything else becomes `?`.

    `containers`: those that are used of the account.
    """

    def __init__(
        self,
        service: BlobServiceClient,
        clock: Callable[[], float] = time.monotonic,
        containers: tuple[str, ...] = (IMAGES, DOCUMENTS),
    ) -> None:
        self._containers = containers
        self._created: set[str] = set()
        self._recent = ImageMemory(clock)
        # To make a client takes as long as to send its request; they may be shared by threads.
        self._container = functools.cache(service.get_container_client)
        self._blob = functools.lru_cache(_KEPT_CLIENTS)(self._blob_client)

    def _blob_client(self, container: str, name: str) -> BlobClient:
        return self._container(container).get_blob_client(name)

    def put_image(self, name: str, data: bytes, content_type: str, metadata: dict[str, str] | None = None) -> None:
        """Write an image under `name`, replacing what was there: the same step run twice leaves the same blob."""
        self._ensure(IMAGES)
        self._blob(IMAGES, name).upload_blob(
            data, overwrite=True, metadata=ascii_only(metadata),
            content_settings=ContentSettings(content_type=content_type, cache_control="private, max-age=3600"),
        )  # fmt: skip
        self._recent.wrote(name, data)

    def get_image(self, name: str) -> bytes:
        """Raises Missing. What this process wrote or read a moment ago is not read again."""
        data = self._recent.get(name)
        if data is None:
            try:
                data = self._blob(IMAGES, name).download_blob().readall()
            except ResourceNotFoundError:
                raise Missing(name) from None
            self._recent.read(name, data)
        return data

    def image_metadata(self, prefix: str) -> Iterator[tuple[str, dict[str, str]]]:
        """(name, metadata) of every image with the prefix."""
        return self._metadata(IMAGES, prefix)

    def document_metadata(self, prefix: str, page: int | None = None) -> Iterator[tuple[str, dict[str, str]]]:
        """(name, metadata) of every document with the prefix, in the order of names; `page`: how many are listed at once, for who
        does not want them all."""
        return self._metadata(DOCUMENTS, prefix, page)

    def create_document(self, name: str, document: dict[str, Any], metadata: dict[str, str] | None = None) -> str:
        """Write a new document and return its ETag. Raises Conflict when it exists."""
        return self._put_document(name, document, metadata, overwrite=False)

    def replace_document(self, name: str, document: dict[str, Any], etag: str, metadata: dict[str, str] | None = None) -> str:
        """Write over the version with `etag`, metadata included, and return the new one. Raises Conflict when it has changed."""
        return self._put_document(
            name, document, metadata, overwrite=True, etag=etag, match_condition=MatchConditions.IfNotModified
        )

    def read_document(self, name: str) -> tuple[dict[str, Any], str] | None:
        """(document, ETag), or None when there is no such document."""
        found = self._download(name)
        return None if found is None else found[:2]

    def names(self, container: str, prefix: str, *, start_from: str | None = None, at_once: int | None = None) -> Iterator[str]:
        """In ascending order, from `start_from` on; `at_once` with each listing (5,000 when None), as they are asked for."""
        found = self._container(container).list_blob_names(
            name_starts_with=prefix, start_from=start_from or None, results_per_page=at_once
        )
        try:
            yield from found
        except ResourceNotFoundError:
            return

    def sizes(self, container: str, prefix: str) -> Iterator[tuple[str, int, datetime]]:
        """(name, bytes, when it was written) of every blob with the prefix."""
        try:
            for blob in self._container(container).list_blobs(name_starts_with=prefix):
                yield str(blob.name), int(blob.size), blob.last_modified
        except ResourceNotFoundError:
            return

    def delete(self, container: str, name: str, etag: str | None = None) -> None:
        """Delete one blob; that it is gone already does not matter. With `etag` only if nobody has written it since."""
        if container == IMAGES:
            self._recent.forget(name)
        condition: dict[str, Any] = {"etag": etag, "match_condition": MatchConditions.IfNotModified} if etag else {}
        try:
            self._blob(container, name).delete_blob(**condition)
        except (ResourceNotFoundError, ResourceModifiedError):
            return

    def delete_all(self, container: str, prefix: str) -> None:
        """Delete every blob whose name begins with `prefix`; those that are gone already do not matter."""
        for name in list(self.names(container, prefix)):
            self.delete(container, name)
        if container == IMAGES:
            self._recent.forget(prefix)

    def delete_documents_unwritten_since(self, moment: datetime, prefix: str, at_most: int) -> int:
        """Delete documents with the prefix that nobody has written since, so many at most; returns how many. One that somebody
        writes just now stays."""
        found = self._container(DOCUMENTS).list_blobs(name_starts_with=prefix)
        try:
            old = [(str(blob.name), str(blob.etag)) for blob in islice((b for b in found if b.last_modified < moment), at_most)]
        except ResourceNotFoundError:
            return 0
        for name, etag in old:
            self.delete(DOCUMENTS, name, etag)
        return len(old)

    def check(self) -> None:
        """Create what is missing and touch the account; raises what the storage client raises."""
        for name in self._containers:
            self._created.discard(name)
            self._ensure(name)

    def _put_document(self, name: str, document: dict[str, Any], metadata: dict[str, str] | None, **conditions: Any) -> str:
        write = uuid.uuid4().hex
        self._ensure(DOCUMENTS)
        try:
            answer = self._blob(DOCUMENTS, name).upload_blob(
                json.dumps(document, ensure_ascii=False).encode(),
                content_settings=ContentSettings(content_type="application/json"),
                metadata={**ascii_only(metadata), _WRITE: write},
                **conditions,
            )
        except (ResourceExistsError, ResourceModifiedError, ResourceNotFoundError):
            return self._written_before(name, write)
        return str(answer["etag"])

    def _written_before(self, name: str, write: str) -> str:
        """The ETag when it was this very write that is in the way: the client repeats one whose answer was lost.

        Raises Conflict.
        """
        found = self._download(name)
        if found is None or found[2].get(_WRITE) != write:
            raise Conflict(name) from None
        return found[1]

    def _download(self, name: str) -> tuple[dict[str, Any], str, dict[str, str]] | None:
        try:
            stream = self._blob(DOCUMENTS, name).download_blob()
            return json.loads(stream.readall()), str(stream.properties.etag), dict(stream.properties.metadata or {})
        except ResourceNotFoundError:
            return None

    def _metadata(self, container: str, prefix: str, page: int | None = None) -> Iterator[tuple[str, dict[str, str]]]:
        paged: dict[str, Any] = {} if page is None else {"results_per_page": page}
        try:
            for blob in self._container(container).list_blobs(name_starts_with=prefix, include=["metadata"], **paged):
                yield str(blob.name), {name: str(value) for name, value in (blob.metadata or {}).items() if name != _WRITE}
        except ResourceNotFoundError:
            return

    def _ensure(self, name: str) -> None:
        """Make the container where it is missing, once per process."""
        if name in self._created:
            return
        try:
            self._container(name).create_container()
        except ResourceExistsError:
            pass
        self._created.add(name)


def ascii_only(metadata: dict[str, str] | None) -> dict[str, str]:
    """The metadata as a header can hold it. A paid picture is not lost over a word about it, so nothing is refused."""
    return {name: _plain(value) for name, value in (metadata or {}).items()}


def _plain(value: str) -> str:
    return "".join(c if c.isascii() and c.isprintable() else "?" for c in value).strip()
