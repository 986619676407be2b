"""FLUX.2 at both providers, beside Kontext: providers reference, section 3.1."""

import base64
import io
from typing import Any

import pytest
from PIL import Image

from simulators import Simulators
from simulators.models import MODELS, as_asked, by_resolution, cents
from tests.patience import PATIENCE

KONTEXT = {"input_image_1": "data:,x", "input_image_2": "data:,x"}


def opened(client: Any, provider: str, answer: Any) -> Image.Image:
    assert answer.ok, answer.text
    picture = Image.open(io.BytesIO(client.get(client.url_of(provider, answer.json())).content))
    picture.load()
    return picture


def raw(helpers: dict[str, Any], *size: int, colour: str = "#c04060") -> str:
    return base64.b64encode(helpers["png"](*size, colour=colour)).decode()


# ---- Black Forest Labs ----


@pytest.mark.parametrize(
    ("changes", "size", "kind"),
    [
        ({"width": 1184, "height": 880}, (1184, 880), "JPEG"),
        ({"width": 64, "height": 2048, "output_format": "png"}, (64, 2048), "PNG"),
        ({"output_format": "webp"}, (304, 240), "WEBP"),
        ({"height": 512}, (304, 512), "JPEG"),
        ({"width": None, "height": None, "output_format": None, "seed": None}, (304, 240), "JPEG"),
    ],
)  # fmt: skip
def test_bfl_makes_the_size_that_was_asked_for_or_the_first_images(client: Any, changes: dict, size: tuple, kind: str) -> None:
    """The first image is 300 x 240: what is left out is its size, to the nearest multiple of 16."""
    picture = opened(client, "bfl", client.bfl_create(model="flux-2-pro", **changes))
    assert (picture.size, picture.format) == (size, kind)


@pytest.mark.parametrize(
    ("first", "size"),
    [
        (None, (1024, 1024)),
        ((1000, 750), (1008, 752)),
        ((20, 3000), (64, 3008)),
        ((6000, 4000), (2496, 1664)),
        ((2048, 2048),) * 2,
    ],
)
def test_a_size_that_follows_the_input_may_itself_be_asked_for(first: tuple[int, int] | None, size: tuple[int, int]) -> None:
    assert as_asked({}, first) == size
    assert size[0] % 16 == size[1] % 16 == 0
    assert size[0] * size[1] <= 2048 * 2048


@pytest.mark.parametrize(
    ("model", "changes", "loc", "kind"),
    [
        ("flux-2-pro", {"width": 1000}, ["body", "width"], "multiple_of"),
        ("flux-2-pro", {"height": 48}, ["body", "height"], "greater_than_equal"),
        ("flux-2-pro", {"width": "1024"}, ["body", "width"], "int_type"),
        ("flux-2-pro", {"width": 2064, "height": 2048}, ["body"], "value_error"),
        ("flux-2-pro", {"aspect_ratio": "1:1"}, ["body", "aspect_ratio"], "extra_forbidden"),
        ("flux-2-max", {"input_images": []}, ["body", "input_images"], "extra_forbidden"),
        ("flux-2-flex", {"safety_tolerance": 6}, ["body", "safety_tolerance"], "less_than_equal"),
        ("flux-2-pro", {"safety_tolerance": -1}, ["body", "safety_tolerance"], "greater_than_equal"),
        ("flux-2-pro", {"output_format": "jpg"}, ["body", "output_format"], "enum"),
        ("flux-2-pro", {"prompt_upsampling": 1}, ["body", "prompt_upsampling"], "bool_type"),
        ("flux-2-pro", {"input_image_8": 8}, ["body", "input_image_8"], "string_type"),
        ("flux-2-pro", {"input_image_9": ""}, ["body", "input_image_9"], "extra_forbidden"),
        ("flux-2-klein-9b", {"input_image_5": ""}, ["body", "input_image_5"], "extra_forbidden"),
        ("flux-2-klein-4b", {"input_image_5": ""}, ["body", "input_image_5"], "extra_forbidden"),
        ("flux-2-klein-4b", {"prompt": None}, ["body", "prompt"], "missing"),
    ],
)  # fmt: skip
def test_bfl_refuses_what_breaks_the_schema(client: Any, model: str, changes: dict, loc: list, kind: str) -> None:
    answer = client.bfl_create(model=model, **changes)
    assert answer.status_code == 422
    assert [(problem["loc"], problem["type"]) for problem in answer.json()["detail"]] == [(loc, kind)]


@pytest.mark.parametrize(("model", "most"), [("flux-2-pro", 8), ("flux-2-klein-9b", 4)])
def test_bfl_makes_the_picture_of_every_input_image(client: Any, helpers: dict[str, Any], model: str, most: int) -> None:
    names = ["input_image", *(f"input_image_{number}" for number in range(2, most + 1))]
    given = {name: raw(helpers, 300, 240) for name in names} | {"width": 512, "height": 512, "seed": 1}
    first = opened(client, "bfl", client.bfl_create(model=model, **given))
    given[names[-1]] = raw(helpers, 300, 240, colour="#00ff00")
    assert opened(client, "bfl", client.bfl_create(model=model, **given)).tobytes() != first.tobytes()


@pytest.mark.parametrize(
    ("model", "inputs", "size", "cost"),
    [
        ("flux-2-pro", 1, (1024, 1024), 4.5),
        ("flux-2-max", 1, (1024, 1024), 10),
        ("flux-2-flex", 1, (1024, 1024), 10),
        ("flux-2-klein-4b", 1, (1024, 1024), 1.5),
        ("flux-2-klein-9b", 1, (1024, 1024), 1.7),
        ("flux-2-pro", 0, (1024, 1024), 3),
        ("flux-2-pro", 0, (64, 64), 3),
        ("flux-2-pro", 2, (2048, 1024), 7.5),
        ("flux-2-max", 3, (2048, 2048), 25),
        ("flux-kontext-max", 2, (2048, 2048), 8),
    ],
)  # fmt: skip
def test_the_price_list(model: str, inputs: int, size: tuple[int, int], cost: float) -> None:
    """First megapixel of output, each further one, and each of input: cents."""
    assert cents(MODELS["bfl"][model].prices, size, [(1024, 1024)] * inputs) == cost


def test_bfl_says_the_price_at_create_and_takes_it_when_ready(client: Any, helpers: dict[str, Any], sim: Simulators) -> None:
    sim.configure(bfl={"credits": 100})
    second = raw(helpers, 1500, 1000)  # two megapixels, begun ones counted whole
    created = client.bfl_create(model="flux-2-pro", input_image_2=second, width=2048, height=1024).json()
    assert (created["cost"], created["input_mp"], created["output_mp"]) == (9.0, 1.57, 2.1)
    assert client.ended("bfl", created)["cost"] == 9.0

    stats = sim.stats()["bfl"]
    assert (stats["billed"], stats["cost_usd"]) == (1, 0.09)
    assert stats["by_model"] == {"flux-2-pro": {"submits": 1, "active": 0, "billed": 1, "cost_usd": 0.09}}
    assert client.get(f"{sim.bfl_base_url}/v1/credits", headers=client.bfl_key).json()["credits"] == 91


def test_an_account_pays_for_the_images_too_or_not_at_all(client: Any, sim: Simulators) -> None:
    sim.configure(bfl={"credits": 4.4})
    answer = client.bfl_create(model="flux-2-pro")
    assert (answer.status_code, answer.json()) == (402, {"detail": "Insufficient credits"})
    assert client.bfl_create(model="flux-2-pro", input_image=None).json()["cost"] == 3


def test_prices_can_be_set(client: Any, sim: Simulators) -> None:
    sim.configure(bfl={"prices": {"flux-2-pro": [10, 0, 2.5]}})
    costs = [client.bfl_create(model=name).json()["cost"] for name in ("flux-2-pro", "flux-2-max", "flux-kontext-max")]
    assert costs == [12.5, 10, 8]


def test_a_small_picture_for_a_test_costs_and_counts_as_a_whole_one(client: Any, sim: Simulators) -> None:
    sim.configure(bfl={"longest_side": 128})
    answer = client.bfl_create(model="flux-2-pro", width=2048, height=2048)
    assert (answer.json()["cost"], answer.json()["output_mp"]) == (9.0, 4.19)
    assert opened(client, "bfl", answer).size == (128, 128)


def test_each_model_may_take_its_own_time(client: Any, sim: Simulators) -> None:
    def status(model: str) -> str:
        created = client.bfl_create(model=model, width=64, height=64).json()
        return str(client.poll("bfl", created).json()["status"])

    sim.configure(bfl={"delay_seconds": 0, "delay_seconds_by_model": {"flux-2-max": 600}})
    assert (status("flux-2-pro"), status("flux-2-max")) == ("Ready", "Pending")
    # One number, set alone, is for all of them.
    sim.configure(bfl={"delay_seconds": 0})
    assert status("flux-2-max") == "Ready"


def test_the_typical_times_hold_until_one_is_set(sim: Simulators) -> None:
    sim.reset()
    typical = sim.config()["bfl"]["delay_seconds_by_model"]
    assert max(typical["flux-2-pro"]) < 10
    assert max(typical["flux-2-max"]) < 15
    assert 0.5 < min(typical["flux-2-klein-9b"]) < max(typical["flux-2-klein-9b"]) < 2
    assert "flux-kontext-max" not in typical


def test_an_account_has_24_tasks_of_which_six_may_be_kontext_max(client: Any, sim: Simulators) -> None:
    sim.configure(bfl={"outcome": "never", "longest_side": 64})

    def codes(model: str, count: int) -> list[int]:
        return [client.bfl_create(model=model, input_image=None).status_code for _ in range(count)]

    assert codes("flux-kontext-max", 7) == [200] * 6 + [429]
    assert codes("flux-kontext-pro", 1) == [200]
    assert codes("flux-2-pro", 18) == [200] * 17 + [429]
    assert codes("flux-2-klein-4b", 1) == codes("flux-kontext-max", 1) == [429]
    assert sim.stats()["bfl"]["by_model"]["flux-2-pro"]["active"] == 17


@pytest.mark.parametrize(
    ("changes", "kontext", "flux"),
    [
        ({"max_active": 1}, 1, 0), ({"max_active": 64}, 8, 2), ({"max_active": None}, 8, 2),
        ({"max_active_by_model": {"flux-2-pro": 1}}, 8, 1),
        ({"max_active": 8, "max_active_by_model": {"flux-kontext-max": 7}}, 7, 1),
    ],
)  # fmt: skip
def test_a_limit_that_is_set_alone_is_the_only_one(client: Any, sim: Simulators, changes: dict, kontext: int, flux: int) -> None:
    sim.configure(bfl={"outcome": "never", "longest_side": 64, **changes})
    made = [client.bfl_create(input_image=None).ok for _ in range(8)]
    more = [client.bfl_create(model="flux-2-pro", input_image=None).ok for _ in range(2)]
    assert (sum(made), sum(more)) == (kontext, flux)


@pytest.mark.parametrize(
    "changes",
    [
        {"prices": {"flux-2-pro": [1, 2]}}, {"prices": {"flux-9": [1, 2, 3]}}, {"max_active_by_model": {"flux-9": 1}},
        {"delay_seconds_by_model": {"flux-2-pro": "1"}}, {"unfetchable_image": "500"},
    ],
    ids=str,
)  # fmt: skip
def test_a_table_of_unknown_models_is_refused(client: Any, sim: Simulators, changes: dict) -> None:
    before = sim.config()
    answer = client.http.post(f"{sim.url}/_sim/config", json={"bfl": changes}, timeout=PATIENCE)
    assert (answer.status_code, sim.config()) == (400, before)


def test_bfl_knows_no_other_models(client: Any) -> None:
    assert client.bfl_create(model="flux-2-nano").status_code == 404


# ---- Replicate ----


def test_replicate_makes_a_webp_of_one_megapixel(client: Any) -> None:
    answer = client.replicate_flux()
    assert (answer.status_code, answer.json()["model"]) == (201, "black-forest-labs/flux-2-pro")
    assert answer.json()["version"] == "hidden"
    picture = opened(client, "replicate", answer)
    assert (picture.format, picture.size) == ("WEBP", (1024, 1024))


@pytest.mark.parametrize("ratio", ["1:1", "16:9", "3:2", "2:3", "4:5", "5:4", "9:16", "3:4", "4:3"])
def test_replicate_keeps_the_ratio_near_one_megapixel(ratio: str) -> None:
    width, height = by_resolution({"aspect_ratio": ratio}, None)
    asked = [int(part) for part in ratio.split(":")]
    assert abs(width / height / (asked[0] / asked[1]) - 1) < 0.02
    # No more than one, or it would cost two.
    assert 0.97 < width * height / 1024**2 <= 1


@pytest.mark.parametrize(
    ("given", "size"),
    [
        ({"aspect_ratio": "match_input_image"}, (1136, 912)),
        ({"aspect_ratio": "match_input_image", "resolution": "match_input_image"}, (800, 640)),
        ({"resolution": "4 MP"}, (2048, 2048)), ({"resolution": "4 MP", "aspect_ratio": "16:9"}, (2048, 1152)),
        ({"resolution": "0.5 MP"}, (720, 720)), ({"aspect_ratio": "custom", "width": 1000, "height": 256}, (992, 256)),
        ({"aspect_ratio": "4:3", "width": 256, "height": 256}, (1168, 880)),
    ],
)  # fmt: skip
def test_replicate_sizes_follow_ratio_and_resolution(given: dict, size: tuple[int, int]) -> None:
    assert by_resolution(given, (300, 240)) == size


@pytest.mark.parametrize(
    ("given", "entry"),
    [
        ({"prompt": 1}, ("invalid_type", "input.prompt")),
        ({"input_images": "https://x.example/a.png"}, ("invalid_type", "input.input_images")),
        ({"input_images": ["data:,x"] * 9}, ("array_max_items", "input.input_images")),
        ({"input_images": ["data:,x", "/tmp/x.png"]}, ("format", "input.input_images.1")),
        ({"aspect_ratio": "21:9"}, ("enum", "input.aspect_ratio")),
        ({"resolution": "3 MP"}, ("enum", "input.resolution")),
        ({"aspect_ratio": "custom", "width": 255, "height": 256}, ("number_gte", "input.width")),
        ({"aspect_ratio": "custom", "width": 256, "height": 2049}, ("number_lte", "input.height")),
        ({"aspect_ratio": "custom", "width": 256}, ("required", "input")),
        ({"safety_tolerance": 6}, ("number_lte", "input.safety_tolerance")),
        ({"safety_tolerance": 0}, ("number_gte", "input.safety_tolerance")),
        ({"output_format": "jpeg"}, ("enum", "input.output_format")),
        ({"output_quality": 101}, ("number_lte", "input.output_quality")),
        ({"seed": None}, ("invalid_type", "input.seed")),
    ],
)  # fmt: skip
def test_replicate_refuses_what_breaks_the_schema_by_name(client: Any, given: dict, entry: tuple[str, str]) -> None:
    answer = client.replicate_flux(**given)
    assert (answer.status_code, answer.headers["Content-Type"]) == (422, "application/problem+json")
    (found,) = answer.json()["invalid_fields"]
    assert (found["type"], found["field"]) == entry
    assert f"{entry[1]}: {found['description']}" in answer.json()["detail"]


@pytest.mark.parametrize("model", ["flux-2-pro", "flux-2-max", "flux-2-flex"])
def test_replicate_makes_the_picture_of_every_input_image(client: Any, helpers: dict[str, Any], model: str) -> None:
    images = [helpers["data_uri"](helpers["png"]())] * 8
    first = opened(client, "replicate", client.replicate_flux(model, input_images=images, seed=1))
    images[-1] = helpers["data_uri"](helpers["png"](colour="#00ff00"))
    assert opened(client, "replicate", client.replicate_flux(model, input_images=images, seed=1)).tobytes() != first.tobytes()


def test_replicate_honours_format_and_quality(client: Any) -> None:
    sizes = {}
    for quality in (100, 80, None, 10):
        given = {} if quality is None else {"output_quality": quality}
        url = client.url_of("replicate", client.replicate_flux(seed=1, output_format="jpg", **given).json())
        sizes[quality] = len(client.get(url).content)
    assert sizes[100] > sizes[80] == sizes[None] > sizes[10]


def test_the_list_echoes_images_as_the_create_did(client: Any, sim: Simulators, helpers: dict[str, Any]) -> None:
    short, long = (helpers["data_uri"](helpers["png"]() + bytes(size)) for size in (0, 5000))
    sim.configure(replicate={"echo_limit_bytes": 4000})
    created = client.replicate_flux(input_images=[short, long], aspect_ratio="3:2").json()
    (listed,) = client.get(f"{sim.replicate_base_url}/v1/predictions", headers=client.replicate_key).json()["results"]

    assert created["input"] == listed["input"]
    assert listed["input"]["aspect_ratio"] == "3:2"
    assert listed["input"]["input_images"][0] == short
    assert client.get(listed["input"]["input_images"][1]).headers["Content-Type"] == "image/jpeg"


def test_equal_images_in_another_order_are_another_body(client: Any, sim: Simulators, helpers: dict[str, Any]) -> None:
    images = [helpers["data_uri"](helpers["png"](colour=colour)) for colour in ("red", "green")]
    for given in (images, images, images[::-1]):
        client.replicate_flux(input_images=given)
    assert sim.stats()["replicate"]["duplicates"] == 1


def test_replicate_bills_by_megapixel_and_kontext_by_picture(client: Any, sim: Simulators, helpers: dict[str, Any]) -> None:
    image = helpers["data_uri"](helpers["png"]())
    for answer in (
        client.replicate_flux("flux-2-max", input_images=[image], resolution="2 MP"),
        client.http.post(
            f"{sim.replicate_base_url}/v1/models/flux-kontext-apps/multi-image-kontext-pro/predictions",
            json={"input": {"prompt": "a hero", "input_image_1": image, "input_image_2": image}},
            headers=client.replicate_key, timeout=PATIENCE,
        ),
    ):  # fmt: skip
        client.ended("replicate", answer.json())
    by_model = sim.stats()["replicate"]["by_model"]
    assert by_model["black-forest-labs/flux-2-max"]["cost_usd"] == 0.13
    assert by_model["flux-kontext-apps/multi-image-kontext-pro"]["cost_usd"] == 0.04


def test_each_model_has_its_own_schema(client: Any, sim: Simulators) -> None:
    unknown = client.replicate_flux("flux-2-nano")
    assert (unknown.status_code, unknown.json()["status"]) == (404, 404)
    for version, given, status in (
        ("black-forest-labs/flux-2-pro", {}, 201), ("black-forest-labs/flux-2-pro", {"input_images": 1}, 422),
        ("flux-kontext-apps/multi-image-kontext-pro", {}, 422), ("flux-kontext-apps/multi-image-kontext-pro", KONTEXT, 201),
    ):  # fmt: skip
        body = {"version": version, "input": {"prompt": "a hero", **given}}
        answer = client.http.post(
            f"{sim.replicate_base_url}/v1/predictions", json=body, headers=client.replicate_key, timeout=PATIENCE
        )
        assert answer.status_code == status
