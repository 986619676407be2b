"""How much slower this machine is at the moment than when it is quiet, for tests that bound what something costs.

Who shares a core with others pays for it in CPU seconds too: the same work takes up to twice as many. So a bound is one of
seconds on a quiet machine, and what is over it is held against how slow this one is at that moment:

    with at_most(1):
        work()
"""

import random
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

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


#: How often the pace is measured: one of them may fall into a moment that is quieter than the work's.
_TIMES = 3


@contextmanager
def at_most(quiet_seconds: float) -> Iterator[None]:
    """CPU seconds of this thread in the block. What other processes and threads spend there is theirs to tell."""
    began = time.thread_time()
    yield
    spent = time.thread_time() - began
    assert is_within(spent, quiet_seconds), f"{spent:.3f} s, and on a quiet machine at most {quiet_seconds:g}"


def is_within(seconds: float, quiet_seconds: float) -> bool:
    """Whether what took so long here takes less on a quiet machine. The pace is measured only where that is in question: most
    costs a small part of what it may, and to measure it costs more."""
    return seconds < quiet_seconds or seconds < quiet_seconds * slowness()


def slowness() -> float:
    """By how much this machine is slower than a quiet one; never below 1: a fast one is held to no less than is promised."""
    return min(MOST, max(1.0, *(work_seconds() / QUIET_SECONDS for _ in range(_TIMES))))


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
