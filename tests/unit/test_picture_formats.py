"""What is taken and what is refused by name; of an animation the first frame on which there is something."""

import bz2
import io
import lzma
import struct
import sys
import tarfile
import zipfile
import zlib

import pytest
from PIL import Image

from shared.domain import image_kind
from shared.domain.image_kind import EXTENSIONS, HEAD_BYTES, OTHER_FILES, name_other, prepared_type, sniff_image
from shared.domain.problem import ProblemError
from shared.pictures import decoding, limits
from shared.pictures.facts import Prepared
from shared.pictures.prepare import prepare_for_provider
from shared.pictures.upload import inspect_upload
from tests import pictures
from tests.pace import at_most
from tests.patience import PATIENCE
from tests.picture_files import (
    PATCHES,
    case,
    chunk,
    farthest,
    gif_frame,
    gif_of,
    opened,
    patches,
    png_with,
    saved,
    seen_patches,
)

LIMIT = 5 * 1024 * 1024


def packed(*names: str, text: str = "x") -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in names:
            archive.writestr(name, text)
    return buffer.getvalue()


def iso(*brands: bytes) -> bytes:
    body = brands[0] + b"\0\0\0\0" + b"".join(brands)
    return (8 + len(body)).to_bytes(4, "big") + b"ftyp" + body + bytes(200)


def tarred(name: str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.addfile(tarfile.TarInfo(name))
    return buffer.getvalue()


OTHERS = [
    (b"", "empty"), (bytes(100), ""), (b"%PDF-1.7\n%\xe2\xe3", "pdf"), (b"%!PS-Adobe-3.0 EPSF-3.0\n", "postscript"),
    (b"\xc5\xd0\xd3\xc6" + bytes(40), "postscript"), (b"8BPS\0\1" + bytes(40), "photoshop"), (b"8BPS\0\2" + bytes(40), "photoshop"),
    (b"CSFCHUNK" + bytes(40), "clip_studio"), (b"gimp xcf v011\0", "gimp"), (packed("mimetype", text="application/x-krita"), "krita"),
    (packed("Document.archive", "QuickLook/Thumbnail.png"), "procreate"), (b"II*\0" + bytes(40), "tiff"), (b"MM\0*" + bytes(40), "tiff"),
    (b"MM\0+" + bytes(40), "tiff"), (b"II*\0\x10\0\0\0CR\x02\0" + bytes(40), "raw"), (iso(b"crx ", b"isom"), "raw"),
    (b"FUJIFILMCCD-RAW 0201" + bytes(40), "raw"), (b"BM" + bytes(60), "bmp"), (saved(Image.new("RGB", (9, 9)), "BMP"), "bmp"),
    (b"\0\0\1\0\1\0" + bytes(40), "icon"), (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "svg"),
    (b"<?xml version='1.0'?>\n<!-- drawn -->\n<!DOCTYPE svg PUBLIC ''>\n<svg width='9'></svg>", "svg"), (b"\xff\x0a" + bytes(40), "jpeg_xl"),
    (b"\0\0\0\x0cJXL \r\n\x87\n" + bytes(40), "jpeg_xl"), (b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(40), "jpeg_2000"),
    (saved(Image.new("RGB", (99, 99)), "JPEG2000"), "jpeg_2000"), (b"\xff\x4f\xff\x51" + bytes(40), "jpeg_2000"),
    (iso(b"isom", b"mp41"), "video"), (iso(b"qt  "), "video"), (b"\0\0\0\x20moov" + bytes(40), "video"), (b"\x1aE\xdf\xa3" + bytes(40), "video"),
    (b"RIFF\x10\0\0\0AVI LIST", "video"), (b"RIFF\x10\0\0\0WAVEfmt ", "audio"), (b"ID3\4" + bytes(40), "audio"),
    (packed("[Content_Types].xml", "word/document.xml"), "office"), (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "office"),
    (packed("mimetype", text="application/hwp+zip"), "hangul"), (packed("a.png", "b.png"), "archive"), (b"Rar!\x1a\7\0", "archive"),
    (b"7z\xbc\xaf\x27\x1c" + bytes(20), "archive"), (b"\x1f\x8b\x08" + bytes(20), "archive"),
    (b"<!doctype html><html><body><img></body></html>", "html"), (b"\n <HTML lang=ko>", "html"), (b"This is not a picture.\n" * 40, "text"),
    ("그림이 아닙니다.\n".encode() * 400, "text"), ("\ufeff그림".encode("utf-16"), "text"), (bytes(range(256)), ""), (b"RIFF\x10\0\0\0ABCDfmt ", ""),
    (b"SAI-CANVAS-TYPE0" + bytes(40), "sai"), (b"mdipack\0" + bytes(40), "medibang"), (b"BLENDER-v279REND" + bytes(40), "blender"),
    (saved(Image.new("RGB", (9, 9)), "PPM"), "netpbm"), (saved(Image.new("L", (9, 9)), "PPM"), "netpbm"), (tarred("a.png"), "archive"),
    (tarred("BM.png"), "archive"), (lzma.compress(b"x"), "archive"), (bz2.compress(b"x"), "archive"), (bz2.compress(b""), "archive"),
    (iso(b"M4A ", b"mp42"), "audio"), (b"<!DOCTYPE svg PUBLIC '' '' [\n<!ENTITY ns_svg 'http://www.w3.org/2000/svg'>\n]>\n<svg/>", "svg"),
]  # fmt: skip


@pytest.mark.parametrize(("data", "name"), OTHERS, ids=lambda value: value if isinstance(value, str) else "")
def test_every_other_file_is_refused_by_name_in_both_languages(data: bytes, name: str) -> None:
    for call in (lambda: inspect_upload(data, LIMIT), lambda: prepare_for_provider(data)):
        with pytest.raises(ProblemError) as caught:
            call()
        problem = caught.value.problem
        assert (problem.code, problem.params["found"]) == ("unsupported_image", name)
    told, known = [problem.to_document(language)["detail"] for language in ("ko", "en")], OTHER_FILES[name]
    for detail, parts in zip(told, ((known.ko, known.advice_ko), (known.en, known.advice_en)), strict=True):
        assert all(part in detail for part in parts)


def test_every_name_of_a_file_is_given_to_one() -> None:
    ours = {"damaged", "too_complex", "heic_off", "heif_other"}

    assert {name for _, name in OTHERS} | ours == set(OTHER_FILES)


@pytest.mark.parametrize(
    ("start", "again"),
    [
        (b"", b"<!---->"), (b"", b"<!--"), (b"", b" "), (b"", b"<?xml ?>"), (b"", b"<?xml "), (b"<!DOCTYPE svg [", b"<!ENTITY a \"b\">"),
        (b"<!DOCTYPE svg", b" "), (b"<!DOCTYPE ", b" "), (b"P6\n", b"#\n"), (b"P6\n", b"1"), (b"P6\n", b"1 "), (b"P6 ", b"# "),
    ],
)  # fmt: skip
def test_what_a_file_is_takes_no_longer_the_more_its_beginning_repeats(start: bytes, again: bytes) -> None:
    data = (start + again * HEAD_BYTES)[: HEAD_BYTES - 1] + b"<"
    with at_most(0.5):
        name_other(data)

    # A head is named in about a millisecond; tried in every way it takes seconds at the least.


def test_a_heif_of_another_coding_is_named() -> None:
    assert name_other(iso(b"mif2", b"unci")) in ("heif_other", "video")
    assert sniff_image(iso(b"mif1", b"unci")) == "image/heif"


@pytest.mark.parametrize(
    ("head", "content_type"),
    [
        (iso(b"heic", b"mif1", b"heic"), "image/heic"), (iso(b"heix"), "image/heic"), (iso(b"mif1", b"heic"), "image/heif"),
        (iso(b"mif1", b"avif"), "image/avif"), (iso(b"avif"), "image/avif"), (iso(b"avis"), "image/avif"),
        (iso(b"isom", b"heic"), "image/heic"), (b"GIF87a" + bytes(20), "image/gif"), (iso(b"isom", b"mp42"), None),
    ],
)  # fmt: skip
def test_a_phones_picture_is_known_by_its_brands(head: bytes, content_type: str | None) -> None:
    assert sniff_image(head) == content_type


def test_names_of_files_follow_their_types() -> None:
    assert {prepared_type(content_type) for content_type in EXTENSIONS} == {"image/png", "image/jpeg"}
    assert [prepared_type(t) for t in ("image/png", "image/gif", "image/heic", "image/webp")] == ["image/png"] * 2 + [
        "image/jpeg"
    ] * 2


@pytest.mark.parametrize("kind", ["AVIF", "GIF", "WEBP", "PNG", "JPEG"])
def test_what_is_taken_is_prepared_as_its_type_says(kind: str) -> None:
    data = saved(patches().quantize(16) if kind == "GIF" else patches(), kind)
    facts = inspect_upload(data, LIMIT)
    sent = prepare_for_provider(data)

    assert (facts.width, facts.height) == (600, 400)
    assert sent.facts.content_type == prepared_type(facts.content_type)
    assert farthest(seen_patches(opened(sent.data))) <= 16


@pytest.mark.parametrize("name", ["patches.heic", "patches_turned.heic"])
def test_a_heic_is_refused_by_name_where_its_decoder_is_missing_and_all_else_works(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pi_heif", None)
    for call in (lambda: prepare_for_provider(case(name)), lambda: decoding.require_decoder("image/heic")):
        with pytest.raises(ProblemError) as caught:
            call()
        assert caught.value.problem.params["found"] == "heic_off"
    assert "which this server cannot read" in caught.value.problem.to_document("en")["detail"]
    decoding.require_decoder("image/avif")
    assert prepare_for_provider(pictures.photo_jpeg(300, 300)).facts.width == 300


def test_the_decoder_of_heic_is_loaded_when_it_is_first_needed() -> None:
    import subprocess

    code = (
        "import sys, shared.pictures.prepare as p, shared.pictures.upload as u; from tests import pictures, picture_files as f;"
        "p.prepare_for_provider(pictures.photo_jpeg(300, 300)); u.inspect_upload(f.case('patches.heic'), 10**6); print('pi_heif' in sys.modules);"
        "p.prepare_for_provider(f.case('patches.heic')); print('pi_heif' in sys.modules)"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=PATIENCE)

    assert told.stdout.split() == ["False", "True"]


# ---- animations ----


def animation(kind: str, blanks: int, mode: str = "RGB") -> bytes:
    blank = Image.new(mode, (600, 400), (0, 0, 0, 0) if mode == "RGBA" else "white")  # type: ignore[arg-type]
    frames = [blank.copy() for _ in range(blanks)]
    # Encoders join frames that are the same.
    for number, frame in enumerate(frames):
        frame.putpixel((number, 0), frame.getpixel((0, 0)))
    drawn = patches().convert(mode)
    options = {"lossless": True} if kind == "WEBP" else {}
    return saved(frames[0] if frames else drawn, kind, save_all=True, append_images=[*frames[1:], drawn, drawn.rotate(180)] if frames else [drawn.rotate(180)],
                 duration=[40 + n for n in range(max(2, blanks + 2 if frames else 2))], **options)  # fmt: skip


def codes(sent: Prepared) -> list[str]:
    return [warning["code"] for warning in sent.warnings]


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
@pytest.mark.parametrize("blanks", [0, 1])
@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_of_an_animation_the_first_frame_that_shows_something_is_sent(kind: str, blanks: int, mode: str) -> None:
    sent = prepare_for_provider(animation(kind, blanks, mode))

    assert farthest(seen_patches(opened(sent.data))) <= 6
    assert codes(sent) == (["image_first_frame"] if blanks else [])
    if blanks:
        assert sent.warnings[0]["params"] == {"frame": str(blanks + 1)}


def test_the_first_frame_of_an_animated_avif_is_sent() -> None:
    data = saved(patches(), "AVIF", save_all=True, append_images=[patches().rotate(180)], quality=95)

    assert farthest(seen_patches(opened(prepare_for_provider(data).data))) <= 6


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
def test_an_animation_of_blank_frames_is_unusable(kind: str) -> None:
    frames = [Image.new("RGB", (300, 300), (200, 200, 200 + n % 3)) for n in range(6)]
    with pytest.raises(ProblemError) as caught:
        prepare_for_provider(saved(frames[0], kind, save_all=True, append_images=frames[1:], duration=50))

    assert caught.value.problem.params == {"why": "one_colour"}


def test_no_more_frames_are_looked_at_than_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    gif = animation("GIF", 1)
    monkeypatch.setattr(decoding, "MAX_FRAMES", 1)
    with pytest.raises(ProblemError) as caught:
        prepare_for_provider(gif)
    assert caught.value.problem.code == "image_unusable"

    monkeypatch.setattr(decoding, "MAX_FRAMES", limits.MAX_FRAMES)
    monkeypatch.setattr(decoding, "MAX_FRAME_PIXELS", 600 * 400)
    with pytest.raises(ProblemError):
        prepare_for_provider(gif)
    monkeypatch.setattr(decoding, "MAX_FRAME_PIXELS", 2 * 600 * 400)
    assert farthest(seen_patches(opened(prepare_for_provider(gif).data)), PATCHES) <= 6


CLEARED, BACK = b"\x21\xf9\x04\x08\0\0\0\0", b"\x21\xf9\x04\x0c\0\0\0\0"
WHOLE, BELOW, LEFT = (0, 0, 300, 300), (0, 150, 300, 150), (0, 0, 150, 300)
BLANK = Image.new("P", (300, 300), 0)


@pytest.mark.parametrize(
    ("frames", "shown"),
    [
        pytest.param([gif_frame(BELOW)], "white", id="one that is smaller than its canvas"),
        pytest.param([CLEARED, gif_frame(WHOLE, BLANK.copy()), gif_frame(BELOW)], "white", id="what was cleared"),
        pytest.param([BACK, gif_frame(WHOLE, BLANK.copy()), gif_frame(BELOW)], "white", id="what comes back, of nothing"),
        pytest.param([gif_frame(WHOLE, BLANK.copy()), gif_frame(BELOW)], "black", id="what was left"),
        pytest.param([gif_frame(WHOLE, BLANK.copy()), CLEARED, gif_frame(LEFT, BLANK.crop((0, 0, 150, 300))), gif_frame(BELOW)], None,
                     id="half of it cleared"),
    ],
)  # fmt: skip
def test_what_no_frame_has_painted_is_transparent(frames: list[bytes], shown: str | None) -> None:
    sent = opened(prepare_for_provider(gif_of(*frames)).data).convert("RGB")
    corners = [sent.getpixel((x, 20)) for x in (20, 280)]

    white, black = (255, 255, 255), (0, 0, 0)
    assert corners == {"white": [white, white], "black": [black, black], None: [white, black]}[shown]
    assert sent.getpixel((250, 250)) == (255, 0, 0)


def test_an_animated_webp_stands_on_its_ground_where_nothing_is_painted() -> None:
    """Also where it says that it has no alpha."""
    frames = [patches().resize((300, 200)), patches().resize((300, 200)).rotate(180)]
    data = bytearray(saved(frames[0], "WEBP", save_all=True, append_images=frames[1:], lossless=True, duration=50))
    data[20] &= ~0x10
    data[24:30] = (599).to_bytes(3, "little") + (399).to_bytes(3, "little")
    sent = opened(prepare_for_provider(bytes(data)).data).convert("RGB")

    assert farthest([sent.getpixel((550, 350))], [(255, 255, 255)]) <= 3  # type: ignore[list-item]
    assert farthest(seen_patches(sent.crop((0, 0, 300, 200)).resize((600, 400)))) <= 8


def test_the_transparent_grey_of_an_animated_png_is_so() -> None:
    """In an animation as in a picture that stands still."""
    frames = [Image.new("L", (300, 300), 120) for _ in range(2)]
    for number, frame in enumerate(frames):
        frame.paste(200, (100 + number, 100, 200, 200))
    data = saved(frames[0], "PNG", save_all=True, append_images=frames[1:], duration=50)
    sent = opened(prepare_for_provider(png_with(data, chunk(b"tRNS", b"\0\x78"))).data).convert("RGB")

    assert (sent.getpixel((20, 20)), sent.getpixel((150, 150))) == ((255, 255, 255), (200, 200, 200))


def test_an_animated_png_whose_first_frame_has_too_few_rows_is_refused() -> None:
    data = animation("PNG", 0)
    at = data.index(b"IDAT") - 4
    (length,) = struct.unpack_from(">I", data, at)
    rows = zlib.decompress(data[at + 8 : at + 8 + length])
    short = chunk(b"IDAT", zlib.compress(rows[: len(rows) // 2]))
    with pytest.raises(ProblemError) as caught:
        prepare_for_provider(data[:at] + short + data[at + 12 + length :])

    assert caught.value.problem.params == {"found": "damaged"}


def test_a_gif_whose_later_frames_are_broken_is_taken_by_its_first() -> None:
    gif = animation("GIF", 0)

    assert farthest(seen_patches(opened(prepare_for_provider(gif[: len(gif) - 60]).data))) <= 6


def test_the_sniffed_head_is_long_enough_for_the_brands() -> None:
    assert image_kind.HEAD_BYTES >= 64
