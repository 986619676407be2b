"""The OpenAPI document, put together from the tables beside it."""

import functools
import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from shared.domain.problem import CATALOGUE
from triggers.contract import examples, schemas
from triggers.contract.operations import HEADERS, LIMITS, SIGNATURE, Answer, Operation, operations
from triggers.contract.schemas import Schema
from triggers.deprecation import DEPRECATED

#: Of the contract, not of the app: CHANGELOG.md says what each brought.
VERSION = "1.0.0"
PROBLEM_JSON = "application/problem+json"
#: These tell the second in which it is worth asking again.
_TELLS_WHEN = ("409", "429", "503")
_TAGS = {
    "generate": "Make pictures · 그림 만들기",
    "jobs": "Jobs · 작업",
    "money": "Money · 비용",
    "webhooks": "Webhooks · 웹훅",
    "about": "About the app · 앱 정보",
}
#: A paragraph a language, each on one line: where lines end is the reader's business.
_ABOUT = """\
Pictures for webtoon creators: product placement and goods. A POST answers with a job at once; follow `urls.self` until its status is \
terminal. Send an `Idempotency-Key` with each POST and repeat it with the same key: a job is never made, or paid for, twice. \
A `status`, `stage`, code or property that you do not know is one of a later version: read the first two as still running. \
HEAD is taken wherever GET is. Errors are RFC 9457 problem documents; branch on `code`.

웹툰 창작자를 위한 PPL·굿즈 그림 생성. POST는 바로 작업으로 답하고, 끝날 때까지 `urls.self`로 따라갑니다. POST마다 `Idempotency-Key`를 붙이고 \
다시 보낼 때 같은 키를 쓰면 작업이 두 번 만들어지거나 결제되지 않습니다. 모르는 `status`·`stage`는 진행 중으로 읽으세요. \
오류는 RFC 9457 형식이며 `code`로 분기하세요.
"""


_JOB_ENDED = """\
What the app sends to the `webhook_url` of a job, signed as Standard Webhooks says. Answer 2xx at once; anything else is tried again for \
hours. It is a hint: read the job.

작업의 `webhook_url`로 앱이 보내는 메시지. Standard Webhooks 방식으로 서명합니다. 바로 2xx로 답하세요. 그 밖의 응답이면 몇 시간에 걸쳐 다시 보냅니다. \
힌트일 뿐이니 작업을 다시 읽으세요.
"""


@functools.lru_cache(maxsize=8)
def _built(server: str, models: tuple[tuple[str, tuple[str, ...]], ...]) -> dict[str, Any]:
    known = operations(dict(models))
    paths: dict[str, Any] = {}
    for one in known:
        paths.setdefault(f"/api/{one.path}", {})[one.method] = _operation(one, known)
    used = {one.tag for one in known}
    document = {
        "openapi": "3.1.0",
        "info": {
            "title": "ToonConnect image generation", "version": VERSION, "description": _ABOUT,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": server or "/"}],
        "tags": [{"name": name, "description": told} for name, told in _TAGS.items() if name in used],
        # Where people sign in; elsewhere nothing is asked for.
        "security": [{}, {"signIn": []}],
        "paths": paths,
        "components": {
            "schemas": _schemas(), "examples": examples.problems(),
            "headers": {
                name: {"schema": schema} for name, schema in HEADERS.items()
            },
            "securitySchemes": {"signIn": {
                "type": "http", "scheme": "bearer", "description": "AUTH_MODE=easyauth: the sign-in's access token · 로그인 토큰"
            }},
        },
    }  # fmt: skip
    document["webhooks"] = {"job_ended": {"post": {
        "operationId": "job_ended", "tags": ["webhooks"], "summary": "A job has ended · 작업이 끝남", "description": _JOB_ENDED,
        "parameters": [
            {"name": p.name, "in": p.where, "required": True, "schema": p.schema} for p in SIGNATURE
        ],
        "requestBody": {"content": {"application/json": {"schema": schemas.ref("JobEnded")}}},
        "responses": {"2XX": {"description": "Heard · 받음"}, "410": {"description": "Stops further calls · 더 보내지 않음"}},
    }}}  # fmt: skip
    _leave_out_unused(document)
    return document


def build(server: str = "", models: Mapping[str, tuple[str, ...]] | None = None) -> dict[str, Any]:
    """The document of an app at `server` that offers these models by kind; without them any model's name may stand there. It is
    one object for all who ask: not to be changed."""
    return _built(server, tuple(sorted((models or {}).items())))


def _schemas() -> dict[str, Schema]:
    return {
        **schemas.job_schemas(), **schemas.problem_schemas(), **schemas.other_schemas(), **schemas.schemas_of_answers(),
    }  # fmt: skip


def _leave_out_unused(document: dict[str, Any]) -> None:
    """Schemas that nothing names: those of operations to come."""
    known = document["components"]["schemas"]
    reached: set[str] = set()
    unread = _refs({key: value for key, value in document.items() if key != "components"})
    while unread:
        name = unread.pop()
        if name not in reached:
            reached.add(name)
            unread |= _refs(known[name])
    document["components"]["schemas"] = {name: schema for name, schema in known.items() if name in reached}


def _refs(part: Any) -> set[str]:
    return set(re.findall(r"'\$ref': '#/components/schemas/(\w+)'", repr(part)))


def _links(known: tuple[Operation, ...]) -> dict[str, Any]:
    """What can be done with a job, by the id that an answer told."""
    return {
        one.id: {"operationId": one.id, "parameters": {"id": "$response.body#/id"}} for one in known if "jobs/{id}" in one.path
    }


def _operation(one: Operation, known: tuple[Operation, ...]) -> dict[str, Any]:
    told: dict[str, Any] = {
        "operationId": one.id, "tags": [one.tag], "summary": " · ".join(one.summary), "description": "\n\n".join(one.description),
    }  # fmt: skip
    if one.id in DEPRECATED:
        told["deprecated"] = True
    if one.parameters:
        told["parameters"] = [
            {"name": p.name, "in": p.where, "schema": p.schema, **({"required": True} if p.is_required else {})}
            for p in one.parameters
        ]
    if one.body is not None:
        media_type, schema = one.body
        content = {"schema": schema}
        if one.encoding:
            content["encoding"] = one.encoding
        if one.example is not None:
            content["example"] = one.example
        told["requestBody"] = {"required": one.is_body_required, "content": {media_type: content}}
    told["responses"] = {str(status): _answer(status, answer) for status, answer in one.answers.items()}
    if one.makes_a_job:
        for answered in one.answers:
            told["responses"][str(answered)]["links"] = _links(known)
    for status, answer in _problems(one).items():
        if status in told["responses"]:
            told["responses"][status]["content"] |= answer["content"]
        else:
            told["responses"][status] = answer
    told["responses"] = dict(sorted(told["responses"].items()))
    return told


def _answer(status: int, answer: Answer) -> dict[str, Any]:
    job = examples.QUEUED if status == HTTPStatus.ACCEPTED else examples.JOB
    content = {
        media_type: {"schema": schema, **({"example": job} if schema == schemas.ref("Job") else {})}
        for media_type, schema in answer.content.items()
    }
    headers = {name: {"$ref": f"#/components/headers/{name}"} for name in ("X-Request-Id", *answer.headers)}
    return {"description": " · ".join(answer.told), "headers": headers, **({"content": content} if content else {})}


def _problems(one: Operation) -> dict[str, Any]:
    """Its problems by status, each with the codes that it may have."""
    by_status: dict[str, list[str]] = {}
    for code in one.codes:
        by_status.setdefault(str(CATALOGUE[code].status), []).append(code)
    where = ("Location", "Idempotent-Replayed") if one.makes_a_job else ()
    limits = LIMITS if any(set(LIMITS) <= set(answer.headers) for answer in one.answers.values()) else ()
    return {status: _problem(status, codes, (*where, *limits)) for status, codes in sorted(by_status.items())}


def _problem(status: str, codes: list[str], where: tuple[str, ...]) -> dict[str, Any]:
    headers = ("X-Request-Id", "Content-Language", *where, *(("Retry-After",) if status in _TELLS_WHEN else ()))
    return {
        "description": "; ".join(f"`{code}` {CATALOGUE[code].title_en} · {CATALOGUE[code].title_ko}" for code in codes),
        "headers": {name: {"$ref": f"#/components/headers/{name}"} for name in headers},
        "content": {PROBLEM_JSON: {
            "schema": {**schemas.ref("Problem"), "properties": {"code": {"enum": codes}}},
            "examples": {name: {"$ref": f"#/components/examples/{name}"} for code in codes for name in (code, f"{code}.ko")},
        }},
    }  # fmt: skip
