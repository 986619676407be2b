"""Generators that talk HTTP to the simulators."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

import simulators
from shared.generators.registry import Generators
from shared.providers.registry import PROVIDERS
from shared.secrets import EnvironmentSecrets, Secrets
from shared.settings import Settings


@pytest.fixture(scope="session")
def _simulators() -> Iterator[Any]:
    with simulators.running(port=0) as sim:
        yield sim


@pytest.fixture
def sim(_simulators: Any) -> Any:
    _simulators.reset()
    _simulators.configure(replicate={"delay_seconds": 0.05, "start_seconds": 0.02}, bfl={"delay_seconds": 0.05})
    return _simulators


@pytest.fixture
def keys() -> dict[str, str]:
    return {"REPLICATE_API_TOKEN": "r8_right", "BFL_API_KEY": "right"}


@pytest.fixture
def build(sim: Any, keys: dict[str, str]) -> Callable[..., Any]:
    """Makes one generator by its model, or by its provider's name with the model that this had first; `http` replaces its
    connections, further arguments are settings."""
    host = sim.url.removeprefix("http://")
    port = host.rsplit(":", 1)[1]

    def generator(name: str, http: Any = None, **environ: str) -> Any:
        settings = Settings.from_environ(
            {
                "AzureWebJobsStorage": "UseDevelopmentStorage=true",
                "REPLICATE_API_BASE_URL": f"{sim.url}/replicate",
                "BFL_API_BASE_URL": f"{sim.url}/bfl",
                "PROVIDER_EXTRA_HOSTS": f"{host},localhost:{port}",
                **environ,
            }
        )
        secrets = Secrets(EnvironmentSecrets(keys))
        providers: Any = {maker.name: maker(settings, secrets, http) for maker in PROVIDERS}
        return Both(Generators(providers, settings.models_of_before)[name])

    return generator


class Both:
    """A generator and its provider as one: what their tests ask of either."""

    def __init__(self, generator: Any) -> None:
        self._generator = generator

    @property
    def provider(self) -> Any:
        return self._generator.provider

    def __getattr__(self, name: str) -> Any:
        return getattr(self._generator if name in ("submit", "find", "worded", "price_usd") else self._generator.provider, name)


@pytest.fixture
def generators(build: Callable[..., Any]) -> dict[str, Any]:
    return {maker.name: build(maker.name) for maker in PROVIDERS}
