"""What the worker sends to Application Insights with the settings of a deployment: its own exporter sends it, to a door of ours.

The figures are those of docs/scaling-and-cost.md. The host's part (.NET) cannot be seen here.
"""

import re
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from devhost.replay import format_time
from devhost.taskhub import TaskHub
from tests import pictures
from tests.ingestion import Ingestion, Item, totals
from tests.stack import ROOT, Stack

pytestmark = pytest.mark.stack

#: Long enough for what feeds itself to show: records are sent twice a second here.
IDLE_SECONDS = 4
#: Housekeeping runs when the clock shows a multiple of this (triggers/housekeeping.py).
HOUSEKEEPING_SECONDS = 300


def deployed_settings() -> dict[str, str]:
    """What infra/main.bicep tells the worker of telemetry."""
    text = (ROOT / "infra/main.bicep").read_text()
    return dict(
        re.findall(r"^  ((?:PYTHON_APPLICATIONINSIGHTS|OTEL|APPLICATIONINSIGHTS_OPENTELEMETRY)_\w+): '([^']*)'$", text, re.M)
    )


def documented(what: str) -> tuple[int, float]:
    """Records and kilobytes, from the column of now."""
    row = re.search(rf"^\| {what} \|.*\| (\d+) records, ([\d.]+) KB \|$", (ROOT / "docs/scaling-and-cost.md").read_text(), re.M)
    assert row, f"docs/scaling-and-cost.md has no row {what!r}"
    return int(row[1]), float(row[2])


class Sent:
    """A start with housekeeping, an idle time, one job, and the sending of metrics at the end."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        hub = TaskHub(folder / "taskhub.sqlite")
        # Overdue: housekeeping runs at once.
        hub.keep_timer("housekeeping", None, format_time(datetime.now(UTC) - timedelta(minutes=5)))
        hub.close()
        image = pictures.photo_jpeg(300, 300)
        with Ingestion() as door:
            with Stack(folder, **{**deployed_settings(), **door.settings}) as stack:
                stack.configure(bfl={"delay_seconds": 3})
                door.wait_for("housekeeping")
                started = door.quiet()
                self.start = door.items[:started]
                time.sleep(IDLE_SECONDS)
                idle = len(door.items)
                self.idle = door.items[started:idle]
                self.job = stack.goods(image, {"Prefer": "wait=60"}).json()
            # At its end the host sends what it has, the metrics for once.
            rest = door.items[idle:]
        #: What each sending of metrics has, whether anything happened or not.
        self.counters = [item for item in rest if item.type == "MetricData" and not item.said.startswith("toonconnect.")]
        self.of_job = [item for item in rest if item not in self.counters]


@pytest.fixture(scope="module")
def sent(tmp_path_factory: pytest.TempPathFactory) -> Sent:
    """Taken again where the clock brought another housekeeping in between."""
    for _ in range(3):
        began = time.time()
        sent = Sent(tmp_path_factory.mktemp("volume"))
        if began // HOUSEKEEPING_SECONDS == time.time() // HOUSEKEEPING_SECONDS:
            return sent
    raise AssertionError(f"a start, an idle time and a job took more than {HOUSEKEEPING_SECONDS} s, three times")


def test_the_settings_of_a_deployment_are_the_ones_that_are_tried() -> None:
    assert deployed_settings()["PYTHON_APPLICATIONINSIGHTS_ENABLE_TELEMETRY"] == "true"
    assert {
        "PYTHON_APPLICATIONINSIGHTS_LOGGER_NAME",
        "OTEL_METRIC_EXPORT_INTERVAL",
        "OTEL_TRACES_SAMPLER",
    } <= deployed_settings().keys()


def test_nothing_is_sent_while_nothing_happens(sent: Sent) -> None:
    assert [item.said for item in sent.idle] == []


def test_housekeeping_is_one_record_and_a_sending_of_metrics_the_counters_of_the_process(sent: Sent) -> None:
    assert [item.said for item in sent.start if item.type == "MessageData"] == ["housekeeping"]
    # Whoever starts the stack asks whether it is ready, and readiness asks the providers; housekeeping adds nothing to that.
    assert {item.data["name"] for item in sent.start if item.type != "MessageData"} <= {
        "health_ready", "GET /replicate/v1/account", "GET /bfl/v1/credits",
    }  # fmt: skip
    assert len({item.said for item in sent.counters}) == len(sent.counters) > 0


def test_an_idle_minute_sends_no_more_than_the_cost_document_says(sent: Sent) -> None:
    intervals = 60_000 / int(deployed_settings()["OTEL_METRIC_EXPORT_INTERVAL"])
    housekeeping = [item for item in sent.start if item.type == "MessageData"]
    a_minute = [*[(intervals, item) for item in sent.counters], *[(1 / 5, item) for item in housekeeping]]

    records, kilobytes = documented("an idle minute of an instance")
    assert round(sum(share for share, _ in a_minute), 6) <= records
    assert sum(share * item.bytes for share, item in a_minute) / 1000 <= kilobytes


def test_a_job_sends_no_more_than_the_cost_document_says(sent: Sent) -> None:
    assert sent.job["status"] == "succeeded"
    sent_records, sent_bytes = totals(sent.of_job)["all"]

    records, kilobytes = documented("one job, goods of 3 s, with its metrics")
    assert sent_records <= records, Counter((item.type, item.said) for item in sent.of_job)
    assert sent_bytes / 1000 <= kilobytes
    # Nor is the bound a lie in the other direction.
    assert sent_records > records / 2
    assert sent_bytes / 1000 > kilobytes / 2


def test_a_jobs_request_is_counted_once_with_its_result_code(sent: Sent) -> None:
    (request,) = [item.data for item in sent.of_job if item.type == "RequestData"]
    assert (request["name"], request["responseCode"], request["success"]) == ("generate_goods", "200", True)


def test_dependencies_have_names_and_targets_that_people_read(sent: Sent) -> None:
    calls = [item.data for item in sent.of_job if item.type == "RemoteDependencyData" and item.data["type"] == "HTTP"]
    # Spans are sampled: on a busy machine one or another may be missing.
    assert {call["name"] for call in calls} <= {"POST /bfl/v1/flux-kontext-max", "GET /bfl/v1/get_result", "GET /{picture}"}
    assert calls
    for call in calls:
        assert re.fullmatch(r"(localhost|127\.0\.0\.1):\d+", call["target"]), call["target"]
        assert call["resultCode"] == "200"


def test_every_log_record_that_is_sent_is_an_event_of_the_app(sent: Sent) -> None:
    told = [item.data for item in [*sent.start, *sent.of_job] if item.type == "MessageData"]
    assert {record["properties"]["logger_name"] for record in told} == {"toonconnect"}
