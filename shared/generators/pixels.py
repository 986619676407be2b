"""The size of an image that we have prepared ourselves."""

import io

from PIL import Image as Pillow

from shared.generators.image import Image, bytes_of


def pixels_of(image: Image) -> tuple[int, int]:
    """Width and height, from its header."""
    with Pillow.open(io.BytesIO(bytes_of(image))) as opened:
        return opened.size
