"""What is not pixels does not decide: notes that are huge, broken or bombs refuse no picture; pixels that are missing do."""

import struct
import zlib

import pytest
from PIL import Image

from shared.domain.problem import ProblemError
from shared.pictures import content, decoding, limits
from shared.pictures.encode import encoded
from shared.pictures.prepare import prepare_for_provider
from shared.pictures.upload import inspect_upload
from tests import pictures
from tests.picture_files import (
    CASES,
    PATCHES,
    case,
    chunk,
    display_p3,
    farthest,
    jpeg_with,
    opened,
    patches,
    png_with,
    profile_chunk,
    raw_png,
    saved,
    seen_patches,
    segment,
    webp_with,
)

LIMIT = 5 * 1024 * 1024


def sent(data: bytes) -> Image.Image:
    inspect_upload(data, LIMIT)
    return opened(prepare_for_provider(data).data)


def refused(data: bytes) -> str:
    with pytest.raises(ProblemError) as caught:
        prepare_for_provider(data)
    assert caught.value.problem.code == "unsupported_image"
    return caught.value.problem.params["found"]


# ---- PNG ----

BOMB = zlib.compress(bytes(60_000_000), 9)


@pytest.mark.parametrize(
    "note",
    [
        pytest.param(chunk(b"zTXt", b"Comment\0\0" + BOMB), id="a text of 60 MB"),
        pytest.param(chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + BOMB), id="XMP of 60 MB"),
        pytest.param(chunk(b"iCCP", b"profile\0\0" + BOMB), id="a profile of 60 MB"),
        pytest.param(chunk(b"iCCP", b"profile\0\0not compressed"), id="a profile that cannot be unpacked"),
        pytest.param(chunk(b"iCCP", b""), id="a profile of nothing"),
        pytest.param(chunk(b"pHYs", b"\0" * 9, is_whole=False), id="a wrong checksum"),
        pytest.param(chunk(b"pHYs", b"\0"), id="too short"),
        pytest.param(chunk(b"tRNS", b"\0"), id="a transparency too short"),
        pytest.param(chunk(b"gAMA", b"\0"), id="a gamma too short"),
        pytest.param(chunk(b"cHRM", b"\0" * 32) + chunk(b"gAMA", struct.pack(">I", 45455)), id="corners of nothing"),
        pytest.param(chunk(b"eXIf", b"MM\0*\xff\xff\xff\xff"), id="EXIF that leads nowhere"),
        pytest.param(chunk(b"acTL", b"\0" * 3), id="an animation that is none"),
        pytest.param(chunk(b"caBX", bytes(1_000_000)), id="a megabyte of a maker's own"),
    ],
)
def test_a_note_in_a_png_refuses_no_picture(note: bytes) -> None:
    assert seen_patches(sent(png_with(case("ref_srgb.png"), note))) == list(PATCHES)


def test_nothing_inflates_beyond_the_cap(monkeypatch: pytest.MonkeyPatch) -> None:
    """The profile of a real printer may be as large as that, and no larger."""
    profile = display_p3() + bytes(limits.PROFILE_MAX_BYTES - len(display_p3()))
    monkeypatch.setattr(limits, "PROFILE_MAX_BYTES", limits.PROFILE_MAX_BYTES)

    assert content.read(png_with(case("ref_srgb.png"), profile_chunk(profile[:-1]))).profile == profile[:-1]
    assert content.read(png_with(case("ref_srgb.png"), profile_chunk(profile + b"\0"))).profile is None


def test_a_png_without_its_end_is_whole_when_its_pixels_are() -> None:
    whole = case("ref_srgb.png")

    assert seen_patches(sent(whole[:-12])) == list(PATCHES)
    assert refused(whole[: len(whole) // 2]) == "damaged"


def test_pixels_that_are_broken_are_refused() -> None:
    whole = bytearray(case("ref_srgb.png"))
    whole[whole.index(b"IDAT") + 40] ^= 0xFF

    assert refused(bytes(whole)) == "damaged"


def taller(png: bytes, height: int) -> bytes:
    """The same pixels under a header that promises more of them."""
    (width,) = struct.unpack_from(">I", png, 16)
    return png[:8] + chunk(b"IHDR", struct.pack(">II", width, height) + png[24:29]) + png[33:]


@pytest.mark.parametrize(
    ("depth", "kind", "row", "notes"),
    [
        pytest.param(8, 2, b"\xc0\x40\x20" * 300, (), id="colour"),
        pytest.param(8, 6, b"\xc0\x40\x20\xff" * 300, (), id="with alpha"),
        pytest.param(16, 0, b"\xc0\x40" * 300, (), id="grey of 16 bits"),
        pytest.param(16, 4, b"\xc0\x40\xff\xff" * 300, (), id="grey of 16 bits with alpha"),
        pytest.param(1, 0, b"\xf0" * 38, (), id="one bit"),
        pytest.param(8, 0, b"\x40" * 300, ((b"tRNS", b"\0\x50"),), id="grey with a transparent one"),
        pytest.param(8, 3, b"\1" * 300, ((b"PLTE", bytes([9, 9, 9, 200, 100, 50])),), id="palette"),
    ],
)
def test_a_png_whose_data_end_before_its_rows_is_refused(
    depth: int, kind: int, row: bytes, notes: tuple[tuple[bytes, bytes], ...]
) -> None:
    png = raw_png(300, 300, depth, kind, row, *notes)

    assert refused(taller(png, 301)) == "damaged"
    assert refused(taller(png, 400)) == "damaged"
    # Rows that are there and black are rows.
    rows = b"".join(b"\0" + (bytes(len(row)) if n >= 150 else row) for n in range(300))
    at = png.index(b"IDAT") - 4
    assert sent(png[:at] + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")).size == (300, 300)


@pytest.mark.parametrize("colour", [b"\0\x40" + bytes(300), b"\x40"])
def test_a_transparent_grey_of_another_length_is_none_as_in_chromium(colour: bytes) -> None:
    assert content.read(raw_png(300, 300, 8, 0, b"\x40" * 300, (b"tRNS", colour))).transparent is None


@pytest.mark.parametrize("transparent", [bytes([0, 255]) + bytes(300), bytes([0])])
def test_of_more_transparent_colours_than_the_palette_has_the_first_count(transparent: bytes) -> None:
    png = raw_png(300, 300, 8, 3, bytes([0] * 150 + [1] * 150), (b"PLTE", bytes([9, 9, 9, 200, 100, 50])), (b"tRNS", transparent))

    shown = sent(png).convert("RGB")
    assert (shown.getpixel((20, 20)), shown.getpixel((280, 20))) == ((255, 255, 255), (200, 100, 50))


def test_of_a_colour_that_the_palette_lacks_the_last_one_is_shown_as_chromium_does() -> None:
    row = b"\0" * 100 + b"\2" * 100 + b"\xff" * 100
    picture = sent(raw_png(300, 300, 8, 3, row, (b"PLTE", bytes([0, 0, 255, 9, 9, 9, 200, 100, 50]) + b"\7")))

    assert [picture.convert("RGB").getpixel((x, 150)) for x in (50, 150, 250)] == [(0, 0, 255), (200, 100, 50), (200, 100, 50)]


@pytest.mark.parametrize("depth", [0, 3, 64, 255])
def test_a_palette_of_a_depth_that_is_none_is_damaged_and_takes_no_memory(depth: int) -> None:
    assert refused(raw_png(300, 300, depth, 3, HALVES, PALETTE)) == "damaged"


@pytest.mark.parametrize("name", [b"IHDR", b"PLTE"])
def test_a_header_or_a_palette_with_a_wrong_checksum_is_refused_as_a_browser_does(name: bytes) -> None:
    whole = bytearray(raw_png(300, 300, 8, 3, b"\0" * 100 + b"\1" * 200, (b"PLTE", bytes([255, 0, 0, 0, 0, 255]))))
    at = whole.index(name)
    (length,) = struct.unpack(">I", whole[at - 4 : at])
    whole[at + 4 + length] ^= 1

    assert refused(bytes(whole)) == "damaged"


HALVES = b"\0" * 150 + b"\1" * 150
PALETTE = (b"PLTE", bytes([200, 100, 50, 0, 0, 255]))


@pytest.mark.parametrize(
    "png",
    [
        pytest.param(raw_png(300, 300, 8, 3, HALVES), id="none"),
        pytest.param(raw_png(300, 300, 8, 3, HALVES)[:-12] + chunk(*PALETTE) + chunk(b"IEND", b""), id="behind the pixels"),
        pytest.param(raw_png(300, 300, 8, 3, HALVES, (b"PLTE", b"")), id="of nothing"),
    ],
)
def test_a_png_without_its_palette_is_damaged(png: bytes) -> None:
    assert refused(png) == "damaged"


@pytest.mark.parametrize(
    "error",
    [AssertionError, MemoryError, RecursionError, ZeroDivisionError, SystemError, AttributeError, zlib.error, struct.error],
)
def test_whatever_a_decoder_raises_says_that_the_file_is_damaged(monkeypatch: pytest.MonkeyPatch, error: type[Exception]) -> None:
    def fail(_: object) -> None:
        raise error

    files = (case("ref_srgb.png"), jpeg(), saved(patches().quantize(16), "GIF"))
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", fail)
    for data in files:
        assert refused(data) == "damaged"


GAMMA, CODE_POINTS = chunk(b"gAMA", struct.pack(">I", 100_000)), chunk(b"cICP", bytes([12, 13, 0, 1]))
TURNED = chunk(b"eXIf", b"MM\0*\0\0\0\x08\0\1\x01\x12\0\3\0\0\0\1\0\6\0\0\0\0\0\0")
MANY_FRAMES = chunk(b"acTL", struct.pack(">II", 2, 0))


@pytest.mark.parametrize("note", [GAMMA, CODE_POINTS, TURNED, MANY_FRAMES, profile_chunk(display_p3()), chunk(b"tRNS", b"\0")])
def test_behind_the_pixels_of_a_png_nothing_counts(note: bytes) -> None:
    plain = raw_png(300, 200, 8, 3, HALVES, PALETTE)
    pixels = plain.index(b"IDAT") - 4

    assert content.read(plain[:-12] + note + plain[-12:]) == content.read(plain)
    assert content.read(plain[:pixels] + note + plain[pixels:]) != content.read(plain) or note == CODE_POINTS


@pytest.mark.parametrize(("note", "counts"), [(GAMMA, True), (profile_chunk(display_p3()), True), (CODE_POINTS, False)])
def test_what_counts_between_palette_and_pixels_is_what_chromium_obeys(note: bytes, counts: bool) -> None:
    """Chromium 156. By the specification (PNG third edition, 5.6) all three stand before the palette."""
    plain = raw_png(300, 300, 8, 3, HALVES, PALETTE)
    pixels = plain.index(b"IDAT") - 4

    assert (content.read(plain[:pixels] + note + plain[pixels:]).profile is not None) == counts
    assert content.read(png_with(plain, note)).profile is not None


# ---- JPEG ----


def made_anew(whole: bytes) -> bytes:
    """The pixels of a JPEG that is encoded once more: what has its end and nothing odd is sent as it is."""
    return opened(encoded(opened(whole).convert("RGB"), "image/jpeg").data).tobytes()


def jpeg(**options: object) -> bytes:
    return saved(patches(), "JPEG", quality=95, **options)


@pytest.mark.parametrize(
    "note",
    [
        pytest.param(segment(0xFE, bytes(65_000)) * 20, id="a comment of a megabyte"),
        pytest.param(segment(0xE1, b"Exif\0\0MM\0*\xff\xff\xff\xff"), id="EXIF that leads nowhere"),
        pytest.param(segment(0xE1, b"Exif\0\0" + b"\xff" * 500), id="EXIF of noise"),
        pytest.param(segment(0xE2, b"ICC_PROFILE\0\2\3" + bytes(400)), id="the second piece of a profile"),
        pytest.param(segment(0xE2, b"ICC_PROFILE\0"), id="a profile of nothing"),
        pytest.param(segment(0xE2, b"MPF\0" + b"\xff" * 90), id="a list of pictures that is none"),
        pytest.param(segment(0xED, b"Photoshop 3.0\0" + b"8BIM" * 40), id="Photoshop's notes"),
        pytest.param(segment(0xE0, b"JFIF\0"), id="half of a JFIF header"),
        pytest.param(b"\xff\xe5\0\0", id="a segment without a length"),
        pytest.param(segment(0xFE, b"x") + b"garbage", id="bytes between segments"),
        pytest.param(b"\xff\xff\xff", id="fill"),
    ],
)
def test_a_note_in_a_jpeg_refuses_no_picture(note: bytes) -> None:
    assert farthest(seen_patches(sent(jpeg_with(jpeg(), note)))) <= 3


@pytest.mark.parametrize("note", [segment(0xFE, b"x" * 99), segment(0xE1, b"Exif\0\0MM\0*"), segment(0xED, b"Photoshop 3.0\0")])
def test_no_note_of_a_jpeg_reaches_the_decoder(note: bytes) -> None:
    assert content.read(jpeg_with(jpeg(), note)).pixels == content.read(jpeg()).pixels


@pytest.mark.parametrize(
    "options", [{}, {"progressive": True}, {"restart_marker_rows": 1}, {"subsampling": "4:2:0"}, {"optimize": True}]
)
@pytest.mark.parametrize("tail", [b"", b"\0" * 300, b"garbage" * 50, b"\xff\xd9\xff\xd9", b"\xff\xd8\xff\xe0trailing picture"])
def test_a_jpeg_without_its_end_or_with_more_behind_it_is_whole_when_its_pixels_are(
    options: dict[str, object], tail: bytes
) -> None:
    whole = jpeg(**options)

    assert sent(whole + tail).tobytes() == sent(whole).tobytes()
    if not tail.startswith(b"\xff"):
        assert sent(whole[:-2]).tobytes() == made_anew(whole)


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"restart_marker_rows": 1}])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9, 0.99])
@pytest.mark.parametrize("end", [b"", b"\xff"])
def test_a_jpeg_whose_pixels_break_off_is_refused(options: dict[str, object], share: float, end: bytes) -> None:
    whole = saved(pictures.product(900, 700), "JPEG", quality=90, **options)

    assert refused(whole[: int(len(whole) * share)] + end) == "damaged"


def test_of_a_jpeg_that_goes_on_behind_all_of_its_pixels_they_are_taken() -> None:
    whole, other = jpeg(), saved(pictures.product(400, 400), "JPEG")
    expected = made_anew(whole)
    scan = whole[whole.index(b"\xff\xda") : -2]

    assert sent(whole[:-2] + scan + whole[-2:]).tobytes() == expected
    assert sent(whole[:-2] + other).tobytes() == expected
    # What breaks off lacks pixels, whatever comes then.
    assert refused(whole[: -2 - len(scan) // 3] + other) == "damaged"


def test_a_jpeg_that_breaks_off_between_two_passes_is_refused() -> None:
    whole = saved(pictures.product(400, 400), "JPEG", progressive=True)
    starts = [at for at in range(len(whole)) if whole[at : at + 2] == b"\xff\xda"]

    assert refused(whole[: starts[-1]]) == "damaged"


def test_a_photo_keeps_its_turn_and_colours_among_notes() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = jpeg_with(
        saved(patches(), "JPEG", quality=95, exif=exif, icc_profile=display_p3()), segment(0xE1, b"http://ns.adobe.com/")
    )

    assert content.read(turned).orientation == 6
    assert content.read(turned).profile == display_p3()


@pytest.mark.parametrize("name", ["in-more-than-a-read", "progressive"])
def test_a_jpeg_with_arithmetic_coding_is_decoded(name: str) -> None:
    """By `cjpeg -arithmetic`, and larger than what is read at once of others."""
    data = (CASES.parents[1] / "corpus" / "faults" / f"taken-arithmetic-{name}.jpeg").read_bytes()
    assert len(data) > decoding._READ_BYTES

    assert prepare_for_provider(data).facts.width == 341


# ---- WebP, AVIF, HEIC, GIF ----


@pytest.mark.parametrize(
    ("chunk_", "flag"),
    [
        ((b"EXIF", b"\xff" * 99), 0x08),
        ((b"XMP ", b"<" * 70_000), 0x04),
        ((b"ICCP", b"profile" * 90), 0x20),
        ((b"ABCD", b"x" * 7), 0),
    ],
)
@pytest.mark.parametrize("options", [{"lossless": True}, {"quality": 90}])
def test_a_note_in_a_webp_refuses_no_picture(chunk_: tuple[bytes, bytes], flag: int, options: dict[str, object]) -> None:
    picture = patches()
    picture.putalpha(255)
    picture.paste((0, 0, 0, 0), (0, 0, 3, 3))
    webp = saved(picture, "WEBP", **options)

    assert farthest(seen_patches(sent(webp_with(webp, chunk_, flags=flag)))) <= 6


@pytest.mark.parametrize("options", [{"lossless": True}, {"quality": 90}])
@pytest.mark.parametrize("alpha", [False, True])
def test_a_webp_whose_picture_breaks_off_is_refused(options: dict[str, object], alpha: bool) -> None:
    picture = patches()
    if alpha:
        picture.putalpha(Image.linear_gradient("L").resize(picture.size))
    whole = saved(picture, "WEBP", **options)
    chunk_at = max(whole.find(b"VP8 "), whole.find(b"VP8L"))
    (length,) = struct.unpack_from("<I", whole, chunk_at + 4)
    longer = whole[: chunk_at + 4] + struct.pack("<I", length + 1000) + whole[chunk_at + 8 :]

    # How long the whole file is said to be is of no consequence.
    assert sent(whole[:4] + struct.pack("<I", 77) + whole[8:]) == sent(whole)
    for data in (whole[:-9], whole[: len(whole) // 2], longer):
        assert refused(data) == "damaged"
        with pytest.raises(ProblemError):
            inspect_upload(data, LIMIT)


def test_a_profile_of_a_webp_counts_only_behind_its_extended_header_as_in_chromium() -> None:
    webp = saved(patches(), "WEBP", icc_profile=display_p3())
    at = webp.index(b"VP8X")
    swapped = webp[:at] + webp[at + 18 :] + webp[at : at + 18]

    assert content.read(webp).profile == display_p3()
    assert content.read(swapped).profile is None
    assert content.read(swapped).facts == content.read(webp).facts


def test_notes_of_an_avif_and_a_heic_are_not_read() -> None:
    exif = Image.Exif()
    exif[0x010F] = "Camera-of-mine"
    avif = saved(patches(), "AVIF", quality=95, exif=exif, xmp=b"<broken")
    broken = avif.replace(exif.tobytes()[6:14], b"MM\0*\xff\xff\xff\xff")

    assert broken != avif
    assert farthest(seen_patches(sent(broken))) <= 5
    assert b"Exif" not in content.read(case("patches_turned.heic")).pixels[:400]


@pytest.mark.parametrize(
    "note",
    [
        pytest.param(b"\x21\xfe" + (b"\xff" + b"x" * 255) * 250 + b"\0", id="a comment"),
        pytest.param(b"\x21\xff\x0bICCRGBG1012" + (b"\xff" + b"x" * 255) * 9 + b"\0", id="a profile"),
        pytest.param(b"\x21\xff\x0bNETSCAPE2.0\1\1\0", id="how often it is played, broken"),
        pytest.param(b"\x21\xf9\3\1\1\0\0", id="a control that is too short"),
        pytest.param(b"\x21\xf9\0", id="a control of nothing"),
        pytest.param(b"\x21\1\2hi\0", id="a text"),
        pytest.param(b"\0\0\0", id="bytes of nothing"),
    ],
)
def test_a_note_in_a_gif_refuses_no_picture(note: bytes) -> None:
    gif = saved(patches().quantize(16), "GIF")
    at = 13 + (3 << (gif[10] & 7) + 1)

    assert farthest(seen_patches(sent(gif[:at] + note + gif[at:]))) <= 3
    assert farthest(seen_patches(sent(gif[:-1] + note + gif[-1:]))) <= 3


def test_a_gif_that_breaks_off_is_refused_unless_its_pixels_are_whole() -> None:
    gif = saved(pictures.product(300, 300).quantize(64), "GIF")

    assert sent(gif[:-1]) == sent(gif)
    for data in (gif[: len(gif) // 2], gif[:300], gif[:13], gif[:9]):
        assert refused(data) == "damaged"


def test_a_heic_without_a_picture_that_is_its_first_is_refused() -> None:
    assert refused(case("patches.heic").replace(b"hvcC", b"free", 1)) == "damaged"


@pytest.mark.parametrize("name", ["patches.heic", "patches_p3.heic"])
def test_a_heic_that_breaks_off_is_refused(name: str) -> None:
    whole = case(name)

    assert refused(whole[: len(whole) * 2 // 3]) == "damaged"


# ---- transparency in whatever way a PNG says it ----

RED, GREEN, WHITE = (255, 0, 0), (0, 255, 0), (255, 255, 255)


def wide(*values: int) -> bytes:
    return struct.pack(f">{len(values)}H", *values)


@pytest.mark.parametrize(
    ("png", "left", "right"),
    [
        pytest.param(raw_png(300, 300, 16, 0, wide(0x1234) * 150 + wide(0x1235) * 150, (b"tRNS", wide(0x1234))), WHITE, (18,) * 3, id="16-bit grey"),
        pytest.param(raw_png(300, 300, 16, 0, wide(0) * 150 + wide(0xC000) * 150, (b"tRNS", wide(0xC000))), (0,) * 3, WHITE, id="16-bit grey, light"),
        pytest.param(raw_png(300, 300, 16, 2, wide(0x1234, 0x5678, 0x9ABC) * 150 + wide(0x1234, 0x5678, 0x9ABD) * 150,
                             (b"tRNS", wide(0x1234, 0x5678, 0x9ABC))), WHITE, (18, 86, 154), id="16-bit RGB"),
        pytest.param(raw_png(300, 300, 16, 4, wide(0x8000, 0) * 150 + wide(0x2000, 0xFFFF) * 150), WHITE, (32,) * 3, id="16-bit grey with alpha"),
        pytest.param(raw_png(300, 300, 16, 6, wide(0, 0, 0, 0) * 150 + wide(0xFFFF, 0, 0, 0xFFFF) * 150), WHITE, RED, id="16-bit RGBA"),
        pytest.param(raw_png(320, 300, 1, 0, b"\xff" * 20 + b"\0" * 20, (b"tRNS", wide(1))), WHITE, (0,) * 3, id="1 bit"),
        pytest.param(raw_png(300, 300, 2, 0, b"\xaa" * 37 + b"\0" * 38, (b"tRNS", wide(2))), WHITE, (0,) * 3, id="2 bits"),
        pytest.param(raw_png(300, 300, 4, 0, b"\x77" * 75 + b"\x33" * 75, (b"tRNS", wide(7))), WHITE, (51,) * 3, id="4 bits"),
        pytest.param(raw_png(300, 300, 8, 0, b"\x77" * 150 + b"\x33" * 150, (b"tRNS", wide(0x77))), WHITE, (51,) * 3, id="8 bits"),
        pytest.param(raw_png(300, 300, 8, 2, b"\1\2\3" * 150 + b"\xff\0\0" * 150, (b"tRNS", wide(1, 2, 3))), WHITE, RED, id="RGB"),
        pytest.param(raw_png(300, 300, 8, 3, b"\0" * 150 + b"\1" * 150, (b"PLTE", bytes([9, 9, 9, *GREEN])), (b"tRNS", b"\0")), WHITE, GREEN, id="palette"),
        pytest.param(raw_png(320, 300, 1, 3, b"\0" * 20 + b"\xff" * 20, (b"PLTE", bytes([9, 9, 9, *GREEN])), (b"tRNS", b"\0")), WHITE, GREEN, id="palette of 1 bit"),
        pytest.param(raw_png(300, 300, 8, 3, b"\0" * 150 + b"\1" * 150, (b"tRNS", b"\0"), (b"PLTE", bytes([*RED, *GREEN]))), RED, GREEN, id="before its palette: none"),
    ],
)  # fmt: skip
def test_what_is_transparent_stands_on_white_and_the_rest_stays(
    png: bytes, left: tuple[int, ...], right: tuple[int, ...]
) -> None:
    picture = sent(png)

    assert (picture.getpixel((20, 150)), picture.getpixel((290, 150))) == (left, right)


def test_a_transparency_with_a_wrong_checksum_is_none() -> None:
    header, *_ = [raw_png(300, 300, 8, 0, b"\x30" * 150 + b"\xc8" * 150)]

    assert sent(png_with(header, chunk(b"tRNS", wide(0x30), is_whole=False))).getpixel((20, 150)) == (48, 48, 48)


# ---- which way is up ----


@pytest.mark.parametrize(("kind", "turns"), [("JPEG", True), ("PNG", True), ("AVIF", True), ("WEBP", False)])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_is_turned_where_browsers_turn_it(kind: str, turns: bool, orientation: int) -> None:
    """Chromium 156 obeys the EXIF of JPEG and PNG and an AVIF's own boxes, which Pillow writes, and no EXIF of WebP."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    drawn = pictures._drawing(320, 240)
    drawn.paste((255, 255, 0), (0, 0, 80, 60))
    options = {"lossless": True} if kind == "WEBP" else {"quality": 95} if kind != "PNG" else {}
    picture = sent(saved(drawn, kind, exif=exif, **options))
    corner = {1: (0, 0), 2: (1, 0), 3: (1, 1), 4: (0, 1), 5: (0, 0), 6: (1, 0), 7: (1, 1), 8: (0, 1)}[orientation if turns else 1]

    assert (picture.width > picture.height) == (orientation < 5 or not turns)
    yellow = picture.getpixel((10 + corner[0] * (picture.width - 20), 10 + corner[1] * (picture.height - 20)))
    assert farthest([yellow], [(255, 255, 0)]) <= 8  # type: ignore[list-item]
