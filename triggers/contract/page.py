"""The document as one page of HTML, made on the server: no script, and nothing that is loaded from anywhere."""

import base64
import hashlib
import json
import re
from collections.abc import Sequence
from html import escape
from typing import Any

from shared.domain.problem import CATALOGUE, without_values

_STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #8881; }
body { font: 16px/1.55 system-ui, sans-serif; margin: 0 auto; max-width: 62rem; padding: 1rem 1.25rem 4rem; }
h1 { font-size: 1.6rem; } h2 { border-bottom: 1px solid var(--line); margin-top: 3rem; } h3 { margin: 2rem 0 .25rem; }
code, pre { font: 14px/1.45 ui-monospace, monospace; } pre { background: var(--soft); overflow: auto; padding: .75rem; }
table { border-collapse: collapse; display: block; overflow-x: auto; width: 100%; }
th, td { border-bottom: 1px solid var(--line); padding: .35rem .6rem; text-align: left; vertical-align: top; }
summary { cursor: pointer; padding: .3rem 0; } nav a { margin-right: .9rem; white-space: nowrap; }
.method { border: 1px solid; border-radius: .3rem; font-weight: 700; padding: .05rem .4rem; text-transform: uppercase; }
nav ul { list-style: none; margin: .1rem 0 .6rem; padding-left: 1rem; } a { color: inherit; } .gone { text-decoration: line-through; }
code, a { overflow-wrap: anywhere; }
@media (max-width: 40rem) {
  table, tbody, tr, td { display: block; } thead { display: none; }
  td { border: 0; padding: .1rem 0; } tr { border-bottom: 1px solid var(--line); padding: .35rem 0; }
}
"""
_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
#: Nothing but this page's own style (https://www.w3.org/TR/CSP3/#framework-directive-source-list).
POLICY = f"default-src 'none'; style-src 'sha256-{_HASH}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


def page(document: dict[str, Any]) -> str:
    info = document["info"]
    tags = document["tags"]
    parts = [
        "<!doctype html><html lang=ko><head><meta charset=utf-8><meta name=viewport content='width=device-width,initial-scale=1'>"
        f"<title>{escape(info['title'])} API</title><style>{_STYLE}</style></head><body><main>",
        f"<h1>{escape(info['title'])} <small>API {escape(info['version'])}</small></h1>",
        _paragraphs(info["description"]),
        f"<p><a href=openapi.json>openapi.json</a> · <code>{escape(document['servers'][0]['url'])}</code></p>",
        "<nav>", *(_menu(tag, _operations(document, tag["name"])) for tag in tags),
        "<a href='#problems'>Problems · 오류</a><a href='#schemas'>Schemas · 자료형</a></nav>",
    ]  # fmt: skip
    for tag in tags:
        parts.append(f"<h2 id='{escape(tag['name'])}'>{escape(tag['description'])}</h2>")
        parts += [_operation(*one, document["components"]["schemas"]) for one in _operations(document, tag["name"])]
    parts += [_problems(), "<h2 id=schemas>Schemas · 자료형</h2>"]
    for name, schema in document["components"]["schemas"].items():
        parts.append(f"<h3 id='{escape(name)}'>{escape(name)}</h3>{_schema(schema)}")
    return "\n".join([*parts, "</main></body></html>"])


def _operations(document: dict[str, Any], tag: str) -> list[tuple[str, str, dict[str, Any]]]:
    """Path, method and operation of a chapter; behind those that are asked for, those that the app itself sends."""
    sent = {f"webhook_url: {name}": methods for name, methods in document.get("webhooks", {}).items()}
    known = {**document["paths"], **sent}
    return [(path, method, one) for path, methods in known.items() for method, one in methods.items() if tag in one["tags"]]


def _menu(tag: dict[str, Any], known: list[tuple[str, str, dict[str, Any]]]) -> str:
    links = "".join(
        f"<li><a href='#{escape(one['operationId'])}'>{escape(method.upper())} {escape(path)}</a></li>"
        for path, method, one in known
    )
    return f"<a href='#{escape(tag['name'])}'>{escape(tag['description'])}</a><ul>{links}</ul>"


def _operation(path: str, method: str, one: dict[str, Any], schemas: dict[str, Any]) -> str:
    gone = " class=gone" if one.get("deprecated") else ""
    parts = [
        f"<h3 id='{escape(one['operationId'])}'{gone}><span class=method>{method}</span> <code>{escape(path)}</code></h3>",
        f"<p><strong>{_words(one['summary'])}</strong></p>{_paragraphs(one['description'])}",
    ]
    if one.get("parameters"):
        rows = [
            (f"<code>{escape(p['name'])}</code>{' *' if p.get('required') else ''}", escape(p["in"]), _told(p["schema"]))
            for p in one["parameters"]
        ]
        parts.append("<h4>Parameters · 매개변수</h4>" + _table(("Name · 이름", "In · 위치", "What · 설명"), rows))
    for media_type, content in one.get("requestBody", {}).get("content", {}).items():
        parts.append(f"<h4>Body · 본문 <code>{escape(media_type)}</code></h4>{_body(content['schema'], schemas)}")
    rows = []
    for status, answer in one["responses"].items():
        kinds = ", ".join(f"<code>{escape(media_type)}</code>" for media_type in answer.get("content", {}))
        rows.append((f"<code>{status}</code>", _words(answer["description"]), kinds))
    parts.append("<h4>Answers · 응답</h4>" + _table(("Status · 상태", "What · 설명", "Type · 형식"), rows))
    contents = [("Body · 본문", one.get("requestBody", {})), *one["responses"].items()]
    for where, content in ((where, content) for where, told in contents for content in told.get("content", {}).values()):
        if "example" in content:
            text = escape(json.dumps(content["example"], ensure_ascii=False, indent=2))
            parts.append(f"<details><summary>Example · 예시: {where}</summary><pre>{text}</pre></details>")
    return "".join(parts)


def _problems() -> str:
    rows = [
        (f"<span id='problem-{code}'><code>{code}</code></span>", str(kind.status), f"{escape(kind.title_en)} · {escape(kind.title_ko)}",
         f"{_words(without_values(kind.detail_en))}<br>{_words(without_values(kind.detail_ko))}")
        for code, kind in CATALOGUE.items()
    ]  # fmt: skip
    return "<h2 id=problems>Problems · 오류</h2>" + _table(("Code · 코드", "HTTP", "Title · 제목", "What to do · 할 일"), rows)


def _body(schema: dict[str, Any], schemas: dict[str, Any]) -> str:
    """Also the fields of one that has a name of its own."""
    if "$ref" not in schema:
        return _schema(schema)
    return f"<p>{_kind(schema)}</p>{_schema(schemas[schema['$ref'].rpartition('/')[2]])}"


def _schema(schema: dict[str, Any]) -> str:
    if "$ref" in schema or schema.get("type") != "object":
        return f"<p>{_told(schema)}</p>"
    needed = schema.get("required", [])
    rows = [
        (f"<code>{escape(name)}</code>{' *' if name in needed else ''}", _kind(part), _told(part))
        for name, part in schema.get("properties", {}).items()
    ]
    about = _words(schema.get("description", ""))
    return f"<p>{about}</p>" + (_table(("Name · 이름", "Type · 형식", "What · 설명"), rows) if rows else "")


def _kind(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        name = escape(schema["$ref"].rpartition("/")[2])
        return f"<a href='#{name}'>{name}</a>"
    if "anyOf" in schema and "type" not in schema:
        return " | ".join(_kind(part) for part in schema["anyOf"])
    if schema.get("type") == "array":
        return f"[{_kind(schema['items'])}]"
    if schema.get("format") == "binary":
        return "file"
    kinds = schema.get("type", "any")
    return escape(kinds if isinstance(kinds, str) else " | ".join(kinds))


def _told(schema: dict[str, Any]) -> str:
    said = [_words(schema["description"])] if schema.get("description") else []
    # Each of the ways in which it may be sent; the members of a list.
    said += [
        told for part in (*schema.get("anyOf", ()), *([schema["items"]] if "items" in schema else [])) if (told := _told(part))
    ]
    said += [" ".join(f"<code>{escape(name)}</code>" for name in schema["properties"])] if "properties" in schema else []
    if "enum" in schema:
        said.append(" ".join(f"<code>{escape(json.dumps(word, ensure_ascii=False))}</code>" for word in schema["enum"]))
    bounds = [f"{name} {schema[name]}" for name in ("minimum", "maximum", "minLength", "maxLength", "minItems") if name in schema]
    bounds += [f"default {schema['default']}"] if "default" in schema else []
    bounds += [f"pattern {schema['pattern']}"] if "pattern" in schema else []
    if bounds:
        said.append(f"<small>{escape(', '.join(bounds))}</small>")
    return "<br>".join(said)


def _words(text: str) -> str:
    """Text as text, with what stands between backticks as code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))


def _paragraphs(text: str) -> str:
    return "".join(f"<p>{_words(part)}</p>" for part in text.strip().split("\n\n"))


def _table(heads: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    head = "".join(f"<th scope=col>{text}</th>" for text in heads)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
