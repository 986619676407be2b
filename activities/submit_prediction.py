"""Start one paid prediction, once, when there is a slot for it.

Neither provider has an idempotency key, and an activity runs at least once: shared/domain/submission.py says what is put on
record, and what is done with a record that was there before. This file carries it out.
"""

import contextlib
import functools
from dataclasses import replace
from datetime import timedelta
from typing import Any

import azure.durable_functions as df
from azure.core.exceptions import AzureError

from shared import intake, names, slots, telemetry, threads
from shared.domain import payloads as p
from shared.domain.gate import Place
from shared.domain.job import SUBMITTING, is_sample, is_terminal, is_wanted, is_watched
from shared.domain.kinds import KINDS
from shared.domain.ledger import Cost, SendState
from shared.domain.problem import Charged, Problem
from shared.domain.sheet import sent_of
from shared.domain.submission import REPEAT_AFTER, SEND_WITHIN, Asked, Step, Submission, next_step, not_found
from shared.generators.generator import Generator, Order
from shared.generators.image import Image, Linked, bytes_of
from shared.pictures.inline import for_inline
from shared.providers.http import CONNECT_SECONDS, CREATE_SECONDS
from shared.providers.provider import Handle, ProviderError
from shared.services import Services, services
from shared.storage.blob_store import Conflict, Missing
from shared.storage.job_store import NoSuchJob
from shared.storage.submission_store import Attempt, Record

blueprint = df.Blueprint()

#: After this a send that is on record has either been answered or died with its host.
SETTLED_AFTER = timedelta(seconds=CREATE_SECONDS + 2 * CONNECT_SECONDS)


@blueprint.activity_trigger(input_name="payload", activity=names.SUBMIT_PREDICTION)
@blueprint.durable_client_input(client_name="client")
async def submit_prediction(payload: dict, client) -> dict:  # type: ignore[type-arg,no-untyped-def]  # the worker refuses dict[...]
    with telemetry.step(names.SUBMIT_PREDICTION, payload):
        return await submit(services(), client, payload)  # type: ignore[arg-type,return-value]


async def submit(services: Services, client: df.DurableOrchestrationClient, payload: p.SubmitOrder) -> p.SubmitAnswer:
    """Take a slot and send, or say what stands in the way. What may have been sent before needs no slot: it is cleared up."""
    attempt = Attempt.of(payload)
    following = await _record(services, replace(attempt, attempt=attempt.attempt + 1)) if payload["is_rerun"] else None
    if following is not None:
        # The story went on after this attempt: nothing is sent for it any more.
        problem = Problem("provider_unavailable", params={"provider": services.generators[payload["generator"]].provider.label})
        payload = {**payload, "is_over": True, "over_problem": problem.at(SUBMITTING).to_payload()}
    is_known = payload["is_over"] or (payload["may_be_sent"] and _is_on_its_way(await _record(services, attempt)))
    slot = None if is_known else await slots.take(services, client, payload)
    if slot is None and payload["has_failed"]:
        await slots.note_failure(services, payload)
    # A run of this activity that died may have sent, and lost its slot since.
    if slot is not None and slot.state != "granted" and not _is_on_its_way(record := await _record(services, attempt)):
        wanted = is_wanted(await threads.run(services.jobs.read, payload["job_id"]))
        if slot.state == "waiting" and wanted:
            return _waiting(slot, record)
        payload = {**payload, "is_over": True, "over_problem": slot.problem if wanted else None}
    sender = _Sender(services, payload, slot.expected_seconds if slot else None)
    answer = await threads.run(sender.run)
    if following is not None:
        answer["followed_by"] = _generator_of(services, following, payload["generator"])
    if answer["state"] in ("failed", "canceled", "ended") or sender.is_story_over:
        # No prediction of this attempt goes on, or this run of the activity comes long after its story.
        await slots.give_back(services, client, payload, None)
    return answer


async def _record(services: Services, attempt: Attempt) -> Record | None:
    return await threads.run(services.submissions.find, attempt)


def _generator_of(services: Services, record: Record, asked: str) -> str:
    """Where an attempt went, in the story's own words where it went where it was asked to. Records of an early version do not
    say, but for the form of their handles."""
    document = record.submission.document
    if document.get("generator") or not document.get("handle"):
        known = str(document.get("generator") or asked)
        return asked if services.generators[known] is services.generators[asked] else known
    handle = Handle.from_payload(document["handle"])
    if services.generators[asked].provider.has_made(handle):
        return asked
    return next((name for name, other in services.generators.items() if other.provider.has_made(handle)), asked)


def _is_on_its_way(record: Record | None) -> bool:
    """Whether the attempt needs no slot: something was sent, or there is a verdict."""
    return record is not None and record.submission.state != "refused"


def _waiting(slot: slots.Slot, record: Record | None) -> p.Waiting:
    place = slot.place or Place(granted=False)
    return {
        "state": "waiting", "sends": record.submission.sends if record else [], "position": place.position,
        "wait_seconds": place.wait_seconds + (slot.expected_seconds or 0.0),
        "look_again_seconds": place.look_again_seconds, "problem": slot.problem,
    }  # fmt: skip


class _Taken(Exception):
    """Another run of this activity is at it, or may be: nothing was sent by this one."""


class _Sender:
    """One run of the activity, slot in hand."""

    def __init__(self, services: Services, payload: p.SubmitOrder, measured: float | None) -> None:
        self._services = services
        self._payload = payload
        self._generator: Generator = services.generators[payload["generator"]]
        self._attempt = Attempt.of(payload)
        self._measured = measured
        #: What goes within a request is encoded once.
        self._inside = functools.cache(_inside)
        #: Nobody waits for an answer: the job has ended, and no prediction of it is watched.
        self.is_story_over = False

    def run(self) -> p.SubmitAnswer:
        try:
            return self._run()
        except NoSuchJob:
            # Forgotten with all that it had, so nothing of it may be written.
            self.is_story_over = True
            return {"state": "canceled", "sends": []}
        except Conflict:
            # Another run is at it: let it finish.
            found = self._services.submissions.find(self._attempt)
            return self._again(found.submission.sends if found else ["open"], self._unknown(), SETTLED_AFTER.total_seconds())

    def _run(self) -> p.SubmitAnswer:
        images = self._images()
        if not self._payload["is_over"] and not _has_links(images):
            # Encoded before the intent, which the send follows at once.
            self._inside(images)
        record, is_new = self._begun(images)
        job = self._job(record if is_new else None)
        wanted = is_wanted(job) and self._is_made_here(job) and not self._payload["is_over"]
        self.is_story_over = job is None or (is_terminal(job["status"]) and not is_watched(job))
        if not is_new and _generator_of(self._services, record, self._payload["generator"]) != self._payload["generator"]:
            # The story has gone elsewhere with this attempt, before this run of the activity woke up.
            return {"state": "canceled", "sends": []}
        if is_new and job is None:
            # Forgotten with all that it had; so is this.
            self._services.submissions.withdraw(record)
            return {"state": "canceled", "sends": []}
        if is_new and self._payload["is_over"]:
            return self._verdict(record)
        if is_new and not wanted:
            self._change(record, record.submission.canceled(is_refused=True))
            return self._verdict(record)
        if is_new:
            return self._send(record, self._order(record, job, images))
        asked = Asked(
            self._payload["call"], self._services.now(), wanted, self._generator.provider.can_find,
            self._payload["find_looks_seconds"], SETTLED_AFTER,
        )  # fmt: skip
        return self._carry_out(next_step(record.submission, asked), record, asked, job, images)

    def _is_made_here(self, job: Any) -> bool:
        """No sample is bought, and no job gets a sample, where an environment has become a sandbox, or is none any more."""
        return is_sample(job) == self._services.settings.is_sandbox

    def _begun(self, images: tuple[Image, ...]) -> tuple[Record, bool]:
        """The record, and whether this run has begun it. Raises Conflict if it vanished in between."""
        store, call, now = self._services.submissions, self._payload["call"], self._services.now()
        if self._payload["is_over"]:
            begun = Submission.never_sent(self._payload["generator"], call, now, self._payload["over_problem"])
        else:
            begun = Submission.begun(
                self._payload["generator"], call, now, self._payload["instance"], self._generator.provider.name,
                by_link=_has_links(images),
            )  # fmt: skip
        try:
            return store.create(self._attempt, begun), True
        except Conflict:
            found = store.find(self._attempt)
            if found is None:
                raise
            return found, False

    def _job(self, begun: Record | None) -> Any:
        """Read after the intent is on record: a job that ends or is canceled now finds it."""
        try:
            return self._services.jobs.read(self._payload["job_id"])
        except AzureError:
            if begun is not None:
                # Nobody may ask again: this run came late, after its job was forgotten.
                with contextlib.suppress(AzureError):
                    self._services.submissions.withdraw(begun)
            raise

    def _carry_out(self, step: Step, record: Record, asked: Asked, job: Any, images: tuple[Image, ...]) -> p.SubmitAnswer:
        submission = record.submission
        if step.do == "tell":
            return self._verdict(record)
        if step.do == "wait":
            charged: Charged = "no" if submission.state == "refused" else "unknown"
            return self._again(submission.sends, self._unknown(charged), step.seconds)
        if step.do == "find":
            return self._find(step, record, asked, job, images)
        if step.do == "cancel":
            problem = self._payload["over_problem"]
            self._change(record, submission.failed(problem, is_refused=False) if problem else submission.canceled())
            return self._verdict(record)
        if step.do == "fail":
            # Every send was lost, so each may have been made.
            self._change(record, submission.failed(self._unknown().at(SUBMITTING).to_payload(), is_refused=False))
            return self._verdict(record)
        by_link = submission.is_by_link and _has_links(images)
        self._change(record, self._sent_again(submission, by_link=by_link))
        return self._send(record, self._order(record, job, images))

    # ---- sending ----

    def _send(self, record: Record, order: Order) -> p.SubmitAnswer:
        submission = record.submission
        try:
            # With the key in hand nothing is left to wait for before the call.
            self._generator.provider.require_key()
            if self._services.now() - submission.sent_at > SEND_WITHIN:
                raise _Taken
            handle = self._generator.submit(order, timeout_seconds=self._payload["timeout_seconds"])
        except _Taken:
            # It stood still for so long that another may soon take its send for lost; this says that there was none.
            self._change(record, submission.refused())
            return self._again(record.submission.sends, self._unknown("no"), 1.0)
        except ProviderError as error:
            if error.is_about_image and order.is_by_link:
                return self._send_inline(record, order, error)
            return self._refused(record, error)
        if self._generator.provider.can_find and not self._is_mine(handle):
            # It was taken for the prediction of another send with the same input, which made one as well or did not: this
            # one's is to be found.
            self._change(record, submission.lost(self._services.now()))
            return self._again(record.submission.sends, self._unknown(), REPEAT_AFTER.total_seconds())
        accepted = submission.submitted(handle.to_payload(), self._cost(handle, order))
        try:
            self._change(record, accepted)
        except AzureError as error:
            # The prediction exists and is paid for: the orchestration's history will hold the handle instead.
            telemetry.event("submission_not_recorded", job_id=self._payload["job_id"], reason=type(error).__name__)
            return {**self._submitted(accepted, wanted=True), "is_recorded": False}
        except Conflict:
            return self._overtaken(handle)
        self._tell_submitted(handle, accepted)
        return self._submitted(accepted, wanted=True)

    def _send_inline(self, record: Record, order: Order, error: ProviderError) -> p.SubmitAnswer:
        """A link that could not be fetched has made nothing, and nothing is to pay: the same send once more, images inside."""
        telemetry.event(
            "image_link_failed", job_id=self._payload["job_id"], index=self._payload["index"], generator=self._generator.name,
            reason=error.note,
        )  # fmt: skip
        self._change(record, record.submission.refused())
        if not is_wanted(self._services.jobs.read(self._payload["job_id"])):
            self._change(record, record.submission.canceled())
            return self._verdict(record)
        # Encoded before the intent, which the send follows at once.
        order = replace(order, images=self._inside(order.images))
        self._change(record, self._sent_again(record.submission, by_link=False))
        return self._send(record, order)

    def _sent_again(self, submission: Submission, *, by_link: bool) -> Submission:
        now, instance = self._services.now(), self._payload["instance"]
        return submission.sent_again(self._payload["call"], now, instance, by_link=by_link)

    def _is_mine(self, handle: Handle) -> bool:
        """A claim that storage does not take is no reason to let go of the handle."""
        with contextlib.suppress(AzureError):
            return self._services.submissions.claim(self._generator.provider.name, handle.id, self._attempt)
        return True

    def _cost(self, handle: Handle, order: Order) -> Cost:
        """What the provider's answer says, else the list price."""
        if handle.cost_usd is not None:
            return {"usd": handle.cost_usd, "quoted": True}
        return {"usd": self._generator.price_usd(len(order.images)), "quoted": False}

    def _overtaken(self, handle: Handle) -> p.SubmitAnswer:
        """The send took so long that another run took it for lost: that one's word stands, and what was made here is stopped
        where it can be, unless it is what the other has found."""
        store = self._services.submissions
        found = store.find(self._attempt)
        if found is not None and found.submission.prediction_id == handle.id:
            return self._submitted(found.submission, wanted=True)
        telemetry.event("submission_not_recorded", job_id=self._payload["job_id"], reason="Conflict")
        with contextlib.suppress(ProviderError):
            self._generator.provider.cancel(handle)
        # No record leads to it, so nobody would give the claim up with the job.
        store.release(self._generator.provider.name, handle.id)
        if found is None:
            # The job was forgotten meanwhile.
            return {"state": "canceled", "sends": []}
        return self._again(found.submission.sends, self._unknown(), REPEAT_AFTER.total_seconds())

    def _refused(self, record: Record, error: ProviderError) -> p.SubmitAnswer:
        submission = record.submission
        telemetry.event(
            "submit_refused", job_id=self._payload["job_id"], index=self._payload["index"], generator=self._generator.name,
            code=error.problem.code, maybe_done=error.maybe_done, note=error.note,
        )  # fmt: skip
        if error.problem.code == "provider_quota_exhausted":
            intake.stop(self._services, self._generator.provider, error.problem.code)
        if error.maybe_done:
            self._change(record, submission.lost(self._services.now()))
            return self._again(
                record.submission.sends, error.problem, REPEAT_AFTER.total_seconds(), provider_failed=True
            )  # fmt: skip
        if error.problem.is_retryable:
            self._change(record, submission.refused())
            return self._again(
                record.submission.sends, error.problem, error.retry_after, provider_failed=error.provider_failed
            )  # fmt: skip
        self._change(record, submission.failed(error.problem.at(SUBMITTING).to_payload(), is_refused=True))
        return self._verdict(record)

    # ---- finding ----

    def _find(self, step: Step, record: Record, asked: Asked, job: Any, images: tuple[Image, ...]) -> p.SubmitAnswer:
        submission, order = record.submission, self._order(record, job, images)
        try:
            handle = self._found(submission, order)
        except ProviderError as error:
            if error.problem.is_retryable and not step.is_last_look:
                return self._again(submission.sends, self._unknown(), error.retry_after or step.seconds)
            # Not repeated blindly: it may be there.
            self._change(record, submission.failed(self._unknown().at(SUBMITTING).to_payload(), is_refused=False))
            return self._verdict(record)
        if handle is not None:
            self._change(record, submission.submitted(handle.to_payload(), self._cost(handle, order)))
            telemetry.event(
                "submission_found", job_id=self._payload["job_id"], generator=self._generator.name, prediction_id=handle.id
            )
            return self._submitted(record.submission, wanted=asked.is_wanted)
        if not step.is_last_look:
            return self._again(submission.sends, self._unknown(), step.seconds)
        return self._carry_out(not_found(submission, asked), record, asked, job, images)

    def _found(self, submission: Submission, order: Order) -> Handle | None:
        """A prediction that fits and is nobody else's. It may have been sent by another run, with a webhook of its own."""
        store, instances = self._services.submissions, submission.instances or [self._payload["instance"]]
        known = store.known_predictions(self._attempt)
        for url in dict.fromkeys(self._generator.provider.webhook_url(instance, self._attempt.attempt) for instance in instances):
            for handle in self._generator.find(replace(order, webhook_url=url), since=submission.first_sent_at):
                if handle.id not in known and store.claim(self._generator.provider.name, handle.id, self._attempt):
                    return handle
        return None

    # ---- answers ----

    def _verdict(self, record: Record) -> p.SubmitAnswer:
        """What is on record, told again without the deed."""
        submission, document = record.submission, record.submission.document
        if submission.state == "submitted":
            kept = self._services.pictures.find(self._payload["job_id"], self._payload["index"])
            if kept is not None and kept[1] == self._payload["attempt"]:
                look: p.Stored = {
                    "state": "stored", "output": kept[0], "ready_at": self._services.now().isoformat(), "left_gate": True,
                }  # fmt: skip
                return {"state": "ended", "sends": [*submission.sends[:-1], "paid"], "cost": submission.cost, "look": look}
            job = self._services.jobs.read(self._payload["job_id"])
            return self._submitted(submission, wanted=is_wanted(job))
        if submission.state == "ended":
            return {"state": "ended", "sends": submission.sends, "cost": submission.cost, "look": document["look"]}
        if submission.state == "failed":
            return {"state": "failed", "sends": submission.sends, "problem": document["problem"]}
        return {"state": "canceled", "sends": submission.sends}

    def _submitted(self, submission: Submission, *, wanted: bool) -> p.Submitted:
        instance = self._payload["instance"]
        is_told = submission.tells(instance) and self._generator.provider.webhook_url(instance, self._payload["attempt"])
        gate = None if self._measured is not None else self._services.gates.look(self._generator.provider.name)
        handle: p.Handle = submission.document["handle"]
        return {
            "state": "submitted", "sends": submission.sends, "cost": submission.cost, "handle": handle,
            "will_be_told": bool(is_told),
            "age_seconds": max(0.0, (self._services.now() - submission.sent_at).total_seconds()),
            "expected_seconds": self._measured if gate is None else gate.measured_seconds(self._generator.name),
            "is_wanted": wanted,
        }  # fmt: skip

    def _again(
        self, sends: list[SendState], problem: Problem, seconds: float | None, *, provider_failed: bool = False
    ) -> p.Again:
        return {
            "state": "again", "sends": sends, "after_seconds": seconds,
            "problem": problem.at(SUBMITTING).to_payload(),
            "provider_failed": provider_failed,
        }  # fmt: skip

    def _unknown(self, charged: Charged = "unknown") -> Problem:
        return Problem("provider_unavailable", charged=charged, params={"provider": self._generator.provider.label})

    def _change(self, record: Record, submission: Submission) -> None:
        self._services.submissions.change(record, submission)

    def _tell_submitted(self, handle: Handle, submission: Submission) -> None:
        telemetry.name_prediction(handle.id)
        telemetry.event(
            "submitted", job_id=self._payload["job_id"], index=self._payload["index"], attempt=self._payload["attempt"],
            generator=self._generator.name, prediction_id=handle.id,
            possible_duplicate=bool(submission.document["possible_duplicate"]),
        )  # fmt: skip

    # ---- what is sent ----

    def _images(self) -> tuple[Image, ...]:
        """Read, and their links signed, before the intent is on record, so that the send follows it at once. None of a job that
        is deleted.

        Raises NoSuchJob.
        """
        try:
            return tuple(map(self._image, self._payload["images"]))
        except Missing:
            job = self._services.jobs.read(self._payload["job_id"])
            if job is None:
                raise NoSuchJob(self._payload["job_id"]) from None
            if is_wanted(job):
                raise
            return ()

    def _image(self, name: str) -> Image:
        """By link on the first attempt only: the failure that ended it may have been a link that its provider could not fetch
        (BFL's `Error`). The number of an attempt is in the story, so one that is told again sends the same."""
        data = self._services.blobs.get_image(name)
        timeout = timedelta(seconds=self._payload["timeout_seconds"])
        url = self._services.sent_images.link(name, timeout) if self._payload["attempt"] == 1 else None
        return data if url is None else Linked(data, url)

    def _order(self, record: Record, job: Any, images: tuple[Image, ...]) -> Order:
        """As its latest send went, or is to go."""
        asked = job["input"]
        prompt, aspect_ratio = sent_of(job, self._payload["index"])
        return Order(
            reference=f"{self._payload['job_id']}/{self._payload['index']}",
            webhook_url=self._generator.provider.webhook_url(self._payload["instance"], self._payload["attempt"]),
            prompt=prompt, images=self._as_sent(images, record.submission), roles=KINDS[job["kind"]].roles,
            aspect_ratio=aspect_ratio,
            output_format=asked["output_format"], safety_tolerance=asked["safety_tolerance"],
            seed=job["seeds"][self._payload["index"]],
        )  # fmt: skip

    def _as_sent(self, images: tuple[Image, ...], submission: Submission) -> tuple[Image, ...]:
        if submission.is_by_link:
            return images
        # The former version sent them as they were prepared, and what it sent is found by that.
        return self._inside(images) if submission.says_how_sent else tuple(map(bytes_of, images))


def _has_links(images: tuple[Image, ...]) -> bool:
    return any(isinstance(image, Linked) for image in images)


def _inside(images: tuple[Image, ...]) -> tuple[bytes, ...]:
    """As they go within a request."""
    return tuple(for_inline(bytes_of(image)) for image in images)
