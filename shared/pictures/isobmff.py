"""What of a HEIC or AVIF file is known by its boxes (ISO/IEC 14496-12 and 23008-12): size, colours, turns, tiles.

Both decoders find their own way through the boxes; here they are read for what must be known before that. Notes (EXIF, XMP) are
renamed, so that neither decoder looks at them: no browser turns such a picture by its EXIF.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from shared.domain.problem import ProblemError, unsupported
from shared.pictures import profiles
from shared.pictures.av1 import coded_size
from shared.pictures.facts import Content, ImageFacts
from shared.pictures.limits import MAX_ITEMS, MAX_TILED_PIXELS, MAX_TILES

_MAX_BOXES = 10_000
_ALPHA = (b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha", b"urn:mpeg:hevc:2015:auxid:1")
#: What most encoders write (8 bits, 4:2:0, opaque), and everything else.
_AVIF_BYTES, _HEIC_BYTES = (9.2, 17.0), (7.5, 14.0)


@dataclass
class _Boxes:
    """What `meta` tells. Places are (from, to) within the file."""

    primary: int | None = None
    types: dict[int, bytes] = field(default_factory=dict)
    #: Where an item's type stands.
    notes: list[int] = field(default_factory=list)
    properties: list[tuple[bytes, int, int]] = field(default_factory=list)
    #: Indices of properties by item, from 1.
    has: dict[int, list[int]] = field(default_factory=dict)
    #: Where an item's bytes begin: within the file, or (True) within `idat`.
    begins: dict[int, tuple[int, bool]] = field(default_factory=dict)
    idat: int = 0
    #: The items that one is made of.
    tiles: dict[int, list[int]] = field(default_factory=dict)


def read(data: bytes, content_type: str) -> Content:
    """Raises ProblemError (`unsupported_image`)."""
    try:
        return _content(data, content_type)
    except (struct.error, LookupError, ValueError) as error:
        raise ProblemError(unsupported("damaged")) from error


def _content(data: bytes, content_type: str) -> Content:
    boxes = _Boxes()
    meta = next((place for name, *place in _inside(data, 0, len(data)) if name == b"meta"), None)
    if meta is not None:
        _read_meta(data, meta[0] + 4, meta[1], boxes)
    if boxes.primary is None or len(boxes.types) > MAX_ITEMS:
        raise ProblemError(unsupported("too_complex" if len(boxes.types) > MAX_ITEMS else "damaged"))
    size = _size(data, boxes, boxes.primary)
    if size is None or 0 in size:
        raise ProblemError(unsupported("damaged"))
    _require_bounded(data, boxes, size)
    if content_type == "image/avif":
        _require_coded(data, boxes, size)
    orientation = _orientation(data, boxes)
    if content_type != "image/avif":
        # libheif turns the picture itself.
        size, orientation = ((size[1], size[0]) if orientation >= 5 else size), 1
    return Content(
        ImageFacts(content_type, *size), _without_notes(data, boxes), orientation, profile=_profile(data, boxes),
        bytes_per_pixel=(_AVIF_BYTES if content_type == "image/avif" else _HEIC_BYTES)[not _is_plain(data, boxes)],
        is_animated=content_type == "image/avif" and b"avis" in data[8:64],
    )  # fmt: skip


def _inside(data: bytes, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """The boxes within a stretch of the file: name, and where what they hold begins and ends."""
    for _ in range(_MAX_BOXES):
        if start + 8 > end:
            return
        size, name = struct.unpack_from(">I4s", data, start)
        head = 8
        if size == 1:
            (size,) = struct.unpack_from(">Q", data, start + 8)
            head = 16
        stop = end if size == 0 else start + size
        if size and size < head:
            return
        yield name, start + head, min(stop, end)
        start = stop


def _read_meta(data: bytes, start: int, end: int, boxes: _Boxes) -> None:
    for name, begin, stop in _inside(data, start, end):
        if name == b"pitm":
            boxes.primary = struct.unpack_from(">I" if data[begin] else ">H", data, begin + 4)[0]
        elif name == b"iinf":
            _read_items(data, begin, stop, boxes)
        elif name == b"iloc":
            _read_places(data, begin, boxes)
        elif name == b"idat":
            boxes.idat = begin
        elif name == b"iref":
            _read_references(data, begin, stop, boxes)
        elif name == b"iprp":
            for inner, first, last in _inside(data, begin, stop):
                if inner == b"ipco":
                    boxes.properties = list(_inside(data, first, last))
                elif inner == b"ipma":
                    _read_associations(data, first, boxes)


def _read_items(data: bytes, begin: int, stop: int, boxes: _Boxes) -> None:
    for name, first, _ in _inside(data, begin + (8 if data[begin] else 6), stop):
        if name == b"infe" and data[first] in (2, 3):
            wide = data[first] == 3
            (item,) = struct.unpack_from(">I" if wide else ">H", data, first + 4)
            at = first + (10 if wide else 8)
            boxes.types[item] = data[at : at + 4]
            if boxes.types[item] in (b"Exif", b"mime"):
                boxes.notes.append(at)


def _read_places(data: bytes, begin: int, boxes: _Boxes) -> None:
    """Of the first stretch of each item (ISO/IEC 14496-12, 8.11.3)."""
    version = data[begin]
    offset_bytes, length_bytes, base_bytes = data[begin + 4] >> 4, data[begin + 4] & 15, data[begin + 5] >> 4
    index_bytes = data[begin + 5] & 15 if version else 0
    id_bytes, at = (4 if version == 2 else 2), begin + 6
    count, at = _number(data, at, id_bytes)
    for _ in range(min(count, MAX_ITEMS)):
        item, at = _number(data, at, id_bytes)
        method, at = _number(data, at, 2) if version else (0, at)
        base, at = _number(data, at + 2, base_bytes)
        extents, at = _number(data, at, 2)
        offset, _ = _number(data, at + index_bytes, offset_bytes)
        boxes.begins[item] = (base + offset, method & 15 == 1)
        at += extents * (index_bytes + offset_bytes + length_bytes)


def _number(data: bytes, at: int, size: int) -> tuple[int, int]:
    """And where what follows it begins."""
    return int.from_bytes(data[at : at + size], "big"), at + size


def _read_references(data: bytes, begin: int, stop: int, boxes: _Boxes) -> None:
    one, size = (">I", 4) if data[begin] else (">H", 2)
    for name, first, _ in _inside(data, begin + 4, stop):
        if name == b"dimg":
            (item,) = struct.unpack_from(one, data, first)
            (count,) = struct.unpack_from(">H", data, first + size)
            places = range(first + size + 2, first + size + 2 + count * size, size)
            boxes.tiles[item] = [struct.unpack_from(one, data, at)[0] for at in places]


def _read_associations(data: bytes, first: int, boxes: _Boxes) -> None:
    version, is_wide = data[first], data[first + 3] & 1
    (count,) = struct.unpack_from(">I", data, first + 4)
    at = first + 8
    for _ in range(min(count, MAX_ITEMS + 1)):
        (item,) = struct.unpack_from(">I" if version else ">H", data, at)
        at += 4 if version else 2
        number, at = data[at], at + 1
        step = 2 if is_wide else 1
        for place in range(at, at + number * step, step):
            index = struct.unpack_from(">H", data, place)[0] & 0x7FFF if is_wide else data[place] & 0x7F
            boxes.has.setdefault(item, []).append(index)
        at += number * step


def _properties(boxes: _Boxes, item: int | None) -> Iterator[tuple[bytes, int, int]]:
    for index in boxes.has.get(item or 0, ()):
        if 1 <= index <= len(boxes.properties):
            yield boxes.properties[index - 1]


def _size(data: bytes, boxes: _Boxes, item: int) -> tuple[int, int] | None:
    sizes = (struct.unpack_from(">II", data, first + 4) for name, first, _ in _properties(boxes, item) if name == b"ispe")
    return next(sizes, None)


def _require_bounded(data: bytes, boxes: _Boxes, size: tuple[int, int]) -> None:
    """Tiles may be many, and one may stand for many. Raises ProblemError."""
    tiles = boxes.tiles.get(boxes.primary or 0, [])
    if len(tiles) > MAX_TILES or any(boxes.tiles.get(tile) for tile in tiles):
        raise ProblemError(unsupported("too_complex"))
    known = {tile: _size(data, boxes, tile) or (0, 0) for tile in set(tiles)}
    pixels = sum(known[tile][0] * known[tile][1] for tile in tiles)
    # The last row and column of tiles may stand over.
    widest = max((width for width, _ in known.values()), default=0)
    tallest = max((height for _, height in known.values()), default=0)
    if tiles and pixels > MAX_TILED_PIXELS * (size[0] + widest) * (size[1] + tallest):
        raise ProblemError(unsupported("too_complex"))


def _require_coded(data: bytes, boxes: _Boxes, size: tuple[int, int]) -> None:
    """That what is coded is not much larger than the boxes say: libavif decodes up to 268 megapixels and then makes them fit, as
    Chromium does (libheif looks by itself). Raises ProblemError and what coded_size does."""
    for item, (begin, is_inside) in boxes.begins.items():
        if boxes.types.get(item) == b"av01":
            _require_near(data, begin + (boxes.idat if is_inside else 0), _size(data, boxes, item) or size)
    for number, begin in enumerate(_tracks(data, 0, len(data), list(_TRACK))):
        if number == MAX_ITEMS:
            raise ProblemError(unsupported("too_complex"))
        _require_near(data, begin, size)


def _require_near(data: bytes, begin: int, told: tuple[int, int]) -> None:
    width, height = coded_size(data[begin : begin + _CODED_BYTES])
    if width * height > MAX_TILED_PIXELS * told[0] * told[1]:
        raise ProblemError(unsupported("too_complex"))


_CODED_BYTES = 256
_TRACK = (b"moov", b"trak", b"mdia", b"minf", b"stbl")


def _tracks(data: bytes, start: int, end: int, path: list[bytes]) -> Iterator[int]:
    """Where the first frame of each track lies (ISO/IEC 14496-12, 8.7.5)."""
    for name, first, stop in _inside(data, start, end):
        if path and name == path[0]:
            yield from _tracks(data, first, stop, path[1:])
        elif not path and name in (b"stco", b"co64"):
            yield _number(data, first + 8, 4 if name == b"stco" else 8)[0]


#: Quarters against the clock, and then no mirror, top for bottom, or left for right: as EXIF numbers it.
_TURNS = {0: (1, 4, 2), 1: (8, 5, 7), 2: (3, 2, 4), 3: (6, 7, 5)}


def _orientation(data: bytes, boxes: _Boxes) -> int:
    """By `irot` and `imir`, which come in this order (ISO/IEC 23000-22, 7.3.6.7)."""
    told = {name: data[first] for name, first, _ in _properties(boxes, boxes.primary) if name in (b"irot", b"imir")}
    mirror = 1 + (told[b"imir"] & 1) if b"imir" in told else 0
    return _TURNS[told.get(b"irot", 0) & 3][mirror]


def _profile(data: bytes, boxes: _Boxes) -> bytes | None:
    """Of the primary picture: an ICC profile where there is one, else what its code points say."""
    told: bytes | None = None
    # A picture of tiles may leave it to them.
    items = [boxes.primary, *boxes.tiles.get(boxes.primary or 0, [])[:1]]
    for item in items:
        for name, first, stop in _properties(boxes, item):
            if name == b"colr" and data[first : first + 4] in (b"prof", b"rICC"):
                return data[first + 4 : stop]
            if name == b"colr" and data[first : first + 4] == b"nclx" and told is None:
                told = profiles.of_nclx(*struct.unpack_from(">HH", data, first + 4))
    return told


def _is_plain(data: bytes, boxes: _Boxes) -> bool:
    """Whether all that the file holds is of 8 bits and 4:2:0 or grey, and nothing of it is alpha; by the decoders' configurations
    (ISO/IEC 14496-15, 8.3.3.1; av1-isobmff, 2.3.3)."""
    for name, first, stop in boxes.properties:
        if name == b"hvcC" and (data[first + 16] & 3 > 1 or data[first + 17] & 7):
            return False
        # Two of its bits say that both directions of colour are halved, one that a channel has more than 8.
        if name == b"av1C" and (data[first + 2] & 0x0C != 0x0C or data[first + 2] & 0x40):
            return False
        if name == b"auxC" and data[first + 4 : stop].rstrip(b"\0") in _ALPHA:
            return False
    return True


def _without_notes(data: bytes, boxes: _Boxes) -> bytes:
    if not boxes.notes:
        return data
    renamed = bytearray(data)
    for at in boxes.notes:
        renamed[at : at + 4] = b"skip"
    return bytes(renamed)
