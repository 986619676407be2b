"""FLUX.2 at Black Forest Labs (providers reference 3.1)."""

from collections.abc import Callable
from typing import Any

from shared.domain.sizes import size_for
from shared.generators.generator import Model, Order
from shared.generators.inline import plain_base64
from shared.generators.pixels import pixels_of
from shared.generators.wording import by_number

#: Ours is 0..2 and theirs 0..5, both with 2 as the default and 0 as the strictest: it is sent as it is.
_SAFETY = {0: 0, 1: 1, 2: 2}


def _fields(order: Order) -> dict[str, Any]:
    images = {f"input_image{'' if n == 1 else f'_{n}'}": plain_base64(image) for n, image in enumerate(order.images, start=1)}
    width, height = _size(order)
    return {
        "prompt": by_number(order.prompt, order.roles), **images, "width": width, "height": height, "seed": order.seed,
        "output_format": order.output_format, "safety_tolerance": _SAFETY[order.safety_tolerance],
    }  # fmt: skip


def _size(order: Order) -> tuple[int, int]:
    """It takes sizes, not ratios. What is to match the input follows the first image."""
    if order.aspect_ratio == "match_input_image":
        return size_for(*pixels_of(order.images[0]))
    width, _, height = order.aspect_ratio.partition(":")
    return size_for(float(width), float(height))


def _by_megapixels(first: float, further: float) -> Callable[[int], float]:
    """The first megapixel, which is the picture's, and each further one: an image counts as one."""
    return lambda images: round(first + further * images, 4)


def _model(name: str, label: str, ko: str, en: str, *, seconds: int, price: tuple[float, float], images: int = 8) -> Model:
    return Model(
        name, "bfl", label, label, ko, en, max_images=images, expected_seconds=seconds, price_usd=_by_megapixels(*price),
        fields=_fields, worded=by_number,
    )  # fmt: skip


MODELS = (
    _model(
        "flux-2-pro", "FLUX.2 Pro", "빠르고 값도 적당합니다. 대부분의 그림에 좋습니다.",
        "Fast and fairly priced: right for most pictures.",
        seconds=10, price=(0.03, 0.015),
    ),
    _model(
        "flux-2-max", "FLUX.2 Max", "가장 정교합니다. 마지막 결과물에 좋습니다.", "The finest: for the final picture.",
        seconds=15, price=(0.07, 0.03),
    ),
    _model(
        "flux-2-flex", "FLUX.2 Flex", "글자와 세부 묘사에 강합니다.", "Strong at lettering and detail.",
        seconds=15, price=(0.05, 0.05),
    ),
    _model(
        "flux-2-klein-9b", "FLUX.2 Klein 9B", "몇 초 만에 값싸게 시안을 봅니다.", "Drafts in seconds, for little money.",
        seconds=3, price=(0.015, 0.002), images=4,
    ),
)  # fmt: skip
