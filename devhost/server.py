"""What answers HTTP, with Kestrel's limits, until the process is told to end."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from devhost.http_host import MAX_HEADERS_BYTES, MAX_LINE_BYTES


@asynccontextmanager
async def listening(
    routes: Sequence[web.RouteDef], site: Callable[[web.AppRunner], web.BaseSite], middlewares: Sequence[Any] = ()
) -> AsyncIterator[None]:
    server = web.Application(client_max_size=0, middlewares=middlewares)
    server.add_routes(routes)
    runner = web.AppRunner(
        server, access_log=None, shutdown_timeout=1.0, max_line_size=MAX_LINE_BYTES, max_field_size=MAX_HEADERS_BYTES,
        # Kestrel hands a compressed body on as it is: what is to be said of it the app says.
        auto_decompress=False,
    )  # fmt: skip
    await runner.setup()
    await site(runner).start()
    try:
        yield
    finally:
        await runner.cleanup()


def stop_asked() -> asyncio.Event:
    """Set by SIGTERM or SIGINT."""
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    return stopped
