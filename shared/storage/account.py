"""How the storage accounts are reached: by connection string locally, by identity in the cloud."""

from collections.abc import Callable
from typing import Any

from azure.core.pipeline.transport import RequestsTransport
from azure.storage.blob import BlobServiceClient, ExponentialRetry

from shared.settings import Settings

#: Threads of the host that may talk to storage at once; the default pool of 10 makes the others reconnect each time.
CONNECTIONS = 64


class StorageNotConfigured(Exception):
    """No storage account is named in the settings."""


def blob_service(settings: Settings, credential: Callable[[], Any], **options: Any) -> BlobServiceClient:
    """The account that holds images and documents. Raises StorageNotConfigured.

    IMAGES_STORAGE_ACCOUNT names an account of its own, reached by identity; else it is the host's own account.
    """
    if settings.images_storage_account is None:
        return host_blob_service(settings, credential, **options)
    return BlobServiceClient(_url(settings.images_storage_account), credential=credential(), **_options(options))


def host_blob_service(settings: Settings, credential: Callable[[], Any], **options: Any) -> BlobServiceClient:
    """The Functions host's own account. Raises StorageNotConfigured."""
    if settings.storage_connection_string:
        return BlobServiceClient.from_connection_string(settings.storage_connection_string, **_options(options))
    account = settings.storage_blob_url or settings.storage_account_name
    if account is None:
        raise StorageNotConfigured("AzureWebJobsStorage")
    return BlobServiceClient(_url(account), credential=credential(), **_options(options))


def host_queue_service(settings: Settings, credential: Callable[[], Any]) -> Any:
    """The queues of the Functions host's own account. Raises StorageNotConfigured.

    Imported by whoever asks: no job that comes by HTTP needs them.
    """
    from azure.storage.queue import ExponentialRetry as QueueRetry
    from azure.storage.queue import QueueServiceClient

    options = _options({"retry_policy": QueueRetry(initial_backoff=1, increment_base=2, retry_total=3, random_jitter_range=1)})
    if settings.storage_connection_string:
        return QueueServiceClient.from_connection_string(settings.storage_connection_string, **options)
    account = settings.storage_queue_url or settings.storage_account_name
    if account is None:
        raise StorageNotConfigured("AzureWebJobsStorage__queueServiceUri")
    return QueueServiceClient(_url(account, "queue"), credential=credential(), **options)


def _url(account: str, service: str = "blob") -> str:
    return account if "://" in account else f"https://{account}.{service}.core.windows.net"


def _options(given: dict[str, Any]) -> dict[str, Any]:
    import requests
    from requests.adapters import HTTPAdapter

    session = requests.Session()
    # No look at .netrc and proxy variables before each of a job's dozen calls: a tenth of their time.
    session.trust_env = False
    adapter = HTTPAdapter(pool_connections=4, pool_maxsize=CONNECTIONS)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return {
        "transport": RequestsTransport(session=session, session_owner=False),
        # The default waits 15 s before its first retry: a user is waiting, and orchestrations retry with more patience.
        "retry_policy": ExponentialRetry(initial_backoff=1, increment_base=2, retry_total=3, random_jitter_range=1),
        "connection_timeout": 5, "read_timeout": 30, **given,
    }  # fmt: skip
