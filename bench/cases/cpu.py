"""Processor seconds of the host per job, 3 s at the provider: ten jobs, posted a tenth of a second apart, by clients that look at
their job once a second, and again by clients that never look; the same from the service that was replaced.

What the host spends without a job in the same time is taken off.
"""

import statistics
import time
from collections.abc import Callable, Iterator

import psutil

from bench import clients, hosts
from bench.clients import Form
from bench.table import Row, spread
from tests import pictures
from tests.hub import Hub
from tests.stack import Stack

SECONDS, JOBS, ROUNDS, APART = 3, 10, 3, 0.1
GOODS_GOAL, PPL_GOAL = 0.10, 0.13
#: The one that is replaced makes goods one after the other.
BASELINE_GOODS = 3


def rows(is_long: bool) -> Iterator[Row]:
    image = pictures.photo_jpeg(800, 800)
    goods, ppl = clients.goods(image), clients.ppl(image, image)
    with hosts.fresh_stack(SECONDS) as stack:
        with hosts.Baseline(stack.simulators) as baseline:
            old_goods = _per_job(baseline.host, [goods] * BASELINE_GOODS, _looking(baseline.url), 0.0, rounds=1)
            old_ppl = _per_job(baseline.host, [ppl] * JOBS, _looking(baseline.url), 0.0)
        idle = _idle(stack)
        host = hosts.host_of(stack)
        looked_at = _per_job(host, [goods] * JOBS, _looking(stack.url), idle)
        yield _row("goods, the client looks once a second", looked_at, old_goods, GOODS_GOAL)
        yield _row("goods, nobody looks", _per_job(host, [goods] * JOBS, _unseen(stack), idle), old_goods)
        yield _row("PPL, polled, the client looks", _per_job(host, [ppl] * JOBS, _looking(stack.url), idle), old_ppl, PPL_GOAL)
    with hosts.fresh_stack(SECONDS, is_told=True) as stack:
        idle, host = _idle(stack), hosts.host_of(stack)
        told = _per_job(host, [ppl] * JOBS, _looking(stack.url), idle)
        yield _row("PPL, told by webhook, the client looks", told, old_ppl, PPL_GOAL)
        yield _row("PPL, told, nobody looks", _per_job(host, [ppl] * JOBS, _unseen(stack), idle), old_ppl)
    yield Row("the host without a job, of a second", f"{idle * 1000:.1f} ms")


def _per_job(
    host: psutil.Process, forms: list[Form], make: Callable[[list[Form]], object], idle: float, rounds: int = ROUNDS
) -> list[float]:
    """Of each round. One job before them warms up."""
    make(forms[:1])
    found = []
    for _ in range(rounds):
        began = time.monotonic()
        with hosts.spent(host) as cpu:
            make(forms)
        found.append((cpu[0] - idle * (time.monotonic() - began)) / len(forms))
    return found


def _looking(url: str) -> Callable[[list[Form]], object]:
    return lambda forms: clients.together(url, forms, apart=APART)


def _unseen(stack: Stack) -> Callable[[list[Form]], object]:
    def make(forms: list[Form]) -> None:
        clients.posted(stack.url, forms, apart=APART)
        Hub(stack.folder).wait_until_idle(hosts.PATIENCE_SECONDS)

    return make


def _idle(stack: Stack, seconds: float = 4.0) -> float:
    with hosts.spent(hosts.host_of(stack)) as cpu:
        time.sleep(seconds)
    return cpu[0] / (seconds + hosts.SETTLE_SECONDS)


def _row(what: str, ours: list[float], old: list[float], goal: float | None = None) -> Row:
    middle, base = statistics.median(ours), statistics.median(old)
    return Row(
        what, spread(ours, digits=3), spread(old, digits=3), middle / base,
        "" if goal is None else f"<= {goal:.2f} s", None if goal is None else round(middle, 3) <= goal,
        "Python in the host: the app, the SDKs and the devhost's engine",
    )  # fmt: skip
