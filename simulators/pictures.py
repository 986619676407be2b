"""The pictures that the simulators deliver: no art, but a person sees which inputs and which request they came from.

Same inputs and seed, same bytes. Each costs some hundredths of a second, as they are drawn beside the app on the same cores: what
does not depend on the inputs is drawn once.
"""

import functools
import io
import math
import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw, ImageFilter, ImageFont, ImageOps

#: The grid of Kontext models: about one megapixel whatever the ratio (2.2).
_LANDSCAPE = (
    (1024, 1024), (1104, 944), (1184, 880), (1248, 832), (1328, 800), (1392, 752), (1456, 720), (1504, 688), (1568, 672),
)  # fmt: skip
GRID = (*_LANDSCAPE, *((h, w) for w, h in _LANDSCAPE[1:]))
#: Inputs are kept no bigger than this.
KEPT_SIDE = 1024
MAX_PIXELS = 64_000_000

PIL_FORMATS = {"png": "PNG", "jpg": "JPEG", "jpeg": "JPEG", "webp": "WEBP"}
CONTENT_TYPES = {"png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg", "webp": "image/webp"}

_FONTS = (
    "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/opentype/noto/NotoSansCJK-Bold.ttc",
    "/usr/share/fonts/noto-cjk/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/google-noto-cjk/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/truetype/nanum/NanumGothic.ttf",
    "/System/Library/Fonts/AppleSDGothicNeo.ttc",
    "C:/Windows/Fonts/malgun.ttf",
)

_WALLS = ((236, 228, 218), (222, 230, 238), (232, 224, 236), (224, 236, 228), (240, 230, 224))
_TILTS = (-3, -1, 2, 4)
_SHADOW = 40

Box = tuple[float, float, float, float]
Points = list[tuple[float, float]]


class UnreadableImage(ValueError):
    """The bytes are no image that Pillow can decode."""


def normalise(data: bytes) -> tuple[bytes, tuple[int, int]]:
    """A small JPEG of the image, enough to draw with, and its real size. Raises UnreadableImage."""
    try:
        with Image.open(io.BytesIO(data)) as image:
            size = image.size
            if size[0] * size[1] > MAX_PIXELS:
                raise UnreadableImage("too many pixels")
            image.draft("RGB", (KEPT_SIDE, KEPT_SIDE))
            image.load()
            # Small first, so that every later step is cheap.
            image.thumbnail((KEPT_SIDE, KEPT_SIDE), Image.Resampling.BILINEAR, reducing_gap=2.0)
            upright = ImageOps.exif_transpose(image)
    except UnreadableImage:
        raise
    except Exception as error:  # noqa: BLE001 - Pillow raises nearly anything on a hostile file
        raise UnreadableImage(str(error)) from None
    if upright.mode in ("RGBA", "LA", "PA") or "transparency" in upright.info:
        rgba = upright.convert("RGBA")
        flat = Image.new("RGB", rgba.size, "white")
        flat.paste(rgba, mask=rgba)
        upright = flat
    kept = io.BytesIO()
    upright.convert("RGB").save(kept, "JPEG", quality=88)
    return kept.getvalue(), size


def output_size(aspect_ratio: str | None, first: tuple[int, int] | None) -> tuple[int, int]:
    """The size on the grid for "W:H", or for the first input where the ratio is to match it."""
    if aspect_ratio and re.fullmatch(r"\d+:\d+", aspect_ratio):
        width, height = (int(part) for part in aspect_ratio.split(":"))
    else:
        width, height = first or (1, 1)
    wanted = math.log(max(width, 1) / max(height, 1))
    return min(GRID, key=lambda size: abs(math.log(size[0] / size[1]) - wanted))


def shrunk(size: tuple[int, int], longest_side: int | None) -> tuple[int, int]:
    """No side longer than `longest_side`, where one is given."""
    scale = min(1.0, longest_side / max(size)) if longest_side else 1.0
    return round(size[0] * scale), round(size[1] * scale)


def draw(
    images: list[bytes | None],
    *,
    prompt: str,
    size: tuple[int, int],
    seed: int,
    output_format: str,
    scene: str,
    quality: int = 90,
) -> bytes:
    """The finished file. `scene` is "ppl" (character with product) or "goods" (character on merchandise)."""
    pictures = [_open(image) for image in images]
    rng = random.Random(seed)
    picture = _ppl(pictures, size, rng) if scene == "ppl" else _goods(pictures, size, rng, goods_of(prompt))
    _caption(picture, prompt)
    file = io.BytesIO()
    if PIL_FORMATS[output_format] == "PNG":
        picture.save(file, "PNG", compress_level=1)
    else:
        picture.save(file, PIL_FORMATS[output_format], quality=quality, **({"method": 0} if output_format == "webp" else {}))
    return file.getvalue()


def _open(data: bytes | None) -> Image.Image:
    if data is None:
        return Image.new("RGB", (512, 512), "#8a93a6")
    return Image.open(io.BytesIO(data)).convert("RGB")


def _ppl(pictures: list[Image.Image], size: tuple[int, int], rng: random.Random) -> Image.Image:
    """The character as the scene, the product as a card held into it."""
    scene = ImageOps.fit(pictures[0], size, Image.Resampling.BILINEAR, centering=(0.5, 0.35))
    for product in pictures[1:] or [Image.new("RGB", (256, 256), "#8a93a6")]:
        side = int(min(size) * rng.uniform(0.34, 0.42))
        card = product.copy()
        card.thumbnail((side, side), Image.Resampling.BILINEAR)
        card = ImageOps.expand(card, max(6, side // 28), "white").convert("RGBA")
        card = card.rotate(rng.uniform(-9, 9), Image.Resampling.BILINEAR, expand=True)
        margin = min(size) // 20
        left = rng.choice([margin, size[0] - card.width - margin])
        top = int((size[1] - card.height) * rng.uniform(0.78, 0.92))
        _cast(scene, _soft(card.getchannel("A"), 0.5), (left + side // 24, top + side // 16))
        scene.paste(card, (left, top), card)
    return scene


def _soft(shape: Image.Image, strength: float) -> Image.Image:
    """A soft shadow of `shape`, wider by _SHADOW all round; blurred at an eighth of the size, as that costs by the area."""
    width, height = shape.width + 2 * _SHADOW, shape.height + 2 * _SHADOW
    shadow = Image.new("L", (width // 8, height // 8))
    shadow.paste(shape.resize((max(1, shape.width // 8), max(1, shape.height // 8))), (_SHADOW // 8, _SHADOW // 8))
    shadow = shadow.filter(ImageFilter.GaussianBlur(2.5)).point(lambda value: int(value * strength))
    return shadow.resize((width, height), Image.Resampling.BILINEAR)


def _cast(scene: Image.Image, shadow: Image.Image, at: tuple[int, int]) -> None:
    scene.paste((20, 20, 30), (at[0] - _SHADOW, at[1] - _SHADOW), shadow)


@functools.lru_cache(8)
def _studio(size: tuple[int, int], base: tuple[int, int, int]) -> Image.Image:
    """A wall and a floor in one soft colour, to be copied."""
    column = Image.new("RGB", (1, 64))
    for y in range(64):
        light = 1.04 - 0.18 * abs(y / 63 - 0.35) - (0.10 if y > 50 else 0.0)
        column.putpixel((0, y), tuple(min(255, int(c * light)) for c in base))
    return column.resize(size, Image.Resampling.BILINEAR)


class _Sheet:
    """A transparent square on which merchandise is drawn in coordinates from 0 to 1, smoothed by drawing it double.

    Beside it lies where the print is seen: what is drawn later covers it.
    """

    def __init__(self, side: int) -> None:
        self.side = side
        self.image = Image.new("RGBA", (side * 2, side * 2))
        self.seen = Image.new("L", self.image.size)
        self.box: Box = (0, 0, 1, 1)
        self._draw, self._cover = ImageDraw.Draw(self.image), ImageDraw.Draw(self.seen)

    def _box(self, box: Box) -> Box:
        left, top, right, bottom = (v * self.side * 2 for v in box)
        return left, top, right, bottom

    def rounded(self, box: Box, radius: float, fill: str, outline: str | None = None) -> None:
        at, corner = self._box(box), radius * self.side * 2
        self._draw.rounded_rectangle(at, corner, fill=fill, outline=outline, width=max(2, self.side // 150))
        self._cover.rounded_rectangle(at, corner, fill=0)

    def ellipse(self, box: Box, fill: str | None = None, outline: str | None = None, width: float = 0.01) -> None:
        self._draw.ellipse(self._box(box), fill=fill, outline=outline, width=int(width * self.side * 2))
        covered = {"fill": 0 if fill else None, "outline": 0 if outline else None}
        self._cover.ellipse(self._box(box), **covered, width=int(width * self.side * 2))

    def arc(self, box: Box, start: float, end: float, fill: str, width: float) -> None:
        for pen, colour in ((self._draw, fill), (self._cover, 0)):
            pen.arc(self._box(box), start, end, fill=colour, width=int(width * self.side * 2))

    def polygon(self, points: Points, fill: str, outline: str | None = None) -> None:
        scaled = [(x * self.side * 2, y * self.side * 2) for x, y in points]
        self._draw.polygon(scaled, fill=fill, outline=outline, width=max(2, self.side // 150))
        self._cover.polygon(scaled, fill=0)

    def print(self, box: Box, radius: float) -> None:
        self.box = box
        self._cover.rounded_rectangle(self._box(box), radius * self.side * 2, fill=255)


@dataclass(frozen=True)
class _Thing:
    """Merchandise without its print, tilted: the same for every picture of its kind and size."""

    image: Image.Image
    #: Where the print is seen, and its size and middle.
    seen: Image.Image
    print_size: tuple[int, int]
    middle: tuple[float, float]
    shadow: Image.Image
    tilt: int

    def printed(self, character: Image.Image) -> tuple[Image.Image, tuple[int, int]]:
        """The character as large and as tilted as the print, and where it belongs."""
        fitted = ImageOps.fit(character, self.print_size, Image.Resampling.BILINEAR, centering=(0.5, 0.3))
        # Somewhat wider than what is seen of it, so that no corner shows what a turn leaves empty.
        turned = fitted.rotate(self.tilt, Image.Resampling.BILINEAR, expand=True)
        return turned, (round(self.middle[0] - turned.width / 2), round(self.middle[1] - turned.height / 2))


@functools.lru_cache(16)
def _thing(goods: str, side: int, tilt: int) -> _Thing:
    sheet = _Sheet(side)
    _GOODS[goods][0](sheet)
    image, seen = (drawn.reduce(2).rotate(tilt, Image.Resampling.BILINEAR, expand=True) for drawn in (sheet.image, sheet.seen))
    left, top, right, bottom = sheet.box
    x, y = (left + right) / 2 - 0.5, (top + bottom) / 2 - 0.5
    cos, sin = math.cos(math.radians(tilt)), math.sin(math.radians(tilt))
    # Counter-clockwise, as Pillow turns, in coordinates that grow downwards.
    middle = ((x * cos + y * sin) * side + image.width / 2, (y * cos - x * sin) * side + image.height / 2)
    size = (round((right - left) * side) + 2, round((bottom - top) * side) + 2)
    return _Thing(image, seen, size, middle, _soft(image.getchannel("A"), 0.35), tilt)


def _t_shirt(sheet: _Sheet) -> None:
    right: Points = [(0.62, 0.07), (0.80, 0.13), (0.99, 0.36), (0.85, 0.47), (0.78, 0.40), (0.78, 0.95)]
    sheet.polygon([(0.38, 0.07), *right, *((1 - x, y) for x, y in reversed(right[1:]))], "#fbfbfb", "#d8d8dc")
    sheet.ellipse((0.39, -0.01, 0.61, 0.15), "#e4e4e8", "#cfcfd4")
    sheet.print((0.31, 0.26, 0.69, 0.74), 0.02)


def _mug(sheet: _Sheet) -> None:
    sheet.ellipse((0.60, 0.32, 0.96, 0.74), outline="#f4f4f4", width=0.06)
    sheet.rounded((0.10, 0.20, 0.74, 0.88), 0.06, "#ffffff", "#d8d8dc")
    sheet.ellipse((0.10, 0.13, 0.74, 0.27), "#e8e6e2", "#cfcfd4")
    sheet.print((0.20, 0.32, 0.64, 0.82), 0.02)


def _keyring(sheet: _Sheet) -> None:
    sheet.ellipse((0.36, 0.0, 0.64, 0.28), outline="#9aa0a8", width=0.025)
    for top in (0.24, 0.29, 0.34):
        sheet.ellipse((0.475, top, 0.525, top + 0.07), outline="#8a9098", width=0.012)
    sheet.rounded((0.20, 0.36, 0.80, 1.0), 0.08, "#f4fbff", "#b8d4e4")
    sheet.ellipse((0.465, 0.375, 0.535, 0.445), "#c8d8e0", "#8a9098")
    sheet.print((0.25, 0.46, 0.75, 0.96), 0.05)


def _sticker(sheet: _Sheet) -> None:
    sheet.rounded((0.08, 0.08, 0.92, 0.92), 0.20, "#ffffff", "#e0e0e0")
    sheet.print((0.13, 0.13, 0.87, 0.87), 0.16)


def _phone_case(sheet: _Sheet) -> None:
    sheet.rounded((0.25, 0.0, 0.75, 1.0), 0.08, "#2c2f36", "#15171a")
    sheet.print((0.275, 0.025, 0.725, 0.975), 0.06)
    sheet.rounded((0.30, 0.05, 0.48, 0.23), 0.04, "#1e2126", "#44484f")
    for box in ((0.32, 0.07, 0.39, 0.14), (0.39, 0.14, 0.46, 0.21)):
        sheet.ellipse(box, "#0a0c10", "#5a6068")


def _tote_bag(sheet: _Sheet) -> None:
    sheet.arc((0.30, 0.0, 0.70, 0.60), 180, 360, "#d8c8a8", 0.035)
    sheet.polygon([(0.14, 0.28), (0.86, 0.28), (0.91, 0.99), (0.09, 0.99)], "#f2e8d4", "#d4c4a4")
    sheet.print((0.28, 0.40, 0.72, 0.90), 0.01)


def _poster(sheet: _Sheet) -> None:
    sheet.rounded((0.14, 0.0, 0.86, 1.0), 0.008, "#3a2e26", "#241c16")
    sheet.rounded((0.165, 0.025, 0.835, 0.975), 0.0, "#ffffff")
    sheet.print((0.20, 0.06, 0.80, 0.94), 0.0)


def _cushion(sheet: _Sheet) -> None:
    corners = [(0.04, 0.04), (0.96, 0.04), (0.96, 0.96), (0.04, 0.96)]
    outline: Points = []
    for (x0, y0), (x1, y1) in zip(corners, corners[1:] + corners[:1], strict=True):
        for step in range(12):
            t = step / 12
            dent = 0.03 * math.sin(math.pi * t)
            x, y = x0 + (x1 - x0) * t, y0 + (y1 - y0) * t
            outline.append((x + dent * (0.5 - x) * 2, y + dent * (0.5 - y) * 2))
    sheet.polygon(outline, "#f6e4e0", "#dcbcb4")
    sheet.print((0.15, 0.15, 0.85, 0.85), 0.10)


_Drawer = Callable[[_Sheet], None]
_GOODS: dict[str, tuple[_Drawer, str]] = {
    "mug": (_mug, r"\bmugs?\b|\bcups?\b|머그|컵"),
    "keyring": (_keyring, r"key\s?-?(?:ring|chain)|키링|열쇠고리"),
    "sticker": (_sticker, r"sticker|스티커"),
    "phone case": (_phone_case, r"phone\s?-?case|폰\s?케이스"),
    "tote bag": (_tote_bag, r"\btote|eco\s?-?bag|에코\s?백|토트"),
    "poster": (_poster, r"poster|포스터"),
    "cushion": (_cushion, r"cushion|pillow|쿠션"),
    "T-shirt": (_t_shirt, r"t-?\s?shirt|티셔츠"),
}


def goods_of(prompt: str) -> str:
    """The merchandise that the prompt names first; a T-shirt where it names none."""
    found = {name: match.start() for name, (_, words) in _GOODS.items() if (match := re.search(words, prompt, re.I))}
    return min(found, key=lambda name: found[name], default="T-shirt")


def _goods(pictures: list[Image.Image], size: tuple[int, int], rng: random.Random, goods: str) -> Image.Image:
    scene = _studio(size, rng.choice(_WALLS)).copy()
    thing = _thing(goods, int(min(size) * 0.74), rng.choice(_TILTS))
    room = min(size) // 20
    left = (size[0] - thing.image.width) // 2 + rng.randint(-room, room)
    top = int((size[1] - thing.image.height) * 0.42) + rng.randint(-room, room)
    _cast(scene, thing.shadow, (left + 12, top + 26))
    scene.paste(thing.image, (left, top), thing.image)
    character = pictures[0] if pictures else Image.new("RGB", (512, 512), "#8a93a6")
    printed, (x, y) = thing.printed(character)
    scene.paste(printed, (left + x, top + y), thing.seen.crop((x, y, x + printed.width, y + printed.height)))
    return scene


@functools.cache
def _font(size: int, korean: bool) -> ImageFont.FreeTypeFont | ImageFont.ImageFont | None:
    if not korean:
        return ImageFont.load_default(size)
    for path in _FONTS:
        if Path(path).exists():
            try:
                # Faces of the collection: 0 is Japanese, 1 Korean; they differ in Chinese characters only.
                return ImageFont.truetype(path, size, index=1 if path.endswith("CJK-Regular.ttc") else 0)
            except OSError:
                continue
    return None


def _caption(picture: Image.Image, prompt: str) -> None:
    """A bar with the prompt's first words; none where no font can write them."""
    # A lone surrogate is valid in JSON, and cannot be drawn.
    words = " ".join(prompt.encode(errors="replace").decode().split())
    text = words if len(words) <= 48 else words[:47].rstrip() + "…"
    is_latin = all(ord(c) < 0x250 or c in "…–—‘’“”" for c in text)
    height = max(28, picture.height // 24)
    font = _font(int(height * 0.58), not is_latin) if text else None
    if font is None:
        return
    bar = picture.crop((0, picture.height - height, *picture.size)).point(lambda value: value * 2 // 5)
    pen = ImageDraw.Draw(bar)
    pen.text((height // 2, height // 2), text, fill="white", font=font, anchor="lm")
    picture.paste(bar, (0, picture.height - height))
