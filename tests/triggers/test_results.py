"""A job's result: its name, bytes for pages of other origins, what a picture that failed says, and the day its time is over."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from shared.domain.problem import Problem
from shared.job_ids import new_job_id
from tests.triggers import calls
from tests.triggers.calls import (
    Clock,
    FakeHub,
    body,
    cancel,
    delete,
    finish,
    get,
    left_of,
    new_job,
    picture,
    request,
    settings,
    user,
)
from triggers import housekeeping, jobs


async def result(hub: FakeHub, job_id: str, origin: str | None = None, **params: str) -> Any:
    sent = request(route={"id": job_id}, params=params, headers={} if origin is None else {"Origin": origin})
    return await user(jobs.get_job_result)(req=sent, client=hub)


@pytest.mark.parametrize("origin", ["https://page.example", "null", "https://elsewhere.example"])
async def test_a_page_gets_bytes_and_no_redirect(app: Any, hub: FakeHub, origin: str) -> None:
    """Whether it may read them its browser decides, by the answer's CORS headers."""
    job_id = await new_job(hub)
    finish(app, hub, job_id)
    for params in ({}, {"inline": "0"}, {"inline": "1"}):
        answer = await result(hub, job_id, origin, **params)
        assert (answer.status_code, answer.get_body(), answer.mimetype) == (200, b"png", "image/png")
        assert answer.headers["Cache-Control"] == "private, max-age=3600"
        assert "Origin" in answer.headers["Vary"]
    assert (await result(hub, job_id)).status_code == 302


async def test_bytes_and_link_have_a_readable_name(app: Any, hub: FakeHub, monkeypatch: Any) -> None:
    job_id = await new_job(hub)
    finish(app, hub, job_id)
    signed: list[Any] = []
    monkeypatch.setattr(app.links, "sign", lambda *asked: signed.append(asked) or ("https://store/x", app.now()))
    await result(hub, job_id)
    header = (await result(hub, job_id, inline="1")).headers["Content-Disposition"]
    assert header.startswith('inline; filename="toonconnect-goods-')
    assert signed[0][2] == header
    assert job_id not in header


async def test_a_picture_that_failed_tells_its_own_problem(app: Any, hub: FakeHub) -> None:
    job_id = await new_job(hub, n="4")
    timeout = Problem("generation_timeout", charged="unknown", params={"limit_ko": "2분", "limit_en": "2 minutes"})
    finish(
        app, hub, job_id, picture(0, "failed", ("free",), problem=Problem("content_moderated").to_payload()),
        picture(1, "failed", ("accepted",), problem=timeout.to_payload()), picture(2), picture(3, "canceled", ("free",)),
    )  # fmt: skip
    answers = [await result(hub, job_id, index=index) for index in "01234"]
    assert [answer.status_code for answer in answers] == [422, 504, 302, 409, 422]
    told = [body(answer) for answer in (*answers[:2], *answers[3:])]
    assert [(problem["code"], problem["retryable"]) for problem in told] == [
        ("content_moderated", False), ("generation_timeout", True), ("result_not_ready", False), ("validation_failed", False),
    ]  # fmt: skip
    assert [problem["charged"] for problem in told[:2]] == ["no", "unknown"]
    assert (await result(hub, job_id)).status_code == 302, "the first there is"


async def test_of_a_job_that_made_nothing_each_picture_has_its_own_reason_too(app: Any, hub: FakeHub) -> None:
    job_id = await new_job(hub, n="2")
    moderated, bad = Problem("content_moderated"), Problem("provider_bad_response", charged="yes")
    finish(app, hub, job_id, picture(0, "failed", ("free",), problem=moderated.to_payload()),
           picture(1, "failed", problem=bad.to_payload()))  # fmt: skip
    assert body(await result(hub, job_id, index="1"))["code"] == "provider_bad_response"
    assert body(await result(hub, job_id))["code"] == "content_moderated"


# ---- the day its time is over ----


async def everywhere(hub: FakeHub, job_id: str) -> list[tuple[int, str]]:
    results = [await result(hub, job_id), await result(hub, job_id, inline="1")]
    answers = [*results, *[await ask(hub, job_id) for ask in (get, cancel, delete)]]
    return [(answer.status_code, body(answer)["code"]) for answer in answers]


async def test_on_day_29_its_result_is_there_and_on_day_31_it_is_gone_everywhere_and_so_is_the_data(
    app: Any, hub: FakeHub, clock: Clock
) -> None:
    job_id = await new_job(hub)
    finish(app, hub, job_id)
    clock.pass_by(days=29)
    await housekeeping.tidy(hub, app.now())
    answer = await result(hub, job_id, inline="1")
    assert (answer.status_code, answer.get_body()) == (200, b"png")
    clock.pass_by(days=2)
    before = await everywhere(hub, job_id)
    await housekeeping.tidy(hub, app.now())
    assert left_of(app, job_id) == set()
    assert before == await everywhere(hub, job_id) == [(410, "result_expired")] * 5


async def test_it_is_gone_from_the_moment_of_expires_at(app: Any, hub: FakeHub, monkeypatch: Any) -> None:
    job_id = await new_job(hub)
    finish(app, hub, job_id)
    ends = datetime.fromisoformat(app.jobs.read(job_id)["expires_at"])
    monkeypatch.setattr(app, "_clock", lambda: ends - timedelta(seconds=90))
    assert (await result(hub, job_id, inline="1")).headers["Cache-Control"] == "private, max-age=90"
    monkeypatch.setattr(app, "_clock", lambda: ends)
    answer = await result(hub, job_id)
    assert (answer.status_code, body(answer)["charged"]) == (410, "yes")


async def test_whose_the_old_job_was_is_not_told(app: Any, hub: FakeHub, clock: Clock, monkeypatch: Any) -> None:
    """One that was never there, another's and one's own that is forgotten are told alike; one that may be there yet is 404."""
    calls.settings(app, AUTH_MODE="easyauth")
    me, you = ({"X-MS-CLIENT-PRINCIPAL-ID": name} for name in ("me", "you"))
    job_id = body(await calls.post(hub, headers=me))["id"]
    finish(app, hub, job_id)
    never = new_job_id()
    assert [(await get(hub, asked, headers=you)).status_code for asked in (job_id, never)] == [404, 404]
    clock.pass_by(days=31)
    told = [await get(hub, job_id, headers=you), await get(hub, never, headers=you)]
    assert [(answer.status_code, body(answer)["charged"]) for answer in told] == [(410, "unknown")] * 2
    assert body(await get(hub, job_id, headers=me))["charged"] == "yes"
    monkeypatch.setattr("shared.job_ids.time.time_ns", lambda: int(clock().timestamp() * 1e9))
    assert (await get(hub, new_job_id(), headers=you)).status_code == 404


@pytest.mark.parametrize("job_id", ["job_" + "0" * 26, "job_" + "z" * 26, "job_06f3k2abcdefghjkmnpqrstvwx"])
async def test_an_id_of_no_time_in_which_there_were_jobs_is_not_found(app: Any, hub: FakeHub, job_id: str) -> None:
    assert (await get(hub, job_id)).status_code == 404


# ---- housekeeping ----


async def test_expired_jobs_are_removed_in_bounded_steps_and_no_others(
    app: Any, hub: FakeHub, clock: Clock, monkeypatch: Any, caplog: Any
) -> None:
    monkeypatch.setattr(housekeeping, "EXPIRED_AT_ONCE", 2)
    old = [await new_job(hub) for _ in range(3)]
    running = await new_job(hub)
    for job_id in old:
        finish(app, hub, job_id)
    # One of the version before, whose blob does not say when it expires.
    app.blobs.metadata["documents", f"jobs/{old[0]}/job.json"].pop("expires_at")
    clock.pass_by(days=30, seconds=1)
    monkeypatch.setattr("shared.job_ids.time.time_ns", lambda: int(clock().timestamp() * 1e9))
    young = await new_job(hub)
    finish(app, hub, young)
    left = []
    for _ in range(3):
        with caplog.at_level("INFO", "toonconnect"):
            await housekeeping.tidy(hub, app.now())
        left.append(sum(bool(left_of(app, job_id)) for job_id in old))
    assert left == [1, 0, 0]
    assert [record.expired for record in caplog.records if record.getMessage() == "housekeeping"] == [2, 1, 0]
    assert left_of(app, young)
    assert left_of(app, running), "it has not ended"


async def test_the_time_of_a_job_begins_with_its_end(app: Any, hub: FakeHub, clock: Clock) -> None:
    job_id = await new_job(hub)
    clock.pass_by(hours=1)
    finish(app, hub, job_id)
    clock.pass_by(days=29, hours=23, minutes=30)
    await housekeeping.tidy(hub, app.now())
    assert (await result(hub, job_id, inline="1")).status_code == 200
    clock.pass_by(minutes=31)
    await housekeeping.tidy(hub, app.now())
    assert left_of(app, job_id) == set()


async def test_the_search_for_expired_jobs_ends_at_the_first_young_one(app: Any, hub: FakeHub, monkeypatch: Any) -> None:
    for _ in range(3):
        finish(app, hub, await new_job(hub))
    listed, listing = [], app.blobs.document_metadata

    def counted(prefix: str, page: int | None = None) -> Any:
        for entry in listing(prefix, page):
            listed.append(entry)
            yield entry

    monkeypatch.setattr(app.blobs, "document_metadata", counted)
    assert app.jobs.expired_jobs(app.now(), timedelta(days=30), 100) == []
    assert len(listed) == 1


async def test_a_job_that_cannot_be_forgotten_keeps_no_other(
    app: Any, hub: FakeHub, clock: Clock, monkeypatch: Any, caplog: Any
) -> None:
    stays, goes = [await new_job(hub) for _ in range(2)]
    for job_id in (stays, goes):
        finish(app, hub, job_id)
    clock.pass_by(days=31)
    remove = app.index.remove

    def broken(document: dict[str, Any]) -> None:
        if document["id"] == stays:
            raise KeyError("kind")
        remove(document)

    monkeypatch.setattr(app.index, "remove", broken)
    with caplog.at_level("INFO", "toonconnect"):
        await housekeeping.tidy(hub, app.now())
    assert (bool(app.jobs.read(stays)), app.jobs.read(goes)) == (True, None)
    kept = [(record.job_id, record.reason) for record in caplog.records if record.getMessage() == "expired_kept"]
    assert kept == [(stays, "KeyError")]


@pytest.mark.parametrize(("before", "after"), [(1, 30), (30, 1)])
async def test_another_retention_keeps_nobody_longer_than_was_said(
    app: Any, hub: FakeHub, clock: Clock, monkeypatch: Any, before: int, after: int
) -> None:
    """What a job was told when it ended holds: jobs of before and of after lie beside each other."""
    monkeypatch.setattr("shared.job_ids.time.time_ns", lambda: int(clock().timestamp() * 1e9))
    made = {}
    for days in (before, after):
        settings(app, RETENTION_DAYS=str(days))
        made[days] = await new_job(hub)
        finish(app, hub, made[days])
        clock.pass_by(minutes=1)
    clock.pass_by(days=5)
    await housekeeping.tidy(hub, app.now())

    assert app.jobs.read(made[1]) is None
    assert app.jobs.read(made[30])


async def test_storage_that_does_not_list_jobs_holds_up_nothing_else(
    app: Any, hub: FakeHub, monkeypatch: Any, caplog: Any
) -> None:
    def away(*_: Any) -> Any:
        raise OSError

    monkeypatch.setattr(app.jobs, "expired_jobs", away)
    with caplog.at_level("INFO", "toonconnect"):
        await housekeeping.tidy(hub, app.now())
    assert [record.reason for record in caplog.records if record.getMessage() == "expired_kept"] == ["OSError"]
