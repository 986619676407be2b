"""What the former version had written when it was killed is read, ended and paid for once by this one.

The state is tests/former/state; tests/former/record.py tells how it was made. Jobs are known by the names they have there.
"""

import hashlib
import json
import sqlite3
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import requests
from azure.storage.blob import BlobServiceClient

from shared.storage.image_names import job_of_upload
from simulators.ledger import Record
from tests.former.load import STATE, load, moment
from tests.operator import Operator
from tests.patience import PATIENCE
from tests.stack import Stack

pytestmark = pytest.mark.stack

JOBS: dict[str, dict[str, Any]] = moment()["jobs"]
ENDED = [name for name, job in JOBS.items() if "said" in job]
#: A key without a job: of a POST that died, and of one that was refused and so gave its key back.
UNBORN = ("goods-died", "ppl-refused")
OPEN = [name for name in JOBS if name not in (*ENDED, *UNBORN)]
#: Their send was on record without an answer, so nobody knew whether something had been made.
UNSETTLED = ("goods-sending", "ppl-sending", "goods-lost", "ppl-lost")
#: Its job had been canceled, but its provider goes on.
LEFTOVER = "goods-leftover"
PRICE_USD = 0.08
#: A POST is taken for dead after so many seconds, and its key goes to whoever sends it again.
ABANDONED_SECONDS = 60


class Former:
    """A stack that found the state, and what it answered in its first seconds."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.picture = (STATE / "picture.png").read_bytes()
        self.loaded_at = time.monotonic()
        #: To the requests that were sent once more while everything was as it had been at the kill. Open jobs of goods are left
        #: alone, so that looking at them is all that happens to them.
        self.again: dict[str, requests.Response] = {}
        self.is_early = False

    def send_again(self) -> None:
        self.again = {name: self.post(name) for name in JOBS if name not in OPEN or JOBS[name]["kind"] == "ppl"}
        self.is_early = time.monotonic() - self.loaded_at < ABANDONED_SECONDS - 10

    def post(self, name: str, key: str | None = None, **other: Any) -> requests.Response:
        """The very request that the job was made by, with its key; or one that differs."""
        job = JOBS[name]
        headers, fields = {"Idempotency-Key": key or job["key"]}, {**job["fields"], **other}
        image = self.picture + bytes(job["padding"])
        if job["kind"] == "ppl":
            return self.stack.ppl(image, image, headers, **fields)
        return self.stack.goods(image, headers, **fields)

    def job(self, name: str) -> dict[str, Any]:
        return self.stack.job(JOBS[name]["id"])

    def ended(self, name: str) -> dict[str, Any]:
        return self.stack.ended(JOBS[name]["id"])

    def predictions(self, name: str) -> list[Record]:
        """What the provider was asked for this job, before the kill and after."""
        with closing(sqlite3.connect(f"file:{self.stack.folder / 'simulators.sqlite'}?mode=ro", uri=True)) as database:
            found = [Record.from_json(doc) for (doc,) in database.execute("SELECT doc FROM predictions")]
        return [record for record in found if record.prompt.startswith(f"{name} mug")]

    def billed(self, name: str) -> int:
        return sum(record.state(time.time()).is_billed for record in self.predictions(name))

    def documents(self, prefix: str) -> list[dict[str, Any]]:
        with BlobServiceClient.from_connection_string(self.stack.connection_string) as service:
            container = service.get_container_client("documents")
            names = list(container.list_blob_names(name_starts_with=prefix))
            return [dict(json.loads(container.download_blob(name).readall())) for name in names]

    def images(self) -> list[str]:
        with BlobServiceClient.from_connection_string(self.stack.connection_string) as service:
            return list(service.get_container_client("images").list_blob_names())

    def check_money(self, name: str, job: dict[str, Any]) -> None:
        """Nothing is paid twice without a word, and nothing that is paid for is lost."""
        billed, outputs = self.billed(name), len(job["outputs"])
        is_said = job["possible_duplicate"] or (job["error"] or {}).get("charged") in ("yes", "unknown")
        assert billed >= outputs, (name, job)
        assert billed == outputs or is_said, (name, billed, job)
        assert billed <= int(JOBS[name]["fields"].get("n", 1)) or job["possible_duplicate"], (name, billed, job)
        assert job["usage"]["cost_usd"] >= round(PRICE_USD * outputs, 4), (name, job)

    def check_pictures(self, job: dict[str, Any]) -> None:
        for output in job["outputs"]:
            for url in (output["url"], f"{job['urls']['result']}?index={output['index']}"):
                data = requests.get(url, timeout=PATIENCE)
                assert (data.status_code, hashlib.sha256(data.content).hexdigest()) == (200, output["sha256"])


@pytest.fixture(scope="module")
def former(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Former]:
    stack = Stack(tmp_path_factory.mktemp("former"))
    stack.settings = load(stack)["settings"]
    former = Former(stack)
    with stack:
        quick = {"start_seconds": 0.2, "delay_seconds": 1, "longest_side": 192}
        stack.configure(bfl=quick, replicate=quick)
        former.send_again()
        yield former


@pytest.mark.parametrize("name", ENDED)
def test_what_had_ended_is_told_as_before(former: Former, name: str) -> None:
    job, said = former.job(name), JOBS[name]["said"]
    same = ("id", "kind", "status", "attempts", "provider", "model", "possible_duplicate")
    assert [job[field] for field in same] == [said[field] for field in same]
    if name != LEFTOVER:
        assert round(job["usage"]["cost_usd"] - job["usage"]["open_usd"], 4) == said["cost_usd"]
        assert (job["error"] and {field: job["error"][field] for field in said["error"]}) == said["error"]
        assert [{field: one[field] for field in said["outputs"][0]} for one in job["outputs"]] == said["outputs"]
    former.check_pictures(job)


@pytest.mark.parametrize("name", [*ENDED, *OPEN])
def test_a_key_from_before_is_the_job_from_before(former: Former, name: str) -> None:
    again = former.again.get(name) or former.post(name)
    assert again.status_code in (200, 202), again.text
    assert (again.json()["id"], again.headers["Idempotent-Replayed"]) == (JOBS[name]["id"], "true")
    other = former.post(name, prompt="another prompt")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


@pytest.mark.parametrize("name", ENDED)
def test_the_key_of_an_ended_job_sends_nothing(former: Former, name: str) -> None:
    again = former.post(name)
    assert (again.status_code, again.json()["status"]) == (200, JOBS[name]["said"]["status"])
    assert len(former.predictions(name)) == int(JOBS[name]["fields"].get("n", 1))


def test_a_pause_is_in_force_for_new_jobs_only(former: Former) -> None:
    refused = former.again["ppl-refused"]
    assert (refused.status_code, refused.json()["code"]) == (503, "intake_paused")
    assert former.again["ppl-succeeded"].status_code == 200
    # The other provider is not paused.
    assert former.post("goods-succeeded", key="a new one", prompt="another one").status_code == 202


@pytest.mark.timeout(150)
def test_jobs_under_way_end_and_are_paid_for_once(former: Former) -> None:
    with ThreadPoolExecutor(len(OPEN)) as pool:
        jobs = dict(zip(OPEN, pool.map(former.ended, OPEN), strict=True))
    for name, job in jobs.items():
        pictures, submits = int(JOBS[name]["fields"].get("n", 1)), len(former.predictions(name))
        former.check_money(name, job)
        former.check_pictures(job)
        if name in UNSETTLED:
            assert submits == pictures or (submits == pictures + 1 and job["possible_duplicate"]), (name, submits, job)
        else:
            # What was known to be running, refused or not yet sent has nothing to fail of.
            assert (job["status"], len(job["outputs"]), submits) == ("succeeded", pictures, pictures), (name, job)
            assert not job["possible_duplicate"]


def test_the_picture_of_a_canceled_job_is_kept_when_it_comes(former: Former) -> None:
    until(lambda: former.billed(LEFTOVER))
    until(lambda: former.job(LEFTOVER)["outputs"] or former.job(LEFTOVER)["error"])
    job = former.job(LEFTOVER)
    assert job["status"] == "canceled"
    former.check_money(LEFTOVER, job)
    former.check_pictures(job)
    assert len(former.predictions(LEFTOVER)) == 1


def test_a_post_that_died_can_be_sent_again_and_is_one_job(former: Former) -> None:
    early = former.again["goods-died"]
    if former.is_early:
        assert (early.status_code, early.json()["code"]) == (409, "idempotency_in_progress")
    until(lambda: time.monotonic() - former.loaded_at > ABANDONED_SECONDS, ABANDONED_SECONDS + 5)
    again = former.post("goods-died")
    # On a slow machine its host has found it meanwhile, and it may have ended.
    assert again.status_code in (200, 202)
    assert again.json()["id"] == JOBS["goods-died"]["id"]
    job = former.ended("goods-died")
    assert (job["status"], len(former.predictions("goods-died"))) == ("succeeded", 1)
    former.check_pictures(job)


def test_after_resume_new_jobs_work_and_in_the_end_nothing_is_held(former: Former) -> None:
    said = Operator(former.stack)("resume")
    assert said.code == 0, said.err
    # The host looks at a gate every two seconds.
    until(lambda: former.post("ppl-refused").status_code in (200, 202))
    new = former.post("ppl-succeeded", key="after resume", prompt="a new job").json()["id"]
    late = former.post("ppl-refused").json()["id"]
    for job_id in (new, late):
        job = former.stack.ended(job_id)
        assert job["status"] == "succeeded"
        former.check_pictures(job)
    assert len(former.predictions("ppl-refused")) == 1
    for name in OPEN:
        former.ended(name)
    until(lambda: not any(gate["active"] or gate["waiting"] for gate in former.documents("gates/")))
    until(lambda: not any(owner["active"] for owner in former.documents("owners/")))
    # Jobs that ended here have no upload any more; those that had ended before are left to housekeeping.
    ended_here = {JOBS[name]["id"] for name in (*OPEN, "goods-died", "ppl-refused")}
    until(lambda: not [name for name in former.images() if job_of_upload(name) in ended_here])


def until(test: Callable[[], Any], seconds: float = PATIENCE) -> None:
    ends = time.monotonic() + seconds
    while not test():
        if time.monotonic() > ends:
            raise TimeoutError
        time.sleep(0.3)
