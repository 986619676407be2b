"""What the page takes, shows, makes smaller and refuses: the sent picture is the one that was shown."""

from __future__ import annotations

import base64
import io
import random
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import stub_backend as stub
from PIL import Image, ImageCms, ImageDraw
from playwright.sync_api import Page, expect
from stub_backend import StubBackend
from test_page import figure, upload, use_sample

from tests.browser import wait_until
from tests.picture_files import saved

pytestmark = pytest.mark.browser

OpenPage = Callable[..., Page]
CASES = Path(__file__).parents[1] / "cases" / "pictures"
#: Of ref_srgb.png: six patches of 200 px, three in a row; p3.jpg shows the same.
PATCHES = ((238, 190, 160), (210, 40, 50), (40, 150, 80), (70, 140, 220), (245, 205, 40), (120, 60, 160))
ANIMATED = ["GIF", "PNG", "WEBP"]
PREVIEW = """async (image) => {
  await image.decode();
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
  canvas.getContext("2d").drawImage(image, 0, 0);
  return canvas.toDataURL("image/png").split(",")[1];
}"""


def choose(page: Page, content: bytes, name: str = "image.png", field: str = "input_image_1") -> None:
    page.get_by_test_id(f"file-{field}").set_input_files(upload(name, content))


def case(page: Page, name: str, field: str = "input_image_1") -> None:
    choose(page, (CASES / name).read_bytes(), name, field)


def preview(page: Page, name: str = "캐릭터 이미지 미리보기") -> Image.Image:
    """What the page shows."""
    shown = page.get_by_role("img", name=name)
    expect(shown).to_be_visible()
    return Image.open(io.BytesIO(base64.b64decode(shown.evaluate(PREVIEW)))).convert("RGBA")


def sent(page: Page, backend: StubBackend, field: str = "input_image_1") -> bytes:
    page.get_by_test_id("submit").click()
    expect(page.get_by_test_id("result-image")).to_be_visible()
    return backend.submissions[-1].files[field]


def patches(picture: Image.Image) -> list[tuple[int, ...]]:
    width, height = picture.size
    rgb = picture.convert("RGB")
    return [rgb.getpixel((width * (2 * at + 1) // 6, height * (2 * row + 1) // 4)) for row in (0, 1) for at in (0, 1, 2)]


def worst(found: list[tuple[int, ...]]) -> int:
    return max(abs(a - b) for one, other in zip(found, PATCHES, strict=True) for a, b in zip(one, other, strict=True))


def mark(side: int, colour: str = "white") -> Image.Image:
    """A ring on transparency."""
    picture = Image.new("RGBA", (side, side), (0, 0, 0, 0))
    ImageDraw.Draw(picture).ellipse((side // 4, side // 4, side * 3 // 4, side * 3 // 4), outline=colour, width=side // 12)
    return picture


def scenes(width: int, height: int, count: int = 3) -> list[Image.Image]:
    """A blank frame, then spots that move and change their colour: red first."""
    frames = [Image.new("RGB", (width, height), "white")]
    for number in range(count):
        frame = frames[0].copy()
        left = width // 8 * (number + 1)
        ImageDraw.Draw(frame).rectangle((left, height // 4, left + width // 4, height // 2), fill=("red", "lime", "blue")[number])
        frames.append(frame)
    return frames


def animation(kind: str, width: int, height: int) -> bytes:
    first, *rest = scenes(width, height)
    options = {"lossless": True} if kind == "WEBP" else {}
    return saved(first, kind, save_all=True, append_images=rest, duration=100, **options)


def noisy_animation(kind: str) -> bytes:
    """One of over 1 MB; its lower half hardly compresses."""
    first, *rest = scenes(1600, 800)
    grain = noise(1600, 400).convert("RGB")
    for frame in rest:
        frame.paste(grain, (0, 400))
    options = {"lossless": True, "method": 0} if kind == "WEBP" else {}
    return saved(first, kind, save_all=True, append_images=rest, duration=100, **options)


def noise(width: int, height: int) -> Image.Image:
    return Image.frombytes("RGBA", (width, height), random.Random(7).randbytes(width * height * 4))


@pytest.fixture
def filled(page: Page) -> Page:
    """The page with everything that a PPL picture needs."""
    use_sample(page)
    return page


@pytest.fixture
def filled_1_mb(backend: StubBackend, page: Page) -> Page:
    """The same, where files may have 1 MB."""
    backend.options["image"] = {**stub.OPTIONS["image"], "max_bytes": 1024 * 1024}
    page.reload()
    expect(page.locator("#ppl-formats")).to_contain_text("1 MB")
    use_sample(page)
    return page


# Colours, orientation, transparency


def test_a_small_file_goes_as_it_is_and_is_shown_in_its_right_colours(filled: Page, backend: StubBackend) -> None:
    case(filled, "p3.jpg")

    assert worst(patches(preview(filled))) <= 6
    assert sent(filled, backend) == (CASES / "p3.jpg").read_bytes()


def test_a_picture_of_a_phone_keeps_its_colours_when_it_is_made_smaller(filled: Page, backend: StubBackend) -> None:
    original = Image.open(CASES / "p3.jpg")
    large = original.resize((3000, 2000))
    assert worst(patches(large)) > 20, "without the profile the colours are others"
    choose(filled, saved(large, "JPEG", quality=95, icc_profile=original.info["icc_profile"]), "IMG_1.jpg")
    expect(filled.get_by_text("올리기 전에 줄였어요")).to_be_visible()

    data = sent(filled, backend)
    picture = Image.open(io.BytesIO(data))
    assert max(picture.size) == 1024
    assert worst(patches(picture)) <= 6
    profile = picture.info.get("icc_profile")
    assert profile is None or "sRGB" in ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(io.BytesIO(profile)))
    assert picture.getexif() == {}


@pytest.mark.parametrize("orientation", [3, 6, 8])
def test_a_turned_photo_is_sent_upright(filled: Page, backend: StubBackend, orientation: int) -> None:
    turn = {3: Image.Transpose.ROTATE_180, 6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270}[orientation]
    upright = Image.open(io.BytesIO(figure(2600, 1300))).convert("RGB")
    exif = Image.Exif()
    exif[0x0112] = orientation
    choose(filled, saved(upright.transpose(turn), "JPEG", exif=exif), "photo.jpg")
    shown = preview(filled)
    picture = Image.open(io.BytesIO(sent(filled, backend)))

    assert picture.size == shown.size == (1024, 512)
    assert picture.getexif() == {}
    spot, ground = picture.getpixel((384, 192)), picture.getpixel((950, 450))
    assert spot[2] > 150 > spot[0]
    assert ground[0] > 240


def test_an_orientation_that_browsers_do_not_read_is_not_applied(filled: Page, backend: StubBackend) -> None:
    """Told in XMP only."""
    original = Image.open(CASES / "figure_xmp6.jpg")
    choose(filled, saved(original.resize((1650, 2200)), "JPEG", xmp=original.info["xmp"]), "figure.jpg")
    shown = preview(filled)

    assert Image.open(io.BytesIO(sent(filled, backend))).size == shown.size == (768, 1024)


def test_a_transparent_picture_stays_so_when_it_is_made_smaller(filled_1_mb: Page, backend: StubBackend) -> None:
    picture = mark(2600)
    picture.paste(noise(1000, 600), (800, 1000))
    choose(filled_1_mb, saved(picture, "PNG"))
    expect(filled_1_mb.get_by_text("올리기 전에 줄였어요")).to_be_visible()

    picture = Image.open(io.BytesIO(sent(filled_1_mb, backend)))
    assert picture.size == (1024, 1024)
    assert picture.convert("RGBA").getchannel("A").getextrema() == (0, 255)


def test_a_smaller_picture_that_would_be_the_larger_upload_is_not_made(filled: Page, backend: StubBackend) -> None:
    """Flat colours become many where they meet."""
    original = saved(mark(2600), "PNG")
    choose(filled, original)
    expect(filled.get_by_text("회색 배경으로 채워서 보내요")).to_be_visible()

    assert sent(filled, backend) == original


def test_even_what_hardly_compresses_stays_transparent(filled_1_mb: Page, backend: StubBackend) -> None:
    picture = noise(900, 900)
    picture.paste((0, 0, 0, 0), (0, 0, 400, 400))
    choose(filled_1_mb, saved(picture, "PNG", compress_level=1))
    expect(filled_1_mb.get_by_text("올리기 전에 줄였어요")).to_be_visible()

    data = sent(filled_1_mb, backend)
    assert len(data) <= 1024 * 1024
    assert Image.open(io.BytesIO(data)).convert("RGBA").getpixel((20, 20))[3] == 0


@pytest.mark.parametrize("colour", ["white", "black"])
def test_what_is_transparent_is_shown_on_a_ground_on_which_it_can_be_seen(page: Page, colour: str) -> None:
    choose(page, saved(mark(800, colour), "PNG"))
    frame = page.locator(".drop").first
    expect(frame).to_have_attribute("data-ground", {"white": "grey", "black": "white"}[colour])
    words = {"white": "회색 배경으로 채워서 보내요", "black": "흰 배경으로 채워서 보내요"}[colour]
    expect(page.get_by_text(words)).to_be_visible()
    box = frame.bounding_box()
    assert box is not None
    shot = Image.open(io.BytesIO(frame.screenshot())).convert("L")
    middle, top = box["width"] / 2, box["height"] / 2
    on_ring = shot.getpixel((round(middle), round(top - min(box["width"], box["height"]) * 0.21)))
    beside = [shot.getpixel((round(middle + x), round(top + y))) for x in (-10, 0, 10) for y in (-10, 0, 10)]

    assert all(abs(on_ring - ground) > 60 for ground in beside)
    page.get_by_role("button", name="캐릭터 이미지 지우기").click()
    expect(frame).not_to_have_attribute("data-ground", re.compile(""))


@pytest.mark.parametrize(
    "name", ["ztxt_1500k.png", "badcrc_phys.png", "g16_trns0.png", "cmyk_default_cmyk.jpg", "figure_xmp6.jpg"]
)
def test_whatever_a_browser_shows_is_taken_as_it_is(filled: Page, backend: StubBackend, name: str) -> None:
    case(filled, name)
    preview(filled)

    assert sent(filled, backend) == (CASES / name).read_bytes()


# Animations


@pytest.mark.parametrize("kind", ANIMATED)
def test_of_an_animation_the_first_frame_with_something_in_it_is_shown(filled: Page, backend: StubBackend, kind: str) -> None:
    original = animation(kind, 640, 640)
    choose(filled, original, "moving")
    expect(filled.get_by_text("움직이는 이미지예요")).to_be_visible()

    assert preview(filled).getpixel((160, 200)) == (255, 0, 0, 255)
    assert sent(filled, backend) == original


@pytest.mark.parametrize("kind", ANIMATED)
def test_a_large_animation_is_sent_as_that_frame(filled_1_mb: Page, backend: StubBackend, kind: str) -> None:
    choose(filled_1_mb, noisy_animation(kind), "moving")
    expect(filled_1_mb.get_by_text("올리기 전에 줄였어요")).to_be_visible()

    picture = Image.open(io.BytesIO(sent(filled_1_mb, backend)))
    assert picture.size == (1024, 512)
    assert getattr(picture, "n_frames", 1) == 1
    red, green, blue = picture.convert("RGB").getpixel((256, 192))
    assert red > 240
    assert max(green, blue) < 20


WITHOUT_FRAMES = "() => { delete window.ImageDecoder; delete window.Worker; }"


@pytest.mark.parametrize("size", [(640, 640), (2400, 1200)])
def test_where_frames_cannot_be_told_apart_the_server_looks_for_one(
    filled: Page, backend: StubBackend, size: tuple[int, int]
) -> None:
    """As on a page without https: there is no ImageDecoder."""
    filled.evaluate(WITHOUT_FRAMES)
    original = animation("GIF", *size)
    choose(filled, original, "moving.gif")

    expect(filled.get_by_text(f"{size[0]}×{size[1]} ·")).to_be_visible()
    assert sent(filled, backend) == original


def test_where_frames_cannot_be_told_apart_a_blank_one_is_no_picture_of_a_file_that_does_not_fit(filled_1_mb: Page) -> None:
    filled_1_mb.evaluate(WITHOUT_FRAMES)
    choose(filled_1_mb, noisy_animation("GIF"), "moving.gif")

    expect(filled_1_mb.get_by_test_id("field-error-input_image_1")).to_contain_text("한 가지 색뿐이라")


def test_a_still_gif_is_no_animation(page: Page) -> None:
    choose(page, saved(scenes(600, 600)[1], "GIF"), "still.gif")

    preview(page)
    expect(page.get_by_text("움직이는 이미지예요")).to_have_count(0)


# What this browser cannot show


@pytest.mark.parametrize(
    ("locale", "words", "size"),
    [
        ("ko-KR", "이 브라우저는 이 형식(HEIC)을 미리 보여 주지 못해요. 보내면 서버가 변환해서 써요.", "2 KB"),
        ("en-US", "This browser cannot preview a HEIC image. It will be converted when it is sent.", "2 KB"),
    ],
)
def test_a_heic_photo_is_taken_without_a_preview(
    open_page: OpenPage, backend: StubBackend, locale: str, words: str, size: str
) -> None:
    page = open_page(locale=locale)
    use_sample(page)
    choose(page, (CASES / "figure.heic").read_bytes(), "IMG_4711.HEIC")

    expect(page.get_by_test_id("unseen-input_image_1")).to_contain_text("IMG_4711.HEIC")
    expect(page.get_by_text(words)).to_be_visible()
    expect(page.locator(".image-note").first).to_contain_text(size)
    expect(page.locator(".image-field").first.locator("img")).to_be_hidden()
    expect(page.locator(".image-field").first.locator(".remove")).to_be_visible()
    assert sent(page, backend) == (CASES / "figure.heic").read_bytes()


def test_a_heic_photo_above_the_limit_is_told_what_to_do(page: Page, backend: StubBackend) -> None:
    data = (CASES / "figure.heic").read_bytes()
    choose(page, data + bytes(5 * 1024 * 1024 - len(data)), "IMG_1.heic")
    expect(page.get_by_test_id("unseen-input_image_1")).to_be_visible()
    choose(page, data + bytes(5 * 1024 * 1024 - len(data) + 1), "IMG_2.heic")

    expect(page.get_by_test_id("field-error-input_image_1")).to_have_text(
        "5 MB보다 커요. 이 브라우저에서는 이 형식(HEIC)을 줄일 수 없어요. JPEG로 저장하거나 더 작게 줄여서 올려 주세요."
    )
    expect(page.get_by_test_id("unseen-input_image_1")).to_be_hidden()


def heic_of(width: int, height: int) -> bytes:
    """A HEIC file that says of its images that they are of this size."""
    data = bytearray((CASES / "figure.heic").read_bytes())
    at = data.find(b"ispe")
    while at >= 0:
        data[at + 8 : at + 16] = width.to_bytes(4, "big") + height.to_bytes(4, "big")
        at = data.find(b"ispe", at + 1)
    return bytes(data)


def test_even_without_a_preview_a_strip_is_told_by_its_size(page: Page, backend: StubBackend) -> None:
    choose(page, heic_of(3000, 4000), "IMG_1.heic")
    expect(page.get_by_text("3000×4000 ·")).to_be_visible()
    choose(page, heic_of(690, 10000), "IMG_2.heic")

    expect(page.get_by_test_id("field-error-input_image_1")).to_contain_text("너무 긴 이미지예요(690×10000px)")
    expect(page.get_by_test_id("crop-input_image_1")).to_be_hidden()


def test_what_the_server_has_no_memory_for_is_told_or_made_smaller(open_page: OpenPage, backend: StubBackend) -> None:
    few = {"image/heic": 8_000_000, "image/webp": 1_000_000}
    backend.options["image"] = {**stub.OPTIONS["image"], "max_pixels_by_type": few}
    page = open_page()
    use_sample(page)
    choose(page, heic_of(3000, 4000), "IMG_1.heic")
    expect(page.get_by_test_id("field-error-input_image_1")).to_contain_text("이 형식(HEIC)은 8메가픽셀까지 쓸 수 있고")
    choose(page, saved(Image.open(io.BytesIO(figure(1500, 1500))), "WEBP"), "image.webp")
    expect(page.get_by_text("올리기 전에 줄였어요")).to_be_visible()

    picture = Image.open(io.BytesIO(sent(page, backend)))
    assert picture.format != "WEBP" or picture.width * picture.height <= 1_000_000


def test_an_avif_picture_is_previewed(filled: Page, backend: StubBackend) -> None:
    picture = Image.open(io.BytesIO(figure(640, 640)))
    choose(filled, saved(picture, "AVIF", quality=90), "image.avif")

    assert preview(filled).size == (640, 640)
    assert Image.open(io.BytesIO(sent(filled, backend))).format == "AVIF"


# What would be refused


def test_files_of_other_kinds_are_refused_by_their_name(page: Page, backend: StubBackend) -> None:
    error = page.get_by_test_id("field-error-input_image_1")
    choose(page, b"8BPS\0\1" + bytes(40), "character.png")
    expect(error).to_have_text("이 파일은 쓸 수 없어요: 포토샵(PSD) 파일. PNG나 JPEG로 내보낸 뒤 올려 주세요.")
    page.get_by_test_id("language-toggle").click()
    expect(error).to_have_text(
        "This file cannot be used: it is a Photoshop file (PSD). Export it as PNG or JPEG and upload that."
    )
    choose(page, b"a note, not a picture", "note.png")
    expect(error).to_have_text("This file cannot be used: it is a text file. Upload an image: PNG, JPEG, WebP, AVIF, HEIC, GIF.")
    choose(page, figure(600, 600))
    expect(error).to_be_hidden()


def test_what_is_in_an_archive_is_read_at_its_end(page: Page) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("QuickLook/Thumbnail.png", random.Random(7).randbytes(200_000))
        archive.writestr("Document.archive", b"bplist00")
    choose(page, file.getvalue(), "episode.procreate")

    expect(page.get_by_test_id("field-error-input_image_1")).to_contain_text("프로크리에이트 파일. PNG나 JPEG로 내보낸 뒤")


def test_the_server_says_which_kinds_are_taken(open_page: OpenPage, backend: StubBackend) -> None:
    backend.options["image"] = {"max_bytes": 3 * 1024 * 1024, "max_pixels": 1, "content_types": ["image/png", "image/heic"]}
    backend.options_ready.clear()
    page = open_page()
    choose(page, saved(Image.open(CASES / "ref_srgb.png").convert("RGB"), "JPEG"), "image.jpg")
    preview(page)
    backend.options_ready.set()

    expect(page.get_by_test_id("field-error-input_image_1")).to_have_text(
        "이 파일은 쓸 수 없어요: JPEG. PNG나 JPEG로 내보낸 뒤 올려 주세요."
    )
    expect(page.get_by_test_id("file-input_image_1")).to_have_attribute("accept", "image/png,image/heic,.heic")
    expect(page.locator("#ppl-formats")).to_have_text("PNG · HEIC, 3 MB 이하")


@pytest.mark.parametrize(
    ("picture", "words"),
    [
        (Image.new("RGB", (700, 700), "#ffe0d0"), "한 가지 색뿐이라"),
        (Image.new("RGBA", (700, 700), (255, 0, 0, 0)), "전체가 투명해서"),
        (Image.new("L", (700, 700), 255), "한 가지 색뿐이라"),
    ],
)
def test_a_picture_with_nothing_to_see_is_refused(filled: Page, backend: StubBackend, picture: Image.Image, words: str) -> None:
    choose(filled, saved(picture, "PNG"))
    expect(filled.get_by_test_id("field-error-input_image_1")).to_contain_text(words)
    filled.get_by_test_id("submit").click()

    expect(filled.get_by_test_id("file-input_image_1")).to_be_focused()
    assert backend.submissions == []


def test_a_thin_line_is_something_to_see(page: Page) -> None:
    picture = Image.new("L", (4000, 3000), 255)
    ImageDraw.Draw(picture).line((0, 1500, 4000, 1500), fill=0, width=1)
    choose(page, saved(picture, "PNG"))

    preview(page)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "progressive"])
def test_a_file_without_its_end_is_taken_as_the_server_takes_it(page: Page, backend: StubBackend, kind: str) -> None:
    use_sample(page)
    options: dict[str, Any] = {"progressive": True} if kind == "progressive" else {}
    whole = saved(Image.open(io.BytesIO(figure(600, 600))).convert("RGB"), kind.replace("progressive", "JPEG"), **options)
    cut = whole[: -12 if kind == "PNG" else -2]
    choose(page, cut)

    expect(page.get_by_role("img", name="캐릭터 이미지 미리보기")).to_be_visible()
    expect(page.get_by_test_id("field-error-input_image_1")).to_be_empty()
    assert sent(page, backend) == cut


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_a_file_that_lacks_pixels_is_refused_as_the_server_refuses_it(page: Page, kind: str) -> None:
    whole = saved(Image.effect_noise((600, 600), 80).convert("RGB"), kind)
    choose(page, whole[: len(whole) * 2 // 3])

    expect(page.get_by_test_id("field-error-input_image_1")).to_contain_text("이미지를 읽을 수 없어요")


def test_a_file_that_breaks_off_is_refused(page: Page) -> None:
    choose(page, figure(600, 600)[:60])

    expect(page.get_by_test_id("field-error-input_image_1")).to_contain_text("이미지를 읽을 수 없어요")


def test_only_the_last_of_two_files_counts(filled: Page, backend: StubBackend) -> None:
    filled.evaluate(
        """() => {
          delete window.Worker;
          const real = createImageBitmap;
          window.createImageBitmap = async (...given) => {
            window.createImageBitmap = real;
            await new Promise((resolve) => setTimeout(resolve, 800));
            window.late = await real(...given);
            return window.late;
          };
        }"""
    )
    last = figure(640, 640)
    choose(filled, figure(800, 800), "slow.png")
    choose(filled, last, "last.png")
    wait_until(filled, "() => window.late?.width === 0")
    expect(filled.get_by_text("640×640")).to_be_visible()

    assert sent(filled, backend) == last


# What the server says of pictures


def test_warnings_of_a_job_are_told_in_the_language_that_is_on(filled: Page, backend: StubBackend) -> None:
    backend.warnings = [
        {"code": "image_small", "field": "input_image_2", "detail": {"ko": "이미지가 작습니다.", "en": "The image is small."}},
        {"code": "prompt_not_translated", "detail": {"ko": "번역하지 못했습니다.", "en": "Not translated."}},
    ]
    sent(filled, backend)
    warnings = filled.get_by_test_id("warnings")
    expect(warnings.get_by_role("listitem")).to_have_text(["제품 이미지: 이미지가 작습니다.", "번역하지 못했습니다."])
    filled.get_by_test_id("language-toggle").click()

    expect(warnings.get_by_role("listitem")).to_have_text(["Product image: The image is small.", "Not translated."])
    expect(warnings).to_have_accessible_name("Good to know")


def test_a_job_without_warnings_shows_none(filled: Page, backend: StubBackend) -> None:
    sent(filled, backend)

    expect(filled.get_by_test_id("warnings")).to_be_hidden()


@pytest.mark.parametrize("at", ["the request", "the job"])
def test_an_image_of_which_nothing_can_be_made_is_told_beside_its_field(
    filled: Page, backend: StubBackend, complaints: list[str], at: str
) -> None:
    if at == "the request":
        backend.refusals = [stub.UNUSABLE]
    else:
        backend.job_problem = stub.UNUSABLE
    filled.get_by_test_id("submit").click()

    expect(filled.get_by_test_id("error-code")).to_have_text("image_unusable")
    expect(filled.get_by_test_id("field-error-input_image_2")).to_have_text("한 가지 색이라 보이는 것이 없습니다.")
    expect(filled.get_by_test_id("file-input_image_2")).to_be_focused()
    expect(filled.get_by_test_id("error")).to_contain_text("이 이미지로는 그림을 만들 수 없습니다: 한 가지 색입니다.")
    expect(filled.get_by_test_id("edit-field")).to_have_text("이미지 바꾸기")
    expect(filled.get_by_test_id("charged")).to_have_text("요금은 청구되지 않았어요.")
    expect(filled.get_by_test_id("error")).not_to_contain_text("input_image_2")
    expect(filled.get_by_test_id("retry")).to_have_count(0)
    complaints.clear()
