"""Images as they stand in a request: as base64 text, or as the link by which they are fetched."""

import base64

from shared.domain.image_kind import sniff_image
from shared.generators.image import Image, Linked


def plain_base64(image: Image) -> str:
    return image.url if isinstance(image, Linked) else base64.b64encode(image).decode()


def data_uri(image: Image) -> str:
    if isinstance(image, Linked):
        return image.url
    return f"data:{sniff_image(image[:16]) or 'application/octet-stream'};base64,{plain_base64(image)}"
