"""The page as a static site would serve it: with the headers of its staticwebapp.config.json, compressed, and sent once.

Of that file (learn.microsoft.com/azure/static-web-apps/configuration) `globalHeaders` and the headers of `routes` are done.
"""

import gzip
import json
import mimetypes
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from aiohttp import web

from devhost import threads

CONFIGURATION = "staticwebapp.config.json"
#: Smaller files gain nothing.
COMPRESSED_FROM_BYTES = 600
_TEXT = ("text/", "image/svg+xml", "application/json")


@dataclass(frozen=True)
class _File:
    version: tuple[int, int]
    plain: bytes
    zipped: bytes | None


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
        file = (self._folder / name).resolve()
        if not file.is_file() or not file.is_relative_to(self._folder) or file.name == CONFIGURATION:
            return web.Response(status=404, headers=headers)
        kind = "text/javascript" if file.suffix == ".js" else mimetypes.guess_type(file.name)[0] or "application/octet-stream"
        found = await threads.run(self._read, file, kind.startswith(_TEXT))
        headers |= {"ETag": f'W/"{found.version[0]:x}-{found.version[1]:x}"', "Vary": "Accept-Encoding"}
        if headers["ETag"] in request.headers.get("If-None-Match", ""):
            return web.Response(status=304, headers=headers)
        body = found.plain
        if found.zipped is not None and _takes_gzip(request.headers.get("Accept-Encoding", "")):
            body = found.zipped
            headers["Content-Encoding"] = "gzip"
        charset = "utf-8" if kind.startswith("text/") or kind == "image/svg+xml" else None
        return web.Response(body=body, content_type=kind, charset=charset, headers=headers)

    async def _headers(self, file: Path, name: str) -> dict[str, str]:
        """Of the first route that matches, over those of all."""
        configured: dict[str, Any] = {}
        if await threads.run(file.is_file):
            configured = json.loads((await threads.run(self._read, file, False)).plain)
        matching = [route.get("headers", {}) for route in configured.get("routes", []) if fnmatchcase(f"/{name}", route["route"])]
        headers = {"Cache-Control": "no-cache", **configured.get("globalHeaders", {}), **(matching[0] if matching else {})}
        # On this machine it would bind whatever else is served under the same host name, for a year.
        headers.pop("Strict-Transport-Security", None)
        return headers

    def _read(self, file: Path, is_text: bool) -> _File:
        stat = file.stat()
        version = (stat.st_mtime_ns, stat.st_size)
        known = self._files.get(file)
        if known is None or known.version != version:
            data = file.read_bytes()
            zipped = gzip.compress(data, 9, mtime=0) if is_text and len(data) >= COMPRESSED_FROM_BYTES else None
            known = self._files[file] = _File(version, data, zipped)
        return known


def _takes_gzip(accepted: str) -> bool:
    for each in accepted.lower().split(","):
        coding, _, weight = each.partition(";")
        if coding.strip() in ("gzip", "*"):
            return weight.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False
