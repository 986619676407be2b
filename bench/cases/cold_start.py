"""A cold start: what importing function_app costs beside the SDKs that it cannot do without, and when a process serves.

The import as `python -X importtime` tells it, each in a fresh interpreter, app and SDKs in turn (the ratio is the median of such
pairs), and the CPU seconds of the same without that switch, up to the end of the process. The SDKs are those that the app loads
when it starts: what it loads later (identity, Key Vault, queues, HEIC) is in neither. All bytecode is on disk, but for one line:
a package is deployed without the app's own. From the start of a host's process, on a storage account and with a task hub that are
there: until health answers, and, in another process, until a goods job is taken (202). What Azure needs to bring a machine up is
not in it.
"""

import contextlib
import os
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import requests

from bench.table import Row, spread
from local.ports import free_port
from tests import pictures
from tests.azurite import Azurite
from tests.stack import ROOT

SDKS = (
    "azure.functions, azure.durable_functions, azure.storage.blob, opentelemetry.trace, requests, PIL.Image, "
    "werkzeug.sansio.multipart"
)
APP = "function_app"
MOST_OF_SDKS = 1.2
IMPORTS, STARTS = 9, 5
OWN = (APP, "triggers", "orchestrators", "activities", "shared")
_LINE = re.compile(r"import time:\s+(\d+) \|\s+(\d+) \|( +)(\S+)")
_PATIENCE_SECONDS = 60.0


def rows(is_long: bool) -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as folder:
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        environment |= {"PYTHONPYCACHEPREFIX": folder, "PYTHONWARNINGS": "ignore"}
        for names in (APP, SDKS):
            imported(names, environment)
        yield from _imports(environment)
        yield from _starts(environment)
        bytecode = Path(folder, *ROOT.parts[1:])
        compiled = [file for name in OWN for pattern in (f"{name}.*.pyc", f"{name}/**/*.pyc") for file in bytecode.glob(pattern)]
        if not compiled:
            raise LookupError(f"no bytecode of the app's own in {bytecode}")
        for file in compiled:
            file.unlink()
        without = {**environment, "PYTHONDONTWRITEBYTECODE": "1"}
        yield Row(
            "import of function_app, its own modules without bytecode",
            spread([sum(imported(APP, without).values()) for _ in range(IMPORTS)], "ms", 1000, 0),
        )  # fmt: skip


def _imports(environment: dict[str, str]) -> Iterator[Row]:
    app, sdks, alike, own, app_cpu, sdks_cpu = [], [], [], [], [], []
    for _ in range(IMPORTS):
        everything = imported(APP, environment)
        app.append(sum(everything.values()))
        own.append(sum(seconds for name, seconds in everything.items() if name.partition(".")[0] in OWN))
        sdks.append(sum(imported(SDKS, environment).values()))
        alike.append(sum(imported(SDKS, environment, first="import gc; gc.disable()").values()))
        empty = _cpu_seconds("pass", environment)
        app_cpu.append(_cpu_seconds(f"import {APP}", environment) - empty)
        sdks_cpu.append(_cpu_seconds(f"import {SDKS}", environment) - empty)
    ratio = _of_pairs(app, sdks)
    yield Row(
        "import of function_app, beside its SDKs alone", spread(app, "ms", 1000, 0), spread(sdks, "ms", 1000, 0), ratio,
        f"<= {MOST_OF_SDKS}", ratio <= MOST_OF_SDKS, f"the app's own modules: {spread(own, 'ms', 1000, 0)}",
    )  # fmt: skip
    yield Row(
        "the same, at the SDKs Python looks for no garbage either", spread(app, "ms", 1000, 0), spread(alike, "ms", 1000, 0),
        _of_pairs(app, alike),
    )  # fmt: skip
    yield Row(
        "beside its SDKs alone in CPU time", spread(app_cpu, "ms", 1000, 0), spread(sdks_cpu, "ms", 1000, 0),
        _of_pairs(app_cpu, sdks_cpu),
    )  # fmt: skip


def _of_pairs(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """A machine that others use changes its pace from minute to minute, and those of a pair were measured one after the other."""
    return statistics.median(one / other for one, other in zip(ours, theirs, strict=True))


def imported(names: str, environment: dict[str, str], first: str = "pass") -> Counter[str]:
    """Seconds that each module takes for itself, of all that an `import` of these brings; `first`: a statement before it."""
    told = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", f"{first}; import {names}"],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=True,
    ).stderr  # fmt: skip
    # What Python itself needs comes before: `site` is the last of it.
    _, _, after = told.rpartition("| site\n")
    return Counter({name: int(alone) / 1e6 for alone, _, _, name in _LINE.findall(after)})


def _cpu_seconds(code: str, environment: dict[str, str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", f"import os; {code}; os._exit(0)"], cwd=ROOT, env=environment, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _starts(environment: dict[str, str]) -> Iterator[Row]:
    image = pictures.photo_jpeg(800, 800)
    with tempfile.TemporaryDirectory() as folder, Azurite(Path(folder)) as azurite:
        environment = {
            **environment, "AzureWebJobsStorage": azurite.connection_string, "BFL_API_KEY": "simulated",
            "BFL_API_BASE_URL": "http://127.0.0.1:9/bfl", "PROVIDER_EXTRA_HOSTS": "127.0.0.1:9",
            "AzureWebJobs.housekeeping.Disabled": "true",
        }  # fmt: skip
        state = Path(folder, "hub")

        def health(url: str) -> bool:
            return requests.get(f"{url}/api/health", timeout=10).status_code == 200

        def job(url: str) -> bool:
            form = {"prompt": "on a mug"}
            answer = requests.post(f"{url}/api/goods-gen/generate", form, files={"input_image": image}, timeout=30)
            return answer.status_code == 202

        # The first one makes the containers and the hub's file.
        _start(environment, state, job)
        healthy, taken = [], []
        for _ in range(STARTS):
            healthy.append(_start(environment, state, health))
            taken.append(_start(environment, state, job))
    yield Row("process start to /api/health", spread(healthy))
    yield Row("process start to the first 202", spread(taken))


def _start(environment: dict[str, str], state: Path, is_served: Callable[[str], bool]) -> float:
    """Seconds from the start of a host's process until that is so. Raises TimeoutError."""
    port = free_port()
    command = [sys.executable, "-m", "devhost", "--app", str(ROOT), "--port", str(port), "--state", str(state)]
    began = time.perf_counter()
    host = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while time.perf_counter() - began < _PATIENCE_SECONDS and host.poll() is None:
            # Until it listens there is nobody to ask.
            with contextlib.suppress(requests.ConnectionError):
                if is_served(f"http://127.0.0.1:{port}"):
                    return time.perf_counter() - began
            time.sleep(0.01)
        raise TimeoutError(f"the host did not serve within {_PATIENCE_SECONDS:.0f} s")
    finally:
        host.kill()
        host.wait(20)
