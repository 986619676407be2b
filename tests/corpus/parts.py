"""Files as their parts: PNG chunks, JPEG segments, RIFF chunks, boxes of AVIF and HEIC, blocks of a GIF; and back to bytes.

Whatever cannot be read as parts is one part, so that what was mutated can be mutated again. `b"".join` of the parts is the file.
"""

import struct
import zlib
from dataclasses import dataclass, replace

from tests.corpus.raw import PNG_SIGNATURE

#: Boxes that hold boxes, and how many bytes of their own come first (ISO/IEC 14496-12, 23008-12).
_HOLDERS = {
    b"meta": 4,
    b"iprp": 0,
    b"ipco": 0,
    b"moov": 0,
    b"trak": 0,
    b"mdia": 0,
    b"minf": 0,
    b"stbl": 0,
    b"iref": 4,
    b"dinf": 0,
}


@dataclass(frozen=True)
class Part:
    """`head` and `tail` are what the format puts around `body`: a length and a name; a checksum."""

    name: str
    head: bytes
    body: bytes
    tail: bytes = b""

    def __bytes__(self) -> bytes:
        return self.head + self.body + self.tail

    def with_body(self, body: bytes) -> "Part":
        """Lengths and checksums are right again."""
        kind = self.name.split(":")[0]
        if kind == "png":
            name = self.head[4:8]
            return replace(
                self, head=struct.pack(">I", len(body)) + name, body=body, tail=struct.pack(">I", zlib.crc32(name + body))
            )
        if kind == "jpeg" and len(self.head) == 4:
            return replace(self, head=self.head[:2] + struct.pack(">H", min(65535, len(body) + 2)), body=body)
        if kind == "riff":
            return replace(self, head=self.head[:4] + struct.pack("<I", len(body)), body=body, tail=b"\0" * (len(body) % 2))
        if kind == "box" and self.head:
            return replace(self, head=struct.pack(">I", len(body) + 8) + self.head[4:8], body=body)
        return replace(self, body=body)


def split(data: bytes) -> list[Part]:
    if data.startswith(PNG_SIGNATURE):
        return _png(data)
    if data.startswith(b"\xff\xd8"):
        return _jpeg(data)
    if data[:4] == b"RIFF":
        return _riff(data)
    if data[:3] == b"GIF":
        return _gif(data)
    if data[4:8] == b"ftyp":
        return _boxes(data)
    return [Part("rest", b"", data)]


def join(parts: list[Part]) -> bytes:
    return b"".join(map(bytes, parts))


def _png(data: bytes) -> list[Part]:
    parts, at = [Part("signature", data[:8], b"")], 8
    while at + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, at)
        if at + 12 + length > len(data):
            break
        name = data[at + 4 : at + 8].decode("latin-1")
        body = at + 8
        parts.append(Part(f"png:{name}", data[at:body], data[body : body + length], data[body + length : body + length + 4]))
        at = body + length + 4
    return parts + _rest(data, at)


def _jpeg(data: bytes) -> list[Part]:
    parts, at = [Part("jpeg:d8", data[:2], b"")], 2
    while at + 2 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xD9 or at + 4 > len(data):
            parts.append(Part(f"jpeg:{marker:02x}", data[at : at + 2], b""))
            at += 2
            break
        (length,) = struct.unpack_from(">H", data, at + 2)
        end = at + 2 + length
        if length < 2 or end > len(data):
            break
        parts.append(Part(f"jpeg:{marker:02x}", data[at : at + 4], data[at + 4 : end]))
        at = end
        if marker == 0xDA:
            while at + 1 < len(data) and not (data[at] == 0xFF and data[at + 1] != 0 and not 0xD0 <= data[at + 1] <= 0xD7):
                at += 1
            parts.append(Part("jpeg:scan", b"", data[end:at]))
    return parts + _rest(data, at)


def _riff(data: bytes) -> list[Part]:
    parts, at = [Part("riff-header", data[:12], b"")], 12
    while at + 8 <= len(data):
        name, length = data[at : at + 4], struct.unpack_from("<I", data, at + 4)[0]
        end = at + 8 + length
        if end > len(data):
            break
        parts.append(Part(f"riff:{name.decode('latin-1')}", data[at : at + 8], data[at + 8 : end], data[end : end + length % 2]))
        at = end + length % 2
    return parts + _rest(data, at)


def _boxes(data: bytes) -> list[Part]:
    """Flat: a box that holds boxes is a part for what is its own, followed by those within. Its length is not mended."""
    parts: list[Part] = []

    def walk(at: int, end: int) -> None:
        while at + 8 <= end:
            length, name = struct.unpack_from(">I4s", data, at)
            if length < 8 or at + length > end:
                break
            own = _HOLDERS.get(name)
            label = f"box:{name.decode('latin-1')}"
            if own is None or own + 8 > length:
                parts.append(Part(label, data[at : at + 8], data[at + 8 : at + length]))
            else:
                parts.append(Part(label, b"", data[at : at + 8 + own]))
                walk(at + 8 + own, at + length)
            at += length
        if at < end:
            parts.append(Part("rest", b"", data[at:end]))

    walk(0, len(data))
    return parts


def _gif(data: bytes) -> list[Part]:
    flags = data[10] if len(data) > 10 else 0
    at = 13 + (3 << (flags & 7) + 1 if flags & 0x80 else 0)
    parts = [Part("gif:header", b"", data[:13]), Part("gif:palette", b"", data[13:at])]

    def blocks(begin: int) -> int:
        while begin < len(data) and data[begin]:
            begin += 1 + data[begin]
        return begin + 1

    while at < len(data):
        if data[at] == 0x21:
            end = blocks(at + 2)
            parts.append(Part("gif:extension", data[at : at + 2], data[at + 2 : end]))
        elif data[at] == 0x2C and at + 10 < len(data):
            flags = data[at + 9]
            palette = at + 10 + (3 << (flags & 7) + 1 if flags & 0x80 else 0)
            end = blocks(palette + 1)
            parts.append(Part("gif:image", data[at : at + 10], data[at + 10 : end]))
        elif data[at] == 0x3B:
            parts.append(Part("gif:end", data[at : at + 1], b""))
            end = at + 1
        else:
            break
        at = end
    return parts + _rest(data, at)


def _rest(data: bytes, at: int) -> list[Part]:
    return [Part("rest", b"", data[at:])] if at < len(data) else []
