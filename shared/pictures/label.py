"""Words written on a picture."""

from functools import lru_cache
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

#: The signs of ASCII and of the visible label, of Noto Sans CJK KR Bold: what Pillow brings has no Hangul, servers have no fonts.
_FONT = Path(__file__).parent / "fonts" / "label.otf"
#: Of a label: what can be read.
_LABEL_MIN_PX = 12


def write(text: str, picture: Image.Image, size: int) -> None:
    """In letters of `size`, or of what can be read; smaller where a picture is too narrow for that."""
    draw = ImageDraw.Draw(picture, "RGBA")
    size = max(_LABEL_MIN_PX, size)
    length = _font(size).getlength(text) + 3 * (size // 2)
    font = _font(max(6, min(size, int(size * picture.width / length))))
    left, top, right, bottom = draw.textbbox((0, 0), text, font=font)
    width, height, pad = right - left, bottom - top, int(font.size) // 2
    corner = (picture.width - width - 3 * pad, picture.height - height - 3 * pad)
    draw.rounded_rectangle((*corner, picture.width - pad, picture.height - pad), radius=pad, fill=(0, 0, 0, 140))
    draw.text((corner[0] + pad - left, corner[1] + pad - top), text, font=font, fill=(255, 255, 255, 235))


@lru_cache(maxsize=8)
def _font(size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(_FONT, size, layout_engine=ImageFont.Layout.BASIC)
