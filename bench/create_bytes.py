"""`python -m bench.create_bytes`: what one create of two images weighs on the wire, within the request and by link.

The images are such as creators upload, about a megabyte each, prepared as a job prepares them. The host's memory under 16 such
jobs of 2 x 5 MB is measured as `python -m bench memory` does, with links off and on.
"""

import io
import json
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from PIL import Image

from bench.cases.memory import large_photo, peak_memory
from shared.generators.generator import Order
from shared.generators.image import Linked
from shared.generators.registry import MODELS
from shared.pictures.inline import for_inline
from shared.pictures.prepare import prepare_for_provider
from tests import pictures
from tests.stack import Stack

SIDE_PX = 1400
#: As long as one with a user delegation key is.
_PLACE = "images/pictures/0123456789abcdef0123456789abcdef/prepared/input_image_1.png"
_LINK = f"https://toonimages.blob.core.windows.net/{_PLACE}?" + "s" * 430
UPLOADS: Mapping[str, Callable[[], bytes]] = {
    "painted character (PNG)": lambda: _saved(pictures.painted_character(SIDE_PX, SIDE_PX), "PNG"),
    "product (JPEG)": lambda: _saved(pictures.product(SIDE_PX, SIDE_PX), "JPEG", quality=97, subsampling=0),
}


def main() -> int:
    uploads = {what: make() for what, make in UPLOADS.items()}
    prepared = [prepare_for_provider(data).data for data in uploads.values()]
    began = time.perf_counter()
    inside = [for_inline(data) for data in prepared]
    encoding = time.perf_counter() - began
    print("uploaded: " + ", ".join(f"{what} {len(data):,} bytes" for what, data in uploads.items()))
    print("prepared: " + ", ".join(f"{len(data):,} bytes" for data in prepared))
    print(f"encoded to go within a request: {', '.join(f'{len(data):,} bytes' for data in inside)}, in {encoding * 1000:.0f} ms")
    links = tuple(Linked(data, _LINK) for data in prepared)
    for model in MODELS:
        if model.max_images >= 2:
            within, by_link = (_body_bytes(model.fields(_order(images))) for images in (tuple(inside), links))
            print(f"{model.id:46} {within:>9,} bytes within, {by_link:>6,} by link, 1/{within / by_link:.0f}")
    for switch in ("false", "true"):
        with tempfile.TemporaryDirectory() as folder, Stack(Path(folder), IMAGES_BY_LINK=switch) as stack:
            peak, _ = peak_memory(stack, large_photo())
            print(f"IMAGES_BY_LINK={switch}: {peak / 1e6:.0f} MB at 16 uploads of 2 x 5 MB")
    return 0


def _order(images: tuple[bytes | Linked, ...]) -> Order:
    return Order(
        reference="", prompt="the hero drinks it, in the rain", images=images, roles=("character", "product"), aspect_ratio="1:1",
        output_format="png", safety_tolerance=2, seed=1,
    )  # fmt: skip


def _body_bytes(fields: object) -> int:
    return len(json.dumps({"input": fields}).encode())


def _saved(picture: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    picture.convert("RGB").save(buffer, kind, **options)
    return buffer.getvalue()


if __name__ == "__main__":
    sys.exit(main())
