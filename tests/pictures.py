"""Images as users upload them, made on the spot."""

import functools
import io
import itertools
import math
import random
import struct
import zlib

from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageFont


def _drawing(width: int, height: int) -> Image.Image:
    """Blue above, red below: so that a test can tell which way is up."""
    picture = Image.new("RGB", (width, height), (40, 80, 200))
    ImageDraw.Draw(picture).rectangle((0, height // 2, width, height), fill=(200, 50, 50))
    return picture


def _saved(picture: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def photo_jpeg(width: int, height: int, exif_orientation: int = 1) -> bytes:
    """A camera's JPEG; with orientation 6 the camera was held on its side."""
    exif = Image.Exif()
    exif[0x0112] = exif_orientation
    exif[0x010F] = "Camera"
    return _saved(_drawing(width, height), "JPEG", quality=88, exif=exif)


def grainy_jpeg(size_bytes: int) -> bytes:
    """A photo of 1800 by 1350 pixels, just under a size: shapes of every size, and the grain of a sensor."""
    chance, size = random.Random(1), (1800, 1350)
    photo = Image.new("RGB", size, (128, 128, 128))
    for side in (8, 24, 72, 216, 648):
        shapes = Image.frombytes("RGB", (side, side), chance.randbytes(side * side * 3))
        photo = Image.blend(photo, shapes.resize(size, Image.Resampling.BICUBIC), 0.25)
    grain = Image.frombytes("L", size, chance.randbytes(size[0] * size[1])).convert("RGB")
    photo = Image.blend(photo, grain, 0.06)
    for quality in range(95, 30, -1):
        data = _saved(photo, "JPEG", quality=quality)
        if len(data) <= size_bytes:
            return data.ljust(size_bytes, b"\0")
    raise ValueError(size_bytes)


def noisy_jpeg(size_bytes: int) -> bytes:
    """A JPEG just under a size, of noise in grey: no photo takes so many bytes a pixel."""
    side = 1600
    while True:
        noise = Image.frombytes("L", (side, side), random.Random(1).randbytes(side * side))
        data = _saved(noise, "JPEG", quality=95)
        if len(data) <= size_bytes:
            return data.ljust(size_bytes, b"\0")
        side = int(side * (size_bytes / len(data)) ** 0.5)


def png_with_alpha(width: int, height: int) -> bytes:
    picture = Image.new("RGBA", (width, height), (0, 0, 0, 0))
    ImageDraw.Draw(picture).ellipse((width // 4, height // 4, width * 3 // 4, height * 3 // 4), fill=(20, 160, 90, 255))
    return _saved(picture, "PNG")


def drawing_png(width: int, height: int) -> bytes:
    return _saved(_drawing(width, height), "PNG")


def webp(width: int, height: int) -> bytes:
    return _saved(_drawing(width, height), "WEBP", quality=80)


def truncated_jpeg() -> bytes:
    whole = photo_jpeg(800, 600)
    return whole[: len(whole) // 2]


def bomb_png(side: int = 30_000) -> bytes:
    """A few KB that would unpack to `side` squared pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = zlib.compressobj(9)
    data = rows.compress(b"\0" * 1_000_000) + rows.flush()
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


# ---- what webtoon creators send: drawn large and made smaller, as from an editor, so that outlines have soft edges ----

_FINE = 3
#: Straight pieces between two points of a curve.
_BETWEEN = 12
_INK = (24, 20, 28)
_SKIN, _SHADE, _HAIR, _SHEEN = (255, 224, 200), (236, 184, 164), (52, 44, 92), (104, 92, 160)
_COAT, _FOLD, _LIPS, _IRIS, _SKY = (214, 38, 52), (150, 20, 48), (196, 72, 84), (44, 150, 132), (168, 216, 244)
_Points = list[tuple[float, float]]
_HEAD: _Points = [
    (-0.3, -0.25), (-0.2, -0.43), (0, -0.47), (0.2, -0.43), (0.3, -0.25), (0.33, 0.1), (0.2, 0.24), (-0.2, 0.24), (-0.33, 0.1),
]  # fmt: skip
_FACE: _Points = [(-0.21, -0.16), (0, -0.3), (0.21, -0.16), (0.19, 0.04), (0.08, 0.16), (0, 0.185), (-0.08, 0.16), (-0.19, 0.04)]


class _Sheet:
    """A drawing in units of its shorter side, from its middle; what lies outside is cut off."""

    def __init__(self, width: int, height: int, ground: tuple[int, int, int] = (255, 255, 255)) -> None:
        self.size = (width, height)
        self.picture = Image.new("RGB", (width * _FINE, height * _FINE), ground)
        self.draw = ImageDraw.Draw(self.picture)
        self.unit = min(self.picture.size)

    def at(self, x: float, y: float) -> tuple[float, float]:
        return self.picture.width / 2 + x * self.unit, self.picture.height / 2 + y * self.unit

    def area(self, points: _Points, colour: tuple[int, int, int], line: float = 0.006) -> None:
        """A closed shape with an outline."""
        way = _curve([*points, *points[:3]])[: len(points) * _BETWEEN + 1]
        self.draw.polygon([self.at(x, y) for x, y in way], fill=colour)
        if line:
            self._ink(way, line, is_even=True)

    def stroke(self, points: _Points, line: float = 0.006) -> None:
        """A pen's stroke: thin where it begins and ends."""
        self._ink(_curve([points[0], *points, points[-1]]), line)

    def dot(self, x: float, y: float, across: float, colour: tuple[int, int, int] = _INK) -> None:
        (left, top), radius = self.at(x, y), across / 2 * self.unit
        self.draw.ellipse((left - radius, top - radius, left + radius, top + radius), fill=colour)

    def write(self, x: float, y: float, height: float, text: str, colour: tuple[int, int, int]) -> None:
        self.draw.text(self.at(x, y), text, font=ImageFont.load_default(height * self.unit), fill=colour)

    def made(self) -> Image.Image:
        return self.picture.resize(self.size, Image.Resampling.LANCZOS)

    def _ink(self, way: _Points, line: float, is_even: bool = False) -> None:
        for n, (begin, end) in enumerate(itertools.pairwise(way)):
            press = 1.0 if is_even else 0.25 + 0.75 * math.sin(math.pi * (n + 0.5) / len(way))
            self.draw.line((self.at(*begin), self.at(*end)), fill=_INK, width=max(1, round(line * press * self.unit)))
            self.dot(*end, line * press)


def _curve(points: _Points) -> _Points:
    """Smooth through all but the first and last point (Catmull-Rom)."""
    way: _Points = []
    for a, b, c, d in zip(points, points[1:], points[2:], points[3:], strict=False):
        for step in range(_BETWEEN):
            t = step / _BETWEEN
            x, y = (
                0.5 * (2 * q + (r - p) * t + (2 * p - 5 * q + 4 * r - s) * t**2 + (3 * q - p - 3 * r + s) * t**3)
                for p, q, r, s in zip(a, b, c, d, strict=True)
            )
            way.append((x, y))
    return [*way, points[-2]]


def _mirrored(points: _Points) -> _Points:
    return [(-x, y) for x, y in points]


def _figure(sheet: _Sheet, is_coloured: bool) -> None:
    """Head and shoulders of somebody in a red coat."""

    def fill(colour: tuple[int, int, int]) -> tuple[int, int, int]:
        return colour if is_coloured else (255, 255, 255)

    rng = random.Random(3)
    sheet.area(_HEAD, fill(_HAIR))
    sheet.area([(-0.44, 0.56), (-0.38, 0.32), (-0.12, 0.23), (0.12, 0.23), (0.38, 0.32), (0.44, 0.56)], fill(_COAT), 0.008)
    sheet.area([(-0.08, 0.1), (0.08, 0.1), (0.1, 0.26), (0, 0.34), (-0.1, 0.26)], fill(_SKIN))
    if is_coloured:
        sheet.area([(-0.08, 0.13), (0.08, 0.13), (0.06, 0.22), (-0.05, 0.2)], _SHADE, 0)
        sheet.area([(-0.42, 0.52), (-0.3, 0.36), (-0.26, 0.4), (-0.3, 0.54)], _FOLD, 0)
        sheet.area([(0.24, 0.54), (0.22, 0.4), (0.3, 0.35), (0.42, 0.52)], _FOLD, 0)
    sheet.area(
        [(-0.21, -0.16), (0, -0.3), (0.21, -0.16), (0.19, 0.04), (0.08, 0.16), (0, 0.185), (-0.08, 0.16), (-0.19, 0.04)],
        fill(_SKIN),
    )
    if is_coloured:
        sheet.area([(-0.2, -0.16), (0, -0.2), (0.2, -0.16), (0.12, -0.11), (-0.1, -0.12)], _SHADE, 0)
    for side in (lambda points: points, _mirrored):
        sheet.area(side([(0.05, -0.03), (0.1, -0.075), (0.16, -0.03), (0.1, -0.002)]), (255, 255, 255), 0)
        (x, y), *_ = side([(0.105, -0.036)])
        sheet.dot(x, y, 0.064)
        sheet.dot(x, y, 0.052, fill(_IRIS))
        sheet.dot(x, y, 0.026)
        sheet.dot(x + 0.01, y - 0.014, 0.014, (255, 255, 255))
        sheet.stroke(side([(0.045, -0.03), (0.1, -0.078), (0.165, -0.035), (0.185, -0.045)]), 0.012)
        sheet.stroke(side([(0.06, -0.012), (0.1, 0), (0.145, -0.012)]), 0.004)
        sheet.stroke(side([(0.045, -0.11), (0.11, -0.135), (0.17, -0.115)]), 0.009)
        sheet.stroke(side([(0.1, 0.26), (0.06, 0.36), (0, 0.42)]), 0.008)
        for n in range(9):
            sheet.stroke(side([(0.24 + n * 0.011, -0.2 + n * 0.01), (0.27 + n * 0.007, 0), (0.21 + n * 0.011, 0.2)]), 0.003)
    sheet.stroke([(-0.004, 0.02), (-0.014, 0.06), (0.008, 0.064)], 0.005)
    sheet.stroke([(-0.045, 0.108), (0, 0.116), (0.045, 0.104)], 0.006)
    if is_coloured:
        sheet.area([(-0.03, 0.116), (0, 0.122), (0.03, 0.115), (0, 0.134)], _LIPS, 0)
    for n in range(11):
        x = -0.22 + n * 0.04
        tip = (x + 0.02 + rng.uniform(-0.02, 0.02), -0.15 + rng.uniform(-0.03, 0.05))
        sheet.area([(x, -0.34), (x + 0.05, -0.34), (x + 0.045, -0.24), tip, (x + 0.005, -0.24)], fill(_HAIR), 0.004)
    if is_coloured:
        sheet.area([(-0.2, -0.33), (-0.08, -0.38), (0.1, -0.37), (0.2, -0.33), (0.08, -0.345), (-0.08, -0.35)], _SHEEN, 0)
    for n in range(40):
        x, y = -0.36 + n * 0.018, 0.4 + 0.04 * math.sin(n)
        sheet.stroke([(x, y), (x + 0.02, y + 0.03), (x + 0.03, y + 0.08)], 0.0025)


def line_art(width: int, height: int) -> Image.Image:
    """Black ink on white, with its soft edges."""
    sheet = _Sheet(width, height)
    _figure(sheet, is_coloured=False)
    return sheet.made().convert("L").convert("RGB")


def character(width: int, height: int) -> Image.Image:
    """Flat colours within dark outlines."""
    sheet = _Sheet(width, height, _SKY)
    _figure(sheet, is_coloured=True)
    return sheet.made()


def painted_character(width: int, height: int) -> Image.Image:
    """The character with soft shading and the grain of paper: outlines that no PNG holds in a few KB."""
    drawn = character(width, height)
    shading = Image.linear_gradient("L").resize(drawn.size).point(lambda grey: 150 + grey * 105 // 255)
    grain = cloud(width, height, 5, (1, 2, 4, 64)).point(lambda grey: 225 + grey * 30 // 255)
    shaded = ImageChops.multiply(drawn, Image.merge("RGB", [shading.transpose(Image.Transpose.ROTATE_180)] * 3))
    return ImageChops.multiply(shaded, Image.merge("RGB", [grain] * 3))


def screentone_page(width: int, height: int) -> Image.Image:
    """A page in black and white: panels with printed dots, lines of speed and a bubble."""
    sheet = _Sheet(width, height)
    pitch, across, down = 0.011, width / min(width, height), height / min(width, height)
    rows, columns = int(down / pitch * 1.42), int(across / pitch * 0.71)
    for row in range(rows):
        for column in range(columns):
            x = (column - columns / 2 + row % 2 / 2) * pitch * 1.414
            y = (row - rows / 2) * pitch * 0.707
            sheet.dot(x, y, pitch * (0.25 + 0.7 * (y / down + 0.5)))
    _figure(sheet, is_coloured=False)
    for n in range(90):
        turn = n * math.tau / 90 + 0.013 * (n % 7)
        near = (0.56 + 0.05 * (n % 5)) if across > 1 else 0.5 + 0.03 * (n % 5)
        sheet.stroke([(near * math.cos(turn), near * math.sin(turn)), (1.2 * math.cos(turn), 1.2 * math.sin(turn))], 0.005)
    sheet.area([(0.24, -0.42), (0.42, -0.44), (0.47, -0.34), (0.4, -0.26), (0.26, -0.28), (0.2, -0.35)], (255, 255, 255), 0.005)
    sheet.write(0.245, -0.385, 0.04, "Run!  Now!", _INK)
    return sheet.made().convert("L").convert("RGB")


def cloud(width: int, height: int, seed: int, grains: tuple[int, ...]) -> Image.Image:
    """Noise in several sizes of grain (px), each as strong as the others."""
    mixed = Image.new("L", (width, height), 128)
    for n, grain in enumerate(grains, start=1):
        size = (max(2, width // grain + 1), max(2, height // grain + 1))
        noise = Image.frombytes("L", size, random.Random(seed + grain).randbytes(size[0] * size[1]))
        mixed = Image.blend(mixed, noise.resize((width, height), Image.Resampling.BICUBIC), 1 / n)
    return mixed


def product(width: int, height: int) -> Image.Image:
    """A bottle on a wooden table as a camera sees it: soft light, texture, small print, the sensor's noise."""
    return _product(width, height).copy()


@functools.cache
def _product(width: int, height: int) -> Image.Image:
    sheet = _Sheet(width, height, (206, 198, 188))
    sheet.draw.rectangle((0, sheet.at(0, 0.2)[1], *sheet.picture.size), fill=(126, 84, 52))
    for n in range(60):
        y, brown = 0.2 + n * 0.006 * (1 + n / 40), (112 + n % 5 * 6, 72 + n % 3 * 6, 44)
        sheet.draw.line((sheet.at(-1, y), sheet.at(1, y + 0.004 * math.sin(n))), fill=brown, width=4)
    sheet.picture = sheet.picture.filter(ImageFilter.GaussianBlur(6))
    sheet.draw = ImageDraw.Draw(sheet.picture)
    for n in range(60):
        x, light = 0.32 * (n / 60 - 0.5), math.sin(math.pi * (n + 0.5) / 60) ** 0.7
        glass, label = (int(20 * light), int(30 + 90 * light), int(40 + 60 * light)), (int(120 + 130 * light), 50, 50)
        for top, bottom, width_of, colour in ((-0.4, -0.19, 0.4, glass), (-0.2, 0.36, 1, glass), (-0.05, 0.24, 1, label)):
            left, right = sheet.at(x * width_of, top), sheet.at((x + 0.0055) * width_of, bottom)
            sheet.draw.rectangle((*left, *right), fill=colour)
    sheet.write(-0.15, -0.03, 0.06, "TOON TEA", (250, 240, 220))
    for n in range(13):
        sheet.write(-0.15, 0.03 + n * 0.018, 0.014, "Net 500 ml. Shake well, keep cool, best before", (250, 240, 220))
    seen = sheet.made().filter(ImageFilter.GaussianBlur(0.6))
    texture = Image.merge("RGB", [cloud(width, height, 11, (2, 4, 8, 16, 64)).point(lambda grey: 200 + grey * 55 // 255)] * 3)
    sensor = Image.merge("RGB", [cloud(width, height, 20 + n, (1,)).point(lambda grey: 244 + grey * 11 // 255) for n in range(3)])
    return ImageChops.multiply(ImageChops.multiply(seen, texture), sensor)


def gradient(width: int, height: int) -> Image.Image:
    """A sky in the evening, without any edge."""
    across, down = (
        Image.linear_gradient("L").rotate(90).resize((width, height)),
        Image.linear_gradient("L").resize((width, height)),
    )
    return Image.merge("RGB", [down, Image.blend(across, down, 0.5), Image.radial_gradient("L").resize((width, height))])


def noise(width: int, height: int) -> Image.Image:
    """What no encoder makes small."""
    return Image.frombytes("RGB", (width, height), random.Random(2).randbytes(width * height * 3))
