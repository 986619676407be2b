"""Secrets from a Key Vault: the real client over HTTPS, against a server that answers as a vault does."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from azure.core.credentials import AccessToken
from azure.core.exceptions import ClientAuthenticationError

from shared.secrets import KeyVaultSecrets, Secrets, SecretUnavailable
from tests.patience import PATIENCE
from tests.vault import Vault


@dataclass
class Identity:
    """A credential that gives one token. `scopes` holds what it was asked for."""

    scopes: list[str] = field(default_factory=list)

    def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        self.scopes.extend(scopes)
        return AccessToken("made-up-token", 4_000_000_000)


class NoIdentity:
    def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        raise ClientAuthenticationError("no managed identity here")


@pytest.fixture
def vault(tmp_path: Path) -> Iterator[Vault]:
    with Vault(tmp_path) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join(PATIENCE)


def reading(vault: Vault, identity: Any = None) -> KeyVaultSecrets:
    return KeyVaultSecrets(
        vault.url, identity or Identity(),
        verify_challenge_resource=False, connection_verify=vault.ca_path, retry_total=0,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("setting", "name"),
    [
        ("REPLICATE_API_TOKEN", "replicate-api-token"),
        ("BFL_API_KEY", "bfl-api-key"),
        ("TRANSLATOR_KEY", "translator-key"),
    ],
)
def test_each_secret_is_found_under_its_name_in_the_vault(vault: Vault, setting: str, name: str) -> None:
    vault.secrets[name] = "r8_value"

    assert reading(vault).read(setting) == "r8_value"
    assert vault.asked[-1][0].startswith(f"/secrets/{name}")


def test_the_token_goes_out_only_after_the_vaults_challenge_and_for_the_vaults_resource(vault: Vault) -> None:
    vault.secrets["bfl-api-key"] = "key"
    identity = Identity()
    reading(vault, identity).read("BFL_API_KEY")

    assert [token for _, token in vault.asked] == [None, "Bearer made-up-token"]
    assert identity.scopes == ["https://vault.azure.net/.default"]


def test_a_secret_that_is_not_there_is_none(vault: Vault) -> None:
    assert reading(vault).read("BFL_API_KEY") is None


@pytest.mark.parametrize("status", [403, 429, 500, 503])
def test_a_vault_that_refuses_is_unavailable_and_nothing_of_its_answer_is_told(vault: Vault, status: int) -> None:
    vault.secrets["bfl-api-key"] = "key"
    vault.refusal = status

    with pytest.raises(SecretUnavailable, match=f"BFL_API_KEY.*{status}") as caught:
        reading(vault).read("BFL_API_KEY")
    assert caught.value.name == "BFL_API_KEY"
    assert "r8_hidden" not in str(caught.value)


def test_a_vault_that_is_down_is_unavailable(vault: Vault) -> None:
    source = reading(vault)
    vault.shutdown()
    vault.server_close()

    with pytest.raises(SecretUnavailable, match=r"BFL_API_KEY.*could not be reached"):
        source.read("BFL_API_KEY")


def test_a_vault_whose_certificate_is_not_trusted_gets_no_token(vault: Vault) -> None:
    source = KeyVaultSecrets(vault.url, Identity(), verify_challenge_resource=False, retry_total=0)

    with pytest.raises(SecretUnavailable):
        source.read("BFL_API_KEY")
    assert vault.asked == []


def test_an_app_without_an_identity_is_told_so(vault: Vault) -> None:
    with pytest.raises(SecretUnavailable, match="identity"):
        reading(vault, NoIdentity()).read("BFL_API_KEY")


def test_a_rotated_secret_is_seen_as_soon_as_a_provider_refuses_the_old_one(vault: Vault) -> None:
    vault.secrets["bfl-api-key"] = "old\n"
    secrets = Secrets(reading(vault))
    assert secrets.get("BFL_API_KEY") == "old"

    vault.secrets["bfl-api-key"] = "new\n"

    assert secrets.get("BFL_API_KEY") == "old"
    assert secrets.reread("BFL_API_KEY", refused="old") == "new"
    assert secrets.get("BFL_API_KEY") == "new"


def test_a_vault_that_goes_down_leaves_the_app_the_key_it_knows(vault: Vault) -> None:
    vault.secrets["bfl-api-key"] = "known"
    secrets = Secrets(reading(vault))
    secrets.get("BFL_API_KEY")
    vault.refusal = 503

    assert secrets.reread("BFL_API_KEY", refused="known") == "known"
