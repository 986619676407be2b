"""What of a GIF is known by its header."""

import struct

from shared.domain.problem import ProblemError, unsupported
from shared.pictures.facts import Content, ImageFacts


def read(data: bytes) -> Content:
    """Raises ProblemError (`unsupported_image`)."""
    width, height = struct.unpack_from("<HH", data, 6) if len(data) >= 13 else (0, 0)
    if not width or not height:
        raise ProblemError(unsupported("damaged"))
    return Content(ImageFacts("image/gif", width, height), data, is_animated=True, bytes_per_pixel=18.0)
