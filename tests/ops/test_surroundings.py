"""Where an operator's commands go, from flags, environment, a file of settings or a local stack's note."""

import json
from pathlib import Path

import pytest

from ops.failing import CannotDo
from ops.surroundings import Surroundings

LOCAL = {
    "url": "http://127.0.0.1:7071",
    "settings": {
        "AzureWebJobsStorage": "UseDevelopmentStorage=true", "REPLICATE_API_BASE_URL": "http://127.0.0.1:7090/replicate",
        "BFL_API_BASE_URL": "http://127.0.0.1:7090/bfl",
    },
}  # fmt: skip


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DEVHOST_DIR", str(tmp_path))
    for name in ("TOONCONNECT_URL", "TOONCONNECT_DURABLE_URL", "AzureWebJobsStorage", "BFL_API_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def test_a_local_stack_is_found_by_its_note(folder: Path) -> None:
    (folder / "running.json").write_text(json.dumps(LOCAL))
    around = Surroundings.found(None, None, None)

    assert around.url == "http://127.0.0.1:7071"
    assert around.durable_url == "http://127.0.0.1:7071/runtime/webhooks/durabletask"
    assert around.services.settings.storage_connection_string == "UseDevelopmentStorage=true"
    assert around.is_simulated


def test_without_a_note_nothing_is_simulated() -> None:
    assert not Surroundings.found(None, None, None).is_simulated


@pytest.mark.parametrize(
    "settings",
    [
        [{"name": "IMAGES_STORAGE_ACCOUNT", "value": "images"}, {"name": "WEBSITE_HOSTNAME", "value": "func.example.net"}],
        {"Values": {"IMAGES_STORAGE_ACCOUNT": "images", "WEBSITE_HOSTNAME": "func.example.net"}},
    ],
)
def test_a_file_of_settings_names_another_app_and_nothing_of_the_local_one_is_mixed_in(folder: Path, settings: object) -> None:
    (folder / "running.json").write_text(json.dumps(LOCAL))
    (folder / "settings.json").write_text(json.dumps(settings))
    around = Surroundings.found(str(folder / "settings.json"), None, None)

    assert around.services.settings.images_storage_account == "images"
    assert around.services.settings.storage_connection_string is None
    assert around.url == "https://func.example.net"
    assert not around.is_simulated


def test_a_real_provider_behind_the_local_stack_is_no_simulator(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "running.json").write_text(json.dumps(LOCAL))
    monkeypatch.setenv("BFL_API_BASE_URL", "https://api.bfl.ai")

    assert not Surroundings.found(None, None, None).is_simulated


def test_another_apps_address_is_never_simulated(folder: Path) -> None:
    (folder / "running.json").write_text(json.dumps(LOCAL))

    assert not Surroundings.found(None, "https://func.example.net/", None).is_simulated


@pytest.mark.parametrize("content", ["", "{}", "[1]", '{"Values": 3}'])
def test_a_file_without_settings_is_named(folder: Path, content: str) -> None:
    (folder / "settings.json").write_text(content)
    with pytest.raises(CannotDo, match=r"settings\.json"):
        Surroundings.found(str(folder / "settings.json"), None, None)
