"""`python -m bench`: every figure beside the baseline it is measured against, on this machine, now."""

import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import requests

from tests import pictures
from tests.stack import Stack

PROVIDER_SECONDS = 3
SDKS = "azure.functions, azure.durable_functions, azure.identity, azure.keyvault.secrets, azure.storage.blob, requests, PIL.Image"


@dataclass(frozen=True)
class Row:
    what: str
    measured: str
    baseline: str
    ratio: float
    goal: str


def main() -> int:
    rows = [import_time()]
    with tempfile.TemporaryDirectory() as folder, Stack(Path(folder), BFL_MAX_ACTIVE="64", BFL_KONTEXT_MAX_ACTIVE="64") as stack:
        stack.configure(bfl={"delay_seconds": PROVIDER_SECONDS, "max_active": 64}, replicate={"delay_seconds": PROVIDER_SECONDS})
        stack.goods(pictures.photo_jpeg(512, 512), {"Prefer": "wait=60"})
        rows += [many_jobs(stack), overhead(stack), others_while_one_hangs(stack)]
    with tempfile.TemporaryDirectory() as folder, Stack(Path(folder)) as stack:
        rows.append(peak_memory(stack))
    width = max(len(row.what) for row in rows)
    print(f"{'':{width}}  {'measured':>12}  {'baseline':>12}  {'ratio':>6}  goal")
    for row in rows:
        print(f"{row.what:{width}}  {row.measured:>12}  {row.baseline:>12}  {row.ratio:6.2f}  {row.goal}")
    return 0


def import_time() -> Row:
    """A fresh interpreter that imports function_app, against one that imports its SDKs alone; medians of 7."""

    def seconds(code: str) -> float:
        began = time.perf_counter()
        subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True)
        return time.perf_counter() - began

    app, sdks = [], []
    for _ in range(7):
        app.append(seconds("import function_app"))
        sdks.append(seconds(f"import {SDKS}"))
    ours, base = statistics.median(app), statistics.median(sdks)
    return Row("import function_app / its SDKs alone", f"{ours * 1000:.0f} ms", f"{base * 1000:.0f} ms", ours / base, "<= 1.3")


def _goods_seconds(stack: Stack, image: bytes) -> float:
    began = time.perf_counter()
    job = stack.goods(image, {"Prefer": "wait=180"}).json()
    assert job["status"] == "succeeded", job
    return time.perf_counter() - began


def many_jobs(stack: Stack) -> Row:
    """32 goods jobs at once against one alone, 3 s each at the provider (the old service took 32 times as long)."""
    image = pictures.photo_jpeg(512, 512)
    alone = statistics.median(_goods_seconds(stack, image) for _ in range(3))
    began = time.perf_counter()
    with ThreadPoolExecutor(32) as pool:
        list(pool.map(lambda _: _goods_seconds(stack, image), range(32)))
    together = time.perf_counter() - began
    return Row("32 goods jobs at once / one job", f"{together:.1f} s", f"{alone:.1f} s", together / alone, "<= 2")


def overhead(stack: Stack) -> Row:
    """A PPL job from POST to answer against the provider's own time."""
    image = pictures.photo_jpeg(512, 512)
    times = []
    for _ in range(5):
        began = time.perf_counter()
        assert stack.ppl(image, image, {"Prefer": "wait=60"}).json()["status"] == "succeeded"
        times.append(time.perf_counter() - began)
    median = statistics.median(times)
    return Row(
        "one PPL job / the provider's own time", f"{median:.1f} s", f"{PROVIDER_SECONDS:.1f} s", median / PROVIDER_SECONDS, ""
    )


def others_while_one_hangs(stack: Stack) -> Row:
    """p95 of other requests while one job runs for ever (the old goods service answered nobody)."""

    def p95() -> float:
        times = []
        for _ in range(200):
            began = time.perf_counter()
            requests.get(f"{stack.url}/api/options", timeout=10).raise_for_status()
            times.append(time.perf_counter() - began)
        return statistics.quantiles(times, n=20)[-1]

    quiet = p95()
    stack.configure(bfl={"outcome": "never"})
    job = stack.goods(pictures.photo_jpeg(300, 300)).json()
    time.sleep(1)
    busy = p95()
    requests.post(job["urls"]["cancel"], timeout=10)
    stack.configure(bfl={"outcome": "succeed"})
    return Row(
        "p95 of others while one job hangs / idle", f"{busy * 1000:.0f} ms", f"{quiet * 1000:.0f} ms", busy / quiet, "<= 50 ms"
    )


def peak_memory(stack: Stack) -> Row:
    """16 PPL uploads of 2 x 5 MB at once: the host's peak resident memory, against 911 MB of the old service."""
    image = pictures.noisy_jpeg(5_200_000)
    (host,) = stack.processes("devhost")
    peak = _peak_rss(lambda: host.memory_info().rss, lambda: _sixteen_uploads(stack, image))
    return Row(
        "host's peak memory, 16 uploads of 2 x 5 MB / the old service",
        f"{peak / 1e6:.0f} MB",
        "911 MB",
        peak / 911e6,
        "<= 400 MB",
    )


def _sixteen_uploads(stack: Stack, image: bytes) -> None:
    with ThreadPoolExecutor(16) as pool:
        jobs = list(pool.map(lambda _: stack.ppl(image, image, {"Prefer": "wait=120"}).json(), range(16)))
    assert all(job["status"] == "succeeded" for job in jobs), jobs


def _peak_rss(rss: Callable[[], int], work: Callable[[], None]) -> int:
    seen, done = [rss()], threading.Event()

    def watch() -> None:
        while not done.wait(0.02):
            seen.append(rss())

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        work()
    finally:
        done.set()
        watcher.join()
    return max(seen)


if __name__ == "__main__":
    sys.exit(main())
