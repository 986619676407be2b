"""What would not load on Azure, or is not done here, is refused at load by function name."""

import os
import sys
from pathlib import Path

import pytest

from devhost.app_loader import App, LoadError, load_app

from .conftest import write_app

HEAD = """
import typing, azure.functions as func, azure.durable_functions as df
app = df.DFApp(http_auth_level=func.AuthLevel.ANONYMOUS)
"""


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> object:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(os, "environ", os.environ.copy())

    def load(source: str, host_json: str = '{"version": "2.0"}') -> App:
        sys.modules.pop("function_app", None)
        try:
            return load_app(write_app(tmp_path / "app", source, host_json), 7071)
        finally:
            sys.modules.pop("function_app", None)

    return load


REFUSED = {
    "no app": ("x = 1", "Could not find top level function app"),
    "two apps": (HEAD + "\nother = func.FunctionApp()", "More than one top level function app"),
    "entity": (
        HEAD + "\n@app.entity_trigger(context_name='context')\ndef counter(context): pass",
        "counter uses entityTrigger",
    ),
    "unknown binding": (
        HEAD + "\n@app.blob_trigger(arg_name='b', path='a/b', connection='c')\ndef seen(b: func.InputStream): pass",
        "seen uses blobTrigger",
    ),
    "context name": (
        HEAD + "\n@app.orchestration_trigger(context_name='ctx')\ndef story(ctx): yield",
        "story: context_name must be 'context'",
    ),
    "generic annotation": (
        HEAD + "\n@app.activity_trigger(input_name='v')\ndef act(v: dict[str, int]): pass",
        "act: parameter v has invalid non-type annotation",
    ),
    "optional annotation": (
        HEAD + "\n@app.activity_trigger(input_name='v')\ndef act(v: typing.Optional[str]): pass",
        "act: parameter v has invalid non-type annotation",
    ),
    "union annotation": (
        HEAD + "\n@app.activity_trigger(input_name='v')\ndef act(v: str | None): pass",
        "act: parameter v has invalid non-type annotation",
    ),
    "forward reference": (
        HEAD + "\n@app.activity_trigger(input_name='v')\ndef act(v: 'Nowhere'): pass",
        "act: an annotation cannot be resolved",
    ),
    "another parameter": (
        HEAD + "\n@app.activity_trigger(input_name='v')\ndef act(v, other): pass",
        r"act: the following parameters are declared in Python but not in the bindings: \['other'\]",
    ),
    "no such parameter": (
        HEAD + "\n@app.route('r')\ndef web(request: func.HttpRequest): pass",
        "web: ",
    ),
    "HTTP return annotation": (
        HEAD + "\n@app.route('r')\ndef web(req: func.HttpRequest) -> dict: pass",
        "web: an HTTP function returns HttpResponse or str",
    ),
    "HTTP parameter of another class": (
        HEAD + "\n@app.route('r')\ndef web(req: dict): pass",
        "web: parameter req of a httpTrigger",
    ),
    "timer of another class": (
        HEAD + "\n@app.timer_trigger(arg_name='t', schedule='0 * * * * *')\ndef tick(t: object): pass",
        "tick: parameter t of a timerTrigger",
    ),
    "context of another class": (
        HEAD + "\n@app.route('r')\ndef web(req, context: dict): pass",
        "web: the parameter context is an azure.functions.Context",
    ),
    "any parameters": (HEAD + "\n@app.route('r')\ndef web(req, **others): pass", r"web: .* not in the bindings: \['others'\]"),
    "client in a plain function": (
        HEAD + "\n@app.route('r')\n@app.durable_client_input(client_name='client')\ndef web(req: func.HttpRequest, client): pass",
        "web takes a durable client, so it must be `async def`",
    ),
    "the host's own routes": (
        HEAD + "\n@app.route('admin/x')\ndef web(req: func.HttpRequest): pass",
        "web: the route 'admin/x' conflicts",
    ),
    "one route twice": (
        HEAD + "\n@app.route('r')\ndef one(req: func.HttpRequest): pass\n@app.route('R')\ndef two(req: func.HttpRequest): pass",
        "one and two have the same route",
    ),
}


@pytest.mark.parametrize(("source", "text"), REFUSED.values(), ids=REFUSED)
def test_is_refused(load, source: str, text: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(LoadError, match=text):
        load(source)


def test_plain_annotations_load(load) -> None:  # type: ignore[no-untyped-def]
    hints = ["dict", "list", "str", "typing.Any", "typing.Dict[str, int]", "typing.List[int]", "typing.Literal['a']",
             "typing.Mapping[str, int]", "typing.Type[int]"]  # fmt: skip
    functions = [
        f"@app.activity_trigger(input_name='v')\ndef act{n}(v: {hint}) -> dict[str, int] | None: pass"
        for n, hint in enumerate(hints)
    ]
    assert len(load(HEAD + "\n" + "\n".join(functions)).functions) == len(hints)


def test_the_environment_wins_over_local_settings(load, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    os.environ["FROM_OUTSIDE"] = "environment"
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "local.settings.json").write_text('{"Values": {"FROM_OUTSIDE": "file", "FROM_FILE": "file"}}')
    load(HEAD)
    assert (os.environ["FROM_OUTSIDE"], os.environ["FROM_FILE"]) == ("environment", "file")


def test_host_json_takes_settings_and_overrides(load) -> None:  # type: ignore[no-untyped-def]
    os.environ["HUB"] = "SomeHub"
    os.environ["AzureFunctionsJobHost__extensions__http__routePrefix"] = "v1"  # noqa: SIM112 - the host's own spelling
    app = load(HEAD, '{"version": "2.0", "extensions": {"durableTask": {"hubName": "%HUB%"}}}')
    assert (app.durable["hubName"], app.route_prefix) == ("SomeHub", "v1")


@pytest.mark.parametrize(("value", "is_there"), [("true", False), ("1", False), ("True", False), ("false", True), ("", True)])
def test_a_setting_disables_a_function(load, value: str, is_there: bool) -> None:  # type: ignore[no-untyped-def]
    os.environ.update({"AzureWebJobs.act.Disabled": value})
    other = "@app.activity_trigger(input_name='v')\ndef other(v): pass\n"
    app = load(HEAD + f"\n{other}@app.activity_trigger(input_name='v')\ndef act(v): pass")

    assert [f.name for f in app.functions] == (["other", "act"] if is_there else ["other"])
