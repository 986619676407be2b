"""A sandbox knows no key and no vault, is never production by accident, and its instances share what they know."""

import json
import socket
import subprocess
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from local.ports import free_port
from sandbox import open_sandbox
from sandbox.stored_ledger import StoredLedger
from shared.providers.provider import Ready, Running
from shared.secrets import build_secrets
from shared.services import Services
from shared.settings import Settings
from simulators.ledger import Record
from simulators.lifecycle import Plan
from tests.fakes import FakeBlobs
from tests.patience import PATIENCE

STORAGE = {"AzureWebJobsStorage": "UseDevelopmentStorage=true"}
DEV = {**STORAGE, "SANDBOX": "true", "ENVIRONMENT_TYPE": "dev"}
#: Whatever of the real world an environment may be told, by mistake or from before.
REAL = {
    "REPLICATE_API_TOKEN": "r8_real", "BFL_API_KEY": "real", "TRANSLATOR_KEY": "real", "KEY_VAULT_URI": "https://v.vault.azure.net",
    "REPLICATE_API_BASE_URL": "https://api.replicate.com", "BFL_API_BASE_URL": "https://api.bfl.ai",
    "TRANSLATOR_ENDPOINT": "https://api.cognitive.microsofttranslator.com", "PROVIDER_EXTRA_HOSTS": "api.example:8080",
    "IMAGES_BY_LINK": "true", "WEBSITE_HOSTNAME": "func.azurewebsites.net",
}  # fmt: skip


# ---- what it is set to ----


def test_nothing_of_the_real_world_is_used_whatever_is_set() -> None:
    settings = Settings.from_environ(DEV | REAL)

    assert settings.is_sandbox
    assert settings.problems == {}
    assert (settings.replicate_api_base_url, settings.bfl_api_base_url) == (
        "http://127.0.0.1:7099/replicate", "http://127.0.0.1:7099/bfl",
    )  # fmt: skip
    assert settings.provider_extra_hosts == ("127.0.0.1:7099", "localhost:7099")
    assert (settings.key_vault_uri, settings.translator_endpoint, settings.images_by_link) == (None, None, False)

    def never() -> Any:
        raise AssertionError("nobody signs in for a secret")

    secrets = build_secrets(settings, never)
    assert [secrets.get(name) for name in ("REPLICATE_API_TOKEN", "BFL_API_KEY", "TRANSLATOR_KEY")] == [
        "sandbox",
        "sandbox",
        None,
    ]


def test_the_providers_of_a_sandbox_refuse_every_address_but_its_own() -> None:
    providers = Services(Settings.from_environ(DEV | REAL)).providers
    assert {name: provider._base for name, provider in providers.items()} == {  # type: ignore[attr-defined]
        "replicate": "http://127.0.0.1:7099/replicate", "bfl": "http://127.0.0.1:7099/bfl",
    }  # fmt: skip


@pytest.mark.parametrize("environ", [{}, {"ENVIRONMENT_TYPE": "prod"}, {"ENVIRONMENT_TYPE": "production"}], ids=str)
def test_what_is_not_called_dev_is_no_sandbox_and_says_so(environ: dict[str, str]) -> None:
    settings = Settings.from_environ({**STORAGE, **REAL, "SANDBOX": "true", **environ})

    assert not settings.is_sandbox
    assert settings.problems["SANDBOX"] == "is for environments whose ENVIRONMENT_TYPE is dev"
    # Jobs under way are finished with the keys that they were begun with.
    assert settings.environment_secrets["BFL_API_KEY"] == "real"
    assert settings.bfl_api_base_url == "https://api.bfl.ai"


def test_a_misspelt_switch_is_told_and_is_off() -> None:
    settings = Settings.from_environ({**DEV, "SANDBOX": "treu"})
    assert (settings.is_sandbox, list(settings.problems)) == (False, ["SANDBOX"])


def test_without_the_switch_the_kind_of_environment_changes_nothing() -> None:
    assert Settings.from_environ({**STORAGE, "ENVIRONMENT_TYPE": "dev"}) == Settings.from_environ(STORAGE)
    assert Settings.from_environ({**DEV, "SANDBOX": "false"}) == Settings.from_environ(STORAGE)


def test_an_app_that_is_no_sandbox_imports_no_simulator() -> None:
    code = "import sys, function_app; print([name for name in sys.modules if name.split('.')[0] in ('sandbox', 'simulators')])"
    for environ, expected in ((STORAGE, "[]"), ({**STORAGE, "SANDBOX": "true", "ENVIRONMENT_TYPE": "prod"}, "[]")):
        said = subprocess.run(
            [sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=True, timeout=PATIENCE
        )
        assert said.stdout.strip() == expected


# ---- how it listens ----


def opened(blobs: FakeBlobs, port: int) -> Services:
    services = Services(Settings.from_environ({**DEV, "SANDBOX_PORT": str(port)}))
    services.__dict__["blobs"] = blobs
    open_sandbox(services)
    return services


def test_a_picture_is_made_over_http_and_a_second_process_may_listen_too(caplog: pytest.LogCaptureFixture) -> None:
    blobs, port = FakeBlobs(), free_port()
    services = opened(blobs, port)
    opened(blobs, port)
    assert caplog.records == []
    bfl = services.providers["bfl"]
    handle = bfl.create("flux-kontext-max", {"prompt": "[[slow:0.2]]"}, webhook_url=None, timeout_seconds=30)
    looks = []
    while not (looks and isinstance(looks[-1], Ready)):
        assert len(looks) < 100
        time.sleep(0.05)
        looks.append(bfl.look(handle))

    # Each look is a connection of its own to one of the two.
    assert {type(look) for look in looks} <= {Running, Ready}
    assert bfl.download(looks[-1]).startswith(b"\x89PNG")
    assert list(blobs.documents) == [f"sandbox/bfl/{handle.id}.json"]
    for provider in services.providers.values():
        provider.check_account()


def test_an_address_that_cannot_be_had_is_told_and_loads_the_app_all_the_same(caplog: pytest.LogCaptureFixture) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        opened(FakeBlobs(), taken.getsockname()[1])

    assert [(r.message, r.names) for r in caplog.records] == [("settings_broken", ["SANDBOX: OSError"])]  # type: ignore[attr-defined]


# ---- what its instances share ----


class Clock:
    def __init__(self) -> None:
        self.now = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.now


def record(prediction_id: str = "p-1", created_at: float | None = None) -> Record:
    return Record(
        id=prediction_id, provider="bfl", model="flux-kontext-max", created_at=created_at or time.time(),
        plan=Plan(outcome="succeed", start_seconds=0.0, end_seconds=60.0, price_usd=0.08), input={}, prompt="영웅", images=["a1"],
        size=[64, 64], output_format="png", scene="goods", body_hash="h", base="http://127.0.0.1:7099", home_host="127.0.0.1",
    )  # fmt: skip


@pytest.fixture
def blobs() -> FakeBlobs:
    return FakeBlobs()


@pytest.fixture
def instances(blobs: FakeBlobs) -> tuple[StoredLedger, StoredLedger]:
    return StoredLedger(lambda: blobs), StoredLedger(lambda: blobs)  # type: ignore[arg-type, return-value]


def test_what_one_instance_made_the_other_knows(instances: tuple[StoredLedger, StoredLedger]) -> None:
    one, other = instances
    one.add_image("a1", b"jpeg", None)
    one.add(record())

    assert other.get("bfl", "p-1") == record(created_at=one.get("bfl", "p-1").created_at)  # type: ignore[union-attr]
    assert other.image("a1") == b"jpeg"
    assert other.get("replicate", "p-1") is None
    assert other.image("b2") is None
    assert other.active("bfl") == 1, "the account's limit counts what others made"


def test_a_cancel_at_one_instance_is_seen_at_the_other(instances: tuple[StoredLedger, StoredLedger]) -> None:
    one, other = instances
    one.add(record())
    at = time.time()
    other.change(record(), canceled_at=at)

    known = one.get("bfl", "p-1")
    assert known is not None
    assert (known.canceled_at, known.is_active(time.time())) == (at, False)


def test_changes_at_both_instances_at_once_are_both_kept(instances: tuple[StoredLedger, StoredLedger], blobs: FakeBlobs) -> None:
    one, other = instances
    one.add(record())
    replace_document, beaten = blobs.replace_document, []

    def late(*given: Any) -> str:
        if not beaten:
            beaten.append(True)
            other.change(record(), webhook_done=True)
        return replace_document(*given)

    blobs.replace_document = late  # type: ignore[method-assign, assignment]
    one.change(record(), canceled_at=1.0)

    known = other.get("bfl", "p-1")
    assert known is not None
    assert (known.canceled_at, known.webhook_done) == (1.0, True)


def test_the_list_has_the_newest_first_of_every_instance(instances: tuple[StoredLedger, StoredLedger]) -> None:
    one, other = instances
    for number, ledger in enumerate((one, other, one)):
        ledger.add(record(f"p-{number}", created_at=1000.0 + number))

    assert [known.id for known in other.of("bfl")] == ["p-2", "p-1", "p-0"]


@pytest.mark.parametrize("name", ["../../jobs/job_1/job", "p/1", "", "p" * 65])
def test_no_id_leads_out_of_the_sandbox(name: str, instances: tuple[StoredLedger, StoredLedger], blobs: FakeBlobs) -> None:
    blobs.create_document(f"sandbox/bfl/{name}.json", json.loads(record().to_json()))
    blobs.put_image(f"sandbox/{name}.jpg", b"jpeg", "image/jpeg")
    assert instances[0].get("bfl", name) is None
    assert instances[0].image(name) is None


def test_what_is_older_than_an_hour_is_forgotten_and_nothing_else_is(blobs: FakeBlobs, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    StoredLedger(lambda: blobs, clock).add(record("old"))  # type: ignore[arg-type, return-value]
    blobs.put_image("sandbox/old.jpg", b"", "image/jpeg")
    blobs.put_image("job/output/0.png", b"", "image/png")
    blobs.written = dict.fromkeys(("sandbox/bfl/old.json", "sandbox/old.jpg", "job/output/0.png"), clock.now - timedelta(hours=2))

    StoredLedger(lambda: blobs, clock).add(replace(record("new")))  # type: ignore[arg-type, return-value]

    assert (list(blobs.documents), list(blobs.images)) == (["sandbox/bfl/new.json"], ["job/output/0.png"])
