"""HTTP functions in a process of their own: what is asked of one side is done on the other, and neither outlives the other."""

import os
import signal
import time
from collections.abc import Iterator

import psutil
import pytest
import requests

from tests.patience import PATIENCE

from .conftest import API, RunningHost, StartHost

APP = """
import json
import os
from datetime import timedelta
import azure.durable_functions as df
import azure.functions as func
app = df.DFApp(http_auth_level=func.AuthLevel.ANONYMOUS)

@app.route(route="begin/{id}", methods=["POST"])
@app.durable_client_input(client_name="client")
async def begin(req: func.HttpRequest, client: df.DurableOrchestrationClient) -> func.HttpResponse:
    await client.start_new("story", req.route_params["id"])
    return func.HttpResponse(str(os.getpid()))

@app.route(route="seen/{id}")
@app.durable_client_input(client_name="client")
async def seen(req: func.HttpRequest, client: df.DurableOrchestrationClient) -> func.HttpResponse:
    status = await client.get_status(req.route_params["id"])
    return func.HttpResponse(json.dumps([status.runtime_status.value, status.output]))

@app.activity_trigger(input_name="value")
def whoami(value):
    return os.getpid()

@app.orchestration_trigger(context_name="context")
def story(context):
    said = yield context.wait_for_external_event("go")
    pid = yield context.call_activity("whoami", None)
    return [said, pid]
"""


@pytest.fixture
def host(start_host: StartHost, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunningHost]:
    monkeypatch.setenv("DEVHOST_HTTP_APART", "1")
    host = start_host(APP)
    yield host
    host.stop()


def other_process(host: RunningHost) -> psutil.Process:
    (other,) = psutil.Process(host.process.pid).children()
    return other


def begin(host: RunningHost, instance_id: str) -> int:
    return int(requests.post(f"{host.url}/api/begin/{instance_id}", timeout=PATIENCE).text)


def let_go(host: RunningHost, instance_id: str) -> None:
    answer = requests.post(f"{host.url}{API}/instances/{instance_id}/raiseEvent/go", json={"한": "글"}, timeout=PATIENCE)
    assert answer.status_code == 202, answer.text


def has_ended(process: psutil.Process) -> bool:
    ends = time.monotonic() + PATIENCE
    while time.monotonic() < ends:
        if not process.is_running() or process.status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(0.05)
    return False


def test_activities_run_in_another_process_than_http_functions(host: RunningHost) -> None:
    there = other_process(host).pid
    assert begin(host, "a") == host.process.pid
    let_go(host, "a")
    assert host.ended("a")["output"] == [{"한": "글"}, there]
    assert requests.get(f"{host.url}/api/seen/a", timeout=PATIENCE).json() == ["Completed", [{"한": "글"}, there]]


def test_the_management_api_is_where_http_functions_are(host: RunningHost) -> None:
    begin(host, "a")
    listed = requests.get(f"{host.url}{API}/instances", params={"top": 1}, timeout=PATIENCE)
    assert [one["instanceId"] for one in listed.json()] == ["a"]
    assert "x-ms-continuation-token" in listed.headers
    assert requests.get(f"{host.url}{API}/instances/unknown", timeout=PATIENCE).status_code == 404
    begin(host, "a@b")
    assert host.status("a%40b")["instanceId"] == "a@b"


def test_a_killed_host_leaves_nothing_behind_and_goes_on(host: RunningHost) -> None:
    begin(host, "a")
    other = other_process(host)
    host.kill()
    assert has_ended(other)
    host.start()
    let_go(host, "a")
    assert host.ended("a")["runtimeStatus"] == "Completed"


def test_the_host_ends_with_its_other_process(host: RunningHost) -> None:
    begin(host, "a")
    other_process(host).send_signal(signal.SIGKILL)
    assert host.process.wait(PATIENCE) == 1
    assert "the other process has ended" in host.log


def test_what_is_asked_to_stop_stops_both(host: RunningHost) -> None:
    begin(host, "a")
    other = other_process(host)
    host.stop()
    assert host.process.returncode == 0
    assert has_ended(other)
    assert "the other process" not in host.log
    assert "Traceback" not in host.log


def test_what_the_other_process_cannot_serve_is_told_once_and_ends_both(
    host: RunningHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    host.stop()
    monkeypatch.setenv("DEVHOST_WORKER_DEATHS", "often")
    host.start()
    assert host.process.wait(PATIENCE) == 1
    assert host.log.count("DEVHOST_WORKER_DEATHS is") == 1
    assert "Fatal" not in host.log
    assert "Traceback" not in host.log


def test_it_is_a_setting_and_off_by_itself(start_host: StartHost) -> None:
    assert "DEVHOST_HTTP_APART" not in os.environ
    host = start_host(APP)
    assert begin(host, "a") == host.process.pid
    let_go(host, "a")
    assert host.ended("a")["output"] == [{"한": "글"}, host.process.pid]
