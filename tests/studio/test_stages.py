"""The page comes in two stages: the form, and at the first touch what is behind it; over a line that comes and goes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect

from tests.browser import HAS_PICTURE, browser, expect_draft, new_context, touch, wait_for_the_first_stage
from tests.stack import Stack

__all__ = ["browser"]
pytestmark = [pytest.mark.stack, pytest.mark.browser]

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "web/samples"
STRIP = ROOT / "tests/cases/pictures/strip_690x10000.jpg"
STUDIO = "/js/studio.js"
DROP = """async (name) => {
  const transfer = new DataTransfer();
  transfer.items.add(new File([await (await fetch(`samples/${name}.jpg`)).blob()], `${name}.jpg`, { type: "image/jpeg" }));
  const place = document.querySelector("#form-panel .drop");
  const event = (type) => new DragEvent(type, { bubbles: true, cancelable: true, dataTransfer: transfer });
  place.dispatchEvent(event("dragenter"));
  return place.dispatchEvent(event("drop"));
}"""

#: As Chromium tells of one, when it does: at a moment of its own after the page has appeared.
MOUSE_AT_REST = """() => {
  for (const type of ["pointerover", "pointermove"]) {
    document.querySelector("header").dispatchEvent(new PointerEvent(type, { bubbles: true, pointerType: "mouse" }));
  }
}"""


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with Stack(tmp_path_factory.mktemp("stages")) as stack:
        stack.configure(replicate={"delay_seconds": 0.3}, bfl={"delay_seconds": 0.3})
        yield stack


class Visit:
    """A browser that was never here. What nobody has caught is an error of the test."""

    def __init__(self, context: BrowserContext, stack: Stack) -> None:
        self.page = context.new_page()
        self.errors: list[str] = []
        self.loaded: list[str] = []
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("request", lambda request: self.loaded.append(request.url.removeprefix(stack.url)))

    def open(self, address: str) -> Page:
        self.page.goto(address)
        wait_for_the_first_stage(self.page)
        expect(self.page.get_by_test_id("submit")).to_be_visible()
        return self.page


@pytest.fixture
def visit(browser: Browser, stack: Stack) -> Iterator[Visit]:
    context = new_context(browser, locale="ko-KR")
    visit = Visit(context, stack)
    yield visit
    context.close()
    assert visit.errors == []


def test_the_rest_comes_with_the_first_touch_and_then_works_without_a_line(visit: Visit, stack: Stack) -> None:
    page = visit.open(stack.url)
    assert STUDIO not in visit.loaded
    assert page.evaluate("Object.keys(localStorage)") == []
    # A mouse that lies where the page appears touches nothing.
    for _ in range(2):
        page.evaluate(MOUSE_AT_REST)
    page.wait_for_timeout(500)
    assert STUDIO not in visit.loaded
    touch(page)
    expect(page.get_by_test_id("history-search")).to_be_visible()
    expect(page.get_by_test_id("history-note")).to_contain_text("만든 그림이 여기에 모여요")

    page.context.set_offline(True)
    page.get_by_test_id("language-toggle").click()
    expect(page.get_by_test_id("submit")).to_have_text("Make image")
    expect(page.get_by_test_id("history-note")).to_contain_text("The pictures you make gather here")
    page.get_by_test_id("choices-open").click()
    expect(page.get_by_test_id("choices")).to_be_visible()
    page.get_by_test_id("choices-done").click()
    page.get_by_test_id("file-input_image_1").set_input_files(STRIP)
    page.get_by_test_id("crop-input_image_1").click()
    expect(page.get_by_test_id("crop")).to_be_visible()
    page.keyboard.press("Escape")
    page.context.set_offline(False)
    expect_draft(page, HAS_PICTURE)

    # A browser that was here waits for nobody.
    visit.loaded.clear()
    visit.open(stack.url)
    expect(page.get_by_test_id("history-search")).to_be_visible()
    assert STUDIO in visit.loaded
    expect(page.locator("#form-panel .preview:visible")).to_have_count(1)


def test_a_click_alone_is_a_touch(visit: Visit, stack: Stack) -> None:
    """As who uses a screen reader may press something: without a pointer, a key or a focus."""
    page = visit.open(stack.url)
    assert STUDIO not in visit.loaded
    page.evaluate("document.querySelector('header').click()")
    expect(page.get_by_test_id("history-search")).to_be_visible()


def test_an_address_of_a_job_brings_all_of_it_at_once(visit: Visit, stack: Stack) -> None:
    page = visit.open(f"{stack.url}/?job=job_00000000000000000000000000000000")
    expect(page.get_by_test_id("stage").first).to_be_visible()


@pytest.mark.parametrize("lost", ["**/js/studio.js*", "**/vendor/idb-keyval.js"])
def test_over_a_dead_line_it_is_tried_again_and_what_was_entered_is_sent_once(visit: Visit, stack: Stack, lost: str) -> None:
    stack.reset()
    page = visit.open(stack.url)
    # Without a style it looks poor, and works.
    for each in (lost, "**/css/result.css"):
        page.route(each, lambda route: route.abort())
    # Not even this leads away from the page.
    assert page.evaluate(DROP, "character-haneul") is False
    page.get_by_test_id("submit").click()
    expect(page.get_by_test_id("field-error-input_image_2")).to_have_text("이미지를 넣어 주세요.")
    expect(page.get_by_test_id("field-error-input_image_1")).to_be_hidden()
    page.get_by_test_id("file-input_image_2").set_input_files(SAMPLES / "product-can.jpg")
    page.get_by_test_id("prompt").fill("a can at the beach")
    page.get_by_test_id("submit").click()
    expect(page.get_by_test_id("form-note")).to_contain_text("화면의 나머지를 불러오고 있어요. 다 오면 바로 보낼게요.")
    expect(page.get_by_test_id("submit")).to_have_attribute("aria-disabled", "true")
    page.get_by_test_id("submit").evaluate("button => button.click()")
    expect(page.get_by_test_id("alarm")).to_be_hidden()
    expect(page.get_by_test_id("prompt")).to_have_value("a can at the beach")

    page.unroute(lost)
    expect(page.get_by_test_id("result-image").first).to_be_visible()
    expect(page.get_by_test_id("history-item")).to_have_count(1)
    assert sum(stack.stats(each)["submits"] for each in ("replicate", "bfl")) == 1


def test_what_is_broken_is_told_and_tried_again_with_the_next_press(visit: Visit, stack: Stack) -> None:
    stack.reset()
    page = visit.open(stack.url)
    page.route("**/js/studio.js*", lambda route: route.fulfill(body="export const x = ;", content_type="text/javascript"))
    for name, sample in (("input_image_1", "character-jun"), ("input_image_2", "product-can")):
        page.get_by_test_id(f"file-{name}").set_input_files(SAMPLES / f"{sample}.jpg")
    page.get_by_test_id("prompt").fill("a can at the beach")
    page.get_by_test_id("submit").click()
    expect(page.get_by_test_id("form-note")).to_have_text("불러오지 못했어요. 잠시 뒤 다시 눌러 주세요.")
    expect(page.get_by_test_id("submit")).to_have_attribute("aria-disabled", "false")
    expect(page.get_by_test_id("alarm")).to_contain_text("이미 보낸 그림이 있다면")
    assert visit.errors
    visit.errors.clear()
    page.unroute("**/js/studio.js*")
    page.get_by_test_id("submit").click()
    expect(page.get_by_test_id("result-image").first).to_be_visible()
    assert sum(stack.stats(each)["submits"] for each in ("replicate", "bfl")) == 1


def test_a_sample_that_comes_late_gives_way_to_what_was_entered(visit: Visit, stack: Stack) -> None:
    stack.reset()
    page = visit.open(stack.url)
    held: list[Route] = []
    page.route("**/samples/product-can.jpg", lambda route: held.append(route))
    page.get_by_test_id("use-sample").click()
    expect(page.get_by_test_id("form-note")).to_contain_text("샘플을 불러오는 중")
    # Nothing is there yet: it is waited for, and said so.
    page.get_by_test_id("submit").click()
    expect(page.get_by_test_id("submit")).to_have_attribute("aria-disabled", "true")
    for name, own in (("input_image_1", "character-jun"), ("input_image_2", "product-serum")):
        page.get_by_test_id(f"file-{name}").set_input_files(SAMPLES / f"{own}.jpg")
    page.get_by_test_id("prompt").fill("a serum of my own")
    for route in held:
        route.continue_()
    expect(page.get_by_test_id("result-image").first).to_be_visible()
    expect(page.get_by_test_id("prompt")).to_have_value("a serum of my own")
    expect(page.get_by_test_id("history-item").first).to_contain_text("a serum of my own")
    assert sum(stack.stats(each)["submits"] for each in ("replicate", "bfl")) == 1

    # And a scene that comes late to what was written meanwhile.
    page.get_by_test_id("prompt").fill("")
    page.evaluate(
        """() => {
          document.querySelector("[data-testid=scene-cafe]").click();
          const prompt = document.querySelector("[data-testid=prompt]");
          prompt.value = "mine";
          prompt.dispatchEvent(new Event("input", { bubbles: true }));
        }"""
    )
    page.wait_for_timeout(200)
    expect(page.get_by_test_id("prompt")).to_have_value("mine")
