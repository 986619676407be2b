"""Two pictures as thumbnails: how far apart they are."""

import io
from dataclasses import dataclass
from itertools import compress

from PIL import Image

from tests.corpus.views import View

SIDE = 32
#: Of 255. A JPEG of quality 92 and another way to make it smaller stay within a third of this (measured on the seeds).
MEAN_TOLERANCE = 4.0
MAX_TOLERANCE = 40.0


@dataclass(frozen=True)
class Difference:
    """`frame` is the one that fits best; `ground` the colour on which what is transparent lies, as far as that can be told."""

    mean: float
    worst: float
    frame: int = 0
    ground: tuple[int, ...] | None = None
    is_other_shape: bool = False

    @property
    def is_over(self) -> bool:
        return self.is_other_shape or self.mean > MEAN_TOLERANCE or self.worst > MAX_TOLERANCE

    def __str__(self) -> str:
        shape = " other shape" if self.is_other_shape else ""
        return f"mean {self.mean:.1f} max {self.worst:.0f} frame {self.frame} ground {self.ground}{shape}"


def difference(sent: bytes, view: View, is_opaque: bool = False) -> Difference:
    """`is_opaque`: where the other one shows nothing it has left something out, so that is not compared. Chromium keeps the last
    rows of a JPEG without its end to itself."""
    with Image.open(io.BytesIO(sent)) as opened:
        ours = opened.convert("RGB")
    found = [_between(ours, picture, n, is_opaque) for n, picture in enumerate((view.picture, *view.further))]
    return min(found, key=lambda one: (one.is_other_shape, one.mean))


def is_same_view(one: View, other: View) -> bool:
    """Whether nothing of it is missing, or other."""
    if (one.width, one.height) != (other.width, other.height):
        return False
    thumbs = [view.picture.convert("RGBa").resize((SIDE, SIDE), Image.Resampling.BOX).tobytes() for view in (one, other)]
    return max(abs(a - b) for a, b in zip(*thumbs, strict=True)) < MAX_TOLERANCE / 2


def _between(ours: Image.Image, theirs: Image.Image, frame: int, is_opaque: bool) -> Difference:
    mine = ours.resize((SIDE, SIDE), Image.Resampling.BOX)
    # Premultiplied: the colour of what is transparent must not count.
    shown = theirs.convert("RGBa")
    if ours.width > theirs.width:
        # Enlarged as ours was: sharp edges ring, and what rings over white is lost.
        shown = shown.resize(ours.size, Image.Resampling.LANCZOS)
    shown = shown.resize((SIDE, SIDE), Image.Resampling.BOX)
    alpha = shown.getchannel("a").tobytes()
    compared = [alpha == 255 or not is_opaque for alpha in shown.getchannel("a").tobytes()]
    sums, worst, ground = 0.0, 0.0, []
    for name in range(3):
        left, right = mine.getchannel(name).tobytes(), shown.getchannel(name).tobytes()
        # The ground is not asked for: the one that explains best what was sent (least squares) is taken.
        weight = sum((255 - a) ** 2 for a in alpha)
        level = sum((x - y) * (255 - a) * 255 for x, y, a in zip(left, right, alpha, strict=True)) / weight if weight else 0.0
        level = min(255.0, max(0.0, level))
        ground.append(round(level))
        gaps = [abs(x - y - level * (255 - a) / 255) for x, y, a in compress(zip(left, right, alpha, strict=True), compared)]
        sums += sum(gaps)
        worst = max(worst, *gaps, 0)
    width, height = theirs.size
    # As exact as sides in whole pixels can be.
    shape = abs(ours.width * height - ours.height * width) > 1.5 * (max(ours.size) + max(theirs.size))
    seen_through = tuple(ground) if min(alpha, default=255) < 250 else None
    return Difference(sums / max(1, 3 * sum(compared)), worst, frame, seen_through, is_other_shape=shape)
