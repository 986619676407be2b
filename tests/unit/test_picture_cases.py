"""Inputs of real people (tests/cases/pictures), and what each gives. Looked at by eye where colour or orientation matters."""

import pytest
from PIL import Image

from shared.domain.problem import ProblemError
from shared.pictures.facts import Prepared
from shared.pictures.prepare import prepare_for_provider
from shared.pictures.upload import inspect_upload
from tests.picture_files import PATCHES, case, farthest, opened, seen_patches

LIMIT = 5 * 1024 * 1024


def prepared(name: str) -> tuple[Image.Image, Prepared]:
    inspect_upload(case(name), LIMIT, min_side_px=256)
    sent = prepare_for_provider(case(name))
    return opened(sent.data), sent


def codes(sent: Prepared) -> list[str]:
    return [warning["code"] for warning in sent.warnings]


def test_a_plain_picture_stays_as_it_is() -> None:
    picture, sent = prepared("ref_srgb.png")

    assert seen_patches(picture) == list(PATCHES)
    assert sent.warnings == ()


@pytest.mark.parametrize(
    ("name", "off"),
    [("p3.jpg", 6), ("cmyk_default_cmyk.jpg", 35), ("patches.heic", 3), ("patches_p3.heic", 6)],
)
def test_colours_are_those_of_the_reference(name: str, off: int) -> None:
    picture, _ = prepared(name)

    assert farthest(seen_patches(picture)) <= off


def test_a_press_profile_gives_what_a_browser_shows() -> None:
    """Chromium 156, read from a canvas."""
    shown = [(237, 189, 159), (211, 56, 60), (41, 151, 84), (79, 136, 198), (244, 204, 48), (119, 66, 151)]

    assert farthest(seen_patches(prepared("cmyk_default_cmyk.jpg")[0]), shown) <= 4


@pytest.mark.parametrize("name", ["ztxt_1500k.png", "badcrc_phys.png"])
def test_a_note_that_is_huge_or_broken_refuses_no_picture(name: str) -> None:
    assert prepared(name)[0].getpixel((160, 160)) == (200, 40, 40)


def test_a_strip_is_refused_before_a_job_is_made() -> None:
    with pytest.raises(ProblemError) as caught:
        inspect_upload(case("strip_690x10000.jpg"), LIMIT, min_side_px=256)
    problem = caught.value.problem

    assert (problem.code, problem.status, problem.charged, problem.params["why"]) == ("image_unusable", 422, "no", "narrow")
    assert "690 × 10000 px" in problem.to_document("en")["detail"]
    assert "71 px" in problem.to_document("en")["detail"]
    assert "Crop it" in problem.to_document("en")["detail"]
    assert "잘라서" in problem.to_document("ko")["detail"]


def test_16_bit_grey_with_a_transparent_value_has_a_white_corner() -> None:
    picture, _ = prepared("g16_trns0.png")

    assert picture.getpixel((0, 0)) == (255, 255, 255)
    assert picture.getpixel((160, 160)) != (255, 255, 255)


def test_an_orientation_in_xmp_only_turns_nothing() -> None:
    picture, _ = prepared("figure_xmp6.jpg")

    assert picture.size == (480, 640)
    # The head is above the coat.
    assert [max(range(3), key=picture.getpixel((240, y)).__getitem__) for y in (100, 300)] == [0, 2]  # type: ignore[union-attr]


def test_a_white_mark_can_be_seen() -> None:
    picture, sent = prepared("white_logo.png")

    assert picture.getpixel((400, 400)) == (255, 255, 255)
    assert max(picture.getpixel((5, 5))) < 160  # type: ignore[arg-type]
    assert codes(sent) == ["image_ground_changed"]


def test_a_photo_of_a_phone_is_upright_once() -> None:
    """Its boxes and its EXIF both say that it is turned."""
    picture, _ = prepared("patches_turned.heic")
    turned = opened(case("ref_srgb.png")).transpose(Image.Transpose.ROTATE_270)

    assert picture.size == (400, 600)
    corners = ((100, 100), (300, 100), (100, 500), (300, 500))
    assert farthest([picture.getpixel(at) for at in corners], [turned.getpixel(at) for at in corners]) <= 4  # type: ignore[misc]


def test_a_heic_with_transparency_stands_on_white() -> None:
    picture, _ = prepared("patches_alpha.heic")

    assert seen_patches(picture)[0] == (255, 255, 255)
    assert farthest(seen_patches(picture)[1:], PATCHES[1:]) <= 4
