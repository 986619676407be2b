"""Every answer of the app that a test sees, held against the document: one that it does not tell of is a defect of either."""

import functools
import json
from typing import Any

import azure.functions as func
import jsonschema_rs

from triggers.contract.document import build
from triggers.contract.operations import HEADERS


def by_operation(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {one["operationId"]: one for methods in document["paths"].values() for one in methods.values()}


def closed(schema: Any) -> Any:
    """The schema without room for what it does not name: clients leave that alone, a test wants to know of it."""
    if isinstance(schema, list):
        return [closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    more = {name: closed(part) for name, part in schema.items()}
    if schema.get("type") == "object" and "properties" in schema:
        more.setdefault("additionalProperties", False)
    return more


@functools.cache
def _document() -> dict[str, Any]:
    """As the contract is for every app: models are a setting, and tests have some of their own."""
    return build()


@functools.cache
def _operations() -> dict[str, dict[str, Any]]:
    return by_operation(_document())


@functools.cache
def _validator(operation: str, status: str, media_type: str) -> jsonschema_rs.Draft202012Validator:
    schema = _operations()[operation]["responses"][status]["content"][media_type]["schema"]
    return validator(schema)


def validator(schema: dict[str, Any]) -> jsonschema_rs.Draft202012Validator:
    """Of a schema that may refer to the document's."""
    whole = {**closed(schema), "components": {"schemas": closed(_document()["components"]["schemas"])}}
    return jsonschema_rs.Draft202012Validator(whole, validate_formats=True)


def undocumented(operation: str, response: func.HttpResponse) -> list[str]:
    """What the document does not say of this answer; nothing where it is sound, or no answer of an operation."""
    # A wrong method is no operation's, whichever function says so.
    if operation not in _operations() or response.status_code == 405:  # noqa: PLR2004
        return []
    status = str(response.status_code)
    told = _operations()[operation]["responses"].get(status)
    if told is None:
        return [f"{operation}: {status} is not documented: {response.get_body()[:300]!r}"]
    found = [
        f"{operation} {status}: {name} is not documented"
        for name in HEADERS
        if name in response.headers and name not in told["headers"]
    ]
    media_type = response.mimetype or ""
    if "content" not in told or not response.get_body():
        return found + ([f"{operation} {status}: a body"] if response.get_body() else [])
    if media_type not in told["content"]:
        return [*found, f"{operation} {status}: {media_type} is not documented"]
    if media_type.endswith("json"):
        errors = _validator(operation, status, media_type).iter_errors(json.loads(response.get_body()))
        found += [f"{operation} {status} {'/'.join(map(str, error.instance_path))}: {error.message[:400]}" for error in errors]
    return found
