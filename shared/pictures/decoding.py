"""From a file's bytes to pixels, one picture at a time, within a bounded time.

How many are decoded at once is what bounds the memory. Uploads have a lane of their own, so what a provider was paid for never
waits for one. Nor for the interpreter: decoders let go of it while they work (decision 18).
"""

import contextlib
import ctypes
import importlib
import importlib.util
import io
import struct
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from PIL import Image, ImageChops, ImageFile

from shared.domain.problem import ProblemError, unsupported
from shared.pictures import png
from shared.pictures.facts import PILLOW_FORMATS, Content
from shared.pictures.limits import CPU_SECONDS, MAX_FRAME_PIXELS, MAX_FRAMES
from shared.pictures.scaling import BAND_PIXELS, Bands, scaled

# Our own check by header comes first, so Pillow's guess at a bomb is not needed.
Image.MAX_IMAGE_PIXELS = None

#: What Pillow raises for files that are damaged: errors of its own, and those of code that trusts its file.
DAMAGE = (
    OSError, ValueError, SyntaxError, EOFError, struct.error, zlib.error, LookupError, TypeError, AttributeError, ArithmeticError,
    AssertionError, RuntimeError, SystemError, MemoryError,
)  # fmt: skip
_HEIF = ("image/heic", "image/heif")
#: Of a file at a time, so that the deadline is looked at between two reads: 60 empty passes of a JPEG.
_READ_BYTES = 4096
#: Of a large file more, since after each a thread waits for the interpreter: beside one that is busy a PNG of 8 MB took 1.9 s in
#: small reads, and 1.1 in these.
_READS = 64

#: One upload is decoded at a time; of results, which are small, two.
UPLOADS = threading.BoundedSemaphore(1)
RESULTS = threading.BoundedSemaphore(2)

#: mallopt(3), since the environment's MALLOC_* would come too late: on Flex Consumption the worker runs before it is told whose
#: app it serves. In bytes: by itself glibc moves this up to 32 MB once something large was freed, and takes what is smaller from
#: a heap that it does not give back. A process that had decoded some pictures kept 370 MB, and came to 540 with the next.
_OWN_PAGES_FROM = 1024 * 1024
_M_MMAP_THRESHOLD = -3
#: Heaps for all threads, of which glibc would make eight for each core: what one thread has freed no thread of another heap uses,
#: so a host with forty threads grew by 30 KB with each job while what it held stayed the same.
_HEAPS = 2
_M_ARENA_MAX = -8
with contextlib.suppress(AttributeError, OSError, TypeError):  # another system
    _mallopt = ctypes.CDLL(None).mallopt
    _mallopt(_M_MMAP_THRESHOLD, _OWN_PAGES_FROM)
    _mallopt(_M_ARENA_MAX, _HEAPS)


class TooSlow(Exception):
    """A decoder has worked for longer than any real picture takes."""


class _Bounded(io.BytesIO):
    """A file that is read in small parts until the time of the thread that reads it is over."""

    def __init__(self, data: bytes, seconds: float, clock: Callable[[], float]) -> None:
        super().__init__(data)
        self._clock = clock
        self._ends = clock() + seconds

    def read(self, size: int | None = -1) -> bytes:
        if self._clock() > self._ends:
            raise TooSlow
        return super().read(size)


def decoded(
    content: Content, size: tuple[int, int], seconds: float = CPU_SECONDS, clock: Callable[[], float] = time.thread_time
) -> tuple[Bands, int]:
    """The picture (of an animation its first frame that is not blank) and the number of its frame, from 0. A JPEG may come
    smaller than it is, but not smaller than `size`.

    Raises what Pillow raises of a file that is damaged (DAMAGE), and ProblemError (`unsupported_image`).
    """
    if content.facts.content_type in _HEIF:
        return _HeifBands(content.pixels), 0
    try:
        with _opened(content, seconds, clock, tail=_END if content.breaks_off else b"") as opened:
            return _loaded(opened, content, size, seconds, clock)
    except TooSlow as error:
        raise ProblemError(unsupported("too_complex")) from error


@contextlib.contextmanager
def _opened(content: Content, seconds: float, clock: Callable[[], float], tail: bytes = b"") -> Iterator[ImageFile.ImageFile]:
    file = _Bounded(content.pixels + tail, seconds, clock)
    with Image.open(file, formats=[PILLOW_FORMATS[content.facts.content_type]]) as opened:
        size = len(content.pixels) + len(tail)
        opened.decodermaxblock = size if content.in_one_piece else max(_READ_BYTES, size // _READS)
        yield opened


def _loaded(
    opened: ImageFile.ImageFile, content: Content, size: tuple[int, int], seconds: float, clock: Callable[[], float]
) -> tuple[Bands, int]:
    if content.is_animated:
        return _first_that_shows(opened, content)
    # Lets the JPEG decoder skip detail that would be scaled away: a quarter of the memory for big photos.
    opened.draft(None, size)
    low_bytes = _mask_of_low_bytes(content, seconds, clock) if _is_wide_rgb(content) else None
    opened.load()
    may_lack_codes = content.breaks_off or _ends_in_grey(opened, content)
    if _lacks_rows(opened, content) or (may_lack_codes and not _has_all_codes(opened, content, size, seconds, clock)):
        raise ProblemError(unsupported("damaged"))
    return _PillowBands(opened, content, low_bytes), 0


def _lacks_rows(opened: Image.Image, content: Content) -> bool:
    """Of a PNG Pillow takes the end of the data for the end of the picture, and leaves the rest at 0."""
    if content.facts.content_type != "image/png":
        return False
    last = opened.crop((0, opened.height - 1, *opened.size))
    return not last.tobytes().strip(b"\0") and not png.has_all_rows(content.pixels)


# ---- whether a JPEG has all its codes ----

#: What a decoder gets where a scan breaks off: of these bits no code is the same, so missing pixels become different ones.
_OTHER_TAIL = b"\xaa\x55\x2a" * 40
_END = b"\xff\xd9"
#: What libjpeg makes of codes that are not there (jdhuff.c: blocks of zeros), in colours and in inks.
_NO_CODES = {127, 128}
#: Without so many another picture comes of it: what the last ones tell may be a bit, of which nothing is seen.
_FEW_BYTES = 3


def _ends_in_grey(opened: Image.Image, content: Content) -> bool:
    """For the last eighth of its height: a wrong byte somewhere costs some blocks at the end, and such a picture is one."""
    if content.facts.content_type != "image/jpeg":
        return False
    return all(
        set(opened.crop((0, top, opened.width, top + 1)).tobytes()) <= _NO_CODES
        for top in range(opened.height - 1, opened.height * 7 // 8 - 1, -1)
    )


def _has_all_codes(
    opened: Image.Image, content: Content, size: tuple[int, int], seconds: float, clock: Callable[[], float]
) -> bool:
    """Whether the picture is the same whatever comes after its codes. If not, some of them are missing."""
    return _decodes_to(opened, content, _codes(content), size, seconds, clock)


def holds_just(content: Content, picture: Image.Image) -> bool:
    """Whether the codes of a JPEG that has its end are those of its picture, which is of its own size: none less, and no byte or
    two more.

    With other bytes behind them the picture is the same, and without the last ones it is another.
    """
    codes, within = _codes(content), (picture.size, CPU_SECONDS, time.thread_time)
    try:
        return _decodes_to(picture, content, codes, *within) and not _decodes_to(picture, content, codes[:-_FEW_BYTES], *within)
    except (*DAMAGE, TooSlow):
        return False


def _codes(content: Content) -> bytes:
    return content.pixels.removesuffix(_END)


def _decodes_to(
    picture: Image.Image, content: Content, codes: bytes, size: tuple[int, int], seconds: float, clock: Callable[[], float]
) -> bool:
    """Whether the picture comes of these codes (half a marker is none) and others behind them."""
    with _opened(replace(content, pixels=codes.rstrip(b"\xff")), seconds, clock, tail=_OTHER_TAIL + _END) as other:
        other.draft(None, size)
        other.load()
        return ImageChops.difference(picture, other).getbbox() is None


# ---- animations ----


def _first_that_shows(opened: ImageFile.ImageFile, content: Content) -> tuple[Bands, int]:
    """The first frame on which there is something; the very first where there is none."""
    # A PNG may hold a picture for those that show no animation, which is none of its frames.
    first = 1 if opened.info.get("default_image") else 0
    most = max(1, min(MAX_FRAMES, MAX_FRAME_PIXELS // (opened.width * opened.height)))
    for frame in range(first, first + most):
        try:
            opened.seek(frame)
            opened.load()
        except DAMAGE:
            if frame == first:
                raise
            break
        if frame == 0 and _lacks_rows(opened, content):
            raise ProblemError(unsupported("damaged"))
        bands = _of_frame(opened, content, frame)
        if not is_blank(scaled(bands, _thumb(opened.size))):
            return bands, frame - first
    opened.seek(0)
    opened.seek(first)
    opened.load()
    return _of_frame(opened, content, first), 0


def _of_frame(opened: ImageFile.ImageFile, content: Content, frame: int) -> "_PillowBands":
    """What no frame has painted is transparent, whatever Pillow fills it with."""
    if not content.frames or content.frames[frame].box == (0, 0, *opened.size):
        return _PillowBands(opened, content)
    painted = Image.new("L", opened.size)
    for former in content.frames[:frame]:
        if former.disposal in _STAYS:
            painted.paste(255, former.box)
        elif former.disposal == _CLEARS:
            painted.paste(0, former.box)
    painted.paste(255, content.frames[frame].box)
    if painted.getextrema() == (255, 255):
        return _PillowBands(opened, content)
    seen = opened.convert("RGBA")
    seen.putalpha(ImageChops.darker(seen.getchannel("A"), painted))
    return _PillowBands(seen)


#: Disposals of a frame: it is left, or its place is cleared; else what was there comes back.
_STAYS, _CLEARS = (0, 1), 2


def _thumb(size: tuple[int, int]) -> tuple[int, int]:
    scale = min(1.0, _LOOK_PX / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


_LOOK_PX = 512
#: Of 255: what an encoder makes of one colour.
HAIR = 4


def is_blank(picture: Image.Image) -> bool:
    """Whether all of it is transparent, or within a hair of one colour."""
    if picture.mode == "RGBA":
        low, high = _range(picture.getchannel("A").histogram())
        if high == 0:
            return True
        if high - low > HAIR:
            return False
        picture = picture.convert("RGB")
    counts = picture.histogram()
    ranges = (_range(counts[start : start + 256]) for start in range(0, len(counts), 256))
    return all(high - low <= HAIR for low, high in ranges)


def _range(counts: list[int]) -> tuple[int, int]:
    """The darkest and the lightest of a channel of 8 bits."""
    used = [value for value, count in enumerate(counts) if count]
    return used[0], used[-1]


# ---- bands ----


class _PillowBands:
    """`low_bytes`: where the lower halves of 16-bit colours are those of the transparent one."""

    def __init__(self, picture: Image.Image, content: Content | None = None, low_bytes: Image.Image | None = None) -> None:
        self._picture = picture
        self._low_bytes = low_bytes
        self._transparent = content.transparent if content else None
        self._depth = _depth(content) if self._transparent and content else 8
        self.size = picture.size

    @property
    def whole(self) -> Image.Image | None:
        is_plain = self._transparent is None and self._picture.mode != "RGBA" and _is_plain(self._picture)
        return self._picture if is_plain else None

    def band(self, top: int, bottom: int) -> Image.Image:
        width, height = self.size
        box = (0, top, width, bottom)
        band = self._picture if (top, bottom) == (0, height) else self._picture.crop(box)
        if self._transparent is None:
            return _plain(band)
        hidden = _hidden(band, self._transparent, self._depth)
        if self._low_bytes is not None:
            hidden = ImageChops.darker(hidden, self._low_bytes.crop(box))
        seen = _plain(band).convert("RGB")
        seen.putalpha(ImageChops.invert(hidden))
        return seen


def _plain(band: Image.Image) -> Image.Image:
    """L, RGB, CMYK or RGBA."""
    if band.mode.startswith("I;16"):
        # Pillow would cut 16-bit greys off at 255: all but black would turn white.
        return band.point(lambda grey: grey * (1 / 257)).convert("L")
    if _is_plain(band):
        return band
    if band.mode == "1":
        return band.convert("L")
    return band.convert("RGBA" if band.has_transparency_data else "RGB")


def _is_plain(picture: Image.Image) -> bool:
    return picture.mode in ("L", "RGBA", "CMYK") or (picture.mode == "RGB" and "transparency" not in picture.info)


def _depth(content: Content) -> int:
    """Bits of a channel, from a PNG's header."""
    return content.pixels[24]


def _is_wide_rgb(content: Content) -> bool:
    return content.transparent is not None and len(content.transparent) == 3 and _depth(content) == 16


def _hidden(band: Image.Image, transparent: tuple[int, ...], depth: int) -> Image.Image:
    """White where a picture has the colour that its file declares transparent."""
    if depth == 16 and len(transparent) == 1:
        # Every grey is two bytes, the lower first: seen as two channels they can be compared.
        halves = Image.frombytes("LA", band.size, band.tobytes())
        return _all_equal(halves.split(), (transparent[0] & 255, transparent[0] >> 8))
    if depth == 16:
        return _all_equal(band.split(), tuple(value >> 8 for value in transparent))
    # Fewer bits are spread over the whole range.
    most = 2**depth - 1
    channels = band.convert("L").split() if band.mode == "1" else band.split()
    return _all_equal(channels, tuple(round((value & most) * 255 / most) for value in transparent))


def _all_equal(channels: tuple[Image.Image, ...], wanted: tuple[int, ...]) -> Image.Image:
    found = [channel.point([255 * (value == one) for value in range(256)]) for channel, one in zip(channels, wanted, strict=True)]
    hidden = found[0]
    for other in found[1:]:
        hidden = ImageChops.darker(hidden, other)
    return hidden


def _mask_of_low_bytes(content: Content, seconds: float, clock: Callable[[], float]) -> Image.Image:
    """Pillow keeps the upper halves of 16-bit colours only. Read as if their bytes were swapped it keeps the lower ones."""
    with _opened(content, seconds, clock) as opened:
        opened.tile = [tile._replace(args="RGB;16L") for tile in opened.tile]
        opened.load()
        wanted = tuple(value & 255 for value in content.transparent or ())
        mask = Image.new("L", opened.size)
        # In bands: taken as a whole its channels would need more than the picture.
        rows = max(1, BAND_PIXELS // opened.width)
        for top in range(0, opened.height, rows):
            box = (0, top, opened.width, min(opened.height, top + rows))
            mask.paste(_all_equal(opened.crop(box).split(), wanted), box)
        return mask


# ---- HEIC ----


class _HeifBands:
    """Decoded by libheif and libde265, upright. Its bytes are taken band by band: as a picture of Pillow's they would lie in
    memory twice."""

    def __init__(self, data: bytes) -> None:
        # Its bytes are libheif's own, and gone with it: it is held as long as they are.
        primary = next((image for image in _heif().open_heif(data) if image.info["primary"]), None)
        # Greys of more than 8 bits: where the bitstream has 8 all the same, pi_heif 1.4 writes beyond its memory.
        if primary is None or primary.mode.startswith("I;16"):
            raise ProblemError(unsupported("damaged"))
        self._image = primary
        self.whole = None
        self._data = memoryview(self._image.data)
        self._stride: int = self._image.stride
        self.size: tuple[int, int] = self._image.size

    def band(self, top: int, bottom: int) -> Image.Image:
        rows = self._data[top * self._stride : bottom * self._stride]
        band = Image.frombytes(self._image.mode, (self.size[0], bottom - top), rows, "raw", self._image.mode, self._stride)
        return _plain(band.convert("RGBA") if band.mode == "RGBa" else band)


def _heif() -> Any:
    """The decoder, loaded when it is first needed. Raises ProblemError (`unsupported_image`) where there is none."""
    try:
        library = importlib.import_module("pi_heif")
        library.libheif_version()
    except (ImportError, OSError) as error:
        raise ProblemError(unsupported("heic_off")) from error
    library.options.THUMBNAILS = library.options.DEPTH_IMAGES = library.options.AUX_IMAGES = False
    return library


def has_heif_decoder() -> bool:
    """Whether there is one, which is not loaded for that."""
    return importlib.util.find_spec("pi_heif") is not None


def require_decoder(content_type: str) -> None:
    """Raises ProblemError (`unsupported_image`) where this host has no decoder for it."""
    if content_type in _HEIF:
        _heif()
