"""DELETE: hidden at once, and nothing left when the story is over."""

from typing import Any

import pytest
from azure.core.exceptions import ServiceRequestError

from activities import forget_jobs, keep_leftover
from shared import names
from shared.domain.job import MAX_STARTS
from shared.domain.problem import Problem
from shared.storage.image_names import output_name, prepared_name
from shared.storage.quota_store import QuotaStore
from tests.fakes import images_of
from tests.triggers.calls import (
    RUNTIME,
    Clock,
    FakeHub,
    Status,
    body,
    cancel,
    delete,
    finish,
    finish_before,
    get,
    left_of,
    new_job,
    output,
    picture,
    post,
    record,
    result,
)


async def janitor(app: Any, hub: FakeHub) -> int:
    """One round of it: how many deleted jobs are left."""
    return (await forget_jobs.forget(app, hub, {"traceparent": None}))["left"]


def janitor_was_called(hub: FakeHub) -> bool:
    return (names.FORGET_JOBS, names.JANITOR) in [(name, instance) for name, instance, _ in hub.started]


async def test_of_an_ended_job_everything_is_gone_at_once(app: Any, hub: FakeHub) -> None:
    job_id = body(await post(hub, {"n": "2"}, headers={"Idempotency-Key": "k"}))["id"]
    other = await new_job(hub)
    record(app, job_id, "submitted", "accepted", handle={"id": "p-1", "poll_url": "x"})
    app.blobs.create_document("predictions/fake/p-1.json", {"job_id": job_id, "index": 0, "attempt": 1})
    hub.statuses |= {f"{job_id}-0": Status(RUNTIME.Completed), f"{job_id}-1": Status(RUNTIME.Completed)}
    finish(app, hub, job_id, picture(0), picture(1))
    assert len(left_of(app, job_id)) >= 8

    assert (await delete(hub, job_id)).status_code == 204
    assert left_of(app, job_id) == set()
    # Its key stays for its day, since a late repeat must not pay again, and says nothing of request or job.
    (key,) = [document for name, (document, _) in app.blobs.documents.items() if name.startswith("idempotency/")]
    assert {name for name, value in key.items() if value} == {"at", "deleted"}
    assert [name for name in app.blobs.documents if "deleted" in name or "predictions" in name] == []
    assert [instance for instance in hub.statuses if job_id in instance] == []
    assert not janitor_was_called(hub), "there is nothing left to do"
    assert left_of(app, other)
    assert (await get(hub, job_id)).status_code == 404
    assert (await delete(hub, job_id)).status_code == 404


async def test_a_running_job_is_hidden_at_once_and_told_that_nobody_wants_it(app: Any, hub: FakeHub) -> None:
    job_id = await new_job(hub)
    record(app, job_id, "submitted", "accepted", handle={"id": "p-1", "poll_url": "x"})
    assert (await delete(hub, job_id)).status_code == 204

    for ask in (get, result, cancel, delete):
        answer = await ask(hub, job_id)
        assert (answer.status_code, body(answer)["code"]) == (404, "job_not_found"), ask
    assert hub.raised == [(job_id, "cancel")]
    assert (hub.terminated, hub.purged) == ([], []), "its story ends by itself"
    assert janitor_was_called(hub)
    document = app.jobs.read(job_id)
    assert document["deleted_at"]
    assert document["cancel_requested_at"]
    assert images_of(app.blobs.images, job_id) == []
    kept = {f"deleted/{job_id}.json", f"jobs/{job_id}/job.json", f"jobs/{job_id}/submission-0-1.json"}
    assert left_of(app, job_id) == kept, "what may still be paid for is on record"


async def test_when_the_story_of_a_deleted_job_is_over_the_janitor_removes_what_is_left(app: Any, hub: FakeHub) -> None:
    job_id = await new_job(hub)
    record(app, job_id, "submitted", "accepted", handle={"id": "p-1", "poll_url": "x"})
    await delete(hub, job_id)
    assert await janitor(app, hub) == 1
    assert app.jobs.read(job_id) is not None

    app.blobs.put_image(prepared_name(job_id, "input_image", "png"), b"png", "image/png")
    finish(app, hub, job_id, picture(state="canceled", owes=("may be charged",)))
    hub.statuses[job_id] = Status(RUNTIME.Running)
    assert await janitor(app, hub) == 1, "its orchestration has a step to go"
    hub.statuses[job_id] = Status(RUNTIME.Completed)
    assert await janitor(app, hub) == 0
    assert left_of(app, job_id) == set()
    assert hub.statuses.get(job_id) is None


async def test_a_picture_that_ends_after_the_delete_leaves_no_image(app: Any, hub: FakeHub) -> None:
    job_id = await new_job(hub)
    await delete(hub, job_id)
    finish(app, hub, job_id, picture())
    assert images_of(app.blobs.images, job_id) == []


async def test_a_deleted_job_whose_leftover_is_watched_stays_on_record_until_the_watch_is_over(app: Any, hub: FakeHub) -> None:
    job_id = await new_job(hub)
    finish(app, hub, job_id, picture(state="canceled", owes=("accepted",), is_watched=True))
    assert (await delete(hub, job_id)).status_code == 204
    assert (await get(hub, job_id)).status_code == 404
    assert await janitor(app, hub) == 1
    assert hub.purged == []

    hub.statuses[job_id] = Status(RUNTIME.Completed)
    assert await janitor(app, hub) == 0
    assert left_of(app, job_id) == set()


@pytest.mark.parametrize("has_ended", [False, True])
async def test_a_deleted_job_whose_orchestration_dies_is_started_again_to_settle_what_it_owes(
    app: Any, hub: FakeHub, clock: Clock, has_ended: bool
) -> None:
    job_id = await new_job(hub)
    if has_ended:
        finish(app, hub, job_id, picture(state="canceled", owes=("accepted",), is_watched=True))
    await delete(hub, job_id)
    for starts in range(1, MAX_STARTS + 1):
        hub.statuses[job_id] = Status(RUNTIME.Failed)
        assert await janitor(app, hub) == 1
        assert app.jobs.read(job_id)["starts"] == starts
        # It dies again at once, which must not look as if all was over.
        hub.statuses[job_id] = Status(RUNTIME.Failed)
        if starts < MAX_STARTS:
            assert await janitor(app, hub) == 1
        clock.pass_by(seconds=20)
    assert await janitor(app, hub) == 0
    assert left_of(app, job_id) == set()


async def test_children_of_every_start_are_waited_for_and_forgotten(app: Any, hub: FakeHub) -> None:
    job_id = await new_job(hub, n="2")
    hub.statuses[job_id] = Status(RUNTIME.Failed)
    await get(hub, job_id)
    await delete(hub, job_id)
    finish(app, hub, job_id, *(picture(index, "canceled", ()) for index in range(2)))
    children = [f"{job_id}-0", f"{job_id}-1", f"{job_id}-0-1", f"{job_id}-1-1"]
    hub.statuses |= {child: Status(RUNTIME.Terminated) for child in children}
    hub.statuses[children[-1]] = Status(RUNTIME.Running)
    assert await janitor(app, hub) == 1

    hub.statuses[children[-1]] = Status(RUNTIME.Completed)
    assert await janitor(app, hub) == 0
    assert [instance for instance in hub.statuses if job_id in instance] == []


async def test_the_janitor_comes_again_when_the_hub_refuses_to_purge(app: Any, hub: FakeHub, caplog: Any) -> None:
    job_id, other = await new_job(hub), await new_job(hub)
    finish(app, hub, job_id)
    finish(app, hub, other)
    hub.is_away("purge_instance_history")
    assert [(await delete(hub, one)).status_code for one in (job_id, other)] == [204, 204]
    assert janitor_was_called(hub)
    assert "history_kept" in caplog.messages
    assert (await get(hub, job_id)).status_code == 404
    assert await janitor(app, hub) == 2
    assert app.jobs.read(job_id) is not None, "whoever asks for the rest has to know its instances"

    hub.is_back()
    assert await janitor(app, hub) == 0
    assert left_of(app, job_id) == left_of(app, other) == set()


async def test_one_job_that_cannot_be_looked_at_does_not_hold_up_the_others(app: Any, hub: FakeHub, monkeypatch: Any) -> None:
    ids = [await new_job(hub) for _ in range(3)]
    for job_id in ids:
        await delete(hub, job_id)
        finish(app, hub, job_id, picture(state="canceled", owes=()))
    status = hub.get_status

    async def troubled(instance_id: str) -> Any:
        if instance_id == sorted(ids)[0]:
            raise OSError("no answer")
        return await status(instance_id)

    monkeypatch.setattr(hub, "get_status", troubled)
    assert await janitor(app, hub) == 1
    assert [bool(left_of(app, job_id)) for job_id in sorted(ids)] == [True, False, False]


async def test_a_delete_while_the_hub_is_away_hides_the_job(app: Any, hub: FakeHub) -> None:
    job_id = await new_job(hub)
    hub.is_away()
    assert (await delete(hub, job_id)).status_code == 204
    hub.is_back()
    assert (await get(hub, job_id)).status_code == 404
    assert app.jobs.deleted_jobs() == [job_id]


async def test_a_delete_whose_images_are_not_gone_yet_is_finished_later(app: Any, hub: FakeHub, monkeypatch: Any) -> None:
    job_id = await new_job(hub)
    finish(app, hub, job_id)

    def away(*_: Any) -> None:
        raise ServiceRequestError("no connection")

    with monkeypatch.context() as trouble:
        trouble.setattr(app.pictures, "forget", away)
        assert (await delete(hub, job_id)).status_code == 204
    assert janitor_was_called(hub)
    assert (await get(hub, job_id)).status_code == 404
    assert await janitor(app, hub) == 0
    assert left_of(app, job_id) == set()


async def test_a_suspended_job_is_resumed_so_that_it_hears_of_its_deletion(app: Any, hub: FakeHub) -> None:
    job_id = await new_job(hub)
    hub.statuses[job_id] = Status(RUNTIME.Suspended)
    assert (await delete(hub, job_id)).status_code == 204
    assert (hub.resumed, hub.raised) == ([job_id], [(job_id, "cancel")])


async def test_a_terminated_job_is_forgotten_with_what_it_wrote(app: Any, hub: FakeHub) -> None:
    job_id = await new_job(hub)
    hub.statuses[job_id] = Status(RUNTIME.Terminated)
    assert (await delete(hub, job_id)).status_code == 204
    assert left_of(app, job_id) == set()
    assert hub.started_jobs == [job_id]


async def test_a_job_of_the_former_version_is_forgotten_too(app: Any, hub: FakeHub) -> None:
    for runtime in (RUNTIME.Completed, None):
        job_id = await new_job(hub)
        finish_before(app, job_id)
        record(app, job_id, "submitted", handle={"id": "p-1", "poll_url": "x"})
        hub.statuses.pop(job_id) if runtime is None else hub.statuses.update({job_id: Status(runtime)})
        assert (await delete(hub, job_id)).status_code == 204
        assert left_of(app, job_id) == set()


async def test_a_mark_without_a_job_is_removed(app: Any, hub: FakeHub) -> None:
    job_id = await new_job(hub)
    await delete(hub, job_id)
    app.blobs.delete("documents", f"jobs/{job_id}/job.json")
    hub.statuses[job_id] = Status(RUNTIME.Completed)
    assert await janitor(app, hub) == 0
    assert app.jobs.deleted_jobs() == []


# ---- its key, its owner ----


async def test_the_key_of_a_job_that_is_being_deleted_is_refused_as_that(app: Any, hub: FakeHub) -> None:
    job_id = body(await post(hub, headers={"Idempotency-Key": "k"}))["id"]
    await delete(hub, job_id)
    answer = await post(hub, headers={"Idempotency-Key": "k"})
    assert (answer.status_code, body(answer)["code"], body(answer)["charged"]) == (410, "job_deleted", "unknown")
    assert hub.started_jobs == [job_id]

    hub.is_away("purge_instance_history")
    finish(app, hub, job_id, picture())
    answer = await post(hub, headers={"Idempotency-Key": "k"})
    assert (answer.status_code, body(answer)["charged"]) == (410, "yes")


async def test_the_key_of_a_forgotten_job_answers_that_it_is_gone_for_a_day(app: Any, hub: FakeHub, clock: Clock) -> None:
    first = body(await post(hub, headers={"Idempotency-Key": "k"}))["id"]
    finish(app, hub, first)
    assert (await delete(hub, first)).status_code == 204

    again = await post(hub, headers={"Idempotency-Key": "k"})
    assert (again.status_code, body(again)["code"], body(again)["charged"]) == (410, "job_deleted", "unknown")
    # Nothing of the request is kept by which another one could be told.
    other = await post(hub, {"prompt": "another"}, headers={"Idempotency-Key": "k"})
    assert (other.status_code, body(other)["code"]) == (410, "job_deleted")

    clock.pass_by(hours=25)
    assert (await post(hub, headers={"Idempotency-Key": "k"})).status_code == 202


async def test_a_key_that_is_another_jobs_by_now_does_not_go_with_a_job(app: Any, hub: FakeHub) -> None:
    first = body(await post(hub, headers={"Idempotency-Key": "k"}))["id"]
    key = app.jobs.read(first)["key"]
    claim, etag = app.blobs.read_document(key)
    app.blobs.replace_document(key, claim | {"job_id": "job_of_another"}, etag)
    finish(app, hub, first)
    assert (await delete(hub, first)).status_code == 204
    assert "deleted" not in app.blobs.documents[key][0]


async def test_a_deleted_job_counts_among_its_owners_until_its_story_is_over(app: Any, hub: FakeHub) -> None:
    app.__dict__["quotas"] = QuotaStore(app.documents, 1, None, app.now)
    job_id = await new_job(hub)
    await delete(hub, job_id)
    assert body(await post(hub))["code"] == "too_many_active_jobs"
    finish(app, hub, job_id, picture(state="canceled", owes=()))
    assert (await post(hub)).status_code == 202


async def test_nobody_deletes_the_jobs_of_others(app: Any, hub: FakeHub) -> None:
    job_id = await new_job(hub)
    app.jobs.update(job_id, lambda job: job | {"owner": "somebody else"})
    assert (await delete(hub, job_id)).status_code == 404
    assert app.jobs.read(job_id) is not None
    assert hub.raised == []


async def test_a_waiting_post_whose_job_is_deleted_is_told_so_and_not_that_it_cost_nothing(app: Any, hub: FakeHub) -> None:
    hub.then = lambda job_id: app.jobs.hide(job_id, app.now()) if job_id.startswith("job_") else None
    answer = await post(hub, headers={"Prefer": "wait=30"})
    assert (answer.status_code, body(answer)["code"], body(answer)["charged"]) == (404, "job_not_found", "unknown")


async def test_a_late_word_of_a_deleted_job_keeps_nothing(app: Any, hub: FakeHub) -> None:
    job_id = await new_job(hub)
    end = picture(state="canceled", owes=("accepted",), is_watched=True, problem=Problem("internal").to_payload())
    finish(app, hub, job_id, end)
    await delete(hub, job_id)
    app.blobs.put_image(output_name(job_id, 0, "png"), b"png", "image/png")
    late = {"job_id": job_id, "traceparent": None, "picture": picture(output=output(job_id))}
    assert keep_leftover.keep(app, late) == {"kept": False, "is_deleted": True}  # type: ignore[arg-type]
    assert images_of(app.blobs.images, job_id) == []
