"""The program: what it says, how it ends, and what outlives it."""

import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import requests

from simulators import running
from tests.pace import is_within
from tests.patience import PATIENCE

ROOT = Path(__file__).resolve().parents[2]


def start(state: Path, port: int = 0) -> tuple[subprocess.Popen[str], int]:
    process = subprocess.Popen(
        [sys.executable, "-m", "simulators", "--port", str(port), "--state", str(state)],
        cwd=ROOT, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout
    line = process.stdout.readline()
    assert "/replicate and http://" in line
    return process, int(line.split("/replicate")[0].rsplit(":", 1)[1])


def test_predictions_go_on_while_it_is_dead(tmp_path: Path, helpers: dict[str, Any]) -> None:
    state = tmp_path / "deep" / "sim.sqlite"
    process, port = start(state)

    class Sim:
        url = f"http://127.0.0.1:{port}"
        replicate_base_url, bfl_base_url = f"{url}/replicate", f"{url}/bfl"

    client = helpers["Client"](Sim)
    slow = {"delay_seconds": 1.0, "start_seconds": 0.1}
    faults = [{"on": "account", "kind": "status", "status": 500}]
    config = {"replicate": {**slow, "faults": faults}, "bfl": {**slow, "max_active": 64}}
    requests.post(f"{Sim.url}/_sim/config", json=config, timeout=PATIENCE).raise_for_status()
    created = {name: client.create(name, seed=1).json() for name in ("replicate", "bfl")}
    process.kill()
    process.wait(PATIENCE)
    assert process.stdout
    process.stdout.close()
    time.sleep(0.5)

    process, _ = start(state, port)
    try:
        bodies = {name: client.ended(name, body) for name, body in created.items()}
        assert bodies["replicate"]["status"] == "succeeded"
        assert bodies["replicate"]["input"] == created["replicate"]["input"]
        assert client.get(bodies["replicate"]["output"]).content.startswith(b"\x89PNG")
        assert client.get(bodies["bfl"]["result"]["sample"]).content.startswith(b"\x89PNG")
        stats = requests.get(f"{Sim.url}/_sim/stats", timeout=PATIENCE).json()
        assert [(s["submits"], s["billed"], s["cost_usd"]) for s in (stats["replicate"], stats["bfl"])] == [(1, 1, 0.08)] * 2
        kept = requests.get(f"{Sim.url}/_sim/config", timeout=PATIENCE).json()
        assert (kept["bfl"]["max_active"], kept["replicate"]["faults"]) == (64, [])
        requests.post(f"{Sim.url}/_sim/reset", timeout=PATIENCE)
        assert client.poll("replicate", created["replicate"]).status_code == 404
    finally:
        process.kill()
        process.wait(PATIENCE)
        assert process.stdout
        process.stdout.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_at_once_even_with_open_requests(tmp_path: Path, number: signal.Signals) -> None:
    process, port = start(tmp_path / "sim.sqlite")
    url = f"http://127.0.0.1:{port}"
    hang = {"on": "account", "kind": "hang", "seconds": 60}
    requests.post(f"{url}/_sim/config", json={"bfl": {"faults": [hang]}}, timeout=PATIENCE).raise_for_status()
    with pytest.raises(requests.ReadTimeout):
        requests.get(f"{url}/bfl/v1/credits", headers={"x-key": "x"}, timeout=(5, 0.3))
    began = time.monotonic()
    process.send_signal(number)
    assert process.wait(PATIENCE) == 0
    assert is_within(time.monotonic() - began, 5)
    assert process.stdout
    process.stdout.close()


def test_webhooks_are_taken_up_again(tmp_path: Path, helpers: dict[str, Any]) -> None:
    """A prediction whose webhook was not delivered is watched again by the next process."""
    state = tmp_path / "sim.sqlite"
    with running(state=state) as sim:
        sim.configure(replicate={"delay_seconds": 600, "webhooks": {"retry_seconds": []}})
        top = {"webhook": "http://127.0.0.1:9/", "webhook_events_filter": ["completed"]}
        assert helpers["Client"](sim).replicate_create(top=top).ok
        assert sim.stats()["replicate"]["webhooks_sent"] == 0
    with running(state=state) as sim:
        assert sim.finish() == 1
        helpers["until"](lambda: sim.stats()["replicate"]["webhooks_sent"] == 1)
