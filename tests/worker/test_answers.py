"""Answers and contexts of all kinds, those too that the app has no use for: from an app of their own."""

import asyncio
import sys
from pathlib import Path
from typing import Any

import pytest

from devhost.app_loader import App, load_app
from devhost.http_host import InvocationContext, http_answer
from tests.devhost.conftest import write_app
from tests.devhost.test_load import HEAD
from tests.worker.host import Wire, answer_of, rpc_http

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
GIVEN = {
    "text": "func.HttpResponse('영웅')",
    "other_charset": "func.HttpResponse('영웅', charset='euc-kr')",
    "json": "func.HttpResponse('{}', mimetype='application/json')",
    "bytes": "func.HttpResponse(bytes(range(256)), mimetype='image/png', headers={'Cache-Control': 'no-store'})",
    "own_type": "func.HttpResponse('a', mimetype='text/html', headers={'content-type': 'text/csv'})",
    "nothing": "func.HttpResponse(status_code=204)",
    "redirect": "func.HttpResponse(status_code=302, headers={'Location': 'https://x.example/?a=b&c=%20'})",
    "status_name": "func.HttpResponse('a', status_code=__import__('http').HTTPStatus.IM_A_TEAPOT)",
    "none": "None", "mapping": "{'a': 1}", "number": "5", "list": "[1]",
}  # fmt: skip
COOKIES = """
    answer = func.HttpResponse("a")
    answer.headers.add("Set-Cookie", "a=1; Path=/; HttpOnly")
    answer.headers.add("Set-Cookie", "b=2; Secure; SameSite=Lax; Max-Age=60")
    answer.headers.add("X-Twice", "1")
    answer.headers.add("X-Twice", "2")
    return answer
"""
SOURCE = HEAD + "".join(
    [f"\n@app.route('{name}')\ndef give_{name}(req):\n    return {given}\n" for name, given in GIVEN.items()]
    + [f"\n@app.route('cookies')\ndef give_cookies(req):{COOKIES}"]
    + ["\n@app.route('context')\ndef give_context(req, context: func.Context):\n    return func.HttpResponse('a')\n"]
)  # fmt: skip


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Both ways of an app: as the devhost has loaded it, and a call through the library."""
    from tests.worker.library import Seen, WorkerLibrary

    folder = write_app(tmp_path_factory.mktemp("small") / "app", SOURCE)
    known = sys.modules.pop("function_app", None)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(Path.cwd())
        patch.setattr(sys, "path", [*sys.path])
        app = load_app(folder, 7071)
        sys.modules.pop("function_app")

        def call(name: str) -> Seen:
            async def called() -> Seen:
                return await library.call(name, {"req": rpc_http(Wire("GET", "/api/x", [("Host", "h")]), {})}, traceparent=PARENT)

            return asyncio.run(called())

        library = WorkerLibrary(folder)
        asyncio.run(library.load())
        yield app, call
    sys.modules.pop("function_app", None)
    if known:
        sys.modules["function_app"] = known


@pytest.mark.parametrize("name", [*GIVEN, "cookies"])
def test_an_answer(small: Any, name: str) -> None:
    seen = small[1](f"give_{name}")

    if seen.error is not None:
        with pytest.raises((TypeError, ValueError)):
            http_answer(seen.returned)
        return
    ours, theirs = http_answer(seen.returned), answer_of(seen.value)
    # One by one: what comes twice is no mapping's.
    headers = sorted((k.lower(), v) for k, v in ours.headers.items() if k.lower() not in ("set-cookie", "content-length"))
    assert (ours.status, headers, ours.body or b"") == (theirs.status, sorted(theirs.headers.items()), theirs.body)
    sent = {tuple(text.partition(";")[0].split("=")) for text in ours.headers.getall("Set-Cookie", [])}
    assert sent == theirs.cookies


def test_a_context(small: Any) -> None:
    app: App = small[0]
    theirs = small[1]("give_context").arguments["context"]
    ours = InvocationContext(next(f for f in app.functions if f.name == "give_context"), PARENT)

    assert (ours.function_name, ours.function_directory) == (theirs.function_name, theirs.function_directory)
    for part in ("trace_parent", "trace_state", "Traceparent", "Tracestate", "Attributes", "attributes"):
        assert getattr(ours.trace_context, part) == getattr(theirs.trace_context, part), part
    for part in ("retry_count", "max_retry_count"):
        assert getattr(ours.retry_context, part) == getattr(theirs.retry_context, part), part
    assert type(ours.thread_local_storage) is type(theirs.thread_local_storage)
