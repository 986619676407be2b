"""One clock and one source of chance for all code of the app: virtual time, and the same numbers for the same seed."""

import asyncio
import contextlib
import functools
import logging
import random
import secrets
import sys
import time
import uuid
from collections.abc import Callable, Coroutine, Iterator
from datetime import UTC, datetime, tzinfo
from types import ModuleType, SimpleNamespace
from typing import Any, TypeVar
from unittest import mock

import azure.durable_functions  # noqa: F401 - its modules are looked up below

from shared import threads

T = TypeVar("T")

_APP = ("activities", "orchestrators", "shared", "triggers")
_loops: list[asyncio.AbstractEventLoop] = []


@contextlib.contextmanager
def virtual(now: Callable[[], datetime], sleep: Callable[[float], None], rng: random.Random) -> Iterator[None]:
    """Inside, the app's modules read `now`, sleep by `sleep`, and draw from `rng`; threads and log lines are left out."""
    with contextlib.ExitStack() as stack:
        for module, name, value in _replacements(now, sleep, rng):
            stack.enter_context(mock.patch.object(module, name, value))
        disabled, state = logging.root.manager.disable, random.getstate()
        logging.disable(logging.CRITICAL)
        random.seed(rng.getrandbits(64))
        try:
            yield
        finally:
            random.setstate(state)
            logging.disable(disabled)


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """The coroutine's result, on a loop of its own: also from within one that runs (a stalled step has others beside it)."""
    outer = asyncio._get_running_loop()
    asyncio._set_running_loop(None)
    loop = _loops.pop() if _loops else asyncio.new_event_loop()
    try:
        return loop.run_until_complete(coroutine)
    finally:
        _loops.append(loop)
        asyncio._set_running_loop(outer)


def close_loops() -> None:
    while _loops:
        _loops.pop().close()


def _replacements(
    now: Callable[[], datetime], sleep: Callable[[float], None], rng: random.Random
) -> Iterator[tuple[ModuleType, str, Any]]:
    clock, moments = _time_module(now, sleep), _datetime_class(now)
    for name, module in list(sys.modules.items()):
        if module is None or name.partition(".")[0] not in _APP:
            continue
        if getattr(module, "time", None) is time:
            yield module, "time", clock
        if getattr(module, "datetime", None) is datetime:
            yield module, "datetime", moments

    async def sleep_on_the_clock(seconds: float, result: Any = None) -> Any:
        sleep(seconds)
        return result

    async def here(function: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        return function(*args, **kwargs)

    yield asyncio, "sleep", sleep_on_the_clock
    yield threads, "run", here
    yield secrets, "randbits", rng.getrandbits
    yield secrets, "randbelow", rng.randrange
    yield secrets, "token_hex", lambda size=16: rng.randbytes(size).hex()
    yield secrets, "token_urlsafe", lambda size=16: rng.randbytes(size).hex()
    yield uuid, "uuid4", lambda: uuid.UUID(int=rng.getrandbits(128), version=4)
    # The SDK reads each time of a history anew in each episode, which would take most of the time.
    for name in ("history.HistoryEvent", "DurableOrchestrationStatus"):
        yield sys.modules[f"azure.durable_functions.models.{name}"], "dt_parse", _parsed


def _time_module(now: Callable[[], datetime], sleep: Callable[[float], None]) -> Any:
    def seconds() -> float:
        return now().timestamp()

    def nanoseconds() -> int:
        return int(now().timestamp() * 1_000_000) * 1000

    return SimpleNamespace(
        time=seconds, monotonic=seconds, perf_counter=seconds, time_ns=nanoseconds, monotonic_ns=nanoseconds, sleep=sleep
    )


def _datetime_class(now: Callable[[], datetime]) -> type[datetime]:
    class Virtual(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return now().astimezone(tz)

    return Virtual


@functools.lru_cache(maxsize=50_000)
def _parsed(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(UTC)
