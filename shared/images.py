"""Pictures: what an upload is, what a provider gets, what comes back. The only user of Pillow."""

import io
import struct
import threading
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFont, UnidentifiedImageError

from shared.domain.generation import MAX_IMAGE_PIXELS, PROVIDER_IMAGE_SIDE_PX
from shared.domain.image_kind import sniff_image
from shared.domain.problem import Problem, ProblemError

#: BFL's own client refuses a smaller side (providers reference 2.2).
PROVIDER_MIN_SIDE_PX = 256
THUMBNAIL_SIDE_PX = 384
#: How long a data URI may be: 256 KB are recommended (providers reference 1.3), which holds in both readings of KB.
INLINE_URI_CHARACTERS = 256_000
#: What of a picture that leaves: base64 makes four characters of three bytes.
INLINE_BYTES = (INLINE_URI_CHARACTERS - len("data:image/jpeg;base64,")) // 4 * 3
#: From the first that is worth its bytes to the last that nobody sees on line art (see for_inline).
INLINE_QUALITIES = range(95, 87, -1)
#: What Pillow raises for files that are damaged.
_DAMAGE = (OSError, ValueError, SyntaxError, EOFError, struct.error)
_ORIENTATION = 0x0112
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_FORMATS = {"image/png": "PNG", "image/jpeg": "JPEG", "image/webp": "WEBP"}

# Our own check by header comes first, so Pillow's guess at a bomb is not needed.
Image.MAX_IMAGE_PIXELS = None
# A 40-megapixel picture takes 120 MB decoded: two at once fit the smallest instance.
_decoding = threading.BoundedSemaphore(2)


@dataclass(frozen=True)
class ImageFacts:
    content_type: str
    width: int
    height: int


@dataclass(frozen=True)
class EncodedImage:
    data: bytes
    facts: ImageFacts


def inspect_upload(data: bytes, max_bytes: int) -> ImageFacts:
    """What an upload is, from its size and header alone: nothing is decoded yet.

    Raises ProblemError: `image_too_large` or `unsupported_image`.
    """
    if len(data) > max_bytes:
        raise ProblemError(too_large(max_bytes))
    facts = _facts(data)
    if facts.width * facts.height > MAX_IMAGE_PIXELS:
        raise ProblemError(too_large(max_bytes))
    return facts


def too_large(max_bytes: int) -> Problem:
    megabytes = f"{max_bytes / 1024 / 1024:g}"
    return Problem("image_too_large", params={"max_megabytes": megabytes, "max_megapixels": str(MAX_IMAGE_PIXELS // 1_000_000)})


def prepare_for_provider(data: bytes) -> EncodedImage:
    """Decode an upload for real and bring it to what providers take.

    Upright, RGB on white, no metadata, longer side at most 1024 px; PNG stays PNG (line art), the rest becomes JPEG.
    Raises ProblemError (`unsupported_image`) when the file breaks off or is damaged.
    """
    facts = _facts(data)
    with _decoding:
        try:
            with Image.open(io.BytesIO(data), formats=[_FORMATS[facts.content_type]]) as opened:
                # Lets the JPEG decoder skip detail that would be scaled away: a quarter of the memory for big photos.
                opened.draft("RGB", (PROVIDER_IMAGE_SIDE_PX, PROVIDER_IMAGE_SIDE_PX))
                picture = _on_white(_upright(opened))
        except _DAMAGE as error:
            raise ProblemError(Problem("unsupported_image")) from error
        picture = _fitted(picture)
        return _encoded(picture, "image/png" if facts.content_type == "image/png" else "image/jpeg")


def for_inline(data: bytes) -> bytes:
    """A prepared picture as it goes within a request: of at most INLINE_BYTES where that costs nothing that is seen.

    What is small goes as it is. What has up to 256 colours, as all greys have, becomes a PNG with a palette and loses nothing
    (GIF, which is all palette, is read as well: providers reference 1.3, 2.2). The rest becomes the best JPEG that fits, in
    INLINE_QUALITIES. Where none fits the smallest goes, but a JPEG is not encoded again for that. What is transparent stays as
    it is; a colour profile is kept. Raises what Pillow raises of a file that is damaged or neither PNG nor JPEG.

    Why so (`python -m bench.encodings`, CIE76 within 8 px of the outlines of a flat coloured character, where 2.3 is just
    noticeable): pixel by pixel a JPEG of 95 is over that in 25 % and one of 88 in 40 %, so nothing is lost that need not be.
    As the eye sees it, blurred by a pixel, 99.9 % lie within 2.7 at 95, 3.7 at 90, 3.9 at 88 and 4.5 at 85; over 5 are 0.00,
    0.00, 0.01 and 0.04 %. 88 is the last within 4, and what has so much texture that it comes to that shows less (3.6). With
    colours of half the resolution (4:2:0) it is 16 at 90, over 5 are 7 %. A palette takes 57 % off black and white; optimising a
    PNG takes 0 to 5 % off what is too large, in up to 1.4 s. Takes 15 to 230 ms where anything is done at all.
    """
    if len(data) <= INLINE_BYTES:
        return data
    # Not one of those that wait for `_decoding`: a prepared picture takes 3 MB decoded.
    with Image.open(io.BytesIO(data), formats=["PNG", "JPEG"]) as opened:
        if opened.has_transparency_data:
            return data
        is_jpeg, profile = opened.format == "JPEG", opened.info.get("icc_profile")
        picture = opened.convert("RGB")
    lossless = min(data, _with_palette(picture) or data, key=len)
    if len(lossless) <= INLINE_BYTES:
        return lossless
    floor = _small_jpeg(picture, INLINE_QUALITIES[-1], profile)
    if len(floor) > INLINE_BYTES:
        return lossless if is_jpeg else min(lossless, floor, key=len)
    better = (_small_jpeg(picture, quality, profile) for quality in INLINE_QUALITIES[:-1])
    return next((jpeg for jpeg in better if len(jpeg) <= INLINE_BYTES), floor)


def read_result(data: bytes) -> tuple[ImageFacts, EncodedImage]:
    """What a provider sent, decoded to its last row, and a small JPEG of it.

    Raises ProblemError (`provider_bad_response`) unless it is a picture.
    """
    with _decoding:
        try:
            facts = _facts(data)
            if facts.width * facts.height > MAX_IMAGE_PIXELS:
                raise ProblemError(Problem("provider_bad_response"))
            with Image.open(io.BytesIO(data), formats=[_FORMATS[facts.content_type]]) as opened:
                opened.load()
                small = opened if opened.mode == "RGB" else _on_white(opened)
                small.thumbnail((THUMBNAIL_SIDE_PX, THUMBNAIL_SIDE_PX))
                return facts, _encoded(small, "image/jpeg", quality=82)
        except (*_DAMAGE, ProblemError) as error:
            raise ProblemError(Problem("provider_bad_response", charged="yes")) from error


def with_visible_label(data: bytes, text: str = "AI-generated") -> bytes:
    """The picture with a small mark in its lower right corner, in the same format."""
    facts = _facts(data)
    with _decoding, Image.open(io.BytesIO(data)) as opened:
        picture = opened.convert("RGB")
        size = max(12, facts.height // 45)
        font = ImageFont.load_default(size)
        draw = ImageDraw.Draw(picture, "RGBA")
        left, top, right, bottom = draw.textbbox((0, 0), text, font=font)
        width, height, pad = right - left, bottom - top, size // 2
        corner = (facts.width - width - 3 * pad, facts.height - height - 3 * pad)
        draw.rounded_rectangle((*corner, facts.width - pad, facts.height - pad), radius=pad, fill=(0, 0, 0, 140))
        draw.text((corner[0] + pad - left, corner[1] + pad - top), text, font=font, fill=(255, 255, 255, 235))
        return _encoded(picture, facts.content_type, quality=95).data


def _facts(data: bytes) -> ImageFacts:
    content_type = sniff_image(data[:16])
    if content_type is None:
        raise ProblemError(Problem("unsupported_image"))
    try:
        with Image.open(io.BytesIO(data), formats=[_FORMATS[content_type]]) as opened:
            return ImageFacts(content_type, *opened.size)
    except (UnidentifiedImageError, *_DAMAGE) as error:
        raise ProblemError(Problem("unsupported_image")) from error


def _upright(picture: Image.Image) -> Image.Image:
    """Turned as its EXIF says. ImageOps.exif_transpose would write the EXIF anew, and stumbles where that is damaged."""
    picture.load()
    try:
        turn = _UPRIGHT.get(picture.getexif().get(_ORIENTATION, 1))
    except (*_DAMAGE, TypeError):
        turn = None
    return picture if turn is None else picture.transpose(turn)


def _on_white(picture: Image.Image) -> Image.Image:
    """RGB; what was transparent becomes white, as a creator sees it in an editor."""
    if picture.mode.startswith("I;16"):
        # Pillow would cut 16-bit greys off at 255: all but black would turn white.
        return picture.point(lambda grey: grey * (1 / 257)).convert("L").convert("RGB")
    if picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info:
        rgba = picture.convert("RGBA")
        background = Image.new("RGB", rgba.size, "white")
        background.paste(rgba, mask=rgba.getchannel("A"))
        return background
    return picture.convert("RGB")


def _fitted(picture: Image.Image) -> Image.Image:
    """Longer side at most 1024 px; a picture too small for a provider is enlarged as far as that allows."""
    shorter, longer = sorted(picture.size)
    scale = min(PROVIDER_IMAGE_SIDE_PX / longer, max(1.0, PROVIDER_MIN_SIDE_PX / shorter))
    if scale == 1.0:
        return picture
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    return picture.resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)


def _encoded(picture: Image.Image, content_type: str, quality: int = 92) -> EncodedImage:
    buffer = io.BytesIO()
    options = {"optimize": False, "compress_level": 6} if content_type == "image/png" else {"quality": quality, "subsampling": 0}
    if content_type == "image/webp":
        options = {"quality": quality}
    # A new image without `info`, so that no EXIF, profile or text travels along.
    clean = Image.new(picture.mode, picture.size)
    clean.paste(picture)
    clean.save(buffer, _FORMATS[content_type], **options)
    return EncodedImage(buffer.getvalue(), ImageFacts(content_type, *picture.size))


def _with_palette(picture: Image.Image) -> bytes | None:
    """The same pixels (and the profile, which Pillow hands on to a PNG) with a palette; None of more colours than that holds."""
    if picture.getcolors(256) is None:
        return None
    indexed = picture.quantize(256, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    # Median cut keeps so few colours as they are, but that is nowhere promised.
    if indexed.convert("RGB").tobytes() != picture.tobytes():
        return None
    buffer = io.BytesIO()
    indexed.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def _small_jpeg(picture: Image.Image, quality: int, profile: bytes | None) -> bytes:
    """Colours in full resolution; with a Huffman table of its own, which takes a tenth off line art."""
    options = {"quality": quality, "subsampling": 0, "icc_profile": profile}
    plain, optimised = io.BytesIO(), io.BytesIO()
    picture.save(plain, "JPEG", **options)
    # Pillow gives an encoder that optimises room for a byte a pixel, and noise needs more: it would fail (Pillow issue 148).
    if len(plain.getvalue()) > picture.width * picture.height:
        return plain.getvalue()
    picture.save(optimised, "JPEG", optimize=True, **options)
    return optimised.getvalue()
