"""Files of pictures made of bytes: what encoders do not write, and what people send all the same."""

import io
import re
import struct
import zlib
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

CASES = Path(__file__).parent / "cases" / "pictures"
#: The patches of ref_srgb.png, three above and three below.
PATCHES = ((238, 190, 160), (210, 40, 50), (40, 150, 80), (70, 140, 220), (245, 205, 40), (120, 60, 160))
Chunk = tuple[bytes, bytes]
SIGNATURE = b"\x89PNG\r\n\x1a\n"
_IHDR_END = 33


def case(name: str) -> bytes:
    return (CASES / name).read_bytes()


def saved(picture: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def opened(data: bytes) -> Image.Image:
    picture = Image.open(io.BytesIO(data))
    picture.load()
    return picture


def patches() -> Image.Image:
    return opened(case("ref_srgb.png")).convert("RGB")


def seen_patches(picture: Image.Image) -> list[tuple[int, ...]]:
    """The colours at the middle of the six patches."""
    across, down = picture.width / 3, picture.height / 2
    places = [(int((column + 0.5) * across), int((row + 0.5) * down)) for row in range(2) for column in range(3)]
    return [tuple(picture.convert("RGB").getpixel(place)) for place in places]  # type: ignore[arg-type]


def farthest(seen: Sequence[Sequence[int]], wanted: Sequence[Sequence[int]] = PATCHES) -> int:
    """How far the worst channel of the worst patch is off, of 255."""
    return max(abs(a - b) for one, other in zip(seen, wanted, strict=True) for a, b in zip(one, other, strict=True))


def display_p3() -> bytes:
    """An iPhone's profile."""
    return bytes(opened(case("p3.jpg")).info["icc_profile"])


def press_profile() -> bytes:
    return bytes(opened(case("cmyk_default_cmyk.jpg")).info["icc_profile"])


def in_display_p3() -> Image.Image:
    """The patches as numbers of Display P3."""
    return opened(case("p3.jpg")).convert("RGB")


def grey_profile(gamma: float) -> bytes:
    """An ICC profile of greys whose light is their number to the power of `gamma`."""
    white = struct.pack(">4s4x3i", b"XYZ ", 63190, 65536, 54061)
    curve = struct.pack(">4s4xIH2x", b"curv", 1, round(gamma * 256))
    start = 128 + 4 + 24
    tags = struct.pack(">4sII4sII", b"wtpt", start, len(white), b"kTRC", start + len(white), len(curve))
    head = struct.pack(
        ">I4sI4s4s4s12x4s", start + len(white) + len(curve), b"lcms", 0x02400000, b"mntr", b"GRAY", b"XYZ ", b"acsp"
    )
    head = head.ljust(68, b"\0") + struct.pack(">3i", 63190, 65536, 54061)
    return head.ljust(128, b"\0") + struct.pack(">I", 2) + tags + white + curve


# ---- PNG ----


def chunk(name: bytes, body: bytes, *, is_whole: bool = True) -> bytes:
    """With its checksum, or a wrong one."""
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body) ^ (not is_whole))


def png_with(png: bytes, *packed: bytes) -> bytes:
    """A PNG with more chunks right after its header."""
    return png[:_IHDR_END] + b"".join(packed) + png[_IHDR_END:]


def raw_png(width: int, height: int, depth: int, kind: int, row: bytes, *chunks: Chunk) -> bytes:
    """A PNG whose rows are all the same."""
    header = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)
    parts = [(b"IHDR", header), *chunks, (b"IDAT", zlib.compress((b"\0" + row) * height)), (b"IEND", b"")]
    return SIGNATURE + b"".join(chunk(*part) for part in parts)


def profile_chunk(profile: bytes) -> bytes:
    return chunk(b"iCCP", b"profile\0\0" + zlib.compress(profile))


# ---- JPEG ----


def segment(marker: int, body: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", 2 + len(body)) + body


def jpeg_with(jpeg: bytes, *parts: bytes) -> bytes:
    """A JPEG with more segments right after its start."""
    return jpeg[:2] + b"".join(parts) + jpeg[2:]


def with_scans(jpeg: bytes, more: int) -> bytes:
    """A progressive JPEG whose last scan comes so many times more."""
    last = [found.start() for found in re.finditer(rb"\xff\xda", jpeg)][-1]
    return jpeg[:-2] + jpeg[last:-2] * more + jpeg[-2:]


# ---- GIF ----

#: Shown for a hundredth of a second; its colour 0 is transparent.
GIF_CLEAR = b"\x21\xf9\x04\x01\x01\0\0\0"
#: A frame of one pixel of colour 0.
GIF_PIXEL = b"\x2c\0\0\0\0\1\0\1\0\0\x02\x02\x44\x01\0"


def gif_of(*blocks: bytes, size: tuple[int, int] = (300, 300)) -> bytes:
    """Colour 0 is black, 1 is red."""
    return b"GIF89a" + struct.pack("<HHBBB", *size, 0x80, 0, 0) + b"\0\0\0\xff\0\0" + b"".join(blocks) + b";"


def gif_frame(box: tuple[int, int, int, int], picture: Image.Image | None = None) -> bytes:
    """At (left, top), so wide and high: half of it in each of two colours."""
    left, top, wide, high = box
    if picture is None:
        picture = Image.new("P", (wide, high), 0)
        picture.paste(1, (wide // 2, 0, wide, high))
    picture.putpalette([0, 0, 0, 255, 0, 0])
    whole = saved(picture, "GIF", optimize=False)
    data = whole[whole.index(b"\x2c" + struct.pack("<4H", 0, 0, wide, high)) + 10 : -1]
    return b"\x2c" + struct.pack("<4HB", left, top, wide, high, 0) + data


# ---- WebP ----


def webp_with(webp: bytes, *chunks: Chunk, flags: int) -> bytes:
    """An extended WebP (one with alpha or a profile) with more chunks at its end."""
    body = bytearray(webp[12:])
    body[8] |= flags
    for name, data in chunks:
        body += name + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WEBP" + bytes(body)
