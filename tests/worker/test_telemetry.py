"""What Microsoft's worker library sends to Application Insights with the settings of a deployment; in a process of its own, since
it sets OpenTelemetry up once and for all."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.azurite import Azurite
from tests.e2e.test_telemetry_volume import deployed_settings
from tests.ingestion import Ingestion, Item
from tests.patience import PATIENCE

ROOT = Path(__file__).resolve().parents[2]
TRACE = "0af7651916cd43dd8448eb211c80319c"
#: Two requests as the host hands them over, below its own span; then what a busy library might log.
PROGRAM = f"""
import asyncio, logging, sys
from pathlib import Path
from tests.worker.host import Wire, rpc_http
from tests.worker.library import WorkerLibrary

logging.getLogger().setLevel(logging.INFO)  # as the worker does

async def main():
    library = WorkerLibrary(Path(sys.argv[1]))
    await library.load()
    for name in ("zz_no_route", "health"):
        seen = await library.call(
            name, {{"req": rpc_http(Wire("GET", "/api/nowhere", [("Host", "h")]), {{"rest": "nowhere"}})}},
            traceparent="00-{TRACE}-b7ad6b7169203331-01",
        )
        assert seen.error is None, seen.error
    assert library.capabilities.get("WorkerOpenTelemetryEnabled") == "true", library.capabilities

asyncio.run(main())
logging.getLogger("azure.core.pipeline.policies.http_logging_policy").error("what another library tells")
from opentelemetry import _logs, metrics, trace
for provider in (trace.get_tracer_provider(), metrics.get_meter_provider(), _logs.get_logger_provider()):
    provider.shutdown()
"""


@pytest.fixture(scope="module")
def sent(azurite: Azurite) -> list[Item]:
    with Ingestion() as door:
        settings = {"AzureWebJobsStorage": azurite.connection_string, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, str(ROOT)], cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE, check=False,
            env={**os.environ, **settings, **deployed_settings(), **door.settings},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return door.items


def test_a_request_below_the_hosts_is_a_part_of_it_and_a_probe_is_nothing(sent: list[Item]) -> None:
    spans = [item for item in sent if item.type in ("RequestData", "RemoteDependencyData")]
    assert [(item.type, item.data["type"], item.said) for item in spans] == [("RemoteDependencyData", "InProc", "no_route")]
    assert spans[0].record["tags"]["ai.operation.id"] == TRACE


def test_the_apps_events_are_sent_and_nothing_that_other_loggers_tell(sent: list[Item]) -> None:
    told = [item for item in sent if item.type not in ("RequestData", "RemoteDependencyData", "MetricData")]
    assert [(item.said, item.data["properties"]["logger_name"]) for item in told] == [("problem", "toonconnect")]
    assert told[0].record["tags"]["ai.operation.id"] == TRACE
