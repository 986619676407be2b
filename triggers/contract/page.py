"""The document as one page of HTML, made on the server: no script, and nothing that is loaded from anywhere."""

import base64
import hashlib
import json
from collections.abc import Sequence
from html import escape
from typing import Any

from shared.domain.problem import CATALOGUE

_STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #8881; }
body { font: 16px/1.55 system-ui, sans-serif; margin: 0 auto; max-width: 62rem; padding: 1rem 1.25rem 4rem; }
h1 { font-size: 1.6rem; } h2 { border-bottom: 1px solid var(--line); margin-top: 3rem; } h3 { margin: 2rem 0 .25rem; }
code, pre { font: 14px/1.45 ui-monospace, monospace; } pre { background: var(--soft); overflow: auto; padding: .75rem; }
table { border-collapse: collapse; display: block; overflow-x: auto; width: 100%; }
th, td { border-bottom: 1px solid var(--line); padding: .35rem .6rem; text-align: left; vertical-align: top; }
summary { cursor: pointer; padding: .3rem 0; } nav a { margin-right: .9rem; white-space: nowrap; }
.method { border: 1px solid; border-radius: .3rem; font-weight: 700; padding: .05rem .4rem; text-transform: uppercase; }
.lines { white-space: pre-line; } a { color: inherit; } .gone { text-decoration: line-through; }
"""
_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
#: Nothing but this page's own style (https://www.w3.org/TR/CSP3/#framework-directive-source-list).
POLICY = f"default-src 'none'; style-src 'sha256-{_HASH}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


def page(document: dict[str, Any]) -> str:
    info = document["info"]
    tags = document["tags"]
    parts = [
        "<!doctype html><html lang=ko><head><meta charset=utf-8><meta name=viewport content='width=device-width'>"
        f"<title>{escape(info['title'])} API</title><style>{_STYLE}</style></head><body><main>",
        f"<h1>{escape(info['title'])} <small>API {escape(info['version'])}</small></h1>",
        f"<p class=lines>{escape(info['description'])}</p>",
        f"<p><a href=openapi.json>openapi.json</a> · <code>{escape(document['servers'][0]['url'])}</code></p>",
        "<nav>", *(f"<a href='#{escape(tag['name'])}'>{escape(tag['description'])}</a>" for tag in tags),
        "<a href='#problems'>Problems · 오류</a><a href='#schemas'>Schemas · 자료형</a></nav>",
    ]  # fmt: skip
    for tag in tags:
        parts.append(f"<h2 id='{escape(tag['name'])}'>{escape(tag['description'])}</h2>")
        for path, methods in document["paths"].items():
            parts += [_operation(path, method, one) for method, one in methods.items() if tag["name"] in one["tags"]]
    parts += [_problems(), "<h2 id=schemas>Schemas · 자료형</h2>"]
    for name, schema in document["components"]["schemas"].items():
        parts.append(f"<h3 id='{escape(name)}'>{escape(name)}</h3>{_schema(schema)}")
    return "\n".join([*parts, "</main></body></html>"])


def _operation(path: str, method: str, one: dict[str, Any]) -> str:
    gone = " class=gone" if one.get("deprecated") else ""
    parts = [
        f"<h3 id='{escape(one['operationId'])}'{gone}><span class=method>{method}</span> <code>{escape(path)}</code></h3>",
        f"<p><strong>{escape(one['summary'])}</strong></p><p class=lines>{escape(one['description'])}</p>",
    ]
    if one.get("parameters"):
        rows = [
            (f"<code>{escape(p['name'])}</code>{' *' if p.get('required') else ''}", escape(p["in"]), _told(p["schema"]))
            for p in one["parameters"]
        ]
        parts.append("<h4>Parameters · 매개변수</h4>" + _table(("Name · 이름", "In · 위치", "What · 설명"), rows))
    for media_type, content in one.get("requestBody", {}).get("content", {}).items():
        parts.append(f"<h4>Body · 본문 <code>{escape(media_type)}</code></h4>{_schema(content['schema'])}")
    rows = []
    for status, answer in one["responses"].items():
        kinds = ", ".join(f"<code>{escape(media_type)}</code>" for media_type in answer.get("content", {}))
        rows.append((f"<code>{status}</code>", escape(answer["description"]), kinds))
    parts.append("<h4>Answers · 응답</h4>" + _table(("Status · 상태", "What · 설명", "Type · 형식"), rows))
    shown = next((c["example"] for r in one["responses"].values() for c in r.get("content", {}).values() if "example" in c), None)
    if shown is not None:
        text = escape(json.dumps(shown, ensure_ascii=False, indent=2))
        parts.append(f"<details><summary>Example · 예시</summary><pre>{text}</pre></details>")
    return "".join(parts)


def _problems() -> str:
    rows = [
        (f"<span id='problem-{code}'><code>{code}</code></span>", str(kind.status), f"{escape(kind.title_en)} · {escape(kind.title_ko)}",
         f"{escape(kind.detail_en)}<br>{escape(kind.detail_ko)}")
        for code, kind in CATALOGUE.items()
    ]  # fmt: skip
    return "<h2 id=problems>Problems · 오류</h2>" + _table(("Code · 코드", "HTTP", "Title · 제목", "What to do · 할 일"), rows)


def _schema(schema: dict[str, Any]) -> str:
    if "$ref" in schema or schema.get("type") != "object":
        return f"<p>{_told(schema)}</p>"
    needed = schema.get("required", [])
    rows = [
        (f"<code>{escape(name)}</code>{' *' if name in needed else ''}", _kind(part), _told(part))
        for name, part in schema.get("properties", {}).items()
    ]
    about = escape(schema.get("description", ""))
    return f"<p>{about}</p>" + (_table(("Name · 이름", "Type · 형식", "What · 설명"), rows) if rows else "")


def _kind(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        name = escape(schema["$ref"].rpartition("/")[2])
        return f"<a href='#{name}'>{name}</a>"
    if "anyOf" in schema and "type" not in schema:
        return " | ".join(_kind(part) for part in schema["anyOf"])
    if schema.get("type") == "array":
        return f"[{_kind(schema['items'])}]"
    kinds = schema.get("type", "any")
    return escape(kinds if isinstance(kinds, str) else " | ".join(kinds))


def _told(schema: dict[str, Any]) -> str:
    said = [escape(schema["description"])] if schema.get("description") else []
    if "enum" in schema:
        said.append(" ".join(f"<code>{escape(json.dumps(word, ensure_ascii=False))}</code>" for word in schema["enum"]))
    bounds = [f"{name} {schema[name]}" for name in ("minimum", "maximum", "minLength", "maxLength", "minItems") if name in schema]
    bounds += [f"default {schema['default']}"] if "default" in schema else []
    bounds += [f"pattern {schema['pattern']}"] if "pattern" in schema else []
    if bounds:
        said.append(f"<small>{escape(', '.join(bounds))}</small>")
    return "<br>".join(said)


def _table(heads: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    head = "".join(f"<th scope=col>{text}</th>" for text in heads)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
