"""POST sheet: one job whose pictures are of one preset each; and what is told of each of them."""

import json
from typing import Any

import pytest
import requests

from shared.domain.presets import PRESETS
from shared.domain.problem import Problem
from tests.triggers.calls import IMAGE, FakeHub, body, finish, get, picture, post, request, settings, user
from triggers import sheet

PRESETS_ASKED = ["mug", "keyring", "poster"]


async def post_sheet(
    hub: FakeHub, presets: list[str] | str | None = None, *, name: str = "presets", headers: dict[str, str] | None = None,
    files: dict[str, bytes] | None = None, **fields: str,
) -> Any:  # fmt: skip
    """`presets`: a list is sent as a field that is repeated."""
    presets = PRESETS_ASKED if presets is None else presets
    sent: list[tuple[str, str]] = [
        *fields.items(),
        *((name, one) for one in ([presets] if isinstance(presets, str) else presets)),
    ]
    given = {"input_image": IMAGE} if files is None else files
    prepared = requests.Request(
        "POST", "http://x", data=sent, files={n: (n, data) for n, data in given.items()} or None
    ).prepare()
    told = {"Content-Type": prepared.headers["Content-Type"], **(headers or {})}
    return await user(sheet.sheet_goods)(
        req=request("POST", "/api/goods-gen/sheet", headers=told, body=prepared.body), client=hub
    )


async def new_sheet(hub: FakeHub, presets: list[str] | str | None = None, **fields: str) -> str:
    answer = await post_sheet(hub, presets, **fields)
    assert answer.status_code == 202, body(answer)
    return str(body(answer)["id"])


@pytest.mark.parametrize("name", ["presets", "presets[]"])
@pytest.mark.parametrize("presets", [PRESETS_ASKED, json.dumps(PRESETS_ASKED), ",".join(PRESETS_ASKED)])
async def test_a_sheet_is_one_job_with_a_picture_a_preset(app: Any, hub: FakeHub, presets: Any, name: str) -> None:
    answer = await post_sheet(hub, presets, name=name, prompt="in winter", seed="5")
    job = body(answer)

    assert (answer.status_code, answer.headers["Location"].endswith(job["id"])) == (202, True)
    assert [(p["index"], p["preset"], p["seed"], p["status"]) for p in job["pictures"]] == [
        (0, "mug", 5, "queued"), (1, "keyring", 6, "queued"), (2, "poster", 7, "queued"),
    ]  # fmt: skip
    for told, preset in zip(job["pictures"], PRESETS_ASKED, strict=True):
        assert told["prompt_sent"] == f"{PRESETS[preset].prompt} in winter"
        assert told["aspect_ratio"] == PRESETS[preset].aspect_ratio
    asked = job["input"]
    assert (asked["presets"], asked["preset"], asked["n"], asked["prompt"], asked["aspect_ratio"]) == (
        PRESETS_ASKED, None, 3, "in winter", None,
    )  # fmt: skip
    assert [(one["index"], one["seed"], one["preset"]) for one in hub.started[-1][2]["pictures"]] == [
        (0, 5, "mug"), (1, 6, "keyring"), (2, 7, "poster"),
    ]  # fmt: skip
    assert job["usage"] == {"cost_usd": 0.24, "open_usd": 0.24, "estimated": True, "settled": False}


async def test_the_version_before_finds_nothing_to_send_of_a_sheet(app: Any, hub: FakeHub) -> None:
    """It would make the same picture n times: it takes the ratio from here."""
    assert "aspect_ratio" not in app.jobs.read(await new_sheet(hub, aspect_ratio="1:1"))["input"]


@pytest.mark.parametrize(
    ("presets", "fields", "named"),
    [("hat", {}, ["presets"]), ([], {}, ["presets"]), (["mug", "mug"], {}, ["presets"]), ("mug", {"n": "2"}, ["n"]),
     ("mug", {"preset": "mug"}, ["preset"]), ("mug", {"hat": "1", "seed": "x"}, ["hat", "seed"])],
)  # fmt: skip
async def test_what_is_wrong_with_a_sheet_is_told_by_field(
    app: Any, hub: FakeHub, presets: Any, fields: dict[str, str], named: list[str]
) -> None:
    answer = await post_sheet(hub, presets, **fields)

    assert (answer.status_code, body(answer)["code"]) == (422, "validation_failed")
    assert [error["field"] for error in body(answer)["errors"]] == named
    assert (hub.started, app.blobs.images) == ([], {})


async def test_presets_are_no_field_of_one_picture(app: Any, hub: FakeHub) -> None:
    assert [e["field"] for e in body(await post(hub, {"presets": "mug"}))["errors"]] == ["presets"]


async def test_a_key_stands_for_its_presets(app: Any, hub: FakeHub) -> None:
    key = {"Idempotency-Key": "k"}
    first = await post_sheet(hub, headers=key)
    again = await post_sheet(hub, json.dumps(PRESETS_ASKED), headers=key)
    other = await post_sheet(hub, ["mug", "keyring"], headers=key)

    assert body(first)["id"] == body(again)["id"]
    assert again.headers["Idempotent-Replayed"] == "true"
    assert (other.status_code, body(other)["code"]) == (422, "idempotency_key_reused")


async def test_where_posts_answer_with_bytes_a_sheet_is_a_job(app: Any, hub: FakeHub) -> None:
    settings(app, SYNC_RESPONSES="true")

    assert (await post_sheet(hub)).status_code == 202


@pytest.mark.parametrize(("language", "said"), [("ko", "3장 중 1장을 만들었습니다."), ("en", "1 of 3 pictures were made.")])
async def test_each_picture_tells_its_end_and_its_money_and_the_job_how_many_there_are(
    app: Any, hub: FakeHub, language: str, said: str
) -> None:
    job_id = await new_sheet(hub)
    moderated = Problem("content_moderated", params={"provider": "BFL"}).to_payload()
    late = Problem("generation_timeout", params={"limit_ko": "2분", "limit_en": "2 minutes"}).to_payload()
    ends = [picture(0), picture(1, "failed", ("free",), problem=moderated), picture(2, "failed", ("accepted",), problem=late)]
    finish(app, hub, job_id, *ends)
    answer = await get(hub, job_id, headers={"Accept-Language": language})
    job = body(answer)

    assert job["status"] == "succeeded"
    assert [(p["status"], p["cost_usd"], p["charged"], p["error"] and p["error"]["code"]) for p in job["pictures"]] == [
        ("succeeded", 0.08, "yes", None), ("failed", 0.0, "no", "content_moderated"),
        ("failed", job["pictures"][2]["cost_usd"], "unknown", "generation_timeout"),
    ]  # fmt: skip
    assert job["summary"].startswith(said)
    assert job["error"]["detail"].endswith(job["summary"])
    assert job["error"]["error"] == job["error"]["detail"]
    other = await get(hub, job_id, headers={"Accept-Language": "en" if language == "ko" else "ko"})
    assert other.headers["ETag"] != answer.headers["ETag"]


async def test_of_one_picture_nobody_counts(app: Any, hub: FakeHub) -> None:
    job_id = await new_sheet(hub, ["mug"])
    assert body(await get(hub, job_id))["summary"] is None
    finish(app, hub, job_id)

    job = body(await get(hub, job_id))
    assert (job["summary"], job["status"], job["retry_of"]) == (None, "succeeded", None)


async def test_a_sheet_that_lacks_nothing_says_so_in_the_readers_language(app: Any, hub: FakeHub) -> None:
    job_id = await new_sheet(hub)
    finish(app, hub, job_id, *(picture(index) for index in range(3)))
    answers = [await get(hub, job_id, headers={"Accept-Language": language}) for language in ("ko", "en")]

    assert [body(answer)["summary"] for answer in answers] == ["3장을 모두 만들었습니다.", "All 3 pictures were made."]
    assert [body(answer)["error"] for answer in answers] == [None, None]
    assert len({answer.headers["ETag"] for answer in answers}) == 2
