"""Prepared images on their way to a provider: within a request, or behind a signed link that it fetches them by.

What goes by link is prepared under a name that tells nothing of its job, so that nothing has to be copied for it, and is deleted
when the job has ended; its link dies with it.
"""

from datetime import timedelta

from shared.domain.image_kind import EXTENSIONS
from shared.domain.job import Document, is_terminal, is_watched
from shared.pictures.facts import EncodedImage
from shared.storage.blob_store import IMAGES, BlobStore
from shared.storage.job_store import SENT, prepared_name, sent_name, sent_names
from shared.storage.signed_links import LinkSigner

#: How long a link outlives the time that a prediction may take: what waits at the provider fetches late, and clocks differ.
LINK_MARGIN = timedelta(minutes=5)


class SentImages:
    """`links`: signs them; None where images go within the requests."""

    def __init__(self, blobs: BlobStore, links: LinkSigner | None) -> None:
        self._blobs = blobs
        self._links = links

    def keep(self, job_id: str, field: str, image: EncodedImage) -> str:
        """Store a prepared image, and say under which name."""
        content_type = image.facts.content_type
        name = (prepared_name if self._links is None else sent_name)(job_id, field, EXTENSIONS[content_type])
        self._blobs.put_image(name, image.data, content_type)
        return name

    def link(self, name: str, timeout: timedelta) -> str | None:
        """A link to a prepared image for a prediction that may take so long; None for one that goes within the request, as do
        those that were prepared before links were switched on. Never to be logged, nor stored."""
        if self._links is None or not name.startswith(SENT):
            return None
        return self._links.sign(IMAGES, name, ttl=timeout + LINK_MARGIN)[0]

    def forget_ended(self, document: Document) -> None:
        """As forget, of a job that has ended, unless a prediction of it goes on: one that waits at its provider would end without
        its picture, and perhaps not for free."""
        if is_terminal(document["status"]) and not is_watched(document):
            self.forget(document)

    def forget(self, document: Document) -> None:
        """Delete what providers could fetch of a job."""
        if self._links is None:
            return
        for name in sent_names(document["id"], document.get("images", {})):
            self._blobs.delete(IMAGES, name)
