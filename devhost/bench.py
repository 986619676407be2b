"""Drives orchestrators in memory with a clock that jumps: two minutes of polling take milliseconds.

The task hub and the scheduling are the devhost's own; only threads, sleeping and the activities are replaced. Nothing in it is
left to chance: the same story gives the same history, ids and times.
"""

import asyncio
import heapq
import inspect
import itertools
import json
import random
import weakref
from collections.abc import Callable, Coroutine, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import azure.functions as func

from devhost import replay
from devhost.activities import run_activity
from devhost.replay import Event, Handler
from devhost.taskhub import SUSPENDED, TERMINAL, TaskHub, Work
from devhost.worker_deaths import WorkerDeaths, WorkerDied

#: A plain function or an `async def` of one value.
Activity = Callable[[Any], Any]
_STARTS_AT = datetime(2026, 1, 1, tzinfo=UTC)
#: What a timer that is due at once takes to arrive. Without it the clock would stand still while a story waits, again and
#: again, for the last second before a deadline.
_AT_ONCE = timedelta(seconds=0.1)


@dataclass
class Outcome:
    """What became of the newest execution of an instance. Times are seconds of the bench's clock since its start."""

    status: str
    output: Any
    custom_status: Any
    #: Every distinct custom status with the time it was set.
    custom_statuses: list[tuple[float, Any]]
    #: (activity, input, time of start), in order of start. Those of the id's former executions come first, below zero.
    calls: list[tuple[str, Any, float]]
    seconds: float
    history: list[Event]

    def called(self, name: str) -> list[Any]:
        """The inputs an activity was called with."""
        return [value for called, value, _ in self.calls if called == name]


@dataclass(frozen=True)
class Status:
    """What the management API says of an instance."""

    name: str
    runtime_status: str
    custom_status: Any
    output: Any
    #: In whole seconds.
    created_at: datetime


@dataclass
class _Seen:
    started: datetime
    calls: list[tuple[str, Any, datetime]] = field(default_factory=list)
    statuses: list[tuple[float, Any]] = field(default_factory=list)
    ended: datetime | None = None


class Bench:
    """An engine for the orchestrators of an app, a blueprint or several blueprints.

    `duplicate_activities`: every n-th activity runs twice, as after a crash. `shuffle`: a seed for the order of what happens at
    one moment. `worker_deaths`: lets a share of activities and episodes die. `before_episode` is asked with an instance's id
    whenever its code is about to run, and kills the worker by True. `default_version`: host.json's, stamped on new instances.
    """

    def __init__(
        self, *apps: Any, activities: dict[str, Activity] | None = None, activity_seconds: dict[str, float] | None = None,
        duplicate_activities: int = 0, shuffle: int | None = None, worker_deaths: WorkerDeaths | None = None,
        before_episode: Callable[[str], bool] | None = None, default_version: str | None = None,
    ) -> None:  # fmt: skip
        numbers = itertools.count(1)
        self._hub = TaskHub(new_execution_id=lambda: f"{next(numbers):032x}", timers_take_at_least=_AT_ONCE)
        weakref.finalize(self, self._hub.close)
        self._now = _STARTS_AT
        self._handlers = orchestrators_of(*apps)
        self._activities = dict(activities or {})
        self._activity_seconds = dict(activity_seconds or {})
        self._due: list[tuple[datetime, int, int, Callable[[], Any]]] = []
        self._count = itertools.count()
        self._duplicate = duplicate_activities
        self._runs = 0
        self._random = random.Random(shuffle) if shuffle is not None else None  # noqa: S311 - an order, not a secret
        self._deaths = worker_deaths
        self._before_episode = before_episode
        self._default_version = default_version
        self._seen: dict[str, _Seen] = {}

    # ---- the clock ----

    @property
    def now(self) -> datetime:
        """The bench's clock, for fakes that share it. It always starts at the same moment."""
        return self._now

    def at(self, seconds_from_now: float, step: Callable[[], Any]) -> None:
        """Do something when the clock is there."""
        self._at(self._now + timedelta(seconds=seconds_from_now), step)

    def run_until_idle(self, seconds: float = 3600.0) -> None:
        """Go on until nothing is left to do, or so many seconds have passed."""
        self._go_on(self._now + timedelta(seconds=seconds))

    def let_pass(self, seconds: float) -> None:
        """Go on for so long; then it is that late. An activity that calls this stalls while everything else goes on."""
        ends = self._now + timedelta(seconds=seconds)
        self._go_on(ends)
        self._now = max(self._now, ends)

    # ---- as a durable client ----

    def run(
        self, name: str, input: Any = None, *, instance_id: str = "instance", activities: dict[str, Activity] | None = None,
        events: Iterable[tuple[float, str, Any]] = (), until: float = 3600.0, activity_seconds: dict[str, float] | None = None,
    ) -> Outcome:  # fmt: skip
        """Start an instance and go on until nothing is left to do, or `until` seconds have passed."""
        self._activities |= activities or {}
        self._activity_seconds |= activity_seconds or {}
        self.start(name, input, instance_id=instance_id)
        for seconds, event, data in events:
            self.at(seconds, partial(self.raise_event, instance_id, event, data))
        self.run_until_idle(until)
        return self.outcome(instance_id)

    def start(self, name: str, input: Any = None, *, instance_id: str) -> None:
        """Start an instance, or an ended one again: its history begins anew. Raises ValueError for a live one."""
        text = None if input is None else json.dumps(json.dumps(input))
        if self._hub.create(self._now, name, instance_id, text, self._default_version) is not None:
            raise ValueError(f"instance {instance_id} is running")
        self._begin(instance_id)
        self._wake(instance_id)

    def raise_event(self, instance_id: str, name: str, data: Any = None) -> bool:
        """As the SDK's client delivers it: the data encoded twice. False, and nothing happens, without a live instance."""
        return self._send(instance_id, replay.event_raised(self._now, name, json.dumps(json.dumps(data))))

    def terminate(self, instance_id: str, reason: str = "") -> bool:
        """False without a live instance. Its activities and children go on."""
        return self._send(instance_id, replay.execution_terminated(self._now, reason))

    def suspend(self, instance_id: str, reason: str = "") -> bool:
        """False without a live instance, and for one that is suspended."""
        return self._switch(instance_id, replay.EXECUTION_SUSPENDED, reason)

    def resume(self, instance_id: str, reason: str = "") -> bool:
        """False for an instance that is not suspended."""
        return self._switch(instance_id, replay.EXECUTION_RESUMED, reason)

    def purge(self, instance_id: str) -> bool:
        """Forget an ended instance. False when there is none."""
        status = self.status(instance_id)
        return status is not None and status.runtime_status in TERMINAL and self._hub.purge(instance_id) > 0

    def status(self, instance_id: str) -> Status | None:
        """None for an instance that is unknown or purged."""
        row = self._hub.status(instance_id)
        if row is None:
            return None
        created_at = replay.parse_time(row["created"]).replace(microsecond=0)
        return Status(row["name"], row["status"], _value(row["custom"]), _value(row["output"]), created_at)

    def instances(self) -> dict[str, str]:
        """The runtime status of each instance, by id."""
        everything = self._hub.query(prefix="", statuses=[], created_from="", created_to="9999", after="", limit=-1)
        return {row["id"]: row["status"] for row in everything}

    def history(self, instance_id: str) -> list[Event]:
        """What the newest execution has lived through; nothing for an instance that is unknown or purged."""
        return self._hub.history(instance_id)

    def outcome(self, instance_id: str) -> Outcome:
        """Raises KeyError for an instance that is unknown or purged."""
        status = self.status(instance_id)
        if status is None:
            raise KeyError(instance_id)
        seen = self._seen[instance_id]
        calls = [(name, value, (at - seen.started).total_seconds()) for name, value, at in seen.calls]
        seconds = ((seen.ended or self._now) - seen.started).total_seconds()
        return Outcome(
            status.runtime_status, status.output, status.custom_status, seen.statuses, calls, seconds, self.history(instance_id)
        )

    # ---- the engine's part ----

    def _at(self, moment: datetime, step: Callable[[], Any]) -> None:
        order = 0 if self._random is None else self._random.randrange(1 << 30)
        heapq.heappush(self._due, (max(moment, self._now), order, next(self._count), step))

    def _go_on(self, ends: datetime) -> None:
        while self._due and self._due[0][0] <= ends:
            moment, _, _, step = heapq.heappop(self._due)
            self._now = max(self._now, moment)
            step()

    def _begin(self, instance_id: str) -> None:
        former = self._seen.get(instance_id)
        self._seen[instance_id] = _Seen(self._now, former.calls if former else [])

    def _wake(self, instance_id: str) -> None:
        self._at(self._now, partial(self._episode, instance_id))

    def _send(self, instance_id: str, event: Event) -> bool:
        if self._hub.send(instance_id, event) is not None:
            return False
        self._wake(instance_id)
        return True

    def _switch(self, instance_id: str, kind: int, reason: str) -> bool:
        status = self.status(instance_id)
        if status is None or (status.runtime_status == SUSPENDED) == (kind == replay.EXECUTION_SUSPENDED):
            return False
        return self._send(instance_id, replay.switched(kind, self._now, reason))

    def _episode(self, instance_id: str) -> None:
        episode = self._hub.load(instance_id, self._now)
        if episode is None:
            return
        handler = self._handlers.get(episode.instance.name.lower())
        if handler is not None:
            handler = self._mortal(self._asking_first(handler, instance_id), "episode", f"of {instance_id}")
        decisions = replay.run_episode(episode.history, episode.messages, self._now, episode.instance, handler)
        sent = self._hub.commit(episode, decisions, self._now, self._default_version)
        self._look_at(instance_id)
        children = {child.instance_id for child in decisions.children}
        for target, visible_at in sent.messages:
            if target in children:
                self._begin(target)
            moment = datetime.fromtimestamp(visible_at, UTC) if visible_at else self._now
            self._at(moment, partial(self._episode, target))
        for work in sent.work:
            self._at(self._now, partial(self._activity, work))
        self._wake(instance_id)

    def _asking_first(self, handler: Handler, instance_id: str) -> Handler:
        def ask(body: str) -> str:
            if self._before_episode is not None and self._before_episode(instance_id):
                raise WorkerDied
            return handler(body)

        return ask

    def _mortal(self, call: Callable[[Any], Any], kind: str, of: str) -> Callable[[Any], Any]:
        return call if self._deaths is None else self._deaths.mortal(call, kind, of)

    def _look_at(self, instance_id: str) -> None:
        """Note what an episode has changed."""
        status, seen = self.status(instance_id), self._seen[instance_id]
        if status is None:
            return
        custom = status.custom_status
        if custom is not None and (not seen.statuses or seen.statuses[-1][1] != custom):
            seen.statuses.append(((self._now - seen.started).total_seconds(), custom))
        if status.runtime_status in TERMINAL:
            seen.ended = self._now

    def _activity(self, work: Work) -> None:
        self._runs += 1
        if work.name not in self._activities:
            raise KeyError(f"{work.instance_id} calls activity {work.name!r}, but the bench was given {sorted(self._activities)}")
        if self._duplicate and self._runs % self._duplicate == 0:
            self._at(self._now, partial(self._run_activity, work))
        self._run_activity(work)

    def _run_activity(self, work: Work) -> None:
        self._seen[work.instance_id].calls.append((work.name, json.loads(work.input or "null"), self._now))
        call = self._mortal(partial(_run_through, self._activities[work.name]), "activity", f"{work.name} of {work.instance_id}")
        event, _ = run_activity(call, work.name, work.task_id, work.input, lambda: self._now)
        self.at(self._activity_seconds.get(work.name, 0.0), partial(self._deliver, work, event))

    def _deliver(self, work: Work, event: Event) -> None:
        self._hub.answer(work, event)
        self._wake(work.instance_id)


def _value(text: str | None) -> Any:
    return None if text is None else json.loads(text)


def _run_through(activity: Activity, value: Any) -> Any:
    answer = activity(value)
    return _finished(answer) if inspect.iscoroutine(answer) else answer


def _finished(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Its answer, inside a test's own event loop too."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(coroutine)
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, coroutine).result()


def _flat(apps: Iterable[Any]) -> Iterable[Any]:
    for app in apps:
        if isinstance(app, tuple | list):
            yield from _flat(app)
        else:
            yield app


def orchestrators_of(*apps: Any) -> dict[str, Handler]:
    """The orchestrators that apps and blueprints hold, by their name in lower case."""
    found = {}
    for app in _flat(apps):
        for builder in app._function_builders:  # a blueprint has no public list of what it holds
            function = builder._function
            trigger = function.get_trigger()
            if trigger is not None and trigger.type == "orchestrationTrigger":
                name = trigger.orchestration or function.get_function_name()
                found[name.lower()] = _handler(function.get_user_function())
    return found


def _handler(user: Callable[..., Any]) -> Handler:
    return lambda body: str(user(func.OrchestrationContext(body)))
