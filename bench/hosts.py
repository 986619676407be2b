"""The app's stack and the baseline beside it, before the same simulators: started, and their processor time and memory read."""

import os
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil
import requests

from local.ports import free_port
from tests.stack import ROOT, Stack

BASELINE_PYTHON = ROOT / ".venv-baseline/bin/python"
#: The gate and the simulators let through what a case sends.
MANY = 1000
CAPS = {name: str(MANY) for name in ("BFL_MAX_ACTIVE", "BFL_KONTEXT_MAX_ACTIVE", "REPLICATE_MAX_ACTIVE")}
#: No housekeeping in the middle of a figure.
QUIET = {"AzureWebJobs.housekeeping.Disabled": "true"}
#: The host's clock of processor time ticks a hundred times a second, and what a job leaves behind is done by then.
SETTLE_SECONDS = 1.0
#: Whoever waits longer than this for the end of all jobs has found a fault.
PATIENCE_SECONDS = 120.0


@contextmanager
def fresh_stack(
    seconds: float = 3.0, *, is_told: bool = False, settings: Mapping[str, str] | None = None, root: Path = ROOT
) -> Iterator[Stack]:
    """A stack with nothing in it, whose providers take `seconds` for every picture and limit nobody. `is_told`: Replicate calls
    when it is done. `root`: the checkout that is run."""
    with tempfile.TemporaryDirectory() as folder:
        stack = Stack(Path(folder), **{**CAPS, **QUIET, **(settings or {})})
        stack.root = root
        if is_told:
            stack.settings["PUBLIC_BASE_URL"] = stack.url
        with stack:
            let_providers_take(stack, seconds)
            # The launcher's last look at readiness is over.
            time.sleep(2)
            yield stack


def let_providers_take(stack: Stack, seconds: float, max_active: int | None = None) -> None:
    """Every picture, from its create; and no limit of the provider but `max_active` at BFL."""
    free = {"delay_seconds": seconds, "create_per_minute": None, "read_per_minute": None}
    stack.configure(bfl={**free, "max_active": max_active}, replicate=free)


class Baseline:
    """The service that is replaced, before the simulators of that address."""

    def __init__(self, simulators: str) -> None:
        self.url = f"http://127.0.0.1:{free_port()}"
        self._environment = {
            **os.environ,
            "REPLICATE_API_BASE_URL": f"{simulators}/replicate",
            "BFL_API_BASE_URL": f"{simulators}/bfl",
            "REPLICATE_API_TOKEN": "r8_simulated",
            "BFL_API_KEY": "simulated",
        }

    def __enter__(self) -> "Baseline":
        if not BASELINE_PYTHON.exists():
            raise RuntimeError("there is no baseline here: make .venv-baseline/.ready")
        port = self.url.rpartition(":")[2]
        self._process = subprocess.Popen(
            [str(BASELINE_PYTHON), "-m", "uvicorn", "bench.baseline.service:app", "--port", port, "--log-level", "warning"],
            cwd=ROOT, env=self._environment,
        )  # fmt: skip
        self.host = psutil.Process(self._process.pid)
        ends = time.monotonic() + 60
        while time.monotonic() < ends and self._process.poll() is None:
            try:
                requests.get(f"{self.url}/api/health", timeout=5).raise_for_status()
            except requests.ConnectionError:
                time.sleep(0.1)
            else:
                return self
        self.__exit__()
        raise RuntimeError("the baseline did not start")

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(20)


def host_of(stack: Stack) -> psutil.Process:
    (host,) = stack.processes("devhost")
    return host


def azurite_of(stack: Stack) -> psutil.Process:
    # A leash holds each process of the stack, and has its command line in its own.
    (azurite,) = (p for p in _under(stack) if p.cmdline()[1:2] and p.cmdline()[1].endswith("azurite.cjs"))
    return azurite


def simulators_of(stack: Stack) -> psutil.Process:
    (simulators,) = stack.processes("simulators")
    return simulators


def _under(stack: Stack) -> Sequence[psutil.Process]:
    return host_of(stack).parents()[1].children(recursive=True)


def cpu_seconds(process: psutil.Process) -> float:
    """So far, in user code and the kernel, with its children's."""
    total = 0.0
    for each in (process, *process.children(recursive=True)):
        times = each.cpu_times()
        total += times.user + times.system + times.children_user + times.children_system
    return float(total)


class Everything:
    """CPU seconds of all that runs on the one machine while the `with` block does: a stack and this process, its clients."""

    def __init__(self, stack: Stack) -> None:
        self._parts = {"host": host_of(stack), "Azurite": azurite_of(stack), "simulators": simulators_of(stack)}

    def __enter__(self) -> "Everything":
        self._before, self._began = self._seconds(), time.monotonic()
        return self

    def __exit__(self, *_: object) -> None:
        self.seconds = time.monotonic() - self._began
        self._spent = {name: cpu - self._before[name] for name, cpu in self._seconds().items()}

    def _seconds(self) -> dict[str, float]:
        return {name: cpu_seconds(each) for name, each in self._parts.items()} | {"these clients": time.process_time()}

    def told(self, jobs: int) -> str:
        """How full the machine was, and who takes how much for each of so many jobs."""
        shares = ", ".join(f"{name} {cpu / jobs:.3f} s" for name, cpu in self._spent.items())
        return (
            f"{sum(self._spent.values()) / self.seconds:.1f} of {os.cpu_count()} cores are busy, "
            f"{self._spent['host'] / self.seconds:.2f} of the one that Python has; a job takes {shares}"
        )


@contextmanager
def spent(*processes: psutil.Process) -> Iterator[list[float]]:
    """The processor seconds that each of them spends meanwhile, and until what was begun has settled: filled in at the end."""
    found: list[float] = []
    before = [cpu_seconds(process) for process in processes]
    yield found
    time.sleep(SETTLE_SECONDS)
    found.extend(cpu_seconds(process) - worked for process, worked in zip(processes, before, strict=True))
