"""The HTTP functions called as the worker calls them, over fakes: what each answers, and what it starts."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import azure.durable_functions as df
import azure.functions as func
import pytest
import requests
from azure.core.exceptions import ServiceRequestError
from azure.durable_functions.models.PurgeHistoryResult import PurgeHistoryResult
from azure.functions.http import HttpRequest

from shared.domain.problem import Problem
from shared.providers.generator import ProviderError
from shared.services import use_services
from shared.settings import Settings
from shared.storage.account import StorageNotConfigured
from shared.storage.blob_store import Missing
from shared.storage.documents import Busy
from shared.storage.job_store import NoSuchJob
from shared.storage.quota_store import QuotaStore
from shared.translator import Translation
from shared.webhooks import Refused
from tests import pictures
from tests.fakes import HUB_TROUBLE, NO_INSTANCE, FakeGenerator, instance_status, make_services
from triggers import generate, health, housekeeping, jobs, options, translate, waiting, webhooks
from triggers.edge import endpoint, language, request_id

RUNTIME = df.OrchestrationRuntimeStatus


def Status(runtime: df.OrchestrationRuntimeStatus, custom_status: Any = None) -> Any:
    return instance_status(runtime.value, custom_status)


class FakeClient:
    """A durable client that lists what was started and raised; `statuses` are its instances."""

    def __init__(self) -> None:
        self.started: list[tuple[str, str, dict[str, Any]]] = []
        self.raised: list[tuple[str, str]] = []
        self.statuses: dict[str, Any] = {}
        self.on_start = Status(RUNTIME.Running)
        self.raises: Exception | None = None

    async def start_new(self, name: str, instance_id: str, client_input: dict[str, Any]) -> str:
        self.started.append((name, instance_id, client_input))
        self.statuses[instance_id] = self.on_start
        return instance_id

    async def get_status(self, instance_id: str) -> Any:
        return self.statuses.get(instance_id, NO_INSTANCE)

    async def raise_event(self, instance_id: str, name: str, data: Any) -> None:
        if self.raises or instance_id not in self.statuses:
            raise self.raises or RuntimeError("no such instance")
        self.raised.append((instance_id, name))


class FakeLinks:
    def sign(self, container: str, blob: str, content_disposition: str | None = None) -> tuple[str, datetime]:
        return f"https://store/{container}/{blob}?sig=x", datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def generator() -> FakeGenerator:
    return FakeGenerator()


@pytest.fixture
def app(generator: FakeGenerator) -> Any:
    made = make_services(generator)
    made.__dict__.update(links=FakeLinks(), generators={"replicate": generator, "bfl": generator, "fake": generator})
    use_services(made)
    yield made
    use_services(None)


@pytest.fixture
def client() -> FakeClient:
    return FakeClient()


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "LOOK_EVERY_SECONDS", 0.01)


def settings(app: Any, **values: str) -> None:
    app.settings = Settings.from_environ({"AzureWebJobsStorage": "UseDevelopmentStorage=true", **values})


def request(
    method: str = "GET", path: str = "/api/jobs", *, headers: dict[str, str] | None = None, params: dict[str, str] | None = None,
    route: dict[str, str] | None = None, body: bytes = b"",
) -> HttpRequest:  # fmt: skip
    return HttpRequest(
        method, f"https://app.example{path}", headers={k.lower(): v for k, v in (headers or {}).items()}, params=params or {},
        route_params=route or {}, body_type="bytes", body=body,
    )  # fmt: skip


def form(fields: dict[str, str], files: dict[str, bytes], headers: dict[str, str] | None = None) -> HttpRequest:
    prepared = requests.Request("POST", "http://x", data=fields, files={n: (n, d) for n, d in files.items()}).prepare()
    sent = {"Content-Type": prepared.headers["Content-Type"], **(headers or {})}
    return request("POST", "/api/goods-gen/generate", headers=sent, body=prepared.body)


def user(function: Any) -> Any:
    """The function behind the SDK's decorators."""
    return function._function.get_user_function().__wrapped__


def body(answer: func.HttpResponse) -> dict[str, Any]:
    return dict(json.loads(answer.get_body()))


async def post(
    client: FakeClient, fields: dict[str, str] | None = None, headers: dict[str, str] | None = None
) -> func.HttpResponse:
    sent = form({"prompt": "a mug", **(fields or {})}, {"input_image": pictures.photo_jpeg(300, 300)}, headers)
    return await user(generate.generate_goods)(req=sent, client=client)


async def get(client: FakeClient, job_id: str, **kwargs: Any) -> func.HttpResponse:
    return await user(jobs.get_job)(req=request(route={"id": job_id}, **kwargs), client=client)


def finish(app: Any, job_id: str, **changes: Any) -> None:
    ended = {
        "status": "succeeded", "completed_at": datetime.now(UTC).isoformat(), "started_at": datetime.now(UTC).isoformat(),
        "expires_at": (datetime.now(UTC) + timedelta(days=30)).isoformat(),
        "outputs": [{
            "index": 0, "blob": f"{job_id}/output/0.png", "thumbnail_blob": f"{job_id}/thumbnail/0.jpg",
            "content_type": "image/png",
            "width": 10, "height": 10, "bytes": 3, "sha256": "0", "seed": 1, "preset": None,
        }],
    }  # fmt: skip
    app.jobs.update(job_id, lambda job: job | ended | changes)
    app.blobs.put_image(f"{job_id}/output/0.png", b"png", "image/png")


async def test_a_good_request_is_stored_started_and_answered_202(app: Any, client: FakeClient) -> None:
    answer = await post(client, {"seed": "5", "n": "2", "preset": "mug", "metadata": '{"episode":"12"}'})

    job = body(answer)
    assert (answer.status_code, job["status"], answer.headers["Location"]) == (202, "queued", job["urls"]["self"])
    ((name, instance_id, given),) = client.started
    assert (name, instance_id) == ("generate_job", job["id"])
    assert [picture["seed"] for picture in given["pictures"]] == [5, 6]
    assert "a mug" not in json.dumps(given), "no prompt in the orchestration's input"
    assert f"{job['id']}/input/input_image.jpg" in app.blobs.images
    assert job["metadata"] == {"episode": "12"}


async def test_prefer_wait_answers_with_the_finished_job(app: Any, client: FakeClient, monkeypatch: Any) -> None:
    started = client.start_new

    async def start_and_finish(name: str, instance_id: str, client_input: dict[str, Any]) -> str:
        await started(name, instance_id, client_input)
        finish(app, instance_id)
        return instance_id

    monkeypatch.setattr(client, "start_new", start_and_finish)
    answer = await post(client, headers={"Prefer": "respond-async, wait=5"})

    assert (answer.status_code, body(answer)["status"], body(answer)["progress"]) == (200, "succeeded", 100)
    assert answer.headers["Preference-Applied"] == "wait=5"


async def test_prefer_wait_that_runs_out_answers_202(app: Any, client: FakeClient) -> None:
    assert (await post(client, headers={"Prefer": "wait=1"})).status_code == 202


async def test_sync_responses_give_the_bytes_or_the_problem(app: Any, client: FakeClient, monkeypatch: Any) -> None:
    settings(app, SYNC_RESPONSES="true")
    endings = [
        {},
        {"status": "failed", "outputs": [], "error": Problem("internal").to_payload()},
        {"status": "canceled", "outputs": []},
    ]
    started = client.start_new

    async def start_and_finish(name: str, instance_id: str, client_input: dict[str, Any]) -> str:
        await started(name, instance_id, client_input)
        finish(app, instance_id, **endings.pop(0))
        return instance_id

    monkeypatch.setattr(client, "start_new", start_and_finish)
    assert (await post(client)).get_body() == b"png"
    failed = await post(client)
    assert (failed.status_code, body(failed)["code"], bool(body(failed)["error"])) == (500, "internal", True)
    assert body(await post(client))["code"] == "result_not_ready"


async def test_an_idempotency_key_gives_the_same_job_once(app: Any, client: FakeClient) -> None:
    first = await post(client, headers={"Idempotency-Key": "k"})
    again = await post(client, headers={"Idempotency-Key": "k"})
    other = await post(client, {"prompt": "something else"}, headers={"Idempotency-Key": "k"})

    assert body(first)["id"] == body(again)["id"]
    assert again.headers["Idempotent-Replayed"] == "true"
    assert len(client.started) == 1
    assert (other.status_code, body(other)["code"]) == (422, "idempotency_key_reused")


async def test_a_key_whose_first_post_died_half_way_is_in_progress_and_later_free(app: Any, client: FakeClient) -> None:
    first = body(await post(client, headers={"Idempotency-Key": "k"}))
    del app.blobs.documents[f"jobs/{first['id']}/job.json"]
    assert body(await post(client, headers={"Idempotency-Key": "k"}))["code"] == "idempotency_in_progress"

    key_is_old(app)
    assert (await post(client, headers={"Idempotency-Key": "k"})).status_code == 202


def key_is_old(app: Any) -> None:
    (name,) = [n for n in app.blobs.documents if n.startswith("idempotency/")]
    document, etag = app.blobs.read_document(name)
    app.blobs.replace_document(name, document | {"at": (datetime.now(UTC) - timedelta(minutes=5)).isoformat()}, etag)


async def test_a_post_that_took_so_long_that_its_key_was_taken_over_starts_no_second_job(
    app: Any, client: FakeClient, monkeypatch: Any
) -> None:
    put, answers = app.blobs.put_image, []

    def slow(*args: Any) -> None:
        monkeypatch.setattr(app.blobs, "put_image", put)
        key_is_old(app)
        answers.append(asyncio.run(post(client, headers={"Idempotency-Key": "k"})))
        put(*args)

    monkeypatch.setattr(app.blobs, "put_image", slow)
    first = await post(client, headers={"Idempotency-Key": "k"})

    assert body(first)["id"] == body(answers[0])["id"]
    assert [answers[0].status_code, first.status_code] == [202, 202]
    assert len({instance_id for _, instance_id, _ in client.started}) == 1 == len(client.started)


async def test_a_repeated_request_gets_its_job_whatever_would_refuse_a_new_one(
    app: Any, client: FakeClient, generator: Any, monkeypatch: Any
) -> None:
    first = body(await post(client, headers={"Idempotency-Key": "k"}))

    def missing() -> None:
        raise ProviderError(Problem("missing_api_key", params={"setting": "BFL_API_KEY", "setting_ko": "BFL_API_KEY가"}))

    monkeypatch.setattr(generator, "require_key", missing)
    settings(app, POLL_MAX_ATTEMPTS="many")
    again = await post(client, headers={"Idempotency-Key": "k"})

    assert (again.status_code, body(again)["id"]) == (202, first["id"])
    assert body(await post(client))["code"] == "internal"


async def test_a_post_that_storage_failed_leaves_its_key_and_its_owners_limits_free(
    app: Any, client: FakeClient, monkeypatch: Any
) -> None:
    app.quotas = QuotaStore(app.documents, max_active=1, max_daily=1)
    put = app.blobs.put_image

    def failing(*args: Any) -> None:
        monkeypatch.setattr(app.blobs, "put_image", put)
        raise ServiceRequestError("no connection")

    monkeypatch.setattr(app.blobs, "put_image", failing)
    assert (await post(client, headers={"Idempotency-Key": "k"})).status_code == 500
    assert (await post(client, headers={"Idempotency-Key": "k"})).status_code == 202


async def test_trouble_with_a_limit_is_not_taken_for_another_post_with_the_key(
    app: Any, client: FakeClient, monkeypatch: Any
) -> None:
    def contended(*_: Any) -> None:
        raise Busy("owners/x.json")

    with monkeypatch.context() as busy:
        busy.setattr(app.quotas, "admit", contended)
        refused = await post(client, headers={"Idempotency-Key": "k"})
        assert (refused.status_code, body(refused)["code"], refused.headers["Retry-After"]) == (503, "busy", "5")
    assert client.started == []
    assert (await post(client, headers={"Idempotency-Key": "k"})).status_code == 202


async def test_a_key_has_at_most_255_characters(app: Any, client: FakeClient) -> None:
    assert (await post(client, headers={"Idempotency-Key": "k" * 255})).status_code == 202
    refused = await post(client, headers={"Idempotency-Key": "k" * 256})
    assert (refused.status_code, body(refused)["code"]) == (400, "invalid_request")


async def test_a_synchronous_request_that_runs_out_of_time_says_where_its_job_is(
    app: Any, client: FakeClient, monkeypatch: Any
) -> None:
    settings(app, SYNC_RESPONSES="true")
    monkeypatch.setattr(generate, "SYNC_WAIT_SECONDS", 0)
    answers = [await post(client, headers={"Idempotency-Key": "k"}) for _ in range(2)]

    for answer in answers:
        problem = body(answer)
        assert (problem["code"], problem["charged"], problem["retryable"]) == ("result_not_ready", "unknown", False)
        assert answer.headers["Location"] == f"https://app.example/api/jobs/{client.started[0][1]}"
    assert [answer.headers.get("Idempotent-Replayed") for answer in answers] == [None, "true"]


async def test_a_replay_starts_the_orchestration_that_a_dead_post_did_not(app: Any, client: FakeClient) -> None:
    first = body(await post(client, headers={"Idempotency-Key": "k"}))
    client.statuses.clear()
    await post(client, headers={"Idempotency-Key": "k"})

    assert [instance_id for _, instance_id, _ in client.started] == [first["id"]] * 2


async def test_a_missing_key_is_told_before_anything_is_stored(
    app: Any, client: FakeClient, generator: Any, monkeypatch: Any
) -> None:
    def missing() -> None:
        raise ProviderError(Problem("missing_api_key", params={"setting": "BFL_API_KEY", "setting_ko": "BFL_API_KEY가"}))

    monkeypatch.setattr(generator, "require_key", missing)
    answer = await post(client, headers={"Accept-Language": "en"})

    assert (answer.status_code, body(answer)["code"]) == (503, "missing_api_key")
    assert "BFL_API_KEY is not set" in body(answer)["detail"]
    assert client.started == []
    assert app.blobs.images == {}


async def test_a_broken_setting_stops_intake(app: Any, client: FakeClient) -> None:
    settings(app, POLL_MAX_ATTEMPTS="many")
    answer = await post(client)
    problem = body(answer)
    assert (answer.status_code, problem["code"], problem["retryable"]) == (500, "internal", False)
    assert [error["field"] for error in problem["errors"]] == ["POLL_MAX_ATTEMPTS"]
    assert client.started == []


async def test_a_broken_setting_stops_only_what_needs_it(app: Any, client: FakeClient) -> None:
    settings(app, TRANSLATOR_ENDPOINT="nonsense")
    assert (await post(client)).status_code == 202


async def test_without_storage_its_setting_is_named(app: Any, client: FakeClient, monkeypatch: Any) -> None:
    def missing(*_: Any) -> None:
        raise StorageNotConfigured("AzureWebJobsStorage")

    monkeypatch.setattr(app.blobs, "create_document", missing)
    problem = body(await post(client, headers={"Idempotency-Key": "k"}))
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
async def test_bad_forms_are_refused(app: Any, client: FakeClient, sent: Any, status: int, code: str) -> None:
    answer = await user(generate.generate_goods)(req=sent(), client=client)

    assert (answer.status_code, body(answer)["code"]) == (status, code)
    assert answer.mimetype == "application/problem+json"


async def test_a_field_sent_twice_is_refused_by_name(app: Any, client: FakeClient) -> None:
    prepared = requests.Request(
        "POST", "http://x", data=[("prompt", "a"), ("prompt", "b")], files={"input_image": b"x"}
    ).prepare()
    sent = request("POST", headers={"Content-Type": prepared.headers["Content-Type"]}, body=prepared.body)
    answer = await user(generate.generate_goods)(req=sent, client=client)

    assert body(answer)["errors"][0]["field"] == "prompt"


async def test_ppl_takes_two_images(app: Any, client: FakeClient) -> None:
    image = pictures.photo_jpeg(99, 99)
    sent = form({"prompt": "x"}, {"input_image_1": image, "input_image_2": image})

    assert (await user(generate.generate_ppl)(req=sent, client=client)).status_code == 202


async def test_a_running_job_shows_what_its_orchestration_says(app: Any, client: FakeClient) -> None:
    job_id = body(await post(client))["id"]
    client.statuses[job_id] = Status(
        RUNTIME.Running, {"stage": "generating", "progress": 60, "eta_seconds": 4, "started_at": None}
    )
    shown = body(await get(client, job_id))

    assert (shown["status"], shown["stage"], shown["progress"], shown["eta_seconds"]) == ("processing", "generating", 60, 4)


async def test_of_several_pictures_the_slowest_speaks(app: Any, client: FakeClient) -> None:
    job_id = body(await post(client, {"n": "2"}))["id"]
    client.statuses[job_id] = Status(RUNTIME.Running, {"stage": "generating", "progress": 30})
    for index, progress in enumerate((80, 45)):
        client.statuses[f"{job_id}-{index}"] = Status(RUNTIME.Running, {"stage": "generating", "progress": progress})

    assert body(await get(client, job_id))["progress"] == 45


@pytest.mark.parametrize("runtime", [RUNTIME.Failed, RUNTIME.Terminated, RUNTIME.Completed])
async def test_an_orchestration_that_ended_without_its_last_step_closes_the_job(
    app: Any, client: FakeClient, runtime: Any, caplog: Any
) -> None:
    caplog.set_level("INFO", logger="toonconnect")
    job_id = body(await post(client))["id"]
    client.statuses[job_id] = Status(runtime)
    shown = body(await get(client, job_id))
    await get(client, job_id)

    assert (shown["status"], shown["error"]["code"], shown["error"]["charged"]) == ("failed", "internal", "unknown")
    assert shown["expires_at"] > shown["completed_at"]
    assert [record.status for record in caplog.records if record.message == "job_ended"] == ["failed"]


async def test_a_job_that_was_never_started_is_closed_after_a_while(app: Any, client: FakeClient) -> None:
    job_id = body(await post(client))["id"]
    client.statuses.clear()
    assert body(await get(client, job_id))["status"] == "queued"

    old = (datetime.now(UTC) - timedelta(minutes=5)).isoformat()
    app.jobs.update(job_id, lambda job: job | {"created_at": old})
    assert body(await get(client, job_id))["status"] == "failed"


async def test_a_finished_job_has_fresh_links_and_an_etag_that_they_do_not_change(app: Any, client: FakeClient) -> None:
    job_id = body(await post(client))["id"]
    finish(app, job_id)
    answer = await get(client, job_id)
    again = await get(client, job_id, headers={"If-None-Match": answer.headers["ETag"]})

    assert body(answer)["outputs"][0]["url"].startswith("https://store/images/")
    assert again.status_code == 304


async def test_a_waiting_get_returns_as_soon_as_something_changes(app: Any, client: FakeClient, monkeypatch: Any) -> None:
    job_id = body(await post(client))["id"]
    looks = []

    async def changing(instance_id: str) -> Status:
        looks.append(instance_id)
        return Status(RUNTIME.Running, {"stage": "generating", "progress": 30 if len(looks) < 3 else 50})

    monkeypatch.setattr(client, "get_status", changing)
    assert body(await get(client, job_id, params={"wait": "30"}))["progress"] == 50


@pytest.mark.parametrize("wait", ["0", "31", "x", "-1"])
async def test_a_wait_out_of_range_is_refused(app: Any, client: FakeClient, wait: str) -> None:
    job_id = body(await post(client))["id"]
    assert (await get(client, job_id, params={"wait": wait})).status_code == 422


async def test_of_pictures_that_did_not_all_come_the_result_is_the_first_there_is(app: Any, client: FakeClient) -> None:
    job_id = body(await post(client, {"n": "2"}))["id"]
    finish(app, job_id)
    app.jobs.amend(job_id, lambda job: job | {"outputs": [job["outputs"][0] | {"index": 1}]})
    result = user(jobs.get_job_result)

    assert (await result(req=request(route={"id": job_id}), client=client)).status_code == 302
    assert (await result(req=request(route={"id": job_id}, params={"index": "0"}), client=client)).status_code == 422


async def test_a_canceled_jobs_result_is_not_worth_asking_for_again(app: Any, client: FakeClient) -> None:
    job_id = body(await post(client))["id"]
    finish(app, job_id, status="canceled", outputs=[])
    answer = await user(jobs.get_job_result)(req=request(route={"id": job_id}), client=client)
    assert (body(answer)["code"], body(answer)["retryable"]) == ("result_not_ready", False)


async def test_an_error_is_cached_for_its_language_only_and_names_the_request(app: Any, client: FakeClient) -> None:
    job_id = body(await post(client, headers={"X-Request-Id": "req-1"}))["id"]
    finish(app, job_id, status="failed", outputs=[], error=Problem("internal").to_payload())
    korean = await get(client, job_id)
    assert body(korean)["error"]["request_id"] == "req-1"

    etag = korean.headers["ETag"]
    assert (await get(client, job_id, headers={"If-None-Match": f'"other", {etag}'})).status_code == 304
    english = await get(client, job_id, headers={"If-None-Match": etag, "Accept-Language": "en"})
    assert (english.status_code, body(english)["error"]["title"]) == (200, "Internal error")


async def test_other_peoples_jobs_are_not_found(app: Any, client: FakeClient) -> None:
    settings(app, AUTH_MODE="easyauth")
    assert (await post(client)).status_code == 401
    job_id = body(await post(client, headers={"X-MS-CLIENT-PRINCIPAL-ID": "me"}))["id"]

    assert (await get(client, job_id, headers={"X-MS-CLIENT-PRINCIPAL-ID": "me"})).status_code == 200
    assert (await get(client, job_id, headers={"X-MS-CLIENT-PRINCIPAL-ID": "you"})).status_code == 404
    unknown = job_id[:-1] + ("0" if job_id[-1] != "0" else "1")
    assert [(await get(client, asked)).status_code for asked in (job_id, unknown)] == [401, 401]


async def result(client: FakeClient, job_id: str, **params: str) -> func.HttpResponse:
    return await user(jobs.get_job_result)(req=request(route={"id": job_id}, params=params), client=client)


async def test_a_result_is_a_redirect_the_bytes_or_the_reason_why_not(app: Any, client: FakeClient) -> None:
    job_id = body(await post(client))["id"]
    assert body(await result(client, job_id))["code"] == "result_not_ready"
    finish(app, job_id)
    assert (await result(client, job_id)).headers["Location"].startswith("https://store/")
    assert (await result(client, job_id, inline="1")).get_body() == b"png"
    assert (await result(client, job_id, index="3")).status_code == 422
    app.blobs.images.clear()
    assert (await result(client, job_id, inline="1")).status_code == 410


async def test_a_result_beyond_its_retention_is_gone_and_a_failed_jobs_is_its_error(app: Any, client: FakeClient) -> None:
    gone, failed = body(await post(client))["id"], body(await post(client))["id"]
    finish(app, gone, expires_at=(datetime.now(UTC) - timedelta(days=1)).isoformat())
    finish(app, failed, status="failed", outputs=[], error=Problem("generation_timeout").to_payload())

    assert (await result(client, gone)).status_code == 410
    assert (await result(client, failed)).status_code == 504


async def cancel(client: FakeClient, job_id: str) -> func.HttpResponse:
    return await user(jobs.cancel_job)(req=request("POST", route={"id": job_id}), client=client)


async def test_cancel_marks_the_job_and_wakes_every_picture(app: Any, client: FakeClient) -> None:
    job_id = body(await post(client, {"n": "2"}))["id"]
    client.statuses[f"{job_id}-1"] = Status(RUNTIME.Running)
    answer = await cancel(client, job_id)

    assert answer.status_code == 202
    assert app.jobs.read(job_id)["cancel_requested_at"]
    assert client.raised == [(f"{job_id}-1", "cancel")]


async def test_a_cancel_that_could_not_be_told_to_a_running_job_fails_so_that_it_is_asked_again(
    app: Any, client: FakeClient
) -> None:
    job_id = body(await post(client))["id"]
    client.raises = RuntimeError("hub away")

    assert (await cancel(client, job_id)).status_code == 500
    client.raises = None
    assert (await cancel(client, job_id)).status_code == 202
    assert client.raised == [(job_id, "cancel")]


async def test_trouble_of_the_hub_gives_up_no_job(app: Any, client: FakeClient) -> None:
    job_id = body(await post(client, headers={"Idempotency-Key": "k"}))["id"]
    app.jobs.update(job_id, lambda job: job | {"created_at": "2026-01-01T00:00:00+00:00"})
    client.statuses[job_id] = HUB_TROUBLE

    assert (await get(client, job_id)).status_code == 500
    await post(client, headers={"Idempotency-Key": "k"})
    assert len(client.started) == 1
    client.statuses[job_id] = Status(RUNTIME.Running)
    assert body(await get(client, job_id))["status"] in ("queued", "processing")


async def test_a_finished_job_cannot_be_canceled(app: Any, client: FakeClient) -> None:
    job_id = body(await post(client))["id"]
    finish(app, job_id)
    answer = await cancel(client, job_id)

    assert (answer.status_code, body(answer)["code"]) == (409, "job_already_finished")


async def test_options_name_presets_limits_and_generators(app: Any) -> None:
    answer = body(await raw(options.get_options)(req=request()))

    assert answer["n"] == {"min": 1, "max": 4, "default": 1}
    assert [generator["kind"] for generator in answer["generators"]] == ["ppl", "goods"]
    assert all(preset["name"]["ko"] for preset in answer["presets"])


def raw(function: Any) -> Any:
    return function._function.get_user_function()


async def test_health_is_200_while_the_process_lives(app: Any) -> None:
    assert body(await raw(health.health)(req=request())) == {"status": "ok"}


@pytest.fixture
def readiness(app: Any, monkeypatch: Any) -> Any:
    monkeypatch.setattr(health, "_account_checks", {})
    app.blobs.check = lambda: None

    async def ready(client: FakeClient) -> func.HttpResponse:
        return await user(health.health_ready)(req=request(), client=client)

    return ready


async def test_ready_when_every_part_is(app: Any, client: FakeClient, readiness: Any) -> None:
    answer = await readiness(client)

    assert (answer.status_code, body(answer)["status"]) == (200, "ready")
    assert await readiness(client), "the second answer uses the account checks of the first"


@pytest.mark.parametrize(
    ("code", "status", "told"),
    [
        ("provider_auth_failed", 503, "failed"),
        ("provider_quota_exhausted", 503, "failed"),
        ("provider_unavailable", 200, "degraded"),
    ],
)
async def test_ready_names_what_stands_in_the_way(
    app: Any, client: FakeClient, readiness: Any, generator: Any, monkeypatch: Any, code: str, status: int, told: str
) -> None:
    def refuse() -> None:
        raise ProviderError(Problem(code))

    monkeypatch.setattr(generator, "check_account", refuse)
    answer = await readiness(client)

    assert (answer.status_code, body(answer)["checks"]["provider_fake"]["status"]) == (status, told)


async def test_not_ready_without_storage_settings_or_hub(app: Any, client: FakeClient, readiness: Any, monkeypatch: Any) -> None:
    def away() -> None:
        raise ServiceRequestError("away")

    async def no_hub(instance_id: str) -> None:
        raise OSError

    app.blobs.check = away
    settings(app, RETENTION_DAYS="soon")
    monkeypatch.setattr(client, "get_status", no_hub)
    checks = body(await readiness(client))["checks"]

    assert [checks[part]["status"] for part in ("settings", "storage", "task_hub")] == ["failed"] * 3

    monkeypatch.undo()
    client.statuses["health-probe"] = HUB_TROUBLE
    assert body(await readiness(client))["checks"]["task_hub"] == {"status": "failed", "reason": "TaskHubUnavailable"}
    settings(app, RETENTION_DAYS="soon")
    checks = body(await readiness(client))["checks"]
    assert "RETENTION_DAYS" in checks["settings"]["problems"]


async def test_storage_that_does_not_answer_does_not_hold_the_probe(
    app: Any, client: FakeClient, readiness: Any, monkeypatch: Any
) -> None:
    import threading

    release = threading.Event()
    app.blobs.check = lambda: release.wait(5)
    monkeypatch.setattr(health, "_CHECK_SECONDS", 0.05)
    checks = body(await readiness(client))["checks"]
    release.set()

    assert checks["storage"] == {"status": "failed", "reason": "no answer"}


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


async def test_a_job_that_is_deleted_while_it_is_looked_at_is_not_found(app: Any, client: FakeClient, monkeypatch: Any) -> None:
    job_id = body(await post(client))["id"]
    app.jobs.update(job_id, lambda job: job | {"created_at": "2026-01-01T00:00:00+00:00"})
    client.statuses.clear()
    read = app.jobs.read

    def deleted_after(job_id: str) -> Any:
        document = read(job_id)
        app.jobs.delete(job_id)
        return document

    monkeypatch.setattr(app.jobs, "read", deleted_after)
    answer = await get(client, job_id)
    assert (answer.status_code, body(answer)["code"]) == (404, "job_not_found")


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


# ---- the gate, the provider's state, and what comes late ----


async def test_a_waiting_job_shows_its_place_and_when_its_picture_may_be_there(app: Any, client: FakeClient) -> None:
    app.gates._limits["fake"] = 1
    app.gates.change("fake", lambda gate: gate.enter("job_0/0", "i", "e"))
    job_id = body(await post(client, {"n": "2"}))["id"]
    for index in range(2):
        app.gates.change("fake", lambda gate, index=index: gate.enter(f"{job_id}/{index}", "i", "e"))
    client.statuses[job_id] = Status(RUNTIME.Running, {"stage": "waiting", "progress": 15, "provider": "fake"})

    job = body(await get(client, job_id))
    assert (job["status"], job["stage"], job["queue_position"]) == ("processing", "waiting", 1)
    # The second picture waits for two waves of 10 s and takes 10 s itself.
    assert job["eta_seconds"] == 30


async def test_no_job_is_taken_in_while_its_provider_has_no_credit_or_is_paused(app: Any, client: FakeClient) -> None:
    app.gates.change("fake", lambda gate: gate.stop("provider_quota_exhausted"))
    for spoken, words in (("ko", "잔액"), ("en", "credit")):
        answer = await post(client, headers={"Accept-Language": spoken})
        assert (answer.status_code, body(answer)["code"], body(answer)["charged"]) == (503, "provider_quota_exhausted", "no")
        assert words in body(answer)["detail"]
    app.gates.change("fake", lambda gate: gate.document.update(stopped=None, paused={"reason": "maintenance"}))
    assert body(await post(client))["code"] == "intake_paused"
    assert client.started == []
    assert app.blobs.images == {}


async def test_ppl_has_another_provider_to_go_to_when_that_is_set(app: Any, client: FakeClient) -> None:
    settings(app, PPL_FALLBACK="bfl", PROVIDER_DOWN="fail")
    other = FakeGenerator()
    other.name = "other"
    app.generators["bfl"] = other
    app.gates.change("fake", lambda gate: gate.stop("provider_quota_exhausted"))
    image = pictures.photo_jpeg(300, 300)
    sent = form({"prompt": "x"}, {"input_image_1": image, "input_image_2": image})
    answer = await user(generate.generate_ppl)(req=sent, client=client)

    assert answer.status_code == 202
    ((_, _, given),) = client.started
    assert [generator["name"] for generator in given["generators"]] == ["fake", "other"]
    assert given["limits"]["may_wait_when_down"] is False


async def test_a_job_that_has_ended_is_told_although_its_orchestration_watches_a_leftover(app: Any, client: FakeClient) -> None:
    job_id = body(await post(client))["id"]
    client.statuses[job_id] = Status(RUNTIME.Running, {"job_ended": True})
    assert body(await get(client, job_id))["status"] == "queued"
    finish(app, job_id, status="canceled", outputs=[], error=None)
    assert body(await get(client, job_id))["status"] == "canceled"


async def test_a_late_picture_of_a_canceled_or_failed_job_is_served(app: Any, client: FakeClient) -> None:
    for status, error in (("canceled", None), ("failed", Problem("generation_timeout").to_payload())):
        job_id = body(await post(client))["id"]
        finish(app, job_id, status=status, error=error)
        assert (await result(client, job_id)).status_code == 302


class Verifier:
    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.seen: list[bytes] = []

    def verify(self, headers: Any, body: bytes) -> None:
        self.seen.append(body)
        if self.error:
            raise self.error


async def webhook(app: Any, client: FakeClient, error: Exception | None = None, sent: bytes = b"{}", **params: str) -> Any:
    app.__dict__["webhooks"] = Verifier(error)
    asked = request("POST", "/api/webhooks/replicate", params=params, body=sent)
    return await user(webhooks.replicate_webhook)(req=asked, client=client)


JOB = "job_0123456789abcdefghjkmnpqrs"


async def test_a_signed_webhook_wakes_the_picture_it_names(app: Any, client: FakeClient) -> None:
    client.statuses = {JOB: Status(RUNTIME.Running), f"{JOB}-3": Status(RUNTIME.Running)}
    for instance in (JOB, f"{JOB}-3"):
        assert (await webhook(app, client, instance=instance, submission="2")).status_code == 204
    assert client.raised == [(JOB, "ended-2"), (f"{JOB}-3", "ended-2")]


@pytest.mark.parametrize(
    "params",
    [{}, {"instance": JOB}, {"instance": "x", "submission": "1"}, {"instance": JOB, "submission": "0"},
     {"instance": f"{JOB}-4", "submission": "1"}, {"instance": JOB, "submission": "1/../x"},
     {"instance": JOB, "submission": "1"}],
)  # fmt: skip
async def test_a_signed_webhook_for_nobody_is_answered_and_wakes_nobody(
    app: Any, client: FakeClient, params: dict[str, str]
) -> None:
    assert (await webhook(app, client, **params)).status_code == 204
    assert client.raised == []


async def test_a_webhook_that_is_not_signed_wakes_nobody(app: Any, client: FakeClient) -> None:
    client.statuses = {JOB: Status(RUNTIME.Running)}
    refused = await webhook(app, client, Refused("wrong signature"), instance=JOB, submission="1")
    assert (refused.status_code, body(refused)["code"]) == (401, "unauthorized")
    # Without the secret nobody can tell: Replicate tries again later.
    unknown = await webhook(app, client, ProviderError(Problem("provider_unavailable")), instance=JOB, submission="1")
    assert unknown.status_code == 503
    huge = await webhook(app, client, sent=b"x" * (webhooks.MAX_BODY_BYTES + 1), instance=JOB, submission="1")
    assert huge.status_code == 400
    assert client.raised == []


# ---- housekeeping ----


class Hub:
    """A durable client that answers as its HTTP API does, and remembers what it was asked."""

    def __init__(self, stuck: int) -> None:
        self.stuck = stuck
        self.asked: list[tuple[str, datetime, list[str]]] = []

    async def purge_instance_history_by(self, since: datetime, until: datetime, states: Any) -> Any:
        self.asked.append(("purge", until, [state.name for state in states]))
        return PurgeHistoryResult(7)

    async def get_status_by(self, since: datetime, until: datetime, states: Any) -> list[Any]:
        self.asked.append(("list", until, [state.name for state in states]))
        return [Status(RUNTIME.Running)] * self.stuck


async def test_what_has_ended_is_forgotten_after_the_retention_and_stuck_jobs_are_counted(app: Any, caplog: Any) -> None:
    settings(app, RETENTION_DAYS="10")
    now, hub = datetime(2026, 6, 30, tzinfo=UTC), Hub(stuck=2)
    with caplog.at_level("INFO", "toonconnect"):
        await housekeeping.tidy(hub, now)  # type: ignore[arg-type]

    (_, purged_until, purged), (_, listed_until, listed) = hub.asked
    assert (purged_until, listed_until) == (now - timedelta(days=10), now - housekeeping.STUCK_AFTER)
    assert not set(purged) & set(listed)
    (record,) = caplog.records
    assert (record.getMessage(), record.levelname, record.purged, record.stuck) == ("housekeeping", "WARNING", 7, 2)


# ---- limits per owner ----


async def test_an_owners_limits_are_told_and_a_replay_is_no_new_job(app: Any, client: FakeClient) -> None:
    app.__dict__["quotas"] = QuotaStore(app.documents, 1, 2)
    first = await post(client, headers={"Idempotency-Key": "one"})
    refused = await post(client, headers={"Idempotency-Key": "two"})
    assert (refused.status_code, body(refused)["code"]) == (429, "too_many_active_jobs")
    assert refused.headers["Retry-After"]
    assert (await post(client, headers={"Idempotency-Key": "one"})).headers["Idempotent-Replayed"] == "true"

    app.quotas.release("anonymous", body(first)["id"])
    # The key of a refused request is free at once.
    second = await post(client, headers={"Idempotency-Key": "two"})
    assert second.status_code == 202
    app.quotas.release("anonymous", body(second)["id"])
    answer = await post(client, headers={"Accept-Language": "en"})
    assert (answer.status_code, body(answer)["code"]) == (429, "quota_exceeded")
    assert "tomorrow" in body(answer)["detail"]
    assert len(client.started) == 2


# ---- translate ----


class Words:
    def to_english(self, text: str) -> Translation:
        return Translation(f"{text} in English", "ko")


async def translated(app: Any, sent: bytes) -> func.HttpResponse:
    app.__dict__["translator"] = Words()
    answers = [
        await raw(function)(req=request("POST", body=sent)) for function in (translate.translate_ppl, translate.translate_goods)
    ]
    assert answers[0].get_body() == answers[1].get_body() or answers[0].status_code >= 400
    return answers[0]


async def test_a_prompt_is_translated(app: Any) -> None:
    answer = await translated(app, '{"prompt": " 영웅 "}'.encode())
    assert body(answer) == {"translated_text": "영웅 in English", "detected_language": "ko"}


@pytest.mark.parametrize(
    ("sent", "code"),
    [(b"", "invalid_request"), (b"[]", "invalid_request"), (b"{}", "validation_failed"),
     (b'{"prompt": " "}', "validation_failed"), (b'{"prompt": 3}', "validation_failed"),
     (b'{"prompt": "' + b"x" * 2001 + b'"}', "validation_failed")],
)  # fmt: skip
async def test_what_is_no_prompt_is_not_translated(app: Any, sent: bytes, code: str) -> None:
    assert body(await translated(app, sent))["code"] == code


# ---- delete ----


class Forgetful(FakeClient):
    """A client that also terminates and purges; an instance that runs cannot be purged."""

    def __init__(self) -> None:
        super().__init__()
        self.refusals = 2

    async def terminate(self, instance_id: str, reason: str) -> None:
        """A message: the hub refuses to purge until it has been read."""

    async def purge_instance_history(self, instance_id: str) -> None:
        self.refusals -= 1
        if self.refusals >= 0:
            raise RuntimeError("412")
        self.statuses.pop(instance_id, None)


@pytest.fixture(autouse=True)
def quick_purges(monkeypatch: Any) -> None:
    monkeypatch.setattr(jobs, "_PURGE_DELAYS_SECONDS", (0.0,) * 5)


async def delete(client: FakeClient, job_id: str) -> func.HttpResponse:
    return await user(jobs.delete_job)(req=request("DELETE", route={"id": job_id}), client=client)


async def test_a_deleted_job_leaves_nothing_behind(app: Any) -> None:
    client = Forgetful()
    job_id, other = body(await post(client))["id"], body(await post(client))["id"]
    finish(app, job_id)
    assert (await delete(client, job_id)).status_code == 204

    assert [name for name in [*app.blobs.images, *app.blobs.documents] if job_id in name] == []
    assert [name for name in app.blobs.images if other in name]
    assert job_id not in client.statuses
    assert (await get(client, job_id)).status_code == 404
    assert (await delete(client, job_id)).status_code == 404


async def test_the_key_of_a_deleted_job_is_free_unless_it_is_another_jobs_by_now(app: Any) -> None:
    client = Forgetful()
    first = body(await post(client, headers={"Idempotency-Key": "k"}))["id"]
    key = app.jobs.read(first)["key"]
    finish(app, first)
    assert (await delete(client, first)).status_code == 204
    second = body(await post(client, headers={"Idempotency-Key": "k"}))["id"]
    assert second != first

    app.blobs.documents[key][0]["job_id"] = "job_of_another"
    finish(app, second)
    assert (await delete(client, second)).status_code == 204
    assert key in app.blobs.documents


async def test_a_running_job_is_canceled_before_it_is_deleted(app: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(jobs, "DELETE_WAIT_SECONDS", 0.05)
    client = Forgetful()
    job_id = body(await post(client))["id"]
    assert (await delete(client, job_id)).status_code == 204
    assert client.raised == [(job_id, "cancel")]
    assert client.statuses == {}
    assert app.jobs.read(job_id) is None


async def test_a_deleted_job_counts_no_more_among_its_owners(app: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(jobs, "DELETE_WAIT_SECONDS", 0.05)
    app.__dict__["quotas"] = QuotaStore(app.documents, 1, None)
    client = Forgetful()
    job_id = body(await post(client))["id"]
    assert body(await post(client))["code"] == "too_many_active_jobs"
    assert (await delete(client, job_id)).status_code == 204
    assert (await post(client)).status_code == 202


async def test_a_history_that_the_hub_will_not_forget_is_said_and_the_job_is_gone(app: Any, caplog: Any) -> None:
    client = Forgetful()
    client.refusals = 100
    job_id = body(await post(client))["id"]
    finish(app, job_id)
    assert (await delete(client, job_id)).status_code == 204
    assert app.jobs.read(job_id) is None
    assert "history_kept" in caplog.messages


async def test_nobody_deletes_the_jobs_of_others(app: Any) -> None:
    client = Forgetful()
    job_id = body(await post(client))["id"]
    app.jobs.update(job_id, lambda job: job | {"owner": "somebody else"})
    assert (await delete(client, job_id)).status_code == 404
    assert app.jobs.read(job_id) is not None
