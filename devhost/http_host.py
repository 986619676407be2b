"""HTTP triggers on aiohttp, with the Functions host's rules of routing, requests and answers."""

import asyncio
import functools
import inspect
import io
import logging
import re
import threading
import uuid
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import azure.functions as func
from aiohttp import HttpVersion11, web
from azure.functions.http import HttpRequest as TriggerRequest
from multidict import CIMultiDictProxy

from devhost.app_loader import App, Function, http_methods
from devhost.request_line import decoded_path, joined, query_parameters, request_url

log = logging.getLogger("devhost.http")

MAX_BODY_BYTES = 104_857_600
#: Kestrel's limits (learn.microsoft.com/dotnet/api/microsoft.aspnetcore.server.kestrel.core.kestrelserverlimits): of all headers
#: together, of their number, of the request's line.
MAX_HEADERS_BYTES, MAX_HEADERS, MAX_LINE_BYTES = 32_768, 100, 8_192
_KINDS = {"int": r"-?\d+", "long": r"-?\d+", "guid": r"[0-9a-fA-F-]{32,36}", "alpha": r"[A-Za-z]+", "bool": r"true|false"}
_PLACEHOLDER = re.compile(r"\{(\*?)([A-Za-z_]\w*)(?::([^{}?]+))?(\??)\}")


class InvocationContext(func.Context):
    """What a function's `context` parameter gets."""

    def __init__(self, function: Function, traceparent: str = "") -> None:
        self._invocation_id = str(uuid.uuid4())
        self._function_name = function.name
        # Where the function is written down; of one with a durable client, whose decorator wraps it, the SDK's own folder.
        self._folder = str(Path(inspect.getfile(function.call)).parent)
        self._trace = _Trace(traceparent)

    @property
    def invocation_id(self) -> str:
        return self._invocation_id

    @property
    def function_name(self) -> str:
        return self._function_name

    @property
    def function_directory(self) -> str:
        return self._folder

    @property
    def trace_context(self) -> Any:
        return self._trace

    @property
    def retry_context(self) -> Any:
        return _Retry()

    @property
    def thread_local_storage(self) -> Any:
        return _LOCAL


#: One for all invocations, as in the worker.
_LOCAL = threading.local()


@dataclass(frozen=True)
class _Retry:
    """Of an invocation that is no retry: the policies of `@app.retry` are not done here."""

    retry_count: int = 0
    max_retry_count: int = 0
    exception: None = None


class _Trace:
    def __init__(self, traceparent: str) -> None:
        self.Traceparent = self.trace_parent = traceparent
        self.Tracestate = self.trace_state = ""
        self.Attributes: dict[str, str] = {}
        self.attributes = self.Attributes


class Invoker:
    """Calls functions as the worker does: coroutines on the loop, the rest on threads, clients and contexts filled in."""

    def __init__(self, app: App, client_json: str, pool: ThreadPoolExecutor) -> None:
        self._client_json = client_json
        self._pool = pool

    async def call(self, function: Function, value: Any, traceparent: str = "") -> Any:
        arguments = self.arguments(function, value, traceparent)
        if function.is_async:
            return await function.call(**arguments)
        return await asyncio.get_running_loop().run_in_executor(self._pool, functools.partial(function.call, **arguments))

    def arguments(self, function: Function, value: Any, traceparent: str = "") -> dict[str, Any]:
        arguments = {function.trigger.name: value, **dict.fromkeys(function.clients, self._client_json)}
        if function.wants_context:
            arguments["context"] = InvocationContext(function, traceparent)
        return arguments


class HttpTriggers:
    """All HTTP functions behind one handler: sorted by name, the first route that matches wins."""

    def __init__(self, app: App, invoker: Invoker) -> None:
        self._invoker = invoker
        self._prefix = f"/{app.route_prefix}" if app.route_prefix else ""
        functions = sorted(app.of_kind("httpTrigger"), key=lambda f: f.name.lower())
        self._routes = [(route_pattern(f.trigger.route or f.name), http_methods(f), f) for f in functions]

    def routes(self) -> list[web.RouteDef]:
        # In any case, as all that is fixed in a route.
        prefix = f"/{{prefix:(?i:{re.escape(self._prefix[1:])})}}" if self._prefix else ""
        # The prefix alone is an address too: a route that takes the rest takes no rest as well.
        alone = [web.route("*", prefix, self._handle)] if prefix else []
        return [*alone, web.route("*", f"{prefix}/{{rest:(?s:.*)}}", self._handle)]

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        if refused := refused_headers(request.raw_headers) or refused_host(request.version >= HttpVersion11, request.headers):
            return web.Response(status=refused)
        path = decoded_path(request.raw_path.partition("?")[0])[len(self._prefix) :].removeprefix("/")
        for pattern, methods, function in self._routes:
            found = pattern.fullmatch(path)
            # A wrong method is no match: 404, not 405.
            if found and (not methods or request.method in methods):
                return await self._call(function, request, {k: v for k, v in found.groupdict().items() if v is not None})
        return web.Response(status=404)

    async def _call(self, function: Function, request: web.Request, route_params: dict[str, str]) -> web.StreamResponse:
        length = request.content_length or 0
        if length > MAX_BODY_BYTES:
            return web.Response(status=413)
        # Chunked bodies arrive empty, as they do on Azure.
        body = await _body(request) if length else b""
        raw_path, mark, raw_query = request.raw_path.partition("?")
        trigger_request = TriggerRequest(
            request.method, request_url(request.headers.get("Host", ""), decoded_path(raw_path), mark + raw_query),
            headers=joined([*((name.lower(), value) for name, value in request.headers.items()), *_front_end(request)]),
            params=query_parameters(raw_query), route_params=route_params, body_type="bytes", body=body,
        )  # fmt: skip
        del body
        try:
            answer = await self._invoker.call(function, trigger_request, request.headers.get("traceparent", ""))
            return http_answer(answer)
        except Exception:
            log.exception("function %s failed", function.name)
            return web.Response(status=500)


def refused_headers(headers: Iterable[tuple[bytes, bytes]]) -> int | None:
    """The status with which Kestrel refuses a request for its headers before an app sees it, or None.

    It decodes them as UTF-8 and answers 400 where they are none; more than fits is 431.
    """
    names_and_values = list(headers)
    if len(names_and_values) > MAX_HEADERS:
        return 431
    # With ": " and CR LF.
    if sum(len(name) + len(value) + 4 for name, value in names_and_values) > MAX_HEADERS_BYTES:
        return 431
    try:
        for _, value in names_and_values:
            if "\0" in value.decode():
                return 400
    except UnicodeDecodeError:
        return 400
    return None


def refused_host(is_http_1_1: bool, headers: CIMultiDictProxy[str]) -> int | None:
    """400 where Kestrel wants a Host: from HTTP/1.1 on there must be one, and never are there two (RFC 9112, 3.2)."""
    given = len(headers.getall("Host", ()))
    return 400 if given > 1 or (is_http_1_1 and not given) else None


def _front_end(request: web.Request) -> list[tuple[str, str]]:
    """What App Service's front end adds: who spoke to it, with its port, behind whatever the caller wrote there (observed:
    Azure/azure-functions-host issue 11254)."""
    peer = request.transport.get_extra_info("peername") if request.transport else None
    if not isinstance(peer, tuple):
        return []
    host, port = peer[0], peer[1]
    return [("x-forwarded-for", f"[{host}]:{port}" if ":" in host else f"{host}:{port}")]


async def _body(request: web.Request) -> bytes:
    """The whole body, held once: joining its parts would hold it twice. It grows as it comes: room for what is still to come
    would be held by all who come at once."""
    buffer = io.BytesIO()
    async for part in request.content.iter_any():
        buffer.write(part)
    return buffer.getvalue()


def route_pattern(template: str) -> re.Pattern[str]:
    """An ASP.NET route template as a regular expression of the path behind the prefix and its slash: {id}, {id?}, {id:int},
    {*rest}; literals in any case.

    As dotnet/aspnetcore reads paths (RoutePatternMatcher, PathTokenizer): one slash at the end is ignored, and an empty part fits
    nothing. But a {*rest} takes everything from its first part on, which alone must not be empty: slashes at the end, and empty
    parts that come later, belong to it.
    """
    template = template.strip("/")
    pattern, at, takes_rest = "", 0, False
    for found in _PLACEHOLDER.finditer(template):
        literal = re.escape(template[at : found.start()])
        at = found.end()
        takes_rest, name, kind, optional = bool(found[1]), found[2], found[3], found[4]
        value = r"[^/].*" if takes_rest else _KINDS.get(kind or "", r"[^/]+")
        if (optional or takes_rest) and literal.endswith("/"):
            pattern += f"{literal[:-1]}(?:/(?P<{name}>{value}){'?' if takes_rest else ''})?"
        else:
            pattern += f"{literal}(?P<{name}>{value}){'?' if optional or takes_rest else ''}"
    pattern += re.escape(template[at:]) + ("" if takes_rest else "(?:(?<=[^/])/)?")
    return re.compile(pattern, re.IGNORECASE | re.DOTALL)


def http_answer(answer: Any) -> web.Response:
    """What a function returned, as HTTP. Raises TypeError for what the worker cannot encode."""
    if isinstance(answer, str):
        return web.Response(text=answer)
    if not isinstance(answer, func.HttpResponse):
        raise TypeError(f"an HTTP function returned {type(answer).__name__}: HttpResponse or str is needed")
    response = web.Response(status=answer.status_code, body=answer.get_body())
    for name, value in answer.headers.items():
        if not (value.isascii() and value.isprintable()):
            raise ValueError(f"the header {name} is not ASCII: Kestrel sends no such answer")
        if name.lower() == "set-cookie":
            response.headers.add(name, value)
        else:
            response.headers[name] = value
    if "content-type" not in answer.headers:
        charset = f"; charset={answer.charset}" if answer.mimetype.startswith("text/") else ""
        response.headers["Content-Type"] = f"{answer.mimetype}{charset}"
    return response
