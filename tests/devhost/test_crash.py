"""kill -9 at any moment loses nothing."""

import json
import time

import pytest
import requests

from tests.patience import PATIENCE

from .conftest import API, StartHost

APP = """
import time
from datetime import timedelta
import azure.durable_functions as df
app = df.DFApp()

@app.activity_trigger(input_name="n")
def step(n):
    time.sleep(0.15)
    return n + 1

@app.orchestration_trigger(context_name="context")
def sequence(context):
    n = 0
    for _ in range(8):
        n = yield context.call_activity("step", n)
    return n

@app.orchestration_trigger(context_name="context")
def fan_out(context):
    answers = yield context.task_all([context.call_activity("step", n) for n in range(6)])
    return sum(answers)

@app.orchestration_trigger(context_name="context")
def timers(context):
    for _ in range(3):
        yield context.create_timer(context.current_utc_datetime + timedelta(seconds=1.9))
    return "rang"

@app.orchestration_trigger(context_name="context")
def family(context):
    answers = yield context.task_all([context.call_sub_orchestrator(name) for name in ("sequence", "fan_out", "timers")])
    return answers

@app.orchestration_trigger(context_name="context")
def generations(context):
    n = context.get_input()["n"]
    n = yield context.call_activity("step", n)
    if n < 6:
        context.continue_as_new({"n": n})
        return None
    return n

@app.orchestration_trigger(context_name="context")
def waits(context):
    got = yield context.wait_for_external_event("go")
    return got
"""
WANTED = {"sequence": 8, "fan_out": 21, "timers": "rang", "family": [8, 21, "rang"], "generations": 6}


def test_killed_again_and_again_everything_ends_right(start_host: StartHost) -> None:
    host = start_host(APP)
    for n in range(4):
        for name in WANTED:
            host.start_instance(name, f"{name}-{n}", {"n": 0})
    host.start_instance("waits", "waits-0")
    for pause in (0.2, 0.9, 0.05, 1.2):
        time.sleep(pause)
        host.kill()
        host.start()
    assert requests.post(f"{host.url}{API}/instances/waits-0/raiseEvent/go", json=5, timeout=PATIENCE).ok
    assert host.ended("waits-0")["output"] == 5
    for n in range(4):
        for name, output in WANTED.items():
            ended = host.ended(f"{name}-{n}")
            assert (ended["runtimeStatus"], ended["output"]) == ("Completed", output)
            completions = [e for e in ended["historyEvents"] if e["EventType"] in ("TaskCompleted", "TimerFired")]
            wanted = {"sequence": 8, "fan_out": 6, "timers": 3, "family": 0, "generations": 1}[name]
            assert len(completions) == wanted, ended["historyEvents"]


def test_an_unknown_activity_is_said_loudly(start_host: StartHost) -> None:
    typo = (
        '\n@app.orchestration_trigger(context_name="context")\ndef typo(context):\n    yield context.call_activity("stpe", 1)\n'
    )
    host = start_host(APP + typo)
    host.start_instance("typo", "typo-1")
    ends = time.monotonic() + PATIENCE
    while "'stpe', which does not exist" not in host.log:
        assert time.monotonic() < ends, host.log
        time.sleep(0.05)
    assert "Near: ['step']" in host.log
    while (status := host.status("typo-1")["runtimeStatus"]) == "Pending":
        assert time.monotonic() < ends, host.log
        time.sleep(0.05)
    assert status == "Running"


@pytest.mark.parametrize(
    ("default", "asked", "status"), [(None, "1", "Pending"), ("2", "1", "Completed"), ("1.9", "1.10", "Pending")]
)
def test_versions_above_the_default_wait(start_host: StartHost, default: str | None, asked: str, status: str) -> None:
    durable = {} if default is None else {"defaultVersion": default}
    source = '\n@app.orchestration_trigger(context_name="context")\ndef version(context):\n    return context.version\n'
    host = start_host(APP + source, host_json=json.dumps({"version": "2.0", "extensions": {"durableTask": durable}}))
    url = f"{host.url}{API}/orchestrators/version/v-1"
    assert requests.post(url, params={"version": asked}, timeout=PATIENCE).status_code == 202
    if status == "Completed":
        assert host.ended("v-1")["output"] == asked
    else:
        time.sleep(0.5)
        assert host.status("v-1")["runtimeStatus"] == status
    host.stop()
