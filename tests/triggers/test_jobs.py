"""GET a job, GET its result, cancel it: what each answers while it runs and when it has ended."""

import itertools
from collections.abc import Callable
from typing import Any

import pytest

from activities import keep_leftover
from shared.domain.problem import Problem
from tests.fakes import HUB_TROUBLE
from tests.triggers.calls import (
    RUNTIME,
    Clock,
    FakeHub,
    Status,
    body,
    cancel,
    delete,
    finish,
    get,
    new_job,
    output,
    picture,
    post,
    result,
    settings,
)


async def test_a_running_job_shows_what_its_orchestration_says(app: Any, hub: FakeHub) -> None:
    job_id = await new_job(hub)
    hub.statuses[job_id] = Status(RUNTIME.Running, {"stage": "generating", "progress": 60, "eta_seconds": 4, "started_at": None})
    shown = body(await get(hub, job_id))

    assert (shown["status"], shown["stage"], shown["progress"], shown["eta_seconds"]) == ("processing", "generating", 60, 4)


async def test_of_several_pictures_the_slowest_speaks(app: Any, hub: FakeHub) -> None:
    job_id = await new_job(hub, n="2")
    hub.statuses[job_id] = Status(RUNTIME.Running, {"stage": "generating", "progress": 30})
    for index, progress in enumerate((80, 45)):
        hub.statuses[f"{job_id}-{index}"] = Status(RUNTIME.Running, {"stage": "generating", "progress": progress})

    assert body(await get(hub, job_id))["progress"] == 45


async def test_a_waiting_job_shows_its_place_and_when_its_picture_may_be_there(app: Any, hub: FakeHub) -> None:
    app.gates._limits["fake"] = 1
    app.gates.change("fake", lambda gate: gate.enter("job_0/0", "i", "e"))
    job_id = await new_job(hub, n="2")
    for index in range(2):
        app.gates.change("fake", lambda gate, index=index: gate.enter(f"{job_id}/{index}", "i", "e"))
    hub.statuses[job_id] = Status(RUNTIME.Running, {"stage": "waiting", "progress": 15, "provider": "fake"})

    job = body(await get(hub, job_id))
    assert (job["status"], job["stage"], job["queue_position"]) == ("processing", "waiting", 1)
    # The second picture waits for two waves of 10 s and takes 10 s itself.
    assert job["eta_seconds"] == 30


async def test_a_finished_job_has_fresh_links_and_an_etag_that_they_do_not_change(app: Any, hub: FakeHub) -> None:
    job_id = await new_job(hub)
    finish(app, hub, job_id)
    answer = await get(hub, job_id)
    again = await get(hub, job_id, headers={"If-None-Match": answer.headers["ETag"]})

    assert body(answer)["outputs"][0]["url"].startswith("https://store/images/")
    assert again.status_code == 304


async def test_a_waiting_get_returns_as_soon_as_something_changes(app: Any, hub: FakeHub, monkeypatch: Any) -> None:
    job_id = await new_job(hub)
    looks = []

    async def changing(instance_id: str) -> Status:
        looks.append(instance_id)
        return Status(RUNTIME.Running, {"stage": "generating" if len(looks) < 3 else "storing", "progress": 30 + len(looks)})

    monkeypatch.setattr(hub, "get_status", changing)
    assert body(await get(hub, job_id, params={"wait": "30"}))["stage"] == "storing"


@pytest.mark.parametrize("wait", ["0", "31", "x", "-1"])
async def test_a_wait_out_of_range_is_refused(app: Any, hub: FakeHub, wait: str) -> None:
    job_id = await new_job(hub)
    assert (await get(hub, job_id, params={"wait": wait})).status_code == 422


async def test_an_error_is_cached_for_its_language_only_and_names_the_request(app: Any, hub: FakeHub) -> None:
    job_id = body(await post(hub, headers={"X-Request-Id": "req-1"}))["id"]
    finish(app, hub, job_id, picture(state="failed", problem=Problem("internal").to_payload()))
    korean = await get(hub, job_id)
    assert body(korean)["error"]["request_id"] == "req-1"

    etag = korean.headers["ETag"]
    assert (await get(hub, job_id, headers={"If-None-Match": f'"other", {etag}'})).status_code == 304
    english = await get(hub, job_id, headers={"If-None-Match": etag, "Accept-Language": "en"})
    assert (english.status_code, body(english)["error"]["title"]) == (200, "Internal error")


async def test_other_peoples_jobs_are_not_found(app: Any, hub: FakeHub) -> None:
    settings(app, AUTH_MODE="easyauth")
    assert (await post(hub)).status_code == 401
    job_id = body(await post(hub, headers={"X-MS-CLIENT-PRINCIPAL-ID": "me"}))["id"]

    assert (await get(hub, job_id, headers={"X-MS-CLIENT-PRINCIPAL-ID": "me"})).status_code == 200
    assert (await get(hub, job_id, headers={"X-MS-CLIENT-PRINCIPAL-ID": "you"})).status_code == 404
    unknown = job_id[:-1] + ("0" if job_id[-1] != "0" else "1")
    assert [(await get(hub, asked)).status_code for asked in (job_id, unknown)] == [401, 401]


async def test_a_job_that_is_deleted_while_it_is_looked_at_is_not_found(app: Any, hub: FakeHub, monkeypatch: Any) -> None:
    """Also between the look at its document and the start of its orchestration; forgotten or only hidden."""
    read = app.jobs.read
    gone: tuple[Callable[[str], Any], ...] = (app.jobs.delete, lambda job_id: app.jobs.hide(job_id, app.now()))
    for at_look, go in itertools.product((1, 2), gone):
        job_id, looks = await new_job(hub), itertools.count(1)
        hub.statuses[job_id] = Status(RUNTIME.Failed)

        def deleted_after(asked: str, looks: Any = looks, at_look: int = at_look, go: Any = go) -> Any:
            document = read(asked)
            if next(looks) == at_look:
                go(asked)
            return document

        monkeypatch.setattr(app.jobs, "read", deleted_after)
        answer = await get(hub, job_id)
        monkeypatch.setattr(app.jobs, "read", read)
        assert (answer.status_code, body(answer)["code"]) == (404, "job_not_found"), at_look


async def test_a_job_that_has_ended_is_told_although_its_orchestration_watches_a_leftover(app: Any, hub: FakeHub) -> None:
    job_id = await new_job(hub)
    hub.statuses[job_id] = Status(RUNTIME.Running, {"job_ended": True})
    assert body(await get(hub, job_id))["status"] == "queued"
    finish(app, hub, job_id, picture(state="canceled", owes=("accepted",), is_watched=True))
    assert body(await get(hub, job_id))["status"] == "canceled"


async def test_a_result_is_a_redirect_the_bytes_or_the_reason_why_not(app: Any, hub: FakeHub) -> None:
    job_id = await new_job(hub)
    early = body(await result(hub, job_id))
    assert (early["code"], early["charged"]) == ("result_not_ready", "unknown")
    finish(app, hub, job_id)
    assert (await result(hub, job_id)).headers["Location"].startswith("https://store/")
    assert (await result(hub, job_id, inline="1")).get_body() == b"png"
    assert (await result(hub, job_id, index="3")).status_code == 422
    app.blobs.images.clear()
    lost = await result(hub, job_id, inline="1")
    assert (lost.status_code, body(lost)["charged"]) == (410, "yes")


@pytest.mark.parametrize(
    ("inline", "status"),
    [("1", 200), ("true", 200), ("TRUE", 200), ("0", 302), ("false", 302), ("False", 302), ("", 302), ("yes", 422), ("2", 422),
     ("1,1", 422), ("on", 422), ("참", 422), ("\ud800", 422), ("1" * 5000, 422)],
)  # fmt: skip
async def test_inline_is_a_yes_or_a_no_and_nothing_is_guessed(app: Any, hub: FakeHub, inline: str, status: int) -> None:
    job_id = await new_job(hub)
    finish(app, hub, job_id)
    answer = await result(hub, job_id, inline=inline)

    assert answer.status_code == status
    if status == 422:
        assert [error["field"] for error in body(answer)["errors"]] == ["inline"]


@pytest.mark.parametrize("wait", ["0", "31", "-1", "1.5", "x", "١", "²", "9" * 5000, "1,1", "\ud800", " "])
async def test_a_wait_that_is_no_number_of_seconds_is_told_of(app: Any, hub: FakeHub, wait: str) -> None:
    """Python refuses to read thousands of digits."""
    answer = await get(hub, await new_job(hub), params={"wait": wait})
    assert (answer.status_code, [error["field"] for error in body(answer)["errors"]]) == (422, ["wait"])


@pytest.mark.parametrize("index", ["01", "-1", "9" * 5000, "０", "\ud800", "0,0"])
async def test_an_index_of_no_picture_is_told_of(app: Any, hub: FakeHub, index: str) -> None:
    job_id = await new_job(hub)
    finish(app, hub, job_id)
    assert (await result(hub, job_id, index=index)).status_code == 422


@pytest.mark.parametrize(
    "job_id", ["", "job_", "job_\u0661" + "0" * 25, "작업", "job_" + "\ud800" * 26, "x" * 9000, "../" * 9, "\x00"]
)
async def test_what_is_no_id_is_no_job(app: Any, hub: FakeHub, job_id: str) -> None:
    for answer in (await get(hub, job_id), await result(hub, job_id), await cancel(hub, job_id), await delete(hub, job_id)):
        assert (answer.status_code, body(answer)["code"]) == (404, "job_not_found")


@pytest.mark.parametrize("etag", ["\ud800", "영웅", "**", ",,,", '"' * 9000])
async def test_an_etag_that_is_none_of_ours_holds_for_nothing(app: Any, hub: FakeHub, etag: str) -> None:
    assert (await get(hub, await new_job(hub), headers={"If-None-Match": etag})).status_code == 200


@pytest.mark.parametrize(
    ("prefer", "status"),
    [("wait=\ud800", 202), ("wait=" + "9" * 5000, 202), ("대기=1", 202), (",;=" * 5000, 202), ("wait " * 5000, 202)],
)
async def test_a_preference_that_makes_no_sense_is_not_applied(app: Any, hub: FakeHub, prefer: str, status: int) -> None:
    hub.then = lambda job_id: finish(app, hub, job_id) if "9" in prefer else None
    answer = await post(hub, headers={"Prefer": prefer})
    assert answer.status_code == (200 if "9" in prefer else status)


async def test_a_result_beyond_its_retention_is_gone_and_a_failed_jobs_is_its_error(app: Any, hub: FakeHub, clock: Clock) -> None:
    gone, failed = await new_job(hub), await new_job(hub)
    finish(app, hub, gone)
    clock.pass_by(days=31)
    finish(app, hub, failed, picture(state="failed", owes=("accepted",), problem=Problem("generation_timeout").to_payload()))

    answers = [await result(hub, job_id) for job_id in (gone, failed)]
    assert [answer.status_code for answer in answers] == [410, 504]
    assert [body(answer)["charged"] for answer in answers] == ["yes", "unknown"]


async def test_of_pictures_that_did_not_all_come_the_result_is_the_first_there_is(app: Any, hub: FakeHub) -> None:
    job_id = await new_job(hub, n="2")
    finish(app, hub, job_id, picture(0, "failed", ("free",), problem=Problem("content_moderated").to_payload()), picture(1))

    assert (await result(hub, job_id)).status_code == 302
    assert (await result(hub, job_id, index="0")).status_code == 422


@pytest.mark.parametrize(("owes", "charged"), [((), "no"), (("may be charged",), "unknown"), (("paid",), "yes")])
async def test_a_canceled_jobs_result_is_not_worth_asking_for_again(
    app: Any, hub: FakeHub, owes: tuple[str, ...], charged: str
) -> None:
    job_id = await new_job(hub)
    finish(app, hub, job_id, picture(state="canceled", owes=owes))
    problem = body(await result(hub, job_id))
    assert (problem["code"], problem["retryable"], problem["charged"]) == ("result_not_ready", False, charged)
    assert "canceled" in problem["detail"] or "취소" in problem["detail"]
    assert "ask again" not in problem["detail"]


async def test_a_late_picture_of_a_canceled_or_failed_job_is_served(app: Any, hub: FakeHub) -> None:
    for state, problem in (("canceled", None), ("failed", Problem("generation_timeout").to_payload())):
        job_id = await new_job(hub)
        finish(app, hub, job_id, picture(state=state, owes=("accepted",), problem=problem, is_watched=True))
        late = {"job_id": job_id, "traceparent": None, "picture": picture(output=output(job_id))}
        keep_leftover.keep(app, late)  # type: ignore[arg-type]
        assert (await result(hub, job_id)).status_code == 302
        assert body(await get(hub, job_id))["status"] == state


async def test_cancel_marks_the_job_and_wakes_every_picture(app: Any, hub: FakeHub) -> None:
    job_id = await new_job(hub, n="2")
    hub.statuses[f"{job_id}-1"] = Status(RUNTIME.Running)
    answer = await cancel(hub, job_id)

    assert answer.status_code == 202
    assert app.jobs.read(job_id)["cancel_requested_at"]
    assert hub.raised == [(f"{job_id}-1", "cancel")]


async def test_a_cancel_that_could_not_be_told_to_a_running_job_fails_so_that_it_is_asked_again(app: Any, hub: FakeHub) -> None:
    job_id = await new_job(hub)
    hub.is_away("raise_event")
    refused = await cancel(hub, job_id)
    assert (refused.status_code, body(refused)["code"], body(refused)["charged"]) == (503, "busy", "unknown")

    hub.is_back()
    assert (await cancel(hub, job_id)).status_code == 202
    assert hub.raised == [(job_id, "cancel")]


async def test_trouble_of_the_hub_gives_up_no_job(app: Any, hub: FakeHub, clock: Clock) -> None:
    job_id = body(await post(hub, headers={"Idempotency-Key": "k"}))["id"]
    clock.pass_by(hours=1)
    hub.statuses[job_id] = HUB_TROUBLE

    assert (await get(hub, job_id)).status_code == 200
    await post(hub, headers={"Idempotency-Key": "k"})
    assert len(hub.started) == 1
    hub.statuses[job_id] = Status(RUNTIME.Running)
    assert body(await get(hub, job_id))["status"] in ("queued", "processing")


async def test_a_finished_job_cannot_be_canceled(app: Any, hub: FakeHub) -> None:
    job_id = await new_job(hub)
    finish(app, hub, job_id)
    answer = await cancel(hub, job_id)

    assert (answer.status_code, body(answer)["code"], body(answer)["charged"]) == (409, "job_already_finished", "yes")


async def test_what_a_refused_cancel_says_of_the_money_is_what_the_job_owes(app: Any, hub: FakeHub) -> None:
    for owes, charged in ((("free",), "no"), (("open", "refused"), "unknown"), (("free", "paid"), "yes")):
        job_id = await new_job(hub)
        finish(app, hub, job_id, picture(state="failed", owes=owes, problem=Problem("internal").to_payload()))
        assert body(await cancel(hub, job_id))["charged"] == charged
        assert body(await get(hub, job_id))["error"]["charged"] == charged


async def test_a_cancel_resumes_what_an_operator_suspended_and_then_tells_it(app: Any, hub: FakeHub) -> None:
    job_id = await new_job(hub)
    hub.statuses[job_id] = Status(RUNTIME.Suspended)
    assert (await cancel(hub, job_id)).status_code == 202
    assert (hub.resumed, hub.raised) == ([job_id], [(job_id, "cancel")])


async def test_a_suspended_job_of_several_pictures_goes_on_too(app: Any, hub: FakeHub) -> None:
    job_id = await new_job(hub, n="2")
    hub.statuses |= {name: Status(RUNTIME.Suspended) for name in (job_id, f"{job_id}-0", f"{job_id}-1")}
    assert (await cancel(hub, job_id)).status_code == 202
    assert sorted(hub.resumed) == [job_id, f"{job_id}-0", f"{job_id}-1"]
    assert hub.raised == [(f"{job_id}-0", "cancel"), (f"{job_id}-1", "cancel")]
