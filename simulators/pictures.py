"""The pictures that come out: a person sees at once what went in. Deterministic by seed, about a megapixel."""

import base64
import binascii
import io
import math
import random
from typing import Any

from PIL import Image, ImageDraw, ImageFilter, ImageFont, ImageOps

_KOREAN_FONTS = ("/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc", "/usr/share/fonts/noto-cjk/NotoSansCJK-Regular.ttc")
GOODS_WORDS = {
    "mug": ("mug", "머그"), "keyring": ("keyring", "키링"), "sticker": ("sticker", "스티커"), "phonecase": ("phone", "폰케이스"),
    "totebag": ("tote", "에코백"), "poster": ("poster", "포스터"), "cushion": ("cushion", "쿠션"), "tshirt": ("shirt", "티셔츠"),
}  # fmt: skip


class UnreadableImage(Exception):
    pass


def decode_image(text: str) -> Image.Image:
    """An image from a data URI or plain base64. Raises UnreadableImage."""
    data = text.partition(",")[2] if text.startswith("data:") else text
    try:
        picture = Image.open(io.BytesIO(base64.b64decode(data, validate=True)))
        picture.load()
    except (ValueError, OSError, binascii.Error, SyntaxError) as error:
        raise UnreadableImage from error
    return picture.convert("RGBA")


def size_for(aspect_ratio: str | None, first: Image.Image | None) -> tuple[int, int]:
    """About a megapixel of that ratio, in steps of 16."""
    if aspect_ratio in (None, "match_input_image"):
        ratio = first.width / first.height if first else 1.0
    else:
        wide, high = (int(p) for p in str(aspect_ratio).split(":"))
        ratio = wide / high
    ratio = max(9 / 21, min(ratio, 21 / 9))
    width = math.sqrt(1024 * 1024 * ratio)
    return max(16, round(width / 16) * 16), max(16, round(width / ratio / 16) * 16)


def paint(images: list[str], prompt: str, aspect_ratio: str | None, output_format: str, seed: int) -> bytes:
    """Two images: the second, as a product, on the first. One: the character on merchandise. None: a backdrop."""
    rng = random.Random(seed)
    opened = [decode_image(text) for text in images]
    size = size_for(aspect_ratio, opened[0] if opened else None)
    if len(opened) > 1:
        picture = _placement(opened[0], opened[1], size, rng)
    else:
        picture = _merchandise(opened[0] if opened else None, prompt, size, rng)
    _caption(picture, prompt)
    buffer = io.BytesIO()
    options: dict[str, Any] = {"compress_level": 1} if output_format == "png" else {"quality": 88}
    picture.convert("RGB").save(buffer, {"jpg": "JPEG"}.get(output_format, output_format.upper()), **options)
    return buffer.getvalue()


def _placement(character: Image.Image, product: Image.Image, size: tuple[int, int], rng: random.Random) -> Image.Image:
    scene = Image.new("RGBA", size, "white")
    scene.alpha_composite(ImageOps.fit(character, size, Image.Resampling.BILINEAR))
    side = min(size) * 2 // 5
    card = ImageOps.contain(product, (side, side), Image.Resampling.BILINEAR)
    frame = Image.new("RGBA", (card.width + 24, card.height + 24), (255, 255, 255, 255))
    frame.alpha_composite(card, (12, 12))
    frame = frame.rotate(rng.uniform(-9, 9), expand=True, resample=Image.Resampling.BILINEAR)
    at = (
        size[0] - frame.width - rng.randint(10, max(11, size[0] // 12)),
        size[1] - frame.height - rng.randint(60, max(61, size[1] // 8)),
    )
    at = (max(0, at[0]), max(0, at[1]))
    shadow = Image.new("RGBA", frame.size, (0, 0, 0, 0))
    shadow.paste((0, 0, 0, 110), mask=frame.getchannel("A"))
    scene.alpha_composite(
        shadow.filter(ImageFilter.BoxBlur(8)), (at[0] + 8 if at[0] + 8 + frame.width <= size[0] else at[0], at[1])
    )
    scene.alpha_composite(frame, at)
    return scene


def _merchandise(character: Image.Image | None, prompt: str, size: tuple[int, int], rng: random.Random) -> Image.Image:
    hue = rng.randint(0, 255)
    top = Image.new("HSV", (1, 1), (hue, 28, 250)).convert("RGB").getpixel((0, 0))
    scene = Image.new("RGBA", size, (*top, 255))  # type: ignore[misc]
    draw = ImageDraw.Draw(scene)
    draw.rectangle((0, size[1] * 3 // 4, *size), fill=tuple(int(c * 0.9) for c in top))  # type: ignore[union-attr]
    side = int(min(size) * 0.72)
    left, upper = (size[0] - side) // 2, (size[1] - side) // 2
    box = (left, upper, left + side, upper + side)
    words = prompt.lower()
    product = next((name for name, marks in GOODS_WORDS.items() if any(mark in words for mark in marks)), "tshirt")
    print_box = _outline(draw, product, box)
    if character is not None:
        room = (print_box[2] - print_box[0], print_box[3] - print_box[1])
        printed = ImageOps.contain(character, room, Image.Resampling.BILINEAR)
        scene.alpha_composite(
            printed, (print_box[0] + (room[0] - printed.width) // 2, print_box[1] + (room[1] - printed.height) // 2)
        )
    return scene


def _outline(draw: ImageDraw.ImageDraw, product: str, box: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
    """Draw the product; returns where its print goes."""
    left, upper, right, lower = box
    w, h = right - left, lower - upper
    line, ink, white = max(3, w // 120), (90, 90, 100, 255), (252, 252, 252, 255)

    def at(x: float, y: float) -> tuple[int, int]:
        return left + int(w * x), upper + int(h * y)

    def inner(x0: float, y0: float, x1: float, y1: float) -> tuple[int, int, int, int]:
        return (*at(x0, y0), *at(x1, y1))

    if product == "mug":
        draw.arc(inner(0.68, 0.28, 1.0, 0.72), 270, 90, fill=ink, width=w // 14)
        draw.rounded_rectangle(inner(0.08, 0.12, 0.8, 0.9), radius=w // 16, fill=white, outline=ink, width=line)
        draw.ellipse(inner(0.08, 0.06, 0.8, 0.18), fill=(235, 235, 238, 255), outline=ink, width=line)
        return inner(0.18, 0.24, 0.7, 0.84)
    if product == "tshirt":
        points = [(0.3, 0.08), (0.42, 0.14), (0.58, 0.14), (0.7, 0.08), (1.0, 0.26), (0.88, 0.44), (0.78, 0.38), (0.78, 0.96),
                  (0.22, 0.96), (0.22, 0.38), (0.12, 0.44), (0.0, 0.26)]  # fmt: skip
        draw.polygon([at(x, y) for x, y in points], fill=white, outline=ink, width=line)
        return inner(0.3, 0.26, 0.7, 0.74)
    if product == "keyring":
        draw.ellipse(inner(0.42, 0.0, 0.58, 0.16), outline=ink, width=line * 2)
        draw.rounded_rectangle(inner(0.18, 0.16, 0.82, 0.98), radius=w // 8, fill=(255, 255, 255, 200), outline=ink, width=line)
        return inner(0.25, 0.24, 0.75, 0.92)
    if product == "sticker":
        draw.ellipse(inner(0.02, 0.02, 0.98, 0.98), fill=white, outline=ink, width=line)
        return inner(0.16, 0.16, 0.84, 0.84)
    if product == "phonecase":
        draw.rounded_rectangle(inner(0.25, 0.0, 0.75, 1.0), radius=w // 12, fill=white, outline=ink, width=line)
        draw.rounded_rectangle(inner(0.29, 0.04, 0.44, 0.2), radius=w // 30, fill=ink)
        return inner(0.3, 0.24, 0.7, 0.94)
    if product == "totebag":
        draw.arc(inner(0.32, -0.06, 0.68, 0.5), 180, 0, fill=ink, width=line * 3)
        draw.rectangle(inner(0.12, 0.24, 0.88, 1.0), fill=(246, 238, 220, 255), outline=ink, width=line)
        return inner(0.22, 0.34, 0.78, 0.94)
    if product == "cushion":
        draw.rounded_rectangle(inner(0.04, 0.04, 0.96, 0.96), radius=w // 5, fill=white, outline=ink, width=line)
        return inner(0.16, 0.16, 0.84, 0.84)
    draw.rectangle(inner(0.12, 0.0, 0.88, 1.0), fill=white, outline=ink, width=line * 3)
    return inner(0.17, 0.05, 0.83, 0.95)


def _caption(picture: Image.Image, prompt: str) -> None:
    words = " ".join(prompt.split())[:48]
    size = max(14, picture.height // 40)
    font: Any = ImageFont.load_default(size)
    if not words.isascii():
        for path in _KOREAN_FONTS:
            try:
                font = ImageFont.truetype(path, size)
                break
            except OSError:
                continue
        else:
            return
    draw = ImageDraw.Draw(picture, "RGBA")
    draw.rectangle((0, picture.height - size * 2, *picture.size), fill=(20, 20, 30, 150))
    draw.text((size, picture.height - int(size * 1.6)), words, font=font, fill="white")
