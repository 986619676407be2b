"""The one thing of EXIF that decides how a picture looks: which way is up."""

import struct

_ORIENTATION, _SHORT = 0x0112, 3
_ENTRY_BYTES = 12


def orientation_of(exif: bytes) -> int:
    """1 to 8, from a TIFF structure (without the `Exif\\0\\0` of a JPEG); 1 where it says nothing that can be read.

    As browsers read it: of the first directory, a SHORT (EXIF 2.32, 4.6.2 and 4.6.5).
    """
    order = {b"II": "<", b"MM": ">"}.get(exif[:2])
    if order is None or len(exif) < 10 or struct.unpack_from(f"{order}H", exif, 2)[0] != 42:
        return 1
    (start,) = struct.unpack_from(f"{order}I", exif, 4)
    if start + 2 > len(exif):
        return 1
    (count,) = struct.unpack_from(f"{order}H", exif, start)
    for at in range(start + 2, min(start + 2 + count * _ENTRY_BYTES, len(exif) - _ENTRY_BYTES + 1), _ENTRY_BYTES):
        tag, kind, number = struct.unpack_from(f"{order}HHI", exif, at)
        if tag == _ORIENTATION and kind == _SHORT and number == 1:
            (value,) = struct.unpack_from(f"{order}H", exif, at + 8)
            return value if 1 <= value <= 8 else 1
    return 1
