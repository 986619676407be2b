"""The whole app as `make run` starts it, on ports and in a folder of its own."""

import json
import logging
import os
import re
import signal
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any

import psutil
import requests

from clients.python.toonconnect import Client
from local.ports import free_port
from tests.azurite import ACCOUNT, ACCOUNT_KEY
from tests.patience import PATIENCE

ROOT = Path(__file__).resolve().parent.parent
#: Seconds that an answer is held at most, as its asker prefers.
LONGEST_WAIT = 120
#: Settings of an app that waits for a picture for as long as a test does.
PATIENT = {"GENERATION_TIMEOUT_SECONDS": "600"}
_EVENT = re.compile(r"^(\S+ \S+) \S+\s+toonconnect: (\w+) (\{.*\})$", re.MULTILINE)


class Stack:
    """Azurite, simulators and host. `settings` are environment variables, as an operator would set them."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder = folder
        #: The checkout that is run.
        self.root = ROOT
        self.settings = settings
        self.port, self.sim_port = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.simulators = f"http://127.0.0.1:{self.sim_port}"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "Stack":
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    @property
    def log(self) -> str:
        return (self.folder / "stack.log").read_text(errors="replace")

    @property
    def events(self) -> list[tuple[float, str, dict[str, Any]]]:
        """(time, name, fields) of what the app logged."""
        return [
            (datetime.fromisoformat(at.replace(",", ".")).astimezone().timestamp(), name, json.loads(fields))
            for at, name, fields in _EVENT.findall(self.log)
        ]

    def start(self, path: str = "/api/health/ready") -> None:
        """Start, or start again, and wait until it is up."""
        self.folder.mkdir(parents=True, exist_ok=True)
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("COV_", "PYTEST"))}
        environment |= {"PORT": str(self.port), "SIM_PORT": str(self.sim_port), "DEVHOST_DIR": str(self.folder), **self.settings}
        with (self.folder / "stack.log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "local"], cwd=self.root, env=environment, stdout=log, stderr=log
            )
        ends = time.monotonic() + PATIENCE
        while time.monotonic() < ends and self._process.poll() is None:
            try:
                if requests.get(self.url + path, timeout=5).status_code == 200:
                    return
            except requests.RequestException:
                pass
            time.sleep(0.1)
        raise RuntimeError(f"the stack did not start:\n{self.log[-4000:]}")

    def stop(self) -> None:
        if self._process and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(PATIENCE)

    def processes(self, module: str) -> list[psutil.Process]:
        """What runs `python -m module` under this stack."""
        assert self._process
        found = psutil.Process(self._process.pid).children(recursive=True)
        return [p for p in found if p.cmdline()[1:3] == ["-m", module]]

    def kill_host(self) -> None:
        """kill -9 of the host alone; the rest ends by itself, as the launcher promises."""
        for process in self.processes("devhost"):
            process.kill()
        assert self._process
        self._process.wait(PATIENCE)

    def kill_everything(self) -> None:
        """kill -9 of every process at once."""
        assert self._process
        tree = [*psutil.Process(self._process.pid).children(recursive=True), psutil.Process(self._process.pid)]
        for process in tree:
            process.kill()
        psutil.wait_procs(tree, timeout=PATIENCE)
        self._process.wait(PATIENCE)

    @property
    def connection_string(self) -> str:
        """Of this stack's storage account."""
        ports = json.loads((self.folder / "azurite.json").read_text())
        endpoint = f"http://127.0.0.1:{ports['blob']}/{ACCOUNT}"
        return f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={ACCOUNT_KEY};BlobEndpoint={endpoint};"

    # ---- as a client ----

    def post(
        self, route: str, files: dict[str, bytes], headers: dict[str, str] | None = None, **fields: Any
    ) -> requests.Response:
        """Who prefers to wait, and was held so long, is answered with the job when it has ended, however slow the machine."""
        answer = requests.post(
            f"{self.url}/api/{route}", data=fields, headers=headers, timeout=LONGEST_WAIT + PATIENCE,
            files={name: (f"{name}.bin", data) for name, data in files.items()},
        )  # fmt: skip
        if not answer.ok:
            # Told with whatever the test that did not expect it fails of.
            logging.getLogger(__name__).warning("%s: %s %s", route, answer.status_code, answer.text)
        wished = re.search(r"wait=(\d+)", (headers or {}).get("Prefer", ""))
        if wished and answer.status_code == 202 and answer.elapsed.total_seconds() >= int(wished[1]):
            return self._waited_for(answer.json()["id"], headers or {})
        return answer

    def _waited_for(self, job_id: str, headers: dict[str, str]) -> requests.Response:
        asker, ends = {name: value for name, value in headers.items() if name != "Prefer"}, time.monotonic() + PATIENCE
        while True:
            seen = requests.get(f"{self.url}/api/jobs/{job_id}?wait=20", headers=asker, timeout=PATIENCE)
            if not seen.ok or seen.json()["status"] not in ("queued", "processing") or time.monotonic() > ends:
                return seen

    def ppl(self, character: bytes, product: bytes, headers: dict[str, str] | None = None, **fields: Any) -> requests.Response:
        files = {"input_image_1": character, "input_image_2": product}
        return self.post("ppl-gen/generate", files, headers, **{"prompt": "hero drinks it", **fields})

    def goods(self, character: bytes, headers: dict[str, str] | None = None, **fields: Any) -> requests.Response:
        return self.post("goods-gen/generate", {"input_image": character}, headers, **{"prompt": "on a mug", **fields})

    def client(self, **more: Any) -> Client:
        """The API as its clients have it, for tests that do not look at HTTP itself. What fails is told at once."""
        return Client(self.url, **{"retries": 0, **more})

    def job(self, job_id: str) -> dict[str, Any]:
        return self.client().get(job_id)

    def ended(self, job_id: str, seconds: float = PATIENCE) -> dict[str, Any]:
        """The job when it has ended, whatever came of it."""
        return self.client().wait(job_id, timeout=seconds, raise_on_failure=False)

    def configure(self, **config: Any) -> None:
        requests.post(f"{self.simulators}/_sim/config", json=config, timeout=PATIENCE).raise_for_status()

    def reset(self) -> None:
        requests.post(f"{self.simulators}/_sim/reset", timeout=PATIENCE).raise_for_status()

    def finish_first(self, most: int) -> None:
        """So many of what is being drawn are ready now: those that were begun first, of which there are as many."""
        answer = requests.post(f"{self.simulators}/_sim/finish?most={most}", timeout=PATIENCE)
        assert answer.json() == {"finished": most}

    def finish(self) -> None:
        """What is being drawn is ready now, and what is asked for from now on is soon, also later: it may be on its way."""
        self.configure(replicate={"delay_seconds": 0.5}, bfl={"delay_seconds": 0.5})
        requests.post(f"{self.simulators}/_sim/finish", timeout=PATIENCE).raise_for_status()

    def stats(self, provider: str) -> dict[str, Any]:
        return dict(requests.get(f"{self.simulators}/_sim/stats", timeout=PATIENCE).json()[provider])
