"""A job's `webhook_url`, from the POST that names it to the receiver that hears of the end; and the secret it verifies with."""

import itertools
import json
import logging
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from datetime import datetime, timedelta
from typing import Any

import pytest
from azure.core.exceptions import ServiceRequestError

from activities import finish_job
from activities.forget_jobs import forget
from shared import delivering, names
from shared.delivering import deliver, start_missing
from shared.providers.receivers import Undelivered
from shared.secrets import SecretUnavailable
from shared.storage.webhook_store import BOTH_SIGN, expected_name, versions_name
from shared.webhooks import Refused
from tests.patience import PATIENCE
from tests.receiver import Receiver
from tests.triggers.calls import (
    IMAGE,
    RUNTIME,
    Clock,
    FakeHub,
    Status,
    body,
    finish,
    form,
    get,
    left_of,
    picture,
    raw,
    request,
    settings,
    user,
)
from triggers import generate, health, housekeeping, job_list, jobs, webhook_secret

PRINCIPAL = "X-MS-CLIENT-PRINCIPAL-ID"
ME = {PRINCIPAL: "haneul@example.com"}
KEY = "a signing key of more than thirty-two characters"
MARK = "MARKED"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as made:
        yield made


@pytest.fixture
def app(app: Any, receiver: Receiver) -> Any:
    settings(app, AUTH_MODE="easyauth", WEBHOOK_SIGNING_KEY=KEY, WEBHOOK_EXTRA_HOSTS=receiver.host)
    return app


async def post(hub: FakeHub, url: str | None, headers: dict[str, str] = ME, **fields: str) -> Any:
    given = {"prompt": "a mug", **({"webhook_url": url} if url is not None else {}), **fields}
    return await user(generate.BY_KIND["goods"])(req=form(given, {"input_image": IMAGE}, headers), client=hub)


async def accepted(hub: FakeHub, url: str | None, **fields: str) -> str:
    answer = await post(hub, url, **fields)
    assert answer.status_code == 202, body(answer)
    return str(body(answer)["id"])


async def seen(hub: FakeHub, job_id: str) -> dict[str, Any]:
    return body(await get(hub, job_id, headers=ME))


async def secret(headers: dict[str, str] = ME) -> Any:
    return await raw(webhook_secret.get_webhook_secret)(req=request(headers=headers))


async def rotate(headers: dict[str, str] = ME) -> Any:
    return await raw(webhook_secret.rotate_webhook_secret)(req=request("POST", headers=headers))


def webhooks_started(hub: FakeHub) -> list[str]:
    return [instance for name, instance, _ in hub.started if name == names.DELIVER_WEBHOOK]


# ---- what is accepted ----


async def test_the_address_is_content_and_stands_in_the_jobs_document_alone(
    app: Any, hub: FakeHub, receiver: Receiver, caplog: Any, spans: Any
) -> None:
    caplog.set_level(logging.INFO)
    url = f"{receiver.url}/{MARK}?{MARK}"
    job_id = await accepted(hub, url)
    finish(app, hub, job_id)
    assert deliver(app, job_id) == {"wait_seconds": None}

    assert [name for name, (document, _) in app.blobs.documents.items() if MARK in json.dumps(document)] == [
        f"jobs/{job_id}/job.json"
    ]
    assert MARK in receiver.calls[0].path
    said = [json.dumps(hub.started), json.dumps(await seen(hub, job_id)), caplog.text, *map(str, map(vars, caplog.records))]
    said += [json.dumps(dict(span.attributes)) for span in spans.get_finished_spans()]
    assert MARK not in "".join(said)
    assert receiver.host not in "".join(said)


@pytest.mark.parametrize(
    ("url", "words"),
    [("http://hooks.example/", "https://"), ("https://me:pw@hooks.example/", "password"), ("https://10.0.0.1/", "internet"),
     ("https://hooks.example:8443/", "443")],
)  # fmt: skip
async def test_an_address_that_is_not_taken_is_told_on_its_field_and_costs_nothing(
    app: Any, hub: FakeHub, url: str, words: str
) -> None:
    answer = await post(hub, url, ME | {"Accept-Language": "en"})

    assert (answer.status_code, body(answer)["code"], body(answer)["charged"]) == (422, "validation_failed", "no")
    (error,) = body(answer)["errors"]
    assert error["field"] == "webhook_url"
    assert words in error["message"]
    assert url not in answer.get_body().decode()
    assert (hub.started, app.blobs.images, app.blobs.documents) == ([], {}, {})


async def test_without_a_signing_key_it_is_refused_by_name_and_everything_else_goes_on(
    app: Any, hub: FakeHub, receiver: Receiver
) -> None:
    for key in ("", "too short"):
        settings(app, AUTH_MODE="easyauth", WEBHOOK_SIGNING_KEY=key, WEBHOOK_EXTRA_HOSTS=receiver.host)
        app.__dict__.pop("secrets", None)
        for language in ("ko", "en"):
            answer = await post(hub, receiver.url, ME | {"Accept-Language": language})
            assert (answer.status_code, body(answer)["code"], body(answer)["charged"]) == (501, "webhooks_not_configured", "no")
            assert "WEBHOOK_SIGNING_KEY" in body(answer)["detail"]
        assert (hub.started, app.blobs.images, app.blobs.documents) == ([], {}, {})
        assert (body(await secret())["code"], body(await rotate())["code"]) == ("webhooks_not_configured",) * 2
    await accepted(hub, None)
    await accepted(hub, " ")


async def test_a_vault_that_gives_no_answer_is_no_missing_key(app: Any, hub: FakeHub, receiver: Receiver) -> None:
    class Away:
        def get(self, name: str) -> str:
            raise SecretUnavailable(name, "away")

    app.__dict__["secrets"] = Away()
    answer = await post(hub, receiver.url)

    assert (answer.status_code, body(answer)["code"]) == (503, "busy")
    assert body(await secret())["code"] == "busy"


async def test_nobody_has_no_secret(app: Any, hub: FakeHub, receiver: Receiver) -> None:
    settings(app, WEBHOOK_SIGNING_KEY=KEY, WEBHOOK_EXTRA_HOSTS=receiver.host)
    answer = await post(hub, receiver.url, {})

    assert (answer.status_code, body(answer)["errors"][0]["field"]) == (422, "webhook_url")
    assert "X-Owner-Token" in body(answer)["errors"][0]["message"]
    assert (hub.started, app.blobs.documents) == ([], {})
    for refused in (await secret({}), await rotate({})):
        assert (refused.status_code, body(refused)["errors"][0]["field"]) == (422, "X-Owner-Token")


async def test_a_repeated_request_finds_its_job_though_the_key_has_gone_and_another_address_is_another_request(
    app: Any, hub: FakeHub, receiver: Receiver
) -> None:
    keyed = ME | {"Idempotency-Key": "k"}
    first = body(await post(hub, receiver.url, keyed))["id"]
    other = await post(hub, f"{receiver.url}/other", keyed)
    assert body(other)["code"] == "idempotency_key_reused"
    settings(app, AUTH_MODE="easyauth", WEBHOOK_EXTRA_HOSTS=receiver.host)
    app.__dict__.pop("secrets", None)

    assert body(await post(hub, receiver.url, keyed))["id"] == first


async def test_a_job_without_an_address_costs_no_step(app: Any, hub: FakeHub, receiver: Receiver, monkeypatch: Any) -> None:
    """The storage operations and starts of a whole job, with and without: what is more is the address's alone."""
    await finished(app, hub, await accepted(hub, None))

    async def cost(url: str | None) -> list[str]:
        done: list[str] = []
        with monkeypatch.context() as patch:
            for name in ("_write", "read_document", "delete", "names"):
                real = getattr(app.blobs, name)

                def noted(*args: Any, real: Any = real, name: str = name, **options: Any) -> Any:
                    where = next(arg for arg in args if "/" in arg)
                    done.append(f"{name.strip('_')} {where.split('/')[0]}")
                    return real(*args, **options)

                patch.setattr(app.blobs, name, noted)
            hub.started.clear()
            job_id = await accepted(hub, url)
            await finished(app, hub, job_id)
            if url:
                deliver(app, job_id)
        return sorted(done)

    without = await cost(None)
    assert webhooks_started(hub) == []
    with_one = await cost(receiver.url)
    assert webhooks_started(hub)
    for operation in without:
        with_one.remove(operation)
    assert with_one == [
        "delete webhooks-due", "read_document jobs", "read_document webhook-versions", "write jobs", "write webhooks-due",
    ]  # fmt: skip


async def finished(app: Any, hub: FakeHub, job_id: str, *ends: dict[str, Any]) -> None:
    """As the last step does, with its client."""
    order = {
        "job_id": job_id, "traceparent": "00-1-2-01", "started_at": app.now().isoformat(), "problem": None,
        "pictures": list(ends or [picture(state="canceled", owes=())]),
    }  # fmt: skip
    await finish_job.finish_and_forget(app, hub, order)  # type: ignore[arg-type]
    hub.statuses[job_id] = Status(RUNTIME.Completed)


# ---- who tells ----


async def test_the_end_of_a_job_begins_to_tell_of_it_and_of_no_other(app: Any, hub: FakeHub, receiver: Receiver) -> None:
    silent, told = await accepted(hub, None), await accepted(hub, receiver.url)
    for job_id in (silent, told, told):
        await finished(app, hub, job_id)

    (order,) = [order for name, _, order in hub.started if name == names.DELIVER_WEBHOOK]
    assert webhooks_started(hub) == [f"{told}-webhook"]
    assert order == {"job_id": told, "traceparent": "00-1-2-01", "patience": delivering.PATIENCE["lasting"]}


async def test_a_receiver_hears_of_the_end_and_can_verify_it(app: Any, hub: FakeHub, receiver: Receiver) -> None:
    settings(app, AUTH_MODE="easyauth", WEBHOOK_SIGNING_KEY=KEY, WEBHOOK_EXTRA_HOSTS=receiver.host,
             PUBLIC_BASE_URL="https://toon.example")  # fmt: skip
    job_id = await accepted(hub, receiver.url)
    assert deliver(app, job_id) == {"wait_seconds": None}, "of a job that runs nothing is told"
    assert expected_name(job_id) in app.blobs.documents
    finish(app, hub, job_id)
    assert deliver(app, job_id) == {"wait_seconds": None}

    (call,) = receiver.calls
    message = json.loads(call.body)
    assert (message["type"], message["data"]["id"]) == ("job.succeeded", job_id)
    assert message["data"]["urls"]["self"] == f"https://toon.example/api/jobs/{job_id}"
    job = await seen(hub, job_id)
    assert message["timestamp"] == job["completed_at"]
    assert (call.headers["content-type"], call.headers["user-agent"]) == ("application/json", "ToonConnect-Webhooks/1")
    call.is_signed_with(body(await secret())["secret"])
    with pytest.raises(Refused):
        call.is_signed_with(body(await secret({PRINCIPAL: "other"}))["secret"])
    (attempt,) = job["deliveries"]
    assert attempt | {"at": ""} == {
        "attempt": 1, "id": call.headers["webhook-id"], "at": "", "status": 204, "reason": None, "next_at": None,
    }  # fmt: skip
    assert expected_name(job_id) not in app.blobs.documents
    assert deliver(app, job_id) == {"wait_seconds": None}
    assert len(receiver.calls) == 1


async def test_a_failure_is_told_again_when_it_is_time_with_a_time_and_a_signature_of_its_own(
    app: Any, hub: FakeHub, receiver: Receiver, clock: Clock
) -> None:
    receiver.answers = [500, (503, {"Retry-After": "60"}), 404, 200]
    job_id = await accepted(hub, receiver.url)
    finish(app, hub, job_id)
    waits = []
    for _ in range(3):
        waits.append(deliver(app, job_id)["wait_seconds"])
        # What comes too early waits, and is not sent.
        early = deliver(app, job_id)["wait_seconds"]
        assert early == pytest.approx(waits[-1], abs=1)
        clock.pass_by(seconds=waits[-1])
    assert deliver(app, job_id) == {"wait_seconds": None}

    assert 5 <= waits[0] <= 5.5
    assert 300 <= waits[1] <= 330
    assert 1800 <= waits[2] <= 1980
    assert [attempt["status"] for attempt in (await seen(hub, job_id))["deliveries"]] == [500, 503, 404, 200]
    assert len({call.headers["webhook-id"] for call in receiver.calls}) == len({call.body for call in receiver.calls}) == 1
    times = [int(call.headers["webhook-timestamp"]) for call in receiver.calls]
    assert times == sorted(set(times))


async def test_410_ends_it(app: Any, hub: FakeHub, receiver: Receiver) -> None:
    receiver.answers = [410]
    job_id = await accepted(hub, receiver.url)
    finish(app, hub, job_id)

    assert deliver(app, job_id) == {"wait_seconds": None}
    assert [attempt["status"] for attempt in (await seen(hub, job_id))["deliveries"]] == [410]
    assert expected_name(job_id) not in app.blobs.documents


async def test_a_receiver_that_is_not_there_has_a_reason(app: Any, hub: FakeHub, caplog: Any) -> None:
    job_id = await accepted(hub, "https://nowhere.invalid/")
    finish(app, hub, job_id)
    with caplog.at_level("INFO", "toonconnect"):
        assert deliver(app, job_id)["wait_seconds"]

    (attempt,) = (await seen(hub, job_id))["deliveries"]
    assert (attempt["status"], attempt["reason"]) == (None, "host_not_found")
    (record,) = [record for record in caplog.records if record.getMessage() == "delivery_failed"]
    assert (record.job_id, record.reason, record.attempt, record.is_last) == (job_id, "host_not_found", 1, False)


async def test_a_key_that_went_missing_is_a_reason_like_any_other(app: Any, hub: FakeHub, receiver: Receiver) -> None:
    job_id = await accepted(hub, receiver.url)
    finish(app, hub, job_id)
    settings(app, AUTH_MODE="easyauth", WEBHOOK_EXTRA_HOSTS=receiver.host)
    app.__dict__.pop("secrets", None)

    assert deliver(app, job_id)["wait_seconds"]
    assert (await seen(hub, job_id))["deliveries"][0]["reason"] == "not_configured"
    assert receiver.calls == []


async def test_slow_receivers_take_no_more_than_their_places_and_who_waits_asks_ever_more_seldom(
    app: Any, hub: FakeHub, receiver: Receiver, clock: Clock, monkeypatch: Any
) -> None:
    job_id = await accepted(hub, receiver.url)
    finish(app, hub, job_id)
    others = ["a", "a", "b", "b"]
    assert [delivering._sending.take(owner) for owner in others] == [True] * 4
    try:
        waits = []
        for _ in range(12):
            waits.append(deliver(app, job_id)["wait_seconds"])
            clock.pass_by(seconds=waits[-1])
        assert 5 <= waits[0] <= 10
        assert sum(waits[:4]) > 30
        assert 300 <= waits[-1] <= 600
        monkeypatch.setattr(delivering.random, "random", lambda: 0.0)
        assert deliver(app, job_id) == {"wait_seconds": 300.0}
        monkeypatch.setattr(delivering.random, "random", lambda: 0.5)
        assert deliver(app, job_id) == {"wait_seconds": 450.0}
    finally:
        for owner in others:
            delivering._sending.leave(owner)
    assert (receiver.calls, (await seen(hub, job_id))["deliveries"]) == ([], [])
    assert deliver(app, job_id) == {"wait_seconds": None}


async def test_one_owners_silent_receiver_holds_up_no_other_owner(
    app: Any, hub: FakeHub, receiver: Receiver, monkeypatch: Any
) -> None:
    silent = [body(await post(hub, receiver.url, {PRINCIPAL: "other"}))["id"] for _ in range(4)]
    mine = await accepted(hub, receiver.url)
    for job_id in (*silent, mine):
        finish(app, hub, job_id)
    answered, begun, real = threading.Event(), threading.Semaphore(0), app.receivers.post

    def slow(url: str, headers: Any, sent: bytes) -> Any:
        if headers["webhook-id"].removeprefix("msg_") == mine.removeprefix("job_"):
            return real(url, headers, sent)
        begun.release()
        answered.wait(2 * PATIENCE)
        raise Undelivered("timeout")

    monkeypatch.setattr(app.receivers, "post", slow)
    with ThreadPoolExecutor(4) as pool:
        try:
            held = [pool.submit(deliver, app, job_id) for job_id in silent]
            assert begun.acquire(timeout=PATIENCE)
            assert begun.acquire(timeout=PATIENCE)
            # The other two are turned away; a thread that began later would find a place.
            turned_away = list(itertools.islice(as_completed(held, timeout=PATIENCE), 2))
            assert all(one.result()["wait_seconds"] for one in turned_away)
            assert deliver(app, mine) == {"wait_seconds": None}
        finally:
            answered.set()
    assert len(receiver.calls) == 1
    tried = [len((app.jobs.read(job_id)).get("deliveries") or ()) for job_id in silent]
    assert (sorted(tried), all(one.result()["wait_seconds"] for one in held)) == ([0, 0, 1, 1], True)


# ---- what was never begun ----


async def missing(app: Any, hub: FakeHub) -> int:
    return await start_missing(app, hub, app.now())  # type: ignore[arg-type]


async def test_what_was_never_begun_or_died_is_begun_by_housekeeping(app: Any, hub: FakeHub, receiver: Receiver) -> None:
    never, died, waits, stopped, running = [await accepted(hub, receiver.url) for _ in range(5)]
    for job_id in (never, died, waits, stopped):
        finish(app, hub, job_id)
    for job_id, runtime in ((died, RUNTIME.Failed), (waits, RUNTIME.Running), (stopped, RUNTIME.Terminated)):
        hub.statuses[f"{job_id}-webhook"] = Status(runtime)
    await housekeeping.tidy(hub, app.now())  # type: ignore[arg-type]

    assert sorted(webhooks_started(hub)) == sorted([f"{never}-webhook", f"{died}-webhook"])
    # An operator's word is final.
    assert set(app.deliveries.all()) == {never, died, waits, running}
    assert await missing(app, hub) == 0, "they go on"


async def test_many_to_be_told_of_take_several_runs_and_none_is_passed_over(
    app: Any, hub: FakeHub, receiver: Receiver, monkeypatch: Any, clock: Clock
) -> None:
    monkeypatch.setattr(delivering, "LOOKED_AT_ONCE", 2)
    waiting = [await accepted(hub, receiver.url) for _ in range(5)]
    for job_id in waiting:
        finish(app, hub, job_id)
    begun = []
    for _ in range(6):
        begun.append(await missing(app, hub))
        clock.pass_by(minutes=5)

    assert max(begun) == 2
    assert sorted(webhooks_started(hub)) == sorted(f"{job_id}-webhook" for job_id in waiting)


async def test_what_is_to_be_told_holds_up_no_other_housekeeping(
    app: Any, hub: FakeHub, receiver: Receiver, monkeypatch: Any
) -> None:
    called: list[str] = []

    async def noted(name: str) -> int:
        called.append(name)
        return 0

    monkeypatch.setattr(delivering, "start_missing", lambda *_: noted("told"))
    monkeypatch.setattr(housekeeping, "_forget_expired", lambda *_: noted("expired"))
    await housekeeping.tidy(hub, app.now())  # type: ignore[arg-type]

    assert called == ["expired", "told"]


async def test_a_hub_that_is_away_loses_none(app: Any, hub: FakeHub, receiver: Receiver, caplog: Any) -> None:
    job_id = await accepted(hub, receiver.url)
    hub.is_away()
    await finished(app, hub, job_id)
    assert webhooks_started(hub) == []
    with caplog.at_level("INFO", "toonconnect"):
        assert await missing(app, hub) == 0
    assert "delivery_not_started" in caplog.text
    hub.is_back()

    assert await missing(app, hub) == 1
    assert webhooks_started(hub) == [f"{job_id}-webhook"]


async def test_what_nobody_waits_for_any_more_leaves_no_mark(app: Any, hub: FakeHub, receiver: Receiver, clock: Clock) -> None:
    too_late, told = await accepted(hub, receiver.url), await accepted(hub, receiver.url)
    for job_id in (too_late, told):
        finish(app, hub, job_id)
    deliver(app, told)
    app.deliveries.expect(told)
    unmade = f"{too_late[:-1]}{'0' if too_late[-1] != '0' else '1'}"
    app.deliveries.expect(unmade)
    app.blobs.create_document(expected_name("no-id"), {})
    assert await missing(app, hub) == 1
    assert set(app.deliveries.all()) == {too_late, unmade}, "it may be made just now"
    hub.statuses.clear()
    clock.pass_by(hours=73)

    assert await missing(app, hub) == 0
    assert app.deliveries.all() == []


async def test_a_job_that_waits_between_its_tries_is_not_stuck(app: Any, hub: FakeHub, caplog: Any) -> None:
    hub.statuses |= {"job_1-webhook": Status(RUNTIME.Running), "job_2": Status(RUNTIME.Running)}
    with caplog.at_level("INFO", "toonconnect"):
        await housekeeping.tidy(hub, app.now())  # type: ignore[arg-type]

    (record,) = [record for record in caplog.records if record.getMessage() == "housekeeping"]
    assert record.stuck == 1


# ---- a deleted job ----


async def test_a_deleted_job_is_told_no_more_and_forgets_the_address_at_once(
    app: Any, hub: FakeHub, receiver: Receiver, clock: Clock
) -> None:
    receiver.answers = [500]
    job_id = await accepted(hub, f"{receiver.url}/{MARK}")
    finish(app, hub, job_id)
    assert deliver(app, job_id)["wait_seconds"]
    hub.statuses[f"{job_id}-webhook"] = Status(RUNTIME.Running)
    clock.pass_by(seconds=30)
    assert (await user_delete(hub, job_id)).status_code == 204

    assert hub.terminated == [f"{job_id}-webhook"]
    assert all(MARK not in json.dumps(document) for document, _ in app.blobs.documents.values())
    assert deliver(app, job_id) == {"wait_seconds": None}
    assert len(receiver.calls) == 1
    assert left_of(app, job_id), "its history is still to be purged"
    hub.statuses[f"{job_id}-webhook"] = Status(RUNTIME.Terminated)
    assert await forget(app, hub, {"traceparent": None}) == {"left": 0}  # type: ignore[arg-type]
    assert (left_of(app, job_id), hub.statuses) == (set(), {names.JANITOR: hub.on_start})
    assert set(hub.purged) == {job_id, f"{job_id}-webhook"}


async def user_delete(hub: FakeHub, job_id: str) -> Any:
    return await user(jobs.delete_job)(req=request("DELETE", route={"id": job_id}, headers=ME), client=hub)


async def test_a_job_that_is_deleted_while_it_runs_is_never_told(app: Any, hub: FakeHub, receiver: Receiver) -> None:
    job_id = await accepted(hub, receiver.url)
    await user_delete(hub, job_id)
    await finished(app, hub, job_id)

    assert (webhooks_started(hub), deliver(app, job_id), receiver.calls) == ([], {"wait_seconds": None}, [])


async def test_a_job_that_is_deleted_while_it_is_told_keeps_nothing_of_it(
    app: Any, hub: FakeHub, receiver: Receiver, monkeypatch: Any
) -> None:
    job_id = await accepted(hub, receiver.url)
    finish(app, hub, job_id)
    real = app.receivers.post

    def deleted_meanwhile(*args: Any) -> Any:
        receipt = real(*args)
        app.index.remove(app.jobs.read(job_id))
        app.jobs.delete(job_id)
        return receipt

    monkeypatch.setattr(app.receivers, "post", deleted_meanwhile)
    assert deliver(app, job_id) == {"wait_seconds": None}
    assert left_of(app, job_id) == set()


# ---- the secret ----


async def test_an_owner_has_a_secret_of_his_own_and_none_lies_in_storage(app: Any) -> None:
    mine, again, others = body(await secret()), body(await secret()), body(await secret({PRINCIPAL: "other"}))

    assert (mine, mine["version"], mine["rotated_at"], mine["also_signing"]) == (again, 1, None, [])
    assert mine["secret"].startswith("whsec_")
    assert mine["secret"] != others["secret"]
    changed = body(await rotate())
    stored = json.dumps([document for document, _ in app.blobs.documents.values()])
    assert "whsec_" not in stored
    assert KEY not in stored
    assert "haneul" not in stored + "".join(app.blobs.documents)
    assert changed["version"] == 2
    assert (await secret()).headers["Cache-Control"] == "no-store"


async def test_a_job_that_was_claimed_is_signed_for_whoever_named_the_address(app: Any, hub: FakeHub, receiver: Receiver) -> None:
    given = {"WEBHOOK_SIGNING_KEY": KEY, "WEBHOOK_EXTRA_HOSTS": receiver.host}
    settings(app, **given)
    stranger = {"X-Owner-Token": "t" * 43}
    theirs = body(await secret(stranger))["secret"]
    job_id = body(await post(hub, receiver.url, stranger))["id"]
    settings(app, AUTH_MODE="easyauth", **given)
    sent = json.dumps({"ids": [job_id]}).encode()
    await raw(job_list.claim_jobs)(req=request("POST", body=sent, headers={**ME, **stranger}))
    assert (await get(hub, job_id, headers=ME)).status_code == 200
    finish(app, hub, job_id)

    assert deliver(app, job_id) == {"wait_seconds": None}
    receiver.calls[0].is_signed_with(theirs)


async def test_after_a_rotation_both_sign_for_a_day(app: Any, hub: FakeHub, receiver: Receiver, clock: Clock) -> None:
    receiver.answers = [500]
    old = body(await secret())["secret"]
    job_id = await accepted(hub, receiver.url)
    finish(app, hub, job_id)
    new = body(await rotate())
    until = datetime.fromisoformat(new["also_signing"][0]["until"])
    assert abs(until - app.now() - BOTH_SIGN) < timedelta(minutes=1)
    assert (await secret()).get_body() == json.dumps(new).encode()

    deliver(app, job_id)
    for one in (old, new["secret"]):
        receiver.calls[0].is_signed_with(one)
    assert len(receiver.calls[0].headers["webhook-signature"].split()) == 2
    clock.pass_by(hours=23, minutes=59)
    assert body(await secret())["also_signing"]
    clock.pass_by(minutes=2)
    assert body(await secret())["also_signing"] == []
    deliver(app, job_id)
    assert len(receiver.calls[1].headers["webhook-signature"].split()) == 1


async def test_a_rotation_that_is_repeated_takes_no_secret_away(app: Any, hub: FakeHub, receiver: Receiver) -> None:
    first = body(await secret())["secret"]
    versions = [body(await rotate())["version"] for _ in range(4)]
    job_id = await accepted(hub, receiver.url)
    finish(app, hub, job_id)
    deliver(app, job_id)

    assert versions == [2, 3, 4, 5]
    receiver.calls[0].is_signed_with(first)


async def test_a_fifth_change_within_a_day_waits_for_the_first_ones_day(app: Any, clock: Clock) -> None:
    for _ in range(4):
        await rotate()
        clock.pass_by(minutes=10)
    clock.pass_by(hours=1)
    before = body(await secret())
    for language, words in (
        ("en", "secrets that may be made in a day (4) is used up. Try again from"),
        ("ko", "(4번)를 모두 사용했습니다"),
    ):
        refused = await rotate(ME | {"Accept-Language": language})
        assert (refused.status_code, body(refused)["code"], body(refused)["charged"]) == (429, "quota_exceeded", "no")
        assert words in body(refused)["detail"]
        # When the first one's day is over.
        assert int(refused.headers["Retry-After"]) == pytest.approx(22 * 3600 + 20 * 60, abs=60)
    assert body(await secret()) == before, "the first one signs on, and the header does not grow for ever"
    clock.pass_by(hours=23, minutes=1)
    assert (await rotate()).status_code == 200


async def test_whoever_is_not_signed_in_has_no_secret(app: Any) -> None:
    for answer in (await secret({}), await rotate({})):
        assert (answer.status_code, body(answer)["code"]) == (401, "unauthorized")
    assert versions_name("anonymous") not in app.blobs.documents


# ---- readiness ----


async def test_readiness_misses_the_key_only_where_it_is_used(
    app: Any, hub: FakeHub, receiver: Receiver, monkeypatch: Any
) -> None:
    app.blobs.check = lambda: None

    async def told() -> tuple[int, dict[str, Any]]:
        monkeypatch.setattr(health, "_checks", health.Checks())
        answer = await user(health.health_ready)(req=request(), client=hub)
        return answer.status_code, body(answer)["checks"]["webhooks"]

    assert await told() == (200, {"status": "ok"})
    job_id = await accepted(hub, receiver.url)
    settings(app, AUTH_MODE="easyauth")
    app.__dict__.pop("secrets", None)
    assert await told() == (200, {"status": "degraded", "setting": "WEBHOOK_SIGNING_KEY"})
    app.deliveries.forget(job_id)
    assert await told() == (200, {"status": "off", "setting": "WEBHOOK_SIGNING_KEY"})

    def away() -> Any:
        raise ServiceRequestError("away")

    monkeypatch.setattr(app.deliveries, "all", away)
    assert await told() == (200, {"status": "degraded", "reason": "no answer"})


async def test_a_canceled_job_is_told_as_well(app: Any, hub: FakeHub, receiver: Receiver) -> None:
    job_id = await accepted(hub, receiver.url)
    await finished(app, hub, job_id)
    deliver(app, job_id)

    assert json.loads(receiver.calls[0].body)["type"] == "job.canceled"
