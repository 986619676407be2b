"""Faults on order: what goes wrong, where, how often. Taken in the order they are configured."""

import asyncio
import json
import random
from typing import Any

from aiohttp import web

_HTML = "<!doctype html><html><body><h1>502 Bad Gateway</h1></body></html>"


class Faults:
    """One provider's configured faults. `on`: create, poll, download, cancel, list, account."""

    def __init__(self) -> None:
        self._faults: list[dict[str, Any]] = []
        self._random = random.Random(7)

    def configure(self, faults: list[dict[str, Any]]) -> None:
        self._faults = [dict(fault) for fault in faults]

    def take(self, on: str) -> dict[str, Any] | None:
        """The fault that this request meets, if any; its `times` are used up."""
        for fault in self._faults:
            if (
                fault.get("on") == on
                and fault.get("times", 1_000_000_000) > 0
                and self._random.random() < fault.get("probability", 1.0)
            ):
                fault["times"] = fault.get("times", 1_000_000_000) - 1
                return fault
        return None


#: Kinds whose damage comes after the request has taken effect.
AFTER = frozenset({"disconnect_after", "truncated_json", "garbage", "html", "slow", "wrong_content_type"})


async def broken_answer(request: web.Request, fault: dict[str, Any], body: bytes) -> web.StreamResponse:
    """What the client gets; `body` is the honest answer, for the kinds that damage it."""
    kind = fault["kind"]
    if kind in ("disconnect_before", "disconnect_after"):
        return disconnect(request)
    if kind == "hang":
        await asyncio.sleep(float(fault.get("seconds", 60)))
        return disconnect(request)
    if kind == "slow":
        return await _drip(request, body, float(fault.get("seconds", 30)))
    if kind == "truncated_json":
        return web.Response(body=body[: max(1, len(body) // 2)], content_type="application/json")
    if kind == "garbage":
        return web.Response(body=b"\x00\xffnot json", content_type="application/json")
    if kind == "html":
        return web.Response(text=_HTML, content_type="text/html", status=int(fault.get("status", 200)))
    if kind == "wrong_content_type":
        return web.Response(body=body, content_type="application/octet-stream")
    if kind == "not_an_image":
        return web.Response(text="this is not an image", content_type="image/png")
    if kind == "huge_body":
        return await _huge(request, int(fault.get("bytes", 200_000_000)))
    if kind == "redirect":
        return web.Response(status=302, headers={"Location": str(fault["to"])})
    if kind == "expired_link":
        return web.Response(status=int(fault.get("status_code", 403)), text="expired")
    return _status(fault)


def _status(fault: dict[str, Any]) -> web.Response:
    status = int(fault.get("status", 500))
    headers, document = {}, {"detail": "Something is wrong on purpose", "status": status, "title": "Fault"}
    if fault.get("retry_after") is not None:
        if fault.get("header"):
            headers["Retry-After"] = str(fault["retry_after"])
        else:
            document["retry_after"] = fault["retry_after"]
    shape = fault.get("body", "json")
    if shape == "html":
        return web.Response(status=status, text=_HTML, content_type="text/html", headers=headers)
    if shape == "empty":
        return web.Response(status=status, headers=headers)
    if isinstance(shape, dict):
        document = shape
    return web.Response(status=status, text=json.dumps(document), content_type="application/problem+json", headers=headers)


def disconnect(request: web.Request) -> web.Response:
    """Close the connection without an answer."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)


async def _drip(request: web.Request, body: bytes, seconds: float) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Length": str(len(body)), "Content-Type": "application/json"})
    await response.prepare(request)
    steps = min(len(body), 100)
    for i in range(steps):
        try:
            await response.write(body[len(body) * i // steps : len(body) * (i + 1) // steps])
        except ConnectionError:
            break
        await asyncio.sleep(seconds / steps)
    return response


async def _huge(request: web.Request, size: int) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "image/png"})
    await response.prepare(request)
    block = b"\x89PNG\r\n\x1a\n" + b"\0" * 65528
    for _ in range(size // len(block)):
        try:
            await response.write(block)
        except ConnectionError:
            break
    return response
