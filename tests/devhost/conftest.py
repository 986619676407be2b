"""A devhost of its own for a test: its app is written down in the test."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from local.ports import free_port
from tests.patience import PATIENCE

ROOT = Path(__file__).resolve().parents[2]
API = "/runtime/webhooks/durabletask"
ENDED = ("Completed", "Failed", "Terminated")


class RunningHost:
    """`python -m devhost` over an app folder, as a process."""

    def __init__(self, app: Path, state: Path, *options: str) -> None:
        self.app, self.state, self.options = app, state, options
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[bytes]

    @property
    def log(self) -> str:
        return (self.state / "host.log").read_text(errors="replace")

    def start(self) -> "RunningHost":
        self.state.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "devhost", "--app", str(self.app), "--port", str(self.port), "--state", str(self.state)]
        environment = {k: v for k, v in os.environ.items() if not k.startswith("COV_")}
        with (self.state / "host.log").open("ab") as log:
            self.process = subprocess.Popen([*command, *self.options], cwd=ROOT, env=environment, stdout=log, stderr=log)
        ends = time.monotonic() + PATIENCE
        while self.process.poll() is None and time.monotonic() < ends:
            try:
                requests.get(f"{self.url}/", timeout=PATIENCE)
            except requests.ConnectionError:
                time.sleep(0.05)
            else:
                return self
        raise RuntimeError(f"the host did not start:\n{self.log}")

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(PATIENCE)

    def stop(self) -> float:
        """SIGTERM; the seconds it took."""
        began = time.monotonic()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(PATIENCE)
        return time.monotonic() - began

    def start_instance(self, name: str, instance_id: str, body: Any = None) -> None:
        answer = requests.post(f"{self.url}{API}/orchestrators/{name}/{instance_id}", json=body, timeout=PATIENCE)
        assert answer.status_code == 202, answer.text

    def status(self, instance_id: str, **flags: str) -> dict[str, Any]:
        return dict(requests.get(f"{self.url}{API}/instances/{instance_id}", params=flags, timeout=PATIENCE).json())

    def ended(self, instance_id: str, seconds: float = PATIENCE) -> dict[str, Any]:
        ends = time.monotonic() + seconds
        while (status := self.status(instance_id))["runtimeStatus"] not in ENDED:
            assert time.monotonic() < ends, status
            time.sleep(0.05)
        return self.status(instance_id, showHistory="true", showHistoryOutput="true")


#: Writes a function_app.py (and host.json) and starts a host over it.
StartHost = Callable[..., RunningHost]


def write_app(folder: Path, source: str, host_json: str = '{"version": "2.0"}') -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "function_app.py").write_text(textwrap.dedent(source), "utf-8")
    (folder / "host.json").write_text(host_json, "utf-8")
    return folder


@pytest.fixture(scope="module")
def start_host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartHost]:
    started: list[RunningHost] = []

    def start(source: str, *options: str, host_json: str = '{"version": "2.0"}') -> RunningHost:
        folder = tmp_path_factory.mktemp("host")
        host = RunningHost(write_app(folder / "app", source, host_json), folder / "state", *options).start()
        started.append(host)
        return host

    yield start
    for host in started:
        host.stop()
