"""`python -m bench.before [--commit a968b67] [--write]`: this checkout beside an earlier state of the app, in turns, in one run.

Figures of seconds belong to a machine and its neighbours. What was measured of the earlier state on a quiet machine is known, so
what it takes now says how much slower the machine is at this kind of work, and the ratio between the two is the same on both.
Needs the history of the repository (not a shallow clone).
"""

import argparse
import statistics
import subprocess
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench import clients, hosts
from bench.clients import Form
from bench.table import Row, keep, markdown, pace, percentile, spread, where
from tests import pictures
from tests.stack import ROOT, Stack

#: The state whose figures the goals were set beside.
BEFORE = "a968b67"
SECONDS, ROUNDS, JOBS, APART, AT_ONCE = 3.0, 3, 10, 0.1, 32
#: Of it on two quiet cores: host seconds of a job whose client looks five times a second, seconds until 32 at once have ended.
GOODS_CPU, PPL_CPU, GOODS_TOGETHER, PPL_TOGETHER, BURST_P50 = (
    "goods: CPU of a job, looked at five times a second", "PPL: CPU of a job, looked at five times a second",
    "goods: 32 at once, looked at five times a second", "PPL: 32 at once, looked at five times a second",
    "goods: POST p50 of 32 at once",
)  # fmt: skip
QUIET = {GOODS_CPU: 0.26, PPL_CPU: 0.35, GOODS_TOGETHER: 8.5, PPL_TOGETHER: 10.6, BURST_P50: 1.5}
ONCE = ("goods: CPU of a job, looked at once a second", "PPL: CPU of a job, looked at once a second")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.before", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--commit", default=BEFORE, help="the earlier state")
    parser.add_argument("--write", action="store_true", help="keep the table in docs/performance.md")
    asked = parser.parse_args()
    run, first = where(), pace()
    with _checkout(asked.commit) as earlier:
        found: dict[Path, dict[str, list[float]]] = {earlier: defaultdict(list), ROOT: defaultdict(list)}
        for _ in range(ROUNDS):
            for root, values in found.items():
                for what, value in _measured(root):
                    values[what].append(value)
                    print(f"{'before' if root == earlier else 'now':>6}  {what}: {value:.3f} s", flush=True)
    paces = sorted([first, pace()])
    run += f"; CPU seconds were {paces[0]:.1f} to {paces[1]:.1f} times as many as on a quiet machine"
    table = markdown(_rows(found[earlier], found[ROOT]))
    print(f"\n{run}\n\n{table}")
    if asked.write:
        keep("before", table, run)


def _rows(before: dict[str, list[float]], now: dict[str, list[float]]) -> Iterator[Row]:
    for what, values in now.items():
        old = before[what]
        ratio = statistics.median(values) / statistics.median(old)
        quiet = QUIET.get(what)
        told = f"before it took {quiet} s on a quiet machine: times the ratio {quiet * ratio:.2f} s" if quiet else ""
        yield Row(what, spread(values), spread(old), ratio, limit=told)


@contextmanager
def _checkout(commit: str) -> Iterator[Path]:
    """That state in a folder of its own, with what this one has installed."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "before"
        subprocess.run(["git", "clone", "--quiet", "--no-checkout", str(ROOT), str(root)], check=True)
        subprocess.run(["git", "checkout", "--quiet", commit], cwd=root, check=True)
        for installed in (".venv", "node_modules"):
            (root / installed).symlink_to(ROOT / installed)
        yield root


def _measured(root: Path) -> Iterator[tuple[str, float]]:
    image = pictures.photo_jpeg(800, 800)
    goods, ppl = clients.goods(image), clients.ppl(image, image)
    with tempfile.TemporaryDirectory() as folder:
        stack = Stack(Path(folder), **hosts.CAPS, **hosts.QUIET)
        stack.root = root
        with stack:
            hosts.let_providers_take(stack, SECONDS)
            clients.together(stack.url, [goods, ppl] * 4)
            for form, often, once, together in (
                (goods, GOODS_CPU, ONCE[0], GOODS_TOGETHER), (ppl, PPL_CPU, ONCE[1], PPL_TOGETHER),
            ):  # fmt: skip
                yield often, _per_job(stack, form, 0.2)
                yield once, _per_job(stack, form, 1.0)
                seen = clients.together(stack.url, [form] * AT_ONCE, every=0.2)
                yield together, max(each.completed for each in seen) - min(each.posted for each in seen)
                if form is goods:
                    yield BURST_P50, percentile([each.answered - each.posted for each in seen], 50)


def _per_job(stack: Stack, form: Form, every: float) -> float:
    with hosts.spent(hosts.host_of(stack)) as cpu:
        clients.together(stack.url, [form] * JOBS, every=every, apart=APART)
    return cpu[0] / JOBS


if __name__ == "__main__":
    main()
