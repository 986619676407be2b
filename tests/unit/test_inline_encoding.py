"""What goes within a request when no link can be used: small, and to the eye the same."""

import base64
import io
import random
from functools import cache

import pytest
from PIL import Image, ImageCms

from bench.encodings import difference_seen
from shared.pictures import inline
from shared.pictures.inline import INLINE_BYTES, INLINE_QUALITIES, INLINE_URI_CHARACTERS, for_inline
from shared.pictures.prepare import prepare_for_provider
from tests import pictures
from tests.picture_files import opened, saved

PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
SQUARE = (1024, 1024)
#: What is drawn, and whether that has more than 256 colours.
DRAWN = [
    pytest.param(pictures.line_art, False, id="line art"),
    pytest.param(pictures.screentone_page, False, id="screentone"),
    pytest.param(pictures.character, True, id="flat colours"),
    pytest.param(pictures.painted_character, True, id="painted"),
]


@cache
def drawn(make) -> Image.Image:
    return make(*SQUARE)


@cache
def prepared(make, kind: str = "PNG") -> bytes:
    return prepare_for_provider(saved(drawn(make), kind)).data


@cache
def inlined(make) -> bytes:
    return for_inline(prepared(make))


def data_uri(data: bytes) -> str:
    return f"data:{Image.open(io.BytesIO(data)).get_format_mimetype()};base64,{base64.b64encode(data).decode()}"


def with_profile(data: bytes) -> bytes:
    picture = opened(data)
    return saved(picture, "PNG", icc_profile=PROFILE)


def is_loaded_alike(one: bytes, other: bytes) -> bool:
    return opened(one).convert("RGB").tobytes() == opened(other).convert("RGB").tobytes()


# ---- how much ----


def test_what_may_be_sent_fills_the_recommended_data_uri_and_not_more() -> None:
    assert len("data:image/jpeg;base64," + base64.b64encode(bytes(INLINE_BYTES)).decode()) <= INLINE_URI_CHARACTERS
    assert len("data:image/jpeg;base64," + base64.b64encode(bytes(INLINE_BYTES + 1)).decode()) > INLINE_URI_CHARACTERS
    assert INLINE_URI_CHARACTERS <= 256 * 1000


@pytest.mark.parametrize(("make", "is_coloured"), DRAWN)
def test_what_is_drawn_fits_a_data_uri(make, is_coloured: bool) -> None:
    data = prepared(make)

    assert len(data) > INLINE_BYTES
    assert len(data_uri(inlined(make))) <= INLINE_URI_CHARACTERS


def test_a_photo_that_came_as_a_png_fits_a_data_uri() -> None:
    assert len(data_uri(inlined(pictures.product))) <= INLINE_URI_CHARACTERS


@pytest.mark.parametrize("excess", [0, 1])
def test_up_to_the_limit_a_picture_is_not_even_looked_at(excess: int) -> None:
    data = bytes(INLINE_BYTES + excess)

    if excess:
        with pytest.raises(OSError, match="cannot identify"):
            for_inline(data)
    else:
        assert for_inline(data) is data


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_a_small_picture_goes_as_it_is(kind: str) -> None:
    data = prepare_for_provider(saved(pictures.character(512, 512), kind)).data

    assert for_inline(data) == data


@pytest.mark.parametrize("limit", [None, *range(8)])
def test_the_best_quality_that_fits_is_taken(limit: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """`limit`: as many bytes as that one has, so that each is the best once."""
    make = pictures.character
    sizes = sizes_of_jpegs(make)
    most = INLINE_BYTES if limit is None else sizes[limit]
    monkeypatch.setattr("shared.pictures.inline.INLINE_BYTES", most)
    sent = for_inline(prepared(make))

    assert len(sent) == max(size for size in sizes if size <= most)
    assert len(set(sizes)) == len(INLINE_QUALITIES) == 8
    assert max(sizes) > INLINE_BYTES


@cache
def sizes_of_jpegs(make) -> list[int]:
    picture = opened(prepared(make))
    return [len(saved(picture, "JPEG", quality=quality, subsampling=0, optimize=True)) for quality in range(95, 87, -1)]


def test_few_qualities_are_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[int] = []
    encode = inline._small_jpeg
    monkeypatch.setattr(
        inline, "_small_jpeg", lambda picture, quality, *more: tried.append(quality) or encode(picture, quality, *more)
    )

    sent = for_inline(prepared(pictures.painted_character))
    assert len(sent) <= INLINE_BYTES
    assert len(tried) <= 4


# ---- nothing that is seen is lost ----


@pytest.mark.parametrize(("make", "is_coloured"), DRAWN)
def test_black_and_white_loses_nothing_and_colours_nothing_that_is_seen(make, is_coloured: bool) -> None:
    data, sent = prepared(make), inlined(make)

    if not is_coloured:
        assert is_loaded_alike(sent, data)
        return
    lost = difference_seen(opened(data), opened(sent))
    assert 0 < lost.noticeable <= 0.025
    assert lost.permille <= 4.0
    assert lost.plain <= 0.0001


def test_colours_keep_their_full_resolution() -> None:
    sent = opened(inlined(pictures.character))

    assert [component[1:3] for component in sent.layer] == [(1, 1)] * 3  # type: ignore[attr-defined]


@pytest.mark.parametrize(("make", "is_coloured"), DRAWN)
def test_even_the_floor_is_hardly_seen_and_what_lies_below_it_is(make, is_coloured: bool) -> None:
    picture = drawn(make)
    at_floor = difference_seen(picture, opened(saved(picture, "JPEG", quality=INLINE_QUALITIES[-1], subsampling=0)))

    assert (at_floor.permille <= 4.0, at_floor.plain <= 0.0001) == (True, True)
    if make is pictures.character:
        below = difference_seen(picture, opened(saved(picture, "JPEG", quality=INLINE_QUALITIES[-1] - 3, subsampling=0)))
        halved = difference_seen(picture, opened(saved(picture, "JPEG", quality=INLINE_QUALITIES[0], subsampling=2)))
        assert below.permille > 4.0
        assert halved.permille > 4.0


def test_what_does_not_fit_at_the_floor_is_sent_at_the_floor() -> None:
    data, sent = prepared(pictures.noise), inlined(pictures.noise)

    assert len(sent) > INLINE_BYTES
    assert sent == saved(opened(data), "JPEG", quality=INLINE_QUALITIES[-1], subsampling=0)


def test_a_page_that_a_palette_holds_better_than_a_jpeg_keeps_every_pixel_though_it_does_not_fit() -> None:
    dots = Image.frombytes("L", SQUARE, random.Random(4).randbytes(1024 * 1024)).point(lambda grey: grey // 64 * 85)
    data = prepare_for_provider(saved(dots, "PNG")).data
    sent = for_inline(data)

    assert INLINE_BYTES < len(sent) < len(data)
    assert is_loaded_alike(sent, data)


def test_a_jpeg_is_not_encoded_again_unless_it_fits_then() -> None:
    data = prepared(pictures.noise, "JPEG")

    assert for_inline(data) == data


@pytest.mark.parametrize("is_grey", [False, True])
def test_a_jpeg_that_cannot_fit_costs_a_sample_of_its_rows(is_grey: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """All greys have a palette, which takes a fifth of a second to find and is larger than the file."""
    noise = drawn(pictures.noise).convert("L") if is_grey else drawn(pictures.noise)
    data = prepare_for_provider(saved(noise, "JPEG", quality=95)).data
    sizes: list[tuple[int, int]] = []
    save = Image.Image.save
    monkeypatch.setattr(Image.Image, "save", lambda picture, *a, **k: sizes.append(picture.size) or save(picture, *a, **k))
    monkeypatch.setattr(Image.Image, "quantize", lambda *_, **__: pytest.fail("a palette was looked for"))

    assert for_inline(data) is data
    assert sum(width * height for width, height in sizes) <= SQUARE[0] * SQUARE[1] / 4


@pytest.mark.parametrize("top", [0, 256, 512, 768])
def test_a_jpeg_with_noise_in_one_place_is_not_given_up_for_it(top: int) -> None:
    picture = Image.linear_gradient("L").resize(SQUARE).convert("RGB")
    picture.paste(drawn(pictures.noise).crop((0, 0, 512, 160)), (256, top))
    data = saved(picture, "JPEG", quality=100, subsampling=0)

    assert len(for_inline(data)) <= INLINE_BYTES < len(data)


def test_a_jpeg_that_fits_when_encoded_again_is() -> None:
    picture = drawn(pictures.product).crop((0, 0, 1024, 800))
    data = saved(picture, "JPEG", quality=92, subsampling=0)
    sent = for_inline(data)

    assert len(sent) <= INLINE_BYTES < len(data)
    assert difference_seen(opened(data), opened(sent)).permille <= 4.0


def test_a_palette_that_would_lose_a_colour_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    quantize = Image.Image.quantize
    monkeypatch.setattr(Image.Image, "quantize", lambda picture, colours, *rest, **more: quantize(picture, 16, *rest, **more))

    assert opened(for_inline(prepared(pictures.line_art))).format == "JPEG"


# ---- what else is kept ----


@pytest.mark.parametrize("make", [pictures.line_art, pictures.character, pictures.noise])
def test_a_colour_profile_is_kept(make) -> None:
    sent = opened(for_inline(with_profile(prepared(make))))

    assert sent.info["icc_profile"] == PROFILE


def test_a_picture_without_a_profile_gets_none() -> None:
    assert "icc_profile" not in opened(inlined(pictures.character)).info


def test_what_is_transparent_stays_as_it_is() -> None:
    picture = drawn(pictures.painted_character).convert("RGBA")
    picture.putalpha(Image.linear_gradient("L").resize(SQUARE))
    keyed = saved(drawn(pictures.painted_character), "PNG", transparency=(1, 2, 3))

    for data in (saved(picture, "PNG"), keyed):
        assert for_inline(data) == data


@pytest.mark.parametrize("make", [pictures.line_art, pictures.character, pictures.noise])
def test_the_same_picture_is_sent_the_same_way_each_time(make) -> None:
    assert for_inline(prepared(make)) == inlined(make)


@pytest.mark.parametrize("make", [pictures.line_art, pictures.painted_character])
@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_a_file_that_breaks_off_is_an_error(make, kind: str) -> None:
    whole = saved(drawn(make), kind, quality=100)

    with pytest.raises(OSError, match="truncated"):
        for_inline(whole[: INLINE_BYTES + 1000])


def test_what_was_not_prepared_is_an_error() -> None:
    with pytest.raises(OSError, match="cannot identify"):
        for_inline(saved(pictures.noise(512, 512), "WEBP", lossless=True))
