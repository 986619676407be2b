"""What the page shows is what the server makes of what the page sends."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import pytest
from PIL import Image, ImageChops, ImageStat
from playwright.sync_api import Page
from test_pictures import animation

from tests.picture_files import saved

pytestmark = pytest.mark.browser

CASES = Path(__file__).parents[1] / "cases" / "pictures"
SHOWN = [
    "badcrc_phys.png",
    "cmyk_default_cmyk.jpg",
    "figure_xmp6.jpg",
    "g16_trns0.png",
    "p3.jpg",
    "ref_srgb.png",
    "ztxt_1500k.png",
]
#: Of 255: two readings of a press profile differ by as much; a profile that is not applied makes 10 and more.
MEAN = 3.0

#: The preview at the size that is sent, and the file.
PREPARED = """async (file) => {
  const { prepareImage } = await import("/js/images/images.js");
  const types = ["image/png", "image/jpeg", "image/webp", "image/gif", "image/avif"];
  const bytes = Uint8Array.from(atob(file), (sign) => sign.charCodeAt(0));
  const prepared = await prepareImage(new File([bytes], "image"), { maxBytes: 5 * 1024 * 1024, types, minSide: 256 });
  const bitmap = await createImageBitmap(prepared.preview);
  const scale = Math.min(1, 1024 / Math.max(bitmap.width, bitmap.height));
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [Math.round(bitmap.width * scale), Math.round(bitmap.height * scale)];
  const context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  const url = await new Promise((resolve) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result);
    reader.readAsDataURL(prepared.file);
  });
  return [canvas.toDataURL("image/png"), url].map((each) => each.split(",")[1]);
}"""


def off(page: Page, data: bytes) -> float:
    """How far the provider's picture is from the preview, in the channel that differs most."""
    prepare = pytest.importorskip("shared.pictures.prepare", reason="this server prepares pictures in another way")
    shown, sent = (base64.b64decode(each) for each in page.evaluate(PREPARED, base64.b64encode(data).decode()))
    made = Image.open(io.BytesIO(prepare.prepare_for_provider(sent).data)).convert("RGB")
    transparent = Image.open(io.BytesIO(shown)).convert("RGBA")
    assert made.size == transparent.size
    # The ground of these files: white shows what is in them.
    seen = Image.alpha_composite(Image.new("RGBA", transparent.size, "white"), transparent).convert("RGB")
    return max(ImageStat.Stat(ImageChops.difference(made, seen)).mean)


@pytest.mark.parametrize("name", SHOWN)
def test_a_file_that_goes_as_it_is(page: Page, name: str) -> None:
    assert off(page, (CASES / name).read_bytes()) <= MEAN


@pytest.mark.parametrize("name", ["p3.jpg", "cmyk_default_cmyk.jpg"])
def test_a_file_that_the_page_makes_smaller(page: Page, name: str) -> None:
    original = Image.open(CASES / name)
    large = saved(original.resize((3000, 2000)), "JPEG", quality=95, icc_profile=original.info["icc_profile"])

    assert off(page, large) <= MEAN


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP"])
def test_an_animation(page: Page, kind: str) -> None:
    assert off(page, animation(kind, 640, 640)) <= MEAN
