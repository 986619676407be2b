"""End-to-end tests against a host that is already there: Core Tools, a devhost that was started by hand.

`make e2e-settings` prints what that host needs; `make e2e HOST=http://127.0.0.1:7071` starts the simulators and runs the tests
that any host can pass. The others, which kill the host, change its settings or read its log, say so and are skipped.
"""

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import NoReturn
from urllib.parse import urlsplit

import pytest
import requests

from tests.patience import PATIENCE
from tests.stack import ROOT, Stack

#: The host's address, where one is given.
HOST = os.environ.get("E2E_HOST", "").rstrip("/")
#: Where the simulators listen, so that the host can be told before they run.
SIM_PORT = int(os.environ.get("SIM_PORT") or 7090)


def settings(sim_port: int = SIM_PORT) -> dict[str, str]:
    """What the host's environment must hold (local.settings.json's Values, for Core Tools)."""
    simulators = f"http://127.0.0.1:{sim_port}"
    return {
        # Azurite on its usual ports; any other account does as well.
        "AzureWebJobsStorage": os.environ.get("AzureWebJobsStorage") or "UseDevelopmentStorage=true",  # noqa: SIM112 - its name
        "FUNCTIONS_WORKER_RUNTIME": "python",
        "PYTHON_THREADPOOL_THREAD_COUNT": "32",
        "REPLICATE_API_BASE_URL": f"{simulators}/replicate", "REPLICATE_API_TOKEN": "r8_simulated",
        "BFL_API_BASE_URL": f"{simulators}/bfl", "BFL_API_KEY": "simulated",

        "PROVIDER_EXTRA_HOSTS": f"127.0.0.1:{sim_port},localhost:{sim_port}",
        "WEBHOOK_SIGNING_KEY": "simulated-and-the-same-on-every-laptop",
        # The gate has tests of its own: here nobody should wait for a slot.
        "BFL_MAX_ACTIVE": "64", "BFL_KONTEXT_MAX_ACTIVE": "64",
    }  # fmt: skip


class GivenHost(Stack):
    """The simulators, and a host that somebody else has started. What only a host of ours can do skips the test that asks."""

    def __init__(self, folder: Path, url: str) -> None:
        super().__init__(folder)
        self.url = url
        self.port = urlsplit(url).port or 80
        self.sim_port = SIM_PORT
        self.simulators = f"http://127.0.0.1:{SIM_PORT}"

    def start(self, path: str = "/api/health/ready") -> None:
        """Start the simulators and see whether the host uses them. Raises RuntimeError with what to do where not."""
        self.folder.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "simulators", "--port", str(SIM_PORT), "--state", str(self.folder / "simulators.sqlite")]
        with (self.folder / "simulators.log").open("ab") as log:
            self._process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)
        told, ends = "no answer", time.monotonic() + PATIENCE
        while time.monotonic() < ends:
            if self._process.poll() is not None:
                raise RuntimeError(
                    f"the simulators did not start on port {SIM_PORT}: {(self.folder / 'simulators.log').read_text()}"
                )
            try:
                self.reset()
                answer = requests.get(self.url + path, timeout=PATIENCE)
                if answer.status_code == 200:
                    return
                told = f"{answer.status_code} {answer.text[:500]}"
            except requests.RequestException as error:
                told = type(error).__name__
            time.sleep(0.5)
        self.stop()
        raise RuntimeError(
            f"{self.url}{path} says {told}. The host needs what `make e2e-settings` prints, and runs before the tests."
        )

    @property
    def log(self) -> str:
        _skip("reads the host's log")

    @property
    def connection_string(self) -> str:
        _skip("reads the host's storage")

    def kill_host(self) -> None:
        _skip("kills the host")

    def kill_everything(self) -> None:
        _skip("kills the host")


def needs_a_host_of_its_own(stack: Stack) -> None:
    """Skip the test whose stack this is, where a host is given: it is of other settings, or is stopped and started."""
    if HOST and not isinstance(stack, GivenHost):
        changed = ", ".join(sorted(stack.settings))
        _skip(f"starts a host of its own{f' with {changed}' if changed else ''}")


def _skip(why: str) -> NoReturn:
    pytest.skip(f"{why}: only the devhost does that, and {HOST} is given")


if __name__ == "__main__":
    for name, value in settings().items():
        sys.stdout.write(f"{name}={value}\n")
