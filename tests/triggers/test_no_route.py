"""What is at no address, and what is asked for in the wrong way: told as everything else is."""

import subprocess
import sys
from typing import Any

import pytest

from tests.patience import PATIENCE
from tests.triggers.calls import FakeHub, body, get, raw, request, settings
from triggers.no_route import ROUTES, no_route


async def asked(path: str, method: str = "GET", **headers: str) -> Any:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return await raw(no_route)(req=request(method, f"/api/{path}", route={"rest": path} if path else {}, headers=sent))


@pytest.mark.parametrize(
    ("path", "method", "allowed"),
    [
        ("goods-gen/generate", "GET", "POST"), ("ppl-gen/generate", "PUT", "POST"), ("Goods-Gen/Generate", "HEAD", "POST"),
        ("goods-gen/generate/", "DELETE", "POST"), ("ppl-gen/translate", "GET", "POST"),
        ("jobs/job_1", "PATCH", "GET, HEAD, DELETE"),
        ("jobs/job_1/result", "POST", "GET, HEAD"), ("jobs/x/cancel", "GET", "POST"), ("options", "POST", "GET, HEAD"),
        ("health/ready", "POST", "GET, HEAD"), ("webhooks/replicate", "GET", "POST"),
        ("webhooks/secret", "POST", "GET, HEAD"), ("webhooks/secret/rotate", "GET", "POST"),
    ],
)  # fmt: skip
async def test_a_wrong_method_is_told_the_right_one(app: Any, path: str, method: str, allowed: str) -> None:
    answer = await asked(path, method, Accept_Language="en")

    assert (answer.status_code, body(answer)["code"], answer.mimetype) == (405, "method_not_allowed", "application/problem+json")
    assert answer.headers["Allow"] == f"{allowed}, OPTIONS"
    assert allowed in body(answer)["detail"]
    assert allowed in body(await asked(path, method))["detail"]


@pytest.mark.parametrize(
    "path",
    ["", "nothing", "job", "jobs//result", "jobs/a/b/result", "generate", "health/x", "\ud800", "x" * 9000,
     "health//", "options//", "jobs/a//"],
)  # fmt: skip
async def test_what_is_not_there_is_not_found(app: Any, path: str) -> None:
    answer = await asked(path, "POST")
    assert (answer.status_code, body(answer)["code"], body(answer)["charged"]) == (404, "not_found", "no")


async def test_a_page_of_another_origin_reads_it_too(app: Any) -> None:
    settings(app, ALLOWED_ORIGINS="https://page.example")
    answer = await asked("nothing", Origin="https://page.example")
    assert answer.headers["Access-Control-Allow-Origin"] == "https://page.example"


def test_the_routes_are_those_of_the_app_and_come_before_this_one() -> None:
    """The host asks functions in the order of their names."""
    told = subprocess.run(
        [sys.executable, "-c", "import function_app\n"
         "for f in function_app.app.get_functions():\n"
         "    t = f.get_trigger()\n"
         "    if t.type == 'httpTrigger':\n"
         "        print(f.get_function_name(), t.route, ','.join(str(getattr(m, 'value', m)) for m in t.methods or ()))"],
        capture_output=True, text=True, check=True, timeout=PATIENCE,
    ).stdout.splitlines()  # fmt: skip
    functions = sorted((line.split(" ") for line in told), key=lambda parts: parts[0].lower())
    assert functions[-1][0] == "zz_no_route"
    found: dict[str, set[str]] = {}
    for _, route, methods in functions[:-1]:
        found.setdefault(route, set()).update(set(methods.split(",")) - {"OPTIONS"})
    assert all(("HEAD" in methods) == ("GET" in methods) for methods in found.values()), "RFC 9110, 9.1"
    assert found == {route: set(methods) for route, methods in ROUTES.items()}


async def test_another_routes_word_where_an_id_would_be_is_a_wrong_method(app: Any, hub: FakeHub) -> None:
    answer = await get(hub, "claim")
    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST, OPTIONS")
