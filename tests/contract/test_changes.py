"""What was released is kept; a change that would break a client is found, and one that would not is let pass."""

import copy
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.contract.__main__ import released
from tests.contract.changes import breaking
from triggers.contract.document import VERSION, build

ROOT = Path(__file__).resolve().parents[2]
Document = dict[str, Any]
JOB = "/api/jobs/{id}"
FORM = "/api/goods-gen/generate"


def test_nothing_that_the_last_release_promised_is_broken() -> None:
    version, document = released()
    assert breaking(document, build()) == [], "a new major version, or another way"
    assert [int(part) for part in VERSION.split(".")] >= [int(part) for part in version.split(".")]


def test_the_changelog_tells_of_this_version_and_of_every_one_that_was_released() -> None:
    told = re.findall(r"^## API (\d+\.\d+\.\d+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert told[0] == VERSION
    assert {path.stem for path in (ROOT / "docs/openapi").glob("*.json")} <= set(told)


def operation(document: Document, path: str, method: str) -> Any:
    return document["paths"][path][method]


def form(document: Document) -> Any:
    return operation(document, FORM, "post")["requestBody"]["content"]["multipart/form-data"]["schema"]


def schema(document: Document, name: str) -> Any:
    return document["components"]["schemas"][name]


def change(where: Callable[[Document], Any], **changes: Any) -> Callable[[Document], None]:
    return lambda document: where(document).update(changes)


def drop(where: Callable[[Document], Any], name: str) -> Callable[[Document], None]:
    return lambda document: where(document).pop(name)


def needs(where: Callable[[Document], Any], name: str) -> Callable[[Document], None]:
    return lambda document: where(document)["required"].append(name)


BREAKS: list[tuple[str, Callable[[Document], None]]] = [
    ("/api/options is gone", drop(lambda d: d["paths"], "/api/options")),
    (f"delete {JOB} is gone", drop(lambda d: d["paths"][JOB], "delete")),
    (f"get {JOB}: 304 is no longer answered", drop(lambda d: operation(d, JOB, "get")["responses"], "304")),
    (f"get {JOB} 200: application/json is gone", drop(lambda d: operation(d, JOB, "get")["responses"]["200"]["content"], "application/json")),
    (f"get {JOB} 404: application/problem+json is gone", drop(lambda d: operation(d, JOB, "get")["responses"]["404"], "content")),
    (f"get {JOB} 200: the header ETag is gone", drop(lambda d: operation(d, JOB, "get")["responses"]["200"]["headers"], "ETag")),
    (f"get {JOB} 200.usage is gone", drop(lambda d: schema(d, "Job")["properties"], "usage")),
    (f"get {JOB} 200.usage.settled is gone", drop(lambda d: schema(d, "Usage")["properties"], "settled")),
    (f"get {JOB} 200.outputs[].url may be missing now", lambda d: schema(d, "Output")["required"].remove("url")),
    (f"get {JOB} 200.error.code may be missing now", lambda d: schema(d, "Problem")["required"].remove("code")),
    (f"get {JOB} 200.progress: may be null now", change(lambda d: schema(d, "Job")["properties"]["progress"], type=["integer", "null"])),
    (f"get {JOB} 200.progress: may be string now", change(lambda d: schema(d, "Job")["properties"]["progress"], type="string")),
    (f"get {JOB} 200.metadata.*: may be null now", change(lambda d: schema(d, "Job")["properties"]["metadata"], additionalProperties={"type": "null"})),
    (f"get {JOB} 200.created_at: another format", drop(lambda d: schema(d, "Job")["properties"]["created_at"], "format")),
    (f"get {JOB}: query wait is no longer taken", lambda d: operation(d, JOB, "get")["parameters"].pop(1)),
    (f"get {JOB} wait: maximum is narrower", lambda d: operation(d, JOB, "get")["parameters"][1]["schema"].update(maximum=20)),
    (f"get {JOB}: query wait is needed now", lambda d: operation(d, JOB, "get")["parameters"][1].update(required=True)),
    (f"post {JOB}/cancel: a body is needed now", lambda d: operation(d, f"{JOB}/cancel", "post").update(requestBody={"required": True, "content": {}})),
    (f"post {FORM}: multipart/form-data is no longer taken", drop(lambda d: operation(d, FORM, "post")["requestBody"]["content"], "multipart/form-data")),
    (f"post {FORM} body: seed is needed now", needs(form, "seed")),
    (f"post {FORM} body.seed is no longer taken", drop(lambda d: form(d)["properties"], "seed")),
    (f"post {FORM} body.preset: mug is no longer taken", lambda d: form(d)["properties"]["preset"]["enum"].remove("mug")),
    (f"post {FORM} body.prompt: maxLength is narrower", change(lambda d: form(d)["properties"]["prompt"], maxLength=1999)),
    (f"post {FORM} body.prompt: another pattern", change(lambda d: form(d)["properties"]["prompt"], pattern="^a$")),
    (f"post {FORM} body.n: minimum is narrower", change(lambda d: form(d)["properties"]["n"], minimum=2)),
    (f"post {FORM} body.seed: integer is no longer taken", change(lambda d: form(d)["properties"]["seed"], type="string")),
    (f"post {FORM} body.model: anything is no longer taken", change(lambda d: form(d)["properties"]["model"], enum=["one"])),
    (f"post {FORM} body.input_image: another format", lambda d: form(d)["properties"]["input_image"]["anyOf"][1].update(pattern="^job$")),
    (f"post {FORM} body.metadata: maxProperties is narrower", change(lambda d: form(d)["properties"]["metadata"], maxProperties=3)),
]  # fmt: skip
HARMLESS: list[tuple[str, Callable[[Document], None]]] = [
    ("an operation more", lambda d: d["paths"].update({"/api/more": {"get": {"responses": {}}}})),
    ("a status of errors less", lambda d: operation(d, JOB, "get")["responses"].pop("422")),
    ("a property more", lambda d: schema(d, "Job")["properties"].update(more={"type": "string"})),
    ("a stage more", lambda d: schema(d, "Job")["properties"]["stage"]["enum"].append("resting")),
    ("a code more", lambda d: schema(d, "Problem")["properties"]["code"]["enum"].append("more")),
    ("never null any more", change(lambda d: schema(d, "Job")["properties"]["stage"], type="string")),
    ("a field more", lambda d: form(d)["properties"].update(more={"type": "string"})),
    ("a preset more", lambda d: form(d)["properties"]["preset"]["enum"].append("umbrella")),
    ("a wider bound", change(lambda d: form(d)["properties"]["n"], maximum=8)),
    ("another way to send a picture", lambda d: form(d)["properties"].update(
        input_image={"anyOf": [form(d)["properties"]["input_image"], {"type": "string", "pattern": "^job:"}]})),
    ("other words", lambda d: operation(d, JOB, "get").update(summary="x", description="y")),
    ("a parameter more", lambda d: operation(d, JOB, "get")["parameters"].append({"name": "x", "in": "query", "schema": {}})),
]  # fmt: skip


@pytest.fixture(scope="module")
def now() -> Document:
    return copy.deepcopy(build())


@pytest.mark.parametrize(("told", "changed"), BREAKS, ids=[told for told, _ in BREAKS])
def test_what_would_break_a_client_is_found(now: Document, told: str, changed: Callable[[Document], None]) -> None:
    after = copy.deepcopy(now)
    changed(after)
    assert told in breaking(now, after), breaking(now, after)


@pytest.mark.parametrize(("what", "changed"), HARMLESS, ids=[what for what, _ in HARMLESS])
def test_what_breaks_nobody_passes(now: Document, what: str, changed: Callable[[Document], None]) -> None:
    after = copy.deepcopy(now)
    changed(after)
    assert after != now
    assert breaking(now, after) == []
