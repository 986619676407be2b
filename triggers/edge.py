"""What every HTTP answer has: a request id, the caller's language, CORS, and errors as problem documents."""

import contextlib
import functools
import json
import logging
import math
import re
import uuid
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import azure.functions as func
from azure.core.exceptions import AzureError

from shared import limits, telemetry
from shared.domain import quota
from shared.domain.owners import ANONYMOUS, is_stranger, token_owner
from shared.domain.problem import Charged, Language, Problem, ProblemError, broken_settings, unreadable
from shared.providers.provider import ProviderError
from shared.services import services
from shared.settings import web_origin
from shared.storage.account import StorageNotConfigured
from shared.storage.blob_store import Missing
from shared.storage.documents import Busy
from shared.storage.job_store import NoSuchJob
from shared.task_hub import TaskHubUnavailable, reason
from triggers import deprecation
from triggers.caller import address

Handler = Callable[..., Awaitable[func.HttpResponse]]

#: The platform's CORS sends no Expose-Headers, so the app does (design, section 4).
EXPOSED_HEADERS = (
    "Location, Retry-After, ETag, X-Request-Id, Idempotent-Replayed, Preference-Applied, Content-Disposition, Content-Language, "
    "X-Sandbox, RateLimit, RateLimit-Policy"
)
#: Soon enough to notice that a job has ended, or that a rush is over; a day's quota is no matter of seconds.
_RETRY_AFTER = {"too_many_active_jobs": "15", "busy": "5", "idempotency_in_progress": "2", "not_ready": "15"}
_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
_BAD_TOKEN = unreadable(
    "X-Owner-Token은 A-Z, a-z, 0-9, _, - 로 된 32~128자의 무작위 값이어야 합니다. 새로 만들어 보내 주세요.",
    "The X-Owner-Token must be 32 to 128 characters of A-Z, a-z, 0-9, _ and -, drawn at random. Send one like that.",
)


def endpoint(handler: Handler) -> Handler:
    """Wrap an HTTP function: preflights are answered, failures become problem documents, headers are added. Never raises."""

    @functools.wraps(handler)
    async def answer(req: func.HttpRequest, **bindings: Any) -> func.HttpResponse:
        token = limits.caller.set(None)
        try:
            limits.caller.set(limits.Caller(address(req)))
            if req.method == "OPTIONS":
                response = func.HttpResponse(status_code=204)
            else:
                with telemetry.request(handler.__name__, req.method, req.headers) as told:
                    response = await _handled(handler, req, bindings)
                    told.with_status(response.status_code)
            return deprecation.tell(handler.__name__, _with_headers(req, response, request_id(req)))
        except Exception:  # noqa: BLE001 - what words an error, logs it or reads a header may fail as well
            with contextlib.suppress(Exception):
                logging.getLogger(telemetry.LOGGER).exception("the answer to an error failed")
            return _last_word()
        finally:
            limits.caller.reset(token)

    return answer


async def _handled(handler: Handler, req: func.HttpRequest, bindings: dict[str, Any]) -> func.HttpResponse:
    try:
        if _is_foreign(req):
            raise ProblemError(Problem("forbidden"))
        return await handler(req, **bindings)
    except ProblemError as error:
        return problem_response(req, error.problem)
    except ProviderError as error:
        return problem_response(req, error.problem)
    except Busy:
        return problem_response(req, Problem("busy", charged=_may_be_charged(req)))
    except TaskHubUnavailable as error:
        telemetry.event("hub_silent", logging.WARNING, request_id=request_id(req), reason=reason(error))
        return problem_response(req, Problem("busy", charged=_may_be_charged(req)))
    except NoSuchJob:  # deleted a moment ago
        return problem_response(req, Problem("job_not_found", charged="unknown"))
    except Missing:  # its job is there, so it may have been paid for
        return problem_response(req, Problem("result_expired", charged="unknown"))
    except StorageNotConfigured as error:
        return problem_response(req, broken_settings(str(error)))
    except AzureError as error:
        telemetry.event("storage_failed", logging.ERROR, request_id=request_id(req), reason=type(error).__name__)
        return problem_response(req, Problem("internal", charged=_may_be_charged(req)))
    except Exception as error:  # noqa: BLE001 - the last edge: a bare 500 without a body would tell nobody anything
        telemetry.event("request_failed", logging.ERROR, request_id=request_id(req), reason=repr(type(error)))
        logging.getLogger(telemetry.LOGGER).exception("unexpected failure")
        return problem_response(req, Problem("internal", charged=_may_be_charged(req)))


def _is_foreign(req: func.HttpRequest) -> bool:
    """Whether the page of a site that may not call the API sends what changes something: a form needs no preflight.

    Browsers say where a request comes from (Origin, RFC 6454 7; Sec-Fetch-Site, w3.org/TR/fetch-metadata), other clients do not.
    """
    if req.method in ("GET", "HEAD"):
        return False
    site, asked = req.headers.get("sec-fetch-site", ""), req.headers.get("origin", "")
    if site in ("same-origin", "none"):
        return False
    if not asked:
        return site in ("cross-site", "same-site")
    return not (_is_allowed(asked) or asked in (web_origin(origin(req)), _stated_origin()))


def _stated_origin() -> str | None:
    stated = services().settings.stated_base_url
    return web_origin("/".join(stated.split("/", 3)[:3])) if stated else None


def _is_allowed(asked: str) -> bool:
    allowed = services().settings.allowed_origins
    return asked in allowed or "*" in allowed


def _last_word() -> func.HttpResponse:
    """A problem that is told without looking at the request, which may be what everything else fell over; in Korean."""
    document = Problem("internal", charged="unknown").to_document("ko", request_id=uuid.uuid4().hex)
    return func.HttpResponse(
        _json(document), status_code=document["status"], mimetype="application/problem+json",
        headers={
            "X-Request-Id": document["request_id"], "Content-Language": "ko", "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
        },
    )  # fmt: skip


def _may_be_charged(req: func.HttpRequest) -> Charged:
    """Of a request that failed on the way: one about a job that is there says nothing of what that owes, and a repeated one may
    be about such a job."""
    return "unknown" if "id" in req.route_params or "idempotency-key" in req.headers else "no"


def request_id(req: func.HttpRequest) -> str:
    """The caller's X-Request-Id when it is harmless, else one of ours; the same for the whole request."""
    if not hasattr(req, "toonconnect_request_id"):
        given = req.headers.get("x-request-id", "")
        made = given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
        req.toonconnect_request_id = made  # type: ignore[attr-defined]
    return str(req.toonconnect_request_id)  # type: ignore[attr-defined]


def language(req: func.HttpRequest) -> Language:
    """Korean unless English is preferred (RFC 9110, 12.5.4)."""
    weights = {"ko": 0.0, "en": 0.0}
    for part in req.headers.get("accept-language", "").split(","):
        tag, _, params = part.strip().partition(";")
        primary = tag.strip().lower().split("-")[0]
        quality = re.search(r"q=([\d.]+)", params)
        try:
            weight = float(quality.group(1)) if quality else 1.0
        except ValueError:
            weight = 0.0
        if primary in weights:
            weights[primary] = max(weights[primary], weight)
    return "en" if weights["en"] > weights["ko"] else "ko"


def owner(req: func.HttpRequest) -> str:
    """Who asks, as the platform's sign-in says, or the caller's own token where nobody signs in. Raises ProblemError
    (`unauthorized`, `invalid_request`, or `internal` where nobody can be known)."""
    mode = services().settings.auth_mode
    if mode == "none":
        return token_holder(req) or ANONYMOUS
    if mode == "closed":
        raise ProblemError(broken_settings("AUTH_MODE"))
    principal: str = req.headers.get("x-ms-client-principal-id", "").strip()
    # The platform's ids are ASCII: anything else is nobody whom it signed in.
    if not (principal and principal.isascii() and principal.isprintable()) or is_stranger(principal):
        raise ProblemError(Problem("unauthorized"))
    return principal


def token_holder(req: func.HttpRequest) -> str | None:
    """The owner that the X-Owner-Token stands for, None without one. Raises ProblemError (`invalid_request`)."""
    token = req.headers.get("x-owner-token")
    if token is None:
        return None
    holder = token_owner(token.strip(" \t"))
    if holder is None:
        raise ProblemError(_BAD_TOKEN)
    return holder


def origin(req: func.HttpRequest) -> str:
    """Scheme and host that the caller used; empty when there are none, or when they make no sense.

    No X-Forwarded-* or Forwarded header has a say: the platform has looked at its own front end's by now, and whoever stands
    before that is known by PUBLIC_BASE_URL.
    """
    try:
        parts = urlsplit(req.url)
    except ValueError:
        return ""
    host = parts.netloc
    return f"{parts.scheme}://{host}" if parts.scheme and host and host.isascii() and host.isprintable() else ""


def base_url(req: func.HttpRequest) -> str:
    """What every address begins with that is handed out; empty where nobody knows, so that links lead to the same server."""
    settings = services().settings
    # A client of HTTP/1.0 may leave Host out.
    return settings.stated_base_url or origin(req) or settings.public_base_url or ""


def _path(req: func.HttpRequest) -> str | None:
    try:
        return str(urlsplit(req.url).path)
    except ValueError:
        return None


def job_url(req: func.HttpRequest, job_id: str) -> str:
    return f"{base_url(req)}/api/jobs/{job_id}"


def _json(document: dict[str, Any]) -> bytes:
    """In letters that people read, unless one of them is half a character, which UTF-8 cannot spell."""
    try:
        return json.dumps(document, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return json.dumps(document).encode()


def json_response(body: dict[str, Any], status: int = 200, headers: dict[str, str] | None = None) -> func.HttpResponse:
    return func.HttpResponse(_json(body), status_code=status, headers=headers, mimetype="application/json", charset="utf-8")


def problem_response(
    req: func.HttpRequest, problem: Problem, headers: dict[str, str] | None = None, beside: dict[str, Any] | None = None
) -> func.HttpResponse:
    """`beside`: members of this answer's own (RFC 9457, 3.2)."""
    spoken = language(req)
    document = problem.to_document(spoken, instance=_path(req), request_id=request_id(req), base_url=base_url(req))
    document |= beside or {}
    telemetry.event("problem", request_id=request_id(req), code=problem.code, status=problem.status)
    return func.HttpResponse(
        _json(document), status_code=problem.status, mimetype="application/problem+json",
        headers={
            "Content-Language": spoken, **_retry_after(problem),
            **({"Allow": f"{problem.params['methods']}, OPTIONS"} if problem.code == "method_not_allowed" else {}),
            **(headers or {}),
        },
    )  # fmt: skip


def _retry_after(problem: Problem) -> dict[str, str]:
    reset_at = problem.params.get("reset_at")
    if reset_at is not None:
        seconds = (datetime.fromisoformat(reset_at) - services().now()).total_seconds()
        return {"Retry-After": str(max(1, math.ceil(seconds)))}
    return {"Retry-After": _RETRY_AFTER[problem.code]} if problem.code in _RETRY_AFTER else {}


def _with_headers(req: func.HttpRequest, response: func.HttpResponse, made_request_id: str) -> func.HttpResponse:
    response.headers["X-Request-Id"] = made_request_id
    response.headers["X-Content-Type-Options"] = "nosniff"
    if services().settings.is_sandbox:
        response.headers["X-Sandbox"] = "true"
    if (met := limits.caller.get()) is not None and met.standings:
        response.headers["RateLimit-Policy"] = quota.policies(met.standings)
        response.headers["RateLimit"] = quota.remaining(met.standings)
    if "Cache-Control" not in response.headers:
        response.headers["Cache-Control"] = "no-store"
    # Also where no origin is named: a shared cache must not hand this answer to a page.
    # And a browser's own must not hand one owner's answer to another.
    response.headers["Vary"] = "Origin, Accept-Language, X-Owner-Token"
    asked = req.headers.get("origin", "")
    if asked and asked.isascii() and asked.isprintable() and _is_allowed(asked):
        response.headers["Access-Control-Allow-Origin"] = asked
        response.headers["Access-Control-Expose-Headers"] = EXPOSED_HEADERS
        if req.method == "OPTIONS":
            response.headers.update(_allowed(req))
    return response


def _allowed(req: func.HttpRequest) -> dict[str, str]:
    """What was asked for, as the host on Azure answers; here preflights arrive only where the host leaves CORS to the app
    (Core Tools without Host.CORS)."""
    asked = {"Methods": req.headers.get("access-control-request-method", "")}
    asked["Headers"] = ",".join(
        part for text in req.headers.get("access-control-request-headers", "").split(",") if (part := text.strip())
    )
    return {f"Access-Control-Allow-{name}": value for name, value in asked.items() if value and value.isascii()}
