"""What tests of every folder may ask for. Nothing here starts before a test asks."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import hypothesis.configuration
import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from shared import history_times, telemetry
from shared.services import Services, use_services
from shared.settings import Settings
from tests.azurite import Azurite, AzuriteOAuth
from tests.times import Measuring, Telling, suite_of

# No deadline: a busy machine is no bug. No database: a run depends on the code alone.
hypothesis.settings.register_profile("calm", deadline=None, database=None)
hypothesis.settings.load_profile("calm")
# Its notes on characters go where they are not taken for a folder of tests.
hypothesis.configuration.set_hypothesis_home_dir(Path(tempfile.gettempdir()) / "toonconnect-hypothesis")


# As function_app does: two thirds of the CPU time of a story on the bench.
history_times.read_quickly()

#: The files that take minutes by themselves, most of them in waiting. What keeps a core busy for long is not among them: side by
#: side such files would take each other's time.
LONGEST = ("faults/test_faults.py", "drills/test_drills.py", "e2e/test_bad_days.py")
#: Folders whose tests wait for whole hosts.
WAITING = ("devhost", "drills", "e2e", "faults", "histories", "ops", "rare", "studio")
#: Of the others the files that keep a core busy for a minute.
BUSY = ("page/test_page.py", "page/test_pictures.py", "unit/test_picture_bounds.py")


def pytest_configure(config: pytest.Config) -> None:
    # Under xdist its workers run the tests, and this process tells of them.
    in_worker = hasattr(config, "workerinput")
    if in_worker or not config.getoption("numprocesses", None):
        config.pluginmanager.register(Measuring())
    if not in_worker:
        config.pluginmanager.register(Telling())


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The longest come first, then what waits, then what is busy for long, else in the order that it has: at the end no process
    is left alone with a long file while the others have nothing to do."""
    places = {f"tests/{name}": place for place, name in enumerate((*LONGEST, "what waits", *BUSY))}

    def place(item: pytest.Item) -> int:
        file = item.nodeid.partition("::")[0]
        return places.get(file, len(LONGEST) if suite_of(file) in WAITING else len(places))

    items.sort(key=place)


@pytest.fixture(scope="session")
def azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azurite]:
    """Blob, queue and table storage."""
    with Azurite(tmp_path_factory.mktemp("azurite")) as running:
        yield running


@pytest.fixture(scope="session")
def azurite_oauth(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AzuriteOAuth]:
    """Blob storage that is reached by identity, over HTTPS."""
    with AzuriteOAuth(tmp_path_factory.mktemp("azurite-oauth")) as running:
        yield running


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> InMemorySpanExporter:
    """What an operator's tool is sent of the app's spans."""
    exporter, provider = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(telemetry, "_tracer", provider.get_tracer("toonconnect"))
    return exporter


@pytest.fixture
def services(azurite: Azurite) -> Iterator[Services]:
    """The process's services, over Azurite; their keys are made up."""
    built = Services(
        Settings.from_environ(
            {"AzureWebJobsStorage": azurite.connection_string, "REPLICATE_API_TOKEN": "r8_test", "BFL_API_KEY": "test"}
        )
    )
    use_services(built)
    yield built
    use_services(None)
