"""The one door to API keys: Key Vault where KEY_VAULT_URI is set, else the environment."""

import time
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

from shared.settings import Settings
from shared.single_flight import SingleFlight

#: Key Vault's names hold no underscores, so each secret has two.
VAULT_NAMES = {
    "REPLICATE_API_TOKEN": "replicate-api-token",
    "BFL_API_KEY": "bfl-api-key",
    "TRANSLATOR_KEY": "translator-key",
    "WEBHOOK_SIGNING_KEY": "webhook-signing-key",
}
REREAD_AFTER_SECONDS = 300.0


class SecretUnavailable(Exception):
    """The store could not be asked; says nothing about whether the secret exists. Names the secret, never its value."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name}: {reason}")
        self.name = name
        self.reason = reason


class SecretSource(Protocol):
    def read(self, name: str) -> str | None:
        """The secret's present value, or None when there is none. Raises SecretUnavailable."""


class EnvironmentSecrets:
    """Secrets that were in the environment when the process began."""

    def __init__(self, values: Any) -> None:
        self._values = values

    def read(self, name: str) -> str | None:
        value: str | None = self._values.get(name)
        return value


class KeyVaultSecrets:
    """Secrets in Azure Key Vault, read with the app's identity."""

    def __init__(self, vault_url: str, credential: Any, **client_options: Any) -> None:
        from azure.keyvault.secrets import SecretClient

        # The client's own patience is 300 seconds a try, while every thread that needs a key waits.
        patience = {"connection_timeout": 5, "read_timeout": 10, "retry_total": 2}
        self._client = SecretClient(vault_url=vault_url, credential=credential, **{**patience, **client_options})

    def read(self, name: str) -> str | None:
        from azure.core.exceptions import AzureError, HttpResponseError, ResourceNotFoundError

        try:
            return self._client.get_secret(VAULT_NAMES[name]).value
        except ResourceNotFoundError:
            return None
        except HttpResponseError as error:
            # A disabled or expired secret is refused with 403 and Forbidden; nothing of the body is worth showing.
            # Without a status it was the identity that failed, before anything was sent.
            said = f"Key Vault answered {error.status_code}" if error.status_code else "the app's identity gave no token"
            raise SecretUnavailable(name, said) from error
        except AzureError as error:
            raise SecretUnavailable(name, f"Key Vault could not be reached ({type(error).__name__})") from error


class _Read(NamedTuple):
    value: str | None
    at: float


class Secrets:
    """Cached secrets: read again after five minutes, and at once when a provider has refused one.

    Surrounding whitespace is stripped (a trailing newline in a secret once broke the old service). A store that
    cannot be reached is forgiven while an earlier value is known.

    A store that gives no answer takes a thread for half a minute, of which there are few: so only one asks for a secret at a
    time, and the others wait for it only where nothing is known yet or a provider has refused what is, and the store has
    answered when it was last asked.
    """

    def __init__(self, source: SecretSource, clock: Callable[[], float] = time.monotonic) -> None:
        self._source = source
        self._clock = clock
        self._read: dict[str, _Read] = {}
        #: Why the store could not be asked the last time, by secret.
        self._away: dict[str, str] = {}
        self._flights: dict[str, SingleFlight[str | None]] = {}

    def get(self, name: str) -> str | None:
        """The secret, or None when it is not set. Raises SecretUnavailable when no value was ever read."""
        known = self._read.get(name)
        if known is not None and self._clock() - known.at < REREAD_AFTER_SECONDS:
            return known.value
        return self._refresh(name, known, is_old=known is not None)

    def reread(self, name: str, refused: str) -> str | None:
        """The secret after a provider refused the value `refused`: asks the store unless another thread just has."""
        known = self._read.get(name)
        if known is not None and known.value != refused:
            return known.value
        return self._refresh(name, known)

    def _refresh(self, name: str, known: _Read | None, is_old: bool = False) -> str | None:
        flight = self._flights.setdefault(name, SingleFlight())
        away = self._away.get(name)
        if flight.is_under_way and (is_old or away):
            if known is not None:
                return known.value
            raise SecretUnavailable(name, away or "")
        return flight.ask(lambda: self._asked(name, known))

    def _asked(self, name: str, known: _Read | None) -> str | None:
        current = self._read.get(name)
        if current is not None and current is not known:
            return current.value
        try:
            value = (self._source.read(name) or "").strip() or None
        except SecretUnavailable as error:
            self._away[name] = error.reason
            if known is None:
                raise
            value = known.value
        else:
            self._away.pop(name, None)
        self._read[name] = _Read(value, self._clock())
        return value


def build_secrets(settings: Settings, credential: Callable[[], Any]) -> Secrets:
    """Secrets from where the settings say; `credential` is only called when a vault is named."""
    if settings.key_vault_uri:
        return Secrets(KeyVaultSecrets(settings.key_vault_uri, credential()))
    return Secrets(EnvironmentSecrets(settings.environment_secrets))
