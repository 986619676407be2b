"""Timer and queue triggers."""

import asyncio
import base64
import logging
import os
from datetime import datetime, timedelta
from typing import Any

import azure.functions as func

from devhost import threads
from devhost.app_loader import Function, resolve_settings
from devhost.http_host import Invoker
from devhost.replay import format_time, parse_time
from devhost.taskhub import TaskHub, utc_now

log = logging.getLogger("devhost.triggers")

MAX_DEQUEUE_COUNT = 5
_QUEUE_VISIBILITY_SECONDS = 600
_QUEUE_IDLE_SECONDS = 1.0


def next_due(schedule: str, after: datetime) -> datetime:
    """When a schedule is due next: NCRONTAB with seconds first (six fields; five begin at minutes), or a TimeSpan."""
    if ":" in schedule and " " not in schedule.strip():
        *days, clock = schedule.strip().split(".")
        hours, minutes, seconds = (int(p) for p in clock.split(":"))
        return after + timedelta(days=int(days[0]) if days else 0, hours=hours, minutes=minutes, seconds=seconds)
    from croniter import croniter

    # NCRONTAB wants day of month and day of week both; cron would take either.
    fields = schedule.split()
    expression = " ".join(fields if len(fields) == 6 else ["0", *fields])
    moment: datetime = croniter(expression, after, second_at_beginning=True, day_or=False).get_next(datetime)
    return moment


class TimerTriggers:
    """Runs timer functions; one never overlaps itself. When it is due next survives a restart."""

    def __init__(self, functions: list[Function], hub: TaskHub, invoker: Invoker) -> None:
        self._functions = functions
        self._hub = hub
        self._invoker = invoker

    def start(self) -> list[asyncio.Task[None]]:
        return [asyncio.create_task(self._run(f)) for f in self._functions]

    async def _run(self, function: Function) -> None:
        schedule = str(resolve_settings(function.trigger.schedule))
        last, kept = self._hub.timer_state(function.name)
        due = next_due(schedule, utc_now())
        if kept:
            # The earlier one: what was missed is made up for, and a schedule that was changed since counts at once.
            due = min(due, parse_time(kept))
        if function.trigger.run_on_startup:
            await self._fire(function, last, due, past_due=False)
            last = format_time(utc_now())
        while True:
            self._hub.keep_timer(function.name, last, format_time(due))
            await asyncio.sleep(max(0.0, (due - utc_now()).total_seconds()))
            late = utc_now() - due > timedelta(seconds=1)
            await self._fire(function, last, next_due(schedule, utc_now()), past_due=late)
            last, due = format_time(utc_now()), next_due(schedule, max(utc_now(), due))

    async def _fire(self, function: Function, last: str | None, following: datetime, *, past_due: bool) -> None:
        try:
            await self._invoker.call(function, timer_request(last, format_time(following), past_due=past_due))
        except Exception:
            log.exception("timer function %s failed", function.name)


def timer_request(last: str | None, following: str, *, past_due: bool) -> func.TimerRequest:
    """What a timer function gets: when it ran last and when it will run next, as the host tells them."""
    from azure.functions.timer import TimerRequest

    status = {"Last": last, "Next": following, "LastUpdated": last}
    return TimerRequest(past_due=past_due, schedule_status=status, schedule={"AdjustForDST": True})


class QueueTriggers:
    """Polls storage queues. A message that fails five times goes to `<queue>-poison`."""

    def __init__(self, functions: list[Function], invoker: Invoker) -> None:
        self._functions = functions
        self._invoker = invoker

    def start(self) -> list[asyncio.Task[None]]:
        if self._functions:
            # In the cloud it is the host that polls; its client tells the worker's log nothing.
            logging.getLogger("azure.core").setLevel(logging.WARNING)
        return [asyncio.create_task(self._run(f)) for f in self._functions]

    async def _run(self, function: Function) -> None:
        from azure.core.exceptions import AzureError, ResourceExistsError
        from azure.storage.queue import QueueClient

        name = str(resolve_settings(function.trigger.queue_name))
        setting = function.trigger.connection or "AzureWebJobsStorage"
        connection = os.environ.get(setting) or os.environ.get(f"AzureWebJobs{setting}")
        if not connection:
            log.error("queue function %s does not run: the connection string %s is not set", function.name, setting)
            return
        queue, poison = (QueueClient.from_connection_string(connection, n) for n in (name, f"{name}-poison"))
        created = False
        while True:
            try:
                if not created:
                    try:
                        await threads.run(queue.create_queue)
                    except ResourceExistsError:
                        pass
                    created = True
                message = await threads.run(queue.receive_message, visibility_timeout=_QUEUE_VISIBILITY_SECONDS)
                if message is None:
                    await asyncio.sleep(_QUEUE_IDLE_SECONDS)
                else:
                    await self._deliver(function, queue, poison, message)
            except AzureError as error:
                log.warning("queue %s: %s", name, type(error).__name__)
                await asyncio.sleep(_QUEUE_IDLE_SECONDS)

    async def _deliver(self, function: Function, queue: Any, poison: Any, message: Any) -> None:
        try:
            await self._invoker.call(function, queue_message(message))
        except Exception:
            log.exception("queue function %s failed (attempt %s)", function.name, message.dequeue_count)
            if message.dequeue_count < MAX_DEQUEUE_COUNT:
                await threads.run(queue.update_message, message, visibility_timeout=0)
                return
            from azure.core.exceptions import ResourceExistsError

            try:
                await threads.run(poison.create_queue)
            except ResourceExistsError:
                pass
            await threads.run(poison.send_message, message.content)
        await threads.run(queue.delete_message, message)


def queue_message(message: Any) -> func.QueueMessage:
    """A storage queue message as the trigger hands it over; the host's encoding is base64, plain text is taken too."""
    from azure.functions.queue import QueueMessage

    try:
        body = base64.b64decode(message.content, validate=True).decode()
    except ValueError:
        body = message.content
    return QueueMessage(
        id=message.id, body=body, dequeue_count=message.dequeue_count, expiration_time=message.expires_on,
        insertion_time=message.inserted_on, time_next_visible=message.next_visible_on, pop_receipt=message.pop_receipt,
    )  # fmt: skip
