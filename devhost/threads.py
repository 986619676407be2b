"""The host's own blocking work: apart from the loop's default executor, which is the app's alone, as in the worker's process."""

import asyncio
import functools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

_own = ThreadPoolExecutor(32, thread_name_prefix="devhost")


async def run(function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    return await asyncio.get_running_loop().run_in_executor(_own, functools.partial(function, *args, **kwargs))
