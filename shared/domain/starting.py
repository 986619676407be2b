"""Whether the orchestration of a job is to be started, again or at all. Pure."""

from datetime import datetime, timedelta
from typing import Literal

from shared.domain.job import MAX_STARTS, Document, is_terminal, is_watched

#: A job whose orchestration is unknown to the task hub for so long was never started: its POST died half way.
START_GRACE = timedelta(seconds=60)
#: Whoever sees a failed instance just after it was started again may see how it was before.
START_AGAIN_AFTER = timedelta(seconds=10)

#: Runtime status of an instance in words of the engine; None: there is no such instance.
GOING_ON = frozenset({"Pending", "Running", "Suspended", "ContinuedAsNew"})
#: An operator's decision, which stands.
STOPPED = frozenset({"Terminated", "Canceled"})

Decision = Literal["leave", "start", "give up"]


def decide(document: Document, runtime: str | None, now: datetime) -> Decision:
    """leave: it goes on, or there is nothing to go on with. start: from its records, under the same id. give up: it ends with
    what its records say."""
    if is_terminal(document["status"]) and not (is_watched(document) and runtime in ("Failed", *STOPPED)):
        return "leave"
    if runtime in GOING_ON:
        return "leave"
    if runtime in STOPPED:
        return "give up"
    if runtime is None and now - _last_start(document) < START_GRACE:
        return "leave"
    if document.get("starts", 0) >= MAX_STARTS:
        return "give up"
    started_again = document.get("started_again_at")
    if started_again and now - datetime.fromisoformat(started_again) < START_AGAIN_AFTER:
        return "leave"
    return "start"


def is_to_be_started(document: Document) -> bool:
    """Of a job whose orchestration failed: whether somebody will start it again, at once or soon."""
    return (not is_terminal(document["status"]) or is_watched(document)) and document.get("starts", 0) < MAX_STARTS


def started_again(document: Document, at: datetime, *, seen: int, progress: int = 0) -> Document:
    """One more start, if nobody else counted one since `seen` starts were seen, and the job has not ended meanwhile. The bar goes
    on from `progress`."""
    has_ended = is_terminal(document["status"]) and not is_watched(document)
    if document.get("starts", 0) != seen or has_ended:
        return document
    restarts = [*document.get("restarts", ()), at.isoformat()]
    shown = {} if is_terminal(document["status"]) else {"progress": max(progress, document.get("progress", 0))}
    return document | shown | {"starts": seen + 1, "started_again_at": at.isoformat(), "restarts": restarts}


def _last_start(document: Document) -> datetime:
    return datetime.fromisoformat(document.get("started_again_at") or document["created_at"])
