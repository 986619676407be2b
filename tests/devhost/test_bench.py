"""What the bench promises to the tests of orchestrators."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import azure.durable_functions as df
import pytest

from devhost.bench import Bench

from . import stories

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


# ---- time ----


@blueprint.orchestration_trigger(context_name="context")
def waits_for_a_deadline(context: Any) -> Any:
    """Waits again for what is left, as a timer may come early."""
    deadline = context.current_utc_datetime + timedelta(seconds=5)
    waits = 0
    while context.current_utc_datetime < deadline:
        yield context.create_timer(deadline)
        waits += 1
    return waits


@pytest.mark.parametrize(("asked", "takes"), [(1.9, 1), (2, 1), (2.9, 2), (5, 4), (3600, 3599)])
def test_a_timer_takes_the_whole_seconds_that_are_left(asked: float, takes: float) -> None:
    outcome = Bench(stories.blueprint).run("waits", asked)
    assert (outcome.status, outcome.seconds) == ("Completed", takes)
    (fired,) = [e for e in outcome.history if e["EventType"] == 11]
    assert fired["FireAt"] == (datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=asked)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


@pytest.mark.parametrize("asked", [-5, 0, 0.5, 1])
def test_a_timer_of_a_second_comes_at_once(asked: float) -> None:
    assert Bench(stories.blueprint).run("waits", asked).seconds < 0.2


def test_a_wait_for_the_last_second_before_a_deadline_ends() -> None:
    outcome = Bench(blueprint).run("waits_for_a_deadline")
    assert (outcome.status, outcome.seconds) == ("Completed", 5.0)
    assert 2 < outcome.output < 20


def test_the_clock_always_starts_at_the_same_moment_and_is_shared() -> None:
    bench, seen = Bench(blueprint), []
    began = bench.now
    assert began == datetime(2026, 1, 1, tzinfo=UTC)
    bench.at(2.5, lambda: seen.append(bench.now - began))
    bench.at(1.5, lambda: bench.at(0.5, lambda: seen.append(bench.now - began)))
    bench.run_until_idle()
    assert seen == [timedelta(seconds=2), timedelta(seconds=2.5)]
    bench.let_pass(10)
    assert bench.now - began == timedelta(seconds=12.5)


def test_an_activity_that_stalls_holds_up_nobody_else() -> None:
    def first(value: str) -> str:
        if value == "slow":
            bench.let_pass(30)
        return value

    bench = Bench(stories.blueprint, activities={"first": first, "second": lambda value: value})
    bench.start("two_steps", "slow", instance_id="slow")
    bench.start("two_steps", "quick", instance_id="quick")
    bench.run_until_idle()
    assert (bench.outcome("slow").seconds, bench.outcome("quick").seconds) == (30.0, 0.0)


def test_a_stalled_activity_may_meanwhile_be_delivered_again() -> None:
    seen: list[str] = []

    def first(value: str) -> int:
        me = len([line for line in seen if "begins" in line])
        seen.append(f"{me} begins")
        if me == 0:
            bench.let_pass(30)
        seen.append(f"{me} ends")
        return me

    bench = Bench(stories.blueprint, duplicate_activities=1, activities={"first": first, "second": lambda value: value})
    bench.start("two_steps", 1, instance_id="i1")
    bench.run_until_idle()
    assert seen == ["0 begins", "1 begins", "1 ends", "0 ends"]
    # The first answer counts.
    assert (bench.outcome("i1").output, bench.outcome("i1").seconds) == (1, 0.0)


def test_an_activity_may_be_async_inside_a_loop_and_outside() -> None:
    async def work(value: Any) -> Any:
        await asyncio.sleep(0)
        return value

    async def within_a_loop() -> Any:
        return Bench(stories.blueprint).run("one_try", 1, activities={"first": work}).output

    assert asyncio.run(within_a_loop()) == 1
    assert Bench(stories.blueprint).run("one_try", 2, activities={"first": work}).output == 2


# ---- instances ----


def test_a_status_is_what_the_management_api_says() -> None:
    bench = Bench(blueprint)
    assert bench.status("i1") is None
    bench.let_pass(1.75)
    bench.start("waits_or_times_out", instance_id="i1")
    status = bench.status("i1")
    assert status
    assert (status.name, status.runtime_status, status.custom_status) == ("waits_or_times_out", "Pending", None)
    assert status.created_at == datetime(2026, 1, 1, 0, 0, 1, tzinfo=UTC)
    bench.run_until_idle(10)
    status = bench.status("i1")
    assert status
    assert (status.runtime_status, status.custom_status) == ("Running", {"stage": "waiting"})
    bench.start("has_a_child", instance_id="i2")
    bench.run_until_idle()
    assert bench.instances() == {"child": "Completed", "i1": "Completed", "i2": "Completed"}


def test_a_terminated_instance_is_over_at_once_and_its_child_is_not() -> None:
    bench = Bench(blueprint)
    bench.at(5, lambda: bench.terminate("instance", "enough"))
    outcome = bench.run("has_a_child")
    assert (outcome.status, outcome.output, outcome.seconds) == ("Terminated", "enough", 5.0)
    assert bench.outcome("child").output == "timeout"
    assert not bench.terminate("instance", "again")
    assert not bench.terminate("nobody", "enough")


def test_a_terminated_child_has_failed_for_its_parent() -> None:
    bench = Bench(blueprint)
    bench.at(5, lambda: bench.terminate("child", "enough"))
    outcome = bench.run("has_a_child")
    assert (outcome.status, outcome.output.strip(), outcome.seconds) == ("Completed", "enough", 5.0)


def test_what_a_suspended_instance_is_told_waits_for_its_resume() -> None:
    bench = Bench(stories.blueprint)
    bench.start("waits_for_go", instance_id="i1")
    assert not bench.resume("i1")
    bench.at(1, lambda: bench.suspend("i1", "lunch"))
    bench.at(2, lambda: bench.raise_event("i1", "go", 1))
    bench.run_until_idle()
    assert bench.instances() == {"i1": "Suspended"}
    assert not bench.suspend("i1")
    assert bench.resume("i1", "back")
    bench.run_until_idle()
    assert bench.outcome("i1").output == "1"
    assert not bench.resume("i1")
    assert not bench.suspend("nobody")


def test_a_suspended_instance_can_be_terminated() -> None:
    bench = Bench(stories.blueprint)
    bench.start("waits_for_go", instance_id="i1")
    bench.suspend("i1")
    bench.run_until_idle()
    assert bench.terminate("i1", "enough")
    bench.run_until_idle()
    assert bench.instances() == {"i1": "Terminated"}


def test_only_what_has_ended_is_purged() -> None:
    bench = Bench(stories.blueprint)
    assert not bench.purge("i1")
    bench.start("waits_for_go", instance_id="i1")
    assert not bench.purge("i1")
    bench.run_until_idle()
    assert not bench.purge("i1")
    assert bench.raise_event("i1", "go")
    bench.run_until_idle()
    assert bench.purge("i1")
    assert not bench.purge("i1")
    assert (bench.status("i1"), bench.instances(), bench.history("i1")) == (None, {}, [])
    assert not bench.raise_event("i1", "go")
    with pytest.raises(KeyError):
        bench.outcome("i1")


def test_an_answer_for_a_purged_instance_is_nobodys() -> None:
    bench = Bench(stories.blueprint, activities={"first": lambda value: value}, activity_seconds={"first": 5.0})
    bench.start("two_steps", 1, instance_id="i1")
    bench.at(1, lambda: bench.terminate("i1"))
    bench.at(2, lambda: bench.purge("i1"))
    bench.at(3, lambda: bench.start("waits_for_go", instance_id="i1"))
    bench.run_until_idle()
    assert bench.instances() == {"i1": "Running"}


def test_an_activity_can_start_an_instance_and_wake_it() -> None:
    bench = Bench(stories.blueprint)

    def first(value: Any) -> str:
        bench.start("waits_for_go", instance_id="other")
        assert bench.raise_event("other", "go", "begun")
        return "done"

    outcome = bench.run("two_steps", 1, activities={"first": first, "second": lambda value: value})
    assert outcome.output == "done"
    assert bench.outcome("other").output == '"begun"'


def test_an_instance_continues_as_new_and_its_outcome_tells_of_all_of_it() -> None:
    outcome = Bench(stories.blueprint).run("counts_as_new", 0, activities={"first": lambda n: n + 1})
    assert (outcome.status, outcome.output, outcome.seconds) == ("Completed", 3, 3.0)
    assert outcome.calls == [("first", 0, 0.0), ("first", 1, 1.0), ("first", 2, 2.0)]
    assert len([e for e in outcome.history if e["EventType"] == 10]) == 1


@blueprint.orchestration_trigger(context_name="context")
def says_its_version(context: Any) -> Any:
    yield context.create_timer(context.current_utc_datetime)
    return context.version


@pytest.mark.parametrize("version", [None, "2"])
def test_new_instances_are_stamped_with_the_default_version(version: str | None) -> None:
    assert Bench(blueprint, default_version=version).run("says_its_version").output == version
