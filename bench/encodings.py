"""`python -m bench.encodings`: what pictures weigh in each encoding and how much of that is seen, as Markdown tables.

A difference is CIE76 between two pixels, from sRGB under D65; 2.3 of it is just noticeable. Most of what a JPEG loses lies
around outlines, so figures are also told of the ring within 8 px (a JPEG's block) of them. "Seen" compares both pictures after
a blur of one pixel, since no eye resolves single pixels at the distance from which one looks at a picture.
"""

import base64
import heapq
import statistics
import sys
import time
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import compress
from typing import Any

from PIL import Image, ImageChops, ImageFilter, ImageMath

from shared.pictures.inline import INLINE_URI_CHARACTERS, for_inline
from shared.pictures.prepare import prepare_for_provider
from tests import pictures
from tests.picture_files import opened, saved

JUST_NOTICEABLE, PLAIN = 2.3, 5.0
SIZES = ((1024, 1024), (1024, 576))
PICTURES: dict[str, Callable[[int, int], Image.Image]] = {
    "line art": pictures.line_art,
    "character, flat": pictures.character,
    "character, painted": pictures.painted_character,
    "screentone page": pictures.screentone_page,
    "product": pictures.product,
    "gradient": pictures.gradient,
    "noise": pictures.noise,
}
_FIGURES = "Max ΔE | 99.9 % | Over 2.3 | … in the ring | Seen there: 99.9 % | over 2.3 | over 5"
_QUALITIES = (95, 92, 90, 88, 85, 80)
_STRIP_ROWS = 32
#: How far two shades of grey next to each other are apart where there is an outline.
_OUTLINE_CONTRAST = 64
#: From linear red, green and blue to X, Y and Z, each with what white has of it (sRGB, D65).
_TO_XYZ = (
    (0.4124564, 0.3575761, 0.1804375, 0.95047),
    (0.2126729, 0.7151522, 0.0721750, 1.0),
    (0.0193339, 0.1191920, 0.9503041, 1.08883),
)


@dataclass(frozen=True)
class Seen:
    """What an eye sees of the difference between a picture and what became of it, in the ring. Shares are of 1; all are 0 where
    there is no outline."""

    #: What 99.9 % of the pixels stay within.
    permille: float
    noticeable: float
    plain: float


@dataclass(frozen=True)
class Difference:
    """The same pixel by pixel, and as seen."""

    most: float
    permille: float
    noticeable: float
    ring_noticeable: float
    seen: Seen


def main() -> int:
    print(f"| Picture | Encoding | Bytes | KB of base64 | {_FIGURES} |\n|---|---{'|--:' * 9}|")
    for name, picture in _all_pictures():
        for encoding, data in encodings(picture):
            print(f"| {name} | {encoding} | {_weight(data)} | {_figures(picture, data)} |", flush=True)
    print(f"\n| Prepared from | Bytes | KB of base64 | for_inline | Bytes | KB of base64 | ms | {_FIGURES} |")
    print(f"|---|--:|--:|---{'|--:' * 10}|")
    for name, picture in _all_pictures():
        for kind in ("PNG", "JPEG"):
            prepared = prepare_for_provider(saved(picture, kind, quality=95)).data
            sent, milliseconds = _timed(prepared)
            what = "as it is" if sent == prepared else f"{opened(sent).format} {opened(sent).mode}"
            over = "" if len(base64.b64encode(sent)) < INLINE_URI_CHARACTERS else " (over)"
            print(
                f"| {name}, {kind} | {_weight(prepared)} | {what}{over} | {_weight(sent)} | {milliseconds:.0f} "
                f"| {_figures(opened(prepared), sent)} |",
                flush=True,
            )
    return 0


def encodings(picture: Image.Image) -> Iterator[tuple[str, bytes]]:
    yield "PNG", saved(picture, "PNG")
    yield "PNG, optimised", saved(picture, "PNG", optimize=True)
    if picture.getcolors(256):
        yield "PNG, palette", saved(picture.quantize(256, Image.Quantize.MEDIANCUT), "PNG", optimize=True)
    # Named among the forms of Replicate, not among those of BFL: only to compare.
    yield "WebP, lossless", saved(picture, "WEBP", lossless=True)
    for quality in _QUALITIES:
        yield f"JPEG 4:4:4, {quality}", saved(picture, "JPEG", quality=quality, subsampling=0)
    yield "JPEG 4:2:0, 90", saved(picture, "JPEG", quality=90, subsampling=2)


def difference(before: Image.Image, after: Image.Image) -> Difference:
    ring = _ring(before).tobytes()
    everywhere = _delta_e(before, after)
    return Difference(
        most=max(everywhere),
        permille=_permille(everywhere),
        noticeable=_share(everywhere, JUST_NOTICEABLE),
        ring_noticeable=_share(list(compress(everywhere, ring)), JUST_NOTICEABLE),
        seen=difference_seen(before, after),
    )


def difference_seen(before: Image.Image, after: Image.Image) -> Seen:
    seen = list(compress(_delta_e(_blurred(before), _blurred(after)), _ring(before).tobytes()))
    return Seen(_permille(seen), _share(seen, JUST_NOTICEABLE), _share(seen, PLAIN))


def _all_pictures() -> Iterator[tuple[str, Image.Image]]:
    for width, height in SIZES:
        for name, make in PICTURES.items():
            yield f"{name} {width}×{height}", make(width, height)


def _weight(data: bytes) -> str:
    return f"{len(data):,} | {len(base64.b64encode(data)) / 1000:.0f}"


def _figures(before: Image.Image, data: bytes) -> str:
    after = opened(data).convert("RGB")
    if after.tobytes() == before.tobytes():
        return " | ".join("0" * 7)
    it = difference(before, after)
    shares = [f"{share:.2%}" for share in (it.noticeable, it.ring_noticeable, it.seen.noticeable, it.seen.plain)]
    return " | ".join((f"{it.most:.1f}", f"{it.permille:.1f}", *shares[:2], f"{it.seen.permille:.1f}", *shares[2:]))


def _timed(prepared: bytes) -> tuple[bytes, float]:
    times = []
    for _ in range(5):
        began = time.perf_counter()
        result = for_inline(prepared)
        times.append(time.perf_counter() - began)
    return result, statistics.median(times) * 1000


def _permille(values: list[float]) -> float:
    return heapq.nlargest(len(values) // 1000 + 1, values)[-1] if values else 0.0


def _share(values: list[float], limit: float) -> float:
    return sum(map(limit.__lt__, values)) / len(values) if values else 0.0


def _blurred(picture: Image.Image) -> Image.Image:
    return picture.filter(ImageFilter.GaussianBlur(1))


def _ring(picture: Image.Image) -> Image.Image:
    grey = picture.convert("L")
    contrast = ImageChops.difference(grey.filter(ImageFilter.MaxFilter(3)), grey.filter(ImageFilter.MinFilter(3)))
    ring = contrast.point([255 * (step > _OUTLINE_CONTRAST) for step in range(256)])
    # 8 px to each side one after another: at once it takes six times as long.
    for _ in range(8):
        ring = ring.filter(ImageFilter.MaxFilter(3))
    return ring


def _delta_e(before: Image.Image, after: Image.Image) -> list[float]:
    """Of every pixel, in strips: new memory costs more than the numbers. Pillow's own LAB is too coarse, with steps of one."""
    width, height = before.size
    values = array("f")
    for top in range(0, height, _STRIP_ROWS):
        strip = (0, top, width, min(height, top + _STRIP_ROWS))
        values.frombytes(_delta_e_of_all(before.crop(strip), after.crop(strip)))
    return values.tolist()


def _delta_e_of_all(before: Image.Image, after: Image.Image) -> bytes:
    ours, theirs = _lab(before), _lab(after)
    distance = ImageMath.lambda_eval(
        lambda the: ((the["l"] - the["L"]) ** 2 + (the["a"] - the["A"]) ** 2 + (the["b"] - the["B"]) ** 2) ** 0.5,
        **dict(zip("lab", ours, strict=True)), **dict(zip("LAB", theirs, strict=True)),
    )  # fmt: skip
    return _image(distance).tobytes()


def _lab(picture: Image.Image) -> tuple[Image.Image, ...]:
    def linear(the: Any) -> Any:
        value = the["value"] / 255.0
        return ((value + 0.055) / 1.055) ** 2.4 * (value > 0.04045) + value / 12.92 * (value <= 0.04045)

    def root(red: float, green: float, blue: float, white: float) -> Image.Image:
        def of(the: Any) -> Any:
            share = (the["r"] * red + the["g"] * green + the["b"] * blue) / white
            return share ** (1 / 3) * (share > 216 / 24389) + (share * (841 / 108) + 4 / 29) * (share <= 216 / 24389)

        return _image(ImageMath.lambda_eval(of, **light))

    channels = zip("rgb", picture.split(), strict=True)
    light = {name: _image(ImageMath.lambda_eval(linear, value=channel.convert("F"))) for name, channel in channels}
    x, y, z = (root(*row) for row in _TO_XYZ)
    return tuple(
        _image(ImageMath.lambda_eval(formula, x=x, y=y, z=z))
        for formula in (
            lambda the: 116.0 * the["y"] - 16.0,
            lambda the: 500.0 * (the["x"] - the["y"]),
            lambda the: 200.0 * (the["y"] - the["z"]),
        )
    )


def _image(result: Any) -> Image.Image:
    assert isinstance(result, Image.Image)
    return result


if __name__ == "__main__":
    sys.exit(main())
