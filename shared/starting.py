"""Starts the orchestration of a job, and starts it again from its records when it died under the job.

An instance that failed says nothing about its story: a worker that dies in an episode ends it for good (durable-host reference
5.2). Every activity then gives its recorded answer.
"""

import contextlib
import hashlib
import logging
from typing import Any

import azure.durable_functions as df

from shared import announcing, limits, listing, names, originals, telemetry, threads
from shared.domain import translation
from shared.domain.job import (
    STAGE_PROGRESS,
    VALIDATING,
    Document,
    given_up,
    is_terminal,
    is_watched,
    unfinished_picture,
    without_watch,
)
from shared.domain.kinds import KINDS
from shared.domain.payloads import GeneratorChoice, JobOrder, Limits, Patience
from shared.domain.polling import generating_progress
from shared.domain.sheet import preset_of
from shared.domain.starting import GOING_ON, STOPPED, decide, started_again
from shared.generators.generator import Generator
from shared.services import Services
from shared.storage.job_store import NoSuchJob
from shared.storage.submission_store import Attempt
from shared.task_hub import find_instance, reason

#: Predictions tried for one picture when the provider itself calls its failures transient.
MAX_ATTEMPTS = 3
#: How long the picture of a finished prediction is fetched for; BFL's links die after 10 minutes.
FETCH_TIMEOUT_SECONDS = 300
#: How long a prediction that cannot be canceled is watched after its picture has ended.
LEFTOVER_TIMEOUT_SECONDS = 900
#: 22 seconds, 9 minutes, half an hour, 6 hours.
PATIENCE: Patience = {
    "few": [2, 5, 15],
    "patient": [2, 5, 15, 30, 60, 120, 300],
    "paying": [2, 5, 15, 30, 60, 120, *[300] * 5],
    "lasting": [2, 5, 15, 30, 60, 120, 300, *[600] * 36],
}
#: Quick while most pictures finish, then calmer.
POLL_STEPS = [[5, 1], [15, 2], [30, 3], [1_000_000, 5]]
FIND_LOOKS_SECONDS = [5, 15, 40]


def generators_for(app: Services, kind_name: str, model: str | None = None) -> list[Generator]:
    """Who makes a picture of this kind: the default, and those to go to when it is down; or the one that was asked for."""
    known = app.generators_of(KINDS[kind_name])
    return [generator for generator in known if model in (None, generator.name)]


def plan_of(app: Services, generators: list[Generator]) -> dict[str, Any]:
    """What a job that is accepted now is made with, however often it is started: its document keeps it."""
    choices: list[GeneratorChoice] = [{"name": g.name, "expected_seconds": g.expected_seconds} for g in generators]
    return {"generators": choices, "limits": _limits(app)}


def job_order(app: Services, document: Document) -> JobOrder:
    """The input of its orchestration: names and tunables only. Jobs of the former version kept no plan."""
    plan = document.get("plan") or plan_of(app, generators_for(app, document["kind"]))
    order: JobOrder = {
        "job_id": document["id"], "traceparent": telemetry.traceparent(), "start": document.get("starts", 0),
        "progress": document.get("progress", 0),
        "owner": owner_mark(document["owner"]), "images": document["images"], "label": document["input"].get("label", "none"),
        "generators": plan["generators"],
        "pictures": [
            {"index": i, "seed": seed, "preset": preset_of(document, i)} for i, seed in enumerate(document["seeds"])
        ],
        "limits": plan["limits"],
    }  # fmt: skip
    if document.get("prepared"):
        order["prepared"] = document["prepared"]
    if translation.is_open(document):
        order["translation"] = translation.PLAN
    return order


def owner_mark(owner: str) -> str:
    """What tells owners apart in a line, and nothing about them: an owner may be an e-mail address."""
    return hashlib.sha256(owner.encode()).hexdigest()[:12]


def _limits(app: Services) -> Limits:
    settings = app.settings
    return {
        "poll_interval_seconds": settings.poll_interval_seconds, "poll_max_attempts": settings.poll_max_attempts,
        "poll_steps": POLL_STEPS, "generation_timeout_seconds": settings.generation_timeout_seconds,
        "queue_timeout_seconds": settings.queue_timeout_seconds, "fetch_timeout_seconds": FETCH_TIMEOUT_SECONDS,
        "leftover_timeout_seconds": LEFTOVER_TIMEOUT_SECONDS, "max_attempts": MAX_ATTEMPTS,
        "may_wait_when_down": settings.provider_down == "wait", "refusals_before_fallback": 3, "cancel_tries": 3,
        "child_starts": 5, "find_looks_seconds": FIND_LOOKS_SECONDS, "patience": PATIENCE,
    }  # fmt: skip


async def ensure_started(app: Services, client: df.DurableOrchestrationClient, document: Document, *, is_new: bool) -> Document:
    """The job, with an orchestration: one that it has is left alone, or started again if it died. `is_new`: it has none yet.

    Raises nothing: a job that cannot be started now is started by housekeeping.
    """
    try:
        status = None if is_new else await find_instance(client, document["id"])
        if status is not None:
            return await revive(app, client, document, status)
    except Exception as error:  # noqa: BLE001 - the client raises whatever its HTTP library does
        telemetry.event("start_failed", logging.WARNING, job_id=document["id"], reason=reason(error))
        return document
    await _start(app, client, document)
    return document


async def _start(app: Services, client: df.DurableOrchestrationClient, document: Document) -> None:
    """Start the job's orchestration. A start whose answer was lost is asked for at the hub."""
    job_id = document["id"]
    for _ in range(2):
        with contextlib.suppress(Exception):
            await client.start_new(names.GENERATE_JOB, job_id, job_order(app, document))
            return
        with contextlib.suppress(Exception):
            status = await find_instance(client, job_id)
            # What failed before is still there when it could not be started again.
            if status is not None and status.runtime_status.name != "Failed":
                return
    telemetry.event("start_failed", logging.WARNING, job_id=job_id)


async def is_going_on(client: df.DurableOrchestrationClient, instance: str) -> bool:
    """Raises what the client raises when the task hub gives no answer."""
    status = await find_instance(client, instance)
    return status is not None and status.runtime_status.name in GOING_ON


async def find_and_revive(app: Services, client: df.DurableOrchestrationClient, job_id: str, index: int) -> bool:
    """Whether the story of a job's picture goes on, perhaps because it was started again just now."""
    document = await threads.run(app.jobs.read, job_id)
    if document is None:
        return False
    status = await find_instance(client, job_id)
    try:
        document = await revive(app, client, document, status)
    except NoSuchJob:
        return False
    runtime = None if status is None else status.runtime_status.name
    if runtime in STOPPED:
        # Its children may go on, but nobody begins one anew. Those of a later start have names of their own.
        pictures, starts = len(document["seeds"]), document.get("starts", 0)
        child = names.picture_instance_id(job_id, index, pictures, starts)
        return child != job_id and await is_going_on(client, child)
    # A watch over a prediction goes on after the end of its job, and is started again as its job would be.
    watches_again = runtime == "Failed" and is_watched(document)
    return runtime in GOING_ON or not is_terminal(document["status"]) or watches_again


async def revive(app: Services, client: df.DurableOrchestrationClient, document: Document, status: Any) -> Document:
    """The job, after its orchestration was started again if it died (`status` is what the hub says of it), or the job ended
    because nobody will. Raises NoSuchJob for one that was forgotten meanwhile."""
    runtime = None if status is None else status.runtime_status.name
    decision = decide(document, runtime, app.now())
    if decision == "start":
        return await _start_again(app, client, document, status)
    if decision == "give up":
        if await _has_living_children(client, document):
            # They tell their stories to the end, and their records tell it to the job.
            return document
        return await threads.run(give_up, app, document, await _progress(client, app, document, status))
    return document


async def _start_again(app: Services, client: df.DurableOrchestrationClient, document: Document, status: Any) -> Document:
    job_id, seen, now = document["id"], document.get("starts", 0), app.now()
    progress = await _progress(client, app, document, status)
    counted = await threads.run(app.jobs.amend, job_id, lambda known: started_again(known, now, seen=seen, progress=progress))
    if counted.get("starts") != seen + 1 or counted.get("started_again_at") != now.isoformat():
        return counted
    reason = status.runtime_status.name if status else "unknown to the task hub"
    telemetry.event("job_restarted", logging.WARNING, job_id=job_id, starts=seen + 1, reason=reason)
    for instance in names.instance_ids(job_id, len(document["seeds"]), seen):
        if instance != job_id:
            # Children of the former run would go on beside those of the new one.
            with contextlib.suppress(Exception):
                await client.terminate(instance, "started again")
    await _start(app, client, counted)
    return counted


async def _has_living_children(client: df.DurableOrchestrationClient, document: Document) -> bool:
    instances = names.instance_ids(document["id"], len(document["seeds"]), document.get("starts", 0))
    return any([await is_going_on(client, instance) for instance in instances if instance != document["id"]])


async def _progress(client: df.DurableOrchestrationClient, app: Services, document: Document, status: Any) -> int:
    """How far the bar stood in the run that died: of several pictures the slowest one's. An episode that died may have taken
    what the orchestration showed with it; then the records tell."""
    pictures, start = len(document["seeds"]), document.get("starts", 0)
    statuses = [status]
    if pictures > 1:
        children = [names.picture_instance_id(document["id"], index, pictures, start) for index in range(pictures)]
        found = [await find_instance(client, child) for child in children]
        statuses = found if all(found) else statuses
    shown = [each.custom_status for each in statuses if each is not None and isinstance(each.custom_status, dict)]
    if len(shown) == len(statuses):
        reached = min(int(custom.get("progress", 0)) for custom in shown)
    else:
        reached = await threads.run(_progress_of_records, app, document) if status is not None else 0
    return max(int(document.get("progress", 0)), reached)


def _progress_of_records(app: Services, document: Document) -> int:
    """At least as far as the bar was while the first attempts ran."""
    generator = app.generator_of(document)
    gate = app.gates.look(generator.provider.name)
    expected = gate.typical_seconds(generator.expected_seconds, generator.name)

    def reached(index: int) -> int:
        record = app.submissions.find(Attempt(document["id"], index, 1))
        if record is None:
            return STAGE_PROGRESS[VALIDATING]
        return generating_progress((app.now() - record.submission.first_sent_at).total_seconds(), expected)

    return min(reached(index) for index in range(len(document["seeds"])))


def give_up(app: Services, document: Document, progress: int) -> Document:
    """The job, ended as failed with what its records say; or one that has ended, without the watch that is gone.

    Raises NoSuchJob.
    """
    job_id, now, days = document["id"], app.now(), app.settings.retention_days
    pictures = [_of_records(app, document, index) for index in range(len(document["seeds"]))]
    if is_terminal(document["status"]):
        amended = app.jobs.amend(job_id, lambda known: without_watch(known, pictures, app.prices))
        limits.settled(app, amended)
        return amended
    limits.ended(app, given_up(document, pictures, app.prices, now, progress, days))
    document, has_ended = app.jobs.end(job_id, lambda known: given_up(known, pictures, app.prices, now, progress, days))
    if has_ended:
        # Nobody else tells of it: the last step that would have is the one that did not run.
        telemetry.event("job_given_up", logging.ERROR, job_id=job_id, starts=document.get("starts", 0))
        telemetry.job_ended(document, document["polls"])
        announcing.ended_or_not_told(app, document)
    listing.tell_end(app, document)
    originals.forget(app, document)
    return document


def _of_records(app: Services, document: Document, index: int) -> dict[str, Any]:
    ledger = app.submissions.ledger(document["id"], index, document["provider"])
    kept = app.pictures.find(document["id"], index)
    if kept is not None:
        ledger = ledger.ended(kept[1], "paid")
    return unfinished_picture(index, [*ledger.to_payload()], {**kept[0]} if kept else None)
