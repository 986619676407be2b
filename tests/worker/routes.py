"""Which function the host calls, and with which route values, written anew from its sources and not from the devhost's.

dotnet/aspnetcore: PathTokenizer.cs says what the parts of a path are, RoutePatternMatcher.cs which templates they fit.
Azure/azure-functions-host asks functions in the order of their names, and one that names no methods takes all (durable-host
reference 1.1, 1.8).
"""

import re
from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass


@dataclass(frozen=True)
class Route:
    function: str
    #: With the prefix.
    template: str
    #: None: every one.
    methods: Set[str] | None = None


@dataclass(frozen=True)
class Choice:
    function: str
    values: dict[str, str]


def chosen(routes: Iterable[Route], method: str, path: str) -> Choice | None:
    """The function that a request for a decoded path reaches, or None for the host's own empty 404."""
    for route in sorted(routes, key=lambda route: route.function.lower()):
        values = matched(route.template, path)
        if values is not None and (route.methods is None or method in route.methods):
            return Choice(route.function, values)
    return None


def parts(path: str) -> Iterator[tuple[int, str]]:
    """Where each part begins, and what it is; the slash at the very end begins none."""
    at = 1
    while at < len(path):
        end = path.find("/", at)
        end = len(path) if end == -1 else end
        yield at, path[at:end]
        at = end + 1


def matched(template: str, path: str) -> dict[str, str] | None:
    """What the placeholders of a template are, None where the path is another's. Of each part either all is fixed or nothing."""
    fixed = template.strip("/").split("/")
    values: dict[str, str] = {}
    at = 0
    for begins, part in parts(path):
        if not part or at == len(fixed):
            return None
        if fixed[at].startswith("{*"):
            return values | {fixed[at][2:-1]: path[begins:]}
        if not fixed[at].startswith("{"):
            if fixed[at].lower() != part.lower():
                return None
        else:
            name, _, kind = fixed[at].strip("{}").rstrip("?").partition(":")
            if kind and not (kind == "int" and re.fullmatch(r"-?[0-9]+", part)):
                return None
            values[name] = part
        at += 1
    missing = fixed[at:]
    return values if all(one.startswith("{*") or one.endswith("?}") for one in missing) else None
