"""The search that other tests rely on finds what is hidden."""

import base64
import io
import json
from urllib.parse import quote

import pytest
from PIL import Image, PngImagePlugin

from tests.telling import told

SECRET = "job_01m8cakb869wpm4fp8snkev0hw"  # noqa: S105 - an id
SECRETS = {"id": SECRET, "other": "job_01m8cakba9p3fnyh5xkv9rgt07"}


def coded(offset: int) -> str:
    return base64.b64encode(b"abc"[:offset] + SECRET.encode() + b"yy").decode()


def png(**text: str) -> bytes:
    info, buffer = PngImagePlugin.PngInfo(), io.BytesIO()
    for key, value in text.items():
        info.add_text(key, value, zip=True)
    Image.new("RGB", (8, 8)).save(buffer, "PNG", pnginfo=info)
    return buffer.getvalue()


def jpeg(description: str) -> bytes:
    exif, buffer = Image.Exif(), io.BytesIO()
    exif[0x010E] = description
    Image.new("RGB", (8, 8)).save(buffer, "JPEG", exif=exif)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "said",
    [
        f"https://x/images/{SECRET}/output/0.png?sig=y", SECRET.upper(), "".join(f"%{ord(c):02X}" for c in SECRET),
        quote(quote("/" + SECRET + "/", safe=""), safe=""), *(f"a={coded(n)}&b" for n in range(3)),
        base64.urlsafe_b64encode(SECRET.encode()).decode().rstrip("="), SECRET.encode().hex(), SECRET.encode("utf-16-le"),
        png(Comment=f"made by {SECRET}"), jpeg(SECRET),
    ],
    ids=str,
)  # fmt: skip
def test_a_secret_is_found_however_it_is_written(said: str | bytes) -> None:
    assert told(said, SECRETS) == {"id"}


@pytest.mark.parametrize(
    "said",
    ["눈 오는 은하수너구리", json.dumps(["은하수너구리"]), json.dumps(json.dumps({"은하수너구리": 1})), quote("은하수너구리")],
    ids=ascii,
)
def test_a_korean_secret_is_found_however_it_is_written(said: str) -> None:
    assert told(said, {"word": "은하수너구리", "other": "은하수고양이"}) == {"word"}


@pytest.mark.parametrize("said", ["", "https://x/images/pictures/0123456789abcdef/0.png?sig=" + "A" * 40, png(Comment="mug")])
def test_nothing_is_found_where_nothing_is(said: str | bytes) -> None:
    assert told(said, SECRETS) == set()
