"""Tells the end of a job to the address that its owner named: signed, again for hours, by an orchestration of its own."""

import contextlib
import logging
import random
import threading
from datetime import datetime, timedelta

import azure.durable_functions as df

from shared import names, telemetry, threads
from shared.domain.delivery import attempted, body_of, due_in, is_expected, is_told, message_id, turned_away
from shared.domain.job import Document, is_terminal, posted_by
from shared.domain.owners import ANONYMOUS
from shared.domain.payloads import DeliverAnswer, DeliverOrder
from shared.domain.problem import Problem, ProblemError, invalid_fields
from shared.domain.signature import KEY_MIN_CHARACTERS, secret_of, signature
from shared.domain.starting import GOING_ON, STOPPED
from shared.job_ids import accepted_at
from shared.providers.receivers import Receipt, Undelivered
from shared.secrets import SecretUnavailable
from shared.services import Services
from shared.starting import PATIENCE
from shared.storage.job_store import NoSuchJob
from shared.task_hub import find_instance

SIGNING_KEY = "WEBHOOK_SIGNING_KEY"
USER_AGENT = "ToonConnect-Webhooks/1"
#: Slow receivers hold so many threads and activities of an instance at most, and those of one owner half of them: whose
#: receivers are silent holds up their own webhooks. The others are told a little later.
SENDS_AT_ONCE, SENDS_OF_ONE_OWNER = 4, 2
#: A timer of another instance may fire a little before this one's clock says so.
_EARLY_SECONDS = 2.0
#: Longer than the whole schedule with all that it may be held up by. What was not told by then never is.
GIVEN_UP_AFTER = timedelta(hours=72)
#: A job whose document is not there by then has never come to be.
_MADE_BY = timedelta(hours=1)
#: Marks that one run of housekeeping looks at: a read and a question to the hub each. Further ones are the next runs'.
LOOKED_AT_ONCE = 200
_HOUSEKEEPING_MINUTES = 5


class Places:
    """Who is being told just now."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._taken: list[str] = []

    def take(self, owner: str) -> bool:
        """Whether there was one. Waits for none."""
        with self._lock:
            is_free = len(self._taken) < SENDS_AT_ONCE and self._taken.count(owner) < SENDS_OF_ONE_OWNER
            if is_free:
                self._taken.append(owner)
            return is_free

    def leave(self, owner: str) -> None:
        with self._lock:
            self._taken.remove(owner)


_sending = Places()


def require(app: Services, owner: str) -> None:
    """Raises ProblemError where an owner's webhooks cannot be signed: nothing may be accepted that would then not be told."""
    if owner == ANONYMOUS:
        raise ProblemError(
            invalid_fields((
                "webhook_url",
                "웹훅에 서명하려면 누구의 작업인지 알아야 합니다. 로그인하거나 X-Owner-Token 헤더를 함께 보내 주세요.",
                "To be signed it has to be somebody's: sign in, or send the header X-Owner-Token.",
            ))
        )  # fmt: skip
    if signing_key(app) is None:
        raise ProblemError(Problem("webhooks_not_configured", params={"setting": SIGNING_KEY}))


def signing_key(app: Services) -> str | None:
    """None when it is not set, or too short to be a key. Raises ProblemError (`busy`) when the vault gives no answer."""
    try:
        key = app.secrets.get(SIGNING_KEY)
    except SecretUnavailable:
        raise ProblemError(Problem("busy")) from None
    return key if key and len(key) >= KEY_MIN_CHARACTERS else None


def deliver(app: Services, job_id: str) -> DeliverAnswer:
    """One try, when it is time for it: seconds until the next one, None when there is none. What the task hub delivers twice is
    sent twice at most, under one id."""
    document = app.jobs.read(job_id)
    wait = None if document is None else due_in(document, app.now())
    if document is None or wait is None:
        if document is None or is_terminal(document["status"]):
            app.deliveries.forget(job_id)
        return {"wait_seconds": None}
    if wait > _EARLY_SECONDS:
        return {"wait_seconds": wait}
    # Whoever named the address is whose receiver it is, and verifies with their own secret, whosever the job is by now.
    owner = posted_by(document)
    if not _sending.take(owner):
        return {"wait_seconds": turned_away(document, app.now(), random.random())}  # noqa: S311 - spreads, hides nothing
    try:
        receipt, reason = _sent(app, owner, document)
    finally:
        _sending.leave(owner)
    return {"wait_seconds": _recorded(app, document, receipt, reason)}


def _sent(app: Services, owner: str, document: Document) -> tuple[Receipt | None, str | None]:
    key = signing_key(app)
    if key is None:
        # It was there when the job was accepted, and may be again.
        return None, "not_configured"
    body, now = body_of(document, app.settings.public_base_url or ""), int(app.now().timestamp())
    versions, message = app.webhook_versions.of(owner), message_id(document)
    secrets = [secret_of(key, owner, version) for version in (versions.current, *(version for version, _ in versions.former))]
    headers = {
        "Content-Type": "application/json", "User-Agent": USER_AGENT, "webhook-id": message, "webhook-timestamp": str(now),
        "webhook-signature": " ".join(signature(secret, message, now, body) for secret in secrets),
    }  # fmt: skip
    try:
        return app.receivers.post(document["webhook"]["url"], headers, body), None
    except Undelivered as undelivered:
        return None, undelivered.reason


def _recorded(app: Services, document: Document, receipt: Receipt | None, reason: str | None) -> float | None:
    """Write the try down; seconds until the next one."""
    job_id, at, jitter = document["id"], app.now(), random.random()  # noqa: S311 - spreads what failed together, hides nothing
    status, retry_after = (receipt.status, receipt.retry_after) if receipt else (None, None)
    try:
        after = app.jobs.amend(
            job_id,
            lambda known: attempted(known, at, status=status, reason=reason, retry_after=retry_after, jitter=jitter),
        )
    except NoSuchJob:
        after = {"status": document["status"]}
    wait, attempt = due_in(after, at), len(after.get("deliveries") or ())
    if is_told(status):
        telemetry.event("delivery_ended", job_id=job_id, attempt=attempt, status=status)
    else:
        telemetry.event(
            "delivery_failed", logging.WARNING, job_id=job_id, attempt=attempt, status=status, reason=reason, is_last=wait is None
        )  # fmt: skip
    if wait is None:
        app.deliveries.forget(job_id)
    return wait


# ---- its orchestration ----


async def start(client: df.DurableOrchestrationClient, job_id: str, traceparent: str | None) -> None:
    """Begin to tell of a job that has ended, unless somebody does. Raises nothing: housekeeping begins what could not be."""
    order: DeliverOrder = {"job_id": job_id, "traceparent": traceparent, "patience": PATIENCE["lasting"]}
    with contextlib.suppress(Exception):
        await client.start_new(names.DELIVER_WEBHOOK, names.webhook_instance_id(job_id), order)


async def start_missing(app: Services, client: df.DurableOrchestrationClient, now: datetime) -> int:
    """Begin to tell of jobs that have ended and of which nobody tells: whoever ended them died, or what told of them did. Returns
    how many. Of more than one run looks at, each run takes the next ones."""
    started = 0
    for job_id in _share_of(await threads.run(app.deliveries.all), now):
        try:
            started += await _started_if_missing(app, client, job_id, now)
        except Exception as error:  # noqa: BLE001 - the others are still to be looked at; this one comes again
            telemetry.event("delivery_not_started", logging.WARNING, job_id=job_id, reason=type(error).__name__)
    return started


def _share_of(job_ids: list[str], now: datetime) -> list[str]:
    """By the time of the run, so that no run has to know how far the one before has come."""
    if len(job_ids) <= LOOKED_AT_ONCE:
        return job_ids
    run = int(now.timestamp()) // (60 * _HOUSEKEEPING_MINUTES)
    begin = run * LOOKED_AT_ONCE % len(job_ids)
    return (job_ids[begin:] + job_ids[:begin])[:LOOKED_AT_ONCE]


async def _started_if_missing(app: Services, client: df.DurableOrchestrationClient, job_id: str, now: datetime) -> bool:
    document = await threads.run(app.jobs.read, job_id)
    if document is None:
        if now - accepted_at(job_id) > _MADE_BY:
            await threads.run(app.deliveries.forget, job_id)
        return False
    if is_expected(document) and not is_terminal(document["status"]):
        return False
    status = await find_instance(client, names.webhook_instance_id(job_id))
    runtime = None if status is None else status.runtime_status.name
    if runtime in GOING_ON:
        return False
    is_given_up = is_expected(document) and (
        runtime in STOPPED or now - datetime.fromisoformat(document["completed_at"]) > GIVEN_UP_AFTER
    )
    if is_given_up or not is_expected(document):
        await threads.run(app.deliveries.forget, job_id)
        if is_given_up:
            telemetry.event("delivery_given_up", logging.WARNING, job_id=job_id, reason=runtime or "none")
        return False
    await start(client, job_id, telemetry.traceparent())
    return True


async def end(app: Services, client: df.DurableOrchestrationClient, document: Document) -> bool:
    """Stop telling of a deleted job; whether nobody does any more. Only then is its history to be purged."""
    if "webhook" not in document:
        return True
    instance = names.webhook_instance_id(document["id"])
    status = await find_instance(client, instance)
    if status is not None and status.runtime_status.name in GOING_ON:
        await client.terminate(instance, "its job was deleted")
        return False
    await threads.run(app.deliveries.forget, document["id"])
    return True
