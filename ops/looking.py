"""Commands that only look: ready, gates, stuck."""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from ops.failing import FOUND
from ops.report import Report, length, table
from ops.surroundings import Surroundings
from shared.domain.gate import Gate
from shared.domain.job import MAX_STARTS, is_deleted, is_terminal, is_watched
from shared.domain.starting import GOING_ON, STOPPED, decide
from shared.job_ids import accepted_at, is_job_id

#: As long as housekeeping looks back for jobs that nobody goes on with (triggers/housekeeping.py).
LOOK_BACK = timedelta(hours=2)
#: A prediction is watched for 15 minutes after its picture has ended, and fetched for five before that.
WATCHED_FOR = timedelta(minutes=25)
#: The janitor looks every quarter of a minute, housekeeping every five.
FORGOTTEN_WITHIN = timedelta(minutes=10)
_READERS = 16


def ready(around: Surroundings) -> Report:
    """Readiness as a table."""
    answer = around.app.readiness()
    rows = [
        (name, check["status"], "; ".join(_said(key, value) for key, value in check.items() if key != "status"))
        for name, check in answer["checks"].items()
    ]
    is_ready = answer["status"] == "ready"
    lines = [f"{around.url} is {'ready' if is_ready else 'NOT ready'}", "", *table(("part", "status", "what"), rows)]
    return Report(answer, lines, 0 if is_ready else FOUND)


def _said(key: str, value: Any) -> str:
    if isinstance(value, dict):
        return "; ".join(f"{name} {text}" for name, text in value.items())
    return f"{key}: {value}"


def gates(around: Surroundings) -> Report:
    """Slots, queue, breaker, stop and pause of every provider. Exit code 1 when one takes no work."""
    seen = {name: _gate(around, name) for name in around.services.providers}
    head = ("provider", "slots", "waiting", "typical hold", "breaker", "stopped", "paused")
    rows = [
        (
            name, _slots(gate), len(gate["waiting"]), length(gate["typical_seconds"]),
            f"open for {length(gate['open_seconds'])}" if gate["open_seconds"] else f"{gate['failures']} failures in a row",
            gate["stopped"] or "no", _paused(gate["paused"]),
        )
        for name, gate in seen.items()
    ]  # fmt: skip
    lines = table(head, rows)
    holders = [
        (name, *(holder[part] for part in ("model", "job_id", "index", "place")), *_lengths(holder))
        for name, gate in seen.items()
        for holder in (*gate["active"], *gate["waiting"])
    ]
    if holders:
        lines += ["", *table(("provider", "model", "job", "picture", "place", "for", "silent for"), holders)]
    is_shut = any(gate["open_seconds"] or gate["stopped"] or gate["paused"] for gate in seen.values())
    return Report(seen, lines, FOUND if is_shut else 0)


def _gate(around: Surroundings, provider: str) -> dict[str, Any]:
    gate = around.services.gates.look(provider)
    document, stopped, paused = gate.document, gate.document["stopped"], gate.document.get("paused")
    active = [_holder(gate, holder, slot, "slot") for holder, slot in sorted(document["active"].items())]
    waiting = [_holder(gate, holder, entry, f"#{gate.position(holder)}") for holder, entry in sorted(document["waiting"].items())]
    return {
        "limit": gate.limit, "shares": _shares(gate), "active": active, "waiting": waiting, "failures": document["failures"],
        "typical_seconds": gate.typical_seconds(15.0),
        "open_seconds": round(gate.seconds_until_open, 1), "stopped": stopped and stopped["code"],
        "paused": paused and {"since": datetime.fromtimestamp(paused["since"], UTC).isoformat(), "reason": paused["reason"]},
    }  # fmt: skip


def _lengths(holder: dict[str, Any]) -> tuple[str, str]:
    return length(holder["seconds"]), length(holder["silent_seconds"])


def _shares(gate: Gate) -> dict[str, Any]:
    """Of the models that may have a part of the slots only: how many they have, of how many."""
    return {
        model: {"active": sum(slot.get("generator") == model for slot in gate.document["active"].values()), "limit": cap}
        for model, cap in gate.caps.items()
    }


def _slots(gate: dict[str, Any]) -> str:
    shares = [f", {model} {share['active']} of {share['limit']}" for model, share in gate["shares"].items()]
    return f"{len(gate['active'])} of {gate['limit']}{''.join(shares)}"


def _holder(gate: Gate, holder: str, entry: dict[str, Any], place: str) -> dict[str, Any]:
    job_id, _, index = holder.partition("/")
    since = entry.get("granted_at", entry["since"])
    return {
        "job_id": job_id, "index": int(index), "model": entry.get("generator") or gate.default_generator, "place": place,
        "seconds": round(gate.now - since, 1),
        "silent_seconds": round(gate.now - entry["seen_at"], 1),
    }  # fmt: skip


def _paused(paused: dict[str, Any] | None) -> str:
    return f"since {paused['since'][:16]}Z: {paused['reason']}" if paused else "no"


@dataclass(frozen=True)
class Finding:
    """What is the matter with a job, what comes of it by itself, and what to do. `is_stuck`: somebody should look."""

    why: str
    by_itself: str
    do: str
    is_stuck: bool = True


_EXPLAIN, _CANCEL, _BILL = "explain tells why", "cancel ends it", "compare it with the provider's bill"


def stuck(around: Surroundings, minutes: float, days: float) -> Report:
    """Jobs that do not end, watches over predictions, deleted jobs not yet forgotten. Exit code 1 when somebody should look."""
    began, now = time.monotonic(), around.services.now()
    oldest = now - timedelta(days=days)
    ids = list(around.services.jobs.open_jobs(oldest, now))
    deleted = around.services.jobs.deleted_jobs()
    going_on = [status["instanceId"] for status in around.hub.instances((*GOING_ON, "Failed", *STOPPED), oldest)]
    asked = sorted({*ids, *deleted, *filter(is_job_id, going_on)})
    with ThreadPoolExecutor(_READERS) as pool:
        documents = dict(zip(asked, pool.map(around.services.jobs.read, asked), strict=True))
        ours = [document for document in documents.values() if document and _is_asked_for(document, ids)]
        statuses = list(pool.map(around.hub.status, [document["id"] for document in ours]))
    rows = [_row(document, status, now, minutes) for document, status in zip(ours, statuses, strict=True)]
    rows += [_forgotten(job_id, now) for job_id in deleted if documents[job_id] is None]
    found = sorted((row for row in rows if row["why"]), key=lambda row: str(row["id"]))
    wrong = [row for row in found if row["is_stuck"]]
    data = {
        "stuck": wrong, "under_way": [row for row in found if not row["is_stuck"]], "looked_at": len(asked),
        "older_than_minutes": minutes, "within_days": days,
    }  # fmt: skip
    took = length(time.monotonic() - began)
    nothing = f"nothing is stuck: {len(asked)} jobs of the last {days:g} days looked at in {took}"
    lines = [*_told(found), "", f"{len(wrong)} of {len(asked)} jobs are stuck" if wrong else nothing] if found else [nothing]
    return Report(data, lines, FOUND if wrong else 0)


def _is_asked_for(document: dict[str, Any], open_ids: list[str]) -> bool:
    return document["id"] in open_ids or is_deleted(document) or is_watched(document)


def _told(found: list[dict[str, Any]]) -> list[str]:
    head = ("job", "kind", "age", "stage", "instance", "starts", "model", "why")
    rows = [
        (j["id"], j["kind"], length(j["age_seconds"]), j["stage"], j["instance"], j["starts"], j["model"], j["why"])
        for j in found
    ]
    lines = table(head, rows)
    for why in dict.fromkeys(job["why"] for job in found):
        job = next(job for job in found if job["why"] == why)
        lines += ["", f"{why}:", f"  by itself: {job['by_itself']}", f"  to do: {job['do']}"]
    return [*lines, "", "python -m ops explain JOB tells a job's story; python -m ops cancel JOB ends it"]


def _row(document: dict[str, Any], status: dict[str, Any] | None, now: datetime, minutes: float) -> dict[str, Any]:
    runtime = status["runtimeStatus"] if status else None
    custom = (status or {}).get("customStatus")
    live = custom if isinstance(custom, dict) else {}
    age = now - datetime.fromisoformat(document["created_at"])
    found = _finding(document, runtime, now, minutes)
    return {
        "id": document["id"], "kind": document["kind"], "instance": runtime or "gone", "stage": live.get("stage"),
        "starts": document.get("starts", 0), "model": live.get("model") or document.get("model") or document["provider"],
        "cancel_requested_at": document["cancel_requested_at"], "deleted_at": document.get("deleted_at"),
        "status": document["status"], "age_seconds": round(age.total_seconds()), **_said_of(found),
    }  # fmt: skip


def _said_of(found: Finding | None) -> dict[str, Any]:
    return asdict(found) if found else {"why": "", "by_itself": "", "do": "", "is_stuck": False}


def _finding(document: dict[str, Any], runtime: str | None, now: datetime, minutes: float) -> Finding | None:
    """None: nothing is the matter."""
    is_over = is_terminal(document["status"])
    if is_over and "pictures" not in document and runtime not in GOING_ON:
        # The former version did not write down whether it watches.
        return _hidden(document, runtime, now) if is_deleted(document) else None
    decision = decide(document, runtime, now)
    if decision == "start":
        return _dead(document, runtime, now)
    if decision == "give up" and is_over:
        return Finding("its watch over a prediction was stopped", "nothing: what it owes stays unknown", _BILL)
    if decision == "give up":
        why = f"was stopped from outside ({runtime})" if runtime in STOPPED else "died for the last time"
        by_itself = f"it ends as failed with what its records say, {_housekeeping(document, now)}"
        return Finding(f"its orchestration {why}", by_itself, "cancel closes it now")
    if runtime == "Suspended":
        return Finding(
            "its orchestration was suspended", "nothing: it waits to be resumed", "resume it, or cancel: that resumes it first"
        )
    if is_deleted(document):
        return _hidden(document, runtime, now)
    if is_over:
        return _watched(document, runtime, now)
    return _late(document, runtime, now, minutes)


def _dead(document: dict[str, Any], runtime: str | None, now: datetime) -> Finding:
    why = {None: "is gone", "Failed": "died"}.get(runtime, f"has ended ({runtime}) without closing the job")
    start = f"{document.get('starts', 0) + 1} of at most {MAX_STARTS}"
    by_itself = f"it is started again from its records ({start}), {_housekeeping(document, now)}"
    return Finding(f"its orchestration {why}", by_itself, f"nothing is lost; {_CANCEL}")


def _housekeeping(document: dict[str, Any], now: datetime) -> str:
    """When somebody sees it who sets it right."""
    if now - datetime.fromisoformat(document["created_at"]) < LOOK_BACK:
        return "within 5 minutes"
    return "when its owner looks at it: it is too old for housekeeping"


def _hidden(document: dict[str, Any], runtime: str | None, now: datetime) -> Finding:
    """A deleted job that is still remembered."""
    by_itself = "hidden from everybody; forgotten within a minute of the end of its story"
    hidden_for = now - datetime.fromisoformat(document["deleted_at"])
    if runtime in GOING_ON and hidden_for < WATCHED_FOR:
        return Finding("deleted; a prediction of it may still be paid for", by_itself, "nothing", is_stuck=False)
    if hidden_for < FORGOTTEN_WITHIN:
        return Finding("deleted; about to be forgotten", by_itself, "nothing", is_stuck=False)
    why = f"deleted {length(hidden_for.total_seconds())} ago and not forgotten"
    return Finding(why, "tried again every 5 minutes", "look for history_kept in the log")


def _forgotten(job_id: str, now: datetime) -> dict[str, Any]:
    """All that is left of a deleted job is the mark that leads to it."""
    found = Finding("deleted; nothing but its mark is left", "the mark goes within 5 minutes", "nothing", is_stuck=False)
    nothing = dict.fromkeys(("kind", "instance", "stage", "starts", "model", "cancel_requested_at", "deleted_at", "status"))
    return {"id": job_id, **nothing, "age_seconds": round((now - accepted_at(job_id)).total_seconds()), **asdict(found)}


def _watched(document: dict[str, Any], runtime: str | None, now: datetime) -> Finding | None:
    """A job that has ended while a prediction of it went on."""
    if runtime not in GOING_ON:
        return Finding("its watch over a prediction is gone", "nothing: what it owes stays unknown", _BILL)
    watched_for = now - datetime.fromisoformat(document["completed_at"])
    by_itself = "it is looked at until it ends, for 15 minutes at most: then its cost is settled as far as it can be"
    why = "ended; a prediction of it is watched on"
    return Finding(why, by_itself, "nothing" if watched_for < WATCHED_FOR else _EXPLAIN, is_stuck=watched_for >= WATCHED_FOR)


def _late(document: dict[str, Any], runtime: str | None, now: datetime, minutes: float) -> Finding | None:
    """A job that runs."""
    if document.get("starts", 0) >= MAX_STARTS:
        by_itself = "it goes on; if it dies once more it ends as failed (internal) with what its records say"
        return Finding("it is at its last start", by_itself, f"{_EXPLAIN} its workers die")
    age = (now - datetime.fromisoformat(document["created_at"])).total_seconds()
    if age < minutes * 60:
        return None
    if runtime == "Pending":
        by_itself = "it begins when a host of the version that started it is there again"
        return Finding(
            "its orchestration has not begun (Pending)", by_itself, "deploy the newer version again, or wait for hosts"
        )
    return Finding(
        f"not ended after {length(age)}",
        "its deadlines end it: 10 minutes in line, then 2 at the provider",
        f"{_EXPLAIN}; {_CANCEL}",
    )
