"""A job whose orchestration died under it: started again from its records, or given up with what they say."""

import asyncio
from typing import Any

import pytest

from shared import starting
from shared.domain.job import MAX_STARTS
from shared.storage.quota_store import QuotaStore
from tests.triggers.calls import (
    RUNTIME,
    Clock,
    FakeHub,
    HubAway,
    Status,
    body,
    finish,
    get,
    new_job,
    output,
    picture,
    post,
    record,
    result,
    settings,
)
from triggers import waiting

LIVE = (RUNTIME.Running, RUNTIME.Pending, RUNTIME.Suspended)


async def shown(hub: FakeHub, job_id: str) -> dict[str, Any]:
    answer = await get(hub, job_id)
    assert answer.status_code == 200, body(answer)
    return body(answer)


async def die(app: Any, hub: FakeHub, clock: Clock, job_id: str, times: int) -> None:
    """The job's orchestration fails so often, and somebody looks each time."""
    for _ in range(times):
        hub.statuses[job_id] = Status(RUNTIME.Failed)
        clock.pass_by(seconds=20)
        await get(hub, job_id)


async def test_a_get_starts_a_failed_orchestration_again_under_the_same_id(app: Any, hub: FakeHub, caplog: Any) -> None:
    job_id = await new_job(hub, n="2")
    hub.statuses |= {job_id: Status(RUNTIME.Failed), f"{job_id}-0": Status(RUNTIME.Running)}
    job = await shown(hub, job_id)

    assert (job["status"], job["error"]) == ("processing", None)
    assert hub.started_jobs == [job_id] * 2
    assert [given["start"] for _, _, given in hub.started] == [0, 1]
    assert hub.terminated == [f"{job_id}-0"], "a child of the former run would go on beside its successor"
    assert app.jobs.read(job_id)["starts"] == 1
    assert "job_restarted" in caplog.messages
    assert (await shown(hub, job_id))["status"] == "processing"
    assert len(hub.started) == 2, "it goes on now"


async def test_the_result_and_a_repeated_post_start_it_again_too(app: Any, hub: FakeHub) -> None:
    by_result = await new_job(hub)
    hub.statuses[by_result] = Status(RUNTIME.Failed)
    assert body(await result(hub, by_result))["code"] == "result_not_ready"
    assert app.jobs.read(by_result)["starts"] == 1

    by_key = body(await post(hub, headers={"Idempotency-Key": "k"}))["id"]
    hub.statuses[by_key] = Status(RUNTIME.Failed)
    again = await post(hub, headers={"Idempotency-Key": "k"})
    assert (again.status_code, body(again)["id"]) == (202, by_key)
    assert app.jobs.read(by_key)["starts"] == 1, "and it is counted"
    assert hub.started_jobs == [by_result, by_result, by_key, by_key]


@pytest.mark.parametrize("is_synchronous", [False, True])
async def test_a_post_that_waits_starts_it_again_too(app: Any, hub: FakeHub, monkeypatch: Any, is_synchronous: bool) -> None:
    monkeypatch.setattr(waiting, "LOOKS_BEFORE_THE_HUB", 2)
    settings(app, **({"SYNC_RESPONSES": "true"} if is_synchronous else {}))

    # It dies, and its second run ends well.
    hub.on_start = Status(RUNTIME.Failed)
    hub.then = lambda job_id: finish(app, hub, job_id) if len(hub.started) == 2 else None
    answer = await post(hub, headers={"Prefer": "wait=20"})
    assert answer.status_code == 200
    assert len(hub.started_jobs) == 2


async def test_of_two_gets_in_one_moment_one_starts_it(app: Any, hub: FakeHub, monkeypatch: Any) -> None:
    job_id = await new_job(hub)
    hub.statuses[job_id] = Status(RUNTIME.Failed)
    both_have_seen, seen = asyncio.Event(), []
    revive = starting.revive

    async def met(app: Any, client: Any, document: Any, status: Any) -> Any:
        seen.append(status.runtime_status.name)
        if len(seen) == 2:
            both_have_seen.set()
        await asyncio.wait_for(both_have_seen.wait(), 5)
        return await revive(app, client, document, status)

    monkeypatch.setattr("triggers.job_view.revive", met)
    answers = await asyncio.gather(get(hub, job_id), get(hub, job_id))

    assert seen == ["Failed", "Failed"]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert (app.jobs.read(job_id)["starts"], hub.started_jobs) == (1, [job_id] * 2)


async def test_who_still_sees_it_failed_just_after_it_was_started_again_waits(app: Any, hub: FakeHub, clock: Clock) -> None:
    job_id = await new_job(hub)
    for seconds, starts in ((0, 1), (5, 1), (6, 2)):
        clock.pass_by(seconds=seconds)
        hub.statuses[job_id] = Status(RUNTIME.Failed)
        await get(hub, job_id)
        assert app.jobs.read(job_id)["starts"] == starts


async def test_a_start_that_did_not_come_about_is_not_taken_for_the_failed_run_that_is_still_there(
    app: Any, hub: FakeHub, monkeypatch: Any
) -> None:
    job_id = await new_job(hub)
    hub.statuses[job_id] = Status(RUNTIME.Failed)
    start = hub.start_new

    async def away_once(*args: Any) -> Any:
        monkeypatch.setattr(hub, "start_new", start)
        raise HubAway("start_new")

    monkeypatch.setattr(hub, "start_new", away_once)
    await get(hub, job_id)
    assert hub.started_jobs == [job_id] * 2
    assert app.jobs.read(job_id)["starts"] == 1


async def test_it_is_started_again_at_most_five_times(app: Any, hub: FakeHub, clock: Clock, caplog: Any) -> None:
    caplog.set_level("INFO", logger="toonconnect")
    job_id = await new_job(hub)
    await die(app, hub, clock, job_id, MAX_STARTS)
    assert (app.jobs.read(job_id)["status"], len(hub.started)) == ("queued", 1 + MAX_STARTS)

    await die(app, hub, clock, job_id, 1)
    job = await shown(hub, job_id)
    assert (job["status"], job["error"]["code"], len(hub.started)) == ("failed", "internal", 1 + MAX_STARTS)
    assert job["expires_at"] > job["completed_at"]
    await get(hub, job_id)
    assert [entry.status for entry in caplog.records if entry.message == "job_ended"] == ["failed"], "told once"


@pytest.mark.parametrize(
    ("state", "states", "charged", "attempts"),
    [
        (None, (), "no", 0),
        ("refused", ("refused",), "no", 0),
        ("sending", ("open",), "unknown", 0),
        ("lost", ("open",), "unknown", 0),
        ("submitted", ("accepted",), "unknown", 1),
        ("ended", ("free",), "no", 1),
        ("submitted", ("open", "accepted"), "unknown", 1),
    ],
)
@pytest.mark.parametrize("way", ["died too often", "terminated"])
async def test_what_a_job_that_is_given_up_owes_is_what_its_records_say(
    app: Any, hub: FakeHub, clock: Clock, way: str, state: Any, states: Any, charged: str, attempts: int
) -> None:
    job_id = await new_job(hub)
    if state:
        record(app, job_id, state, *states, handle={"id": "p", "poll_url": "x"})
    if way == "terminated":
        hub.statuses[job_id] = Status(RUNTIME.Terminated)
    else:
        await die(app, hub, clock, job_id, MAX_STARTS + 1)
    job = await shown(hub, job_id)

    assert (job["status"], job["error"]["code"], job["error"]["charged"]) == ("failed", "internal", charged)
    may_cost = 0.08 * sum(state in ("open", "accepted") for state in states)
    assert (job["attempts"], job["usage"]["cost_usd"], job["usage"]["settled"]) == (attempts, may_cost, charged == "no")
    assert job["possible_duplicate"] is (len(states) == 2)


async def test_a_picture_that_was_stored_before_it_died_is_kept_and_told_as_paid(app: Any, hub: FakeHub) -> None:
    job_id = await new_job(hub)
    record(app, job_id, "submitted", "accepted", handle={"id": "p", "poll_url": "x"})
    made = output(job_id)
    thumbnail = type("Thumbnail", (), {"data": b"jpg", "facts": type("Facts", (), {"content_type": "image/jpeg"})})
    app.pictures.keep(job_id, made, 1, b"png", thumbnail)
    hub.statuses[job_id] = Status(RUNTIME.Terminated)
    job = await shown(hub, job_id)

    assert (job["status"], job["error"], job["usage"]) == (
        "succeeded", None, {"cost_usd": 0.08, "open_usd": 0, "estimated": True, "settled": True},
    )  # fmt: skip
    assert [entry["index"] for entry in job["outputs"]] == [0]
    assert (await result(hub, job_id)).status_code == 302


async def test_what_an_operator_terminated_is_not_started_again_by_anybody(app: Any, hub: FakeHub) -> None:
    job_id = body(await post(hub, headers={"Idempotency-Key": "k"}))["id"]
    hub.statuses[job_id] = Status(RUNTIME.Terminated)
    again = await post(hub, headers={"Idempotency-Key": "k"})
    assert (body(again)["id"], body(again)["status"], body(again)["error"]["charged"]) == (job_id, "failed", "no")
    assert (await shown(hub, job_id))["status"] == "failed"
    assert hub.started_jobs == [job_id]


async def test_an_orchestration_that_completed_without_its_last_step_is_started_again(app: Any, hub: FakeHub) -> None:
    job_id = await new_job(hub)
    hub.statuses[job_id] = Status(RUNTIME.Completed)
    assert (await shown(hub, job_id))["status"] == "processing"
    assert hub.started_jobs == [job_id] * 2


@pytest.mark.parametrize("runtime", LIVE)
async def test_what_goes_on_is_left_alone(app: Any, hub: FakeHub, clock: Clock, runtime: Any) -> None:
    job_id = await new_job(hub)
    hub.statuses[job_id] = Status(runtime)
    clock.pass_by(hours=1)
    assert (await shown(hub, job_id))["status"] in ("queued", "processing")
    assert hub.started_jobs == [job_id]


async def test_a_job_whose_post_died_before_its_start_is_started_after_a_minute(app: Any, hub: FakeHub, clock: Clock) -> None:
    hub.is_away("start_new")
    job_id = await new_job(hub)
    hub.is_back()
    assert (await shown(hub, job_id))["status"] == "queued"
    assert hub.started == [], "its POST may be about to"

    clock.pass_by(seconds=61)
    assert (await shown(hub, job_id))["status"] == "processing"
    assert hub.started_jobs == [job_id]


async def test_a_job_that_nobody_could_ever_start_owes_nothing(app: Any, hub: FakeHub, clock: Clock) -> None:
    hub.is_away("start_new")
    job_id = await new_job(hub)
    for _ in range(MAX_STARTS + 1):
        clock.pass_by(seconds=61)
        job = await shown(hub, job_id)
    assert (job["status"], job["error"]["charged"], job["usage"]["cost_usd"]) == ("failed", "no", 0)
    assert job["pictures"][0]["charged"] == "no"


async def test_a_job_that_was_given_up_counts_no_more_among_its_owners(app: Any, hub: FakeHub) -> None:
    app.__dict__["quotas"] = QuotaStore(app.documents, 1, None, app.now)
    job_id = await new_job(hub)
    assert body(await post(hub))["code"] == "too_many_active_jobs"
    hub.statuses[job_id] = Status(RUNTIME.Terminated)
    await get(hub, job_id)
    assert (await post(hub)).status_code == 202


async def test_a_dead_watch_over_an_ended_job_is_taken_up_again_by_a_get_which_does_not_show_it(app: Any, hub: FakeHub) -> None:
    job_id = await new_job(hub)
    finish(app, hub, job_id, picture(state="canceled", owes=("accepted",), is_watched=True))
    hub.statuses[job_id] = Status(RUNTIME.Failed)
    job = await shown(hub, job_id)
    assert (job["status"], job["usage"]["settled"]) == ("canceled", False)
    assert hub.started_jobs == [job_id, job_id]
