"""Simulators that are quick, and the bodies that both providers take."""

import base64
import io
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
from PIL import Image

from simulators import Simulators, running
from tests.patience import PATIENCE


def png(width: int = 300, height: int = 240, colour: str = "#c04060") -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(file, "PNG")
    return file.getvalue()


def data_uri(data: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(data).decode()}"


@pytest.fixture(scope="session")
def _server() -> Iterator[Simulators]:
    with running() as sim:
        yield sim


@pytest.fixture
def sim(_server: Simulators) -> Simulators:
    """Clean, and done in an instant."""
    _server.reset()
    _server.configure(replicate={"start_seconds": 0, "delay_seconds": 0}, bfl={"start_seconds": 0, "delay_seconds": 0})
    return _server


class Client:
    """Both providers over plain HTTP, as an app calls them."""

    def __init__(self, sim: Simulators) -> None:
        self.replicate_key = {"Authorization": "Bearer r8_test"}
        self.bfl_key = {"x-key": "test"}
        self.sim = sim
        self.http = requests.Session()
        self.http.trust_env = False

    def create(self, provider: str, **changes: Any) -> requests.Response:
        return self.replicate_create(**changes) if provider == "replicate" else self.bfl_create(**changes)

    def replicate_create(
        self, *, headers: dict[str, str] | None = None, top: dict[str, Any] | None = None, **changes: Any
    ) -> requests.Response:
        given = {
            "prompt": "a hero",
            "input_image_1": data_uri(png()),
            "input_image_2": data_uri(png(120, 120, "green")),
            **changes,
        }
        return self.http.post(
            f"{self.sim.replicate_base_url}/v1/models/flux-kontext-apps/multi-image-kontext-max/predictions",
            json={"input": {k: v for k, v in given.items() if v is not None}, **(top or {})},
            headers={**self.replicate_key, **(headers or {})}, timeout=PATIENCE,
        )  # fmt: skip

    def replicate_flux(self, model: str = "flux-2-pro", **given: Any) -> requests.Response:
        """FLUX.2: only what is given, beside the prompt."""
        url = f"{self.sim.replicate_base_url}/v1/models/black-forest-labs/{model}/predictions"
        return self.http.post(url, json={"input": {"prompt": "a hero", **given}}, headers=self.replicate_key, timeout=PATIENCE)

    def bfl_create(
        self, *, model: str = "flux-kontext-max", headers: dict[str, str] | None = None, **changes: Any
    ) -> requests.Response:
        body = {"prompt": "on a mug", "input_image": base64.b64encode(png()).decode(), **changes}
        body = {k: v for k, v in body.items() if v is not None}
        url = f"{self.sim.bfl_base_url}/v1/{model}"
        return self.http.post(url, json=body, headers={**self.bfl_key, **(headers or {})}, timeout=PATIENCE)

    def poll(self, provider: str, created: dict[str, Any]) -> requests.Response:
        if provider == "replicate":
            return self.http.get(created["urls"]["get"], headers=self.replicate_key, timeout=PATIENCE)
        url = created.get("polling_url") or f"{self.sim.bfl_base_url}/v1/get_result?id={created['id']}"
        return self.http.get(url, headers=self.bfl_key, timeout=PATIENCE)

    def ended(self, provider: str, created: dict[str, Any]) -> dict[str, Any]:
        live = ("starting", "processing", "Pending", "Reasoning", "Generating")
        return until(lambda: body if (body := self.poll(provider, created).json())["status"] not in live else None)

    def picture_url(self, provider: str, **changes: Any) -> str:
        return self.url_of(provider, self.create(provider, **changes).json())

    def url_of(self, provider: str, created: dict[str, Any]) -> str:
        body = self.ended(provider, created)
        return str(body["output"] if provider == "replicate" else body["result"]["sample"])

    def get(self, url: str, **options: Any) -> requests.Response:
        return self.http.get(url, timeout=PATIENCE, **options)


def until(look: Callable[[], Any], seconds: float = PATIENCE) -> Any:
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        if found := look():
            return found
        time.sleep(0.01)
    raise TimeoutError


@pytest.fixture
def client(sim: Simulators) -> Client:
    return Client(sim)


@pytest.fixture
def helpers() -> dict[str, Any]:
    return {"png": png, "data_uri": data_uri, "until": until, "Client": Client}
