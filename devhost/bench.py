"""Drives orchestrators in memory with a clock that jumps: two minutes of polling take milliseconds.

The task hub and the scheduling are the devhost's own; only threads, sleeping and the activities are replaced.
"""

import heapq
import json
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import azure.functions as func

from devhost import replay
from devhost.activities import run_activity
from devhost.taskhub import TERMINAL, TaskHub, Work

Activity = Callable[[Any], Any]


@dataclass
class Outcome:
    """What became of an instance. Times are seconds of the bench's clock since its start."""

    status: str
    output: Any
    custom_status: Any
    #: Every distinct custom status with the time it was set.
    custom_statuses: list[tuple[float, Any]]
    #: (activity, input, time of start), in order of start.
    calls: list[tuple[str, Any, float]]
    seconds: float
    history: list[dict[str, Any]]

    def called(self, name: str) -> list[Any]:
        """The inputs an activity was called with."""
        return [value for called, value, _ in self.calls if called == name]


@dataclass
class _Seen:
    started: datetime
    calls: list[tuple[str, Any, float]] = field(default_factory=list)
    statuses: list[tuple[float, Any]] = field(default_factory=list)
    ended: datetime | None = None


class Bench:
    """An engine for the orchestrators of an app, a blueprint or several blueprints.

    `timers_fire_early`: seconds by which timers come early, as the real engine's may (under one).
    `duplicate_activities`: every n-th activity runs twice, as after a crash. `shuffle`: a seed for the order of answers.
    """

    def __init__(
        self, *apps: Any, timers_fire_early: float = 0.0, duplicate_activities: int = 0, shuffle: int | None = None
    ) -> None:
        self._hub = TaskHub()
        self._now = datetime(2026, 1, 1, tzinfo=UTC)
        self._handlers = {name.lower(): handler for name, handler in _orchestrators(_flat(apps))}
        self._activities: dict[str, Activity] = {}
        self._activity_seconds: dict[str, float] = {}
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._count = 0
        self._early = timedelta(seconds=timers_fire_early)
        self._duplicate = duplicate_activities
        self._runs = 0
        self._random = random.Random(shuffle) if shuffle is not None else None  # noqa: S311 - an order, not a secret
        self._seen: dict[str, _Seen] = {}

    def run(
        self, name: str, input: Any = None, *, instance_id: str = "instance", activities: dict[str, Activity] | None = None,
        events: Iterable[tuple[float, str, Any]] = (), until: float = 3600.0, activity_seconds: dict[str, float] | None = None,
    ) -> Outcome:  # fmt: skip
        """Start an instance and go on until nothing is left to do, or `until` seconds have passed."""
        self._activities |= activities or {}
        self._activity_seconds |= activity_seconds or {}
        self.start(name, input, instance_id=instance_id)
        for seconds, event, data in events:
            self._at(self._now + timedelta(seconds=seconds), partial(self.raise_event, instance_id, event, data))
        self.run_until_idle(until)
        return self.outcome(instance_id)

    def start(self, name: str, input: Any = None, *, instance_id: str) -> None:
        text = None if input is None else json.dumps(json.dumps(input))
        if self._hub.create(self._now, name, instance_id, text, None) is not None:
            raise ValueError(f"instance {instance_id} is running")
        self._seen[instance_id] = _Seen(self._now)
        self._at(self._now, lambda: self._episode(instance_id))

    def raise_event(self, instance_id: str, name: str, data: Any = None) -> None:
        """As the SDK's client delivers it: the data encoded twice. For an unknown or ended instance nothing happens."""
        if self._hub.send(instance_id, replay.event_raised(self._now, name, json.dumps(json.dumps(data)))) is None:
            self._at(self._now, lambda: self._episode(instance_id))

    def run_until_idle(self, seconds: float = 3600.0) -> None:
        ends = self._now + timedelta(seconds=seconds)
        while self._due and self._due[0][0] <= ends.timestamp():
            at, _, step = heapq.heappop(self._due)
            self._now = max(self._now, datetime.fromtimestamp(at, UTC))
            step()

    def outcome(self, instance_id: str) -> Outcome:
        row = self._hub.status(instance_id)
        if row is None:
            raise KeyError(instance_id)
        seen = self._seen[instance_id]

        def value(text: str | None) -> Any:
            return None if text is None else json.loads(text)

        ended = seen.ended or self._now
        return Outcome(
            row["status"], value(row["output"]), value(row["custom"]), seen.statuses, seen.calls,
            (ended - seen.started).total_seconds(), self._hub.history(instance_id),
        )  # fmt: skip

    # ---- the engine's part ----

    def _at(self, moment: datetime, step: Callable[[], None]) -> None:
        self._count += 1
        tie = self._count if self._random is None else self._random.randrange(1 << 30)
        heapq.heappush(self._due, (max(moment, self._now).timestamp(), tie, step))

    def _episode(self, instance_id: str) -> None:
        episode = self._hub.load(instance_id, self._now + self._early + timedelta(microseconds=1))
        if episode is None:
            return
        handler = self._handlers.get(episode.instance.name.lower())
        decisions = replay.run_episode(episode.history, episode.messages, self._now, episode.instance, handler)
        sent = self._hub.commit(episode, decisions, self._now, None)
        seen = self._seen.setdefault(instance_id, _Seen(self._now))
        status = self._hub.status(instance_id)
        if status is not None:
            custom = None if status["custom"] is None else json.loads(status["custom"])
            if custom is not None and (not seen.statuses or seen.statuses[-1][1] != custom):
                seen.statuses.append(((self._now - seen.started).total_seconds(), custom))
            if status["status"] in TERMINAL:
                seen.ended = self._now
        for target, visible_at in sent.messages:
            moment = datetime.fromtimestamp(visible_at, UTC) - self._early if visible_at else self._now
            self._at(moment, partial(self._episode, target))
        for work in sent.work:
            self._at(self._now, partial(self._activity, work))
        self._at(self._now, lambda: self._episode(instance_id))

    def _activity(self, work: Work) -> None:
        seen = self._seen[work.instance_id]
        self._runs += 1
        if work.name not in self._activities:
            raise KeyError(f"{work.instance_id} calls activity {work.name!r}, but the bench was given {sorted(self._activities)}")
        times = 2 if self._duplicate and self._runs % self._duplicate == 0 else 1
        for _ in range(times):
            seen.calls.append((work.name, json.loads(work.input or "null"), (self._now - seen.started).total_seconds()))
            event, _ = run_activity(self._activities[work.name], work.name, work.task_id, work.input, lambda: self._now)
            takes = timedelta(seconds=self._activity_seconds.get(work.name, 0.0))
            self._at(self._now + takes, partial(self._deliver, work, event))

    def _deliver(self, work: Work, event: dict[str, Any]) -> None:
        self._hub.answer(work, event)
        self._at(self._now, lambda: self._episode(work.instance_id))


def _flat(apps: Iterable[Any]) -> Iterable[Any]:
    for app in apps:
        if isinstance(app, tuple | list):
            yield from _flat(app)
        else:
            yield app


def _orchestrators(apps: Iterable[Any]) -> Iterable[tuple[str, replay.Handler]]:
    """The orchestrators that apps and blueprints hold, ready to be called with a context as JSON text."""
    for app in apps:
        for builder in app._function_builders:  # a blueprint has no public list of what it holds
            function = builder._function
            trigger = function.get_trigger()
            if trigger is not None and trigger.type == "orchestrationTrigger":
                user = function.get_user_function()
                yield trigger.orchestration or function.get_function_name(), _handler(user)


def _handler(user: Callable[..., Any]) -> replay.Handler:
    return lambda body: str(user(func.OrchestrationContext(body)))
