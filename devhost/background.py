"""All but HTTP functions: the engine with its orchestrators and activities, its management API, timers and queues."""

import asyncio
import logging
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import azure.functions as func
from aiohttp import web

from devhost.app_loader import App, Function, LoadError
from devhost.background_triggers import InvalidQueueRules, QueueRules, QueueTriggers, TimerTriggers
from devhost.engine import Engine
from devhost.http_host import Invoker
from devhost.management_api import ManagementApi, client_json
from devhost.taskhub import HubInUse, TaskHub
from devhost.worker_deaths import InvalidSetting, WorkerDeaths

log = logging.getLogger("devhost")


#: What an app, a hub or a setting can be, so that nothing is served: their texts are for whoever started the host.
UNSERVABLE = (LoadError, HubInUse, InvalidSetting, InvalidQueueRules)


def function_threads() -> ThreadPoolExecutor:
    """For functions without `async` only, as in the worker: the loop's default executor stays as Python makes it."""
    threads = int(os.environ.get("PYTHON_THREADPOOL_THREAD_COUNT") or min(32, (os.cpu_count() or 1) + 4))
    return ThreadPoolExecutor(threads, thread_name_prefix="function")


def hub_name(app: App) -> str:
    return str(app.durable.get("hubName", "TestHubName"))


class Background:
    """`origin`: where its management API is reached. Raises HubInUse, InvalidQueueRules, InvalidSetting."""

    def __init__(self, app: App, state: Path, origin: str, pool: ThreadPoolExecutor) -> None:
        queue_rules, deaths = QueueRules.of(app.host), WorkerDeaths.from_environ(os.environ)
        self._hub = hub = TaskHub(state / "taskhub.sqlite")
        cores = os.cpu_count() or 1
        self._engine = Engine(
            hub,
            max_orchestrators=int(app.durable.get("maxConcurrentOrchestratorFunctions", 10 * cores)),
            max_activities=int(app.durable.get("maxConcurrentActivityFunctions", 10 * cores)),
            default_version=app.durable.get("defaultVersion"),
            worker_deaths=deaths,
        )  # fmt: skip
        overridable = str(app.durable.get("overridableExistingInstanceStates", "NonRunningStates"))
        self._api = ManagementApi(self._engine, origin, hub_name(app), overridable)
        self._is_mortal = deaths is not None
        self.client_json = client_json(origin, hub_name(app))
        self._loop: asyncio.AbstractEventLoop
        invoker = Invoker(app, self.client_json, pool)
        for function in app.of_kind("orchestrationTrigger"):
            self._engine.add_orchestrator(function.trigger.orchestration or function.name, _orchestrator(function))
        for function in app.of_kind("activityTrigger"):
            self._engine.add_activity(function.trigger.activity or function.name, self._activity(function, invoker))
        self._triggers = (
            TimerTriggers(app.of_kind("timerTrigger"), hub, invoker),
            QueueTriggers(app.of_kind("queueTrigger"), invoker, queue_rules),
        )
        self._tasks: list[asyncio.Task[None]] = []

    def routes(self) -> list[web.RouteDef]:
        return self._api.routes()

    async def start(self) -> None:
        """Coroutines will run on the loop that this is called on."""
        self._loop = asyncio.get_running_loop()
        self._engine.start()
        self._tasks = [task for triggers in self._triggers for task in triggers.start()]
        if self._is_mortal:
            log.warning("DEVHOST_WORKER_DEATHS: some activities and episodes will end as if the worker died")

    async def ended(self) -> None:
        """Never by itself."""
        await asyncio.Event().wait()

    def stop(self) -> None:
        """Begin nothing new; requests are still answered."""
        for task in self._tasks:
            task.cancel()
        self._engine.stop()

    async def close(self) -> None:
        self._hub.close()

    def _activity(self, function: Function, invoker: Invoker) -> Callable[[Any], Any]:
        """An activity as the engine's threads call it."""

        def call(value: Any) -> Any:
            arguments = invoker.arguments(function, value)
            if function.is_async:
                return asyncio.run_coroutine_threadsafe(function.call(**arguments), self._loop).result()
            return function.call(**arguments)

        return call


def _orchestrator(function: Function) -> Callable[[str], str]:
    return lambda body: str(function.call(func.OrchestrationContext(body)))
