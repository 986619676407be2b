"""Histories that are kept: what they hold, and when today's code does not follow them any more."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import azure.durable_functions as df
import pytest

from devhost.bench import Bench
from devhost.histories import HistoryMismatch, Recorded, read_history, record_history, replay_history, write_history
from devhost.worker_deaths import WorkerDied

from . import stories

Story = Callable[[Any], Any]
ECHO = {name: lambda value: value for name in ("first", "second", "third")}


def app(story: Story | None = None, child: Story | None = None) -> df.Blueprint:
    """An app with an orchestrator `story` and one `child`."""
    made = df.Blueprint()
    for name, body in (("story", story or the_story), ("child", child or the_child)):
        body.__name__ = name
        made.orchestration_trigger(context_name="context")(body)
    return made


def the_story(context: Any) -> Any:
    timeout = context.create_timer(context.current_utc_datetime + timedelta(seconds=30.9))
    cancel = context.wait_for_external_event("cancel")
    child = context.call_sub_orchestrator("child", 1, "child-1")
    first = yield context.task_any([cancel, timeout, child])
    if first == cancel:
        answer = yield context.call_activity("first", "canceled")
    if not timeout.is_completed:
        timeout.cancel()
    answer = yield context.call_activity("second", child.result)
    return answer


def the_child(context: Any) -> Any:
    n = yield context.call_activity("first", context.get_input())
    yield context.create_timer(context.current_utc_datetime + timedelta(seconds=2.9))
    n = yield context.call_activity("second", n + 1)
    return n


def told() -> Recorded:
    bench = Bench(app(), activities=ECHO)
    assert bench.run("story", instance_id="s1").output == 2
    return record_history(bench, "s1")


def test_the_code_that_made_a_history_follows_it() -> None:
    recorded = told()
    assert set(recorded) == {"s1", "child-1"}
    replay_history(app(), recorded)
    replay_history([app()], recorded)


def test_a_history_is_written_the_same_each_time_and_read_back(tmp_path: Path) -> None:
    for name in ("one", "two"):
        bench = Bench(app(), activities=ECHO)
        bench.run("story", instance_id="s1")
        write_history(bench, "s1", tmp_path / name)
    text = (tmp_path / "one").read_text("utf-8")
    assert text == (tmp_path / "two").read_text("utf-8")
    assert read_history(tmp_path / "one") == told()
    assert list(json.loads(text)) == ["child-1", "s1"]
    # One event a line, its keys in order: what changes in a history is seen in a diff.
    events = [line.rstrip(",") for line in text.splitlines() if line.startswith('{"')]
    assert len(events) == sum(len(history) for history in told().values())
    assert all(line == json.dumps(json.loads(line), sort_keys=True, ensure_ascii=False) for line in events)
    assert '"Timestamp": "2026-01-01T00:00:0' in text


def test_ids_that_the_engine_gives_are_the_same_each_time_too() -> None:
    def child_without_id(context: Any) -> Any:
        return (yield context.call_sub_orchestrator("child", 1))

    def recorded() -> Recorded:
        bench = Bench(app(child_without_id), activities=ECHO)
        bench.run("story", instance_id="s1")
        return record_history(bench, "s1")

    assert len(recorded()) == 2
    assert recorded() == recorded()
    replay_history(app(child_without_id), recorded())


# ---- changes ----


def another_activity(context: Any) -> Any:
    n = yield context.call_activity("third", context.get_input())
    yield context.create_timer(context.current_utc_datetime + timedelta(seconds=2.9))
    return (yield context.call_activity("second", n + 1))


def an_activity_more_at_the_end(context: Any) -> Any:
    n = yield from the_child(context)
    return (yield context.call_activity("third", n))


def an_activity_more_before_the_timer(context: Any) -> Any:
    n = yield context.call_activity("first", context.get_input())
    yield context.call_activity("third", n)
    yield context.create_timer(context.current_utc_datetime + timedelta(seconds=2.9))
    return (yield context.call_activity("second", n + 1))


def no_timer(context: Any) -> Any:
    n = yield context.call_activity("first", context.get_input())
    return (yield context.call_activity("second", n + 1))


def an_exception(context: Any) -> Any:
    n = yield context.call_activity("first", context.get_input())
    raise KeyError(f"seed of {n}")


def an_earlier_end(context: Any) -> Any:
    n = yield context.call_activity("first", context.get_input())
    return n


def a_new_beginning(context: Any) -> Any:
    n = yield context.call_activity("first", context.get_input())
    context.continue_as_new(n)


@pytest.mark.parametrize(
    ("child", "said"),
    [
        (another_activity, r"step 1 \(event 0 of its history\): the history holds activity first \(0\), today's code asks for "
                           r"activity third \(0\)"),
        (an_activity_more_at_the_end, r"step 4 .* holds the end as Completed, today's code asks for activity third \(3\)"),
        (an_activity_more_before_the_timer, r"step 2 .* holds a timer \(1\), today's code asks for activity third \(1\)"),
        (no_timer, r"step 2 .* holds a timer \(1\), today's code asks for activity second \(1\)"),
        (an_exception, r"step 2 .* asks for the end as Failed: .*seed of 1"),
        (an_earlier_end, r"step 2 .* asks for the end as Completed"),
        (a_new_beginning, r"step 2 .* asks for to continue as new"),
    ],
)  # fmt: skip
def test_code_that_asks_for_something_else_is_told_where(child: Story, said: str) -> None:
    with pytest.raises(HistoryMismatch, match=f"child child-1, {said}"):
        replay_history(app(child=child), told())


def test_another_id_or_name_of_a_child_is_something_else() -> None:
    def other_id(context: Any) -> Any:
        timeout = context.create_timer(context.current_utc_datetime + timedelta(seconds=30.9))
        cancel = context.wait_for_external_event("cancel")
        yield context.task_any([cancel, timeout, context.call_sub_orchestrator("child", 1, "child-one")])

    with pytest.raises(HistoryMismatch, match=r"story s1, step 1 .* child child child-1 \(1\), .* child child child-one \(1\)"):
        replay_history(app(other_id), told())


def test_code_that_contradicts_what_was_done_is_told_in_the_engines_words() -> None:
    def skips_what_it_has_done(context: Any) -> Any:
        # At first it is as it was.
        if len(context.histories) < 5:
            yield context.call_activity("first", context.get_input())
        yield context.create_timer(context.current_utc_datetime + timedelta(seconds=2.9))

    with pytest.raises(HistoryMismatch, match=r"step 2 .* the end as Failed: Non-Deterministic workflow detected"):
        replay_history(app(child=skips_what_it_has_done), told())


def test_an_orchestrator_that_is_gone_is_a_mismatch() -> None:
    without_child = df.Blueprint()
    the_story.__name__ = "story"
    without_child.orchestration_trigger(context_name="context")(the_story)
    with pytest.raises(HistoryMismatch, match=r"child child-1, step 1 .*The function 'child' doesn't exist"):
        replay_history(without_child, told())


def test_other_inputs_outputs_and_lengths_of_timers_are_no_mismatch() -> None:
    def child(context: Any) -> Any:
        n = yield context.call_activity("first", {"now": "an object"})
        yield context.create_timer(context.current_utc_datetime + timedelta(seconds=5.9))
        yield context.call_activity("second", n + 1)
        return "all is well"

    replay_history(app(child=child), told())


# ---- stories with a turn ----


def replayed(bench: Bench, instance_id: str) -> list[int]:
    recorded = record_history(bench, instance_id)
    replay_history(stories.blueprint, recorded)
    return [event["EventType"] for event in recorded[instance_id]]


def test_what_was_suspended_resumed_and_terminated_can_be_replayed() -> None:
    bench = Bench(stories.blueprint, activities=ECHO, activity_seconds={"first": 5.0})
    bench.start("two_steps", 1, instance_id="i1")
    for seconds, operation in ((1, bench.suspend), (6, bench.resume)):
        bench.at(seconds, lambda operation=operation: operation("i1"))
    bench.run_until_idle()
    assert {19, 20} <= set(replayed(bench, "i1"))
    bench.start("waits_for_go", instance_id="i2")
    bench.at(1, lambda: bench.terminate("i2"))
    bench.run_until_idle()
    assert 3 in replayed(bench, "i2")


def test_what_a_dead_worker_has_ended_says_nothing_of_the_code() -> None:
    for killed in (1, 2):
        asked: list[str] = []

        def kill(instance_id: str, asked: list[str] = asked, killed: int = killed) -> bool:
            asked.append(instance_id)
            return len(asked) == killed

        bench = Bench(stories.blueprint, activities=ECHO, before_episode=kill)
        assert bench.run("two_steps", 1).status == "Failed"
        replayed(bench, "instance")


def test_a_failure_that_an_activitys_death_has_caused_is_the_codes() -> None:
    def first(value: Any) -> Any:
        raise WorkerDied

    bench = Bench(app(), activities=ECHO | {"first": first})
    bench.run("child", 1, instance_id="c1")
    recorded = record_history(bench, "c1")
    replay_history(app(), recorded)

    def catches(context: Any) -> Any:
        try:
            yield context.call_activity("first", context.get_input())
        except Exception:  # noqa: BLE001 - the SDK raises nothing narrower
            return "caught"

    with pytest.raises(HistoryMismatch, match="holds the end as Failed, today's code asks for the end as Completed"):
        replay_history(app(child=catches), recorded)


def test_what_was_started_again_or_as_new_is_recorded_from_its_newest_beginning() -> None:
    bench = Bench(stories.blueprint, activities=ECHO | {"first": lambda n: n + 1})
    bench.run("counts_as_new", 0)
    assert replayed(bench, "instance").count(0) == 1
    with pytest.raises(KeyError):
        record_history(bench, "nobody")
