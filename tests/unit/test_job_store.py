"""The documents of jobs: what is found without reading them, what no change takes away, and whose key tells of a deleted job."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.job_ids import new_job_id
from shared.storage.documents import Documents
from shared.storage.job_store import JobStore
from tests.fakes import FakeBlobs


class Reading(FakeBlobs):
    """Counts what is read."""

    reads = 0

    def read_document(self, name: str) -> tuple[dict[str, Any], str] | None:
        self.reads += 1
        return super().read_document(name)


@pytest.fixture
def blobs() -> Reading:
    return Reading()


@pytest.fixture
def jobs(blobs: Reading) -> JobStore:
    return JobStore(blobs, Documents(blobs))  # type: ignore[arg-type]


def test_open_jobs_are_found_without_reading_any_job(jobs: JobStore, blobs: Reading) -> None:
    """Housekeeping looks at all jobs of days; each costs a read unless its blob says its status."""
    ids = [new_job_id() for _ in range(3)]
    for job_id in ids:
        jobs.create({"id": job_id, "status": "queued"})
    jobs.end(ids[1], lambda job: job | {"status": "failed"})
    now = datetime.now(UTC)
    blobs.reads = 0

    found = list(jobs.open_jobs(now - timedelta(hours=1), now + timedelta(hours=1)))
    assert (sorted(found), blobs.reads) == (sorted([ids[0], ids[2]]), 0)


@pytest.mark.parametrize("status", ["queued", "failed"])
def test_an_amendment_changes_what_it_likes_but_no_status(jobs: JobStore, status: str) -> None:
    jobs.create({"id": "job_1", "status": status})
    changed = jobs.amend("job_1", lambda job: job | {"status": "succeeded", "starts": 1})

    assert changed == jobs.read("job_1") == {"id": "job_1", "status": status, "starts": 1}


@pytest.mark.parametrize(("holder", "is_gone"), [("job_1", True), ("job_2", False)])
def test_a_deleted_job_leaves_word_at_its_own_key_and_at_no_strangers(
    jobs: JobStore, blobs: Reading, holder: str, is_gone: bool
) -> None:
    jobs.create({"id": "job_1", "status": "failed"})
    kept = {"job_id": holder, "at": "2026-06-30T00:00:00+00:00", "fingerprint": "f", "meanings": ["m"], "holder": "h"}
    blobs.create_document("idempotency/k.json", kept)
    jobs.delete("job_1", "idempotency/k.json")

    assert jobs.read("job_1") is None
    gone = {"job_id": "", "fingerprint": "", "at": kept["at"], "deleted": True}
    assert blobs.documents["idempotency/k.json"][0] == (gone if is_gone else kept)
