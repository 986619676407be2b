"""What the Functions host makes of a request and of an answer, written anew from its sources and not from the devhost's.

Request to message: `ToRpcHttp` in Azure/azure-functions-host, GrpcMessageConversionExtensions.cs, with what this worker says it
can do (RawHttpBodyBytes, RpcHttpBodyOnly; no nullable dictionaries, no ignored empty headers). Answer: RawScriptResult.cs.
Kestrel (dotnet/aspnetcore) reads the request's line: UrlDecoder leaves %2F and what is no UTF-8 as they are, PathString escapes
anew, QueryFeature and StringValues join what comes several times.
"""

import re
import urllib.parse
from dataclasses import dataclass

from tests.worker.protocol import RpcHttp, TypedData

#: What PathString.ToUriComponent leaves as it is.
_PATH_SAFE = "/-._~!$&'()*+,;=:@"


@dataclass(frozen=True)
class Wire:
    """A request as a client puts it on the wire."""

    method: str
    target: str
    headers: list[tuple[str, str]]
    body: bytes = b""
    version: str = "HTTP/1.1"

    def to_bytes(self) -> bytes:
        lines = [f"{self.method} {self.target} {self.version}", *(f"{name}: {value}" for name, value in self.headers)]
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + self.body

    def header(self, name: str) -> str | None:
        return next((value for sent, value in self.headers if sent.lower() == name.lower()), None)


def decoded_path(target: str) -> str:
    """The path as routes see it."""

    def run(found: re.Match[str]) -> str:
        kept = re.split("(%2[fF])", found.group())
        return "".join(part if re.fullmatch("%2[fF]", part) else _unescaped(part) for part in kept)

    return re.sub("(?:%[0-9a-fA-F]{2})+", run, target.partition("?")[0])


def _unescaped(escaped: str) -> str:
    try:
        return urllib.parse.unquote(escaped, errors="strict")
    except UnicodeDecodeError:
        return escaped


def rpc_http(wire: Wire, route_params: dict[str, str]) -> TypedData:
    """The message for the worker."""
    path, mark, raw_query = wire.target.partition("?")
    # What is escaped already is not escaped again.
    quoted = urllib.parse.quote(decoded_path(path), safe=_PATH_SAFE + "%")
    escaped = re.sub("%(?![0-9a-fA-F]{2})", "%25", quoted)
    length = int(wire.header("content-length") or 0)
    return TypedData(http=RpcHttp(
        method=wire.method, url=f"http://{wire.header('host') or ''}{escaped}{mark}{raw_query}",
        headers=_joined(wire.headers, lower=True), params=route_params,
        query={name: value for name, value in _joined(_query(raw_query)).items() if value},
        body=TypedData(bytes=wire.body[:length]) if length else TypedData(),
    ))  # fmt: skip


def _query(raw: str) -> list[tuple[str, str]]:
    pairs = [part.partition("=") for part in raw.split("&") if part]
    return [(_plus(name), _plus(value)) for name, _, value in pairs]


def _plus(text: str) -> str:
    return re.sub("(?:%[0-9a-fA-F]{2})+", lambda found: _unescaped(found.group()), text.replace("+", " "))


def _joined(pairs: list[tuple[str, str]], *, lower: bool = False) -> dict[str, str]:
    """Names in any case are one; of several values the empty ones are left out (StringValues.ToString)."""
    spelt: dict[str, str] = {}
    values: dict[str, list[str]] = {}
    for name, value in pairs:
        values.setdefault(spelt.setdefault(name.lower(), name), []).append(value.strip() if lower else value)
    return {(name.lower() if lower else name): ",".join(filter(None, several)) for name, several in values.items()}


@dataclass(frozen=True)
class Answer:
    """What the client gets. Cookies are left out of the headers."""

    status: int
    headers: dict[str, str]
    cookies: set[tuple[str, str]]
    body: bytes


def answer_of(value: TypedData) -> Answer:
    """What the host sends for what the worker gave back."""
    http = value.http
    headers = {name.lower(): text for name, text in http.headers.items()}
    return Answer(int(http.status_code), headers, {(c.name, c.value) for c in http.cookies}, http.body.value or b"")
