"""Pictures of ours as files."""

import io

from PIL import Image

from shared.pictures import png
from shared.pictures.facts import PILLOW_FORMATS, EncodedImage, ImageFacts

#: Of zlib's, for what filters help: its usual one, 6, takes nothing off photos, and more than twice the time.
_PNG_LEVEL = 4
#: What is looked at of a picture to know whether filters help: halves of strips, left and right in turns, a thirty-second of the
#: largest.
_STRIPS, _STRIP_ROWS = 8, 8
#: For a third of the time. Drawings come to 0.7 to 1.08 (screentones, flat colours), photos to 1.25 and more, gradients to 5.
_HARDLY = 1.1
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def upright(picture: Image.Image, orientation: int) -> Image.Image:
    turn = _UPRIGHT.get(orientation)
    return picture if turn is None else picture.transpose(turn)


def encoded(picture: Image.Image, content_type: str, quality: int = 92, profile: bytes | None = None) -> EncodedImage:
    """`profile`: of what the picture's numbers are colours, where they are not sRGB's."""
    facts = ImageFacts(content_type, *picture.size)
    if content_type == "image/png" and picture.mode == "RGB" and profile is None and _is_drawn(picture):
        return EncodedImage(png.unfiltered(picture), facts)
    buffer = io.BytesIO()
    options = {"compress_level": _PNG_LEVEL} if content_type == "image/png" else {"quality": quality, "subsampling": 0}
    if content_type == "image/webp":
        options = {"quality": quality}
    # Without `info`, so that no EXIF, profile or text travels along.
    clean = picture
    if picture.info:
        clean = picture.copy()
        clean.info = {}
    clean.save(buffer, PILLOW_FORMATS[content_type], icc_profile=profile, **options)
    return EncodedImage(buffer.getvalue(), facts)


def _is_drawn(picture: Image.Image) -> bool:
    """Whether a PNG of it is hardly larger without filters or smaller, as far as some of its rows tell."""
    if picture.height <= _STRIPS * _STRIP_ROWS:
        return True
    half = -(-picture.width // 2)
    sample = Image.new("RGB", (half, _STRIPS * _STRIP_ROWS))
    for strip in range(_STRIPS):
        top, left = (picture.height - _STRIP_ROWS) * strip // (_STRIPS - 1), strip % 2 * (picture.width - half)
        sample.paste(picture.crop((left, top, left + half, top + _STRIP_ROWS)), (0, strip * _STRIP_ROWS))
    filtered = io.BytesIO()
    sample.save(filtered, "PNG", compress_level=_PNG_LEVEL)
    return len(png.unfiltered(sample)) <= _HARDLY * len(filtered.getvalue())
