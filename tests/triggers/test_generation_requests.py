"""Requests by queue: the same checks, one job however often a message comes, and an answer to everything that can be answered."""

import asyncio
import json
import logging
from typing import Any

import pytest
from azure.core.exceptions import ServiceRequestError
from azure.functions.queue import QueueMessage

from shared.domain.job import SUCCEEDED
from shared.domain.problem import Problem, ProblemError
from shared.domain.queue_messages import POISON, RESULTS
from shared.pictures.prepare import prepare_for_provider
from shared.services import Services
from shared.starting import give_up
from tests import pictures
from tests.fakes import FakeIntake, FakeQueues
from tests.triggers.calls import IMAGE, Clock, FakeHub, body, delete, finish, get, left_of, picture, post, settings, user
from triggers import generate, generation_requests, housekeeping

BLOB, PROMPT = "batch 7/영웅.png", "zebra on a mug"
REQUEST = {"prompt": PROMPT, "input_image": BLOB, "seed": 11, "n": 2, "metadata": {"episode": "12"}}


@pytest.fixture
def queues(app: Services) -> FakeQueues:
    made, intake = FakeQueues(), FakeIntake()
    intake.blobs[BLOB] = IMAGE
    app.__dict__.update(queues=made, intake_blobs=intake)
    return made


@pytest.fixture
def intake(app: Services, queues: FakeQueues) -> FakeIntake:
    return app.intake_blobs  # type: ignore[return-value]


async def deliver(hub: FakeHub, message: Any, message_id: str = "m-1", count: int = 1) -> None:
    text = message if isinstance(message, str) else json.dumps(message)
    given = QueueMessage(id=message_id, body=text, dequeue_count=count)
    await user(generation_requests.generation_requests)(message=given, client=hub)


def asked(kind: str = "goods", **changes: Any) -> dict[str, Any]:
    top = {name: changes.pop(name) for name in ("key", "correlation_id", "webhook") if name in changes}
    return {"kind": kind, "request": {**REQUEST, **changes}, **top}


async def test_a_message_becomes_a_job_as_a_form_would(app: Any, hub: FakeHub, queues: FakeQueues) -> None:
    answer = await post(hub, {"prompt": PROMPT, "seed": "11", "n": "2", "metadata": '{"episode": "12"}'})
    by_form = app.jobs.read(body(answer)["id"])
    await deliver(hub, asked(correlation_id="batch-7:17"))
    (told,) = queues.sent[RESULTS]
    job = app.jobs.read(told["id"])

    assert told == {
        "event": "accepted", "id": job["id"], "status": "queued", "code": None, "correlation_id": "batch-7:17",
    }  # fmt: skip
    for part in ("kind", "owner", "input", "seeds", "metadata", "plan", "provider", "model", "usage"):
        assert job[part] == by_form[part], part
    assert app.blobs.get_image(job["images"]["input_image"]) == prepare_for_provider(IMAGE).data
    assert job["request_id"] == "batch-7:17"
    assert hub.started_jobs == [by_form["id"], job["id"]]


@pytest.mark.parametrize("times", [1, 2, 5])
async def test_a_message_that_comes_again_makes_no_second_job(app: Any, hub: FakeHub, queues: FakeQueues, times: int) -> None:
    for count in range(times):
        await deliver(hub, asked(), "m-1", count + 1)

    assert len(hub.started_jobs) == 1
    assert [told["id"] for told in queues.sent[RESULTS]] == hub.started_jobs * times


async def test_deliveries_at_the_same_time_make_one_job(app: Any, hub: FakeHub, queues: FakeQueues) -> None:
    done = await asyncio.gather(*(deliver(hub, asked(key="row-17"), f"m-{n}") for n in range(20)), return_exceptions=True)
    # Some find another at it, and come again.
    for n, failed in enumerate(done):
        if failed is not None:
            assert str(failed) == "idempotency_in_progress"
            await deliver(hub, asked(key="row-17"), f"m-{n}", 2)

    assert len(hub.started_jobs) == 1
    assert {told["id"] for told in queues.sent[RESULTS]} == {*hub.started_jobs}
    assert len(queues.sent[RESULTS]) == 20


async def test_a_key_makes_two_messages_one_request_and_without_one_they_are_two(
    app: Any, hub: FakeHub, queues: FakeQueues
) -> None:
    await deliver(hub, asked(key="row-17"), "m-1")
    await deliver(hub, asked(key="row-17"), "m-2")
    assert len(hub.started_jobs) == 1
    await deliver(hub, asked(), "m-3")
    await deliver(hub, asked(), "m-4")
    assert len(hub.started_jobs) == 3


@pytest.mark.parametrize("days", [1.1, 14.9])
async def test_a_message_that_is_given_back_days_later_makes_no_second_job(
    app: Any, hub: FakeHub, queues: FakeQueues, clock: Clock, days: float
) -> None:
    """Its job was made, and could not be announced: so it became poison."""
    queues.away.add(RESULTS)
    with pytest.raises(Exception):  # noqa: B017, PT011 - what the platform sees is no matter here
        await deliver(hub, asked(key="row-17"), "m-1")
    queues.away.clear()
    finish(app, hub, hub.started_jobs[0], picture(0), picture(1))
    clock.pass_by(days=days)
    app.keys.forget_old()
    await deliver(hub, asked(key="row-17"), "m-2")

    assert [(told["event"], told["id"]) for told in queues.sent[RESULTS]][1:] == [("accepted", hub.started_jobs[0])]
    assert len(hub.started_jobs) == 1


async def test_a_message_that_comes_again_when_its_images_are_gone_finds_its_job(
    app: Any, hub: FakeHub, queues: FakeQueues, intake: FakeIntake
) -> None:
    await deliver(hub, asked(key="row-17"), "m-1", 1)
    intake.blobs.clear()
    await deliver(hub, asked(key="row-17"), "m-1", 2)

    assert [(told["event"], told["id"]) for told in queues.sent[RESULTS]] == [("accepted", hub.started_jobs[0])] * 2
    assert len(hub.started_jobs) == 1


async def test_another_message_with_its_key_does_not(app: Any, hub: FakeHub, queues: FakeQueues, intake: FakeIntake) -> None:
    await deliver(hub, asked(key="row-17"))
    intake.blobs.clear()
    await deliver(hub, asked(key="row-17", seed=12), "m-2")
    await deliver(hub, asked(key="row-18"), "m-3")

    assert [told["code"] for told in queues.sent[RESULTS]] == [None, "validation_failed", "validation_failed"]


async def test_a_message_whose_images_are_gone_waits_for_the_one_that_is_at_it(
    app: Any, hub: FakeHub, queues: FakeQueues, intake: FakeIntake
) -> None:
    await deliver(hub, asked(key="row-17"), "m-1", 1)
    del app.blobs.documents[f"jobs/{hub.started_jobs[0]}/job.json"]
    intake.blobs.clear()
    with pytest.raises(generation_requests.NotTaken, match="idempotency_in_progress"):
        await deliver(hub, asked(key="row-17"), "m-1", 2)


async def test_a_key_of_another_request_is_refused(app: Any, hub: FakeHub, queues: FakeQueues) -> None:
    await deliver(hub, asked(key="row-17"), "m-1")
    await deliver(hub, asked(key="row-17", seed=12), "m-2")

    assert [(told["event"], told["code"]) for told in queues.sent[RESULTS]] == [
        ("accepted", None), ("refused", "idempotency_key_reused"),
    ]  # fmt: skip


async def test_keys_by_http_are_others(app: Any, hub: FakeHub, queues: FakeQueues) -> None:
    await deliver(hub, asked(key="row-17"))
    for key in ("row-17", "key:row-17", "queue key:row-17"):
        answer = await post(hub, {"prompt": "another"}, {"Idempotency-Key": key})
        assert answer.status_code == 202


async def test_the_message_of_a_deleted_job_does_not_pay_again(app: Any, hub: FakeHub, queues: FakeQueues) -> None:
    await deliver(hub, asked(key="row-17"))
    job_id = queues.sent[RESULTS][0]["id"]
    finish(app, hub, job_id)
    await delete(hub, job_id)
    await deliver(hub, asked(key="row-17"), "m-2")

    assert (queues.sent[RESULTS][-1]["event"], queues.sent[RESULTS][-1]["code"]) == ("refused", "job_deleted")
    assert len(hub.started_jobs) == 1


@pytest.mark.parametrize(
    ("message", "code", "fields"),
    [
        ({"kind": "poster", "request": REQUEST}, "validation_failed", ["kind"]),
        ({"request": REQUEST}, "validation_failed", ["kind"]),
        ({"kind": ["goods"], "request": REQUEST}, "validation_failed", ["kind"]),
        ({"kind": "goods"}, "validation_failed", ["request", "input_image", "prompt"]),
        (asked(webhook="x"), "validation_failed", ["webhook"]),
        (asked(key=7), "validation_failed", ["key"]),
        (asked(key="한글"), "validation_failed", ["key"]),
        (asked(colour="red"), "validation_failed", ["colour"]),
        (asked(n=9, seed="x"), "validation_failed", ["seed", "n"]),
        (asked(n=True), "validation_failed", ["n"]),
        (asked(prompt=None), "validation_failed", ["prompt"]),
        (asked(input_image=None), "validation_failed", ["input_image"]),
        (asked(input_image="gone.png"), "validation_failed", ["input_image"]),
        (asked(input_image=""), "validation_failed", ["input_image"]),
        (asked(input_image=["x"]), "validation_failed", ["input_image"]),
        (asked(input_image="../images/uploads/x.png"), "validation_failed", ["input_image"]),
        (asked(prompt="\ufffd\ufffd\ufffd"), "validation_failed", ["prompt"]),
        (asked(model="dall-e"), "validation_failed", ["model"]),
        (asked(input_image="text.png"), "unsupported_image", ["input_image"]),
        (asked(input_image="empty.png"), "unsupported_image", ["input_image"]),
        (asked(input_image="huge.jpg"), "image_too_large", ["input_image"]),
    ],
)  # fmt: skip
async def test_what_cannot_be_taken_is_answered_and_leaves_nothing(
    app: Any, hub: FakeHub, queues: FakeQueues, intake: FakeIntake, message: Any, code: str, fields: list[str]
) -> None:
    intake.blobs |= {"text.png": b"no picture", "empty.png": b"", "huge.jpg": pictures.noisy_jpeg(5 * 1024 * 1024 + 10)}
    await deliver(hub, message, "m-9")
    (told,) = queues.sent[RESULTS]

    assert told == {
        "event": "refused", "id": None, "status": "refused", "code": code, "correlation_id": "m-9", "retryable": False,
        "fields": fields,
    }  # fmt: skip
    assert hub.started == []
    assert not [name for name in (*app.blobs.images, *app.blobs.documents) if not name.startswith(("gates/", "idempotency"))]


async def test_a_correlation_id_that_cannot_be_one_is_refused_under_the_messages_own(hub: FakeHub, queues: FakeQueues) -> None:
    await deliver(hub, asked(correlation_id="a b"), "m-9")
    (told,) = queues.sent[RESULTS]
    assert (told["correlation_id"], told["fields"]) == ("m-9", ["correlation_id"])


async def test_while_intake_is_paused_a_request_is_refused_for_now(
    app: Any, hub: FakeHub, queues: FakeQueues, clock: Clock
) -> None:
    app.gates.change("fake", lambda gate: gate.pause("on purpose"))
    await deliver(hub, asked(key="row-17"))
    (told,) = queues.sent[RESULTS]
    assert (told["code"], told["retryable"]) == ("intake_paused", True)
    app.gates.change("fake", lambda gate: gate.resume())
    clock.pass_by(minutes=1)
    await deliver(hub, asked(key="row-17"), "m-2")
    assert queues.sent[RESULTS][-1]["event"] == "accepted"


@pytest.mark.parametrize(
    "text", ["", "no JSON", "[1]", '"text"', "[" * 60_000, '{"kind": NaN}', '{"kind": "goods", "x": "\\ud800"}', "\x00"]
)
async def test_what_nobody_can_read_is_delivered_again_and_named(
    hub: FakeHub, queues: FakeQueues, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "toonconnect"), pytest.raises(generation_requests.NotTaken) as raised:
        await deliver(hub, text, count=3)

    assert str(raised.value).startswith("it ")
    # Loggers print causes.
    assert (raised.value.__cause__, raised.value.__suppress_context__) == (None, True)
    (event,) = [record for record in caplog.records if record.message == "intake_failed"]
    assert (event.request_id, event.reason, event.delivery) == ("m-1", str(raised.value), 3)  # type: ignore[attr-defined]
    assert queues.sent == {}


@pytest.mark.parametrize("what", ["intake", "documents", "results"])
async def test_while_storage_is_away_the_message_comes_again_and_makes_one_job(
    app: Any, hub: FakeHub, queues: FakeQueues, intake: FakeIntake, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: Any) -> None:
        raise ServiceRequestError(PROMPT)

    with monkeypatch.context() as patch:
        if what == "intake":
            patch.setattr(intake, "away", True)
        elif what == "results":
            patch.setattr(queues, "away", {RESULTS})
        else:
            patch.setattr(app.blobs, "put_image", away)
        with pytest.raises(generation_requests.NotTaken) as raised:
            await deliver(hub, asked())
    assert str(raised.value) == "ServiceRequestError"
    await deliver(hub, asked(), count=2)

    assert len(hub.started_jobs) == 1
    assert [told["id"] for told in queues.sent[RESULTS]] == hub.started_jobs


@pytest.mark.parametrize("code", ["internal", "busy", "idempotency_in_progress"])
async def test_what_was_not_looked_after_just_now_comes_again_and_is_not_refused(
    hub: FakeHub, queues: FakeQueues, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def not_now(*_: Any, **__: Any) -> None:
        raise ProblemError(Problem(code, charged="unknown"))

    monkeypatch.setattr(generate, "accept", not_now)
    with pytest.raises(generation_requests.NotTaken, match=code):
        await deliver(hub, asked())
    assert queues.sent == {}


async def test_nothing_that_was_asked_is_logged(
    app: Any, hub: FakeHub, queues: FakeQueues, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        await deliver(hub, asked(key="marked-key"), "m-1")
        await deliver(hub, asked(key="marked-key", seed="marked seed"), "m-2")
        with pytest.raises(generation_requests.NotTaken):
            await deliver(hub, PROMPT, "m-3")
    logged = " ".join(f"{record.getMessage()} {record.__dict__}" for record in caplog.records)

    assert "intake_refused" in logged
    for mark in (PROMPT, "marked", BLOB):
        assert mark not in logged


async def test_the_owner_is_whom_the_setting_names(app: Any, hub: FakeHub, queues: FakeQueues) -> None:
    settings(app, INTAKE_QUEUE="true", INTAKE_OWNER="user-1", AUTH_MODE="easyauth")
    await deliver(hub, asked())
    job_id = queues.sent[RESULTS][0]["id"]

    assert (await get(hub, job_id, headers={"x-ms-client-principal-id": "user-1"})).status_code == 200
    assert (await get(hub, job_id, headers={"x-ms-client-principal-id": "user-2"})).status_code == 404


# ---- the end ----


async def test_the_end_is_announced_and_again_when_its_step_runs_again(app: Any, hub: FakeHub, queues: FakeQueues) -> None:
    await deliver(hub, asked(correlation_id="row-17", n=1))
    job_id = queues.sent[RESULTS].pop()["id"]
    queues.away = {RESULTS}
    with pytest.raises(ServiceRequestError):
        finish(app, hub, job_id)
    assert app.jobs.read(job_id)["status"] == SUCCEEDED
    queues.away = set()
    finish(app, hub, job_id)

    assert queues.sent[RESULTS] == [
        {"event": "ended", "id": job_id, "status": "succeeded", "code": None, "correlation_id": "row-17"}
    ]


async def test_a_job_that_failed_is_announced_with_its_code(app: Any, hub: FakeHub, queues: FakeQueues) -> None:
    await deliver(hub, asked(n=1))
    job_id = queues.sent[RESULTS].pop()["id"]
    finish(app, hub, job_id, picture(0, "failed", ("free",), problem=Problem("generation_timeout").to_payload()))

    (told,) = queues.sent[RESULTS]
    assert (told["status"], told["code"], told["correlation_id"]) == ("failed", "generation_timeout", "m-1")


@pytest.mark.parametrize("is_away", [False, True])
async def test_a_job_that_is_given_up_is_announced_by_who_closes_it(
    app: Any, hub: FakeHub, queues: FakeQueues, is_away: bool, caplog: pytest.LogCaptureFixture
) -> None:
    await deliver(hub, asked(n=1))
    job_id = queues.sent[RESULTS].pop()["id"]
    queues.away = {RESULTS} if is_away else set()
    give_up(app, app.jobs.read(job_id), 30)

    assert app.jobs.read(job_id)["status"] == "failed"
    assert [told["event"] for told in queues.sent[RESULTS]] == ([] if is_away else ["ended"])
    assert ("announcement_lost" in caplog.text) == is_away


async def test_of_a_job_that_came_by_http_the_queue_hears_nothing(app: Any, hub: FakeHub) -> None:
    touched = []

    class Untouchable:
        """A feature that is off costs nothing."""

        def __getattr__(self, name: str) -> Any:
            touched.append(name)
            raise AssertionError(name)

    app.__dict__.update(queues=Untouchable(), intake_blobs=Untouchable())
    answer = await post(hub)
    finish(app, hub, body(answer)["id"])
    await housekeeping.tidy(hub, app.now())  # type: ignore[arg-type]
    assert touched == []
    assert "queued" not in app.jobs.read(body(answer)["id"])
    assert left_of(app, body(answer)["id"])


# ---- poison ----


@pytest.mark.parametrize(("waiting", "events"), [(0, []), (3, ["intake_poisoned"]), (None, ["poison_unknown"])])
async def test_housekeeping_says_that_there_are_poison_messages(
    app: Any, hub: FakeHub, queues: FakeQueues, clock: Clock, caplog: pytest.LogCaptureFixture, waiting: int | None,
    events: list[str],
) -> None:  # fmt: skip
    settings(app, INTAKE_QUEUE="true")
    queues.lengths = {POISON: waiting or 0}
    queues.away = {POISON} if waiting is None else set()
    with caplog.at_level(logging.INFO, "toonconnect"):
        await housekeeping.tidy(hub, app.now())  # type: ignore[arg-type]

    assert [record.message for record in caplog.records if "poison" in record.message] == events
    assert "housekeeping" in [record.message for record in caplog.records]
