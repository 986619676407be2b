"""One HTTP server for both providers and for the switches under /_sim."""

import asyncio
import functools
import json
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import requests
from aiohttp import web

from simulators import config as configuration
from simulators.faults import AFTER, Faults, broken_answer
from simulators.ledger import Ledger, Prediction
from simulators.pictures import paint

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
PRICE_USD = 0.08
_KEPT_PICTURES = 64


class World:
    """What both simulated providers share: configuration, ledger, faults, pictures."""

    def __init__(self, state: str | None = None) -> None:
        self.ledger = Ledger(state)
        self.config = configuration.merged(configuration.DEFAULTS, self.ledger.kept_config() or {})
        self.faults = {provider: Faults() for provider in self.config}
        self._pictures: dict[str, bytes] = {}
        for provider, faults in self.faults.items():
            faults.configure(self.config[provider]["faults"])

    def configure(self, changes: dict[str, Any]) -> None:
        self.config = configuration.merged(self.config, changes)
        for provider, values in changes.items():
            if "faults" in values:
                self.faults[provider].configure(values["faults"])
        self.ledger.keep_config(self.config)

    def reset(self) -> None:
        self.ledger.reset()
        self._pictures.clear()
        self.config = configuration.merged(configuration.DEFAULTS, {})
        for faults in self.faults.values():
            faults.configure([])

    def accepts(self, provider: str, key: str) -> bool:
        allowed = self.config[provider]["keys"]
        return bool(key) and (allowed is None or key in allowed)

    def link_is_alive(self, prediction: Prediction) -> bool:
        return prediction.age() < prediction.plan.delay_seconds + float(self.config[prediction.provider]["link_seconds"])

    async def picture(self, prediction: Prediction, images: list[str]) -> bytes:
        if prediction.id not in self._pictures:
            asked = prediction.input
            made = await asyncio.to_thread(
                paint, images, str(asked.get("prompt", "")), asked.get("aspect_ratio"), str(asked.get("output_format") or "png"),
                int(asked.get("seed") or prediction.number),
            )  # fmt: skip
            self._pictures[prediction.id] = made
            while len(self._pictures) > _KEPT_PICTURES:
                self._pictures.pop(next(iter(self._pictures)))
        return self._pictures[prediction.id]

    def route(self, provider: str, on: str, handler: Handler) -> Handler:
        """The handler with its requests on record, its counters and its faults."""

        @functools.wraps(handler)
        async def handle(request: web.Request) -> web.StreamResponse:
            self.ledger.requests.append({
                "provider": provider, "method": request.method, "path": request.path, "host": request.host, "at": time.time(),
                "headers": sorted(request.headers), "key": "Authorization" in request.headers or "x-key" in request.headers,
            })  # fmt: skip
            counter = {"create": "create_requests", "poll": "polls", "download": "downloads", "cancel": "cancels"}.get(on)
            if counter:
                self.ledger.count(provider, counter)
            fault = self.faults[provider].take(on)
            if fault is not None and fault["kind"] not in AFTER and not fault.get("after_processing"):
                return await broken_answer(request, fault, b"")
            response = await handler(request)
            if fault is not None:
                body = response.body if isinstance(response, web.Response) and isinstance(response.body, bytes) else b"{}"
                return await broken_answer(request, fault, body)
            if on == "create" and response.status >= 400:
                self.ledger.count(provider, "refused")
            return response

        return handle


def build_app(world: World) -> web.Application:
    from simulators.bfl_api import bfl_routes
    from simulators.replicate_api import replicate_routes

    app = web.Application(client_max_size=64 * 1024 * 1024)

    async def show_config(request: web.Request) -> web.Response:
        return web.json_response(world.config)

    async def change_config(request: web.Request) -> web.Response:
        try:
            world.configure(await request.json())
        except (ValueError, TypeError, AttributeError) as error:
            return web.json_response({"error": str(error)}, status=400)
        return web.json_response(world.config)

    async def reset(request: web.Request) -> web.Response:
        world.reset()
        return web.json_response(world.config)

    async def stats(request: web.Request) -> web.Response:
        return web.json_response({provider: world.ledger.stats(provider, PRICE_USD) for provider in world.config})

    async def requests_seen(request: web.Request) -> web.Response:
        wanted, limit = request.query.get("provider"), int(request.query.get("limit", 1000))
        seen = [r for r in world.ledger.requests if wanted in (None, r["provider"])]
        return web.json_response(seen[-limit:])

    app.add_routes([
        web.get("/_sim/config", show_config), web.post("/_sim/config", change_config), web.delete("/_sim/config", reset),
        web.post("/_sim/reset", reset), web.get("/_sim/stats", stats), web.get("/_sim/requests", requests_seen),
        *replicate_routes(world), *bfl_routes(world),
    ])  # fmt: skip
    return app


async def serve(host: str, port: int, state: str | None, ready: Callable[[int], None], stop: asyncio.Event) -> None:
    world = World(state)
    runner = web.AppRunner(build_app(world), access_log=None, shutdown_timeout=0.2)
    await runner.setup()
    site = web.TCPSite(runner, host, port, backlog=1024)
    await site.start()
    ready(runner.addresses[0][1])
    await stop.wait()
    await runner.cleanup()
    world.ledger.close()


class Simulators:
    """Running simulators, as tests talk to them: over HTTP, like everybody else."""

    def __init__(self, url: str) -> None:
        self.url = url

    def configure(self, **changes: Any) -> None:
        answer = requests.post(f"{self.url}/_sim/config", json=changes, timeout=10)
        if answer.status_code != 200:
            raise ValueError(answer.text)

    def reset(self) -> None:
        requests.post(f"{self.url}/_sim/reset", timeout=10).raise_for_status()

    def stats(self) -> dict[str, Any]:
        return dict(requests.get(f"{self.url}/_sim/stats", timeout=10).json())

    def requests(self) -> list[dict[str, Any]]:
        return list(requests.get(f"{self.url}/_sim/requests", timeout=10).json())


@contextmanager
def running(port: int = 0, state: str | None = None, host: str = "127.0.0.1") -> Iterator[Simulators]:
    """Serve from a thread of this process while the block runs."""
    started, found = threading.Event(), [0]
    loop, stop = asyncio.new_event_loop(), asyncio.Event()

    def ready(actual: int) -> None:
        found[0] = actual
        started.set()

    def work() -> None:
        asyncio.set_event_loop(loop)
        loop.run_until_complete(serve(host, port, state, ready, stop))
        loop.close()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    if not started.wait(10):
        raise RuntimeError("the simulators did not start")
    try:
        yield Simulators(f"http://{host}:{found[0]}")
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(5)


def answer_json(
    body: Any, status: int = 200, headers: dict[str, str] | None = None, kind: str = "application/json"
) -> web.Response:
    return web.Response(text=json.dumps(body), status=status, headers=headers, content_type=kind)
