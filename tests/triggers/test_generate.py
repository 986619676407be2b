"""POST generate: what is refused, and what an accepted request stores, starts and answers."""

import json
from typing import Any

import pytest
import requests

from shared.domain.problem import Problem
from shared.providers.provider import ProviderError
from shared.storage.account import StorageNotConfigured
from shared.storage.image_names import prepared_name
from shared.storage.quota_store import QuotaStore
from tests import pictures
from tests.fakes import FakeGenerator
from tests.triggers.calls import (
    FakeHub,
    body,
    finish,
    form,
    picture,
    post,
    request,
    settings,
    user,
)
from triggers import generate


async def test_a_good_request_is_stored_started_and_answered_202(app: Any, hub: FakeHub) -> None:
    answer = await post(hub, {"seed": "5", "n": "2", "preset": "mug", "metadata": '{"episode":"12"}'})

    job = body(answer)
    assert (answer.status_code, job["status"], answer.headers["Location"]) == (202, "queued", job["urls"]["self"])
    ((name, instance_id, given),) = hub.started
    assert (name, instance_id) == ("generate_job", job["id"])
    assert [picture["seed"] for picture in given["pictures"]] == [5, 6]
    assert "a mug" not in json.dumps(given), "no prompt in the orchestration's input"
    assert list(app.blobs.images) == [prepared_name(job["id"], "input_image", "jpg")]
    assert job["metadata"] == {"episode": "12"}


async def test_prefer_wait_answers_with_the_finished_job(app: Any, hub: FakeHub) -> None:
    hub.then = lambda job_id: finish(app, hub, job_id)
    answer = await post(hub, headers={"Prefer": "respond-async, wait=5"})

    assert (answer.status_code, body(answer)["status"], body(answer)["progress"]) == (200, "succeeded", 100)
    assert answer.headers["Preference-Applied"] == "wait=5"


async def test_prefer_wait_that_runs_out_answers_202(app: Any, hub: FakeHub) -> None:
    assert (await post(hub, headers={"Prefer": "wait=1"})).status_code == 202


async def test_sync_responses_give_the_bytes_or_the_problem(app: Any, hub: FakeHub) -> None:
    settings(app, SYNC_RESPONSES="true")
    endings = [
        picture(),
        picture(state="failed", owes=("open",), problem=Problem("internal").to_payload()),
        picture(state="canceled", owes=("free",)),
    ]
    hub.then = lambda job_id: finish(app, hub, job_id, endings.pop(0))
    assert (await post(hub)).get_body() == b"png"
    failed = await post(hub)
    assert (failed.status_code, body(failed)["code"], bool(body(failed)["error"])) == (500, "internal", True)
    canceled = body(await post(hub))
    assert (body(failed)["charged"], canceled["code"], canceled["charged"]) == ("unknown", "result_not_ready", "no")


async def test_a_synchronous_request_that_runs_out_of_time_says_where_its_job_is(
    app: Any, hub: FakeHub, monkeypatch: Any
) -> None:
    settings(app, SYNC_RESPONSES="true")
    monkeypatch.setattr(generate, "SYNC_WAIT_SECONDS", 0)
    answers = [await post(hub, headers={"Idempotency-Key": "k"}) for _ in range(2)]

    for answer in answers:
        problem = body(answer)
        assert (problem["code"], problem["charged"], problem["retryable"]) == ("result_not_ready", "unknown", False)
        assert answer.headers["Location"] == f"https://app.example/api/jobs/{hub.started[0][1]}"
    assert [answer.headers.get("Idempotent-Replayed") for answer in answers] == [None, "true"]


async def test_a_missing_key_is_told_before_anything_is_stored(app: Any, hub: FakeHub, generator: Any, monkeypatch: Any) -> None:
    def missing() -> None:
        raise ProviderError(Problem("missing_api_key", params={"setting": "BFL_API_KEY", "setting_ko": "BFL_API_KEY가"}))

    monkeypatch.setattr(generator, "require_key", missing)
    answer = await post(hub, headers={"Accept-Language": "en"})

    assert (answer.status_code, body(answer)["code"]) == (503, "missing_api_key")
    assert "BFL_API_KEY is not set" in body(answer)["detail"]
    assert hub.started == []
    assert app.blobs.images == {}


async def test_a_broken_setting_stops_intake(app: Any, hub: FakeHub) -> None:
    settings(app, POLL_MAX_ATTEMPTS="many")
    answer = await post(hub)
    problem = body(answer)
    assert (answer.status_code, problem["code"], problem["retryable"]) == (500, "internal", False)
    assert [error["field"] for error in problem["errors"]] == ["POLL_MAX_ATTEMPTS"]
    assert hub.started == []


async def test_a_broken_setting_stops_only_what_needs_it(app: Any, hub: FakeHub) -> None:
    settings(app, TRANSLATOR_ENDPOINT="nonsense")
    assert (await post(hub)).status_code == 202


async def test_without_storage_its_setting_is_named(app: Any, hub: FakeHub, monkeypatch: Any) -> None:
    def missing(*_: Any) -> None:
        raise StorageNotConfigured("AzureWebJobsStorage")

    monkeypatch.setattr(app.blobs, "create_document", missing)
    problem = body(await post(hub, headers={"Idempotency-Key": "k"}))
    assert (problem["code"], problem["errors"][0]["field"]) == ("internal", "AzureWebJobsStorage")


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [
        (lambda: request("POST", body=b"{}", headers={"Content-Type": "application/json"}), 400, "invalid_request"),
        (lambda: form({}, {"nothing": b""}), 422, "validation_failed"),
        (lambda: form({"prompt": "x"}, {"input_image": b"text"}), 415, "unsupported_image"),
        (lambda: form({"prompt": "x"}, {"input_image": b"\xff\xd8\xff" + b"0" * 6_000_000}), 413, "image_too_large"),
        (lambda: request("POST", body=b"", headers={"Content-Type": "multipart/form-data; boundary=x"}), 400, "invalid_request"),
    ],
)
async def test_bad_forms_are_refused(app: Any, hub: FakeHub, sent: Any, status: int, code: str) -> None:
    answer = await user(generate.BY_KIND["goods"])(req=sent(), client=hub)

    assert (answer.status_code, body(answer)["code"]) == (status, code)
    assert answer.mimetype == "application/problem+json"


async def test_a_field_sent_twice_is_refused_by_name(app: Any, hub: FakeHub) -> None:
    prepared = requests.Request(
        "POST", "http://x", data=[("prompt", "a"), ("prompt", "b")], files={"input_image": b"x"}
    ).prepare()
    sent = request("POST", headers={"Content-Type": prepared.headers["Content-Type"]}, body=prepared.body)
    answer = await user(generate.BY_KIND["goods"])(req=sent, client=hub)

    assert body(answer)["errors"][0]["field"] == "prompt"


async def test_ppl_takes_two_images(app: Any, hub: FakeHub) -> None:
    image = pictures.photo_jpeg(99, 99)
    sent = form({"prompt": "x"}, {"input_image_1": image, "input_image_2": image})

    assert (await user(generate.BY_KIND["ppl"])(req=sent, client=hub)).status_code == 202


async def test_no_job_is_taken_in_while_its_provider_has_no_credit_or_is_paused(app: Any, hub: FakeHub) -> None:
    app.gates.change("fake", lambda gate: gate.stop("provider_quota_exhausted"))
    for spoken, words in (("ko", "잔액"), ("en", "credit")):
        answer = await post(hub, headers={"Accept-Language": spoken})
        assert (answer.status_code, body(answer)["code"], body(answer)["charged"]) == (503, "provider_quota_exhausted", "no")
        assert words in body(answer)["detail"]
    app.gates.change("fake", lambda gate: gate.document.update(stopped=None, paused={"reason": "maintenance"}))
    assert body(await post(hub))["code"] == "intake_paused"
    assert hub.started == []
    assert app.blobs.images == {}


async def test_ppl_has_another_provider_to_go_to_when_that_is_set(app: Any, hub: FakeHub) -> None:
    settings(app, PPL_MODELS="fake,other", PROVIDER_DOWN="fail")
    other = FakeGenerator()
    other.name = "other"
    app.generators["other"] = other
    app.gates.change("fake", lambda gate: gate.stop("provider_quota_exhausted"))
    image = pictures.photo_jpeg(300, 300)
    sent = form({"prompt": "x"}, {"input_image_1": image, "input_image_2": image})
    answer = await user(generate.BY_KIND["ppl"])(req=sent, client=hub)

    assert answer.status_code == 202
    ((_, _, given),) = hub.started
    assert [generator["name"] for generator in given["generators"]] == ["other"]
    assert given["limits"]["may_wait_when_down"] is False


async def test_an_owners_limits_are_told_and_a_replay_is_no_new_job(app: Any, hub: FakeHub) -> None:
    app.__dict__["quotas"] = QuotaStore(app.documents, 1, 2)
    first = await post(hub, headers={"Idempotency-Key": "one"})
    refused = await post(hub, headers={"Idempotency-Key": "two"})
    assert (refused.status_code, body(refused)["code"]) == (429, "too_many_active_jobs")
    assert refused.headers["Retry-After"]
    assert (await post(hub, headers={"Idempotency-Key": "one"})).headers["Idempotent-Replayed"] == "true"

    app.quotas.release("anonymous", body(first)["id"])
    # The key of a refused request is free at once.
    second = await post(hub, headers={"Idempotency-Key": "two"})
    assert second.status_code == 202
    app.quotas.release("anonymous", body(second)["id"])
    answer = await post(hub, headers={"Accept-Language": "en"})
    assert (answer.status_code, body(answer)["code"]) == (429, "quota_exceeded")
    assert "Today's quota of jobs is used up" in body(answer)["detail"]
    assert len(hub.started) == 2
