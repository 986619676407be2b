"""How much slower this machine is at the moment than when it is quiet, for tests that bound what something costs.

Who shares a core with others pays for it in CPU seconds too: the same work takes up to twice as many. So a bound is one of
seconds on a quiet machine, times the slowness that was measured around the work:

    with measured() as spent:
        work()
    assert spent.seconds < 1 * spent.slowness
"""

import random
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from PIL import Image

#: What `fixed_work` took at the least of 300 tries on the machine that the bounds were found on, with pyenv's Python: its loop is
#: quicker where Python was compiled with profiles, by some tenth of the whole.
QUIET_SECONDS = 0.031
#: What `fixed_memory` takes there: half of what it took when files that are mostly large empty frames took twice theirs.
QUIET_MEMORY_SECONDS = 0.018
#: More is no neighbour's doing. What costs a multiple of this is found on any machine, however busy.
MOST = 4.0

_TEXT = random.Random(1).randbytes(150_000).hex().encode()
_PICTURE = Image.linear_gradient("L").resize((500, 500)).convert("RGB")


@dataclass
class Spent:
    """CPU seconds of this thread, and by how much the machine was slower than a quiet one just before or just after."""

    seconds: float = 0.0
    slowness: float = 1.0


@contextmanager
def measured() -> Iterator[Spent]:
    """Both are told at the end of the block. What other processes and threads spent there is theirs to tell."""
    spent, before = Spent(), work_seconds()
    began = time.thread_time()
    yield spent
    spent.seconds = time.thread_time() - began
    spent.slowness = slowness(before, work_seconds())


def slowness(*seconds: float) -> float:
    """By the slowest of some `work_seconds`; never below 1, so that a fast machine is held to no less than is promised."""
    return min(MOST, max(1.0, max(seconds) / QUIET_SECONDS))


def work_seconds() -> float:
    """Of the fixed work, or as many as it would have taken if all were as slow as new memory is: whichever is more."""
    began = time.thread_time()
    fixed_work()
    computed = time.thread_time()
    fixed_memory()
    return max(computed - began, (time.thread_time() - computed) * QUIET_SECONDS / QUIET_MEMORY_SECONDS)


def fixed_work() -> int:
    """Of the kinds that are bounded: a library that packs, one that computes with pixels, and a loop in Python."""
    packed = zlib.compress(_TEXT, 6)
    small = _PICTURE.resize((350, 350), Image.Resampling.LANCZOS).resize((450, 450), Image.Resampling.BICUBIC)
    total = zlib.crc32(packed) + zlib.crc32(small.tobytes())
    for number in range(100_000):
        total = (total * 31 + number) % 1_000_003
    return total


def fixed_memory() -> None:
    """Five pictures of 16 MB, each in new pages."""
    picture = Image.new("RGBA", (2000, 2000), (1, 2, 3, 4))
    for _ in range(4):
        picture = picture.copy()
