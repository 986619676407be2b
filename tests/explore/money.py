"""What a job must say of its money: by what its sends came to, and what of that the app could see."""

import itertools
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from tests.explore.ledger import Ask
from tests.explore.plan import REPLICATE

if TYPE_CHECKING:
    from tests.explore.judge import Told
    from tests.explore.world import World

_ORDER = ("no", "unknown", "yes")
#: What a send owes, by its state in a record.
_OWES = {"open": "unknown", "accepted": "unknown", "may be charged": "unknown", "refused": "no", "free": "no", "paid": "yes"}
Words = frozenset[str]


def charges_are_true(world: "World", told: "Told") -> Iterator[str]:
    """`unknown` only where nobody can know, `no` and `yes` wherever they are known; likewise what is settled, or a duplicate."""
    if told.view["status"] not in ("succeeded", "failed", "canceled"):
        return
    shown = told.view.get("pictures") or ()
    sends = {picture["index"]: _sends(world, told, picture["index"]) for picture in shown}
    for picture in shown:
        index, says = picture["index"], picture.get("charged")
        right = _worst(sends[index])
        if says not in (None, *right):
            yield f"{told.job.id}/{index} says charged {says}, and what is known is {_words(right)}"
    missing = [send for index, of_picture in sends.items() if index not in told.made for send in of_picture]
    if told.charged is not None and shown:
        everything = list(itertools.chain(*sends.values()))
        is_partly = told.view["status"] == "succeeded" and len(told.made) < len(sends)
        right = _worst(missing if is_partly else everything)
        if told.charged not in right:
            yield f"{told.job.id} says charged {told.charged}, and what is known of all is {_words(right)}"
    settled = told.view["usage"].get("settled")
    every = list(itertools.chain(*sends.values()))
    if shown and settled is False and all("unknown" not in send for send in every):
        yield f"{told.job.id} says settled false, and everything is known"
    if shown and settled is True and any(send == {"unknown"} for send in every):
        yield f"{told.job.id} says settled true, and nobody can know"
    if told.view["possible_duplicate"] and not _has_repeats(world, told.job.id):
        yield f"{told.job.id} says possible_duplicate, and no send was repeated"


def _sends(world: "World", told: "Told", index: int) -> list[Words]:
    """Of each send of a picture what may be said of it."""
    job_id, is_made = told.job.id, index in told.made
    sends = [_of_ask(world, ask, is_made=is_made) for ask in world.ledger.asked if ask.owner[:2] == (job_id, index)]
    if (job_id, index) in world.struck:
        # An intent without a send, a send without a record: then what is on record is as good.
        sends = [send | {"unknown"} if "unknown" in _recorded(world, job_id, index) else send for send in sends]
        sends += [frozenset({"no", "unknown"})] if "unknown" in _recorded(world, job_id, index) else []
    job = world.records.jobs[job_id]
    if not job.terminated:
        return sends
    # An operator ended its story: how it stood then is what is told, also of a send that was only begun.
    begun = [frozenset({"no", "unknown"})] if list(_records(world, job_id, index)) else []
    return [*(send | {"unknown"} for send in sends), *begun]


def _of_ask(world: "World", ask: Ask, *, is_made: bool) -> Words:
    """`is_made`: the picture is there. That, or a record, says that somebody has seen a prediction end who died after."""
    prediction = ask.prediction
    if ask.is_refused:
        return frozenset({"no"})
    if prediction is None:
        # It may have found one that was made for another with the same input, who had died: nothing was made for it, whatever
        # became of that one.
        return frozenset({"unknown", "no"} & {"unknown", *_recorded(world, *ask.owner[:2])})
    outcome = prediction.outcome(world.now)
    if outcome == "ready":
        known = "yes"
    elif outcome == "aborted" or (prediction.provider != REPLICATE and outcome != "not found"):
        known = "no"
    else:
        known = "unknown"
    if prediction.canceled_at is not None:
        # Whether it had begun to run the answer to the cancel says, if it says it yet.
        return frozenset({"unknown", known})
    if prediction.seen_at is None:
        is_told = known in _recorded(world, *ask.owner[:2]) or (is_made and known == "yes")
        return frozenset({"unknown", known} if is_told else {"unknown"})
    return frozenset({known} if prediction.is_known else {known, "unknown"})


def _records(world: "World", job_id: str, index: int) -> Iterable[dict[str, Any]]:
    names = [name for name in world.store.documents if name.startswith(f"jobs/{job_id}/submission-{index}-")]
    return [world.store.document(name) or {} for name in names]


def _recorded(world: "World", job_id: str, index: int) -> set[str]:
    return {_OWES[state] for record in _records(world, job_id, index) for state in record.get("send_states", ())}


def _has_repeats(world: "World", job_id: str) -> bool:
    """Whether one attempt was sent for twice, neither surely refused; or a record says so of one that was struck."""
    owners = [ask.owner for ask in world.ledger.asked if ask.owner[0] == job_id and not ask.is_refused]
    struck = [index for job, index in world.struck if job == job_id]
    recorded = [record for index in struck for record in _records(world, job_id, index) if len(record.get("send_states", ())) > 1]
    return len(set(owners)) < len(owners) or bool(recorded)


def _worst(sends: list[Words]) -> Words:
    """What may be said of several sends together."""
    words = frozenset({"no"})
    for send in set(sends):
        words = frozenset(max(word, other, key=_ORDER.index) for word in words for other in send)
    return words


def _words(words: Words) -> str:
    return " or ".join(sorted(words))


def lost_pictures(world: "World", told: "Told") -> Iterator[str]:
    """A paid picture that could be fetched is there, unless what was in the way of just this one lasted as long as its link, or
    as it is looked for."""
    if told.job.terminated or any(name == "job_given_up" and f.get("job_id") == told.job.id for name, f in world.logged):
        return
    for prediction in world.ledger.of_job(told.job.id):
        if not (prediction.is_known and prediction.has_picture and prediction.outcome(world.now) == "ready"):
            continue
        if prediction.owner[1] in told.made or prediction.plan.downloads:
            continue
        is_odd = any(odd == "not found" for _, odd in prediction.plan.looks)
        is_late = (prediction.ends_at - prediction.created_at).total_seconds() > 600
        begin = (prediction.ends_at - world.began).total_seconds()
        time = 3600.0 if prediction.provider == REPLICATE else 600.0
        # A story that died is found after up to five minutes, and then has the same time as any.
        looked_for = min(time, 900.0)
        if is_odd or is_late or world.troubles.seconds(told.job.id, begin - 30, begin + looked_for) >= looked_for * 0.5:
            continue
        yield f"{told.job.id}/{prediction.owner[1]}: {prediction.id} is paid, was known and could be had, and is lost"
