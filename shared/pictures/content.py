"""A file of any format that is taken, taken apart."""

import struct

from shared.domain.image_kind import HEAD_BYTES, name_other, sniff_image
from shared.domain.problem import ProblemError, unsupported
from shared.pictures import gif, isobmff, jpeg, png, webp
from shared.pictures.facts import Content


def read(data: bytes) -> Content:
    """Nothing is decoded. Raises ProblemError (`unsupported_image`, which names what the file is)."""
    content_type = sniff_image(data[:HEAD_BYTES])
    try:
        match content_type:
            case "image/png":
                return png.read(data)
            case "image/jpeg":
                return jpeg.read(data)
            case "image/webp":
                return webp.read(data)
            case "image/gif":
                return gif.read(data)
            case "image/avif" | "image/heic" | "image/heif":
                return isobmff.read(data, content_type)
            case _:
                raise ProblemError(unsupported(name_other(data)))
    except (struct.error, IndexError) as error:
        raise ProblemError(unsupported("damaged")) from error
