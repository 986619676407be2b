"""Prepared images, which hold nothing but pixels: what providers get, within a request or behind a signed link to fetch them by.

They stay as long as their job's pictures do: a story that is told again after the uploads are gone goes on with them.
"""

from datetime import timedelta

from shared.domain.image_kind import EXTENSIONS
from shared.pictures.facts import EncodedImage
from shared.storage.blob_store import IMAGES, BlobStore
from shared.storage.image_names import may_be_linked, prepared_name, prepared_prefixes
from shared.storage.signed_links import LinkSigner

#: How long a link outlives the time that a prediction may take: what waits at the provider fetches late, and clocks differ.
LINK_MARGIN = timedelta(minutes=5)


class SentImages:
    """`links`: signs them; None where images go within the requests."""

    def __init__(self, blobs: BlobStore, links: LinkSigner | None) -> None:
        self._blobs = blobs
        self._links = links

    def keep(self, job_id: str, field: str, image: EncodedImage, post: str = "") -> str:
        """Store a prepared image, and say under which name; `post` as in prepared_name."""
        name = self.name(job_id, field, image, post)
        self._blobs.put_image(name, image.data, image.facts.content_type)
        return name

    @staticmethod
    def name(job_id: str, field: str, image: EncodedImage, post: str = "") -> str:
        """Where a prepared image lies."""
        return prepared_name(job_id, field, EXTENSIONS[image.facts.content_type], post)

    def find(self, job_id: str, field: str) -> str | None:
        """The name of an image that was prepared before, perhaps by an earlier version."""
        for prefix in prepared_prefixes(job_id, field):
            for name in self._blobs.names(IMAGES, prefix):
                return name
        return None

    def link(self, name: str, timeout: timedelta) -> str | None:
        """A link to a prepared image for a prediction that may take so long; None for one that goes within the request, as do
        those whose names tell their job: an earlier version's. Never to be logged, nor stored."""
        if self._links is None or not may_be_linked(name):
            return None
        return self._links.sign(IMAGES, name, ttl=timeout + LINK_MARGIN)[0]
