"""One web application with both providers and the controls under /_sim."""

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import aiohttp
from aiohttp import web

from simulators.bfl_api import BflApi
from simulators.config import ConfigError
from simulators.core import Core, json_body
from simulators.faults import FaultError, Handler, play
from simulators.ledger import Ledger
from simulators.replicate_api import ReplicateApi
from simulators.translator_api import TranslatorApi
from simulators.webhooks import Webhooks

T = TypeVar("T")
_MAX_BODY_BYTES = 128 * 1024 * 1024
_KEY_HEADERS = ("authorization", "x-key", "ocp-apim-subscription-key")


@dataclass(frozen=True)
class Received:
    """A request as it arrived: names of headers in lower case, in order, with their values."""

    method: str
    path: str
    headers: list[tuple[str, str]]
    body: bytes


class Application:
    """The routes over one Core."""

    def __init__(self, ledger: Ledger, *, resumes: bool = True) -> None:
        """`resumes`: webhooks of predictions that the ledger brings along are sent from here."""
        self.core = Core(ledger)
        self._resumes = resumes
        #: Whole requests, while a test asks for them.
        self.received: list[Received] | None = None
        self.replicate = ReplicateApi(self.core)
        self.bfl = BflApi(self.core)
        self.translator = TranslatorApi(self.core)
        self.webhooks = Webhooks(self.core, self.replicate, self.bfl)
        self.core.on_change = self.webhooks.watch
        self.web = web.Application(client_max_size=_MAX_BODY_BYTES, middlewares=[self._logged])
        self.web.cleanup_ctx.append(self._running)
        self._add_routes()

    async def _running(self, app: web.Application) -> AsyncIterator[None]:
        # Images and webhooks may be on this machine, so no proxy of the environment is used.
        async with aiohttp.ClientSession(trust_env=False) as session:
            self.core.http = session
            if self._resumes:
                self.webhooks.resume()
            yield
            self.webhooks.stop()
            self.core.stop_drawing()
        self.core.threads.shutdown(wait=False, cancel_futures=True)
        self.core.ledger.close()

    def _add_routes(self) -> None:
        replicate, bfl, router = self.replicate, self.bfl, self.web.router

        def route(method: str, path: str, provider: ReplicateApi | BflApi, operation: str, handler: Handler) -> None:
            router.add_route(method, path, self._counted(provider, operation, handler))

        predictions = "/replicate/v1/predictions"
        route("POST", "/replicate/v1/models/{owner}/{name}/predictions", replicate, "create", replicate.create_for_model)
        route("POST", predictions, replicate, "create", replicate.create_for_version)
        route("GET", predictions, replicate, "list", replicate.list_predictions)
        route("GET", f"{predictions}/{{id}}", replicate, "poll", replicate.get)
        route("POST", f"{predictions}/{{id}}/cancel", replicate, "cancel", replicate.cancel)
        route("GET", "/replicate/v1/account", replicate, "account", replicate.account)
        route("GET", "/replicate/v1/webhooks/default/secret", replicate, "secret", replicate.webhook_secret)
        for method in ("GET", "POST"):
            route(method, "/replicate/v1/files", replicate, "files", replicate.files)
        for method in ("GET", "DELETE"):
            route(method, "/replicate/v1/files/{id}", replicate, "files", replicate.file)
        route("GET", "/replicate/delivery/xezq/{id}/{name}", replicate, "download", replicate.deliver)
        route("GET", "/replicate/delivery/inputs/{sha}.jpg", replicate, "files", replicate.deliver_input)

        route("GET", "/bfl/v1/get_result", bfl, "poll", bfl.get_result)
        route("GET", "/bfl/v1/credits", bfl, "account", bfl.credits)
        route("POST", "/bfl/v1/{model}", bfl, "create", bfl.create)
        route("GET", "/bfl/delivery/results/{a}/{b}/{id}/{name}", bfl, "download", bfl.deliver)

        # At Azure's shared address, and below the path that a resource's own address has.
        for path in ("/translator", "/translator/text/v3.0"):
            router.add_post(f"{path}/translate", self.translator.translate)

        router.add_get("/_sim/config", self._get_config)
        router.add_post("/_sim/config", self._post_config)
        router.add_delete("/_sim/config", self._reset)
        router.add_post("/_sim/reset", self._reset)
        router.add_post("/_sim/finish", self._finish)
        router.add_get("/_sim/stats", self._get_stats)
        router.add_get("/_sim/requests", self._get_requests)
        router.add_get("/_sim/fetches", self._get_fetches)

    def _counted(self, provider: ReplicateApi | BflApi, operation: str, handler: Handler) -> Handler:
        async def handle(request: web.Request) -> web.StreamResponse:
            counts = self.core.counts[provider.name]
            counts[operation] += 1
            # Only a fault with `match` reads the body; aiohttp keeps it for the handler.
            has_match = any("match" in fault for fault in self.core.config.of(provider.name).faults)
            body = await request.text() if has_match and request.can_read_body else ""
            fault = self.core.fault(provider.name, operation, request, body)
            counts["faults"] += fault is not None
            if fault is None:
                answer = await handler(request)
            elif fault.kind == "not_found_after_create":
                answer = provider.refuse(404, "The requested resource could not be found.")
            elif fault.kind == "not_found":
                answer = provider.not_found(request)
            elif fault.kind == "no_output":
                answer = provider.without_output(await handler(request))
            else:
                try:
                    answer = await play(fault, request, handler, provider.refuse, provider.expired)
                except ConnectionResetError:
                    # The client gave up in the middle of a slow or huge answer.
                    answer = web.Response(status=499)
            was_made = fault is not None and fault.is_after_processing
            counts["refused"] += operation == "create" and answer.status >= 400 and not was_made
            return answer

        return handle

    @web.middleware
    async def _logged(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Note each request to a provider: header names, never values."""
        provider = request.path.split("/")[1]
        if provider not in self.core.counts:
            return await handler(request)
        entry = {
            "provider": provider,
            "method": request.method,
            "path": request.path,
            "host": request.host,
            "headers": sorted({name.lower() for name in request.headers}),
            "key": any(name in request.headers for name in _KEY_HEADERS),
            "status": None,
            "at": time.time(),
        }
        self.core.log.append(entry)
        if self.received is not None:
            headers = [(name.lower(), value) for name, value in request.headers.items()]
            self.received.append(Received(request.method, request.path_qs, headers, await request.read()))
        try:
            answer = await handler(request)
        except web.HTTPException as error:
            answer = web.json_response({"detail": error.reason, "status": error.status}, status=error.status)
        entry["status"] = answer.status
        self.core.answers[provider][str(answer.status)] += 1
        return answer

    # ---- /_sim ----

    async def _get_config(self, request: web.Request) -> web.Response:
        return web.json_response(self.core.config.to_json())

    async def _post_config(self, request: web.Request) -> web.Response:
        changes, readable = await json_body(request)
        try:
            self.core.configure(changes if readable else None)
        except (ConfigError, FaultError) as error:
            return web.json_response({"error": str(error)}, status=400)
        return web.json_response(self.core.config.to_json())

    async def _reset(self, request: web.Request) -> web.Response:
        self.reset()
        return web.json_response(self.core.config.to_json())

    def reset(self) -> None:
        self.webhooks.stop()
        self.core.reset()

    async def _finish(self, request: web.Request) -> web.Response:
        try:
            most = int(request.query["most"]) if "most" in request.query else None
        except ValueError:
            return web.json_response({"error": "most is a number"}, status=400)
        return web.json_response({"finished": self.core.finish(most)})

    async def _get_stats(self, request: web.Request) -> web.Response:
        return web.json_response(self.core.stats())

    async def _get_requests(self, request: web.Request) -> web.Response:
        try:
            limit = int(request.query.get("limit", 1000))
        except ValueError:
            return web.json_response({"error": "limit is a number"}, status=400)
        return web.json_response(self.requests(request.query.get("provider"), limit))

    async def _get_fetches(self, request: web.Request) -> web.Response:
        return web.json_response(self.core.fetches(request.query.get("provider")))

    def requests(self, provider: str | None = None, limit: int = 1000) -> list[dict[str, Any]]:
        """The newest `limit` requests, oldest first."""
        found = [entry for entry in self.core.log if provider in (None, entry["provider"])]
        return json.loads(json.dumps(found[-limit:])) if limit > 0 else []


async def start(application: Application, host: str, port: int, *, shares: bool = False) -> tuple[web.AppRunner, int]:
    """Listen; returns the runner and the port, which is chosen when 0 is asked for. `shares`: another process may listen there
    as well, where the system can (SO_REUSEPORT)."""
    runner = web.AppRunner(application.web, access_log=None, shutdown_timeout=0.1, handle_signals=False)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port, backlog=1024, reuse_port=shares or None).start()
    except OSError:
        await runner.cleanup()
        raise
    return runner, int(runner.addresses[0][1])


class Simulators:
    """Running simulators, as a test holds them."""

    def __init__(self, application: Application, loop: asyncio.AbstractEventLoop, port: int) -> None:
        self._application = application
        self._loop = loop
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        #: What an app is given as base URLs; it appends /v1/...
        self.replicate_base_url = f"{self.url}/replicate"
        self.bfl_base_url = f"{self.url}/bfl"
        self.translator_url = f"{self.url}/translator"

    def configure(self, **changes: Any) -> None:
        self._call(lambda: self._application.core.configure(changes))

    def config(self) -> dict[str, Any]:
        return self._call(lambda: self._application.core.config.to_json())

    def stats(self) -> dict[str, Any]:
        return self._call(self._application.core.stats)

    def reset(self) -> None:
        self._call(self._application.reset)

    def finish(self, most: int | None = None) -> int:
        return self._call(lambda: self._application.core.finish(most))

    def requests(self, provider: str | None = None, limit: int = 1000) -> list[dict[str, Any]]:
        return self._call(lambda: self._application.requests(provider, limit))

    def fetches(self, provider: str | None = None) -> list[dict[str, Any]]:
        return self._call(lambda: self._application.core.fetches(provider))

    @contextmanager
    def recording(self) -> Iterator[list[Received]]:
        """Every request to a provider in this time, keys and bodies too: for tests in this process, not over HTTP."""
        received: list[Received] = []

        def record(into: list[Received] | None) -> None:
            self._application.received = into

        self._call(lambda: record(received))
        try:
            yield received
        finally:
            self._call(lambda: record(None))

    def _call(self, work: Callable[[], T]) -> T:
        async def run() -> T:
            return work()

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result(30)


async def _end_the_rest() -> None:
    """Answers that hang on purpose."""
    rest = asyncio.all_tasks() - {asyncio.current_task()}
    for task in rest:
        task.cancel()
    await asyncio.gather(*rest, return_exceptions=True)


@contextmanager
def running(port: int = 0, state: str | Path | None = None, host: str = "127.0.0.1") -> Iterator[Simulators]:
    """Simulators in a thread with a loop of its own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="simulators", daemon=True)
    thread.start()

    def call(work: Awaitable[T]) -> T:
        async def run() -> T:
            return await work

        return asyncio.run_coroutine_threadsafe(run(), loop).result(30)

    try:
        application = Application(Ledger(Path(state) if state else None))
        runner, bound = call(start(application, host, port))
        try:
            yield Simulators(application, loop, bound)
        finally:
            call(runner.cleanup())
            call(_end_the_rest())
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
