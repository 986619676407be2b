"""Rules of time: what must have happened how soon, where nothing was in its way."""

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from tests.explore.ledger import Prediction
from tests.explore.plan import BFL, REPLICATE

if TYPE_CHECKING:
    from tests.explore.records import JobRecord
    from tests.explore.world import World

#: Within which a cancel or DELETE is heard, a slot is given back, a call of the provider is followed, a deleted job is forgotten.
HEARD_SECONDS, GIVEN_BACK_SECONDS, CALLED_SECONDS, FORGOTTEN_SECONDS = 30.0, 5.0, 4.0, 60.0
#: What has read its job before is sent still.
NOTHING_NEW_SECONDS = 2.0
#: A slot with which nothing was sent for.
IDLE_SECONDS = 90.0
#: From its POST to its end, if nothing is in its way: all its waits and predictions together.
LONGEST_SECONDS = 2400.0
#: What goes wrong has its effects for so long, beyond its own time: steps are asked for again after up to five minutes,
#: and hear nothing in between.
_AFTERMATH_SECONDS = 310.0


def rules(world: "World") -> Iterator[str]:
    for rule in (_ends_in_time, _heard, _nothing_new, _given_back, _idle, _called, _forgotten):
        yield from rule(world)


def _at(world: "World", moment: datetime) -> float:
    return (moment - world.began).total_seconds()


def _is_calm(world: "World", job_id: str, start: float, end: float, aftermath: float = _AFTERMATH_SECONDS) -> bool:
    return not world.troubles.of(job_id, start - aftermath, end)


def _has_lost_sends(world: "World", job_id: str) -> bool:
    """Sends of which the answer did not come, or came late: they are cleared up first."""
    asks = [ask for ask in world.ledger.asked if ask.owner[0] == job_id and not ask.is_refused]
    return any(ask.prediction is None or ask.prediction.plan.answer != "ok" for ask in asks)


def _ends_in_time(world: "World") -> Iterator[str]:
    for job in world.records.jobs.values():
        first, end = job.statuses[0][0], job.ended_at or job.gone_at
        took = ((end or world.now) - first).total_seconds()
        begin = _at(world, first)
        most = LONGEST_SECONDS + 5 * world.troubles.seconds(job.id, begin, begin + took)
        if took > most:
            yield f"{job.id} took {took:.0f} s to its end, and {most:.0f} would have been long"


def _unwanted(world: "World") -> Iterator[tuple["JobRecord", float]]:
    """Jobs of which a cancel or DELETE was answered, with the moment, where nothing else is the matter with them."""
    for job in world.records.jobs.values():
        if job.unwanted_at is None or (job.ended_at is not None and job.ended_at <= job.unwanted_at):
            continue
        at = _at(world, job.unwanted_at)
        if _is_calm(world, job.id, at, at + HEARD_SECONDS):
            yield job, at


def _heard(world: "World") -> Iterator[str]:
    """The job ends soon after, and what it has running is canceled where that can be."""
    for job, at in _unwanted(world):
        known = world.ledger.of_job(job.id)
        is_fetched = any(_at(world, p.ends_at) <= at + HEARD_SECONDS and (p.plan.downloads or p.plan.looks) for p in known)
        if is_fetched or any(p.plan.cancels for p in known) or _has_lost_sends(world, job.id):
            continue
        end = job.ended_at or job.gone_at
        if end is None or _at(world, end) > at + HEARD_SECONDS:
            yield f"{job.id} was canceled or deleted at {at:.0f} s, and went on until {_at(world, end or world.now):.0f} s"
        for prediction in known:
            since = max(at, _at(world, prediction.created_at))
            went_on = _at(world, prediction.ends_at) - since
            if prediction.provider == REPLICATE and prediction.canceled_at is None and went_on > HEARD_SECONDS:
                yield f"{prediction.id} went on for {went_on:.0f} s after the cancel or DELETE of its job was answered"


def _nothing_new(world: "World") -> Iterator[str]:
    """Nothing is sent any more, but by a run that stood still behind all its checks."""
    for job in world.records.jobs.values():
        if job.unwanted_at is None:
            continue
        at = _at(world, job.unwanted_at)
        for ask in world.ledger.asked:
            is_late = ask.owner[0] == job.id and _at(world, ask.at) > at + NOTHING_NEW_SECONDS
            if is_late and not ask.is_struck:
                yield f"{job.id}/{ask.owner[1]} is sent for at {_at(world, ask.at):.0f} s, canceled or deleted at {at:.0f} s"


def _given_back(world: "World") -> Iterator[str]:
    """The slot of a prediction is free as soon as a look has shown its end, or it is canceled."""
    for prediction in world.ledger.predictions:
        job_id, index, _ = prediction.owner
        for moment in (prediction.seen_at, prediction.canceled_at):
            if moment is None or not prediction.is_known:
                continue
            at = _at(world, moment)
            late = [
                hold for hold in world.records.holds
                if (hold.gate, hold.holder) == (prediction.provider, f"{job_id}/{index}") and hold.since < moment
                and at + GIVEN_BACK_SECONDS < _at(world, hold.until or world.now)
            ]  # fmt: skip
            is_last = not any(p.owner[:2] == (job_id, index) and p.created_at > prediction.created_at and p.created_at <= moment
                              for p in world.ledger.predictions)  # fmt: skip
            if late and is_last and _is_calm(world, job_id, at, at + GIVEN_BACK_SECONDS):
                until = _at(world, late[0].until or world.now)
                yield f"{prediction.id} ended or was canceled at {at:.0f} s, and its slot was kept until {until:.0f} s"


def _idle(world: "World") -> Iterator[str]:
    """Nobody holds a slot for nothing."""
    for hold in world.records.holds:
        job_id, _, index = hold.holder.partition("/")
        start, end = _at(world, hold.since), _at(world, hold.until or world.now)
        owner = (job_id, int(index))
        is_used = any(ask.owner[:2] == owner and start <= _at(world, ask.at) <= end for ask in world.ledger.asked)
        is_used = is_used or any(p.owner[:2] == owner and _at(world, p.created_at) <= end <= _end_of_watch(world, p) for p in
                                 world.ledger.predictions)  # fmt: skip
        if end - start > IDLE_SECONDS and not is_used and _is_calm(world, job_id, start, end):
            yield f"{hold.holder} held a slot of {hold.gate} from {start:.0f} to {end:.0f} s for nothing"


def _end_of_watch(world: "World", prediction: Prediction) -> float:
    return _at(world, prediction.seen_at or prediction.ends_at) + GIVEN_BACK_SECONDS


def _called(world: "World") -> Iterator[str]:
    """A call of the provider is followed by a look."""
    if "PUBLIC_BASE_URL" not in world.plan.settings:
        return
    for prediction in world.ledger.predictions:
        plan, job_id = prediction.plan, prediction.owner[0]
        if prediction.provider == BFL or plan.webhook not in ("on time", "twice") or plan.answer != "ok" or plan.looks:
            continue
        end, job = _at(world, prediction.ends_at), world.records.jobs.get(job_id)
        is_stopped = prediction.canceled_at is not None or job is None or job.cancel_at is not None or job.deleted_at is not None
        is_late = prediction.deadline is not None and prediction.ends_at == prediction.deadline
        timeout = float(world.plan.settings.get("GENERATION_TIMEOUT_SECONDS", "120"))
        is_late = is_late or end - _at(world, prediction.created_at) > timeout - 5.0
        if is_stopped or is_late or not _is_calm(world, job_id, end, end + CALLED_SECONDS):
            continue
        if prediction.seen_at is None or _at(world, prediction.seen_at) > end + CALLED_SECONDS:
            yield f"{prediction.id} ended at {end:.0f} s, and its provider's call was not followed by a look"


def _forgotten(world: "World") -> Iterator[str]:
    """A deleted job is forgotten soon after its story has ended."""
    for job in world.records.jobs.values():
        predictions = world.ledger.of_job(job.id)
        if job.deleted_at is None or any(p.seen_at is None and p.canceled_at is None for p in predictions):
            continue
        if _has_lost_sends(world, job.id) or any(p.plan.looks or p.plan.downloads or p.plan.cancels for p in predictions):
            continue
        moments = [job.deleted_at, job.ended_at, *(p.canceled_at or p.seen_at for p in predictions)]
        over = max(_at(world, moment) for moment in moments if moment is not None)
        gone = _at(world, job.gone_at or world.now)
        if gone > over + FORGOTTEN_SECONDS and _is_calm(world, job.id, over, over + FORGOTTEN_SECONDS):
            yield f"{job.id} was deleted and over at {over:.0f} s, and was forgotten at {gone:.0f} s only"
