"""What of a PNG decides its pixels: header, palette, data and frames; and the chunks that decide its colours (third edition).

Everything else is left out, so a text, a profile or a checksum that is broken or inflates without end cannot refuse a picture.
"""

import itertools
import struct
import zlib
from collections.abc import Iterator

from PIL import Image

from shared.domain.problem import ProblemError, unsupported
from shared.pictures import profiles
from shared.pictures.exif import orientation_of
from shared.pictures.facts import Content, ImageFacts
from shared.pictures.limits import MAX_PARTS, PROFILE_MAX_BYTES

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_FRAMES = (b"acTL", b"fcTL", b"fdAT")
_GREY, _RGB, _PALETTE, _GREY_ALPHA, _RGBA = 0, 2, 3, 4, 6
_CHANNELS = {_GREY: 1, _RGB: 3, _PALETTE: 1, _GREY_ALPHA: 2, _RGBA: 4}
#: Of a decoded pixel, as Pillow holds it.
_BYTES = {_GREY: 1, _RGB: 4, _PALETTE: 1, _GREY_ALPHA: 4, _RGBA: 4}
#: Frames before the one that is decoded are held, and what they were put on.
_ANIMATED_BYTES = 18.0
#: Without filters the next level saves 6 % at most, loses 10 % of screentones, and takes a third more time.
_UNFILTERED_LEVEL = 3
#: Name, body, and whether its checksum is right.
_Chunk = tuple[bytes, bytes, bool]


def read(data: bytes) -> Content:
    """Raises ProblemError (`unsupported_image`)."""
    chunks = list(_chunks(data))
    if not chunks or chunks[0][0] != b"IHDR" or len(chunks[0][1]) != 13:
        raise ProblemError(unsupported("damaged"))
    width, height, depth, kind = struct.unpack_from(">IIBB", chunks[0][1])
    if not width or not height:
        raise ProblemError(unsupported("damaged"))
    notes = _notes(chunks, kind)
    palette = [chunk for chunk in _before_pixels(chunks) if chunk[0] == b"PLTE"][:1] if kind == _PALETTE else []
    if kind == _PALETTE and not (palette and palette[0][1]):
        raise ProblemError(unsupported("damaged"))
    palette_of_file = palette[0][1] if palette else b""
    if palette:
        palette = [(b"PLTE", _filled(palette_of_file, depth), palette[0][2])]
    if palette and b"tRNS" in notes:
        # Of more colours than there are Chromium takes the first.
        palette.append((b"tRNS", notes[b"tRNS"][: len(palette_of_file) // 3], True))
    is_animated = _frames(notes) > 1
    pieces = [chunk for chunk in chunks if chunk[0] == b"IDAT" or (is_animated and chunk[0] in _FRAMES)]
    kept = [chunks[0], *palette, *_joined(pieces), (b"IEND", b"", True)]
    pixels = _SIGNATURE + b"".join(map(_packed, kept))
    transparent = _transparent(kind, notes.get(b"tRNS"))
    return Content(
        ImageFacts("image/png", width, height), pixels, orientation_of(notes.get(b"eXIf", b"")), _profile(notes),
        transparent=transparent, has_alpha=kind in (_GREY_ALPHA, _RGBA) or b"tRNS" in notes, is_animated=is_animated,
        bytes_per_pixel=_ANIMATED_BYTES if is_animated else 1.5 + _bytes(kind, depth, has_colour_key=transparent is not None),
    )  # fmt: skip


def unfiltered(picture: Image.Image) -> bytes:
    """A PNG of an RGB picture, its rows packed as they are. Pillow filters all colours: that takes half of the time, and what
    is drawn becomes larger by it, since its rows repeat themselves."""
    width, height = picture.size
    header = struct.pack(">IIBBBBB", width, height, 8, _RGB, 0, 0, 0)
    # Behind each row Pillow leaves a byte of 0: the next row's filter, which is none.
    rows = picture.tobytes("raw", "RGB", 3 * width + 1, 1)
    packer = zlib.compressobj(_UNFILTERED_LEVEL)
    pixels = packer.compress(b"\0") + packer.compress(memoryview(rows)[:-1]) + packer.flush()
    return _SIGNATURE + b"".join(map(_packed, ((b"IHDR", header, True), (b"IDAT", pixels, True), (b"IEND", b"", True))))


def has_all_rows(data: bytes) -> bool:
    """Whether the pixels of a PNG that is not interlaced are as many as its header says. Inflates them, and keeps none."""
    chunks = {name: body for name, body, _ in _chunks(data)}
    width, height, depth, kind = struct.unpack_from(">IIBB", chunks[b"IHDR"])
    wanted: int = height * (1 + (width * depth * _CHANNELS.get(kind, 1) + 7) // 8)
    inflate, packed, found = zlib.decompressobj(), chunks[b"IDAT"], 0
    while packed and found < wanted:
        found += len(inflate.decompress(packed, 1 << 20))
        packed = inflate.unconsumed_tail
    return found >= wanted or found + len(inflate.flush()) >= wanted


def _chunks(data: bytes) -> Iterator[_Chunk]:
    """The last may break off."""
    at = len(_SIGNATURE)
    for _ in range(MAX_PARTS):
        if at + 8 > len(data):
            return
        length, name = struct.unpack_from(">I4s", data, at)
        body = data[at + 8 : at + 8 + length]
        checksum = data[at + 8 + length : at + 12 + length]
        # Pixels check themselves, and there may be much of them.
        is_whole = name in (b"IDAT", b"fdAT") or checksum == struct.pack(">I", zlib.crc32(name + body))
        yield name, body, is_whole
        if name == b"IEND":
            return
        at += 12 + length
    raise ProblemError(unsupported("too_complex"))


def _before_pixels(chunks: list[_Chunk]) -> Iterator[_Chunk]:
    return itertools.takewhile(lambda chunk: chunk[0] != b"IDAT", chunks)


def _notes(chunks: list[_Chunk], kind: int) -> dict[bytes, bytes]:
    """What counts of the chunks before the pixels, as in Chromium: of those that may come once the first, of those with a wrong
    checksum none, transparency of a palette after it, code points before it."""
    notes: dict[bytes, bytes] = {}
    for name, body, is_whole in _before_pixels(chunks):
        is_misplaced = (name == b"tRNS" and kind == _PALETTE and b"PLTE" not in notes) or (name == b"cICP" and b"PLTE" in notes)
        if is_whole and not is_misplaced:
            notes.setdefault(name, body)
    return notes


def _filled(palette: bytes, depth: int) -> bytes:
    """With all colours that pixels can name: for those that a file lacks Pillow has greys of its own, Chromium the last one."""
    whole = palette[: len(palette) // 3 * 3]
    colours: int = 2 ** min(depth, 8)
    return whole + whole[-3:] * (colours - len(whole) // 3)


def _joined(chunks: list[_Chunk]) -> Iterator[_Chunk]:
    """Pixels in one piece: each piece costs a decoder as much as some thousand pixels."""
    for is_pixels, group in itertools.groupby(chunks, lambda chunk: chunk[0] == b"IDAT"):
        if is_pixels:
            yield b"IDAT", b"".join(body for _, body, _ in group), True
        else:
            yield from group


def _packed(chunk: _Chunk) -> bytes:
    name, body, is_whole = chunk
    # A header or a palette with a wrong checksum stays wrong: nobody shows it.
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body) ^ (not is_whole))


def _frames(notes: dict[bytes, bytes]) -> int:
    control = notes.get(b"acTL", b"")
    return int.from_bytes(control[:4], "big") if len(control) == 8 else 1


def _bytes(kind: int, depth: int, *, has_colour_key: bool) -> int:
    if depth == 16 and kind == _GREY:
        return 2
    # Where 16-bit colours are compared their lower halves are decoded for themselves, into a mask.
    return _BYTES.get(kind, 4) + (depth == 16 and kind == _RGB and has_colour_key)


def _transparent(kind: int, chunk: bytes | None) -> tuple[int, ...] | None:
    if chunk is None or len(chunk) != {_GREY: 2, _RGB: 6}.get(kind):
        return None
    return struct.unpack_from(">H" if kind == _GREY else ">3H", chunk)


def _profile(notes: dict[bytes, bytes]) -> bytes | None:
    """As Chromium obeys them: cICP, else iCCP, else sRGB, else gAMA with cHRM, else gAMA alone (4.3 of the specification)."""
    if len(notes.get(b"cICP", b"")) == 4:
        primaries, transfer, matrix, is_full = notes[b"cICP"]
        if is_full and not matrix and profiles.are_known(primaries, transfer):
            return profiles.of_code_points(primaries, transfer)
    if b"iCCP" in notes:
        profile = _inflated(notes[b"iCCP"])
        if profile is not None:
            return profile
    if b"sRGB" in notes or len(notes.get(b"gAMA", b"")) != 4:
        return None
    gamma = int.from_bytes(notes[b"gAMA"], "big") / 100_000
    corners = struct.unpack(">8I", notes[b"cHRM"]) if len(notes.get(b"cHRM", b"")) == 32 else None
    return profiles.of_gamma(gamma, corners and tuple(value / 100_000 for value in corners))


def _inflated(chunk: bytes) -> bytes | None:
    """The profile of an iCCP chunk; None of one that is broken or larger than any that is used."""
    name, _, packed = chunk.partition(b"\0")
    if not 1 <= len(name) <= 79 or packed[:1] != b"\0":
        return None
    inflate = zlib.decompressobj()
    try:
        profile = inflate.decompress(packed[1:], PROFILE_MAX_BYTES)
    except zlib.error:
        return None
    return profile if inflate.eof else None
