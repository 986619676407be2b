"""Colours brought to sRGB, as a browser shows them."""

import io
from collections.abc import Callable

from PIL import Image, ImageChops, ImageCms

from shared.pictures.limits import PROFILE_MAX_BYTES

_SRGB = ImageCms.createProfile("sRGB")
#: Without compensation of the black point: of all that lcms offers it comes nearest to what Chromium shows (within 3 of 255 for a
#: press profile, where perceptual is 23 off).
_INTENT = ImageCms.Intent.RELATIVE_COLORIMETRIC
#: Where a profile's header says what its numbers are (ICC.1:2022, 7.2), and what Pillow calls that.
_SPACE = slice(16, 20)
_MODES = {b"RGB ": "RGB", b"GRAY": "L", b"CMYK": "CMYK"}
#: The mode that a picture must have for it, and what brings it to sRGB.
_Transform = tuple[str, Callable[[Image.Image], Image.Image]]
#: What of ImageCms and of lcms comes of a profile that is broken.
_BROKEN = (ImageCms.PyCMSError, OSError, ValueError, TypeError)
_SIGNATURE = slice(36, 40)
#: Seen by nobody, so the picture is left alone.
_HAIR = 1


def to_srgb(picture: Image.Image, profile: bytes | None) -> Image.Image:
    """RGB, or RGBA, of a picture in L, RGB, RGBA or CMYK. A profile that is broken, or one of other numbers than the picture's,
    is as good as none: as browsers do."""
    transform = _transform(picture.mode, profile) if profile else None
    if picture.mode == "RGBA":
        return _with_alpha(picture, transform) if transform else picture
    if transform is None:
        return picture if picture.mode == "RGB" else picture.convert("RGB")
    given, apply = transform
    return apply(picture if picture.mode == given else picture.convert(given))


def is_of_rgb(profile: bytes) -> bool:
    return profile[_SPACE] == b"RGB "


def _with_alpha(picture: Image.Image, transform: _Transform) -> Image.Image:
    given, apply = transform
    colours = picture.convert("RGB")
    if given == "L" and not _is_grey(colours):
        return picture
    seen = apply(colours.convert(given))
    seen.putalpha(picture.getchannel("A"))
    return seen


def _is_grey(colours: Image.Image) -> bool:
    """Grey with alpha comes as red, green and blue of the same amount."""
    red, green, blue = colours.split()
    return all(ImageChops.difference(red, other).getbbox() is None for other in (green, blue))


def _transform(mode: str, profile: bytes) -> _Transform | None:
    """None where nothing would change."""
    if len(profile) > PROFILE_MAX_BYTES or profile[_SIGNATURE] != b"acsp":
        return None
    given = _MODES.get(profile[_SPACE])
    # Grey may be told of as red, green and blue of the same amount, and the other way round it may not.
    if given is None or (given == "CMYK") != (mode == "CMYK") or (given == "L" and mode not in ("L", "RGBA")):
        return None
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        transform = ImageCms.buildTransform(source, _SRGB, given, "RGB", renderingIntent=_INTENT)
        probe = _probe(given)
        changed = _applied(probe, transform)
    except _BROKEN:
        return None
    if given != "CMYK" and _is_near(changed, probe.convert("RGB")):
        return None
    return given, lambda picture: _applied(picture, transform)


def _applied(picture: Image.Image, transform: ImageCms.ImageCmsTransform) -> Image.Image:
    changed = ImageCms.applyTransform(picture, transform)
    if changed is None:
        raise ValueError("was done in place")
    return changed


def _probe(mode: str) -> Image.Image:
    """Some of all colours, and every grey."""
    steps = (0, 51, 102, 153, 204, 255)
    if mode == "L":
        return Image.frombytes("L", (256, 1), bytes(range(256)))
    if mode == "CMYK":
        return Image.new("CMYK", (1, 1))
    pixels = bytes(value for red in steps for green in steps for blue in steps for value in (red, green, blue))
    pixels += bytes(value for value in range(256) for _ in range(3))
    return Image.frombytes("RGB", (len(pixels) // 3, 1), pixels)


def _is_near(one: Image.Image, other: Image.Image) -> bool:
    return all(abs(a - b) <= _HAIR for a, b in zip(one.tobytes(), other.tobytes(), strict=True))
