"""What a generator writes into its file beside the picture goes; pixels, colours and the way up stay."""

import io
import zlib
from typing import Any

import pytest
from PIL import Image, ImageCms, ImageOps, PngImagePlugin

from shared.provenance import with_provenance, without_words
from tests import pictures
from tests.telling import told

PROMPT = "zebra crossing in Mapo"
SECRETS = {"prompt": PROMPT}
PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
TYPES = {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp"}


def spoken(kind: str, orientation: int | None = None, **more: Any) -> bytes:
    """A picture that tells its prompt wherever its format has room for words."""
    exif, buffer = Image.Exif(), io.BytesIO()
    exif[0x010E] = PROMPT
    exif.get_ifd(0x8769)[0x9286] = b"ASCII\0\0\0" + PROMPT.encode()
    if orientation:
        exif[0x0112] = orientation
    if kind == "PNG":
        info = PngImagePlugin.PngInfo()
        info.add_text("parameters", PROMPT)
        info.add_text("prompt", PROMPT, zip=True)
        info.add_itxt("Description", PROMPT, zip=True)
        more = {"pnginfo": info, **more}
    elif kind == "WEBP":
        more = {"xmp": f"<x>{PROMPT}</x>".encode(), **more}
    else:
        more = {"comment": PROMPT.encode(), "xmp": f"<x>{PROMPT}</x>".encode(), **more}
    Image.open(io.BytesIO(pictures.photo_jpeg(120, 80))).save(buffer, kind, exif=exif, icc_profile=PROFILE, **more)
    return buffer.getvalue()


def opened(data: bytes) -> Image.Image:
    picture = Image.open(io.BytesIO(data))
    picture.load()
    return picture


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("orientation", [None, 1, 6])
def test_no_word_stays_and_the_picture_is_the_same(kind: str, orientation: int | None) -> None:
    data = spoken(kind, orientation)
    assert told(data, SECRETS) == {"prompt"}
    bare = without_words(data, TYPES[kind])

    assert told(bare, SECRETS) == set()
    before, after = opened(data), opened(bare)
    assert (after.mode, after.tobytes(), after.info["icc_profile"]) == (before.mode, before.tobytes(), PROFILE)
    assert without_words(bare, TYPES[kind]) == bare
    if kind == "WEBP":
        # No browser turns one.
        assert dict(after.getexif()) == {}
        return
    assert ImageOps.exif_transpose(after).tobytes() == ImageOps.exif_transpose(before).tobytes()
    assert dict(after.getexif()) == ({0x0112: 6} if orientation == 6 else {})


def test_a_progressive_file_keeps_all_its_scans() -> None:
    data = spoken("JPEG", progressive=True)
    bare = without_words(data, "image/jpeg")

    assert (told(bare, SECRETS), opened(bare).tobytes()) == (set(), opened(data).tobytes())


@pytest.mark.parametrize("kind", TYPES)
def test_what_we_say_ourselves_comes_after_that(kind: str) -> None:
    marked = with_provenance(without_words(spoken(kind), TYPES[kind]), TYPES[kind], "ToonConnect")

    assert b"trainedAlgorithmicMedia" in marked
    assert told(marked, SECRETS) == set()


@pytest.mark.parametrize("kind", TYPES)
def test_what_has_no_words_is_not_touched(kind: str) -> None:
    buffer = io.BytesIO()
    opened(spoken(kind)).copy().convert("RGB").save(buffer, kind, exif=b"", **({"comment": b""} if kind == "JPEG" else {}))
    data = buffer.getvalue()

    assert without_words(data, TYPES[kind]) == data


@pytest.mark.parametrize("kind", TYPES)
def test_a_file_that_is_not_built_as_it_should_be_is_kept_as_it_is(kind: str) -> None:
    data = spoken(kind)
    for length in [0, 1, 2, 7, 8, 9, *range(10, len(data), 97)]:
        cut = data[:length]
        bare = without_words(cut, TYPES[kind])
        assert bare == cut or len(bare) < len(cut), length
    assert without_words(b"\xff\xd8 no marker", "image/jpeg") == b"\xff\xd8 no marker"


@pytest.mark.parametrize("exif", [b"", b"II", b"XX*\0", b"II*\0\xff\xff\xff\xff", b"MM\0*\0\0\0\x08\xff\xff"])
def test_an_exif_block_that_nobody_can_read_goes(exif: bytes) -> None:
    body = b"eXIf" + exif
    data = spoken("PNG")
    odd = data[:33] + len(exif).to_bytes(4, "big") + body + zlib.crc32(body).to_bytes(4, "big") + data[33:]

    assert exif == b"" or exif not in without_words(odd, "image/png")


def test_other_formats_come_back_as_they_are() -> None:
    assert without_words(b"GIF89a and words", "image/gif") == b"GIF89a and words"
