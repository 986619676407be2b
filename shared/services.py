"""Builds the real adapters from the settings, once per process and on first use: importing costs nothing."""

import functools
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.providers.generator import Generator
from shared.secrets import Secrets
from shared.settings import Settings
from shared.storage.blob_store import BlobStore
from shared.storage.documents import Documents
from shared.storage.gate_store import GateStore
from shared.storage.job_store import JobStore
from shared.storage.key_store import KeyStore
from shared.storage.picture_store import PictureStore
from shared.storage.quota_store import QuotaStore
from shared.storage.signed_links import LinkSigner
from shared.storage.submission_store import SubmissionStore
from shared.translator import Translator
from shared.webhooks import WebhookVerifier


class Services:
    """What activities and triggers work with. Parts are built when first asked for, so a bad setting hurts only its users.

    `clock` tells aware times; everything here that asks for the time asks it.
    """

    def __init__(
        self, settings: Settings, credential: Any = None, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self.settings = settings
        self._credential = credential
        self._clock = clock

    def now(self) -> datetime:
        """In UTC."""
        return self._clock().astimezone(UTC)

    def credential(self) -> Any:
        """The app's identity: a managed identity in the cloud, a developer's sign-in on a laptop."""
        if self._credential is None:
            from azure.identity import DefaultAzureCredential

            self._credential = DefaultAzureCredential(managed_identity_client_id=self.settings.storage_client_id)
        return self._credential

    @functools.cached_property
    def blobs(self) -> BlobStore:
        return BlobStore(self._blob_service)

    @functools.cached_property
    def jobs(self) -> JobStore:
        return JobStore(self.blobs, self.documents)

    @functools.cached_property
    def documents(self) -> Documents:
        return Documents(self.blobs)

    @functools.cached_property
    def submissions(self) -> SubmissionStore:
        return SubmissionStore(self.blobs)

    @functools.cached_property
    def pictures(self) -> PictureStore:
        return PictureStore(self.blobs)

    @functools.cached_property
    def keys(self) -> KeyStore:
        return KeyStore(self.documents, self.jobs, self.now)

    @functools.cached_property
    def webhooks(self) -> WebhookVerifier:
        from shared.providers.replicate import ReplicateGenerator

        return WebhookVerifier(ReplicateGenerator(self.settings, self.secrets).webhook_secret)

    @functools.cached_property
    def gates(self) -> GateStore:
        limits = {"replicate": self.settings.replicate_max_active, "bfl": self.settings.bfl_max_active}
        return GateStore(self.documents, limits, lambda: self.now().timestamp())

    @functools.cached_property
    def translator(self) -> Translator:
        return Translator(self.settings, self.secrets)

    @functools.cached_property
    def quotas(self) -> QuotaStore:
        settings = self.settings
        return QuotaStore(self.documents, settings.max_active_jobs_per_owner, settings.daily_jobs_per_owner, self.now)

    @functools.cached_property
    def links(self) -> LinkSigner:
        return LinkSigner(self._blob_service, timedelta(minutes=self.settings.sas_ttl_minutes), self.now)

    @functools.cached_property
    def secrets(self) -> Secrets:
        from shared.secrets import build_secrets

        return build_secrets(self.settings, self.credential)

    @functools.cached_property
    def generators(self) -> dict[str, Generator]:
        from shared.providers.registry import build_generators

        return build_generators(self.settings, self.secrets)

    @property
    def prices(self) -> dict[str, float]:
        """Dollars for one picture, by generator."""
        return {name: generator.cost_usd for name, generator in self.generators.items()}

    @functools.cached_property
    def _blob_service(self) -> Any:
        from shared.storage.account import blob_service

        return blob_service(self.settings, self.credential)


_lock = threading.Lock()
_services: Services | None = None


def services() -> Services:
    """This process's services."""
    global _services
    with _lock:
        if _services is None:
            _services = Services(Settings.from_environ())
        return _services


def use_services(replacement: Services | None) -> None:
    """Put other services in place, or None to build them anew from the environment (tests)."""
    global _services
    with _lock:
        _services = replacement
