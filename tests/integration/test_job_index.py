"""The lists of owners in a real blob service, which begins a listing where it is asked to."""

from datetime import UTC, datetime, timedelta
from typing import Any

from shared.job_ids import new_job_id
from shared.services import Services
from shared.storage.account import blob_service
from shared.storage.blob_store import BlobStore
from shared.storage.job_index import JobIndex, place_of

NOW = datetime(2026, 11, 27, tzinfo=UTC)


def test_a_page_anywhere_in_a_list_is_one_listing(services: Services) -> None:
    asked: list[str] = []
    service = blob_service(
        services.settings, services.credential, raw_request_hook=lambda raw: asked.append(raw.http_request.url)
    )
    index = JobIndex(BlobStore(service))
    jobs: list[dict[str, Any]] = [
        {
            "id": new_job_id(), "kind": "goods", "owner": f"{owner} of {NOW}", "status": "queued",
            "created_at": (NOW + timedelta(seconds=n)).isoformat(), "input": {"preset": "mug", "n": 1},
        }
        for n in range(12) for owner in ("me", "you")
    ]  # fmt: skip
    for job in jobs:
        index.add(job)
    mine = [job for job in jobs if job["owner"].startswith("me")][::-1]
    index.tell_end({**mine[4], "status": "failed"})
    asked.clear()
    rows = index.rows(mine[0]["owner"], place_of(mine[2]), at_once=4)
    page = [next(rows) for _ in range(3)]

    assert [(row.job_id, row.status, row.presets) for row in page] == [
        (mine[3]["id"], None, ("mug",)), (mine[4]["id"], "failed", ("mug",)), (mine[5]["id"], None, ("mug",)),
    ]  # fmt: skip
    assert len(asked) == 1
    assert [row.job_id for row in index.rows(mine[0]["owner"], created_before=NOW + timedelta(seconds=2))] == [
        mine[10]["id"], mine[11]["id"],
    ]  # fmt: skip
    for job in mine:
        index.remove({**job, "status": "failed"})
    assert list(index.rows(mine[0]["owner"])) == []
