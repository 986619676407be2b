"""One owner starts very many jobs in one moment, on two instances of the app."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

from azure.storage.blob import BlobServiceClient

from shared.storage.blob_store import DOCUMENTS, BlobStore
from shared.storage.documents import Documents
from shared.storage.quota_store import QuotaStore
from tests.azurite import Azurite

JOBS = 64


def test_all_of_them_are_counted_without_an_error_and_with_few_requests(azurite: Azurite) -> None:
    answered: list[tuple[str, int]] = []

    def count(response: Any) -> None:
        if "restype=container" not in response.http_request.url:
            answered.append((response.http_request.method, response.http_response.status_code))

    def instance() -> QuotaStore:
        service = BlobServiceClient.from_connection_string(azurite.connection_string, raw_response_hook=count)
        return QuotaStore(Documents(BlobStore(service)), 1_000, 1_000, lambda: datetime(2026, 6, 1, 3, tzinfo=UTC))

    apps, start = (instance(), instance()), threading.Barrier(JOBS)

    def admit(number: int) -> None:
        start.wait(30)
        apps[number % 2].admit("rush", f"job_{number:02}")

    with ThreadPoolExecutor(JOBS) as pool:
        list(pool.map(admit, range(JOBS)))

    blobs = BlobStore(BlobServiceClient.from_connection_string(azurite.connection_string))
    found = [blobs.read_document(name)[0] for name in blobs.names(DOCUMENTS, "owners/")]  # type: ignore[index]
    assert [sorted(document["active"]) for document in found] == [[f"job_{n:02}" for n in range(JOBS)]]
    assert found[0]["started"] == JOBS
    assert len(answered) <= JOBS
