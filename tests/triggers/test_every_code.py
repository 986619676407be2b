"""Every problem of the catalogue comes out of an HTTP function, as a problem document, in both languages.

PRODUCED says how to meet each: a new code needs a way to meet it, or this is red.
"""

import re
from collections.abc import Awaitable, Callable
from typing import Any

import azure.functions as func
import pytest

from shared import limits
from shared.domain.problem import CATALOGUE, Problem
from shared.providers.provider import ProviderError
from shared.storage.documents import Busy
from shared.storage.quota_store import QuotaStore
from tests.triggers import calls
from tests.triggers.calls import Clock, FakeHub, body, finish, form, new_job, picture, raw, request, user
from triggers import generate, health, jobs, no_route, retry, translate

HANGUL = re.compile(r"[가-힣]")


class World:
    """The app, and calls to it in one language."""

    def __init__(self, app: Any, hub: FakeHub, clock: Clock, generator: Any, monkeypatch: Any, language: str) -> None:
        self.app, self.hub, self.clock, self.generator, self.monkeypatch = app, hub, clock, generator, monkeypatch
        self.spoken = {"Accept-Language": language}

    async def post(self, files: dict[str, bytes] | None = None, headers: dict[str, str] | None = None, **fields: str) -> Any:
        sent = form({"prompt": "a mug", **fields}, files or {"input_image": calls.IMAGE}, {**self.spoken, **(headers or {})})
        return await user(generate.BY_KIND["goods"])(req=sent, client=self.hub)

    async def ask(self, function: Any, job_id: str, method: str = "GET") -> Any:
        return await user(function)(req=request(method, route={"id": job_id}, headers=self.spoken), client=self.hub)

    async def ended(self, *ends: dict[str, Any]) -> str:
        job_id = await new_job(self.hub)
        finish(self.app, self.hub, job_id, *ends)
        return job_id


async def _bad_key(w: World) -> Any:
    return await w.post(headers={"Idempotency-Key": "k" * 256})


async def _large(w: World) -> Any:
    calls.settings(w.app, MAX_UPLOAD_BYTES="1024")
    return await w.post()


async def _unusable(w: World) -> Any:
    w.monkeypatch.setattr(type(w.generator), "min_side_px", 2000)
    return await w.post()


async def _unsupported(w: World) -> Any:
    return await w.post({"input_image": b"%PDF-1.7 ..."})


async def _nobody(w: World) -> Any:
    calls.settings(w.app, AUTH_MODE="easyauth")
    return await w.post()


async def _foreign(w: World) -> Any:
    return await w.post(headers={"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"})


async def _no_job(w: World) -> Any:
    return await w.ask(jobs.get_job, "job_none")


async def _elsewhere(w: World) -> Any:
    return await raw(no_route.no_route)(req=request(path="/api/x", route={"rest": "x"}, headers=w.spoken))


async def _wrong_method(w: World) -> Any:
    return await raw(no_route.no_route)(req=request("PUT", "/api/options", route={"rest": "options"}, headers=w.spoken))


async def _deleted_key(w: World) -> Any:
    job_id = body(await w.post(headers={"Idempotency-Key": "k"}))["id"]
    finish(w.app, w.hub, job_id)
    await calls.delete(w.hub, job_id)
    return await w.post(headers={"Idempotency-Key": "k"})


async def _expired(w: World) -> Any:
    job_id = await w.ended()
    w.clock.pass_by(days=31)
    return await w.ask(jobs.get_job_result, job_id)


async def _early(w: World) -> Any:
    return await w.ask(jobs.get_job_result, await new_job(w.hub))


async def _late_cancel(w: World) -> Any:
    return await w.ask(jobs.cancel_job, await w.ended(), "POST")


async def _same_key(w: World) -> Any:
    job_id = body(await w.post(headers={"Idempotency-Key": "k"}))["id"]
    del w.app.blobs.documents[f"jobs/{job_id}/job.json"]
    answer = await w.post(headers={"Idempotency-Key": "k"})
    assert answer.headers["Retry-After"] == "2"
    return answer


async def _bad_field(w: World) -> Any:
    answer = await w.post(n="9", seed="x", colour="red", prompt=" ")
    told = {error["field"]: (error["code"], error["pointer"]) for error in body(answer)["errors"]}
    assert told == {
        "n": ("out_of_range", "#/n"), "seed": ("out_of_range", "#/seed"), "colour": ("unknown_field", "#/colour"),
        "prompt": ("required", "#/prompt"),
    }  # fmt: skip
    return answer


async def _other_request(w: World) -> Any:
    await w.post(headers={"Idempotency-Key": "k"})
    return await w.post(prompt="another", headers={"Idempotency-Key": "k"})


async def _too_many(w: World) -> Any:
    w.app.quotas = QuotaStore(w.app.documents, max_active=1, max_daily=None)
    await w.post()
    return await w.post()


async def _used_up(w: World) -> Any:
    w.app.quotas = QuotaStore(w.app.documents, max_active=None, max_daily=1)
    await w.post()
    return await w.post()


async def _no_key(w: World) -> Any:
    def missing() -> None:
        raise ProviderError(Problem("missing_api_key", params={"setting": "BFL_API_KEY", "setting_ko": "BFL_API_KEY가"}))

    w.monkeypatch.setattr(w.generator, "require_key", missing)
    return await w.post()


async def _busy(w: World) -> Any:
    def contended(*_: Any) -> None:
        raise Busy("owners/x.json")

    w.monkeypatch.setattr(limits, "admit", contended)
    return await w.post()


async def _paused(w: World) -> Any:
    w.app.gates.change("fake", lambda gate: gate.pause("?"))
    return await w.post()


async def _not_ready(w: World) -> Any:
    calls.settings(w.app, RETENTION_DAYS="soon")
    w.app.blobs.check = lambda: None
    w.monkeypatch.setattr(health, "_checks", health.Checks())
    answer = await user(health.health_ready)(req=request(headers=w.spoken), client=w.hub)
    assert body(answer)["checks"]["settings"]["status"] == "failed"
    return answer


async def _no_translator(w: World) -> Any:
    sent = request("POST", headers={**w.spoken, "Content-Type": "application/json"}, body='{"prompt": "영웅"}'.encode())
    return await raw(translate.BY_KIND["goods"])(req=sent)


async def _silent_translator(w: World) -> Any:
    def silent(text: str) -> Any:
        raise ProviderError(Problem("translator_unavailable"))

    w.monkeypatch.setattr(w.app.translator, "to_english", silent)
    return await _no_translator(w)


async def _broken(w: World) -> Any:
    calls.settings(w.app, POLL_MAX_ATTEMPTS="many")
    return await w.post()


def _in_job(code: str, **params: str) -> Callable[[World], Awaitable[Any]]:
    """Of what happens to a job: told in the job, and by its result."""

    async def met(w: World) -> Any:
        problem = Problem(code, params={"provider": "BFL.ai", **params})
        job_id = await w.ended(picture(0, "failed", ("free",), problem=problem.to_payload()))
        told = body(await w.ask(jobs.get_job, job_id))["error"]
        answer = await w.ask(jobs.get_job_result, job_id)
        assert {**body(answer), "instance": "", "request_id": ""} == {**told, "instance": "", "request_id": ""}
        return answer

    return met


async def _unfinished(w: World) -> Any:
    return await w.ask(retry.retry_job, await new_job(w.hub), "POST")


async def _without_inputs(w: World) -> Any:
    job_id = await w.ended()
    w.app.pictures.forget(job_id)
    return await w.ask(retry.retry_job, job_id, "POST")


async def _no_signing_key(w: World) -> Any:
    calls.settings(w.app, AUTH_MODE="easyauth", WEBHOOK_SIGNING_KEY="")
    w.app.__dict__.pop("secrets", None)
    return await w.post(headers={"X-MS-CLIENT-PRINCIPAL-ID": "me"}, webhook_url="https://example.com/told")


PRODUCED: dict[str, Callable[[World], Awaitable[func.HttpResponse]]] = {
    "invalid_request": _bad_key, "image_too_large": _large, "image_unusable": _unusable, "unsupported_image": _unsupported,
    "unauthorized": _nobody, "forbidden": _foreign, "job_not_found": _no_job, "not_found": _elsewhere,
    "method_not_allowed": _wrong_method, "job_deleted": _deleted_key, "result_expired": _expired, "result_not_ready": _early,
    "job_already_finished": _late_cancel, "idempotency_in_progress": _same_key, "validation_failed": _bad_field,
    "idempotency_key_reused": _other_request, "too_many_active_jobs": _too_many, "quota_exceeded": _used_up,
    "missing_api_key": _no_key, "busy": _busy, "intake_paused": _paused, "not_ready": _not_ready,
    "job_not_finished": _unfinished, "inputs_expired": _without_inputs, "webhooks_not_configured": _no_signing_key,
    "translator_not_configured": _no_translator, "translator_unavailable": _silent_translator, "internal": _broken,
    "content_moderated": _in_job("content_moderated", stage_ko="입력을", stage_en="the input"),
    "generation_timeout": _in_job("generation_timeout", limit_ko="2분", limit_en="2 minutes"),
    **{code: _in_job(code) for code in (
        "provider_unavailable", "provider_auth_failed", "provider_quota_exhausted", "provider_bad_response",
    )},
}  # fmt: skip


def test_there_is_a_way_to_meet_every_code() -> None:
    assert set(PRODUCED) == set(CATALOGUE)


@pytest.mark.parametrize("language", ["ko", "en"])
@pytest.mark.parametrize("code", sorted(CATALOGUE))
async def test_every_code_is_met_over_http_in_both_languages(
    app: Any, hub: FakeHub, clock: Clock, generator: Any, monkeypatch: Any, code: str, language: str
) -> None:
    answer = await PRODUCED[code](World(app, hub, clock, generator, monkeypatch, language))
    told = body(answer)
    assert (told["code"], answer.status_code, told["status"]) == (code, CATALOGUE[code].status, CATALOGUE[code].status)
    assert answer.mimetype == "application/problem+json"
    assert answer.headers["Content-Language"] == language
    assert told["title"] == getattr(CATALOGUE[code], f"title_{language}")
    assert bool(HANGUL.search(told["detail"])) == (language == "ko")
    assert not re.search(r"[{}]", told["detail"])
    assert told["type"] == f"https://app.example/api/problems/{code}"
    assert all(bool(HANGUL.search(error["message"])) == (language == "ko") for error in told["errors"])
