"""The two ways an orchestrator waits: for activities, and for time. Used with `yield from`."""

from collections.abc import Generator
from datetime import timedelta
from typing import Any

import azure.durable_functions as df

#: An activity that raises met something nobody classified (storage away, a bug): worth a few more tries, not a hot loop.
RAISED_DELAYS_SECONDS = (2, 5, 15)
#: For steps whose work may be paid for already.
PATIENT_DELAYS_SECONDS = (2, 5, 15, 30, 60, 120, 300)
#: For those without which a finished job would stay open: six hours of storage being away.
LASTING_DELAYS_SECONDS = (*PATIENT_DELAYS_SECONDS, *(600,) * 36)

Steps = Generator[Any, Any, Any]
#: An activity's name and payload.
Call = tuple[str, dict[str, Any]]


class ActivityFailed(Exception):
    """An activity raised each time. The text is a name only: the engine's own text may hold what a log must not."""


def end_all(context: df.DurableOrchestrationContext, tasks: list[Any]) -> Steps:
    """What came of each task once all have ended: its result, or None where it failed.

    task_all would go on with the first failure and forget the others, which still run.
    """
    while open_tasks := [task for task in tasks if not task.is_completed]:
        yield context.task_any(open_tasks)
    return [None if isinstance(task.result, Exception) else task.result for task in tasks]


def try_all(
    context: df.DurableOrchestrationContext,
    calls: list[Call],
    delays_seconds: tuple[int, ...] = RAISED_DELAYS_SECONDS,
) -> Steps:
    """The answers to several calls, run side by side; None for one that raised each time.

    Retried by hand on durable timers: the SDK's retry options go wrong inside pools and cannot honour a Retry-After
    (durable-host reference 4.6, 7). What has been answered is not asked again.
    """
    answers: list[Any] = [None] * len(calls)
    for delay in (*delays_seconds, None):
        left = [i for i, answer in enumerate(answers) if answer is None]
        ended = yield from end_all(context, [context.call_activity(*calls[i]) for i in left])
        for i, answer in zip(left, ended, strict=True):
            answers[i] = answer
        if delay is None or None not in answers:
            break
        yield context.create_timer(context.current_utc_datetime + timedelta(seconds=delay))
    return answers


def call_all(
    context: df.DurableOrchestrationContext,
    calls: list[Call],
    delays_seconds: tuple[int, ...] = RAISED_DELAYS_SECONDS,
) -> Steps:
    """As try_all, but all or nothing: raises ActivityFailed."""
    answers = yield from try_all(context, calls, delays_seconds)
    raised = {name for (name, _), answer in zip(calls, answers, strict=True) if answer is None}
    if raised:
        raise ActivityFailed(", ".join(sorted(raised)))
    return answers


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
