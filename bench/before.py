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
from bench.table import Row, keep, markdown, pace, paced, percentile, spread, where
from tests import pictures
from tests.stack import ROOT, Stack

#: The state whose figures the goals were set beside.
BEFORE = "a968b67"
SECONDS, ROUNDS, JOBS, APART, AT_ONCE = 3.0, 3, 10, 0.1, 32
OFTEN = "CPU of a job, looked at five times a second"
TOGETHER, POSTS = "32 at once, looked at five times a second", "POST p50 of 32 at once"
#: Seconds that it took on two quiet cores.
QUIET = {
    f"goods: {OFTEN}": 0.26, f"PPL: {OFTEN}": 0.35, f"goods: {TOGETHER}": 8.5, f"PPL: {TOGETHER}": 10.6, f"goods: {POSTS}": 1.5,
}  # fmt: skip


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
    table, run = markdown(_rows(found[earlier], found[ROOT])), paced(run, first)
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
    forms = {"goods": clients.goods(image), "PPL": clients.ppl(image, image)}
    with hosts.fresh_stack(SECONDS, root=root) as stack:
        clients.together(stack.url, [*forms.values()] * 4)
        for kind, form in forms.items():
            yield f"{kind}: {OFTEN}", _per_job(stack, form, 0.2)
            yield f"{kind}: CPU of a job, looked at once a second", _per_job(stack, form, 1.0)
            seen = clients.together(stack.url, [form] * AT_ONCE, every=0.2)
            yield f"{kind}: {TOGETHER}", clients.until_last(seen)
            yield f"{kind}: {POSTS}", percentile([each.answered - each.posted for each in seen], 50)


def _per_job(stack: Stack, form: Form, every: float) -> float:
    with hosts.spent(hosts.host_of(stack)) as cpu:
        clients.together(stack.url, [form] * JOBS, every=every, apart=APART)
    return cpu[0] / JOBS


if __name__ == "__main__":
    main()
