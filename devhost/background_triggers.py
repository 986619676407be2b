"""Timer and queue triggers."""

import asyncio
import base64
import contextlib
import logging
import os
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import azure.functions as func

from devhost import threads
from devhost.app_loader import Function, resolve_settings
from devhost.http_host import Invoker
from devhost.replay import format_time, parse_time
from devhost.taskhub import TaskHub, utc_now

log = logging.getLogger("devhost.triggers")

#: How long a message that is worked on is hidden. The host hides it anew while that lasts; here nothing takes so long.
_QUEUE_VISIBILITY_SECONDS = 600
#: Of a queue that was empty a moment ago; it doubles up to the rules' longest.
_SHORTEST_PAUSE_SECONDS = 0.1
_POISON = "-poison"


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


class InvalidQueueRules(Exception):
    """host.json's `extensions.queues` says what the host does not take."""


@dataclass(frozen=True)
class QueueRules:
    """host.json's `extensions.queues` (learn.microsoft.com/azure/azure-functions/functions-bindings-storage-queue, "host.json
    settings"): how many messages are worked on at once, and what becomes of one that fails."""

    batch_size: int = 16
    new_batch_threshold: int = 8
    max_dequeue_count: int = 5
    visibility_seconds: float = 0.0
    max_polling_seconds: float = 60.0
    is_base64: bool = True

    @classmethod
    def of(cls, host: dict[str, Any]) -> "QueueRules":
        """Raises InvalidQueueRules."""
        given = {str(name).lower(): value for name, value in dict(host.get("extensions", {}).get("queues", {})).items()}
        try:
            batch_size = int(given.get("batchsize", cls.batch_size))
            rules = cls(
                batch_size,
                int(given.get("newbatchthreshold", batch_size // 2)),
                int(given.get("maxdequeuecount", cls.max_dequeue_count)),
                _seconds(given.get("visibilitytimeout", "00:00:00")),
                _seconds(given.get("maxpollinginterval", "00:01:00")),
                str(given.get("messageencoding", "base64")).lower() == "base64",
            )
        except (TypeError, ValueError) as error:
            raise InvalidQueueRules(f"host.json, extensions.queues: {error}") from None
        # Bounds of QueuesOptions (Microsoft.Azure.WebJobs.Extensions.Storage.Queues).
        if not (1 <= batch_size <= 32 and rules.new_batch_threshold >= 0 and rules.max_dequeue_count >= 1):
            raise InvalidQueueRules(
                "host.json, extensions.queues: batchSize is 1 to 32, newBatchThreshold 0, maxDequeueCount 1 or more"
            )
        if str(given.get("messageencoding", "base64")).lower() not in ("base64", "none"):
            raise InvalidQueueRules("host.json, extensions.queues: messageEncoding is base64 or none")
        return rules


def _seconds(text: Any) -> float:
    """Of a TimeSpan."""
    hours, minutes, seconds = (float(part) for part in str(text).split(":"))
    return hours * 3600 + minutes * 60 + seconds


class QueueTriggers:
    """Polls storage queues by the host's rules. What fails too often goes to `<queue>-poison`, and so does, at once and without
    a call, what is not in the encoding (QueueListener, QueueProcessor and QueueServiceClientProvider of the extension); of a
    poison queue there is none of its own."""

    def __init__(self, functions: list[Function], invoker: Invoker, rules: QueueRules | None = None) -> None:
        self._functions = functions
        self._invoker = invoker
        self._rules = rules or QueueRules()

    def start(self) -> list[asyncio.Task[None]]:
        if self._functions:
            # In the cloud it is the host that polls; its client tells the worker's log nothing.
            logging.getLogger("azure.core").setLevel(logging.WARNING)
        return [asyncio.create_task(self._run(f)) for f in self._functions]

    async def _run(self, function: Function) -> None:
        from azure.storage.queue import QueueClient

        name = str(resolve_settings(function.trigger.queue_name))
        setting = function.trigger.connection or "AzureWebJobsStorage"
        connection = os.environ.get(setting) or os.environ.get(f"AzureWebJobs{setting}")
        if not connection:
            log.error("queue function %s does not run: the connection string %s is not set", function.name, setting)
            return
        queue, poison = (QueueClient.from_connection_string(connection, n) for n in (name, f"{name}{_POISON}"))
        await self._poll(function, name, queue, None if name.endswith(_POISON) else poison)

    async def _poll(self, function: Function, name: str, queue: Any, poison: Any | None) -> None:
        from azure.core.exceptions import AzureError, ResourceExistsError

        running: set[asyncio.Task[None]] = set()
        created, pause = False, _SHORTEST_PAUSE_SECONDS
        try:
            while True:
                try:
                    if not created:
                        with contextlib.suppress(ResourceExistsError):
                            await threads.run(queue.create_queue)
                        created = True
                    messages = await threads.run(_received, queue, self._rules.batch_size)
                except AzureError as error:
                    log.warning("queue %s: %s", name, type(error).__name__)
                    messages = []
                for message in messages:
                    delivery = asyncio.create_task(self._deliver(function, queue, poison, message))
                    running.add(delivery)
                    delivery.add_done_callback(running.discard)
                if messages:
                    pause = _SHORTEST_PAUSE_SECONDS
                    while len(running) > self._rules.new_batch_threshold:
                        await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                else:
                    await asyncio.sleep(min(pause, self._rules.max_polling_seconds))
                    pause *= 2
        finally:
            for delivery in list(running):
                delivery.cancel()

    async def _deliver(self, function: Function, queue: Any, poison: Any | None, message: Any) -> None:
        from azure.core.exceptions import AzureError

        try:
            await self._handled(function, queue, poison, message)
        except AzureError as error:
            # It comes again when it is to be seen again.
            log.warning("queue function %s: %s", function.name, type(error).__name__)

    async def _handled(self, function: Function, queue: Any, poison: Any | None, message: Any) -> None:
        rules = self._rules
        if poison is not None and message.dequeue_count > rules.max_dequeue_count:
            # Its worker died each time.
            await self._poisoned(queue, poison, message)
            return
        body = message_body(message, rules)
        if body is None:
            log.warning("queue function %s: message %s is not in base64", function.name, message.id)
            if poison is not None:
                await self._poisoned(queue, poison, message)
            return
        try:
            await self._invoker.call(function, queue_message(message, body))
        except Exception:
            log.exception("queue function %s failed (attempt %s)", function.name, message.dequeue_count)
            if poison is not None and message.dequeue_count >= rules.max_dequeue_count:
                await self._poisoned(queue, poison, message)
            else:
                await threads.run(queue.update_message, message, visibility_timeout=int(rules.visibility_seconds))
            return
        await threads.run(queue.delete_message, message)

    async def _poisoned(self, queue: Any, poison: Any, message: Any) -> None:
        """As it came, under an id of its own."""
        from azure.core.exceptions import ResourceExistsError

        with contextlib.suppress(ResourceExistsError):
            await threads.run(poison.create_queue)
        await threads.run(poison.send_message, message.content)
        await threads.run(queue.delete_message, message)


def _received(queue: Any, at_most: int) -> list[Any]:
    return list(
        queue.receive_messages(messages_per_page=at_most, max_messages=at_most, visibility_timeout=_QUEUE_VISIBILITY_SECONDS)
    )


def message_body(message: Any, rules: QueueRules) -> str | None:
    """A message's text; None where it is not in the encoding."""
    if not rules.is_base64:
        return str(message.content)
    try:
        return base64.b64decode(message.content, validate=True).decode(errors="replace")
    except ValueError:
        return None


def queue_message(message: Any, body: str) -> func.QueueMessage:
    """A storage queue message as the trigger hands it over."""
    from azure.functions.queue import QueueMessage

    return QueueMessage(
        id=message.id, body=body, dequeue_count=message.dequeue_count, expiration_time=message.expires_on,
        insertion_time=message.inserted_on, time_next_visible=message.next_visible_on, pop_receipt=message.pop_receipt,
    )  # fmt: skip
