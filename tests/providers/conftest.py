"""Generators that talk HTTP to the simulators."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

import simulators
from shared.providers.registry import GENERATORS
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
    """Makes one generator by its name; `http` replaces its connections, further arguments are settings."""
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
        made = {maker.name: maker for maker in GENERATORS}[name]
        return made(settings, Secrets(EnvironmentSecrets(keys)), http)

    return generator


@pytest.fixture
def generators(build: Callable[..., Any]) -> dict[str, Any]:
    return {maker.name: build(maker.name) for maker in GENERATORS}
