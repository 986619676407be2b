"""POST retry: what a job has not got, or all of it again, as a new job of the same inputs."""

from typing import Any

import pytest

from activities.prepare_image import prepare
from shared.domain.kinds import PPL
from shared.domain.problem import Problem
from shared.storage.image_names import prepared_name, prepared_prefixes
from shared.storage.quota_store import QuotaStore
from tests import pictures
from tests.triggers.calls import (
    RUNTIME,
    FakeHub,
    Status,
    body,
    delete,
    finish,
    finish_before,
    form,
    get,
    new_job,
    picture,
    request,
    settings,
    user,
)
from tests.triggers.test_owners import PRINCIPAL, post_of
from tests.triggers.test_sheet import new_sheet
from triggers import generate, retry
from triggers.jobs import delete_job

PREPARED = pictures.photo_jpeg(300, 300)
MODERATED = Problem("content_moderated", params={"provider": "BFL"}).to_payload()


async def again(hub: FakeHub, job_id: str, *, headers: dict[str, str] | None = None, sent: bytes = b"", **params: str) -> Any:
    asked = request("POST", f"/api/jobs/{job_id}/retry", headers=headers, params=params, route={"id": job_id}, body=sent)
    return await user(retry.retry_job)(req=asked, client=hub)


def prepared(app: Any, job_id: str, *fields: str) -> None:
    """What the story of the job leaves of its inputs."""
    for field in fields or ("input_image",):
        app.blobs.put_image(prepared_name(job_id, field, "jpg"), PREPARED, "image/jpeg")


def failed(index: int) -> dict[str, Any]:
    return picture(index, "failed", ("free",), problem=MODERATED)


async def ended(app: Any, hub: FakeHub, *ends: dict[str, Any], **fields: str) -> str:
    job_id = await new_job(hub, **fields)
    finish(app, hub, job_id, *ends)
    prepared(app, job_id)
    return job_id


async def test_the_pictures_that_are_missing_are_made_again_and_no_others(app: Any, hub: FakeHub) -> None:
    job_id = await new_sheet(hub, ["mug", "keyring", "poster"], prompt="in winter", seed="5", metadata='{"episode":"12"}')
    finish(app, hub, job_id, picture(0), failed(1), failed(2))
    prepared(app, job_id)
    answer = await again(hub, job_id)
    job = body(answer)

    assert (answer.status_code, answer.headers["Location"].endswith(job["id"])) == (202, True)
    assert job["retry_of"] == {"id": job_id, "indexes": [1, 2]}
    assert [(p["index"], p["preset"], p["seed"]) for p in job["pictures"]] == [(0, "keyring", 6), (1, "poster", 7)]
    before = body(await get(hub, job_id))
    assert [p["prompt_sent"] for p in job["pictures"]] == [p["prompt_sent"] for p in before["pictures"][1:]]
    assert [p["aspect_ratio"] for p in job["pictures"]] == ["3:4", "2:3"]
    assert (job["input"]["n"], job["input"]["presets"], job["metadata"]) == (2, ["keyring", "poster"], {"episode": "12"})
    assert job["usage"]["cost_usd"] == 0.16
    assert [one["seed"] for one in hub.started[-1][2]["pictures"]] == [6, 7]
    assert job["input"]["seed"] == 6, "as the first of its pictures"


async def test_a_job_tells_no_seed_that_would_make_other_pictures(app: Any, hub: FakeHub) -> None:
    job_id = await new_job(hub, n="3", seed="5")
    finish(app, hub, job_id, failed(0), picture(1), failed(2))
    prepared(app, job_id)
    job = body(await again(hub, job_id))

    assert [p["seed"] for p in job["pictures"]] == [5, 7]
    assert job["input"]["seed"] is None, "which is followed by 6"


async def test_a_job_that_lacks_nothing_is_made_again_as_a_whole(app: Any, hub: FakeHub) -> None:
    job_id = await ended(app, hub, picture(0), picture(1), n="2", seed="5", preset="mug", output_format="jpeg", label="visible")
    job = body(await again(hub, job_id))

    assert job["retry_of"] == {"id": job_id, "indexes": [0, 1]}
    assert [p["seed"] for p in job["pictures"]] == [5, 6]
    told = {name: value for name, value in job["input"].items() if name != "images"}
    assert told == {name: value for name, value in body(await get(hub, job_id))["input"].items() if name != "images"}


@pytest.mark.parametrize("how", ["query", "form", "json"])
async def test_new_seeds_are_had_by_asking(app: Any, hub: FakeHub, how: str) -> None:
    job_id = await ended(app, hub, picture(0), picture(1), n="2", seed="5")
    if how == "query":
        answer = await again(hub, job_id, seed="new")
    elif how == "form":
        answer = await again(hub, job_id, sent=b"seed=new", headers={"Content-Type": "application/x-www-form-urlencoded"})
    else:
        answer = await again(hub, job_id, sent=b'{"seed": "new"}', headers={"Content-Type": "application/json"})
    job = body(answer)

    assert answer.status_code == 202, job
    seeds = [p["seed"] for p in job["pictures"]]
    assert len({*seeds, 5, 6}) == 4
    assert job["input"]["seed"] is None


@pytest.mark.parametrize(
    "media_type", ["application/json; charset=utf-8", "Application/JSON", "application/merge-patch+json", "text/json"]
)
async def test_json_is_told_by_its_media_type(app: Any, hub: FakeHub, media_type: str) -> None:
    job_id = await ended(app, hub, seed="5")
    answer = await again(hub, job_id, sent=b'{"seed": "new"}', headers={"Content-Type": media_type})

    assert (answer.status_code, body(answer)["input"]["seed"]) == (202, None)


async def test_a_form_whose_boundary_says_json_is_a_form(app: Any, hub: FakeHub) -> None:
    job_id = await ended(app, hub, seed="5")
    sent = b'--xjson\r\nContent-Disposition: form-data; name="seed"\r\n\r\nnew\r\n--xjson--\r\n'
    answer = await again(hub, job_id, sent=sent, headers={"Content-Type": "multipart/form-data; boundary=xjson"})

    assert (answer.status_code, body(answer)["input"]["seed"]) == (202, None)


@pytest.mark.parametrize("sent", [b"{", b'["new"]'])
async def test_who_sent_no_object_is_shown_one_that_is_taken(app: Any, hub: FakeHub, sent: bytes) -> None:
    job_id = await ended(app, hub)
    headers = {"Content-Type": "application/json", "Accept-Language": "en"}
    refused = body(await again(hub, job_id, sent=sent, headers=headers))
    assert refused["code"] == "invalid_request"

    example = refused["detail"][refused["detail"].index("{") : refused["detail"].index("}") + 1]
    assert (await again(hub, job_id, sent=example.encode(), headers=headers)).status_code == 202


@pytest.mark.parametrize(
    ("sent", "content_type", "params", "named"),
    [(b"", "", {"seed": "other"}, "seed"), (b'{"seed": 5}', "application/json", {}, "seed"),
     (b'{"n": 5}', "application/json", {}, "n"), (b"prompt=x", "application/x-www-form-urlencoded", {}, "prompt")],
)  # fmt: skip
async def test_nothing_else_can_be_asked_for(
    app: Any, hub: FakeHub, sent: bytes, content_type: str, params: dict[str, str], named: str
) -> None:
    job_id = await ended(app, hub)
    answer = await again(hub, job_id, sent=sent, headers={"Content-Type": content_type}, **params)

    assert (answer.status_code, [error["field"] for error in body(answer)["errors"]]) == (422, [named])


async def test_both_images_of_two_are_taken_and_sent_as_they_were(app: Any, hub: FakeHub) -> None:
    sent = form({"prompt": "drinks it"}, dict.fromkeys(PPL.images, PREPARED))
    job_id = body(await user(generate.BY_KIND["ppl"])(req=sent, client=hub))["id"]
    finish(app, hub, job_id)
    prepared(app, job_id, *PPL.images)
    new_id = body(await again(hub, job_id))["id"]
    document = app.jobs.read(new_id)

    assert list(document["images"]) == list(PPL.images)
    for field, blob in document["images"].items():
        order = {"job_id": new_id, "traceparent": None, "field": field, "blob": blob, "asked_at": app.now().isoformat()}
        answer = prepare(app, order)  # type: ignore[arg-type]
        assert answer["blob"].startswith(prepared_prefixes(new_id, field)[0])
        assert app.blobs.get_image(answer["blob"]) == PREPARED, "a JPEG that is made anew loses a little each time"


async def test_what_was_poor_about_the_images_is_said_again(app: Any, hub: FakeHub) -> None:
    job_id = await ended(app, hub)
    small = {"code": "image_small", "field": "input_image", "params": {"width": "9", "height": "9"}}
    app.jobs.amend(job_id, lambda job: job | {"warnings": [small]})

    assert [w["code"] for w in body(await again(hub, job_id))["warnings"]] == ["image_small"]


async def test_what_became_of_the_prompt_is_what_is_sent_again(app: Any, hub: FakeHub) -> None:
    job_id = await ended(app, hub, prompt="겨울")
    english = {"translated": {"state": "yes", "text": "winter"}}
    app.jobs.amend(job_id, lambda job: job | english | {"input": job["input"] | {"prompt_sent": "winter"}})
    document = app.jobs.read(body(await again(hub, job_id))["id"])

    assert (document["translated"], document["input"]["prompt"]) == (english["translated"], "겨울")
    assert document["input"]["prompt_sent"] == "winter"


async def test_a_job_of_the_version_before_is_made_again_too(app: Any, hub: FakeHub) -> None:
    job_id = await new_job(hub, seed="5")
    finish_before(app, job_id)
    app.blobs.put_image(f"{job_id}/prepared/input_image.jpg", PREPARED, "image/jpeg")

    assert [p["seed"] for p in body(await again(hub, job_id))["pictures"]] == [5]


async def test_a_retry_can_be_retried(app: Any, hub: FakeHub) -> None:
    job_id = await ended(app, hub, failed(0))
    second = body(await again(hub, job_id))["id"]
    finish(app, hub, second, failed(0))
    prepared(app, second)

    assert body(await again(hub, second))["retry_of"] == {"id": second, "indexes": [0]}


async def test_what_still_goes_on_is_not_made_again(app: Any, hub: FakeHub) -> None:
    answer = await again(hub, await new_job(hub))

    assert (answer.status_code, body(answer)["code"], body(answer)["charged"]) == (409, "job_not_finished", "unknown")
    assert len(hub.started) == 1


async def test_a_canceled_job_is_made_again(app: Any, hub: FakeHub) -> None:
    job_id = await ended(app, hub, picture(0, "canceled", ()))

    assert body(await again(hub, job_id))["retry_of"]["indexes"] == [0]


@pytest.mark.parametrize("how", ["expired", "gone"])
async def test_what_has_no_inputs_any_more_is_not_made_again(app: Any, hub: FakeHub, clock: Any, how: str) -> None:
    job_id = await ended(app, hub)
    if how == "expired":
        clock.pass_by(days=31)
    else:
        del app.blobs.images[prepared_name(job_id, "input_image", "jpg")]
    before = set(app.blobs.images)
    answer = await again(hub, job_id)

    assert (answer.status_code, body(answer)["code"]) == (410, "inputs_expired")
    assert (len(hub.started), set(app.blobs.images)) == (1, before)


async def test_a_job_whose_image_was_never_prepared_is_not_made_again(
    app: Any, hub: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generate, "prepare_small", lambda data, facts: None)
    job_id = await new_job(hub)
    finish(app, hub, job_id, problem=Problem("unsupported_image", params={"found_ko": "x", "found_en": "x"}).to_payload())
    answer = await again(hub, job_id)

    assert (answer.status_code, body(answer)["code"], body(answer)["charged"]) == (410, "inputs_expired", "no")
    assert len(hub.started) == 1


async def test_a_job_past_its_time_is_told_the_same_when_nothing_is_left_of_it(app: Any, hub: FakeHub, clock: Any) -> None:
    job_id = await ended(app, hub)
    clock.pass_by(days=31)
    before = await again(hub, job_id)
    app.jobs.delete(job_id)
    after = await again(hub, job_id)

    assert [(answer.status_code, body(answer)["code"]) for answer in (before, after)] == [(410, "inputs_expired")] * 2
    assert body(after)["charged"] == "unknown"


async def test_a_job_that_is_gone_or_somebody_elses_is_not_found(app: Any, hub: FakeHub) -> None:
    settings(app, AUTH_MODE="easyauth")
    job_id = body(await post_of(hub, "me"))["id"]
    finish(app, hub, job_id)
    prepared(app, job_id)
    answers = [await again(hub, job_id, headers={PRINCIPAL: who}) for who in ("you", "me")]
    await user(delete_job)(req=request("DELETE", route={"id": job_id}, headers={PRINCIPAL: "me"}), client=hub)
    answers.append(await again(hub, job_id, headers={PRINCIPAL: "me"}))

    assert [answer.status_code for answer in answers] == [404, 202, 404]
    assert {body(answer)["code"] for answer in answers[::2]} == {"job_not_found"}


async def test_one_key_makes_one_job_even_when_the_former_one_is_gone(app: Any, hub: FakeHub) -> None:
    key = {"Idempotency-Key": "k"}
    job_id, other = await ended(app, hub), await ended(app, hub)
    first = await again(hub, job_id, headers=key)
    reused = [await again(hub, other, headers=key), await again(hub, job_id, headers=key, seed="new")]
    await delete(hub, job_id)
    repeated = await again(hub, job_id, headers=key)

    assert (repeated.status_code, body(repeated)["id"]) == (202, body(first)["id"])
    assert repeated.headers["Idempotent-Replayed"] == "true"
    assert [(answer.status_code, body(answer)["code"]) for answer in reused] == [(422, "idempotency_key_reused")] * 2
    hub.statuses[body(first)["id"]] = Status(RUNTIME.Completed)
    await delete(hub, body(first)["id"])
    gone = await again(hub, job_id, headers=key)
    assert (gone.status_code, body(gone)["code"]) == (410, "job_deleted")


async def test_a_retry_counts_among_its_owners_jobs(app: Any, hub: FakeHub) -> None:
    job_id = await ended(app, hub)
    app.__dict__["quotas"] = QuotaStore(app.documents, 1, None, app.now)
    first, second = await again(hub, job_id), await again(hub, job_id)

    assert first.status_code == 202
    assert (second.status_code, body(second)["code"]) == (429, "too_many_active_jobs")
    # Refused, it leaves nothing behind.
    assert len([name for name in app.blobs.images if name.startswith("uploads/")]) == 1
