"""What decoding may cost: bounded before it begins by passes, tiles and memory, while it goes on by time; and who waits for whom."""

import io
import itertools
import os
import struct
import subprocess
import sys
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from PIL import Image, JpegImagePlugin

from shared.domain.problem import ProblemError
from shared.pictures import av1, content, decoding, limits, prepare
from shared.pictures.facts import Content, ImageFacts
from shared.pictures.prepare import prepare_for_provider
from shared.pictures.results import read_result, with_visible_label
from shared.pictures.upload import inspect_upload
from tests import pictures
from tests.pace import at_most, is_within
from tests.patience import PATIENCE
from tests.picture_files import (
    GIF_CLEAR,
    GIF_PIXEL,
    case,
    chunk,
    farthest,
    gif_frame,
    gif_of,
    jpeg_with,
    opened,
    patches,
    png_with,
    saved,
    seen_patches,
    segment,
    webp_with,
    with_scans,
)  # fmt: skip

LIMIT = 5 * 1024 * 1024


def problem_of(data: bytes, **limits_: int) -> tuple[str, dict[str, str]]:
    with pytest.raises(ProblemError) as caught:
        inspect_upload(data, LIMIT, **limits_)
    return caught.value.problem.code, dict(caught.value.problem.params)


# ---- passes ----


def progressive(width: int, height: int) -> bytes:
    picture = Image.new("L", (width, height), 30)
    picture.paste(200, (0, 0, width // 2, height // 2))
    return saved(picture, "JPEG", progressive=True)


def test_passes_are_counted_without_decoding(monkeypatch: pytest.MonkeyPatch) -> None:
    def decode(*_: object) -> None:
        raise AssertionError("decodes")

    whole = progressive(300, 300)
    monkeypatch.setattr(JpegImagePlugin.JpegImageFile, "load", decode)
    monkeypatch.setattr(Image, "open", decode)
    first = content.read(whole).passes

    assert content.read(with_scans(whole, 90)).passes == first + 90
    assert inspect_upload(with_scans(whole, limits.MAX_PASSES - first), LIMIT).width == 300
    assert problem_of(with_scans(whole, limits.MAX_PASSES - first + 1)) == ("unsupported_image", {"found": "too_complex"})


def test_more_pixels_are_passed_over_less_often() -> None:
    whole = progressive(4000, 4000)
    most = limits.MAX_PASSED_PIXELS // 16_000_000 - content.read(whole).passes

    assert inspect_upload(with_scans(whole, most), LIMIT).width == 4000
    assert problem_of(with_scans(whole, most + 1)) == ("unsupported_image", {"found": "too_complex"})


def test_what_cannot_be_stopped_within_is_gone_over_less_often() -> None:
    """10 passes over 12 megapixels, as libjpeg makes them: with Huffman's codes they are plain."""
    content_ = Content(ImageFacts("image/jpeg", 4000, 3000), b"", passes=10)
    limits.require_real(content_)

    limits.require_real(replace(content_, facts=ImageFacts("image/jpeg", 3500, 2800), in_one_piece=True))
    with pytest.raises(ProblemError):
        limits.require_real(replace(content_, in_one_piece=True))


def test_a_bomb_of_an_older_job_is_not_decoded_either(monkeypatch: pytest.MonkeyPatch) -> None:
    """A decoder would say the same after ten seconds. One has too many passes, the other too many for its size."""
    monkeypatch.setattr(prepare, "decoded", lambda *_: pytest.fail("was decoded"))
    for bomb in (with_scans(progressive(300, 300), 2000), with_scans(progressive(4000, 3000), 85)):
        with pytest.raises(ProblemError) as caught:
            prepare_for_provider(bomb)
        assert caught.value.problem.params == {"found": "too_complex"}


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"progressive": True, "quality": 100, "subsampling": 0}])
def test_no_real_encoder_comes_near_the_bound(options: dict[str, object]) -> None:
    known = content.read(saved(patches().convert("CMYK"), "JPEG", **options))

    assert known.passes <= 18
    assert 40_000_000 * known.passes < limits.MAX_PASSED_PIXELS


# ---- parts ----

#: As many parts as fit into 5 MB, in files that hold a picture.
IN_PARTS = [
    pytest.param(lambda: jpeg_with(saved(patches(), "JPEG"), segment(0xFE, b"") * 1_300_000), id="comments of a JPEG"),
    pytest.param(lambda: jpeg_with(saved(patches(), "JPEG"), b"\xff\x01" * 2_500_000), id="markers of a JPEG"),
    pytest.param(lambda: png_with(case("ref_srgb.png"), chunk(b"teSt", b"") * 430_000), id="chunks of a PNG"),
    pytest.param(lambda: case("ref_srgb.png")[:-12] + chunk(b"IDAT", b"") * 430_000, id="pixels of a PNG"),
    pytest.param(lambda: webp_with(saved(Image.new("RGBA", (300, 300)), "WEBP"), *[(b"JUNK", b"")] * 600_000, flags=0), id="chunks of a WebP"),
    pytest.param(lambda: gif_of(b"\x21\xfe\0" * 1_700_000, gif_frame((0, 0, 300, 300))), id="comments of a GIF"),
]  # fmt: skip


@pytest.mark.parametrize("make", IN_PARTS)
def test_more_parts_than_any_encoder_writes_are_refused_before_they_are_counted(make: Callable[[], bytes]) -> None:
    data = make()
    assert len(data) < LIMIT

    with at_most(1):
        assert problem_of(data) == ("unsupported_image", {"found": "too_complex"})


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(jpeg_with(saved(patches(), "JPEG"), segment(0xFE, b"") * 50_000), id="comments of a JPEG"),
        pytest.param(case("ref_srgb.png")[:-12] + chunk(b"IDAT", b"") * 50_000, id="pixels of a PNG"),
        pytest.param(gif_of(b"\x21\xfe\0" * 50_000, gif_frame((0, 0, 300, 300))), id="comments of a GIF"),
        pytest.param(gif_of(b"\x21\xfe" + b"\1x" * 2_500_000 + b"\0", gif_frame((0, 0, 300, 300))), id="a long comment of a GIF"),
    ],
)
def test_many_parts_cost_little(data: bytes) -> None:
    """Half as many as are taken: nothing of them reaches a decoder."""
    with at_most(1):
        assert prepare_for_provider(data)


def test_pixels_in_pieces_become_one_piece() -> None:
    whole = case("ref_srgb.png")
    (length,) = struct.unpack_from(">I", whole, whole.index(b"IDAT") - 4)
    at = whole.index(b"IDAT") + 4
    pieces = b"".join(chunk(b"IDAT", whole[n : n + 1]) for n in range(at, at + length))

    assert content.read(whole[: at - 8] + pieces + whole[at + length + 4 :]).pixels == content.read(whole).pixels


# ---- frames that reach over their canvas ----


@pytest.mark.parametrize(
    ("box", "size"), [((0, 0, 65535, 65535), (65535, 65535)), ((7000, 0, 10, 300), (7010, 300)), ((0, 60_000, 10, 10), (300, 60_010))]
)  # fmt: skip
def test_a_first_frame_counts_as_the_canvas(box: tuple[int, int, int, int], size: tuple[int, int]) -> None:
    data = gif_of(GIF_PIXEL[:1] + struct.pack("<4H", *box) + GIF_PIXEL[9:])

    assert (content.read(data).facts.width, content.read(data).facts.height) == size


def test_a_gif_is_as_large_as_chromium_shows_it() -> None:
    over = gif_of(gif_frame((0, 0, 400, 350)))

    assert inspect_upload(over, LIMIT) == ImageFacts("image/gif", 400, 350)
    assert opened(prepare_for_provider(over).data).size == (400, 350)
    assert inspect_upload(gif_of(gif_frame((0, 0, 400, 350)), size=(0, 0)), LIMIT).width == 400
    assert problem_of(gif_of(gif_frame((0, 0, 6000, 6000))))[0] == "image_too_large"


@pytest.mark.parametrize("box", [(0, 0, 65535, 65535), (299, 0, 2, 1), (0, 300, 1, 1)])
def test_an_animation_ends_before_a_frame_that_reaches_over_its_canvas(box: tuple[int, int, int, int]) -> None:
    """Pillow would make room for it: 4 GB for 65535 by 65535."""
    blank, picture = GIF_CLEAR + GIF_PIXEL, gif_frame((0, 0, 300, 300))
    over = GIF_PIXEL[:1] + struct.pack("<4H", *box) + GIF_PIXEL[9:]

    assert content.read(gif_of(blank, over, picture)).pixels == content.read(gif_of(blank)).pixels
    assert prepare_for_provider(gif_of(blank, picture, over)).warnings


def test_only_the_frames_that_are_looked_at_reach_the_decoder() -> None:
    blank = GIF_CLEAR + GIF_PIXEL

    assert content.read(gif_of(blank * 400_000)).pixels == content.read(gif_of(blank * limits.MAX_FRAMES)).pixels
    assert content.read(gif_of(blank * 9)).pixels + b";" == gif_of(blank * 9)


# ---- time ----


def ticking(step: float) -> Iterator[float]:
    return itertools.count(0.0, step)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF"])
def test_a_decoder_that_takes_too_long_is_stopped(kind: str) -> None:
    noise = pictures.noise(500, 500)
    data = saved(noise.quantize(256) if kind == "GIF" else noise, kind)
    known = content.read(data)
    for seconds, is_stopped in ((10, True), (10_000, False)):
        ticks = ticking(1.0)
        try:
            decoding.decoded(known, (500, 500), seconds, lambda ticks=ticks: next(ticks))  # type: ignore[misc]
        except ProblemError as error:
            stopped = error.problem.params["found"] == "too_complex"
        else:
            stopped = False
        assert stopped == is_stopped


def test_the_time_is_that_of_the_thread_and_not_of_the_machine() -> None:
    import inspect

    assert inspect.signature(decoding.decoded).parameters["clock"].default is time.thread_time


# ---- tiles ----


def box(name: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I4s", 8 + len(body), name) + body


def full(name: bytes, *parts: bytes, version: int = 0) -> bytes:
    return box(name, bytes([version, 0, 0, 0]), *parts)


def grid(tiles: list[int], side: int, size: tuple[int, int], items: int = 3) -> bytes:
    """The boxes of a HEIC whose first item is made of tiles."""
    entries = [
        full(b"infe", struct.pack(">HH4s", n, 0, b"grid" if n == 1 else b"hvc1"), b"\0", version=2) for n in range(1, items + 1)
    ]
    sizes = [full(b"ispe", struct.pack(">II", *size)), full(b"ispe", struct.pack(">II", side, side))]
    associations = [struct.pack(">HBB", n, 1, 1 if n == 1 else 2) for n in range(1, items + 1)]
    meta = full(
        b"meta", full(b"pitm", struct.pack(">H", 1)), full(b"iinf", struct.pack(">H", items), *entries),
        full(b"iloc", struct.pack(">HHHHHH", 0x4400, 1, 1, 1, 0, 1), struct.pack(">II", 0, 12), version=1),
        box(b"idat", struct.pack(">BBBBII", 0, 1, 0, 0, *size)),
        full(b"iref", box(b"dimg", struct.pack(f">HH{len(tiles)}H", 1, len(tiles), *tiles))),
        box(b"iprp", box(b"ipco", *sizes), full(b"ipma", struct.pack(">I", items), *associations)),
    )  # fmt: skip
    return box(b"ftyp", b"heic\0\0\0\0mif1heic") + meta


def test_a_phones_tiles_are_taken() -> None:
    assert inspect_upload(grid([2] * 48, 512, (4032, 3024)), LIMIT) == ImageFacts("image/heic", 4032, 3024)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(grid([2] * 1025, 64, (4032, 3024)), id="too many tiles"),
        pytest.param(grid([2] * 900, 2048, (2000, 2000)), id="tiles far larger than the picture"),
        pytest.param(grid([2] * 4, 512, (1000, 1000), items=1001), id="too many items"),
    ],
)
def test_tiles_that_no_phone_makes_are_refused(data: bytes) -> None:
    assert problem_of(data) == ("unsupported_image", {"found": "too_complex"})


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(box(b"ftyp", b"heic\0\0\0\0mif1heic"), id="nothing but a type"),
        pytest.param(grid([2], 64, (0, 10)), id="of no width"),
        pytest.param(grid([2] * 4, 512, (1000, 1000))[:-60], id="boxes that break off"),
        pytest.param(case("patches.heic")[:200], id="half of the boxes"),
    ],
)
def test_boxes_that_tell_no_size_are_damaged(data: bytes) -> None:
    assert problem_of(data) == ("unsupported_image", {"found": "damaged"})


#: Tables that say that they are longer than their boxes, which are small: so many of them fit into 2 MB.
LONGER_TABLES = [
    pytest.param(full(b"iref", *[box(b"dimg", struct.pack(">HH", n, 9000)) for n in range(50_000)]), id="tiles"),
    pytest.param(full(b"iref", *[box(b"dimg", struct.pack(">HH", 1, 9000))] * 50_000), id="tiles of one picture"),
    pytest.param(full(b"iloc", struct.pack(">HH", 0x4400, 9000)) * 50_000, id="places"),
    pytest.param(box(b"iprp", full(b"ipma", struct.pack(">IHB", 200, 1, 255)) * 50_000), id="properties"),
    pytest.param(box(b"iprp", full(b"ipma", struct.pack(">I", 1), struct.pack(">HB", 1, 255)) * 50_000), id="properties of an item"),
]  # fmt: skip
#: And those that are as long as they say, of more entries and boxes than any real file has.
LONG_TABLES = [
    pytest.param(full(b"iref", *[box(b"dimg", struct.pack(">HH1000H", n, 1000, *[2] * 1000)) for n in range(2000)]), id="tiles"),
    pytest.param(full(b"iloc", struct.pack(">HH", 0x4400, 60_000), bytes(60_000 * 14)) * 4, id="places"),
    pytest.param(box(b"iprp", full(b"ipma", struct.pack(">I", 200), (b"\0\1\xff" + b"\1" * 255) * 200) * 70), id="properties"),
    pytest.param(box(b"iprp", *[box(b"ipco", box(b"free") * 9000) for _ in range(60)]), id="boxes"),
    pytest.param(box(b"iprp", box(b"ipco") * 400_000), id="boxes of properties"),
    pytest.param(full(b"iinf", b"\0\0", full(b"infe", struct.pack(">HH4s", 1, 0, b"hvc1"), version=2) * 200_000), id="items"),
]  # fmt: skip


@pytest.mark.parametrize(("table", "found"), [
    *(pytest.param(*param.values, "damaged", id=f"longer {param.id}") for param in LONGER_TABLES),
    *(pytest.param(*param.values, "too_complex", id=f"long {param.id}") for param in LONG_TABLES),
])  # fmt: skip
@pytest.mark.parametrize("kind", [b"heic", b"avif"])
def test_long_tables_of_boxes_cost_little(kind: bytes, table: bytes, found: str) -> None:
    data = box(b"ftyp", kind + b"\0\0\0\0mif1" + kind) + full(b"meta", table, full(b"pitm", b"\0\1"))
    assert len(data) < LIMIT
    with at_most(1):
        tracemalloc.start()
        try:
            code, params = problem_of(data)
            taken = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert taken < 20_000_000
    assert (code, params) == ("unsupported_image", {"found": found})


# ---- what stands where pixels should ----


@pytest.mark.parametrize(
    "tail",
    [
        pytest.param(b"\xff" * 2_000_000 + b"\0", id="before a byte of data"),
        pytest.param(b"\xff" * 2_000_000 + b"\xd0", id="before a restart"),
        pytest.param(b"\xff" * 2_000_000, id="before the end"),
        pytest.param((b"\xff" * 5000 + b"\0") * 400, id="again and again"),
        pytest.param(b"\xff" * 2_000_000 + segment(0xFE, b"x"), id="before a segment"),
    ],
)
def test_fill_bytes_cost_little(tail: bytes) -> None:
    """As of a photo that was recovered from an erased card."""
    whole = saved(patches(), "JPEG")

    with at_most(1):
        assert inspect_upload(whole[:-2] + tail + whole[-2:], LIMIT).width == 600
        assert inspect_upload(whole[:-2] + tail, LIMIT).width == 600


@pytest.mark.parametrize("count", [101, 10_000])
def test_scans_that_no_jpeg_has_are_not_looked_through(count: int) -> None:
    """With more components than four, or more coefficients than 64, it is damaged (ITU-T T.81, B.2.3); and there is no end."""
    whole = saved(patches(), "JPEG", progressive=True)
    for components, last, found in ((255, 63, "damaged"), (4, 255, "damaged"), (4, 63, "too_complex")):
        scan = segment(
            0xDA, bytes([components]) + b"".join(bytes([n, 0]) for n in range(1, components + 1)) + bytes([0, last, 0])
        )
        with at_most(1):
            code, params = problem_of(whole[: whole.index(b"\xff\xda")] + scan * min(count, 5_000_000 // len(scan)))
        assert (code, params["found"]) == ("unsupported_image", found)


@pytest.mark.parametrize(
    "piece", [b"<!---->", b"<!--->", b"<!doctype svg>", b"<?xml?>", b" ", b"\xef\xbb\xbf", b"<!--", b"<?xml", b"<svg"]
)
@pytest.mark.parametrize("end", [b"x", b"", b"<svg>"])
def test_a_long_prologue_costs_little(piece: bytes, end: bytes) -> None:
    with at_most(1):
        for count in (20, 40, 600):
            problem_of(piece * count + end)


# ---- an AVIF whose boxes lie ----


def avif_that_says(width: int, height: int, picture: Image.Image | None = None) -> bytes:
    """Of 400 by 300 pixels, where no other picture is given."""
    avif = saved(picture or patches().resize((400, 300)), "AVIF", speed=10)
    at = avif.index(b"ispe") + 8
    return avif[:at] + struct.pack(">II", width, height) + avif[at + 8 :]


@pytest.mark.parametrize("size", [(200, 150), (300, 200), (40, 30), (400, 190)])
def test_an_avif_of_more_pixels_than_its_boxes_say_is_not_decoded(size: tuple[int, int]) -> None:
    """libavif would decode them all: 16,384 by 16,384 of 165 KB, half a gigabyte."""
    assert problem_of(avif_that_says(*size)) == ("unsupported_image", {"found": "too_complex"})


@pytest.mark.parametrize("size", [(400, 300), (401, 300), (400, 299), (390, 300), (800, 600)])
def test_an_avif_of_about_the_size_that_its_boxes_say_is_made_to_fit_as_in_chromium(size: tuple[int, int]) -> None:
    data = avif_that_says(*size)

    assert inspect_upload(data, LIMIT) == ImageFacts("image/avif", *size)
    assert opened(prepare_for_provider(data).data).size == size


def parts_of(data: bytes) -> dict[bytes, bytes]:
    """The boxes of a plain AVIF or HEIC by name, as they are."""
    found: dict[bytes, bytes] = {}

    def walk(at: int, end: int) -> None:
        while at + 8 <= end:
            size, name = struct.unpack_from(">I4s", data, at)
            found.setdefault(name, data[at : at + size])
            if name in (b"meta", b"iprp", b"ipco"):
                walk(at + 8 + 4 * (name == b"meta"), at + size)
            at += size

    walk(0, len(data))
    return found


def heif(
    kind: bytes,
    items: list[tuple[bytes, list[bytes]]],
    properties: list[bytes],
    has: list[list[int]],
    *references: bytes,
    idat: bytes = b"",
) -> bytes:
    """Items of type and stretches, numbered from 1, the first of them primary. One without a stretch is all of `idat`."""
    infos = [full(b"infe", struct.pack(">HH4s", n, 0, name), b"\0", version=2) for n, (name, _) in enumerate(items, 1)]
    owned = [struct.pack(">HB", n, len(numbers)) + bytes(numbers) for n, numbers in enumerate(has, 1)]
    pixels: list[bytes] = []

    def meta(start: int) -> bytes:
        pixels.clear()
        places = []
        for n, (_, stretches) in enumerate(items, 1):
            place = struct.pack(">HHHH", n, not stretches, 0, max(1, len(stretches)))
            for stretch in stretches or [idat]:
                place += struct.pack(">II", start + sum(map(len, pixels)) if stretches else 0, len(stretch))
                pixels.extend([stretch] if stretches else [])
            places.append(place)
        return full(
            b"meta", full(b"hdlr", bytes(4), b"pict", bytes(13)), full(b"pitm", struct.pack(">H", 1)),
            full(b"iloc", struct.pack(">HH", 0x4400, len(items)), *places, version=1),
            full(b"iinf", struct.pack(">H", len(items)), *infos), full(b"iref", *references),
            box(b"iprp", box(b"ipco", *properties), full(b"ipma", struct.pack(">I", len(items)), *owned)), *([box(b"idat", idat)] if idat else []),
        )  # fmt: skip

    ftyp = box(b"ftyp", kind + bytes(4) + kind + b"mif1miaf")
    start = len(ftyp) + len(meta(0)) + 8
    return ftyp + meta(start) + box(b"mdat", *pixels)


def ispe(width: int, height: int) -> bytes:
    return full(b"ispe", struct.pack(">II", width, height))


_ALPHA = full(b"auxC", b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha\0")
_SMALL = parts_of(saved(patches().resize((300, 200)), "AVIF", speed=10))
_LARGE = parts_of(saved(patches().resize((3000, 2000)), "AVIF", speed=10))
_PIXELS, _LARGE_PIXELS = _SMALL[b"mdat"][8:], _LARGE[b"mdat"][8:]
_OF_SMALL = [_SMALL[b"av1C"], ispe(300, 200), full(b"pixi", b"\3\x08\x08\x08")]
_TILED = parts_of(case("patches_p3.heic"))
_CONFIG, _TILE = _TILED[b"hvcC"], _TILED[b"mdat"][8:]


def without_delimiter(pixels: bytes) -> bytes:
    return pixels.removeprefix(b"\x12\0")


HIDDEN_SIZES = [
    pytest.param(
        heif(b"avif", [(b"av01", [_PIXELS]), (b"av01", [_LARGE_PIXELS])], [*_OF_SMALL, _LARGE[b"av1C"], ispe(3000, 2000), _ALPHA],
             [[0x81, 2, 3], [0x84, 5, 0x86]], box(b"auxl", struct.pack(">HHH", 2, 1, 1))),
        id="alpha that says it is large",
    ),
    pytest.param(
        heif(b"avif", [(b"av01", [_PIXELS]), (b"av01", [_LARGE_PIXELS])], [*_OF_SMALL, _LARGE[b"av1C"], _ALPHA],
             [[0x81, 2, 3], [0x84, 2, 0x85]], box(b"auxl", struct.pack(">HHH", 2, 1, 1))),
        id="alpha that is large",
    ),
    pytest.param(
        heif(b"heic", [(b"hvc1", [_TILE]), (b"hvc1", [_TILE])], [_CONFIG, _TILED[b"ispe"], ispe(3000, 2000), _ALPHA],
             [[0x81, 2], [0x81, 3, 0x84]], box(b"auxl", struct.pack(">HHH", 2, 1, 1))),
        id="alpha of a HEIC",
    ),
    pytest.param(
        heif(b"avif", [(b"av01", [_PIXELS + without_delimiter(_LARGE_PIXELS)])], _OF_SMALL, [[0x81, 2, 3]]),
        id="a second sequence header",
    ),
    pytest.param(
        heif(b"avif", [(b"av01", [b"\x12\0", without_delimiter(_LARGE_PIXELS)])], _OF_SMALL, [[0x81, 2, 3]]),
        id="a second stretch",
    ),
    pytest.param(
        heif(b"heic", [(b"grid", []), (b"hvc1", [_TILE])], [_CONFIG, ispe(600, 400), ispe(300, 300)], [[3], [0x81, 2]],
             box(b"dimg", struct.pack(">HHH", 1, 1, 2)), idat=struct.pack(">BBBBII", 0, 1, 0, 0, 16_000, 16_000)),
        id="a canvas of tiles",
    ),
    pytest.param(
        heif(b"heic", [(b"hvc1", [_TILE]), (b"grid", [])], [_CONFIG, ispe(600, 400), ispe(160, 120), _ALPHA], [[0x81, 2], [3, 0x84]],
             box(b"auxl", struct.pack(">HHH", 2, 1, 1)), box(b"dimg", struct.pack(">HH1000H", 2, 1000, *[1] * 1000)),
             idat=struct.pack(">BBBBHH", 0, 0, 0, 0, 160, 120)),
        id="alpha of tiles",
    ),
]  # fmt: skip


@pytest.mark.parametrize("data", HIDDEN_SIZES)
def test_no_picture_of_a_file_is_much_larger_than_the_one_that_is_shown(data: bytes) -> None:
    assert problem_of(data) == ("unsupported_image", {"found": "too_complex"})


def test_what_is_laid_over_one_another_is_not_taken() -> None:
    """It has a canvas of its own, of up to 4,294,967,295 pixels a side."""
    overlay = heif(
        b"heic", [(b"iovl", []), (b"hvc1", [_TILE])], [_CONFIG, ispe(600, 400), ispe(300, 300)], [[3], [0x81, 2]],
        box(b"dimg", struct.pack(">HHH", 1, 1, 2)), idat=struct.pack(">BB4HIIii", 0, 1, 0, 0, 0, 65535, 30_000, 30_000, 0, 0),
    )  # fmt: skip

    assert problem_of(overlay) == ("unsupported_image", {"found": "heif_other"})


def test_files_that_are_made_here_are_taken_where_nothing_is_hidden() -> None:
    """So that it is the hidden size that the tests above are about."""
    alpha = heif(b"avif", [(b"av01", [_PIXELS]), (b"av01", [_PIXELS])], [*_OF_SMALL, _SMALL[b"av1C"], ispe(300, 200), _ALPHA],
                 [[0x81, 2, 3], [0x84, 5, 0x86]], box(b"auxl", struct.pack(">HHH", 2, 1, 1)))  # fmt: skip
    in_stretches = heif(b"avif", [(b"av01", [_PIXELS[:2], _PIXELS[2:9], _PIXELS[9:]])], _OF_SMALL, [[0x81, 2, 3]])
    tiles = heif(b"heic", [(b"grid", []), (b"hvc1", [_TILE])], [_CONFIG, _TILED[b"ispe"]], [[2], [0x81, 2]],
                 box(b"dimg", struct.pack(">HHH", 1, 1, 2)), idat=bytes([0, 1, 0, 0]) + _TILED[b"ispe"][12:20])  # fmt: skip

    for data in (alpha, in_stretches, tiles):
        facts = inspect_upload(data, LIMIT)
        sent = prepare_for_provider(data).facts
        assert sent.width / sent.height == pytest.approx(facts.width / facts.height, rel=0.01)


def test_an_avif_that_tells_no_size_of_its_pixels_is_damaged() -> None:
    avif = avif_that_says(400, 300)
    pixels = avif.index(b"mdat") + 4

    assert problem_of(avif[:pixels] + bytes(40) + avif[pixels + 40 :]) == ("unsupported_image", {"found": "damaged"})


def test_of_an_avif_sequence_its_primary_picture_is_decoded_and_no_frame() -> None:
    """Any frame of a track may be larger than the first."""
    more = [Image.new("RGB", (400, 300), (9, 200, 9))]
    moving = saved(patches().resize((400, 300)), "AVIF", speed=10, save_all=True, append_images=more)

    assert inspect_upload(moving, LIMIT) == ImageFacts("image/avif", 400, 300)
    assert b"moov" in moving
    assert b"moov" not in content.read(moving).pixels
    # What leads to the frames leads nowhere now.
    at = moving.index(b"stco") + 12
    lying = moving[:at] + struct.pack(">I", len(moving) - 50) + moving[at + 4 :]
    assert farthest(seen_patches(opened(prepare_for_provider(lying).data))) <= 16


def coded_size(data: bytes) -> tuple[int, int]:
    return av1.coded_size(data, lambda: 1)


@pytest.mark.parametrize(
    "header",
    [
        pytest.param("1 00101", id="reduced"),
        pytest.param("0 0 0 00000 000000000000 00101", id="plain"),
        pytest.param("0 0 0 00000 000000000000 01000 1", id="of a high level"),
        pytest.param("0 0 1 00001 000000000000 00101 1 0000 000000000001 00101 0", id="two points with delays"),
        pytest.param("0 1" + "0" * 64 + "1 00101 0 0 00000 000000000000 00101", id="timed"),
        pytest.param("0 1" + "0" * 64 + "0 1 00011" + "0" * 42 + "0 00000 000000000000 00101 1" + "0" * 9, id="modelled"),
    ],
)
def test_the_size_of_av1_is_read_behind_whatever_comes_before_it(header: str) -> None:
    """Sequence headers as the specification has them (5.5.1)."""
    bits = "0000" + header.replace(" ", "") + "1001" + "1001" + f"{399:010b}" + f"{299:010b}"
    body = int(bits.ljust(-(-len(bits) // 8) * 8, "0"), 2).to_bytes(-(-len(bits) // 8), "big")

    assert coded_size(b"\x12\0" + bytes([0x0A, len(body)]) + body) == (400, 300)
    assert coded_size(b"\x16\0\0" + bytes([0x0E, 0, len(body)]) + body) == (400, 300)
    with pytest.raises((ValueError, IndexError)):
        coded_size(b"\x12\0" + bytes([0x0A, len(body)]) + body[:3])
    with pytest.raises((ValueError, IndexError)):
        coded_size(b"\x12\0" * 200)
    larger = body[:-3] + bytes([body[-3] | 7, 255, 255])
    several = b"".join(bytes([0x0A, len(header)]) + header for header in (body, larger, body))
    assert coded_size(several) > (400, 300), "the largest counts"


# ---- memory ----

#: Forms of formats by what decoding them takes, of the largest that is taken within 400 MB.
FORMS = [
    pytest.param(lambda size: saved(pictures.gradient(*size), "JPEG"), 40.0, id="JPEG"),
    pytest.param(lambda size: saved(pictures.gradient(*size), "JPEG", progressive=True), 40.0, id="progressive JPEG"),
    pytest.param(lambda size: saved(pictures.gradient(*size).convert("CMYK"), "JPEG", progressive=True), 40.0, id="progressive JPEG of inks"),
    pytest.param(lambda size: saved(pictures.gradient(*size), "PNG"), 40.0, id="PNG"),
    pytest.param(lambda size: saved(pictures.gradient(*size), "WEBP"), 19.5, id="WebP"),
    pytest.param(lambda size: saved(pictures.gradient(*size), "AVIF"), 39.1, id="AVIF"),
    pytest.param(lambda size: saved(pictures.gradient(*size), "AVIF", subsampling="4:4:4"), 21.2, id="AVIF in 4:4:4"),
    pytest.param(lambda size: saved(pictures.gradient(*size).quantize(8), "GIF"), 20.0, id="GIF"),
]  # fmt: skip


@pytest.mark.parametrize(("make", "megapixels"), FORMS)
def test_how_many_pixels_are_taken_follows_from_the_memory(make: object, megapixels: float) -> None:
    known = content.read(make((64, 48)))  # type: ignore[operator]

    assert limits.max_pixels(known.bytes_per_pixel, 400) / 1e6 == pytest.approx(megapixels, rel=0.02)
    assert known.bytes_per_pixel <= limits.MOST_BYTES_PER_PIXEL[known.facts.content_type]


@pytest.mark.parametrize(
    ("name", "megapixels"), [("patches_p3.heic", 40.0), ("patches.heic", 25.7), ("patches_alpha.heic", 25.7)]
)
def test_a_heic_of_more_than_the_usual_depth_takes_more(name: str, megapixels: float) -> None:
    assert limits.max_pixels(content.read(case(name)).bytes_per_pixel, 400) / 1e6 == pytest.approx(megapixels, rel=0.02)


def test_a_picture_that_does_not_fit_into_the_memory_is_told_the_limit_that_holds() -> None:
    webp = saved(Image.new("RGB", (2000, 1500)), "WEBP")

    assert inspect_upload(webp, LIMIT, memory_mb=100).width == 2000
    code, params = problem_of(webp, memory_mb=90)
    assert (code, params["max_megapixels"]) == ("image_too_large", "2.7")
    with pytest.raises(ProblemError) as caught:
        inspect_upload(webp, LIMIT, memory_mb=90)
    assert "2.7 megapixels of such WebP a file" in caught.value.problem.to_document("en")["detail"]
    assert "이런 WebP 파일당" in caught.value.problem.to_document("ko")["detail"]
    assert inspect_upload(saved(Image.new("RGB", (2000, 1500)), "JPEG"), LIMIT, memory_mb=90).width == 2000


def test_the_contracts_limit_holds_whatever_the_memory() -> None:
    plain = Content(ImageFacts("image/png", 8000, 5001), b"", bytes_per_pixel=1)
    with pytest.raises(ProblemError) as caught:
        limits.require_bounded(plain, LIMIT, 10_000)
    assert caught.value.problem.params["max_megapixels"] == "40"


MEASURED = {
    "JPEG": "saved(picture, 'JPEG', quality=50, progressive=True, subsampling=0)",
    "PNG": "saved(picture.convert('RGBA'), 'PNG', compress_level=1)",
    "WebP": "saved(picture, 'WEBP', lossless=True, method=0, quality=0)",
    "AVIF": "saved(picture, 'AVIF', speed=10)",
}


@pytest.mark.parametrize("name", MEASURED)
@pytest.mark.skipif(not os.path.exists("/proc/self/clear_refs"), reason="tells the peak of the memory on Linux only")
def test_two_at_once_take_no_more_than_is_estimated_for_one(name: str) -> None:
    """In a fresh process: its peak while two threads prepare the same picture of 12 megapixels."""
    code = f"""
import threading
from PIL import Image
from shared.pictures import content
from shared.pictures.prepare import prepare_for_provider
from tests import pictures
from tests.picture_files import saved

def kilobytes(of):
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith(of))

picture = pictures.gradient(64, 48).resize((4000, 3000), Image.Resampling.NEAREST)
data = {MEASURED[name]}
assert len(data) < 5_000_000
prepare_for_provider(pictures.photo_jpeg(300, 300))
del picture
open("/proc/self/clear_refs", "w").write("5")
before = kilobytes("VmRSS")
threads = [threading.Thread(target=prepare_for_provider, args=(data,)) for _ in range(2)]
[thread.start() for thread in threads], [thread.join() for thread in threads]
print((kilobytes("VmHWM") - before) * 1024 / 12e6, content.read(data).bytes_per_pixel)
"""
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=PATIENCE)
    taken, estimated = map(float, told.stdout.split())

    # What is the same for every picture is reserved.
    assert taken < estimated + 25e6 / 12e6


#: The most megapixels that are taken, and how such a file is made.
LARGEST = {
    "JPEG": (40.0, "saved(picture, 'JPEG')"),
    "progressive JPEG of inks": (40.0, "saved(picture.convert('CMYK'), 'JPEG', progressive=True)"),
    "PNG": (40.0, "saved(picture.convert('RGBA'), 'PNG', compress_level=1)"),
    "16-bit PNG": (40.0, "raw_png(*picture.size, 16, 6, (bytes(7) + b'\\xff') * picture.width)"),
    "16-bit PNG with a colour key": (
        40.0,
        "raw_png(*picture.size, 16, 2, (bytes(5) + b'\\xff') * picture.width, (b'tRNS', bytes(6)))",
    ),
    "WebP": (19.4, "saved(picture.convert('RGBA'), 'WEBP', lossless=True, method=0, quality=0)"),
    "AVIF": (39.1, "saved(picture, 'AVIF', speed=10)"),
    "GIF": (20.0, "gif_of(GIF_CLEAR, GIF_PIXEL, gif_frame((0, 0, *picture.size)), size=picture.size)"),
}


@pytest.mark.parametrize("name", LARGEST)
def test_two_of_the_most_pixels_that_are_taken_fit_into_a_small_host(name: str) -> None:
    """In a process of their own, as the two files of a job: 400 MB with all that is in it, 3 s of CPU for each."""
    megapixels, made = LARGEST[name]
    making = f"""
import sys
from PIL import Image
from shared.pictures.upload import inspect_upload
from tests import pictures
from tests.picture_files import *

width = int(({megapixels} * 0.999e6 * 4 / 3) ** 0.5)
picture = pictures.gradient(16, 12).resize((width, width * 3 // 4), Image.Resampling.NEAREST)
data = {made}
inspect_upload(data, 5_242_880)
sys.stdout.buffer.write(data)
"""
    preparing = """
import resource, sys, threading
from shared.pictures.prepare import prepare_for_provider

files = [sys.stdin.buffer.read()] * 2
threads = [threading.Thread(target=prepare_for_provider, args=(data,)) for data in files]
[thread.start() for thread in threads], [thread.join() for thread in threads]
used = resource.getrusage(resource.RUSAGE_SELF)
# Not `ru_maxrss`, which begins with that of the process that has started this one.
peak = next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(peak, used.ru_utime + used.ru_stime)
"""
    data = subprocess.run([sys.executable, "-c", making], capture_output=True, check=True, timeout=PATIENCE).stdout
    told = subprocess.run([sys.executable, "-c", preparing], input=data, capture_output=True, check=True, timeout=PATIENCE)
    kilobytes, seconds = map(float, told.stdout.split())

    assert kilobytes * 1024 < 400e6, told.stdout
    assert is_within(seconds, 2 * 3)


# ---- who waits ----


def test_what_is_paid_for_never_waits_for_an_upload(monkeypatch: pytest.MonkeyPatch) -> None:
    begun, go_on = threading.Event(), threading.Event()
    decode = decoding.decoded

    def slow(known: Content, *arguments: object) -> object:
        if known.facts.width == 301:
            begun.set()
            assert go_on.wait(2 * PATIENCE)
        return decode(known, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr("shared.pictures.prepare.decoded", slow)
    monkeypatch.setattr("shared.pictures.results.decoded", slow)
    done: list[str] = []

    def prepare(width: int) -> None:
        prepare_for_provider(pictures.photo_jpeg(width, 300))
        done.append(str(width))

    uploads = [threading.Thread(target=prepare, args=(width,)) for width in (301, 302, 303)]
    uploads[0].start()
    assert begun.wait(PATIENCE)
    try:
        for upload in uploads[1:]:
            upload.start()
        # However many uploads stand in line, both steps of a result go through.
        facts, _ = read_result(pictures.photo_jpeg(640, 480))
        assert facts.width == 640
        assert with_visible_label(pictures.photo_jpeg(640, 480), "SAMPLE")
        assert done == []
    finally:
        go_on.set()
    for upload in uploads:
        upload.join(PATIENCE)
    assert sorted(done) == ["301", "302", "303"]


def test_uploads_are_decoded_one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    decode, at_once, most = decoding.decoded, [0], [0]
    lock = threading.Lock()

    def counted(known: Content, *arguments: object) -> object:
        with lock:
            at_once[0] += 1
            most[0] = max(most[0], at_once[0])
        try:
            return decode(known, *arguments)  # type: ignore[arg-type]
        finally:
            with lock:
                at_once[0] -= 1

    monkeypatch.setattr("shared.pictures.prepare.decoded", counted)
    data = saved(pictures.gradient(1500, 1500), "PNG")
    threads = [threading.Thread(target=prepare_for_provider, args=(data,)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)

    assert most == [1]


def test_a_lane_is_free_again_after_a_picture_that_failed() -> None:
    for data in (pictures.truncated_jpeg(), saved(Image.new("RGB", (300, 300)), "PNG")):
        with pytest.raises(ProblemError):
            prepare_for_provider(data)
        with pytest.raises(ProblemError):
            read_result(data[: len(data) // 2])
    assert decoding.UPLOADS.acquire(blocking=False)
    decoding.UPLOADS.release()
    assert io.BytesIO(prepare_for_provider(pictures.photo_jpeg(300, 300)).data)
