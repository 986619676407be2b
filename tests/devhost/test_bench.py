"""What the bench promises to the tests of orchestrators."""

from datetime import timedelta
from typing import Any

import azure.durable_functions as df
import pytest

from devhost.bench import Bench

blueprint = df.Blueprint()


@blueprint.orchestration_trigger(context_name="context")
def waits_or_times_out(context: Any) -> Any:
    context.set_custom_status({"stage": "waiting"})
    timeout = context.create_timer(context.current_utc_datetime + timedelta(seconds=60))
    event = context.wait_for_external_event("go")
    winner = yield context.task_any([event, timeout])
    if winner == timeout:
        return "timeout"
    timeout.cancel()
    context.set_custom_status({"stage": "going"})
    answer = yield context.call_activity("work", event.result)
    return answer


@blueprint.orchestration_trigger(context_name="context")
def polls_until_told(context: Any) -> Any:
    told = context.wait_for_external_event("told")
    while True:
        poll = context.create_timer(context.current_utc_datetime + timedelta(seconds=10))
        yield context.task_any([told, poll])
        if told.is_completed:
            if not poll.is_completed:
                poll.cancel()
            answer = yield context.call_activity("work", told.result)
            return answer


@blueprint.orchestration_trigger(context_name="context")
def fans_out(context: Any) -> Any:
    finished = []
    running = [context.call_activity("work", n) for n in range(6)]
    while running:
        winner = yield context.task_any(running)
        running.remove(winner)
        finished.append(winner.result)
    return finished


@blueprint.orchestration_trigger(context_name="context")
def has_a_child(context: Any) -> Any:
    try:
        yield context.call_sub_orchestrator("waits_or_times_out", None, "child")
    except Exception as error:  # noqa: BLE001 - the SDK raises nothing narrower
        return str(error).splitlines()[0]


def test_the_clock_jumps_to_the_next_timer() -> None:
    outcome = Bench(blueprint).run("waits_or_times_out")
    assert (outcome.status, outcome.output, outcome.seconds) == ("Completed", "timeout", 59.0)


def test_events_arrive_when_they_are_due_and_doubly_encoded() -> None:
    events = [(5.0, "go", {"by": "user"})]
    outcome = Bench(blueprint).run("waits_or_times_out", activities={"work": lambda value: value}, events=events)
    assert outcome.output == '{"by": "user"}'
    assert outcome.seconds == 5.0
    assert outcome.custom_statuses == [(0.0, {"stage": "waiting"}), (5.0, {"stage": "going"})]
    assert outcome.calls == [("work", '{"by": "user"}', 5.0)]
    assert outcome.called("work") == ['{"by": "user"}']


def test_activities_take_the_time_they_are_given() -> None:
    seconds = {"work": 2.5}
    made = Bench(blueprint).run("fans_out", activities={"work": lambda n: n}, activity_seconds=seconds)
    assert (made.seconds, made.output) == (2.5, [0, 1, 2, 3, 4, 5])


def test_what_an_activity_raises_fails_its_task() -> None:
    def work(value: Any) -> None:
        raise ValueError("boom")

    outcome = Bench(blueprint).run("waits_or_times_out", activities={"work": work}, events=[(1, "go", None)])
    assert outcome.status == "Failed"
    wanted = "Orchestrator function 'waits_or_times_out' failed: Activity function 'work' failed:  ValueError: boom"
    assert outcome.output.startswith(wanted)


def test_an_activity_the_bench_does_not_have_is_an_error_of_the_test() -> None:
    with pytest.raises(KeyError, match="calls activity 'work'"):
        Bench(blueprint).run("fans_out")


def test_an_activity_that_runs_twice_counts_once() -> None:
    bench = Bench(blueprint, duplicate_activities=2)
    outcome = bench.run("fans_out", activities={"work": lambda n: n})
    assert len(outcome.calls) == 9
    assert sorted(outcome.output) == list(range(6))
    assert len([e for e in outcome.history if e["EventType"] == 5]) == 6


def test_a_seed_shuffles_the_order_of_answers() -> None:
    orders = [Bench(blueprint, shuffle=seed).run("fans_out", activities={"work": lambda n: n}).output for seed in range(5)]
    assert all(sorted(order) == list(range(6)) for order in orders)
    assert len({tuple(order) for order in orders}) > 1
    again = Bench(blueprint, shuffle=3).run("fans_out", activities={"work": lambda n: n}).output
    assert again == orders[3]


def test_an_instance_can_wake_another_from_an_activity() -> None:
    bench = Bench(blueprint)

    def work(value: Any) -> str:
        bench.raise_event("second", "go", "from the first")
        return "done"

    bench.start("waits_or_times_out", instance_id="second")
    first = bench.run("waits_or_times_out", instance_id="first", activities={"work": work}, events=[(3, "go", 1)])
    assert first.output == "done"
    assert bench.outcome("second").called("work") == ['"from the first"']
    assert bench.outcome("second").seconds == 3.0


def test_children_run_and_have_an_outcome() -> None:
    bench = Bench(blueprint)
    assert bench.run("has_a_child").status == "Completed"
    assert bench.outcome("child").output == "timeout"


def test_until_ends_a_story_that_does_not() -> None:
    outcome = Bench(blueprint).run("waits_or_times_out", until=10.0)
    assert outcome.status == "Running"


@pytest.mark.parametrize("at", [5.0, 15.0, 35.0])
def test_an_event_wakes_in_any_round_of_a_loop_and_not_only_in_the_first(at: float) -> None:
    outcome = Bench(blueprint).run("polls_until_told", activities={"work": lambda x: x}, events=[(at, "told", {})])

    assert (outcome.status, outcome.seconds) == ("Completed", at)
