"""Loads an app folder as the Python worker does, and refuses at load what would fail on Azure or is not done here."""

import collections.abc
import importlib
import inspect
import json
import os
import re
import sys
import typing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_SUPPORTED = {"httpTrigger", "http", "orchestrationTrigger", "activityTrigger", "durableClient", "timerTrigger", "queueTrigger"}


class LoadError(Exception):
    """The app cannot be served; the text names the function and the reason."""


@dataclass(frozen=True)
class Function:
    """One function of the app with its trigger."""

    name: str
    call: Any
    trigger: Any
    kind: str
    #: Parameters that get the durable client's JSON.
    clients: tuple[str, ...]
    wants_context: bool
    is_async: bool


@dataclass(frozen=True)
class App:
    folder: Path
    functions: list[Function]
    host: dict[str, Any] = field(default_factory=dict)

    def of_kind(self, kind: str) -> list[Function]:
        return [f for f in self.functions if f.kind == kind]

    @property
    def durable(self) -> dict[str, Any]:
        """host.json's extensions.durableTask."""
        return dict(self.host.get("extensions", {}).get("durableTask", {}))

    @property
    def route_prefix(self) -> str:
        return str(self.host.get("extensions", {}).get("http", {}).get("routePrefix", "api")).strip("/")


def load_app(folder: Path, port: int) -> App:
    """Read the settings, import function_app.py and check every function. Raises LoadError."""
    folder = folder.resolve()
    _apply_settings(folder, port)
    host = _host_json(folder)
    os.chdir(folder)
    sys.path.insert(0, str(folder))
    stem = Path(os.environ.get("PYTHON_SCRIPT_FILE_NAME", "function_app.py")).stem
    module = importlib.import_module(stem)
    from azure.functions.decorators.function_app import FunctionRegister

    apps = {id(v): v for v in vars(module).values() if isinstance(v, FunctionRegister)}
    if not apps:
        raise LoadError(f"Could not find top level function app instances in {stem}.py.")
    if len(apps) > 1:
        raise LoadError(f"More than one top level function app instances are defined in {stem}.py.")
    # Once only: a second call complains of double names.
    functions = [_checked(f) for f in next(iter(apps.values())).get_functions() if not _is_disabled(f.get_function_name())]
    _check_routes(functions, host)
    return App(folder, functions, host)


def _apply_settings(folder: Path, port: int) -> None:
    """Values of local.settings.json become environment variables; what is set already wins."""
    path = folder / "local.settings.json"
    values = json.loads(path.read_text("utf-8-sig")).get("Values", {}) if path.exists() else {}
    values |= {
        "WEBSITE_HOSTNAME": f"127.0.0.1:{port}", "AzureWebJobsScriptRoot": str(folder),
        "AZURE_FUNCTIONS_ENVIRONMENT": "Development",
    }  # fmt: skip
    for name, value in values.items():
        os.environ.setdefault(name, str(value))


def _host_json(folder: Path) -> dict[str, Any]:
    """host.json with AzureFunctionsJobHost__section__key from the environment over it and %SETTING% filled in."""
    path = folder / "host.json"
    host: dict[str, Any] = json.loads(path.read_text("utf-8-sig")) if path.exists() else {}
    for name, value in os.environ.items():
        if name.startswith("AzureFunctionsJobHost__"):
            node = host
            *sections, key = name.split("__")[1:]
            for section in sections:
                node = node.setdefault(section, {})
            node[key] = value
    return dict(resolve_settings(host))


def resolve_settings(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: resolve_settings(v) for k, v in value.items()}
    if isinstance(value, list):
        return [resolve_settings(v) for v in value]
    if isinstance(value, str):
        return re.sub(r"%([A-Za-z0-9_:.-]+)%", lambda m: os.environ.get(m.group(1), m.group(0)), value)
    return value


def _is_disabled(name: str) -> bool:
    """Whether the setting AzureWebJobs.NAME.Disabled turns a function off, as the host reads it (learn.microsoft.com,
    azure-functions/disable-function)."""
    return os.environ.get(f"AzureWebJobs.{name}.Disabled", "").lower() in ("true", "1")


def _checked(function: Any) -> Function:
    name, trigger, call = function.get_function_name(), function.get_trigger(), function.get_user_function()
    if trigger is None:
        raise LoadError(f"Function {name} has no trigger.")
    for binding in function.get_bindings():
        if binding.type not in _SUPPORTED:
            raise LoadError(f"Function {name} uses {binding.type}: the devhost does not do that.")
    kind = trigger.type
    if kind in ("orchestrationTrigger", "entityTrigger") and trigger.name != "context":
        raise LoadError(f"Function {name}: context_name must be 'context', as on Azure, not {trigger.name!r}.")
    signature = inspect.signature(call)
    # Also *these and **those: the worker asks for a binding of every name.
    parameters = set(signature.parameters)
    bound = {b.name for b in function.get_bindings() if b.name and b.name != "$return"}
    if extra := parameters - bound - {"context"}:
        raise LoadError(
            f"Function {name}: the following parameters are declared in Python but not in the bindings: {sorted(extra)}."
        )
    if missing := bound - parameters:
        raise LoadError(f"Function {name}: the following bindings are not parameters of the function: {sorted(missing)}.")
    clients = tuple(b.name for b in function.get_bindings() if b.type == "durableClient")
    _check_annotations(name, kind, call, trigger.name)
    is_async = inspect.iscoroutinefunction(call)
    if clients and not inspect.iscoroutinefunction(inspect.unwrap(call)):
        raise LoadError(f"Function {name} takes a durable client, so it must be `async def`.")
    wants_context = "context" in parameters and "context" not in bound
    return Function(name, call, trigger, kind, clients, wants_context, is_async)


def _check_annotations(name: str, kind: str, call: Any, trigger_name: str) -> None:
    """The worker takes plain types only: `dict[str, X]` and `X | None` on an activity load here but not on Azure."""
    try:
        hints = typing.get_type_hints(inspect.unwrap(call))
    except NameError as error:
        raise LoadError(f"Function {name}: an annotation cannot be resolved: {error}.") from error
    hint = hints.get(trigger_name)
    if hint is not None and not _is_plain(hint):
        raise LoadError(f"Function {name}: parameter {trigger_name} has invalid non-type annotation {hint!r}.")
    wanted = (str, bytes, _trigger_class(kind))
    if hint is not None and wanted[2] and not (isinstance(hint, type) and issubclass(hint, wanted)):
        raise LoadError(f"Function {name}: parameter {trigger_name} of a {kind} is no {hint!r}.")
    context = hints.get("context")
    if trigger_name != "context" and context is not None and getattr(context, "__name__", "") != "Context":
        raise LoadError(f"Function {name}: the parameter context is an azure.functions.Context, not {context!r}.")
    if kind == "httpTrigger" and "return" in hints:
        from azure.functions import HttpResponse

        if hints["return"] not in (HttpResponse, str):
            raise LoadError(f"Function {name}: an HTTP function returns HttpResponse or str, not {hints['return']!r}.")


def _is_plain(hint: Any) -> bool:
    """A class, or what the worker's is_generic_type takes: `typing` names with brackets, but Union, Tuple and Callable."""
    no = (typing.Union, tuple, typing.ClassVar, collections.abc.Callable)
    return isinstance(hint, type) or hint is typing.Any or (
        isinstance(hint, typing._GenericAlias) and typing.get_origin(hint) not in no  # type: ignore[attr-defined]
    )  # fmt: skip


def _trigger_class(kind: str) -> Any:
    """What a parameter of this trigger is; None where it may be anything."""
    import azure.functions as func

    return {"httpTrigger": func.HttpRequest, "timerTrigger": func.TimerRequest, "queueTrigger": func.QueueMessage}.get(kind)


def _check_routes(functions: list[Function], host: dict[str, Any]) -> None:
    seen: dict[str, list[Function]] = {}
    for function in functions:
        if function.kind != "httpTrigger":
            continue
        route = (function.trigger.route or function.name).strip("/").lower()
        if route.split("/")[0] in ("admin", "runtime"):
            raise LoadError(f"Function {function.name}: the route {route!r} conflicts with the host's own.")
        methods = http_methods(function)
        for other in seen.setdefault(route, []):
            taken = http_methods(other)
            if shared := methods & taken if methods and taken else methods or taken or {"any method"}:
                raise LoadError(f"Functions {other.name} and {function.name} have the same route {route!r} for {min(shared)}.")
        seen[route].append(function)


def http_methods(function: Function) -> set[str]:
    """In capitals; none where a function takes every method, whatever its name."""
    return {str(getattr(m, "value", m)).upper() for m in function.trigger.methods or ()}
