"""Calls an activity as the Python worker does: values decoded and encoded by the SDK's own converter."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Any

from azure.functions import meta
from azure.functions.durable_functions import ActivityTriggerConverter

from devhost import replay
from devhost.replay import Event
from devhost.sanitiser import sanitised
from devhost.worker_deaths import WorkerDied


def decode_input(text: str | None) -> Any:
    return ActivityTriggerConverter.decode(meta.Datum(text if text is not None else "null", "string"), trigger_metadata=None)


def encode_result(value: Any) -> str:
    """Raises ValueError for what is not JSON."""
    return str(ActivityTriggerConverter.encode(value, expected_type=None).value)


def run_activity(
    call: Callable[[Any], Any], name: str, task_id: int, input_text: str | None, clock: Callable[[], datetime]
) -> tuple[Event, BaseException | None]:
    """The message that answers the orchestrator, and the exception to log. An exception is TaskFailed, never a redelivery."""
    try:
        value = call(decode_input(input_text))
        if asyncio.iscoroutine(value):
            raise TypeError(f"activity {name} returned a coroutine")
        return replay.task_completed(clock(), task_id, encode_result(value)), None
    except Exception as error:  # noqa: BLE001 - whatever user code raises
        text = sanitised(f"{type(error).__name__}: {error}")
        return replay.task_failed(clock(), task_id, name, text), error
    except WorkerDied as death:
        return replay.task_died(clock(), task_id, name, str(death)), death
