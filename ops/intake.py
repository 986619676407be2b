"""What lies in the queues of batch producers; and what to do with what the platform gave up on."""

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

from ops.failing import FOUND, CannotDo
from ops.report import Report, length, table
from ops.surroundings import Surroundings
from shared.domain.problem import ProblemError
from shared.domain.queue_messages import POISON, REQUESTS, RESULTS, NoRequest, correlation_of, read_message, request_of

#: In the poison queue. Before that a message may have been in its own for as long, with its key taken at the beginning.
_KEY_IS_KNOWN = timedelta(days=7)


def intake(around: Surroundings) -> Report:
    """How long the queues are, and what is in the poison queue with the reason, as far as a message shows it. Exit code 1 when
    there is anything. Nothing of what a message asks for is shown: it is its sender's."""
    queues, now = around.services.queues, datetime.now(UTC)
    lengths = {name: queues.length(name) for name in (REQUESTS, RESULTS, POISON)}
    rows = [
        {"message": message.id, "age_seconds": _age(message, now), **_looked_at(message.content)}
        for message in queues.peek(POISON)
    ]
    lines = table(("queue", "messages, about"), list(lengths.items()))
    if rows:
        head = ("poison message", "age", "bytes", "correlation id", "has a key", "what it is")
        cells = [
            (
                r["message"],
                length(r["age_seconds"]),
                r["bytes"],
                r["correlation_id"] or "-",
                "yes" if r["key"] else "no",
                r["why"],
            )
            for r in rows
        ]
        lines += ["", *table(head, cells), "", *_ADVICE]
    if not around.services.settings.intake_queue:
        lines += ["", "INTAKE_QUEUE is off: nobody takes requests from the queue"]
    data = {"lengths": lengths, "poison": rows, "is_on": around.services.settings.intake_queue}
    return Report(data, lines, FOUND if lengths[POISON] else 0)


_ADVICE = [
    "its deliveries said why: event intake_failed, by request_id (docs/operations)",
    "python -m ops intake --again MESSAGE gives one back to the app, --discard MESSAGE deletes it; all of them: all",
]


def again(around: Surroundings, wanted: str, *, is_sure: bool) -> Report:
    """Give poison messages back to the app. One without a key of its own comes under another id, so that nobody would know the
    job that it may have made, and of one that lay there for too long the key may be forgotten: with `is_sure` only."""
    refused: list[str] = []
    now = datetime.now(UTC)

    def moved(message: Any) -> bool:
        if not _is_wanted(message, wanted):
            return False
        if not (is_sure or (_looked_at(message.content)["key"] and _age(message, now) <= _KEY_IS_KNOWN.total_seconds())):
            refused.append(message.id)
            return False
        around.services.queues.send_raw(REQUESTS, message.content)
        return True

    done = around.services.queues.take_out(POISON, moved)
    if refused and not done:
        raise CannotDo(
            f"{', '.join(refused)}: without a key, or after a week, it may be paid for again. Add --yes if that is meant"
        )
    return _done(wanted, done, "given back to the app", {"refused": refused})


def discard(around: Surroundings, wanted: str) -> Report:
    done = around.services.queues.take_out(POISON, lambda message: _is_wanted(message, wanted))
    return _done(wanted, done, "deleted", {})


def _done(wanted: str, done: int, what: str, more: dict[str, Any]) -> Report:
    if not done and wanted != "all":
        raise CannotDo(f"there is no message {wanted} in {POISON}, or somebody is at it: look again in a minute")
    kept = (
        [f"{len(more['refused'])} without a key, or older than a week, stay: --yes gives them back"]
        if more.get("refused")
        else []
    )
    return Report({"messages": done, **more}, [f"{done} message(s) {what}", *kept])


def _is_wanted(message: Any, wanted: str) -> bool:
    return wanted in ("all", message.id)


def _age(message: Any, now: datetime) -> float:
    return float(round((now - message.inserted_on).total_seconds()))


def _looked_at(content: str) -> dict[str, Any]:
    """What can be said of a message that repeats nothing of it but what its sender calls it."""
    told: dict[str, Any] = {"bytes": len(content), "correlation_id": None, "key": False}
    try:
        message = read_message(base64.b64decode(content, validate=True).decode())
    except NoRequest as error:
        return {**told, "why": str(error)}
    except ValueError:
        return {**told, "why": "it is not in base64 (host.json, messageEncoding)"}
    told |= {"correlation_id": correlation_of(message, "") or None, "key": message.get("key") is not None}
    try:
        request_of(message, "")
    except ProblemError as error:
        return {**told, "why": error.problem.code}
    return {**told, "why": "a request that can be read: storage or the app failed each time"}
