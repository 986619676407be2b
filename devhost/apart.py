"""With DEVHOST_HTTP_APART=1 HTTP functions run in one process and all else in another, as on Flex Consumption, whose instances
each take one group of functions (learn.microsoft.com/azure/azure-functions/event-driven-scaling, "Per-function scaling").

There timers and queues are groups of their own; here they are with Durable's. What the two share is storage and the management
API, as it would be between instances.
"""

import argparse
import asyncio
import contextlib
import logging
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

from aiohttp import ClientError, ClientSession, web
from yarl import URL

from devhost import threads
from devhost.app_loader import App, load_app
from devhost.background import UNSERVABLE, Background, function_threads, hub_name
from devhost.management_api import PUBLIC, client_json
from devhost.server import listening, stop_asked
from devhost.telemetry import capture_from_environment, set_up_logging

_SETTING = "DEVHOST_HTTP_APART"
_STOP_SECONDS = 5.0
#: Of a connection, not of what it carries.
_OWN_HEADERS = {"host", "content-length", "transfer-encoding", "connection", "keep-alive", "date", "server"}


def is_wanted(environ: Mapping[str, str]) -> bool:
    return environ.get(_SETTING, "").lower() in ("1", "true")


class BackgroundProcess:
    """Background (of which it has the interface) in a process that ends when this one does, however that ends."""

    def __init__(self, app: App, state: Path, port: int) -> None:
        # Bound here, so that nobody else takes the port, and what comes early waits in its line.
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self._origin = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._options = ["--app", str(app.folder), "--state", str(state), "--port", str(port)]
        self.client_json = client_json(self._origin, hub_name(app))
        self._process: subprocess.Popen[bytes]
        self._session: ClientSession

    def routes(self) -> list[web.RouteDef]:
        return [web.route("*", f"{PUBLIC}/{{rest:.*}}", self._hand_on)]

    async def start(self) -> None:
        """Returns when the other process answers, or has ended."""
        self._spawn()
        self._session = ClientSession(trust_env=False, auto_decompress=False)
        with contextlib.suppress(ClientError):
            async with self._session.get(f"{self._origin}{PUBLIC}/instances/none"):
                pass

    def _spawn(self) -> None:
        given = self._socket.fileno()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "devhost.apart", *self._options, "--socket", str(given)],
            # The app has changed the working directory.
            cwd=Path(__file__).resolve().parent.parent, stdin=subprocess.PIPE, pass_fds=[given],
        )  # fmt: skip
        self._socket.close()

    async def ended(self) -> None:
        """When it has ended by itself."""
        await threads.run(self._process.wait)

    def stop(self) -> None:
        """Nothing yet: requests that are under way here need it until close()."""

    async def close(self) -> None:
        await self._session.close()
        self._process.terminate()
        try:
            await threads.run(self._process.wait, _STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            await threads.run(self._process.wait)

    async def _hand_on(self, request: web.Request) -> web.Response:
        headers = [(name, value) for name, value in request.headers.items() if name.lower() not in _OWN_HEADERS]
        url = URL(f"{self._origin}{request.rel_url.raw_path_qs}", encoded=True)
        try:
            async with self._session.request(
                request.method, url, headers=headers, data=await request.read(), allow_redirects=False
            ) as answer:
                kept = [(name, value) for name, value in answer.headers.items() if name.lower() not in _OWN_HEADERS]
                return web.Response(status=answer.status, headers=kept, body=await answer.read())
        except ClientError:
            return web.Response(status=502)


def main() -> NoReturn:
    parser = argparse.ArgumentParser(description="The other process: python -m devhost starts it.")
    parser.add_argument("--app", type=Path, required=True)
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True, help="where the app's HTTP functions are reached")
    parser.add_argument("--socket", type=int, required=True, help="descriptor of the one to answer on")
    options = parser.parse_args()
    threading.Thread(target=_end_with_parent, daemon=True).start()
    set_up_logging()
    stop_capturing = capture_from_environment()
    given = socket.socket(fileno=options.socket)
    try:
        app = load_app(options.app, options.port)
        background = Background(app, options.state, f"http://127.0.0.1:{given.getsockname()[1]}", function_threads())
        asyncio.run(_serve(background, given))
        code = 0
    except UNSERVABLE as error:
        print(f"devhost: {error}", file=sys.stderr, flush=True)
        code = 1
    # As in devhost.__main__: threads of user code hold nothing up.
    stop_capturing()
    logging.shutdown()
    os._exit(code)


async def _serve(background: Background, given: socket.socket) -> None:
    async with listening(background.routes(), lambda runner: web.SockSite(runner, given)):
        await background.start()
        await stop_asked().wait()
        background.stop()
    await background.close()


def _end_with_parent() -> None:
    """It holds the other end of our standard input and never writes."""
    os.read(sys.stdin.fileno(), 1)
    os._exit(1)


if __name__ == "__main__":
    main()
