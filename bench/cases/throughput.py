"""Jobs a second where providers take no time: so many clients at once, each of which posts its next job as soon as its last one
has ended; and which process spends how much of the machine's processor time.
"""

import asyncio
import time
from collections.abc import Iterator

from bench import clients, hosts
from bench.clients import Creators, Form, Seen
from bench.table import Row
from tests import pictures
from tests.stack import Stack

CLIENTS, SECONDS, WARM_SECONDS = (4, 16, 64), 10.0, 3.0
#: Of each client; Retry-After says a second, of which most would be spent on waiting.
LOOKS_EVERY = 0.5


def rows(is_long: bool) -> Iterator[Row]:
    image = pictures.photo_jpeg(800, 800)
    for kind, form in (("goods", clients.goods(image)), ("PPL, told", clients.ppl(image, image))):
        with hosts.fresh_stack(0, is_told=True) as stack:
            yield from _of(kind, form, stack)


def _of(kind: str, form: Form, stack: Stack) -> Iterator[Row]:
    _rate(stack, form, CLIENTS[0], WARM_SECONDS)
    for number in CLIENTS:
        with hosts.Everything(stack) as spent:
            jobs = _rate(stack, form, number, SECONDS)
        yield Row(f"{kind}, {number} clients", f"{jobs / spent.seconds:.1f} jobs/s", limit=spent.told(jobs))


def _rate(stack: Stack, form: Form, number: int, seconds: float) -> int:
    """How many jobs were made until all that were begun within `seconds` have ended."""

    async def make(creators: Creators) -> list[Seen]:
        ends = time.monotonic() + seconds

        async def one_after_another() -> list[Seen]:
            made = []
            while time.monotonic() < ends:
                made.append(await creators.make(form))
            return made

        return [seen for each in await asyncio.gather(*(one_after_another() for _ in range(number))) for seen in each]

    return len(clients.run(stack.url, make, every=LOOKS_EVERY))
