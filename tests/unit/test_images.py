"""Pictures on their way in and out: what is taken, what a provider gets, what is refused and why."""

import contextlib
import io
import random
import warnings

import pytest
from PIL import Image, ImageChops, ImageDraw, ImageFile, ImageStat, PngImagePlugin

from shared.domain.image_kind import EXTENSIONS, sniff_image
from shared.domain.problem import ProblemError
from shared.pictures.encode import encoded
from shared.pictures.facts import EncodedImage, ImageFacts
from shared.pictures.prepare import prepare_for_provider
from shared.pictures.results import THUMBNAIL_SIDE_PX, read_result, with_visible_label
from shared.pictures.upload import inspect_upload
from shared.provenance import VISIBLE_LABEL
from tests import pictures

LIMIT = 5 * 1024 * 1024
#: Of a thumbnail from what the finest filter makes, root mean square, of 255. At the sizes where each is worst Pillow's usual
#: filter, BICUBIC, comes to 9, BILINEAR to 20, HAMMING to 29, BOX to 41.
MOST_DIFFERENCE = 10.0
BLUE, RED = (40, 80, 200), (200, 50, 50)
TEXT = b"This is not a picture.\n" * 40
EVERY_KIND = [
    pytest.param(pictures.png_with_alpha, "image/png", id="PNG"),
    pytest.param(pictures.photo_jpeg, "image/jpeg", id="JPEG"),
    pytest.param(pictures.webp, "image/webp", id="WebP"),
]


def saved(picture: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def two_colours(mode: str, size: tuple[int, int], colour: object, other: object = 0) -> Image.Image:
    """A picture that is not blank: its right third has another colour."""
    picture = Image.new(mode, size, colour)  # type: ignore[arg-type]
    picture.paste(other, (size[0] * 2 // 3, 0, *size) if size[0] > 2 else (0, size[1] * 2 // 3, *size))  # type: ignore[arg-type]
    return picture


def opened(data: bytes | EncodedImage) -> Image.Image:
    picture = Image.open(io.BytesIO(data.data if isinstance(data, EncodedImage) else data))
    picture.load()
    return picture


def near(pixel: object, colour: tuple[int, int, int], tolerance: int = 12) -> bool:
    assert isinstance(pixel, tuple)
    return all(abs(a - b) <= tolerance for a, b in zip(pixel, colour, strict=True))


def refused(code: str, call: object, *arguments: object) -> ProblemError:
    with pytest.raises(ProblemError) as caught:
        call(*arguments)  # type: ignore[operator]
    assert caught.value.problem.code == code
    return caught.value


# ---- what a file is ----


@pytest.mark.parametrize(("make", "content_type"), EVERY_KIND)
def test_an_upload_is_what_its_first_bytes_say(make, content_type) -> None:
    data = make(320, 200)

    assert sniff_image(data[:12]) == content_type
    assert inspect_upload(data, LIMIT) == ImageFacts(content_type, 320, 200)
    assert content_type in EXTENSIONS


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(TEXT, id="text named photo.png"),
        pytest.param(b"GIF89a" + bytes(60), id="a GIF's first bytes alone"),
        pytest.param(b"BM" + bytes(60), id="BMP"),
        pytest.param(b"%PDF-1.7\n", id="PDF"),
        pytest.param(b"<svg xmlns='http://www.w3.org/2000/svg'/>", id="SVG"),
        pytest.param(b"RIFF\x10\0\0\0WAVEfmt ", id="RIFF that is sound"),
        pytest.param(b"\0\0\0\x20ftypavif", id="an AVIF's first bytes alone"),
        pytest.param(b"\x89PNG\r\n", id="half a signature"),
        pytest.param(b"\x89PNG\r\n\x1a\n", id="a signature alone"),
        pytest.param(b"\x89PNG\r\n\x1a\n" + bytes(200), id="a signature and zeros"),
        pytest.param(b"\xff\xd8\xff", id="a JPEG's first bytes alone"),
        pytest.param(b"\xff\xd8\xff\xe0" + TEXT, id="a JPEG's first bytes and text"),
        pytest.param(b"RIFF\x10\0\0\0WEBPVP8 " + bytes(20), id="a WebP's first bytes alone"),
    ],
)
def test_what_is_no_picture_is_unsupported_everywhere(data: bytes) -> None:
    refused("unsupported_image", inspect_upload, data, LIMIT)
    refused("unsupported_image", prepare_for_provider, data)
    assert refused("provider_bad_response", read_result, data).problem.charged == "yes"


def test_an_upload_may_have_the_limits_bytes_and_not_one_more() -> None:
    data = pictures.photo_jpeg(64, 64)

    assert inspect_upload(data, len(data)).width == 64
    refused("image_too_large", inspect_upload, data, len(data) - 1)


def test_an_upload_that_is_too_large_is_told_the_limits() -> None:
    detail = refused("image_too_large", inspect_upload, bytes(LIMIT + 1), LIMIT).problem.to_document("en")["detail"]

    assert "5 MB" in detail
    assert "40 megapixels" in detail


def test_forty_megapixels_are_taken_and_more_are_not() -> None:
    assert inspect_upload(saved(Image.new("1", (8000, 5000)), "PNG"), LIMIT).width == 8000
    refused("image_too_large", inspect_upload, saved(Image.new("1", (8000, 5001)), "PNG"), LIMIT)


def test_a_bomb_is_refused_by_its_header_without_being_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    def unpack(picture: ImageFile.ImageFile) -> None:
        # No error, which would be one of a decoder's.
        pytest.fail(f"unpacks {picture.size}")

    monkeypatch.setattr(ImageFile.ImageFile, "load", unpack)
    bomb = pictures.bomb_png(30_000)

    assert len(bomb) < 10_000
    refused("image_too_large", inspect_upload, bomb, LIMIT)
    refused("provider_bad_response", read_result, bomb)


# ---- what a provider gets ----


@pytest.mark.parametrize(("content_type", "kind"), [("image/jpeg", "JPEG"), ("image/png", "PNG")])
def test_what_a_picture_was_opened_with_is_not_written(content_type: str, kind: str) -> None:
    """A second line behind taking uploads apart: Pillow would write what it finds beside the pixels."""
    picture = two_colours("RGB", (300, 300), BLUE)
    picture.info |= {"comment": b"at 37.5 N", "transparency": BLUE, "icc_profile": b"of mine"}
    written = encoded(picture, content_type)

    assert b"37.5" not in written.data
    assert opened(written).format == kind
    assert not {"comment", "transparency", "icc_profile"} & set(opened(written).info)


@pytest.mark.parametrize(("make", "content_type"), EVERY_KIND)
def test_a_png_stays_a_png_and_the_rest_becomes_a_jpeg(make, content_type) -> None:
    prepared = prepare_for_provider(make(400, 300))

    expected = "image/png" if content_type == "image/png" else "image/jpeg"
    assert prepared.facts == ImageFacts(expected, 400, 300)
    assert sniff_image(prepared.data) == expected
    assert opened(prepared).mode == "RGB"
    assert opened(prepared).size == (400, 300)


@pytest.mark.parametrize(
    ("given", "size"),
    [
        ((1024, 1024), (1024, 1024)),
        ((1025, 700), (1024, 699)),
        ((4000, 3000), (1024, 768)),
        ((700, 2800), (256, 1024)),
        ((300, 256), (300, 256)),
        ((100, 100), (256, 256)),
        ((128, 200), (256, 400)),
        ((1, 3), (256, 768)),
        ((40, 400), (102, 1024)),
        ((2000, 3), (1024, 2)),
        ((5000, 1), (1024, 1)),
    ],
)
def test_the_longer_side_is_at_most_1024_and_the_shorter_at_least_256_where_that_allows(
    given: tuple[int, int], size: tuple[int, int]
) -> None:
    assert opened(prepare_for_provider(saved(two_colours("RGB", given, BLUE), "PNG"))).size == size
    assert opened(prepare_for_provider(saved(two_colours("RGB", given, BLUE), "JPEG"))).size == size


#: Where the blue half (above, for the photographer's camera) lies once the picture is upright.
ORIENTATIONS = [(1, "top"), (2, "top"), (3, "bottom"), (4, "bottom"), (5, "left"), (6, "right"), (7, "right"), (8, "left")]
POINTS = {"top": (0.5, 0.1), "bottom": (0.5, 0.9), "left": (0.1, 0.5), "right": (0.9, 0.5)}
OPPOSITE = {"top": "bottom", "bottom": "top", "left": "right", "right": "left"}


@pytest.mark.parametrize(("orientation", "blue_side"), ORIENTATIONS)
def test_a_photo_held_any_way_arrives_upright(orientation: int, blue_side: str) -> None:
    upright = opened(prepare_for_provider(pictures.photo_jpeg(640, 480, exif_orientation=orientation)))

    assert upright.size == ((640, 480) if orientation < 5 else (480, 640))
    for side, colour in ((blue_side, BLUE), (OPPOSITE[blue_side], RED)):
        x, y = POINTS[side]
        assert near(upright.getpixel((int(upright.width * x), int(upright.height * y))), colour), side


def test_an_orientation_that_does_not_exist_is_ignored() -> None:
    assert opened(prepare_for_provider(pictures.photo_jpeg(640, 480, exif_orientation=99))).size == (640, 480)


def test_what_is_transparent_becomes_white() -> None:
    picture = opened(prepare_for_provider(pictures.png_with_alpha(400, 400)))

    assert picture.getpixel((5, 5)) == (255, 255, 255)
    assert picture.getpixel((200, 200)) == (20, 160, 90)


def test_half_transparent_is_half_white() -> None:
    picture = opened(prepare_for_provider(saved(two_colours("RGBA", (300, 300), (200, 0, 0, 128)), "PNG")))

    assert near(picture.getpixel((9, 9)), (227, 127, 127), 2)


def test_a_colour_of_a_palette_that_is_transparent_becomes_white() -> None:
    palette = Image.new("P", (300, 300), 0)
    palette.putpalette([255, 0, 0, 0, 0, 255])
    palette.paste(1, (150, 0, 300, 300))
    picture = opened(prepare_for_provider(saved(palette, "PNG", transparency=0)))

    assert (picture.getpixel((10, 10)), picture.getpixel((290, 10))) == ((255, 255, 255), (0, 0, 255))


GREY = (128, 128, 128)


@pytest.mark.parametrize(
    ("mode", "colour", "other", "kind", "expected"),
    [
        ("L", 128, 0, "PNG", GREY), ("L", 128, 0, "JPEG", GREY), ("1", 1, 0, "PNG", (255, 255, 255)),
        ("LA", (128, 255), (0, 255), "PNG", GREY), ("I;16", 128 * 257, 0, "PNG", GREY),
        ("I;16", 65535, 0, "PNG", (255, 255, 255)), ("I;16", 300, 65535, "PNG", (1, 1, 1)),
        ("CMYK", (0, 255, 255, 0), (0, 0, 0, 0), "JPEG", (255, 0, 0)),
    ],
)  # fmt: skip
def test_a_colour_stays_itself_in_whatever_way_a_file_holds_it(mode, colour, other, kind, expected) -> None:
    picture = opened(prepare_for_provider(saved(two_colours(mode, (300, 300), colour, other), kind)))

    assert picture.mode == "RGB"
    assert near(picture.getpixel((150, 150)), expected, 2)


def test_no_metadata_reaches_a_provider() -> None:
    exif = Image.Exif()
    exif[0x010F] = "Camera-of-mine"
    exif.get_ifd(0x8825)[1] = "N"
    text = PngImagePlugin.PngInfo()
    text.add_text("Comment", "home address")
    plain = two_colours("RGB", (300, 300), BLUE)
    for data in (
        saved(plain, "JPEG", exif=exif, comment=b"home address", icc_profile=b"profile" * 30, xmp=b"<x:xmpmeta/>"),
        saved(plain, "PNG", exif=exif, pnginfo=text, icc_profile=b"profile" * 30),
        saved(plain, "WEBP", exif=exif, xmp=b"<x:xmpmeta/>"),
    ):
        prepared = prepare_for_provider(data)
        assert not opened(prepared).getexif()
        assert set(opened(prepared).info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
        for trace in (b"Camera-of-mine", b"home address", b"profile", b"xmpmeta"):
            assert trace not in prepared.data


@pytest.mark.parametrize(("make", "content_type"), EVERY_KIND)
def test_a_file_that_breaks_off_is_unsupported(make, content_type) -> None:
    whole = make(800, 600)

    refused("unsupported_image", prepare_for_provider, whole[: len(whole) // 2])
    assert refused("provider_bad_response", read_result, whole[: len(whole) // 2]).problem.charged == "yes"


def test_a_truncated_photo_passes_the_look_at_its_header_and_fails_when_decoded() -> None:
    assert inspect_upload(pictures.truncated_jpeg(), LIMIT).width == 800
    refused("unsupported_image", prepare_for_provider, pictures.truncated_jpeg())


def inspected(data: bytes) -> ImageFacts:
    return inspect_upload(data, LIMIT)


@pytest.mark.parametrize("call", [inspected, prepare_for_provider, read_result])
@pytest.mark.parametrize(("make", "content_type"), EVERY_KIND)
def test_random_damage_is_either_survived_or_told_as_a_problem(make, content_type, call) -> None:
    whole, chance = make(300, 300), random.Random(7)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's remarks on what it repairs
        for _ in range(60):
            data = bytearray(whole)
            for _ in range(chance.randint(1, 6)):
                data[chance.randrange(12, min(len(data), 400))] = chance.randrange(256)
            with contextlib.suppress(ProblemError):
                facts = inspected(bytes(data))
                if facts.width * facts.height < 1_000_000:
                    call(bytes(data))


def test_a_photo_whose_orientation_is_of_any_type_is_taken_all_the_same() -> None:
    whole = pictures.photo_jpeg(300, 300, exif_orientation=6)
    entry = whole.index(b"\x01\x12\x00\x03")  # the tag, and that it is a SHORT
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for kind in range(14):
            data = whole[: entry + 3] + bytes([kind]) + whole[entry + 4 :]
            assert prepare_for_provider(data).facts.content_type == "image/jpeg"


def test_a_photo_whose_exif_cannot_be_read_is_taken_as_it_lies() -> None:
    whole = pictures.photo_jpeg(400, 300, exif_orientation=6)

    assert prepare_for_provider(whole.replace(b"Exif\0\0MM\0*", b"Exif\0\0??\0?")).facts == ImageFacts("image/jpeg", 400, 300)


# ---- what comes back ----


@pytest.mark.parametrize(("make", "content_type"), EVERY_KIND)
def test_a_result_is_decoded_and_described(make, content_type) -> None:
    assert read_result(make(640, 360))[0] == ImageFacts(content_type, 640, 360)


@pytest.mark.parametrize(
    ("given", "size"), [((1024, 1024), (384, 384)), ((1600, 900), (384, 216)), ((200, 100), (200, 100)), ((90, 2000), (17, 384))]
)
def test_a_thumbnail_is_a_small_jpeg_of_the_same_shape(given: tuple[int, int], size: tuple[int, int]) -> None:
    for kind in ("PNG", "JPEG"):
        _, small = read_result(saved(Image.new("RGB", given, RED), kind))

        assert small.facts == ImageFacts("image/jpeg", *size)
        assert opened(small).size == size
        assert max(size) <= THUMBNAIL_SIDE_PX
        assert near(opened(small).getpixel((size[0] // 2, size[1] // 2)), RED)


@pytest.mark.parametrize("size", [(1024, 1024), (1104, 944), (1568, 672), (2048, 2048)])
def test_a_thumbnail_of_a_screentone_is_close_to_what_the_finest_filter_makes(size: tuple[int, int]) -> None:
    tone = screentone(size)

    small = opened(read_result(saved(tone, "PNG"))[1])
    assert difference(small, tone.resize(small.size, Image.Resampling.LANCZOS)) < MOST_DIFFERENCE


def screentone(size: tuple[int, int]) -> Image.Image:
    """A black dot every six pixels: finer and more regular than pictures.screentone_page, which hardly tells filters apart."""
    cell = Image.new("L", (6, 6), "white")
    ImageDraw.Draw(cell).ellipse((0, 0, 3, 3), fill="black")
    rows = [(cell.crop((0, y, 6, y + 1)).tobytes() * size[0])[: size[0]] for y in range(6)]
    return Image.frombytes("L", size, b"".join(rows[y % 6] for y in range(size[1]))).convert("RGB")


def difference(one: Image.Image, other: Image.Image) -> float:
    return ImageStat.Stat(ImageChops.difference(one, other).convert("L")).rms[0]


def test_a_thumbnail_of_a_transparent_picture_stands_on_white() -> None:
    assert near(opened(read_result(pictures.png_with_alpha(500, 500))[1]).getpixel((3, 3)), (255, 255, 255))


@pytest.mark.parametrize("size", [(1024, 1024), (1392, 752), (512, 900)])
def test_a_visible_label_changes_the_lower_right_corner_and_nothing_else(size: tuple[int, int]) -> None:
    before = saved(Image.new("RGB", size, BLUE), "PNG")
    after = with_visible_label(before, VISIBLE_LABEL)
    changed = ImageChops.difference(opened(before), opened(after)).getbbox()

    assert sniff_image(after) == "image/png"
    assert opened(after).size == size
    assert changed is not None
    assert changed[0] > size[0] * 0.6
    assert changed[1] > size[1] * 0.9
    assert changed[2] <= size[0]
    assert changed[3] <= size[1]


@pytest.mark.parametrize(("make", "content_type"), EVERY_KIND)
def test_a_labelled_picture_keeps_its_format_and_its_colours(make, content_type) -> None:
    before = make(800, 600) if content_type != "image/png" else saved(Image.new("RGB", (800, 600), BLUE), "PNG")
    after = with_visible_label(before, VISIBLE_LABEL)

    assert sniff_image(after) == content_type
    assert opened(after).size == (800, 600)
    assert near(opened(after).convert("RGB").getpixel((100, 60)), BLUE)


def test_a_label_fits_on_a_picture_that_is_smaller_than_itself() -> None:
    assert opened(with_visible_label(saved(Image.new("RGB", (16, 16), BLUE), "PNG"), VISIBLE_LABEL)).size == (16, 16)
