"""The caller's jobs, page by page, and jobs of nobody that are claimed."""

import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from azure.core.exceptions import ServiceRequestError

from activities.forget_jobs import forget
from shared.domain.owners import ANONYMOUS, token_owner
from shared.job_ids import new_job_id
from shared.storage.documents import Busy
from shared.storage.job_index import INDEX, row_name
from tests.triggers.calls import IMAGE, RUNTIME, FakeHub, Status, body, finish, form, picture, post, raw, request, settings, user
from triggers import generate, job_list, jobs, retry
from triggers.no_route import ROUTES

MINE, YOURS = "m" * 43, "y" * 43
PRINCIPAL = "X-MS-CLIENT-PRINCIPAL-ID"
BEGAN = datetime(2026, 3, 1, tzinfo=UTC)


def token(value: str = MINE) -> dict[str, str]:
    return {"X-Owner-Token": value}


async def listed(hub: FakeHub, headers: dict[str, str] | None = None, **params: str) -> Any:
    """The answer of a list, of the one who has MINE unless `headers` say otherwise."""
    sent = request(params=params, headers=token() if headers is None else headers)
    return await user(job_list.list_jobs)(req=sent, client=hub)


async def ids(hub: FakeHub, **params: str) -> list[str]:
    """What all pages hold, one after the other."""
    found: list[str] = []
    while True:
        page = body(await listed(hub, **params))
        found += [job["id"] for job in page["data"]]
        assert page["has_more"] is (page["next_cursor"] is not None)
        if not page["has_more"]:
            return found
        params["cursor"] = page["next_cursor"]


async def claim(hub: FakeHub, *job_ids: str, headers: dict[str, str] | None = None) -> dict[str, bool]:
    """Which of them were claimed; the others are told like jobs that do not exist."""
    sent = json.dumps({"ids": job_ids}).encode()
    answer = await raw(job_list.claim_jobs)(req=request("POST", body=sent, headers=token() if headers is None else headers))
    assert answer.status_code == 200, body(answer)
    for entry in body(answer)["data"]:
        assert (entry["error"] is None) is entry["claimed"]
        assert entry["claimed"] or (entry["error"]["status"], entry["error"]["code"]) == (404, "job_not_found")
    return {entry["id"]: entry["claimed"] for entry in body(answer)["data"]}


@pytest.mark.parametrize("sent", [b"{", b'["job_1"]'])
async def test_who_claims_with_no_object_is_shown_one_that_is_taken(app: Any, sent: bytes) -> None:
    async def told(sent: bytes) -> Any:
        return await raw(job_list.claim_jobs)(req=request("POST", body=sent, headers=token() | {"Accept-Language": "en"}))

    detail = body(await told(sent))["detail"]
    assert (await told(detail[detail.index("{") : detail.index("}") + 1].encode())).status_code == 200


def kept(app: Any, seconds: float = 0, owner: str | None = None, **changes: Any) -> str:
    """The id of a job that was accepted so long after BEGAN, and is in its owner's list."""
    asked = {
        "prompt": "p", "prompt_sent": "p", "preset": changes.pop("preset", None), "n": 1, "aspect_ratio": "1:1",
        "output_format": "png", "safety_tolerance": 2, "seed": None,
    }  # fmt: skip
    document = {
        "id": new_job_id(), "kind": "goods", "owner": owner or token_owner(MINE), "status": "succeeded", "input": asked,
        "created_at": (BEGAN + timedelta(seconds=seconds)).isoformat(), "started_at": None, "completed_at": None,
        "expires_at": None, "seeds": [1], "images": {}, "outputs": [], "error": None, "attempts": 0, "polls": 0,
        "provider": "fake", "model": "fake", "fallback_used": False,
        "possible_duplicate": False, "metadata": {}, "metrics": None, "pictures": [],
        "cancel_requested_at": None, "deleted_at": None, "starts": 0, "usage": {"cost_usd": 0.0, "estimated": True}, **changes,
    }  # fmt: skip
    app.index.add(document)
    app.jobs.create(document)
    return str(document["id"])


def rows(app: Any) -> list[str]:
    return [name for name in app.blobs.documents if name.startswith(INDEX)]


# ---- whose list ----


async def test_a_job_that_was_posted_with_a_token_is_in_its_list_and_nobody_elses(app: Any, hub: FakeHub) -> None:
    job_id = body(await post(hub, headers=token()))["id"]

    assert await ids(hub) == [job_id]
    assert body(await listed(hub, token(YOURS))) == {"data": [], "has_more": False, "next_cursor": None}
    assert body(await listed(hub, {}))["data"] == []


async def test_of_a_token_nothing_but_its_digest_is_kept(app: Any, hub: FakeHub, caplog: Any) -> None:
    caplog.set_level(0)
    job_id = body(await post(hub, headers=token()))["id"]
    await listed(hub)
    await listed(hub, token("too short"))
    owner = f"token:{hashlib.sha256(MINE.encode()).hexdigest()}"

    assert app.jobs.read(job_id)["owner"] == owner
    stored = json.dumps([[name, *kept] for name, kept in app.blobs.documents.items()])
    started = json.dumps([order for _, _, order in hub.started])
    for told in (stored, started, json.dumps(list(app.blobs.metadata.values())), caplog.text):
        assert MINE not in told
        assert "too short" not in told


@pytest.mark.parametrize("bad", ["", "a" * 31, "a" * 129, "a" * 40 + "=", "a" * 20 + " " + "a" * 20, "키" * 40, "a" * 40 + "\n"])
async def test_what_is_no_token_is_refused_everywhere_and_costs_nothing(app: Any, hub: FakeHub, bad: str) -> None:
    mine = body(await post(hub, headers=token()))["id"]
    before = dict(app.blobs.documents)
    for answer in (
        await post(hub, headers=token(bad)), await listed(hub, token(bad)),
        await user(jobs.get_job)(req=request(route={"id": mine}, headers=token(bad)), client=hub),
        await raw(job_list.claim_jobs)(req=request("POST", body=b'{"ids":["x"]}', headers=token(bad))),
    ):  # fmt: skip
        assert (answer.status_code, body(answer)["code"]) == (400, "invalid_request")
        assert "X-Owner-Token" in body(answer)["detail"]
    assert app.blobs.documents == before


@pytest.mark.parametrize("good", ["a" * 32, "-" * 128, "AZaz09_-" * 8])
async def test_a_token_has_32_to_128_letters(app: Any, hub: FakeHub, good: str) -> None:
    assert (await post(hub, headers=token(good))).status_code == 202
    assert len(body(await listed(hub, token(good)))["data"]) == 1


async def test_a_job_of_nobody_is_opened_by_its_id_with_or_without_a_token_and_never_listed(app: Any, hub: FakeHub) -> None:
    job_id = body(await post(hub))["id"]

    assert rows(app) == []
    for headers in ({}, token(), token(YOURS)):
        assert (await user(jobs.get_job)(req=request(route={"id": job_id}, headers=headers), client=hub)).status_code == 200
        assert body(await listed(hub, headers))["data"] == []


async def test_who_signed_in_has_a_list_whatever_token_comes_along(app: Any, hub: FakeHub) -> None:
    settings(app, AUTH_MODE="easyauth")
    job_id = body(await post(hub, headers={PRINCIPAL: "me"}))["id"]

    assert [job["id"] for job in body(await listed(hub, {PRINCIPAL: "me", **token()}))["data"]] == [job_id]
    assert body(await listed(hub, {PRINCIPAL: "you", **token()}))["data"] == []
    assert (await listed(hub)).status_code == 401


@pytest.mark.parametrize("made_up", [ANONYMOUS, token_owner(MINE)])
async def test_nobody_signs_in_as_a_stranger(app: Any, hub: FakeHub, made_up: str) -> None:
    await post(hub, headers=token())
    settings(app, AUTH_MODE="easyauth")

    assert (await listed(hub, {PRINCIPAL: made_up})).status_code == 401


async def test_where_people_sign_in_a_job_of_nobody_is_opened_by_nobody(app: Any, hub: FakeHub) -> None:
    job_id = body(await post(hub))["id"]
    settings(app, AUTH_MODE="easyauth")

    answer = await user(jobs.get_job)(req=request(route={"id": job_id}, headers={PRINCIPAL: "me"}), client=hub)
    assert answer.status_code == 404


# ---- pages ----


async def test_pages_hold_every_job_once_the_newest_first(app: Any, hub: FakeHub) -> None:
    made = [kept(app, second) for second in range(7)]
    kept(app, 3, token_owner(YOURS))

    for limit in ("1", "2", "3", "6", "7", "8"):
        assert await ids(hub, limit=limit) == made[::-1]
    assert not body(await listed(hub, limit="7"))["has_more"]
    assert len(body(await listed(hub))["data"]) == 7


async def test_20_jobs_are_a_page_unless_another_number_is_asked_for(app: Any, hub: FakeHub) -> None:
    for second in range(21):
        kept(app, second)
    page = body(await listed(hub))

    assert (len(page["data"]), page["has_more"]) == (20, True)


async def test_jobs_of_the_same_moment_are_each_told_once(app: Any, hub: FakeHub) -> None:
    made = {kept(app, 1) for _ in range(5)}
    found = await ids(hub, limit="2")

    assert (len(found), set(found)) == (5, made)


async def test_no_job_is_skipped_or_told_twice_while_others_come_and_go(app: Any, hub: FakeHub) -> None:
    made = [kept(app, second) for second in range(12)][::-1]
    first = body(await listed(hub, limit="4"))
    # One comes, the last of the page goes, and so does the first of what follows.
    kept(app, 100)
    for gone in (made[3], made[4]):
        app.index.remove(app.jobs.read(gone))
        app.jobs.delete(gone)
    rest = await ids(hub, limit="4", cursor=first["next_cursor"])

    assert [job["id"] for job in first["data"]] == made[:4]
    assert rest == made[5:]


async def test_a_listed_job_is_told_as_a_get_tells_it(app: Any, hub: FakeHub) -> None:
    job_id = body(await post(hub, headers=token()))["id"]
    hub.statuses[job_id] = Status(RUNTIME.Running, {"stage": "generating", "progress": 60})
    alone = await user(jobs.get_job)(req=request(route={"id": job_id}, headers=token()), client=hub)

    assert body(await listed(hub))["data"] == [body(alone)]
    assert (body(alone)["status"], body(alone)["stage"]) == ("processing", "generating")


async def test_a_hub_that_gives_no_answer_leaves_the_list_as_it_is_stored(app: Any, hub: FakeHub) -> None:
    job_id = body(await post(hub, headers=token()))["id"]
    hub.is_away()

    assert [job["id"] for job in body(await listed(hub))["data"]] == [job_id]


async def test_a_job_that_cannot_be_shown_does_not_take_the_others_from_the_list(app: Any, hub: FakeHub, caplog: Any) -> None:
    first, bad, last = kept(app, 1), kept(app, 2, provider="gone", model="gone"), kept(app, 3)

    assert await ids(hub) == [last, first]
    assert await ids(hub, limit="1") == [last, first]
    assert {record.job_id for record in caplog.records if record.message == "answer_failed"} == {bad}


async def test_a_list_whose_links_cannot_be_signed_is_no_empty_list(app: Any, hub: FakeHub, monkeypatch: Any) -> None:
    def away(*_: Any) -> Any:
        raise ServiceRequestError("away")

    job_id = body(await post(hub, headers=token()))["id"]
    finish(app, hub, job_id)
    monkeypatch.setattr(app.links, "sign", away)
    answer = await listed(hub)
    assert (answer.status_code, body(answer)["code"]) == (500, "internal")


async def test_what_is_deleted_or_past_its_time_is_in_no_list(app: Any, hub: FakeHub) -> None:
    stays = kept(app, 1)
    app.jobs.hide(kept(app, 2), app.now())
    kept(app, 3, expires_at=(app.now() - timedelta(seconds=1)).isoformat())
    kept(app, 4, expires_at=(app.now() + timedelta(seconds=100)).isoformat(), id=(other := new_job_id()))

    assert await ids(hub) == [other, stays]


# ---- filters ----


async def test_a_list_is_filtered_by_kind_status_preset_and_time(app: Any, hub: FakeHub) -> None:
    mug = kept(app, 1, preset="mug")
    both = kept(app, 2, presets=["mug", "poster"], status="failed")
    ppl = kept(app, 3, kind="ppl")
    told = body(await listed(hub, limit="1"))["data"][0]["created_at"]

    assert await ids(hub, kind="ppl") == [ppl]
    assert await ids(hub, kind="goods") == [both, mug]
    assert await ids(hub, status="failed") == [both]
    assert await ids(hub, preset="mug", limit="1") == [both, mug]
    assert await ids(hub, preset="poster") == [both]
    assert await ids(hub, preset="mug", status="succeeded", kind="goods") == [mug]
    assert await ids(hub, created_after="2026-03-01T00:00:01Z") == [ppl, both]
    assert await ids(hub, created_before="2026-03-01T09:00:03+09:00") == [both, mug]
    # An offset that was not escaped, and the time of a job as it was told.
    assert await ids(hub, created_before="2026-03-01T09:00:03 09:00") == [both, mug]
    assert await ids(hub, created_before=told) == [both, mug]
    assert await ids(hub, created_after="2026-03-01T00:00:01Z", created_before="2026-03-01T00:00:03Z") == [both]


async def test_the_status_that_is_asked_for_is_the_one_that_is_told(app: Any, hub: FakeHub) -> None:
    waits, runs, ended = [body(await post(hub, headers=token()))["id"] for _ in range(3)]
    hub.statuses[waits] = Status(RUNTIME.Pending)
    hub.statuses[runs] = Status(RUNTIME.Running, {"stage": "generating", "progress": 60})
    finish(app, hub, ended)

    assert await ids(hub, status="queued") == [waits]
    assert await ids(hub, status="processing") == [runs]
    assert await ids(hub, status="succeeded") == [ended]
    assert await ids(hub, status="failed") == []


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"limit": "0"}, "limit"), ({"limit": "101"}, "limit"), ({"limit": "1.5"}, "limit"), ({"limit": "²"}, "limit"),
        ({"cursor": "x"}, "cursor"), ({"cursor": "***"}, "cursor"), ({"cursor": "한"}, "cursor"), ({"kind": "mug"}, "kind"),
        ({"status": "done"}, "status"), ({"preset": "car"}, "preset"), ({"created_after": "yesterday"}, "created_after"),
        ({"created_before": "2026-03-01T00:00:00"}, "created_before"), ({"created_before": "2026-03-01"}, "created_before"),
        ({"created_after": "0001-01-01T00:00:00+14:00"}, "created_after"), ({"owner": "me"}, "owner"),
    ],
)  # fmt: skip
async def test_what_cannot_be_asked_is_refused_by_name(app: Any, hub: FakeHub, params: dict[str, str], field: str) -> None:
    answer = await listed(hub, **params)

    assert (answer.status_code, body(answer)["code"]) == (422, "validation_failed")
    assert [error["field"] for error in body(answer)["errors"]] == [field]


async def test_a_cursor_leads_nowhere_but_in_the_callers_own_list(app: Any, hub: FakeHub) -> None:
    kept(app, 1)
    kept(app, 2)
    cursor = body(await listed(hub, limit="1"))["next_cursor"]

    assert body(await listed(hub, token(YOURS), cursor=cursor))["data"] == []


async def test_one_request_looks_through_no_more_than_its_share_and_says_where_to_go_on(
    app: Any, hub: FakeHub, monkeypatch: Any
) -> None:
    monkeypatch.setattr(job_list, "MAX_ROWS", 3)
    wanted = kept(app, 0, kind="ppl")
    for second in range(1, 8):
        kept(app, second)
    first = body(await listed(hub, kind="ppl"))

    assert (first["data"], first["has_more"]) == ([], True)
    assert await ids(hub, kind="ppl") == [wanted]


async def test_one_request_reads_no_more_jobs_than_its_share(app: Any, hub: FakeHub, monkeypatch: Any) -> None:
    monkeypatch.setattr(job_list, "MAX_JOBS", 3)
    made = [kept(app, second, status="queued" if second else "failed") for second in range(8)]
    # Rows that were left behind: their jobs have ended, and they do not say so.
    for job_id in made[1:]:
        app.jobs.end(job_id, lambda job: job | {"status": "succeeded"})
    read: list[str] = []
    stored = app.jobs.read
    app.jobs.read = lambda job_id: (read.append(job_id), stored(job_id))[1]  # type: ignore[method-assign]

    assert body(await listed(hub, status="failed", limit="2"))["has_more"]
    assert len(read) <= 4
    assert await ids(hub, status="failed", limit="2") == made[:1]


# ---- rows ----


async def test_a_row_says_how_its_job_ended(app: Any, hub: FakeHub) -> None:
    job_id = body(await post(hub, {"preset": "mug"}, token()))["id"]
    (name,) = rows(app)
    assert name.endswith(f"-{job_id}.goods.under_way.mug")
    finish(app, hub, job_id, picture(state="failed", owes=("free",)))

    assert rows(app) == [name.replace("under_way", "failed")]


async def test_a_row_that_was_left_behind_is_mended_by_whoever_reads_the_list(app: Any, hub: FakeHub) -> None:
    job_id = body(await post(hub, headers=token()))["id"]

    def away(document: Any) -> None:
        raise OSError

    tell_end, app.index.tell_end = app.index.tell_end, away
    finish(app, hub, job_id)
    app.index.tell_end = tell_end
    (name,) = rows(app)

    assert await ids(hub, status="succeeded") == [job_id]
    assert rows(app) == [name.replace("under_way", "succeeded")]


async def test_a_job_whose_last_step_died_between_its_rows_is_listed_once_and_its_next_run_clears_up(
    app: Any, hub: FakeHub
) -> None:
    job_id = body(await post(hub, headers=token()))["id"]
    open_row = rows(app)[0]
    finish(app, hub, job_id)
    app.blobs.create_document(open_row, {})
    assert len(rows(app)) == 2

    for limit in ("1", "5"):
        assert await ids(hub, limit=limit) == [job_id]
        assert await ids(hub, limit=limit, status="succeeded") == [job_id]
    finish(app, hub, job_id)
    assert rows(app) == [open_row.replace("under_way", "succeeded")]


async def test_after_a_delete_no_row_is_left(app: Any, hub: FakeHub) -> None:
    job_id = body(await post(hub, headers=token()))["id"]
    open_row = rows(app)[0]
    finish(app, hub, job_id)
    app.blobs.create_document(open_row, {})
    gone = await user(jobs.delete_job)(req=request("DELETE", route={"id": job_id}, headers=token()), client=hub)

    assert (gone.status_code, rows(app)) == (204, [])


async def test_a_job_is_in_the_list_before_it_is_there(app: Any, hub: FakeHub, monkeypatch: Any) -> None:
    """Else one whose POST died in between would be in no list for ever."""
    seen: list[list[str]] = []
    create = app.jobs.create
    monkeypatch.setattr(app.jobs, "create", lambda document: (seen.append(rows(app)), create(document)))
    await post(hub, headers=token())

    assert [len(found) for found in seen] == [1]


async def test_a_post_that_fails_leaves_no_row(app: Any, hub: FakeHub, monkeypatch: Any) -> None:
    def away(document: Any) -> None:
        raise OSError

    monkeypatch.setattr(app.jobs, "create", away)
    assert (await post(hub, headers=token())).status_code == 500

    assert rows(app) == []


async def test_a_row_without_its_job_is_passed_over_and_goes_when_no_post_can_be_at_it(
    app: Any, hub: FakeHub, clock: Any
) -> None:
    stays = kept(app, 1)
    fresh = {**app.jobs.read(stays), "id": new_job_id(), "created_at": app.now().isoformat()}
    app.index.add(fresh)
    assert (await ids(hub), len(rows(app))) == ([stays], 2)
    clock.pass_by(minutes=61)

    assert (await ids(hub), len(rows(app))) == ([stays], 1)


async def test_a_job_is_told_at_its_own_place_only(app: Any, hub: FakeHub) -> None:
    """Two POSTs with one key, of which one made the job, may each have left a row."""
    job_id = kept(app, 5)
    app.index.add(app.jobs.read(job_id) | {"created_at": BEGAN.isoformat()})

    assert await ids(hub) == [job_id]
    assert rows(app) == [row_name(app.jobs.read(job_id))]


async def test_a_row_whose_job_is_anothers_tells_nothing_of_it(app: Any, hub: FakeHub) -> None:
    """As a claim that was cut short may leave it."""
    yours = app.jobs.read(kept(app, owner=token_owner(YOURS)))
    app.index.add({**yours, "owner": token_owner(MINE)})

    assert body(await listed(hub))["data"] == []
    assert [job["id"] for job in body(await listed(hub, token(YOURS)))["data"]] == [yours["id"]]


# ---- claiming ----


async def test_a_job_of_nobody_is_claimed_once_by_whoever_holds_its_id(app: Any, hub: FakeHub) -> None:
    job_id = body(await post(hub))["id"]
    assert await claim(hub, job_id) == {job_id: True}

    assert await claim(hub, job_id, headers=token(YOURS)) == {job_id: False}
    assert await claim(hub, job_id) == {job_id: True}
    assert await ids(hub) == [job_id]
    for headers, status in ((token(), 200), (token(YOURS), 404), ({}, 404)):
        answer = await user(jobs.get_job)(req=request(route={"id": job_id}, headers=headers), client=hub)
        assert answer.status_code == status
    assert len(rows(app)) == 1


async def test_what_cannot_be_claimed_is_told_like_what_does_not_exist(app: Any, hub: FakeHub) -> None:
    yours = body(await post(hub, headers=token(YOURS)))["id"]
    hidden, free = [body(await post(hub))["id"] for _ in range(2)]
    app.jobs.hide(hidden, app.now())

    claimed = await claim(hub, yours, hidden, new_job_id(), "../x", free)
    assert list(claimed.values()) == [False, False, False, False, True]
    assert app.jobs.read(yours)["owner"] == token_owner(YOURS)
    assert len(rows(app)) == 2


async def test_of_two_who_claim_at_the_same_moment_one_gets_the_job(app: Any, hub: FakeHub, monkeypatch: Any) -> None:
    job_id = body(await post(hub))["id"]
    amend = app.jobs.amend

    def overtaken(one: str, change: Any) -> Any:
        amend(one, lambda job: job | {"owner": token_owner(YOURS)})
        return amend(one, change)

    monkeypatch.setattr(app.jobs, "amend", overtaken)
    assert await claim(hub, job_id) == {job_id: False}
    assert (app.jobs.read(job_id)["owner"], rows(app)) == (token_owner(YOURS), [])


async def test_a_claimed_job_that_runs_ends_in_the_list_of_its_owner(app: Any, hub: FakeHub) -> None:
    settings(app, MAX_ACTIVE_JOBS_PER_OWNER="1")
    job_id = body(await post(hub))["id"]
    await claim(hub, job_id)
    # It is under way, whosever it is: a claim makes no room for another.
    assert (await post(hub)).status_code == 429
    assert (await post(hub, headers=token())).status_code == 429
    finish(app, hub, job_id)
    assert (await post(hub)).status_code == 202

    assert await ids(hub, status="succeeded") == [job_id]


async def test_after_a_sign_in_a_browsers_jobs_come_along(app: Any, hub: FakeHub) -> None:
    with_token, without = body(await post(hub, headers=token()))["id"], body(await post(hub))["id"]
    yours = body(await post(hub, headers=token(YOURS)))["id"]
    settings(app, AUTH_MODE="easyauth")
    me = {PRINCIPAL: "me"}

    assert await claim(hub, with_token, without, headers=me) == {with_token: False, without: True}
    assert await claim(hub, with_token, yours, headers={**me, **token()}) == {with_token: True, yours: False}
    assert {job["id"] for job in body(await listed(hub, me))["data"]} == {with_token, without}
    assert len(rows(app)) == 3, "none is left in the list that they were in"
    settings(app)
    assert await ids(hub) == []


async def test_nothing_names_a_job_that_was_claimed_after_its_end_and_then_deleted(app: Any, hub: FakeHub) -> None:
    job_id = body(await post(hub, headers=token()))["id"]
    finish(app, hub, job_id)
    settings(app, AUTH_MODE="easyauth")
    me = {PRINCIPAL: "me"}
    assert await claim(hub, job_id, headers={**me, **token()}) == {job_id: True}

    answer = await user(jobs.delete_job)(req=request("DELETE", route={"id": job_id}, headers=me), client=hub)
    assert answer.status_code == 204
    assert [name for name, (document, _) in app.blobs.documents.items() if job_id in name + json.dumps(document)] == []


@pytest.mark.parametrize("is_repeated", [True, False])
async def test_a_claim_that_was_cut_short_leaves_no_row(app: Any, hub: FakeHub, monkeypatch: Any, is_repeated: bool) -> None:
    job_id = body(await post(hub, headers=token()))["id"]
    finish(app, hub, job_id)
    settings(app, AUTH_MODE="easyauth")
    me, delete = {PRINCIPAL: "me"}, app.blobs.delete
    with monkeypatch.context() as patch:

        def away(container: str, name: str) -> None:
            if name.startswith(INDEX):
                raise ServiceRequestError("away")
            delete(container, name)

        patch.setattr(app.blobs, "delete", away)
        sent = json.dumps({"ids": [job_id]}).encode()
        answer = await raw(job_list.claim_jobs)(req=request("POST", body=sent, headers={**me, **token()}))
        assert (answer.status_code >= 500, len(rows(app))) == (True, 2)
    if is_repeated:
        assert await claim(hub, job_id, headers={**me, **token()}) == {job_id: True}
        assert rows(app) == [row_name(app.jobs.read(job_id))]
    else:
        await user(jobs.delete_job)(req=request("DELETE", route={"id": job_id}, headers=me), client=hub)
        assert rows(app) == []


async def test_what_storage_does_not_take_while_a_job_is_forgotten_is_made_good(app: Any, hub: FakeHub, monkeypatch: Any) -> None:
    job_id = body(await post(hub, headers=token()))["id"]
    finish(app, hub, job_id)
    with monkeypatch.context() as patch:

        def busy(*_: Any) -> None:
            raise Busy("usage")

        patch.setattr(app.spending, "forget", busy)
        answer = await user(jobs.delete_job)(req=request("DELETE", route={"id": job_id}, headers=token()), client=hub)
        assert answer.status_code == 204
    assert await forget(app, hub, {"traceparent": None}) == {"left": 0}  # type: ignore[arg-type]

    assert [name for name, (document, _) in app.blobs.documents.items() if job_id in name + json.dumps(document)] == []


async def test_who_is_nobody_claims_nothing(app: Any, hub: FakeHub) -> None:
    answer = await raw(job_list.claim_jobs)(req=request("POST", body=b'{"ids":["job_1"]}'))

    assert (answer.status_code, body(answer)["code"]) == (400, "invalid_request")


@pytest.mark.parametrize(
    "sent",
    [b"{}", b'{"ids":[]}', b'{"ids":"job_1"}', b'{"ids":[1]}', json.dumps({"ids": ["x"] * 101}).encode(), b'{"ids":["x"],"a":1}'],
)  # fmt: skip
async def test_a_claim_names_1_to_100_jobs(app: Any, hub: FakeHub, sent: bytes) -> None:
    answer = await raw(job_list.claim_jobs)(req=request("POST", body=sent, headers=token()))

    assert (answer.status_code, body(answer)["code"]) == (422, "validation_failed")


async def test_the_key_of_a_job_that_somebody_claimed_makes_no_other_and_tells_nothing(app: Any, hub: FakeHub) -> None:
    job_id = body(await post(hub, headers={"Idempotency-Key": "k"}))["id"]
    await claim(hub, job_id)
    again = await post(hub, headers={"Idempotency-Key": "k"})

    assert (again.status_code, body(again)["code"], body(again)["charged"]) == (404, "job_not_found", "unknown")
    assert "Location" not in again.headers
    assert hub.started_jobs == [job_id]


async def test_a_key_is_its_tokens_only(app: Any, hub: FakeHub) -> None:
    answers = [await post(hub, headers={"Idempotency-Key": "k", **who}) for who in (token(), token(YOURS), {}, token())]

    assert len({body(answer)["id"] for answer in answers}) == 3
    assert body(answers[0])["id"] == body(answers[3])["id"]


# ---- nothing of one owner is another's ----

#: Every way to a job by its id: method, function and query.
WAYS: list[tuple[str, Any, dict[str, str]]] = [
    ("GET", jobs.get_job, {}), ("GET", jobs.get_job, {"wait": "1"}), ("HEAD", jobs.get_job, {}),
    ("GET", jobs.get_job_result, {}), ("GET", jobs.get_job_result, {"inline": "1"}),
    ("GET", jobs.get_job_result, {"index": "0", "inline": "true"}), ("HEAD", jobs.get_job_result, {}),
    ("POST", jobs.cancel_job, {}), ("DELETE", jobs.delete_job, {}), ("POST", retry.retry_job, {}),
]  # fmt: skip


def test_every_route_of_a_job_is_tried() -> None:
    tried = {(method, function._function.get_trigger().route) for method, function, _ in WAYS}

    assert tried == {(method, route) for route, methods in ROUTES.items() if "{id}" in route for method in methods}


@pytest.mark.parametrize("signed_in", [False, True])
async def test_none_of_500_attempts_at_anothers_job_succeeds(app: Any, hub: FakeHub, signed_in: bool) -> None:
    """Their routes, list and claims, by others of all sorts, at jobs that run and jobs that have ended."""
    if signed_in:
        settings(app, AUTH_MODE="easyauth")
    mine = {PRINCIPAL: "me"} if signed_in else token()
    running, ended = [body(await post(hub, headers={**mine, "Idempotency-Key": key}))["id"] for key in "ab"]
    finish(app, hub, ended)
    before = json.dumps([app.jobs.read(job_id) for job_id in (running, ended)])
    owner = app.jobs.read(ended)["owner"]
    cursor = body(await listed(hub, mine, limit="1"))["next_cursor"]
    others: list[dict[str, str]] = [
        {}, token(YOURS), token(MINE.upper()), token(MINE[:-1]), token(MINE + "m"), token("a" * 20),
        token(owner.removeprefix("token:").ljust(32, "0")), {PRINCIPAL: "you"}, {PRINCIPAL: "ME"}, {PRINCIPAL: owner + "x"},
        {**token(YOURS), PRINCIPAL: "you", "Idempotency-Key": "a"},
        {"X-Owner": MINE, "Authorization": f"Bearer {MINE}", "Cookie": f"X-Owner-Token={MINE}"},
        {PRINCIPAL: ANONYMOUS}, {PRINCIPAL: "me@example.com", **token(YOURS)},
    ]  # fmt: skip
    if signed_in:
        # Where people sign in no token opens anything, not even to whom it belongs.
        others += [token(), {PRINCIPAL: "you", **token()}]
    attempts = 0
    for headers in others:
        for job_id in (running, ended):
            for method, function, params in WAYS:
                sent = request(method, route={"id": job_id}, params=params, headers=headers)
                answer = await user(function)(req=sent, client=hub)
                attempts += 1
                assert answer.status_code in (400, 401, 404), (method, function, params, headers)
                assert job_id not in answer.get_body().decode().replace(f"/api/jobs/{job_id}", "")
        for params in ({}, {"limit": "100"}, {"status": "succeeded"}, {"cursor": cursor}, {"kind": "goods"}):
            answer = await listed(hub, headers, **params)
            attempts += 1
            assert answer.status_code in (400, 401) or {job["id"] for job in body(answer)["data"]}.isdisjoint((running, ended))
        sent = json.dumps({"ids": [running, ended]}).encode()
        answer = await raw(job_list.claim_jobs)(req=request("POST", body=sent, headers=headers))
        attempts += 1
        assert answer.status_code in (400, 401) or not any(entry["claimed"] for entry in body(answer)["data"]), headers
        for job_id in (running, ended):
            named = form({"preset": "mug", "input_image": f"job:{job_id}/0"}, {}, headers)
            answer = await user(generate.BY_KIND["goods"])(req=named, client=hub)
            attempts += 1
            assert answer.status_code in (400, 401, 422), headers
        repeated = form({"prompt": "a mug"}, {"input_image": IMAGE}, {**headers, "Idempotency-Key": "a"})
        answer = await user(generate.BY_KIND["goods"])(req=repeated, client=hub)
        attempts += 1
        assert body(answer).get("id") not in (running, ended), headers

    assert attempts >= 250, "with both ways to be somebody: 500"
    assert json.dumps([app.jobs.read(job_id) for job_id in (running, ended)]) == before
    assert [job["id"] for job in body(await listed(hub, mine))["data"]] == [ended, running]
