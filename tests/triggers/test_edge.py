"""What every answer has: an error that is a problem document, the caller's language, CORS, a request id."""

from typing import Any

import pytest
from azure.core.exceptions import ServiceRequestError

from shared.storage.blob_store import Missing
from shared.storage.documents import Busy
from shared.storage.job_store import NoSuchJob
from tests.triggers.calls import (
    body,
    raw,
    request,
    settings,
)
from triggers import options
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


async def test_cors_is_answered_for_allowed_origins_only(app: Any) -> None:
    settings(app, ALLOWED_ORIGINS="https://page.example")
    preflight = await raw(options.get_options)(req=request("OPTIONS", headers={"Origin": "https://page.example"}))
    stranger = await raw(options.get_options)(req=request(headers={"Origin": "https://evil.example"}))

    assert preflight.headers["Access-Control-Allow-Origin"] == "https://page.example"
    assert "DELETE" in preflight.headers["Access-Control-Allow-Methods"]
    assert {"Authorization", "Idempotency-Key"} <= set(preflight.headers["Access-Control-Allow-Headers"].split(", "))
    assert "Access-Control-Allow-Origin" not in stranger.headers
    assert stranger.headers["Vary"] == "Origin, Accept-Language", "a shared copy is for this origin only"


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
