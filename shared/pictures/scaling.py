"""Bringing a picture to the size that is sent, without ever holding a second one of its full size."""

from typing import Protocol

from PIL import Image

from shared.domain.generation import PROVIDER_IMAGE_SIDE_PX

#: To what smaller pictures are enlarged: what generators need (Model.min_side_px).
PROVIDER_MIN_SIDE_PX = 256
#: A large picture is first averaged down to this many times its size: faster, without a visible difference (reducing_gap of
#: https://pillow.readthedocs.io/en/stable/reference/Image.html#PIL.Image.Image.resize).
_GAP = 2.0
_FILTER = Image.Resampling.LANCZOS
BAND_PIXELS = 1_000_000


class Bands(Protocol):
    """A decoded picture that is taken in horizontal bands."""

    @property
    def size(self) -> tuple[int, int]: ...

    @property
    def whole(self) -> Image.Image | None:
        """All of it, where it lies in memory as L, RGB or CMYK: a band of that would be a copy, whose pages are not free."""

    def band(self, top: int, bottom: int) -> Image.Image:
        """L, RGB, CMYK, or RGBA where something may be transparent."""


def size_to_send(size: tuple[int, int]) -> tuple[int, int]:
    """Longer side at most 1024 px; a picture too small for a provider is enlarged as far as that allows."""
    shorter, longer = sorted(size)
    scale = min(PROVIDER_IMAGE_SIDE_PX / longer, max(1.0, PROVIDER_MIN_SIDE_PX / shorter))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def scaled(picture: Bands, size: tuple[int, int]) -> Image.Image:
    """As Pillow's resize with a reducing_gap does it: averaged by a whole number to a little more than the size, then filtered,
    first across and then down. Taken in bands that are never seen whole in their full width."""
    (width, height), (wide, high) = picture.size, size
    if picture.size == size:
        return picture.band(0, height)
    across, down = max(1, int(width / wide / _GAP)), max(1, int(height / high / _GAP))
    if picture.whole is not None and across == down == 1:
        return picture.whole.resize(size, _FILTER)
    rows = max(1, BAND_PIXELS // width // down) * down
    narrow = Image.new(_premultiplied(picture.band(0, 1)).mode, (wide, -(-height // down)))
    for top in range(0, height, rows):
        band = _averaged(picture, top, min(height, top + rows), (across, down))
        # The last column may stand for fewer than the others.
        band = band.resize((wide, band.height), _FILTER, box=(0, 0, width / across, band.height))
        narrow.paste(band, (0, top // down))
    small = narrow.resize(size, _FILTER, box=(0, 0, wide, height / down))
    return small.convert("RGBA") if small.mode == "RGBa" else small


def _averaged(picture: Bands, top: int, bottom: int, by: tuple[int, int]) -> Image.Image:
    if picture.whole is not None:
        return picture.whole.reduce(by, (0, top, picture.size[0], bottom))
    band = _premultiplied(picture.band(top, bottom))
    return band if by == (1, 1) else band.reduce(by)


def _premultiplied(band: Image.Image) -> Image.Image:
    """So that colours that cannot be seen count for nothing."""
    return band.convert("RGBa") if band.mode == "RGBA" else band
