"""`python -m bench.worst_days [NAME ...]`: what holds when everything goes wrong, in figures."""

import argparse
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests
from azure.storage.blob import BlobServiceClient

from local.ports import free_port
from shared.storage.blob_store import BlobStore
from shared.storage.documents import Documents
from shared.storage.gate_store import GateStore
from tests import pictures
from tests.azurite import Azurite
from tests.stack import Stack
from tests.vault import CloudSecrets

CLIENTS = 8
#: (what, figure, whether it is right where that can be said)
Figures = Iterator[tuple[str, Any, bool | None]]


def main(arguments: list[str]) -> int:
    known = {measure.__name__: measure for measure in (gate, contention, kills, rotation, overhead)}
    parser = argparse.ArgumentParser(prog="python -m bench.worst_days", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", choices=[[], *known], help=", ".join(known))
    wrong = []
    for name in parser.parse_args(arguments).names or known:
        print(f"\n{name}: {known[name].__doc__}")
        for what, figure, is_right in known[name]():
            print(f"  {what:64}  {figure!s:>16}  {'' if is_right is None else 'right' if is_right else 'WRONG'}", flush=True)
            wrong += [what] if is_right is False else []
    return len(wrong)


@contextmanager
def fresh_stack(**settings: str) -> Iterator[Stack]:
    with tempfile.TemporaryDirectory() as folder, Stack(Path(folder), **settings) as stack:
        yield stack


def gate(jobs: int = 200, limit: int = 6) -> Figures:
    """200 goods jobs at once before 6 slots"""
    with fresh_stack(
        BFL_MAX_ACTIVE=str(limit), BFL_KONTEXT_MAX_ACTIVE=str(limit), QUEUE_TIMEOUT_SECONDS="3600", AZURITE_ACCESS_LOG="1"
    ) as stack:
        stack.configure(bfl={"delay_seconds": 1, "max_active": limit})
        ended = _all_ended(stack, _post(stack, jobs, lambda n: stack.goods(_picture(), prompt=f"number {n}")))
        stats, events = stack.stats("bfl"), stack.events
        operations = (stack.folder / "azurite.log").read_text().count("/documents/gates/")
    yield "jobs that succeeded", _count(ended, "succeeded"), _count(ended, "succeeded") == jobs
    yield "most active at the provider", stats["max_active"], stats["max_active"] <= limit
    yield "submits that the provider refused (429)", stats["refused"], stats["refused"] == 0
    submitted = [fields["job_id"] for _, name, fields in events if name == "submitted"]
    inversions = sum(later < earlier for n, earlier in enumerate(submitted) for later in submitted[n + 1 :])
    yield "inversions of order (pairs submitted against the order of POSTs)", inversions, None
    yield "  of so many pairs", jobs * (jobs - 1) // 2, None
    granted = {fields["job_id"]: at for at, name, fields in events if name == "gate_granted" and fields["waited_ms"]}
    uses = [at - granted[fields["job_id"]] for at, name, fields in events if name == "submitted" and fields["job_id"] in granted]
    yield "a slot's release to its next submit, p50", f"{statistics.median(uses) * 1000:.0f} ms", None
    yield "a slot's release to its next submit, p95", f"{_p95(uses) * 1000:.0f} ms", None
    yield "storage operations at the gate, per job", f"{operations / jobs:.1f}", None
    first, last = min(at for at, *_ in events), max(at for at, *_ in events)
    yield "the whole, against the slots' own time", f"{(last - first) / (jobs / limit):.2f}", None


def contention(jobs: int = 200, limit: int = 6) -> Figures:
    """200 jobs enter and leave one gate as fast as they can, from 1, 4 and 8 instances of the app with 8 threads each"""
    with tempfile.TemporaryDirectory() as folder, Azurite(Path(folder)) as azurite:
        for instances in (1, 4, 8):
            provider, counts = f"gate{instances}", {"reads": 0, "writes": 0, "conflicts": 0}
            apps = [GateStore(Documents(_counted(azurite, counts)), {provider: limit}) for _ in range(instances)]

            def enter(number: int, apps: list[GateStore] = apps, provider: str = provider) -> None:
                holder = f"job_{number:03}/0"
                apps[number % len(apps)].change(provider, lambda gate: gate.enter(holder, holder, "event"))

            def leave(number: int, apps: list[GateStore] = apps, provider: str = provider) -> None:
                apps[number % len(apps)].change(provider, lambda gate: gate.leave(f"job_{number:03}/0", "ok"))

            began = time.perf_counter()
            with ThreadPoolExecutor(8 * instances) as pool:
                list(pool.map(enter, range(jobs)))
                most_waiting, _ = apps[0].change(provider, lambda gate: len(gate.document["waiting"]))
                list(pool.map(leave, range(jobs)))
            seconds = time.perf_counter() - began
            operations = counts["reads"] + counts["writes"] + counts["conflicts"]
            yield f"{instances} instances: most waiting", most_waiting, most_waiting == jobs - limit
            yield f"{instances} instances: changes a second", f"{2 * jobs / seconds:.0f}", None
            yield f"{instances} instances: storage operations per change", f"{operations / (2 * jobs):.2f}", None
            yield f"{instances} instances: writes that lost against another", counts["conflicts"], None


def _counted(azurite: Azurite, counts: dict[str, int]) -> BlobStore:
    """A store whose requests are counted as they are answered."""

    def count(response: Any) -> None:
        status, request = response.http_response.status_code, response.http_request
        if "restype=container" not in request.url:
            counts["conflicts" if status in (409, 412) else "reads" if request.method == "GET" else "writes"] += 1

    return BlobStore(BlobServiceClient.from_connection_string(azurite.connection_string, raw_response_hook=count))


def kills(jobs: int = 200, times: int = 30, seed: int = 7) -> Figures:
    """200 jobs, the host killed with -9 at 30 random moments, one provider call in five fails"""
    rng = random.Random(seed)
    trouble = [
        {"on": "create", "kind": "status", "status": 503, "probability": 0.1},
        {"on": "create", "kind": "status", "status": 429, "retry_after": 1, "header": True, "probability": 0.07},
        {"on": "create", "kind": "disconnect_before", "probability": 0.02},
        {"on": "create", "kind": "disconnect_after", "probability": 0.01},
        {"on": "poll", "kind": "status", "status": 500, "probability": 0.2},
        {"on": "download", "kind": "truncated_body", "probability": 0.2},
        {"on": "list", "kind": "status", "status": 500, "probability": 0.2},
    ]
    with tempfile.TemporaryDirectory() as folder:
        stack = Stack(Path(folder), QUEUE_TIMEOUT_SECONDS="3600")
        stack.start()
        try:
            bad_day: dict[str, Any] = {"delay_seconds": [1, 3], "faults": trouble}
            stack.configure(replicate={**bad_day, "seed": 1}, bfl={**bad_day, "seed": 2})

            def post(number: int) -> requests.Response:
                if number % 2:
                    return stack.goods(_picture(), prompt=f"number {number}")
                return stack.ppl(_picture(), _picture(), prompt=f"number {number}")

            accepted = _post(stack, jobs, post)
            for _ in range(times):
                time.sleep(rng.uniform(0.1, 2.0))
                stack.kill_host()
                stack.start("/api/health")
                # Faults do not outlive the simulators' restart.
                stack.configure(replicate={"faults": trouble}, bfl={"faults": trouble})
            ended = _all_ended(stack, accepted, seconds=900)
            stats = {name: stack.stats(name) for name in ("replicate", "bfl")}
        finally:
            stack.stop()
    succeeded, flagged = _count(ended, "succeeded"), sum(job["possible_duplicate"] for job in ended)
    billed, duplicates = (sum(stats[name][figure] for name in stats) for figure in ("billed", "duplicates"))
    yield "jobs lost (never ended, or ended without an answer)", jobs - len(ended), len(ended) == jobs
    yield "jobs that succeeded", succeeded, None
    codes = sorted(f"{job['error']['code']}/{job['error']['charged']}" for job in ended if job["status"] != "succeeded")
    yield "jobs that failed, by code and charge", ", ".join(sorted(set(codes))) or "none", None
    yield "double submits", duplicates, duplicates <= flagged
    yield "jobs flagged as possible duplicates", flagged, None
    most = stats["bfl"]["max_active"]
    yield "most active at BFL", most, most <= 6
    lost_picture = sum("/unknown" in code or "/yes" in code for code in codes)
    yield "predictions billed", billed, None
    yield (
        "  less succeeded jobs and flagged double submits",
        billed - succeeded - duplicates,
        (succeeded <= billed <= succeeded + duplicates + lost_picture),
    )


def rotation(jobs: int = 60) -> Figures:
    """both keys changed in Key Vault and at the providers while 60 jobs are under way"""
    with tempfile.TemporaryDirectory() as folder:
        secrets = {"replicate-api-token": "r8_first", "bfl-api-key": "first"}
        with CloudSecrets(Path(folder) / "vault", **secrets) as cloud, Stack(Path(folder), **cloud.settings) as stack:
            stack.configure(replicate={"delay_seconds": 3, "keys": ["r8_first"]}, bfl={"delay_seconds": 1, "keys": ["first"]})

            def post(number: int) -> requests.Response:
                if number == jobs // 2:
                    cloud.vault.secrets = {"replicate-api-token": "r8_second\n", "bfl-api-key": " second"}
                    stack.configure(replicate={"keys": ["r8_second"]}, bfl={"keys": ["second"]})
                return stack.goods(_picture()) if number % 2 else stack.ppl(_picture(), _picture())

            ended = _all_ended(stack, _post(stack, jobs, post))
            refused = sum(stack.stats(name)["http"].get(code, 0) for name in ("replicate", "bfl") for code in ("401", "403"))
            asked = sum(token is not None for _, token in cloud.vault.asked)
    yield "jobs that succeeded", _count(ended, "succeeded"), _count(ended, "succeeded") == jobs
    yield "calls that a provider refused because of the old key", refused, refused > 0
    yield "reads of the vault", asked, None


def overhead(jobs: int = 40, provider_seconds: float = 4.0) -> Figures:
    """what we add to the provider's own time, PPL, one job after another from two clients"""
    for how in ("polling", "webhook"):
        port = free_port()
        settings = {"PUBLIC_BASE_URL": f"http://127.0.0.1:{port}"} if how == "webhook" else {}
        with tempfile.TemporaryDirectory() as folder:
            stack = Stack(Path(folder), **settings)
            stack.port, stack.url = port, f"http://127.0.0.1:{port}"
            with stack:
                # Not a whole number of seconds, which would flatter a poll a second.
                stack.configure(replicate={"delay_seconds": [provider_seconds - 0.5, provider_seconds + 0.5], "seed": 5})

                def seconds(_: int, stack: Stack = stack) -> tuple[float, float]:
                    began = time.perf_counter()
                    job = stack.ppl(_picture(), _picture(), {"Prefer": "wait=60"}).json()
                    assert job["status"] == "succeeded", job
                    return time.perf_counter() - began, job["metrics"]["provider_ms"] / 1000

                with ThreadPoolExecutor(2) as pool:
                    taken = list(pool.map(seconds, range(jobs)))
                polls = stack.stats("replicate")["polls"] / jobs
        over = sorted(whole - provider_seconds for whole, _ in taken)
        yield (
            f"{how}: POST to answer, less the provider's mean {provider_seconds:.0f} s, p50",
            f"{statistics.median(over):.2f} s",
            None,
        )
        yield f"{how}: the same, p95 (the provider's own spread is 0.5 s)", f"{_p95(over):.2f} s", None
        yield f"{how}: polls per job", f"{polls:.1f}", None


def _picture() -> bytes:
    return pictures.photo_jpeg(400, 400)


def _post(stack: Stack, jobs: int, post: Callable[[int], requests.Response]) -> list[str]:
    def accepted(number: int) -> str:
        answer = post(number)
        assert answer.status_code == 202, answer.text
        return str(answer.json()["id"])

    with ThreadPoolExecutor(CLIENTS) as pool:
        return list(pool.map(accepted, range(jobs)))


def _all_ended(stack: Stack, accepted: list[str], seconds: float = 600) -> list[dict[str, Any]]:
    ends, jobs = time.monotonic() + seconds, []
    for job_id in accepted:
        try:
            jobs.append(stack.ended(job_id, max(1.0, ends - time.monotonic())))
        except TimeoutError as error:
            print(f"  not ended: {error}")
    return jobs


def _count(jobs: list[dict[str, Any]], status: str) -> int:
    return sum(job["status"] == status for job in jobs)


def _p95(values: list[float]) -> float:
    return statistics.quantiles(values, n=20)[-1]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
