"""The document is sound OpenAPI, says what the app does, and nothing of what it does not do."""

import json
import re
import subprocess
import sys
from datetime import UTC, datetime
from typing import Any

import azure.functions as func
import pytest
from schemathesis.specs.openapi.definitions import OPENAPI_31_VALIDATOR

from shared.domain.generation import FIELDS, parse_generation
from shared.domain.kinds import KINDS, Kind
from shared.domain.presets import PRESETS
from shared.domain.problem import CATALOGUE, ProblemError
from shared.job_ids import new_job_id
from tests.contract.answers import by_operation, undocumented, validator
from tests.patience import PATIENCE
from triggers import deprecation, edge
from triggers.contract import examples, operations, schemas
from triggers.contract.document import build
from triggers.contract.page import POLICY, page
from triggers.deprecation import Deprecation
from triggers.no_route import ROUTES

MODELS = {"ppl": ("multi",), "goods": ("single", "other")}


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return build("https://app.example", MODELS)


def test_it_is_sound_openapi(document: dict[str, Any]) -> None:
    assert [error.message for error in OPENAPI_31_VALIDATOR.iter_errors(document)] == []
    names = set(document["components"]["schemas"])
    assert {name.rpartition("/")[2] for name in refs(document)} <= names | set(document["components"]["examples"]) | set(
        document["components"]["headers"]
    )


def refs(part: Any) -> set[str]:
    if isinstance(part, str | int | float | bool | None):
        return set()
    own = {part["$ref"]} if isinstance(part, dict) and "$ref" in part else set()
    return own.union(*map(refs, part.values() if isinstance(part, dict) else part))


def test_its_operations_are_the_routes_of_the_app(document: dict[str, Any]) -> None:
    told = {path.removeprefix("/api/"): set(methods) for path, methods in document["paths"].items()}
    assert told == {route: {m.lower() for m in methods} - {"head"} for route, methods in ROUTES.items()}


def test_each_operation_has_a_name_of_its_own_and_is_told_in_both_languages(document: dict[str, Any]) -> None:
    known = [one for methods in document["paths"].values() for one in methods.values()]
    assert len({one["operationId"] for one in known}) == len(known)
    for one in known:
        assert " · " in one["summary"], one
        assert all(answer["description"] for answer in one["responses"].values())


def test_every_problem_is_somebodys_and_no_other_is_named() -> None:
    told = {code for one in operations.operations(MODELS) for code in one.codes}
    # The one answer that is of no operation.
    assert told | {"method_not_allowed", "not_ready"} == set(CATALOGUE) | {"not_ready"}


def test_a_problem_stands_under_its_own_status(document: dict[str, Any]) -> None:
    for name, one in by_operation(document).items():
        for status, answer in one["responses"].items():
            for code in (
                answer.get("content", {})
                .get("application/problem+json", {})
                .get("schema", {})
                .get("properties", {})
                .get("code", {"enum": []})["enum"]
            ):
                assert CATALOGUE[code].status == int(status), (name, code)


def test_examples_are_what_they_are_examples_of(document: dict[str, Any]) -> None:
    for job in (examples.JOB, examples.QUEUED):
        validator(schemas.ref("Job")).validate(job)
    for name, example in document["components"]["examples"].items():
        validator(schemas.ref("Problem")).validate(example["value"])
        assert example["value"]["code"] == name.removesuffix(".ko")
        assert "-" not in example["value"]["detail"].split(), name
    for one in by_operation(document).values():
        for content in one.get("requestBody", {}).get("content", {}).values():
            if "example" in content:
                validator(content["schema"]).validate(content["example"])


# ---- the form: its schema and what is checked are one ----


def form_of(document: dict[str, Any], kind: Kind) -> dict[str, Any]:
    body = document["paths"][f"/api/{kind.route}/generate"]["post"]["requestBody"]
    return dict(body["content"]["multipart/form-data"]["schema"])


def fields_of(document: dict[str, Any], kind: Kind) -> dict[str, Any]:
    return dict(form_of(document, kind)["properties"])


def is_taken(kind: Kind, **fields: str) -> bool:
    try:
        parse_generation(kind, {"prompt": "a", **fields}, set(kind.images))
    except ProblemError:
        return False
    return True


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
def test_its_fields_are_those_that_are_taken(document: dict[str, Any], kind: Kind) -> None:
    assert set(fields_of(document, kind)) == {*FIELDS, *kind.images, *(("preset",) if kind.accepts_preset else ())}


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
def test_each_choice_and_each_bound_is_where_the_app_has_it(document: dict[str, Any], kind: Kind) -> None:
    checked = 0
    for name, schema in fields_of(document, kind).items():
        if name == "model":
            continue  # Which there are is a setting: tests/triggers.
        for word in schema.get("enum", ()):
            assert is_taken(kind, **{name: word}), (name, word)
            checked += 1
        if "enum" in schema:
            assert not is_taken(kind, **{name: "another"}), name
        if schema.get("type") == "integer":
            low, high = schema["minimum"], schema["maximum"]
            assert [is_taken(kind, **{name: str(n)}) for n in (low - 1, low, high, high + 1)] == [False, True, True, False], name
        if "maxLength" in schema:
            assert [is_taken(kind, **{name: "a" * n}) for n in (schema["maxLength"], schema["maxLength"] + 1)] == [True, False]
        if "maxProperties" in schema:
            most, longest = schema["maxProperties"], schema["propertyNames"]["maxLength"]
            many = [json.dumps({str(i): 1 for i in range(n)}) for n in (most, most + 1)]
            long = [json.dumps({"a" * n: "a" * n}) for n in (longest, longest + 1)]
            assert [is_taken(kind, metadata=text) for text in (*many, *long)] == [True, False, True, False]
    assert checked > 20


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
def test_each_default_is_what_a_form_without_the_field_gets(document: dict[str, Any], kind: Kind) -> None:
    asked = parse_generation(kind, {"prompt": "a"}, set(kind.images))
    told = {name: schema["default"] for name, schema in fields_of(document, kind).items() if "default" in schema}
    assert told == {name: getattr(asked, name) for name in told}
    assert {"aspect_ratio", "output_format", "safety_tolerance", "n"} <= told.keys()


def test_a_kind_without_presets_needs_its_prompt(document: dict[str, Any]) -> None:
    for kind in KINDS.values():
        schema = form_of(document, kind)
        assert ("prompt" in schema["required"]) == (not kind.accepts_preset)
        assert set(kind.images) <= set(schema["required"])
        assert schema["additionalProperties"] is False


def test_models_are_those_of_this_app_and_any_where_nobody_says(document: dict[str, Any]) -> None:
    assert fields_of(document, KINDS["goods"])["model"]["enum"] == ["single", "other"]
    assert "enum" not in fields_of(build(), KINDS["goods"])["model"]


def test_an_id_is_one(document: dict[str, Any]) -> None:
    job_id = document["components"]["schemas"]["Job"]["properties"]["id"]
    assert validator(job_id).is_valid(new_job_id())
    assert not validator(job_id).is_valid("job_1")


# ---- what holds answers against it ----


def answer(body: Any, status: int = 200, mimetype: str = "application/json", **headers: str) -> func.HttpResponse:
    return func.HttpResponse(json.dumps(body), status_code=status, mimetype=mimetype, headers=headers)


@pytest.mark.parametrize(
    ("operation", "response", "found"),
    [("get_job", answer(examples.JOB), None),
     ("get_job", answer({**examples.JOB, "colour": 1}), "'colour' was unexpected"),
     ("get_job", answer({k: v for k, v in examples.JOB.items() if k != "usage"}), '"usage" is a required'),
     ("get_job", answer({**examples.JOB, "progress": 101}), "greater than the maximum"),
     ("get_job", answer({**examples.JOB, "created_at": "yesterday"}), "date-time"),
     ("get_job", answer(examples.JOB, 418), "418 is not documented"),
     ("get_job", answer(examples.JOB, Location="x"), "Location is not documented"),
     ("get_job", answer(examples.JOB, mimetype="text/plain"), "text/plain is not documented"),
     ("get_job", answer(examples.problems()["job_not_found"]["value"], 404, "application/problem+json"), None),
     ("get_job", answer(examples.problems()["not_found"]["value"], 404, "application/problem+json"), None),
     ("get_job", answer(examples.problems()["result_expired"]["value"], 404, "application/problem+json"), "is not one of"),
     ("delete_job", func.HttpResponse(status_code=204), None), ("delete_job", answer({}, 204), "a body"),
     ("nobody", answer({}, 500), None)],
)  # fmt: skip
def test_what_the_document_does_not_say_is_found(operation: str, response: func.HttpResponse, found: str | None) -> None:
    told = undocumented(operation, response)
    assert told == [] if found is None else any(found in line for line in told), told


# ---- where it is served ----


async def test_it_is_served_for_this_app_and_is_not_sent_twice(app: Any) -> None:
    first = await asked("get_openapi")
    told = json.loads(first.get_body())
    again = await asked("get_openapi", {"If-None-Match": f"W/{first.headers['ETag']}"})

    assert told["servers"] == [{"url": "https://app.example"}]
    assert fields_of(told, KINDS["goods"])["model"]["enum"] == [g.name for g in app.generators_of(KINDS["goods"])]
    assert (first.mimetype, again.status_code, again.get_body()) == ("application/json", 304, b"")
    assert (await asked("get_openapi", {"If-None-Match": '"other"'})).status_code == 200


async def test_the_page_shows_all_of_it_and_loads_nothing(app: Any) -> None:
    shown = await asked("get_docs")
    text = shown.get_body().decode()

    assert (shown.status_code, shown.mimetype) == (200, "text/html")
    assert shown.headers["Content-Security-Policy"] == POLICY
    assert "default-src 'none'" in POLICY
    assert "<script" not in text
    assert not any(word in text for word in ("src=", "@import", "url("))
    for name in (*CATALOGUE, *PRESETS, *ROUTES, "Parameters · 매개변수", "Answers · 응답", "Problems · 오류", "Idempotency-Key"):
        assert name in text, name


def part_of(shown: str, operation: str) -> str:
    """What the page says of one operation."""
    return re.split("<h[23]", shown.partition(f"<h3 id='{operation}'")[2])[0]


@pytest.mark.parametrize(
    ("operation", "field"),
    [("translate_goods", "prompt"), ("claim_jobs", "ids"), ("retry_job", "seed"), ("job_ended", "timestamp")],
)
def test_the_page_shows_the_fields_of_a_body_that_has_a_name(operation: str, field: str) -> None:
    body = part_of(page(build()), operation).partition("Body · 본문")[2].partition("Answers · 응답")[0]
    assert f"<td><code>{field}</code>" in body


def test_the_page_tells_both_ways_of_sending_a_picture() -> None:
    told = part_of(page(build()), "generate_goods")
    assert "file | string" in told
    for words in ("image/webp", "5 MB", "job:&lt;id&gt;/&lt;index&gt;", "<code>image.max_bytes</code>"):
        assert words in told, words


def test_the_page_tells_what_a_webhook_is_sent_with() -> None:
    told = part_of(page(build()), "job_ended")
    for header in ("webhook-id", "webhook-timestamp", "webhook-signature"):
        assert f"<code>{header}</code> *" in told, header


def test_the_page_has_no_marks_of_its_source(document: dict[str, Any]) -> None:
    shown = page(document)
    without_examples = re.sub(r"<(pre|style)>.*?</\1>", "", shown, flags=re.DOTALL)
    assert "`" not in without_examples
    problems = without_examples.partition("<h2 id=problems>")[2].partition("<h2")[0]
    assert "{" not in problems
    assert "…" in problems
    told = [document["info"]["description"], *(one["description"] for one in by_operation(document).values())]
    assert not [text for text in told for part in text.strip().split("\n\n") if "\n" in part], (
        "lines end where the reader has room"
    )


def test_the_menu_leads_to_each_operation(document: dict[str, Any]) -> None:
    shown = page(document)
    menu = shown.partition("<nav>")[2].partition("</nav>")[0]
    for name in (*by_operation(document), "job_ended"):
        assert f"href='#{name}'" in menu, name
        assert f"id='{name}'" in shown, name


def test_the_example_of_what_was_accepted_is_queued(document: dict[str, Any]) -> None:
    job = by_operation(document)["generate_goods"]["responses"]["202"]["content"]["application/json"]["example"]
    assert (job["status"], job["stage"], job["outputs"], job["input"]["images"]) == ("queued", None, [], [])
    assert "&quot;status&quot;: &quot;queued&quot;" in part_of(page(document), "generate_goods")


def test_the_page_shows_text_as_text() -> None:
    document = json.loads(json.dumps(build()))
    document["info"]["description"] = "<script>alert(1)</script>"
    document["components"]["schemas"]["Job"]["properties"]["id"]["description"] = "<img src=x>"
    document["components"]["schemas"]["Job"]["description"] = "<img src=y>"
    document["paths"]["/api/options"]["get"]["summary"] = "<img src=z>"
    assert "<script" not in page(document)
    assert "<img" not in page(document)


async def asked(function: str, headers: dict[str, str] | None = None) -> func.HttpResponse:
    from tests.triggers.calls import raw, request
    from triggers import api_document

    return await raw(getattr(api_document, function))(req=request(headers=headers))


def test_a_cold_start_does_not_pay_for_it() -> None:
    code = "import sys, function_app; sys.exit(any(name.startswith('triggers.contract') for name in sys.modules))"
    assert subprocess.run([sys.executable, "-W", "ignore", "-c", code], timeout=PATIENCE, check=False).returncode == 0


# ---- what is to go away ----


async def test_what_is_to_go_says_so_with_every_answer_and_in_the_document(app: Any, monkeypatch: Any) -> None:
    from tests.triggers.calls import raw, request, settings
    from triggers import options

    going = Deprecation(datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 9, 1, tzinfo=UTC), "https://app.example/api/docs")
    settings(app, ALLOWED_ORIGINS="https://page.example")
    before = await raw(options.get_options)(req=request(headers={"Origin": "https://page.example"}))
    monkeypatch.setitem(deprecation.DEPRECATED, "get_options", going)
    now = await raw(options.get_options)(req=request(headers={"Origin": "https://page.example"}))

    assert "Deprecation" not in before.headers
    assert now.headers["Deprecation"] == "@1772323200"
    assert now.headers["Sunset"] == "Tue, 01 Sep 2026 00:00:00 GMT"
    assert now.headers["Link"] == '<https://app.example/api/docs>; rel="deprecation"; type="text/html"'
    assert now.headers["Access-Control-Expose-Headers"] == f"{edge.EXPOSED_HEADERS}, Deprecation, Sunset, Link"
    assert build("https://with-deprecations")["paths"]["/api/options"]["get"]["deprecated"] is True


def test_what_is_to_go_stays_for_half_a_year() -> None:
    for name, going in deprecation.DEPRECATED.items():
        assert name in by_operation(build()), name
        assert (going.sunset - going.since).days >= 182, name
