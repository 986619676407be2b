"""Histories kept in files: what instances lived through on the bench, replayed against the orchestrators of today.

Instances that are under way when a new version comes are replayed by it; a change that they would not survive shows here.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from devhost import replay
from devhost.bench import Bench, orchestrators_of
from devhost.replay import Decisions, Event, Handler, Instance
from devhost.worker_deaths import EXIT

#: The history of each instance, by id.
Recorded = dict[str, list[Event]]
_STATUS_NAMES = {replay.COMPLETED: "Completed", replay.FAILED: "Failed", replay.TERMINATED: "Terminated"}


class HistoryMismatch(Exception):
    """Today's code does not ask for what a recorded instance asked for; the text names the instance and the step."""


def record_history(bench: Bench, instance_id: str) -> Recorded:
    """The newest execution of an instance and of all its children. Raises KeyError when there is none."""
    if not bench.history(instance_id):
        raise KeyError(instance_id)
    recorded: Recorded = {}
    waiting = [instance_id]
    while waiting:
        current = waiting.pop()
        history = bench.history(current)
        if history and current not in recorded:
            recorded[current] = history
            waiting += [e["InstanceId"] for e in history if e["EventType"] == replay.SUB_CREATED]
    return recorded


def write_history(bench: Bench, instance_id: str, path: Path) -> None:
    """Write record_history() down: one event a line, and the same text whenever the same story is told."""
    instances = [
        f"{_text(name)}: [\n" + ",\n".join(_text(event) for event in history) + "\n]"
        for name, history in sorted(record_history(bench, instance_id).items())
    ]
    path.write_text("{\n" + ",\n".join(instances) + "\n}\n", "utf-8")


def read_history(path: Path) -> Recorded:
    return dict(json.loads(path.read_text("utf-8")))


def replay_history(apps: Any, recorded: Recorded) -> None:
    """Replay every episode with the orchestrators of `apps`: an app, a blueprint, or several of them.

    Raises HistoryMismatch at the first step whose decisions are others than those on record. Activities by name, children by
    name and id, timers and ends are compared; inputs, outputs and the times of timers are not: the engine goes on with those
    of the record.
    """
    handlers = orchestrators_of(apps)
    for instance_id, history in recorded.items():
        _replay_instance(handlers, instance_id, history)


def _replay_instance(handlers: dict[str, Handler], instance_id: str, history: list[Event]) -> None:
    instance = _instance(instance_id, history)
    handler = handlers.get(instance.name.lower())
    for step, (before, episode) in enumerate(_episodes(history), 1):
        if _was_ended_by_the_engine(instance.name, episode):
            continue
        messages = [event for event in episode if event["EventType"] in replay.MESSAGES]
        decisions = replay.run_episode(before, messages, replay.parse_time(episode[0]["Timestamp"]), instance, handler)
        held, asked = _decided(episode), _decided(decisions.events) + _goes_on_as_new(decisions)
        if held != asked:
            raise HistoryMismatch(
                f"{instance.name} {instance_id}, step {step} (event {len(before)} of its history): the history holds "
                f"{_listed(held)}, today's code asks for {_listed(asked)}{_why(decisions)}"
            )


def _instance(instance_id: str, history: list[Event]) -> Instance:
    started = next(e for e in history if e["EventType"] == replay.EXECUTION_STARTED)
    parent = started["ParentInstance"]
    return Instance(
        instance_id, started["OrchestrationInstance"]["ExecutionId"], started["Name"],
        parent["OrchestrationInstance"]["InstanceId"] if parent else None,
    )  # fmt: skip


def _episodes(history: list[Event]) -> Iterator[tuple[list[Event], list[Event]]]:
    """Each episode after the history that it found."""
    starts = [i for i, event in enumerate(history) if event["EventType"] == replay.ORCHESTRATOR_STARTED]
    for start, end in zip(starts, [*starts[1:], len(history)], strict=True):
        before = [dict(event) for event in history[:start]]
        replay.mark_played(before)
        yield before, history[start:end]


def _was_ended_by_the_engine(name: str, episode: list[Event]) -> bool:
    """Whether the worker died in it, or it made no sense to the engine: the code had no part in such an end."""
    died = f"Orchestrator function '{name}' failed: One or more errors occurred. ({EXIT})"
    outputs = [json.loads(e["Result"] or "null") for e in episode if e["EventType"] == replay.EXECUTION_COMPLETED]
    return any(o == died or str(o).startswith("Non-Deterministic workflow detected") for o in outputs)


def _decided(events: list[Event]) -> list[str]:
    """What an episode decided, in words that can be compared and read."""
    words = {
        replay.TASK_SCHEDULED: lambda e: f"activity {e['Name']} ({e['EventId']})",
        replay.SUB_CREATED: lambda e: f"child {e['Name']} {e['InstanceId']} ({e['EventId']})",
        replay.TIMER_CREATED: lambda e: f"a timer ({e['EventId']})",
        replay.EXECUTION_COMPLETED: lambda e: f"the end as {_STATUS_NAMES[e['OrchestrationStatus']]}",
    }
    return [words[e["EventType"]](e) for e in events if e["EventType"] in words]


def _goes_on_as_new(decisions: Decisions) -> list[str]:
    return [] if decisions.continue_as_new is None else ["to continue as new"]


def _listed(decided: list[str]) -> str:
    return ", ".join(decided) or "nothing"


def _why(decisions: Decisions) -> str:
    failed = decisions.ended is not None and decisions.ended[0] == replay.FAILED
    return f": {json.loads(decisions.ended[1] or 'null')}" if failed and decisions.ended else ""


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False)
