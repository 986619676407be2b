"""What is decoded at all, told by a file's structure before any pixel is: pixels, memory, passes, tiles and frames."""

from shared.domain.generation import MAX_IMAGE_PIXELS
from shared.domain.problem import Problem, ProblemError, unsupported
from shared.pictures.facts import Content

#: A profile that is larger is ignored. Of those that cameras and presses use the largest take 3 MB.
PROFILE_MAX_BYTES = 4 * 1024 * 1024
#: Passes over a JPEG: libjpeg's own script makes 10, mozjpeg's search up to 18. A pass of nothing is a few bytes, and takes as
#: long as any: bound them, says https://libjpeg-turbo.org/pmwiki/uploads/About/TwoIssueswiththeJPEGStandard.pdf.
MAX_PASSES = 100
#: Passes times pixels: 25 passes over 40 megapixels, 83 over 12.
MAX_PASSED_PIXELS = 1_000_000_000
#: The same where a decoder cannot be stopped within, and each pixel of a pass may cost it ten times as much.
MAX_PASSED_PIXELS_IN_ONE_PIECE = 100_000_000
#: Frames of an animation that are looked at for one that is not blank, and their pixels together.
MAX_FRAMES, MAX_FRAME_PIXELS = 50, 100_000_000
#: Chunks, segments or blocks of a file: pixels in pieces of 1 KB would be 5,000.
MAX_PARTS = 100_000
#: Parts of a HEIC or AVIF file: 48 megapixels of an iPhone's are 192 tiles and some notes.
MAX_ITEMS, MAX_TILES = 1000, 1024
#: Boxes of such a file, and entries of their tables, together: those of 192 tiles are about 2,000.
MAX_ENTRIES = 50_000
#: How much larger than the picture its tiles may be all together, and what is coded than what the file says.
MAX_TILED_PIXELS = 1.5
#: And how large either may be in any case.
FREE_PIXELS = 4_000_000
#: Of a decoder's work on one picture; what is above takes longer than any real one.
CPU_SECONDS = 10.0

#: What is the same for every picture: two uploads and what they were taken apart into, the decoders, the picture as it is sent.
_RESERVED_MB = 40
#: Bytes that decoding takes for a pixel, as measured (`python -m bench.pictures`, decision 18), in the worst form of a format
#: (but for an animated PNG, which is rare).
MOST_BYTES_PER_PIXEL = {
    "image/png": 6.5, "image/jpeg": 9.0, "image/webp": 18.5, "image/avif": 17.0, "image/heic": 14.0, "image/heif": 14.0,
    "image/gif": 18.0,
}  # fmt: skip

_FORMATS = {
    "image/png": "PNG", "image/jpeg": "JPEG", "image/webp": "WebP", "image/avif": "AVIF", "image/heic": "HEIC",
    "image/heif": "HEIF", "image/gif": "GIF",
}  # fmt: skip


def max_pixels(bytes_per_pixel: float, memory_mb: int) -> int:
    """Of a picture whose decoding has to fit into the memory."""
    return min(MAX_IMAGE_PIXELS, int((memory_mb - _RESERVED_MB) * 1_000_000 / bytes_per_pixel))


def require_bounded(content: Content, max_bytes: int, memory_mb: int) -> None:
    """Raises ProblemError: `image_too_large`, or `unsupported_image` for what no real encoder makes."""
    pixels = content.facts.width * content.facts.height
    most = max_pixels(content.bytes_per_pixel, memory_mb)
    if pixels > most:
        raise ProblemError(too_large(max_bytes, most, content.facts.content_type if most < MAX_IMAGE_PIXELS else None))
    require_real(content)


def require_real(content: Content) -> None:
    """Raises ProblemError (`unsupported_image`) for what no real encoder makes."""
    most = MAX_PASSED_PIXELS_IN_ONE_PIECE if content.in_one_piece else MAX_PASSED_PIXELS
    if content.passes > 1 and (content.passes > MAX_PASSES or content.passes * content.facts.width * content.facts.height > most):
        raise ProblemError(unsupported("too_complex"))


def too_large(max_bytes: int, pixels: int = MAX_IMAGE_PIXELS, content_type: str | None = None) -> Problem:
    """`content_type`: where fewer pixels are taken of one format than of others."""
    params = {"max_megabytes": f"{max_bytes / 1024 / 1024:g}", "max_megapixels": f"{int(pixels / 100_000) / 10:g}"}
    if content_type is not None:
        name = _FORMATS[content_type]
        params |= {"format_ko": f"이런 {name} ", "format_en": f"of such {name} "}
    return Problem("image_too_large", params=params)


def most_pixels(memory_mb: int) -> dict[str, int]:
    """Of each format, in the form of it that takes the most memory."""
    return {content_type: max_pixels(most, memory_mb) for content_type, most in MOST_BYTES_PER_PIXEL.items()}
