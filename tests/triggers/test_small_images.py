"""A small image is prepared while its POST waits: its upload is never stored, and its job has a step less."""

import io
from typing import Any

import pytest
from PIL import Image

import shared.pictures.prepare as preparing
from activities.prepare_image import prepare
from shared import starting
from shared.domain.problem import Problem, ProblemError
from shared.pictures import content
from shared.pictures.facts import ImageFacts
from shared.pictures.prepare import prepare_for_provider, prepare_small
from shared.storage.image_names import prepared_name, upload_name
from tests import pictures
from tests.picture_files import saved
from tests.triggers.calls import FakeHub, body, finish, form, request, user
from tests.triggers.calls import post as post_goods
from triggers import generate, retry

SMALL, LARGE = pictures.photo_jpeg(1024, 1024), pictures.photo_jpeg(1025, 1024)
HALF = SMALL[: len(SMALL) // 2]
FACTS = ImageFacts("image/jpeg", 1024, 1024)


async def post(hub: FakeHub, *images: bytes) -> str:
    kind, fields = ("goods", ["input_image"]) if len(images) == 1 else ("ppl", ["input_image_1", "input_image_2"])
    sent = form({"prompt": "a mug"}, dict(zip(fields, images, strict=True)))
    answer = await user(generate.BY_KIND[kind])(req=sent, client=hub)
    assert answer.status_code == 202, body(answer)
    return str(body(answer)["id"])


def again(kind: str, **options: Any) -> bytes:
    """The small image in another form."""
    return saved(Image.open(io.BytesIO(SMALL)), kind, **options)


def told_photo() -> bytes:
    exif = Image.Exif()
    exif[0x010E] = "at home"
    return again("JPEG", exif=exif)


async def test_only_what_providers_get_of_it_is_stored(app: Any, hub: FakeHub) -> None:
    photo = told_photo()
    job_id = await post(hub, photo)

    assert b"at home" in photo
    assert app.blobs.images == {prepared_name(job_id, "input_image", "jpg"): prepare_for_provider(photo).data}


async def test_a_story_is_told_which_of_its_images_are_prepared_and_what_is_poor_about_them(app: Any, hub: FakeHub) -> None:
    job_id = await post(hub, LARGE, pictures.photo_jpeg(99, 99))
    ((_, _, order),) = hub.started

    assert list(order["images"].items()) == [
        ("input_image_1", upload_name(job_id, "input_image_1", "jpg")),
        ("input_image_2", prepared_name(job_id, "input_image_2", "jpg")),
    ]
    (told,) = order["prepared"]["input_image_2"]
    assert (list(order["prepared"]), told["code"], told["field"]) == (["input_image_2"], "image_small", "input_image_2")


async def test_it_stays_as_long_as_the_pictures_when_uploads_go(app: Any, hub: FakeHub) -> None:
    job_id = await post(hub, LARGE, SMALL)
    finish(app, hub, job_id)

    assert [name for name in app.blobs.images if "input" in name] == [prepared_name(job_id, "input_image_2", "jpg")]


async def test_what_cannot_be_prepared_is_told_by_the_jobs_own_step(app: Any, hub: FakeHub) -> None:
    job_id = await post(hub, HALF)
    ((_, _, order),) = hub.started

    assert "prepared" not in order
    upload = upload_name(job_id, "input_image", "jpg")
    assert list(order["images"].values()) == list(app.blobs.images) == [upload]
    asked = {"job_id": job_id, "traceparent": None, "field": "input_image", "blob": upload, "asked_at": app.now().isoformat()}
    assert prepare(app, asked)["problem"]["code"] == "unsupported_image"  # type: ignore[arg-type]


async def test_nobody_waits_for_another_small_image(app: Any, hub: FakeHub) -> None:
    with preparing._SMALL:
        job_id = await post(hub, SMALL)
    assert list(app.blobs.images) == [upload_name(job_id, "input_image", "jpg")]
    assert prepare_small(SMALL, FACTS) is not None, "the next one finds nobody"


@pytest.mark.parametrize("error", [ProblemError(Problem("image_unusable")), MemoryError(), ZeroDivisionError()])
async def test_whatever_goes_wrong_with_it_the_job_is_made_the_usual_way(
    app: Any, hub: FakeHub, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fails(known: Any) -> Any:
        raise error

    monkeypatch.setattr(preparing, "_prepared", fails)
    job_id = await post(hub, SMALL)

    assert list(app.blobs.images) == [upload_name(job_id, "input_image", "jpg")]
    monkeypatch.undo()
    assert prepare_small(SMALL, FACTS) is not None


@pytest.mark.parametrize("key", [{}, {"Idempotency-Key": "k"}], ids=["no key", "a key"])
@pytest.mark.parametrize("end", ["given up", "failed before its images were told"])
async def test_a_job_whose_story_told_nothing_of_its_images_is_made_again_of_them(
    app: Any, hub: FakeHub, key: dict[str, str], end: str
) -> None:
    job_id = body(await post_goods(hub, headers=key))["id"]
    (prepared,) = app.jobs.read(job_id)["images"].values()
    if end == "given up":
        starting.give_up(app, app.jobs.read(job_id), 10)
    else:
        finish(app, hub, job_id, problem=Problem("internal").to_payload())
    asked = request("POST", f"/api/jobs/{job_id}/retry", route={"id": job_id})
    made = await user(retry.retry_job)(req=asked, client=hub)

    assert made.status_code == 202, body(made)
    (upload,) = app.jobs.read(body(made)["id"])["images"].values()
    assert app.blobs.get_image(upload) == app.blobs.get_image(prepared)


@pytest.mark.parametrize(
    "image",
    [
        LARGE, SMALL.ljust(1024 * 1024 + 1, b"\0"), HALF,
        again("JPEG", progressive=True), again("WEBP"), again("GIF"),
        # Its ground has to be found.
        pictures.png_with_alpha(300, 200), saved(Image.new("LA", (300, 200), (9, 99)), "PNG"),
        *(saved(Image.linear_gradient("L").convert(mode), "PNG", transparency=7) for mode in ("L", "P")),
    ],
)  # fmt: skip
def test_what_may_take_longer_is_left_to_the_jobs_own_step(image: bytes) -> None:
    assert prepare_small(image, content.read(image).facts) is None


def test_what_is_large_is_not_even_taken_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(content, "read")
    assert prepare_small(LARGE, ImageFacts("image/jpeg", 1025, 1024)) is None
    assert prepare_small(SMALL.ljust(1024 * 1024 + 1, b"\0"), FACTS) is None
