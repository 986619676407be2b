"""A judge that cannot find anything wrong is worth nothing: each rule is shown a world that breaks it, and one that does not."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from shared.storage.image_names import output_name, upload_name
from tests.explore.judge import judge
from tests.explore.ledger import Ask, Prediction
from tests.explore.plan import Create, Job, Plan
from tests.explore.records import Hold, JobRecord
from tests.explore.users import Answer
from tests.explore.virtual import close_loops
from tests.explore.world import World

JOB = "job_" + "0" * 25 + "1"


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    close_loops()


class Case:
    """A job that ended as it should: one picture, paid and there."""

    def __init__(self) -> None:
        self.world = World(Plan(jobs=(Job(0.0, prompt="a hero"),)))
        self.world.store.images.update({"p0.png": b"picture", "t0.jpg": b"small"})
        self.document: dict[str, Any] = {
            "id": JOB, "input": {"prompt": "a hero"}, "status": "succeeded",
            "outputs": [{"index": 0, "blob": "p0.png", "thumbnail_blob": "t0.jpg", "sha256": _sha(b"picture")}],
        }  # fmt: skip
        self.view: dict[str, Any] = {
            "status": "succeeded", "error": None, "possible_duplicate": False, "outputs": [{"index": 0}],
            "usage": {"cost_usd": 0.08, "settled": True},
        }  # fmt: skip
        self.paid = self.predict()
        self.world.engine.let_pass(60)

    def predict(self, index: int = 0, **plan: Any) -> Prediction:
        number = len(self.world.ledger.predictions)
        created = Create(**{"seconds": 5.0, **plan})
        made = Prediction(f"replicate{number}", "replicate", number, (JOB, index, 1), created, self.world.now, {}, is_known=True)
        self.world.ledger.predictions.append(made)
        return made

    def fail(self, charged: str, **view: Any) -> None:
        self.document.update(status="failed", outputs=[])
        error = {"code": "internal", "charged": charged}
        self.view.update(status="failed", outputs=[], error=error, usage={"cost_usd": 0.0, "settled": charged == "no"}, **view)

    def ask(self, made: Prediction | None, attempt: int = 1) -> None:
        """A create of the picture, which made `made`; what is there of it was seen."""
        asked = Ask("replicate", (JOB, 0, attempt), self.world.now, prediction=made)
        self.world.ledger.asked.append(asked)
        if made is not None:
            made.seen_at = self.world.now

    def say(self, charged: str) -> None:
        self.view["pictures"] = [{"index": 0, "error": None, "charged": charged}]

    def record(self, **fields: Any) -> JobRecord:
        """The job's record, with what is known of its moments."""
        self.wrongs()
        job = self.world.records.jobs[JOB]
        for name, value in fields.items():
            setattr(job, name, value)
        return job

    def wrongs(self) -> list[str]:
        self.world.store.write(f"jobs/{JOB}/job.json", self.document, None)
        return judge(self.world, {JOB: self.view})


def _sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_nothing_is_wrong_with_a_job_as_it_should_be() -> None:
    assert Case().wrongs() == []


def _never_ends(case: Case) -> None:
    case.view["status"] = "processing"


def _no_picture_and_no_word(case: Case) -> None:
    case.document["outputs"] = case.view["outputs"] = []
    case.view["usage"]["cost_usd"] = 0.0


def _two_made(case: Case) -> None:
    case.predict()
    case.world.engine.let_pass(60)
    case.view["usage"] = {"cost_usd": 0.16, "settled": True}


def _failed_run_billed_too(case: Case) -> None:
    case.predict(outcome="E003", bills_failed=True)
    case.world.engine.let_pass(60)


def _says_no(case: Case) -> None:
    case.fail("no")


def _says_yes_of_nothing(case: Case) -> None:
    case.world.ledger.predictions.clear()
    case.fail("yes")


def _picture_says_no(case: Case) -> None:
    case.fail("unknown", pictures=[{"index": 0, "error": {"charged": "no"}}])


def _picture_says_yes_of_nothing(case: Case) -> None:
    case.view["pictures"] = [{"index": 1, "error": {"charged": "yes"}}]


def _costs_less(case: Case) -> None:
    case.view["usage"] = {"cost_usd": 0.0, "settled": False}


def _costs_more(case: Case) -> None:
    case.view["usage"] = {"cost_usd": 0.16, "settled": False}


def _settled_too_early(case: Case) -> None:
    case.fail("unknown")
    case.view["usage"]["settled"] = True


def _blob_gone(case: Case) -> None:
    del case.world.store.images["p0.png"]


def _thumbnail_gone(case: Case) -> None:
    del case.world.store.images["t0.jpg"]


def _another_blob(case: Case) -> None:
    case.world.store.images["p0.png"] = b"another"


def _lost(case: Case) -> None:
    case.fail("unknown")


def _tells_twice(case: Case) -> None:
    case.world.logged += [("job_ended", {"job_id": JOB})] * 2


def _instance_runs(case: Case) -> None:
    case.world.engine.start("nothing", None, instance_id="i")


def _slot_kept(case: Case) -> None:
    case.world.store.write("gates/bfl.json", {"active": {f"{JOB}/0": {}}, "waiting": {}}, None)


def _place_kept(case: Case) -> None:
    case.world.store.write("gates/bfl.json", {"active": {}, "waiting": {f"{JOB}/0": {}}}, None)


def _deleted_with_image(case: Case) -> None:
    _delete(case)
    case.world.store.images[output_name(JOB, 0, "png")] = b""


def _deleted_with_image_of_before(case: Case) -> None:
    _delete(case)
    case.world.store.images[f"{JOB}/output/0.png"] = b""


def _original_left(case: Case) -> None:
    case.world.store.images[upload_name(JOB, "input_image", "jpg")] = b""


def _original_of_before_left(case: Case) -> None:
    case.world.store.images[f"{JOB}/input/input_image.jpg"] = b""


def _deleted_with_record(case: Case) -> None:
    _delete(case)
    case.world.store.write(f"jobs/{JOB}/submission-0-1.json", {}, None)


def _deleted_with_history(case: Case) -> None:
    _delete(case)
    case.world.engine.start("nothing", None, instance_id=JOB)


def _delete(case: Case) -> None:
    case.document["deleted_at"] = "2026-01-01T00:00:00+00:00"


def _post_says_no(case: Case) -> None:
    answer = Answer(None, is_hit=False)
    answer.status, answer.body = 500, {"charged": "no", "code": "internal"}
    case.world.customers = [SimpleNamespace(job=case.world.plan.jobs[0], posts=[answer])]


def _status_changes(case: Case) -> None:
    case.world.store.write(f"jobs/{JOB}/job.json", {**case.document, "status": "failed"}, None)


def _prediction_of_two(case: Case) -> None:
    for number in (1, 2):
        case.world.store.write(f"jobs/{JOB}/submission-0-{number}.json", {"handle": {"id": "replicate0"}}, None)


def _nobody_cancels(case: Case) -> None:
    case.document["cancel_requested_at"] = "2026-01-01T00:00:00+00:00"
    case.world.store.write(f"jobs/{JOB}/job.json", case.document, None)
    case.predict(index=1, seconds=200.0)
    case.world.engine.let_pass(300)
    case.view["usage"] = {"cost_usd": 0.08, "settled": False}


def _never_sent_and_unknown(case: Case) -> None:
    case.world.ledger.predictions.clear()
    case.fail("unknown")
    case.say("unknown")


def _lost_and_no(case: Case) -> None:
    case.world.ledger.predictions.clear()
    case.ask(None)
    case.fail("no")
    case.say("no")


def _paid_and_unsettled(case: Case) -> None:
    case.ask(case.paid)
    case.say("yes")
    case.view["usage"]["settled"] = False


def _lost_and_settled(case: Case) -> None:
    case.ask(None)
    case.ask(case.paid)
    case.say("yes")


def _flagged_for_nothing(case: Case) -> None:
    case.ask(case.paid)
    case.say("yes")
    case.view["possible_duplicate"] = True


def _cancel_unheard(case: Case) -> None:
    case.record(unwanted_at=case.world.now, ended_at=None)
    case.world.engine.let_pass(100)
    case.document["status"] = case.view["status"]
    case.world.records.jobs[JOB].ended_at = case.world.now


def _sent_after_cancel(case: Case) -> None:
    case.record(unwanted_at=case.world.now)
    case.world.engine.let_pass(10)
    case.ask(None)


def _slot_kept_after_end(case: Case) -> None:
    case.paid.seen_at = case.world.now
    case.world.records.holds.append(Hold("replicate", f"{JOB}/0", case.world.began))
    case.world.engine.let_pass(30)


def _slot_for_nothing(case: Case) -> None:
    case.world.records.holds.append(Hold("bfl", f"{JOB}/0", case.world.now))
    case.world.engine.let_pass(200)


def _slot_too_many(case: Case) -> None:
    case.world.store.write("gates/bfl.json", {"active": {f"{JOB}/{i}": {} for i in range(25)}, "waiting": {}}, None)


def _slot_free_and_waiting(case: Case) -> None:
    for seconds in (20.0, 0.0):
        case.world.store.write("gates/bfl.json", {"active": {}, "waiting": {f"{JOB}/0": {}}}, None)
        case.world.engine.let_pass(seconds)


def _call_unheard(case: Case) -> None:
    case.world.plan = replace(case.world.plan, settings={"PUBLIC_BASE_URL": "https://app.example"})
    case.record()
    case.paid.seen_at = case.world.now


def _forgotten_late(case: Case) -> None:
    case.ask(case.paid)
    case.record(deleted_at=case.world.now, unwanted_at=None)
    case.world.engine.let_pass(200)


def _takes_an_hour(case: Case) -> None:
    case.record(ended_at=None)
    case.world.engine.let_pass(3600)
    case.world.records.jobs[JOB].ended_at = case.world.now


@pytest.mark.parametrize(("break_it", "told"), [
    (_never_sent_and_unknown, "says charged unknown"), (_lost_and_no, "says charged no"),
    (_paid_and_unsettled, "settled false"), (_lost_and_settled, "settled true"), (_flagged_for_nothing, "no send was repeated"),
    (_cancel_unheard, "went on until"), (_sent_after_cancel, "is sent for at"), (_slot_kept_after_end, "its slot was kept"),
    (_slot_for_nothing, "for nothing"), (_slot_too_many, "has given slots"), (_slot_free_and_waiting, "had a free slot"),
    (_call_unheard, "not followed by a look"),
    (_forgotten_late, "was forgotten at"), (_takes_an_hour, "would have been long"),
    (_never_ends, "still processing"), (_no_picture_and_no_word, "not a word of it"),
    (_two_made, "possible_duplicate is false"), (_failed_run_billed_too, "no possible duplicate"),
    (_says_no, "says charged no"), (_says_yes_of_nothing, "nothing was billed"),
    (_picture_says_no, "/0 says charged no"), (_picture_says_yes_of_nothing, "/1 says charged yes"),
    (_costs_less, "its pictures alone"), (_costs_more, "were billed"), (_settled_too_early, "that this is settled"),
    (_blob_gone, "is missing"), (_thumbnail_gone, "thumbnail"), (_another_blob, "another sha256"), (_lost, "is lost"),
    (_tells_twice, "2 times"), (_instance_runs, "instance i is Pending"), (_slot_kept, "still active"),
    (_place_kept, "still waiting"), (_deleted_with_image, "output/0.png"),
    (_deleted_with_image_of_before, f"{JOB}/output/0.png"), (_original_left, "and uploads/"),
    (_original_of_before_left, "/input/"), (_deleted_with_record, "submission-0-1"),
    (_deleted_with_history, f"instance {JOB}"), (_post_says_no, "a POST was answered 500"),
    (_status_changes, "was failed and is"), (_prediction_of_two, "stands in"), (_nobody_cancels, "was not canceled"),
])  # fmt: skip
def test_what_is_wrong_is_told(break_it: Callable[[Case], None], told: str) -> None:
    case = Case()
    break_it(case)
    wrongs = case.wrongs()
    assert [wrong for wrong in wrongs if told in wrong], wrongs


def _unknown_and_unsettled(case: Case) -> None:
    case.world.troubles.add(0.0, 1500.0, None, "storage is away")
    case.fail("unknown")


def _yes_of_a_paid_one(case: Case) -> None:
    case.paid.plan = Create(outcome="no output", seconds=5.0)
    case.fail("yes")
    case.view["usage"] = {"cost_usd": 0.08, "settled": True}


def _two_made_and_told(case: Case) -> None:
    case.ask(case.paid)
    case.ask(case.predict())
    case.world.engine.let_pass(60)
    case.view["possible_duplicate"] = True
    case.view["usage"]["settled"] = False


def _free_and_no(case: Case) -> None:
    case.paid.plan = Create(outcome="aborted", seconds=5.0)
    case.ask(case.paid)
    case.fail("no")
    case.say("no")


def _unseen_and_unknown(case: Case) -> None:
    case.ask(case.paid)
    case.paid.seen_at = None
    _unknown_and_unsettled(case)
    case.say("unknown")


def _deleted_and_gone(case: Case) -> None:
    # The record of its key may stay.
    case.world.store.write("idempotency/1.json", {"job_id": JOB}, None)


@pytest.mark.parametrize("make_it", [
    _unknown_and_unsettled, _yes_of_a_paid_one, _two_made_and_told, _free_and_no, _unseen_and_unknown, _deleted_and_gone,
])  # fmt: skip
def test_what_is_told_truly_is_not_wrong(make_it: Callable[[Case], None]) -> None:
    case = Case()
    make_it(case)
    assert case.wrongs() == []
