"""Pictures are judged by what would be sent: refused where they cannot work, warned of where they are poor, put on a ground."""

import math

import pytest
from PIL import Image, ImageDraw, ImageFilter

from shared.domain.problem import ProblemError
from shared.domain.warning import CATALOGUE, warning, worded
from shared.pictures.ground import OTHERS, WHITE, on_ground
from shared.pictures.prepare import prepare_for_provider
from shared.pictures.upload import inspect_upload
from tests import pictures
from tests.picture_files import opened, saved

LIMIT = 5 * 1024 * 1024


def why(data: bytes, min_side_px: int = 256) -> str | None:
    """Why it is unusable."""
    try:
        inspect_upload(data, LIMIT, min_side_px=min_side_px)
        prepare_for_provider(data)
    except ProblemError as error:
        told = error.problem
    else:
        return None
    assert (told.code, told.status, told.charged) == ("image_unusable", 422, "no")
    return told.params["why"]


def drawn(width: int, height: int, mode: str = "RGB") -> Image.Image:
    picture = Image.new(mode, (width, height), "white")
    ImageDraw.Draw(picture).ellipse((width // 4, height // 4, width * 3 // 4, height * 3 // 4), fill="navy")
    return picture


@pytest.mark.parametrize(
    ("size", "is_narrow"),
    [((690, 10_000), True), ((10_000, 690), True), ((1025, 200), True), ((1024, 256), False), ((4096, 1024), False), ((4100, 1024), False),
     ((4200, 1024), True), ((255, 1024), True), ((40, 400), True), ((60, 60), False), ((100, 400), False), ((100, 401), True),
     ((90, 400), True)],
)  # fmt: skip
def test_what_would_be_too_narrow_is_refused_by_its_header(size: tuple[int, int], is_narrow: bool) -> None:
    for kind in ("PNG", "JPEG", "WEBP"):
        assert (why(saved(drawn(*size), kind)) == "narrow") == is_narrow


def test_how_narrow_depends_on_the_generator() -> None:
    strip = saved(drawn(200, 1600), "JPEG")

    assert why(strip, 128) is None
    assert why(strip, 129) == "narrow"
    assert why(strip, 0) is None


@pytest.mark.parametrize(
    "picture",
    [
        Image.new("RGB", (300, 300), "white"), Image.new("RGB", (300, 300), (0, 0, 0)), Image.new("L", (300, 300), 90),
        Image.new("RGB", (2000, 2000), (12, 200, 40)), Image.new("RGBA", (300, 300), (255, 0, 0, 255)), Image.new("RGBA", (300, 300), (255, 0, 0, 120)),
        Image.new("CMYK", (300, 300), (0, 99, 0, 0)),
    ],
)  # fmt: skip
def test_a_picture_of_one_colour_is_refused(picture: Image.Image) -> None:
    for kind in ("JPEG",) if picture.mode == "CMYK" else ("PNG", "WEBP") if picture.mode == "RGBA" else ("PNG", "JPEG"):
        assert why(saved(picture, kind)) == "one_colour"


def test_one_colour_is_a_hair_wide() -> None:
    dark = Image.new("RGB", (300, 300), (100, 100, 100))
    dark.paste((104, 104, 104), (0, 0, 150, 300))
    assert why(saved(dark, "PNG")) == "one_colour"
    dark.paste((105, 105, 105), (0, 0, 150, 300))
    assert why(saved(dark, "PNG")) is None


def test_what_is_transparent_all_over_is_refused() -> None:
    hidden = drawn(300, 300, "RGBA")
    hidden.putalpha(0)

    assert why(saved(hidden, "PNG")) == "transparent"
    assert why(saved(hidden, "WEBP", lossless=True)) == "transparent"


@pytest.mark.parametrize(
    ("size", "expected"),
    [((300, 300), []), ((255, 300), ["image_small"]), ((60, 60), ["image_small"]), ((1024, 1024), []), ((2000, 900), []), ((3000, 900), ["image_narrow"]),
     ((1000, 300), []), ((1500, 500), ["image_narrow"])],
)  # fmt: skip
def test_what_is_merely_poor_is_told(size: tuple[int, int], expected: list[str]) -> None:
    sent = prepare_for_provider(saved(drawn(*size), "PNG"))

    assert [told["code"] for told in sent.warnings] == expected


@pytest.mark.parametrize("code", sorted(CATALOGUE))
def test_every_warning_speaks_korean_and_english_and_names_its_field(code: str) -> None:
    params = {"width": 60, "height": 90, "side": 300, "frame": 2, "ground_ko": "회색", "ground_en": "grey"}
    told = warning(code, "input_image", **params)
    for language in ("ko", "en"):
        shown = worded(told, language)  # type: ignore[arg-type]
        assert (shown["code"], shown["field"]) == (code, "input_image")
        assert shown["detail"]
        assert not any(sign in shown["detail"] for sign in "{}")
    assert any("가" <= sign <= "힣" for sign in worded(told, "ko")["detail"] or "")
    assert not any("가" <= sign <= "힣" for sign in worded(told, "en")["detail"] or "")


def test_a_warning_of_a_later_version_is_told_by_its_code() -> None:
    assert worded({"code": "from_the_future"}, "en") == {"code": "from_the_future", "detail": "", "field": None}
    with pytest.raises(ValueError, match="unknown"):
        warning("from_the_future")


# ---- grounds ----

CLEAR = (0, 0, 0, 0)


def sheet() -> tuple[Image.Image, ImageDraw.ImageDraw]:
    picture = Image.new("RGBA", (800, 800), CLEAR)
    return picture, ImageDraw.Draw(picture)


def white_mark() -> Image.Image:
    picture, draw = sheet()
    draw.ellipse((200, 200, 600, 600), outline="white", width=40)
    return picture


def white_mark_with_a_dot() -> Image.Image:
    picture = white_mark()
    ImageDraw.Draw(picture).ellipse((390, 390, 420, 420), fill="red")
    return picture


def pale_glow() -> Image.Image:
    alpha = Image.new("L", (800, 800))
    ImageDraw.Draw(alpha).ellipse((200, 200, 600, 600), fill=200)
    glow = Image.new("RGBA", alpha.size, (250, 250, 255, 0))
    glow.putalpha(alpha.filter(ImageFilter.GaussianBlur(30)))
    return glow


def sticker() -> Image.Image:
    """A figure with a white border, as it is cut."""
    picture, draw = sheet()
    draw.ellipse((150, 150, 650, 650), fill="white")
    draw.ellipse((180, 180, 620, 620), fill=(200, 60, 60))
    return picture


def outlined_white_figure() -> Image.Image:
    picture, draw = sheet()
    draw.ellipse((150, 150, 650, 650), fill="white", outline="black", width=2)
    return picture


def dark_mark() -> Image.Image:
    picture, draw = sheet()
    draw.rectangle((200, 200, 600, 300), fill=(20, 20, 20))
    return picture


def grey_and_white() -> Image.Image:
    picture, draw = sheet()
    draw.rectangle((100, 100, 700, 600), fill="white")
    draw.rectangle((100, 620, 700, 700), fill=(128, 128, 128))
    return picture


def white_page_without_a_hole() -> Image.Image:
    """As screenshots are saved: with an alpha channel that hides nothing."""
    picture = Image.new("RGBA", (800, 800), "white")
    ImageDraw.Draw(picture).rectangle((200, 200, 300, 300), fill=(20, 20, 20))
    return picture


@pytest.mark.parametrize("make", [sticker, outlined_white_figure, dark_mark, white_page_without_a_hole])
def test_white_stays_where_it_shows_the_picture(make: object) -> None:
    _, ground = on_ground(make())  # type: ignore[operator]

    assert ground == WHITE


@pytest.mark.parametrize("make", [white_mark, white_mark_with_a_dot, pale_glow, grey_and_white])
def test_another_ground_is_taken_where_white_hides_it(make: object) -> None:
    picture = make()  # type: ignore[operator]
    whole, ground = on_ground(picture)

    assert ground in OTHERS
    # Where the picture is, it differs from where it is not.
    hidden = Image.new("RGB", picture.size, ground.colour)
    told = [abs(a - b) for a, b in zip(whole.tobytes(), hidden.tobytes(), strict=True)]
    assert max(told) >= 48
    assert whole.getpixel((2, 2)) == ground.colour


def test_grey_is_not_taken_for_what_is_grey_itself() -> None:
    assert on_ground(grey_and_white())[1].en == "dark grey"


def test_the_ground_is_told_in_both_languages() -> None:
    sent = prepare_for_provider(saved(white_mark(), "PNG"))
    (told,) = sent.warnings

    assert "grey" in (worded(told, "en")["detail"] or "")
    assert "회색 배경" in (worded(told, "ko")["detail"] or "")


def test_the_smallest_and_the_longest_pictures_have_a_ground_too() -> None:
    for size in ((1, 7), (7, 1), (1024, 3), (255, 256)):
        picture = Image.new("RGBA", size, (255, 255, 255, 255))
        picture.paste(CLEAR, (0, 0, math.ceil(size[0] / 2), math.ceil(size[1] / 2)))
        assert on_ground(picture)[0].size == size


def test_line_art_on_transparency_is_sent_as_ever() -> None:
    art = pictures.line_art(600, 600)
    ink = art.convert("L").point([255 - value for value in range(256)])
    clear = Image.new("RGBA", art.size, (0, 0, 0, 0))
    clear.paste((0, 0, 0, 255), mask=ink)
    sent = prepare_for_provider(saved(clear, "PNG"))

    assert sent.warnings == ()
    assert opened(sent.data).getpixel((1, 1)) == (255, 255, 255)
