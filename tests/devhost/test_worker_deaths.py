"""A worker that dies: what its calls end as, as on the engine."""

import json
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from devhost import replay
from devhost.bench import Bench, Outcome
from devhost.taskhub import utc_now
from devhost.worker_deaths import AFTER, BEFORE, InvalidSetting, WorkerDeaths, WorkerDied
from tests.patience import PATIENCE

from .conftest import ROOT, StartHost, write_app
from .stories import blueprint, running_engine

DIED = "python exited with code 137 (0x89)"
FIRST_EPISODE = f"Orchestrator function 'two_steps' failed: One or more errors occurred. ({DIED})"
ECHO = {"first": lambda value: value, "second": lambda value: value}


class Always(WorkerDeaths):
    """Strikes the calls whose turn it is by a list, then none."""

    def __init__(self, *turns: str | None) -> None:
        super().__init__(1.0)
        self.turns = list(turns)

    def strike(self) -> str | None:
        return self.turns.pop(0) if self.turns else None


# ---- who is hit ----


def test_a_seed_says_which_calls_die_and_they_die_before_and_after_by_turns() -> None:
    deaths, again, other = WorkerDeaths(0.2, 7), WorkerDeaths(0.2, 7), WorkerDeaths(0.2, 8)
    struck = [deaths.strike() for _ in range(1000)]
    assert struck == [again.strike() for _ in range(1000)]
    assert struck != [other.strike() for _ in range(1000)]
    hits = [moment for moment in struck if moment]
    assert 150 < len(hits) < 250
    assert hits == [(AFTER, BEFORE)[n % 2] for n in range(len(hits))]


@pytest.mark.parametrize(("probability", "hits"), [(0.0, 0), (1.0, 100)])
def test_none_and_all_are_probabilities_too(probability: float, hits: int) -> None:
    deaths = WorkerDeaths(probability)
    assert len([1 for _ in range(100) if deaths.strike()]) == hits


def test_threads_share_the_deaths_of_a_seed() -> None:
    alone, shared = WorkerDeaths(0.3, 1), WorkerDeaths(0.3, 1)
    with ThreadPoolExecutor(8) as pool:
        struck = list(pool.map(lambda _: shared.strike(), range(2000)))
    assert Counter(struck) == Counter(alone.strike() for _ in range(2000))


def test_what_is_hit_afterwards_has_run_and_what_is_hit_before_has_not() -> None:
    ran: list[int] = []

    def call(n: int) -> None:
        ran.append(n)
        raise ValueError("dies with the worker")

    mortal = Always(AFTER, BEFORE).mortal(call, "activity", "call")
    for n in range(2):
        with pytest.raises(WorkerDied):
            mortal(n)
    assert ran == [0]


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"DEVHOST_WORKER_DEATHS": "often"}, "DEVHOST_WORKER_DEATHS is 'often'; it must be a probability"),
        ({"DEVHOST_WORKER_DEATHS": "nan"}, "DEVHOST_WORKER_DEATHS is 'nan'"),
        ({"DEVHOST_WORKER_DEATHS": "1.5"}, "DEVHOST_WORKER_DEATHS is 1.5; it must be a probability from 0 to 1"),
        ({"DEVHOST_WORKER_DEATHS": "-0.1"}, "DEVHOST_WORKER_DEATHS is -0.1"),
        ({"DEVHOST_SEED": "x7"}, "DEVHOST_SEED is 'x7'; it must be a whole number"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(environ: dict[str, str], said: str) -> None:
    with pytest.raises(InvalidSetting, match=said.replace("(", r"\(")):
        WorkerDeaths.from_environ(environ)


def test_the_environment_says_how_many_die() -> None:
    assert WorkerDeaths.from_environ({}) is None
    assert WorkerDeaths.from_environ({"DEVHOST_WORKER_DEATHS": "0", "DEVHOST_SEED": "7"}) is None
    deaths = WorkerDeaths.from_environ({"DEVHOST_WORKER_DEATHS": "0.2", "DEVHOST_SEED": "7"})
    assert deaths
    same = WorkerDeaths(0.2, 7)
    assert [deaths.strike() for _ in range(200)] == [same.strike() for _ in range(200)]


# ---- what becomes of it, on the bench ----


def told(story: str, *turns: str | None, **activities: Any) -> Outcome:
    return Bench(blueprint, worker_deaths=Always(*turns)).run(story, 1, activities=ECHO | activities)


@pytest.mark.parametrize(("moment", "runs"), [(BEFORE, 0), (AFTER, 1)])
def test_an_activity_fails_with_the_exit(moment: str, runs: int) -> None:
    ran: list[Any] = []
    outcome = told("one_try", None, moment, first=ran.append)
    assert (outcome.status, len(ran)) == ("Completed", runs)
    (failed,) = [e for e in outcome.history if e["EventType"] == 6]
    assert failed["Reason"] == f"Activity function 'first' failed: {DIED}"
    assert json.loads(failed["Details"])["Message"] == DIED
    assert outcome.output == f"Activity function 'first' failed: {DIED}"


@pytest.mark.parametrize("moment", [BEFORE, AFTER])
def test_an_instance_whose_first_episode_dies_has_failed_for_good(moment: str) -> None:
    outcome = told("two_steps", moment)
    assert (outcome.status, outcome.output, outcome.calls) == ("Failed", FIRST_EPISODE, [])


@pytest.mark.parametrize("moment", [BEFORE, AFTER])
def test_a_later_episode_that_dies_is_non_deterministic_to_the_engine_and_nothing_of_it_happens(moment: str) -> None:
    outcome = told("two_steps", None, None, moment)
    assert outcome.status == "Failed"
    assert outcome.output.startswith(
        "Non-Deterministic workflow detected: A previous execution of this orchestration scheduled an activity task with "
        "sequence ID 0 and name 'first'"
    )
    assert "Was a change made to the orchestrator code" in outcome.output
    assert [name for name, *_ in outcome.calls] == ["first"]


def test_a_later_episode_without_anything_scheduled_names_the_exit() -> None:
    bench = Bench(blueprint, worker_deaths=Always(None, BEFORE))
    outcome = bench.run("waits_for_go", events=[(1, "go", 1)])
    assert outcome.output == f"Orchestrator function 'waits_for_go' failed: One or more errors occurred. ({DIED})"


def test_what_was_scheduled_still_runs_and_its_answer_is_nobodys() -> None:
    bench = Bench(blueprint, worker_deaths=Always(None, None, BEFORE))
    began = bench.now
    outcome = bench.run(
        "two_steps", 1, activities=ECHO, activity_seconds={"first": 5.0}, events=[(1.0, "wakes it", None)],
    )  # fmt: skip
    assert (outcome.status, outcome.seconds) == ("Failed", 1.0)
    assert outcome.called("first") == [1]
    assert bench.now - began == timedelta(seconds=5)
    assert [e["EventType"] for e in outcome.history].count(5) == 0


def test_a_child_that_dies_is_a_failed_child_and_can_be_called_again() -> None:
    asked: list[str] = []

    def kill(instance_id: str) -> bool:
        asked.append(instance_id)
        return instance_id == "child" and asked.count("child") in (1, 3)

    bench = Bench(blueprint, before_episode=kill)
    outcome = bench.run("parent", 5, activities=ECHO)
    assert outcome.status == "Completed"
    assert outcome.output["answer"] == 5
    first, second = outcome.output["failures"]
    assert first == FIRST_EPISODE
    assert second.startswith("Non-Deterministic workflow detected")
    assert [e["EventType"] for e in outcome.history if e["EventType"] in (8, 9)] == [9, 9, 8]
    assert bench.outcome("child").status == "Completed"
    # The second execution had scheduled it when it died.
    assert bench.outcome("child").called("first") == [5, 5]


def test_a_fake_activity_may_say_that_the_worker_died_and_no_except_of_the_app_sees_it() -> None:
    def first(value: Any) -> Any:
        try:
            raise WorkerDied
        except Exception:  # noqa: BLE001 - what an app might do
            return "went on"

    async def first_async(value: Any) -> Any:
        return first(value)

    for activity in (first, first_async):
        outcome = Bench(blueprint).run("one_try", activities={"first": activity})
        assert outcome.output == f"Activity function 'first' failed: {DIED}"
    killed = Bench(blueprint).run("one_try", activities={"first": first_with("Timeout value of 00:05:00 exceeded")})
    assert killed.output == "Activity function 'first' failed: Timeout value of 00:05:00 exceeded"


def first_with(text: str) -> Any:
    def first(value: Any) -> Any:
        raise WorkerDied(text)

    return first


def test_the_same_seed_tells_the_same_story() -> None:
    def story() -> tuple[list[str], dict[tuple[str, str], int]]:
        deaths = WorkerDeaths(0.1, seed=7)
        bench = Bench(blueprint, worker_deaths=deaths, activities=ECHO)
        for n in range(30):
            bench.start("two_steps", n, instance_id=f"i{n}")
        bench.run_until_idle()
        return [bench.outcome(f"i{n}").status for n in range(30)], dict(deaths.tally)

    statuses, tally = story()
    assert (statuses, tally) == story()
    assert set(statuses) == {"Completed", "Failed"}
    assert {kind for kind, _ in tally} == {"activity", "episode"}
    assert {moment for _, moment in tally} == {BEFORE, AFTER}


# ---- on the engine ----


def ended(engine: Any, instance_id: str) -> dict[str, Any]:
    ends = time.monotonic() + PATIENCE
    while (row := engine.hub.status(instance_id))["status"] not in ("Completed", "Failed", "Terminated"):
        assert time.monotonic() < ends, row
        time.sleep(0.01)
    return dict(row)


@pytest.mark.parametrize(
    ("turns", "status", "output"),
    [
        ([None, BEFORE], "Completed", f"Activity function 'first' failed: {DIED}"),
        ([None, AFTER], "Completed", f"Activity function 'first' failed: {DIED}"),
        ([AFTER], "Failed", FIRST_EPISODE.replace("two_steps", "one_try")),
    ],
)
def test_the_engine_ends_what_is_hit_and_warns(
    turns: list[str | None], status: str, output: str, caplog: pytest.LogCaptureFixture
) -> None:
    ran: list[Any] = []
    with running_engine(Always(*turns), first=ran.append) as engine:
        engine.start_instance("one_try", "i1", None, None, overwrite=False)
        row = ended(engine, "i1")
    assert (row["status"], json.loads(row["output"])) == (status, output)
    assert len(ran) == (1 if turns == [None, AFTER] else 0)
    assert [r.levelname for r in caplog.records if r.name == "devhost.durable"] == ["WARNING"]


def test_an_answer_for_an_instance_that_died_meanwhile_goes_nowhere(caplog: pytest.LogCaptureFixture) -> None:
    may_end, has_ended = threading.Event(), threading.Event()

    def first(value: Any) -> Any:
        may_end.wait(PATIENCE)
        has_ended.set()
        return value

    with running_engine(Always(None, None, AFTER), first=first) as engine:
        engine.start_instance("two_steps", "i1", None, None, overwrite=False)
        while not engine.hub.open_work():
            time.sleep(0.01)
        engine.send("i1", replay.event_raised(utc_now(), "anything", "1"))
        row = ended(engine, "i1")
        may_end.set()
        assert has_ended.wait(PATIENCE)
        while engine.hub.open_work() or engine.hub.waiting():
            time.sleep(0.01)
    assert row["status"] == "Failed"
    assert "Non-Deterministic" in row["output"]
    assert [r.levelname for r in caplog.records if r.name == "devhost.durable"] == ["WARNING"]
    assert "the worker dies in episode of two_steps i1, after it ran" in caplog.text


# ---- on the host ----

APP = """
import azure.durable_functions as df
app = df.DFApp()

@app.activity_trigger(input_name="n")
async def first(n):
    return n

@app.orchestration_trigger(context_name="context")
def one_try(context):
    return (yield context.call_activity("first", 1))
"""


def test_the_host_lets_its_share_die_and_says_so(start_host: StartHost, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEVHOST_WORKER_DEATHS", "0.3")
    monkeypatch.setenv("DEVHOST_SEED", "7")
    host = start_host(APP)
    for n in range(20):
        host.start_instance("one_try", f"i{n}")
    statuses = {host.ended(f"i{n}")["runtimeStatus"] for n in range(20)}
    assert statuses == {"Completed", "Failed"}
    assert "DEVHOST_WORKER_DEATHS" in host.log
    assert "WARNING devhost.durable: the worker dies in" in host.log


def test_the_host_does_not_start_with_a_setting_that_makes_no_sense(tmp_path: Path) -> None:
    app = write_app(tmp_path / "app", APP)
    command = [sys.executable, "-m", "devhost", "--app", str(app), "--port", "1", "--state", str(tmp_path / "state")]
    environ = os.environ | {"DEVHOST_WORKER_DEATHS": "2 %"}
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 1
    assert "devhost: DEVHOST_WORKER_DEATHS is '2 %'; it must be a probability from 0 to 1" in done.stderr
