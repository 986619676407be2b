"""Very many jobs are started in one moment, by one owner or by all callers together, on two instances of the app."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

from azure.storage.blob import BlobServiceClient

from shared.domain.quota import LimitReached
from shared.domain.spending import Budget, Spent
from shared.storage.blob_store import DOCUMENTS, BlobStore
from shared.storage.documents import Documents
from shared.storage.quota_store import QuotaStore
from shared.storage.spending_store import SpendingStore, limit_folder
from tests.azurite import Azurite
from tests.patience import PATIENCE

JOBS, POSTS = 64, 32


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
        start.wait(PATIENCE)
        apps[number % 2].admit("rush", f"job_{number:02}")

    with ThreadPoolExecutor(JOBS) as pool:
        list(pool.map(admit, range(JOBS)))

    blobs = BlobStore(BlobServiceClient.from_connection_string(azurite.connection_string))
    found = [blobs.read_document(name)[0] for name in blobs.names(DOCUMENTS, "owners/")]  # type: ignore[index]
    assert [sorted(document["active"]) for document in found] == [[f"job_{n:02}" for n in range(JOBS)]]
    assert found[0]["started"] == JOBS
    assert len(answered) <= JOBS


def test_the_last_dollars_of_all_are_spent_once_and_with_few_requests(azurite: Azurite) -> None:
    """And at the end of the jobs they are counted as what they were."""
    answered: list[str] = []

    def count(response: Any) -> None:
        if "restype=container" not in response.http_request.url:
            answered.append(response.http_request.method)

    def instance() -> SpendingStore:
        service = BlobServiceClient.from_connection_string(azurite.connection_string, raw_response_hook=count)
        return SpendingStore(Documents(BlobStore(service)), lambda: datetime(2026, 6, 1, 3, tzinfo=UTC))

    apps, start, folder = (instance(), instance()), threading.Barrier(POSTS), limit_folder("everybody")
    jobs = [Spent(f"job_{number:02}", "2026-06-01", "goods", 1, 0.0, 0.08) for number in range(POSTS)]

    def reserve(number: int) -> bool:
        start.wait(PATIENCE)
        try:
            apps[number % 2].reserve(folder, jobs[number], Budget(0.08 * POSTS / 2, None), "all")
        except LimitReached:
            return False
        return True

    with ThreadPoolExecutor(POSTS) as pool:
        taken = list(pool.map(reserve, range(POSTS)))
        assert taken.count(True) == POSTS / 2
        assert len(answered) <= POSTS
        ended = [job._replace(cost_usd=0.05, open_usd=0.0, ended_at=datetime(2026, 6, 1, 3, tzinfo=UTC)) for job in jobs]
        list(pool.map(lambda number: apps[number % 2].settle(folder, ended[number], was_reserved=True), range(POSTS)))
    (month,) = apps[0].months(folder, ["2026-06"])
    assert month["jobs"] == {}
    assert month["days"]["2026-06-01"]["goods"]["cost_usd"] == 0.05 * POSTS / 2
