"""The app behind Microsoft's worker library and behind the devhost at once. The library needs Python 3.13."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import requests

from local.ports import free_port
from tests.azurite import Azurite
from tests.patience import PATIENCE

if TYPE_CHECKING:
    from tests.worker.both import DoubleHost

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
#: What is said at the end of a run.
TOLD = pytest.StashKey[str]()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if sys.version_info < (3, 13):
        reason = "Microsoft's worker library needs Python 3.13: make worker"
        for item in items:
            if item.path.parent == HERE:
                item.add_marker(pytest.mark.skip(reason=reason))
    # It looks back at what the others have called.
    items.sort(key=lambda item: item.path == HERE / "test_together.py")


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if told := terminalreporter.config.stash.get(TOLD, None):
        terminalreporter.write_sep("=", "Microsoft's worker library")
        terminalreporter.write_line(told)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(scope="session")
def simulators(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where the providers' simulators listen."""
    port = free_port()
    log = tmp_path_factory.mktemp("simulators") / "log"
    with log.open("wb") as sink:
        process = subprocess.Popen([sys.executable, "-m", "simulators", "--port", str(port)], cwd=ROOT, stdout=sink, stderr=sink)
    try:
        ends = time.monotonic() + PATIENCE
        while not _listens(port) and time.monotonic() < ends:
            assert process.poll() is None, log.read_text()
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(PATIENCE)


@pytest.fixture(scope="session")
def host(
    azurite: Azurite, simulators: str, tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config
) -> "Iterator[DoubleHost]":
    """The app, as both run it. Its settings are those of `make run`."""
    from devhost.app_loader import load_app
    from shared.services import use_services
    from tests.worker.both import DoubleHost

    before, folder = dict(os.environ), Path.cwd()
    port = simulators.rpartition(":")[2]
    quick = {"replicate": {"delay_seconds": 1}, "bfl": {"delay_seconds": 1}}
    requests.post(f"{simulators}/_sim/config", json=quick, timeout=PATIENCE).raise_for_status()
    os.environ.update({
        "AzureWebJobsStorage": azurite.connection_string, "REPLICATE_API_BASE_URL": f"{simulators}/replicate",
        "BFL_API_BASE_URL": f"{simulators}/bfl", "PROVIDER_EXTRA_HOSTS": f"127.0.0.1:{port},localhost:{port}",
        "REPLICATE_API_TOKEN": "r8_simulated", "BFL_API_KEY": "simulated", "INTAKE_QUEUE": "true",
    })  # fmt: skip
    use_services(None)
    try:
        app = load_app(ROOT, 7071)
        # Each builds the functions anew: that can be done once for an app.
        del sys.modules["function_app"]
        with DoubleHost(app, ROOT, tmp_path_factory.mktemp("host")) as running:
            yield running
            called = running.both.invocations
            versions = " and ".join(f"{name} {version(name)}" for name in ("azure-functions-runtime", "azure-functions"))
            pytestconfig.stash[TOLD] = (
                f"{len(called)} of {len(running.library.functions)} functions in {called.total()} invocations, each as the "
                f"devhost calls it; {versions}, Python {sys.version.split()[0]}"
            )
    finally:
        use_services(None)
        os.environ.clear()
        os.environ.update(before)
        os.chdir(folder)


@pytest.fixture
def both(host: "DoubleHost") -> "Iterator[DoubleHost]":
    """The same; afterwards both have agreed on everything."""
    host.both.differences.clear()
    yield host
    assert host.both.differences == []
