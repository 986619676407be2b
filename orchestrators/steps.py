"""The two ways an orchestrator waits: for activities, and for time. Used with `yield from`."""

import math
from collections.abc import Callable, Generator, Mapping, Sequence
from datetime import timedelta
from typing import Any, TypeVar

import azure.durable_functions as df

from shared.names import Activity

Steps = Generator[Any, Any, Any]
P = TypeVar("P", bound=Mapping[str, Any])
A = TypeVar("A")
#: The engine rounds down what is left of a timer when it is sent: n whole seconds are asked for as n + 0.9 (durable-host
#: reference 4.8).
_ROUNDED_AWAY = 0.9


class ActivityFailed(Exception):
    """An activity raised each time. The text is a name only: the engine's own text may hold what a log must not."""


def timer(context: df.DurableOrchestrationContext, seconds: float) -> Any:
    """A durable timer of at least `seconds`, in whole seconds; never of none, which would fire at once."""
    whole = max(1, math.ceil(seconds - 0.05))
    return context.create_timer(context.current_utc_datetime + timedelta(seconds=whole + _ROUNDED_AWAY))


def call(
    context: df.DurableOrchestrationContext, activity: Activity[P, A], payload: P, patience: Sequence[int]
) -> Generator[Any, Any, A]:
    """The answer of one activity; raises ActivityFailed."""
    answer: A
    (answer,) = yield from call_each(context, [(str(activity), payload)], patience)
    return answer


def call_each(
    context: df.DurableOrchestrationContext, calls: Sequence[tuple[str, Any]], patience: Sequence[int],
    before_wait: Callable[[set[int]], None] = lambda left: None,
) -> Generator[Any, Any, list[Any]]:  # fmt: skip
    """The answers of activities to their payloads, side by side. Raises ActivityFailed when one raised each time.

    Retried by hand on durable timers: the SDK's retry options go wrong inside pools and cannot honour a Retry-After
    (durable-host reference 4.6, 7). What has been answered is not asked again. `before_wait` hears before each wait which of them
    have not answered.
    """
    answers: dict[int, Any] = {}
    for delay in (*patience, None):
        left = [i for i in range(len(calls)) if i not in answers]
        tasks = [context.call_activity(*calls[i]) for i in left]
        while open_tasks := [task for task in tasks if not task.is_completed]:
            before_wait({i for i, task in zip(left, tasks, strict=True) if not task.is_completed})
            # task_all would go on with the first failure and forget the others, which still run.
            yield context.task_any(open_tasks)
        answers |= {i: task.result for i, task in zip(left, tasks, strict=True) if not isinstance(task.result, Exception)}
        if len(answers) == len(calls):
            return [answers[i] for i in range(len(calls))]
        if delay is not None:
            yield timer(context, delay)
    raise ActivityFailed(next(name for i, (name, _) in enumerate(calls) if i not in answers))


def begin(context: df.DurableOrchestrationContext, task: Any) -> Steps:
    """Let a task begin among others that are waited for already.

    Of a race that is partly old the engine gets the new part only, and begins nothing else until that has ended (durable-host
    reference 4.6). Raced with a short timer the task holds up nothing.
    """
    sleep = timer(context, 1)
    yield context.task_any([task, sleep])
    if not sleep.is_completed:
        sleep.cancel()


def pause(context: df.DurableOrchestrationContext, seconds: float, cancel: Any, *others: Any) -> Steps:
    """Wait for `seconds`, or until `cancel` (the wait for the cancel event) or one of the `others` is over.

    Returns whether it was canceled. The waits must be the same tasks in every round: a new wait each time would be given
    old events again (507).
    """
    if cancel.is_completed or any(other.is_completed for other in others):
        return cancel.is_completed
    sleep = timer(context, seconds)
    yield context.task_any([cancel, *others, sleep])
    if not sleep.is_completed:
        # An open timer would keep the instance running.
        sleep.cancel()
    return cancel.is_completed
