"""What it takes to follow a job that runs: a GET, one after the other, a hundred a second, and fewer, as a hundred would load a
quicker machine; a held GET (?wait=10) for as long as it is held; and what everybody else waits for while a job hangs at its
provider, beside the service that was replaced.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator

import psutil
import requests

from bench import clients, hosts
from bench.clients import Creators
from bench.table import Row, percentile
from tests import pictures
from tests.stack import Stack

#: Longer than the case; they wait for the provider's webhook, so that all that the host does is for those who look.
RUNNING_SECONDS, RUNNING = 500.0, 10
SETTINGS = {"GENERATION_TIMEOUT_SECONDS": "600"}
ALONE, RATE, RATE_SECONDS = 300, 100, 6.0
#: A machine that is 1.3 or 1.7 times as quick is as busy with a hundred.
QUICKER = (1.3, 1.7)
HELD, HELD_SECONDS = 50, 10
OTHERS_SECONDS = 3
GOAL = 0.020


def rows(is_long: bool) -> Iterator[Row]:
    image = pictures.photo_jpeg(800, 800)
    ppl = clients.ppl(image, image)
    with hosts.fresh_stack(RUNNING_SECONDS, is_told=True, settings=SETTINGS) as stack:
        host = hosts.host_of(stack)
        running = [seen.job["id"] for seen in clients.posted(stack.url, [ppl] * RUNNING, apart=0.2)]
        time.sleep(5)
        alone, cpu = _spent(host, lambda: clients.run(stack.url, lambda c: _one_after_another(c, running)))
        yield Row(
            "a GET, one after the other", _told(alone), limit=f"{cpu / ALONE * 1000:.1f} ms of the host's processor time each"
        )
        yield _rushed(stack, running, RATE, GOAL)
        for times in QUICKER:
            yield _rushed(stack, running, round(RATE / times))
        held, cpu = _spent(host, lambda: clients.run(stack.url, lambda c: _held(c, running)))
        limit = f"{cpu / len(held) / HELD_SECONDS * 1000:.1f} ms of the host's processor time for each second that one is held"
        yield Row(f"{HELD} held GETs at once (?wait={HELD_SECONDS})", _told(held), limit=limit)
    yield _others()


def _rushed(stack: Stack, running: list[str], rate: int, goal: float | None = None) -> Row:
    host = hosts.host_of(stack)
    seconds, cpu = _spent(host, lambda: clients.run(stack.url, lambda c: _at_a_rate(c, running, rate)))
    limit = f"{cpu / len(seconds) * 1000:.1f} ms of the host's processor time each, {cpu / RATE_SECONDS:.2f} of a core"
    is_quick = percentile(seconds, 95) <= goal if goal else None
    told = f"p95 <= {goal * 1000:.0f} ms" if goal else ""
    return Row(f"{rate} GETs a second", _told(seconds), goal=told, holds=is_quick, limit=limit)


def _spent(host: psutil.Process, work: Callable[[], list[float]]) -> tuple[list[float], float]:
    with hosts.spent(host) as cpu:
        found = work()
    return found, cpu[0]


async def _one_after_another(creators: Creators, jobs: list[str]) -> list[float]:
    return [(await _get(creators, jobs, n)) for n in range(ALONE)]


async def _at_a_rate(creators: Creators, jobs: list[str], rate: int) -> list[float]:
    """None waits for another's answer."""

    async def one(number: int) -> float:
        await asyncio.sleep(number / rate)
        return await _get(creators, jobs, number)

    return await asyncio.gather(*(one(n) for n in range(int(rate * RATE_SECONDS))))


async def _held(creators: Creators, jobs: list[str]) -> list[float]:
    return await asyncio.gather(*(_get(creators, jobs, n, f"?wait={HELD_SECONDS}") for n in range(HELD)))


async def _get(creators: Creators, jobs: list[str], number: int, query: str = "") -> float:
    job, seconds = await creators.get(jobs[number % len(jobs)], query)
    assert job["status"] not in clients.ENDS, job
    return seconds


def _others() -> Row:
    """Others' requests while one goods job is at its provider: the one that is replaced answers nobody."""
    image = pictures.photo_jpeg(300, 300)
    with hosts.fresh_stack(OTHERS_SECONDS) as stack, hosts.Baseline(stack.simulators) as baseline:
        ours = _meanwhile(lambda: stack.goods(image, {"Prefer": "wait=60"}), f"{stack.url}/api/options")
        path, data, files = "/api/goods-gen/generate", {"prompt": "on a mug"}, {"input_image": image}
        old = _meanwhile(
            lambda: requests.post(baseline.url + path, data=data, files=files, timeout=60), f"{baseline.url}/api/health"
        )
    p95, base = percentile(ours, 95), max(old)
    return Row("another's request while a goods job runs, p95", f"{p95 * 1000:.0f} ms", f"{base * 1000:.0f} ms", p95 / base)


def _meanwhile(work: Callable[[], requests.Response], url: str) -> list[float]:
    """The seconds of each of others' requests from when `work` has begun until it has ended."""
    answers: list[requests.Response] = []
    working = threading.Thread(target=lambda: answers.append(work()))
    working.start()
    time.sleep(0.3)
    seconds = []
    with requests.Session() as session:
        while working.is_alive():
            began = time.perf_counter()
            session.get(url, timeout=60).raise_for_status()
            seconds.append(time.perf_counter() - began)
            time.sleep(0.02)
    answers[0].raise_for_status()
    return seconds


def _told(seconds: list[float]) -> str:
    return f"p50 {percentile(seconds, 50) * 1000:.1f} ms, p95 {percentile(seconds, 95) * 1000:.1f} ms"
