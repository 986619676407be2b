"""The two ways an orchestrator waits: for activities, and for time. Used with `yield from`."""

from collections.abc import Generator
from datetime import timedelta
from typing import Any

import azure.durable_functions as df

#: An activity that raises met something nobody classified (storage away, a bug): worth a few more tries, not a hot loop.
RAISED_DELAYS_SECONDS = (2, 5, 15)
#: For the step without which a finished job would stay open.
PATIENT_DELAYS_SECONDS = (2, 5, 15, 30, 60, 120, 300)

Steps = Generator[Any, Any, Any]


class ActivityFailed(Exception):
    """An activity raised each time. The text is a name only: the engine's own text may hold what a log must not."""


def call_all(
    context: df.DurableOrchestrationContext,
    calls: list[tuple[str, dict[str, Any]]],
    delays_seconds: tuple[int, ...] = RAISED_DELAYS_SECONDS,
) -> Steps:
    """The answers to several calls (activity, payload), run side by side; raises ActivityFailed.

    Retried by hand on durable timers: the SDK's retry options go wrong inside pools and cannot honour a Retry-After
    (durable-host reference 4.6, 7). Activities are idempotent, so all are repeated together.
    """
    for delay in (*delays_seconds, None):
        try:
            answers = yield context.task_all([context.call_activity(name, payload) for name, payload in calls])
        except Exception:  # noqa: BLE001 - the engine raises nothing more precise
            if delay is None:
                break
        else:
            return answers
        yield context.create_timer(context.current_utc_datetime + timedelta(seconds=delay))
    raise ActivityFailed(", ".join(sorted({name for name, _ in calls})))


def call(
    context: df.DurableOrchestrationContext,
    name: str,
    payload: dict[str, Any],
    delays_seconds: tuple[int, ...] = RAISED_DELAYS_SECONDS,
) -> Steps:
    """The answer of one activity; raises ActivityFailed."""
    (answer,) = yield from call_all(context, [(name, payload)], delays_seconds)
    return answer


def pause(context: df.DurableOrchestrationContext, length: timedelta, cancel: Any, *others: Any) -> Steps:
    """Wait for `length`, or until `cancel` (the wait for the cancel event) or one of the `others` is over.

    Returns whether it was canceled. The waits must be the same tasks in every round: a new wait each time would be given
    old events again (507).
    """
    if cancel.is_completed or any(other.is_completed for other in others):
        return cancel.is_completed
    timer = context.create_timer(context.current_utc_datetime + length)
    yield context.task_any([cancel, *others, timer])
    if not timer.is_completed:
        # An open timer would keep the instance running.
        timer.cancel()
    return cancel.is_completed
