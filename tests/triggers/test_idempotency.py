"""POST generate with an Idempotency-Key: one job for it, whoever comes when."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

from azure.core.exceptions import ServiceRequestError

from shared.domain.problem import Problem
from shared.providers.provider import ProviderError
from shared.storage.documents import Busy
from shared.storage.quota_store import QuotaStore
from tests.triggers.calls import (
    FakeHub,
    body,
    finish,
    post,
    settings,
)


async def test_an_idempotency_key_gives_the_same_job_once(app: Any, hub: FakeHub) -> None:
    first = await post(hub, headers={"Idempotency-Key": "k"})
    again = await post(hub, headers={"Idempotency-Key": "k"})
    other = await post(hub, {"prompt": "something else"}, headers={"Idempotency-Key": "k"})

    assert body(first)["id"] == body(again)["id"]
    assert again.headers["Idempotent-Replayed"] == "true"
    assert len(hub.started) == 1
    assert (other.status_code, body(other)["code"]) == (422, "idempotency_key_reused")


async def test_a_key_whose_first_post_died_half_way_is_in_progress_and_later_free(app: Any, hub: FakeHub) -> None:
    first = body(await post(hub, headers={"Idempotency-Key": "k"}))
    del app.blobs.documents[f"jobs/{first['id']}/job.json"]
    busy = body(await post(hub, headers={"Idempotency-Key": "k"}))
    assert (busy["code"], busy["charged"]) == ("idempotency_in_progress", "unknown")

    key_is_old(app)
    assert (await post(hub, headers={"Idempotency-Key": "k"})).status_code == 202


def key_is_old(app: Any) -> None:
    (name,) = [n for n in app.blobs.documents if n.startswith("idempotency/")]
    document, etag = app.blobs.read_document(name)
    app.blobs.replace_document(name, document | {"at": (datetime.now(UTC) - timedelta(minutes=5)).isoformat()}, etag)


async def test_a_post_that_took_so_long_that_its_key_was_taken_over_starts_no_second_job(
    app: Any, hub: FakeHub, monkeypatch: Any
) -> None:
    put, answers = app.blobs.put_image, []

    def slow(*args: Any) -> None:
        monkeypatch.setattr(app.blobs, "put_image", put)
        key_is_old(app)
        answers.append(asyncio.run(post(hub, headers={"Idempotency-Key": "k"})))
        put(*args)

    monkeypatch.setattr(app.blobs, "put_image", slow)
    first = await post(hub, headers={"Idempotency-Key": "k"})

    assert body(first)["id"] == body(answers[0])["id"]
    assert [answers[0].status_code, first.status_code] == [202, 202]
    assert len({instance_id for _, instance_id, _ in hub.started}) == 1 == len(hub.started)


async def test_a_repeated_request_gets_its_job_whatever_would_refuse_a_new_one(
    app: Any, hub: FakeHub, generator: Any, monkeypatch: Any
) -> None:
    first = body(await post(hub, headers={"Idempotency-Key": "k"}))

    def missing() -> None:
        raise ProviderError(Problem("missing_api_key", params={"setting": "BFL_API_KEY", "setting_ko": "BFL_API_KEY가"}))

    monkeypatch.setattr(generator, "require_key", missing)
    settings(app, POLL_MAX_ATTEMPTS="many")
    again = await post(hub, headers={"Idempotency-Key": "k"})

    assert (again.status_code, body(again)["id"]) == (202, first["id"])
    assert body(await post(hub))["code"] == "internal"


def bounds_are_raised(monkeypatch: Any, generator: Any) -> None:
    """As a deployment may do."""
    monkeypatch.setattr(type(generator), "min_side_px", 2000)


async def test_a_repeated_request_gets_its_job_whatever_images_are_refused_for_by_now(
    app: Any, hub: FakeHub, generator: Any, monkeypatch: Any
) -> None:
    first = body(await post(hub, headers={"Idempotency-Key": "k"}))
    bounds_are_raised(monkeypatch, generator)
    again = await post(hub, headers={"Idempotency-Key": "k"})

    assert (again.status_code, body(again).get("id")) == (202, first["id"])
    assert again.headers["Idempotent-Replayed"] == "true"
    assert body(await post(hub))["code"] == "image_unusable"


async def test_what_else_its_key_says_comes_before_its_image_too(
    app: Any, hub: FakeHub, generator: Any, monkeypatch: Any
) -> None:
    first = body(await post(hub, headers={"Idempotency-Key": "k"}))
    bounds_are_raised(monkeypatch, generator)
    other = body(await post(hub, {"prompt": "other"}, {"Idempotency-Key": "k"}))
    del app.blobs.documents[f"jobs/{first['id']}/job.json"]
    going_on = body(await post(hub, headers={"Idempotency-Key": "k"}))
    key_is_old(app)
    died = body(await post(hub, headers={"Idempotency-Key": "k"}))

    assert [other["code"], going_on["code"], going_on["charged"]] == [
        "idempotency_key_reused", "idempotency_in_progress", "unknown",
    ]  # fmt: skip
    assert died["code"] == "image_unusable"


async def test_a_key_whose_day_is_over_says_nothing_of_an_image(app: Any, hub: FakeHub, generator: Any, monkeypatch: Any) -> None:
    await post(hub, headers={"Idempotency-Key": "k"})
    bounds_are_raised(monkeypatch, generator)
    app.keys._clock = lambda: datetime.now(UTC) + timedelta(hours=25)
    assert body(await post(hub, headers={"Idempotency-Key": "k"}))["code"] == "image_unusable"


async def test_a_refused_image_leaves_its_key_free_for_another_one(
    app: Any, hub: FakeHub, generator: Any, monkeypatch: Any
) -> None:
    with monkeypatch.context() as strict:
        bounds_are_raised(strict, generator)
        assert body(await post(hub, headers={"Idempotency-Key": "k"}))["code"] == "image_unusable"
    assert not [name for name in app.blobs.documents if name.startswith("idempotency/")]
    assert (await post(hub, {"prompt": "other"}, {"Idempotency-Key": "k"})).status_code == 202


async def test_a_post_that_storage_failed_leaves_its_key_and_its_owners_limits_free(
    app: Any, hub: FakeHub, monkeypatch: Any
) -> None:
    app.quotas = QuotaStore(app.documents, max_active=1, max_daily=1)
    put = app.blobs.put_image

    def failing(*args: Any) -> None:
        monkeypatch.setattr(app.blobs, "put_image", put)
        raise ServiceRequestError("no connection")

    monkeypatch.setattr(app.blobs, "put_image", failing)
    assert (await post(hub, headers={"Idempotency-Key": "k"})).status_code == 500
    assert (await post(hub, headers={"Idempotency-Key": "k"})).status_code == 202


async def test_trouble_with_a_limit_is_not_taken_for_another_post_with_the_key(app: Any, hub: FakeHub, monkeypatch: Any) -> None:
    app.__dict__["quotas"] = QuotaStore(app.documents, 1, 5, app.now)

    def contended(*_: Any) -> None:
        raise Busy("owners/x.json")

    with monkeypatch.context() as busy:
        busy.setattr(app.quotas, "admit", contended)
        refused = await post(hub, headers={"Idempotency-Key": "k"})
        assert (refused.status_code, body(refused)["code"], refused.headers["Retry-After"]) == (503, "busy", "5")
    assert hub.started == []
    assert (await post(hub, headers={"Idempotency-Key": "k"})).status_code == 202


async def test_a_repeated_request_that_fails_on_the_way_does_not_say_that_its_job_cost_nothing(
    app: Any, hub: FakeHub, monkeypatch: Any
) -> None:
    finish(app, hub, body(await post(hub, headers={"Idempotency-Key": "k"}))["id"])

    def away(*_: Any) -> None:
        raise ServiceRequestError("no connection")

    for name in ("read_document", "create_document"):
        monkeypatch.setattr(app.blobs, name, away)
    told = body(await post(hub, headers={"Idempotency-Key": "k"}))
    assert (told["code"], told["charged"]) == ("internal", "unknown")
    monkeypatch.setattr(app.keys, "take", lambda *_: busy())
    told = body(await post(hub, headers={"Idempotency-Key": "k"}))
    assert (told["code"], told["charged"]) == ("busy", "unknown")


def busy() -> None:
    raise Busy("idempotency/k.json")


async def test_the_key_of_a_refused_post_is_free_for_another_request(app: Any, hub: FakeHub) -> None:
    settings(app, MAX_ACTIVE_JOBS_PER_OWNER="1")
    app.__dict__["quotas"] = QuotaStore(app.documents, 1, None, app.now)
    first = body(await post(hub))["id"]
    refused = await post(hub, {"prompt": "one"}, {"Idempotency-Key": "k"})
    assert (refused.status_code, body(refused)["charged"]) == (429, "no")
    finish(app, hub, first)

    taken = await post(hub, {"prompt": "two"}, {"Idempotency-Key": "k"})
    assert taken.status_code == 202
    again = await post(hub, {"prompt": "two"}, {"Idempotency-Key": "k"})
    assert body(again)["id"] == body(taken)["id"]
    assert body(await post(hub, {"prompt": "one"}, {"Idempotency-Key": "k"}))["code"] == "idempotency_key_reused"


async def test_the_key_of_a_post_that_may_have_left_a_job_stays_that_jobs(app: Any, hub: FakeHub, monkeypatch: Any) -> None:
    create, read = app.blobs.create_document, app.blobs.read_document

    def made_and_unknown(name: str, *args: Any) -> Any:
        done = create(name, *args)
        if not name.startswith("jobs/"):
            return done
        monkeypatch.setattr(app.blobs, "read_document", away)
        raise ServiceRequestError("the answer was lost")

    def away(name: str, *args: Any) -> Any:
        if name.startswith("jobs/"):
            raise ServiceRequestError("no connection")
        return read(name, *args)

    monkeypatch.setattr(app.blobs, "create_document", made_and_unknown)
    assert body(await post(hub, headers={"Idempotency-Key": "k"}))["charged"] == "unknown"
    monkeypatch.undo()
    again = await post(hub, headers={"Idempotency-Key": "k"})

    assert (again.status_code, again.headers["Idempotent-Replayed"]) == (202, "true")
    assert len([name for name in app.blobs.documents if name.endswith("/job.json")]) == 1


async def test_a_key_has_at_most_255_characters(app: Any, hub: FakeHub) -> None:
    assert (await post(hub, headers={"Idempotency-Key": "k" * 255})).status_code == 202
    refused = await post(hub, headers={"Idempotency-Key": "k" * 256})
    assert (refused.status_code, body(refused)["code"]) == (400, "invalid_request")


async def test_a_replay_starts_the_orchestration_that_a_dead_post_did_not(app: Any, hub: FakeHub) -> None:
    first = body(await post(hub, headers={"Idempotency-Key": "k"}))
    hub.statuses.clear()
    await post(hub, headers={"Idempotency-Key": "k"})

    assert [instance_id for _, instance_id, _ in hub.started] == [first["id"]] * 2
