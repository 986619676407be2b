"""FLUX.2 at Replicate (providers reference 3.1)."""

from typing import Any

from shared.domain.sizes import size_for
from shared.generators.generator import Model, Order
from shared.generators.inline import data_uri
from shared.generators.wording import by_number

#: Ours is 0..2 and theirs 1..5, both with 2 as the default: our two strictest are its strictest.
_SAFETY = {0: 1, 1: 1, 2: 2}
#: It rounds sizes to multiples of 32 (integrators' copies of its schema).
_STEP_PX = 32
#: The ratios of its enum, as far as the usual ones are known; others are asked for in pixels.
_RATIOS = ("match_input_image", "1:1", "16:9", "9:16", "4:3", "3:4", "3:2", "2:3", "4:5", "5:4")


def _fields(order: Order) -> dict[str, Any]:
    return {
        "prompt": by_number(order.prompt, order.roles),
        # None are left of a job that is deleted, whose lost send is looked for by the rest.
        **({"input_images": [data_uri(image) for image in order.images]} if order.images else {}),
        **_shape(order.aspect_ratio), "seed": order.seed,
        # Its enum spells it `jpg`, and its own default is `webp`.
        "output_format": "jpg" if order.output_format == "jpeg" else order.output_format,
        "safety_tolerance": _SAFETY[order.safety_tolerance],
    }  # fmt: skip


def _shape(aspect_ratio: str) -> dict[str, Any]:
    if aspect_ratio in _RATIOS:
        return {"aspect_ratio": aspect_ratio, "resolution": "1 MP"}
    width, _, height = aspect_ratio.partition(":")
    wide, tall = size_for(float(width), float(height), _STEP_PX)
    return {"aspect_ratio": "custom", "width": wide, "height": tall}


MODELS = (
    Model(
        "black-forest-labs/flux-2-pro", "replicate", "FLUX.2 Pro (Replicate)", "FLUX.2 Pro (Replicate)",
        "빠르고 값도 적당합니다. 취소할 수 있습니다.", "Fast and fairly priced; can be canceled.",
        max_images=8, expected_seconds=12, price_usd=lambda images: round(0.03 + 0.015 * images, 4), fields=_fields,
        worded=by_number,
    ),
)  # fmt: skip
