"""What the timer does every few minutes."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from azure.core.exceptions import ServiceRequestError
from azure.durable_functions.models.PurgeHistoryResult import PurgeHistoryResult

from shared import names
from shared.domain.job import MAX_STARTS
from shared.storage.image_names import upload_name
from tests.triggers.calls import (
    RUNTIME,
    Clock,
    FakeHub,
    HubAway,
    Status,
    body,
    delete,
    finish,
    get,
    new_job,
    picture,
    settings,
    user,
)
from triggers import housekeeping


class AskedHub(FakeHub):
    """Remembers what it was asked in bulk; `stuck` instances have gone on for long."""

    def __init__(self, stuck: int) -> None:
        super().__init__()
        self.stuck = stuck
        self.asked: list[tuple[str, datetime, list[str]]] = []

    async def purge_instance_history_by(self, since: datetime, until: datetime, states: Any) -> Any:
        self.asked.append(("purge", until, [state.name for state in states]))
        return PurgeHistoryResult(7)

    async def get_status_by(self, since: datetime, until: datetime, states: Any) -> list[Any]:
        if RUNTIME.Failed in states:
            return await super().get_status_by(since, until, states)
        self.asked.append(("list", until, [state.name for state in states]))
        return [Status(RUNTIME.Running)] * self.stuck


async def tidy(app: Any, hub: FakeHub) -> None:
    await housekeeping.tidy(hub, app.now())  # type: ignore[arg-type]


def told(caplog: Any, message: str = "housekeeping") -> Any:
    (record,) = [record for record in caplog.records if record.getMessage() == message]
    return record


async def test_what_has_ended_is_forgotten_after_the_retention_and_stuck_jobs_are_counted(app: Any, caplog: Any) -> None:
    settings(app, RETENTION_DAYS="10")
    now, hub = datetime(2026, 6, 30, tzinfo=UTC), AskedHub(stuck=2)
    with caplog.at_level("INFO", "toonconnect"):
        await housekeeping.tidy(hub, now)  # type: ignore[arg-type]

    (_, purged_until, purged), (_, listed_until, listed) = hub.asked
    assert (purged_until, listed_until) == (now - timedelta(days=10), now - housekeeping.STUCK_AFTER)
    assert not set(purged) & set(listed)
    (record,) = caplog.records
    assert (record.getMessage(), record.levelname, record.purged, record.stuck) == ("housekeeping", "WARNING", 7, 2)
    assert record.restarted == 0


async def test_an_operator_is_told_when_it_fails(app: Any, hub: FakeHub, caplog: Any, monkeypatch: Any) -> None:
    def away(*_: Any) -> Any:
        raise HubAway

    monkeypatch.setattr(hub, "get_status_by", away)
    with caplog.at_level("INFO", "toonconnect"), pytest.raises(HubAway):
        await user(housekeeping.housekeeping)(timer=None, client=hub)

    record = told(caplog, "housekeeping_failed")
    assert (record.levelname, record.reason) == ("ERROR", "HubAway")


async def test_once_an_hour_keys_and_counters_that_say_nothing_more_are_deleted(app: Any, hub: FakeHub, clock: Clock) -> None:
    job_id = await new_job(hub)
    old, gate = ["idempotency/k.json", "owners/o.json"], "gates/fake.json"
    for name in old:
        app.blobs.create_document(name, {"at": "2026-01-01", "job_id": job_id, "day": "2026-01-01", "started": 1, "active": {}})
    app.blobs.create_document(gate, {"paused": {"since": 0, "reason": "?"}})
    app.blobs.written.update(dict.fromkeys([*app.blobs.documents], clock() - timedelta(days=3)))
    for minute, left in ((59, True), (5, True), (4, False)):
        await housekeeping.tidy(hub, app.now().replace(minute=minute))  # type: ignore[arg-type]
        assert [name in app.blobs.documents for name in old] == [left] * 2
    assert gate in app.blobs.documents
    assert [name for name in app.blobs.documents if name.startswith("jobs/")]


async def test_it_looks_often_enough_to_fetch_what_a_dead_job_has_paid_for() -> None:
    (trigger,) = [
        b for b in housekeeping.housekeeping._function.get_bindings() if getattr(b, "type", "") == "timerTrigger"
    ]  # fmt: skip
    assert trigger.schedule == "0 */5 * * * *", "a result's link lives for ten minutes"


async def test_failed_jobs_and_those_that_were_never_started_are_started(
    app: Any, hub: FakeHub, clock: Clock, caplog: Any
) -> None:
    hub.is_away("start_new")
    never = await new_job(hub)
    hub.is_back()
    failed, running, stopped, ended = [await new_job(hub) for _ in range(4)]
    hub.statuses |= {failed: Status(RUNTIME.Failed), stopped: Status(RUNTIME.Terminated)}
    finish(app, hub, ended)
    clock.pass_by(seconds=61)
    hub.started.clear()
    with caplog.at_level("INFO", "toonconnect"):
        await tidy(app, hub)

    assert sorted(hub.started_jobs) == sorted([failed, never])
    assert [app.jobs.read(job_id)["starts"] for job_id in (never, failed, running, ended)] == [1, 1, 0, 0]
    document = app.jobs.read(stopped)
    assert (document["status"], document["error"]["charged"]) == ("failed", "no"), "an operator's word stands"
    assert told(caplog).restarted == 2


async def test_a_job_whose_start_failed_a_moment_ago_is_left_to_its_post(app: Any, hub: FakeHub, clock: Clock) -> None:
    hub.is_away("start_new")
    await new_job(hub)
    hub.is_back()
    await tidy(app, hub)
    assert hub.started == []


async def test_a_dead_watch_over_what_may_still_be_paid_is_started_again(app: Any, hub: FakeHub) -> None:
    job_id = await new_job(hub)
    finish(app, hub, job_id, picture(state="canceled", owes=("accepted",), is_watched=True))
    hub.statuses[job_id] = Status(RUNTIME.Failed)
    await tidy(app, hub)
    assert hub.started_jobs == [job_id] * 2
    assert body(await get(hub, job_id))["status"] == "canceled"


async def test_it_goes_on_after_a_job_that_cannot_be_looked_at(app: Any, hub: FakeHub, monkeypatch: Any, caplog: Any) -> None:
    ids = sorted([await new_job(hub) for _ in range(3)])
    hub.statuses |= {job_id: Status(RUNTIME.Failed) for job_id in ids}
    status = hub.get_status

    async def troubled(instance_id: str) -> Any:
        if instance_id == ids[0]:
            raise HubAway("get_status")
        return await status(instance_id)

    monkeypatch.setattr(hub, "get_status", troubled)
    with caplog.at_level("INFO", "toonconnect"):
        await tidy(app, hub)
    assert [app.jobs.read(job_id)["starts"] for job_id in ids] == [0, 1, 1]
    assert told(caplog, "restart_failed").job_id == ids[0]
    assert told(caplog).restarted == 2


async def test_a_job_that_is_forgotten_meanwhile_is_nothing_to_tell(
    app: Any, hub: FakeHub, monkeypatch: Any, caplog: Any
) -> None:
    job_id = await new_job(hub)
    hub.statuses[job_id] = Status(RUNTIME.Failed)
    status = hub.get_status

    async def forgotten(instance_id: str) -> Any:
        app.jobs.delete(job_id)
        return await status(instance_id)

    monkeypatch.setattr(hub, "get_status", forgotten)
    with caplog.at_level("INFO", "toonconnect"):
        await tidy(app, hub)
    assert "restart_failed" not in caplog.messages
    assert told(caplog).restarted == 0


async def test_a_job_at_its_last_start_is_an_error_that_is_told(app: Any, hub: FakeHub, clock: Clock, caplog: Any) -> None:
    job_id = await new_job(hub)
    for _ in range(MAX_STARTS):
        hub.statuses[job_id] = Status(RUNTIME.Failed)
        clock.pass_by(minutes=5)
        await tidy(app, hub)
    record = told(caplog, "job_at_last_start")
    assert (record.levelname, record.job_id, record.starts) == ("ERROR", job_id, MAX_STARTS)

    hub.statuses[job_id] = Status(RUNTIME.Failed)
    clock.pass_by(minutes=5)
    await tidy(app, hub)
    assert app.jobs.read(job_id)["status"] == "failed"
    assert hub.started_jobs == [job_id] * (1 + MAX_STARTS)


async def test_children_and_the_janitor_are_no_jobs(app: Any, hub: FakeHub) -> None:
    job_id = await new_job(hub, n="2")
    hub.statuses |= {f"{job_id}-0": Status(RUNTIME.Failed), names.JANITOR: Status(RUNTIME.Failed)}
    await tidy(app, hub)
    assert hub.started_jobs == [job_id], "its parent calls a child again"


async def test_the_janitor_is_called_while_anything_is_left_to_forget(app: Any, hub: FakeHub) -> None:
    def calls() -> int:
        return [name for name, _, _ in hub.started].count(names.FORGET_JOBS)

    await tidy(app, hub)
    assert calls() == 0
    job_id = await new_job(hub)
    await delete(hub, job_id)
    hub.statuses[names.JANITOR] = Status(RUNTIME.Failed)
    await tidy(app, hub)
    assert calls() == 2
    await tidy(app, hub)
    assert calls() == 2, "it is at work"


# ---- uploads that their jobs' ends have left ----

ON_THE_HOUR, LATER = datetime(2026, 6, 30, 12, 4, tzinfo=UTC), datetime(2026, 6, 30, 12, 5, tzinfo=UTC)


async def ended_with_uploads(app: Any, hub: FakeHub, now: datetime) -> tuple[str, set[str]]:
    """A job that has ended, with uploads of today and of the version before, and what else it has."""
    job_id = await new_job(hub)
    finish(app, hub, job_id)
    kept = set(app.blobs.images)
    for name in (upload_name(job_id, "input_image", "jpg"), f"{job_id}/input/input_image.jpg"):
        app.blobs.put_image(name, b"jpg", "image/jpeg")
        app.blobs.written[name] = now - timedelta(hours=1)
    return job_id, kept


async def test_uploads_that_an_end_has_left_are_removed(app: Any, hub: FakeHub, caplog: Any) -> None:
    job_id, kept = await ended_with_uploads(app, hub, LATER)
    with caplog.at_level("INFO", "toonconnect"):
        await housekeeping.tidy(hub, LATER)  # type: ignore[arg-type]

    assert set(app.blobs.images) == {*kept, f"{job_id}/input/input_image.jpg"}
    assert told(caplog).uploads == 1


async def test_those_of_the_version_before_are_removed_once_an_hour(app: Any, hub: FakeHub, caplog: Any) -> None:
    _, kept = await ended_with_uploads(app, hub, ON_THE_HOUR)
    with caplog.at_level("INFO", "toonconnect"):
        await housekeeping.tidy(hub, ON_THE_HOUR)  # type: ignore[arg-type]

    assert set(app.blobs.images) == kept
    assert told(caplog).uploads == 2


async def test_storage_that_does_not_list_uploads_holds_up_nothing_else(
    app: Any, hub: FakeHub, monkeypatch: Any, caplog: Any
) -> None:
    def away(*_: Any) -> Any:
        raise ServiceRequestError("no connection")

    monkeypatch.setattr(app.blobs, "sizes", away)
    with caplog.at_level("INFO", "toonconnect"):
        await housekeeping.tidy(hub, LATER)  # type: ignore[arg-type]

    assert told(caplog, "uploads_kept").reason == "ServiceRequestError"
    assert (told(caplog).levelname, told(caplog).uploads) == ("INFO", 0)
