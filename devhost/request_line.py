"""A request's path, query and headers as Kestrel and the host read them, where aiohttp reads them otherwise.

From the sources of dotnet/aspnetcore (UrlDecoder, PathString, QueryStringEnumerable, StringValues, RoutePatternMatcher) and of
the host (`ToRpcHttp` in GrpcMessageConversionExtensions.cs of Azure/azure-functions-host).
"""

import re
import urllib.parse
from collections.abc import Iterable

_ESCAPES = re.compile(r"(?:%[0-9a-fA-F]{2})+")
_SLASH = re.compile(r"(%2[fF])")
#: What PathString leaves as it is.
_PATH_SAFE = "/-._~!$&'()*+,;=:@"


def decoded_path(raw: str) -> str:
    """The path that routes are compared with. An escaped slash stays escaped, and so does what is no UTF-8."""
    return _ESCAPES.sub(lambda run: "".join(p if _SLASH.fullmatch(p) else _decoded(p) for p in _SLASH.split(run[0])), raw)


def request_url(host: str, path: str, raw_query: str) -> str:
    """The URL that a function sees: its path decoded and escaped anew, the query (with its mark) as it was sent."""
    parts = re.split(r"(%[0-9a-fA-F]{2})", path)
    return f"http://{host}{''.join(p if n % 2 else urllib.parse.quote(p, _PATH_SAFE) for n, p in enumerate(parts))}{raw_query}"


def query_parameters(raw_query: str) -> dict[str, str]:
    """Names in any case are one, as it came first; what has no value is not there."""
    pairs = (part.partition("=") for part in raw_query.removeprefix("?").split("&") if part)
    found = joined((_unescaped(name), _unescaped(value)) for name, _, value in pairs)
    return {name: value for name, value in found.items() if value}


def joined(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Several values of one name with commas between them, without the empty ones."""
    names: dict[str, str] = {}
    values: dict[str, str] = {}
    for name, value in pairs:
        name = names.setdefault(name.lower(), name)
        values[name] = f"{values[name]},{value}" if values.get(name) and value else values.get(name) or value
    return values


def _unescaped(text: str) -> str:
    return _ESCAPES.sub(lambda run: _decoded(run[0]), text.replace("+", " "))


def _decoded(escaped: str) -> str:
    try:
        return urllib.parse.unquote(escaped, errors="strict")
    except UnicodeDecodeError:
        return escaped
