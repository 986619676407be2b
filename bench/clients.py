"""Creators at their pages, many in one process and cheap beside what they measure: each posts a form and looks at its job."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

import aiohttp
from urllib3 import encode_multipart_formdata

T = TypeVar("T")
ENDS = ("succeeded", "failed", "canceled")
#: Whoever waits longer than this for a job has found a fault.
PATIENCE_SECONDS = 300.0


@dataclass(frozen=True)
class Form:
    """A request, encoded once."""

    path: str
    body: bytes = field(repr=False)
    content_type: str


def goods(image: bytes, prompt: str = "on a mug") -> Form:
    return _form("/api/goods-gen/generate", prompt, {"input_image": image})


def ppl(character: bytes, product: bytes, prompt: str = "hero drinks it") -> Form:
    return _form("/api/ppl-gen/generate", prompt, {"input_image_1": character, "input_image_2": product})


def _form(path: str, prompt: str, files: dict[str, bytes]) -> Form:
    fields: dict[str, str | tuple[str, bytes, str]] = {"prompt": prompt}
    fields |= {name: (f"{name}.jpg", data, "image/jpeg") for name, data in files.items()}
    return Form(path, *encode_multipart_formdata(fields))


@dataclass
class Seen:
    """What one creator saw. Times are seconds since the epoch."""

    posted: float
    #: When the POST was answered: by this app with a job, by the baseline with the picture.
    answered: float = 0.0
    #: When the job was seen to have ended.
    ended: float = 0.0
    job: dict[str, Any] = field(default_factory=dict)
    #: Seconds that each look took.
    looks: list[float] = field(default_factory=list)

    @property
    def completed(self) -> float:
        """When the job ended, as it says itself; of the baseline's, when it answered."""
        return datetime.fromisoformat(self.job["completed_at"]).timestamp() if self.job else self.ended


class Creators:
    """`every`: seconds between an answer and the next look; None as the answer's Retry-After says."""

    def __init__(self, url: str, session: aiohttp.ClientSession, every: float | None, patience: float) -> None:
        self._url = url
        self._session = session
        self._every = every
        self._patience = patience

    async def make(self, form: Form, delay: float = 0.0) -> Seen:
        """Post after `delay` seconds, and look until the job has ended. Raises RuntimeError unless it has succeeded."""
        await asyncio.sleep(delay)
        seen = await self.post(form)
        while not seen.ended:
            await self.look(seen)
        if seen.job and seen.job["status"] != "succeeded":
            raise RuntimeError(f"a job ended otherwise: {seen.job['id']} {seen.job['error']}")
        return seen

    async def post(self, form: Form, delay: float = 0.0) -> Seen:
        await asyncio.sleep(delay)
        seen = Seen(time.time())
        headers = {"Content-Type": form.content_type}
        async with self._session.post(self._url + form.path, data=form.body, headers=headers) as answer:
            await answer.read()
            seen.answered = time.time()
            if answer.status == 202:
                seen.job = await answer.json()
            elif answer.status == 200 and answer.content_type.startswith("image/"):
                seen.ended = seen.answered
            else:
                raise RuntimeError(f"a POST was answered {answer.status}: {await answer.text()}")
        return seen

    async def look(self, seen: Seen) -> None:
        """Wait until it is time, then ask once."""
        await asyncio.sleep(self._every if self._every is not None else seen.job.get("retry_after", 1.0))
        job, seconds = await self.get(seen.job["id"])
        seen.looks.append(seconds)
        seen.job, now = job, time.time()
        if job["status"] in ENDS:
            seen.ended = now
        elif now - seen.answered > self._patience:
            raise TimeoutError(f"{job['id']} is {job['status']}, {job['stage']}")

    async def get(self, job_id: str, query: str = "") -> tuple[dict[str, Any], float]:
        """A job, and the seconds that the answer took."""
        began = time.perf_counter()
        async with self._session.get(f"{self._url}/api/jobs/{job_id}{query}") as answer:
            text = await answer.read()
            seconds = time.perf_counter() - began
            if answer.status != 200:
                raise RuntimeError(f"a GET was answered {answer.status}: {text[:300]!r}")
            job: dict[str, Any] = await answer.json()
            return job | {"retry_after": float(answer.headers.get("Retry-After", 1))}, seconds


def run(url: str, work: Callable[[Creators], Awaitable[T]], every: float | None = 1.0, patience: float = PATIENCE_SECONDS) -> T:
    """What `work` gives, with creators whose connections are kept open, as many as they need."""

    async def all_of_it() -> T:
        timeout = aiohttp.ClientTimeout(total=patience)
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(connector=connector, timeout=timeout, trust_env=False) as session:
            return await work(Creators(url, session, every, patience))

    return asyncio.run(all_of_it())


def together(url: str, forms: Iterable[Form], *, every: float = 1.0, apart: float = 0.0) -> list[Seen]:
    """Each form by a creator of its own, `apart` seconds after the one before; looks until all have ended."""
    return run(url, lambda c: _all(c.make(form, n * apart) for n, form in enumerate(forms)), every)


def until_last(seen: Iterable[Seen]) -> float:
    """Seconds from the first POST until the last job has ended."""
    jobs = list(seen)
    return max(each.completed for each in jobs) - min(each.posted for each in jobs)


def posted(url: str, forms: Iterable[Form], *, apart: float = 0.0, spread: float = 0.0) -> list[Seen]:
    """The same, and nobody looks at the jobs. Each comes later by up to `spread` seconds, at random but in each run alike."""
    chance = random.Random(3)
    return run(url, lambda c: _all(c.post(form, n * apart + chance.uniform(0, spread)) for n, form in enumerate(forms)))


async def _all(work: Iterable[Awaitable[T]]) -> list[T]:
    return list(await asyncio.gather(*work))
