"""FLUX.1 Kontext at Black Forest Labs (providers reference 2.2, 2.10)."""

from typing import Any

from shared.generators.generator import Model, Order
from shared.generators.inline import plain_base64


def _fields(order: Order) -> dict[str, Any]:
    # A further image goes into input_image_2..4, the multi-reference input.
    images = {f"input_image{'' if n == 1 else f'_{n}'}": plain_base64(image) for n, image in enumerate(order.images, start=1)}
    # Left out, the ratio is the input image's.
    ratio = {} if order.aspect_ratio == "match_input_image" else {"aspect_ratio": order.aspect_ratio}
    return {
        "prompt": order.prompt, **images, "seed": order.seed, **ratio, "output_format": order.output_format,
        "safety_tolerance": order.safety_tolerance,
    }  # fmt: skip


MODELS = (
    Model(
        "flux-kontext-max", "bfl", "Kontext Max", "Kontext Max",
        "캐릭터를 그대로 지키며 글자까지 또렷합니다.", "Keeps the character as it is, with clear lettering.",
        max_images=4, expected_seconds=12, price_usd=lambda images: 0.08, fields=_fields,
        cap=lambda settings: settings.bfl_kontext_max_active,
    ),
    Model(
        "flux-kontext-pro", "bfl", "Kontext Pro", "Kontext Pro",
        "반값으로 시안을 볼 때 좋습니다.", "Half the price, for drafts.",
        max_images=4, expected_seconds=10, price_usd=lambda images: 0.04, fields=_fields,
    ),
)  # fmt: skip
