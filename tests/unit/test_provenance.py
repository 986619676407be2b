"""A generated picture says so in its file, and looks as before."""

import io
import json
import shutil
import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from PIL import Image

from shared.provenance import SOURCE_TYPE, source_type, with_provenance, without_words, xmp_packet
from tests import pictures
from tests.picture_files import saved

TOOL = 'ToonConnect (flux "kontext" <max> & more)'


def without_jfif(data: bytes) -> bytes:
    assert data[6:10] == b"JFIF"
    return data[:2] + data[20:]


def _saved(kind: str, **options: object) -> bytes:
    """With a hole in it, where the format can have one."""
    picture = Image.open(io.BytesIO(pictures.png_with_alpha(301, 199)))
    return saved(picture if kind == "WEBP" else picture.convert("RGB"), kind, **options)


FILES = [
    pytest.param(pictures.png_with_alpha(300, 200), "image/png", "XML:com.adobe.xmp", id="PNG"),
    pytest.param(pictures.photo_jpeg(300, 200), "image/jpeg", "xmp", id="JPEG"),
    pytest.param(without_jfif(pictures.photo_jpeg(300, 200)), "image/jpeg", "xmp", id="JPEG without JFIF"),
    pytest.param(pictures.webp(300, 200), "image/webp", "xmp", id="WebP"),
    pytest.param(_saved("WEBP", lossless=True), "image/webp", "xmp", id="WebP without loss"),
    pytest.param(_saved("WEBP", icc_profile=b"p" * 131, xmp=b"<x>other</x>"), "image/webp", "xmp", id="WebP with XMP"),
]
IPTC = "{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}"
XMP = "{http://ns.adobe.com/xap/1.0/}"


def described(packet: str | bytes) -> dict[str, str]:
    """The properties of a packet."""
    text = packet.decode() if isinstance(packet, bytes) else packet
    root = ET.fromstring(text.replace("\ufeff", ""))  # noqa: S314 - our own words
    (description,) = root.iter("{http://www.w3.org/1999/02/22-rdf-syntax-ns#}Description")
    return dict(description.attrib)


@pytest.mark.parametrize(("data", "content_type", "key"), FILES)
def test_readers_of_xmp_find_the_source_type_and_the_tool(data: bytes, content_type: str, key: str) -> None:
    picture = Image.open(io.BytesIO(with_provenance(data, content_type, TOOL)))
    picture.load()
    found = described(picture.info[key])

    assert found[f"{IPTC}DigitalSourceType"] == SOURCE_TYPE
    assert found[f"{XMP}CreatorTool"] == TOOL
    assert found[f"{IPTC}AISystemUsed"] == TOOL


def test_the_source_type_is_iptcs_word_for_pictures_made_by_ai() -> None:
    assert SOURCE_TYPE == "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"


@pytest.mark.parametrize(("data", "content_type", "key"), FILES)
def test_not_a_pixel_changes(data: bytes, content_type: str, key: str) -> None:
    before, after = Image.open(io.BytesIO(data)), Image.open(io.BytesIO(with_provenance(data, content_type, TOOL)))

    assert after.format == before.format
    assert after.mode == before.mode
    assert after.tobytes() == before.tobytes()


@pytest.mark.parametrize(("data", "content_type", "key"), FILES[:3])
def test_the_file_keeps_every_byte_it_had(data: bytes, content_type: str, key: str) -> None:
    marked = with_provenance(data, content_type, TOOL)
    # The file's head, and JFIF's, comes first (ITU-T T.871, 10.1).
    head = 33 if content_type == "image/png" else 20 if data[6:10] == b"JFIF" else 2

    assert marked[:head] == data[:head]
    assert marked.endswith(data[head:])


def test_a_png_with_the_mark_passes_a_check_of_every_chunk() -> None:
    with Image.open(io.BytesIO(with_provenance(pictures.png_with_alpha(50, 50), "image/png", TOOL))) as picture:
        picture.verify()


@pytest.mark.parametrize("lossless", [False, True])
@pytest.mark.parametrize("has_alpha", [False, True])
def test_a_webp_gets_the_head_that_pillow_would_have_written(lossless: bool, has_alpha: bool) -> None:
    picture = Image.open(io.BytesIO(pictures.png_with_alpha(301, 199))).convert("RGBA" if has_alpha else "RGB")
    plain = saved(picture, "WEBP", lossless=lossless, quality=80)
    with_theirs = saved(picture, "WEBP", lossless=lossless, quality=80, xmp=xmp_packet(TOOL))

    assert with_provenance(plain, "image/webp", TOOL) == with_theirs


@pytest.mark.parametrize("length", [0, 11, 12, 20, 30, 100, -1])
def test_a_webp_that_is_cut_off_comes_back_as_it_is(length: int) -> None:
    data = pictures.webp(100, 100)[:length]

    assert with_provenance(data, "image/webp", TOOL) == data


def test_another_format_comes_back_as_it_is() -> None:
    assert with_provenance(b"GIF89a", "image/gif", TOOL) == b"GIF89a"


@pytest.mark.parametrize("is_sample", [False, True])
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_exiftool_reads_what_a_picture_says(kind: str, is_sample: bool, tmp_path: Path) -> None:
    """A reader that is not ours, https://exiftool.org: .ci/run installs it."""
    reader = shutil.which("exiftool")
    if reader is None:
        pytest.skip("no exiftool here: apt-get install libimage-exiftool-perl")
    content_type = f"image/{kind.lower()}"
    file = tmp_path / f"picture.{kind.lower()}"
    file.write_bytes(with_provenance(without_words(_saved(kind), content_type), content_type, TOOL, is_sample=is_sample))
    answer = subprocess.run([reader, "-json", "-G1", "-n", "-validate", "-warning", str(file)], capture_output=True, check=True)  # noqa: S603
    told = json.loads(answer.stdout)[0]
    whole = subprocess.run([reader, "-json", "-G1", "-n", str(file)], capture_output=True, check=True)  # noqa: S603
    told |= json.loads(whole.stdout)[0]

    assert told["XMP-iptcExt:DigitalSourceType"] == source_type(is_sample=is_sample)
    assert told["XMP-xmp:CreatorTool"] == TOOL
    assert told["XMP-iptcExt:AISystemUsed"] == TOOL
    assert not any(name.endswith(":Warning") for name in told), told


def test_a_packet_is_framed_as_the_xmp_specification_asks() -> None:
    packet = xmp_packet(TOOL).decode()

    assert packet.startswith('<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>')
    assert packet.endswith('<?xpacket end="r"?>')
