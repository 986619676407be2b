"""A job as clients see it: its document, what its orchestration says just now, and links signed for this answer."""

import asyncio
import contextlib
import hashlib
import json
import logging
from datetime import UTC, datetime
from typing import Any

import azure.durable_functions as df
import azure.functions as func

from shared import names, telemetry, threads
from shared.domain.gate import holder_name
from shared.domain.job import GENERATING, PROCESSING, SUCCEEDED, WAITING, ended_pictures, is_deleted, is_sample, is_terminal
from shared.domain.kinds import KINDS
from shared.domain.ledger import Ledger
from shared.domain.problem import Language, Problem, ProblemError
from shared.domain.starting import GOING_ON, is_worth_a_look
from shared.domain.warning import worded
from shared.generators.generator import Generator
from shared.services import Services, services
from shared.starting import revive
from shared.storage.blob_store import IMAGES
from shared.storage.job_store import NoSuchJob
from shared.task_hub import TaskHubUnavailable, find_instance, reason
from triggers.edge import job_url, language, owner


class Job:
    """A stored job document with the live part of a job that still runs."""

    def __init__(self, document: dict[str, Any], live: dict[str, Any] | None = None) -> None:
        self.document = document
        self.live = live or {}

    @property
    def is_terminal(self) -> bool:
        return is_terminal(self.document["status"])

    def etag(self, spoken: Language) -> str:
        """Changes whenever the job does, or the language of its error or warnings; links, signed anew each time, do not count."""
        is_worded = self.document["error"] or self.document.get("warnings")
        state = json.dumps([self.document, self.live, spoken if is_worded else ""], sort_keys=True, default=str)
        return f'W/"{hashlib.sha256(state.encode()).hexdigest()[:24]}"'


class JobNotFound(ProblemError):
    """There is no such job, or it is deleted, or somebody else's."""

    def __init__(self) -> None:
        super().__init__(Problem("job_not_found", charged="unknown"))


async def find_document(req: func.HttpRequest, job_id: str) -> dict[str, Any]:
    """The document of the caller's job. Raises JobNotFound."""
    who = owner(req)
    document = await threads.run(services().jobs.read, job_id)
    if document is None or is_deleted(document) or document["owner"] != who:
        raise JobNotFound
    return document


async def load_job(req: func.HttpRequest, client: df.DurableOrchestrationClient, job_id: str) -> Job:
    """The caller's job as it is now. Raises JobNotFound."""
    return await refresh_job(client, Job(await find_document(req, job_id)))


async def refresh_job(client: df.DurableOrchestrationClient, job: Job) -> Job:
    """The same job as its orchestration says it is now; of a running one the document is not read again. One whose
    orchestration died is started again. While the task hub gives no answer it is the job as it is stored: its stage and progress
    are not known then, but how it ended is. Raises JobNotFound."""
    if not is_worth_a_look(job.document, services().now()):
        return job
    try:
        return await _as_the_hub_says(client, job.document)
    except TaskHubUnavailable as error:
        telemetry.event("hub_silent", logging.WARNING, job_id=job.document["id"], reason=reason(error))
    stored = await threads.run(services().jobs.read, job.document["id"])
    if stored is None or is_deleted(stored):
        raise JobNotFound
    return Job(stored)


async def _as_the_hub_says(client: df.DurableOrchestrationClient, document: dict[str, Any]) -> Job:
    status = await find_instance(client, document["id"])
    custom = status.custom_status if status is not None and isinstance(status.custom_status, dict) else {}
    is_alive = status is not None and status.runtime_status.name in GOING_ON
    # It may go on after its job has ended, with predictions that cannot be canceled.
    if not is_alive or custom.get("job_ended"):
        stored = await threads.run(services().jobs.read, document["id"])
        if stored is None:
            raise JobNotFound
        try:
            stored = await revive(services(), client, stored, status)
        except NoSuchJob:
            raise JobNotFound from None
        if is_deleted(stored):
            raise JobNotFound
        if is_terminal(stored["status"]) or is_alive:
            return Job(stored)
        # Its orchestration has been ended from outside, and its pictures may go on.
        return Job(stored, await _live(client, stored, custom))
    return Job(document, await _live(client, document, custom))


async def _live(client: df.DurableOrchestrationClient, document: dict[str, Any], custom: Any) -> dict[str, Any]:
    """Stage and progress of a running job; of several pictures the slowest one speaks."""
    live = dict(custom) if isinstance(custom, dict) else {}
    pictures = document["input"]["n"]
    if pictures > 1 and live.get("stage") == GENERATING:
        statuses = await asyncio.gather(
            *(
                find_instance(client, names.picture_instance_id(document["id"], i, pictures, document.get("starts", 0)))
                for i in range(pictures)
            )
        )
        shown = [s.custom_status for s in statuses if s and isinstance(s.custom_status, dict)]
        if len(shown) == pictures:
            slowest: dict[str, Any] = min(shown, key=_progress)
            live |= slowest
    if live.get("stage") == WAITING:
        live |= await threads.run(_place_in_queue, document, live)
    return live


def _place_in_queue(document: dict[str, Any], live: dict[str, Any]) -> dict[str, Any]:
    """Where the job stands just now, and when its picture may be there: from the gate itself, which moves on by itself."""
    generator = _maker(document, live)
    gate = services().gates.look(generator.provider.name)
    holders = [holder_name(document["id"], index) for index in range(document["input"]["n"])]
    positions = [position for holder in holders if (position := gate.position(holder))]
    if not positions:
        return {}
    typical = gate.typical_seconds(generator.expected_seconds, generator.name)
    wait = gate.expected_wait(max(positions), generator.expected_seconds, generator.name)
    return {"queue_position": min(positions), "eta_seconds": round(wait + typical)}


def _maker(document: dict[str, Any], live: dict[str, Any]) -> Generator:
    """Who makes the job's picture just now. A story of before there was a choice of models tells its provider."""
    told = live.get("model") or live.get("provider")
    with contextlib.suppress(KeyError):
        return services().generators[told] if told else services().generator_of(document)
    # A model that was taken out while it made this picture.
    return services().generator_of(document)


def _progress(custom: Any) -> int:
    return int(custom.get("progress", 0)) if isinstance(custom, dict) else 0


def view(req: func.HttpRequest, job: Job) -> dict[str, Any]:
    """The job as JSON. Signs its links, so it may ask storage for a delegation key: call it off the event loop."""
    document, live = job.document, job.live
    here, kind = job_url(req, document["id"]), KINDS[document["kind"]]
    status = document["status"] if job.is_terminal or not (live or document.get("starts")) else PROCESSING
    maker, is_told = _maker(document, {} if job.is_terminal else live), not job.is_terminal and bool(live)
    return {
        "id": document["id"],
        "kind": document["kind"],
        "status": status,
        "stage": None if job.is_terminal else live.get("stage"),
        "progress": 100 if status == SUCCEEDED else max(live.get("progress", 0), document.get("progress", 0)),
        "queue_position": live.get("queue_position"),
        "eta_seconds": None if job.is_terminal else live.get("eta_seconds"),
        "created_at": _time(document["created_at"]),
        "started_at": _time(document["started_at"] or live.get("started_at")),
        "completed_at": _time(document["completed_at"]),
        "expires_at": _time(document["expires_at"]),
        "input": document["input"] | {"prompt_sent": maker.worded(document["input"]["prompt_sent"], kind.roles)},
        "outputs": [_output(services(), output) for output in document["outputs"]],
        "pictures": _pictures(req, document, status, here),
        "warnings": [worded(warning, language(req)) for warning in document.get("warnings", ())],
        "error": _error(req, document, here) if document["error"] else None,
        "provider": maker.provider.name if is_told else document["provider"],
        "model": maker.name if is_told else document["model"],
        "fallback_used": document["fallback_used"] or live.get("fallback_used", False),
        "fallback": document.get("fallback") or _fallback(document, live),
        "attempts": document["attempts"] or live.get("attempts", 0),
        "possible_duplicate": document["possible_duplicate"],
        "usage": {**document["usage"], "settled": document["usage"].get("settled", job.is_terminal)},
        "metrics": document["metrics"],
        "sample": is_sample(document),
        "metadata": document["metadata"],
        "urls": {"self": here, "result": f"{here}/result", "cancel": f"{here}/cancel"},
    }


def _fallback(document: dict[str, Any], live: dict[str, Any]) -> dict[str, str] | None:
    """From which model to which a running job has gone."""
    if not live.get("fallback_used") or "model" not in live:
        return None
    return {"from": document["model"], "to": live["model"]}


def _pictures(req: func.HttpRequest, document: dict[str, Any], status: str, here: str) -> list[dict[str, Any]]:
    """One entry for each picture that was asked for, with its own money; of one that has not ended nobody knows any."""
    known = {picture["index"]: picture for picture in ended_pictures(document)}
    told = []
    for index, seed in enumerate(document["seeds"]):
        picture = known.get(index)
        state = picture["state"] if picture else status
        problem = Problem.from_payload(picture["problem"]) if picture and picture["problem"] else None
        ledger = Ledger.from_payload((picture or {}).get("sends") or ())
        told.append({
            "index": index, "status": SUCCEEDED if state == "stored" else state, "preset": document["input"].get("preset"),
            "seed": seed, "charged": ledger.charged if is_terminal(document["status"]) else "unknown",
            "error": problem and problem.to_document(language(req), instance=here, request_id=document.get("request_id")),
            "cost_usd": round(ledger.cost_usd(services().prices), 4),
        })  # fmt: skip
    return told


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
