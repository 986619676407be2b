"""The providers' own Python clients cannot tell the simulators from the real thing."""

import base64
import io
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import replicate
from blackforest import BFLClient
from blackforest.client import BFLError
from blackforest.types.general.client_config import ClientConfig
from PIL import Image
from pydantic import BaseModel
from replicate.exceptions import ModelError, ReplicateError

from simulators import Simulators
from simulators.models import MODELS
from tests.patience import PATIENCE

MODEL = "flux-kontext-apps/multi-image-kontext-max"
FLUX = "black-forest-labs/flux-2-pro"


@pytest.fixture
def official(sim: Simulators) -> Iterator[Any]:
    # The client closes nothing itself.
    with httpx.HTTPTransport() as transport:
        client = replicate.Client(api_token="r8_test", base_url=sim.replicate_base_url, transport=transport)
        client.poll_interval = 0.01
        yield client


@pytest.fixture
def given(helpers: dict[str, Any]) -> dict[str, Any]:
    uri = helpers["data_uri"](helpers["png"]())
    return {"prompt": "a hero", "input_image_1": uri, "input_image_2": uri, "seed": 3}


def test_replicate_creates_waits_and_reads_the_picture(official: Any, given: dict[str, Any]) -> None:
    prediction = official.models.predictions.create(MODEL, input=given)
    prediction.wait()

    assert (prediction.status, prediction.version, prediction.model) == ("succeeded", "hidden", MODEL)
    assert prediction.input["input_image_1"] == given["input_image_1"]
    assert "Using seed: 3" in prediction.logs
    assert official.predictions.get(prediction.id).output == prediction.output


def test_replicate_run_returns_the_file(official: Any, sim: Simulators, given: dict[str, Any]) -> None:
    # The client makes files of https: and data: outputs; a plain http: one it leaves as text.
    sim.configure(replicate={"output_shape": "data_uri"})
    file = official.run(MODEL, input=given)
    assert Image.open(io.BytesIO(file.read())).format == "PNG"


def test_replicate_run_raises_what_the_model_says(official: Any, sim: Simulators, given: dict[str, Any]) -> None:
    sim.configure(replicate={"outcome": "moderated_output"})
    with pytest.raises(ModelError, match="E005"):
        official.run(MODEL, input=given)


def test_replicate_cancels(official: Any, sim: Simulators, given: dict[str, Any]) -> None:
    sim.configure(replicate={"outcome": "never"})
    prediction = official.models.predictions.create(MODEL, input=given)
    prediction.cancel()

    assert prediction.status == "canceled"
    assert sim.stats()["replicate"]["cancels"] == 1


def test_replicate_lists_page_by_page(official: Any, sim: Simulators, given: dict[str, Any]) -> None:
    sim.configure(replicate={"page_size": 2})
    made = [official.models.predictions.create(MODEL, input=given).id for _ in range(3)]
    first = official.predictions.list()
    second = official.predictions.list(first.next.removeprefix(sim.replicate_base_url))

    assert [p.id for p in [*first.results, *second.results]] == made[::-1]
    assert second.next is None


def test_replicate_validation_and_keys_raise(official: Any, sim: Simulators, given: dict[str, Any]) -> None:
    with pytest.raises(ReplicateError, match="prompt is required"):
        official.models.predictions.create(MODEL, input={})
    sim.configure(replicate={"keys": ["r8_other"]})
    with pytest.raises(ReplicateError, match="valid authentication token") as caught:
        official.models.predictions.create(MODEL, input=given)
    assert caught.value.status == 401


def test_replicate_files_serve_as_inputs(official: Any, given: dict[str, Any], helpers: dict[str, Any]) -> None:
    file = official.files.create(io.BytesIO(helpers["png"]()))
    prediction = official.models.predictions.create(MODEL, input={**given, "input_image_1": file.urls["get"]})
    prediction.wait()

    assert prediction.status == "succeeded"
    assert [f.id for f in official.files.list()] == [file.id]
    official.files.delete(file.id)
    assert official.files.list() == []


def test_replicate_makes_flux_2_of_files_and_data(official: Any, sim: Simulators, helpers: dict[str, Any]) -> None:
    uri, file = helpers["data_uri"](helpers["png"]()), official.files.create(io.BytesIO(helpers["png"]()))
    asked = {"prompt": "a hero", "input_images": [uri, file.urls["get"]], "aspect_ratio": "custom", "width": 512, "height": 256}
    prediction = official.models.predictions.create(FLUX, input=asked)
    prediction.wait()

    assert (prediction.status, prediction.version, prediction.model, prediction.input) == ("succeeded", "hidden", FLUX, asked)
    sim.configure(replicate={"output_shape": "data_uri"})
    picture = Image.open(io.BytesIO(official.run(FLUX, input={**asked, "output_format": "jpg"}).read()))
    assert (picture.format, picture.size) == ("JPEG", (512, 256))


def test_replicate_takes_an_open_file_as_flux_2_input(official: Any, sim: Simulators, helpers: dict[str, Any]) -> None:
    """The client sends what it is given as a file as a data URI, also in a list."""
    prediction = official.models.predictions.create(
        FLUX, input={"prompt": "a hero", "input_images": [io.BytesIO(helpers["png"]())]}, file_encoding_strategy="base64"
    )
    prediction.wait()
    assert prediction.status == "succeeded"


def test_replicate_flux_2_errors_raise(official: Any, sim: Simulators) -> None:
    with pytest.raises(ReplicateError, match=r"output_quality: Must be less than or equal to 100"):
        official.models.predictions.create(FLUX, input={"prompt": "a hero", "output_quality": 101})
    with pytest.raises(ModelError, match="could not be fetched"):
        official.run(FLUX, input={"prompt": "a hero", "input_images": [f"{sim.url}/gone.png"]})
    with pytest.raises(ReplicateError) as caught:
        official.models.predictions.create("black-forest-labs/flux-2-nano", input={"prompt": "a hero"})
    assert caught.value.status == 404


def test_replicate_account(official: Any) -> None:
    assert official.accounts.current().username == "simulated"


@pytest.fixture
def official_bfl(sim: Simulators) -> Iterator[BFLClient]:
    # The client joins its own "v1/<model>" to the base with urljoin, which replaces the last part.
    client = BFLClient(api_key="test", base_url=f"{sim.bfl_base_url}/v1")
    with client.session:
        yield client


def test_bfl_generates(official_bfl: BFLClient, client: Any, helpers: dict[str, Any]) -> None:
    inputs = {"prompt": "on a mug", "input_image": base64.b64encode(helpers["png"]()).decode()}
    done = official_bfl.generate("flux-kontext-pro", inputs, ClientConfig(sync=True, timeout=PATIENCE, polling_interval=0.1))

    assert client.get(done.result["sample"]).headers["Content-Type"] == "image/png"


def test_bfl_submits_and_looks_later(official_bfl: BFLClient, sim: Simulators) -> None:
    sim.configure(bfl={"outcome": "moderated_input"})
    task = official_bfl.generate("flux-kontext-pro", {"prompt": "a hero"})

    assert official_bfl.get_task_status(task.id).status == "Request Moderated"


class Flux2Inputs(BaseModel):
    """The client knows no FLUX.2 yet; all else of it does not care which model it speaks to."""

    prompt: str
    input_image: str | None = None
    input_image_2: str | None = None
    width: int | None = None
    height: int | None = None


@pytest.mark.parametrize("model", [name for name in MODELS["bfl"] if name.startswith("flux-2")])
def test_bfl_makes_flux_2(
    official_bfl: BFLClient, client: Any, helpers: dict[str, Any], monkeypatch: pytest.MonkeyPatch, model: str
) -> None:
    monkeypatch.setitem(BFLClient.model_input_registry, model, Flux2Inputs)
    image = base64.b64encode(helpers["png"]()).decode()
    asked = {"prompt": "on a mug", "input_image": image, "input_image_2": image, "width": 512, "height": 256}
    done = official_bfl.generate(model, asked, ClientConfig(sync=True, timeout=PATIENCE, polling_interval=0.1))

    answer = client.get(done.result["sample"])
    assert (answer.headers["Content-Type"], Image.open(io.BytesIO(answer.content)).size) == ("image/jpeg", (512, 256))


def test_bfl_errors_raise(official_bfl: BFLClient, sim: Simulators) -> None:
    sim.configure(bfl={"credits": 1})
    with pytest.raises(BFLError):
        official_bfl.generate("flux-kontext-pro", {"prompt": "a hero"})
