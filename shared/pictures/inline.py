"""Prepared pictures as they go within a request."""

import io

from PIL import Image

#: How long a data URI may be: 256 KB are recommended (providers reference 1.3), which holds in both readings of KB.
INLINE_URI_CHARACTERS = 256_000
#: What of a picture that leaves: base64 makes four characters of three bytes.
INLINE_BYTES = (INLINE_URI_CHARACTERS - len("data:image/jpeg;base64,")) // 4 * 3
#: From the first that is worth its bytes to the last that nobody sees on line art (see for_inline).
INLINE_QUALITIES = range(95, 87, -1)
#: What is encoded of a JPEG to know whether it can fit: strips from top to bottom, an eighth of the largest, in whole blocks.
_STRIPS, _STRIP_ROWS = 16, 8
#: One whose sample makes it so many times too large is not encoded again.
_HOPELESS = 2


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
    # In no lane: a prepared picture takes 3 MB decoded.
    with Image.open(io.BytesIO(data), formats=["PNG", "JPEG"]) as opened:
        if opened.has_transparency_data:
            return data
        is_jpeg, profile = opened.format == "JPEG", opened.info.get("icc_profile")
        picture = opened.convert("RGB")
    if is_jpeg and _floor_by_sample(picture) > _HOPELESS * INLINE_BYTES:
        return data
    lossless = min(data, _with_palette(picture) or data, key=len)
    if len(lossless) <= INLINE_BYTES:
        return lossless
    floor = _small_jpeg(picture, INLINE_QUALITIES[-1], profile)
    if len(floor) > INLINE_BYTES:
        return lossless if is_jpeg else min(lossless, floor, key=len)
    return _best_jpeg(picture, profile) or floor


def _floor_by_sample(picture: Image.Image) -> float:
    """How many bytes the smallest JPEG of it has, as far as some of its rows tell; 0 where it has hardly more than those."""
    rows = _STRIPS * _STRIP_ROWS
    if picture.height <= 2 * rows:
        return 0
    sample = Image.new("RGB", (picture.width, rows))
    for strip in range(_STRIPS):
        top = (picture.height - _STRIP_ROWS) * strip // (_STRIPS - 1) // _STRIP_ROWS * _STRIP_ROWS
        sample.paste(picture.crop((0, top, picture.width, top + _STRIP_ROWS)), (0, strip * _STRIP_ROWS))
    return len(_small_jpeg(sample, INLINE_QUALITIES[-1], None)) * picture.height / rows


def _best_jpeg(picture: Image.Image, profile: bytes | None) -> bytes | None:
    """Of those better than the smallest the best that fits, found by halving: a better one is larger."""
    best, qualities = None, INLINE_QUALITIES[:-1]
    while qualities:
        middle = len(qualities) // 2
        jpeg = _small_jpeg(picture, qualities[middle], profile)
        if len(jpeg) <= INLINE_BYTES:
            best, qualities = jpeg, qualities[:middle]
        else:
            qualities = qualities[middle + 1 :]
    return best


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
