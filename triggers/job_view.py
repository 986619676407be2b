"""A job as clients see it: its document, what its orchestration says just now, and links signed for this answer."""

import asyncio
import contextlib
import hashlib
import json
import logging
from datetime import UTC, datetime, timedelta
from typing import Any

import azure.durable_functions as df
import azure.functions as func

from shared import names, provenance, telemetry, threads
from shared.domain import delivery, printing
from shared.domain.gate import holder_name
from shared.domain.job import (
    FAILED,
    GENERATING,
    PROCESSING,
    STORING,
    SUCCEEDED,
    WAITING,
    charged,
    ended_pictures,
    is_deleted,
    is_expired,
    is_sample,
    is_terminal,
)
from shared.domain.kinds import KINDS
from shared.domain.owners import ANONYMOUS
from shared.domain.polling import eta_seconds, look_again_seconds
from shared.domain.problem import Language, Problem, ProblemError
from shared.domain.sheet import how_many, preset_of, sent_of
from shared.domain.starting import GOING_ON, is_worth_a_look
from shared.domain.translation import translated
from shared.domain.warning import WarningData, worded
from shared.generators.generator import Generator
from shared.job_ids import is_past
from shared.services import Services, services
from shared.starting import revive
from shared.storage.blob_store import IMAGES
from shared.storage.image_names import may_be_linked
from shared.storage.job_store import NoSuchJob
from shared.task_hub import TaskHubUnavailable, find_instance, reason
from triggers import job_money
from triggers.edge import base_url, job_url, language, owner

#: What moves by itself while a job runs: no news for who waits for the job, nor for who knows it (decision 32).
_RESTLESS = frozenset({"progress", "eta_seconds", "submitted_at", "expected_seconds"})


class Job:
    """A stored job document with the live part of a job that still runs."""

    def __init__(self, document: dict[str, Any], live: dict[str, Any] | None = None) -> None:
        self.document = document
        self.live = live or {}

    @property
    def is_terminal(self) -> bool:
        return is_terminal(self.document["status"])

    @property
    def ended_pictures(self) -> list[dict[str, Any]]:
        """How those pictures ended that have (PictureEnd), also while the job makes the others."""
        return ended_pictures(self.document) or list(self.live.get("ended", ()))

    @property
    def outputs(self) -> list[dict[str, Any]]:
        """The pictures that are there, also while the job makes the others."""
        made = sorted(self.live.get("ended", ()), key=lambda end: int(end["index"]))
        return self.document["outputs"] or [end["output"] for end in made if end["output"]]

    @property
    def status(self) -> str:
        """Its document does not say that a job has been begun."""
        is_begun = self.live or self.document.get("starts")
        return PROCESSING if is_begun and not self.is_terminal else str(self.document["status"])

    @property
    def retry_after(self) -> str:
        """Seconds until it is worth while to ask for the job again, as the header has them."""
        eta = self.live.get("eta_seconds")
        position = self.live.get("queue_position")
        # No more of them than there are slots, however many jobs are asked for.
        is_drawn = "submitted_at" in self.live or self.live.get("stage") == STORING
        if eta is not None or position or is_drawn:
            return str(look_again_seconds(eta, position=position))
        if not self.live:
            # It has not begun: as long as its generator usually takes.
            plan = self.document.get("plan") or {"generators": [{"expected_seconds": None}]}
            eta = plan["generators"][0]["expected_seconds"]
        return str(look_again_seconds(eta, asked_for=services().askers.count()))

    def etag(self, spoken: Language) -> str:
        """Changes whenever the job does, or the language of its error or warnings; not with its progress and the time that it is
        expected to take yet, nor with links, signed anew each time."""
        is_worded = self.document["error"] or warnings_of(self.document) or how_many(self.document)
        known = [{k: v for k, v in part.items() if k not in _RESTLESS} for part in (self.document, self.live)]
        state = json.dumps([*known, spoken if is_worded else ""], sort_keys=True, default=str)
        return f'W/"{hashlib.sha256(state.encode()).hexdigest()[:24]}"'


class JobNotFound(ProblemError):
    """There is no such job, or it is deleted, or somebody else's."""

    def __init__(self) -> None:
        super().__init__(Problem("job_not_found", charged="unknown"))


class JobExpired(ProblemError):
    """The job's time is over: from this minute nothing of it is shown, whether or not anything is left of it."""

    def __init__(self, document: dict[str, Any] | None = None) -> None:
        super().__init__(Problem("result_expired", charged=charged(document) if document else "unknown"))


async def find_document(req: func.HttpRequest, job_id: str) -> dict[str, Any]:
    """The document of the caller's job. Raises JobNotFound, and JobExpired: for an id so old that nothing would be left whoever
    asks and whatever there was, which so tells nothing."""
    app = services()
    document = await threads.run(own_document, app, owner(req), job_id)
    if document is None:
        raise JobExpired if is_long_over(app, job_id) else JobNotFound
    if is_expired(document, app.now()):
        raise JobExpired(document)
    return document


def is_long_over(app: Services, job_id: str) -> bool:
    """Whether a job of this id would be past its time, if there was one: nothing of it need be left."""
    return is_past(job_id, timedelta(days=app.settings.retention_days), app.now())


def own_document(app: Services, who: str, job_id: str) -> dict[str, Any] | None:
    """The document of a job of this owner; None where there is none, it is deleted or somebody else's. Where nobody signs in, a
    job of nobody in particular is everybody's who knows its id."""
    document = app.jobs.read(job_id)
    owners = (who, ANONYMOUS) if app.settings.auth_mode == "none" else (who,)
    return None if document is None or is_deleted(document) or document["owner"] not in owners else document


async def load_job(req: func.HttpRequest, client: df.DurableOrchestrationClient, job_id: str) -> Job:
    """The caller's job as it is now. Raises JobNotFound."""
    return await refresh_job(client, Job(await find_document(req, job_id)))


async def refresh_job(client: df.DurableOrchestrationClient, job: Job) -> Job:
    """The same job as its orchestration says it is now; of a running one the document is not read again. One whose
    orchestration died is started again. While the task hub gives no answer it is the job as it is stored, so how it ended is
    known; its stage and progress are those that somebody was told here a moment ago, if anybody was. Raises JobNotFound."""
    if not is_worth_a_look(job.document, services().now()):
        return job
    try:
        return await _as_the_hub_says(client, job.document)
    except TaskHubUnavailable as error:
        telemetry.event("hub_silent", logging.WARNING, job_id=job.document["id"], reason=reason(error))
    stored = await threads.run(services().jobs.read, job.document["id"])
    if stored is None or is_deleted(stored):
        raise JobNotFound
    return Job(stored, {} if is_terminal(stored["status"]) else job.live or services().askers.told(stored["id"]))


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
    """Stage and progress of a running job; of several pictures the slowest one speaks, and how those ended that have
    (PictureEnd). One that watches a prediction on has its end in its job alone."""
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
            ended = [s.output for s in statuses if s is not None and isinstance(s.output, dict)]
            live |= {**slowest, "ledgers": [custom.get("sends") for custom in shown], "ended": ended}
            live["others_are_drawn"] = any(custom.get("stage") in (GENERATING, STORING) for custom in shown)
    if live.get("stage") == WAITING:
        live |= await threads.run(_place_in_queue, document, live)
    return live | _reckoned(live, services().now())


def _reckoned(live: dict[str, Any], now: datetime) -> dict[str, Any]:
    """What is expected at this moment of a picture that is being made: its story reckons only when it looks. One that a story of
    the former version tells of has no times."""
    if "submitted_at" not in live:
        return {}
    eta = eta_seconds((now - datetime.fromisoformat(live["submitted_at"])).total_seconds(), live["expected_seconds"])
    return {"eta_seconds": eta, "overdue": eta is None}


def _place_in_queue(document: dict[str, Any], live: dict[str, Any]) -> dict[str, Any]:
    """Where the job stands just now, and when its picture may be there: from the gate itself, which moves on by itself."""
    generator = _maker(document, live)
    gate = services().gates.look(generator.provider.name)
    holders = [holder_name(document["id"], index) for index in range(document["input"]["n"])]
    positions = [position for holder in holders if (position := gate.position(holder))]
    if not positions:
        # Asked again later: it was refused, or not answered, which is a turn to wait for while the provider draws others of the
        # job. One that has just been given its slot is told when it may be there.
        goes_on = "eta_seconds" in live or (live.get("others_are_drawn") and not gate.is_shut)
        return {"waiting_for": "turn" if goes_on else "provider"}
    typical = gate.typical_seconds(generator.expected_seconds, generator.name)
    starts = [gate.expected_start(holder, generator.expected_seconds) for holder in holders if gate.position(holder)]
    known = [start for start in starts if start is not None]
    eta = round(max(known) + typical) if len(known) == len(starts) else None
    waiting_for = "provider" if gate.is_shut else "turn"
    return {"queue_position": min(positions), "eta_seconds": eta, "overdue": eta is None, "waiting_for": waiting_for}


def _maker(document: dict[str, Any], live: dict[str, Any]) -> Generator:
    """Who makes the job's picture just now. A story of before there was a choice of models tells its provider."""
    told = live.get("model") or live.get("provider")
    with contextlib.suppress(KeyError):
        return services().generators[told] if told else services().generator_of(document)
    # A model that was taken out while it made this picture.
    return services().generator_of(document)


def _progress(custom: Any) -> int:
    return int(custom.get("progress", 0)) if isinstance(custom, dict) else 0


async def shown(req: func.HttpRequest, job: Job) -> dict[str, Any]:
    """As `view`, off the event loop where there are links to sign. A job that is asked for while it runs mostly has none."""
    has_links = job.document["outputs"] or job.live.get("ended") or job.document["expires_at"]
    return await threads.run(view, req, job) if has_links else view(req, job)


def view(req: func.HttpRequest, job: Job) -> dict[str, Any]:
    """The job as JSON. Signs its links, so it may ask storage for a delegation key: off the event loop it is `shown`."""
    document, live = job.document, job.live
    here, kind = job_url(req, document["id"]), KINDS[document["kind"]]
    status = job.status
    maker, is_told = _maker(document, {} if job.is_terminal else live), not job.is_terminal and bool(live)
    return {
        "id": document["id"],
        "kind": document["kind"],
        "status": status,
        "stage": None if job.is_terminal else live.get("stage"),
        "progress": 100 if status == SUCCEEDED else max(live.get("progress", 0), document.get("progress", 0)),
        "queue_position": live.get("queue_position"),
        "eta_seconds": None if job.is_terminal else live.get("eta_seconds"),
        "overdue": bool(live.get("overdue")),
        "waiting_for": None if job.is_terminal else live.get("waiting_for"),
        "created_at": _time(document["created_at"]),
        "started_at": _time(document["started_at"] or live.get("started_at")),
        "completed_at": _time(document["completed_at"]),
        "expires_at": _time(document["expires_at"]),
        "input": document["input"]
        | {"prompt_sent": maker.worded(document["input"]["prompt_sent"], kind.roles)}
        | _given(document),
        "outputs": [_output(services(), output) for output in job.outputs],
        "pictures": _pictures(req, job, status, here),
        "summary": _summary(req, document),
        "warnings": [worded(warning, language(req)) for warning in warnings_of(document)],
        "error": _error(req, document, here) if document["error"] else None,
        "provider": maker.provider.name if is_told else document["provider"],
        "model": maker.name if is_told else document["model"],
        "fallback_used": document["fallback_used"] or live.get("fallback_used", False),
        "fallback": document.get("fallback") or _fallback(document, live),
        "attempts": document["attempts"] or live.get("attempts", 0),
        "possible_duplicate": document["possible_duplicate"],
        "usage": job_money.usage(document, live, services().prices),
        "metrics": document["metrics"],
        "sample": is_sample(document),
        "provenance": _provenance(document),
        "metadata": document["metadata"],
        "retry_of": document.get("retry_of"),
        "deliveries": _deliveries(document),
        "urls": {"self": here, "result": f"{here}/result", "cancel": f"{here}/cancel", "retry": f"{here}/retry"},
    }


def warnings_of(document: dict[str, Any]) -> list[WarningData]:
    """What is on record, and what the pictures themselves tell, also those that came late."""
    return [*document.get("warnings", ()), *printing.warnings_about(document["outputs"]), *job_money.warnings(document)]


def _provenance(document: dict[str, Any]) -> dict[str, Any] | None:
    """What made the job's pictures, as their files say it; None while there is none."""
    if not document["outputs"]:
        return None
    maker = _maker(document, {})
    model = document.get("model") or maker.name
    sample = is_sample(document)
    return {
        "digital_source_type": provenance.source_type(is_sample=sample),
        "generator": provenance.tool(maker.provider.label, model, is_sample=sample), "model": model,
        "provider": maker.provider.name, "created_at": _time(document["completed_at"]),
        "label": document["input"].get("label", "none"),
    }  # fmt: skip


def _fallback(document: dict[str, Any], live: dict[str, Any]) -> dict[str, str] | None:
    """From which model to which a running job has gone."""
    if not live.get("fallback_used") or "model" not in live:
        return None
    return {"from": document["model"], "to": live["model"]}


def _pictures(req: func.HttpRequest, job: Job, status: str, here: str) -> list[dict[str, Any]]:
    """One entry for each picture that was asked for, with its own money."""
    document, prices = job.document, services().prices
    known = {picture["index"]: picture for picture in job.ended_pictures}
    told = []
    for index, seed in enumerate(document["seeds"]):
        picture = known.get(index)
        state = picture["state"] if picture else status
        # What ended the job before there was anything of its pictures is the problem of each.
        why = (picture or {}).get("problem") or (document["error"] if state == FAILED else None)
        problem = Problem.from_payload(why) if why else None
        told.append({
            "index": index, "status": SUCCEEDED if state == "stored" else state, "preset": preset_of(document, index),
            "seed": seed,
            "error": problem and _worded(req, document, here, problem),
            **job_money.of_picture(document, job.live, index, prices), **_asked_for(document, index),
        })  # fmt: skip
    return told


def _error(req: func.HttpRequest, document: dict[str, Any], here: str) -> dict[str, Any]:
    """Worded for this reader; the request id is that of the POST, which operators find in the log."""
    told = _worded(req, document, here, Problem.from_payload(document["error"]))
    if summary := _summary(req, document):
        told |= {name: f"{told[name]} {summary}" for name in ("detail", "error")}
    return told


def _summary(req: func.HttpRequest, document: dict[str, Any]) -> str | None:
    """How many of several pictures there are."""
    said = how_many(document)
    return said and said[language(req) == "en"]


def _asked_for(document: dict[str, Any], index: int) -> dict[str, str]:
    """What is each picture's own on a sheet; of all others the job's input tells."""
    if "sheet" not in document:
        return {}
    prompt, aspect_ratio = sent_of(document, index)
    return {"prompt_sent": prompt, "aspect_ratio": aspect_ratio}


def _given(document: dict[str, Any]) -> dict[str, Any]:
    """Of a job's input, what only a sheet has, the translation, and the images. A sheet's ratios are its pictures' own."""
    ratio, english = document["input"].get("aspect_ratio"), translated(document)
    presets, images = document.get("presets"), _images(services(), document)
    return {"aspect_ratio": ratio, "prompt_translated": english, "presets": presets, "images": images}


def _images(services: Services, document: dict[str, Any]) -> list[dict[str, Any]]:
    """What was sent of each image, once the job has ended. A job of the version before tells none."""
    told, sources = [], document.get("image_sources", {})
    for field, name in document.get("sent", {}).items():
        if may_be_linked(name):
            url, expires = services.links.sign(IMAGES, name)
            link = {"url": url, "url_expires_at": _time(expires.isoformat()), "thumbnail_url": url}
            told.append({"field": field, "source": sources.get(field, "upload"), **link})
    return told


def _worded(req: func.HttpRequest, document: dict[str, Any], here: str, problem: Problem) -> dict[str, Any]:
    return problem.to_document(language(req), instance=here, request_id=document.get("request_id"), base_url=base_url(req))


def _output(services: Services, output: dict[str, Any]) -> dict[str, Any]:
    url, expires = services.links.sign(IMAGES, output["blob"])
    thumbnail_url, _ = services.links.sign(IMAGES, output["thumbnail_blob"])
    return {
        "index": output["index"], "url": url, "url_expires_at": _time(expires.isoformat()), "thumbnail_url": thumbnail_url,
        **{name: output[name] for name in ("content_type", "width", "height", "bytes", "sha256", "seed", "preset")},
    }  # fmt: skip


def _deliveries(document: dict[str, Any]) -> list[dict[str, Any]]:
    """What came of telling its end to the webhook_url. The address is not shown: it may hold a key."""
    return [{**attempt, "at": _time(attempt["at"]), "next_at": _time(attempt["next_at"])} for attempt in delivery.shown(document)]


def _time(text: str | None) -> str | None:
    """RFC 3339 in UTC with milliseconds."""
    if text is None:
        return None
    return datetime.fromisoformat(text).astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
