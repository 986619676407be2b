"""A thousand goods jobs of 1 s, posted within a minute whatever the answers (an open loop), with 6 slots at the provider and with
64. Their clients look as Retry-After tells them. Minutes: with --long only.

None may be lost, and none is submitted twice; looks are quick all the while, and the host's memory is as it was.
"""

import asyncio
import random
import threading
from collections.abc import Iterator
from dataclasses import dataclass

from bench import clients, hosts
from bench.clients import Creators, Seen
from bench.table import Row, percentile
from tests import pictures
from tests.stack import Stack

JOBS, POSTED_WITHIN, SECONDS, CAPS = 1000, 60.0, 1.0, (6, 64)
LOOK_GOAL = 0.5
#: Of a client; the last job of 6 slots waits for a thousand seconds divided by six, and for what the machine cannot do meanwhile.
PATIENCE_SECONDS = 1200.0
#: The host's memory in the last third of a burst, against the third before.
GROWTH_GOAL = 1.1


def rows(is_long: bool) -> Iterator[Row]:
    if not is_long:
        return
    for cap in CAPS:
        limits: dict[str, str] = {"BFL_MAX_ACTIVE": str(cap), "BFL_KONTEXT_MAX_ACTIVE": str(cap), "QUEUE_TIMEOUT_SECONDS": "3600"}
        with hosts.fresh_stack(SECONDS, settings=limits) as stack:
            hosts.let_providers_take(stack, SECONDS, max_active=cap)
            yield from _burst(stack, cap)


def _burst(stack: Stack, cap: int) -> Iterator[Row]:
    image, rng = pictures.photo_jpeg(800, 800), random.Random(17)
    # As people come: at any moment of the minute. No two are the same, so that a job that is submitted twice is seen.
    moments = sorted(rng.uniform(0, POSTED_WITHIN) for _ in range(JOBS))
    forms = [clients.goods(image, f"number {n}") for n in range(JOBS)]

    async def make(creators: Creators) -> list[Seen | BaseException]:
        work = (creators.make(form, moment) for form, moment in zip(forms, moments, strict=True))
        return await asyncio.gather(*work, return_exceptions=True)

    with _Memory(stack) as memory, hosts.Everything(stack) as spent:
        found = clients.run(stack.url, make, every=None, patience=PATIENCE_SECONDS)
    made, stats = [each for each in found if isinstance(each, Seen)], stack.stats("bfl")
    seconds = max(seen.completed for seen in made) - min(seen.posted for seen in made)
    looks, posts = [look for seen in made for look in seen.looks], [seen.answered - seen.posted for seen in made]
    with_cap, ideal = f"{cap} slots: ", max(POSTED_WITHIN, JOBS * SECONDS / cap)
    lost = (
        f"{JOBS - len(made)} lost, {stats['submits']} submits, {stats['duplicates']} twice, at most {stats['max_active']} at once"
    )
    is_right = len(made) == JOBS == stats["submits"] and stats["duplicates"] == 0 and stats["max_active"] <= cap
    why = next((repr(each) for each in found if not isinstance(each, Seen)), "")
    yield Row(f"{with_cap}{JOBS} jobs", lost, goal="none lost", holds=is_right, limit=why)
    yield Row(
        f"{with_cap}until the last has ended", f"{seconds:.0f} s", f"{ideal:.0f} s (slots and posting)", seconds / ideal,
        limit=spent.told(JOBS),
    )  # fmt: skip
    looks_told = f"p50 {percentile(looks, 50) * 1000:.0f} ms, p95 {percentile(looks, 95) * 1000:.0f} ms of {len(looks)}"
    yield Row(f"{with_cap}a look", looks_told, goal=f"p95 <= {LOOK_GOAL} s", holds=percentile(looks, 95) <= LOOK_GOAL)
    yield Row(f"{with_cap}a POST", f"p50 {percentile(posts, 50):.2f} s, p95 {percentile(posts, 95):.2f} s")
    start, middle, end = memory.thirds()
    told = f"{start:.0f} MB, {middle:.0f} MB, {end:.0f} MB"
    yield Row(f"{with_cap}the host's memory in each third, at most", told, goal="flat", holds=end <= GROWTH_GOAL * middle)


@dataclass
class _Memory:
    """The host's resident memory, looked at once a second meanwhile."""

    stack: Stack

    def __enter__(self) -> "_Memory":
        self._over, self._bytes = threading.Event(), [hosts.host_of(self.stack).memory_info().rss]
        self._watching = threading.Thread(target=self._watch)
        self._watching.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._watching.join()

    def _watch(self) -> None:
        host = hosts.host_of(self.stack)
        while not self._over.wait(1):
            self._bytes.append(host.memory_info().rss)

    def thirds(self) -> tuple[float, float, float]:
        """The most in each third of the time, in MB."""
        third = max(1, len(self._bytes) // 3)
        parts = (self._bytes[:third], self._bytes[third : 2 * third], self._bytes[2 * third :])
        start, middle, end = (max(part or self._bytes) / 1e6 for part in parts)
        return start, middle, end
