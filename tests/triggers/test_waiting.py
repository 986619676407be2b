"""Waiting for a job: what ends a held request, what If-None-Match names, when to ask again, and a job that is late."""

import itertools
from datetime import timedelta
from typing import Any

import pytest

from shared import names
from tests.pace import at_most
from tests.triggers.calls import RUNTIME, Clock, FakeHub, Status, body, delete, finish, get, new_job, post
from triggers import waiting
from triggers.validators import is_known


@pytest.mark.parametrize(
    ("header", "is_held"),
    [
        ('W/"a"', True), ('"a"', True), ("*", True), (" * ", True), ('"x", W/"a"', True), (',, "x" ,\t"a",', True),
        ('"a","a"', True), ('"b,c", "a"', True), (None, False), ("", False), ('"b"', False), ("a", False), ('"x,W/"a"', False),
        ('w/"a"', False), ('"a" "b"', False), ('"a', False), ('*, "a"', False), ('"x", a', False), ('"A"', False),
        (',"a b"', False), (", ,", False), ('"a", x', False),
    ],
)  # fmt: skip
def test_tags_are_compared_weakly_in_lists_whose_tags_may_have_commas(header: str | None, is_held: bool) -> None:
    assert is_known(header, 'W/"a"') is is_held


def test_a_tag_with_a_comma_is_one_tag() -> None:
    assert is_known('"a", "b,c"', 'W/"b,c"')
    assert not is_known('"b,c"', 'W/"b"')


def test_a_huge_header_is_read_in_time() -> None:
    assert not is_known('"a",' * 20_000 + '"', 'W/"b"')
    assert not is_known(" " * 80_000 + "x", 'W/"b"')


@pytest.mark.parametrize(
    "header", ['"a",' + " " * 30_000 + "x", '"a"' + "\t" * 30_000 + "x", "W/" * 15_000 + "x", '"' + "a" * 60_000]
)
def test_reading_a_header_takes_as_long_as_it_is(header: str) -> None:
    """On the event loop, where everybody waits meanwhile."""
    with at_most(0.25):
        assert not is_known(header, 'W/"b"')


def shown(hub: FakeHub, job_id: str, **custom: Any) -> None:
    hub.statuses[job_id] = Status(RUNTIME.Running, {"stage": "generating", "progress": 30, "started_at": None, **custom})


async def test_progress_alone_is_no_news(app: Any, hub: FakeHub) -> None:
    """Neither for who knows the job nor for who waits for it."""
    job_id = await new_job(hub)
    shown(hub, job_id, eta_seconds=9, expected_seconds=10.0, submitted_at=app.now().isoformat())
    etag = (await get(hub, job_id)).headers["ETag"]
    shown(hub, job_id, progress=50, eta_seconds=4, expected_seconds=10.0, submitted_at=app.now().isoformat())
    for params in ({}, {"wait": "1"}):
        answer = await get(hub, job_id, headers={"If-None-Match": etag}, params=params)
        assert (answer.status_code, answer.get_body()) == (304, b"")
        assert answer.headers["ETag"] == etag
    assert body(await get(hub, job_id))["progress"] == 50


@pytest.mark.parametrize("news", [{"stage": "storing"}, {"queue_position": 2}, {"attempts": 2}])
async def test_everything_else_ends_the_wait(app: Any, hub: FakeHub, monkeypatch: Any, news: dict[str, Any]) -> None:
    job_id = await new_job(hub)
    shown(hub, job_id)
    etag = (await get(hub, job_id)).headers["ETag"]
    looks = itertools.count(1)
    status = hub.get_status

    async def changing(instance_id: str) -> Any:
        shown(hub, job_id, progress=31, **(news if next(looks) > 3 else {}))
        return await status(instance_id)

    monkeypatch.setattr(hub, "get_status", changing)
    # A list that names it without its `W/`: the wait reads it as the 304 does.
    answer = await get(hub, job_id, headers={"If-None-Match": f'"x,y", {etag.removeprefix("W/")}'}, params={"wait": "30"})
    assert answer.status_code == 200
    assert next(looks) == 5


async def test_an_end_ends_the_wait_and_one_who_knows_the_end_does_not_wait(app: Any, hub: FakeHub) -> None:
    job_id = await new_job(hub)
    finish(app, hub, job_id)
    etag = (await get(hub, job_id)).headers["ETag"]
    answer = await get(hub, job_id, headers={"If-None-Match": etag}, params={"wait": "30"})
    assert answer.status_code == 304
    assert "Retry-After" not in answer.headers


async def test_a_job_that_is_deleted_meanwhile_is_not_shown_to_who_waits(app: Any, hub: FakeHub, monkeypatch: Any) -> None:
    """Its orchestration, which is all that is asked of a job that runs, goes on for a while."""
    job_id = await new_job(hub)
    shown(hub, job_id)

    async def deleted_meanwhile() -> None:
        assert (await delete(hub, job_id)).status_code == 204
        shown(hub, job_id, progress=40, stage="storing")

    monkeypatch.setattr(waiting, "_pause", deleted_meanwhile)
    answer = await get(hub, job_id, params={"wait": "5"})
    assert (answer.status_code, body(answer)["code"]) == (404, "job_not_found")


async def test_any_tag_holds_and_is_never_answered_with_a_job(app: Any, hub: FakeHub) -> None:
    job_id = await new_job(hub)
    assert (await get(hub, job_id, headers={"If-None-Match": "*"}, params={"wait": "1"})).status_code == 304


@pytest.mark.parametrize(("age", "eta", "overdue", "again"), [(0, 10, False, "10"), (8.2, 2, False, "2"), (11, 1, False, "1"),
                                                              (12.6, None, True, "2"), (4000, None, True, "2")])  # fmt: skip
@pytest.mark.parametrize("stage", ["generating", "storing"])
async def test_a_job_tells_what_it_takes_yet_at_this_moment_and_when_it_is_late(
    app: Any, hub: FakeHub, clock: Clock, age: float, eta: int | None, overdue: bool, again: str, stage: str
) -> None:
    job_id = await new_job(hub)
    submitted = (app.now() - timedelta(seconds=age)).isoformat()
    # What the story reckoned when it last looked.
    shown(hub, job_id, stage=stage, eta_seconds=1, expected_seconds=10.0, submitted_at=submitted)
    answer = await get(hub, job_id)
    assert (body(answer)["eta_seconds"], body(answer)["overdue"]) == (eta, overdue)
    assert answer.headers["Retry-After"] == again


async def test_that_a_job_has_become_late_is_news(app: Any, hub: FakeHub, clock: Clock) -> None:
    job_id = await new_job(hub)
    shown(hub, job_id, expected_seconds=10.0, submitted_at=app.now().isoformat())
    etag = (await get(hub, job_id)).headers["ETag"]
    clock.pass_by(seconds=9)
    assert (await get(hub, job_id, headers={"If-None-Match": etag})).status_code == 304
    clock.pass_by(seconds=9)
    late = await get(hub, job_id, headers={"If-None-Match": etag})
    assert (late.status_code, body(late)["overdue"]) == (200, True)
    clock.pass_by(seconds=900)
    assert (await get(hub, job_id, headers={"If-None-Match": late.headers["ETag"]})).status_code == 304


async def test_a_story_of_the_version_before_tells_its_own_time(app: Any, hub: FakeHub) -> None:
    job_id = await new_job(hub)
    shown(hub, job_id, eta_seconds=4)
    told = body(await get(hub, job_id))
    assert (told["eta_seconds"], told["overdue"]) == (4, False)


async def test_an_ended_job_is_not_late(app: Any, hub: FakeHub) -> None:
    job_id = await new_job(hub)
    finish(app, hub, job_id)
    told = body(await get(hub, job_id))
    assert (told["eta_seconds"], told["overdue"]) == (None, False)


async def test_in_the_queue_those_ahead_say_when_it_may_begin_and_while_they_are_late_nobody_does(
    app: Any, hub: FakeHub, clock: Clock
) -> None:
    clock.stand_still()
    app.gates._limits["fake"] = 1
    app.gates.change("fake", lambda gate: gate.enter("job_0/0", "i", "e"))
    job_id = await new_job(hub)
    app.gates.change("fake", lambda gate: gate.enter(f"{job_id}/0", "i", "e"))
    hub.statuses[job_id] = Status(RUNTIME.Running, {"stage": "waiting", "progress": 15, "model": "fake"})
    told = []
    for seconds in (0, 6, 6, 30):
        clock.pass_by(seconds=seconds)
        told.append(body(await get(hub, job_id)))
    # Its picture takes 10 s, like the one ahead.
    assert [(job["queue_position"], job["eta_seconds"], job["overdue"]) for job in told] == [
        (1, 20, False), (1, 14, False), (1, 10, False), (1, None, True),
    ]  # fmt: skip


async def test_where_many_jobs_are_late_or_not_begun_each_is_asked_for_more_rarely(app: Any, hub: FakeHub, clock: Clock) -> None:
    many = [await new_job(hub) for _ in range(100)]
    for job_id in many:
        shown(hub, job_id, stage="submitting")

    async def asked(job_id: str) -> str | None:
        return (await get(hub, job_id)).headers.get("Retry-After")

    assert [await asked(job_id) for job_id in many[:74]][-1] == "2"
    assert [await asked(job_id) for job_id in many[74:]] == ["3"] * 25 + ["4"]
    for late in ({"stage": "storing"}, {"expected_seconds": 1.0, "submitted_at": (app.now() - timedelta(hours=1)).isoformat()}):
        shown(hub, many[-1], **late)
        assert await asked(many[-1]) == "2", "as many as have slots are drawn: they make no crowd"
    shown(hub, many[-1], stage="submitting")
    assert await asked(many[-1]) == "4"
    for job_id in many[:50]:
        finish(app, hub, job_id)
        assert await asked(job_id) is None
    assert await asked(many[-1]) == "2", "who has seen the end asks no more"
    # A new one is expected when its generator usually ends, however few go on.
    hub.statuses.clear()
    assert await asked(many[-1]) == "10"
    clock.pass_by(seconds=61)
    assert app.askers.count() == 0, "or has gone"


async def test_whoever_is_far_back_in_line_is_asked_to_come_back_later(app: Any, hub: FakeHub, clock: Clock) -> None:
    app.gates._limits["fake"] = 1
    for number in range(101):
        app.gates.change("fake", lambda gate, holder=f"job_00{number:03}/0": gate.enter(holder, "i", "e", owner=holder))
    job_id = await new_job(hub)
    app.gates.change("fake", lambda gate: gate.enter(f"{job_id}/0", "i", "e", owner="me"))
    hub.statuses[job_id] = Status(RUNTIME.Running, {"stage": "waiting", "progress": 15, "model": "fake"})
    # All those ahead are late, so nobody knows when it begins.
    clock.pass_by(seconds=600)
    answer = await get(hub, job_id)
    assert (body(answer)["queue_position"], body(answer)["overdue"]) == (101, True)
    assert answer.headers["Retry-After"] == "20"


async def test_a_new_job_is_asked_for_again_when_its_picture_may_be_there(app: Any, hub: FakeHub) -> None:
    assert (await post(hub)).headers["Retry-After"] == "10"


async def test_a_job_that_waits_says_whether_it_is_for_its_turn_or_for_a_provider_that_takes_nothing(
    app: Any, hub: FakeHub
) -> None:
    app.gates._limits["fake"] = 1
    app.gates.change("fake", lambda gate: gate.enter("job_0/0", "i", "e"))
    job_id = await new_job(hub)
    assert body(await get(hub, job_id))["waiting_for"] is None
    # It was refused, and keeps its slot.
    hub.statuses[job_id] = Status(RUNTIME.Running, {"stage": "waiting", "progress": 15, "model": "fake"})
    assert body(await get(hub, job_id))["waiting_for"] == "provider"
    # Given its slot a moment ago.
    hub.statuses[job_id] = Status(RUNTIME.Running, {"stage": "waiting", "progress": 15, "model": "fake", "eta_seconds": 4})
    assert body(await get(hub, job_id))["waiting_for"] == "turn"
    app.gates.change("fake", lambda gate: gate.enter(f"{job_id}/0", "i", "e"))
    assert body(await get(hub, job_id))["waiting_for"] == "turn"
    app.gates.change("fake", lambda gate: gate.stop("provider_quota_exhausted"))
    assert body(await get(hub, job_id))["waiting_for"] == "provider"
    finish(app, hub, job_id)
    assert body(await get(hub, job_id))["waiting_for"] is None


async def test_one_picture_that_was_refused_waits_for_its_turn_while_others_are_drawn(app: Any, hub: FakeHub) -> None:
    job_id = await new_job(hub, n="2")
    shown(hub, job_id, stage="generating")

    def are_at(*stages: str) -> None:
        for index, stage in enumerate(stages):
            status = Status(RUNTIME.Running, {"stage": stage, "progress": 15 + 15 * (stage != "waiting"), "model": "fake"})
            hub.statuses[names.picture_instance_id(job_id, index, 2, 0)] = status

    are_at("waiting", "generating")
    assert body(await get(hub, job_id))["waiting_for"] == "turn"
    are_at("waiting", "waiting")
    assert body(await get(hub, job_id))["waiting_for"] == "provider"
    are_at("waiting", "generating")
    app.gates.change("fake", lambda gate: gate.stop("provider_quota_exhausted"))
    assert body(await get(hub, job_id))["waiting_for"] == "provider"
