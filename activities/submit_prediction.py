"""Start one paid prediction, once.

Neither provider has an idempotency key, and an activity runs at least once. So the intent to send is recorded with a
conditional write before the call and its outcome after it; whoever finds an intent without an outcome looks for the
prediction first, and repeats the call at most once, as a possible duplicate.
"""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import azure.durable_functions as df
from azure.core.exceptions import AzureError

from shared import intake, names, telemetry
from shared.domain.job import SUBMITTING, is_terminal
from shared.domain.problem import Charged, Problem
from shared.providers.generator import Generator, Handle, Order, ProviderError
from shared.providers.http import CONNECT_SECONDS, CREATE_SECONDS
from shared.services import Services, services
from shared.storage.blob_store import Conflict
from shared.storage.job_store import submission_name

blueprint = df.Blueprint()

#: After this a send that is on record has either been answered or died with its host.
SETTLED_AFTER_SECONDS = CREATE_SECONDS + 2 * CONNECT_SECONDS
#: A lost prediction may take a moment to show in the provider's list.
LIST_LAG_SECONDS = 5.0
#: A run that stood still for longer between its intent and its call does not send: another may have taken over.
SEND_WITHIN_SECONDS = 10.0
MAX_SENDS = 2


@blueprint.activity_trigger(input_name="payload", activity=names.SUBMIT_PREDICTION)
def submit_prediction(payload: dict) -> dict:  # type: ignore[type-arg]  # the worker refuses dict[...]
    with telemetry.step(names.SUBMIT_PREDICTION, payload):
        return submit(services(), payload)


def submit(services: Services, payload: dict[str, Any]) -> dict[str, Any]:
    """Payload: `job_id, index, attempt, generator, images` (blob names), `timeout_seconds`, `instance` (who is told the end), and
    `call`, which counts the calls of this activity for a picture: what is delivered again later does not send again.

    Returns one of
    `{"state": "submitted", "handle", "will_be_told"}`,
    `{"state": "wait", "after_seconds", "problem", "provider_failed", "is_lost"}`: nothing to look at yet, call again later;
    `is_lost` says that there is something to find out,
    `{"state": "failed", "problem"}`, `{"state": "canceled"}`,
    each with `possible_duplicate`, and `is_unsettled`: something was sent of which nobody knows whether it was made.
    """
    job = services.jobs.read(payload["job_id"])
    generator = services.generators[payload["generator"]]
    name = submission_name(payload["job_id"], payload["index"], payload["attempt"])
    if job is None:
        return _canceled()
    is_wanted = not job.get("cancel_requested_at") and not is_terminal(job["status"])
    try:
        record = None if is_wanted else _Record.found(services, name)
        if record is None and not is_wanted:
            # Canceled before anything was sent: it costs nothing.
            return _canceled()
        # Read before the intent is on record, so that the send follows it at once.
        order = _order(services, generator, job, payload)
        record = record or _Record.begun(services, name, payload["call"])
        if not record.is_new:
            # Whatever was sent before is not forgotten because the job is not wanted any more: it may be paid for.
            if record.state == "submitted":
                return _submitted(generator, record, payload)
            if record.state in ("sending", "lost"):
                return _settle(services, generator, record, order, payload, may_repeat=is_wanted)
            if not is_wanted:
                return _canceled(record)
            if payload["call"] <= record["call"]:
                # This call was refused already, and its story may have gone on since.
                return _wait(record, _unknown(generator, "no"), LIST_LAG_SECONDS)
            record.change(state="sending", call=payload["call"])
        return _send(services, generator, record, order, payload)
    except Conflict:
        # Another run of this activity is at it: let it finish.
        return _wait(None, _unknown(generator), SETTLED_AFTER_SECONDS, is_lost=True)


def _unknown(generator: Generator, charged: Charged = "unknown") -> Problem:
    return Problem("provider_unavailable", charged=charged, params={"provider": generator.label})


def _send(services: Services, generator: Generator, record: "_Record", order: Order, payload: dict[str, Any]) -> dict[str, Any]:
    if record.age_seconds > SEND_WITHIN_SECONDS:
        return _wait(record, _unknown(generator), SETTLED_AFTER_SECONDS, is_lost=True)
    try:
        handle = generator.submit(order, timeout_seconds=payload["timeout_seconds"])
    except ProviderError as error:
        telemetry.event(
            "submit_refused", job_id=payload["job_id"], index=payload["index"], generator=generator.name,
            code=error.problem.code, maybe_done=error.maybe_done, note=error.note,
        )  # fmt: skip
        record.change(state="lost" if error.maybe_done else "refused")
        if error.problem.code == "provider_quota_exhausted":
            intake.stop(services, generator, error.problem.code)
        problem = error.problem
        if record["possible_duplicate"]:
            # A refusal of the repeat says nothing of the send that was lost before it: that one may be paid for.
            problem = replace(problem, charged="unknown")
        if error.maybe_done:
            return _wait(record, problem, LIST_LAG_SECONDS, provider_failed=True, is_lost=True)
        if problem.is_retryable:
            return _wait(record, problem, error.retry_after, provider_failed=error.provider_failed)
        return _failed(record, problem)
    try:
        record.change(state="submitted", handle=handle.to_payload())
    except (AzureError, Conflict) as error:
        # The prediction exists and is paid for: the orchestration's history will hold the handle instead.
        telemetry.event("submission_not_recorded", job_id=payload["job_id"], reason=type(error).__name__)
        # Whoever wrote meanwhile took this send for lost.
        is_duplicate = record["possible_duplicate"] or isinstance(error, Conflict)
        record.remember(state="submitted", handle=handle.to_payload(), possible_duplicate=is_duplicate)
    telemetry.name_prediction(handle.id)
    telemetry.event(
        "submitted", job_id=payload["job_id"], index=payload["index"], attempt=payload["attempt"],
        generator=generator.name, prediction_id=handle.id, possible_duplicate=record["possible_duplicate"],
    )  # fmt: skip
    return _submitted(generator, record, payload)


def _settle(
    services: Services, generator: Generator, record: "_Record", order: Order, payload: dict[str, Any], *, may_repeat: bool
) -> dict[str, Any]:
    """A send whose outcome nobody knows: wait until it cannot be under way, look for it, then repeat it at most once."""
    unavailable = _unknown(generator)
    settled_after = LIST_LAG_SECONDS if record.state == "lost" else SETTLED_AFTER_SECONDS
    if record.age_seconds < settled_after:
        return _wait(record, unavailable, settled_after - record.age_seconds, is_lost=True)
    if generator.can_find:
        try:
            found = next(iter(generator.find(order, since=datetime.fromisoformat(record["sent_at"]))), None)
        except ProviderError as error:
            if not error.problem.is_retryable:
                return _failed(record, unavailable)
            return _wait(record, unavailable, error.retry_after or LIST_LAG_SECONDS, is_lost=True)
        if found is not None:
            record.change(state="submitted", handle=found.to_payload())
            telemetry.event("submission_found", job_id=payload["job_id"], generator=generator.name, prediction_id=found.id)
            return _submitted(generator, record, payload)
    if not may_repeat:
        return _canceled(record)
    if record["sends"] >= MAX_SENDS:
        # Both sends were lost, so both may have been made.
        return _failed(record, unavailable)
    record.change(state="sending", sends=record["sends"] + 1, possible_duplicate=True, call=payload["call"])
    return _send(services, generator, record, order, payload)


def _order(services: Services, generator: Generator, job: dict[str, Any], payload: dict[str, Any]) -> Order:
    asked = job["input"]
    return Order(
        reference=f"{payload['job_id']}/{payload['index']}",
        webhook_url=generator.webhook_url(payload["instance"], payload["attempt"]),
        prompt=asked["prompt_sent"],
        images=tuple(services.blobs.get_image(name) for name in payload["images"]),
        aspect_ratio=asked["aspect_ratio"],
        output_format=asked["output_format"],
        safety_tolerance=asked["safety_tolerance"],
        seed=job["seeds"][payload["index"]],
    )


def _submitted(generator: Generator, record: "_Record", payload: dict[str, Any]) -> dict[str, Any]:
    return {
        "state": "submitted",
        "handle": Handle.from_payload(record["handle"]).to_payload(),
        "will_be_told": generator.webhook_url(payload["instance"], payload["attempt"]) is not None,
        **_sent(record),
    }


def _wait(
    record: "_Record | None", problem: Problem, seconds: float | None, *, provider_failed: bool = False, is_lost: bool = False
) -> dict[str, Any]:
    """`provider_failed`: it is down rather than busy, which the gate counts."""
    return {
        "state": "wait", "after_seconds": seconds, "problem": problem.at(SUBMITTING).to_payload(),
        "provider_failed": provider_failed, "is_lost": is_lost, **_sent(record, is_lost=is_lost),
    }  # fmt: skip


def _failed(record: "_Record", problem: Problem) -> dict[str, Any]:
    return {"state": "failed", "problem": problem.at(SUBMITTING).to_payload(), **_sent(record)}


def _canceled(record: "_Record | None" = None) -> dict[str, Any]:
    return {"state": "canceled", **_sent(record)}


def _sent(record: "_Record | None", *, is_lost: bool = False) -> dict[str, bool]:
    """What an answer says of the sends before it. A repeat is made only of one that was lost and not found; one that was
    refused made nothing, so then there is no duplicate of the lost one."""
    repeated = record is not None and record["possible_duplicate"]
    is_open = is_lost or (record is not None and record.state in ("sending", "lost"))
    is_refused = record is not None and record.state == "refused"
    return {"possible_duplicate": repeated and not is_refused, "is_unsettled": repeated or is_open}


class _Record:
    """What is on record of one submit. Every write is conditional on nobody having written since it was read."""

    def __init__(self, services: Services, name: str, document: dict[str, Any], etag: str, *, is_new: bool) -> None:
        self._blobs = services.blobs
        self._name = name
        self._document = document
        self._etag = etag
        self.is_new = is_new

    @classmethod
    def begun(cls, services: Services, name: str, call: int) -> "_Record":
        """Put the intent to send on record, or read what is there already. Raises Conflict if it vanished in between."""
        intent = {
            "state": "sending", "sends": 1, "possible_duplicate": False, "sent_at": datetime.now(UTC).isoformat(), "call": call,
        }  # fmt: skip
        try:
            return cls(services, name, intent, services.blobs.create_document(name, intent), is_new=True)
        except Conflict:
            found = cls.found(services, name)
            if found is None:
                raise
            return found

    @classmethod
    def found(cls, services: Services, name: str) -> "_Record | None":
        """What is on record, if anything is."""
        known = services.blobs.read_document(name)
        return None if known is None else cls(services, name, *known, is_new=False)

    @property
    def state(self) -> str:
        """sending (may be under way), lost (sent, no answer), refused (nothing was made) or submitted."""
        return str(self._document["state"])

    @property
    def age_seconds(self) -> float:
        """Since the intent of the latest send."""
        return (datetime.now(UTC) - datetime.fromisoformat(self["sent_at"])).total_seconds()

    def __getitem__(self, field: str) -> Any:
        return self._document[field]

    def change(self, **fields: Any) -> None:
        if fields.get("state") == "sending":
            fields["sent_at"] = datetime.now(UTC).isoformat()
        changed = {**self._document, **fields}
        self._etag = self._blobs.replace_document(self._name, changed, self._etag)
        self._document = changed

    def remember(self, **fields: Any) -> None:
        """Change what this run answers without writing it."""
        self._document = {**self._document, **fields}
