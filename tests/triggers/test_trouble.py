"""POST generate on bad days: once a job exists no answer says that it cost nothing, and of one that does not nothing is left."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from azure.core.exceptions import ServiceRequestError

from shared.domain.problem import Problem
from shared.storage.documents import Busy
from shared.storage.quota_store import QuotaStore
from tests.triggers.calls import (
    RUNTIME,
    Clock,
    FakeHub,
    Status,
    body,
    cancel,
    finish,
    get,
    picture,
    post,
    settings,
)
from triggers import generate, housekeeping

KEY = {"Idempotency-Key": "k"}


def located(answer: Any, hub: FakeHub) -> bool:
    """It says where the one job is."""
    (job_id,) = set(hub.started_jobs)
    return bool(answer.headers["Location"] == f"https://app.example/api/jobs/{job_id}")


# ---- the start ----


async def test_a_start_whose_answer_was_lost_is_a_start(app: Any, hub: FakeHub) -> None:
    hub.lost = {"start_new"}
    answer = await post(hub)
    assert (answer.status_code, body(answer)["status"]) == (202, "queued")
    assert located(answer, hub)
    assert len(hub.started) == 1, "the hub was asked before it was tried again"


async def test_a_start_that_another_post_with_the_key_was_quicker_with_is_a_start(app: Any, hub: FakeHub) -> None:
    start = hub.start_new

    async def slow(name: str, instance_id: str, client_input: Any) -> Any:
        hub.start_new = start  # type: ignore[method-assign]
        other = await post(hub, headers=KEY)
        assert (other.status_code, body(other)["id"]) == (202, instance_id)
        return await start(name, instance_id, client_input)

    hub.start_new = slow  # type: ignore[method-assign]
    answer = await post(hub, headers=KEY)
    assert answer.status_code == 202
    assert located(answer, hub)
    assert len(hub.started) == 1


async def test_a_hub_that_is_away_at_the_start_takes_nothing_from_the_user(app: Any, hub: FakeHub, clock: Clock) -> None:
    hub.is_away()
    answer = await post(hub)
    job_id = body(answer)["id"]
    assert (answer.status_code, answer.headers["Location"]) == (202, f"https://app.example/api/jobs/{job_id}")
    assert body(answer)["usage"]["settled"] is False
    assert answer.headers["Retry-After"]

    hub.is_back()
    clock.pass_by(minutes=5)
    await housekeeping.tidy(hub, app.now())  # type: ignore[arg-type]
    assert hub.started_jobs == [job_id]


async def test_a_replay_while_the_hub_is_away_is_answered_with_its_job(app: Any, hub: FakeHub) -> None:
    first = await post(hub, headers=KEY)
    hub.is_away()
    again = await post(hub, headers=KEY)
    assert (again.status_code, body(again)["id"]) == (202, body(first)["id"])
    assert (again.headers["Idempotent-Replayed"], located(again, hub)) == ("true", True)


# ---- the wait ----


def broken_reads(app: Any, monkeypatch: Any, error: Exception) -> Callable[[str], None]:
    """From the start of the orchestration on, jobs cannot be read."""

    def fail(*_: Any) -> None:
        raise error

    return lambda _: monkeypatch.setattr(app.jobs, "read", fail)


@pytest.mark.parametrize("error", [ServiceRequestError("no connection"), Busy("x"), OSError("reset"), ValueError("bug")])
async def test_an_error_of_the_wait_is_a_202_with_the_job(app: Any, hub: FakeHub, monkeypatch: Any, error: Exception) -> None:
    hub.then = broken_reads(app, monkeypatch, error)
    answer = await post(hub, headers={"Prefer": "wait=5"})
    assert (answer.status_code, body(answer)["status"]) == (202, "queued")
    assert located(answer, hub)
    assert answer.headers["Retry-After"]


async def test_the_same_of_a_synchronous_request_is_a_problem_that_does_not_say_no(
    app: Any, hub: FakeHub, monkeypatch: Any
) -> None:
    settings(app, SYNC_RESPONSES="true")
    hub.then = broken_reads(app, monkeypatch, ServiceRequestError("no connection"))
    answer = await post(hub)
    problem = body(answer)
    assert (problem["code"], problem["charged"], problem["retryable"]) == ("result_not_ready", "unknown", False)
    assert problem["error"], "the old page reads it"
    assert located(answer, hub)


async def test_a_hub_that_is_away_during_the_wait_is_no_error_either(app: Any, hub: FakeHub) -> None:
    hub.then = lambda _: hub.is_away()
    answer = await post(hub, headers={"Prefer": "wait=1"})
    assert answer.status_code == 202
    assert located(answer, hub)


# ---- a look ----


async def test_a_job_is_shown_as_it_is_stored_while_the_hub_gives_no_answer(app: Any, hub: FakeHub, caplog: Any) -> None:
    job_id = body(await post(hub))["id"]
    hub.is_away("get_status")
    shown = await get(hub, job_id)
    (told,) = [record for record in caplog.records if record.message == "hub_silent"]
    assert (told.job_id, told.reason) == (job_id, "HubAway"), "what its client raised"
    assert (shown.status_code, body(shown)["status"], len(hub.started)) == (200, "queued", 1)
    assert shown.headers["Retry-After"]


async def test_a_job_that_runs_does_not_go_back_while_the_hub_gives_no_answer(app: Any, hub: FakeHub, clock: Clock) -> None:
    job_id = body(await post(hub))["id"]
    hub.statuses[job_id] = Status(RUNTIME.Running, {"stage": "generating", "progress": 65, "sends": []})
    before = await get(hub, job_id)
    hub.is_away("get_status")
    during = await get(hub, job_id)

    told = [(body(answer)["status"], body(answer)["stage"], body(answer)["progress"]) for answer in (before, during)]
    assert told == [("processing", "generating", 65)] * 2
    assert during.headers["ETag"] == before.headers["ETag"], "no news: who waits for it goes on waiting"
    clock.pass_by(minutes=2)
    assert body(await get(hub, job_id))["status"] == "queued", "what was told long ago is not known any more"


async def test_the_end_of_a_job_is_seen_whatever_the_hub_does(app: Any, hub: FakeHub, monkeypatch: Any) -> None:
    job_id = body(await post(hub))["id"]
    hub.is_away("get_status")
    read = app.jobs.read

    def ends_after_a_look(asked: str) -> Any:
        known = read(asked)
        finish(app, hub, job_id)
        return known

    monkeypatch.setattr(app.jobs, "read", ends_after_a_look)
    assert body(await get(hub, job_id))["status"] == "succeeded"


async def test_a_cancel_that_the_hub_did_not_hear_is_to_be_sent_again(app: Any, hub: FakeHub, caplog: Any) -> None:
    job_id = body(await post(hub))["id"]
    hub.is_away("get_status")
    answer = await cancel(hub, job_id)
    assert (answer.status_code, body(answer)["code"], body(answer)["charged"]) == (503, "busy", "unknown")
    # A look at the job comes first, and is silent about as much.
    told = [record for record in caplog.records if record.message == "hub_silent"][-1]
    assert (told.request_id, told.reason) == (body(answer)["request_id"], "HubAway"), "what its client raised"
    assert answer.headers["Retry-After"] == "5"
    assert app.jobs.read(job_id)["cancel_requested_at"], "it stops what is not sent yet, whatever the hub says"


@pytest.mark.parametrize("is_synchronous", [False, True])
async def test_links_that_cannot_be_signed_do_not_make_an_ended_job_free(
    app: Any, hub: FakeHub, monkeypatch: Any, is_synchronous: bool
) -> None:
    job_id = body(await post(hub, headers=KEY))["id"]
    finish(app, hub, job_id)

    def away(*_: Any, **__: Any) -> None:
        raise ServiceRequestError("no connection")

    monkeypatch.setattr(app.links, "sign", away)
    monkeypatch.setattr(app.blobs, "get_image", away)
    settings(app, **({"SYNC_RESPONSES": "true"} if is_synchronous else {}))
    answer = await post(hub, headers=KEY)
    assert answer.status_code >= 400
    assert body(answer)["charged"] == "yes"
    assert located(answer, hub)
    assert len(hub.started) == 1

    looked_at = await get(hub, job_id)
    assert (looked_at.status_code, body(looked_at)["charged"]) == (500, "unknown")


# ---- the create ----


class Trouble:
    """A write that fails, after it was done or instead of it."""

    def __init__(self, write: Any, *, is_done: bool, only: str = "") -> None:
        self.write, self.is_done, self.only, self.failed = write, is_done, only, 0

    def __call__(self, name: str, *args: Any, **kwargs: Any) -> Any:
        if self.only not in name or self.failed:
            return self.write(name, *args, **kwargs)
        self.failed += 1
        if self.is_done:
            self.write(name, *args, **kwargs)
        raise ServiceRequestError("no connection")


def owner_of(app: Any) -> dict[str, Any]:
    ((document, _),) = [kept for name, kept in app.blobs.documents.items() if name.startswith("owners/")]
    return dict(document)


@pytest.mark.parametrize("method", ["put_image", "create_document"])
@pytest.mark.parametrize(("headers", "charged"), [(KEY, "unknown"), ({}, "no")])
async def test_a_create_that_failed_leaves_nothing_behind(
    app: Any, hub: FakeHub, monkeypatch: Any, method: str, headers: dict[str, str], charged: str
) -> None:
    app.__dict__["quotas"] = QuotaStore(app.documents, 1, 5, app.now)
    only = "jobs/" if method == "create_document" else ""
    monkeypatch.setattr(app.blobs, method, Trouble(getattr(app.blobs, method), is_done=False, only=only))
    answer = await post(hub, headers=headers)

    assert (answer.status_code, body(answer)["code"], body(answer)["charged"]) == (500, "internal", charged)
    assert (hub.started, app.blobs.images) == ([], {})
    assert [name for name in app.blobs.documents if name.startswith("jobs/")] == []
    assert (owner_of(app)["active"], owner_of(app)["started"]) == ({}, 0)
    assert (await post(hub, headers=headers)).status_code == 202, "the key is free"


async def test_a_create_whose_answer_was_lost_is_a_create(app: Any, hub: FakeHub, monkeypatch: Any) -> None:
    """A repeated POST may have found the job and started it: nobody takes it away again."""
    app.__dict__["quotas"] = QuotaStore(app.documents, 1, 5, app.now)
    monkeypatch.setattr(app.blobs, "create_document", Trouble(app.blobs.create_document, is_done=True, only="jobs/"))
    answer = await post(hub, headers=KEY)
    assert answer.status_code == 202
    assert located(answer, hub)
    assert list(owner_of(app)["active"]) == hub.started_jobs


async def test_a_create_of_which_nothing_can_be_found_out_does_not_say_no(app: Any, hub: FakeHub, monkeypatch: Any) -> None:
    create = app.blobs.create_document

    def away(name: str, *args: Any) -> Any:
        if not name.startswith("jobs/"):
            return create(name, *args)
        monkeypatch.setattr(app.blobs, "read_document", lambda *_: (_ for _ in ()).throw(ServiceRequestError("no connection")))
        raise ServiceRequestError("no connection")

    monkeypatch.setattr(app.blobs, "create_document", away)
    answer = await post(hub)
    assert (answer.status_code, body(answer)["code"], body(answer)["charged"]) == (500, "internal", "unknown")
    assert hub.started == []


@pytest.mark.parametrize("is_done", [False, True])
async def test_a_count_that_failed_does_not_stay_behind(app: Any, hub: FakeHub, monkeypatch: Any, is_done: bool) -> None:
    app.__dict__["quotas"] = QuotaStore(app.documents, 1, 5, app.now)
    assert (await post(hub)).status_code == 202
    app.quotas.release("anonymous", hub.started_jobs[0])
    trouble = Trouble(app.blobs.replace_document, is_done=is_done, only="owners/")
    monkeypatch.setattr(app.blobs, "replace_document", trouble)
    assert (await post(hub)).status_code == 500
    assert trouble.failed == 1
    assert (owner_of(app)["active"], owner_of(app)["started"]) == ({}, 1)


@pytest.mark.parametrize("is_small", [True, False])
async def test_a_slow_post_that_fails_in_the_end_takes_no_job_from_the_one_that_has_its_key(
    app: Any, hub: FakeHub, clock: Clock, monkeypatch: Any, is_small: bool
) -> None:
    """The other one made the job, and it runs. Small images are prepared by then, and both POSTs write the same."""
    if not is_small:
        monkeypatch.setattr(generate, "prepare_small", lambda data, facts: None)
    put, answers = app.blobs.put_image, []

    def slow(*_: Any) -> None:
        monkeypatch.setattr(app.blobs, "put_image", put)
        clock.pass_by(seconds=61)
        answers.append(asyncio.run(post(hub, headers=KEY)))
        raise ServiceRequestError("no connection")

    monkeypatch.setattr(app.blobs, "put_image", slow)
    first = await post(hub, headers=KEY)

    assert [answers[0].status_code, first.status_code] == [202, 202]
    assert body(first)["id"] == body(answers[0])["id"]
    (job_id,) = hub.started_jobs
    assert app.jobs.read(job_id)["status"] == "queued"
    assert list(app.blobs.images) == list(app.jobs.read(job_id)["images"].values())


@pytest.mark.parametrize("is_small", [True, False])
async def test_a_slow_post_whose_job_has_ended_by_then_leaves_no_image_of_its_own(
    app: Any, hub: FakeHub, clock: Clock, monkeypatch: Any, is_small: bool
) -> None:
    """It writes the image after the end of its job."""
    if not is_small:
        monkeypatch.setattr(generate, "prepare_small", lambda data, facts: None)
    put = app.blobs.put_image

    def slow(*args: Any) -> None:
        monkeypatch.setattr(app.blobs, "put_image", put)
        clock.pass_by(seconds=61)
        asyncio.run(post(hub, headers=KEY))
        finish(app, hub, hub.started_jobs[0])
        put(*args)

    monkeypatch.setattr(app.blobs, "put_image", slow)
    answer = await post(hub, headers=KEY)

    assert (answer.status_code, body(answer)["status"]) == (200, "succeeded")
    kept = set(app.jobs.read(hub.started_jobs[0])["images"].values()) if is_small else set()
    assert {name for name in app.blobs.images if "input_image" in name} == kept


async def test_too_many_at_once_is_busy_and_comes_again(app: Any, hub: FakeHub, monkeypatch: Any) -> None:
    app.__dict__["quotas"] = QuotaStore(app.documents, 1, 5, app.now)

    def contended(*_: Any) -> None:
        raise Busy("owners/x.json")

    with monkeypatch.context() as busy:
        busy.setattr(app.quotas, "admit", contended)
        refused = await post(hub)
        assert (refused.status_code, body(refused)["code"], refused.headers["Retry-After"]) == (503, "busy", "5")
        assert (body(refused)["charged"], body(refused)["retryable"]) == ("no", True)
    assert (hub.started, app.blobs.images) == ([], {})


# ---- a job that has ended ----


async def test_a_job_that_has_ended_is_never_started_whatever_the_hub_knows_of_it(app: Any, hub: FakeHub) -> None:
    endings = {
        "succeeded": picture(),
        "failed": picture(state="failed", owes=("free",), problem=Problem("content_moderated").to_payload()),
        "canceled": picture(state="canceled", owes=("refused",)),
    }
    for status, end in endings.items():
        key = {"Idempotency-Key": status}
        job_id = body(await post(hub, headers=key))["id"]
        finish(app, hub, job_id, end)
        ended = body(await get(hub, job_id))
        for known in (None, Status(RUNTIME.Failed), Status(RUNTIME.Terminated), Status(RUNTIME.Completed)):
            hub.statuses.pop(job_id, None)
            if known:
                hub.statuses[job_id] = known
            again = await post(hub, headers=key)
            assert (again.status_code, body(again)["id"], body(again)["status"]) == (200, job_id, status)
            assert (body(again)["outputs"], body(again)["usage"]) == (ended["outputs"], ended["usage"])
    assert len(hub.started) == len(endings)


async def test_a_hub_that_is_away_does_not_stand_between_a_user_and_an_ended_job(app: Any, hub: FakeHub) -> None:
    job_id = body(await post(hub, headers=KEY))["id"]
    finish(app, hub, job_id)
    hub.is_away()
    assert [(await post(hub, headers=KEY)).status_code, (await get(hub, job_id)).status_code] == [200, 200]
