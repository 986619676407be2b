"""One picture: wait for a slot, submit, look until it ends, store what came out; or stop at a deadline or when canceled."""

from datetime import timedelta
from typing import Any

import azure.durable_functions as df

from orchestrators.steps import PATIENT_DELAYS_SECONDS, ActivityFailed, Steps, call, pause
from shared import names
from shared.domain.job import GENERATING, STAGE_PROGRESS, STORING, SUBMITTING, VALIDATING, WAITING, status_at
from shared.domain.polling import eta_seconds, generating_progress, poll_delay, retry_delay
from shared.domain.problem import Problem, timed_out

blueprint = df.Blueprint()

#: What another provider may do better. Moderation is not among these: it would refuse as well, or should have.
_ELSEWHERE = ("provider_unavailable", "provider_auth_failed", "provider_quota_exhausted")
#: Where there is another provider, this one is not asked more often before it is left.
_REFUSALS_BEFORE_FALLBACK = 3
_CANCEL_TRIES = 3


@blueprint.orchestration_trigger(context_name="context", orchestration=names.MAKE_PICTURE)
def make_picture(context: df.DurableOrchestrationContext) -> Steps:
    picture = yield from picture_story(context, context.get_input())
    if picture["slot"] and not picture["leftover"]:
        try:
            yield from call(context, names.LEAVE_GATE, picture["slot"])
        except ActivityFailed:
            # The job gives it back with its end. What was made is not lost for that.
            return picture
        picture["slot"] = None
    return picture


def picture_story(context: df.DurableOrchestrationContext, order: dict[str, Any]) -> Steps:
    """Make the picture that `order` describes; returns its end as data and never raises.

    `{"state": "stored" | "failed" | "canceled", "output"?, "problem"?, ...}`; `slot` is what LEAVE_GATE must be told when
    the slot is not needed any more, `leftover` a prediction that goes on at the provider.
    """
    story = _Story(context, order)
    try:
        end = yield from story.tell()
    except ActivityFailed:
        end = story.truly({"state": "failed", "problem": Problem("internal").to_payload()})
    return {**story.facts(end), **end}


def lost_picture(order: dict[str, Any]) -> dict[str, Any]:
    """The end of a picture whose orchestration was taken away: nobody can tell what it has paid for."""
    return {
        "index": order["index"], "generator": order["generators"][0]["name"], "attempts": 0, "polls": 0, "fallback_used": False,
        "possible_duplicate": False, "submitted_at": None, "ready_at": None, "leftover": None, "slot": None,
        "progress": STAGE_PROGRESS[VALIDATING],
        "state": "failed", "problem": Problem("internal", charged="unknown").to_payload(),
    }  # fmt: skip


class _Story:
    """What the steps of one picture share. Rebuilt by every replay, so it holds nothing but what the history gave."""

    def __init__(self, context: df.DurableOrchestrationContext, order: dict[str, Any]) -> None:
        self.context = context
        self.order = order
        self.limits = order["limits"]
        # One wait for the whole story: see pause().
        self.cancel = context.wait_for_external_event(names.EVENT_CANCEL)
        self.queue_ends = context.current_utc_datetime + timedelta(seconds=self.limits["queue_timeout_seconds"])
        self.deadline: Any = None
        self.resubmit_until: Any = None
        self.generators = list(order["generators"])
        self.generator = self.generators.pop(0)
        self.expected_seconds = float(self.generator["expected_seconds"])
        self.has_slot = False
        self.slot_waits = 0
        self.submissions = 0
        self.attempts = 0
        self.polls = 0
        self.fallback_used = False
        self.possible_duplicate = False
        #: A send's answer was lost and its prediction not found: nobody knows whether it was made, and so paid for.
        self.is_unsettled = False
        #: The same of the sends before the one that is tried now.
        self.was_unsettled = False
        #: A prediction ended badly and may be charged all the same.
        self.may_be_charged = False
        #: The provider failed since the gate was last told.
        self.has_failed = False
        self.submit_calls = 0
        self.progress = STAGE_PROGRESS[VALIDATING]
        self.leftover: dict[str, Any] | None = None
        self.submitted_at: str | None = None
        self.ready_at: str | None = None

    def facts(self, end: dict[str, Any]) -> dict[str, Any]:
        return {
            "index": self.order["index"], "generator": self.generator["name"], "attempts": self.attempts, "polls": self.polls,
            "fallback_used": self.fallback_used, "possible_duplicate": self.possible_duplicate,
            "submitted_at": self.submitted_at, "ready_at": self.ready_at, "leftover": self.leftover, "progress": self.progress,
            "slot": {**self._names(), "outcome": self._outcome(end)} if self.has_slot else None,
        }  # fmt: skip

    def tell(self) -> Steps:
        """One provider after another; mostly there is only one."""
        end = yield from self._make()
        while self.generators and not self.is_unsettled and _is_worth_trying_elsewhere(end):
            if self.has_slot:
                yield from call(self.context, names.LEAVE_GATE, {**self._names(), "outcome": self._outcome(end)})
                self.has_slot = False
            self.may_be_charged |= end["problem"]["charged"] != "no"
            self.generator, self.resubmit_until = self.generators.pop(0), None
            self.fallback_used, self.has_failed = True, False
            end = yield from self._make()
        return self.truly(end)

    def truly(self, end: dict[str, Any]) -> dict[str, Any]:
        """The end, which tells of the last send only, with a charge that holds for the ones before as well."""
        problem = end.get("problem") or {}
        if (self.is_unsettled or self.may_be_charged) and problem.get("charged") == "no":
            return {**end, "problem": {**problem, "charged": "unknown"}}
        return end

    def _make(self) -> Steps:
        """All that one provider does for this picture: a slot, then predictions until one ends or nothing is worth a try."""
        refusals, attempts, is_lost = 0, 0, False
        end: dict[str, Any] | None = None
        self._begin_submission()
        while True:
            # A lost send may be running: it keeps its slot, and is looked for whatever becomes of the gate.
            closed = None if is_lost else (yield from self._take_slot())
            if closed and closed["state"] == "canceled":
                return closed
            if end and (closed or (self._is_too_late() and not is_lost)):
                # Nothing more came of it than the prediction that failed.
                return end
            if closed:
                return closed
            submission = yield from self._submit()
            if submission["state"] == "wait":
                refusals, is_lost = refusals + 1, submission["is_lost"]
                self.has_failed |= submission["provider_failed"]
                delay = retry_delay(refusals - 1, submission["after_seconds"], self._jitter())
                may_leave = self.generators and not self.is_unsettled
                is_hopeless = may_leave and self.has_failed and refusals >= _REFUSALS_BEFORE_FALLBACK
                if is_hopeless or self.context.current_utc_datetime + delay > self._waits_until(is_lost):
                    return {"state": "failed", "problem": submission["problem"]}
                self._show(status_at(WAITING))
                if is_lost:
                    # Something may have been made: that is found out first, and then canceled as what it is.
                    yield self.context.create_timer(self.context.current_utc_datetime + delay)
                elif (yield from pause(self.context, delay, self.cancel)):
                    return {"state": "canceled"}
                continue
            if submission["state"] != "submitted":
                return submission
            attempts, is_lost, self.has_failed = attempts + 1, False, False
            end = yield from self._await(submission)
            if attempts > min(end.get("resubmits", 0), self.limits["max_attempts"] - 1) or self._is_too_late():
                return end
            self.has_failed = True
            self.may_be_charged |= end["problem"]["charged"] != "no"
            self._begin_submission()
            if (yield from pause(self.context, retry_delay(attempts - 1, None, self._jitter()), self.cancel)):
                return {"state": "canceled"}

    def _begin_submission(self) -> None:
        self.submissions += 1
        self.was_unsettled = self.is_unsettled

    def _is_too_late(self) -> bool:
        """Whether the time of the first prediction has passed: no other is started then."""
        return bool(self.context.current_utc_datetime >= self.resubmit_until)

    def _waits_until(self, is_lost: bool = False) -> Any:
        """The queue's deadline, or that of the first prediction; but a submit whose outcome is unknown may be paid for, so
        there is more time to find it."""
        if is_lost:
            return self.queue_ends + timedelta(seconds=self.limits["generation_timeout_seconds"])
        return min(self.queue_ends, self.resubmit_until or self.queue_ends)

    def _take_slot(self) -> Steps:
        """None with a slot in hand, else how the picture ends."""
        if self.has_slot and not self.has_failed:
            return None
        while True:
            self.slot_waits += 1
            event = names.slot_event(self.slot_waits)
            # The wait comes first: the event may be there before the answer.
            given = self.context.wait_for_external_event(event)
            # From here on there may be something to give back, a slot or a place: the gate may be written without an answer.
            self.has_slot = True
            place = yield from call(self.context, names.ENTER_GATE, {
                **self._names(), "instance": self.context.instance_id, "event": event, "failed": self.has_failed,
                "may_wait_when_down": self.limits["may_wait_when_down"] and not self.generators,
            }, PATIENT_DELAYS_SECONDS)  # fmt: skip
            self.has_failed = False
            self.has_slot = place["state"] in ("granted", "waiting")
            if place["state"] == "closed":
                return {"state": "failed", "problem": place["problem"]}
            if place["state"] == "canceled":
                return {"state": "canceled"}
            if place["state"] == "granted":
                self.expected_seconds = place["expected_seconds"]
                return None
            left = self._waits_until() - self.context.current_utc_datetime
            if left <= timedelta(0):
                too_long = timed_out(self.limits["queue_timeout_seconds"], "no").at(WAITING).to_payload()
                return {"state": "failed", "problem": place["problem"] or too_long}
            self._show(status_at(WAITING, eta_seconds=round(place["wait_seconds"] + self.expected_seconds)))
            delay = max(timedelta(seconds=1), min(timedelta(seconds=place["look_again_seconds"]), left))
            if (yield from pause(self.context, delay, self.cancel, given)):
                return {"state": "canceled"}
            if given.is_completed:
                return None

    def _submit(self) -> Steps:
        self._show(status_at(SUBMITTING))
        self.submit_calls += 1
        # Until it is known better: what raises may have sent.
        self.is_unsettled = True
        submission = yield from call(self.context, names.SUBMIT_PREDICTION, {
            **self._names(), "attempt": self.submissions, "call": self.submit_calls, "images": self.order["images"],
            "instance": self.context.instance_id, "timeout_seconds": self.limits["generation_timeout_seconds"],
        }, PATIENT_DELAYS_SECONDS)  # fmt: skip
        self.is_unsettled = self.was_unsettled or submission["is_unsettled"]
        self.possible_duplicate |= submission["possible_duplicate"]
        if submission["state"] == "submitted":
            self.attempts += 1
            now = self.context.current_utc_datetime
            self.submitted_at = self.submitted_at or now.isoformat()
            # Each prediction has its time; none is started after the first one's has passed.
            self.deadline = now + timedelta(seconds=self.limits["generation_timeout_seconds"])
            self.resubmit_until = self.resubmit_until or self.deadline
        return submission

    def _await(self, submission: dict[str, Any]) -> Steps:
        """Look at the prediction until it ends, the deadline comes or the user cancels."""
        handle, submitted = submission["handle"], self.context.current_utc_datetime
        # Where the provider calls us when it has ended, polling is the safety net.
        is_told = submission["will_be_told"]
        told = [self.context.wait_for_external_event(names.ended_event(self.submissions))] if is_told else []
        polls, fetches, fetch_ends, unstored = 0, 0, None, None
        delay = poll_delay(polls, self.limits["poll_interval_seconds"], is_told)
        while True:
            if fetch_ends is None:
                elapsed = (self.context.current_utc_datetime - submitted).total_seconds()
                self._show(status_at(
                    GENERATING, progress=generating_progress(elapsed, self.expected_seconds),
                    eta_seconds=eta_seconds(elapsed, self.expected_seconds),
                ))  # fmt: skip
                told = [event for event in told if not event.is_completed]
                if (yield from pause(self.context, delay, self.cancel, *told)):
                    return (yield from self._stop(handle, submitted, {"state": "canceled"}))
            else:
                yield self.context.create_timer(self.context.current_utc_datetime + delay)
            look = yield from self._look(handle, submitted)
            polls += 1
            now = self.context.current_utc_datetime
            if look["state"] == "stored" or (look["state"] == "failed" and unstored is None):
                self.ready_at = self.ready_at or look.get("ready_at")
                return look
            if look["state"] == "unstored":
                self.ready_at, unstored = self.ready_at or look["ready_at"], look["problem"]
                fetch_ends = fetch_ends or now + timedelta(seconds=self.limits["fetch_timeout_seconds"])
            if fetch_ends is not None:
                # Paid for: its picture is fetched for a while longer, whatever the deadline, the user or a later look says.
                if now >= fetch_ends:
                    # And longer still, but nobody waits for it.
                    self.leftover = self._look_at(handle, submitted)
                    return {"state": "failed", "problem": unstored}
                self._show(status_at(STORING))
                delay = retry_delay(fetches, None, self._jitter())
                fetches += 1
                continue
            if now >= self.deadline or polls >= self.limits["poll_max_attempts"]:
                problem = timed_out(self.limits["generation_timeout_seconds"], "unknown").at(GENERATING).to_payload()
                return (yield from self._stop(handle, submitted, {"state": "failed", "problem": problem}))
            asked = timedelta(seconds=look.get("after_seconds") or 0)
            # A call that came before its end could be seen is not repeated: from then on it is looked for as without calls.
            is_told = any(not event.is_completed for event in told)
            delay = max(poll_delay(polls, self.limits["poll_interval_seconds"], is_told), asked)
            delay = max(timedelta(seconds=1), min(delay, self.deadline - now))

    def _look(self, handle: dict[str, Any], submitted: Any) -> Steps:
        """One look. Trouble on our side ends no job that has a handle: it is looked at again until the deadline."""
        self.polls += 1
        try:
            look = yield from call(self.context, names.CHECK_PREDICTION, self._look_at(handle, submitted))
        except ActivityFailed:
            return {"state": "running"}
        return look

    def _look_at(self, handle: dict[str, Any], submitted: Any) -> dict[str, Any]:
        return {
            **self._names(), "handle": handle, "age_seconds": (self.context.current_utc_datetime - submitted).total_seconds(),
            "seed": self.order["seed"], "preset": self.order["preset"], "label": self.order["label"],
        }  # fmt: skip

    def _stop(self, handle: dict[str, Any], submitted: Any, end: dict[str, Any]) -> Steps:
        """Cancel the prediction where the provider can, and return `end`; or the picture, if it was quicker and is paid for.

        A prediction that cannot be canceled is left to finish: it holds its slot until then.
        """
        state = "going on"
        for tries in range(_CANCEL_TRIES):
            if tries:
                delay = retry_delay(tries - 1, None, self._jitter())
                yield self.context.create_timer(self.context.current_utc_datetime + delay)
            try:
                answer = yield from call(self.context, names.CANCEL_PREDICTION, {**self._names(), "handle": handle})
            except ActivityFailed:
                break
            state = answer["state"]
            if not answer["retryable"]:
                break
        if state == "finished":
            look = yield from self._look(handle, submitted)
            if look["state"] in ("stored", "failed"):
                self.ready_at = look.get("ready_at")
                # A job that was canceled stays so, but says what it has paid for.
                return look if look["state"] == "stored" or end["state"] == "failed" else {**end, "problem": look["problem"]}
        if state != "canceled":
            self.leftover = self._look_at(handle, submitted)
        return end

    def _names(self) -> dict[str, Any]:
        return {
            "job_id": self.order["job_id"],
            "index": self.order["index"],
            "generator": self.generator["name"],
            "traceparent": self.order["traceparent"],
        }

    def _show(self, status: dict[str, Any]) -> None:
        # A picture that is tried again goes back a stage, but the bar does not.
        self.progress = max(self.progress, status["progress"])
        self.context.set_custom_status({
            **status, "progress": self.progress, "started_at": self.order["started_at"], "attempts": max(1, self.attempts),
            "provider": self.generator["name"], "fallback_used": self.fallback_used,
        })  # fmt: skip

    def _jitter(self) -> float:
        """0..1, the same in every replay: the SDK derives the id from the instance and its history."""
        return float(self.context.new_guid().int % 1000) / 1000

    def _outcome(self, end: dict[str, Any]) -> str | None:
        """What the gate is told of the provider: "ok", "failed", or None when this end says nothing about it."""
        code = (end.get("problem") or {}).get("code")
        if end["state"] == "stored" or code == "content_moderated":
            return "ok"
        return "failed" if self.has_failed or (code == "provider_unavailable" and "resubmits" in end) else None


def _is_worth_trying_elsewhere(end: dict[str, Any]) -> bool:
    """The provider did not do it, and it is sure that it will not charge for this picture (or says that it failed)."""
    problem = end.get("problem") or {}
    is_sure = problem.get("charged") == "no" or end.get("resubmits", 0) > 0
    return end["state"] == "failed" and problem.get("code") in _ELSEWHERE and is_sure
