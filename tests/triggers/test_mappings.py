"""POST generate: every wish of the form reaches the job's document, and every tunable its story."""

from typing import Any

import pytest

from shared.domain.kinds import GOODS, PPL, Kind
from shared.domain.presets import PRESETS
from shared.storage.gate_store import GateStore
from shared.storage.image_names import prepared_name
from tests import pictures
from tests.fakes import FakeGenerator
from tests.triggers.calls import RUNTIME, FakeHub, Status, body, form, get, new_job, post, request, settings, user
from triggers import generate, upload


async def asked_for(app: Any, hub: FakeHub, **fields: str) -> dict[str, Any]:
    """The document of a job that was accepted."""
    document: dict[str, Any] = app.jobs.read(await new_job(hub, **fields))
    return document


def story(hub: FakeHub) -> dict[str, Any]:
    """What the last job's story was told."""
    return hub.started[-1][2]


@pytest.mark.parametrize(
    ("field", "value", "kept"),
    [("aspect_ratio", "21:9", "21:9"), ("output_format", "jpeg", "jpeg"), ("output_format", "jpg", "jpeg"),
     ("safety_tolerance", "0", 0), ("safety_tolerance", "1", 1), ("seed", "5", 5), ("n", "3", 3), ("label", "visible", "visible"),
     ("preset", "mug", "mug"), ("prompt", "blue", "blue")],
)  # fmt: skip
async def test_what_the_form_asks_for_is_kept_for_the_send(app: Any, hub: FakeHub, field: str, value: str, kept: Any) -> None:
    assert (await asked_for(app, hub, **{field: value}))["input"][field] == kept


async def test_the_prompt_is_kept_as_it_was_written_and_as_it_is_sent(app: Any, hub: FakeHub) -> None:
    asked = (await asked_for(app, hub, prompt="in blue", preset="mug"))["input"]

    assert asked["prompt"] == "in blue"
    assert asked["prompt_sent"] == f"{PRESETS['mug'].prompt} in blue"


async def test_each_picture_and_each_job_has_a_seed_of_its_own(app: Any, hub: FakeHub) -> None:
    jobs = [await asked_for(app, hub, n="4") for _ in range(2)]

    assert len({seed for job in jobs for seed in job["seeds"]}) == 8
    assert [job["input"]["seed"] for job in jobs] == [None, None]


async def test_a_seed_goes_on_from_picture_to_picture_and_begins_anew_at_its_end(app: Any, hub: FakeHub) -> None:
    assert (await asked_for(app, hub, n="3", seed="4294967294"))["seeds"] == [4294967294, 4294967295, 0]


@pytest.mark.parametrize(("ordered", "cost"), [("1", 0.08), ("3", 0.24)])
async def test_the_estimate_is_for_all_pictures_that_were_ordered(app: Any, hub: FakeHub, ordered: str, cost: float) -> None:
    job_id = await new_job(hub, n=ordered)

    assert app.jobs.read(job_id)["usage"] == {"cost_usd": cost, "estimated": True, "settled": False}


@pytest.mark.parametrize(
    ("ai_label", "asked", "kept"),
    [("visible", {}, "visible"), ("metadata", {}, "none"), ("visible", {"label": "none"}, "none"),
     ("metadata", {"label": "visible"}, "visible")],
)  # fmt: skip
async def test_the_label_is_the_forms_and_without_one_the_settings_and_its_story_is_told(
    app: Any, hub: FakeHub, ai_label: str, asked: dict[str, str], kept: str
) -> None:
    settings(app, AI_LABEL=ai_label)
    document = await asked_for(app, hub, **asked)

    assert (document["input"]["label"], story(hub)["label"]) == (kept, kept)


@pytest.mark.parametrize(
    ("setting", "value", "limit", "told"),
    [("POLL_INTERVAL_SECONDS", "2.5", "poll_interval_seconds", 2.5), ("POLL_MAX_ATTEMPTS", "77", "poll_max_attempts", 77),
     ("GENERATION_TIMEOUT_SECONDS", "90", "generation_timeout_seconds", 90),
     ("QUEUE_TIMEOUT_SECONDS", "300", "queue_timeout_seconds", 300), ("PROVIDER_DOWN", "fail", "may_wait_when_down", False),
     ("PROVIDER_DOWN", "wait", "may_wait_when_down", True)],
)  # fmt: skip
async def test_a_story_keeps_the_settings_that_its_job_began_with(
    app: Any, hub: FakeHub, setting: str, value: str, limit: str, told: Any
) -> None:
    settings(app, **{setting: value})
    await new_job(hub)

    assert story(hub)["limits"][limit] == told


async def test_a_job_that_is_started_again_keeps_the_settings_that_it_was_accepted_with(app: Any, hub: FakeHub) -> None:
    settings(app, GENERATION_TIMEOUT_SECONDS="90")
    job_id = await new_job(hub)
    settings(app, GENERATION_TIMEOUT_SECONDS="200")
    hub.statuses[job_id] = Status(RUNTIME.Failed)
    await get(hub, job_id)

    assert [given["limits"]["generation_timeout_seconds"] for _, _, given in hub.started] == [90, 90]


async def test_each_picture_is_ordered_with_its_seed_and_its_jobs_preset(app: Any, hub: FakeHub) -> None:
    await new_job(hub, n="3", seed="5", preset="mug")

    assert [(one["index"], one["seed"], one["preset"]) for one in story(hub)["pictures"]] == [
        (0, 5, "mug"), (1, 6, "mug"), (2, 7, "mug"),
    ]  # fmt: skip


@pytest.mark.parametrize(("kind", "made_by"), [(GOODS, "bfl"), (PPL, "replicate")])
async def test_each_kind_has_its_own_generator_and_its_images_in_the_order_that_this_expects(
    app: Any, hub: FakeHub, kind: Kind, made_by: str
) -> None:
    for name in ("bfl", "replicate"):
        app.generators[name] = FakeGenerator()
        app.generators[name].name = name
    settings(app, PPL_MODELS="replicate", GOODS_MODELS="bfl")
    app.__dict__["gates"] = GateStore(app.documents, {"bfl": 6, "replicate": 6}, lambda: app.now().timestamp())
    images = {field: pictures.photo_jpeg(99, 99) for field in reversed(kind.images)}
    post_of_kind = user(generate.BY_KIND["goods"] if kind is GOODS else generate.BY_KIND["ppl"])
    job = body(await post_of_kind(req=form({"prompt": "a hero"}, images), client=hub))

    assert (job["kind"], job["provider"]) == (kind.name, made_by)
    assert [choice["name"] for choice in story(hub)["generators"]] == [made_by]
    # PPL: the character, then the product.
    fields = ["input_image"] if kind is GOODS else ["input_image_1", "input_image_2"]
    assert list(story(hub)["images"].items()) == [(field, prepared_name(job["id"], field, "jpg")) for field in fields]


async def test_a_request_that_is_larger_than_its_images_may_be_is_refused_unread(
    app: Any, hub: FakeHub, monkeypatch: Any
) -> None:
    room = len(GOODS.images) * app.settings.max_upload_bytes + 256 * 1024
    sent = request("POST", headers={"Content-Type": "multipart/form-data; boundary=x"}, body=b"x" * (room + 1))
    monkeypatch.setattr(upload, "parts_of", lambda *_: pytest.fail("it was parsed"))
    answer = await user(generate.BY_KIND["goods"])(req=sent, client=hub)

    assert (answer.status_code, body(answer)["code"]) == (413, "image_too_large")


@pytest.mark.parametrize("changed", ["prompt", "image", "another field"])
async def test_a_key_stands_for_the_whole_request_its_texts_and_its_images(app: Any, hub: FakeHub, changed: str) -> None:
    image = pictures.photo_jpeg(300, 300)
    first = await user(generate.BY_KIND["goods"])(
        req=form({"prompt": "a mug"}, {"input_image": image}, {"Idempotency-Key": "k"}), client=hub
    )
    fields = {"prompt": "another" if changed == "prompt" else "a mug", **({"n": "2"} if changed == "another field" else {})}
    sent = pictures.photo_jpeg(301, 300) if changed == "image" else image
    other = await user(generate.BY_KIND["goods"])(req=form(fields, {"input_image": sent}, {"Idempotency-Key": "k"}), client=hub)

    assert first.status_code == 202
    assert (other.status_code, body(other)["code"]) == (422, "idempotency_key_reused")


async def test_the_order_of_a_forms_fields_does_not_make_it_another_request(app: Any, hub: FakeHub) -> None:
    first = await post(hub, {"n": "1", "seed": "5"}, headers={"Idempotency-Key": "k"})
    again = await post(hub, {"seed": "5", "n": "1"}, headers={"Idempotency-Key": "k"})

    assert body(first)["id"] == body(again)["id"]
