"""Orders and looks that the tests of the generators share."""

import time
from typing import Any

from shared.generators.generator import Order
from shared.providers.provider import Handle, NotFound, Running
from tests import pictures

#: In the kind's order, and of two types, so that none can be taken for the other.
JPEG, PNG = pictures.photo_jpeg(300, 300), pictures.png_with_alpha(300, 300)


def order(name: str, **changes: Any) -> Order:
    """What `name` is asked for by default: two images at Replicate, one at BFL."""
    fields = {
        "reference": "job/0", "prompt": "a hero", "images": (JPEG, PNG) if name == "replicate" else (JPEG,),
        "roles": ("character", "product") if name == "replicate" else ("character",),
        "aspect_ratio": "1:1", "output_format": "png", "safety_tolerance": 2, "seed": 5,
    }  # fmt: skip
    return Order(**{**fields, **changes})


def until_ended(generator: Any, handle: Handle) -> Any:
    for _ in range(200):
        look = generator.look(handle)
        if not isinstance(look, Running | NotFound):
            return look
        time.sleep(0.02)
    raise TimeoutError
