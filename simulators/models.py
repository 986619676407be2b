"""The models as rows of two tables: what each takes, how big its pictures are, what it costs. Sections name providers.md."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from simulators.pictures import output_size

#: Seconds: fixed, or drawn evenly from [least, most].
Span = float | list[float]
Size = tuple[int, int]
#: The pixels that a price list counts as one megapixel (?).
MEGAPIXEL = 1024 * 1024


# ---- fields ----


@dataclass(frozen=True, kw_only=True)
class Field:
    required: bool = False
    #: Whether null stands for "left out". Replicate's schemas know no null.
    nullable: bool = True


@dataclass(frozen=True, kw_only=True)
class Text(Field):
    pass


@dataclass(frozen=True, kw_only=True)
class Flag(Field):
    pass


@dataclass(frozen=True, kw_only=True)
class Ratio(Field):
    """A free "W:H"."""


@dataclass(frozen=True, kw_only=True)
class Link(Field):
    longest: int


@dataclass(frozen=True, kw_only=True)
class Choice(Field):
    values: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Whole(Field):
    least: int | None = None
    most: int | None = None
    step: int = 1


@dataclass(frozen=True, kw_only=True)
class Image(Field):
    pass


@dataclass(frozen=True, kw_only=True)
class Images(Field):
    most: int


Fields = dict[str, Field]


# ---- sizes ----

#: What a caller gave, and the size of the first input image -> the size of the picture.
Sizing = Callable[[dict[str, Any], Size | None], Size]

_GRID = 16
_LEAST_SIDE, _MOST_PIXELS = 64, 4 * MEGAPIXEL
_DEFAULT_SIZE = (1024, 1024)
RESOLUTIONS = {"0.5 MP": 0.5, "1 MP": 1.0, "2 MP": 2.0, "4 MP": 4.0}


def on_the_grid(given: dict[str, Any], first: Size | None) -> Size:
    """Kontext: about one megapixel whatever the ratio (2.2). Which of two images is matched is not known (1.3) (?)."""
    return output_size(given.get("aspect_ratio"), first)


def as_asked(given: dict[str, Any], first: Size | None) -> Size:
    """FLUX.2 at BFL: exactly `width` and `height`; what is left out is as the first input's, on the grid of 16 (3.1)."""
    width, height = first or _DEFAULT_SIZE
    width, height = (max(_LEAST_SIDE, _to(side, _GRID)) for side in (width, height))
    if width * height > _MOST_PIXELS:
        scale = math.sqrt(_MOST_PIXELS / (width * height))
        width, height = _within(width * scale), _within(height * scale)
    return given.get("width") or width, given.get("height") or height


def by_resolution(given: dict[str, Any], first: Size | None) -> Size:
    """FLUX.2 at Replicate: the ratio at so many megapixels, no side above 2048 (3.1). Defaults: 1:1 and 1 MP (I)."""
    ratio, resolution = given.get("aspect_ratio", "1:1"), given.get("resolution", "1 MP")
    if ratio == "custom":
        # Rounded to 32, as the schema page says (I).
        return _to(given["width"], 32), _to(given["height"], 32)
    width, height = (first or _DEFAULT_SIZE) if ratio == "match_input_image" else (int(part) for part in ratio.split(":"))
    shown = first or _DEFAULT_SIZE
    megapixels = RESOLUTIONS.get(resolution, min(4.0, max(0.5, shown[0] * shown[1] / MEGAPIXEL)))
    scale = min(math.sqrt(megapixels * MEGAPIXEL / (width * height)), 2048 / max(width, height))
    return _within(width * scale), _within(height * scale)


def _within(side: float) -> int:
    """Rounded down, so that a picture of so many megapixels has no more; a hair's breadth is left to the floats."""
    return max(_LEAST_SIDE, int(side / _GRID + 1e-6) * _GRID)


def _to(side: float, step: int) -> int:
    return int(side / step + 0.5) * step


# ---- prices ----


def cents(prices: Sequence[float], output: Size, inputs: Sequence[Size]) -> float:
    """First megapixel of output, each further one, each megapixel of input (3.1); a cent is one of BFL's credits (2.10)."""
    first, further, per_input = prices
    return round(float(first) + further * (_counted(output) - 1) + per_input * sum(_counted(size) for size in inputs), 4)


def _counted(size: Size) -> int:
    """Megapixels, begun ones as whole: relays say so of both sides, the pricing page was not read for it (I) (?)."""
    return max(1, math.ceil(size[0] * size[1] / MEGAPIXEL))


# ---- tables ----


@dataclass(frozen=True, kw_only=True)
class Model:
    fields: Fields
    size: Sizing
    #: US cents: first megapixel of output, each further one, each of input.
    prices: tuple[float, float, float]
    default_format: str
    default_quality: int = 90
    refuses_unknown: bool = False
    #: `width` times `height`.
    most_pixels: int | None = None
    #: (field, value) -> the fields that must then be there.
    required_with: dict[tuple[str, str], tuple[str, ...]] | None = None
    #: How long a run takes; None = as long as the provider's others.
    seconds: Span | None = None
    #: Tasks of this model that may be live at once, within the account's number.
    max_active: int | None = None

    def images(self, given: dict[str, Any]) -> Iterator[tuple[str, str]]:
        """Where each input image stands, such as `input_images.0`, and its text."""
        for name, field in self.fields.items():
            if isinstance(field, Images):
                yield from ((f"{name}.{number}", text) for number, text in enumerate(given.get(name, [])))
            elif isinstance(field, Image) and given.get(name):
                yield name, given[name]


_ASPECT_RATIOS = (
    "match_input_image", "1:1", "16:9", "9:16", "4:3", "3:4", "3:2", "2:3", "4:5", "5:4", "21:9", "9:21", "2:1", "1:2",
)  # fmt: skip
#: FLUX.2 takes fewer: integrators' copies of the schema agree on these (I).
_FLUX_2_ASPECT_RATIOS = ("match_input_image", "custom", "1:1", "16:9", "3:2", "2:3", "4:5", "5:4", "9:16", "3:4", "4:3")


def _replicate_kontext(prices: tuple[float, float, float]) -> Model:
    """1.3."""
    return Model(
        fields={
            "prompt": Text(required=True),
            "input_image_1": Image(required=True),
            "input_image_2": Image(required=True),
            "aspect_ratio": Choice(values=_ASPECT_RATIOS),
            "output_format": Choice(values=("jpg", "png")),
            "seed": Whole(),
            "safety_tolerance": Whole(least=0, most=2),
        },
        size=on_the_grid, prices=prices, default_format="png",
    )  # fmt: skip


def _replicate_flux_2(prices: tuple[float, float, float]) -> Model:
    """3.1. What each costs here is not known; about what it costs at BFL."""
    return Model(
        fields={
            "prompt": Text(required=True),
            "input_images": Images(most=8),
            "aspect_ratio": Choice(values=_FLUX_2_ASPECT_RATIOS),
            "resolution": Choice(values=("match_input_image", *RESOLUTIONS)),
            # Looked at with `custom` only: any other ratio leaves them aside (I).
            "width": Whole(least=256, most=2048),
            "height": Whole(least=256, most=2048),
            "safety_tolerance": Whole(least=1, most=5),
            "seed": Whole(),
            "output_format": Choice(values=("webp", "jpg", "png")),
            "output_quality": Whole(least=0, most=100),
        },
        size=by_resolution, prices=prices, default_format="webp", default_quality=80,
        # How their absence is refused is not known (?).
        required_with={("aspect_ratio", "custom"): ("width", "height")},
    )  # fmt: skip


def _bfl_fields(images: int, safety: int, size: Fields) -> Fields:
    """What all models of BFL take (2.2), beside their own fields for the size."""
    names = ("input_image", *(f"input_image_{number}" for number in range(2, images + 1)))
    return {
        "prompt": Text(required=True, nullable=False),
        **{name: Image() for name in names},
        **size,
        "output_format": Choice(values=("jpeg", "png", "webp")),
        "seed": Whole(),
        "safety_tolerance": Whole(least=0, most=safety, nullable=False),
        "prompt_upsampling": Flag(nullable=False),
        "webhook_url": Link(longest=2083),
        "webhook_secret": Text(),
    }


def _bfl_kontext(price: float, max_active: int | None = None) -> Model:
    """2.2, 2.8, 2.10."""
    return Model(
        fields=_bfl_fields(4, 6, {"aspect_ratio": Ratio()}),
        size=on_the_grid, prices=(price, 0, 0), default_format="png", max_active=max_active,
    )  # fmt: skip


def _bfl_flux_2(prices: tuple[float, float, float], seconds: Span | None, images: int = 8) -> Model:
    """3.1."""
    side = Whole(least=_LEAST_SIDE, step=_GRID)
    return Model(
        fields=_bfl_fields(images, 5, {"width": side, "height": side}),
        size=as_asked, prices=prices, default_format="jpeg", refuses_unknown=True, most_pixels=_MOST_PIXELS, seconds=seconds,
    )  # fmt: skip


#: Provider -> name -> model.
MODELS: dict[str, dict[str, Model]] = {
    "replicate": {
        "flux-kontext-apps/multi-image-kontext-max": _replicate_kontext((8, 0, 0)),
        "flux-kontext-apps/multi-image-kontext-pro": _replicate_kontext((4, 0, 0)),
        "black-forest-labs/flux-2-pro": _replicate_flux_2((3, 1.5, 1.5)),
        "black-forest-labs/flux-2-max": _replicate_flux_2((7, 3, 3)),
        "black-forest-labs/flux-2-flex": _replicate_flux_2((5, 5, 5)),
    },
    "bfl": {
        "flux-kontext-max": _bfl_kontext(8, max_active=6),
        "flux-kontext-pro": _bfl_kontext(4),
        # pro takes under 10 s, max under 15 s, klein about 1 s (3.1); how long flex takes is not known.
        "flux-2-pro": _bfl_flux_2((3, 1.5, 1.5), [4, 9]),
        "flux-2-max": _bfl_flux_2((7, 3, 3), [7, 14]),
        "flux-2-flex": _bfl_flux_2((5, 5, 5), None),
        "flux-2-klein-4b": _bfl_flux_2((1.4, 0.1, 0.1), [0.7, 1.3], images=4),
        "flux-2-klein-9b": _bfl_flux_2((1.5, 0.2, 0.2), [0.7, 1.3], images=4),
    },
}  # fmt: skip
