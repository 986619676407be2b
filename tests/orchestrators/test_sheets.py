"""A sheet as a whole: each picture with its own preset, six at a time, some of which fail; and a cancel of all."""

from typing import Any

import pytest

from shared import starting
from shared.domain.presets import PRESETS
from shared.domain.problem import moderated
from shared.domain.sheet import missing_pictures
from shared.providers.provider import Failed, Handle
from tests.orchestrators.house import JOB, House, do

NAMES = list(PRESETS)[-8:]


def post_sheet(house: House) -> None:
    asked = {"prompt_sent": "in winter", "output_format": "png", "safety_tolerance": 2, "n": len(NAMES), "preset": None}
    sheet = [{"prompt": PRESETS[name].prompt, "aspect_ratio": PRESETS[name].aspect_ratio} for name in NAMES]
    document = house.accept(len(NAMES), input=asked, presets=NAMES, sheet=sheet)
    do(starting.ensure_started(house.services, house.client, document, is_new=True))


def preset_of(house: House, handle: Handle) -> str:
    prompt = house.provider.submitted[int(handle.id.removeprefix("p-")) - 1].prompt
    return next(name for name in NAMES if prompt.startswith(PRESETS[name].prompt))


def test_each_picture_is_sent_and_kept_with_its_own_preset_six_at_a_time() -> None:
    house = House()
    running = house.count_running()
    post_sheet(house)
    house.go_on()

    job = house.job()
    assert (job["status"], missing_pictures(job), house.provider.billed) == ("succeeded", [], 8)
    assert [output["preset"] for output in job["outputs"]] == NAMES
    sent = sorted((order.reference, order.prompt, order.aspect_ratio) for order in house.provider.submitted)
    assert sent == [
        (f"{JOB}/{i}", f"{PRESETS[name].prompt} in winter", PRESETS[name].aspect_ratio) for i, name in enumerate(NAMES)
    ]  # fmt: skip
    assert max(running) == 6


def test_what_was_sent_is_on_record_and_is_there() -> None:
    house = House()
    post_sheet(house)
    house.go_on()

    (name,) = house.job()["sent"].values()
    assert house.provider.submitted[0].images == (house.blobs.get_image(name),)


def test_one_that_is_moderated_and_one_that_is_late_take_no_other_with_them(monkeypatch: pytest.MonkeyPatch) -> None:
    house = House()
    look = house.provider.look
    refused = Failed(moderated("BFL", "output", "no"))

    def looked(handle: Handle) -> Any:
        return refused if preset_of(house, handle) == "poster" else look(handle)

    monkeypatch.setattr(house.provider, "look", looked)
    # What is sent second never comes.
    house.provider.seconds[2] = 100_000.0
    post_sheet(house)
    house.go_on()

    job = house.job()
    late = preset_of(house, Handle("p-2", ""))
    assert late != "poster"
    missing = sorted([NAMES.index("poster"), NAMES.index(late)])
    assert (job["status"], missing_pictures(job)) == ("succeeded", missing)
    problems = {picture["index"]: picture["problem"] for picture in job["pictures"] if picture["problem"]}
    assert {index: problem["code"] for index, problem in problems.items()} == {
        NAMES.index("poster"): "content_moderated", NAMES.index(late): "generation_timeout",
    }  # fmt: skip
    assert problems[NAMES.index("poster")]["charged"] == "no"
    # Six that came; of the late one nobody knows.
    assert (job["usage"]["cost_usd"] >= 6 * 0.08, job["usage"]["settled"], house.held) == (True, False, set())


@pytest.mark.parametrize("at", [0.5, 5.0, 15.0])
def test_a_cancel_stops_all_pictures_of_a_sheet(at: float) -> None:
    house = House()
    house.provider.on_cancel = "canceled"
    house.bench.at(at, house.cancel)
    post_sheet(house)
    house.go_on()

    job = house.job()
    assert house.held == set()
    assert len(job["outputs"]) == house.provider.billed == (6 if at == 15.0 else 0)
    assert job["status"] == ("succeeded" if at == 15.0 else "canceled")
