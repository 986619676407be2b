"""Faults: answers that a client meets on a bad day, put in front of a good one.

A fault is an object in `faults` of a provider's config. The first one that fits a request is played:

    on                create | poll | download | cancel | list | account | files | secret | fetch | translate | any
    kind              see KINDS
    times             how many requests it hits; without it, all
    skip              how many fitting requests pass unharmed first
    probability       0..1, drawn with the provider's seed
    match             only requests whose path or body has this text; of a fetch, the URL without its query
    after_processing  whether the request is worked on before the fault (so a create is made, and billed)
"""

import asyncio
import json
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

OPERATIONS = ("create", "poll", "download", "cancel", "list", "account", "files", "secret", "fetch", "translate", "any")
#: Kind -> whether the request is worked on first, unless `after_processing` says otherwise.
KINDS = {
    "status": False,
    "disconnect_before": False,
    "disconnect_after": True,
    "hang": False,
    "slow": True,
    "garbage": True,
    "truncated_json": True,
    "truncated_body": True,
    "html": True,
    "wrong_content_type": True,
    "not_an_image": True,
    "huge_body": True,
    "redirect": False,
    "expired_link": False,
    "not_found_after_create": False,
    "not_found": False,
    "no_output": True,
    "late": True,
    "unfetchable": False,
}
_FIELDS = {
    "on", "kind", "times", "skip", "probability", "match", "after_processing", "status", "retry_after", "header", "body", "json",
    "text", "seconds", "reset", "content_type", "megabytes", "to", "polls",
}  # fmt: skip
_BODIES = ("json", "html", "empty", "truncated")
_HTML = "<html><head><title>{status}</title></head><body><center><h1>{status} Bad Gateway</h1></center></body></html>\n"


class FaultError(ValueError):
    """A fault that cannot be played; the text says why."""


@dataclass
class Fault:
    spec: dict[str, Any]
    left: int | None
    skip: int

    @staticmethod
    def from_json(spec: dict[str, Any]) -> "Fault":
        if unknown := set(spec) - _FIELDS:
            raise FaultError(f"unknown fault keys {sorted(unknown)}; there are {sorted(_FIELDS)}")
        if spec.get("on") not in OPERATIONS:
            raise FaultError(f"a fault's `on` is one of {', '.join(OPERATIONS)}")
        if spec.get("kind") not in KINDS:
            raise FaultError(f"a fault's `kind` is one of {', '.join(KINDS)}")
        if spec.get("body", "json") not in _BODIES:
            raise FaultError(f"a fault's `body` is one of {', '.join(_BODIES)}")
        if (spec["kind"] == "unfetchable") != (spec["on"] == "fetch"):
            raise FaultError("`unfetchable` is the fault of a `fetch`, and its only one")
        if spec["kind"] == "redirect" and not isinstance(spec.get("to"), str):
            raise FaultError("a redirect needs `to`")
        return Fault(dict(spec), spec.get("times"), int(spec.get("skip", 0)))

    @property
    def kind(self) -> str:
        return str(self.spec["kind"])

    @property
    def is_after_processing(self) -> bool:
        return bool(self.spec.get("after_processing", KINDS[self.kind]))


class Faults:
    """The faults of one provider, with what is left of each."""

    def __init__(self, specs: list[dict[str, Any]], seed: int) -> None:
        self._faults = [Fault.from_json(spec) for spec in specs]
        self._rng = random.Random(f"faults:{seed}")

    def take(self, operation: str, text: Callable[[], str], fits: Callable[[Fault], bool]) -> Fault | None:
        """The fault that this request meets, counted."""
        for fault in self._faults:
            if fault.spec["on"] not in (operation, "any") or fault.left == 0 or not fits(fault):
                continue
            if "match" in fault.spec and fault.spec["match"] not in text():
                continue
            if fault.skip > 0:
                fault.skip -= 1
                continue
            if self._rng.random() >= fault.spec.get("probability", 1.0):
                continue
            if fault.left is not None:
                fault.left -= 1
            return fault
        return None


#: (status, detail, headers) -> an error in the provider's own form.
Refusal = Callable[[int, str, dict[str, Any]], web.Response]


async def play(
    fault: Fault, request: web.Request, handler: Handler, refuse: Refusal, expired: Callable[[], web.Response]
) -> web.StreamResponse:
    good = await handler(request) if fault.is_after_processing else None
    spec, body = fault.spec, _body(good)
    match fault.kind:
        case "status":
            return _status(spec, refuse)
        case "disconnect_before" | "disconnect_after":
            return _disconnect(request, reset=bool(spec.get("reset")))
        case "hang":
            await asyncio.sleep(float(spec.get("seconds", 60)))
            return _disconnect(request)
        case "late":
            await asyncio.sleep(float(spec.get("seconds", 10)))
            return good or await handler(request)
        case "slow":
            return await _drip(request, good, body, float(spec.get("seconds", 10)))
        case "garbage":
            return web.Response(status=spec.get("status", 200), body=bytes(range(128, 256)) * 4, content_type=_type(good))
        case "truncated_json":
            return web.Response(status=spec.get("status", _code(good)), body=body[: len(body) // 2], content_type=_type(good))
        case "truncated_body":
            return await _half(request, good, body)
        case "html":
            status = spec.get("status", 200)
            return web.Response(status=status, text=_HTML.format(status=status), content_type="text/html")
        case "wrong_content_type":
            return web.Response(status=_code(good), body=body, content_type=spec.get("content_type", "text/plain"))
        case "not_an_image":
            return web.Response(body=b"this is not an image\n" * 200, content_type=_type(good))
        case "huge_body":
            return await _huge(request, good, body, float(spec.get("megabytes", 64)))
        case "redirect":
            return web.Response(status=spec.get("status", 302), headers={"Location": spec["to"]})
        case "expired_link":
            return expired()
    return good or web.Response()


def _status(spec: dict[str, Any], refuse: Refusal) -> web.Response:
    status, retry_after = int(spec.get("status", 500)), spec.get("retry_after")
    headers = {"Retry-After": str(retry_after)} if retry_after is not None and spec.get("header") else {}
    if "json" in spec:
        return web.json_response(spec["json"], status=status, headers=headers)
    if "text" in spec:
        return web.Response(status=status, text=spec["text"], headers=headers)
    body = spec.get("body", "json")
    if body == "html":
        return web.Response(status=status, text=_HTML.format(status=status), content_type="text/html", headers=headers)
    if body == "empty":
        return web.Response(status=status, headers=headers)
    extra = {"retry_after": retry_after} if retry_after is not None else {}
    answer = refuse(status, _DETAILS.get(status, "Simulated fault"), extra)
    answer.headers.update(headers)
    if body == "truncated":
        answer.body = _body(answer)[:-7]
    return answer


_DETAILS = {
    400: "Bad request",
    401: "You did not pass a valid authentication token",
    402: "You have insufficient credit to run this model.",
    403: "Forbidden",
    404: "Not found",
    429: "Request was throttled. Expected available in 1 second.",
    500: "Internal server error",
}


def _code(good: web.StreamResponse | None) -> int:
    return good.status if good else 200


def _type(good: web.StreamResponse | None) -> str:
    return good.content_type if good else "application/json"


def _body(good: web.StreamResponse | None) -> bytes:
    body = good.body if isinstance(good, web.Response) else None
    return bytes(body) if isinstance(body, bytes | bytearray) else b""


def _disconnect(request: web.Request, *, reset: bool = False) -> web.Response:
    if request.transport is not None:
        # An abort is seen as a reset by the client, a close as an end without an answer.
        request.transport.abort() if reset else request.transport.close()
    # aiohttp finds the connection closed and writes nothing.
    return web.Response(status=499)


async def _begin(request: web.Request, good: web.StreamResponse | None, length: int | None) -> web.StreamResponse:
    stream = web.StreamResponse(status=_code(good), headers={"Content-Type": _type(good)})
    if length is None:
        stream.enable_chunked_encoding()
    else:
        stream.content_length = length
    await stream.prepare(request)
    return stream


async def _drip(request: web.Request, good: web.StreamResponse | None, body: bytes, seconds: float) -> web.StreamResponse:
    stream = await _begin(request, good, len(body))
    steps = max(1, min(len(body), int(seconds / 0.1)))
    for step in range(steps):
        await asyncio.sleep(seconds / steps)
        await stream.write(body[len(body) * step // steps : len(body) * (step + 1) // steps])
    return stream


async def _half(request: web.Request, good: web.StreamResponse | None, body: bytes) -> web.StreamResponse:
    stream = await _begin(request, good, len(body))
    await stream.write(body[: len(body) // 2])
    if request.transport is not None:
        request.transport.close()
    return stream


async def _huge(request: web.Request, good: web.StreamResponse | None, body: bytes, megabytes: float) -> web.StreamResponse:
    # No length is declared, so that only counting what arrives helps.
    stream = await _begin(request, good, None)
    await stream.write(body)
    for _ in range(int(megabytes)):
        await stream.write(bytes(1024 * 1024))
    await stream.write_eof()
    return stream


def without(answer: web.StreamResponse, field: str) -> web.StreamResponse:
    """The same JSON answer with one field null; an answer that is no object of success stays as it is."""
    if answer.status != 200:
        return answer
    return web.json_response({**json.loads(_body(answer)), field: None})


def refusal_json(body: dict[str, Any], status: int, content_type: str = "application/json") -> web.Response:
    return web.Response(status=status, body=json.dumps(body).encode(), content_type=content_type)
