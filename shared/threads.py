"""Blocking work beside the event loop: on threads of the app's own, as many as the worker has for functions without `async`.

`asyncio.to_thread` takes the loop's default executor, which the worker leaves as Python makes it: cores and four, five threads on
an instance with one core, for everything (Azure/azure-functions-python-worker, dispatcher.py: the threads that
PYTHON_THREADPOOL_THREAD_COUNT counts serve functions without `async` only). Four uploads or five slow answers of a provider would
stop everybody else, so nothing of the app calls it (ruff refuses it, see pyproject.toml).
"""

import asyncio
import contextvars
import functools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from shared.settings import Settings

P = ParamSpec("P")
T = TypeVar("T")


async def run(function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """What `function` returns or raises on a thread, in the caller's context. Work that has begun is never interrupted."""
    call = functools.partial(contextvars.copy_context().run, function, *args, **kwargs)
    return await asyncio.get_running_loop().run_in_executor(_executor(), call)


@functools.cache
def _executor() -> ThreadPoolExecutor:
    """Made when first asked for: a placeholder of the platform gets the app's settings after its start."""
    return ThreadPoolExecutor(Settings.from_environ().python_threads, thread_name_prefix="app")
