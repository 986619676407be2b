"""The pictures that were made: each output with its thumbnail, and what is known of it, in one place and written at once."""

import json
from typing import cast

from shared.domain.image_kind import EXTENSIONS
from shared.domain.payloads import Output
from shared.pictures.facts import EncodedImage
from shared.storage.blob_store import IMAGES, BlobStore
from shared.storage.job_store import output_name, sent_folder, thumbnail_name


class PictureStore:
    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs

    def keep(self, job_id: str, output: Output, attempt: int, data: bytes, thumbnail: EncodedImage) -> None:
        """Write a picture that `attempt` made. The thumbnail comes first: where there is a picture, all of it is there."""
        self._blobs.put_image(output["thumbnail_blob"], thumbnail.data, thumbnail.facts.content_type)
        facts = {"attempt": str(attempt), "output": json.dumps(output)}
        self._blobs.put_image(output["blob"], data, output["content_type"], facts)

    def find(self, job_id: str, index: int) -> tuple[Output, int] | None:
        """A picture that was kept, and the attempt that made it."""
        for _, facts in self._blobs.image_metadata(f"{job_id}/output/{index}."):
            if "output" in facts:
                return cast(Output, json.loads(facts["output"])), int(facts["attempt"])
        return None

    def forget(self, job_id: str) -> None:
        """Remove every image of a job."""
        for folder in (f"{job_id}/", sent_folder(job_id)):
            self._blobs.delete_all(IMAGES, folder)


def output_names(job_id: str, index: int, content_type: str) -> tuple[str, str]:
    """Where a picture and its thumbnail lie."""
    return output_name(job_id, index, EXTENSIONS[content_type]), thumbnail_name(job_id, index)
