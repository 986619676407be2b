"""The page in a real browser, against a backend whose answers the test decides."""

from __future__ import annotations

import io
import random
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import stub_backend as stub
from PIL import Image, ImageDraw
from playwright.sync_api import Page, Route, expect
from stub_backend import StubBackend

from tests.browser import expect_draft, expect_value

pytestmark = pytest.mark.browser

OpenPage = Callable[..., Page]


def use_sample(page: Page) -> None:
    page.get_by_test_id("use-sample").click()
    expect(page.locator(".image-field .preview:visible")).to_have_count(page.locator(".image-field").count())
    expect(page.get_by_test_id("prompt")).not_to_have_value("")


@contextmanager
def choices(page: Page) -> Iterator[None]:
    """While the choices are open."""
    page.get_by_test_id("choices-open").click()
    yield
    page.get_by_test_id("choices-done").click()


def choose_count(page: Page, count: int) -> None:
    with choices(page):
        page.get_by_test_id("n").get_by_text(f"{count}장").click()


def submit_sample(page: Page) -> None:
    use_sample(page)
    page.get_by_test_id("submit").click()


def noise(width: int, height: int, kind: str = "PNG") -> bytes:
    """An image that does not compress."""
    image = Image.frombytes("RGB", (width, height), random.Random(7).randbytes(width * height * 3))
    file = io.BytesIO()
    image.save(file, kind, compress_level=0)
    return file.getvalue()


def figure(width: int, height: int) -> bytes:
    """A spot on a plain ground."""
    image = Image.new("RGB", (width, height), "#ffe0d0")
    ImageDraw.Draw(image).ellipse((width // 4, height // 4, width // 2, height // 2), fill="#4a41c4")
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def upload(name: str, content: bytes, mime: str = "image/png") -> Any:
    return {"name": name, "mimeType": mime, "buffer": content}


def hurry(page: Page) -> None:
    """Until it is left or reloaded, the page waits a tenth of every second: between two looks, before it tries again."""
    page.evaluate("() => { const wait = setTimeout; window.setTimeout = (run, ms) => wait(run, ms < 1000 ? ms : ms / 10); }")


# The two flows


def test_a_form_that_is_sent_while_its_sample_is_on_its_way_waits_for_it(page: Page, backend: StubBackend) -> None:
    held: list[Route] = []
    page.route("**/samples/*", lambda route: held.append(route))
    page.get_by_test_id("use-sample").click()
    page.get_by_test_id("submit").click()
    while len(held) < 2:
        page.wait_for_timeout(10)
    for route in held:
        route.continue_()
    expect(page.get_by_test_id("result-image")).to_be_visible()
    assert set(backend.submissions[0].files) == {"input_image_1", "input_image_2"}


def test_ppl_samples_become_a_picture(page: Page, backend: StubBackend) -> None:
    submit_sample(page)

    expect(page.get_by_test_id("result-image")).to_be_visible()
    expect(page.get_by_test_id("stage")).to_have_text("완성됐어요")
    expect(page.get_by_test_id("facts")).to_contain_text("768×960")
    expect(page.get_by_test_id("about")).to_contain_text("4207")
    sent = backend.submissions[0]
    assert sent.path == "/api/ppl-gen/generate"
    assert sent.language == "ko"
    assert re.fullmatch(r"[0-9a-f-]{36}", sent.idempotency_key)
    assert set(sent.files) == {"input_image_1", "input_image_2"}
    assert sent.fields["prompt"].startswith("A summer ad in front of a convenience store")
    assert {name: value for name, value in sent.fields.items() if name != "prompt"} == {
        "language": "en",
        "aspect_ratio": "match_input_image",
        "output_format": "png",
        "n": "1",
        "safety_tolerance": "2",
    }


def test_a_sandbox_says_so_above_all_and_at_every_picture(page: Page, backend: StubBackend) -> None:
    expect(page.get_by_test_id("sandbox-banner")).to_be_hidden()
    backend.options = {**backend.options, "sandbox": True}
    page.reload()
    expect(page.get_by_test_id("sandbox-banner")).to_contain_text("모두 샘플")
    submit_sample(page)

    expect(page.get_by_test_id("result-image")).to_be_visible()
    expect(page.get_by_test_id("sample")).to_have_text("샘플")
    expect(page.get_by_test_id("download")).to_have_attribute("download", re.compile("^툰커넥트_샘플_PPL_"))
    page.get_by_test_id("language-toggle").click()
    expect(page.get_by_test_id("sample")).to_have_text("Sample")
    expect(page.get_by_test_id("sandbox-banner")).to_contain_text("every picture is a sample")
    backend.options = {**backend.options, "sandbox": False}
    page.reload()
    expect(page.get_by_test_id("result-image")).to_be_visible()
    expect(page.get_by_test_id("sample")).to_be_hidden()


def test_goods_need_only_an_image_and_a_preset(page: Page, backend: StubBackend) -> None:
    page.get_by_test_id("tab-goods").click()
    page.get_by_test_id("file-input_image").set_input_files(upload("character.png", figure(640, 640)))
    page.get_by_test_id("preset").get_by_text("머그컵").click()
    expect(page.get_by_test_id("summary")).to_have_text("4:3 · 1장 · PNG")
    page.get_by_test_id("submit").click()

    expect(page.get_by_test_id("result-image")).to_be_visible()
    sent = backend.submissions[0]
    assert sent.path == "/api/goods-gen/generate"
    assert sent.fields["preset"] == "mug"
    assert sent.fields["aspect_ratio"] == "4:3"
    assert "prompt" not in sent.fields


def test_every_option_is_sent_as_chosen(page: Page, backend: StubBackend) -> None:
    use_sample(page)
    with choices(page):
        expect(page.get_by_test_id("aspect_ratio").get_by_role("radio")).to_have_count(5)
        page.get_by_test_id("more-ratios").click()
        expect(page.get_by_test_id("aspect_ratio").get_by_role("radio")).to_have_count(14)
        page.get_by_test_id("aspect_ratio").get_by_text("21:9", exact=True).click()
        page.get_by_test_id("n").get_by_text("3장").click()
        page.get_by_test_id("output_format").get_by_text("JPEG").click()
        page.get_by_test_id("safety_tolerance").fill("0")
        page.get_by_text("고정", exact=True).click()
        page.get_by_test_id("seed").fill("42")
        page.get_by_test_id("label").check()
    expect(page.get_by_test_id("summary")).to_have_text("21:9 · 3장 · 시드 고정 · AI 표시 · 안전 0 · JPEG")
    page.get_by_test_id("submit").click()

    expect(page.get_by_test_id("result-image")).to_have_count(3)
    sent = backend.submissions[0].fields
    assert (sent["aspect_ratio"], sent["n"], sent["output_format"]) == ("21:9", "3", "jpeg")
    assert (sent["safety_tolerance"], sent["seed"], sent["label"]) == ("0", "42", "visible")


def test_the_seed_of_a_picture_can_be_used_again(page: Page) -> None:
    submit_sample(page)
    page.get_by_test_id("use-seed").click()

    expect(page.get_by_test_id("seed")).to_have_value("4207")


def test_download_yields_the_bytes_of_the_picture(page: Page, backend: StubBackend) -> None:
    submit_sample(page)
    with page.expect_download() as waiting:
        page.get_by_test_id("download").click()

    assert waiting.value.suggested_filename.endswith(".png")
    assert waiting.value.path().read_bytes() == backend.result_image


def test_download_goes_through_the_api_where_storage_refuses_pages(
    page: Page, backend: StubBackend, complaints: list[str]
) -> None:
    backend.image_cors = False
    use_sample(page)
    choose_count(page, 2)
    page.get_by_test_id("submit").click()
    with page.expect_download() as waiting:
        page.get_by_test_id("download").nth(1).click()

    assert waiting.value.path().read_bytes() == backend.result_image
    assert backend.results_asked_for == ["inline=1&index=1"]
    complaints.clear()


def test_the_settings_of_a_job_come_back_as_they_were(page: Page, backend: StubBackend) -> None:
    page.get_by_test_id("tab-goods").click()
    page.get_by_test_id("file-input_image").set_input_files(upload("character.png", figure(640, 640)))
    page.get_by_test_id("prompt").fill("a keyring")
    page.get_by_test_id("submit").click()
    expect(page.get_by_test_id("result-image")).to_be_visible()
    page.get_by_test_id("preset").get_by_text("머그컵").click()
    page.get_by_test_id("use-seed").click()
    page.get_by_role("button", name="이 설정 불러오기").click()

    expect(page.get_by_test_id("preset-none")).to_be_checked()
    expect(page.get_by_test_id("seed")).to_be_hidden()
    expect(page.get_by_test_id("prompt")).to_have_value("a keyring")


# Models

GOODS = [stub.KONTEXT_MAX, stub.FLUX2_PRO, stub.FLUX2_KLEIN]


@pytest.fixture
def choice(backend: StubBackend) -> StubBackend:
    """A backend whose kinds have several models each."""
    backend.options["generators"] = stub.generators(ppl=[stub.TWO_IMAGES_MAX, stub.FLUX2_PRO], goods=GOODS)
    return backend


def choose(page: Page, name: str) -> None:
    with choices(page):
        card = page.get_by_test_id("model").locator("label").filter(has=page.get_by_text(name, exact=True))
        card.click()
        expect(card.get_by_role("radio")).to_be_checked()


def expect_model(page: Page, name: str) -> None:
    with choices(page):
        expect(page.get_by_role("radio", name=name, exact=True)).to_be_checked()


def test_one_model_is_no_choice(page: Page) -> None:
    expect(page.get_by_test_id("expected")).to_have_text("약 $0.08 · 20초쯤")
    for tab in ("tab-ppl", "tab-goods"):
        page.get_by_test_id(tab).click()
        with choices(page):
            expect(page.get_by_test_id("model")).to_be_hidden()


def test_a_model_is_told_by_what_it_is_good_for_its_time_and_its_price(choice: StubBackend, page: Page) -> None:
    page.get_by_test_id("tab-goods").click()
    expect(page.get_by_test_id("expected")).to_have_text("약 $0.08 · 15초쯤")
    page.get_by_test_id("choices-open").click()

    radios = page.get_by_test_id("model").get_by_role("radio")
    expect(radios).to_have_count(3)
    expect(radios.nth(0)).to_be_checked()
    expect(radios.nth(0)).to_have_accessible_name("Kontext Max 기본")
    expect(radios.nth(1)).to_have_accessible_name("FLUX.2 Pro")
    expect(radios.nth(1)).to_have_accessible_description("대부분의 그림에 좋습니다. 보통 10초 · 한 장에 약 $0.045")
    page.get_by_test_id("model").get_by_text("클라인").click()
    expect(page.get_by_test_id("n").get_by_role("radio", name="4장 $0.068")).to_be_visible()


def test_the_default_goes_unnamed_so_that_its_fallback_stays(choice: StubBackend, page: Page) -> None:
    submit_sample(page)

    expect(page.get_by_test_id("result-image")).to_be_visible()
    expect(page.get_by_test_id("maker")).to_have_text("모델: Kontext Max (두 이미지)")
    assert "model" not in choice.submissions[0].fields


def test_a_chosen_model_is_sent_told_and_kept_for_its_kind(choice: StubBackend, page: Page) -> None:
    page.get_by_test_id("tab-goods").click()
    choose(page, "클라인")
    expect(page.get_by_test_id("expected")).to_have_text("약 $0.017 · 3초쯤")
    expect(page.get_by_test_id("summary")).to_contain_text("클라인")
    submit_sample(page)
    expect(page.get_by_test_id("maker")).to_have_text("모델: 클라인")
    page.get_by_test_id("tab-ppl").click()
    expect_model(page, "Kontext Max (두 이미지) 기본")
    page.get_by_test_id("tab-goods").click()
    expect_model(page, "클라인")
    choose(page, "Kontext Max")
    page.get_by_test_id("submit").click()

    expect(page.get_by_test_id("maker")).to_have_text("모델: Kontext Max")
    assert [sent.fields.get("model") for sent in choice.submissions] == [stub.FLUX2_KLEIN, None]


def test_of_a_chosen_model_that_rests_the_form_says_so_while_another_one_works(choice: StubBackend, page: Page) -> None:
    for entry in choice.options["generators"]:
        if entry["model"] == stub.FLUX2_KLEIN:
            entry["stopped"] = "intake_paused"
    page.reload()
    page.get_by_test_id("tab-goods").click()
    expect(page.get_by_test_id("standing")).to_be_hidden()
    expect(page.get_by_test_id("service-banner")).to_be_hidden()
    choose(page, "클라인")

    expect(page.get_by_test_id("standing")).to_contain_text("다른 모델을 고르면 바로 만들 수 있어요")


def test_a_draft_with_a_chosen_model_comes_back_before_the_options_do(choice: StubBackend, page: Page) -> None:
    page.get_by_test_id("tab-goods").click()
    choose(page, "클라인")
    page.get_by_test_id("prompt").fill("웃는 얼굴")
    expect_draft(page, "draft.prompt?.text === '웃는 얼굴'")
    choice.options_ready.clear()
    page.reload()
    page.get_by_test_id("tab-goods").click()

    expect(page.get_by_test_id("prompt")).to_have_value("웃는 얼굴")
    choice.options_ready.set()
    expect_model(page, "클라인")
    expect(page.get_by_test_id("summary")).to_contain_text("클라인")


def choose_by_keys(page: Page) -> None:
    page.get_by_test_id("model").get_by_role("radio").first.focus()
    page.keyboard.press("ArrowDown")


def test_a_model_can_be_chosen_with_the_keyboard(choice: StubBackend, page: Page) -> None:
    page.get_by_test_id("choices-open").click()
    expect(page.get_by_test_id("model")).to_be_visible()
    choose_by_keys(page)

    expect(page.get_by_role("radio", name="FLUX.2 Pro")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("choices-open")).to_be_focused()
    expect(page.get_by_test_id("summary")).to_contain_text("FLUX.2 Pro")
    submit_sample(page)
    expect(page.get_by_test_id("maker")).to_have_text("모델: FLUX.2 Pro")
    assert choice.submissions[0].fields["model"] == stub.FLUX2_PRO


def test_switching_the_language_renames_the_models_and_keeps_the_choice(choice: StubBackend, page: Page) -> None:
    page.get_by_test_id("tab-goods").click()
    choose(page, "클라인")
    submit_sample(page)
    expect(page.get_by_test_id("maker")).to_have_text("모델: 클라인")
    page.get_by_test_id("language-toggle").click()
    expect(page.get_by_test_id("maker")).to_have_text("Model: Klein")
    expect(page.get_by_test_id("expected")).to_have_text("~$0.017 · ~3 s")
    page.get_by_test_id("choices-open").click()

    radios = page.get_by_test_id("model").get_by_role("radio")
    expect(page.get_by_role("radio", name="Klein")).to_be_checked()
    expect(radios.nth(0)).to_have_accessible_name("Kontext Max Default")
    expect(radios.nth(2)).to_have_accessible_description("Drafts for little money. Usually 3 s · about $0.017 a picture")
    page.get_by_test_id("choices-done").click()
    page.get_by_test_id("submit").click()
    expect(page.get_by_test_id("history-item")).to_have_count(2)
    assert choice.submissions[1].fields["model"] == stub.FLUX2_KLEIN


def test_the_settings_of_a_job_bring_its_model_back(choice: StubBackend, page: Page) -> None:
    page.get_by_test_id("tab-goods").click()
    choose(page, "FLUX.2 Pro")
    submit_sample(page)
    expect(page.get_by_test_id("result-image")).to_be_visible()
    choose(page, "클라인")
    page.get_by_role("button", name="이 설정 불러오기").click()

    expect_model(page, "FLUX.2 Pro")


def test_a_model_that_is_not_offered_any_more_gives_way_to_the_default(choice: StubBackend, page: Page) -> None:
    page.get_by_test_id("tab-goods").click()
    choose(page, "클라인")
    submit_sample(page)
    expect(page.get_by_test_id("result-image")).to_be_visible()
    choice.options["generators"] = stub.generators(goods=[stub.FLUX2_PRO, stub.KONTEXT_MAX])
    page.reload()
    expect(page.get_by_test_id("maker")).to_have_text(f"모델: {stub.FLUX2_KLEIN}")
    page.get_by_role("button", name="이 설정 불러오기").click()

    expect_model(page, "FLUX.2 Pro 기본")
    submit_sample(page)
    expect(page.get_by_test_id("history-item")).to_have_count(2)
    assert "model" not in choice.submissions[1].fields


def test_a_model_refused_as_unknown_leaves_the_choice(choice: StubBackend, page: Page, complaints: list[str]) -> None:
    page.get_by_test_id("tab-goods").click()
    choose(page, "클라인")
    choice.options["generators"] = stub.generators(goods=GOODS[:2])
    choice.refusals = [stub.UNKNOWN_MODEL]
    submit_sample(page)

    expect(page.get_by_test_id("field-error-model")).to_have_text("다음 중 하나여야 합니다.")
    expect(page.get_by_test_id("choices")).to_be_visible()
    expect(page.get_by_test_id("model").get_by_role("radio")).to_have_count(2)
    expect(page.get_by_role("radio", name="Kontext Max 기본")).to_be_checked()
    complaints.clear()


@pytest.mark.parametrize(
    ("pictures", "korean", "english"),
    [
        (
            1,
            "Kontext Max (두 이미지) 모델을 쓸 수 없어서 FLUX.2 Pro 모델로 바꿨어요.",
            "Kontext Max (two images) was not available, so this was switched to FLUX.2 Pro.",
        ),
        (
            2,
            "Kontext Max (두 이미지) 모델을 쓸 수 없어서 그림의 일부나 전부를 FLUX.2 Pro 모델로 바꿨어요.",
            "Kontext Max (two images) was not available, so some or all of the pictures were switched to FLUX.2 Pro.",
        ),
    ],
)
def test_a_fallback_is_told_from_what_to_what(choice: StubBackend, page: Page, pictures: int, korean: str, english: str) -> None:
    choice.fallback_to = stub.FLUX2_PRO
    use_sample(page)
    choose_count(page, pictures)
    page.get_by_test_id("submit").click()

    expect(page.get_by_test_id("result-image")).to_have_count(pictures)
    expect(page.get_by_test_id("maker")).to_have_text(korean)
    page.get_by_test_id("language-toggle").click()
    expect(page.get_by_test_id("maker")).to_have_text(english)


def test_pictures_of_which_only_some_fell_back_are_not_all_said_to_be_by_one_model(
    choice: StubBackend, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = choice.document
    monkeypatch.setattr(choice, "document", lambda *asked: {**told(*asked), "fallback_used": True})
    use_sample(page)
    choose_count(page, 2)
    page.get_by_test_id("submit").click()

    expect(page.get_by_test_id("maker")).to_contain_text("그림마다 쓴 모델이 다를 수 있어요.")


def test_a_kind_that_the_page_has_no_words_for_gets_a_tab_and_a_form(page: Page, backend: StubBackend) -> None:
    backend.options["generators"] = stub.generators(goods=GOODS, ppl=[stub.TWO_IMAGES_MAX], sticker=[stub.FLUX2_PRO])
    page.reload()
    expect(page.get_by_role("tab")).to_have_text([re.compile("굿즈"), re.compile("PPL"), "sticker"])
    page.get_by_test_id("tab-sticker").click()
    page.get_by_test_id("file-input_image").set_input_files(upload("character.png", figure(640, 640)))
    page.get_by_test_id("prompt").fill("웃는 얼굴")
    page.get_by_test_id("submit").click()

    expect(page.get_by_test_id("result-image")).to_be_visible()
    expect(page.locator(".kind:not(.sample)")).to_have_text("sticker")
    assert backend.submissions[0].path == "/api/sticker-gen/generate"
    assert page.evaluate(UNNAMED_OR_DOUBLE) == []


# Stages


def test_the_queue_position_and_remaining_time_are_shown(page: Page, backend: StubBackend) -> None:
    backend.hold_at = "waiting"
    backend.queue_position = 3
    submit_sample(page)

    expect(page.get_by_test_id("stage")).to_have_text("차례를 기다리는 중이에요 · 대기 3번째")
    expect(page.get_by_test_id("progress")).to_have_attribute("aria-valuenow", "32")
    expect(page.get_by_text(re.compile("약 1[012]초 남음"))).to_be_visible()
    expect(page.locator("[aria-current=step]")).to_have_text("대기")
    expect(page.get_by_test_id("picture-coming")).to_contain_text("차례를 기다려요")
    # It was sent in English: there is no such step.
    expect(page.locator(".stepper li:visible")).to_have_text(["확인", "대기", "요청", "그리기", "저장"])
    expect(page.get_by_test_id("history-item")).to_have_attribute("data-status", "processing")


def test_between_two_words_of_the_server_bar_and_time_move_on_and_never_back(page: Page, backend: StubBackend) -> None:
    """The server answers a held request with news alone, and progress is none."""
    backend.hold_at = "validating"
    submit_sample(page)
    expect(page.get_by_test_id("picture-coming")).to_contain_text("준비 중")
    backend.hold_at = "generating"
    backend.touch()
    expect(page.get_by_test_id("picture-coming")).to_contain_text("그리는 중")
    bar = page.get_by_test_id("progress")
    expect(bar).to_have_attribute("aria-valuenow", "64")
    expect(page.get_by_text("약 10초 남음")).to_be_visible()
    reached = int(bar.get_attribute("aria-valuenow") or 0)
    assert 64 < reached <= 90
    backend.overdue = True
    backend.touch()
    expect(page.get_by_text("예상보다 늦어지고 있어요")).to_be_visible()
    assert int(bar.get_attribute("aria-valuenow") or 0) >= reached


def test_cancel_ends_the_job(page: Page, backend: StubBackend) -> None:
    backend.hold_at = "generating"
    submit_sample(page)
    page.get_by_test_id("cancel").click()

    expect(page.get_by_test_id("stage")).to_have_text("취소했어요")
    expect(page.get_by_test_id("cancel")).to_have_count(0)


def test_an_unknown_stage_counts_as_running(page: Page, backend: StubBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stub, "STAGES", (*stub.STAGES[:5], "polishing"))
    backend.hold_at = "polishing"
    submit_sample(page)

    expect(page.get_by_test_id("stage")).to_have_text("작업을 진행하는 중이에요")
    backend.release()
    expect(page.get_by_test_id("result-image")).to_be_visible()


# Language


def test_the_browser_decides_the_first_language_and_the_toggle_is_remembered(open_page: OpenPage) -> None:
    page = open_page(locale="en-US")
    expect(page.get_by_test_id("submit")).to_have_text("Make image")
    page.get_by_test_id("language-toggle").click()
    expect(page.get_by_test_id("submit")).to_have_text("이미지 만들기")
    expect(page.locator("html")).to_have_attribute("lang", "ko")
    page.reload()
    expect(page.get_by_test_id("submit")).to_have_text("이미지 만들기")


@pytest.mark.parametrize("locale", ["fr-FR", "ko-KR"])
def test_korean_is_the_language_for_everyone_else(open_page: OpenPage, locale: str) -> None:
    expect(open_page(locale=locale).get_by_test_id("submit")).to_have_text("이미지 만들기")


def test_switching_the_language_keeps_the_input_and_translates_a_failed_job(page: Page, backend: StubBackend) -> None:
    backend.job_problem = stub.MODERATED
    submit_sample(page)
    expect(page.get_by_test_id("error")).to_contain_text("안전성 검사 실패")
    before = page.get_by_test_id("prompt").input_value()
    page.get_by_test_id("language-toggle").click()

    expect(page.get_by_test_id("error")).to_contain_text("Safety check failed")
    expect(page.get_by_test_id("charged")).to_have_text("You were not charged.")
    expect(page.get_by_test_id("prompt")).to_have_value(before)


# Storage


def test_only_one_module_touches_what_the_browser_keeps() -> None:
    """It knows that storage may be blocked: elsewhere that would be a blank page. What runs before all modules knows it too."""
    touching = [
        path.name
        for path in (Path(__file__).parents[2] / "web/js").rglob("*.js")
        if re.search(r"(local|session)Storage\b", path.read_text())
    ]
    assert sorted(touching) == ["place.js", "storage.js"]


# Errors


def test_empty_fields_are_named_before_anything_is_sent(page: Page, backend: StubBackend) -> None:
    page.get_by_test_id("submit").click()

    expect(page.get_by_test_id("field-error-input_image_1")).to_have_text("이미지를 넣어 주세요.")
    expect(page.get_by_test_id("field-error-input_image_2")).to_be_visible()
    expect(page.get_by_test_id("field-error-prompt")).to_be_visible()
    expect(page.get_by_test_id("file-input_image_1")).to_be_focused()
    assert backend.submissions == []


def test_the_servers_field_errors_stand_beside_their_fields(page: Page, backend: StubBackend, complaints: list[str]) -> None:
    backend.refusals = [stub.INVALID_PROMPT]
    submit_sample(page)

    expect(page.get_by_test_id("field-error-prompt")).to_have_text("프롬프트는 2000자 이하여야 합니다.")
    expect(page.get_by_test_id("field-error-seed")).to_have_text("시드는 정수여야 합니다.")
    expect(page.get_by_test_id("prompt")).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_test_id("prompt")).to_be_focused()
    expect(page.get_by_test_id("error-code")).to_have_text("validation_failed")
    complaints.clear()


def test_a_moderated_job_says_why_what_it_cost_and_what_to_change(page: Page, backend: StubBackend) -> None:
    backend.job_problem = stub.MODERATED
    submit_sample(page)

    error = page.get_by_test_id("error")
    expect(error).to_contain_text("안전성 검사 실패")
    expect(error).to_contain_text("요금은 청구되지 않았어요.")
    expect(page.get_by_test_id("error-code")).to_have_text("content_moderated")
    expect(page.get_by_test_id("request-id")).to_have_text("req_stub_1")
    expect(page.get_by_test_id("job-id")).to_have_text(next(iter(backend.jobs)))
    expect(page.get_by_test_id("retry")).to_have_count(0)
    expect(page.get_by_test_id("history-item")).to_have_attribute("data-status", "failed")


@pytest.mark.parametrize(
    ("locale", "problem", "words"),
    [
        ("ko-KR", stub.TOO_LARGE, "이미지는 5 MB 이하여야 합니다."),
        ("en-US", stub.TOO_LARGE, "Images may have at most 5 MB."),
    ],
)
def test_a_refused_request_shows_the_servers_words_in_the_readers_language(
    open_page: OpenPage,
    backend: StubBackend,
    complaints: list[str],
    locale: str,
    problem: stub.Problem,
    words: str,
) -> None:
    page = open_page(locale=locale)
    backend.refusals = [problem]
    submit_sample(page)

    expect(page.get_by_test_id("error")).to_contain_text(words)
    expect(page.get_by_test_id("error-code")).to_have_text(problem.code)
    assert len(backend.submissions) == 1
    complaints.clear()


def test_retry_of_a_failed_job_is_a_new_intent_with_the_same_input(page: Page, backend: StubBackend) -> None:
    backend.job_problem = stub.UNAVAILABLE
    submit_sample(page)
    expect(page.get_by_test_id("charged")).to_contain_text("아직 알 수 없어요")
    backend.job_problem = None
    page.get_by_test_id("retry").click()

    expect(page.get_by_test_id("result-image")).to_be_visible()
    first, second = backend.submissions
    assert first.idempotency_key != second.idempotency_key
    assert (first.fields, first.files) == (second.fields, second.files)


# A network that comes and goes


def test_a_lost_submit_is_sent_again_with_the_same_key(page: Page, backend: StubBackend, complaints: list[str]) -> None:
    hurry(page)
    use_sample(page)
    backend.dropping = True
    page.get_by_test_id("submit").click()
    expect(page.get_by_test_id("connection")).to_contain_text("다시 연결 중")
    backend.dropping = False

    expect(page.get_by_test_id("result-image")).to_be_visible()
    assert len(backend.submissions) == 1
    complaints.clear()


def test_while_the_fate_of_a_submit_is_unknown_every_further_try_has_its_key(
    page: Page, backend: StubBackend, complaints: list[str]
) -> None:
    hurry(page)
    use_sample(page)
    backend.dropping = True
    backend.refusals = [stub.INTERNAL, stub.INTERNAL]
    page.get_by_test_id("submit").click()
    expect(page.get_by_test_id("connection")).to_contain_text("다시 연결 중")
    backend.dropping = False

    expect(page.get_by_test_id("error-code")).to_have_text("internal")
    expect(page.get_by_test_id("charged")).to_have_count(0)
    page.get_by_test_id("retry").click()
    expect(page.get_by_test_id("error-code")).to_have_text("internal")
    page.get_by_test_id("submit").click()
    expect(page.get_by_test_id("result-image")).to_be_visible()
    assert len(backend.submissions) == 3
    assert len({sent.idempotency_key for sent in backend.submissions}) == 1
    complaints.clear()


def test_another_request_after_a_failed_one_has_a_key_of_its_own(page: Page, backend: StubBackend, complaints: list[str]) -> None:
    use_sample(page)
    backend.refusals = [stub.INTERNAL]
    page.get_by_test_id("submit").click()
    expect(page.get_by_test_id("error-code")).to_have_text("internal")
    page.get_by_test_id("prompt").fill("something else")
    page.get_by_test_id("submit").click()
    expect(page.get_by_test_id("result-image")).to_be_visible()
    assert len({sent.idempotency_key for sent in backend.submissions}) == 2
    complaints.clear()


def test_following_reconnects_after_a_network_error(page: Page, backend: StubBackend, complaints: list[str]) -> None:
    hurry(page)
    backend.hold_at = "generating"
    submit_sample(page)
    expect(page.get_by_test_id("stage")).to_have_text("그림을 그리는 중이에요")
    backend.dropping = True
    with backend.changed:
        backend.changed.notify_all()
    expect(page.get_by_test_id("connection")).to_contain_text("다시 연결 중")
    backend.dropping = False
    expect(page.get_by_test_id("connection")).to_be_hidden()
    backend.release()

    expect(page.get_by_test_id("result-image")).to_be_visible()
    complaints.clear()


def test_a_backend_that_is_down_is_announced_and_comes_back(
    open_page: OpenPage, backend: StubBackend, complaints: list[str]
) -> None:
    backend.dropping = True
    page = open_page()
    expect(page.get_by_test_id("backend-down")).to_contain_text("서버에 연결할 수 없어요")
    expect(page.get_by_test_id("backend-down")).to_contain_text("자동으로 다시 연결하고 있어요")
    page.get_by_test_id("language-toggle").click()
    expect(page.get_by_test_id("backend-down")).to_contain_text("The server cannot be reached")
    expect(page.get_by_role("button", name="Reconnect now")).to_be_visible()
    backend.dropping = False
    # Whether it is still there or the page has just been quicker.
    page.locator("#banner-retry").evaluate("button => button.click()")

    expect(page.get_by_test_id("backend-down")).to_be_hidden()
    complaints.clear()


def test_the_page_works_while_the_options_are_slow(open_page: OpenPage, backend: StubBackend) -> None:
    backend.options_ready.clear()
    page = open_page()
    submit_sample(page)
    expect(page.get_by_test_id("result-image")).to_be_visible()
    page.get_by_test_id("tab-goods").click()
    expect(page.get_by_test_id("preset")).to_contain_text("상품 목록을 불러오는 중")
    backend.options_ready.set()

    expect(page.get_by_test_id("preset")).to_contain_text("티셔츠")


# History


def test_a_reload_in_the_middle_of_a_job_goes_on_with_it(page: Page, backend: StubBackend) -> None:
    backend.hold_at = "generating"
    submit_sample(page)
    expect(page.get_by_test_id("stage")).to_have_text("그림을 그리는 중이에요")
    page.reload()
    expect(page.get_by_test_id("stage")).to_have_text("그림을 그리는 중이에요")
    backend.release()

    expect(page.get_by_test_id("result-image")).to_be_visible()
    assert len(backend.submissions) == 1


def test_finished_jobs_are_listed_with_thumbnails_after_a_reload(page: Page, backend: StubBackend) -> None:
    submit_sample(page)
    expect(page.get_by_test_id("result-image")).to_be_visible()
    page.get_by_test_id("tab-goods").click()
    submit_sample(page)
    expect(page.get_by_test_id("history-item").and_(page.locator("[data-status=succeeded]"))).to_have_count(2)
    page.reload()

    expect(page.get_by_test_id("history-item").locator("img")).to_have_count(2)
    page.get_by_test_id("history-item").last.click()
    expect(page.get_by_test_id("result-image")).to_have_attribute("src", re.compile(r"/blob/job_00000000/"))
    assert "sig=" not in page.evaluate("JSON.stringify(localStorage)")


def test_a_job_behind_another_goes_on_being_followed(page: Page, backend: StubBackend) -> None:
    hurry(page)
    backend.hold_at = "waiting"
    submit_sample(page)
    expect(page.get_by_test_id("stage")).to_contain_text("차례를 기다리는")
    page.get_by_test_id("submit").click()
    expect(page.get_by_test_id("history-item")).to_have_count(2)
    backend.finish()

    done = page.get_by_test_id("history-item").and_(page.locator("[data-status=succeeded]"))
    expect(done).to_have_count(2)


def test_a_job_deleted_from_its_result_is_hidden_at_once_and_can_be_brought_back(page: Page, backend: StubBackend) -> None:
    submit_sample(page)
    page.get_by_test_id("delete").click()

    expect(page.get_by_test_id("history-item")).to_have_count(0)
    expect(page.get_by_test_id("result-image")).to_have_count(0)
    expect(page.get_by_test_id("notice-action")).to_be_focused()
    assert len(backend.jobs) == 1
    page.get_by_test_id("notice-action").click()
    expect(page.get_by_test_id("history-item")).to_have_count(1)
    expect(page.get_by_test_id("result-image")).to_be_visible()


def test_a_job_the_server_forgot_is_shown_as_expired(page: Page, backend: StubBackend, complaints: list[str]) -> None:
    submit_sample(page)
    expect(page.get_by_test_id("result-image")).to_be_visible()
    backend.jobs.clear()
    page.reload()

    expect(page.get_by_test_id("stage")).to_contain_text("보관 기간이 지났거나")
    expect(page.get_by_test_id("history-item")).to_have_attribute("data-status", "gone")
    complaints.clear()


def test_an_expired_link_is_renewed_by_reading_the_job_again(page: Page, backend: StubBackend, complaints: list[str]) -> None:
    backend.expired_signatures = {1}
    submit_sample(page)

    expect(page.get_by_test_id("result-image")).to_have_js_property("naturalWidth", 768)
    expect(page.get_by_test_id("result-image")).not_to_have_attribute("src", re.compile(r"sig=1$"))
    complaints.clear()


# Images


def test_a_large_file_is_made_smaller_before_it_is_sent(page: Page, backend: StubBackend) -> None:
    original = noise(2300, 800)
    assert len(original) > 5 * 1024 * 1024
    use_sample(page)
    page.get_by_test_id("file-input_image_1").set_input_files(upload("big.png", original))
    expect(page.get_by_text("올리기 전에 줄였어요")).to_contain_text("1024×356")
    expect(page.get_by_text("배경이 복잡해 보여요")).to_be_visible()
    page.get_by_test_id("submit").click()

    expect(page.get_by_test_id("result-image")).to_be_visible()
    sent = backend.submissions[0].files["input_image_1"]
    assert len(sent) <= 5 * 1024 * 1024
    assert Image.open(io.BytesIO(sent)).size == (1024, 356)


def test_a_small_file_is_sent_untouched_with_a_word_of_advice(page: Page, backend: StubBackend) -> None:
    use_sample(page)
    page.get_by_test_id("file-input_image_1").set_input_files(upload("small.png", figure(200, 300)))
    expect(page.get_by_text("이미지가 작아서")).to_be_visible()
    page.get_by_test_id("submit").click()

    expect(page.get_by_test_id("result-image")).to_be_visible()
    assert backend.submissions[0].files["input_image_1"] == figure(200, 300)


def test_a_file_that_is_no_image_is_refused_by_its_content(page: Page, backend: StubBackend) -> None:
    use_sample(page)
    page.get_by_test_id("file-input_image_2").set_input_files(upload("product.png", b"%PDF-1.7 not a picture"))
    expect(page.get_by_test_id("field-error-input_image_2")).to_have_text(
        "이 파일은 쓸 수 없어요: PDF 파일. 필요한 쪽을 PNG나 JPEG로 저장해서 올려 주세요."
    )
    page.get_by_test_id("submit").click()

    expect(page.get_by_test_id("file-input_image_2")).to_be_focused()
    assert backend.submissions == []


def test_a_dropped_file_is_taken(page: Page) -> None:
    page.locator(".drop").first.dispatch_event(
        "drop",
        {
            "dataTransfer": page.evaluate_handle(
                """async () => {
                  const bytes = await (await fetch("samples/product-can.jpg")).blob();
                  const transfer = new DataTransfer();
                  transfer.items.add(new File([bytes], "dropped.jpg", {type: "image/jpeg"}));
                  return transfer;
                }"""
            )
        },
    )

    expect(page.get_by_role("img", name="캐릭터 이미지 미리보기")).to_be_visible()
    page.get_by_role("button", name="캐릭터 이미지 지우기").click()
    expect(page.get_by_role("img", name="캐릭터 이미지 미리보기")).to_be_hidden()


# The prompt


def test_a_korean_prompt_can_be_translated_and_taken_back(page: Page) -> None:
    page.get_by_test_id("prompt").fill("카페에서 웃는 캐릭터")
    page.get_by_test_id("translate").click()
    expect(page.get_by_test_id("english")).to_have_value("A smiling character in a café")
    expect(page.get_by_test_id("english")).to_be_focused()
    expect(page.get_by_test_id("prompt")).to_have_value("카페에서 웃는 캐릭터")
    page.get_by_test_id("no-english").click()

    expect(page.get_by_test_id("english")).to_be_hidden()
    expect(page.get_by_test_id("prompt")).to_be_focused()


def test_the_settings_of_a_translated_job_bring_its_korean_back_with_the_english_below(page: Page, backend: StubBackend) -> None:
    prompt, english = page.get_by_test_id("prompt"), page.get_by_test_id("english")
    page.get_by_test_id("tab-goods").click()
    page.get_by_test_id("file-input_image").set_input_files(upload("character.png", figure(640, 640)))
    prompt.fill("카페에서 웃는 캐릭터")
    page.get_by_test_id("submit").click()
    expect(page.get_by_test_id("result-image")).to_be_visible()
    page.get_by_role("button", name="이 설정 불러오기").click()
    expect(prompt).to_have_value("카페에서 웃는 캐릭터")
    expect(english).to_have_value(stub.ENGLISH)

    # The translator made it: of other words it is not the English.
    prompt.press("End")
    prompt.press_sequentially("!")
    expect(english).to_be_hidden()


def test_without_a_translator_the_prompt_stays_and_a_hint_is_given(
    page: Page, backend: StubBackend, complaints: list[str]
) -> None:
    backend.translator = False
    page.get_by_test_id("prompt").fill("카페에서 웃는 캐릭터")
    page.get_by_test_id("translate").click()

    expect(page.get_by_text("짧은 영어로 적으면 결과가 더 좋아져요")).to_be_visible()
    expect(page.get_by_test_id("prompt")).to_have_value("카페에서 웃는 캐릭터")
    complaints.clear()


# For everyone

UNNAMED_OR_DOUBLE = """() => {
  const problems = [];
  for (const field of document.querySelectorAll("input, textarea, select")) {
    const labelled = field.labels?.length || field.getAttribute("aria-label") || field.getAttribute("aria-labelledby");
    if (!labelled) problems.push("no label: " + field.outerHTML);
  }
  for (const control of document.querySelectorAll("button, a[href], summary")) {
    if (!(control.textContent.trim() || control.getAttribute("aria-label"))) problems.push("no name: " + control.outerHTML);
  }
  for (const image of document.querySelectorAll("img:not([alt])")) problems.push("no alt: " + image.outerHTML);
  const ids = [...document.querySelectorAll("[id]")].map((element) => element.id);
  for (const id of ids) if (ids.indexOf(id) !== ids.lastIndexOf(id)) problems.push("double id: " + id);
  for (const name of ["aria-labelledby", "aria-describedby", "aria-controls", "for"]) {
    for (const element of document.querySelectorAll(`[${name}]`)) {
      for (const id of element.getAttribute(name).split(" ")) {
        if (!document.getElementById(id)) problems.push(`${name} points nowhere: ${id}`);
      }
    }
  }
  if (document.querySelectorAll("h1").length !== 1) problems.push("not one h1");
  return problems;
}"""

LOW_CONTRAST = """() => {
  const canvas = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
  const rgba = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const light = (colour) => {
    const [r, g, b] = colour.slice(0, 3).map((part) => {
      const share = part / 255;
      return share <= 0.03928 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = rgba(getComputedStyle(at).backgroundColor);
      if (colour[3] === 255) return colour;
    }
    return [255, 255, 255, 255];
  };
  const problems = [];
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement;
    if (!texts.currentNode.data.trim() || !element.checkVisibility() || element.closest("noscript, :disabled")) continue;
    const [a, b] = [light(rgba(getComputedStyle(element).color)), light(behind(element))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) problems.push(`${ratio.toFixed(2)} ${texts.currentNode.data.trim()}`);
  }
  return problems;
}"""


@pytest.mark.parametrize("colours", ["light", "dark"])
@pytest.mark.parametrize("tab", ["tab-ppl", "tab-goods"])
def test_everything_has_a_name_and_enough_contrast(choice: StubBackend, page: Page, tab: str, colours: Any) -> None:
    backend = choice
    backend.fallback_to = stub.FLUX2_PRO
    page.emulate_media(color_scheme=colours)
    page.get_by_test_id(tab).click()
    # All words are there.
    expect(page.get_by_test_id("history-search")).to_be_visible()
    assert page.evaluate(UNNAMED_OR_DOUBLE) == []
    backend.job_problem = stub.UNAVAILABLE
    submit_sample(page)
    expect(page.get_by_test_id("error")).to_be_visible()
    backend.job_problem = None
    page.get_by_test_id("retry").click()
    expect(page.get_by_test_id("result-image")).to_be_visible()
    page.get_by_test_id("history-item").last.click()
    expect(page.get_by_test_id("error")).to_be_visible()

    assert page.evaluate(UNNAMED_OR_DOUBLE) == []
    assert page.evaluate(LOW_CONTRAST) == []


def test_stages_are_announced(page: Page, backend: StubBackend) -> None:
    backend.hold_at = "generating"
    submit_sample(page)

    expect(page.get_by_role("status").filter(has_text="그림을 그리는 중이에요")).to_have_attribute("aria-live", "polite")


def test_the_tabs_answer_to_arrow_keys(page: Page) -> None:
    page.get_by_test_id("tab-ppl").focus()
    page.keyboard.press("ArrowRight")

    expect(page.get_by_test_id("tab-goods")).to_be_focused()
    expect(page.get_by_test_id("tab-goods")).to_have_attribute("aria-selected", "true")
    expect(page.get_by_test_id("file-input_image")).to_be_attached()


@pytest.mark.parametrize("width", [320, 360])
def test_nothing_is_wider_than_a_phone(open_page: OpenPage, choice: StubBackend, width: int) -> None:
    choice.fallback_to = stub.FLUX2_PRO
    page = open_page(locale="en-US", width=width, height=740)
    with choices(page):
        expect(page.get_by_test_id("model")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    submit_sample(page)
    expect(page.get_by_test_id("result-image")).to_be_in_viewport()

    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_what_is_focused_stays_in_sight_at_twice_the_size(choice: StubBackend, open_page: OpenPage) -> None:
    page = open_page(width=640, height=450)
    assert page.locator(".submit-bar").evaluate("bar => getComputedStyle(bar).position") == "static"
    page.get_by_test_id("choices-open").click()
    choose_by_keys(page)

    card = page.get_by_test_id("model").locator("label").nth(1).bounding_box()
    foot = page.locator(".choices-foot").bounding_box()
    assert card is not None
    assert foot is not None
    assert card["y"] >= 0
    assert card["y"] + card["height"] <= foot["y"]


# Whose jobs these are


def test_every_call_carries_this_browsers_own_token_and_links_to_storage_carry_none(page: Page, backend: StubBackend) -> None:
    submit_sample(page)
    expect(page.get_by_test_id("result-image")).to_be_visible()
    page.reload()
    expect(page.get_by_test_id("result-image")).to_be_visible()
    token = page.evaluate("localStorage.getItem('toonconnect.owner')")

    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", token)
    assert set(backend.owner_tokens["/api/"]) == {token}
    assert set(backend.owner_tokens["/blob/"]) == {None}


def test_the_jobs_of_before_there_were_tokens_are_claimed_once(page: Page, backend: StubBackend, complaints: list[str]) -> None:
    submit_sample(page)
    expect(page.get_by_test_id("result-image")).to_be_visible()
    assert backend.claims == []
    # As an earlier page left it, while the server knows of no claims yet; then it does.
    page.evaluate("localStorage.removeItem('toonconnect.claimed')")
    backend.takes_claims = False
    page.reload()
    expect(page.get_by_test_id("result-image")).to_be_visible()
    backend.takes_claims = True
    complaints.clear()
    for _ in range(2):
        page.reload()
        expect(page.get_by_test_id("result-image")).to_be_visible()
        expect_value(page, "localStorage.getItem('toonconnect.claimed')", "yes")

    assert backend.claims == [[job] for job in backend.jobs]
