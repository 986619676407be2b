"""`python -m bench.pictures`: what preparing an upload costs, beside the former way and Pillow's own decode and resize.

Each file and each way in a process of its own, RUNS times, the medians of: seconds of CPU (of all its threads, so a busy machine
hardly counts) and the peak of its memory over that of the same process before.
"""

import argparse
import importlib
import io
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from PIL import Image, ImageOps

from shared.domain.generation import PROVIDER_IMAGE_SIDE_PX
from shared.pictures.encode import encoded
from shared.pictures.prepare import prepare_for_provider
from shared.pictures.scaling import size_to_send
from tests import pictures
from tests.picture_files import display_p3, saved

RUNS = 5
#: Of Debian's libheif-examples: nothing that we ship writes HEIC.
HEIF_ENCODER = "heif-enc"


def phone_jpeg() -> bytes:
    return saved(pictures.product(4000, 3000), "JPEG", quality=85)


def phone_jpeg_in_p3() -> bytes:
    return saved(pictures.product(4000, 3000), "JPEG", quality=85, icc_profile=display_p3())


def drawing_png() -> bytes:
    return saved(pictures.character(2000, 2000), "PNG")


def phone_heic() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "photo.png"), Path(folder, "photo.heic")
        source.write_bytes(saved(pictures.product(4000, 3000), "PNG", compress_level=1))
        subprocess.run([HEIF_ENCODER, "-q", "50", "-o", target, source], check=True, capture_output=True)
        return target.read_bytes()


FILES: dict[str, Callable[[], bytes]] = {
    "JPEG of 12 megapixels": phone_jpeg,
    "the same in Display P3": phone_jpeg_in_p3,
    "PNG of 4 megapixels": drawing_png,
    "HEIC of 12 megapixels": phone_heic,
}


def ours(data: bytes) -> None:
    prepare_for_provider(data)


def former(data: bytes) -> None:
    """As it was until decision 18: turned and made RGB in full size, no profile applied. It knew no HEIC."""
    with Image.open(io.BytesIO(data), formats=["PNG", "JPEG", "WEBP"]) as opened:
        opened.draft("RGB", (PROVIDER_IMAGE_SIDE_PX, PROVIDER_IMAGE_SIDE_PX))
        is_png = opened.format == "PNG"
        picture = ImageOps.exif_transpose(opened).convert("RGB")
    picture = picture.resize(size_to_send(picture.size), Image.Resampling.LANCZOS, reducing_gap=2.0)
    picture.save(io.BytesIO(), "PNG" if is_png else "JPEG", **({} if is_png else {"quality": 92, "subsampling": 0}))


def plain(data: bytes) -> None:
    """Pillow's decode and resize of all pixels, and nothing else."""
    if data[4:8] == b"ftyp":
        importlib.import_module("pi_heif").register_heif_opener()
    with Image.open(io.BytesIO(data)) as opened:
        opened.resize(size_to_send(opened.size), Image.Resampling.LANCZOS)


WAYS = {"ours": ours, "former": former, "plain": plain}
ENCODE = "encode"


def encoding(data: bytes) -> Callable[[bytes], None]:
    """Writes the result of `ours` as a file, and nothing else: what that takes of ours, when what comes before has been done."""
    prepared = prepare_for_provider(data)
    with Image.open(io.BytesIO(prepared.data)) as picture:
        picture.load()

    def write(_: bytes) -> None:
        encoded(picture, prepared.facts.content_type)

    return write


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.pictures", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--one", nargs=2, metavar=("WAY", "FILE"), help="one file in this process: seconds and kilobytes")
    one = parser.parse_args().one
    if one:
        data = Path(one[1]).read_bytes()
        print(*_measured(encoding(data) if one[0] == ENCODE else WAYS[one[0]], data))
        return 0
    print(f"{'':24} {'bytes':>10}  {'ours':>16}  {'former way':>16}  {'Pillow alone':>16}  ratio of CPU, of memory")
    with tempfile.TemporaryDirectory() as folder:
        for name, make in FILES.items():
            path = Path(folder, "upload")
            try:
                path.write_bytes(make())
            except OSError:
                print(f"{name:24} cannot be made here without {HEIF_ENCODER}")
                continue
            print(_row(name, path))
    return 0


def _row(name: str, path: Path) -> str:
    costs = {way: _medians(way, path) for way in WAYS}
    cells = "  ".join("refused".rjust(16) if cost is None else f"{cost[0]:6.3f} s {cost[1]:4.0f} MB" for cost in costs.values())
    mine = costs["ours"]
    assert mine is not None
    ratios = [
        f"{mine[0] / cost[0]:.2f} and {mine[1] / cost[1]:.2f} of {way}" for way, cost in costs.items() if way != "ours" and cost
    ]
    return f"{name:24} {path.stat().st_size:10,}  {cells}  {', '.join(ratios)}"


def _medians(way: str, path: Path) -> tuple[float, float] | None:
    """Seconds and megabytes; None where that way does not take the file."""
    told = []
    for _ in range(RUNS):
        run = subprocess.run([sys.executable, "-m", "bench.pictures", "--one", way, path], capture_output=True, text=True)
        if run.returncode:
            return None
        told.append(tuple(map(float, run.stdout.split())))
    seconds, kilobytes = (statistics.median(values) for values in zip(*told, strict=True))
    return seconds, kilobytes * 1024 / 1e6


def _measured(way: Callable[[bytes], None], data: bytes) -> tuple[float, int]:
    # What the process needed until here is no picture's doing (proc(5): the peak starts again from now).
    Path("/proc/self/clear_refs").write_text("5", "ascii")
    before, began = _kilobytes("VmRSS"), time.process_time()
    way(data)
    return time.process_time() - began, _kilobytes("VmHWM") - before


def _kilobytes(of: str) -> int:
    lines = Path("/proc/self/status").read_text("ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(of))


if __name__ == "__main__":
    sys.exit(main())
