"""Bringing a picture to the size that is sent, without ever holding a second one of its full size."""

from typing import Protocol

from PIL import Image

from shared.domain.generation import PROVIDER_IMAGE_SIDE_PX

#: To what smaller pictures are enlarged: what generators need (Model.min_side_px).
PROVIDER_MIN_SIDE_PX = 256
#: A large picture is first averaged down to this many times its size: faster, without a visible difference (reducing_gap of
#: https://pillow.readthedocs.io/en/stable/reference/Image.html#PIL.Image.Image.resize).
_GAP = 2.0
_BAND_PIXELS = 1_000_000


class Bands(Protocol):
    """A decoded picture that is taken in horizontal bands."""

    @property
    def size(self) -> tuple[int, int]: ...

    def band(self, top: int, bottom: int) -> Image.Image:
        """L, RGB, CMYK, or RGBA where something may be transparent."""


def size_to_send(size: tuple[int, int]) -> tuple[int, int]:
    """Longer side at most 1024 px; a picture too small for a provider is enlarged as far as that allows."""
    shorter, longer = sorted(size)
    scale = min(PROVIDER_IMAGE_SIDE_PX / longer, max(1.0, PROVIDER_MIN_SIDE_PX / shorter))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def scaled(picture: Bands, size: tuple[int, int]) -> Image.Image:
    small = _averaged(picture, size)
    return small if small.size == size else small.resize(size, Image.Resampling.LANCZOS)


def _averaged(picture: Bands, size: tuple[int, int]) -> Image.Image:
    """Whole, or reduced by a whole number so that it is still twice as large as it is to be."""
    width, height = picture.size
    across, down = (max(1, int(full / wanted / _GAP)) for full, wanted in ((width, size[0]), (height, size[1])))
    rows = max(1, _BAND_PIXELS // width // down) * down
    bands = ((top, picture.band(top, min(height, top + rows))) for top in range(0, height, rows))
    first = next(bands)[1]
    if first.height == height and across == down == 1:
        return first
    reduced = Image.new(first.mode, (-(-width // across), -(-height // down)))
    reduced.paste(_reduced(first, across, down), (0, 0))
    for top, band in bands:
        reduced.paste(_reduced(band, across, down), (0, top // down))
    return reduced


def _reduced(band: Image.Image, across: int, down: int) -> Image.Image:
    # Of colours that cannot be seen Pillow's reduce takes nothing: it multiplies them by their alpha first.
    return band if across == down == 1 else band.reduce((across, down))
