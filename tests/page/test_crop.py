"""Of a strip a part is cut out: with the mouse, with a finger and with keys."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import stub_backend as stub
from PIL import Image, ImageChops, ImageDraw
from playwright.sync_api import Locator, Page, expect
from stub_backend import StubBackend
from test_page import LOW_CONTRAST, UNNAMED_OR_DOUBLE, choose, upload, use_sample

from tests.picture_files import saved

pytestmark = pytest.mark.browser

OpenPage = Callable[..., Page]
STRIP = Path(__file__).parents[1] / "cases" / "pictures" / "strip_690x10000.jpg"


def strip(width: int, height: int) -> Image.Image:
    """Every pixel says where it is: blue what side, red and green how far along."""
    length, breadth = max(width, height), min(width, height)
    line = Image.new("RGB", (1, length))
    line.putdata([(at % 256, at // 256 % 256, 0) for at in range(length)])
    picture = line.resize((breadth, length))
    ImageDraw.Draw(picture).rectangle((breadth // 2, 0, breadth, length), fill=None, outline=(0, 0, 255), width=20)
    return picture if height >= width else picture.transpose(Image.Transpose.TRANSPOSE)


def give(page: Page, picture: bytes, field: str = "input_image_1") -> None:
    page.get_by_test_id(f"file-{field}").set_input_files(upload("episode.png", picture))


def opened(page: Page, picture: bytes, field: str = "input_image_1") -> Locator:
    give(page, picture, field)
    page.get_by_test_id(f"crop-{field}").click()
    dialog = page.get_by_test_id("crop")
    expect(dialog).to_be_visible()
    return dialog


def position(page: Page) -> int:
    return int(page.get_by_test_id("crop-at").input_value())


def sent(page: Page, backend: StubBackend, field: str = "input_image_1") -> Image.Image:
    page.get_by_test_id("submit").click()
    expect(page.get_by_test_id("result-image")).to_be_visible()
    return Image.open(io.BytesIO(backend.submissions[-1].files[field]))


def same(one: Image.Image, other: Image.Image) -> bool:
    return one.size == other.size and ImageChops.difference(one.convert("RGB"), other.convert("RGB")).getbbox() is None


def test_a_strip_is_refused_with_figures_and_a_way_out(page: Page, backend: StubBackend) -> None:
    use_sample(page)
    give(page, STRIP.read_bytes())
    error = page.get_by_test_id("field-error-input_image_1")
    expect(error).to_have_text(
        "너무 긴 이미지예요(690×10000px). 보낼 때 줄이면 짧은 변이 71px뿐이고, 256px는 있어야 해요. 쓸 장면만 잘라 주세요."
    )
    page.get_by_test_id("submit").click()
    expect(page.get_by_test_id("file-input_image_1")).to_be_focused()
    expect(page.get_by_test_id("file-input_image_1")).to_have_attribute("aria-invalid", "true")
    page.get_by_test_id("language-toggle").click()

    expect(error).to_contain_text("too long and narrow (690×10000 px)")
    expect(page.get_by_test_id("crop-input_image_1")).to_have_text("Crop to a part")
    assert backend.submissions == []


def test_a_part_of_a_strip_is_sent_pixel_by_pixel(page: Page, backend: StubBackend) -> None:
    use_sample(page)
    original = strip(300, 3000)
    dialog = opened(page, saved(original, "PNG"))
    expect(page.get_by_test_id("crop-at")).to_be_focused()
    assert position(page) == 1350
    page.keyboard.press("Home")
    for _ in range(4):
        page.keyboard.press("Shift+ArrowDown")
    dialog.get_by_text("3:4").click()
    expect(page.get_by_test_id("crop-size")).to_have_text("300×400px로 잘라요")
    page.get_by_test_id("crop-at").focus()
    page.keyboard.press("PageDown")
    at = position(page)
    dialog.get_by_role("button", name="이 부분 쓰기").click()
    expect(dialog).to_have_count(0)
    expect(page.get_by_text("300×400 ·")).to_be_visible()

    assert at == 400
    assert same(sent(page, backend), original.crop((0, at, 300, at + 400)))


def test_a_strip_that_lies_is_cut_across(page: Page, backend: StubBackend) -> None:
    use_sample(page)
    original = strip(2600, 400)
    dialog = opened(page, saved(original, "PNG"))
    dialog.get_by_text("4:3").click()
    page.get_by_test_id("crop-at").focus()
    page.keyboard.press("End")
    at = position(page)
    dialog.get_by_role("button", name="이 부분 쓰기").click()
    expect(page.get_by_text("533×400 ·")).to_be_visible()

    assert at == 2600 - 533
    assert same(sent(page, backend), original.crop((at, 0, 2600, 400)))


def test_a_photo_stays_a_photo(page: Page, backend: StubBackend) -> None:
    use_sample(page)
    dialog = opened(page, STRIP.read_bytes())
    page.keyboard.press("Home")
    page.keyboard.press("PageDown")
    at = position(page)
    dialog.get_by_role("button", name="이 부분 쓰기").click()
    expect(page.get_by_test_id("field-error-input_image_1")).to_be_hidden()
    picture = sent(page, backend)

    assert picture.format == "JPEG"
    assert picture.size == (690, 690)
    part = Image.open(STRIP).convert("RGB").crop((0, at, 690, at + 690))
    off = ImageChops.difference(picture.convert("RGB"), part).convert("L").resize((1, 1), Image.Resampling.BOX)
    assert off.getpixel((0, 0)) <= 3


def test_arrows_move_the_window_where_they_point(page: Page) -> None:
    opened(page, saved(strip(320, 3200), "PNG"))
    start = position(page)
    page.keyboard.press("ArrowDown")
    assert position(page) == start + 20
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    assert position(page) == start - 20
    page.keyboard.press("Shift+ArrowRight")
    assert position(page) == start - 19
    page.keyboard.press("PageUp")
    assert position(page) == start - 19 - 320
    page.keyboard.press("End")
    page.keyboard.press("ArrowDown")
    assert position(page) == 3200 - 320
    expect(page.get_by_test_id("crop-at")).to_have_attribute("aria-valuetext", "위에서 100%")


def drag(page: Page, element: Locator, start: tuple[float, float], by: tuple[int, int]) -> None:
    """From a place in the element (as shares of it)."""
    box = element.bounding_box()
    assert box is not None
    x, y = box["x"] + start[0] * box["width"], box["y"] + start[1] * box["height"]
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + by[0] / 2, y + by[1] / 2)
    page.mouse.move(x + by[0], y + by[1])
    page.mouse.up()


@pytest.mark.parametrize(("size", "along"), [((320, 3200), 1), ((3200, 320), 0)])
def test_the_window_is_dragged_on_the_map(page: Page, size: tuple[int, int], along: int) -> None:
    opened(page, saved(strip(*size), "PNG"))
    whole = page.get_by_test_id("crop-map")
    box = whole.bounding_box()
    assert box is not None
    extent = (box["width"], box["height"])[along]
    start = position(page)
    drag(page, whole, (0.5, 0.5), (0, 40) if along else (40, 0))
    assert position(page) == pytest.approx(start + 40 * 3200 / extent, abs=20)
    # A press beside the window brings it there.
    drag(page, whole, (0.5, 0.1) if along else (0.1, 0.5), (0, 0))
    assert position(page) == pytest.approx(320 - 160, abs=20)
    drag(page, whole, (0.5, 0.1) if along else (0.1, 0.5), (-900, -900))
    assert position(page) == 0


def test_the_picture_itself_can_be_pulled(page: Page) -> None:
    opened(page, saved(strip(320, 3200), "PNG"))
    part = page.get_by_test_id("crop-part").bounding_box()
    assert part is not None
    start = position(page)
    drag(page, page.get_by_test_id("crop-view"), (0.5, 0.5), (0, -60))

    assert position(page) == pytest.approx(start + 60 * 320 / part["height"], abs=3)


def test_a_finger_moves_it_too(open_page: OpenPage) -> None:
    page = open_page(width=360, height=740)
    opened(page, saved(strip(320, 3200), "PNG"))
    start = position(page)
    view = page.get_by_test_id("crop-view")
    box = view.bounding_box()
    assert box is not None
    assert view.evaluate("element => getComputedStyle(element).touchAction") == "none"
    touch = page.context.new_cdp_session(page)

    def point(kind: str, dy: int = 0) -> None:
        points: list[dict[str, Any]] = [] if kind == "touchEnd" else [{"x": box["x"] + 80, "y": box["y"] + 120 + dy}]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    point("touchStart")
    for dy in (-10, -30, -60):
        point("touchMove", dy)
    point("touchEnd")

    assert position(page) > start + 50


def test_what_is_seen_is_what_is_sent(page: Page, backend: StubBackend) -> None:
    use_sample(page)
    dialog = opened(page, saved(strip(300, 3000), "PNG"))
    page.keyboard.press("ArrowDown")
    shown = page.get_by_test_id("crop-part").evaluate(
        "canvas => [...canvas.getContext('2d').getImageData(40, Math.floor(canvas.height / 2), 1, 1).data]"
    )
    dialog.get_by_role("button", name="이 부분 쓰기").click()
    expect(dialog).to_have_count(0)
    red, green, blue = sent(page, backend).convert("RGB").getpixel((30, 150))

    assert [red, green, blue] == pytest.approx(shown[:3], abs=3)


@pytest.mark.parametrize("way", ["Escape", "cancel"])
def test_another_mind_leaves_everything_as_it_was(page: Page, way: str) -> None:
    dialog = opened(page, STRIP.read_bytes())
    page.keyboard.press("ArrowDown")
    if way == "Escape":
        page.keyboard.press("Escape")
    else:
        dialog.get_by_role("button", name="취소").click()

    expect(dialog).to_have_count(0)
    expect(page.get_by_test_id("crop-input_image_1")).to_be_focused()
    expect(page.get_by_test_id("field-error-input_image_1")).to_contain_text("너무 긴 이미지예요")


def test_focus_stays_in_the_dialogue_and_comes_back(page: Page) -> None:
    dialog = opened(page, STRIP.read_bytes())
    seen = set()
    for _ in range(8):
        page.keyboard.press("Tab")
        inside = (
            "document.activeElement === document.body || document.querySelector('dialog.crop').contains(document.activeElement)"
        )
        assert page.evaluate(inside)
        seen.add(page.evaluate("document.activeElement.dataset.testid ?? document.activeElement.name ?? ''"))
    assert {"crop-at", "crop-cancel", "crop-use", "crop-shape"} <= seen
    page.get_by_test_id("crop-use").focus()
    page.keyboard.press("Enter")

    expect(dialog).to_have_count(0)
    expect(page.get_by_test_id("crop-input_image_1")).to_be_focused()
    expect(page.get_by_test_id("crop-input_image_1")).to_have_text("다시 자르기")


def test_a_part_can_be_chosen_again_from_the_whole(page: Page, backend: StubBackend) -> None:
    use_sample(page)
    original = strip(300, 3000)
    dialog = opened(page, saved(original, "PNG"))
    dialog.get_by_role("button", name="이 부분 쓰기").click()
    expect(page.get_by_text("300×300 ·")).to_be_visible()
    page.get_by_test_id("crop-input_image_1").click()
    expect(page.get_by_test_id("crop-at")).to_be_focused()
    page.keyboard.press("End")
    dialog.get_by_role("button", name="이 부분 쓰기").click()
    expect(dialog).to_have_count(0)

    assert same(sent(page, backend), original.crop((0, 2700, 300, 3000)))


def test_a_part_with_nothing_in_it_is_told_and_can_be_changed(page: Page) -> None:
    picture = Image.new("RGB", (300, 3000), "white")
    ImageDraw.Draw(picture).ellipse((50, 2750, 250, 2950), fill="#4a41c4")
    dialog = opened(page, saved(picture, "PNG"))
    page.keyboard.press("Home")
    dialog.get_by_role("button", name="이 부분 쓰기").click()
    expect(page.get_by_test_id("field-error-input_image_1")).to_contain_text("한 가지 색뿐이라")
    page.get_by_test_id("crop-input_image_1").click()
    expect(page.get_by_test_id("crop-at")).to_be_focused()
    page.keyboard.press("End")
    dialog.get_by_role("button", name="이 부분 쓰기").click()

    expect(page.get_by_test_id("field-error-input_image_1")).to_be_hidden()


def test_another_file_is_no_strip_any_more(page: Page) -> None:
    opened(page, STRIP.read_bytes())
    page.keyboard.press("Escape")
    give(page, saved(Image.open(STRIP.with_name("ref_srgb.png")).convert("RGB"), "PNG"))

    expect(page.get_by_test_id("crop-input_image_1")).to_have_text("쓸 부분 자르기")
    expect(page.get_by_test_id("field-error-input_image_1")).to_be_hidden()


@pytest.mark.parametrize(("height", "is_taken"), [(1200, True), (1203, False)])
def test_the_line_is_where_the_server_draws_it(page: Page, height: int, is_taken: bool) -> None:
    """300 × 1202 would be sent as 256 × 1024, and 300 × 1203 as 255."""
    give(page, saved(strip(300, height), "PNG"))

    if is_taken:
        expect(page.get_by_text("짧은 변이 256px로 줄어요")).to_be_visible()
        expect(page.get_by_test_id("crop-input_image_1")).to_have_text("쓸 부분 자르기")
    else:
        expect(page.get_by_test_id("field-error-input_image_1")).to_contain_text("짧은 변이 255px뿐이고")


SENT = """async (sizes) => {
  const { sentSide } = await import("/js/images/picture-check.js");
  return sizes.map(([width, height]) => sentSide(width, height));
}"""


def test_what_is_left_of_a_size_is_what_the_server_leaves(page: Page) -> None:
    scaling = pytest.importorskip("shared.pictures.scaling")
    sides = (1, 40, 255, 256, 257, 300, 511, 690, 1023, 1024, 1025, 1203, 2048, 4000, 10000, 40000)
    sizes = [(width, height) for width in sides for height in sides]
    found = page.evaluate(SENT, sizes)

    assert dict(zip(sizes, found, strict=True)) == {size: min(scaling.size_to_send(size)) for size in sizes}


def test_the_chosen_model_says_how_narrow_a_picture_may_be(open_page: OpenPage, backend: StubBackend) -> None:
    models = stub.generators(ppl=[stub.TWO_IMAGES_MAX], goods=[stub.KONTEXT_MAX, stub.FLUX2_KLEIN])
    for entry in models:
        entry["min_side_px"] = 64 if entry["model"] == stub.FLUX2_KLEIN else 256
    backend.options["generators"] = models
    page = open_page()
    page.get_by_test_id("tab-goods").click()
    give(page, STRIP.read_bytes(), "input_image")
    error = page.get_by_test_id("field-error-input_image")
    expect(error).to_contain_text("256px는 있어야 해요")
    choose(page, "클라인")
    expect(error).to_be_hidden()
    expect(page.get_by_text("짧은 변이 71px로 줄어요")).to_be_visible()
    choose(page, "Kontext Max")

    expect(error).to_contain_text("256px는 있어야 해요")


@pytest.mark.parametrize(("width", "height"), [(320, 640), (360, 740), (844, 390)])
@pytest.mark.parametrize("size", [(690, 8000), (8000, 690)])
def test_it_fits_a_phone(open_page: OpenPage, width: int, height: int, size: tuple[int, int]) -> None:
    page = open_page(locale="en-US", width=width, height=height)
    dialog = opened(page, saved(strip(*size), "PNG"))
    box = dialog.bounding_box()
    use = page.get_by_test_id("crop-use").bounding_box()
    assert box is not None
    assert use is not None

    assert box["x"] >= 0
    assert box["x"] + box["width"] <= width
    assert dialog.evaluate("element => element.scrollWidth <= element.clientWidth")
    assert use["y"] + use["height"] <= height, "the button is in sight without scrolling"
    assert use["height"] >= 44


@pytest.mark.parametrize("colours", ["light", "dark"])
@pytest.mark.parametrize("locale", ["ko-KR", "en-US"])
def test_everything_in_it_has_a_name_and_enough_contrast(open_page: OpenPage, colours: Any, locale: str) -> None:
    page = open_page(locale=locale)
    page.emulate_media(color_scheme=colours)
    dialog = opened(page, STRIP.read_bytes())

    assert page.evaluate(UNNAMED_OR_DOUBLE) == []
    assert page.evaluate(LOW_CONTRAST) == []
    title = {"ko-KR": "쓸 부분 고르기", "en-US": "Choose the part to use"}[locale]
    expect(dialog).to_have_accessible_name(title)
    expect(dialog.get_by_role("radio")).to_have_count(5)
    expect(page.get_by_test_id("crop-at")).to_have_accessible_name({"ko-KR": "위치", "en-US": "Position"}[locale])


def test_the_window_is_seen_where_colours_are_forced(page: Page) -> None:
    page.emulate_media(forced_colors="active")
    opened(page, STRIP.read_bytes())
    styles = page.locator(".crop-window").evaluate(
        "element => [getComputedStyle(element).borderTopStyle, parseFloat(getComputedStyle(element).borderTopWidth)]"
    )
    faces = [Image.open(io.BytesIO(page.locator(".crop .choice-face").nth(at).screenshot())).convert("RGB") for at in (0, 1)]

    assert styles == ["solid", 3]
    chosen, other = (face.getpixel((12, face.height // 2)) for face in faces)
    assert chosen != other
