"""The host's resident memory: its peak while 16 PPL uploads of 2 x 5 MB come at once, and whether it grows over 2,000 jobs.

The peak is the kernel's own (VmHWM, set back just before), each on a host of its own that has made one small job; beside it that
of the service that is replaced, for the same uploads. What it is made of is told by uploads that lack one thing: pixels (nothing
to decode) or bytes (nothing to hold). The long run makes goods jobs whose provider needs no time, some at once: what the host
holds is the median of a second, after 100, 500 and 1,000 of them; and, without a goal, after 1,500 and 2,000: what is kept of
jobs goes on growing, what an allocator holds of the fullest moment comes to rest.
"""

import io
import itertools
import random
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
from PIL import Image

from bench import clients, hosts
from bench.table import Row, spread
from tests import pictures
from tests.stack import Stack

UPLOADS = 16
#: One peak differs from the next by a tenth: by what happens to be decoded while the last upload comes in.
TIMES = 3
MOST_BYTES = 250_000_000
#: Just below what a file may have.
FILE_BYTES = 5_200_000
AT_ONCE, LOOKED_AT, LATER = 6, (100, 500, 1000), (1500, 2000)
#: Between 500 and 1,000 jobs: what is kept of jobs would be megabytes, an allocator's mood is less than this.
MOST_GROWTH = 1.03
_CAPS = {"BFL_MAX_ACTIVE": "64", "BFL_KONTEXT_MAX_ACTIVE": "64"}


def rows(is_long: bool) -> Iterator[Row]:
    photo = large_photo()
    peaks = [_under_uploads(photo) for _ in range(TIMES)]
    peak, idle = (int(statistics.median(each)) for each in zip(*peaks, strict=True))
    former = _of_the_baseline(photo)
    yield Row(
        "peak, 16 uploads of 2 x 5 MB, 12 megapixels each", spread([held for held, _ in peaks], "MB", 1e-6, 0), _mb(former),
        peak / former, f"<= {_mb(MOST_BYTES)}", peak <= MOST_BYTES,
    )  # fmt: skip
    yield Row("of it: the host after one small job", _mb(idle))
    for what, image in (
        ("5 MB, but few pixels: uploads held", pictures.photo_jpeg(400, 400).ljust(FILE_BYTES, b"\0")),
        ("12 megapixels, but few bytes: decoding", pictures.photo_jpeg(4000, 3000)),
        ("neither: 16 jobs at once", pictures.photo_jpeg(400, 400)),
    ):
        peak, idle = _under_uploads(image)
        yield Row(f"peak over that, {what}", _mb(peak - idle))
    if is_long:
        yield from _over_many_jobs()


def large_photo() -> bytes:
    """A photo of 12 megapixels whose grain makes the file as large as one may be."""
    size = (4000, 3000)
    grain = Image.frombytes("L", size, random.Random(1).randbytes(size[0] * size[1]))
    photo = Image.blend(pictures.product(1000, 750).convert("RGB").resize(size), grain.convert("RGB"), 0.11)
    for quality in range(95, 50, -3):
        buffer = io.BytesIO()
        photo.save(buffer, "JPEG", quality=quality)
        if buffer.tell() <= FILE_BYTES:
            return buffer.getvalue().ljust(FILE_BYTES, b"\0")
    raise ValueError("this grain does not fit into a file")


def _under_uploads(image: bytes) -> tuple[int, int]:
    with tempfile.TemporaryDirectory() as folder, Stack(Path(folder)) as stack:
        return peak_memory(stack, image)


def _of_the_baseline(image: bytes) -> int:
    with hosts.fresh_stack(1.0) as stack, hosts.Baseline(stack.simulators) as baseline:
        small = pictures.photo_jpeg(400, 400)
        clients.together(baseline.url, [clients.ppl(small, small)])
        _forget_peak(baseline.host)
        clients.together(baseline.url, [clients.ppl(image, image)] * UPLOADS)
        return _peak(baseline.host)


def peak_memory(stack: Stack, image: bytes) -> tuple[int, int]:
    """The host's peak in bytes while 16 such uploads become pictures at once, and what it held before."""
    small = pictures.photo_jpeg(400, 400)
    _succeeded(stack.ppl(small, small, {"Prefer": "wait=60"}).json())
    (host,) = stack.processes("devhost")
    before = _held(host)
    _forget_peak(host)
    with ThreadPoolExecutor(UPLOADS) as pool:
        for job in pool.map(lambda _: stack.ppl(image, image, {"Prefer": "wait=120"}).json(), range(UPLOADS)):
            _succeeded(stack.ended(job["id"], 300))
    return _peak(host), before


def _over_many_jobs() -> Iterator[Row]:
    image = pictures.photo_jpeg(800, 800)
    with tempfile.TemporaryDirectory() as folder, Stack(Path(folder), **_CAPS) as stack:
        stack.configure(bfl={"delay_seconds": 0, "max_active": 64})
        (host,) = stack.processes("devhost")
        held: dict[int, int] = {}
        with ThreadPoolExecutor(AT_ONCE) as pool:
            for first, last in itertools.pairwise((0, *LOOKED_AT, *LATER)):
                for job in pool.map(lambda _: stack.goods(image, {"Prefer": "wait=120"}).json(), range(first, last)):
                    _succeeded(job)
                held[last] = _held(host)
    yield _grown(held, LOOKED_AT, MOST_GROWTH)
    yield _grown(held, LATER)


def _grown(held: dict[int, int], numbers: Sequence[int], most: float | None = None) -> Row:
    """From the number before the last to the last."""
    before, after = (held[number] for number in numbers[-2:])
    return Row(
        f"after {', '.join(f'{number:,}' for number in numbers)} goods jobs, {AT_ONCE} at once",
        ", ".join(_mb(held[number]) for number in numbers), f"{_mb(before)} after {numbers[-2]:,}", after / before,
        f"<= {most} x that" if most else "", after / before <= most if most else None,
    )  # fmt: skip


def _succeeded(job: dict[str, Any]) -> None:
    if job.get("status") != "succeeded":
        raise RuntimeError(f"no picture: {job}")


def _held(host: psutil.Process) -> int:
    seen = []
    for _ in range(10):
        time.sleep(0.1)
        seen.append(host.memory_info().rss)
    return int(statistics.median(seen))


def _forget_peak(host: psutil.Process) -> None:
    """proc(5): it starts again from now."""
    Path(f"/proc/{host.pid}/clear_refs").write_text("5", "ascii")


def _peak(host: psutil.Process) -> int:
    lines = Path(f"/proc/{host.pid}/status").read_text("ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


def _mb(size: int) -> str:
    return f"{size / 1e6:.0f} MB"
