"""DELETE on the whole stack: what can still be paid for is stopped or watched, and in the end nothing is left."""

import contextlib
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from azure.storage.blob import BlobServiceClient

from tests import pictures
from tests.fakes import images_of
from tests.patience import PATIENCE
from tests.stack import Stack

pytestmark = pytest.mark.stack

IMAGE = pictures.photo_jpeg(300, 300)
#: How long a create takes to answer here, drop by drop.
SLOW_SECONDS = 6
#: And a task of it, which has begun by then: it goes on after the answer.
DELAY_SECONDS = SLOW_SECONDS + 4


@pytest.fixture
def slow(tmp_path: Path) -> Iterator[Stack]:
    """Creates are slow; BFL counts as many active tasks as our gate lets through, or one more."""
    with Stack(tmp_path, BFL_MAX_ACTIVE="2") as stack:
        slowly = [{"on": "create", "kind": "slow", "seconds": SLOW_SECONDS, "times": 1}]
        stack.configure(
            replicate={"delay_seconds": 60, "faults": slowly},
            bfl={"delay_seconds": DELAY_SECONDS, "max_active": 2, "faults": slowly},
        )
        yield stack


class Left:
    """What there is of a job: images, documents (claims and its key too, but for the word that its job was deleted), and rows of
    the task hub."""

    def __init__(self, stack: Stack, job_id: str) -> None:
        service = BlobServiceClient.from_connection_string(stack.connection_string)
        images, documents = (service.get_container_client(name) for name in ("images", "documents"))
        self.images = images_of(images.list_blob_names(), job_id)
        self.documents = [
            name for name in documents.list_blob_names()
            if job_id in name
            or (name.startswith("predictions/") and job_id in _text(documents, name))
            or (name.startswith("idempotency/") and job_id in (text := _text(documents, name)) and '"deleted"' not in text)
        ]  # fmt: skip
        with contextlib.closing(sqlite3.connect(f"file:{stack.folder / 'taskhub.sqlite'}?mode=ro", uri=True)) as hub:
            tables = [name for (name,) in hub.execute("select name from sqlite_master where type = 'table'")]
            self.rows = [
                (table, *row) for table in tables for row in hub.execute(f"select * from {table}")  # noqa: S608 - its own names
                if job_id in str(row) and not str(row[0]).startswith("janitor")
            ]  # fmt: skip

    def __bool__(self) -> bool:
        return bool(self.images or self.documents or self.rows)

    def __repr__(self) -> str:
        return f"{self.images} {self.documents} {[row[:3] for row in self.rows]}"


def _text(documents: Any, name: str) -> str:
    try:
        return str(documents.download_blob(name).readall())
    except Exception:  # noqa: BLE001 - it went between the list and the look
        return ""


def until(test: Callable[[], bool]) -> None:
    ends = time.monotonic() + PATIENCE
    while not test():
        assert time.monotonic() < ends, "it did not come to that"
        time.sleep(0.5)


def deleted_in_the_middle_of_its_create(stack: Stack, job: dict[str, Any], provider: str) -> str:
    """Its id, after a DELETE as soon as the provider has been asked for all its pictures."""
    until(lambda: stack.stats(provider)["create_requests"] >= job["input"]["n"])
    assert requests.delete(job["urls"]["self"], timeout=PATIENCE).status_code == 204
    for method, path in (("GET", "self"), ("GET", "result"), ("POST", "cancel"), ("DELETE", "self")):
        answer = requests.request(method, job["urls"][path], timeout=PATIENCE, allow_redirects=False)
        assert (answer.status_code, answer.json()["code"]) == (404, "job_not_found"), (method, path)
    left = Left(stack, job["id"])
    assert left.images == []
    assert left.rows, "its story goes on"
    assert f"deleted/{job['id']}.json" in left.documents
    # Its document, the mark that leads to it, and records of what was sent: what it may still have to pay.
    kept = (f"jobs/{job['id']}/job.json", f"jobs/{job['id']}/submission-", f"deleted/{job['id']}.json", "predictions/")
    assert [name for name in left.documents if not name.startswith(kept)] == []
    return str(job["id"])


def test_ppl_its_prediction_is_canceled_and_nothing_is_left(slow: Stack) -> None:
    job_id = deleted_in_the_middle_of_its_create(slow, slow.ppl(IMAGE, IMAGE).json(), "replicate")
    until(lambda: slow.stats("replicate")["cancels"] == 1)
    until(lambda: not Left(slow, job_id))
    assert slow.stats("replicate")["submits"] == 1


def test_goods_what_cannot_be_canceled_holds_its_slot_until_it_ends_and_then_nothing_is_left(slow: Stack) -> None:
    job = slow.goods(IMAGE).json()
    job_id = deleted_in_the_middle_of_its_create(slow, job, "bfl")
    others = [slow.goods(IMAGE).json()["id"] for _ in range(3)]
    assert [slow.ended(other)["status"] for other in others] == ["succeeded"] * 3
    until(lambda: not Left(slow, job_id))

    stats = slow.stats("bfl")
    assert stats["submits"] == 4
    assert ("429" not in stats["http"], stats["max_active"]) == (True, 2), "the gate was never exceeded"


def test_three_pictures_are_all_stopped_or_watched_and_nothing_is_left(tmp_path: Path) -> None:
    with Stack(tmp_path, BFL_MAX_ACTIVE="64", BFL_KONTEXT_MAX_ACTIVE="64") as stack:
        slowly = [{"on": "create", "kind": "slow", "seconds": SLOW_SECONDS, "times": 3}]
        stack.configure(bfl={"delay_seconds": DELAY_SECONDS, "max_active": 64, "faults": slowly})
        job_id = deleted_in_the_middle_of_its_create(stack, stack.goods(IMAGE, n=3).json(), "bfl")
        until(lambda: not Left(stack, job_id))
        stats = stack.stats("bfl")
        assert (stats["submits"], stats["refused"]) == (3, 0)


def test_a_job_that_has_ended_is_gone_at_once(tmp_path: Path) -> None:
    with Stack(tmp_path) as stack:
        stack.configure(bfl={"delay_seconds": 0.5})
        headers = {"Prefer": "wait=60", "Idempotency-Key": "k"}
        job = stack.goods(IMAGE, headers, n=2).json()
        assert job["status"] == "succeeded"
        assert Left(stack, job["id"])
        # Its orchestration has a last word to say after the end is written.
        until(lambda: "Running" not in str(Left(stack, job["id"]).rows))
        assert requests.delete(job["urls"]["self"], timeout=PATIENCE).status_code == 204
        assert not Left(stack, job["id"])
        assert requests.get(job["urls"]["self"], timeout=PATIENCE).status_code == 404
