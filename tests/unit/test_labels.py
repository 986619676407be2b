"""A visible label can be read: light letters on a dark ground, whatever is below."""

from collections.abc import Callable

import pytest
from PIL import Image, ImageChops

from shared.pictures.label import _font
from shared.pictures.results import THUMBNAIL_SIDE_PX, read_result, with_visible_label
from shared.provenance import VISIBLE_LABEL
from tests.picture_files import opened, saved


@pytest.mark.parametrize("ground", [(0, 0, 0), (20, 40, 120), (255, 255, 255)])
def test_a_label_has_light_letters_on_a_dark_ground(ground: tuple[int, int, int]) -> None:
    corner = labelled(saved(Image.new("RGB", (1024, 1024), ground), "PNG")).convert("L").crop((880, 990, 1010, 1012))
    # A label without letters would be a dark box: one shade.
    darkest, lightest = corner.getextrema()

    assert isinstance(darkest, int | float)
    assert isinstance(lightest, int | float)
    assert darkest < 130
    assert lightest - darkest > 100


def labelled(data: bytes) -> Image.Image:
    return opened(with_visible_label(data, VISIBLE_LABEL)).convert("RGB")


def thumbnail(data: bytes) -> Image.Image:
    return opened(read_result(data)[1].data).convert("RGB")


def hidden_colours(kind: str) -> Image.Image:
    """Nothing to be seen in its upper half, where red lies."""
    picture = Image.new("RGBA", (600, 400), (255, 0, 0, 0))
    picture.paste((0, 0, 200, 255), (0, 200, 600, 400))
    return picture.quantize(4) if kind == "palette" else picture.convert(kind)


@pytest.mark.parametrize("show", [labelled, thumbnail])
@pytest.mark.parametrize("kind", ["RGBA", "LA", "palette"])
def test_what_is_transparent_stands_on_white(kind: str, show: Callable[[bytes], Image.Image]) -> None:
    shown = show(saved(hidden_colours(kind), "PNG"))

    assert min(shown.getpixel((20, 20))) > 245  # type: ignore[type-var]
    assert shown.getpixel((shown.width // 4, shown.height - 20))[0] < 60  # type: ignore[index]


@pytest.mark.parametrize("show", [labelled, thumbnail])
def test_greys_of_16_bits_stay_grey(show: Callable[[bytes], Image.Image]) -> None:
    shown = show(saved(Image.new("I;16", (600, 400), 32896), "PNG"))

    assert all(abs(value - 128) < 4 for value in shown.getpixel((20, 20)))  # type: ignore[union-attr]


@pytest.mark.parametrize("show", [labelled, thumbnail])
@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_a_result_is_shown_as_browsers_turn_it(kind: str, show: Callable[[bytes], Image.Image]) -> None:
    lying = Image.new("RGB", (600, 400), (0, 0, 200))
    lying.paste((200, 0, 0), (0, 0, 300, 400))
    exif = Image.Exif()
    exif[0x0112] = 6
    data = saved(lying, kind, exif=exif)
    shown = show(data)

    assert (read_result(data)[0].width, read_result(data)[0].height) == (400, 600)
    assert shown.width < shown.height
    assert shown.getpixel((shown.width // 2, 20))[0] > 180  # type: ignore[index]
    assert shown.getpixel((20, shown.height - 20))[2] > 180  # type: ignore[index]


def test_a_result_that_can_be_read_can_be_labelled() -> None:
    whole = saved(Image.linear_gradient("L").convert("RGB").resize((600, 400)), "JPEG")
    without_end = whole[:-2]

    assert read_result(without_end)[0].width == 600
    assert labelled(without_end).size == (600, 400)


def test_the_label_says_in_korean_that_it_is_generated_and_that_it_advertises() -> None:
    assert VISIBLE_LABEL == "AI 생성 / 광고"


def test_every_sign_of_the_labels_has_letters_of_its_own() -> None:
    signs = sorted({*VISIBLE_LABEL, *"SAMPLE"} - {" "})
    drawn = {bytes(_font(40).getmask(sign)) for sign in signs}

    # A font that lacks a sign draws the same box for each of them.
    assert len(drawn) == len(signs)
    assert bytes(_font(40).getmask("\uffff")) not in drawn


@pytest.mark.parametrize("size", [(1024, 1024), (2048, 1024), (480, 1024), (128, 1024), (64, 64)])
def test_the_label_is_on_the_thumbnail_too_and_within_both(size: tuple[int, int]) -> None:
    ground = (90, 120, 60)
    data = saved(Image.new("RGB", size, ground), "PNG")
    large, small = labelled(data), opened(read_result(data, VISIBLE_LABEL)[1].data).convert("RGB")

    assert max(small.size) == min(THUMBNAIL_SIDE_PX, max(size))
    for shown in (large, small):
        marked = ImageChops.difference(shown, Image.new("RGB", shown.size, ground)).convert("L").point(lambda v: 255 * (v > 40))
        left, top, right, bottom = marked.getbbox() or (0, 0, 0, 0)
        # Whole: it ends before each edge. Of a size that can be read where there is room.
        assert 0 < left < right < shown.width, (left, right)
        assert 0 < top < bottom < shown.height, (top, bottom)
        assert bottom - top >= 15 or shown.width < 128
        assert left > shown.width / 3 or shown.width < 480


def test_without_a_label_the_thumbnail_has_none() -> None:
    shown = thumbnail(saved(Image.new("RGB", (1024, 1024), (90, 120, 60)), "PNG"))

    assert max(high - low for low, high in shown.getextrema()) < 6  # type: ignore[operator, misc]
