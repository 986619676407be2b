"""What users sent, as it came: with the place where a photo was taken, its camera, and whatever else is not pixels.

Nothing reads that after the image was prepared, so it is kept until its job has ended, and nobody gets a link to it.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import groupby
from typing import NamedTuple

from shared.domain.job import Document
from shared.storage.blob_store import IMAGES, BlobStore
from shared.storage.image_names import JOBS_OF_BEFORE, PICTURES, UPLOADS, job_of_upload


class Left(NamedTuple):
    """Uploads of one job that are still there. `written`: the latest of them."""

    job_id: str
    names: tuple[str, ...]
    written: datetime


class Uploads:
    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs

    def keep(self, name: str, data: bytes, content_type: str) -> None:
        """Store an upload under a name of `upload_name`."""
        self._blobs.put_image(name, data, content_type)

    def forget(self, document: Document) -> None:
        """Delete a job's uploads, also those of an earlier version: its document knows their names. What was prepared of them
        stays as long as the job's pictures."""
        self.delete(name for name in document.get("images", {}).values() if not name.startswith(PICTURES))

    def delete(self, names: Iterable[str]) -> None:
        for name in names:
            self._blobs.delete(IMAGES, name)

    def left(self) -> Iterator[Left]:
        """Those that are there, by job, the oldest job first."""
        return self._grouped(UPLOADS)

    def left_by_before(self) -> Iterator[Left]:
        """As left, of earlier versions, whose uploads lie among all that their jobs have."""
        return self._grouped(JOBS_OF_BEFORE)

    def _grouped(self, prefix: str) -> Iterator[Left]:
        found = ((job_of_upload(name), name, written) for name, _, written in self._blobs.sizes(IMAGES, prefix))
        for job_id, rows in groupby(found, lambda row: row[0]):
            if job_id is not None:
                mine = list(rows)
                yield Left(job_id, tuple(name for _, name, _ in mine), max(written for _, _, written in mine))
