"""What a run of real processes has left, as the judge sees a world: storage, task hub, the log, and the simulators' book.

Of a story in memory the judge knows every moment. Here it knows the end only: of a send that is open in its record nobody knows
whether it was made. That a picture is lost has no excuse.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

from azure.storage.blob import BlobServiceClient

from activities.submit_prediction import SETTLED_AFTER
from shared.domain.sheet import sent_of
from shared.domain.submission import MAX_SENDS, SEND_WITHIN
from shared.storage.blob_store import DOCUMENTS, IMAGES
from simulators.ledger import Ledger as Book
from simulators.ledger import Record
from tests.explore.judge import left_wrong
from tests.explore.ledger import Ask, Ledger, Owner, Prediction
from tests.explore.plan import REPLICATE, Create, Plan
from tests.explore.records import Records
from tests.explore.store import Store
from tests.explore.troubles import Troubles
from tests.explore.world import World
from tests.hub import Hub

#: Events that rules look for.
_HEARD = frozenset({"job_ended", "job_given_up"})
_JOB = re.compile(r"jobs/([^/]+)/job\.json")
_SUBMISSION = re.compile(r"jobs/([^/]+)/submission-(\d+)-(\d+)\.json")


class RealWorld:
    """A world as far as the rules for the end of a story look at it. Only our host and its worker had faults: its providers made
    what they were asked for, and said so unless nobody heard it."""

    def __init__(self, folder: Path, account: BlobServiceClient, logged: Iterable[tuple[str, dict[str, Any]]]) -> None:
        """`folder` holds the hub and the book; it is read now, when nothing goes on any more."""
        self.now = self.began = datetime.now(UTC)
        #: Something was in everybody's way: no prediction that nobody wanted had to be stopped in time.
        self.plan = Plan(deaths=(0,))
        self.troubles, self.customers = Troubles(), list[Any]()
        self.logged = [(name, fields) for name, fields in logged if name in _HEARD]
        self.engine, self.ledger = Hub(folder), Ledger()
        self.records = Records(cast(World, self))
        self.store = Store(self.records)
        #: Of no job that is in storage.
        self.strangers: list[Prediction] = []
        self._read_documents(account)
        book = Book(folder / "simulators.sqlite")
        try:
            self._read_book([record for provider in ("replicate", "bfl") for record in book.of(provider)])
        finally:
            book.close()
        for name, document in self._documents(_JOB):
            self.records.written(name, None, document)
        for name, document in self._documents(_SUBMISSION):
            self.records.written(name, None, document)
        self._read_images(account)
        #: A send that is open in its record died before its answer was on record: an intent perhaps without a send.
        self.struck = {
            (found[1], int(found[2]))
            for name, document in self._documents(_SUBMISSION)
            if "open" in document["send_states"] and (found := _SUBMISSION.fullmatch(name))
        }

    def note(self, text: str, who: str = "") -> None:
        """Nobody reads this world as a story."""

    def wrongs(self, views: dict[str, dict[str, Any]]) -> list[str]:
        """Everything that is wrong. `views`: all jobs, as clients see them now."""
        unseen = sorted(self.records.jobs.keys() - views.keys())
        return [
            *self.records.wrongs,
            *(f"{stranger.id} was made, and no job knows of it" for stranger in self.strangers),
            *(f"{job} is there, and whoever posted it was never told" for job in unseen),
            *self._sent_again(),
            *left_wrong(cast(World, self), views),
        ]

    def _sent_again(self) -> Iterator[str]:
        """What a send that died allows: one more, when it cannot be under way any more and is in no list."""
        pictures: dict[tuple[str, int], list[Prediction]] = {}
        for prediction in self.ledger.predictions:
            pictures.setdefault(prediction.owner[:2], []).append(prediction)
        for (job_id, index), made in pictures.items():
            if len(made) > MAX_SENDS:
                yield f"{job_id}/{index} was sent for {len(made)} times"
            for earlier, later in pairwise(made):
                waited = later.created_at - earlier.created_at
                if earlier.provider == REPLICATE:
                    yield f"{job_id}/{index} was sent for again, and {earlier.id} was in the list"
                elif waited < SETTLED_AFTER - SEND_WITHIN:
                    seconds = f"{waited.total_seconds():.0f} s"
                    yield f"{job_id}/{index} was sent for again after {seconds}, when {earlier.id} could be under way"

    def document(self, job_id: str) -> dict[str, Any]:
        return self.store.document(f"jobs/{job_id}/job.json") or {}

    def _documents(self, names: re.Pattern[str]) -> list[tuple[str, dict[str, Any]]]:
        return [(name, self.store.document(name) or {}) for name in self.store.documents if names.fullmatch(name)]

    def _read_documents(self, account: BlobServiceClient) -> None:
        container = account.get_container_client(DOCUMENTS)
        for name in container.list_blob_names():
            if name.startswith(("jobs/", "gates/")):
                self.store.documents[name] = (container.download_blob(name).readall().decode(), "")

    def _read_images(self, account: BlobServiceClient) -> None:
        """All by name; of pictures that jobs have the bytes too."""
        container = account.get_container_client(IMAGES)
        told = {output["blob"] for _, document in self._documents(_JOB) for output in document["outputs"]}
        for name in container.list_blob_names():
            self.store.images[name] = container.download_blob(name).readall() if name in told else b""

    def _read_book(self, book: list[Record]) -> None:
        made, owner_of = self._made(), self._owner()
        for number, record in enumerate(sorted(book, key=lambda record: record.created_at)):
            owner = owner_of(record)
            prediction = _prediction(record, number, owner or ("", 0, 0))
            if owner is None:
                self.strangers.append(prediction)
                continue
            self.ledger.predictions.append(prediction)
            self.ledger.asked.append(Ask(record.provider, owner, prediction.created_at, prediction=prediction))
        for prediction in self.ledger.predictions:
            alone = [p for p in self.ledger.of_job(prediction.owner[0]) if p.owner[1] == prediction.owner[1]] == [prediction]
            if alone and prediction.owner[:2] in made:
                # Whoever kept the picture has seen its only prediction end.
                prediction.seen_at = self.now

    def _made(self) -> set[tuple[str, int]]:
        return {(document["id"], output["index"]) for _, document in self._documents(_JOB) for output in document["outputs"]}

    def _owner(self) -> Callable[[Record], Owner | None]:
        """Whose a prediction is: the record's that holds it, else the last attempt's of the picture that was to be sent so.
        Prompts are unlike each other, and so are the seeds of a job."""
        held: dict[str, Owner] = {}
        attempts: dict[tuple[str, int], int] = {}
        for name, document in self._documents(_SUBMISSION):
            found = _SUBMISSION.fullmatch(name)
            assert found
            owner = found[1], int(found[2]), int(found[3])
            attempts[owner[:2]] = max(attempts.get(owner[:2], 1), owner[2])
            if handle := document.get("handle"):
                held[handle["id"]] = owner
        sent = {
            (sent_of(document, index)[0], seed): (document["id"], index)
            for _, document in self._documents(_JOB)
            for index, seed in enumerate(document["seeds"])
        }

        def owner_of(record: Record) -> Owner | None:
            picture = sent.get((record.prompt, record.plan.seed))
            return held.get(record.id) or (picture and (*picture, attempts.get(picture, 1)))

        return owner_of


def _prediction(record: Record, number: int, owner: Owner) -> Prediction:
    plan = record.plan
    assert plan.outcome == "succeed", plan.outcome
    create = Create(
        seconds=plan.end_seconds - plan.start_seconds, starts_after=plan.start_seconds, bills_failed=plan.bill_canceled
    )  # fmt: skip
    created = datetime.fromtimestamp(record.created_at, UTC)
    deadline = created + timedelta(seconds=plan.deadline_seconds) if plan.deadline_seconds is not None else None
    canceled = datetime.fromtimestamp(record.canceled_at, UTC) if record.canceled_at is not None else None
    return Prediction(record.id, record.provider, number, owner, create, created, {}, record.model, deadline, canceled)
