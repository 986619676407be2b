"""`python -m devhost --app DIR --port N --state DIR [--host ADDRESS] [--web DIR] [--cors-setting NAME]`: serve an app folder."""

import argparse
import asyncio
import logging
import os
import signal
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import azure.functions as func
from aiohttp import web

from devhost.app_loader import App, Function, LoadError, load_app
from devhost.background_triggers import InvalidQueueRules, QueueRules, QueueTriggers, TimerTriggers
from devhost.cors import HostCors
from devhost.engine import Engine
from devhost.http_host import MAX_HEADERS_BYTES, MAX_LINE_BYTES, HttpTriggers, Invoker
from devhost.management_api import ManagementApi
from devhost.static_page import StaticPage
from devhost.taskhub import HubInUse, TaskHub
from devhost.telemetry import capture_from_environment, set_up_logging
from devhost.worker_deaths import InvalidSetting, WorkerDeaths


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
    try:
        hub = TaskHub(state / "taskhub.sqlite")
        app = load_app(options.app, options.port)
        queue_rules = QueueRules.of(app.host)
        deaths = WorkerDeaths.from_environ(os.environ)
    except (LoadError, HubInUse, InvalidSetting, InvalidQueueRules) as error:
        print(f"devhost: {error}", file=sys.stderr)
        return 1
    # local.settings.json has been read by now.
    listed = os.environ.get(options.cors_setting, "") if options.cors_setting else ""
    cors = HostCors(part.strip().rstrip("/").lower() for part in listed.split(",") if part.strip())
    asyncio.run(serve(app, hub, options.host, options.port, web_folder, deaths, cors, queue_rules))
    # Threads of user code that are still busy must not hold the exit; what they did not finish runs again.
    stop_capturing()
    logging.shutdown()
    os._exit(0)


async def serve(
    app: App,
    hub: TaskHub,
    host: str,
    port: int,
    web_folder: Path | None,
    deaths: WorkerDeaths | None,
    cors: HostCors,
    queue_rules: QueueRules,
) -> None:
    """Serve until SIGTERM or SIGINT."""
    threads = int(os.environ.get("PYTHON_THREADPOOL_THREAD_COUNT") or min(32, (os.cpu_count() or 1) + 4))
    # For functions without `async` only, as in the worker: the loop's default executor stays as Python makes it.
    pool = ThreadPoolExecutor(threads, thread_name_prefix="function")
    loop = asyncio.get_running_loop()
    durable = app.durable
    hub_name = str(durable.get("hubName", "TestHubName"))
    origin = f"http://{'127.0.0.1' if host == '0.0.0.0' else host}:{port}"  # noqa: S104 - compared, not bound

    cores = os.cpu_count() or 1
    engine = Engine(
        hub,
        max_orchestrators=int(durable.get("maxConcurrentOrchestratorFunctions", 10 * cores)),
        max_activities=int(durable.get("maxConcurrentActivityFunctions", 10 * cores)),
        default_version=durable.get("defaultVersion"),
        worker_deaths=deaths,
    )  # fmt: skip
    api = ManagementApi(engine, origin, hub_name, str(durable.get("overridableExistingInstanceStates", "NonRunningStates")))
    invoker = Invoker(app, api.client_json(), pool)
    for function in app.of_kind("orchestrationTrigger"):
        name = function.trigger.orchestration or function.name
        engine.add_orchestrator(name, _orchestrator(function))
    for function in app.of_kind("activityTrigger"):
        engine.add_activity(function.trigger.activity or function.name, _activity(function, invoker, loop))

    server = web.Application(client_max_size=0, middlewares=[cors.middleware])
    server.add_routes([*api.routes(), *HttpTriggers(app, invoker).routes(), *StaticPage(web_folder).routes()])
    runner = web.AppRunner(
        server, access_log=None, shutdown_timeout=1.0, max_line_size=MAX_LINE_BYTES, max_field_size=MAX_HEADERS_BYTES,
        # Kestrel hands a compressed body on as it is: what is to be said of it the app says.
        auto_decompress=False,
    )  # fmt: skip
    await runner.setup()
    await web.TCPSite(runner, host, port, reuse_address=True, backlog=1024).start()
    engine.start()
    background = [
        *TimerTriggers(app.of_kind("timerTrigger"), hub, invoker).start(),
        *QueueTriggers(app.of_kind("queueTrigger"), invoker, queue_rules).start(),
    ]
    names = ", ".join(sorted(f.name for f in app.functions))
    if deaths is not None:
        logging.getLogger("devhost").warning("DEVHOST_WORKER_DEATHS: some activities and episodes will end as if the worker died")
    logging.getLogger("devhost").info("listening on %s, task hub %s, functions: %s", origin, hub_name, names)

    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    await stopped.wait()
    for task in background:
        task.cancel()
    engine.stop()
    await runner.cleanup()
    hub.close()


def _orchestrator(function: Function) -> Callable[[str], str]:
    return lambda body: str(function.call(func.OrchestrationContext(body)))


def _activity(function: Function, invoker: Invoker, loop: asyncio.AbstractEventLoop) -> Callable[[Any], Any]:
    """An activity as the engine's threads call it; coroutines run on the one event loop."""

    def call(value: Any) -> Any:
        arguments = invoker.arguments(function, value)
        if function.is_async:
            return asyncio.run_coroutine_threadsafe(function.call(**arguments), loop).result()
        return function.call(**arguments)

    return call


if __name__ == "__main__":
    sys.exit(main())
