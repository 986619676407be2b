"""Which model makes a job: chosen by its request, or the kind's default with the others as its fallback."""

import threading
from typing import Any

import pytest
from azure.core.exceptions import ServiceRequestError

from shared.storage.gate_store import GateStore
from tests.fakes import FakeGenerator
from tests.patience import PATIENCE
from tests.triggers.calls import (
    IMAGE,
    RUNTIME,
    FakeHub,
    Status,
    body,
    finish,
    form,
    get,
    picture,
    post,
    raw,
    request,
    settings,
    user,
)  # fmt: skip
from triggers import generate, health, options

CHOSEN = {"prompt": "a hero", "model": "other"}


class Other(FakeGenerator):
    name, label = "other", "Other"
    model = type(FakeGenerator.model)(**{**vars(FakeGenerator.model), "name_en": "The other"})

    def price_usd(self, images: int) -> float:
        return 0.02

    def worded(self, prompt: str, roles: tuple[str, ...]) -> str:
        return f"{prompt} of {', '.join(roles)}"


@pytest.fixture
def other(app: Any) -> Other:
    made = Other()
    app.generators["other"] = app.providers["other"] = made
    app.__dict__["gates"] = GateStore(app.documents, {"fake": 6, "other": 6}, lambda: app.now().timestamp())
    settings(app, GOODS_MODELS="fake,other")
    return made


async def test_without_a_choice_the_first_makes_it_and_the_others_are_its_fallback(app: Any, hub: FakeHub, other: Other) -> None:
    job = body(await post(hub))

    assert (job["model"], job["provider"], job["input"]["model"]) == ("fake", "fake", None)
    assert [choice["name"] for choice in hub.started[0][2]["generators"]] == ["fake", "other"]


async def test_who_names_a_model_gets_that_one_and_no_other(app: Any, hub: FakeHub, other: Other) -> None:
    job = body(await post(hub, CHOSEN))

    assert (job["model"], job["provider"], job["input"]["model"]) == ("other", "other", "other")
    assert [choice["name"] for choice in hub.started[0][2]["generators"]] == ["other"]
    assert job["usage"]["cost_usd"] == 0.02
    assert job["input"]["prompt_sent"].endswith(" of character")


async def test_a_model_that_the_kind_does_not_have_is_refused_with_those_that_it_has(
    app: Any, hub: FakeHub, other: Other
) -> None:
    answer = await post(hub, {"prompt": "a hero", "model": "flux-9"}, headers={"Accept-Language": "en"})

    assert answer.status_code == 422
    (error,) = body(answer)["errors"]
    assert (error["field"], error["message"]) == ("model", "Must be one of: fake, other")
    assert hub.started == []


async def test_a_job_says_from_which_model_to_which_it_fell_back(app: Any, hub: FakeHub, other: Other) -> None:
    job_id = body(await post(hub))["id"]
    finish(app, hub, job_id, picture(0, generator="other", fallback_used=True))
    job = body(await get(hub, job_id))

    assert (job["model"], job["provider"], job["fallback_used"]) == ("other", "other", True)
    assert job["fallback"] == {"from": "fake", "to": "other"}


async def test_options_offer_each_kinds_models_the_default_first(app: Any, other: Other) -> None:
    offered = [one for one in body(await raw(options.get_options)(req=request()))["generators"] if one["kind"] == "goods"]

    assert [(one["model"], one["is_default"], one["price_usd"]) for one in offered] == [
        ("fake", True, 0.08),
        ("other", False, 0.02),
    ]
    assert offered[1]["name"] == {"ko": "가짜", "en": "The other"}
    assert set(offered[0]["good_for"]) == {"ko", "en"}


@pytest.mark.parametrize(("taken", "told"), [(42, 42), (0.3, 1)])
async def test_the_expected_time_that_is_offered_is_measured(app: Any, other: Other, clock: Any, taken: float, told: int) -> None:
    app.gates.change("other", lambda gate: gate.enter("job_1/0", "job_1", "slot-1", generator="other"))
    clock.pass_by(seconds=taken)
    app.gates.change("other", lambda gate: gate.leave("job_1/0", "ok"))
    offered = {one["model"]: one for one in body(await raw(options.get_options)(req=request()))["generators"]}

    assert (offered["fake"]["expected_seconds"], offered["other"]["expected_seconds"]) == (10, told)


async def test_options_tell_what_keeps_a_models_pictures_from_being_made(app: Any, other: Other) -> None:
    async def stopped() -> list[str | None]:
        told = body(await raw(options.get_options)(req=request()))
        return [one["stopped"] for one in told["generators"] if one["kind"] == "goods"]

    assert await stopped() == [None, None]
    app.gates.change("fake", lambda gate: gate.pause("a test"))
    app.gates.change("other", lambda gate: gate.stop("provider_quota_exhausted"))
    assert await stopped() == ["intake_paused", "provider_quota_exhausted"]


async def test_options_tell_whether_there_is_a_translator_and_how_large_a_sheet_may_be(app: Any) -> None:
    told = body(await raw(options.get_options)(req=request()))

    assert (told["translator"], told["sheet"]) == (app.translator.is_configured, {"max_presets": 9})


async def test_an_unknown_model_in_a_setting_is_named_and_stops_its_kind_only(app: Any, hub: FakeHub, monkeypatch: Any) -> None:
    settings(app, PPL_MODELS="fake,flux-9")
    monkeypatch.setattr(health, "_checks", health.Checks())
    app.blobs.check = lambda: None
    ready = body(await user(health.health_ready)(req=request(), client=hub))

    assert ready["checks"]["settings"] == {"status": "failed", "problems": {"PPL_MODELS": "unknown model flux-9"}}
    assert (await post(hub)).status_code == 202
    settings(app, GOODS_MODELS="flux-9")
    refused = body(await post(hub))
    assert (refused["code"], [error["field"] for error in refused["errors"]]) == ("internal", ["GOODS_MODELS"])


async def test_a_pause_of_the_defaults_provider_leaves_its_jobs_to_the_others(app: Any, hub: FakeHub, other: Other) -> None:
    app.gates.change("fake", lambda gate: gate.pause("a test"))
    job = body(await post(hub))
    assert (job["model"], job["provider"], job["usage"]["cost_usd"]) == ("other", "other", 0.02)
    assert [choice["name"] for choice in hub.started[0][2]["generators"]] == ["other"]

    refused = await post(hub, {"prompt": "a hero", "model": "fake"})
    assert (refused.status_code, body(refused)["code"]) == (503, "intake_paused")
    app.gates.change("other", lambda gate: gate.pause("a test"))
    assert body(await post(hub))["code"] == "intake_paused"


async def test_who_names_a_model_needs_its_account_only(app: Any, hub: FakeHub, other: Other) -> None:
    app.gates.change("fake", lambda gate: gate.pause("moving"))

    assert (await post(hub, CHOSEN)).status_code == 202
    assert (await post(hub)).status_code == 202, "the other one may make it"
    app.gates.change("fake", lambda gate: gate.resume())
    app.gates.change("other", lambda gate: gate.pause("moving"))
    assert body(await post(hub, CHOSEN))["code"] == "intake_paused"
    assert (await post(hub)).status_code == 202


async def test_a_job_that_is_started_again_keeps_its_model_whatever_is_set_by_then(app: Any, hub: FakeHub, other: Other) -> None:
    job_id = body(await post(hub, CHOSEN))["id"]
    settings(app, GOODS_MODELS="fake")
    hub.statuses[job_id] = Status(RUNTIME.Failed)
    await get(hub, job_id)

    assert [[choice["name"] for choice in order["generators"]] for _, _, order in hub.started] == [["other"], ["other"]]


async def test_a_price_is_that_of_as_many_images_as_the_kind_has(app: Any, hub: FakeHub, generator: Any) -> None:
    generator.price_usd = lambda images: 0.03 * images
    offered = body(await raw(options.get_options)(req=request()))["generators"]
    assert {one["kind"]: one["price_usd"] for one in offered} == {"ppl": 0.06, "goods": 0.03}

    images = {"input_image_1": IMAGE, "input_image_2": IMAGE}
    job = body(await user(generate.BY_KIND["ppl"])(req=form({"prompt": "a hero", "n": "2"}, images), client=hub))
    assert job["usage"]["cost_usd"] == 0.12


async def test_a_running_job_shows_who_makes_it_and_from_which_model_it_fell_back(app: Any, hub: FakeHub, other: Other) -> None:
    job_id = body(await post(hub))["id"]
    hub.statuses[job_id] = Status(
        RUNTIME.Running, {"stage": "generating", "progress": 50, "model": "other", "fallback_used": True}
    )
    job = body(await get(hub, job_id))

    assert (job["model"], job["provider"], job["fallback"]) == ("other", "other", {"from": "fake", "to": "other"})
    hub.statuses[job_id] = Status(RUNTIME.Running, {"stage": "generating", "progress": 50, "model": "fake"})
    assert body(await get(hub, job_id))["fallback"] is None


async def test_a_story_of_before_there_was_a_choice_shows_its_provider(app: Any, hub: FakeHub, other: Other) -> None:
    job_id = body(await post(hub))["id"]
    hub.statuses[job_id] = Status(RUNTIME.Running, {"stage": "generating", "progress": 50, "provider": "other"})
    job = body(await get(hub, job_id))

    assert (job["model"], job["provider"]) == ("other", "other")


async def test_a_place_in_line_is_that_at_the_account_of_the_model(app: Any, hub: FakeHub, generator: Any) -> None:
    """Whose name is another than the model's."""

    class Model(Other):
        provider = generator

    app.generators["other"] = Model()
    settings(app, GOODS_MODELS="fake,other")
    job_id = body(await post(hub, CHOSEN))["id"]
    app.__dict__["gates"] = GateStore(app.documents, {"fake": 6}, lambda: app.now().timestamp())
    for number in range(6):
        app.gates.change("fake", lambda gate, number=number: gate.enter(f"job_{number}/0", "i", "e", generator="fake"))
    app.gates.change("fake", lambda gate: gate.enter(f"{job_id}/0", job_id, "slot-1", generator="other"))
    hub.statuses[job_id] = Status(RUNTIME.Running, {"stage": "waiting", "progress": 15, "model": "other"})

    assert body(await get(hub, job_id))["queue_position"] == 1


async def test_a_repeated_request_gets_its_job_though_its_model_is_offered_no_more(app: Any, hub: FakeHub, other: Other) -> None:
    first = body(await post(hub, CHOSEN, headers={"Idempotency-Key": "k"}))
    settings(app, GOODS_MODELS="fake")
    again = await post(hub, CHOSEN, headers={"Idempotency-Key": "k"})

    assert (again.headers["Idempotent-Replayed"], body(again)["id"]) == ("true", first["id"])
    assert (await post(hub, CHOSEN)).status_code == 422


async def test_options_do_not_wait_for_storage_that_is_away(app: Any, monkeypatch: Any) -> None:
    def away(*_: Any) -> None:
        raise ServiceRequestError("storage away")

    monkeypatch.setattr(app.gates, "look", away)
    answer = await raw(options.get_options)(req=request())
    assert (answer.status_code, body(answer)["generators"][0]["expected_seconds"]) == (200, 10)

    done = threading.Event()
    monkeypatch.setattr(options, "LOOK_SECONDS", 0.05)
    monkeypatch.setattr(app.gates, "look", lambda *_: done.wait(2 * PATIENCE))
    try:
        answer = await raw(options.get_options)(req=request())
    finally:
        done.set()
    assert (answer.status_code, body(answer)["generators"][0]["expected_seconds"]) == (200, 10)


async def test_a_running_job_of_a_model_that_was_taken_out_is_still_shown(app: Any, hub: FakeHub) -> None:
    job_id = body(await post(hub))["id"]
    hub.statuses[job_id] = Status(RUNTIME.Running, {"stage": "generating", "progress": 50, "model": "gone/model"})

    answer = await get(hub, job_id)
    assert (answer.status_code, body(answer)["status"]) == (200, "processing")
