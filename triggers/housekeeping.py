"""Every few minutes: start again what died under its job, forget what is past its retention, and say what seems to be stuck."""

import logging
from datetime import datetime, timedelta
from typing import Any

import azure.durable_functions as df
import azure.functions as func

from shared import delivering, listing, names, originals, slots, telemetry, threads
from shared.domain.job import MAX_STARTS, is_terminal
from shared.domain.queue_messages import POISON
from shared.domain.starting import GOING_ON
from shared.forgetting import call_janitor, forget_ended
from shared.job_ids import FIRST_JOB, is_job_id
from shared.services import Services, services
from shared.starting import revive
from shared.storage.job_store import NoSuchJob
from shared.task_hub import find_instance, reason

blueprint = df.Blueprint()

_RUNTIME = df.OrchestrationRuntimeStatus
_GOING_ON = [status for status in _RUNTIME if status.name in GOING_ON]
_ENDED = [status for status in _RUNTIME if status.name not in GOING_ON]
#: Longer than the queue's and the generation's deadlines and the watch over leftovers take together.
STUCK_AFTER = timedelta(minutes=45)
#: How far back jobs are looked for that nobody goes on with; whoever looks at an older one starts it himself.
LOOK_BACK = timedelta(hours=2)
#: Once an hour: the app may have been away.
LOOK_BACK_HOURLY = timedelta(hours=26)
#: Jobs whose time is over that one run removes at most: some twenty storage operations each, a minute or two in all.
EXPIRED_AT_ONCE = 200


@blueprint.function_name("housekeeping")
# A result's link lives for ten minutes: what died is found before that.
@blueprint.timer_trigger(arg_name="timer", schedule="0 */5 * * * *")
@blueprint.durable_client_input(client_name="client")
async def housekeeping(timer: func.TimerRequest, client) -> None:  # type: ignore[no-untyped-def]
    try:
        await tidy(client, services().now())
    except Exception as error:
        # What leaves a timer's function reaches nobody: the host leaves the records of functions to the worker.
        telemetry.event("housekeeping_failed", logging.ERROR, reason=type(error).__name__)
        raise


async def tidy(client: df.DurableOrchestrationClient, now: datetime) -> None:
    """The engine never removes the history of what has ended; images and documents go by the storage account's own rules."""
    app = services()
    started = await _start_dead_jobs(app, client, now)
    if await threads.run(app.jobs.deleted_jobs):
        await call_janitor(client)
    uploads = await _forget_originals(app, now)
    indexed = await _index_left(app, now)
    expired = await _forget_expired(app, client, now)
    for provider in app.providers:
        await slots.tidy(app, client, provider)
    oldest_kept = now - timedelta(days=app.settings.retention_days)
    purged: Any = await client.purge_instance_history_by(FIRST_JOB, oldest_kept, _ENDED)
    # One page of at most 100: more than none is what matters.
    going_on = await client.get_status_by(FIRST_JOB, now - STUCK_AFTER, _GOING_ON)
    # Between its tries a webhook waits for hours.
    stuck = [status for status in going_on if not names.is_webhook_instance(status.instance_id or "")]
    telemetry.event(
        "housekeeping", logging.WARNING if stuck else logging.INFO, purged=purged.instances_deleted, stuck=len(stuck),
        restarted=started, uploads=uploads, indexed=indexed, expired=expired,
    )  # fmt: skip
    if app.settings.intake_queue:
        await _look_at_poison(app)
    if now.minute < 5:
        await threads.run(_forget_what_says_nothing, app)
    # The last: while receivers are away there may be many.
    await delivering.start_missing(app, client, now)


async def _look_at_poison(app: Services) -> None:
    """The platform puts messages there without a word to the app."""
    try:
        waiting = await threads.run(app.queues.length, POISON)
    except Exception as error:  # noqa: BLE001 - it is looked at again in five minutes
        telemetry.event("poison_unknown", logging.WARNING, reason=type(error).__name__)
        return
    if waiting:
        telemetry.event("intake_poisoned", logging.ERROR, messages=waiting)


def _forget_what_says_nothing(app: Services) -> None:
    """Keys that are free again, and counters of owners who have not come for days: no rule of the storage account deletes them,
    since it would know nothing but their age."""
    app.keys.forget_old()
    app.quotas.forget_old()
    app.spending.forget_old()
    app.addresses.forget_old()


async def _start_dead_jobs(app: Services, client: df.DurableOrchestrationClient, now: datetime) -> int:
    """Jobs that are open while nobody goes on with them, and watches that died. Returns how many were started."""
    since = now - (LOOK_BACK_HOURLY if now.minute < 5 else LOOK_BACK)
    failed = await client.get_status_by(since, now, [_RUNTIME.Failed])
    ids = {status.instance_id for status in failed if is_job_id(status.instance_id)}
    ids |= set(await threads.run(lambda: list(app.jobs.open_jobs(since, now))))
    started = 0
    for job_id in sorted(ids):
        try:
            started += await _revived(app, client, job_id)
        except Exception as error:  # noqa: BLE001 - the others are still to be looked at
            telemetry.event("restart_failed", logging.WARNING, job_id=job_id, reason=reason(error))
    return started


async def _forget_originals(app: Services, now: datetime) -> int:
    """The uploads that the ends of their jobs have left; returns of how many jobs. Those of earlier versions once an hour: for
    them all that their jobs have is listed, until their retention is over."""
    removed = 0
    for of_before in (False, True) if now.minute < 5 else (False,):
        try:
            removed += await threads.run(originals.forget_left, app, now, of_before=of_before)
        except Exception as error:  # noqa: BLE001 - what else housekeeping does is more urgent; these come again
            telemetry.event("uploads_kept", logging.WARNING, reason=type(error).__name__)
    return removed


async def _index_left(app: Services, now: datetime) -> int:
    """The jobs of before there were lists that were put into one."""
    try:
        return await threads.run(listing.index_left, app, now)
    except Exception as error:  # noqa: BLE001 - what else housekeeping does is more urgent; these come again
        telemetry.event("index_behind", logging.WARNING, reason=type(error).__name__)
        return 0


async def _forget_expired(app: Services, client: df.DurableOrchestrationClient, now: datetime) -> int:
    """Remove jobs whose time is over; returns how many. Where a lifecycle rule does so too it comes later: a rule is a matter of
    days (decision 32), and knows the age of a blob, not of its job."""
    removed, retention = 0, timedelta(days=app.settings.retention_days)
    try:
        expired = await threads.run(app.jobs.expired_jobs, now, retention, EXPIRED_AT_ONCE)
    except Exception as error:  # noqa: BLE001 - what else housekeeping does is more urgent; these come again
        telemetry.event("expired_kept", logging.WARNING, reason=type(error).__name__)
        return 0
    for job_id in expired:
        try:
            removed += await forget_ended(app, client, job_id)
        except Exception as error:  # noqa: BLE001 - the others are over as well; this one comes again
            telemetry.event("expired_kept", logging.WARNING, reason=type(error).__name__, job_id=job_id)
    return removed


async def _revived(app: Services, client: df.DurableOrchestrationClient, job_id: str) -> bool:
    document = await threads.run(app.jobs.read, job_id)
    if document is None:
        return False
    before = document.get("starts", 0)
    try:
        after = await revive(app, client, document, await find_instance(client, job_id))
    except NoSuchJob:
        return False
    if after.get("starts", 0) >= MAX_STARTS and not is_terminal(after["status"]) and after["starts"] != before:
        telemetry.event("job_at_last_start", logging.ERROR, job_id=job_id, starts=after["starts"])
    return bool(after.get("starts", 0) != before)
