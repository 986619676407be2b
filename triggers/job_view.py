"""A job as clients see it: its document, what its orchestration says just now, and links signed for this answer."""

import asyncio
import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import azure.durable_functions as df
import azure.functions as func

from shared import names, telemetry
from shared.domain.gate import holder_name
from shared.domain.job import GENERATING, PROCESSING, SUCCEEDED, WAITING, given_up, is_terminal
from shared.domain.problem import Language, Problem, ProblemError
from shared.services import Services, services
from shared.storage.blob_store import IMAGES
from shared.task_hub import find_instance
from triggers.edge import job_url, language, owner

#: A job whose orchestration is still unknown after this was never started: its POST died half way.
_START_GRACE = timedelta(minutes=2)
_RUNTIME = df.OrchestrationRuntimeStatus


class Job:
    """A stored job document with the live part of a job that still runs."""

    def __init__(self, document: dict[str, Any], live: dict[str, Any] | None = None) -> None:
        self.document = document
        self.live = live or {}

    @property
    def is_terminal(self) -> bool:
        return is_terminal(self.document["status"])

    def etag(self, spoken: Language) -> str:
        """Changes whenever the job does, or the language of its error; links, signed anew each time, do not count."""
        state = json.dumps([self.document, self.live, spoken if self.document["error"] else ""], sort_keys=True, default=str)
        return f'W/"{hashlib.sha256(state.encode()).hexdigest()[:24]}"'


async def load_job(req: func.HttpRequest, client: df.DurableOrchestrationClient, job_id: str) -> Job:
    """The caller's job. Raises ProblemError (`job_not_found`), for other people's jobs too."""
    who = owner(req)
    document = await asyncio.to_thread(services().jobs.read, job_id)
    if document is None or document["owner"] != who:
        raise ProblemError(Problem("job_not_found"))
    return await refresh_job(client, Job(document))


async def refresh_job(client: df.DurableOrchestrationClient, job: Job) -> Job:
    """The same job as its orchestration says it is now; of a running one the document is not read again."""
    document, job_id = job.document, job.document["id"]
    if is_terminal(document["status"]):
        return job
    status = await find_instance(client, job_id)
    if status is None:
        if datetime.now(UTC) - datetime.fromisoformat(document["created_at"]) > _START_GRACE:
            return Job(await asyncio.to_thread(_give_up, job_id, 0))
        return Job(document)
    has_ended = status.runtime_status in (_RUNTIME.Completed, _RUNTIME.Failed, _RUNTIME.Terminated, _RUNTIME.Canceled)
    # It may go on after its job has ended, with predictions that cannot be canceled.
    if has_ended or (isinstance(status.custom_status, dict) and status.custom_status.get("job_ended")):
        stored: dict[str, Any] | None = await asyncio.to_thread(services().jobs.read, job_id)
        document = stored or document
        if has_ended and not is_terminal(document["status"]):
            # The orchestration ended without its last step (terminated by an operator, or a defect of ours).
            live = await _live(client, document, status.custom_status)
            document = await asyncio.to_thread(_give_up, job_id, _progress(live))
        return Job(document)
    return Job(document, await _live(client, document, status.custom_status))


async def _live(client: df.DurableOrchestrationClient, document: dict[str, Any], custom: Any) -> dict[str, Any]:
    """Stage and progress of a running job; of several pictures the slowest one speaks."""
    live = dict(custom) if isinstance(custom, dict) else {}
    pictures = document["input"]["n"]
    if pictures > 1 and live.get("stage") == GENERATING:
        statuses = await asyncio.gather(
            *(find_instance(client, names.picture_instance_id(document["id"], i, pictures)) for i in range(pictures))
        )
        shown = [s.custom_status for s in statuses if s and isinstance(s.custom_status, dict)]
        if len(shown) == pictures:
            slowest: dict[str, Any] = min(shown, key=_progress)
            live |= slowest
    if live.get("stage") == WAITING:
        live |= await asyncio.to_thread(_place_in_queue, document, live)
    return live


def _place_in_queue(document: dict[str, Any], live: dict[str, Any]) -> dict[str, Any]:
    """Where the job stands just now, and when its picture may be there: from the gate itself, which moves on by itself."""
    provider = live.get("provider", document["provider"])
    gate, generator = services().gates.look(provider), services().generators[provider]
    holders = [holder_name(document["id"], index) for index in range(document["input"]["n"])]
    positions = [position for holder in holders if (position := gate.position(holder))]
    if not positions:
        return {}
    typical = gate.typical_seconds(generator.expected_seconds)
    return {
        "queue_position": min(positions),
        "eta_seconds": round(gate.expected_wait(max(positions), generator.expected_seconds) + typical),
    }


def _progress(custom: Any) -> int:
    return int(custom.get("progress", 0)) if isinstance(custom, dict) else 0


def _give_up(job_id: str, progress: int) -> dict[str, Any]:
    days, now = services().settings.retention_days, datetime.now(UTC)
    document, is_ended_here = services().jobs.end(job_id, lambda document: given_up(document, now, progress, days))
    if is_ended_here:
        # Nobody else tells of it: the last step that would have is the one that did not run.
        telemetry.job_ended(document, document["polls"])
    services().quotas.release(document["owner"], job_id)
    return document


def view(req: func.HttpRequest, job: Job) -> dict[str, Any]:
    """The job as JSON. Signs its links, so it may ask storage for a delegation key: call it off the event loop."""
    document, live = job.document, job.live
    here = job_url(req, document["id"])
    status = document["status"] if job.is_terminal or not live else PROCESSING
    provider = document["provider"] if job.is_terminal else live.get("provider", document["provider"])
    return {
        "id": document["id"],
        "kind": document["kind"],
        "status": status,
        "stage": None if job.is_terminal else live.get("stage"),
        "progress": 100 if status == SUCCEEDED else live.get("progress", document.get("progress", 0)),
        "queue_position": live.get("queue_position"),
        "eta_seconds": None if job.is_terminal else live.get("eta_seconds"),
        "created_at": _time(document["created_at"]),
        "started_at": _time(document["started_at"] or live.get("started_at")),
        "completed_at": _time(document["completed_at"]),
        "expires_at": _time(document["expires_at"]),
        "input": document["input"],
        "outputs": [_output(services(), output) for output in document["outputs"]],
        "error": _error(req, document, here) if document["error"] else None,
        "provider": provider,
        "model": document["model"] if provider == document["provider"] else services().generators[provider].model,
        "fallback_used": document["fallback_used"] or live.get("fallback_used", False),
        "attempts": document["attempts"] or live.get("attempts", 0),
        "possible_duplicate": document["possible_duplicate"],
        "usage": document["usage"],
        "metrics": document["metrics"],
        "metadata": document["metadata"],
        "urls": {"self": here, "result": f"{here}/result", "cancel": f"{here}/cancel"},
    }


def _error(req: func.HttpRequest, document: dict[str, Any], here: str) -> dict[str, Any]:
    """Worded for this reader; the request id is that of the POST, which operators find in the log."""
    problem = Problem.from_payload(document["error"])
    return problem.to_document(language(req), instance=here, request_id=document.get("request_id"))


def _output(services: Services, output: dict[str, Any]) -> dict[str, Any]:
    url, expires = services.links.sign(IMAGES, output["blob"])
    thumbnail_url, _ = services.links.sign(IMAGES, output["thumbnail_blob"])
    return {
        "index": output["index"], "url": url, "url_expires_at": _time(expires.isoformat()), "thumbnail_url": thumbnail_url,
        **{name: output[name] for name in ("content_type", "width", "height", "bytes", "sha256", "seed", "preset")},
    }  # fmt: skip


def _time(text: str | None) -> str | None:
    """RFC 3339 in UTC with milliseconds."""
    if text is None:
        return None
    return datetime.fromisoformat(text).astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
