"""Telling the end of a job to its `webhook_url`: what is said, when it is said again, and what a job shows of it. Pure."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, TypedDict

from shared.domain.job import Document, is_deleted, is_terminal

#: Seconds before each try, from the end of the try before it: at once, and for the last time more than 17 hours later. It is the
#: example of Standard Webhooks, "Deliverability and reliability", up to its 10 hours.
SCHEDULE_SECONDS = (0, 5, 300, 1800, 7200, 18_000, 36_000)
#: A receiver that asks for more by Retry-After gets no more than this.
LONGEST_WAIT_SECONDS = 36_000
#: A tenth more at most, by chance, so that those who failed together do not all come back together.
MOST_JITTER = 0.1
#: Seconds until somebody comes again who found all places taken: as many as it is late already, within these, and up to twice
#: as many by chance. So whoever waits behind a silent receiver asks ever more seldom, and not all at once.
SHORTEST_BUSY_SECONDS, LONGEST_BUSY_SECONDS = 5.0, 300.0
#: The receiver wants no more of it.
GONE = 410


class Attempt(TypedDict):
    """One try, as a job's document keeps it. Of the answer nothing but its status is kept."""

    at: str
    #: None where there was no answer: then `reason` says why.
    status: int | None
    reason: str | None
    #: When the next one is due; None after the last.
    next_at: str | None


def message_id(document: Document) -> str:
    """The same for every try: receivers tell a repetition by it. Without a full stop, which parts what is signed."""
    return f"msg_{document['id'].removeprefix('job_')}"


def body_of(document: Document, base_url: str) -> bytes:
    """The message: that a job has ended, and where to look at it; nothing of what it is about. The same bytes at every try."""
    job_id, status = document["id"], document["status"]
    ended_at = datetime.fromisoformat(document["completed_at"]).astimezone(UTC).isoformat(timespec="milliseconds")
    here = f"{base_url}/api/jobs/{job_id}"
    told = {
        "type": f"job.{status}", "timestamp": ended_at.replace("+00:00", "Z"),
        "data": {
            "id": job_id, "status": status, "kind": document["kind"], "urls": {"self": here, "result": f"{here}/result"},
        },
    }  # fmt: skip
    return json.dumps(told, separators=(",", ":")).encode()


def is_expected(document: Document) -> bool:
    """Whether somebody is to be told of the job's end, when it comes or now, and has not been yet. Nobody is of a deleted job."""
    attempts = document.get("deliveries") or [{"next_at": "now"}]
    return bool((document.get("webhook") or {}).get("url")) and not is_deleted(document) and attempts[-1]["next_at"] is not None


def due_in(document: Document, now: datetime) -> float | None:
    """Seconds until the next try, 0 for one that is due; None when there is none, or none yet."""
    if not is_expected(document) or not is_terminal(document["status"]):
        return None
    attempts = document.get("deliveries")
    return max(0.0, (datetime.fromisoformat(attempts[-1]["next_at"]) - now).total_seconds()) if attempts else 0.0


def turned_away(document: Document, now: datetime, jitter: float) -> float:
    """Seconds until a try that is due may ask for a place again. `jitter` is 0 to 1."""
    attempts = document.get("deliveries")
    due_at = datetime.fromisoformat(attempts[-1]["next_at"] if attempts else document["completed_at"])
    late = (now - due_at).total_seconds()
    return min(max(SHORTEST_BUSY_SECONDS, late), LONGEST_BUSY_SECONDS) * (1 + jitter)


def attempted(
    document: Document, at: datetime, *, status: int | None, reason: str | None, retry_after: float | None, jitter: float
) -> Document:
    """The document with one more try; one that nobody is to be told of any more stays as it is. `jitter` is 0 to 1."""
    if not is_expected(document):
        return document
    before = document.get("deliveries") or []
    wait = None if is_told(status) else _wait(len(before) + 1, retry_after, jitter)
    next_at = None if wait is None else (at + timedelta(seconds=wait)).isoformat()
    attempt: Attempt = {"at": at.isoformat(), "status": status, "reason": reason, "next_at": next_at}
    return {**document, "deliveries": [*before, attempt]}


def is_told(status: int | None) -> bool:
    """Whether an answer ends it: taken, or not wanted. Everything else, a redirect too, is a failure that may pass."""
    return status is not None and (200 <= status < 300 or status == GONE)


def shown(document: Document) -> list[dict[str, Any]]:
    """The tries as the job's JSON lists them."""
    attempts: list[Mapping[str, Any]] = document.get("deliveries") or []
    return [{"attempt": number, "id": message_id(document), **attempt} for number, attempt in enumerate(attempts, 1)]


def _wait(tried: int, retry_after: float | None, jitter: float) -> float | None:
    """Seconds after so many tries; None: that was the last one."""
    if tried >= len(SCHEDULE_SECONDS):
        return None
    scheduled = SCHEDULE_SECONDS[tried] * (1 + MOST_JITTER * jitter)
    return max(scheduled, min(retry_after or 0.0, LONGEST_WAIT_SECONDS))
