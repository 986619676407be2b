"""What a trace tells: of a step that failed, which kind of error it was, and none of its words; of requests and calls, what
becomes of them in Azure's tables."""

import json
import subprocess
import sys
from typing import Any

import pytest
from azure.monitor.opentelemetry.exporter.export.trace._exporter import _convert_span_to_envelope
from opentelemetry import context, trace
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from shared import telemetry
from tests.patience import PATIENCE

SIGNED = "https://store.example/images/a.png?sig=c2VjcmV0"


def rows(spans: InMemorySpanExporter) -> list[tuple[str, dict[str, Any]]]:
    """Each ended span as Azure's exporter would send it: its kind of row, and its columns."""
    records = [json.loads(json.dumps(_convert_span_to_envelope(span).as_dict())) for span in spans.get_finished_spans()]
    return [(record["data"]["baseType"], record["data"]["baseData"]) for record in records]


def failed() -> None:
    with telemetry.step("check_prediction", {"job_id": "job_1", "index": 0}), telemetry.span("store_picture", job_id="job_1"):
        raise ValueError(f"no picture at {SIGNED}")


def test_a_failed_step_says_the_kind_of_its_error_and_not_its_words(spans: InMemorySpanExporter) -> None:
    with pytest.raises(ValueError, match="no picture"):
        failed()

    ended: tuple[ReadableSpan, ...] = spans.get_finished_spans()
    assert [span.name for span in ended] == ["store_picture", "check_prediction"]
    for span in ended:
        assert span.attributes is not None
        assert span.attributes["error.type"] == "ValueError"
        assert span.status.status_code is trace.StatusCode.ERROR
        assert span.status.description is None
        assert span.events == ()
        assert "c2VjcmV0" not in span.to_json()


def test_a_step_names_its_job_and_says_nothing_of_an_error_when_there_was_none(spans: InMemorySpanExporter) -> None:
    with telemetry.step("check_prediction", {"job_id": "job_1", "index": 0, "prompt": "a hero"}):
        pass

    (span,) = spans.get_finished_spans()
    assert dict(span.attributes or {}) == {"toonconnect.job_id": "job_1", "toonconnect.index": 0}
    assert span.status.status_code is trace.StatusCode.UNSET


def below_the_host() -> Any:
    """The host's span as the worker hands it over: known, and somebody else's."""
    sampled = trace.TraceFlags(trace.TraceFlags.SAMPLED)
    known = trace.SpanContext(0x0AF7651916CD43DD8448EB211C80319C, 0xB7AD6B7169203331, is_remote=True, trace_flags=sampled)
    return context.attach(trace.set_span_in_context(trace.NonRecordingSpan(known)))


def test_below_the_hosts_request_ours_is_no_second_one(spans: InMemorySpanExporter) -> None:
    token = below_the_host()
    try:
        with telemetry.request("generate_goods", "POST", {}) as told:
            told.with_status(202)
    finally:
        context.detach(token)

    ((row, columns),) = rows(spans)
    assert (row, columns["name"], columns["type"]) == ("RemoteDependencyData", "generate_goods", "InProc")
    assert columns["success"] is True


def test_where_no_host_counts_requests_ours_is_one_with_its_result_code(spans: InMemorySpanExporter) -> None:
    with telemetry.request("generate_goods", "POST", {}) as told:
        told.with_status(202)

    ((row, columns),) = rows(spans)
    assert (row, columns["name"], columns["responseCode"], columns["success"]) == ("RequestData", "generate_goods", "202", True)


@pytest.mark.parametrize(
    ("status", "is_failure"), [(202, False), (404, False), (422, False), (429, False), (500, True), (503, True)]
)
def test_only_what_we_fail_at_is_a_failed_request(spans: InMemorySpanExporter, status: int, is_failure: bool) -> None:
    with telemetry.request("generate_goods", "POST", {}) as told:
        told.with_status(status)

    (span,) = spans.get_finished_spans()
    assert span.status.status_code is (trace.StatusCode.ERROR if is_failure else trace.StatusCode.UNSET)


@pytest.mark.parametrize("name", ["health", "health_ready"])
def test_the_host_counts_probes_and_nobody_else(spans: InMemorySpanExporter, name: str) -> None:
    token = below_the_host()
    try:
        with telemetry.request(name, "GET", {}) as told:
            told.with_status(200)
    finally:
        context.detach(token)
    assert rows(spans) == []

    with telemetry.request(name, "GET", {}) as told:
        told.with_status(200)
    assert [(row, columns["name"]) for row, columns in rows(spans)] == [("RequestData", name)]


@pytest.mark.parametrize(("url", "route", "name", "target"), [
    ("https://api.bfl.ai/v1/get_result?id=8f14e45f", "/v1/get_result", "GET /v1/get_result", "api.bfl.ai"),
    ("https://api.replicate.com/v1/predictions/rrr4z55ocneqzikepnug6xezpe", "/v1/predictions/{id}",
     "GET /v1/predictions/{id}", "api.replicate.com"),
    ("https://delivery.bfl.ai/results/8f14e45f.png?sig=c2VjcmV0", "/{picture}", "GET /{picture}", "delivery.bfl.ai"),
    ("http://127.0.0.1:8001/bfl/v1/credits", "/bfl/v1/credits", "GET /bfl/v1/credits", "127.0.0.1:8001"),
    ("https://api.bfl.ai:8443/v1/credits", "/v1/credits", "GET /v1/credits", "api.bfl.ai:8443"),
    ("https://api.bfl.ai:443/v1/credits", "/v1/credits", "GET /v1/credits", "api.bfl.ai"),
])  # fmt: skip
def test_a_call_has_a_name_and_a_target_that_people_read(
    spans: InMemorySpanExporter, url: str, route: str, name: str, target: str
) -> None:
    with telemetry.call("GET", url, route) as told:
        told.with_status(200)

    ((row, columns),) = rows(spans)
    assert (row, columns["type"], columns["name"], columns["target"]) == ("RemoteDependencyData", "HTTP", name, target)
    assert (columns["resultCode"], columns["success"]) == ("200", True)
    for unique in ("8f14e45f", "rrr4z55ocneqzikepnug6xezpe", "c2VjcmV0"):
        assert unique not in json.dumps(columns)


@pytest.mark.parametrize("status", [402, 404, 429, 500])
def test_a_call_that_a_provider_refuses_has_failed(spans: InMemorySpanExporter, status: int) -> None:
    with telemetry.call("GET", "https://api.bfl.ai/v1/credits", "/v1/credits") as told:
        told.with_status(status)

    ((_, columns),) = rows(spans)
    assert (columns["resultCode"], columns["success"]) == (str(status), False)


def test_azures_clients_do_not_tell_of_each_request_at_the_workers_level() -> None:
    """In a process of its own, with the worker's level: only the app's import may quieten them."""
    program = (
        "import logging; logging.getLogger().setLevel(logging.INFO); import shared.telemetry\n"
        "names = 'azure.core.pipeline.policies.http_logging_policy', 'azure.identity._credentials.chained', "
        "'azure.monitor.opentelemetry.exporter.export._base'\n"
        "print([logging.getLogger(name).isEnabledFor(logging.INFO) for name in names],"
        " logging.getLogger(shared.telemetry.LOGGER).isEnabledFor(logging.INFO))"
    )
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=PATIENCE).stdout
    assert said.strip() == "[False, False, False] True"
