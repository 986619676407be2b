"""One picture: submit, look until it ends, store what came out; or stop at the deadline or when canceled."""

from datetime import timedelta
from typing import Any

import azure.durable_functions as df

from orchestrators.steps import ActivityFailed, Steps, call, pause
from shared import names
from shared.domain.job import GENERATING, STORING, SUBMITTING, WAITING, status_at
from shared.domain.polling import eta_seconds, generating_progress, poll_delay, retry_delay
from shared.domain.problem import Problem, timed_out

blueprint = df.Blueprint()


@blueprint.orchestration_trigger(context_name="context", orchestration=names.MAKE_PICTURE)
def make_picture(context: df.DurableOrchestrationContext) -> Steps:
    result = yield from picture_story(context, context.get_input())
    return result


def picture_story(context: df.DurableOrchestrationContext, order: dict[str, Any]) -> Steps:
    """Make the picture that `order` describes; returns its end as data and never raises.

    `{"state": "stored" | "failed" | "canceled", "output"?, "problem"?, "attempts", "possible_duplicate", ...}`
    """
    story = _Story(context, order)
    try:
        end = yield from story.tell()
    except ActivityFailed:
        end = {"state": "failed", "problem": Problem("internal", charged="unknown" if story.attempts else "no").to_payload()}
    return {
        "attempts": story.attempts, "possible_duplicate": story.possible_duplicate,
        "submitted_at": story.submitted_at, "ready_at": story.ready_at, **end,
    }  # fmt: skip


class _Story:
    """What the steps of one picture share. Rebuilt by every replay, so it holds nothing but what the history gave."""

    def __init__(self, context: df.DurableOrchestrationContext, order: dict[str, Any]) -> None:
        self.context = context
        self.order = order
        self.limits = order["limits"]
        # One wait for the whole story: see pause().
        self.cancel = context.wait_for_external_event(names.EVENT_CANCEL)
        self.attempts = 0
        self.possible_duplicate = False
        self.submitted_at: str | None = None
        self.ready_at: str | None = None

    def tell(self) -> Steps:
        queue_ends = self.context.current_utc_datetime + timedelta(seconds=self.limits["queue_timeout_seconds"])
        deadline = None
        for attempt in range(1, self.limits["max_attempts"] + 1):
            submission = yield from self._submit(attempt, queue_ends)
            if submission["state"] != "submitted":
                return submission
            self.attempts = attempt
            self.possible_duplicate |= submission["possible_duplicate"]
            self.submitted_at = self.submitted_at or self.context.current_utc_datetime.isoformat()
            # One deadline for all attempts, from the first submit.
            deadline = deadline or self.context.current_utc_datetime + timedelta(
                seconds=self.limits["generation_timeout_seconds"]
            )
            end = yield from self._await(submission["handle"], deadline)
            if not end.get("may_resubmit") or self.context.current_utc_datetime >= deadline:
                break
            if (yield from pause(self.context, retry_delay(attempt - 1, None, self._jitter()), self.cancel)):
                return {"state": "canceled"}
        return end

    def _submit(self, attempt: int, queue_ends: Any) -> Steps:
        """Submit as soon as the provider takes it; refusals are waited out until the queue's own deadline."""
        refusals = 0
        while True:
            self._show(status_at(SUBMITTING))
            submission = yield from call(self.context, names.SUBMIT_PREDICTION, {
                **self._names(), "attempt": attempt, "images": self.order["images"],
                "timeout_seconds": self.limits["generation_timeout_seconds"],
            })  # fmt: skip
            if submission["state"] != "wait":
                return submission
            delay = retry_delay(refusals, submission["after_seconds"], self._jitter())
            if self.context.current_utc_datetime + delay > queue_ends:
                return {"state": "failed", "problem": submission["problem"]}
            self._show(status_at(WAITING))
            if (yield from pause(self.context, delay, self.cancel)):
                return {"state": "canceled"}
            refusals += 1

    def _await(self, handle: dict[str, Any], deadline: Any) -> Steps:
        """Look at the prediction until it ends, the deadline comes or the user cancels."""
        submitted = self.context.current_utc_datetime
        polls, fetches, fetch_ends = 0, 0, None
        delay = poll_delay(polls, self.limits["poll_interval_seconds"])
        while True:
            elapsed = (self.context.current_utc_datetime - submitted).total_seconds()
            if fetch_ends is None:
                expected = self.order["expected_seconds"]
                self._show(status_at(GENERATING) | {
                    "progress": generating_progress(elapsed, expected), "eta_seconds": eta_seconds(elapsed, expected),
                })  # fmt: skip
            if fetch_ends is not None:
                yield self.context.create_timer(self.context.current_utc_datetime + delay)
            elif (yield from pause(self.context, delay, self.cancel)):
                yield from self._stop(handle)
                return {"state": "canceled"}
            look = yield from self._look(handle, submitted)
            polls += 1
            now = self.context.current_utc_datetime
            if look["state"] in ("stored", "failed"):
                self.ready_at = self.ready_at or look.get("ready_at")
                return look
            if look["state"] == "unstored":
                # Paid for: its picture is fetched for a while longer, whatever the deadline or the user says.
                self.ready_at = self.ready_at or look["ready_at"]
                fetch_ends = fetch_ends or now + timedelta(seconds=self.limits["fetch_timeout_seconds"])
                if now >= fetch_ends:
                    return {"state": "failed", "problem": look["problem"]}
                self._show(status_at(STORING))
                delay = retry_delay(fetches, None, self._jitter())
                fetches += 1
                continue
            if now >= deadline or polls >= self.limits["poll_max_attempts"]:
                yield from self._stop(handle)
                return {
                    "state": "failed",
                    "problem": timed_out(self.limits["generation_timeout_seconds"], "unknown").at(GENERATING).to_payload(),
                }
            delay = max(timedelta(seconds=1), min(poll_delay(polls, self.limits["poll_interval_seconds"]), deadline - now))

    def _look(self, handle: dict[str, Any], submitted: Any) -> Steps:
        """One look. Trouble on our side ends no job that has a handle: it is looked at again until the deadline."""
        try:
            look = yield from call(self.context, names.CHECK_PREDICTION, {
                **self._names(), "handle": handle,
                "age_seconds": (self.context.current_utc_datetime - submitted).total_seconds(),
                "seed": self.order["seed"], "preset": self.order["preset"], "label": self.order["label"],
            })  # fmt: skip
        except ActivityFailed:
            return {"state": "running"}
        return look

    def _stop(self, handle: dict[str, Any]) -> Steps:
        """Cancel the prediction where the provider can; its refusal changes nothing for the user."""
        for retries in range(3):
            try:
                answer = yield from call(self.context, names.CANCEL_PREDICTION, {**self._names(), "handle": handle})
            except ActivityFailed:
                return
            if not answer["retryable"]:
                return
            yield self.context.create_timer(self.context.current_utc_datetime + retry_delay(retries, None, self._jitter()))

    def _names(self) -> dict[str, Any]:
        return {"job_id": self.order["job_id"], "index": self.order["index"], "generator": self.order["generator"]}

    def _show(self, status: dict[str, Any]) -> None:
        self.context.set_custom_status({**status, "started_at": self.order["started_at"], "attempts": max(1, self.attempts)})

    def _jitter(self) -> float:
        """0..1, the same in every replay: the SDK derives the id from the instance and its history."""
        return float(self.context.new_guid().int % 1000) / 1000
