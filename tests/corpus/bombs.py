"""Files that are small and cost much: by name, each made by code."""

import math
import random
import struct
import zlib
from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path

from PIL import Image

from shared.pictures.limits import MOST_BYTES_PER_PIXEL, max_pixels
from tests.corpus.make_seeds import drawing
from tests.corpus.mutations import seed_files
from tests.corpus.parts import split
from tests.corpus.raw import icc_profile, png8, png_chunk, png_of, saved
from tests.corpus.real import DECODE_MEMORY_MB

#: Just under what an upload may have: bytes, and pixels before decoding.
FULL = 5 * 1024 * 1024 - 2000
SIDE = 6320


def _side_at_the_limit(content_type: str) -> int:
    """Of formats that take more memory fewer pixels are taken: just under that, in the form that takes the most."""
    return math.isqrt(max_pixels(MOST_BYTES_PER_PIXEL[content_type], DECODE_MEMORY_MB))


GIF_SIDE, WEBP_SIDE, AVIF_SIDE = map(_side_at_the_limit, ("image/gif", "image/webp", "image/avif"))

# ---- JPEG ----


def _segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def _bits(text: str) -> bytes:
    padded = text + "1" * (-len(text) % 8)
    return int(padded, 2).to_bytes(len(padded) // 8, "big").replace(b"\xff", b"\xff\0") if padded else b""


def _table(table: int, codes: dict[int, list[int]]) -> bytes:
    """A Huffman table: symbols by the length of their code, the shortest first."""
    counts = bytes(len(codes.get(length, [])) for length in range(1, 17))
    return _segment(0xC4, bytes([table]) + counts + bytes(symbol for length in sorted(codes) for symbol in codes[length]))


def _jpeg_start(sof: int, width: int, height: int, components: int) -> bytes:
    start = b"\xff\xd8" + (_segment(0xEE, b"Adobe\0\x64\0\0\0\0\0") if components == 4 else b"")
    parts = b"".join(bytes([n + 1, 0x11, 0]) for n in range(components))
    frame = struct.pack(">BHHB", 8, height, width, components) + parts
    # DC: "0" no difference, "10" and seven bits. AC: "0" for a run of empty blocks, "10" for the end of this block.
    tables = _table(0x00, {1: [0], 2: [7]}) + _table(0x10, {1: [0xE0], 2: [0x00]})
    return start + _segment(0xDB, b"\0" + b"\x08" * 64) + _segment(sof, frame) + tables


def _scan(components: range, first: int, last: int, high: int, low: int, data: bytes) -> bytes:
    chosen = b"".join(bytes([n + 1, 0]) for n in components)
    return _segment(0xDA, bytes([len(components)]) + chosen + bytes([first, last, high << 4 | low])) + data


def _two_tones(blocks: int, per_block: int = 1, end: str = "") -> bytes:
    """Every DC difference is none but for two, so that the picture is not of one colour. `end`: what follows a DC value."""
    half = blocks * per_block // 2
    rest = blocks * per_block - half - 1
    return _bits("101100100" + end + ("0" + end) * (half - 1) + "100110010" + end + ("0" + end) * rest)


def _empty_scan(component: int, blocks: int, first: int = 1, last: int = 63, high: int = 0, low: int = 0) -> bytes:
    """Runs of blocks without a coefficient, as long as they can be: some forty bytes for forty megapixels."""
    runs = -(-blocks // 32767)
    lengths = [blocks // runs + (n < blocks % runs) for n in range(runs)]
    assert all(16384 <= length <= 32767 for length in lengths)
    data = _bits("".join("0" + format(length - 16384, "014b") for length in lengths))
    return _scan(range(component, component + 1), first, last, high, low, data)


def progressive_scans(size: int, side: int = SIDE) -> bytes:
    """One scan of 65 bytes or so, repeated until the file has its size."""
    blocks = (side // 8) ** 2
    start = _jpeg_start(0xC2, side, side, 1) + _scan(range(1), 0, 0, 0, 0, _two_tones(blocks))
    scan = _empty_scan(0, blocks)
    return start + scan * ((size - len(start)) // len(scan)) + b"\xff\xd9"


def progressive_by_the_rules() -> bytes:
    """No scan is repeated: each of the 63 coefficients comes by itself, bit by bit, as the standard allows: 882 scans."""
    blocks = (SIDE // 8) ** 2
    start = _jpeg_start(0xC2, SIDE, SIDE, 1) + _scan(range(1), 0, 0, 0, 0, _two_tones(blocks))
    scans = [_empty_scan(0, blocks, k, k, 0 if low == 13 else low + 1, low) for low in range(13, -1, -1) for k in range(1, 64)]
    return start + b"".join(scans) + b"\xff\xd9"


def progressive_whole(components: int) -> bytes:
    """A plain progressive picture of 40 megapixels: its coefficients alone take 80 MB a component."""
    blocks = (SIDE // 8) ** 2
    scan = _scan(range(components), 0, 0, 0, 0, _two_tones(blocks, components))
    scans = b"".join(_empty_scan(n, blocks) for n in range(components))
    return _jpeg_start(0xC2, SIDE, SIDE, components) + scan + scans + b"\xff\xd9"


def sequential_scans() -> bytes:
    """Not progressive, but a scan for each component, repeated to five megabytes."""
    blocks = (SIDE // 8) ** 2
    start = _jpeg_start(0xC1, SIDE, SIDE, 3)
    scans = [_scan(range(n, n + 1), 0, 63, 0, 0, _two_tones(blocks, end="10")) for n in range(3)]
    data = start + b"".join(scans)
    return data + scans[0] * ((FULL - len(data)) // len(scans[0])) + b"\xff\xd9"


def jpeg_segments(filler: bytes) -> bytes:
    """Millions of parts that hold nothing."""
    jpeg = seed_files()["jpeg-420"]
    return jpeg[:2] + filler * ((FULL - len(jpeg)) // len(filler)) + jpeg[2:]


def jpeg_restarts() -> bytes:
    """A restart after each block, and then five megabytes of markers."""
    jpeg = seed_files()["jpeg-restart"]
    return jpeg[:-2] + b"\xff\xd0" * ((FULL - len(jpeg)) // 2) + b"\xff\xd9"


def jpeg_profile_parts() -> bytes:
    """A profile in 255 parts of 20 KB."""
    jpeg, profile = seed_files()["jpeg-420"], icc_profile(None) + bytes(20_000 * 255)
    parts = [profile[n * 20_000 : (n + 1) * 20_000] for n in range(255)]
    icc = b"".join(_segment(0xE2, b"ICC_PROFILE\0" + bytes([n + 1, 255]) + part) for n, part in enumerate(parts))
    return jpeg[:2] + icc + jpeg[2:]


def exif_in_circles() -> bytes:
    """Directories that point at themselves, with as many entries as fit."""
    entries = b"".join(struct.pack("<HHII", 0x8769 if n % 2 else 0x8825, 4, 1, 8) for n in range(5000))
    tiff = b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", 5000) + entries + struct.pack("<I", 8)
    jpeg = seed_files()["jpeg-420"]
    return jpeg[:2] + _segment(0xE1, b"Exif\0\0" + tiff) + jpeg[2:]


def exif_counts() -> bytes:
    """An orientation of four billion values."""
    tiff = b"II*\0" + struct.pack("<IHHHII", 8, 1, 0x0112, 3, 0xFFFFFFFF, 8) + bytes(4)
    jpeg = seed_files()["jpeg-420"]
    return jpeg[:2] + _segment(0xE1, b"Exif\0\0" + tiff) + jpeg[2:]


# ---- PNG ----


def zeros(count: int, first: bytes = b"") -> bytes:
    """A zlib stream of `first` and so many zeros: a thousandth of them, without making them."""
    whole, rest = divmod(count, 1 << 20)
    press = zlib.compressobj(9)
    stream = press.compress(first) + press.flush(zlib.Z_FULL_FLUSH)
    block = press.compress(bytes(1 << 20)) + press.flush(zlib.Z_FULL_FLUSH)
    last = zlib.compressobj(9, wbits=-15)
    ending = last.compress(bytes(rest)) + last.flush()
    check = zlib.adler32(first)
    low, high = check & 0xFFFF, check >> 16
    return stream + block * whole + ending + struct.pack(">I", (high + low * count) % 65521 << 16 | low)


def png_pixels(width: int, height: int, depth: int, colour: int, extra: int = 0, interlace: int = 0) -> bytes:
    """So many pixels of a few KB, the first rows white; `extra` bytes lie behind them in the same stream."""
    channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour]
    row = -(-width * channels * depth // 8) + 1
    first = b"".join(b"\0" + b"\xff" * (row - 1) for _ in range(min(height, 40))) if not interlace else b""
    # Adam7 has more rows, so more filter bytes: as many zeros as are surely enough.
    total = row * height + extra + (height * 4 if interlace else 0)
    palette = png_chunk(b"PLTE", bytes(range(256)) * 3) if colour == 3 else b""
    return png_of((width, height, depth, colour), zeros(total - len(first), first), palette, interlace)


def png_beside(kind: bytes, megabytes: int = 1000) -> bytes:
    """A gigabyte of text or profile in a megabyte, beside pixels that are plain."""
    packed = zeros(megabytes << 20)
    body = {
        b"zTXt": b"Comment\0\0" + packed, b"iCCP": b"profile\0\0" + packed, b"iTXt": b"XML:com.adobe.xmp\0\1\0\0\0" + packed
    }[kind]  # fmt: skip
    return png8(drawing(), before=png_chunk(kind, body))


def png_texts_behind() -> bytes:
    """Five megabytes of texts of a megabyte each, behind the pixels."""
    text = png_chunk(b"zTXt", b"Comment\0\0" + zeros(1 << 20))
    return png8(drawing(), after=text * (FULL // len(text)))


def png_chunks(chunk: bytes) -> bytes:
    return png8(drawing(), before=chunk * (FULL // len(chunk)))


def png_in_pieces() -> bytes:
    """Pixels in chunks of a byte each, with empty ones between: as many as fit."""
    plain = png8(drawing())
    (idat,) = (part.body for part in split(plain) if part.name == "png:IDAT")
    pieces = b"".join(png_chunk(b"IDAT", idat[n : n + 1]) for n in range(len(idat)))
    pieces += png_chunk(b"IDAT", b"") * ((FULL - len(pieces)) // 12)
    return plain[:33] + pieces + png_chunk(b"IEND", b"")


def apng_blank_frames(side: int, frames: int) -> bytes:
    """Nothing to be seen but in the last one."""
    idat = zeros((side * 4 + 1) * side)
    control = [
        png_chunk(b"fcTL", struct.pack(">IIIIIHHBB", 2 * n - 1 if n else 0, side, side, 0, 0, 1, 10, 0, 0)) for n in range(frames)
    ]
    data = [png_chunk(b"fdAT", struct.pack(">I", 2 * n) + idat) for n in range(frames)]
    body = control[0] + png_chunk(b"IDAT", idat) + b"".join(control[n] + data[n] for n in range(1, frames))
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 6, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + png_chunk(b"acTL", struct.pack(">II", frames, 0)) + body + png_chunk(b"IEND", b"")


# ---- WebP ----


def _riff(*chunks: tuple[bytes, bytes]) -> bytes:
    body = b"".join(name + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2) for name, data in chunks)
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def _vp8l(width: int, height: int, argb: tuple[int, int, int, int]) -> bytes:
    """One colour, no bit for a pixel: each of its five codes has one symbol (WebP lossless, 6.2)."""
    bits: list[int] = []

    def put(value: int, count: int) -> None:
        bits.extend(value >> n & 1 for n in range(count))

    put(0x2F, 8)
    put(width - 1, 14)
    put(height - 1, 14)
    put(1, 1)
    put(0, 3)
    # No transform, no cache of colours, no codes that change; then the codes: green, red, blue, alpha, distance.
    put(0, 3)
    alpha, red, green, blue = argb
    for symbol in (green, red, blue, alpha, 0):
        put(0b101, 3)
        put(symbol, 8)
    return bytes(sum(bit << n for n, bit in enumerate(bits[at : at + 8])) for at in range(0, len(bits), 8)) + bytes(4)


def webp_one_colour(width: int, height: int) -> bytes:
    return _riff((b"VP8L", _vp8l(width, height, (255, 200, 40, 40))))


def webp_claims(width: int, height: int) -> bytes:
    """A canvas of up to 2^48 pixels around a plain picture."""
    plain = split(seed_files()["webp-lossy"])[-1]
    sides = struct.pack("<I", width - 1)[:3] + struct.pack("<I", height - 1)[:3]
    return _riff((b"VP8X", bytes(4) + sides), (b"VP8 ", plain.body))


def webp_blank_frames(width: int, height: int, frames: int, frame: tuple[int, int] | None = None) -> bytes:
    """Nothing to be seen, again and again, in forty bytes a frame; only the last one holds a colour."""
    inner_width, inner_height = frame or (width, height)

    def anmf(argb: tuple[int, int, int, int]) -> tuple[bytes, bytes]:
        sides = b"".join(struct.pack("<I", value)[:3] for value in (0, 0, inner_width - 1, inner_height - 1, 100))
        data = _vp8l(inner_width, inner_height, argb)
        return b"ANMF", sides + b"\0VP8L" + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)

    sides = struct.pack("<I", width - 1)[:3] + struct.pack("<I", height - 1)[:3]
    chunks = [(b"VP8X", b"\x12\0\0\0" + sides), (b"ANIM", bytes(6))]
    return _riff(*chunks, *[anmf((0, 0, 0, 0))] * (frames - 1), anmf((255, 200, 40, 40)))


def webp_chunks() -> bytes:
    """Half a million empty chunks."""
    plain = seed_files()["webp-p3"]
    parts = split(plain)
    return (
        b"RIFF"
        + struct.pack("<I", FULL)
        + b"WEBP"
        + bytes(parts[1])
        + b"JUNK\0\0\0\0" * (FULL // 8 - 500)
        + b"".join(map(bytes, parts[2:]))
    )


# ---- GIF ----


def gif_of(side: int, frame: bytes, ending: bytes = b"", frames: int | None = None) -> bytes:
    """As many of one frame as fit on a canvas; `ending` is the last one."""
    start = b"GIF89a" + struct.pack("<HHBBB", side, side, 0x80, 0, 0) + b"\0\0\0\xff\xff\xff"
    fitting = (FULL - len(start) - len(ending)) // len(frame) if frames is None else frames
    return start + frame * fitting + ending + b";"


#: Transparent, for a hundredth of a second; one pixel of it.
_GIF_CLEAR = b"\x21\xf9\x04\x01\x01\0\0\0"
_GIF_PIXEL = b"\x2c\0\0\0\0\1\0\1\0\0\x02\x02\x44\x01\0"


def gif_whole_frames(side: int) -> bytes:
    """Frames of the whole canvas, all transparent."""
    image = next(part for part in split(saved(Image.new("P", (side, side)), "GIF")) if part.name == "gif:image")
    return gif_of(side, _GIF_CLEAR + bytes(image))


def gif_frame_over_the_canvas(first: bool) -> bytes:
    """A small canvas and a frame of 65535 by 65535, which decoders make room for."""
    huge = _GIF_PIXEL.replace(b"\1\0\1\0\0", b"\xff\xff\xff\xff\0")
    return gif_of(300, b"" if first else _GIF_CLEAR + _GIF_PIXEL, huge, frames=1)


def gif_claims() -> bytes:
    return b"GIF89a" + struct.pack("<HHBBB", 65535, 65535, 0x80, 0, 0) + b"\0\0\0\xff\xff\xff" + _GIF_PIXEL + b";"


# ---- AVIF and HEIC ----


def _box(name: bytes, *bodies: bytes) -> bytes:
    body = b"".join(bodies)
    return struct.pack(">I", len(body) + 8) + name + body


def _full(name: bytes, *bodies: bytes, version: int = 0, flags: int = 0) -> bytes:
    return _box(name, struct.pack(">I", version << 24 | flags), *bodies)


def grid(
    kind: str,
    columns: int,
    rows: int,
    claims: tuple[int, int] | None = None,
    is_shared: bool = False,
    tile: str = "420",
    bits: int = 8,
) -> bytes:
    """A picture of cells, each the same coded tile: what costs a decoder `columns * rows` runs takes fifty bytes a cell.

    The tile is a seed's; all cells point at the same bytes, or are one item (`is_shared`): four bytes a cell.
    """
    by_name = {part.name: part for part in split(seed_files()[f"{kind}-{tile}"])}
    config = by_name["box:av1C" if kind == "avif" else "box:hvcC"]
    width, height = struct.unpack(">II", by_name["box:ispe"].body[4:12])
    coded = by_name["box:mdat"].body
    whole = claims or (width * columns, height * rows)
    cells = columns * rows
    items = 1 if is_shared else cells
    item = b"av01" if kind == "avif" else b"hvc1"
    brand = b"avif" if kind == "avif" else b"heic"
    ftyp = _box(b"ftyp", brand, bytes(4), brand, b"mif1", b"miaf")
    infos = [_full(b"infe", struct.pack(">IH4s", 1, 0, b"grid"), b"\0", version=3)]
    infos += [_full(b"infe", struct.pack(">IH4s", n + 2, 0, item), b"\0", version=3, flags=1) for n in range(items)]
    pixi = _full(b"pixi", b"\3" + bytes([bits]) * 3)
    properties = _box(b"ipco", bytes(config), bytes(by_name["box:ispe"]), _full(b"ispe", struct.pack(">II", *whole)), pixi)
    associations = [struct.pack(">IB", 1, 2) + bytes([3, 4])]
    associations += [struct.pack(">IB", n + 2, 3) + bytes([0x80 | 1, 2, 4]) for n in range(items)]
    ipma = _full(b"ipma", struct.pack(">I", items + 1), *associations, version=1)
    references = _full(
        b"iref",
        _box(b"dimg", struct.pack(">IH", 1, cells), b"".join(struct.pack(">I", n % items + 2) for n in range(cells))),
        version=1,
    )
    idat = _box(b"idat", struct.pack(">BBBBII", 0, 1, rows - 1, columns - 1, *whole))

    def meta(offset: int) -> bytes:
        places = [struct.pack(">IHHHII", 1, 1, 0, 1, 0, 12)]
        places += [struct.pack(">IHHHII", n + 2, 0, 0, 1, offset, len(coded)) for n in range(items)]
        iloc = _full(b"iloc", b"\x44\0", struct.pack(">I", items + 1), *places, version=2)
        handler = _full(b"hdlr", bytes(4), b"pict", bytes(13))
        pitm = _full(b"pitm", struct.pack(">H", 1))
        iinf = _full(b"iinf", struct.pack(">I", len(infos)), *infos, version=1)
        return _full(b"meta", handler, pitm, iloc, iinf, references, _box(b"iprp", properties, ipma), idat)

    head = ftyp + meta(0)
    return ftyp + meta(len(head) + 8) + _box(b"mdat", coded)


def claimed(kind: str, width: int, height: int) -> bytes:
    """A small picture whose box says that it is large."""
    parts = split(seed_files()[f"{kind}-420"])
    for n, part in enumerate(parts):
        if part.name == "box:ispe":
            parts[n] = part.with_body(part.body[:4] + struct.pack(">II", width, height))
    return b"".join(map(bytes, parts))


def boxes(kind: str, filler: bytes) -> bytes:
    """Half a million boxes before the picture; a decoder must walk over each. (Offsets in the file no longer hold.)"""
    plain = seed_files()[f"{kind}-420"]
    (first,) = struct.unpack(">I", plain[:4])
    return plain[:first] + filler * ((FULL - len(plain)) // len(filler)) + plain[first:]


def nested_boxes(kind: str, depth: int) -> bytes:
    """Boxes within boxes, deeper than a stack."""
    plain = seed_files()[f"{kind}-420"]
    (first,) = struct.unpack(">I", plain[:4])
    inner = b"".join(struct.pack(">I4s", 8 * (depth - n), b"ipco") for n in range(depth))
    return plain[:first] + _full(b"meta", _box(b"iprp", inner)) + plain[first:]


@cache
def avif_whole(side: int, **options: object) -> bytes:
    picture = drawing(side // 5, side // 5).resize((side, side), Image.Resampling.NEAREST)
    if options.pop("alpha", False):
        picture.putalpha(Image.linear_gradient("L").resize(picture.size))
    return saved(picture, "AVIF", speed=10, quality=10, **options)


def large(name: str) -> bytes:
    """Kept as a file, for nothing here encodes HEIC: by pillow-heif at quality 10; 40 megapixels, or 25.6 of 4:4:4 with alpha."""
    return (Path(__file__).parent / "large" / name).read_bytes()


def avif_frames(frames: int) -> bytes:
    blank = Image.new("RGBA", (64, 64), (0, 0, 0, 0))
    return saved(blank, "AVIF", save_all=True, append_images=[blank.copy() for _ in range(frames)], speed=10, quality=10)


def noise_behind() -> bytes:
    """A picture and five megabytes of what is none."""
    return seed_files()["png-rgb"] + random.Random(1).randbytes(FULL - 5000)


BOMBS: dict[str, Callable[[], bytes]] = {
    "jpeg-65-byte-scans-183-KB": partial(progressive_scans, 183_000),
    "jpeg-65-byte-scans-5-MB": partial(progressive_scans, FULL),
    "jpeg-65-byte-scans-5-MB-of-4-megapixels": partial(progressive_scans, FULL, 2000),
    "jpeg-882-scans-by-the-rules": progressive_by_the_rules,
    "jpeg-progressive-grey": partial(progressive_whole, 1),
    "jpeg-progressive-colour": partial(progressive_whole, 3),
    "jpeg-progressive-cmyk": partial(progressive_whole, 4),
    "jpeg-sequential-scans": sequential_scans,
    "jpeg-empty-comments": partial(jpeg_segments, b"\xff\xfe\0\2"),
    "jpeg-empty-profiles": partial(jpeg_segments, b"\xff\xe2\0\2"),
    "jpeg-empty-exifs": partial(jpeg_segments, _segment(0xE1, b"Exif\0\0")),
    "jpeg-fill-bytes": partial(jpeg_segments, b"\xff"),
    "jpeg-restart-markers": jpeg_restarts,
    "jpeg-profile-of-5-MB": jpeg_profile_parts,
    "jpeg-exif-in-circles": exif_in_circles,
    "jpeg-exif-counts": exif_counts,
    "png-rgba-16-bit": partial(png_pixels, SIDE, SIDE, 16, 6),
    "png-rgba-16-bit-interlaced": partial(png_pixels, SIDE, SIDE, 16, 6, 0, 1),
    "png-rgb": partial(png_pixels, SIDE, SIDE, 8, 2),
    "png-grey-16-bit": partial(png_pixels, SIDE, SIDE, 16, 0),
    "png-1-bit": partial(png_pixels, SIDE, SIDE, 1, 0),
    "png-palette": partial(png_pixels, SIDE, SIDE, 8, 3),
    "png-a-row-of-40-megapixels": partial(png_pixels, 40_000_000, 1, 8, 0),
    "png-a-column-of-40-megapixels": partial(png_pixels, 1, 40_000_000, 8, 0),
    "png-a-gigabyte-behind-the-pixels": partial(png_pixels, 400, 300, 8, 2, 1 << 30),
    "png-text": partial(png_beside, b"zTXt"),
    "png-xmp": partial(png_beside, b"iTXt"),
    "png-profile": partial(png_beside, b"iCCP"),
    "png-profile-of-60-MB": partial(png_beside, b"iCCP", 60),
    "png-texts-behind": png_texts_behind,
    "png-empty-chunks": partial(png_chunks, png_chunk(b"teSt", b"")),
    "png-empty-texts": partial(png_chunks, png_chunk(b"tEXt", b"a\0")),
    "png-in-pieces": png_in_pieces,
    "apng-blank-frames": partial(apng_blank_frames, 500, 2500),
    "apng-blank-frames-at-the-limit": partial(apng_blank_frames, GIF_SIDE, 45),
    "apng-blank-frames-of-40-megapixels": partial(apng_blank_frames, SIDE, 25),
    "webp-one-colour": partial(webp_one_colour, 16383, 2441),
    "webp-one-colour-at-the-limit": partial(webp_one_colour, WEBP_SIDE, WEBP_SIDE),
    "webp-268-megapixels": partial(webp_one_colour, 16383, 16383),
    "webp-claims": partial(webp_claims, 16384, 16384),
    "webp-claims-40-megapixels": partial(webp_claims, SIDE, SIDE),
    "webp-blank-frames": partial(webp_blank_frames, 500, 500, 60_000),
    "webp-blank-frames-of-40-megapixels": partial(webp_blank_frames, 16383, 2441, 60_000),
    "webp-blank-frames-at-the-limit": partial(webp_blank_frames, WEBP_SIDE, WEBP_SIDE, 60_000),
    "webp-small-frames-at-the-limit": partial(webp_blank_frames, WEBP_SIDE, WEBP_SIDE, 60_000, (2, 2)),
    "webp-small-frames-of-40-megapixels": partial(webp_blank_frames, 16383, 2441, 60_000, (2, 2)),
    "webp-empty-chunks": webp_chunks,
    "gif-small-frames": partial(gif_of, 300, _GIF_CLEAR + _GIF_PIXEL),
    "gif-small-frames-at-the-limit": partial(gif_of, GIF_SIDE, _GIF_CLEAR + _GIF_PIXEL),
    "gif-small-frames-of-40-megapixels": partial(gif_of, SIDE, _GIF_CLEAR + _GIF_PIXEL),
    "gif-whole-frames-at-the-limit": partial(gif_whole_frames, GIF_SIDE),
    "gif-whole-frames-of-40-megapixels": partial(gif_whole_frames, SIDE),
    "gif-first-frame-over-the-canvas": partial(gif_frame_over_the_canvas, True),
    "gif-later-frame-over-the-canvas": partial(gif_frame_over_the_canvas, False),
    "gif-claims": gif_claims,
    "gif-empty-extensions": partial(gif_of, 300, b"\x21\xfe\0", _GIF_PIXEL),
    "avif-grid-of-40-megapixels": partial(grid, "avif", 45, 46),
    "avif-grid-of-one-cell-2070-times": partial(grid, "avif", 45, 46, None, True),
    "avif-grid-of-one-cell-65025-times": partial(grid, "avif", 255, 255, (320, 240), True),
    "avif-grid-that-claims": partial(grid, "avif", 2, 2, (SIDE, SIDE)),
    "avif-grid-of-65025-cells": partial(grid, "avif", 255, 255, (320, 240)),
    "avif-claims": partial(claimed, "avif", 65535, 65535),
    "avif-claims-40-megapixels": partial(claimed, "avif", SIDE, SIDE),
    "avif-empty-boxes": partial(boxes, "avif", b"\0\0\0\x08free"),
    "avif-nested-boxes": partial(nested_boxes, "avif", 600_000),
    "avif-whole": partial(avif_whole, 6250),
    "avif-whole-at-the-limit-444-alpha": partial(avif_whole, AVIF_SIDE, alpha=True, subsampling="4:4:4"),
    "avif-grid-of-19-megapixels": partial(grid, "avif", 31, 32),
    "avif-grid-of-19-megapixels-444-12-bit": partial(grid, "avif", 31, 32, tile="12bit-444", bits=12),
    "avif-frames": partial(avif_frames, 1000),
    "avif-grid-of-40-megapixels-444-12-bit": partial(grid, "avif", 45, 46, tile="12bit-444", bits=12),
    "heic-whole": partial(large, "heic-420.heic"),
    "heic-whole-444-alpha-at-the-limit": partial(large, "heic-444-alpha.heic"),
    "heic-grid-of-960-cells": partial(grid, "heic", 31, 31),
    "heic-grid-of-40-megapixels": partial(grid, "heic", 45, 46),
    "heic-grid-of-one-cell-2070-times": partial(grid, "heic", 45, 46, None, True),
    "heic-grid-of-one-cell-65025-times": partial(grid, "heic", 255, 255, (320, 240), True),
    "heic-grid-that-claims": partial(grid, "heic", 2, 2, (SIDE, SIDE)),
    "heic-grid-of-65025-cells": partial(grid, "heic", 255, 255, (320, 240)),
    "heic-claims": partial(claimed, "heic", 65535, 65535),
    "heic-claims-40-megapixels": partial(claimed, "heic", SIDE, SIDE),
    "heic-empty-boxes": partial(boxes, "heic", b"\0\0\0\x08free"),
    "heic-nested-boxes": partial(nested_boxes, "heic", 600_000),
    "noise-behind": noise_behind,
}  # fmt: skip


def all_bombs() -> Iterator[tuple[str, bytes]]:
    for name, make in BOMBS.items():
        yield name, make()
