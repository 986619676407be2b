"""A JPEG that is already what a provider gets keeps its pixels' data: made anew it would lose a little, and be larger."""

import pytest
from PIL import Image, ImageChops, ImageCms

from shared.domain.problem import ProblemError
from shared.pictures import content
from shared.pictures.common_jpeg import is_common
from shared.pictures.prepare import prepare_for_provider
from tests import pictures
from tests.picture_files import case, display_p3, jpeg_with, opened, saved, segment, with_scans

PICTURE = opened(pictures.photo_jpeg(600, 400))
ON_ITS_SIDE = b"Exif\0\0MM\0*\0\0\0\x08\0\1\1\x12\0\3\0\0\0\1\0\6\0\0\0\0\0\0"
COMMON = [
    {},
    {"subsampling": "4:4:4"},
    {"subsampling": "4:2:2"},
    {"subsampling": "4:2:0"},
    {"optimize": True},
    {"quality": 30},
    {"icc_profile": ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()},
]


def named(components: bytes, transform: int) -> bytes:
    """A JPEG whose components are called so, with Adobe's marker in the place of JFIF's."""
    data = saved(PICTURE, "JPEG", subsampling="4:4:4")
    jfif = data[2:20]
    assert jfif[4:9] == b"JFIF\0"
    data = data.replace(jfif, segment(0xEE, b"Adobe\0\x64\0\0\0\0" + bytes([transform])))
    frame, scan = data.index(b"\xff\xc0") + 10, data.index(b"\xff\xda") + 5
    renamed = bytearray(data)
    renamed[frame : frame + 9 : 3], renamed[scan : scan + 6 : 2] = components, components
    return bytes(renamed)


def kept(data: bytes) -> bool:
    return prepare_for_provider(data).data == content.read(data).pixels


@pytest.mark.parametrize("options", COMMON)
def test_what_is_common_keeps_each_pixel(options: dict[str, object]) -> None:
    data = saved(PICTURE, "JPEG", **options)
    prepared = prepare_for_provider(data)

    assert kept(data)
    assert opened(prepared.data).tobytes() == opened(data).tobytes()
    assert prepared.facts == ("image/jpeg", 600, 400)
    assert "icc_profile" not in opened(prepared.data).info


@pytest.mark.parametrize("times", [1, 2])
def test_nothing_but_the_picture_is_kept_however_often(times: int) -> None:
    notes = (
        segment(0xE1, b"Exif\0\0MM\0*\0\0\0\x08\0\0SECRET"),
        segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0SECRET"),
        segment(0xED, b"Photoshop 3.0\0SECRET"),
        segment(0xFE, b"SECRET"),
        segment(0xE0, b"JFXX\0\x13\x01\x01SECRET"),
    )
    data = jpeg_with(saved(PICTURE, "JPEG"), b"".join(notes)) + b"SECRET"
    sent = data
    for _ in range(times):
        sent = prepare_for_provider(sent).data

    assert b"SECRET" in data
    assert b"SECRET" not in sent
    assert sent == content.read(data).pixels


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(saved(PICTURE, "JPEG", exif=ON_ITS_SIDE), id="lies on its side"),
        pytest.param(saved(PICTURE, "JPEG", icc_profile=display_p3()), id="colours of another profile"),
        pytest.param(saved(PICTURE.convert("CMYK"), "JPEG"), id="inks"),
        pytest.param(saved(PICTURE.convert("L"), "JPEG"), id="greys"),
        pytest.param(saved(PICTURE, "JPEG", keep_rgb=True), id="red, green and blue"),
        pytest.param(saved(PICTURE, "JPEG", progressive=True), id="progressive"),
        pytest.param(saved(PICTURE, "JPEG")[:-2], id="without its end"),
        pytest.param(case("four_one_one.jpg"), id="a colour for four pixels in a row"),
        pytest.param(case("three_scans.jpg"), id="a scan for each component"),
        pytest.param(case("arithmetic.jpg"), id="arithmetic coding"),
        pytest.param(named(b"\1\2\3", transform=0), id="red, green and blue, as only Adobe's marker says"),
        pytest.param(named(b"ABC", transform=1), id="components by other names"),
        pytest.param(saved(PICTURE, "JPEG", restart_marker_rows=1), id="with restarts"),
        pytest.param(with_scans(saved(PICTURE, "JPEG"), 1), id="a scan more than it needs"),
        pytest.param(saved(PICTURE.resize((1200, 800)), "JPEG"), id="larger than what is sent"),
        pytest.param(saved(PICTURE.resize((200, 200)), "JPEG"), id="smaller than what is sent"),
    ],
)  # fmt: skip
def test_what_is_anything_else_is_made_anew(data: bytes) -> None:
    sent = prepare_for_provider(data).data

    assert not kept(data)
    assert is_common(content.read(sent).pixels)
    assert opened(sent).mode == "RGB"


PLAIN = saved(PICTURE, "JPEG")
SCAN = PLAIN.index(b"\xff\xda")
CODES = SCAN + 14
SIZE = PLAIN.index(b"\xff\xc0") + 5
HALF = (CODES + len(PLAIN)) // 2
SECRET = b"SECRET" * 20


def sent_unless_damaged(data: bytes) -> bytes:
    try:
        return prepare_for_provider(data).data
    except ProblemError:
        return b""


def with_bytes(at: int, *values: int) -> bytes:
    return PLAIN[:at] + bytes(values) + PLAIN[at + len(values) :]


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(PLAIN[:-2] + SECRET + PLAIN[-2:], id="behind the last code"),
        pytest.param(PLAIN[:-2] + b"\xff\xd0" + SECRET + PLAIN[-2:], id="behind a restart"),
        pytest.param(jpeg_with(PLAIN, segment(0xEE, b"Adobe\0\x64\0\0\0\0\1" + SECRET)), id="in Adobe's marker"),
        pytest.param(jpeg_with(PLAIN, segment(0xEE, b"Adobe" + SECRET[:6])), id="in half of Adobe's marker"),
        pytest.param(jpeg_with(PLAIN, segment(0xE0, b"JFIF\0" + SECRET[:6])), id="in half of JFIF's"),
        pytest.param(jpeg_with(PLAIN, segment(0xDC, SECRET)), id="in a number of lines"),
        pytest.param(jpeg_with(PLAIN, segment(0xCC, b"\0\x01" + SECRET)), id="in conditions of arithmetic coding"),
        pytest.param(jpeg_with(PLAIN, segment(0xDB, b"\3" + SECRET[:64])), id="in a quantizer that nothing uses"),
        pytest.param(jpeg_with(PLAIN, segment(0xDB, b"\0" + SECRET[:64])), id="in a quantizer that another replaces"),
        pytest.param(jpeg_with(PLAIN, segment(0xC4, b"\3\6" + bytes(15) + SECRET[:6])), id="in codes that nothing uses"),
    ],
)
def test_no_note_hides_in_what_is_kept(data: bytes) -> None:
    assert b"SECRET" not in sent_unless_damaged(data)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(PLAIN[:HALF] + PLAIN[HALF + 500 :], id="bytes missing"),
        pytest.param(with_bytes(SIZE, 3, 32), id="twice as high as its data"),
        pytest.param(with_bytes(SIZE, 1, 44), id="less high than its data"),
        pytest.param(with_bytes(SCAN + 11, 5), id="not from the first coefficient on"),
        pytest.param(with_bytes(SCAN + 12, 9), id="not to the last"),
        pytest.param(with_bytes(SCAN + 13, 0x21), id="not to the last bit"),
        pytest.param(PLAIN[:HALF] + b"\xff\xd0" + PLAIN[HALF:], id="a restart that nothing tells of"),
        pytest.param(jpeg_with(PLAIN, segment(0xDB, b"") * 100), id="tables without a table"),
    ],
)
def test_what_is_odd_inside_goes_as_it_was_seen(data: bytes) -> None:
    """Another decoder may refuse it, after it was sent."""
    sent = sent_unless_damaged(data)

    assert sent != content.read(data).pixels
    assert not sent or is_common(content.read(sent).pixels)


@pytest.mark.parametrize("fill", [b"", b"\xff", b"\xff\xff"])
@pytest.mark.parametrize("missing", [1, 2, 3, 5, 8, 15, 100])
def test_what_lacks_a_few_codes_is_never_kept(missing: int, fill: bytes) -> None:
    """They may be those of pixels that nobody sees, and another decoder counts them."""
    data = PLAIN[: -2 - missing].rstrip(b"\xff") + fill + PLAIN[-2:]

    assert sent_unless_damaged(data) != content.read(data).pixels


def test_wherever_codes_break_off_none_is_kept() -> None:
    """Also at the right of a row, where little of the next one is there to be told by."""
    figure = saved(opened(case("ref_srgb.png")).convert("RGB").resize((1024, 688)), "JPEG", quality=75)
    cuts = [figure[: -2 - missing].rstrip(b"\xff") + figure[-2:] for missing in range(20, 8000, 61)]

    assert len(cuts) > 120
    assert [data for data in cuts if sent_unless_damaged(data) == content.read(data).pixels] == []


@pytest.mark.parametrize("options", [{}, {"keep_rgb": True}, {"restart_marker_rows": 4}])
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize("end", [b"", b"\xff", b"\xff\xd9", b"\xff\xff\xd9"])
def test_half_a_picture_is_refused_whether_or_not_it_says_that_it_ends(mode: str, options: dict[str, object], end: bytes) -> None:
    whole = saved(PICTURE.resize((1600, 1200)).convert(mode), "JPEG", **options)

    with pytest.raises(ProblemError) as caught:
        prepare_for_provider(whole[: len(whole) * 6 // 10].rstrip(b"\xff") + end)
    assert (caught.value.problem.code, caught.value.problem.params) == ("unsupported_image", {"found": "damaged"})


@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_a_picture_that_ends_in_grey_is_whole(mode: str) -> None:
    picture = PICTURE.convert(mode)
    picture.paste(128 if mode == "L" else (128, 128, 128), (0, 200, 600, 400))
    data = saved(picture, "JPEG")

    assert opened(data).getpixel((599, 399)) in (128, (128, 128, 128))
    assert prepare_for_provider(data).facts[1:] == (600, 400)


@pytest.mark.parametrize("note", [segment(0xEE, b"Adobe\0\x64\0\0\0\0\1" + SECRET), segment(0xDC, SECRET)])
def test_no_note_in_a_marker_reaches_a_decoder(note: bytes) -> None:
    assert SECRET not in content.read(jpeg_with(PLAIN, note)).pixels


@pytest.mark.parametrize("flips", range(12))
def test_a_flipped_byte_inside_is_kept_only_where_the_codes_still_come_out(flips: int) -> None:
    at = CODES + 40 + flips * ((len(PLAIN) - CODES - 100) // 12)
    if 0xFF in PLAIN[at - 1 : at + 1]:
        at += 2
    data = with_bytes(at, PLAIN[at] ^ 0x5A if PLAIN[at] != 0xA5 else 0x11)

    pixels = content.read(data).pixels
    with_other_end = pixels[:-2] + b"\x55\xaa" * 50 + b"\xff\xd9"
    assert sent_unless_damaged(data) != pixels or opened(data).tobytes() == opened(with_other_end).tobytes()


def test_what_takes_more_than_a_megabyte_is_made_anew() -> None:
    noise = Image.effect_noise((1024, 1024), 90)
    picture = Image.merge("RGB", (noise, ImageChops.offset(noise, 300), ImageChops.offset(noise, 600)))
    data = saved(picture, "JPEG", quality=100, subsampling="4:4:4")

    assert len(data) > 1024 * 1024
    assert is_common(content.read(data).pixels)
    assert not kept(data)
