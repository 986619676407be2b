"""Limits in jobs and in dollars: per owner, per address and for all together, whatever anybody sends."""

import asyncio
import json
from datetime import datetime
from typing import Any

import pytest
from azure.core.exceptions import ServiceRequestError

from shared import limits
from shared.domain.days import day_of
from shared.storage.documents import Busy
from shared.storage.spending_store import limit_folder, owner_folder
from shared.translator import Translation
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
    picture,
    post,
    raw,
    request,
    settings,
)
from triggers import translate
from triggers.caller import address
from triggers.usage import get_usage

PRINCIPAL = "X-MS-CLIENT-PRINCIPAL-ID"
EN = {"Accept-Language": "en"}


async def usage(who: str | None = None, **params: str) -> Any:
    headers = {PRINCIPAL: who} if who else {}
    return await raw(get_usage)(req=request(path="/api/usage", headers={**EN, **headers}, params=params))


def counters(app: Any) -> list[str]:
    kept = ("owners/", "usage/", "spending/", "addresses/")
    return [name for name in app.blobs.documents if name.startswith(kept)]


# ---- a POST that was overtaken ----


async def test_a_post_that_is_overtaken_until_its_job_has_ended_counts_nothing(
    app: Any, hub: FakeHub, clock: Clock, monkeypatch: Any
) -> None:
    settings(app, DAILY_USD="10", MAX_ACTIVE_JOBS="1", DAILY_JOBS="9")
    admit, told = limits.admit, {}

    def slow(services: Any, document: Any) -> None:
        monkeypatch.setattr(limits, "admit", admit)
        clock.pass_by(seconds=61)
        told["second"] = asyncio.run(post(hub, headers={"Idempotency-Key": "k"}))
        clock.pass_by(seconds=1)
        finish(app, hub, document["id"])
        told["counted"] = counted(app)
        clock.pass_by(seconds=1)
        admit(services, document)

    monkeypatch.setattr(limits, "admit", slow)
    first = await post(hub, headers={"Idempotency-Key": "k"})

    assert body(first)["id"] == body(told["second"])["id"]
    assert counted(app) == told["counted"]


async def test_a_post_that_is_overtaken_while_its_job_goes_on_leaves_its_place_counted(
    app: Any, hub: FakeHub, clock: Clock, monkeypatch: Any
) -> None:
    settings(app, DAILY_USD="10", MAX_ACTIVE_JOBS="1", DAILY_JOBS="9")
    keep, told = app.blobs.put_image, {}

    def slow(*args: Any) -> None:
        monkeypatch.setattr(app.blobs, "put_image", keep)
        clock.pass_by(seconds=61)
        told["second"] = asyncio.run(post(hub, headers={"Idempotency-Key": "k"}))
        told["counted"] = counted(app)
        keep(*args)

    monkeypatch.setattr(app.blobs, "put_image", slow)
    first = await post(hub, headers={"Idempotency-Key": "k"})

    assert body(first)["id"] == body(told["second"])["id"]
    assert counted(app) == told["counted"] != {}


def counted(app: Any) -> Any:
    return json.loads(json.dumps({name: app.blobs.documents[name][0] for name in counters(app)}))


# ---- whom it counts for ----


@pytest.mark.parametrize(
    ("headers", "known"),
    [
        ({}, "unknown"),
        ({"X-Forwarded-For": "203.0.113.9:4711"}, "203.0.113.9"),
        ({"X-Forwarded-For": "203.0.113.9"}, "203.0.113.9"),
        ({"X-Forwarded-For": "1.1.1.1, 2.2.2.2:80,203.0.113.9:4711"}, "203.0.113.9"),
        ({"X-Forwarded-For": "203.0.113.9,"}, "unknown"),
        ({"X-Forwarded-For": "1.1.1.1, not an address"}, "unknown"),
        ({"X-Forwarded-For": "[2001:db8:1:2:3:4:5:6]:443"}, "2001:db8:1:2::/64"),
        ({"X-Forwarded-For": "2001:db8:1:2:ffff::1"}, "2001:db8:1:2::/64"),
        ({"X-Forwarded-For": "[::ffff:203.0.113.9]:1"}, "203.0.113.9"),
        ({"X-Forwarded-For": "203.0.113.9:1", "X-Real-IP": "1.1.1.1", "Forwarded": "for=1.1.1.1", "X-Client-IP": "1.1.1.1",
          "CLIENT-IP": "1.1.1.1:2", "True-Client-IP": "1.1.1.1", "X-Azure-ClientIP": "1.1.1.1"}, "203.0.113.9"),
    ],
)  # fmt: skip
def test_an_address_is_what_the_front_end_added_whatever_the_caller_wrote(headers: dict[str, str], known: str) -> None:
    assert address(request(headers=headers)) == known


def from_(last: str, number: int = 0) -> dict[str, str]:
    """A stranger's request: with a fresh token, and with addresses made up before the one that the front end adds."""
    made_up = f"10.{number >> 8}.{number & 255}.1"
    return {"X-Owner-Token": f"{number:032}", "X-Forwarded-For": f"{made_up}, {last}:{40_000 + number % 20_000}"}


@pytest.mark.parametrize(
    ("name", "limit", "code", "tokens"),
    [("MAX_ACTIVE_JOBS_PER_OWNER", "5", "too_many_active_jobs", 1000), ("DAILY_JOBS_PER_OWNER", "5", "quota_exceeded", 50),
     ("DAILY_USD_PER_OWNER", "0.4", "quota_exceeded", 50), ("MONTHLY_USD_PER_OWNER", "0.4", "quota_exceeded", 50),
     ("DAILY_USD", "0.4", "quota_exceeded", 50), ("DAILY_JOBS", "5", "quota_exceeded", 50)],
)  # fmt: skip
async def test_a_thousand_fresh_tokens_get_no_more_than_one(
    app: Any, hub: FakeHub, name: str, limit: str, code: str, tokens: int
) -> None:
    settings(app, **{name: limit})
    answers = [await post(hub, headers=from_(f"203.0.113.{number % 250}", number)) for number in range(tokens)]

    assert [answer.status_code for answer in answers] == [202] * 5 + [429] * (tokens - 5)
    assert {body(answer)["code"] for answer in answers[5:]} == {code}
    assert len(hub.started) == 5


@pytest.mark.parametrize(
    ("name", "limit"),
    [("MAX_ACTIVE_JOBS", "9"), ("DAILY_JOBS", "9"), ("DAILY_USD", "0.72"), ("MONTHLY_USD", "0.72")],
)  # fmt: skip
async def test_an_address_has_its_share_and_all_have_the_whole(app: Any, hub: FakeHub, name: str, limit: str) -> None:
    per_owner = {"MAX_ACTIVE_JOBS": "MAX_ACTIVE_JOBS_PER_OWNER"}.get(name, f"{name}_PER_OWNER")
    settings(app, **{name: limit, per_owner: "0.4" if "USD" in name else "5"})
    first = [(await post(hub, headers=from_("203.0.113.9", number))).status_code for number in range(20)]
    second = [await post(hub, headers={**EN, **from_("203.0.113.10", number)}) for number in range(20)]

    assert (first.count(202), [answer.status_code for answer in second].count(202)) == (5, 4)
    last = second[-1]
    assert "of-all" in last.headers["RateLimit"]
    assert "all users together" in body(last)["detail"]
    assert "203.0.113" not in str(app.blobs.documents)


@pytest.mark.parametrize("owner", ["anonymous", "token:0123"])
def test_of_strangers_only_the_address_counts(app: Any, owner: str) -> None:
    settings(app, DAILY_USD_PER_OWNER="5")
    (folder,) = limits.accounts_of(app, owner)["reserved"].values()
    settings(app, DAILY_USD_PER_OWNER="5", DAILY_USD="50")
    token = limits.caller.set(limits.Caller("203.0.113.9"))
    here = limits.accounts_of(app, owner)
    limits.caller.set(limits.Caller("203.0.113.10"))
    there = limits.accounts_of(app, owner)
    limits.caller.reset(token)

    assert folder == here["reserved"]["all"] == there["reserved"]["all"] == limit_folder("anonymous")
    assert here["reserved"]["own"] != there["reserved"]["own"] == limit_folder(there["counted"]["own"])
    # What came by no HTTP has no address.
    assert limits.accounts_of(app, owner)["counted"] == {"all": "anonymous"}
    # Who signs in is themselves, and an owner's limit and usage are one document.
    settings(app, DAILY_USD_PER_OWNER="5", DAILY_USD="50", AUTH_MODE="easyauth")
    signed_in = limits.accounts_of(app, "anonymous-coward")
    assert signed_in["reserved"]["own"] == owner_folder("anonymous-coward")
    assert signed_in["reserved"]["all"] != folder


async def test_what_has_no_limit_of_all_is_shared_as_by_one_caller(app: Any, hub: FakeHub) -> None:
    settings(app, DAILY_USD="50", MAX_ACTIVE_JOBS_PER_OWNER="2", DAILY_USD_PER_OWNER="5", MONTHLY_USD_PER_OWNER="60")
    answers = [await post(hub, headers=from_(f"203.0.113.{number}")) for number in range(3)]
    assert [answer.status_code for answer in answers] == [202, 202, 429]
    assert "of-all" not in answers[0].headers["RateLimit"], "how busy the app is with others is nobody's business"
    assert '"jobs-at-once-of-all";r=0' in answers[2].headers["RateLimit"]
    assert "dollars-a-month" in answers[0].headers["RateLimit"]


async def test_without_a_limit_nothing_is_counted_and_nothing_is_read(app: Any, hub: FakeHub) -> None:
    answer = await post(hub, headers={"X-Forwarded-For": "203.0.113.9:40000"})
    finish(app, hub, body(answer)["id"])
    assert (answer.status_code, counters(app)) == (202, [])
    assert "counted" not in app.jobs.read(body(answer)["id"])
    assert "RateLimit" not in answer.headers
    assert "RateLimit-Policy" not in answer.headers


# ---- what is told ----


async def test_a_refusal_says_which_limit_and_when_it_begins_anew(app: Any, hub: FakeHub) -> None:
    settings(app, DAILY_USD_PER_OWNER="0.16")
    first = await post(hub, {"n": "2"}, EN)
    answer = await post(hub, headers=EN)

    assert first.status_code == 202
    problem = body(answer)
    assert (answer.status_code, problem["code"], problem["charged"], problem["limit"]) == (
        429, "quota_exceeded", "no", "dollars-a-day",
    )  # fmt: skip
    reset = datetime.fromisoformat(problem["reset_at"])
    assert (reset.hour, reset.minute) == (15, 0), "midnight in Korea"
    seconds = (reset - app.now()).total_seconds()
    assert seconds <= int(answer.headers["Retry-After"]) <= seconds + 2
    assert "dollars is used up" in problem["detail"]
    assert "한국 시간" in body(await post(hub))["detail"]
    assert hub.started_jobs == [body(first)["id"]]


async def test_limits_are_told_before_they_are_reached(app: Any, hub: FakeHub) -> None:
    settings(app, DAILY_JOBS_PER_OWNER="3", MAX_ACTIVE_JOBS_PER_OWNER="2", DAILY_USD_PER_OWNER="1")
    answers = [await post(hub, headers={"Idempotency-Key": str(number)}) for number in (1, 1, 2, 3)]
    policy = '"jobs-at-once";q=2;qu="concurrent-requests", "jobs-a-day";q=3;w=86400, "dollars-a-day";q=12;w=86400'
    assert answers[0].headers["RateLimit-Policy"] == f"{policy};toonconnect-usd=1.00"
    left = [answer.headers.get("RateLimit", "").split(";t=")[0] for answer in answers]
    assert left == [
        '"jobs-at-once";r=1, "jobs-a-day";r=2', "", '"jobs-at-once";r=0, "jobs-a-day";r=1', '"jobs-at-once";r=0',
    ], "a repeat counts nothing"  # fmt: skip
    assert answers[-1].status_code == 429


async def test_most_of_a_limit_alarms(app: Any, hub: FakeHub, caplog: Any) -> None:
    caplog.set_level("INFO", logger="toonconnect")
    settings(app, DAILY_USD="1", AUTH_MODE="easyauth")
    for number in range(11):
        await post(hub, headers={PRINCIPAL: f"me-{number}"})
    (told,) = [entry for entry in caplog.records if entry.message == "spending_near_limit"]
    assert (told.scope, told.window, told.percent, told.limit_usd) == ("all", "dollars-a-day", 80, 1.0)


# ---- what it costs in the end ----


async def test_a_refused_post_counts_nowhere(app: Any, hub: FakeHub) -> None:
    settings(app, DAILY_JOBS="5", DAILY_JOBS_PER_OWNER="2", DAILY_USD="0.08", AUTH_MODE="easyauth")
    assert (await post(hub, headers={PRINCIPAL: "me"})).status_code == 202
    assert (await post(hub, headers={PRINCIPAL: "you"})).status_code == 429
    settings(app, DAILY_JOBS="5", DAILY_JOBS_PER_OWNER="2", AUTH_MODE="easyauth")
    assert [(await post(hub, headers={PRINCIPAL: "you"})).status_code for _ in range(3)] == [202, 202, 429]


@pytest.mark.parametrize("trouble", [ServiceRequestError("no connection"), Busy("spending/x.json")])
async def test_a_post_that_could_not_be_counted_everywhere_is_counted_nowhere(
    app: Any, hub: FakeHub, monkeypatch: Any, trouble: Exception
) -> None:
    settings(app, MAX_ACTIVE_JOBS_PER_OWNER="1", DAILY_USD_PER_OWNER="1")

    def failing(*_: Any) -> None:
        raise trouble

    with monkeypatch.context() as away:
        away.setattr(app.spending, "reserve", failing)
        assert (await post(hub)).status_code in (500, 503)
    assert (await post(hub)).status_code == 202


async def test_a_job_that_ended_counts_with_what_it_cost(app: Any, hub: FakeHub) -> None:
    settings(app, DAILY_USD_PER_OWNER="0.16", AUTH_MODE="easyauth")
    me = {PRINCIPAL: "me"}
    first, second = [body(await post(hub, headers=me))["id"] for _ in range(2)]
    assert (await post(hub, headers=me)).status_code == 429

    finish(app, hub, first, picture(state="failed", owes=("free",)))
    third = body(await post(hub, headers=me))["id"]
    finish(app, hub, second, picture(state="canceled", owes=("accepted",), is_watched=True))
    assert (await post(hub, headers=me)).status_code == 429, "it may still be charged"
    (row,) = body(await usage("me"))["data"]
    assert (row["jobs"], row["cost_usd"], row["open_usd"], row["settled"]) == (3, 0.16, 0.16, False)

    from activities.keep_leftover import keep

    late = picture(state="canceled", owes=("free",))
    for _ in range(2):
        keep(app, {"job_id": second, "traceparent": None, "picture": late})  # type: ignore[typeddict-item]
    finish(app, hub, third, picture(owes=("paid",)))
    answer = body(await usage("me"))
    assert (answer["total"]["jobs"], answer["total"]["cost_usd"], answer["total"]["settled"]) == (3, 0.08, True)
    assert answer["limits"] == [
        {"window": "day", "limit_usd": 0.16, "used_usd": 0.08, "reset_at": answer["limits"][0]["reset_at"]}
    ]


# ---- translations that no job has asked for ----


class Words:
    """A translator that counts what it was paid for."""

    is_configured = True

    def __init__(self, app: Any) -> None:
        self.texts: list[str] = []
        app.__dict__["translator"] = self

    def to_english(self, text: str) -> Translation:
        self.texts.append(text)
        return Translation("hero", "ko")


async def translated(headers: dict[str, str], text: str = "영웅", kind: str = "goods") -> Any:
    sent = request("POST", body=json.dumps({"prompt": text}).encode(), headers={**EN, **headers})
    return await raw(translate.BY_KIND[kind])(req=sent)


@pytest.mark.parametrize(
    ("name", "limit"),
    [("DAILY_JOBS_PER_OWNER", "5"), ("DAILY_JOBS", "5"), ("DAILY_USD_PER_OWNER", "0.1"), ("MONTHLY_USD_PER_OWNER", "0.1"),
     ("DAILY_USD", "0.1"), ("MONTHLY_USD", "0.1")],
)  # fmt: skip
async def test_a_thousand_fresh_tokens_translate_no_more_than_one(app: Any, name: str, limit: str) -> None:
    settings(app, **{name: limit})
    words, kinds = Words(app), ("goods", "ppl")
    answers = [
        await translated(from_(f"203.0.113.{number % 250}", number), "가" * 2000, kinds[number % 2]) for number in range(50)
    ]

    assert [answer.status_code for answer in answers] == [200] * 5 + [429] * 45
    assert len(words.texts) == 5, "what is refused costs nothing"
    problem = body(answers[5])
    assert (problem["code"], problem["charged"]) == ("quota_exceeded", "no")
    window = "translations-a-day" if "JOBS" in name else "dollars-a-day" if name.startswith("DAILY") else "dollars-a-month"
    assert problem["limit"].removesuffix("-of-all") == window
    assert datetime.fromisoformat(problem["reset_at"]) > app.now()
    assert int(answers[5].headers["Retry-After"]) > 0


async def test_an_address_translates_its_share_and_what_all_refuse_counts_for_nobody(app: Any) -> None:
    settings(app, DAILY_JOBS="7", DAILY_JOBS_PER_OWNER="5", DAILY_USD="1", DAILY_USD_PER_OWNER="0.5")
    Words(app)
    first = [await translated(from_("203.0.113.9", number)) for number in range(9)]
    second = [await translated(from_("203.0.113.10", number)) for number in range(9)]

    assert [[answer.status_code for answer in some].count(200) for some in (first, second)] == [5, 2]
    assert [body(some[-1])["limit"] for some in (first, second)] == ["translations-a-day", "translations-a-day-of-all"]
    assert first[0].headers["RateLimit"].startswith('"translations-a-day";r=4;t=')
    assert '"translations-a-day";q=5;w=86400, "dollars-a-day";q=' in first[0].headers["RateLimit-Policy"]
    assert "of-all" not in first[0].headers["RateLimit"], "how busy the app is with others is nobody's business"
    asked = sorted(document["translated"] for name, document in counted(app).items() if name.startswith("owners/"))
    spent = sorted(
        sum(document["translated"].values()) for name, document in counted(app).items() if name.startswith("spending/")
    )
    assert asked == [2, 5, 7]
    assert spent == pytest.approx([2 * 2e-5, 5 * 2e-5, 7 * 2e-5])


async def test_translations_and_jobs_have_a_count_each_and_one_purse(app: Any, hub: FakeHub) -> None:
    settings(app, DAILY_JOBS_PER_OWNER="2", DAILY_USD_PER_OWNER="0.09", AUTH_MODE="easyauth")
    words, me, you = Words(app), {PRINCIPAL: "me"}, {PRINCIPAL: "you"}
    assert (await translated(me)).status_code == 200
    first = await post(hub, headers={**EN, **me})
    assert (first.status_code, first.headers["RateLimit"].split(";t=")[0]) == (202, '"jobs-a-day";r=1')
    assert [(await translated(me, "가" * 900)).status_code for _ in range(2)] == [200, 429]
    (day,) = body(await usage("me"))["limits"]
    assert (day["limit_usd"], day["used_usd"]) == (0.09, 0.089)
    assert body(await usage("me"))["total"]["jobs"] == 1, "a translation is no job"

    # What its words cost leaves no room for a job.
    assert (await translated(you, "가" * 2000)).status_code == 200
    assert body(await post(hub, headers={**EN, **you}))["limit"] == "dollars-a-day"
    assert len(words.texts) == 3


async def test_a_day_of_translations_ends_with_the_day(app: Any, clock: Clock) -> None:
    settings(app, DAILY_JOBS_PER_OWNER="1")
    Words(app)
    assert [(await translated({})).status_code for _ in range(2)] == [200, 429]
    clock.pass_by(seconds=86_400)
    assert (await translated({})).status_code == 200


async def test_without_a_limit_or_a_translator_no_translation_is_counted(app: Any) -> None:
    words = Words(app)
    assert ((await translated({})).status_code, counters(app)) == (200, [])
    settings(app, MAX_ACTIVE_JOBS="1", MAX_ACTIVE_JOBS_PER_OWNER="1")
    assert (await translated({})).status_code == 200
    settings(app, DAILY_JOBS_PER_OWNER="5", DAILY_USD="1")
    words.is_configured = False
    answer = await translated({})
    assert [name for name in counters(app) if not name.startswith("addresses/")] == []
    assert "RateLimit" not in answer.headers


# ---- usage ----


async def test_usage_is_an_owners_own_and_stays_when_a_job_is_deleted(app: Any, hub: FakeHub) -> None:
    settings(app, AUTH_MODE="easyauth")
    mine, yours = [body(await post(hub, headers={PRINCIPAL: who}))["id"] for who in ("me", "you")]
    for job_id in (mine, yours):
        finish(app, hub, job_id)
    today = day_of(app.now())
    row = {
        "date": today, "kind": "goods", "jobs": 1, "pictures": 1, "cost_usd": 0.08, "open_usd": 0.0, "settled": True,
    }  # fmt: skip
    assert body(await usage("me"))["data"] == [row]
    assert any(mine in str(document) for name, document in app.blobs.documents.items() if name.startswith("usage/"))

    from shared import forgetting

    await forgetting.begin(app, hub, mine)
    assert app.jobs.read(mine) is None
    assert body(await usage("me"))["data"] == [row]
    assert not any(mine in str(document) for document in app.blobs.documents.values()), "nothing names it any more"
    assert body(await usage("nobody"))["data"] == []


async def test_who_has_no_token_sees_nobodys_money(app: Any, hub: FakeHub) -> None:
    settings(app, DAILY_USD_PER_OWNER="5")
    finish(app, hub, await new_job(hub))
    # Whatever may lie there.
    strangers = next(name for name in app.blobs.documents if name.startswith("spending/"))
    mine = f"{owner_folder('anonymous')}/{strangers.rpartition('/')[2]}"
    app.blobs.create_document(mine, app.blobs.read_document(strangers)[0])
    answer = body(await usage())
    assert (answer["data"], answer["limits"], answer["total"]["jobs"]) == ([], [], 0)


@pytest.mark.parametrize(
    ("params", "field"),
    [({"from": "yesterday"}, "from"), ({"to": "2026-13-01"}, "to"), ({"from": "2026-W01-1"}, "from"),
     ({"from": "2026-02-02", "to": "2026-02-01"}, "from"), ({"from": "2025-01-01", "to": "2026-01-02"}, "from"),
     ({"from": "20260101"}, "from")],
)  # fmt: skip
async def test_a_span_that_makes_no_sense_is_told_by_its_field(app: Any, params: dict[str, str], field: str) -> None:
    answer = await usage(None, **params)
    assert (answer.status_code, body(answer)["code"]) == (422, "validation_failed")
    assert [error["field"] for error in body(answer)["errors"]] == [field]


@pytest.mark.parametrize("day", ["9999-12-31", "0001-01-01"])
async def test_any_day_of_the_calendar_may_be_asked_for(app: Any, day: str) -> None:
    settings(app, AUTH_MODE="easyauth")
    answer = await usage("me", to=day)
    assert (answer.status_code, body(answer)["to"], body(answer)["data"]) == (200, day, [])


async def test_a_span_costs_a_read_for_each_of_its_months(app: Any, hub: FakeHub, monkeypatch: Any) -> None:
    settings(app, AUTH_MODE="easyauth")
    seen: list[str] = []
    read = app.blobs.read_document
    monkeypatch.setattr(app.blobs, "read_document", lambda name: seen.append(name) or read(name))
    assert (await usage("me", **{"from": "2025-06-01", "to": "2026-06-01"})).status_code == 200
    assert len(seen) == 13
    seen.clear()
    answer = body(await usage("me"))
    assert (answer["from"][-2:], answer["to"], len(seen)) == ("01", day_of(app.now()), 1)


# ---- on the job ----


async def test_a_running_job_says_what_it_has_cost_so_far_and_what_it_is_expected_to(app: Any, hub: FakeHub) -> None:
    job_id = await new_job(hub, n="2")
    rows = [[{"generator": "fake", "attempt": 1, "state": state}] for state in ("paid", "accepted")]
    hub.statuses[job_id] = Status(RUNTIME.Running, {"stage": "generating", "progress": 5})
    for index in (0, 1):
        shown = {"stage": "generating", "progress": 40 + index, "sends": rows[index]}
        hub.statuses[f"{job_id}-{index}"] = Status(RUNTIME.Running, shown)
    job = body(await get(hub, job_id))
    assert job["usage"] == {"cost_usd": 0.16, "open_usd": 0.08, "estimated": True, "settled": False}
    assert [(p["charged"], p["cost_usd"]) for p in job["pictures"]] == [("yes", 0.08), ("unknown", 0.08)]


async def test_no_picture_costs_nothing_and_perhaps_something(app: Any, hub: FakeHub) -> None:
    for state in ("open", "accepted", "may be charged", "free", "refused", "paid"):
        job_id = await new_job(hub)
        finish(app, hub, job_id, picture(state="canceled", owes=(state,)))
        job = body(await get(hub, job_id))
        (told,) = job["pictures"]
        assert (told["charged"] == "unknown") == (told["settled"] is False), state
        assert (told["charged"] == "unknown") <= (told["cost_usd"] > 0 and job["usage"]["cost_usd"] > 0), state
    job_id = await new_job(hub)
    unpriced = [{"generator": "gone", "attempt": 1, "state": "accepted"}]
    finish(app, hub, job_id, picture(state="canceled", sends=unpriced))
    job = body(await get(hub, job_id))
    assert (job["pictures"][0]["cost_usd"], job["usage"]["cost_usd"]) == (None, None)


async def test_a_canceled_job_says_that_its_provider_goes_on_until_that_is_known(app: Any, hub: FakeHub) -> None:
    job_id = await new_job(hub)
    await cancel(hub, job_id)
    finish(app, hub, job_id, picture(state="canceled", owes=("accepted",), is_watched=True))
    job = body(await get(hub, job_id, headers=EN))
    assert (job["status"], job["usage"]["settled"], job["usage"]["cost_usd"]) == ("canceled", False, 0.08)
    assert [told["code"] for told in job["warnings"]] == ["prediction_goes_on"]
    etag = {lang: (await get(hub, job_id, headers={"Accept-Language": lang})).headers["ETag"] for lang in ("ko", "en")}
    assert etag["ko"] != etag["en"]

    from activities.keep_leftover import keep

    keep(app, {"job_id": job_id, "traceparent": None, "picture": picture(state="canceled", owes=("free",))})  # type: ignore[typeddict-item]
    job = body(await get(hub, job_id))
    assert (job["usage"]["settled"], job["usage"]["cost_usd"], job["warnings"]) == (True, 0, [])


async def test_limits_count_as_long_as_the_job_whose_settings_have_changed_meanwhile(
    app: Any, hub: FakeHub, clock: Clock
) -> None:
    settings(app, MAX_ACTIVE_JOBS="1", MAX_ACTIVE_JOBS_PER_OWNER="1")
    job_id = body(await post(hub, headers={"X-Forwarded-For": "203.0.113.9:40000"}))["id"]
    assert (await post(hub, headers=from_("203.0.113.10"))).status_code == 429
    finish(app, hub, job_id)
    assert (await post(hub, headers=from_("203.0.113.9"))).status_code == 202
    assert limits.caller.get() is None
    assert (await delete(hub, job_id)).status_code == 204
