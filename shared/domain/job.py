"""The words of a job's life, and the document that holds it."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from shared.domain.ledger import Ledger, SendState
from shared.domain.payloads import FinishOrder, PictureEnd
from shared.domain.problem import Charged, Problem, worst_charge

QUEUED, PROCESSING, SUCCEEDED, FAILED, CANCELED = "queued", "processing", "succeeded", "failed", "canceled"
TERMINAL = frozenset({SUCCEEDED, FAILED, CANCELED})

VALIDATING, TRANSLATING, WAITING, SUBMITTING, GENERATING, STORING = (
    "validating", "translating", "waiting", "submitting", "generating", "storing",
)  # fmt: skip

#: Where the progress bar stands when a stage begins; generating moves on from here by elapsed time.
STAGE_PROGRESS = {VALIDATING: 5, TRANSLATING: 10, WAITING: 15, SUBMITTING: 25, GENERATING: 30, STORING: 92}

#: How often the orchestration of a job is started again when it failed under it.
MAX_STARTS: Final = 5

#: A job's document. It was one before there were types for it, so what reads it says what it expects.
Document = dict[str, Any]
#: Dollars for one picture, by generator.
Prices = Mapping[str, float]


def is_terminal(status: str) -> bool:
    return status in TERMINAL


def status_at(stage: str, **fields: Any) -> dict[str, Any]:
    """The custom status of an orchestration in a stage: what a GET shows while the job runs."""
    return {"stage": stage, "progress": STAGE_PROGRESS[stage], **fields}


def is_wanted(document: Document | None) -> bool:
    """Whether anybody still wants the pictures of a job: it runs, and nobody has canceled or deleted it."""
    return document is not None and not document["cancel_requested_at"] and not is_terminal(document["status"])


def is_sample(document: Document) -> bool:
    """Whether the job was accepted in a sandbox: the providers' simulators make its pictures, and nothing is paid."""
    return bool(document.get("sample"))


def asked_to_cancel(document: Document, at: datetime) -> Document:
    """The mark that stops a submit which has not happened yet; the first one stands."""
    return document | {"cancel_requested_at": document["cancel_requested_at"] or at.isoformat()}


def deleted(document: Document, at: datetime) -> Document:
    """The mark that hides a job from everybody; what it may have to pay is watched on until its story ends. Where its end was to
    be told is forgotten at once."""
    unaddressed = {"webhook": None} if "webhook" in document else {}
    return asked_to_cancel(document, at) | {"deleted_at": document.get("deleted_at") or at.isoformat()} | unaddressed


def is_deleted(document: Document) -> bool:
    return bool(document.get("deleted_at"))


def given_to(document: Document, owner: str) -> Document:
    """As `owner`'s. Whose it was before is kept, the first one first: something may still be kept under their names."""
    if document["owner"] == owner:
        return document
    return document | {"owner": owner, "former_owners": list(dict.fromkeys([*former_owners(document), document["owner"]]))}


def former_owners(document: Document) -> list[str]:
    """Whose the job was before it was claimed; of one that a version before gave to somebody nobody knows."""
    return list(document.get("former_owners") or ())


def posted_by(document: Document) -> str:
    """Whose the job was first."""
    return next(iter(former_owners(document)), str(document["owner"]))


def is_expired(document: Document, now: datetime) -> bool:
    """Whether the job's time is over, from that moment on; one that has not ended has none yet."""
    return bool(document.get("expires_at")) and now >= datetime.fromisoformat(document["expires_at"])


# ---- how it ends ----


def finished(document: Document, order: FinishOrder, prices: Prices, at: datetime, retention_days: int) -> Document:
    """With any picture the job has succeeded, and then `error` sums up the ones that are missing."""
    pictures = order["pictures"]
    submitted = min(filter(None, (picture["submitted_at"] for picture in pictures)), default=None)
    ready = max(filter(None, (picture["ready_at"] for picture in pictures)), default=None)
    made = [picture for picture in pictures if picture["state"] == "stored"]
    speaks = next(iter([*made, *pictures]), None)
    return _settled(
        document | _end(at, retention_days) | {
            "status": _status(pictures, order["problem"]),
            "started_at": order["started_at"],
            "error": next((picture["problem"] for picture in pictures if picture["state"] == "failed"), order["problem"]),
            "pictures": [_kept(picture) for picture in pictures],
            "progress": min((picture["progress"] for picture in pictures), default=STAGE_PROGRESS[VALIDATING]),
            **_maker(document, speaks),
            "fallback_used": any(picture["fallback_used"] for picture in pictures),
            "polls": sum(picture["looks"] for picture in pictures),
            "metrics": _metrics(document["created_at"], submitted, ready, at),
            "warnings": [*document.get("warnings", ()), *order.get("warnings", ())],
            **({"sent": order["sent"]} if "sent" in order else {}),
        },
        prices,
    )  # fmt: skip


def amended(document: Document, picture: PictureEnd, prices: Prices) -> Document:
    """An ended job as it is now that one of its pictures' predictions was watched to its end. Its status stays, and so does how
    a picture ended that did not come after all: whoever watched it on may not know why."""
    pictures = {int(known["index"]): known for known in document.get("pictures", _pictures_of_before(document))}
    now, before = _kept(picture), pictures.get(picture["index"])
    if before is not None:
        # Told late, or out of order: what is known is not forgotten for it.
        sends = _ledger(now).beside(_ledger(before)).to_payload()
        kept = before if picture["state"] != "stored" else now
        now = {**kept, "sends": sends, "is_watched": now["is_watched"] and before["is_watched"]}
    pictures[picture["index"]] = now
    return _settled(document | {"pictures": [pictures[index] for index in sorted(pictures)]}, prices)


def given_up(
    document: Document, pictures: list[dict[str, Any]], prices: Prices, at: datetime, progress: int, retention_days: int
) -> Document:
    """How a job ends whose orchestration is gone: with what its records say of its `pictures`. As ever, with any picture it has
    succeeded."""
    made = [picture for picture in pictures if picture["output"]]
    told = {
        "status": SUCCEEDED if made else FAILED, "progress": progress, "pictures": pictures,
        "error": None if len(made) == len(pictures) else Problem("internal").to_payload(),
    }  # fmt: skip
    return _settled(document | _end(at, retention_days) | told, prices)


def without_watch(document: Document, of_records: list[dict[str, Any]], prices: Prices) -> Document:
    """An ended job whose watch over a prediction is gone: with the picture, if one was kept unseen, and what its records say."""
    known = {picture["index"]: picture for picture in of_records}
    pictures = []
    for picture in document.get("pictures", ()):
        if picture["is_watched"]:
            told = known[picture["index"]]
            sends = _ledger(told).beside(_ledger(picture)).to_payload()
            came = {"state": told["state"], "output": told["output"], "problem": None} if told["output"] else {}
            picture = {**picture, **came, "sends": sends, "is_watched": False}
        pictures.append(picture)
    return _settled(document | {"pictures": pictures}, prices) if pictures else document


def unfinished_picture(index: int, sends: list[Any], output: dict[str, Any] | None) -> dict[str, Any]:
    """A picture as its records tell of it, where no story ended it."""
    problem = None if output else Problem("internal").to_payload()
    state = "stored" if output else "failed"
    return {"index": index, "state": state, "output": output, "problem": problem, "sends": sends, "is_watched": False}


def ended_pictures(document: Document) -> list[dict[str, Any]]:
    """How the pictures of a job ended, and what each owes: none of one that runs, all of one that did not get so far."""
    if not is_terminal(document["status"]):
        return []
    pictures: list[dict[str, Any]] = document.get("pictures", _pictures_of_before(document))
    return pictures


def charged(document: Document) -> Charged:
    """What the pictures of a job owe, all together; of one that runs nobody knows yet."""
    if not is_terminal(document["status"]):
        return "unknown"
    return worst_charge(_ledger(picture).charged for picture in ended_pictures(document))


def is_watched(document: Document) -> bool:
    """Whether the job has ended while a prediction of it went on. Of a job of the former version nobody knows."""
    return is_terminal(document["status"]) and any(
        picture["is_watched"] for picture in document.get("pictures", [{"is_watched": True}])
    )


def _status(pictures: list[PictureEnd], problem: Any) -> str:
    states = {picture["state"] for picture in pictures}
    if "stored" in states:
        return SUCCEEDED
    return CANCELED if problem is None and states == {"canceled"} else FAILED


def _end(at: datetime, retention_days: int) -> Document:
    return {"completed_at": at.isoformat(), "expires_at": (at + timedelta(days=retention_days)).isoformat()}


def _maker(document: Document, picture: PictureEnd | None) -> Document:
    """Who made the picture that speaks for the job, and from which model it fell back."""
    if picture is None or "made_by" not in picture:
        return {}
    made_by, asked = picture["made_by"], document.get("model")
    fell_back = picture["fallback_used"] and made_by["model"] != asked
    return {**made_by, **({"fallback": {"from": asked, "to": made_by["model"]}} if fell_back else {})}


def _kept(picture: PictureEnd) -> dict[str, Any]:
    """What a document keeps of a picture's end."""
    kept: dict[str, Any] = {name: picture[name] for name in ("index", "state", "output", "problem", "sends", "is_watched")}
    return kept


def _ledger(picture: Mapping[str, Any]) -> Ledger:
    return Ledger.from_payload(picture["sends"] or [])


def _told(picture: dict[str, Any]) -> dict[str, Any]:
    """A picture whose error says what all its sends owe."""
    problem = picture["problem"] and {**picture["problem"], "charged": _ledger(picture).charged}
    return {**picture, "problem": problem}


def _settled(document: Document, prices: Prices) -> Document:
    """The document with everything that its pictures' ledgers say: this is the one place where money is summed up."""
    pictures = [_told(picture) for picture in document["pictures"]]
    ledgers = [_ledger(picture) for picture in pictures]
    missing = [_ledger(picture) for picture in pictures if picture["state"] != "stored"]
    # Of a job that succeeded the error tells of the pictures that are missing, of one that did not of all that it cost; so
    # does the error of one whose missing pictures came late.
    told = (missing if document["status"] == SUCCEEDED else []) or ledgers
    error = document["error"] and {**document["error"], "charged": worst_charge(ledger.charged for ledger in told)}
    cost = round(sum(ledger.cost_usd(prices) for ledger in ledgers), 4)
    is_quoted = cost > 0 and all(ledger.is_quoted for ledger in ledgers)
    return document | {
        "pictures": pictures,
        "outputs": [picture["output"] for picture in pictures if picture["output"]],
        "error": error,
        # What the former version flagged stays so: it kept no sends.
        "possible_duplicate": document["possible_duplicate"] or any(ledger.possible_duplicate for ledger in ledgers),
        "attempts": sum(ledger.attempts for ledger in ledgers),
        "usage": {"cost_usd": cost, "estimated": not is_quoted, "settled": all(ledger.is_settled for ledger in ledgers)},
        # What the former version adds up when it is deployed again.
        "settled_cost_usd": cost,
        "charges": {str(picture["index"]): _ledger(picture).charged for picture in pictures if picture["state"] != "stored"},
    }  # fmt: skip


def _pictures_of_before(document: Document) -> list[dict[str, Any]]:
    """The pictures of an ended job whose document the former version wrote: it kept outputs and charges, no sends."""
    outputs = {output["index"]: output for output in document["outputs"]}
    states: dict[Charged, SendState] = {"yes": "paid", "no": "free", "unknown": "may be charged"}

    def sends(index: int) -> list[Any]:
        told = (document["error"] or {}).get("charged")
        known: Charged | None = "yes" if index in outputs else document.get("charges", {}).get(str(index), told)
        return [{"generator": document["provider"], "attempt": 1, "state": states[known]}] if known else []

    missing = CANCELED if document["status"] == CANCELED else FAILED
    return [
        {"index": i, "state": "stored" if i in outputs else missing, "output": outputs.get(i), "problem": None,
         "sends": sends(i), "is_watched": False}
        for i in range(document["input"]["n"])
    ]  # fmt: skip


def _metrics(created_at: str, submitted_at: str | None, ready_at: str | None, ended: datetime) -> dict[str, int | None]:
    """Milliseconds until the submit, at the provider (as polling saw it), and the rest, which is ours."""
    created = datetime.fromisoformat(created_at)
    submitted, ready = (datetime.fromisoformat(t) if t else None for t in (submitted_at, ready_at))
    whole = _ms(ended - created)
    queue = _ms(submitted - created) if submitted else whole
    provider = _ms((ready or ended) - submitted) if submitted else 0
    return {"queue_ms": queue, "provider_ms": provider, "overhead_ms": max(0, whole - queue - provider)}


def _ms(length: timedelta) -> int:
    return max(0, round(length.total_seconds() * 1000))
