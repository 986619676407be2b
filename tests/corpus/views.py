"""What others see in the same bytes: Chromium, and for HEIC, which it does not read, libheif's own tool."""

import base64
import contextlib
import io
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageCms
from playwright.sync_api import Browser, Page

from tests.browser import new_context
from tests.patience import PATIENCE

#: One <img> as on the page; of what moves the first frames too, since an upload may become another than the first.
_LOOK = """
async (files) => {
  const SIDE = 400, FRAMES = 50;
  const drawn = (source, width, height) => {
    const scale = Math.min(1, SIDE / Math.max(width, height));
    const canvas = document.createElement('canvas');
    canvas.width = Math.max(1, Math.round(width * scale));
    canvas.height = Math.max(1, Math.round(height * scale));
    const pen = canvas.getContext('2d');
    pen.imageSmoothingQuality = 'high';
    pen.drawImage(source, 0, 0, canvas.width, canvas.height);
    return canvas.toDataURL('image/png').split(',')[1];
  };
  const still = async (bytes) => {
    const url = URL.createObjectURL(new Blob([bytes]));
    const image = new Image();
    try {
      await new Promise((resolve, reject) => { image.onload = resolve; image.onerror = reject; image.src = url; });
      if (image.naturalWidth * image.naturalHeight > 41e6) return null;
      return { width: image.naturalWidth, height: image.naturalHeight,
               png: drawn(image, image.naturalWidth, image.naturalHeight) };
    } catch (error) {
      return null;
    } finally {
      URL.revokeObjectURL(url);
    }
  };
  const further = async (bytes, type) => {
    const frames = [];
    try {
      const decoder = new ImageDecoder({ data: bytes, type });
      await decoder.tracks.ready;
      await decoder.completed;
      const count = Math.min(FRAMES, decoder.tracks.selectedTrack.frameCount);
      for (let index = 1; index < count; index += 1) {
        const { image } = await decoder.decode({ frameIndex: index });
        frames.push(drawn(image, image.displayWidth, image.displayHeight));
        image.close();
      }
      decoder.close();
    } catch (error) { /* what cannot be decoded further has no further frame */ }
    return frames;
  };
  const seen = [];
  for (const { data, type } of files) {
    const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
    const view = await still(bytes);
    if (view) view.further = type ? await further(bytes, type) : [];
    seen.push(view);
  }
  return seen;
}
"""


@dataclass(frozen=True)
class View:
    """RGBA, made smaller; `further` are the frames after the first."""

    width: int
    height: int
    picture: Image.Image
    further: tuple[Image.Image, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Of a file that breaks off before its pixels a browser knows the size, and draws nothing."""
        return all(frame.getchannel("A").getextrema() == (0, 0) for frame in (self.picture, *self.further))


class ChromiumViews:
    """`see` many at once: None of what Chromium cannot show."""

    def __init__(self, browser: Browser) -> None:
        self._page: Page = new_context(browser).new_page()
        # A secure context, which ImageDecoder asks for; nothing leaves this machine.
        self._page.route(
            "**/*", lambda route: route.fulfill(body="<!doctype html><title>views</title>", content_type="text/html")
        )
        self._page.goto("https://views.test/")

    def see(self, files: Sequence[bytes]) -> list[View | None]:
        asked = [{"data": base64.b64encode(data).decode(), "type": _moving_type(data)} for data in files]
        return [None if told is None else self._view(told) for told in self._page.evaluate(_LOOK, asked)]

    @staticmethod
    def _view(told: dict[str, object]) -> View:
        def picture(png: object) -> Image.Image:
            return Image.open(io.BytesIO(base64.b64decode(str(png)))).convert("RGBA")

        further = told["further"]
        assert isinstance(further, list)
        width, height = int(str(told["width"])), int(str(told["height"]))
        return View(width, height, picture(told["png"]), tuple(map(picture, further)))


def _moving_type(data: bytes) -> str | None:
    if data.startswith(b"GIF8"):
        return "image/gif"
    if data[8:12] == b"WEBP" and b"ANIM" in data[:64]:
        return "image/webp"
    if data.startswith(b"\x89PNG") and b"acTL" in data[:4096]:
        return "image/png"
    if data[4:12] == b"ftypavis":
        return "image/avif"
    return None


HEIF_TOOL = shutil.which("heif-convert") or shutil.which("heif-dec")


def libheif_view(data: bytes) -> View | None:
    """By `heif-convert` (Debian: libheif-examples), which keeps a profile beside the pixels: it is applied here."""
    assert HEIF_TOOL is not None
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "in.heic"), Path(folder, "out.png")
        source.write_bytes(data)
        try:
            subprocess.run([HEIF_TOOL, source, target], capture_output=True, timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            return None
        # Of several pictures each gets a number: out-1.png is the first, not always the primary one.
        found = [target] if target.exists() else sorted(Path(folder).glob("out-*.png"))
        pictures = []
        for path in found:
            # The tool leaves half a file behind where it fails.
            with contextlib.suppress(OSError, SyntaxError), Image.open(path) as opened:
                pictures.append(_in_srgb(opened))
    if not pictures:
        return None
    return View(*pictures[0].size, pictures[0], tuple(pictures[1:]))


def _in_srgb(opened: Image.Image) -> Image.Image:
    profile = opened.info.get("icc_profile")
    if opened.mode.startswith("I;16"):
        opened = opened.point(lambda grey: grey / 257).convert("L")
    rgba = opened.convert("RGBA")
    if not profile:
        return rgba
    try:
        theirs = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        turned = ImageCms.profileToProfile(rgba.convert("RGB"), theirs, ImageCms.createProfile("sRGB"))
    except (ImageCms.PyCMSError, OSError, ValueError):
        return rgba
    assert turned is not None
    turned.putalpha(rgba.getchannel("A"))
    return turned
