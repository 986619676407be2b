"""Very many POSTs in one moment: one job for one key, and every job of an owner who is in a hurry.

ROUNDS_OF_50 and ROUNDS_OF_64 ask for longer runs.
"""

import json
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests
from azure.storage.blob import BlobServiceClient

from tests import pictures
from tests.patience import PATIENCE
from tests.stack import Stack

pytestmark = pytest.mark.stack

IMAGE = pictures.photo_jpeg(200, 200)
POSTS_WITH_ONE_KEY, ROUNDS_WITH_ONE_KEY = 50, int(os.environ.get("ROUNDS_OF_50", "3"))
POSTS_OF_ONE_OWNER, ROUNDS_OF_ONE_OWNER = 64, int(os.environ.get("ROUNDS_OF_64", "1"))


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    limits = {"MAX_ACTIVE_JOBS_PER_OWNER": "1000", "DAILY_JOBS_PER_OWNER": "10000"}
    with Stack(tmp_path_factory.mktemp("posts"), BFL_MAX_ACTIVE="64", BFL_KONTEXT_MAX_ACTIVE="64", **limits) as stack:
        stack.configure(bfl={"delay_seconds": 0.5, "max_active": 64, "longest_side": 64})
        yield stack


def at_once(number: int, post: Callable[[int], Any]) -> list[Any]:
    start = threading.Barrier(number)

    def go(n: int) -> Any:
        start.wait(PATIENCE)
        return post(n)

    with ThreadPoolExecutor(number) as pool:
        return list(pool.map(go, range(number)))


def told(answer: requests.Response) -> str:
    """An answer in a word."""
    body = answer.json()
    if answer.status_code in (200, 202):
        return f"{answer.status_code}{' replayed' if answer.headers.get('Idempotent-Replayed') else ''}"
    return f"{answer.status_code} {body['code']} charged {body['charged']}"


def test_fifty_with_one_key_are_one_job_and_one_submit(quick: Stack) -> None:
    seen: Counter[str] = Counter()
    for round_ in range(ROUNDS_WITH_ONE_KEY):
        before = quick.stats("bfl")["submits"]
        key = {"Idempotency-Key": f"round {round_}"}
        answers = at_once(POSTS_WITH_ONE_KEY, lambda _, key=key: quick.goods(IMAGE, key))
        seen.update(words := Counter(told(answer) for answer in answers))

        allowed = {"202", "202 replayed", "200 replayed", "409 idempotency_in_progress charged unknown"}
        assert set(words) <= allowed, words
        assert words["202"] == 1, words
        ids = {answer.json()["id"] for answer in answers if answer.status_code in (200, 202)}
        (job_id,) = ids
        assert quick.ended(job_id)["status"] == "succeeded"
        assert quick.stats("bfl")["submits"] - before == 1
    print(f"\n{ROUNDS_WITH_ONE_KEY} rounds of {POSTS_WITH_ONE_KEY}: {dict(seen)}")  # noqa: T201 - figures of a long run


def test_all_jobs_of_an_owner_in_a_hurry_are_accepted_and_none_is_counted_in_the_end(quick: Stack) -> None:
    for _ in range(ROUNDS_OF_ONE_OWNER):
        before = quick.stats("bfl")["submits"]
        began = time.monotonic()
        answers = at_once(POSTS_OF_ONE_OWNER, lambda _: quick.goods(IMAGE))
        took = time.monotonic() - began
        assert Counter(told(answer) for answer in answers) == {"202": POSTS_OF_ONE_OWNER}
        jobs = [quick.ended(answer.json()["id"]) for answer in answers]
        assert Counter(job["status"] for job in jobs) == {"succeeded": POSTS_OF_ONE_OWNER}
        assert quick.stats("bfl")["submits"] - before == POSTS_OF_ONE_OWNER
        slowest = max(answer.elapsed.total_seconds() for answer in answers)
        print(f"\n{POSTS_OF_ONE_OWNER} in {took:.1f} s, slowest {slowest:.1f} s")  # noqa: T201 - figures of a long run
    assert active_jobs(quick) == []


def active_jobs(stack: Stack) -> list[str]:
    """What the owner's counter holds."""
    container = BlobServiceClient.from_connection_string(stack.connection_string).get_container_client("documents")
    documents = [
        json.loads(container.download_blob(name).readall()) for name in container.list_blob_names(name_starts_with="owners/")
    ]
    return [job_id for document in documents for job_id in document["active"]]
