"""Writes what Pillow does not: PNG of any depth and order, profiles, parts of files by hand."""

import io
import struct
import zlib
from collections.abc import Iterable, Sequence

from PIL import Image

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
#: Adam7: first column, first row, step across, step down (PNG, 8.2).
_PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))


def png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_of(header: tuple[int, int, int, int], idat: bytes, before: bytes = b"", interlace: int = 0, after: bytes = b"") -> bytes:
    """A PNG of (width, height, depth, colour type) around compressed data; chunks go before the pixels or after them."""
    ihdr = png_chunk(b"IHDR", struct.pack(">IIBBBBB", *header, 0, 0, interlace))
    return PNG_SIGNATURE + ihdr + before + png_chunk(b"IDAT", idat) + after + png_chunk(b"IEND", b"")


def png16(picture: Image.Image, mode: str, before: bytes = b"", interlaced: bool = False) -> bytes:
    """16 bits a channel: `mode` is L, LA, RGB or RGBA."""
    colour_type = {"L": 0, "LA": 4, "RGB": 2, "RGBA": 6}[mode]
    channels = len(mode)
    plain = picture.convert(mode).tobytes()
    # 257 times as much: 255 becomes 65535.
    wide = bytes(value for grey in plain for value in (grey, grey))
    return _png(picture.size, 16, colour_type, wide, channels * 2, before, interlaced)


def png8(picture: Image.Image, before: bytes = b"", interlaced: bool = False, after: bytes = b"") -> bytes:
    colour_type = {"L": 0, "P": 3, "LA": 4, "RGB": 2, "RGBA": 6}[picture.mode]
    if picture.mode == "P":
        palette = bytes(picture.getpalette("RGB") or b"")
        before = png_chunk(b"PLTE", palette) + before
    return _png(picture.size, 8, colour_type, picture.tobytes(), len(picture.getbands()), before, interlaced, after)


def _png(
    size: tuple[int, int],
    depth: int,
    colour: int,
    pixels: bytes,
    pixel_bytes: int,
    before: bytes,
    interlaced: bool,
    after: bytes = b"",
) -> bytes:
    width, height = size
    rows: list[bytes] = []
    for left, top, across, down in _PASSES if interlaced else ((0, 0, 1, 1),):
        columns = range(left, width, across)
        if not columns:
            continue
        for y in range(top, height, down):
            row = pixels[y * width * pixel_bytes : (y + 1) * width * pixel_bytes]
            picked = row if across == 1 else b"".join(row[x * pixel_bytes : (x + 1) * pixel_bytes] for x in columns)
            rows.append(b"\0" + picked)
    idat = zlib.compress(b"".join(rows), 9)
    return png_of((width, height, depth, colour), idat, before, int(interlaced), after)


def _fixed(number: float) -> bytes:
    return struct.pack(">i", round(number * 65536))


#: XYZ of the primaries, adapted to D50 (ICC.1:2022 annex; Apple's and Adobe's own profiles hold the same numbers).
P3 = ((0.5151, 0.2412, -0.0011), (0.2920, 0.6922, 0.0419), (0.1571, 0.0666, 0.7841))
ADOBE_RGB = ((0.6097, 0.3111, 0.0195), (0.2053, 0.6257, 0.0609), (0.1492, 0.0632, 0.7446))
#: Red and green exchanged: whoever does not apply it is seen at once.
SWAPPED = ((0.3851, 0.7169, 0.0971), (0.4361, 0.2225, 0.0139), (0.1431, 0.0606, 0.7141))


def icc_profile(primaries: Sequence[tuple[float, float, float]] | None, gamma: float = 2.2) -> bytes:
    """A display profile (ICC v2) of these primaries, or a grey one."""

    def tag_xyz(xyz: Iterable[float]) -> bytes:
        return b"XYZ \0\0\0\0" + b"".join(_fixed(value) for value in xyz)

    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256)) + b"\0\0"
    text = b"made by code\0"
    tags: list[tuple[bytes, bytes]] = [
        (b"desc", b"desc\0\0\0\0" + struct.pack(">I", len(text)) + text + bytes(12 + 67)),
        (b"cprt", b"text\0\0\0\0" + text),
        (b"wtpt", tag_xyz((0.9642, 1.0, 0.8249))),
    ]
    if primaries is None:
        tags.append((b"kTRC", curve))
    else:
        tags += [(name + b"XYZ", tag_xyz(xyz)) for name, xyz in zip((b"r", b"g", b"b"), primaries, strict=True)]
        tags += [(name + b"TRC", curve) for name in (b"r", b"g", b"b")]
    body, table, offset = b"", b"", 128 + 4 + 12 * len(tags)
    for name, data in tags:
        table += struct.pack(">4sII", name, offset + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    size = 128 + 4 + len(table) + len(body)
    header = struct.pack(">II4s4s4s", 0x0, 0x02400000, b"mntr", b"GRAY" if primaries is None else b"RGB ", b"XYZ ")
    header = struct.pack(">I", size) + header[:4] + header[4:]
    header += bytes(12) + b"acsp" + bytes(24) + struct.pack(">I", 0) + b"".join(_fixed(v) for v in (0.9642, 1.0, 0.8249))
    header = header.ljust(128, b"\0")
    return header + struct.pack(">I", len(tags)) + table + body


def xmp(orientation: int) -> bytes:
    return (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description rdf:about="" xmlns:tiff="http://ns.adobe.com/tiff/1.0/" '
        f'tiff:Orientation="{orientation}"/></rdf:RDF></x:xmpmeta>'
    ).encode()


def saved(picture: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()
