"""What FLUX.2 is sent at both providers, as the simulators received it over HTTP, and what comes of it: the providers reference,
3.1."""

import base64
import io
import json
from typing import Any

import pytest
from PIL import Image

from shared.domain.generation import ASPECT_RATIOS
from shared.domain.sizes import size_for
from shared.generators.registry import MODELS
from tests import pictures
from tests.providers.orders import JPEG, PNG, order, until_ended

AT_BFL = [model.id for model in MODELS if model.id.startswith("flux-2")]
AT_REPLICATE = "black-forest-labs/flux-2-pro"
JPEG_TEXT, PNG_TEXT = (base64.b64encode(image).decode() for image in (JPEG, PNG))
NAMED = "Image 1 is the character, image 2 is the product. a hero"
TWO: dict[str, Any] = {"images": (JPEG, PNG), "roles": ("character", "product")}


def as_text(body: Any) -> str:
    """Unlike ==, tells 2 from 2.0 and from true."""
    return json.dumps(body, sort_keys=True)


def sent(build: Any, sim: Any, model: str, **changes: Any) -> Any:
    """The one request that a submit made."""
    with sim.recording() as received:
        build(model).submit(order("bfl", **changes), timeout_seconds=60)
    (request,) = received
    return request


BODY = {
    "prompt": "a hero", "input_image": JPEG_TEXT, "width": 1024, "height": 1024, "output_format": "png", "safety_tolerance": 2,
    "seed": 5,
}  # fmt: skip
BFL_FIELDS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({}, {}),
    ({"prompt": "머그컵을 든 영웅"}, {"prompt": "머그컵을 든 영웅"}),
    (TWO, {"prompt": NAMED, "input_image_2": PNG_TEXT}),
    ({**TWO, "images": (PNG, JPEG)}, {"prompt": NAMED, "input_image": PNG_TEXT, "input_image_2": JPEG_TEXT}),
    ({"aspect_ratio": "16:9"}, dict(zip(("width", "height"), size_for(16, 9), strict=True))),
    ({"output_format": "jpeg"}, {"output_format": "jpeg"}),
    *(({"safety_tolerance": level}, {"safety_tolerance": level}) for level in (0, 1, 2)),
    ({"seed": 0}, {"seed": 0}),
    ({"webhook_url": "https://app.example/hook"}, {}),
]


@pytest.mark.parametrize("model", AT_BFL)
@pytest.mark.parametrize(("changes", "expected"), BFL_FIELDS, ids=lambda given: ",".join(given))
def test_the_body_at_bfl_holds_exactly_the_order(
    build: Any, sim: Any, model: str, changes: dict[str, Any], expected: dict[str, Any]
) -> None:
    request = sent(build, sim, model, **changes)

    assert as_text(json.loads(request.body)) == as_text({**BODY, **expected})
    assert (request.method, request.path) == ("POST", f"/bfl/v1/{model}")


INPUT = {
    "prompt": "a hero", "input_images": [f"data:image/jpeg;base64,{JPEG_TEXT}"], "aspect_ratio": "1:1", "resolution": "1 MP",
    "output_format": "png", "safety_tolerance": 2, "seed": 5,
}  # fmt: skip
BOTH = [f"data:image/jpeg;base64,{JPEG_TEXT}", f"data:image/png;base64,{PNG_TEXT}"]
REPLICATE_FIELDS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({}, {}),
    (TWO, {"prompt": NAMED, "input_images": BOTH}),
    ({**TWO, "images": (PNG, JPEG)}, {"prompt": NAMED, "input_images": BOTH[::-1]}),
    ({"aspect_ratio": "match_input_image"}, {"aspect_ratio": "match_input_image"}),
    ({"aspect_ratio": "3:4"}, {"aspect_ratio": "3:4"}),
    # Not in its enum: asked for in pixels.
    *(
        (
            {"aspect_ratio": f"{width}:{height}"},
            {
                "aspect_ratio": "custom",
                **dict(zip(("width", "height"), size_for(width, height, 32), strict=True)),
                "resolution": None,
            },
        )
        for width, height in ((21, 9), (9, 21), (2, 1), (1, 2))
    ),
    ({"output_format": "jpeg"}, {"output_format": "jpg"}),
    # Its strictest is 1.
    *(({"safety_tolerance": ours}, {"safety_tolerance": theirs}) for ours, theirs in ((0, 1), (1, 1), (2, 2))),
]


@pytest.mark.parametrize(("changes", "expected"), REPLICATE_FIELDS, ids=lambda given: ",".join(given))
def test_the_input_at_replicate_holds_exactly_the_order(
    build: Any, sim: Any, changes: dict[str, Any], expected: dict[str, Any]
) -> None:
    request = sent(build, sim, AT_REPLICATE, **changes)

    wanted = {name: value for name, value in {**INPUT, **expected}.items() if value is not None}
    assert as_text(json.loads(request.body)) == as_text({"input": wanted})
    assert request.path == f"/replicate/v1/models/{AT_REPLICATE}/predictions"


@pytest.mark.parametrize("model", ["flux-2-pro", AT_REPLICATE])
@pytest.mark.parametrize("ratio", ASPECT_RATIOS)
def test_the_picture_has_the_ratio_that_was_asked_for(build: Any, sim: Any, model: str, ratio: str) -> None:
    generator, image = build(model), pictures.photo_jpeg(640, 400)
    ready = until_ended(generator, generator.submit(order("bfl", images=(image,), aspect_ratio=ratio), timeout_seconds=60))
    width, height = Image.open(io.BytesIO(generator.download(ready))).size
    asked_width, _, asked_height = ("640:400" if ratio == "match_input_image" else ratio).partition(":")

    assert abs(width / height / (int(asked_width) / int(asked_height)) - 1) <= 0.02


@pytest.mark.parametrize("model", [model.id for model in MODELS])
def test_every_generator_makes_a_picture_of_the_images_that_its_kind_may_give_it(build: Any, sim: Any, model: str) -> None:
    generator = build(model)
    two = order("bfl", **TWO)
    ready = until_ended(generator, generator.submit(two, timeout_seconds=60))

    assert Image.open(io.BytesIO(generator.download(ready))).format == "PNG"


@pytest.mark.parametrize(
    ("model", "images", "usd"),
    [
        ("flux-kontext-max", 1, 0.08), ("flux-kontext-pro", 1, 0.04), ("flux-2-pro", 1, 0.045), ("flux-2-pro", 2, 0.06),
        ("flux-2-max", 1, 0.10), ("flux-2-flex", 1, 0.10), ("flux-2-klein-9b", 1, 0.017),
    ],
)  # fmt: skip
def test_the_cost_is_what_bfl_says_and_the_list_price_is_near_it(
    build: Any, sim: Any, model: str, images: int, usd: float
) -> None:
    generator = build(model)
    full = pictures.photo_jpeg(1024, 1024)
    handle = generator.submit(order("bfl", images=(full,) * images, roles=("character",) * images), timeout_seconds=60)

    assert handle.cost_usd == pytest.approx(usd)
    assert generator.price_usd(images) == pytest.approx(usd)


def test_replicate_says_no_cost(build: Any, sim: Any) -> None:
    assert build(AT_REPLICATE).submit(order("bfl"), timeout_seconds=60).cost_usd is None


@pytest.mark.parametrize("model", AT_BFL)
def test_what_matches_the_input_matches_the_first_image(build: Any, sim: Any, model: str) -> None:
    images = (pictures.photo_jpeg(640, 400), pictures.photo_jpeg(300, 600))
    body = json.loads(sent(build, sim, model, **{**TWO, "images": images}, aspect_ratio="match_input_image").body)

    assert (body["width"], body["height"]) == size_for(640, 400)


@pytest.mark.parametrize("model", [model.id for model in MODELS])
def test_the_prompt_that_clients_are_shown_is_the_one_that_is_sent(build: Any, sim: Any, model: str) -> None:
    body = json.loads(sent(build, sim, model, **TWO).body)

    assert body.get("input", body)["prompt"] == build(model).worded("a hero", TWO["roles"])


@pytest.mark.parametrize(("images", "usd"), [(1, 0.045), (2, 0.06)])
def test_the_list_price_of_flux_2_at_replicate_grows_with_its_images(build: Any, images: int, usd: float) -> None:
    assert build(AT_REPLICATE).price_usd(images) == pytest.approx(usd)
