"""The commands in the README work as they stand."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from simulators import Simulators
from simulators.config import Config, ProviderConfig
from simulators.faults import KINDS, OPERATIONS
from simulators.lifecycle import OUTCOMES
from simulators.models import MODELS
from tests.patience import PATIENCE

README = (Path(__file__).resolve().parents[2] / "simulators/README.md").read_text()


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl")
def test_every_curl_command_is_accepted(sim: Simulators) -> None:
    commands = re.findall(r"^curl .*$", README, re.M)
    assert len(commands) >= 8
    for command in commands:
        done = subprocess.run(
            ["bash", "-c", command.replace("localhost:7090", f"127.0.0.1:{sim.port}")],
            capture_output=True, text=True, timeout=PATIENCE, check=False,
        )  # fmt: skip
        assert done.returncode == 0, (command, done.stderr)
        json.loads(done.stdout)


@pytest.mark.parametrize(("provider", "name"), [(provider, name) for provider, rows in MODELS.items() for name in rows])
def test_the_readme_names_every_model(provider: str, name: str) -> None:
    """The first of a family in full, the others by how they end."""
    (row,) = [line for line in README.splitlines() if line.lower().startswith(f"| {provider} | `")]
    assert f"{name}`" in row or f"`-{name.rpartition('-')[2]}`" in row


@pytest.mark.parametrize("word", [*OUTCOMES, *KINDS, *OPERATIONS])
def test_the_readme_names_every_outcome_and_fault(word: str) -> None:
    assert re.search(rf"\b{word}\b", README)


def test_settings_that_the_readme_names_exist() -> None:
    config = Config()
    names = {*vars(config.replicate), *vars(config.bfl), *vars(config.bfl.webhooks)}
    assumed = README.split("## Assumed")[1]
    named = set(re.findall(r"`([a-z]+_[a-z_]+)`", assumed)) - {
        "match_input_image",
        "invalid_type",
        "number_gte",
        "array_max_items",
    }
    assert named - names == set()
    assert isinstance(config.bfl, ProviderConfig)
