"""What a client that was written for one document would trip over in another.

Of what is answered nothing may go: paths, methods, statuses, media types, properties, the promise that one is there; and no
value may be of a kind that it was not. Of what is sent nothing may be asked for that was not, and whatever was taken is taken
still. New problem codes, statuses of errors and words in answers are no break: clients are told to expect them.
"""

from collections.abc import Iterator
from typing import Any

Schema = dict[str, Any]


def breaking(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    return sorted(set(_breaking(old, new)))


def _breaking(old: dict[str, Any], new: dict[str, Any]) -> Iterator[str]:
    for path, methods in old["paths"].items():
        if path not in new["paths"]:
            yield f"{path} is gone"
            continue
        for method, before in methods.items():
            if method not in new["paths"][path]:
                yield f"{method} {path} is gone"
                continue
            here = f"{method} {path}"
            after = new["paths"][path][method]
            yield from _of_parameters(here, old, before, new, after)
            yield from _of_body(here, old, before, new, after)
            yield from _of_answers(here, old, before, new, after)


def _of_parameters(here: str, old: Schema, before: Schema, new: Schema, after: Schema) -> Iterator[str]:
    known = {(p["in"], p["name"].lower()): p for p in before.get("parameters", ())}
    there = {(p["in"], p["name"].lower()): p for p in after.get("parameters", ())}
    for key, parameter in known.items():
        if key not in there:
            yield f"{here}: {key[0]} {parameter['name']} is no longer taken"
        else:
            yield from _sent(f"{here} {parameter['name']}", old, parameter["schema"], new, there[key]["schema"])
    for key, parameter in there.items():
        if parameter.get("required") and not known.get(key, {}).get("required"):
            yield f"{here}: {key[0]} {parameter['name']} is needed now"


def _of_body(here: str, old: Schema, before: Schema, new: Schema, after: Schema) -> Iterator[str]:
    sent, taken = before.get("requestBody"), after.get("requestBody")
    if taken and taken.get("required") and not (sent and sent.get("required")):
        yield f"{here}: a body is needed now"
    for media_type, content in (sent or {}).get("content", {}).items():
        if media_type not in (taken or {}).get("content", {}):
            yield f"{here}: {media_type} is no longer taken"
        else:
            yield from _sent(f"{here} body", old, content["schema"], new, taken["content"][media_type]["schema"])  # type: ignore[index]


def _of_answers(here: str, old: Schema, before: Schema, new: Schema, after: Schema) -> Iterator[str]:
    for status, answer in before["responses"].items():
        if status not in after["responses"]:
            if status < "400":
                yield f"{here}: {status} is no longer answered"
            continue
        now = after["responses"][status]
        for name in answer.get("headers", {}):
            if name not in now.get("headers", {}):
                yield f"{here} {status}: the header {name} is gone"
        for media_type, content in answer.get("content", {}).items():
            if media_type not in now.get("content", {}):
                yield f"{here} {status}: {media_type} is gone"
            else:
                yield from _answered(f"{here} {status}", old, content["schema"], new, now["content"][media_type]["schema"])


def _sent(here: str, old: Schema, before: Schema, new: Schema, after: Schema) -> Iterator[str]:
    """What was taken and is not any more."""
    before, after = _followed(old, before), _followed(new, after)
    if "anyOf" in before and "properties" not in before:
        for way in before["anyOf"]:
            yield from _sent(here, old, way, new, after)
        return
    if "anyOf" in after and "properties" not in after:
        # One more way to send it is no break: one of them is the old one.
        ways = [list(_sent(here, old, before, new, way)) for way in after["anyOf"]]
        if all(ways):
            yield from min(ways, key=len)
        return
    if lost := _types(before) - _types(after) - ({"integer"} if "number" in _types(after) else set()):
        yield f"{here}: {', '.join(sorted(lost))} is no longer taken"
    if "enum" in after and (lost := set(map(str, before.get("enum", ["anything"]))) - set(map(str, after["enum"]))):
        yield f"{here}: {', '.join(sorted(lost))} is no longer taken"
    for name, is_narrower in _BOUNDS.items():
        if name in after and (name not in before or is_narrower(before[name], after[name])):
            yield f"{here}: {name} is narrower"
    for name in ("pattern", "format"):
        if name in after and after[name] != before.get(name):
            yield f"{here}: another {name}"
    for name in set(after.get("required", ())) - set(before.get("required", ())):
        yield f"{here}: {name} is needed now"
    fields = after.get("properties", {})
    for name, schema in before.get("properties", {}).items():
        if name in fields:
            yield from _sent(f"{here}.{name}", old, schema, new, fields[name])
        elif after.get("additionalProperties") is False:
            yield f"{here}.{name} is no longer taken"
    if "items" in before and "items" in after:
        yield from _sent(f"{here}[]", old, before["items"], new, after["items"])


_BOUNDS = {
    "minimum": lambda before, after: after > before, "minLength": lambda before, after: after > before,
    "minItems": lambda before, after: after > before, "maximum": lambda before, after: after < before,
    "maxLength": lambda before, after: after < before, "maxItems": lambda before, after: after < before,
    "maxProperties": lambda before, after: after < before,
}  # fmt: skip


def _answered(here: str, old: Schema, before: Schema, new: Schema, after: Schema, seen: tuple[str, ...] = ()) -> Iterator[str]:
    """What was answered and is not any more, or in another form."""
    if before.get("$ref") in seen:
        return
    seen = (*seen, before["$ref"]) if "$ref" in before else seen
    before, after = _followed(old, before), _followed(new, after)
    if more := _types(after) - _types(before) - ({"integer"} if "number" in _types(before) else set()):
        yield f"{here}: may be {', '.join(sorted(more))} now"
    if before.get("format") != after.get("format"):
        yield f"{here}: another format"
    fields, needed = after.get("properties", {}), after.get("required", ())
    for name, schema in before.get("properties", {}).items():
        if name not in fields:
            yield f"{here}.{name} is gone"
            continue
        if name in before.get("required", ()) and name not in needed:
            yield f"{here}.{name} may be missing now"
        yield from _answered(f"{here}.{name}", old, schema, new, fields[name], seen)
    if "items" in before and "items" in after:
        yield from _answered(f"{here}[]", old, before["items"], new, after["items"], seen)
    if isinstance(before.get("additionalProperties"), dict) and isinstance(after.get("additionalProperties"), dict):
        yield from _answered(f"{here}.*", old, before["additionalProperties"], new, after["additionalProperties"], seen)


def _followed(document: Schema, schema: Schema) -> Schema:
    """What a reference names; of `X or null` X, that may be null too."""
    options = schema.get("anyOf", ())
    if len(options) == 2 and options[1] == {"type": "null"}:  # noqa: PLR2004
        thing = _followed(document, options[0])
        return {**thing, "type": [*sorted(_types(thing)), "null"]}
    if "$ref" not in schema:
        return schema
    return _followed(document, document["components"]["schemas"][schema["$ref"].rpartition("/")[2]])


def _types(schema: Schema) -> set[str]:
    kinds = schema.get("type", ())
    return {kinds} if isinstance(kinds, str) else set(kinds)
