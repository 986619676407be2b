"""Commands that only look: ready, gates, stuck."""

import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

from ops.failing import FOUND
from ops.report import Report, length, table
from ops.surroundings import Surroundings
from ops.task_hub import ENDED
from shared.domain.gate import Gate
from shared.domain.job import is_terminal
from shared.job_ids import accepted_at, is_job_id
from shared.storage.blob_store import DOCUMENTS

#: An orchestration is started within a second of its document; one that is unknown after this never was.
START_GRACE = timedelta(minutes=2)
_READERS = 16


def ready(around: Surroundings) -> Report:
    """Readiness as a table."""
    answer = around.app.get("health/ready").json()
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
    seen = {name: _gate(around, name) for name in around.services.generators}
    head = ("provider", "slots", "waiting", "typical hold", "breaker", "stopped", "paused")
    rows = [
        (
            name, f"{len(gate['active'])} of {gate['limit']}", len(gate["waiting"]), length(gate["typical_seconds"]),
            f"open for {length(gate['open_seconds'])}" if gate["open_seconds"] else f"{gate['failures']} failures in a row",
            gate["stopped"] or "no", _paused(gate["paused"]),
        )
        for name, gate in seen.items()
    ]  # fmt: skip
    lines = table(head, rows)
    holders = [
        (name, holder["job_id"], holder["index"], holder["place"], length(holder["seconds"]), length(holder["silent_seconds"]))
        for name, gate in seen.items()
        for holder in (*gate["active"], *gate["waiting"])
    ]
    if holders:
        lines += ["", *table(("provider", "job", "picture", "place", "for", "silent for"), holders)]
    is_shut = any(gate["open_seconds"] or gate["stopped"] or gate["paused"] for gate in seen.values())
    return Report(seen, lines, FOUND if is_shut else 0)


def _gate(around: Surroundings, provider: str) -> dict[str, Any]:
    gate = around.services.gates.look(provider)
    document, stopped, paused = gate.document, gate.document["stopped"], gate.document.get("paused")
    active = [_holder(gate, holder, slot, "slot") for holder, slot in sorted(document["active"].items())]
    waiting = [_holder(gate, holder, entry, f"#{n}") for n, (holder, entry) in enumerate(sorted(document["waiting"].items()), 1)]
    return {
        "limit": gate.limit, "active": active, "waiting": waiting, "failures": document["failures"],
        "typical_seconds": gate.typical_seconds(float(around.services.generators[provider].expected_seconds)),
        "open_seconds": round(gate.seconds_until_open, 1), "stopped": stopped and stopped["code"],
        "paused": paused and {"since": datetime.fromtimestamp(paused["since"], UTC).isoformat(), "reason": paused["reason"]},
    }  # fmt: skip


def _holder(gate: Gate, holder: str, entry: dict[str, Any], place: str) -> dict[str, Any]:
    job_id, _, index = holder.partition("/")
    since = entry.get("granted_at", entry["since"])
    return {
        "job_id": job_id, "index": int(index), "place": place, "seconds": round(gate.now - since, 1),
        "silent_seconds": round(gate.now - entry["seen_at"], 1),
    }  # fmt: skip


def _paused(paused: dict[str, Any] | None) -> str:
    return f"since {paused['since'][:16]}Z: {paused['reason']}" if paused else "no"


def stuck(around: Surroundings, minutes: float, days: float) -> Report:
    """Jobs that have not ended after `minutes`, and younger ones whose orchestration is gone. Exit code 1 when there are any."""
    now = datetime.now(UTC)
    began = time.monotonic()
    youngest = min(START_GRACE, timedelta(minutes=minutes))
    ids = list(_open_ids(around.services.blobs.names(DOCUMENTS, "jobs/job_"), now - timedelta(days=days), now - youngest))
    with ThreadPoolExecutor(_READERS) as pool:
        documents = [d for d in pool.map(around.services.jobs.read, ids) if d and not is_terminal(d["status"])]
        statuses = list(pool.map(around.hub.status, [d["id"] for d in documents]))
    found = []
    for document, status in zip(documents, statuses, strict=True):
        job = _open_job(document, status, now)
        if job["why"] or job["age_seconds"] >= minutes * 60:
            found.append(job | {"why": job["why"] or f"not ended after {length(job['age_seconds'])}"})
    data = {"stuck": found, "looked_at": len(ids), "older_than_minutes": minutes, "within_days": days}
    seconds = length(time.monotonic() - began)
    if not found:
        return Report(data, [f"nothing is stuck: {len(ids)} jobs of the last {days:g} days looked at in {seconds}"])
    head = ("job", "kind", "age", "stage", "instance", "provider", "why")
    rows = [
        (j["id"], j["kind"], length(j["age_seconds"]), j["stage"], j["instance"], j["provider"], j["why"])
        for j in sorted(found, key=lambda job: str(job["id"]))
    ]
    advice = "python -m ops explain JOB tells its story; python -m ops cancel JOB ends it"
    return Report(data, [*table(head, rows), "", f"{len(found)} of {len(ids)} jobs. {advice}"], FOUND)


def _open_ids(names: Iterable[str], oldest: datetime, youngest: datetime) -> Iterable[str]:
    """Ids of job documents by their blobs' names; when a job was accepted stands in its id."""
    for name in names:
        _, job_id, file = name.split("/", 2)
        if file == "job.json" and is_job_id(job_id) and oldest <= accepted_at(job_id) <= youngest:
            yield job_id


def _open_job(document: dict[str, Any], status: dict[str, Any] | None, now: datetime) -> dict[str, Any]:
    runtime = status["runtimeStatus"] if status else "gone"
    custom = (status or {}).get("customStatus")
    age = now - datetime.fromisoformat(document["created_at"])
    why = {"Suspended": "its orchestration was suspended"}.get(runtime, "")
    if status is None and age >= START_GRACE:
        why = "its orchestration is gone"
    elif runtime in ENDED:
        why = f"its orchestration has ended ({runtime}) without closing the job"
    live = custom if isinstance(custom, dict) else {}
    return {
        "id": document["id"], "kind": document["kind"], "instance": runtime, "stage": live.get("stage"), "why": why,
        "provider": live.get("provider", document["provider"]), "cancel_requested_at": document["cancel_requested_at"],
        "age_seconds": round(age.total_seconds()),
    }  # fmt: skip
