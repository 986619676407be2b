"""The page as a static site would serve it: with the headers of its staticwebapp.config.json, compressed, and sent once.

Of that file (learn.microsoft.com/azure/static-web-apps/configuration) `globalHeaders` and the headers of `routes` are done: those
of the first route that matches go before, and an empty one takes that header away.
"""

import gzip
import json
import mimetypes
import re
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import brotli
from aiohttp import web
from yarl import URL

from devhost import threads

CONFIGURATION = "staticwebapp.config.json"
#: Smaller files gain nothing.
COMPRESSED_FROM_BYTES = 600
_TEXT = ("text/", "image/svg+xml", "application/json")
#: What a browser may take, best first.
_PACKERS = {"br": brotli.compress, "gzip": lambda data: gzip.compress(data, 9, mtime=0)}


@dataclass(frozen=True)
class _File:
    version: tuple[int, int]
    plain: bytes
    is_packable: bool
    packed: dict[str, bytes] = field(default_factory=dict)

    def body(self, coding: str | None) -> bytes:
        """Packed once, when it is first asked for so."""
        if coding is None:
            return self.plain
        if coding not in self.packed:
            self.packed[coding] = _PACKERS[coding](self.plain)
        return self.packed[coding]


class _Answer(web.Response):
    """Without the name of this server: nobody needs it, and it comes with each of many small files."""

    async def _prepare_headers(self) -> None:
        await super()._prepare_headers()
        self.headers.popall("Server", None)


class StaticPage:
    """Serves a folder at `/`. A file that changes is sent anew, also the configuration."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder.resolve() if folder else None
        self._files: dict[Path, _File] = {}

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/{path:.*}", self._handle)]

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        if self._folder is None:
            text = "<!doctype html><title>devhost</title><p>Your Functions app is up and running."
            return web.Response(text=text, content_type="text/html", status=200 if request.path == "/" else 404)
        name = request.match_info["path"] or "index.html"
        headers = await self._headers(self._folder / CONFIGURATION, name)
        if not _is_trusted(request):
            # Browsers ignore it there, and say so at each load.
            headers.pop("Cross-Origin-Opener-Policy", None)
        file = (self._folder / name).resolve()
        if not file.is_file() or not file.is_relative_to(self._folder) or file.name == CONFIGURATION:
            return _Answer(status=404, headers=headers)
        kind = "text/javascript" if file.suffix == ".js" else mimetypes.guess_type(file.name)[0] or "application/octet-stream"
        found = await threads.run(self._read, file, kind.startswith(_TEXT))
        headers |= {"ETag": f'W/"{found.version[0]:x}-{found.version[1]:x}"', "Vary": "Accept-Encoding"}
        if headers["ETag"] in request.headers.get("If-None-Match", ""):
            return _Answer(status=304, headers=headers)
        coding = _coding(request.headers.get("Accept-Encoding", "")) if found.is_packable else None
        body = await threads.run(found.body, coding)
        if coding is not None:
            headers["Content-Encoding"] = coding
        charset = "utf-8" if kind.startswith("text/") or kind == "image/svg+xml" else None
        return _Answer(body=body, content_type=kind, charset=charset, headers=headers)

    async def _headers(self, file: Path, name: str) -> dict[str, str]:
        """Of the first route that matches, over those of all."""
        configured: dict[str, Any] = {}
        if await threads.run(file.is_file):
            configured = json.loads((await threads.run(self._read, file, False)).plain)
        matching = [route.get("headers", {}) for route in configured.get("routes", []) if _matches(route["route"], f"/{name}")]
        headers = {"Cache-Control": "no-cache", **configured.get("globalHeaders", {}), **(matching[0] if matching else {})}
        headers = {name: value for name, value in headers.items() if value}
        # On this machine it would bind whatever else is served under the same host name, for a year.
        headers.pop("Strict-Transport-Security", None)
        return headers

    def _read(self, file: Path, is_text: bool) -> _File:
        stat = file.stat()
        version = (stat.st_mtime_ns, stat.st_size)
        known = self._files.get(file)
        if known is None or known.version != version:
            data = file.read_bytes()
            known = self._files[file] = _File(version, data, is_text and len(data) >= COMPRESSED_FROM_BYTES)
        return known


def _matches(route: str, path: str) -> bool:
    """`/css/*`, `/*.{js,css}`: a star, and behind it the ends that it is for."""
    head, brace, ends = route.partition("{")
    routes = [head + end for end in ends.removesuffix("}").split(",")] if brace else [route]
    return any(fnmatchcase(path, each) for each in routes)


def _is_trusted(request: web.Request) -> bool:
    """What browsers call a trustworthy origin: https, or this machine by its own names."""
    name = URL(f"//{request.host}").host or ""
    return request.secure or name in ("localhost", "127.0.0.1", "::1") or name.endswith(".localhost")


def _coding(accepted: str) -> str | None:
    """The best of those that are taken; None for a body as it is."""
    taken = {}
    for each in accepted.lower().split(","):
        coding, _, weight = each.replace(" ", "").partition(";")
        taken[coding] = re.fullmatch(r"q=0(\.0*)?", weight) is None
    return next((coding for coding in _PACKERS if taken.get(coding, taken.get("*", False))), None)
