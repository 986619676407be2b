"""What batch producers write into a storage queue, and what is announced on another one. Pure."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from shared.domain.generation import MISREAD, shown
from shared.domain.kinds import KINDS, Kind
from shared.domain.problem import Mistake, Problem, ProblemError, invalid_fields
from shared.domain.text import is_misread

REQUESTS, RESULTS = "generation-requests", "generation-results"
#: Where the platform puts what has failed too often.
POISON = f"{REQUESTS}-poison"
#: The container of the images that requests name.
INTAKE = "intake"
_NAMES = ("kind", "key", "correlation_id", "request")
#: As of an X-Request-Id and an Idempotency-Key: both end up in logs or records.
_CORRELATION = re.compile(r"[A-Za-z0-9._:-]{1,128}")
_KEY = re.compile(r"[ -~]{1,255}")
#: Of a blob's name (learn.microsoft.com/rest/api/storageservices/naming-and-referencing-containers--blobs--and-metadata).
_BLOB_NAME_MAX = 1024

Message = dict[str, Any]


class NoRequest(Exception):
    """A message that is none of ours. The text says what is wrong with it, and repeats nothing of it."""


@dataclass(frozen=True)
class QueuedRequest:
    """A request as it was sent. `mistakes` are of what could not be taken, and is in none of the others."""

    kind: Kind
    #: What makes it the same request: its own key or its message's id, told apart by how they begin.
    key: str
    fields: dict[str, str] = field(repr=False)
    #: Names of blobs by field.
    images: dict[str, str] = field(repr=False)
    mistakes: tuple[Mistake, ...] = ()

    def digest(self) -> str:
        """Of what was asked for, with the names of its blobs: the same of a message that comes again."""
        said = json.dumps([self.kind.name, self.fields, self.images], sort_keys=True)
        return hashlib.sha256(said.encode()).hexdigest()


def read_message(text: str) -> Message:
    """Raises NoRequest."""
    try:
        message = json.loads(text, parse_constant=_refuse)
        # Half a character can be stored nowhere.
        json.dumps(message, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise NoRequest("it holds half a character, which UTF-8 cannot spell") from None
    except (ValueError, RecursionError):
        raise NoRequest("it is no JSON") from None
    if not isinstance(message, dict):
        raise NoRequest("it is no JSON object")
    return message


def _refuse(constant: str) -> None:
    raise ValueError(constant)


def correlation_of(message: Message, message_id: str) -> str:
    """What the sender knows the request by: its own id for it, or else the queue's."""
    given = message.get("correlation_id")
    return given if isinstance(given, str) and _CORRELATION.fullmatch(given) else message_id


def request_of(message: Message, message_id: str) -> QueuedRequest:
    """Raises ProblemError (`validation_failed`) where not even the kind is known; its fields are checked as a form's are."""
    kind = KINDS.get(message["kind"]) if isinstance(message.get("kind"), str) else None
    if kind is None:
        known = ", ".join(KINDS)
        raise ProblemError(invalid_fields(("kind", f"다음 중 하나여야 합니다: {known}", f"Must be one of: {known}")))
    mistakes: list[Mistake] = []
    for name in sorted(set(message) - set(_NAMES)):
        mistakes.append((shown(name), "알 수 없는 필드입니다. 지워 주세요.", "Unknown field: remove it."))
    key, correlation = message.get("key"), message.get("correlation_id")
    if key is not None and not (isinstance(key, str) and _KEY.fullmatch(key)):
        mistakes.append(("key", "255자까지의 ASCII 문자여야 합니다.", "Must be at most 255 printable ASCII characters."))
        key = None
    if correlation is not None and correlation_of(message, "") != correlation:
        mistakes.append((
            "correlation_id", "128자까지의 영문자, 숫자와 . _ : - 로 써 주세요.",
            "Must be at most 128 letters, digits and . _ : -",
        ))  # fmt: skip
    request = message.get("request")
    if not isinstance(request, dict):
        mistakes.append(("request", "폼의 필드를 담은 객체여야 합니다.", "Must be an object with the fields of the form."))
        request = {}
    fields, images = _parts(kind, request, mistakes)
    return QueuedRequest(kind, f"key:{key}" if key is not None else f"id:{message_id}", fields, images, tuple(mistakes))


def _parts(kind: Kind, request: Mapping[str, Any], mistakes: list[Mistake]) -> tuple[dict[str, str], dict[str, str]]:
    fields: dict[str, str] = {}
    images: dict[str, str] = {}
    for name, value in request.items():
        if value is None:
            continue
        if name not in kind.images:
            text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            if is_misread(text):
                mistakes.append((shown(name), *MISREAD))
            else:
                fields[name] = text
        elif isinstance(value, str) and is_blob_name(value):
            images[name] = value
        else:
            mistakes.append((
                name, f"{INTAKE} 컨테이너에 있는 블롭의 이름이어야 합니다.",
                f"Must be the name of a blob in the container {INTAKE}.",
            ))  # fmt: skip
    return fields, images


def is_blob_name(name: str) -> bool:
    """Whether a blob can be asked for by this name: `.` and `..` between slashes are taken out of an address on its way (RFC
    3986, 5.2.4), so that such a name would lead out of its container."""
    return 1 <= len(name) <= _BLOB_NAME_MAX and not {".", ".."}.intersection(name.split("/"))


def no_such_blob(name: str) -> Mistake:
    """Of a field whose blob is not there."""
    return (
        name, f"{INTAKE} 컨테이너에 이런 블롭이 없습니다. 먼저 올린 뒤 다시 보내 주세요.",
        f"There is no such blob in the container {INTAKE}. Upload it first and send the request again.",
    )  # fmt: skip


# ---- what is announced ----


def accepted(document: Mapping[str, Any], correlation_id: str) -> Message:
    """A request has become a job, now or when it came before."""
    return _announced("accepted", correlation_id, document["id"], document["status"], None)


def refused(problem: Problem, correlation_id: str) -> Message:
    """A request has become none, and has cost nothing. `retryable`: the same message may be taken later."""
    message = _announced("refused", correlation_id, None, "refused", problem.code)
    return {**message, "retryable": problem.is_retryable, "fields": _fields(problem.errors)}


def ended(document: Mapping[str, Any], correlation_id: str) -> Message:
    """A job is over. Everything else of it a GET tells, to its owner."""
    error = document["error"]
    return _announced("ended", correlation_id, document["id"], document["status"], error["code"] if error else None)


def _fields(errors: Sequence[Mapping[str, str]]) -> list[str]:
    return [error["field"] for error in errors]


def _announced(event: str, correlation_id: str, job_id: str | None, status: str, code: str | None) -> Message:
    return {"event": event, "id": job_id, "status": status, "code": code, "correlation_id": correlation_id}
