"""What is known of a picture's file."""

from dataclasses import dataclass, field
from typing import NamedTuple

from shared.domain.warning import WarningData

#: What Pillow calls what it decodes and encodes.
PILLOW_FORMATS = {"image/png": "PNG", "image/jpeg": "JPEG", "image/webp": "WEBP", "image/avif": "AVIF", "image/gif": "GIF"}


class ImageFacts(NamedTuple):
    """Width and height are as the file holds them: a photo may be turned when it is shown."""

    content_type: str
    width: int
    height: int


@dataclass(frozen=True)
class EncodedImage:
    data: bytes = field(repr=False)
    facts: ImageFacts


@dataclass(frozen=True)
class Prepared(EncodedImage):
    """What a provider gets of an upload, and what is merely poor about it."""

    warnings: tuple[WarningData, ...] = ()

    def warnings_about(self, field: str) -> list[WarningData]:
        """Those, of what came in this field of a form."""
        return [{**warning, "field": field} for warning in self.warnings]


class Frame(NamedTuple):
    """Of an animation: where it lies (left, top, right, bottom), and what becomes of it before the next one (GIF89a, 23.c.iv)."""

    box: tuple[int, int, int, int]
    disposal: int


@dataclass(frozen=True)
class Content:
    """A file that is taken apart: `pixels` is a file of the same format that holds nothing but its picture (of HEIC and AVIF,
    whose parts lie wherever they like, the whole file without its notes)."""

    facts: ImageFacts
    pixels: bytes = field(repr=False)
    #: As EXIF numbers it: 1 to 8. What is turned by its decoder is upright already.
    orientation: int = 1
    #: An ICC profile: of what the pixels' numbers are colours. None: sRGB.
    profile: bytes | None = field(default=None, repr=False)
    #: The colour that a PNG without palette declares transparent, in its own depth.
    transparent: tuple[int, ...] | None = None
    #: Of a PNG: something in it may be transparent.
    has_alpha: bool = False
    is_animated: bool = False
    #: Of a GIF.
    frames: tuple[Frame, ...] = ()
    #: How often a decoder has to go over all pixels.
    passes: int = 1
    #: Bytes that decoding takes for each pixel (limits).
    bytes_per_pixel: float = 5.0
    #: Its decoder cannot stop within: it has to get the file at once.
    in_one_piece: bool = False
    #: The end is missing: whether all pixels are there is found out by decoding.
    breaks_off: bool = False
