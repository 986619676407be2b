"""What of a WebP decides its pixels: its bitstream, alpha and frames; and its profile (RFC 9649). EXIF and XMP are left out: of a
WebP no browser turns the picture."""

import struct
from collections.abc import Iterator

from shared.domain.problem import ProblemError, unsupported
from shared.pictures.facts import Content, ImageFacts
from shared.pictures.limits import MAX_PARTS

_PIXELS = (b"VP8 ", b"VP8L", b"ALPH", b"ANIM", b"ANMF")
#: In the flags of VP8X.
_ANIMATION, _NOTES, _ALPHA = 0x02, 0x20 | 0x08 | 0x04, 0x10
#: In those of ANMF: the frame is cleared before the next one.
_CLEARS = 0x01
#: The decoder of animations, which Pillow has for all, holds two canvases and hands out a third.
_BYTES_PER_PIXEL = 18.5


def read(data: bytes) -> Content:
    """Raises ProblemError (`unsupported_image`)."""
    chunks = list(_chunks(data))
    extended = next((body for name, body in chunks[:1] if name == b"VP8X" and len(body) >= 10), None)
    size = _size(extended, chunks)
    if size is None:
        raise ProblemError(unsupported("damaged"))
    kept = [(name, body) for name, body in chunks if name in _PIXELS]
    is_animated = False
    if extended is not None:
        is_animated = bool(extended[0] & _ANIMATION)
        flags = extended[0] & ~_NOTES | (_ALPHA if is_animated and _leaves_ground(size, kept) else 0)
        kept = [(b"VP8X", bytes([flags]) + extended[1:10]), *kept]
    packed = b"".join(name + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2) for name, body in kept)
    profile = next((body for name, body in chunks if name == b"ICCP"), None)
    return Content(
        ImageFacts("image/webp", *size), b"RIFF" + struct.pack("<I", 4 + len(packed)) + b"WEBP" + packed,
        # Of animations Chromium does not look at it.
        profile=profile if extended is not None and extended[0] & 0x20 and not is_animated else None, is_animated=is_animated,
        bytes_per_pixel=_BYTES_PER_PIXEL,
    )  # fmt: skip


def _leaves_ground(size: tuple[int, int], chunks: list[tuple[bytes, bytes]]) -> bool:
    """Whether something of the canvas may not be painted, which is transparent whatever the file says of its alpha (and black to
    libwebp where it says that there is none)."""
    frames = [body for name, body in chunks if name == b"ANMF" and len(body) >= 16]
    covers = [1 + int.from_bytes(body[at : at + 3], "little") for body in frames[:1] for at in (6, 9)]
    return covers != list(size) or any(body[15] & _CLEARS for body in frames)


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Raises ProblemError where the picture breaks off."""
    at = 12
    for _ in range(MAX_PARTS):
        if at + 8 > len(data):
            return
        name, length = struct.unpack_from("<4sI", data, at)
        if name in _PIXELS and at + 8 + length > len(data):
            raise ProblemError(unsupported("damaged"))
        yield name, data[at + 8 : at + 8 + length]
        at += 8 + length + length % 2
    raise ProblemError(unsupported("too_complex"))


def _size(extended: bytes | None, chunks: list[tuple[bytes, bytes]]) -> tuple[int, int] | None:
    """Of the canvas, or of the bitstream where there is no other."""
    if extended is not None:
        return 1 + int.from_bytes(extended[4:7], "little"), 1 + int.from_bytes(extended[7:10], "little")
    for name, body in chunks:
        if name == b"VP8 " and body[3:6] == b"\x9d\x01\x2a" and len(body) >= 10:
            width, height = struct.unpack_from("<HH", body, 6)
            return (width & 0x3FFF, height & 0x3FFF) if width & 0x3FFF and height & 0x3FFF else None
        if name == b"VP8L" and body[:1] == b"\x2f" and len(body) >= 5:
            bits = int.from_bytes(body[1:5], "little")
            return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    return None
