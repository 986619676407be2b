"""JPEGs that every decoder takes and shows alike: the baseline process of ITU-T T.81 (annex F) with the colours of JFIF.

Told by structure, of a file that was taken apart (jpeg.py). Whatever is unusual makes one uncommon, so that nothing can hide in
it: what is not common is decoded and encoded anew.
"""

from collections.abc import Callable, Iterator

_SOF0, _DHT, _SOS, _DQT, _APP0, _APP14 = 0xC0, 0xC4, 0xDA, 0xDB, 0xE0, 0xEE
#: Of luma, beside one sample of each colour: a pixel, two in a row, four.
_SAMPLING = (0x11, 0x21, 0x22)


class _UncommonError(Exception):
    pass


def is_common(pixels: bytes) -> bool:
    """Whether it is one whole scan of YCbCr in 8 bits with Huffman codes, with the tables for that and no others. Its codes are
    not looked at (decoding.holds_just)."""
    try:
        _check(pixels)
    except (_UncommonError, IndexError):
        return False
    return True


def _check(pixels: bytes) -> None:
    quantizers: list[int] = []
    codes: list[int] = []
    frame = b""
    for marker, body in _segments(pixels):
        if marker == _DQT:
            quantizers += _tables(body, lambda body, at: 64)
        elif marker == _DHT:
            codes += _tables(body, lambda body, at: 16 + sum(body[at : at + 16]))
        elif marker == _SOF0:
            _require(not frame)
            frame = body
        elif marker == _SOS:
            _require((sorted(quantizers), sorted(codes)) == _used(frame, body))
            _require(pixels.endswith(b"\xff\xd9"))
            return
        elif marker == _APP14:
            # 0: red, green and blue; 2: of inks.
            _require(body[11] == 1)
        else:
            _require(marker == _APP0)
    raise _UncommonError


def _segments(pixels: bytes) -> Iterator[tuple[int, bytes]]:
    at = 2
    while True:
        _require(pixels[at] == 0xFF)
        end = at + 2 + int.from_bytes(pixels[at + 2 : at + 4], "big")
        _require(end > at + 3)
        yield pixels[at + 1], pixels[at + 4 : end]
        at = end


def _tables(body: bytes, size: Callable[[bytes, int], int]) -> Iterator[int]:
    """The numbers of the tables of a segment; of a quantizer's 16 bits are uncommon."""
    _require(body)
    at = 0
    while at < len(body):
        yield body[at]
        at += 1 + size(body, at + 1)
    _require(at == len(body))


def _used(frame: bytes, scan: bytes) -> tuple[list[int], list[int]]:
    """The numbers of the tables that a frame and its one scan name."""
    _require(len(frame) == 15 and frame[0] == 8 and frame[5] == 3 and len(scan) == 10 and scan[0] == 3)
    parts = [frame[at : at + 3] for at in (6, 9, 12)]
    named = [scan[at : at + 2] for at in (1, 3, 5)]
    _require([part[0] for part in parts] == [1, 2, 3] == [name[0] for name in named])
    _require(parts[0][1] in _SAMPLING and parts[1][1] == parts[2][1] == 0x11)
    # All coefficients, to the last bit.
    _require(scan[7:] == b"\0\x3f\0")
    codes = {name[1] >> 4 for name in named} | {0x10 | (name[1] & 15) for name in named}
    return sorted({part[2] for part in parts}), sorted(codes)


def _require(holds: object) -> None:
    if not holds:
        raise _UncommonError
