"""What real processes have left is judged as a story is: a small world on disk, as it should be, and with one thing wrong."""

import hashlib
import json
import time
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from azure.storage.blob import BlobServiceClient

from bench.kills import Found, count_missing, count_submits
from devhost.taskhub import TaskHub, utc_now
from shared.domain.ledger import SendState
from shared.domain.submission import Submission
from simulators.ledger import Ledger as Book
from simulators.ledger import Record
from simulators.lifecycle import Plan
from tests.explore.real import RealWorld

JOB = "job_" + "0" * 25 + "1"
GENERATOR = "flux-kontext-max"
IMAGE = b"picture"


class Account:
    """Two containers of a storage account."""

    def __init__(self, **containers: dict[str, bytes]) -> None:
        self._containers = containers

    def get_container_client(self, name: str) -> Any:
        blobs = self._containers[name]
        return SimpleNamespace(
            list_blob_names=lambda: list(blobs), download_blob=lambda blob: SimpleNamespace(readall=lambda: blobs[blob])
        )


class Left:
    """One goods job with its picture, which was sent for once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        #: Prediction, prompt, seed, provider, and how many seconds ago it was made.
        self.book = [("p1", "a hero", 7, "bfl", 60)]
        self.submission = Submission.begun(GENERATOR, 1, utc_now()).submitted({"id": "p1"}).document
        self.images = {"p.png": IMAGE, "t.jpg": b"small"}
        self.document: dict[str, Any] = {
            "id": JOB, "status": "succeeded", "seeds": [7], "cancel_requested_at": None,
            "input": {"prompt": "a hero", "prompt_sent": "a hero", "aspect_ratio": "1:1"},
            "outputs": [{"index": 0, "blob": "p.png", "thumbnail_blob": "t.jpg", "sha256": hashlib.sha256(IMAGE).hexdigest()}],
        }  # fmt: skip
        self.view: dict[str, Any] = {
            "status": "succeeded", "error": None, "possible_duplicate": False, "outputs": [{"index": 0}],
            "pictures": [{"index": 0, "status": "succeeded", "error": None, "charged": "yes"}],
            "usage": {"cost_usd": 0.08, "settled": True},
        }  # fmt: skip
        self.is_going_on = False
        self.tells("paid")

    def tells(self, *states: SendState) -> None:
        sends = [{"generator": GENERATOR, "attempt": 1, "state": state} for state in states]
        self.document["pictures"] = [{"index": 0, "sends": sends}]

    def is_sent_twice(self) -> None:
        """The first send's answer was lost."""
        self.book.append(("p0", "a hero", 7, "bfl", 120))
        lost = Submission.begun(GENERATOR, 1, utc_now()).lost(utc_now())
        self.submission = lost.sent_again(1, utc_now()).submitted({"id": "p1"}).document

    def is_flagged(self) -> None:
        self.view |= {"possible_duplicate": True, "usage": {"cost_usd": 0.08, "settled": False}}
        self.view["pictures"][0]["charged"] = "yes"
        self.tells("open", "paid")

    def fails(self, charged: str, *states: SendState) -> None:
        error = {"code": "provider_unavailable", "charged": charged}
        self.document |= {"status": "failed", "outputs": []}
        self.view |= {"status": "failed", "outputs": [], "error": error, "usage": {"cost_usd": 0.0, "settled": charged == "no"}}
        self.view["pictures"] = [{"index": 0, "status": "failed", "error": error, "charged": charged}]
        self.tells(*states)

    def is_canceled_beside_one_that_succeeds(self) -> None:
        """Another picture of the job is there: the job has succeeded."""
        self.document["cancel_requested_at"] = utc_now().isoformat()
        self.document["pictures"].append({"index": 1, "sends": [{"generator": GENERATOR, "attempt": 1, "state": "open"}]})
        self.view["pictures"].append({"index": 1, "status": "canceled", "error": None, "charged": "unknown"})

    @cached_property
    def world(self) -> RealWorld:
        hub = TaskHub(self.folder / "taskhub.sqlite")
        if self.is_going_on:
            hub.create(utc_now(), "generate_job", JOB, None, None)
        hub.close()
        book = Book(self.folder / "simulators.sqlite")
        for row in self.book:
            book.add(_record(*row))
        book.close()
        documents = {f"jobs/{JOB}/job.json": self.document, f"jobs/{JOB}/submission-0-1.json": self.submission}
        account = Account(documents={name: json.dumps(text).encode() for name, text in documents.items()}, images=self.images)
        return RealWorld(self.folder, cast(BlobServiceClient, account), [])

    @property
    def wrongs(self) -> list[str]:
        return self.world.wrongs({JOB: self.view})

    @cached_property
    def found(self) -> Found:
        world, found = self.world, Found(seed=1, asked=1)
        count_missing(JOB, self.view, self.document, found)
        count_submits(world, {JOB: self.view}, found)
        return found


def _record(prediction: str, prompt: str, seed: int, provider: str, age: float) -> Record:
    plan = Plan(outcome="succeed", start_seconds=0.1, end_seconds=1.0, price_usd=0.08, seed=seed)
    return Record(
        prediction, provider, "flux-kontext-max", time.time() - age, plan, {}, prompt, [], [64, 64], "png", "goods", "", "", ""
    )  # fmt: skip


@pytest.fixture
def left(tmp_path: Path) -> Left:
    return Left(tmp_path)


def test_nothing_is_wrong_with_a_job_as_it_should_be(left: Left) -> None:
    assert left.wrongs == left.found.wrongs == []
    assert (left.found.submits, left.found.flagged.total(), left.found.unanswered) == (1, 0, 0)


def test_a_second_submit_that_is_told_is_counted_and_nothing_else(left: Left) -> None:
    left.is_sent_twice()
    left.is_flagged()
    assert left.wrongs == left.found.wrongs == []
    assert (left.found.submits, left.found.flagged.total()) == (2, 1)


def test_two_sends_that_died_are_told_and_not_lost(left: Left) -> None:
    left.is_sent_twice()
    left.submission = Submission.begun(GENERATOR, 1, utc_now()).lost(utc_now()).sent_again(1, utc_now()).lost(utc_now()).document
    left.fails("unknown", "open", "open")
    left.view["possible_duplicate"] = True
    assert left.wrongs == left.found.wrongs == []
    assert (left.found.unanswered, left.found.flagged.total()) == (1, 1)


def test_a_picture_that_was_canceled_while_another_one_was_there_is_not_lost(left: Left) -> None:
    left.is_canceled_beside_one_that_succeeds()
    assert left.found.wrongs == []


def _canceled_by_nobody(left: Left) -> None:
    left.is_canceled_beside_one_that_succeeds()
    left.document["cancel_requested_at"] = None


def _missing_though_not_canceled(left: Left) -> None:
    left.is_canceled_beside_one_that_succeeds()
    left.view["pictures"][1]["status"] = "succeeded"


def _second_submit_is_hidden(left: Left) -> None:
    left.is_sent_twice()


def _second_submit_is_told_by_the_job_alone(left: Left) -> None:
    left.is_sent_twice()
    left.is_flagged()
    left.tells("paid")


def _second_submit_is_told_by_the_picture_alone(left: Left) -> None:
    left.is_sent_twice()
    left.is_flagged()
    left.view["possible_duplicate"] = False


def _picture_is_missing(left: Left) -> None:
    left.fails("yes", "paid")


def _first_send_was_enough_to_fail(left: Left) -> None:
    left.fails("unknown", "open")


def _charge_is_denied(left: Left) -> None:
    left.is_sent_twice()
    left.is_flagged()
    left.fails("no", "open", "open")


@pytest.mark.parametrize("breaks", [
    _second_submit_is_hidden, _second_submit_is_told_by_the_job_alone, _second_submit_is_told_by_the_picture_alone,
    _picture_is_missing, _first_send_was_enough_to_fail, _charge_is_denied, _canceled_by_nobody, _missing_though_not_canceled,
])  # fmt: skip
def test_what_the_run_counts_as_lost_or_hidden(left: Left, breaks: Callable[[Left], None]) -> None:
    breaks(left)
    assert len(left.found.wrongs) == 1


def _never_ends(left: Left) -> None:
    left.view["status"] = "processing"


def _story_goes_on(left: Left) -> None:
    left.is_going_on = True


def _blob_is_gone(left: Left) -> None:
    del left.images["p.png"]


def _blob_is_another(left: Left) -> None:
    left.images["p.png"] = b"another"


def _prediction_of_nobody(left: Left) -> None:
    left.book.append(("p2", "a villain", 7, "bfl", 60))


def _prediction_of_another_seed(left: Left) -> None:
    left.book.append(("p2", "a hero", 8, "bfl", 60))


def _picture_that_is_paid_and_known_is_lost(left: Left) -> None:
    left.fails("yes", "paid")


def _says_less_than_it_knows(left: Left) -> None:
    left.view["pictures"][0]["charged"] = "unknown"


def _sent_again_at_once(left: Left) -> None:
    left.is_sent_twice()
    left.is_flagged()
    left.book[1] = ("p0", "a hero", 7, "bfl", 70)


def _sent_again_though_listed(left: Left) -> None:
    left.is_sent_twice()
    left.is_flagged()
    left.book[1] = ("p0", "a hero", 7, "replicate", 120)
    left.book[0] = ("p1", "a hero", 7, "replicate", 60)


def _sent_three_times(left: Left) -> None:
    left.is_sent_twice()
    left.is_flagged()
    left.book.append(("p3", "a hero", 7, "bfl", 180))


@pytest.mark.parametrize(("breaks", "word"), [
    (_never_ends, "still processing"), (_story_goes_on, "is Pending"), (_blob_is_gone, "p.png is missing"),
    (_blob_is_another, "another sha256"), (_prediction_of_nobody, "no job knows of it"),
    (_prediction_of_another_seed, "no job knows of it"), (_second_submit_is_hidden, "possible_duplicate is false"),
    (_picture_that_is_paid_and_known_is_lost, "is lost"), (_says_less_than_it_knows, "says charged unknown"),
    (_sent_again_at_once, "could be under way"), (_sent_again_though_listed, "was in the list"),
    (_sent_three_times, "was sent for 3 times"),
])  # fmt: skip
def test_what_the_explorers_judge_sees_of_it(left: Left, breaks: Callable[[Left], None], word: str) -> None:
    breaks(left)
    assert any(word in wrong for wrong in left.wrongs), left.wrongs


def test_a_job_of_which_nobody_was_told(left: Left) -> None:
    assert any("was never told" in wrong for wrong in left.world.wrongs({}))
