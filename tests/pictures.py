"""Images as users upload them, made on the spot."""

import io
import random
import struct
import zlib

from PIL import Image, ImageDraw


def _drawing(width: int, height: int) -> Image.Image:
    """Blue above, red below: so that a test can tell which way is up."""
    picture = Image.new("RGB", (width, height), (40, 80, 200))
    ImageDraw.Draw(picture).rectangle((0, height // 2, width, height), fill=(200, 50, 50))
    return picture


def _saved(picture: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def photo_jpeg(width: int, height: int, exif_orientation: int = 1) -> bytes:
    """A camera's JPEG; with orientation 6 the camera was held on its side."""
    exif = Image.Exif()
    exif[0x0112] = exif_orientation
    exif[0x010F] = "Camera"
    return _saved(_drawing(width, height), "JPEG", quality=88, exif=exif)


def noisy_jpeg(size_bytes: int) -> bytes:
    """A JPEG just under a size: noise does not compress."""
    side = 1600
    while True:
        noise = Image.frombytes("L", (side, side), random.Random(1).randbytes(side * side))
        data = _saved(noise, "JPEG", quality=95)
        if len(data) <= size_bytes:
            return data + b"\0" * (size_bytes - len(data))
        side = int(side * (size_bytes / len(data)) ** 0.5)


def png_with_alpha(width: int, height: int) -> bytes:
    picture = Image.new("RGBA", (width, height), (0, 0, 0, 0))
    ImageDraw.Draw(picture).ellipse((width // 4, height // 4, width * 3 // 4, height * 3 // 4), fill=(20, 160, 90, 255))
    return _saved(picture, "PNG")


def drawing_png(width: int, height: int) -> bytes:
    return _saved(_drawing(width, height), "PNG")


def webp(width: int, height: int) -> bytes:
    return _saved(_drawing(width, height), "WEBP", quality=80)


def truncated_jpeg() -> bytes:
    whole = photo_jpeg(800, 600)
    return whole[: len(whole) // 2]


def bomb_png(side: int = 30_000) -> bytes:
    """A few KB that would unpack to `side` squared pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = zlib.compressobj(9)
    data = rows.compress(b"\0" * 1_000_000) + rows.flush()
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
