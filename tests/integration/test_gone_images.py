"""An image that another instance of the app deleted is not served from this one's memory."""

import pytest

from shared.services import Services
from shared.storage.blob_store import IMAGES, BlobStore, Missing


def test_images_that_another_instance_deleted_first_are_forgotten_here_too(services: Services) -> None:
    here, there = services.blobs, BlobStore(services._blob_service)
    here.put_image("job_gone/input/a.png", b"png", "image/png")
    there.delete_all(IMAGES, "job_gone/")
    # The same delete, asked for again: there is nothing to be found by it.
    here.delete_all(IMAGES, "job_gone/")

    with pytest.raises(Missing):
        here.get_image("job_gone/input/a.png")
