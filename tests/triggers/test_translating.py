"""What a POST decides of its prompt's translation, and what the job tells of it and of its print."""

from typing import Any

import pytest

from shared.domain.presets import PRESETS
from shared.domain.translation import PLAN, with_translation
from shared.starting import job_order
from tests.activities.test_translate_prompt import Translator
from tests.triggers.calls import FakeHub, body, finish, get, new_job, output, picture, post, raw, request, settings
from triggers import options


class Untouchable:
    """Nobody asks for a translator where nothing is to be translated."""

    @property
    def is_configured(self) -> bool:
        raise AssertionError("asked for")


@pytest.fixture
def translator(app: Any) -> Translator:
    made = Translator()
    app.__dict__["translator"] = made
    return made


async def told(hub: FakeHub, job_id: str, language: str = "en") -> list[dict[str, Any]]:
    answer: list[dict[str, Any]] = body(await get(hub, job_id, headers={"Accept-Language": language}))["warnings"]
    return answer


@pytest.mark.parametrize("fields", [{"prompt": "a mug"}, {"prompt": "머그컵", "language": "en"}, {"prompt": "", "preset": "mug"}])
async def test_a_job_that_needs_no_translation_has_nothing_of_it(app: Any, hub: FakeHub, fields: dict[str, str]) -> None:
    app.__dict__["translator"] = Untouchable()
    job_id = await new_job(hub, **fields)

    assert {"translated", "warnings"}.isdisjoint(app.jobs.read(job_id))
    assert "translation" not in hub.started[-1][2]


@pytest.mark.parametrize(("prompt", "language"), [("머그컵", None), ("머그컵", "ko"), ("a mug", "ko")])
async def test_a_korean_prompt_is_translated_by_the_story(
    app: Any, hub: FakeHub, translator: Translator, prompt: str, language: str | None
) -> None:
    job_id = await new_job(hub, prompt=prompt, **({"language": language} if language else {}))

    document = app.jobs.read(job_id)
    assert document["translated"] == {"state": "open"}
    assert (document["input"]["prompt"], document["input"]["language"]) == (prompt, language)
    assert hub.started[-1][2]["translation"] == PLAN
    # Nobody waits for it, and no prompt is in what the hub keeps.
    assert translator.asked == []
    assert prompt not in repr(hub.started)


async def test_without_a_translator_a_korean_prompt_is_told_at_once_in_both_languages(app: Any, hub: FakeHub) -> None:
    job_id = await new_job(hub, prompt="머그컵")

    assert "translation" not in hub.started[-1][2]
    (english,), (korean,) = await told(hub, job_id, "en"), await told(hub, job_id, "ko")
    assert (english["code"], english["field"]) == ("prompt_not_translated", "prompt")
    assert "no translator is set up here" in english["detail"]
    assert "번역기가 설정되어 있지 않습니다" in korean["detail"]


async def test_with_a_malformed_address_jobs_are_taken_as_without_a_translator(app: Any, hub: FakeHub) -> None:
    settings(app, TRANSLATOR_ENDPOINT="nonsense")

    assert [warning["code"] for warning in await told(hub, await new_job(hub, prompt="머그컵"))] == ["prompt_not_translated"]


async def test_prompt_and_what_was_sent_of_it_are_both_shown(app: Any, hub: FakeHub, translator: Translator) -> None:
    job_id = await new_job(hub, prompt="파란색", preset="mug")
    app.jobs.update(job_id, lambda job: with_translation(job, "in blue"))

    asked = body(await get(hub, job_id))["input"]
    assert (asked["prompt"], asked["prompt_sent"]) == ("파란색", f"{PRESETS['mug'].prompt} in blue")
    # Without the preset's: whoever asks again has the creator's words and their English.
    assert asked["prompt_translated"] == "in blue"


async def test_a_job_that_is_started_again_asks_for_no_translation_that_is_decided(
    app: Any, hub: FakeHub, translator: Translator
) -> None:
    job_id = await new_job(hub, prompt="파란색")
    decided = app.jobs.update(job_id, lambda job: with_translation(job, "blue"))

    assert "translation" not in job_order(app, decided)


async def test_a_repeated_request_is_the_same_one_whatever_its_translation_became(
    app: Any, hub: FakeHub, translator: Translator
) -> None:
    key = {"Idempotency-Key": "k-1"}
    first = body(await post(hub, {"prompt": "파란색"}, key))
    app.jobs.update(first["id"], lambda job: with_translation(job, "blue"))

    again = await post(hub, {"prompt": "파란색"}, key)
    assert (again.headers["Idempotent-Replayed"], body(again)["id"]) == ("true", first["id"])
    # Also by a server that has lost its translator.
    del app.__dict__["translator"]
    assert body(await post(hub, {"prompt": "파란색"}, key))["id"] == first["id"]
    # The English words are another request.
    assert (await post(hub, {"prompt": "blue"}, key)).status_code == 422


# ---- print ----


def ended(app: Any, hub: FakeHub, job_id: str, preset: str | None, width: int, height: int) -> None:
    finish(app, hub, job_id, picture())
    made = {**output(job_id), "preset": preset, "width": width, "height": height}
    app.jobs.amend(job_id, lambda job: job | {"outputs": [made]})


async def test_a_picture_with_few_pixels_for_its_print_is_told_in_both_languages(app: Any, hub: FakeHub) -> None:
    job_id = await new_job(hub, preset="tshirt")
    assert await told(hub, job_id) == []
    ended(app, hub, job_id, "tshirt", 1024, 1024)

    (english,), (korean,) = await told(hub, job_id, "en"), await told(hub, job_id, "ko")
    assert (english["code"], korean["code"]) == ("print_size_draft", "print_size_draft")
    assert "T-shirt" in english["detail"]
    assert "65 dpi" in english["detail"]
    assert "티셔츠" in korean["detail"]
    # Else the page that changes its language would be told that nothing has changed.
    tags = [(await get(hub, job_id, headers={"Accept-Language": spoken})).headers["ETag"] for spoken in ("en", "ko")]
    assert tags[0] != tags[1]


@pytest.mark.parametrize(("preset", "size"), [("sticker", (1024, 1024)), (None, (1024, 1024)), ("tshirt", (4000, 4000))])
async def test_what_prints_well_is_not_told(app: Any, hub: FakeHub, preset: str | None, size: tuple[int, int]) -> None:
    job_id = await new_job(hub, **({"preset": preset} if preset else {}))
    ended(app, hub, job_id, preset, *size)

    assert await told(hub, job_id) == []


async def test_options_tell_what_a_picture_gives_on_each_product(app: Any) -> None:
    presets = {preset["id"]: preset for preset in body(await raw(options.get_options)(req=request()))["presets"]}

    assert len(presets) == 9
    assert presets["sticker"]["print"] == {
        "width_cm": 7, "height_cm": 7, "least_dpi": 300,
        "picture": {"width": 1024, "height": 1024, "dpi": 371, "verdict": "good"},
    }  # fmt: skip
    assert presets["poster"]["print"]["picture"]["verdict"] == "draft_only"
    assert presets["acrylicstand"]["name"] == {"ko": "아크릴 스탠드", "en": "Acrylic stand"}
    # As clients of before read it.
    assert presets["poster"]["print_size"] == "50 x 70 cm"
