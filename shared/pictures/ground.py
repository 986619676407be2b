"""What stands behind a transparent picture: white, as creators see it in their editors, or else what shows it."""

from typing import NamedTuple

from PIL import Image, ImageChops

#: The picture is looked at in this size.
_LOOK_PX = 128
#: Of 255, in the channel that differs most: what can be told from its ground.
_CONTRAST = 32
#: Below this nothing of a pixel is seen.
_SEEN_ALPHA = 16
#: White stays as long as so much of what is visible can be seen on it: a sticker loses its white border only.
_ENOUGH = 0.5


class Ground(NamedTuple):
    colour: tuple[int, int, int]
    ko: str
    en: str


WHITE = Ground((255, 255, 255), "흰색", "white")
#: What shows so little less is as good: soft edges decide nothing.
_AS_GOOD = 0.05
#: In the order in which they are preferred where they show as much.
OTHERS = (
    Ground((128, 128, 128), "회색", "grey"),
    Ground((40, 40, 40), "어두운 회색", "dark grey"),
    Ground((200, 215, 235), "연한 하늘색", "pale blue"),
)


def on_ground(picture: Image.Image) -> tuple[Image.Image, Ground]:
    """An RGBA picture on the ground on which it can be seen."""
    ground = _chosen(picture)
    return placed_on(ground, picture), ground


def placed_on(ground: Ground, picture: Image.Image) -> Image.Image:
    """RGB of an RGBA picture."""
    whole = Image.new("RGB", picture.size, ground.colour)
    whole.paste(picture, mask=picture.getchannel("A"))
    return whole


def _chosen(picture: Image.Image) -> Ground:
    if picture.getchannel("A").getextrema()[0] == 255:
        return WHITE
    if _share_seen(picture, WHITE) >= _ENOUGH:
        return WHITE
    shares = [_share_seen(picture, ground) for ground in OTHERS]
    return next(ground for ground, share in zip(OTHERS, shares, strict=True) if share >= max(shares) - _AS_GOOD)


def _share_seen(picture: Image.Image, ground: Ground) -> float:
    """How much of what is visible can be told from the ground: what contrasts with it, and what an outline encloses that does."""
    # With the first picture that may need one.
    from PIL import ImageDraw

    red, green, blue = ImageChops.difference(placed_on(ground, picture), Image.new("RGB", picture.size, ground.colour)).split()
    contrast = ImageChops.lighter(red, ImageChops.lighter(green, blue)).point([255 * (step >= _CONTRAST) for step in range(256)])
    step = max(1, -(-max(picture.size) // _LOOK_PX))
    # An outline stays one however thin it is.
    walls = contrast.reduce(step).point([255 * (value > 0) for value in range(256)])
    visible = picture.getchannel("A").point([255 * (alpha >= _SEEN_ALPHA) for alpha in range(256)]).reduce(step)
    outside = Image.new("L", (walls.width + 2, walls.height + 2))
    outside.paste(walls, (1, 1))
    ImageDraw.floodfill(outside, (0, 0), 128)
    seen = outside.crop((1, 1, walls.width + 1, walls.height + 1)).point([255 * (value != 128) for value in range(256)])
    return _weight(ImageChops.darker(seen, visible)) / max(1, _weight(visible))


def _weight(mask: Image.Image) -> int:
    return sum(value * count for value, count in enumerate(mask.histogram()))
