"""Sizes for models that take pixels instead of ratios. Pure."""

import functools

#: What BFL's FLUX.2 takes: multiples of 16, at least 64 a side (providers reference 3.1).
STEP_PX, LEAST_PX = 16, 64
#: One megapixel, as models count it: 1024 x 1024. More would be billed as a second one.
MEGAPIXEL = 1024 * 1024
#: How far a ratio may be missed, and how much smaller a size may be for being truer.
TOLERANCE, SMALLER = 0.02, 0.95


@functools.lru_cache(maxsize=256)
def size_for(width: float, height: float, step: int = STEP_PX) -> tuple[int, int]:
    """A size near one megapixel and never above it, in multiples of `step`, whose ratio is that of `width` to `height` within
    2 %; the nearest ratio that there is where none is. A ratio on its side has the same size on its side."""
    if width < height:
        tall, wide = size_for(height, width, step)
        return wide, tall
    ratio = width / height
    sizes = [(w, h) for w in range(LEAST_PX, MEGAPIXEL // LEAST_PX + 1, step) for h in _heights(w, ratio, step)]
    near = [size for size in sizes if _missed_by(size, ratio) <= TOLERANCE]
    enough = SMALLER * max((w * h for w, h in near), default=0)
    return min(
        (size for size in near or sizes if size[0] * size[1] >= enough),
        key=lambda size: (_missed_by(size, ratio), -size[0] * size[1]),
    )


def _heights(width: int, ratio: float, step: int) -> set[int]:
    """The allowed ones on both sides of the exact one."""
    most = MEGAPIXEL // width // step * step
    below = int(width / ratio) // step * step
    return {min(max(LEAST_PX, height), most) for height in (below, below + step)}


def _missed_by(size: tuple[int, int], ratio: float) -> float:
    return abs(size[0] / size[1] / ratio - 1)
