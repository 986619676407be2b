"""What of a JPEG decides its pixels: tables, frame and scans (ITU-T T.81, annex B), its turn and its profile.

Everything else is left out, so a comment, a thumbnail, a note of a camera's that is broken or huge cannot refuse a picture.
"""

import re
import struct
from typing import NamedTuple

from shared.domain.problem import ProblemError, unsupported
from shared.pictures.exif import orientation_of
from shared.pictures.facts import Content, ImageFacts
from shared.pictures.limits import MAX_PARTS, MAX_PASSES

_SOI, _EOI, _SOS, _APP0, _APP1, _APP2, _APP14 = 0xD8, 0xD9, 0xDA, 0xE0, 0xE1, 0xE2, 0xEE
_STANDALONE = {0x01, *range(0xD0, 0xD9)}
_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
#: With arithmetic coding, which libjpeg decodes only of data that are all there (libjpeg.txt, "I/O suspension").
_ARITHMETIC = {*range(0xC9, 0xD0)}
_PROGRESSIVE = {0xC2, 0xC6, 0xCA, 0xCE}
#: DHT, DAC, DQT, DRI, DHP, EXP.
_TABLES = {0xC4, 0xCC, *range(0xDB, 0xE0)} - {0xDC}
#: What libjpeg takes for one: shorter ones are notes (jdmarker.c).
_ADOBE_BYTES, _JFIF_BYTES = 12, 14
#: Where the compressed data of a scan end: at a marker that neither is stuffed nor restarts. What fills before one (B.1.1.2) is
#: left to the scan: looking for where it begins takes the square of its length.
_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
#: Of the two bytes that fill behind its name Chromium looks at the first.
_EXIF, _EXIF_FILL, _ICC = b"Exif\0", 1, b"ICC_PROFILE\0"


class _Scan(NamedTuple):
    components: tuple[int, ...]
    first: int
    last: int
    #: The bit that it sends at last: 0 completes its coefficients.
    low: int


def read(data: bytes) -> Content:
    """Raises ProblemError (`unsupported_image`)."""
    kept: list[bytes] = [b"\xff\xd8"]
    scans: list[_Scan] = []
    pieces: dict[int, bytes] = {}
    frame: tuple[int, int, int, tuple[int, ...]] | None = None
    orientation, has_ended, at = 0, False, 2
    for _ in range(MAX_PARTS):
        found = _MARKER.search(data, at)
        if found is None:
            break
        marker, start = data[found.end() - 1], found.end()
        if marker == _EOI:
            has_ended = True
            kept.append(b"\xff\xd9")
            break
        if marker in _STANDALONE:
            at = start
            continue
        body = data[start + 2 : start + _length(data, start)]
        at = start + 2 + len(body)
        segment = b"\xff" + data[start - 1 : at]
        if marker in _FRAMES:
            frame = frame or _frame(marker, body)
            kept.append(segment)
        elif marker == _SOS:
            following = _MARKER.search(data, at)
            end = following.start() if following else len(data)
            scans.append(_scan(body))
            if len(scans) > MAX_PASSES:
                raise ProblemError(unsupported("too_complex"))
            kept += [segment, data[at:end]]
            at = end
            if (
                frame
                and frame[0] not in _PROGRESSIVE
                and set(frame[3]) <= set(scans[-1].components)
                and not _ends(data, following)
            ):
                # Of a scan more, or of another picture's, a decoder that goes over all once would say that the file is damaged.
                break
        elif marker in _TABLES:
            kept.append(segment)
        elif marker == _APP14 and body.startswith(b"Adobe") and len(body) >= _ADOBE_BYTES:
            # Says whether colours are YCbCr, or inks YCCK, and nothing else that counts.
            kept.append(b"\xff\xee\0\x0eAdobe\0\x64\0\0\0\0" + body[11:12])
        elif marker == _APP0 and body.startswith(b"JFIF\0") and len(body) >= _JFIF_BYTES:
            # Says that three components are YCbCr; what else it says, and its thumbnail, is of no use.
            kept.append(b"\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0")
        elif marker == _APP1 and body.startswith(_EXIF) and not orientation:
            orientation = orientation_of(body[len(_EXIF) + _EXIF_FILL :])
        elif marker == _APP2 and body.startswith(_ICC) and len(body) > len(_ICC) + 2:
            pieces[body[len(_ICC)]] = body[len(_ICC) + 1 :]
    else:
        raise ProblemError(unsupported("too_complex"))
    if frame is None or not scans:
        raise ProblemError(unsupported("damaged"))
    marker, width, height, components = frame
    breaks_off = not has_ended
    if breaks_off and not _is_complete(scans, components, is_progressive=marker in _PROGRESSIVE):
        raise ProblemError(unsupported("damaged"))
    if breaks_off:
        # Half a marker: with what a decoder is given next it would be another one.
        kept[-1] = kept[-1].rstrip(b"\xff")
    return Content(
        ImageFacts("image/jpeg", width, height), b"".join(kept), orientation or 1, _profile(pieces), passes=len(scans),
        bytes_per_pixel=_bytes_per_pixel(len(components), is_buffered=marker in _PROGRESSIVE or len(scans) > 1),
        breaks_off=breaks_off, in_one_piece=marker in _ARITHMETIC,
    )  # fmt: skip


def _ends(data: bytes, marker: re.Match[bytes] | None) -> bool:
    return marker is not None and data[marker.end() - 1] == _EOI


def _length(data: bytes, start: int) -> int:
    """Of a segment with its two bytes of length; one that says less has none."""
    return max(2, int.from_bytes(data[start : start + 2], "big"))


def _frame(marker: int, body: bytes) -> tuple[int, int, int, tuple[int, ...]]:
    if len(body) < 6 or len(body) < 6 + 3 * body[5]:
        raise ProblemError(unsupported("damaged"))
    height, width = struct.unpack_from(">HH", body, 1)
    if not width or not height:
        raise ProblemError(unsupported("damaged"))
    return marker, width, height, tuple(body[6 + 3 * n] for n in range(body[5]))


def _scan(body: bytes) -> _Scan:
    count = body[0] if body else 0
    if not 1 <= count <= 4 or len(body) < 1 + 2 * count + 3:
        raise ProblemError(unsupported("damaged"))
    first, last, bits = body[1 + 2 * count : 4 + 2 * count]
    if last > 63:
        raise ProblemError(unsupported("damaged"))
    return _Scan(tuple(body[1 + 2 * n] for n in range(count)), first, last, bits & 15)


def _is_complete(scans: list[_Scan], components: tuple[int, ...], *, is_progressive: bool) -> bool:
    """Whether the scans that begin would send every coefficient of every component to its last bit."""
    if not is_progressive:
        return set(components) <= {component for scan in scans for component in scan.components}
    sent = {
        (component, n)
        for scan in scans
        if scan.low == 0
        for component in scan.components
        for n in range(scan.first, scan.last + 1)
    }
    return all((component, n) in sent for component in components for n in range(64))


def _profile(pieces: dict[int, bytes]) -> bytes | None:
    """Of a profile that came in pieces (ICC.1:2022, B.4), each behind their number; one with a gap is none."""
    if not pieces or sorted(pieces) != list(range(1, len(pieces) + 1)):
        return None
    if any(piece[0] != len(pieces) for piece in pieces.values()):
        return None
    return b"".join(pieces[number][1:] for number in sorted(pieces))


def _bytes_per_pixel(components: int, *, is_buffered: bool) -> float:
    """What is sent in several scans is held as 16-bit coefficients until the last."""
    return 2.0 * components + 1.0 if is_buffered else 1.5
