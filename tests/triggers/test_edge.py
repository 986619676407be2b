"""What every answer has: an error that is a problem document, the caller's language, CORS, a request id."""

from types import SimpleNamespace
from typing import Any

import azure.functions as func
import pytest
from azure.core.exceptions import ServiceRequestError

from devhost.cors import HostCors
from shared.domain.problem import Problem, ProblemError
from shared.storage.blob_store import Missing
from shared.storage.documents import Busy
from shared.storage.job_store import NoSuchJob
from tests.preflights import PREFLIGHTS
from tests.triggers.calls import IMAGE, FakeHub, body, form, get, post, raw, request, settings, user
from triggers import edge, generate, jobs, options
from triggers.edge import endpoint, language, request_id


@pytest.mark.parametrize("error", [ServiceRequestError("away"), ValueError("bug")])
async def test_an_unexpected_failure_is_an_internal_problem_with_the_request_id(app: Any, error: Exception) -> None:
    @endpoint
    async def broken(req: Any) -> Any:
        raise error

    answer = await broken(request(headers={"X-Request-Id": "mine"}))
    assert (answer.status_code, body(answer)["code"], body(answer)["request_id"]) == (500, "internal", "mine")


@pytest.mark.parametrize(
    ("error", "status", "code", "retry_after"),
    [(Busy("owners/x.json"), 503, "busy", "5"), (NoSuchJob("job_1"), 404, "job_not_found", None),
     (Missing("job_1/output/0.png"), 410, "result_expired", None)],
)  # fmt: skip
async def test_what_storage_says_in_its_own_words_is_no_internal_failure(
    app: Any, error: Exception, status: int, code: str, retry_after: str | None
) -> None:
    @endpoint
    async def refused(req: Any) -> Any:
        raise error

    answer = await refused(request())
    assert (answer.status_code, body(answer)["code"], answer.headers.get("Retry-After")) == (status, code, retry_after)


@pytest.mark.parametrize("error", [Busy("jobs/x.json"), ServiceRequestError("away"), OSError("hub"), ValueError("bug")])
@pytest.mark.parametrize(("route", "charged"), [({"id": "job_1"}, "unknown"), ({}, "no")])
async def test_a_failure_on_the_way_to_a_job_does_not_say_that_the_job_cost_nothing(
    app: Any, error: Exception, route: dict[str, str], charged: str
) -> None:
    @endpoint
    async def broken(req: Any) -> Any:
        raise error

    assert body(await broken(request(route=route)))["charged"] == charged


@pytest.mark.parametrize(
    ("error", "status", "has_failed"),
    [(None, 200, False), (ProblemError(Problem("validation_failed")), 422, False), (NoSuchJob("job_1"), 404, False),
     (Busy("owners/x.json"), 503, True), (ValueError("bug"), 500, True)],
)  # fmt: skip
async def test_a_requests_span_says_how_it_was_answered(
    app: Any, spans: Any, error: Exception | None, status: int, has_failed: bool
) -> None:
    @endpoint
    async def answered(req: Any) -> Any:
        if error:
            raise error
        return edge.json_response({})

    assert (await answered(request())).status_code == status

    (span,) = spans.get_finished_spans()
    assert (span.name, span.attributes["http.response.status_code"]) == ("answered", status)
    assert (span.status.status_code.name == "ERROR") == has_failed


async def test_cors_is_answered_for_allowed_origins_only(app: Any) -> None:
    settings(app, ALLOWED_ORIGINS="https://page.example")
    page = await raw(options.get_options)(req=request(headers={"Origin": "https://page.example"}))
    stranger = await raw(options.get_options)(req=request(headers={"Origin": "https://evil.example"}))

    assert page.headers["Access-Control-Allow-Origin"] == "https://page.example"
    assert "X-Request-Id" in page.headers["Access-Control-Expose-Headers"]
    assert "Access-Control-Allow-Origin" not in stranger.headers
    assert stranger.headers["Vary"] == "Origin, Accept-Language, X-Owner-Token", "a shared copy is for this origin only"


@pytest.mark.parametrize("asked", PREFLIGHTS)
@pytest.mark.parametrize("origin", ["https://page.example", "https://other.example", "https://evil.example", "null"])
async def test_a_preflight_is_answered_as_the_host_answers_it(app: Any, asked: dict[str, str], origin: str) -> None:
    origins = ("https://page.example", "https://other.example")
    settings(app, ALLOWED_ORIGINS=",".join(origins))
    sent = {"Origin": origin, **asked}
    answer = await raw(options.get_options)(req=request("OPTIONS", headers=sent))
    by_host = HostCors(origins).preflight("OPTIONS", sent)

    told = {name: value for name, value in answer.headers.items() if name.lower().startswith("access-control-allow-")}
    assert answer.status_code == 204
    assert told == {name: value for name, value in (by_host or {}).items() if name != "Vary"}
    assert ("Access-Control-Allow-Headers" in told) == (origin in origins and "Access-Control-Request-Headers" in asked)


@pytest.mark.parametrize(
    ("header", "spoken"),
    [("", "ko"), ("en", "en"), ("ko, en;q=0.9", "ko"), ("en-US,en;q=0.9,ko;q=0.5", "en"),
     ("fr", "ko"), ("en;q=0.1, ko;q=0.2", "ko"),
     ("en;q=1.2.3", "ko")],
)  # fmt: skip
def test_korean_unless_english_is_preferred(header: str, spoken: str) -> None:
    assert language(request(headers={"Accept-Language": header})) == spoken


def test_a_harmful_request_id_is_replaced() -> None:
    sent = request(headers={"X-Request-Id": "a\nb"})
    assert request_id(sent) != "a\nb"
    assert request_id(sent) == request_id(sent)


# ---- the last edge ----


class Headers(dict[str, str]):
    """Raises for one of them, or for all."""

    def __init__(self, bad: str | None) -> None:
        super().__init__()
        self.bad = bad

    def get(self, name: str, default: Any = None) -> Any:
        if self.bad in (None, name):
            raise RuntimeError("a header that cannot be read")
        return default


def raising(*_: Any, **__: Any) -> Any:
    raise RuntimeError("on purpose")


@pytest.mark.parametrize(
    "broken",
    ["telemetry.event", "telemetry.request", "language", "request_id", "urlsplit", "services", "problem_response",
     "_with_headers", "_may_be_charged", "logging", "the answer's JSON"],
)  # fmt: skip
@pytest.mark.parametrize(
    "error", [ValueError("bug"), RecursionError(), MemoryError(), ServiceRequestError("away"), Busy("x"), None]
)
async def test_an_error_is_a_problem_document_whatever_else_fails(
    app: Any, monkeypatch: Any, broken: str, error: Exception | None
) -> None:
    @endpoint
    async def answered(req: Any) -> Any:
        if error:
            raise error
        return edge.json_response({"ok": "\ud800"})

    if broken == "logging":
        monkeypatch.setattr(edge, "logging", SimpleNamespace(getLogger=raising, ERROR=40))
    elif broken == "the answer's JSON":
        monkeypatch.setattr(edge, "_json", lambda document: raising() if "code" not in document else b'{"code": "internal"}')
    else:
        monkeypatch.setattr(f"triggers.edge.{broken}", raising)
    answer = await answered(request(headers={"X-Request-Id": "mine"}))
    if not error and answer.status_code == 200:
        assert body(answer) == {"ok": "\ud800"}
        return
    assert answer.status_code >= 500
    assert answer.mimetype == "application/problem+json"
    assert body(answer)["code"] in ("internal", "busy")


@pytest.mark.parametrize("bad", [None, "accept-language", "x-request-id", "origin", "traceparent"])
async def test_a_header_that_cannot_be_read_is_an_internal_problem(app: Any, bad: str | None) -> None:
    @endpoint
    async def refused(req: Any) -> Any:
        raise ProblemError(Problem("job_not_found"))

    sent = request()
    sent._HttpRequest__headers = Headers(bad)
    answer = await refused(sent)
    document = body(answer)
    assert (document["status"], answer.mimetype) == (answer.status_code, "application/problem+json")
    assert document["title"]
    assert document["detail"]
    assert document["request_id"] == answer.headers["X-Request-Id"]


@pytest.mark.parametrize(
    "url", ["https://[::1/api", "https://a\u2100.example/api/x", "//", "", "http://영웅/api/options", "https://\ud800/x"]
)
async def test_an_address_that_makes_no_sense_is_no_failure(app: Any, hub: FakeHub, url: str) -> None:
    sent = form({"prompt": "a mug"}, {"input_image": IMAGE})
    sent._HttpRequest__url = url
    answer = await user(generate.BY_KIND["goods"])(req=sent, client=hub)
    assert (answer.status_code, len(hub.started)) == (202, 1)
    assert answer.headers["Location"].isascii()

    strange = request("POST", body=b"x")
    strange._HttpRequest__url = url
    assert body(await user(generate.BY_KIND["goods"])(req=strange, client=hub))["code"] == "invalid_request"


async def test_an_origin_that_is_not_ascii_is_not_told_back(app: Any) -> None:
    """No server sends such a header, so the whole answer would be lost."""
    settings(app, ALLOWED_ORIGINS="*")
    for origin in ("https://영웅.example", "https://a\ud800", "https://a\x00"):
        answer = await raw(options.get_options)(req=request(headers={"Origin": origin}))
        assert (answer.status_code, answer.headers.get("Access-Control-Allow-Origin")) == (200, None)
    assert (await raw(options.get_options)(req=request(headers={"Origin": "null"}))).headers[
        "Access-Control-Allow-Origin"
    ] == "null"


# ---- addresses that are handed out ----

FORWARDED = {
    "X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "http", "Forwarded": "host=evil.example;proto=http",
    "X-Original-Host": "evil.example", "X-Host": "evil.example", "X-Forwarded-Prefix": "/evil", "X-Original-URL": "/evil",
}  # fmt: skip


@pytest.mark.parametrize(
    ("stated", "begins"),
    [({}, "https://app.example"), ({"PUBLIC_BASE_URL": "https://front.example/toon/"}, "https://front.example/toon")],
)
async def test_every_address_begins_with_the_public_one_whatever_headers_say(
    app: Any, hub: FakeHub, stated: dict[str, str], begins: str
) -> None:
    settings(app, WEBSITE_HOSTNAME="toon.azurewebsites.net", **stated)
    answer = await post(hub, headers=FORWARDED)
    job_id = body(answer)["id"]
    expected = f"{begins}/api/jobs/{job_id}"

    assert answer.headers["Location"] == expected
    urls = body(await get(hub, job_id, headers=FORWARDED))["urls"]
    assert urls == {"self": expected, **{name: f"{expected}/{name}" for name in ("result", "cancel", "retry")}}


@pytest.mark.parametrize(
    ("given", "begins"), [({}, ""), ({"WEBSITE_HOSTNAME": "toon.azurewebsites.net"}, "https://toon.azurewebsites.net")]
)
async def test_a_client_that_names_no_host_gets_links_that_work(
    app: Any, hub: FakeHub, given: dict[str, str], begins: str
) -> None:
    """HTTP/1.0 (RFC 9112, 3.2): the host puts such an address together without one."""
    settings(app, **given)
    sent = form({"prompt": "a mug"}, {"input_image": IMAGE})
    sent._HttpRequest__url = "http:///api/goods-gen/generate"
    answer = await user(generate.BY_KIND["goods"])(req=sent, client=hub)
    assert answer.headers["Location"] == f"{begins}/api/jobs/{body(answer)['id']}"


async def test_a_page_behind_the_public_address_may_call(app: Any, hub: FakeHub) -> None:
    settings(app, PUBLIC_BASE_URL="https://front.example/toon")
    assert (await post(hub, headers={"Origin": "https://front.example"})).status_code == 202
    assert (await post(hub, headers={"Origin": "https://other.example"})).status_code == 403
    settings(app)
    assert (await post(hub, headers={"Origin": "://"})).status_code == 403


# ---- pages of other sites ----

FOREIGN = [
    {"Origin": "https://evil.example"}, {"Origin": "null"}, {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "cross-site"}, {"Origin": "http://app.example"}, {"Origin": "https://app.example.evil.example"},
    {"Origin": "https://evil.app.example", "Sec-Fetch-Site": "same-site"}, {"Origin": "https://page.example/"},
]  # fmt: skip


@pytest.mark.parametrize("mode", ["none", "easyauth"])
@pytest.mark.parametrize("sent", FOREIGN)
async def test_a_form_of_another_site_starts_nothing(app: Any, hub: FakeHub, mode: str, sent: dict[str, str]) -> None:
    """It comes without a preflight, and with the cookies of whoever looks at that site."""
    settings(app, ALLOWED_ORIGINS="https://page.example", AUTH_MODE=mode)
    cookies = {"Cookie": "AppServiceAuthSession=x", "X-MS-CLIENT-PRINCIPAL-ID": "me"}
    answer = await post(hub, headers={**cookies, **sent})

    assert (answer.status_code, body(answer)["code"], body(answer)["charged"]) == (403, "forbidden", "no")
    assert (hub.started, app.blobs.images) == ([], {})
    for ask in (jobs.cancel_job, jobs.delete_job):
        gone = await user(ask)(req=request("DELETE", route={"id": "job_1"}, headers={**cookies, **sent}), client=hub)
        assert gone.status_code == 403


@pytest.mark.parametrize(
    "sent",
    [{}, {"Origin": "https://page.example"}, {"Origin": "https://page.example", "Sec-Fetch-Site": "cross-site"},
     {"Origin": "https://app.example"}, {"Origin": "http://app.example", "Sec-Fetch-Site": "same-origin"},
     {"Sec-Fetch-Site": "none"}],
)  # fmt: skip
async def test_pages_that_may_call_and_other_clients_are_let_in(app: Any, hub: FakeHub, sent: dict[str, str]) -> None:
    settings(app, ALLOWED_ORIGINS="https://page.example")
    assert (await post(hub, headers=sent)).status_code == 202


@pytest.mark.parametrize(
    "given",
    [{"PUBLIC_BASE_URL": "https://Front.Example.com"}, {"PUBLIC_BASE_URL": "HTTPS://front.example.com"},
     {"PUBLIC_BASE_URL": "https://front.example.com:443/img"}, {"ALLOWED_ORIGINS": "https://Front.Example.com"},
     {"ALLOWED_ORIGINS": "https://front.example.com:443"}],
)  # fmt: skip
async def test_an_origin_is_the_same_however_an_operator_spells_it(app: Any, hub: FakeHub, given: dict[str, str]) -> None:
    settings(app, **given)
    assert (await post(hub, headers={"Origin": "https://front.example.com"})).status_code == 202
    assert (await post(hub, headers={"Origin": "https://front.example.com.evil.example"})).status_code == 403


@pytest.mark.parametrize("origin", ["https://evil.example", "null"])
async def test_where_people_sign_in_no_list_lets_every_page_call(app: Any, hub: FakeHub, origin: str) -> None:
    settings(app, ALLOWED_ORIGINS="*,null", AUTH_MODE="easyauth", WEBSITE_AUTH_ENABLED="true")
    sent = {"Origin": origin, "X-MS-CLIENT-PRINCIPAL-ID": "me"}
    assert (await post(hub, headers=sent)).status_code == 403
    read = await raw(options.get_options)(req=request(headers=sent))
    assert "Access-Control-Allow-Origin" not in read.headers


@pytest.mark.parametrize("url", ["https://APP.example/api/x", "https://app.example:443/api/x"])
def test_a_page_of_this_host_is_known_however_its_name_came(app: Any, url: str) -> None:
    asked = func.HttpRequest("POST", url, headers={"Origin": "https://app.example"}, body=b"")
    assert not edge._is_foreign(asked)


@pytest.mark.parametrize("sent", FOREIGN)
async def test_reading_is_left_to_cors(app: Any, sent: dict[str, str]) -> None:
    settings(app, ALLOWED_ORIGINS="https://page.example")
    answer = await raw(options.get_options)(req=request(headers=sent))
    assert (answer.status_code, answer.headers.get("Access-Control-Allow-Origin")) == (200, None)


@pytest.mark.parametrize("principal", ["홍길동", "a\ud800", "a\x00b", "\u00a0", "a\tb"])
async def test_a_principal_that_the_platform_would_not_name_is_nobody(app: Any, hub: FakeHub, principal: str) -> None:
    sent = {"X-MS-CLIENT-PRINCIPAL-ID": principal}
    assert (await post(hub, headers=sent)).status_code == 202, "nobody signs in here, so it is no matter"
    settings(app, AUTH_MODE="easyauth")
    answers = [await post(hub, headers=sent), await get(hub, "job_0123456789abcdefghjkmnpqrs", headers=sent)]
    assert [(answer.status_code, body(answer)["code"]) for answer in answers] == [(401, "unauthorized")] * 2


@pytest.mark.parametrize("header", ["en;q=\ud800", "영어", "en;q=" + "9" * 30_000, "en" * 15_000, ",;q=;,=", "en;q=١"])
def test_any_wish_for_a_language_is_one_of_two(header: str) -> None:
    assert language(request(headers={"Accept-Language": header})) in ("ko", "en")
