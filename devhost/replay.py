"""What one episode of an orchestration does: history and the SDK's actions in, new events and messages out. Pure.

The rules are the Durable extension's: one cursor over the top-level actions, one id counter per execution, an instance
that ends only when nothing of it is open.
"""

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from devhost.sanitiser import sanitised
from devhost.worker_deaths import WorkerDied

Event = dict[str, Any]

EXECUTION_STARTED, EXECUTION_COMPLETED, EXECUTION_TERMINATED = 0, 1, 3
TASK_SCHEDULED, TASK_COMPLETED, TASK_FAILED = 4, 5, 6
SUB_CREATED, SUB_COMPLETED, SUB_FAILED = 7, 8, 9
TIMER_CREATED, TIMER_FIRED = 10, 11
ORCHESTRATOR_STARTED, ORCHESTRATOR_COMPLETED = 12, 13
EVENT_RAISED, EXECUTION_SUSPENDED, EXECUTION_RESUMED = 15, 19, 20

COMPLETED, CONTINUED_AS_NEW, FAILED, TERMINATED = 1, 2, 3, 5

#: What comes to an instance from elsewhere; all other events it decided itself.
MESSAGES = {EXECUTION_STARTED, TASK_COMPLETED, TASK_FAILED, SUB_COMPLETED, SUB_FAILED, TIMER_FIRED, EVENT_RAISED,
             EXECUTION_SUSPENDED, EXECUTION_RESUMED, EXECUTION_TERMINATED}  # fmt: skip
_ANSWERS = {TASK_COMPLETED: "TaskScheduledId", TASK_FAILED: "TaskScheduledId", SUB_COMPLETED: "TaskScheduledId",
            SUB_FAILED: "TaskScheduledId", TIMER_FIRED: "TimerId"}  # fmt: skip
_DECISIONS = {TASK_SCHEDULED: "an activity task", SUB_CREATED: "a sub-orchestration task", TIMER_CREATED: "a timer task"}
_WHEN_ANY, _WHEN_ALL = 11, 12
_FAILURE_LABEL = "\n\n$OutOfProcData$:"
CUSTOM_STATUS_LIMIT_BYTES = 16 * 1024


@dataclass(frozen=True)
class Start:
    """A sub-orchestration to be created."""

    task_id: int
    name: str
    instance_id: str
    input: str | None
    version: str | None


@dataclass
class Decisions:
    """What an episode decided. `events` are appended to the history; the rest is to be sent."""

    events: list[Event] = field(default_factory=list)
    activities: list[tuple[int, str, str | None]] = field(default_factory=list)
    timers: list[tuple[int, datetime]] = field(default_factory=list)
    children: list[Start] = field(default_factory=list)
    custom_status: str | None = None
    #: (orchestration status, output as JSON text) when the instance has ended.
    ended: tuple[int, str | None] | None = None
    #: The input, as JSON text, of the next execution, and the events that came after the decision to continue.
    continue_as_new: str | None = None
    carried: list[Event] = field(default_factory=list)


@dataclass(frozen=True)
class Instance:
    """What an episode needs to know of its instance besides the history."""

    id: str
    execution_id: str
    name: str
    parent_id: str | None = None


class NonDeterministic(Exception):
    """The code now asks for something else than the history holds."""


#: Calls the SDK with the context as JSON text; returns its answer as JSON text, or raises.
Handler = Callable[[str], str]


def run_episode(
    history: list[Event], messages: list[Event], now: datetime, instance: Instance, handler: Handler | None
) -> Decisions:
    """One replay of an orchestrator over its history and the new messages.

    `handler` is None when no such orchestrator exists: the instance fails.
    """
    result = Decisions()
    result.events = [_event(ORCHESTRATOR_STARTED, now), *messages]
    terminated = next((m for m in messages if m["EventType"] == EXECUTION_TERMINATED), None)
    whole = [*history, *result.events]
    if terminated is not None:
        _complete(result, now, _next_id(whole), TERMINATED, json.dumps(terminated["Input"]))
        return result
    last_switch = next(
        (e["EventType"] for e in reversed(whole) if e["EventType"] in (EXECUTION_SUSPENDED, EXECUTION_RESUMED)), None
    )
    if last_switch == EXECUTION_SUSPENDED:
        # Messages are recorded but held; a resume replays them in order.
        result.events.append(_event(ORCHESTRATOR_COMPLETED, now))
        return result
    name = instance.name
    if handler is None:
        reason = f"The function '{name}' doesn't exist, is disabled, or is not an orchestrator function."
        reason += " Additional info: the registered orchestrators are named by the devhost at its start."
        _complete(result, now, _next_id(whole), FAILED, json.dumps(f"Orchestrator function '{name}' failed: {reason}"))
        return result
    state, protocol_error = _call(whole, instance, handler)
    if protocol_error is not None:
        _complete(result, now, _next_id(whole), FAILED, json.dumps(f"Orchestrator function '{name}' failed: {protocol_error}"))
        return result
    _decide(result, whole, state, now, instance)
    return result


def _call(whole: list[Event], instance: Instance, handler: Handler) -> tuple[dict[str, Any], str | None]:
    started = next(e for e in whole if e["EventType"] == EXECUTION_STARTED)
    context = {
        "history": whole, "input": None if started["Input"] is None else json.loads(started["Input"]), "instanceId": instance.id,
        "isReplaying": any(e["EventType"] == ORCHESTRATOR_COMPLETED for e in whole), "parentInstanceId": instance.parent_id,
        "upperSchemaVersion": 1, "upperSchemaVersionNew": 3, "longRunningTimerIntervalDuration": "3.00:00:00",
        "maximumShortTimerDuration": "6.00:00:00", "defaultHttpAsyncRequestSleepTimeMillseconds": 30000,
    }  # fmt: skip
    try:
        return json.loads(handler(json.dumps(context))), None
    except Exception as error:  # noqa: BLE001 - whatever user code raises
        text = sanitised(str(error))
        if _FAILURE_LABEL in str(error):
            try:
                return json.loads(text.partition(_FAILURE_LABEL)[2]), None
            except ValueError:
                # The sanitiser cut into the JSON. Without its actions the history makes no sense any more: the instance ends
                # with "Non-Deterministic workflow detected" (Durable for Python, issue 600).
                if _has_decisions(whole):
                    return {}, None
        return {}, f"One or more errors occurred. (Result: Failure\nException: {type(error).__name__}: {text})"
    except WorkerDied as death:
        # The host goes on without the actions: to it the code has asked for nothing, whatever the history holds.
        return {}, None if _has_decisions(whole) else f"One or more errors occurred. ({death})"


def _has_decisions(whole: list[Event]) -> bool:
    return any(e["EventType"] in _DECISIONS for e in whole)


@dataclass
class _Task:
    """One atomic action as it was invoked."""

    kind: int
    id: int
    name: str
    action: dict[str, Any]
    done: bool = False
    failed: bool = False
    recorded: bool = False
    canceled: bool = False
    #: Of a retried task: the attempts so far, and the ids that now speak for it.
    attempt: int = 1
    phase: str = ""


@dataclass
class _Compound:
    """WhenAll waits for every child, failed or not; WhenAny for the first. They may nest."""

    wait_for_all: bool
    children: "list[_Task | _Compound]"

    @property
    def done(self) -> bool:
        over = [child.done for child in self.children]
        return all(over) if self.wait_for_all else any(over) or not over


class _Replay:
    """The extension's side of a replay: invokes actions as its cursor reaches them, takes ids, matches the history."""

    def __init__(self, actions: list[dict[str, Any]], now: datetime) -> None:
        self.actions = actions
        self.now = now
        self.next_id = 0
        self.position = -1
        self.current: _Task | _Compound | None = None
        self.by_id: dict[int, tuple[_Task, str]] = {}
        self.fire_at: dict[int, datetime] = {}
        self.tasks: list[_Task] = []
        self.waiting: dict[str, list[_Task]] = {}
        self.buffered: dict[str, list[Event]] = {}
        self.continue_as_new: str | None = None
        self.carried: list[Event] = []

    @property
    def is_through(self) -> bool:
        return self.position >= len(self.actions)

    def feed(self, event: Event) -> None:
        kind = event["EventType"]
        if kind == ORCHESTRATOR_STARTED:
            self.clock = parse_time(event["Timestamp"])
        elif kind == EXECUTION_STARTED:
            self._advance()
        elif kind in _DECISIONS:
            self._match(event)
        elif kind in _ANSWERS:
            self._answer(event)
        elif kind == EVENT_RAISED:
            self._raise(event)

    def _advance(self) -> None:
        """Invoke top-level actions until one is not over yet."""
        while not self.is_through and (self.current is None or self.current.done):
            self.position += 1
            if not self.is_through:
                self.current = self._invoke_tree(self.actions[self.position])

    def _invoke_tree(self, action: dict[str, Any]) -> _Task | _Compound:
        if action["actionType"] in (_WHEN_ANY, _WHEN_ALL):
            children = [self._invoke_tree(child) for child in action["compoundActions"]]
            return _Compound(action["actionType"] == _WHEN_ALL, children)
        return self._invoke(action)

    def _take(self, task: _Task, phase: str) -> int:
        number, self.next_id = self.next_id, self.next_id + 1
        task.id, task.phase = number, phase
        self.by_id[number] = (task, phase)
        return number

    def _invoke(self, action: dict[str, Any]) -> _Task:
        kind = action["actionType"]
        task = _Task(kind, -1, action.get("functionName") or action.get("externalEventName") or "", action)
        if kind == 4:
            self.continue_as_new = action["input"]
            task.done = True
            return task
        if kind == 6:
            name = task.name.lower()
            if self.buffered.get(name):
                self.buffered[name].pop(0)
                task.done = True
            else:
                self.waiting.setdefault(name, []).append(task)
            return task
        if kind not in (0, 1, 2, 3, 5):
            raise NotSupported(kind)
        if kind == 5:
            number = self._take(task, "timer")
            self.fire_at[number] = parse_time(action["fireAt"])
            # A canceled token ends its timer at once, so the cursor goes on; the timer's message is ignored when it comes.
            task.canceled = task.done = bool(action.get("isCanceled"))
        else:
            self._take(task, "call")
        self.tasks.append(task)
        return task

    def _match(self, event: Event) -> None:
        found = self.by_id.get(event["EventId"])
        wanted = "timer" if event["EventType"] == TIMER_CREATED else "call"
        kind_fits = found is not None and (found[1] in ("timer", "delay", "dummy")) == (wanted == "timer")
        if found is not None and kind_fits and wanted == "call":
            is_child = event["EventType"] == SUB_CREATED
            kind_fits = (found[0].kind in (2, 3)) == is_child and found[0].name.lower() == str(event["Name"]).lower()
        if found is None or not kind_fits:
            raise NonDeterministic(_not_scheduled(event, something_else=found is not None))
        self.by_id[event["EventId"]] = (found[0], found[1] + "!")

    def _answer(self, event: Event) -> None:
        number = event[_ANSWERS[event["EventType"]]]
        found = self.by_id.get(number)
        if found is None:
            return
        task, phase = found[0], found[1].rstrip("!")
        if task.id != number or task.done:
            return
        failed = event["EventType"] in (TASK_FAILED, SUB_FAILED)
        options = task.action.get("retryOptions")
        if phase == "timer":
            task.done = True
        elif phase == "delay":
            task.attempt += 1
            self._take(task, "call")
        elif phase == "dummy":
            task.done = task.failed = True
        elif failed and options:
            last = task.attempt >= int(options["maxNumberOfAttempts"])
            wait = timedelta(0) if last else timedelta(milliseconds=int(options["firstRetryIntervalInMilliseconds"]))
            number = self._take(task, "dummy" if last else "delay")
            self.fire_at[number] = self.clock + wait
        else:
            task.done, task.failed = True, failed
        self._advance()

    def _raise(self, event: Event) -> None:
        if self.continue_as_new is not None:
            self.carried.append(event)
            return
        name = str(event["Name"]).lower()
        stack = self.waiting.get(name)
        if stack:
            stack.pop().done = True
            self._advance()
        else:
            self.buffered.setdefault(name, []).append(event)

    def open_tasks(self) -> list[_Task]:
        return [t for t in self.tasks if not t.done and not t.canceled]


def _not_scheduled(event: Event, *, something_else: bool) -> str:
    """The engine's words for what the history holds and the code did not ask for."""
    number, name = event["EventId"], event.get("Name")
    what, but = f"with sequence number {number}", "replay execution hasn't (yet?) scheduled this task"
    if something_else:
        what += f" named '{name}'" if name else ""
        but = "orchestration replay instead scheduled another task"
    elif name:
        what = f"with sequence ID {number} and name '{name}' (version '')"
    return (
        f"Non-Deterministic workflow detected: A previous execution of this orchestration scheduled "
        f"{_DECISIONS[event['EventType']]} {what}, but the current {but}. Was a change made to the orchestrator code after "
        "this instance had already started running?"
    )


class NotSupported(Exception):
    """The devhost does not do this action; it says so instead of doing something else."""

    def __init__(self, kind: int) -> None:
        names = {7: "call_entity", 8: "call_http", 9: "signal_entity", 10: "signal_entity"}
        super().__init__(f"the devhost does not do {names.get(kind, f'action {kind}')}")


def _decide(result: Decisions, whole: list[Event], state: dict[str, Any], now: datetime, instance: Instance) -> None:
    name = instance.name
    custom = state.get("customStatus")
    result.custom_status = None if custom is None else json.dumps(custom)
    if result.custom_status is not None and len(result.custom_status.encode("utf-16-le")) > CUSTOM_STATUS_LIMIT_BYTES:
        kilobytes = len(result.custom_status.encode("utf-16-le")) // 1024
        text = (
            f"The UTF-16 size of the JSON-serialized payload must not exceed 16 KB. The current payload size is {kilobytes} KB."
        )
        result.custom_status = None
        _complete(result, now, 0, FAILED, json.dumps(f"Orchestrator function '{name}' failed: {text}"))
        return
    actions = [a for inner in state.get("actions", []) for a in inner]
    replay = _Replay(actions, now)
    try:
        for event in whole:
            replay.feed(event)
    except NonDeterministic as error:
        # Said by the engine itself, outside the function.
        _complete(result, now, replay.next_id, FAILED, json.dumps(str(error)))
        return
    except NotSupported as error:
        _complete(result, now, replay.next_id, FAILED, json.dumps(f"Orchestrator function '{name}' failed: {error}"))
        return
    for number, (task, phase) in sorted(replay.by_id.items()):
        if not phase.endswith("!"):
            _schedule(result, replay, number, task, phase, now, instance)
    if replay.is_through and not replay.open_tasks():
        if state.get("error") is not None:
            _complete(result, now, replay.next_id, FAILED, json.dumps(f"Orchestrator function '{name}' failed: {state['error']}"))
            return
        if replay.continue_as_new is not None:
            result.continue_as_new = replay.continue_as_new
            result.carried = replay.carried
            return
        if state.get("isDone"):
            _complete(result, now, replay.next_id, COMPLETED, json.dumps(state["output"]) if "output" in state else None)
            return
    result.events.append(_event(ORCHESTRATOR_COMPLETED, now))


def _schedule(
    result: Decisions, replay: _Replay, number: int, task: _Task, phase: str, now: datetime, instance: Instance
) -> None:
    if phase in ("timer", "delay", "dummy"):
        fire_at = replay.fire_at[number]
        result.events.append(_event(TIMER_CREATED, now, number) | {"FireAt": format_time(fire_at)})
        result.timers.append((number, fire_at))
    elif task.kind in (0, 1):
        result.events.append(_event(TASK_SCHEDULED, now, number) | {"Name": task.name, "Version": "", "Input": None})
        result.activities.append((number, task.name, task.action.get("input")))
    else:
        child = task.action.get("instanceId") or f"{instance.execution_id}:{number}"
        raw = task.action.get("input")
        text = None if raw is None or raw == "null" else json.dumps(raw)
        result.events.append(
            _event(SUB_CREATED, now, number) | {"Name": task.name, "Version": "", "InstanceId": child, "Input": text}
        )
        result.children.append(Start(number, task.name, child, text, task.action.get("version")))


def _complete(result: Decisions, now: datetime, number: int, status: int, output: str | None) -> None:
    result.ended = (status, output)
    result.events.append(_event(EXECUTION_COMPLETED, now, number) | {"OrchestrationStatus": status, "Result": output})
    result.events.append(_event(ORCHESTRATOR_COMPLETED, now))


def _next_id(history: list[Event]) -> int:
    return max((e["EventId"] for e in history), default=-1) + 1


# ---- messages ----


def _event(kind: int, now: datetime, number: int = -1) -> Event:
    return {"EventType": kind, "EventId": number, "IsPlayed": False, "Timestamp": format_time(now)}


def execution_started(
    now: datetime, instance: Instance, input_text: str | None, version: str | None, parent: dict[str, Any] | None = None
) -> Event:
    return _event(EXECUTION_STARTED, now) | {
        "Name": instance.name, "Version": version or None, "Input": input_text, "ParentInstance": parent, "Tags": None,
        "OrchestrationInstance": {"InstanceId": instance.id, "ExecutionId": instance.execution_id}, "ScheduledStartTime": None,
    }  # fmt: skip


def task_completed(now: datetime, task_id: int, result: str | None) -> Event:
    return _event(TASK_COMPLETED, now) | {"TaskScheduledId": task_id, "Result": result}


def task_failed(now: datetime, task_id: int, activity: str, error: str) -> Event:
    """What user code raised, as the extension words it: the message begins with a space of its own."""
    return _task_failed(now, task_id, activity, f" {error}")


def task_died(now: datetime, task_id: int, activity: str, exit_text: str) -> Event:
    """The worker ended while the activity ran."""
    return _task_failed(now, task_id, activity, exit_text)


def _task_failed(now: datetime, task_id: int, activity: str, message: str) -> Event:
    details = json.dumps(
        {"$type": "System.Exception, System.Private.CoreLib", "ClassName": "System.Exception", "Message": message}
    )
    return _event(TASK_FAILED, now) | {
        "TaskScheduledId": task_id, "Reason": f"Activity function '{activity}' failed: {message}", "Details": details,
    }  # fmt: skip


def sub_completed(now: datetime, task_id: int, result: str | None) -> Event:
    return _event(SUB_COMPLETED, now) | {"TaskScheduledId": task_id, "Result": result}


def sub_failed(now: datetime, task_id: int, reason: str) -> Event:
    return _event(SUB_FAILED, now) | {"TaskScheduledId": task_id, "Reason": reason, "Details": f"Message: {reason}, StackTrace: "}


def timer_visible_at(fire_at: datetime, sent: datetime) -> datetime:
    """When a timer's message can be seen: queues hide one for the whole seconds that are left when it is sent.

    Time has always passed since the timer was asked for, so that one of exactly n seconds comes after n - 1.
    """
    left = fire_at - sent - timedelta(microseconds=1)
    return sent + timedelta(seconds=max(0, left // timedelta(seconds=1)))


def timer_fired(now: datetime, task_id: int, fire_at: datetime) -> Event:
    return _event(TIMER_FIRED, now) | {"TimerId": task_id, "FireAt": format_time(fire_at)}


def event_raised(now: datetime, name: str, input_text: str) -> Event:
    return _event(EVENT_RAISED, now) | {"Name": name, "Input": input_text}


def switched(kind: int, now: datetime, reason: str) -> Event:
    """ExecutionSuspended or ExecutionResumed."""
    return _event(kind, now) | {"Reason": reason}


def execution_terminated(now: datetime, reason: str) -> Event:
    return _event(EXECUTION_TERMINATED, now) | {"Input": reason}


def mark_played(history: list[Event]) -> None:
    """Of what is in the history only the message-like events count as played."""
    for event in history:
        if event["EventType"] in MESSAGES:
            event["IsPlayed"] = True


def format_time(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def parse_time(text: str) -> datetime:
    """.NET writes seven fraction digits."""
    body, _, fraction = text.rstrip("Z").partition(".")
    moment = datetime.fromisoformat(body).replace(tzinfo=UTC)
    return moment + timedelta(microseconds=int((fraction + "000000")[:6]) if fraction else 0)


def new_execution_id() -> str:
    return uuid.uuid4().hex
