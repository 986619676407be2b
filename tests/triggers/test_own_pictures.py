"""A picture of an own job as an input; nobody else's; and what was sent of each input, shown to its owner."""

from typing import Any

import pytest

from activities import finish_job
from shared.domain.job import FAILED
from shared.domain.problem import Problem
from shared.pictures.prepare import prepare_for_provider
from shared.storage.image_names import prepared_name
from tests import pictures
from tests.triggers.bodies import image, multipart, part, send
from tests.triggers.calls import FakeHub, body, delete, finish, get, new_job, picture, post, settings
from tests.triggers.test_owners import PRINCIPAL
from tests.triggers.test_sheet import post_sheet

PICTURE = pictures.photo_jpeg(640, 480)


async def made(app: Any, hub: FakeHub, *, headers: dict[str, str] | None = None, n: str = "1") -> str:
    """An ended job with a picture that can be used."""
    answer = await post(hub, {"n": n}, headers)
    job_id = str(body(answer)["id"])
    finish(app, hub, job_id, *(picture(index) for index in range(int(n))))
    for output in app.jobs.read(job_id)["outputs"]:
        app.blobs.put_image(output["blob"], PICTURE, "image/jpeg")
    return job_id


async def use(hub: FakeHub, reference: str, **headers: str) -> Any:
    return await send(hub, multipart(part("prompt", b"again"), part("input_image", reference.encode())), **headers)


async def test_a_picture_of_an_own_job_is_an_input_like_a_file(app: Any, hub: FakeHub) -> None:
    job_id = await made(app, hub, n="2")
    answer = await use(hub, f" job:{job_id}/1\r\n")

    assert answer.status_code == 202, body(answer)
    document = app.jobs.read(body(answer)["id"])
    assert app.blobs.get_image(document["images"]["input_image"]) == prepare_for_provider(PICTURE).data
    assert document["image_sources"] == {"input_image": f"job:{job_id}/1"}


@pytest.mark.parametrize("said", ["image/png", "text/plain", "application/octet-stream", ""])
async def test_it_is_one_whatever_its_part_is_said_to_be(app: Any, hub: FakeHub, said: str) -> None:
    job_id = await made(app, hub)
    named = part("input_image", f"job:{job_id}/0".encode(), content_type=said)
    answer = await send(hub, multipart(part("prompt", b"again"), named))

    assert answer.status_code == 202, body(answer)
    assert app.jobs.read(body(answer)["id"])["image_sources"] == {"input_image": f"job:{job_id}/0"}


async def test_a_sheet_may_be_made_of_one_too(app: Any, hub: FakeHub) -> None:
    job_id = await made(app, hub)
    answer = await post_sheet(hub, files={}, input_image=f"job:{job_id}/0")

    assert answer.status_code == 202, body(answer)


async def test_what_a_job_made_may_be_larger_than_an_upload(app: Any, hub: FakeHub) -> None:
    job_id = await made(app, hub)
    settings(app, MAX_UPLOAD_BYTES=str(len(PICTURE) - 1))

    assert (await use(hub, f"job:{job_id}/0")).status_code == 202
    uploaded = await send(hub, multipart(part("prompt", b"again"), image(PICTURE)))
    assert (uploaded.status_code, body(uploaded)["code"]) == (413, "image_too_large")


@pytest.mark.parametrize(
    "reference",
    ["job:", "job:x/0", "job:{id}", "job:{id}/", "job:{id}/1", "job:{id}/-1", "job:{id}/100", "job:{id}/0/0", "job:{id}/0?x",
     "job:job_0123456789abcdefghjkmnpqrs/0", "job:{id}/a", "job:../{id}/0", "job:{id} /0"],
)  # fmt: skip
async def test_what_is_no_picture_of_the_callers_is_told_in_one_way(app: Any, hub: FakeHub, reference: str) -> None:
    job_id = await made(app, hub)
    before = set(app.blobs.images)
    answer = await use(hub, reference.replace("{id}", job_id))

    assert (answer.status_code, body(answer)["code"]) == (422, "validation_failed")
    assert [error["field"] for error in body(answer)["errors"]] == ["input_image"]
    assert "job:" in body(answer)["errors"][0]["message"]
    assert (set(app.blobs.images), len(hub.started)) == (before, 1)


async def test_a_picture_of_somebody_else_is_answered_as_one_that_is_not_there(app: Any, hub: FakeHub) -> None:
    settings(app, AUTH_MODE="easyauth")
    job_id = await made(app, hub, headers={PRINCIPAL: "me"})
    mine = await use(hub, f"job:{job_id}/0", **{PRINCIPAL: "me"})
    yours = await use(hub, f"job:{job_id}/0", **{PRINCIPAL: "you"})
    nobodys = await use(hub, "job:job_0123456789abcdefghjkmnpqrs/0", **{PRINCIPAL: "you"})

    assert mine.status_code == 202
    assert (yours.status_code, body(yours)["errors"]) == (nobodys.status_code, body(nobodys)["errors"])


async def test_a_picture_that_is_not_there_yet_or_never_will_be_says_so(app: Any, hub: FakeHub) -> None:
    running = await new_job(hub)
    failed = await new_job(hub)
    finish(app, hub, failed, picture(0, FAILED, ("free",), problem=Problem("internal").to_payload()))
    for job_id in (running, failed):
        answer = await use(hub, f"job:{job_id}/0", Accept_Language="en")
        assert (answer.status_code, body(answer)["errors"][0]["field"]) == (422, "input_image")
        assert body(answer)["errors"][0]["message"].startswith("That picture is not there")


@pytest.mark.parametrize("how", ["expired", "gone", "forgotten"])
async def test_a_picture_whose_time_is_over_is_gone(app: Any, hub: FakeHub, clock: Any, how: str) -> None:
    job_id = await made(app, hub)
    if how != "gone":
        clock.pass_by(days=31)
    if how == "forgotten":
        app.jobs.delete(job_id)
    elif how == "gone":
        del app.blobs.images[app.jobs.read(job_id)["outputs"][0]["blob"]]
    answer = await use(hub, f"job:{job_id}/0")

    assert (answer.status_code, body(answer)["code"]) == (410, "result_expired")
    assert body(answer)["errors"][0]["field"] == "input_image"


async def test_a_picture_of_a_deleted_job_is_nobodys(app: Any, hub: FakeHub) -> None:
    job_id = await made(app, hub)
    await delete(hub, job_id)

    assert (await use(hub, f"job:{job_id}/0")).status_code == 422


async def test_a_key_stands_for_the_picture_that_it_named_even_when_that_is_gone(app: Any, hub: FakeHub) -> None:
    key = {"Idempotency_Key": "k"}
    job_id, other = await made(app, hub), await made(app, hub)
    first = await use(hub, f"job:{job_id}/0", **key)
    reused = await use(hub, f"job:{other}/0", **key)
    await delete(hub, job_id)
    again = await use(hub, f"job:{job_id}/0", **key)

    assert (reused.status_code, body(reused)["code"]) == (422, "idempotency_key_reused")
    assert (again.status_code, body(again)["id"]) == (202, body(first)["id"])


# ---- what was sent ----


async def ended_with_inputs(app: Any, hub: FakeHub, job_id: str) -> None:
    name = prepared_name(job_id, "input_image", "jpg")
    app.blobs.put_image(name, PICTURE, "image/jpeg")
    order = {
        "job_id": job_id, "traceparent": None, "started_at": app.now().isoformat(), "pictures": [picture(0, "failed", ("free",))],
        "problem": None, "sent": {"input_image": name},
    }  # fmt: skip
    finish_job.finish(app, order)  # type: ignore[arg-type]


async def test_the_owner_is_shown_what_was_sent_for_as_long_as_it_is_kept(app: Any, hub: FakeHub, clock: Any) -> None:
    job_id = await made(app, hub)
    ours = str(body(await use(hub, f"job:{job_id}/0"))["id"])
    assert body(await get(hub, ours))["input"]["images"] == []
    await ended_with_inputs(app, hub, ours)

    (told,) = body(await get(hub, ours))["input"]["images"]
    assert (told["field"], told["source"]) == ("input_image", f"job:{job_id}/0")
    assert told["url"] == told["thumbnail_url"] == f"https://store/images/{prepared_name(ours, 'input_image', 'jpg')}?sig=x"
    assert ours not in told["url"]
    clock.pass_by(days=31)
    assert (await get(hub, ours)).status_code == 410


async def test_of_an_upload_it_is_said_that_it_was_one(app: Any, hub: FakeHub) -> None:
    job_id = await new_job(hub)
    await ended_with_inputs(app, hub, job_id)

    assert [told["source"] for told in body(await get(hub, job_id))["input"]["images"]] == ["upload"]
    await delete(hub, job_id)
    assert app.blobs.images == {}
