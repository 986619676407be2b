"""The scheduling core, beside the recorded calls of the real engine and on the rules that the record does not reach."""

import importlib.util
import itertools
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import azure.functions as func
import pytest

from devhost import replay
from devhost.replay import Decisions, Event, Instance, run_episode

CONFORMANCE = Path(__file__).resolve().parents[1] / "conformance"
WIRE = [json.loads(line) for line in (CONFORMANCE / "wire.jsonl").read_text("utf-8").splitlines()]
NOW = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
INSTANCE = Instance("i1", "e1", "story")
DECISIONS = (replay.TASK_SCHEDULED, replay.SUB_CREATED, replay.TIMER_CREATED)


def named(call: dict[str, Any]) -> str:
    return f"{call['name']}-{len(call['context']['history'])}"


@pytest.fixture(scope="module")
def recorded_orchestrators() -> dict[str, Any]:
    spec = importlib.util.spec_from_file_location("conformance_function_app", CONFORMANCE / "function_app.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return {f.get_function_name(): f.get_user_function() for f in module.app.get_functions()}


@pytest.mark.parametrize("call", WIRE, ids=named)
def test_the_sdk_answers_a_recorded_call_as_it_did(call: dict[str, Any], recorded_orchestrators: dict[str, Any]) -> None:
    handle = recorded_orchestrators[call["name"]]
    try:
        answer = handle(func.OrchestrationContext(json.dumps(call["context"])))
    except Exception as error:  # noqa: BLE001 - the SDK raises nothing narrower
        assert call["raised"]
        answer = f"{type(error).__name__}: {error}"
    assert answer == call["answer"]


def followed() -> Iterator[Any]:
    """Each recorded call with the next one of the same execution, whose history says what the engine decided."""
    for call, following in itertools.pairwise(WIRE):
        before, after = call["context"]["history"], following["context"]["history"]
        same = before[1]["OrchestrationInstance"] == after[1]["OrchestrationInstance"]
        held = any(e["EventType"] == replay.EXECUTION_SUSPENDED for e in after)
        if same and len(after) > len(before) and not held:
            yield pytest.param(call, after[len(before) :], id=named(call))


@pytest.mark.parametrize(("call", "what_followed"), list(followed()))
def test_decides_what_the_engine_decided(call: dict[str, Any], what_followed: list[Event]) -> None:
    history = call["context"]["history"]
    last = max(i for i, e in enumerate(history) if e["EventType"] == replay.ORCHESTRATOR_STARTED)
    ids = history[1]["OrchestrationInstance"]
    instance = Instance(ids["InstanceId"], ids["ExecutionId"], call["name"])

    decisions = run_episode(history[:last], history[last + 1 :], NOW, instance, lambda _: str(call["answer"]))

    ends = next(i for i, e in enumerate(what_followed) if e["EventType"] == replay.ORCHESTRATOR_COMPLETED)
    wanted = [(e["EventType"], e["EventId"], e.get("Name"), e.get("InstanceId")) for e in what_followed[:ends]]
    made = decisions.events[1 + len(history) - last - 1 : -1]
    assert [(e["EventType"], e["EventId"], e.get("Name"), e.get("InstanceId")) for e in made] == wanted


# ---- rules of its own ----


@pytest.mark.parametrize(
    ("asked", "fires"),
    [
        (-3600.0, 0),
        (0.0, 0),
        (0.9, 0),
        (1.0, 0),
        (1.1, 1),
        (1.9, 1),
        (2.0, 1),
        (2.1, 2),
        (3.0, 2),
        (60.0, 59),
        (259200.0, 259199),
    ],
)
def test_a_timer_comes_after_the_whole_seconds_that_are_left(asked: float, fires: int) -> None:
    fire_at = NOW + timedelta(seconds=asked)
    assert replay.timer_visible_at(fire_at, NOW) == NOW + timedelta(seconds=fires)


def test_what_counts_is_what_is_left_when_the_timer_is_sent() -> None:
    fire_at, sent = NOW + timedelta(seconds=5), NOW + timedelta(milliseconds=20)
    # As on record: 4.98 s were left, and four seconds after it was sent the timer came.
    assert replay.timer_visible_at(fire_at, sent) == sent + timedelta(seconds=4)


def activity(name: str) -> dict[str, Any]:
    return {"actionType": 0, "functionName": name, "input": "1"}


def timer(*, canceled: bool = False) -> dict[str, Any]:
    return {"actionType": 5, "fireAt": "2026-11-23T04:00:00.000000Z", "isCanceled": canceled}


def wait(name: str) -> dict[str, Any]:
    return {"actionType": 6, "externalEventName": name, "reason": "ExternalEvent"}


def any_of(*actions: dict[str, Any]) -> dict[str, Any]:
    return {"actionType": 11, "compoundActions": list(actions)}


def all_of(*actions: dict[str, Any]) -> dict[str, Any]:
    return {"actionType": 12, "compoundActions": list(actions)}


class Story:
    """One instance, told episode by episode with answers made up for the SDK."""

    def __init__(self) -> None:
        self.history: list[Event] = []
        self.messages: list[Event] = [replay.execution_started(NOW, INSTANCE, None, None)]

    def episode(self, *actions: dict[str, Any], messages: list[Event] | None = None, **state: Any) -> Decisions:
        answer = {"isDone": False, "schemaVersion": 2, "actions": [list(actions)]} | state
        return self.run(lambda _: json.dumps(answer), messages)

    def run(self, handler: replay.Handler, messages: list[Event] | None = None) -> Decisions:
        decisions = run_episode(self.history, self.messages + (messages or []), NOW, INSTANCE, handler)
        self.history, self.messages = [*self.history, *decisions.events], []
        return decisions


def started(decisions: Decisions) -> list[tuple[int, str]]:
    return [(number, name) for number, name, _ in decisions.activities]


def done(number: int) -> Event:
    return replay.task_completed(NOW, number, "1")


def failed(number: int) -> Event:
    return replay.task_failed(NOW, number, "a", "ValueError: boom")


def test_one_top_level_action_after_the_other() -> None:
    story = Story()
    assert started(story.episode(activity("a"), activity("b"))) == [(0, "a")]
    assert started(story.episode(activity("a"), activity("b"), messages=[done(0)])) == [(1, "b")]


def test_when_all_waits_for_the_siblings_of_a_failure() -> None:
    story, both = Story(), all_of(activity("a"), activity("b"))
    story.episode(both)
    assert started(story.episode(both, activity("next"), messages=[failed(0)])) == []
    assert started(story.episode(both, activity("next"), messages=[done(1)])) == [(2, "next")]


def test_compounds_nest() -> None:
    story = Story()
    story.episode(all_of(any_of(activity("a"), timer()), activity("b")))
    tree = all_of(any_of(activity("a"), timer(canceled=True)), activity("b"))
    assert started(story.episode(tree, activity("next"), messages=[done(0)])) == []
    assert started(story.episode(tree, activity("next"), messages=[done(2)])) == [(3, "next")]


def test_an_open_task_holds_the_end_and_a_canceled_timer_does_not() -> None:
    story = Story()
    story.episode(any_of(activity("a"), timer()))
    assert story.episode(any_of(activity("a"), timer()), messages=[done(0)], isDone=True, output=1).ended is None
    held = story.episode(any_of(activity("a"), timer(canceled=True)), isDone=True, output=1)
    assert held.ended == (replay.COMPLETED, "1")


def test_the_last_waiter_gets_the_first_event() -> None:
    story, both = Story(), all_of(wait("Go"), wait("go"))
    story.episode(both)
    story.episode(both, messages=[replay.event_raised(NOW, "GO", "1")])
    after = story.episode(both, activity("next"), messages=[replay.event_raised(NOW, "go", "2")])
    assert started(after) == [(0, "next")]


def test_events_after_the_decision_to_continue_as_new_are_carried_over() -> None:
    story, again = Story(), {"actionType": 4, "input": "{}"}
    story.episode(activity("a"))
    early, late = replay.event_raised(NOW, "early", "1"), replay.event_raised(NOW, "late", "2")
    decisions = story.episode(activity("a"), again, messages=[early, done(0), late], isDone=True)
    assert decisions.continue_as_new == "{}"
    assert decisions.carried == [late]


@pytest.mark.parametrize(("fails", "timers"), [(1, 1), (2, 2)])
def test_a_retry_takes_its_ids_when_the_failure_arrives(fails: int, timers: int) -> None:
    action = activity("a") | {
        "actionType": 1,
        "retryOptions": {"firstRetryIntervalInMilliseconds": 500, "maxNumberOfAttempts": 2},
    }
    story, seen, call = Story(), [], 0
    story.episode(all_of(action))
    for _ in range(fails):
        decisions = story.episode(all_of(action), messages=[failed(call)])
        seen += decisions.timers
        (number, fire_at), call = decisions.timers[0], decisions.timers[0][0] + 1
        after = story.episode(all_of(action), activity("next"), messages=[replay.timer_fired(NOW, number, fire_at)])
    assert [number for number, _ in seen] == [1, 3][:timers]
    # The timer after the last failure is due at once; the failure reaches the orchestrator only when it has fired.
    assert [(at - NOW).total_seconds() for _, at in seen] == [0.5, 0.0][:timers]
    assert started(after) == ([(2, "a")] if fails == 1 else [(4, "next")])


def test_changed_code_fails_the_instance() -> None:
    story = Story()
    story.episode(activity("a"))
    ended = story.episode(activity("b"), messages=[done(0)]).ended
    assert ended
    assert ended[0] == replay.FAILED
    assert "Non-Deterministic workflow detected" in str(ended[1])
    assert "named 'a'" in str(ended[1])


@pytest.mark.parametrize(("kind", "name"), [(7, "call_entity"), (8, "call_http"), (9, "signal_entity")])
def test_what_is_not_done_is_refused_by_name(kind: int, name: str) -> None:
    ended = Story().episode({"actionType": kind}).ended
    assert ended
    assert ended[0] == replay.FAILED
    assert f"the devhost does not do {name}" in str(ended[1])


def test_a_secret_in_an_error_hides_the_error_behind_non_determinism() -> None:
    def raises(_: str) -> str:
        state = {"isDone": False, "actions": [[activity("a")]], "error": "f(token=t)"}
        raise ValueError("f(token=t)\n\n$OutOfProcData$:" + json.dumps(state))

    story = Story()
    story.episode(activity("a"))
    ended = story.run(raises, [failed(0)]).ended
    assert ended
    assert "Non-Deterministic workflow detected" in str(ended[1])


def test_a_custom_status_has_a_limit() -> None:
    ended = Story().episode(customStatus="x" * 9000).ended
    assert ended
    assert "must not exceed 16 KB. The current payload size is 17 KB." in str(ended[1])


def test_what_arrives_while_suspended_waits_for_the_resume() -> None:
    story = Story()
    story.episode(activity("a"))
    story.episode(activity("a"), messages=[replay.switched(replay.EXECUTION_SUSPENDED, NOW, "lunch")])
    assert started(story.episode(activity("a"), activity("b"), messages=[done(0)])) == []
    back = story.episode(activity("a"), activity("b"), messages=[replay.switched(replay.EXECUTION_RESUMED, NOW, "back")])
    assert started(back) == [(1, "b")]
