"""What must hold when a story is over. Each rule is a function that yields what is wrong, as sentences."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from devhost.taskhub import TERMINAL
from shared.domain.job import is_terminal
from shared.storage.blob_store import DOCUMENTS, IMAGES
from shared.storage.image_names import job_of_upload
from tests.explore import moments
from tests.explore.ledger import PRICE_USD, Prediction
from tests.explore.money import charges_are_true, lost_pictures
from tests.fakes import images_of

if TYPE_CHECKING:
    from tests.explore.records import JobRecord
    from tests.explore.world import World


@dataclass(frozen=True)
class Told:
    """What a client is told of a job, and what its document holds."""

    job: "JobRecord"
    document: dict[str, Any]
    view: dict[str, Any]

    @property
    def charged(self) -> str | None:
        return (self.view["error"] or {}).get("charged")

    def picture(self, index: int) -> dict[str, Any]:
        return next((p for p in self.view.get("pictures") or () if p["index"] == index), {})

    def charged_of(self, index: int) -> str | None:
        """What is said of one picture: by itself, else by the job's error, which speaks for all that are missing."""
        picture = self.picture(index)
        if picture.get("error"):
            return str(picture["error"]["charged"])
        return None if index in self.made else self.charged

    @property
    def made(self) -> set[int]:
        return {output["index"] for output in self.view["outputs"]}

    @property
    def is_settled(self) -> bool:
        """False where it is said that more may be charged. What says nothing of it is held to its word on the charge."""
        settled = self.view["usage"].get("settled")
        return self.charged in (None, "no") if settled is None else bool(settled)

    @property
    def cost_usd(self) -> float:
        """What it says is paid, without what may be."""
        return round(float(self.view["usage"]["cost_usd"] or 0) - float(self.view["usage"].get("open_usd", 0)), 4)

    @property
    def is_flagged(self) -> bool:
        return bool(self.view["possible_duplicate"]) or not self.is_settled


def judge(world: "World", views: dict[str, dict[str, Any]]) -> list[str]:
    """Everything that is wrong. `views`: the jobs that still are, as clients see them now."""
    return [*world.records.wrongs, *left_wrong(world, views), *moments.rules(world)]


def left_wrong(world: "World", views: dict[str, dict[str, Any]]) -> list[str]:
    """What is wrong with what a story has left, whenever it happened: this holds of real processes too (real.py)."""
    told = [
        Told(world.records.jobs[job], world.store.document(f"jobs/{job}/job.json") or {}, view) for job, view in views.items()
    ]
    wrongs: list[str] = []
    for one in told:
        for rule in (_terminal, _paid_and_silent, _charged, _cost, _outputs, charges_are_true, lost_pictures, _told_once):
            wrongs += rule(world, one)
    for rule_of_all in (_stories, _gates, _deleted, _originals, _posts, _stopped):
        wrongs += rule_of_all(world)
    return wrongs


# ---- of one job ----


def _billed(world: "World", job_id: str) -> list[Prediction]:
    return [p for p in world.ledger.of_job(job_id) if p.is_billed(world.now)]


def _terminal(world: "World", told: Told) -> Iterator[str]:
    if not is_terminal(told.view["status"]):
        yield f"{told.job.id} is still {told.view['status']}"


def _paid_and_silent(world: "World", told: Told) -> Iterator[str]:
    """Nothing billed is lost or unflagged; more than one for a picture is a possible duplicate."""
    billed = _billed(world, told.job.id)
    is_in_cost = told.cost_usd >= PRICE_USD * len(billed) - 1e-9
    for index in sorted({p.owner[1] for p in billed}):
        mine = [p for p in billed if p.owner[1] == index]
        says = told.charged_of(index)
        if index not in told.made and says not in ("yes", "unknown") and not told.is_flagged and not is_in_cost:
            yield f"{told.job.id}/{index}: {_list(mine)} billed, there is no picture, and not a word of it"
        if len(mine) > 1 and not told.is_flagged and says not in ("yes", "unknown") and not is_in_cost:
            yield f"{told.job.id}/{index}: {_list(mine)} billed, and no possible duplicate is told"
        finished = [p for p in mine if p.outcome(world.now) == "ready"]
        if len(finished) > 1 and not told.view["possible_duplicate"]:
            yield f"{told.job.id}/{index}: {_list(finished)} were made, and possible_duplicate is false"


def _charged(world: "World", told: Told) -> Iterator[str]:
    """`no` only where nothing was billed, `yes` only where something was."""
    billed = _billed(world, told.job.id)
    missing = [p for p in billed if p.owner[1] not in told.made]
    if told.charged == "no" and missing:
        yield f"{told.job.id} says charged no, and {_list(missing)} billed"
    if told.charged == "yes" and not billed:
        yield f"{told.job.id} says charged yes, and nothing was billed"
    for picture in told.view.get("pictures") or ():
        says = (picture.get("error") or {}).get("charged")
        mine = [p for p in billed if p.owner[1] == picture["index"]]
        if says == "no" and mine:
            yield f"{told.job.id}/{picture['index']} says charged no, and {_list(mine)} billed"
        if says == "yes" and not mine:
            yield f"{told.job.id}/{picture['index']} says charged yes, and nothing was billed"


def _cost(world: "World", told: Told) -> Iterator[str]:
    """Never less than what is known to be paid, never more than the bill; where it is settled, the bill."""
    bill = round(PRICE_USD * len(_billed(world, told.job.id)), 4)
    known = round(PRICE_USD * len(told.made), 4)
    if told.cost_usd < known - 1e-9:
        yield f"{told.job.id} says {told.cost_usd} $, and its pictures alone cost {known} $"
    if told.cost_usd > bill + 1e-9:
        yield f"{told.job.id} says {told.cost_usd} $, and {bill} $ were billed"
    if told.is_settled and not told.view["possible_duplicate"] and abs(told.cost_usd - bill) > 1e-9:
        yield f"{told.job.id} says {told.cost_usd} $ and that this is settled, and {bill} $ were billed"


def _outputs(world: "World", told: Told) -> Iterator[str]:
    """Each output's blob is there, as it is told."""
    for output in told.document.get("outputs", ()):
        data = world.store.images.get(output["blob"])
        if data is None:
            yield f"{told.job.id}/{output['index']}: {output['blob']} is missing"
        elif hashlib.sha256(data).hexdigest() != output["sha256"]:
            yield f"{told.job.id}/{output['index']}: {output['blob']} has another sha256"
        if output["thumbnail_blob"] not in world.store.images:
            yield f"{told.job.id}/{output['index']}: the thumbnail is missing"


def _told_once(world: "World", told: Told) -> Iterator[str]:
    ends = sum(name == "job_ended" and fields.get("job_id") == told.job.id for name, fields in world.logged)
    if ends > 1:
        yield f"{told.job.id} told its end {ends} times"


# ---- of all ----


def _stories(world: "World") -> Iterator[str]:
    for row in world.engine.rows():
        if row["status"] not in TERMINAL:
            yield f"instance {row['id']} is {row['status']}"


def _gates(world: "World") -> Iterator[str]:
    """No slot is held, no place is kept. Those of stories that an operator ended are left to whoever comes next."""
    for name in [name for name in world.store.documents if name.startswith("gates/")]:
        gate = world.store.document(name) or {}
        for part in ("active", "waiting"):
            left = [h for h in gate.get(part, ()) if not _is_terminated(world, h.partition("/")[0])]
            if left:
                going_on = [h for h in left if _goes_on(world, h.partition("/")[0])]
                yield f"{name}: {', '.join(left)} still {part}" + ("" if going_on else ", and their stories have ended")


def _goes_on(world: "World", job_id: str) -> bool:
    return any(row["status"] not in TERMINAL for row in world.engine.rows(job_id))


def _is_terminated(world: "World", job_id: str) -> bool:
    return job_id in world.records.jobs and world.records.jobs[job_id].terminated


def _deleted(world: "World") -> Iterator[str]:
    """Nothing is left of a deleted job once its story has ended, but the record of its key."""
    for job in world.records.jobs.values():
        if not (job.is_gone or job.deleted_at):
            continue
        left = [f"{IMAGES}/{name}" for name in images_of(world.store.images, job.id)]
        for name, (text, _) in world.store.documents.items():
            # A slot or a place at a gate is told of by itself.
            if job.id in name or (job.id in text and not name.startswith(("idempotency/", "gates/"))):
                left.append(f"{DOCUMENTS}/{name}")
        left += [f"instance {row['id']}" for row in world.engine.rows() if job.id in row["id"]]
        if left:
            yield f"{job.id} was deleted, and this is left: {', '.join(left)}"


def _originals(world: "World") -> Iterator[str]:
    """No upload is left of a job that has ended: housekeeping has come since, whatever was in the way of its end."""
    for name in world.store.images:
        job_id = job_of_upload(name)
        document = world.store.document(f"jobs/{job_id}/job.json") if job_id else None
        if document and is_terminal(document["status"]):
            yield f"{job_id} has ended, and {name} is left"


def _posts(world: "World") -> Iterator[str]:
    """No answer to a POST says that nothing was charged while its job is paid."""
    for customer in world.customers:
        own = [job.id for job in world.records.jobs.values() if job.prompt == customer.job.prompt]
        if len(customer.posts) != 1 or not _is_alone(world, customer.job.prompt) or not any(_billed(world, job) for job in own):
            continue
        (answer,) = customer.posts
        if answer.status is not None and answer.status >= 500 and answer.body.get("charged") == "no":
            yield f"a POST was answered {answer.status} {answer.body.get('code')}, charged no, and {', '.join(own)} is paid"


def _is_alone(world: "World", prompt: str) -> bool:
    return sum(job.prompt == prompt for job in world.plan.jobs) == 1


def _stopped(world: "World") -> Iterator[str]:
    """A prediction that nobody wants is canceled where that can be, unless something was in the way."""
    if world.plan.outages or world.plan.faults or world.plan.deaths:
        return
    for prediction in world.ledger.predictions:
        job = world.records.jobs.get(prediction.owner[0])
        since = job and (job.cancel_at or job.deleted_at)
        if prediction.provider != "replicate" or not prediction.is_known or job is None or since is None or job.terminated:
            continue
        from_then = (prediction.ends_at - max(since, prediction.created_at)).total_seconds()
        odd = prediction.plan.cancels or prediction.plan.looks
        if from_then > 60 and prediction.canceled_at is None and not odd:
            yield f"{prediction.id} went on for {from_then:.0f} s after nobody wanted it, and was not canceled"


def _list(predictions: list[Prediction]) -> str:
    return ", ".join(f"{p.id} ({p.plan.outcome})" for p in predictions)


def documents(world: "World") -> Iterator[str]:
    """What lies in storage, for a story."""
    for name, (text, _) in sorted(world.store.documents.items()):
        yield f"{name} {json.dumps(json.loads(text), ensure_ascii=False)[:1500]}"
