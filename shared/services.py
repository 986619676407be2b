"""Builds the real adapters from the settings, once per process and on first use: importing costs nothing."""

import functools
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.askers import Askers
from shared.domain.job import Document
from shared.domain.kinds import KINDS, Kind
from shared.domain.payloads import Named
from shared.generators.generator import Generator
from shared.generators.registry import MODELS, Generators
from shared.providers.provider import Provider
from shared.providers.receivers import Receivers
from shared.secrets import Secrets
from shared.settings import Settings
from shared.storage.address_store import AddressStore
from shared.storage.blob_store import DOCUMENTS, BlobStore
from shared.storage.documents import Documents
from shared.storage.gate_store import GateStore
from shared.storage.intake_blobs import IntakeBlobs
from shared.storage.job_index import JobIndex
from shared.storage.job_store import JobStore
from shared.storage.key_store import KeyStore
from shared.storage.picture_store import PictureStore
from shared.storage.queues import Queues
from shared.storage.quota_store import QuotaStore
from shared.storage.sent_images import SentImages
from shared.storage.signed_links import LinkSigner
from shared.storage.spending_store import SpendingStore
from shared.storage.submission_store import Attempt, SubmissionStore
from shared.storage.uploads import Uploads
from shared.storage.webhook_store import ExpectedDeliveries, SecretVersions
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
    def index(self) -> JobIndex:
        return JobIndex(self.blobs)

    @functools.cached_property
    def documents(self) -> Documents:
        return Documents(self.blobs)

    @functools.cached_property
    def host_blobs(self) -> BlobStore:
        """The host's own account: the same, unless images have one of their own."""
        if self.settings.images_storage_account is None:
            return self.blobs
        from shared.storage.account import host_blob_service

        return BlobStore(host_blob_service(self.settings, self.credential), containers=(DOCUMENTS,))

    @functools.cached_property
    def standing_documents(self) -> Documents:
        """Gates and owners' counters, which are of no job and have no age. They lie in the host's account, where nothing is
        deleted by its age and no write leaves a copy; earlier versions had them beside the jobs (decision 25)."""
        same = self.host_blobs is self.blobs
        return self.documents if same else Documents(self.host_blobs, before=self.blobs)

    @functools.cached_property
    def account_documents(self) -> Documents:
        """What accounts have spent, and keys of addresses: in the host's account as well, and never anywhere else."""
        return self.documents if self.host_blobs is self.blobs else Documents(self.host_blobs)

    def check_storage(self) -> None:
        """Create what is missing and touch the accounts; raises what the storage client raises, and StorageNotConfigured."""
        self.blobs.check()
        if self.host_blobs is not self.blobs:
            self.host_blobs.check()

    @functools.cached_property
    def submissions(self) -> SubmissionStore:
        return SubmissionStore(self.blobs)

    @functools.cached_property
    def pictures(self) -> PictureStore:
        return PictureStore(self.blobs)

    @functools.cached_property
    def uploads(self) -> Uploads:
        return Uploads(self.blobs)

    @functools.cached_property
    def sent_images(self) -> SentImages:
        return SentImages(self.blobs, self.links if self.settings.images_by_link else None)

    @functools.cached_property
    def queues(self) -> Queues:
        """Of batch producers, in the host's own account."""
        from shared.storage.account import host_queue_service

        return Queues(host_queue_service(self.settings, self.credential))

    @functools.cached_property
    def intake_blobs(self) -> IntakeBlobs:
        return IntakeBlobs(self._blob_service)

    @functools.cached_property
    def askers(self) -> Askers:
        return Askers(self.now)

    @functools.cached_property
    def keys(self) -> KeyStore:
        return KeyStore(self.documents, self.jobs, self.now)

    @functools.cached_property
    def webhooks(self) -> WebhookVerifier:
        from shared.providers.replicate import Replicate

        return WebhookVerifier(Replicate(self.settings, self.secrets).webhook_secret)

    @functools.cached_property
    def deliveries(self) -> ExpectedDeliveries:
        """Jobs whose end is still to be told to an address of their owner's."""
        return ExpectedDeliveries(self.blobs)

    @functools.cached_property
    def webhook_versions(self) -> SecretVersions:
        return SecretVersions(self.standing_documents, self.now)

    @functools.cached_property
    def receivers(self) -> Receivers:
        return Receivers(self.settings.webhook_extra_hosts)

    @functools.cached_property
    def gates(self) -> GateStore:
        """By provider: the account's limit, and the shares that its models have of it."""
        limits = {name: provider.max_active for name, provider in self.providers.items()}
        caps: dict[str, dict[str, int]] = {name: {} for name in self.providers}
        for model in MODELS:
            if model.cap is not None:
                caps[model.provider][model.id] = model.cap(self.settings)
        return GateStore(
            self.standing_documents, limits, lambda: self.now().timestamp(), caps=caps, defaults=self.settings.models_of_before
        )

    @functools.cached_property
    def translator(self) -> Translator:
        return Translator(self.settings, self.secrets, self.credential)

    @functools.cached_property
    def quotas(self) -> QuotaStore:
        settings = self.settings
        return QuotaStore(self.standing_documents, settings.max_active_jobs_per_owner, settings.daily_jobs_per_owner, self.now)

    @functools.cached_property
    def quotas_of_all(self) -> QuotaStore:
        """Of all callers together. Where nobody signs in they are held to a caller's own limit where there is no other."""
        settings, active, daily = self.settings, self.settings.max_active_jobs, self.settings.daily_jobs
        if settings.auth_mode == "none":
            active, daily = active or settings.max_active_jobs_per_owner, daily or settings.daily_jobs_per_owner
        return QuotaStore(self.standing_documents, active, daily, self.now)

    @functools.cached_property
    def spending(self) -> SpendingStore:
        return SpendingStore(self.account_documents, self.now)

    @functools.cached_property
    def addresses(self) -> AddressStore:
        return AddressStore(self.account_documents, self.now)

    @functools.cached_property
    def links(self) -> LinkSigner:
        return LinkSigner(self._blob_service, timedelta(minutes=self.settings.sas_ttl_minutes), self.now)

    @functools.cached_property
    def secrets(self) -> Secrets:
        from shared.secrets import build_secrets

        return build_secrets(self.settings, self.credential)

    @functools.cached_property
    def providers(self) -> dict[str, Provider]:
        from shared.providers.registry import build_providers

        return build_providers(self.settings, self.secrets)

    @functools.cached_property
    def generators(self) -> Generators:
        return Generators(self.providers, self.settings.models_of_before)

    @property
    def prices(self) -> dict[str, float]:
        """Dollars for a picture of which no cost is on record, by generator, or provider as jobs of before name it."""
        names = [*self.generators, *self.settings.models_of_before]
        return {name: self.generators[name].price_usd(1) for name in names}

    def generator_for(self, payload: Named) -> Generator:
        """That of a payload; of a model that was taken out meanwhile its account, which looking and canceling need only."""
        try:
            return self.generators[payload["generator"]]
        except KeyError:
            record = self.submissions.find(Attempt.of(payload))
            if record is None or record.submission.provider not in self.providers:
                raise
            return self.generators[str(record.submission.provider)]

    def generator_of(self, document: Document) -> Generator:
        """A job's: by its model, or where that is not known any more by its provider."""
        return self.generators.get(document.get("model", "")) or self.generators[document["provider"]]

    def generators_of(self, kind: Kind) -> list[Generator]:
        """Those that are set for a kind and known, the default first."""
        return [self.generators[name] for name in self.settings.models.get(kind.name, ()) if name in self.generators]

    @property
    def setting_problems(self) -> dict[str, str]:
        """What is wrong with settings, by their names."""
        return {**self.settings.problems, **self.unknown_models}

    @property
    def unknown_models(self) -> dict[str, str]:
        """What is wrong with the settings that list models, by setting."""
        wrong = {}
        for kind in KINDS.values():
            unknown = [name for name in self.settings.models.get(kind.name, ()) if name not in self.generators]
            images = len(kind.images)
            unfit = [g.name for g in self.generators_of(kind) if not g.model.min_images <= images <= g.model.max_images]
            if unknown or unfit:
                wrong[kind.models_setting] = "; ".join([
                    *(f"unknown model {name}" for name in unknown), *(f"{name} does not take {images}" for name in unfit),
                ])  # fmt: skip
        return wrong

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
