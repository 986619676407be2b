"""A generated picture says so in its file, and looks as before."""

import io
import xml.etree.ElementTree as ET

import pytest
from PIL import Image

from shared.provenance import SOURCE_TYPE, with_provenance, xmp_packet
from tests import pictures

TOOL = 'ToonConnect (flux "kontext" <max> & more)'
FILES = [
    pytest.param(pictures.png_with_alpha(300, 200), "image/png", "XML:com.adobe.xmp", id="PNG"),
    pytest.param(pictures.photo_jpeg(300, 200), "image/jpeg", "xmp", id="JPEG"),
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


def test_the_source_type_is_iptcs_word_for_pictures_made_by_ai() -> None:
    assert SOURCE_TYPE == "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"


@pytest.mark.parametrize(("data", "content_type", "key"), FILES)
def test_not_a_pixel_changes(data: bytes, content_type: str, key: str) -> None:
    before, after = Image.open(io.BytesIO(data)), Image.open(io.BytesIO(with_provenance(data, content_type, TOOL)))

    assert after.format == before.format
    assert after.mode == before.mode
    assert after.tobytes() == before.tobytes()


@pytest.mark.parametrize(("data", "content_type", "key"), FILES)
def test_the_file_keeps_every_byte_it_had(data: bytes, content_type: str, key: str) -> None:
    marked = with_provenance(data, content_type, TOOL)
    head = 33 if content_type == "image/png" else 2

    assert marked[:head] == data[:head]
    assert marked.endswith(data[head:])


def test_a_png_with_the_mark_passes_a_check_of_every_chunk() -> None:
    with Image.open(io.BytesIO(with_provenance(pictures.png_with_alpha(50, 50), "image/png", TOOL))) as picture:
        picture.verify()


def test_another_format_comes_back_as_it_is() -> None:
    data = pictures.webp(100, 100)

    assert with_provenance(data, "image/webp", TOOL) == data


def test_a_packet_is_framed_as_the_xmp_specification_asks() -> None:
    packet = xmp_packet(TOOL).decode()

    assert packet.startswith('<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>')
    assert packet.endswith('<?xpacket end="r"?>')
