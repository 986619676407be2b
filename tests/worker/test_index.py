"""What the library finds in an app, and what it refuses to load: the devhost finds and refuses the same."""

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from devhost.app_loader import LoadError, http_methods, load_app
from shared import names
from tests.devhost.conftest import write_app
from tests.devhost.test_load import HEAD, REFUSED

if TYPE_CHECKING:
    from tests.worker.both import DoubleHost

#: What the host refuses, or the devhost because it does not do it, with the reason. The library itself takes it.
NOT_THE_LIBRARYS = {
    "entity": "the devhost has no entities",
    "unknown binding": "the devhost has no blob triggers",
    "client in a plain function": "fails at the first call",
    "the host's own routes": "the host looks at routes",
    "one route twice": "the host looks at routes",
}
#: The app's HTTP functions: traces, metrics and switches (`AzureWebJobs.NAME.Disabled`) go by these names.
ROUTES = {
    "generate_ppl": "ppl-gen/generate", "generate_goods": "goods-gen/generate", "get_job": "jobs/{id}",
    "get_job_result": "jobs/{id}/result", "cancel_job": "jobs/{id}/cancel", "delete_job": "jobs/{id}", "get_options": "options",
    "sheet_goods": "goods-gen/sheet", "retry_job": "jobs/{id}/retry",
    "get_usage": "usage", "list_jobs": "jobs", "claim_jobs": "jobs/claim",
    "translate_ppl": "ppl-gen/translate", "translate_goods": "goods-gen/translate", "replicate_webhook": "webhooks/replicate",
    "get_openapi": "openapi.json", "get_docs": "docs",
    "get_webhook_secret": "webhooks/secret", "rotate_webhook_secret": "webhooks/secret/rotate",
    "health": "health", "health_ready": "health/ready", "problem_catalogue": "problems", "problem_page": "problems/{code}",
    "zz_no_route": "{*rest}",
}  # fmt: skip
ACTIVITY = HEAD + "\n@app.activity_trigger(input_name='v')\ndef act(v{}){}: pass"
ROUTE = HEAD + "\n@app.route('r')\ndef web({}){}: pass"
OTHERS = {
    **{f"activity: {hint}": ACTIVITY.format(f": {hint}", "") for hint in (
        "dict", "str", "bytes", "typing.Any", "object", "typing.Dict[str, int]", "typing.List[int]", "typing.Literal['a']",
        "typing.Union[str, int]", "list[dict[str, int]]", "tuple", "typing.Tuple[int, ...]", "None", "typing.Mapping[str, int]",
        "typing.Iterable[int]", "typing.Callable[[], int]", "'dict'", "typing.TypedDict('T', {'a': int})", "typing.TypeVar('T')",
        "typing.NewType('N', str)", "typing.Annotated[str, 1]", "typing.Type[int]", "typing.ClassVar[int]",
    )},
    **{f"activity gives {hint}": ACTIVITY.format("", f" -> {hint}") for hint in ("dict[str, int] | None", "None", "'dict'")},
    **{f"HTTP gives {hint}": ROUTE.format("req: func.HttpRequest", f" -> {hint}") for hint in (
        "func.HttpResponse", "str", "None", "bytes", "typing.Any", "typing.Optional[func.HttpResponse]", "object", "int",
    )},
    **{f"HTTP takes {hint}": ROUTE.format(f"req: {hint}", "") for hint in (
        "func.HttpRequest", "str", "bytes", "dict", "object", "typing.Any", "typing.Optional[func.HttpRequest]",
    )},
    "HTTP takes anything": ROUTE.format("req", ""),
    "a context": ROUTE.format("req, context: func.Context", ""),
    "a context of no class": ROUTE.format("req, context", ""),
    "more parameters": ROUTE.format("req, *others", ""),
    "a default": ROUTE.format("req, other=1", ""),
    "a client of another class": HEAD + (
        "\n@app.route('r')\n@app.durable_client_input(client_name='c')\nasync def web(req: func.HttpRequest, c: dict): pass"
    ),
    "a client": HEAD + (
        "\n@app.route('r')\n@app.durable_client_input(client_name='c')\n"
        "async def web(req: func.HttpRequest, c: df.DurableOrchestrationClient): pass"
    ),
    "a timer": HEAD + "\n@app.timer_trigger(arg_name='t', schedule='0 * * * * *')\ndef tick(t: func.TimerRequest): pass",
    "a timer that gives": HEAD + "\n@app.timer_trigger(arg_name='t', schedule='0 * * * * *')\ndef tick(t) -> str: pass",
    "a queue": HEAD + "\n@app.queue_trigger(arg_name='m', queue_name='q', connection='c')\ndef take(m: func.QueueMessage): pass",
    "a queue's text": HEAD + "\n@app.queue_trigger(arg_name='m', queue_name='q', connection='c')\ndef take(m: str): pass",
    "an orchestrator": HEAD + (
        "\n@app.orchestration_trigger(context_name='context')\ndef story(context: df.DurableOrchestrationContext): yield"
    ),
    "an error at import": HEAD + "\n1 / 0",
    "a missing module": HEAD + "\nimport nowhere_at_all",
    "two functions of one name": HEAD + (
        "\n@app.route('a')\ndef one(req): pass\n@app.function_name('one')\n@app.route('b')\ndef two(req): pass"
    ),
}  # fmt: skip


def test_the_app(host: "DoubleHost") -> None:
    found: dict[str, Any] = {}
    for function in host.library.metadata:
        bindings = [json.loads(text) for text in function.raw_bindings]
        trigger = next(b for b in bindings if b["type"].endswith("Trigger"))
        found[function.name] = {
            "kind": trigger["type"], "route": trigger.get("route"), "methods": set(trigger.get("methods") or ()),
            "schedule": trigger.get("schedule"), "clients": {b["name"] for b in bindings if b["type"] == "durableClient"},
            "is_async": host.library.functions[function.name].is_async,
            "wants_context": host.library.functions[function.name].requires_context,
        }  # fmt: skip
    ours = {
        f.name: {
            "kind": f.kind, "route": getattr(f.trigger, "route", None), "schedule": getattr(f.trigger, "schedule", None),
            "methods": http_methods(f) if f.kind == "httpTrigger" else set(), "clients": set(f.clients),
            "is_async": f.is_async, "wants_context": f.wants_context,
        }
        for f in host.app.functions
    }  # fmt: skip

    assert found == ours
    assert len(found) == len(host.library.metadata)
    told = {name: function["route"] for name, function in found.items()}
    assert told == ROUTES | dict.fromkeys((*names.ORCHESTRATORS, *names.ACTIVITIES, "housekeeping", "generation_requests"))


@pytest.mark.parametrize("name", [*REFUSED, *OTHERS])
def test_an_app(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = REFUSED[name][0] if name in REFUSED else OTHERS[name]
    folder = write_app(tmp_path / "app", source)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(os, "environ", os.environ.copy())
    ours = theirs = None
    known = sys.modules.pop("function_app", None)
    try:
        try:
            load_app(folder, 7071)
        except Exception as error:  # noqa: BLE001 - compared with the other's
            ours = error
        sys.modules.pop("function_app", None)
        try:
            index(folder)
        except Exception as error:  # noqa: BLE001 - compared with the other's
            theirs = error
    finally:
        sys.modules.pop("function_app", None)
        if known:
            sys.modules["function_app"] = known

    if name in NOT_THE_LIBRARYS:
        assert (ours is not None, theirs) == (True, None), NOT_THE_LIBRARYS[name]
    else:
        assert (ours is None) == (theirs is None), f"the devhost says {ours!r}, the library {theirs!r}"
    assert ours is None or isinstance(ours, LoadError) or type(ours) is type(theirs)


def index(folder: Path) -> None:
    """As the library at its start, into a registry of its own."""
    from azure_functions_runtime.bindings.meta import load_binding_registry
    from azure_functions_runtime.functions import Registry
    from azure_functions_runtime.loader import index_function_app, process_indexed_function

    from tests.worker.protocol import protos

    load_binding_registry()
    functions = index_function_app(str(folder / "function_app.py"))
    process_indexed_function(protos, Registry(), functions, str(folder))
