"""Blobs by name in two containers: images, and the JSON documents beside them. Writes can be conditional."""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from azure.core import MatchConditions
from azure.core.exceptions import ResourceExistsError, ResourceModifiedError, ResourceNotFoundError
from azure.storage.blob import BlobServiceClient, ContainerClient, ContentSettings

IMAGES = "images"
DOCUMENTS = "documents"


class Conflict(Exception):
    """Somebody else wrote the blob first."""


class BlobStore:
    def __init__(self, service: BlobServiceClient) -> None:
        self._service = service
        self._created: set[str] = set()

    def _container(self, name: str) -> ContainerClient:
        return self._service.get_container_client(name)

    def put_image(self, name: str, data: bytes, content_type: str, metadata: dict[str, str] | None = None) -> None:
        """Write an image under `name`, replacing what was there: the same step run twice leaves the same blob."""
        self._ensuring(IMAGES).upload_blob(
            name, data, overwrite=True, metadata=metadata,
            content_settings=ContentSettings(content_type=content_type, cache_control="private, max-age=3600"),
        )  # fmt: skip

    def get_image(self, name: str) -> bytes:
        """Raises KeyError when there is no such image."""
        try:
            return self._container(IMAGES).download_blob(name).readall()
        except ResourceNotFoundError:
            raise KeyError(name) from None

    def create_document(self, name: str, document: dict[str, Any]) -> str:
        """Write a new document and return its ETag. Raises Conflict when it exists."""
        try:
            return self._put_document(name, document, overwrite=False)
        except ResourceExistsError:
            return self._written_before(name, document)

    def replace_document(self, name: str, document: dict[str, Any], etag: str) -> str:
        """Write over the version with `etag` and return the new one. Raises Conflict when it has changed."""
        try:
            return self._put_document(name, document, overwrite=True, etag=etag, match_condition=MatchConditions.IfNotModified)
        except (ResourceModifiedError, ResourceNotFoundError):
            return self._written_before(name, document)

    def _written_before(self, name: str, document: dict[str, Any]) -> str:
        """The ETag when it was this very write that is in the way: the client repeats one whose answer was lost.

        Documents hold an id or a time of their own, so no two writers write the same. Raises Conflict.
        """
        found = self.read_document(name)
        if found is None or found[0] != document:
            raise Conflict(name) from None
        return found[1]

    def read_document(self, name: str) -> tuple[dict[str, Any], str] | None:
        """(document, ETag), or None when there is no such document."""
        try:
            stream = self._container(DOCUMENTS).download_blob(name)
            return json.loads(stream.readall()), str(stream.properties.etag)
        except ResourceNotFoundError:
            return None

    def names(self, container: str, prefix: str) -> Iterator[str]:
        try:
            yield from self._container(container).list_blob_names(name_starts_with=prefix)
        except ResourceNotFoundError:
            return

    def sizes(self, container: str, prefix: str) -> Iterator[tuple[str, int, datetime]]:
        """(name, bytes, when it was written) of every blob with the prefix."""
        try:
            for blob in self._container(container).list_blobs(name_starts_with=prefix):
                yield str(blob.name), int(blob.size), blob.last_modified
        except ResourceNotFoundError:
            return

    def delete_all(self, container: str, prefix: str) -> None:
        """Delete every blob whose name begins with `prefix`; those that are gone already do not matter."""
        for name in list(self.names(container, prefix)):
            try:
                self._container(container).delete_blob(name)
            except ResourceNotFoundError:
                continue

    def check(self) -> None:
        """Create what is missing and touch the account; raises what the storage client raises."""
        for name in (IMAGES, DOCUMENTS):
            self._created.discard(name)
            self._ensuring(name)

    def _put_document(self, name: str, document: dict[str, Any], **conditions: Any) -> str:
        answer = (
            self._ensuring(DOCUMENTS)
            .get_blob_client(name)
            .upload_blob(
                json.dumps(document, ensure_ascii=False).encode(),
                content_settings=ContentSettings(content_type="application/json"),
                **conditions,
            )
        )
        return str(answer["etag"])

    def _ensuring(self, name: str) -> ContainerClient:
        """The container, made once per process where it is missing."""
        container = self._container(name)
        if name not in self._created:
            try:
                container.create_container()
            except ResourceExistsError:
                pass
            self._created.add(name)
        return container
