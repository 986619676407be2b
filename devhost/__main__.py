"""`python -m devhost --app DIR --port N --state DIR [--host ADDRESS] [--web DIR] [--cors-setting NAME]`: serve an app folder."""

import argparse
import asyncio
import logging
import os
import sys
from pathlib import Path

from aiohttp import web

from devhost import apart
from devhost.app_loader import load_app
from devhost.background import UNSERVABLE, Background, function_threads, hub_name
from devhost.cors import HostCors
from devhost.http_host import HttpTriggers, Invoker
from devhost.server import listening, stop_asked
from devhost.static_page import StaticPage
from devhost.telemetry import capture_from_environment, set_up_logging


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m devhost", description="A local Azure Functions host for Python v2 apps.")
    parser.add_argument("--app", type=Path, required=True, help="folder that holds function_app.py")
    parser.add_argument("--port", type=int, default=7071)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--state", type=Path, required=True, help="folder that holds the task hub")
    parser.add_argument("--web", type=Path, help="folder to serve at /")
    parser.add_argument("--cors-setting", help="setting that lists the origins, as the site's CORS on Azure would")
    options = parser.parse_args()
    set_up_logging()
    stop_capturing = capture_from_environment()
    # The app changes the working directory.
    web_folder, state = options.web.resolve() if options.web else None, options.state.resolve()
    reached_at = "127.0.0.1" if options.host == "0.0.0.0" else options.host  # noqa: S104 - compared, not bound
    origin = f"http://{reached_at}:{options.port}"
    pool = function_threads()
    background: Background | apart.BackgroundProcess
    try:
        app = load_app(options.app, options.port)
        # local.settings.json has been read by now.
        if apart.is_wanted(os.environ):
            background = apart.BackgroundProcess(app, state, options.port)
        else:
            background = Background(app, state, origin, pool)
    except UNSERVABLE as error:
        print(f"devhost: {error}", file=sys.stderr)
        return 1
    listed = os.environ.get(options.cors_setting, "") if options.cors_setting else ""
    cors = HostCors(part.strip().rstrip("/").lower() for part in listed.split(",") if part.strip())
    http = HttpTriggers(app, Invoker(app, background.client_json, pool))
    routes = [*background.routes(), *http.routes(), *StaticPage(web_folder).routes()]
    names = ", ".join(sorted(f.name for f in app.functions))
    tells = f"listening on {origin}, task hub {hub_name(app)}, functions: {names}"
    code = asyncio.run(serve(background, routes, cors, options.host, options.port, tells))
    # Threads of user code that are still busy must not hold the exit; what they did not finish runs again.
    stop_capturing()
    logging.shutdown()
    os._exit(code)


async def serve(
    background: Background | apart.BackgroundProcess, routes: list[web.RouteDef], cors: HostCors, host: str, port: int, tells: str
) -> int:
    """Until SIGTERM or SIGINT; 1 where the other process has ended before."""

    def site(runner: web.AppRunner) -> web.BaseSite:
        return web.TCPSite(runner, host, port, reuse_address=True, backlog=1024)

    async with listening(routes, site, [cors.middleware]):
        await background.start()
        logging.getLogger("devhost").info(tells)
        stopped, ended = asyncio.create_task(stop_asked().wait()), asyncio.create_task(background.ended())
        await asyncio.wait([stopped, ended], return_when=asyncio.FIRST_COMPLETED)
        background.stop()
    await background.close()
    if stopped.done():
        return 0
    logging.getLogger("devhost").error("the other process has ended, so this one does")
    return 1


if __name__ == "__main__":
    sys.exit(main())
