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
from shared.pictures.limits import FREE_PIXELS, MAX_ENTRIES, MAX_ITEMS, MAX_TILED_PIXELS, MAX_TILES

_ALPHA = (b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha", b"urn:mpeg:hevc:2015:auxid:1")
#: Of items: coded pictures, and those that are made of tiles.
_DECODED = (b"hvc1", b"av01", b"grid")
#: What most encoders write (8 bits, 4:2:0, opaque), and everything else.
_AVIF_BYTES, _HEIC_BYTES = (9.2, 17.0), (7.5, 14.0)


class _File:
    """A file of boxes, of which so many are read, and of the entries of their tables, and no more: a table may be told to be much
    longer than the box that it stands in."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self._left = MAX_ENTRIES

    def counted(self, entries: int = 1) -> int:
        """Raises ProblemError."""
        self._left -= entries
        if self._left < 0:
            raise ProblemError(unsupported("too_complex"))
        return entries

    def inside(self, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
        """The boxes within a stretch of the file: name, and where what they hold begins and ends."""
        while start + 8 <= end:
            self.counted()
            size, name = struct.unpack_from(">I4s", self.data, start)
            head = 8
            if size == 1:
                (size,) = struct.unpack_from(">Q", self.data, start + 8)
                head = 16
            stop = end if size == 0 else start + size
            if size and size < head:
                return
            yield name, start + head, min(stop, end)
            start = stop

    def table(self, begin: int, stop: int) -> "_Table":
        return _Table(self.data, begin, stop)


class _Table:
    """The numbers of a box, one after the other."""

    def __init__(self, data: bytes, begin: int, stop: int) -> None:
        self._data, self.at, self._stop = data, begin, stop

    def number(self, size: int) -> int:
        """Of so many bytes. Raises ValueError behind the end of the box."""
        end = self.at + size
        if end > self._stop:
            raise ValueError("a table is longer than its box")
        self.at, at = end, self.at
        return int.from_bytes(self._data[at:end], "big")


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
    #: The stretches of an item's bytes, from where and how long: within the file, or (True) within `idat`.
    places: dict[int, tuple[bool, list[tuple[int, int]]]] = field(default_factory=dict)
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
    boxes, file = _Boxes(), _File(data)
    meta = next((place for name, *place in file.inside(0, len(data)) if name == b"meta"), None)
    if meta is not None:
        _read_meta(file, meta[0] + 4, meta[1], boxes)
    if boxes.primary is None or len(boxes.types) > MAX_ITEMS:
        raise ProblemError(unsupported("too_complex" if len(boxes.types) > MAX_ITEMS else "damaged"))
    if boxes.types.get(boxes.primary) not in _DECODED:
        # What is made of several pictures, laid over one another, has a canvas of its own.
        raise ProblemError(unsupported("heif_other"))
    size = _size(data, boxes, boxes.primary)
    if size is None or 0 in size:
        raise ProblemError(unsupported("damaged"))
    _require_bounded(data, boxes, size)
    _require_canvases(data, boxes, size)
    if content_type == "image/avif":
        _require_coded(file, boxes, size)
    orientation = _orientation(data, boxes)
    if content_type != "image/avif":
        # libheif turns the picture itself.
        size, orientation = ((size[1], size[0]) if orientation >= 5 else size), 1
    return Content(
        ImageFacts(content_type, *size), _without_notes(file, boxes), orientation, profile=_profile(data, boxes),
        bytes_per_pixel=(_AVIF_BYTES if content_type == "image/avif" else _HEIC_BYTES)[not _is_plain(data, boxes)],
    )  # fmt: skip


def _read_meta(file: _File, start: int, end: int, boxes: _Boxes) -> None:
    for name, begin, stop in file.inside(start, end):
        if name == b"pitm":
            # After four bytes, as in all of these: version and flags.
            boxes.primary = file.table(begin + 4, stop).number(4 if file.data[begin] else 2)
        elif name == b"iinf":
            _read_items(file, begin, stop, boxes)
        elif name == b"iloc":
            _read_places(file, begin, stop, boxes)
        elif name == b"idat":
            boxes.idat = begin
        elif name == b"iref":
            _read_references(file, begin, stop, boxes)
        elif name == b"iprp":
            for inner, first, last in file.inside(begin, stop):
                if inner == b"ipco":
                    boxes.properties = list(file.inside(first, last))
                elif inner == b"ipma":
                    _read_associations(file, first, last, boxes)


def _read_items(file: _File, begin: int, stop: int, boxes: _Boxes) -> None:
    for name, first, last in file.inside(begin + (8 if file.data[begin] else 6), stop):
        if name == b"infe" and file.data[first] in (2, 3):
            table = file.table(first + 4, last)
            item = table.number(4 if file.data[first] == 3 else 2)
            # How it is protected.
            table.number(2)
            boxes.types[item] = file.data[table.at : table.at + 4]
            if boxes.types[item] in (b"Exif", b"mime"):
                boxes.notes.append(table.at)


def _read_places(file: _File, begin: int, stop: int, boxes: _Boxes) -> None:
    """Where each item's bytes lie (ISO/IEC 14496-12, 8.11.3)."""
    version, table = file.data[begin], file.table(begin + 4, stop)
    sizes = table.number(2)
    offset_bytes, length_bytes, base_bytes = sizes >> 12, sizes >> 8 & 15, sizes >> 4 & 15
    index_bytes = sizes & 15 if version else 0
    id_bytes = 4 if version == 2 else 2
    for _ in range(file.counted(table.number(id_bytes))):
        item = table.number(id_bytes)
        method = table.number(2) if version else 0
        table.number(2)
        base, stretches = table.number(base_bytes), []
        for _ in range(file.counted(table.number(2))):
            table.number(index_bytes)
            offset = table.number(offset_bytes)
            stretches.append((base + offset, table.number(length_bytes)))
        boxes.places[item] = (method & 15 == 1, stretches)


def _read_references(file: _File, begin: int, stop: int, boxes: _Boxes) -> None:
    size = 4 if file.data[begin] else 2
    for name, first, last in file.inside(begin + 4, stop):
        if name == b"dimg":
            table = file.table(first, last)
            item = table.number(size)
            boxes.tiles[item] = [table.number(size) for _ in range(file.counted(table.number(2)))]


def _read_associations(file: _File, first: int, last: int, boxes: _Boxes) -> None:
    version, is_wide, table = file.data[first], file.data[first + 3] & 1, file.table(first + 4, last)
    for _ in range(file.counted(table.number(4))):
        item = table.number(4 if version else 2)
        for _ in range(file.counted(table.number(1))):
            index = table.number(2) & 0x7FFF if is_wide else table.number(1) & 0x7F
            boxes.has.setdefault(item, []).append(index)


def _properties(boxes: _Boxes, item: int | None) -> Iterator[tuple[bytes, int, int]]:
    for index in boxes.has.get(item or 0, ()):
        if 1 <= index <= len(boxes.properties):
            yield boxes.properties[index - 1]


def _size(data: bytes, boxes: _Boxes, item: int) -> tuple[int, int] | None:
    sizes = (struct.unpack_from(">II", data, first + 4) for name, first, _ in _properties(boxes, item) if name == b"ispe")
    return next(sizes, None)


def _most(size: tuple[int, int]) -> float:
    """Pixels that any picture of the file may have beside one of this size."""
    return max(MAX_TILED_PIXELS * size[0] * size[1], FREE_PIXELS)


def _require_bounded(data: bytes, boxes: _Boxes, size: tuple[int, int]) -> None:
    """Alpha and tiles are decoded with the picture: none may be much larger, tiles may be many, and one may stand for many.
    Raises ProblemError."""
    sizes = {item: _size(data, boxes, item) or (0, 0) for item, kind in boxes.types.items() if kind in _DECODED}
    if any(width * height > _most(size) for width, height in sizes.values()):
        raise ProblemError(unsupported("too_complex"))
    for item, tiles in boxes.tiles.items():
        if boxes.types.get(item) != b"grid":
            continue
        if len(tiles) > MAX_TILES or any(boxes.types.get(tile) == b"grid" for tile in tiles):
            raise ProblemError(unsupported("too_complex"))
        known = [sizes.get(tile, (0, 0)) for tile in tiles]
        # The last row and column of tiles may stand over.
        whole = size[0] + max((width for width, _ in known), default=0), size[1] + max((height for _, height in known), default=0)
        if sum(width * height for width, height in known) > MAX_TILED_PIXELS * whole[0] * whole[1]:
            raise ProblemError(unsupported("too_complex"))


def _require_canvases(data: bytes, boxes: _Boxes, size: tuple[int, int]) -> None:
    """That what tiles are put on is not much larger than the boxes say: a decoder goes by what the item itself says (ISO/IEC
    23008-12, 6.6.2.3). Raises ProblemError, and struct.error."""
    for item, kind in boxes.types.items():
        if kind == b"grid":
            canvas = _bytes_of(data, boxes, item)
            width, height = struct.unpack_from(">II" if canvas[1] & 1 else ">HH", canvas, 4)
            if width * height > _most(size):
                raise ProblemError(unsupported("too_complex"))


def _require_coded(file: _File, boxes: _Boxes, size: tuple[int, int]) -> None:
    """That what is coded is not much larger than the boxes say: libavif decodes up to 268 megapixels and then makes them fit, as
    Chromium does (libheif looks by itself). Raises ProblemError and what coded_size does."""
    for item in boxes.places:
        if boxes.types.get(item) != b"av01":
            continue
        width, height = coded_size(_bytes_of(file.data, boxes, item), file.counted)
        told = _size(file.data, boxes, item) or size
        if width * height > min(_most(size), MAX_TILED_PIXELS * told[0] * told[1]):
            raise ProblemError(unsupported("too_complex"))


def _bytes_of(data: bytes, boxes: _Boxes, item: int) -> bytes:
    """All that is coded of it. Raises LookupError, and ProblemError where its stretches lie over one another again and again."""
    is_inside, stretches = boxes.places[item]
    start = boxes.idat if is_inside else 0
    # One without a length goes on to the end.
    places = [(start + offset, start + offset + length if length else len(data)) for offset, length in stretches]
    if sum(min(end, len(data)) - begin for begin, end in places) > len(data):
        raise ProblemError(unsupported("too_complex"))
    return b"".join(data[begin:end] for begin, end in places)


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


def _without_notes(file: _File, boxes: _Boxes) -> bytes:
    """And without the tracks of a sequence, whose primary picture is the one that is shown: of each track any frame may be of
    another size."""
    renamed = bytearray(file.data)
    for at in boxes.notes:
        renamed[at : at + 4] = b"skip"
    for name, begin, stop in file.inside(0, len(renamed)):
        if name == b"moov":
            at = renamed.rindex(b"moov", 0, begin)
            renamed[at : at + 4] = b"skip"
        elif name == b"ftyp":
            renamed[begin:stop] = renamed[begin:stop].replace(b"avis", b"avif")
    return bytes(renamed)
