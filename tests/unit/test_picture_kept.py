"""A JPEG that is already what a provider gets keeps its pixels' data: made anew it would lose a little, and be larger."""

import pytest
from PIL import Image, ImageChops, ImageCms

from shared.pictures import content
from shared.pictures.prepare import prepare_for_provider
from tests import pictures
from tests.picture_files import case, display_p3, jpeg_with, opened, saved, segment, with_scans

PICTURE = pictures.product(600, 400)
ON_ITS_SIDE = b"Exif\0\0MM\0*\0\0\0\x08\0\1\1\x12\0\3\0\0\0\1\0\6\0\0\0\0\0\0"
COMMON = [
    {},
    {"subsampling": "4:4:4"},
    {"subsampling": "4:2:2"},
    {"subsampling": "4:2:0"},
    {"optimize": True},
    {"restart_marker_rows": 1},
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
        pytest.param(with_scans(saved(PICTURE, "JPEG"), 1), id="a scan more than it needs"),
        pytest.param(saved(pictures.product(1200, 800), "JPEG"), id="larger than what is sent"),
        pytest.param(saved(pictures.product(200, 200), "JPEG"), id="smaller than what is sent"),
    ],
)  # fmt: skip
def test_what_is_anything_else_is_made_anew(data: bytes) -> None:
    sent = prepare_for_provider(data).data

    assert not kept(data)
    assert content.read(sent).is_common
    assert opened(sent).mode == "RGB"


def test_what_takes_more_than_a_megabyte_is_made_anew() -> None:
    noise = Image.effect_noise((1024, 1024), 90)
    picture = Image.merge("RGB", (noise, ImageChops.offset(noise, 300), ImageChops.offset(noise, 600)))
    data = saved(picture, "JPEG", quality=100, subsampling="4:4:4")

    assert len(data) > 1024 * 1024
    assert content.read(data).is_common
    assert not kept(data)
