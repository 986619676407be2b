"""An id whose instance has ended begins anew, on the engine and on the bench."""

import json
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from devhost import replay
from devhost.bench import Bench
from devhost.engine import Engine
from devhost.taskhub import TERMINAL, utc_now
from tests.patience import PATIENCE

from .stories import blueprint, running_engine

ECHO = {"first": lambda value: value, "second": lambda value: value}


def wait_until(claim: Callable[[], Any]) -> None:
    ends = time.monotonic() + PATIENCE
    while not claim():
        assert time.monotonic() < ends
        time.sleep(0.01)


def start(engine: Engine, story: str, value: Any) -> None:
    assert engine.start_instance(story, "i1", json.dumps(json.dumps(value)), None, overwrite=False) is None


def status(engine: Engine) -> dict[str, Any]:
    return dict(engine.hub.status("i1") or {})


def test_on_the_engine_a_late_answer_does_not_reach_the_new_execution(caplog: pytest.LogCaptureFixture) -> None:
    may_end, seen = {"former": threading.Event(), "new": threading.Event()}, []

    def first(value: str) -> str:
        seen.append(value)
        may_end[value].wait(PATIENCE)
        return f"answer of the {value} one"

    with running_engine(first=first, second=lambda value: value) as engine:
        start(engine, "two_steps", "former")
        wait_until(lambda: seen == ["former"])
        engine.send("i1", replay.execution_terminated(utc_now(), "enough"))
        wait_until(lambda: status(engine)["status"] == "Terminated")
        start(engine, "two_steps", "new")
        wait_until(lambda: seen == ["former", "new"])
        # Both wait for an answer to their task 0.
        may_end["former"].set()
        wait_until(lambda: len(engine.hub.open_work()) == 1 and not engine.hub.waiting())
        may_end["new"].set()
        wait_until(lambda: status(engine)["status"] in TERMINAL)
        wait_until(lambda: not engine.hub.open_work() and not engine.hub.waiting())
        assert (status(engine)["status"], status(engine)["output"]) == ("Completed", '"answer of the new one"')
        assert [e["EventType"] for e in engine.hub.history("i1")].count(replay.EXECUTION_STARTED) == 1
    assert caplog.records == []


@pytest.mark.parametrize("end", ["Completed", "Failed", "Terminated"])
def test_on_the_engine_any_end_can_begin_anew(end: str) -> None:
    def first(value: str) -> str:
        if value == "Failed":
            raise ValueError("boom")
        return value

    with running_engine(first=first, second=lambda value: value) as engine:
        start(engine, "waits_for_go" if end == "Terminated" else "two_steps", end)
        if end == "Terminated":
            engine.send("i1", replay.execution_terminated(utc_now(), "enough"))
        wait_until(lambda: status(engine)["status"] == end)
        start(engine, "two_steps", "again")
        wait_until(lambda: status(engine)["output"] == '"again"')


def test_on_the_bench_an_ended_id_begins_anew_and_the_outcome_is_the_newest_ones() -> None:
    answers = iter([ValueError("boom"), "good"])

    def first(value: Any) -> Any:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    bench = Bench(blueprint, activities=ECHO | {"first": first}, activity_seconds={"first": 2.0})
    bench.start("two_steps", "a", instance_id="i1")
    with pytest.raises(ValueError, match="i1 is running"):
        bench.start("two_steps", "a", instance_id="i1")
    bench.run_until_idle()
    assert bench.outcome("i1").status == "Failed"
    bench.let_pass(10)
    bench.start("two_steps", "b", instance_id="i1")
    bench.run_until_idle()
    outcome = bench.outcome("i1")
    assert (outcome.status, outcome.output, outcome.seconds) == ("Completed", "good", 2.0)
    assert outcome.calls == [("first", "a", -12.0), ("first", "b", 0.0), ("second", "good", 2.0)]
    assert len([e for e in outcome.history if e["EventType"] == replay.EXECUTION_STARTED]) == 1


def test_on_the_bench_a_late_answer_does_not_reach_the_new_execution() -> None:
    seconds = {"former": 5.0, "new": 20.0}
    bench = Bench(blueprint, activities=ECHO)

    def first(value: str) -> str:
        bench.let_pass(seconds[value])
        return f"answer of the {value} one"

    def start_again() -> None:
        bench.terminate("i1", "enough")
        bench.at(0, lambda: bench.start("two_steps", "new", instance_id="i1"))

    bench.at(1.0, start_again)
    outcome = bench.run("two_steps", "former", instance_id="i1", activities={"first": first})
    assert (outcome.status, outcome.output, outcome.seconds) == ("Completed", "answer of the new one", 20.0)
    assert outcome.called("first") == ["former", "new"]


def test_on_the_bench_the_outcome_of_a_child_is_that_of_its_newest_execution() -> None:
    tries = iter([ValueError("boom"), ValueError("boom"), 1])

    def first(value: Any) -> Any:
        answer = next(tries)
        if isinstance(answer, Exception):
            raise answer
        return answer

    bench = Bench(blueprint)
    outcome = bench.run("parent", 0, activities=ECHO | {"first": first}, activity_seconds={"first": 3.0})
    assert (outcome.output["answer"], len(outcome.output["failures"])) == (1, 2)
    child = bench.outcome("child")
    assert (child.status, child.seconds, bench.now - replay.parse_time(child.history[0]["Timestamp"])) == (
        "Completed", 3.0, timedelta(seconds=3),
    )  # fmt: skip
    assert [at for name, _, at in child.calls if name == "first"] == [-6.0, -3.0, 0.0]
