"""Pictures at and beside each line that is drawn through them, and what both the server and the page are to say of them."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from PIL import Image, ImageDraw

from tests.picture_files import case, opened, saved

CLEAR = (0, 0, 0, 0)


@dataclass(frozen=True)
class Judged:
    """`refused`: the `why` of image_unusable. `warned`: codes of warnings with what they tell: a side, a ground, a frame."""

    what: str
    make: Callable[[], bytes]
    refused: str | None = None
    warned: tuple[tuple[str, str], ...] = ()
    #: What the model needs of the shorter side.
    min_side: int = 256


# ---- sizes ----


def drawn(width: int, height: int, kind: str = "PNG") -> bytes:
    picture = Image.new("RGB", (width, height), "white")
    ImageDraw.Draw(picture).ellipse((width // 4, height // 4, width * 3 // 4, height * 3 // 4), fill="navy")
    return saved(picture, kind)


def sized(width: int, height: int, refused: str | None = None, min_side: int = 256, kind: str = "PNG", **warned: str) -> Judged:
    what = f"{kind} of {width} x {height} where {min_side} are needed"
    return Judged(what, partial(drawn, width, height, kind), refused, tuple(warned.items()), min_side)


def small(width: int, height: int, min_side: int = 256) -> Judged:
    return sized(width, height, min_side=min_side, image_small=f"{width}x{height}")


SIZES = [
    # 256 are needed of what is sent.
    sized(690, 10_000, "narrow", kind="JPEG"),
    sized(10_000, 690, "narrow", kind="JPEG"),
    sized(1024, 255, "narrow"),
    sized(1024, 256),
    sized(4104, 1024, image_narrow="256", kind="JPEG"),
    sized(4105, 1024, "narrow", kind="JPEG"),
    sized(1025, 256, image_narrow="256"),
    sized(100, 401, "narrow"),
    sized(90, 400, "narrow"),
    # Another model needs less, or more.
    sized(200, 1600, min_side=128, image_narrow="128"),
    sized(200, 1600, "narrow", min_side=129),
    sized(690, 10_000, min_side=64, kind="JPEG", image_narrow="71"),
    sized(690, 10_000, "narrow", min_side=72, kind="JPEG"),
    # Below 384 what was made smaller has lost its detail.
    sized(1024, 383),
    sized(1025, 384),
    sized(1025, 383, image_narrow="383"),
    sized(768, 2048),
    sized(766, 2048, image_narrow="383"),
    sized(765, 2048, image_narrow="382"),
    sized(3000, 1125),
    sized(3000, 1123, image_narrow="383"),
    sized(3000, 1120, image_narrow="382", kind="JPEG"),
    # Below 256 what is enlarged is small.
    sized(256, 300),
    small(255, 300),
    small(100, 400),
    small(1, 4),
    small(60, 60),
    small(255, 1020),
    sized(255, 1024, min_side=64),
    small(255, 1023, min_side=64),
    sized(511, 600),
    sized(255, 1030, min_side=64, image_narrow="254"),
]


# ---- colours ----


def halves(one: Any, other: Any, mode: str = "RGB", size: int = 400) -> bytes:
    picture = Image.new(mode, (size, size), one)
    picture.paste(other, (0, 0, size // 2, size))
    return saved(picture, "PNG")


def plain(colour: Any, mode: str = "RGB", kind: str = "PNG", side: int = 400) -> bytes:
    return saved(Image.new(mode, (side, side), colour), kind)


COLOURS = [
    Judged("white", partial(plain, "white"), "one_colour"),
    Judged("grey", partial(plain, 90, "L"), "one_colour"),
    Judged("a JPEG of one colour", partial(plain, (12, 200, 40), kind="JPEG"), "one_colour"),
    Judged("a large JPEG of one colour", partial(plain, (12, 200, 40), kind="JPEG", side=2400), "one_colour"),
    Judged("inks of one colour", partial(plain, (0, 99, 0, 0), "CMYK", "JPEG"), "one_colour"),
    Judged("one colour, small", partial(plain, "red", side=40), "one_colour"),
    Judged("four steps apart", partial(halves, (100, 100, 100), (104, 104, 104)), "one_colour"),
    Judged("five steps apart", partial(halves, (100, 100, 100), (105, 105, 105))),
    Judged("five steps apart in blue", partial(halves, (100, 100, 100), (100, 100, 105))),
    Judged("nothing in it", partial(plain, CLEAR, "RGBA"), "transparent"),
    Judged("a colour that cannot be seen", partial(halves, (255, 0, 0, 0), (0, 0, 255, 0), "RGBA"), "transparent"),
    Judged("a breath of black", partial(plain, (0, 0, 0, 1), "RGBA"), "one_colour"),
    Judged("a colour seen through", partial(plain, (255, 0, 0, 120), "RGBA"), "one_colour"),
    Judged("a colour of two strengths", partial(halves, (255, 0, 0, 120), (255, 0, 0, 100), "RGBA")),
    Judged("white, too faint on any ground", partial(halves, (255, 255, 255, 8), CLEAR, "RGBA"), "one_colour"),
    Judged(
        "white, faint on grey", partial(halves, (255, 255, 255, 10), CLEAR, "RGBA"), warned=(("image_ground_changed", "grey"),)
    ),
    Judged("black on white with an alpha channel", partial(halves, (255, 255, 255, 255), (0, 0, 0, 255), "RGBA")),
]


# ---- grounds ----

Boxes = tuple[tuple[tuple[int, ...], tuple[int, int, int, int]], ...]


def boxes(*parts: tuple[tuple[int, ...], tuple[int, int, int, int]], kind: str = "PNG", scale: int = 1) -> bytes:
    picture = Image.new("RGBA", (512 * scale, 512 * scale), CLEAR)
    for colour, (left, top, right, bottom) in parts:
        box = (scale * left, scale * top, scale * right, scale * bottom)
        picture.paste((*colour, 255) if len(colour) == 3 else colour, box)
    return saved(picture, kind, **({"lossless": True} if kind == "WEBP" else {}))


def ringed(colour: Any, outline: Any, width: int) -> bytes:
    picture = Image.new("RGBA", (800, 800), CLEAR)
    ImageDraw.Draw(picture).ellipse((150, 150, 650, 650), fill=colour, outline=outline, width=width)
    return saved(picture, "PNG")


def plain_half_clear(side: int) -> bytes:
    return halves((255, 255, 255, 255), CLEAR, "RGBA", side)


def on(ground: str) -> tuple[tuple[str, str], ...]:
    return (("image_ground_changed", ground),)


def logo(side: int) -> bytes:
    """Soft edges are more of a small one."""
    return saved(opened(case("white_logo.png")).convert("RGBA").resize((side, side)), "PNG")


def logo_warned(side: int) -> tuple[tuple[str, str], ...]:
    return (*((("image_small", f"{side}x{side}"),) if side < 256 else ()), *on("grey"))


WHITE, GREY, DARK, BLACK = (255, 255, 255), (128, 128, 128), (40, 40, 40), (0, 0, 0)
MIDDLE = (100, 100, 400, 400)

GROUNDS = [
    Judged("a white mark", partial(boxes, (WHITE, MIDDLE)), warned=on("grey")),
    Judged("a white mark in a WebP", partial(boxes, (WHITE, MIDDLE), kind="WEBP"), warned=on("grey")),
    Judged("a large white mark", partial(boxes, (WHITE, MIDDLE), scale=5), warned=on("grey")),
    Judged("a small white mark", partial(plain_half_clear, 100), warned=(("image_small", "100x100"), *on("grey"))),
    Judged("a black mark", partial(boxes, (BLACK, MIDDLE))),
    Judged("a large black mark", partial(boxes, (BLACK, MIDDLE), scale=5)),
    Judged("31 steps from white", partial(boxes, ((224, 224, 224), MIDDLE)), warned=on("grey")),
    Judged("32 steps from white", partial(boxes, ((223, 223, 223), MIDDLE))),
    Judged("32 steps from white in blue", partial(boxes, ((255, 255, 223), MIDDLE))),
    Judged("half of it white", partial(boxes, (BLACK, (0, 0, 100, 200)), (WHITE, (300, 0, 400, 200)))),
    Judged(
        "more than half of it white", partial(boxes, (BLACK, (0, 0, 100, 200)), (WHITE, (300, 0, 400, 204))), warned=on("grey")
    ),
    *(Judged(f"a white logo of {side} px", partial(logo, side), warned=logo_warned(side)) for side in (60, 120, 256, 300, 2600)),
    Judged("white and a little grey", partial(boxes, (WHITE, (0, 0, 400, 400)), (GREY, (0, 420, 80, 500))), warned=on("grey")),
    Judged("white and some grey", partial(boxes, (WHITE, (0, 0, 400, 400)), (GREY, (0, 404, 100, 504))), warned=on("darkGrey")),
    Judged("white and grey", partial(boxes, (WHITE, (0, 0, 400, 200)), (GREY, (0, 300, 400, 400))), warned=on("darkGrey")),
    Judged(
        "white, grey and dark grey",
        partial(boxes, (WHITE, (0, 0, 400, 200)), (GREY, (0, 300, 300, 400)), (DARK, (400, 300, 500, 400))),
        warned=on("paleBlue"),
    ),
    Judged("a white figure with an outline", partial(ringed, "white", "black", 2)),
    Judged("a white figure with a pale outline", partial(ringed, "white", (230, 230, 230), 2), warned=on("grey")),
    Judged(
        "an outline that is open", lambda: boxes((BLACK, (100, 100, 400, 110)), (WHITE, (100, 110, 400, 400))), warned=on("grey")
    ),
    Judged(
        "black beside white that is hardly there", partial(boxes, (BLACK, (0, 0, 60, 60)), ((*WHITE, 15), (0, 100, 400, 400)))
    ),
    Judged(
        "black beside white that is just there",
        partial(boxes, (BLACK, (0, 0, 60, 60)), ((*WHITE, 16), (0, 100, 400, 400))),
        warned=on("grey"),
    ),
]


# ---- frames ----


def animated(kind: str, blanks: int, marks: int = 1, **options: Any) -> bytes:
    """Frames of nothing, each a step from the one before it as encoders leave out what is the same, then marks."""
    size = (300, 300)
    frames = [Image.new("RGB", size, (255 - number % 2,) * 3) for number in range(blanks)]
    for number in range(marks):
        frame = Image.new("RGB", size, "white")
        ImageDraw.Draw(frame).rectangle((60 + 40 * number, 60, 160 + 40 * number, 160), fill=("navy", "red", "green")[number % 3])
        frames.append(frame)
    options |= {"lossless": True} if kind == "WEBP" else {}
    return saved(frames[0], kind, save_all=True, append_images=frames[1:], duration=100, **options)


def mark_beside_blank_frames() -> bytes:
    mark, *blank = (Image.new("RGB", (300, 300), (255 - number % 2,) * 3) for number in range(4))
    ImageDraw.Draw(mark).rectangle((60, 60, 160, 160), fill="navy")
    return saved(mark, "PNG", save_all=True, append_images=blank, default_image=True, duration=100)


def moving(kind: str, blanks: int, marks: int = 1, refused: str | None = None) -> Judged:
    warned = (("image_first_frame", str(blanks + 1)),) if blanks > 0 and refused is None else ()
    return Judged(f"{kind} of {blanks} blank frames and {marks} others", partial(animated, kind, blanks, marks), refused, warned)


FRAMES = [
    *(moving(kind, blanks, marks) for kind in ("GIF", "PNG", "WEBP") for blanks, marks in ((0, 2), (1, 1), (3, 2))),
    *(moving(kind, 3, 0, "one_colour") for kind in ("GIF", "PNG", "WEBP")),
    # Its first picture is none of its frames, but shown where nothing moves.
    Judged(
        "PNG with a blank picture beside its frames",
        partial(animated, "PNG", 2, 2, default_image=True),
        warned=(("image_first_frame", "2"),),
    ),
    Judged("PNG with a mark beside its blank frames", mark_beside_blank_frames, "one_colour"),
    # So many are looked at.
    moving("PNG", 49),
    moving("PNG", 50, 1, "one_colour"),
    moving("WEBP", 49),
    moving("WEBP", 50, 1, "one_colour"),
]

JUDGED: list[Judged] = [*SIZES, *COLOURS, *GROUNDS, *FRAMES]
