"""FLUX.1 Kontext with two images at Replicate (providers reference 1.3, 1.12)."""

from typing import Any

from shared.generators.generator import Model, Order
from shared.generators.inline import data_uri


def _fields(order: Order) -> dict[str, Any]:
    return {
        "prompt": order.prompt,
        **{f"input_image_{n}": data_uri(image) for n, image in enumerate(order.images, start=1)},
        "aspect_ratio": order.aspect_ratio,
        # Its enum spells it `jpg`.
        "output_format": "jpg" if order.output_format == "jpeg" else order.output_format,
        "safety_tolerance": order.safety_tolerance,
        "seed": order.seed,
    }


MODELS = (
    Model(
        "flux-kontext-apps/multi-image-kontext-max", "replicate", "Kontext Max (두 이미지)", "Kontext Max (two images)",
        "캐릭터와 제품을 한 장면에 담습니다. 글자가 또렷합니다.",
        "Puts character and product into one scene, with clear lettering.",
        min_images=2, max_images=2, expected_seconds=15, price_usd=lambda images: 0.08, fields=_fields,
    ),
    Model(
        "flux-kontext-apps/multi-image-kontext-pro", "replicate", "Kontext Pro (두 이미지)", "Kontext Pro (two images)",
        "반값으로 시안을 볼 때 좋습니다.", "Half the price, for drafts.",
        min_images=2, max_images=2, expected_seconds=12, price_usd=lambda images: 0.04, fields=_fields,
    ),
)  # fmt: skip
