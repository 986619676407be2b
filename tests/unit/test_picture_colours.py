"""Colours as Chromium shows them. Each expected value was read from a canvas of Chromium 156 (`color-profile=srgb`)."""

import struct
import zlib

import pytest
from PIL import Image

from shared.pictures import content, profiles
from shared.pictures.colour import to_srgb
from shared.pictures.inline import for_inline
from shared.pictures.prepare import prepare_for_provider
from shared.pictures.results import read_result, with_visible_label
from shared.provenance import with_provenance
from tests import pictures
from tests.picture_files import (
    PATCHES,
    chunk,
    display_p3,
    farthest,
    grey_profile,
    in_display_p3,
    jpeg_with,
    opened,
    patches,
    png_with,
    press_profile,
    profile_chunk,
    saved,
    seen_patches,
    segment,
)


def gamma(value: int) -> bytes:
    return chunk(b"gAMA", struct.pack(">I", value))


def corners(*values: float) -> bytes:
    return chunk(b"cHRM", struct.pack(">8I", *(round(value * 100_000) for value in values)))


def code_points(*values: int) -> bytes:
    return chunk(b"cICP", bytes(values))


P3 = corners(0.3127, 0.3290, 0.68, 0.32, 0.265, 0.69, 0.15, 0.06)
SRGB = corners(0.3127, 0.3290, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06)
STEEL = (100, 150, 200)


def steel_png(*chunks: bytes) -> bytes:
    """One colour, and a black edge so that it is not blank."""
    picture = Image.new("RGB", (300, 300), STEEL)
    picture.paste((0, 0, 0), (0, 0, 300, 20))
    return png_with(saved(picture, "PNG"), *chunks)


@pytest.mark.parametrize(
    ("chunks", "shown"),
    [
        pytest.param([], STEEL, id="nothing"),
        pytest.param([gamma(100_000)], (168, 202, 229), id="gamma 1"),
        pytest.param([gamma(55_556)], (119, 167, 210), id="gamma 1.8"),
        pytest.param([gamma(45_455)], STEEL, id="gamma 2.2"),
        pytest.param([gamma(43_250)], STEEL, id="nearly gamma 2.2"),
        pytest.param([gamma(47_700)], STEEL, id="nearly gamma 2.2, from the other side"),
        pytest.param([P3], STEEL, id="corners without a gamma"),
        pytest.param([gamma(45_455), P3], (83, 153, 206), id="gamma and corners"),
        pytest.param([gamma(100_000), SRGB], (168, 202, 229), id="gamma 1 and corners of sRGB"),
        pytest.param([chunk(b"sRGB", b"\0"), gamma(100_000)], STEEL, id="sRGB before gamma"),
        pytest.param([gamma(0)], STEEL, id="a gamma of nothing"),
        pytest.param([chunk(b"gAMA", struct.pack(">I", 100_000), is_whole=False)], STEEL, id="gamma with a wrong checksum"),
        pytest.param([code_points(12, 13, 0, 1)], (83, 152, 205), id="cICP: Display P3"),
        pytest.param([code_points(1, 1, 0, 1)], (91, 144, 197), id="cICP: BT.709"),
        pytest.param([code_points(1, 8, 0, 1)], (168, 202, 229), id="cICP: linear"),
        pytest.param([code_points(9, 14, 0, 1)], (0, 149, 203), id="cICP: BT.2020"),
        pytest.param([code_points(12, 13, 0, 0)], STEEL, id="cICP of a narrow range"),
        pytest.param([code_points(12, 99, 0, 1)], STEEL, id="cICP of an unknown curve"),
        pytest.param([code_points(12, 13, 0, 1), chunk(b"sRGB", b"\0")], (83, 152, 205), id="cICP before sRGB"),
        pytest.param([code_points(1, 13, 0, 1), profile_chunk(display_p3())], STEEL, id="cICP before a profile"),
        pytest.param([gamma(100_000), profile_chunk(display_p3())], (83, 153, 206), id="a profile before gamma"),
        pytest.param([gamma(100_000), chunk(b"iCCP", b"profile\0\0" + zlib.compress(display_p3())[:200])], (168, 202, 229), id="gamma after a profile that breaks off"),
    ],
)  # fmt: skip
def test_a_png_has_the_colours_that_its_chunks_say(chunks: list[bytes], shown: tuple[int, int, int]) -> None:
    seen = opened(prepare_for_provider(steel_png(*chunks)).data).getpixel((150, 150))

    assert farthest([seen], [shown]) <= 1  # type: ignore[list-item]


@pytest.mark.parametrize(
    ("kind", "options"), [("PNG", {}), ("WEBP", {"lossless": True}), ("AVIF", {"quality": 100}), ("JPEG", {"quality": 95})]
)
@pytest.mark.parametrize("form", ["RGB", "RGBA", "P"])
def test_a_profile_is_applied_in_every_format_and_form(kind: str, options: dict[str, object], form: str) -> None:
    picture = in_display_p3()
    if form == "RGBA":
        picture.putalpha(255)
    if form == "P":
        picture = picture.quantize(16)
    if kind == "JPEG" and form != "RGB":
        picture = picture.convert("RGB")
    sent = prepare_for_provider(saved(picture, kind, icc_profile=display_p3(), **options))

    assert farthest(seen_patches(opened(sent.data))) <= 6


def test_what_shines_through_keeps_its_alpha_under_a_profile() -> None:
    picture = in_display_p3()
    picture.putalpha(128)
    half = [tuple(round((value + 255) / 2) for value in patch) for patch in PATCHES]

    assert farthest(seen_patches(opened(prepare_for_provider(saved(picture, "PNG", icc_profile=display_p3())).data)), half) <= 4


@pytest.mark.parametrize("profile", [profiles.of_gamma(1.0, None), grey_profile(1.0)])
@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_grey_has_the_light_that_its_profile_says(kind: str, profile: bytes) -> None:
    grey = Image.new("L", (300, 300), 100)
    grey.paste(0, (0, 0, 300, 20))

    assert (
        farthest([opened(prepare_for_provider(saved(grey, kind, icc_profile=profile)).data).getpixel((150, 150))], [(168,) * 3])
        <= 1
    )  # type: ignore[list-item]


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
@pytest.mark.parametrize(
    "profile",
    [
        pytest.param(b"profile" * 40, id="no profile"),
        pytest.param(display_p3()[:300], id="one that breaks off"),
        pytest.param(press_profile(), id="one of inks"),
        pytest.param(grey_profile(1.0), id="one of greys"),
        pytest.param(display_p3()[:36] + b"ABCD" + display_p3()[40:], id="one without its signature"),
    ],
)
def test_a_profile_that_is_broken_or_of_something_else_is_as_good_as_none(kind: str, profile: bytes) -> None:
    options = {"quality": 95} if kind == "JPEG" else {}

    assert farthest(seen_patches(opened(prepare_for_provider(saved(patches(), kind, icc_profile=profile, **options)).data))) <= 3


@pytest.mark.parametrize("chunks", [[gamma(45_455), SRGB], [gamma(45_000), SRGB]])
def test_with_corners_a_gamma_is_a_power_also_in_shadows(chunks: list[bytes]) -> None:
    """As Chromium shows it; sRGB itself is nearly straight there."""
    dark = Image.new("RGB", (300, 300), (16, 16, 16))
    dark.paste((200, 100, 50), (0, 0, 150, 300))
    (grey, *_) = opened(prepare_for_provider(png_with(saved(dark, "PNG"), *chunks)).data).getpixel((250, 150))  # type: ignore[misc]

    assert grey in (7, 8)


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
@pytest.mark.parametrize("mode", ["RGBA", "PA"])
def test_a_profile_of_greys_takes_no_colour_from_a_picture_with_transparency(kind: str, mode: str) -> None:
    """As one has that was made of a grey scan, whose profile editors keep."""
    picture = patches().convert("RGBA")
    picture.paste((0, 0, 0, 0), (0, 0, 10, 10))
    options = {"lossless": True} if kind == "WEBP" else {}
    if mode == "PA" and kind == "PNG":
        picture = picture.quantize(256)
    data = saved(picture, kind, icc_profile=grey_profile(1.0), **options)

    assert farthest(seen_patches(opened(prepare_for_provider(data).data))) <= 6


@pytest.mark.parametrize(("count", "is_applied"), [(2, True), (3, False), (0, False)])
def test_a_profile_that_came_in_pieces_is_one_when_all_are_there(count: int, is_applied: bool) -> None:
    profile, half = display_p3(), len(display_p3()) // 2
    pieces = [
        segment(0xE2, b"ICC_PROFILE\0" + bytes([n, count]) + part) for n, part in ((1, profile[:half]), (2, profile[half:]))
    ]
    data = jpeg_with(saved(in_display_p3(), "JPEG", quality=95), *pieces)

    assert (farthest(seen_patches(opened(prepare_for_provider(data).data))) <= 6) is is_applied


def test_inks_without_a_profile_or_with_that_of_a_screen_are_mixed_as_ever() -> None:
    inks = patches().convert("CMYK")
    for options in ({}, {"icc_profile": display_p3()}):
        assert farthest(seen_patches(opened(prepare_for_provider(saved(inks, "JPEG", quality=95, **options)).data))) <= 3


def test_a_profile_of_srgb_changes_not_one_pixel() -> None:
    """Line art that was exported with it stays as it was drawn."""
    art = pictures.character(512, 512)
    srgb = saved(art, "PNG", icc_profile=profiles._profile(profiles._SRGB, profiles._srgb))

    assert content.read(srgb).profile
    assert opened(prepare_for_provider(srgb).data).tobytes() == art.tobytes()


def test_a_profile_that_is_srgb_at_some_levels_only_is_applied() -> None:
    """Twelve lighter between every 51st level and the next."""

    def curve(value: float) -> float:
        between = 10 < value * 255 % 51 < 41
        return profiles._srgb(min(1.0, value + 12 / 255) if between else value)

    greys = Image.frombytes("L", (256, 1), bytes(range(256))).convert("RGB").resize((512, 512), Image.Resampling.NEAREST)
    data = saved(greys, "PNG", icc_profile=profiles._profile(profiles._SRGB, curve))

    assert opened(prepare_for_provider(data).data).getpixel((2 * 76, 0)) == pytest.approx((88, 88, 88), abs=1)


@pytest.mark.parametrize(
    ("points", "shown"),
    [
        ((12, 13), (229, 0, 40)),
        ((1, 1), (210, 40, 50)),
        ((2, 2), (210, 40, 50)),
        ((12, 2), (229, 0, 40)),
        ((1, 8), (233, 110, 123)),
    ],
)
def test_an_avif_has_the_colours_of_its_code_points(points: tuple[int, int], shown: tuple[int, int, int]) -> None:
    plain = saved(patches(), "AVIF", quality=100, subsampling="4:4:4")
    at = plain.index(b"nclx") + 4
    told = plain[:at] + struct.pack(">HH", *points) + plain[at + 4 :]

    assert farthest(seen_patches(opened(prepare_for_provider(told).data))[1:2], [shown]) <= 4


@pytest.mark.parametrize(("transfer", "shown"), [(16, {64: 30, 96: 70, 128: 132, 144: 175, 160: 213, 176: 237, 200: 255}),
                                                 (18, {64: 43, 96: 71, 128: 99, 160: 135, 192: 189, 224: 228})])  # fmt: skip
def test_a_higher_range_is_dimmed_as_a_browser_does(transfer: int, shown: dict[int, int]) -> None:
    profile = profiles.of_code_points(1, transfer)
    for grey, expected in shown.items():
        assert farthest([to_srgb(Image.new("RGB", (1, 1), (grey,) * 3), profile).getpixel((0, 0))], [(expected,) * 3]) <= 4  # type: ignore[list-item]


# ---- what comes back ----


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_a_result_keeps_its_profile_and_its_thumbnail_shows_its_colours(kind: str) -> None:
    options = {"lossless": True} if kind == "WEBP" else {}
    result = saved(in_display_p3(), kind, icc_profile=display_p3(), **options)
    facts, small = read_result(result)

    assert farthest(seen_patches(opened(small.data))) <= 8
    labelled = with_visible_label(result, "SAMPLE")
    told = with_provenance(labelled, facts.content_type, "tool")
    assert opened(told).info["icc_profile"] == display_p3()
    assert opened(told).size == (600, 400)
    _, small = read_result(told)
    assert farthest(seen_patches(opened(small.data))[:5], PATCHES[:5]) <= 8


def test_a_label_on_a_picture_of_greys_is_in_colours_that_need_no_profile() -> None:
    grey = saved(Image.new("L", (600, 400), 100), "PNG", icc_profile=grey_profile(1.0))
    labelled = opened(with_visible_label(grey, "SAMPLE"))

    assert "icc_profile" not in labelled.info
    assert farthest([labelled.getpixel((100, 100))], [(168,) * 3]) <= 1  # type: ignore[list-item]


def test_a_profile_goes_along_where_a_picture_is_made_small() -> None:
    grain = pictures.noise(700, 700)

    assert opened(for_inline(saved(grain, "PNG", icc_profile=display_p3()))).info["icc_profile"] == display_p3()
