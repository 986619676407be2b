"""The page in a real browser, against the real app: a creator makes a PPL and a goods picture."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from playwright.sync_api import Browser, Page, expect

from tests.browser import new_context, wait_until
from tests.given_host import HOST
from tests.patience import PATIENCE
from tests.stack import Stack

pytestmark = [pytest.mark.stack, pytest.mark.browser]

CASES = Path(__file__).parents[1] / "cases" / "pictures"
#: Where the README's picture comes from: set it to draw that anew.
SCREENSHOTS = os.environ.get("SCREENSHOTS")


@pytest.fixture
def page(browser: Browser, stack: Stack) -> Iterator[Page]:
    yield from opened(browser, stack)


@pytest.fixture(scope="module")
def choice(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack whose kinds have several models each."""
    models = {"PPL_MODELS": "flux-kontext-apps/multi-image-kontext-max,flux-2-pro", "GOODS_MODELS": "flux-kontext-max,flux-2-pro"}
    with Stack(tmp_path_factory.mktemp("choice"), **models) as stack:
        stack.configure(replicate={"delay_seconds": 1}, bfl={"delay_seconds": 1})
        yield stack


@pytest.fixture
def page_with_choice(browser: Browser, choice: Stack) -> Iterator[Page]:
    yield from opened(browser, choice)


def opened(browser: Browser, stack: Stack) -> Iterator[Page]:
    # As most people have it.
    context = new_context(browser, viewport={"width": 1280, "height": 900}, locale="ko-KR", reduced_motion="no-preference")
    page = context.new_page()
    answer = page.goto(stack.url + "/")
    if HOST and not (answer and "data-testid" in answer.text()):
        context.close()
        pytest.skip(f"{HOST} does not serve the page (a devhost does with --web web)")
    yield page
    context.close()


def keep(page: Page, name: str) -> None:
    if SCREENSHOTS:
        page.screenshot(path=str(Path(SCREENSHOTS) / f"{name}.png"))


def expect_a_picture(page: Page) -> None:
    picture = page.get_by_test_id("result-image").first
    expect(picture).to_be_visible()
    wait_until(page, "image => image.complete && image.naturalWidth > 500", picture.element_handle())


def test_a_creator_makes_a_goods_picture_from_a_sample(page: Page) -> None:
    page.get_by_test_id("tab-goods").click()
    page.get_by_test_id("use-sample").first.click()
    page.get_by_test_id("preset").get_by_text("머그컵").click()
    page.get_by_test_id("submit").click()

    expect_a_picture(page)
    expect(page.get_by_test_id("history-item").first).to_have_attribute("data-status", "succeeded")
    keep(page, "goods")


def test_a_creator_makes_a_ppl_picture_from_samples_and_downloads_it(page: Page) -> None:
    page.get_by_test_id("use-sample").first.click()
    if not page.get_by_test_id("prompt").input_value():
        page.get_by_test_id("prompt").fill("주인공이 음료를 들고 있는 장면")
    page.get_by_test_id("submit").click()

    expect_a_picture(page)
    with page.expect_download() as download:
        page.get_by_test_id("download").first.click()
    assert Path(download.value.path()).read_bytes().startswith(b"\x89PNG")
    keep(page, "page")


def test_a_moderated_picture_is_told_in_korean_and_then_in_english(page: Page, stack: Stack) -> None:
    stack.configure(bfl={"outcome": "moderated_output"})
    page.get_by_test_id("tab-goods").click()
    page.get_by_test_id("use-sample").first.click()
    page.get_by_test_id("submit").click()

    expect(page.get_by_test_id("error")).to_contain_text("안전성 검사 실패")
    expect(page.get_by_test_id("error-code")).to_contain_text("content_moderated")
    page.get_by_test_id("language-toggle").click()
    expect(page.get_by_test_id("error")).to_contain_text(re.compile("safety check failed", re.IGNORECASE))


def test_a_creator_chooses_a_model_and_is_told_that_it_was_used(page_with_choice: Page) -> None:
    page = page_with_choice
    page.get_by_test_id("tab-goods").click()
    page.get_by_test_id("choices-open").click()
    page.get_by_test_id("model").get_by_text("FLUX.2 Pro", exact=True).click()
    page.get_by_test_id("choices-done").click()
    page.get_by_test_id("use-sample").first.click()
    page.get_by_test_id("submit").click()

    expect_a_picture(page)
    expect(page.get_by_test_id("maker")).to_have_text("모델: FLUX.2 Pro")


def test_a_creator_is_told_when_another_model_took_over(page_with_choice: Page, choice: Stack) -> None:
    choice.configure(replicate={"faults": [{"on": "create", "kind": "status", "status": 503}]})
    page = page_with_choice
    page.get_by_test_id("use-sample").first.click()
    page.get_by_test_id("submit").click()

    expect_a_picture(page)
    expect(page.get_by_test_id("maker")).to_have_text("Kontext Max (두 이미지) 모델을 쓸 수 없어서 FLUX.2 Pro 모델로 바꿨어요.")
    page.get_by_test_id("language-toggle").click()
    expect(page.get_by_test_id("maker")).to_contain_text("was not available, so this was switched to FLUX.2 Pro")


def test_a_part_of_a_strip_becomes_a_picture(page: Page) -> None:
    """The whole of it is refused by the page, and would be by the server."""
    page.get_by_test_id("tab-goods").click()
    page.get_by_test_id("file-input_image").set_input_files(CASES / "strip_690x10000.jpg")
    page.get_by_test_id("crop-input_image").click()
    expect(page.get_by_test_id("crop-at")).to_be_focused()
    page.keyboard.press("PageDown")
    page.get_by_test_id("crop-use").click()
    page.get_by_test_id("preset").get_by_text("머그컵").click()
    page.get_by_test_id("submit").click()

    expect_a_picture(page)


def test_a_heic_photo_becomes_a_picture(page: Page, stack: Stack) -> None:
    """The browser has not seen it."""
    types = requests.get(f"{stack.url}/api/options", timeout=PATIENCE).json()["image"]["content_types"]
    if "image/heic" not in types:
        pytest.skip("this server does not take HEIC")
    page.get_by_test_id("tab-goods").click()
    page.get_by_test_id("file-input_image").set_input_files(CASES / "figure.heic")
    expect(page.get_by_test_id("unseen-input_image")).to_contain_text("figure.heic")
    page.get_by_test_id("preset").get_by_text("머그컵").click()
    page.get_by_test_id("submit").click()

    expect_a_picture(page)
