"""A request's body, before anybody asks what it says: forms and JSON are told the same of what does not reach the app."""

import contextlib
import json
import tempfile
from typing import IO, Any

import azure.functions as func
from werkzeug.http import parse_options_header

from shared.domain.problem import Problem, ProblemError, unreadable
from shared.domain.text import is_misread
from triggers.charsets import UnknownCharset, decode

#: Of a JSON body: a prompt of 2,000 characters, each of them escaped, several times over.
MAX_JSON_BYTES = 256 * 1024
#: What is smaller is not worth a file.
SET_ASIDE_FROM_BYTES = 1024 * 1024
#: Of what lies within what in it.
MAX_JSON_DEPTH = 100

_CHUNKED = unreadable(
    "Transfer-Encoding: chunked로 보낸 본문은 서버에 전달되지 않습니다. 이 헤더를 빼고 Content-Length와 함께 보내 주세요.",
    "A body that is sent with Transfer-Encoding: chunked does not reach the server. Send it with a Content-Length instead.",
)
_COMPRESSED = unreadable(
    "압축한 본문(Content-Encoding)은 읽지 않습니다. 압축하지 않고 보내 주세요.",
    "A compressed body (Content-Encoding) is not read. Send it uncompressed.",
)
_EMPTY = unreadable("본문이 비어 있습니다. 내용을 담아 다시 보내 주세요.", "The body is empty. Send it again with its content.")
_LARGE_JSON = unreadable(
    f"본문이 너무 큽니다. {MAX_JSON_BYTES // 1024}KB까지 보낼 수 있습니다.",
    f"The body is too large: send at most {MAX_JSON_BYTES // 1024} KB.",
)
_NOT_UTF8 = unreadable("JSON 본문을 UTF-8로 보내 주세요.", "Send the JSON body as UTF-8.")
_DEEP_JSON = unreadable(
    "JSON이 너무 깊게 중첩되어 있습니다. 한 겹의 객체로 보내 주세요.",
    "The JSON is nested too deeply. Send an object of one level.",
)


def body_of(req: func.HttpRequest) -> bytes:
    """Raises ProblemError (`invalid_request`) when there is none, or none that can be read."""
    if req.headers.get("content-encoding", "").strip().lower() not in ("", "identity"):
        raise ProblemError(_COMPRESSED)
    body: bytes = req.get_body()
    if not body:
        # The host passes a body on only with its length (durable-host reference 1.4).
        is_chunked = "chunked" in req.headers.get("transfer-encoding", "").lower()
        raise ProblemError(_CHUNKED if is_chunked else _EMPTY)
    return body


def let_go(req: func.HttpRequest) -> bool:
    """Let go of the raw body: the request lives as long as its answer, which may wait for minutes. Whether that was possible.

    The SDK has no way to say so; should it rename the attribute, only memory is lost (bench/ measures it).
    """
    return _put_back(req, b"")


def set_aside(req: func.HttpRequest) -> IO[bytes] | None:
    """Keep a large body in a file, which is gone when it is closed. None where it stays where it is: it is small, or no file
    takes it."""
    body: bytes = req.get_body()
    if len(body) < SET_ASIDE_FROM_BYTES:
        return None
    try:
        file = tempfile.TemporaryFile()  # noqa: SIM115 - closed by whoever takes it back
    except OSError:
        return None
    try:
        file.write(body)
        file.flush()
        is_free = let_go(req)
    except OSError:
        is_free = False
    if is_free:
        return file
    with contextlib.suppress(OSError):
        file.close()
    return None


def take_back(req: func.HttpRequest, file: IO[bytes]) -> None:
    """What was set aside is the request's body again."""
    file.seek(0)
    _put_back(req, file.read())


def _put_back(req: func.HttpRequest, body: bytes) -> bool:
    is_known = hasattr(req, "_HttpRequest__body_bytes")
    if is_known:
        req._HttpRequest__body_bytes = body
    return is_known


def _not_json(example: str) -> Problem:
    return unreadable(
        f"JSON으로 읽을 수 없습니다. {example} 같은 JSON을 보내 주세요.", f"It is not JSON. Send JSON like {example}."
    )


def _no_object(example: str) -> Problem:
    return unreadable(
        f"JSON 객체가 아닙니다. {example} 같은 객체를 보내 주세요.", f"It is not a JSON object. Send one like {example}."
    )


def read_json_object(req: func.HttpRequest, example: str) -> dict[str, Any]:
    """The object in a JSON body; who sent none is shown the example of one. Raises ProblemError (`invalid_request`). A byte-order
    mark is passed over (RFC 8259, 8.1)."""
    body = body_of(req)
    if len(body) > MAX_JSON_BYTES:
        raise ProblemError(_LARGE_JSON)
    charset = parse_options_header(req.headers.get("content-type", ""))[1].get("charset", "utf-8")
    try:
        text = decode(body, charset).removeprefix("\ufeff")
    except (UnicodeDecodeError, UnknownCharset):
        raise ProblemError(_NOT_UTF8) from None
    if is_misread(text):
        # JSON has no controls but as escapes (RFC 8259, 7).
        raise ProblemError(_NOT_UTF8)
    try:
        value = json.loads(text)
    except ValueError:
        raise ProblemError(_not_json(example)) from None
    except RecursionError:
        raise ProblemError(_DEEP_JSON) from None
    if _is_deep(value):
        raise ProblemError(_DEEP_JSON)
    if not isinstance(value, dict):
        raise ProblemError(_no_object(example))
    return value


def _is_deep(value: Any) -> bool:
    """Beyond MAX_JSON_DEPTH. What Python itself refuses differs: 1,000 levels in 3.11, 10,000 in 3.13."""
    level = [value]
    for _ in range(MAX_JSON_DEPTH + 1):
        inside = (v.values() if isinstance(v, dict) else v for v in level if isinstance(v, dict | list))
        level = [value for values in inside for value in values]
        if not level:
            return False
    return True
