"""A devhost in this process each of whose invocations goes through Microsoft's worker library, and is compared with its own way.

The devhost is the real one, on a real port, over the real app, a real Azurite and the providers' simulators. Where it would
call a function it hands over to the library instead, in messages that are made from what was on the wire; what the library called
the function with and what it gives back is compared with what the devhost would have passed and answered.
"""

import asyncio
import http.client
import json
import socket
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any

import azure.functions as func
from aiohttp import web
from azure.durable_functions.models.utils import http_utils

from devhost.activities import decode_input, encode_result
from devhost.app_loader import App, Function
from devhost.background_triggers import QueueRules, message_body, queue_message, timer_request
from devhost.engine import Engine
from devhost.http_host import HttpTriggers, Invoker, http_answer
from devhost.management_api import ManagementApi, client_json
from devhost.server import listening
from devhost.taskhub import TaskHub
from local.ports import free_port
from tests.patience import PATIENCE
from tests.worker.host import Wire, answer_of, decoded_path, rpc_http
from tests.worker.library import Seen, WorkerLibrary
from tests.worker.protocol import TypedData
from tests.worker.routes import Choice, Route, chosen

_NUMBER = "X-Contract-Number"


class WorkerFailed(Exception):
    """What the host knows of an invocation that failed: the exception's type and text in one line."""


class BothWays(Invoker):
    """Calls functions through the library. `differences` is what the devhost would have done otherwise."""

    def __init__(self, app: App, library: WorkerLibrary, client_json: str, pool: ThreadPoolExecutor) -> None:
        super().__init__(app, client_json, pool)
        self.library = library
        self.client_json = client_json
        self.invocations: Counter[str] = Counter()
        self.differences: list[str] = []
        #: Requests that are under way, by the number that is in a header of theirs.
        self.wires: dict[str, Wire] = {}
        self._routes = [
            Route(
                f.name,
                f"{app.route_prefix}/{(f.trigger.route or f.name).strip('/')}",
                {str(getattr(m, "value", m)) for m in f.trigger.methods} if f.trigger.methods else None,
            )
            for f in app.of_kind("httpTrigger")
        ]

    def chosen(self, wire: Wire) -> Choice | None:
        """What the host would call."""
        return chosen(self._routes, wire.method, decoded_path(wire.target))

    def differ(self, what: str, devhost: Any, worker: Any) -> None:
        if devhost != worker:
            self.differences.append(f"{what}: the devhost has {_short(devhost)}, the worker {_short(worker)}")

    # ---- HTTP ----

    async def call(self, function: Function, value: Any, traceparent: str = "") -> Any:
        """An HTTP function's answer for the devhost to send, after the library has had the same request."""
        assert function.kind == "httpTrigger"
        # With what the front end adds, which the devhost does itself.
        wire = self.wires[value.headers[_NUMBER]]
        added = ("X-Forwarded-For", value.headers["x-forwarded-for"].rpartition(",")[2])
        wire = replace(wire, headers=[*wire.headers, added])
        params = self._route_params(function, wire)
        seen = await self._invoke(function, rpc_http(wire, params), traceparent)
        self._compare_requests(function, value, seen.arguments.get(function.trigger.name), wire)
        if seen.error is not None:
            raise WorkerFailed(seen.error.message)
        self._compare_answers(f"{wire.method} {wire.target[:80]}", seen)
        return seen.returned

    def _route_params(self, function: Function, wire: Wire) -> dict[str, str]:
        choice = self.chosen(wire)
        self.differ(f"{wire.method} {wire.target[:80]}, function", function.name, choice and choice.function)
        return choice.values if choice else {}

    def _compare_requests(self, function: Function, ours: Any, theirs: Any, wire: Wire) -> None:
        at = f"{wire.method} {wire.target[:80]}"
        if theirs is None:
            self.differences.append(f"{at}: the library never called {function.name}")
            return
        self.differ(f"{at}, class", type(ours), type(theirs))
        for part in ("method", "url"):
            self.differ(f"{at}, {part}", getattr(ours, part), getattr(theirs, part))
        for part in ("headers", "params", "route_params"):
            self.differ(f"{at}, {part}", dict(getattr(ours, part)), dict(getattr(theirs, part)))
        self.differ(f"{at}, body", ours.get_body(), theirs.get_body())
        self.differ(f"{at}, JSON", _json(ours), _json(theirs))

    def _compare_answers(self, at: str, seen: Seen) -> None:
        theirs = answer_of(seen.value)
        sent = http_answer(seen.returned)
        cookies = [SimpleCookie(text) for text in sent.headers.getall("Set-Cookie", [])]
        left_out = ("set-cookie", "content-length")
        headers = sorted((name.lower(), text) for name, text in sent.headers.items() if name.lower() not in left_out)
        self.differ(f"{at}, status", sent.status, theirs.status)
        self.differ(f"{at}, answer's headers", headers, sorted(theirs.headers.items()))
        self.differ(f"{at}, cookies", {(m.key, m.value) for c in cookies for m in c.values()}, theirs.cookies)
        self.differ(f"{at}, answer's body", sent.body, theirs.body)

    # ---- durable functions and timers ----

    def orchestrator(self, function: Function, loop: asyncio.AbstractEventLoop) -> Callable[[str], str]:
        def run(body: str) -> str:
            seen = self._from_thread(function, TypedData(string=body), loop)
            given = seen.arguments.get(function.trigger.name)
            ours = func.OrchestrationContext(body)
            self.differ(f"{function.name}, class", type(ours), type(given))
            self.differ(f"{function.name}, body", ours.body, getattr(given, "body", None))
            if seen.error is not None:
                self._compare_failures(function, seen)
                assert seen.raised is not None
                raise seen.raised
            self.differ(f"{function.name}, answer", str(seen.returned), seen.value.value)
            return str(seen.value.value)

        return run

    def activity(self, function: Function, loop: asyncio.AbstractEventLoop) -> Callable[[str], Any]:
        """Called with the input's JSON text, not with its value."""

        def run(text: str) -> Any:
            seen = self._from_thread(function, TypedData(string=text), loop)
            try:
                self.differ(f"{function.name}, input", decode_input(text), seen.arguments.get(function.trigger.name))
            except Exception as refused:  # noqa: BLE001 - compared with the other's
                self.differ(f"{function.name}, {text}", f"{type(refused).__name__}: {refused}", seen.error.message)
            if seen.error is not None:
                self._compare_failures(function, seen)
                raise seen.raised or WorkerFailed(seen.error.message)
            self.differ(f"{function.name}, result", encode_result(seen.returned), seen.value.value)
            return seen.returned

        return run

    async def timer(self, function: Function, last: str | None, following: str, *, past_due: bool) -> Seen:
        status = {"Last": last, "Next": following, "LastUpdated": last}
        told = json.dumps({"Schedule": {"AdjustForDST": True}, "ScheduleStatus": status, "IsPastDue": past_due})
        seen = await self._invoke(function, TypedData(json=told), "")
        ours, theirs = timer_request(last, following, past_due=past_due), seen.arguments[function.trigger.name]
        for part in ("past_due", "schedule_status", "schedule"):
            self.differ(f"{function.name}, {part}", getattr(ours, part), getattr(theirs, part))
        return seen

    async def queue(self, function: Function, message: Any, rules: QueueRules) -> Seen:
        """A queue function's call with a message as the storage service hands it out. Beside its text the host tells what it is
        (QueueTriggerAttributeBindingProvider, "CreateBindingDataContract")."""
        body = message_body(message, rules)
        assert body is not None
        times = {
            "ExpirationTime": message.expires_on,
            "InsertionTime": message.inserted_on,
            "NextVisibleTime": message.next_visible_on,
        }
        told = {
            "Id": TypedData(string=message.id), "DequeueCount": TypedData(json=str(message.dequeue_count)),
            "PopReceipt": TypedData(string=message.pop_receipt),
            **{name: TypedData(json=json.dumps(at.isoformat())) for name, at in times.items()},
        }  # fmt: skip
        seen = await self._invoke(function, TypedData(string=body), "", told)
        assert seen.arguments, seen.error and seen.error.message
        ours, theirs = queue_message(message, body), seen.arguments[function.trigger.name]
        self.differ(f"{function.name}, class", type(ours), type(theirs))
        self.differ(f"{function.name}, body", ours.get_body(), theirs.get_body())
        for part in ("id", "dequeue_count", "expiration_time", "insertion_time", "time_next_visible", "pop_receipt"):
            self.differ(f"{function.name}, {part}", getattr(ours, part), getattr(theirs, part))
        if seen.error is not None:
            self._compare_failures(function, seen)
        return seen

    def _from_thread(self, function: Function, data: TypedData, loop: asyncio.AbstractEventLoop) -> Seen:
        return asyncio.run_coroutine_threadsafe(self._invoke(function, data, ""), loop).result(120)

    async def _invoke(
        self, function: Function, data: TypedData, traceparent: str, trigger: dict[str, TypedData] | None = None
    ) -> Seen:
        self.invocations[function.name] += 1
        inputs = {function.trigger.name: data, **{name: TypedData(string=self.client_json) for name in function.clients}}
        seen = await self.library.call(function.name, inputs, trigger, traceparent)
        if not seen.arguments:
            # What it was given could not be read.
            return seen
        ours = self.arguments(function, None, traceparent)
        self.differ(f"{function.name}, parameters", sorted(ours), sorted(seen.arguments))
        for name in function.clients:
            # The SDK's decorator puts its client in place of the text, in the same arguments.
            self.differ(f"{function.name}, {name}", ours[name], seen.arguments.get(name))
        on_loop = seen.thread == threading.current_thread().name
        self.differ(f"{function.name}, runs on the loop", function.is_async, on_loop)
        return seen

    def _compare_failures(self, function: Function, seen: Seen) -> None:
        error = seen.raised
        if error is not None:
            self.differ(f"{function.name}, failure", f"{type(error).__name__}: {error}", seen.error.message)


def _of_value(run: Callable[[str], Any]) -> Callable[[Any], Any]:
    """The engine has read the input already."""
    return lambda value: run(encode_result(value))


def _json(request: Any) -> Any:
    try:
        return request.get_json()
    except Exception as error:  # noqa: BLE001 - compared with the other's
        return type(error)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) < 400 else f"{text[:200]}…{text[-180:]}"


class LoopThreads(ThreadPoolExecutor):
    """The loop's default executor, which keeps what it was given: on an instance it has five threads, for everything."""

    def __init__(self, threads: int) -> None:
        super().__init__(threads)
        self.given: list[str] = []

    def submit(self, call: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        self.given.append(repr(call))
        return super().submit(call, *args, **kwargs)


class DoubleHost:
    """The devhost over `folder`, with BothWays in place of its own invoker, while its `with` block runs."""

    def __init__(self, app: App, folder: Path, state: Path) -> None:
        self.app, self.folder, self.state = app, folder, state
        self.port = free_port()
        self.loop = asyncio.new_event_loop()
        self.loop_threads = LoopThreads(1)
        self.loop.set_default_executor(self.loop_threads)
        self.both: BothWays
        self.library = WorkerLibrary(folder)
        self._stop = asyncio.Event()
        self._ready = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._numbers = 0

    def __enter__(self) -> "DoubleHost":
        self._thread.start()
        assert self._ready.wait(PATIENCE)
        if self._error:
            raise self._error
        return self

    def __exit__(self, *_: object) -> None:
        self.loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(PATIENCE)

    def _run(self) -> None:
        try:
            self.loop.run_until_complete(self._serve())
        except BaseException as error:  # noqa: BLE001 - told to whoever starts us
            self._error = error
        finally:
            self._ready.set()
            self.loop.close()

    async def _serve(self) -> None:
        """As devhost.__main__.serve, with the library behind it."""
        hub = TaskHub(self.state / "taskhub.sqlite")
        engine = Engine(hub, default_version=self.app.durable.get("defaultVersion"))
        origin = f"http://127.0.0.1:{self.port}"
        hub_name = str(self.app.durable["hubName"])
        api = ManagementApi(engine, origin, hub_name, "NonRunningStates")
        await self.library.load()
        self.both = BothWays(self.app, self.library, client_json(origin, hub_name), ThreadPoolExecutor(8))
        for function in self.app.of_kind("orchestrationTrigger"):
            engine.add_orchestrator(function.name, self.both.orchestrator(function, self.loop))
        for function in self.app.of_kind("activityTrigger"):
            engine.add_activity(function.name, _of_value(self.both.activity(function, self.loop)))
        routes = [*api.routes(), *HttpTriggers(self.app, self.both).routes()]
        async with listening(routes, lambda runner: web.TCPSite(runner, "127.0.0.1", self.port)):
            engine.start()
            self._ready.set()
            await self._stop.wait()
            engine.stop()
        # The SDK's session lives in this loop, which is over now.
        await http_utils._close_session()
        hub.close()

    # ---- as a client ----

    def send(
        self, method: str, target: str, *headers: tuple[str, str], body: bytes = b"", chunked: bool = False,
        version: str = "HTTP/1.1",
    ) -> "Got":  # fmt: skip
        """One request over a connection of its own, byte by byte as it is given here. HTTP/1.0 goes without a Host."""
        self._numbers += 1
        number = f"n{self._numbers}"
        usual = [(_NUMBER, number), ("Connection", "close")]
        if version != "HTTP/1.0":
            usual.append(("Host", f"127.0.0.1:{self.port}"))
        if chunked:
            usual.append(("Transfer-Encoding", "chunked"))
            body = f"{len(body):x}\r\n".encode() + body + b"\r\n0\r\n\r\n"
        elif body:
            usual.append(("Content-Length", str(len(body))))
        wire = Wire(method, target, [*usual, *headers], body, version)
        self.both.wires[number] = wire
        before = self.both.invocations.total()
        with socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE) as opened:
            opened.sendall(wire.to_bytes())
            answer = http.client.HTTPResponse(opened, method=method)
            answer.begin()
            got = Got(answer.status, {n.lower(): v for n, v in answer.getheaders()}, answer.read())
        if not got.body and got.status == 404 and self.both.invocations.total() == before:
            self.both.differ(f"{method} {target[:80]}, function", None, self.both.chosen(wire))
        return got

    def run_activity(self, name: str, text: str) -> Any:
        """One call with this input. Raises what the function raises, WorkerFailed for what never reached it."""
        return self.both.activity(self._function(name), self.loop)(text)

    def run_orchestrator(self, name: str, body: str) -> str:
        """One episode. Raises what the SDK raises."""
        return self.both.orchestrator(self._function(name), self.loop)(body)

    def run_timer(self, name: str, last: str | None, following: str, *, past_due: bool) -> Seen:
        call = self.both.timer(self._function(name), last, following, past_due=past_due)
        return asyncio.run_coroutine_threadsafe(call, self.loop).result(60)

    def run_queue(self, name: str, message: Any) -> Seen:
        call = self.both.queue(self._function(name), message, QueueRules.of(self.app.host))
        return asyncio.run_coroutine_threadsafe(call, self.loop).result(60)

    def _function(self, name: str) -> Function:
        return next(f for f in self.app.functions if f.name == name)


@dataclass(frozen=True)
class Got:
    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)
