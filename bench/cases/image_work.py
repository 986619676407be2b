"""Preparing an upload for its provider, beside Pillow's own decode and resize of the same file to the same size.

CPU seconds of one file in a process of its own, ours and Pillow's in turn, medians; the memory that each takes at its peak beyond
what the process had. Ours does more: it judges the file, turns it, brings its colours to sRGB, looks whether anything is to be
seen, and encodes the result. What encoding takes is told beside it: Pillow's figure has none.
"""

import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from bench.pictures import ENCODE, FILES, HEIF_ENCODER
from bench.table import Row, spread

MEASURED = ("JPEG of 12 megapixels", "PNG of 4 megapixels", "HEIC of 12 megapixels")
RUNS = 7
MOST = 1.2


def rows(is_long: bool) -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as folder:
        for what in MEASURED:
            file = Path(folder, "upload")
            try:
                file.write_bytes(FILES[what]())
            except FileNotFoundError:
                yield Row(what, "not measured", limit=f"nothing here makes one: {HEIF_ENCODER} (libheif-examples)")
                continue
            yield from _of(what, file)


def _of(what: str, file: Path) -> Iterator[Row]:
    ways = ("ours", "plain", ENCODE)
    told = [{way: _once(way, file) for way in ways} for _ in range(RUNS)]
    ours, plain, encode = ([each[way] for each in told] for way in ways)
    seconds = [[cost[0] for cost in costs] for costs in (ours, plain, encode)]
    ratio = statistics.median(seconds[0]) / statistics.median(seconds[1])
    yield Row(
        what, spread(seconds[0], "ms", 1000, 0), spread(seconds[1], "ms", 1000, 0), ratio, f"<= {MOST}", ratio <= MOST,
        f"of it encoding {spread(seconds[2], 'ms', 1000, 0)}",
    )  # fmt: skip
    peaks = [statistics.median(cost[1] * 1024 / 1e6 for cost in costs) for costs in (ours, plain)]
    yield Row(f"{what}: memory", f"{peaks[0]:.0f} MB", f"{peaks[1]:.0f} MB", peaks[0] / peaks[1])


def _once(way: str, file: Path) -> tuple[float, float]:
    """CPU seconds and kilobytes, from a process of its own."""
    run = subprocess.run([sys.executable, "-m", "bench.pictures", "--one", way, file], capture_output=True, text=True, check=True)
    seconds, kilobytes = map(float, run.stdout.split())
    return seconds, kilobytes
