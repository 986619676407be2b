"""What of a GIF decides its pixels: its frames and how each is shown (GIF89a, https://www.w3.org/Graphics/GIF/spec-gif89a.txt).

Everything else is left out, and so are the frames that nobody looks at: a comment that has no end costs nothing.
"""

import re
import struct

from shared.domain.problem import ProblemError, unsupported
from shared.pictures.facts import Content, Frame, ImageFacts
from shared.pictures.limits import MAX_FRAMES, MAX_PARTS

_EXTENSION, _IMAGE = 0x21, 0x2C
#: The label of a graphic control extension with the length of its only block.
_CONTROL = b"\xf9\x04"
#: What may come next: an extension, an image or the end.
_NEXT = re.compile(rb"[!,;]")


def read(data: bytes) -> Content:
    """The canvas is at least as large as its first frame, as Chromium and Pillow show it. Of a later frame that reaches over it
    Chromium cuts off what Pillow would make room for, however much that is: here the animation ends before it.

    Raises ProblemError (`unsupported_image`).
    """
    width, height, flags = struct.unpack_from("<HHB", data, 6)
    at = 13 + _palette_bytes(flags)
    kept, control = [data[:at]], b""
    frames: list[Frame] = []
    for _ in range(MAX_PARTS):
        found = _NEXT.search(data, at)
        if found is None or found[0] == b";" or len(frames) == MAX_FRAMES:
            break
        at = found.start()
        if data[at] == _EXTENSION:
            end = _end(data, at + 2)
            if data[at + 1 : at + 3] == _CONTROL:
                control = data[at:end]
        else:
            left, top, wide, high, flags = struct.unpack_from("<4HB", data, at + 1)
            if not frames:
                width, height = max(width, left + wide), max(height, top + high)
            elif left + wide > width or top + high > height:
                break
            # Ten bytes describe it, and one is how long its codes are.
            end = _end(data, at + 10 + _palette_bytes(flags) + 1)
            kept += [control, data[at:end]]
            # Bits 2 to 4 of the control's flags.
            disposal = control[3] >> 2 & 7 if len(control) > 3 else 0
            frames.append(Frame((left, top, left + wide, top + high), disposal))
            control = b""
        at = end
    else:
        raise ProblemError(unsupported("too_complex"))
    if not (frames and width and height):
        raise ProblemError(unsupported("damaged"))
    return Content(
        ImageFacts("image/gif", width, height), b"".join(kept), is_animated=True, frames=tuple(frames), bytes_per_pixel=18.0
    )


def _palette_bytes(flags: int) -> int:
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _end(data: bytes, at: int) -> int:
    """Behind the blocks that begin here, each of which tells its length; or of the file, where that comes first."""
    while at < len(data) and data[at]:
        at += 1 + data[at]
    return at + 1
