"""What is told of a job that has ended: its event, and the metrics that alerts and the workbook are made of."""

import logging
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from shared import instruments, telemetry
from shared.domain.job import Document
from shared.telemetry_names import METRICS

DOCUMENT: Document = {
    "id": "job_1", "kind": "goods", "status": "succeeded", "provider": "bfl", "model": "flux-2-klein-9b", "error": None,
    "usage": {"cost_usd": 0.017, "estimated": False, "settled": True}, "attempts": 1, "fallback_used": False,
    "possible_duplicate": False, "metrics": {"queue_ms": 400, "provider_ms": 3100, "overhead_ms": 600},
    "pictures": [{"index": 0, "state": "stored", "sends": [], "is_watched": False}], "outputs": [], "input": {"n": 1},
}  # fmt: skip
JOB_METRICS = sorted(name for name in METRICS if not name.startswith("toonconnect.gate."))


@pytest.fixture
def reader(monkeypatch: pytest.MonkeyPatch) -> InMemoryMetricReader:
    """What an operator's tool is sent of the metrics of jobs."""
    made = InMemoryMetricReader()
    meter = MeterProvider([made], shutdown_on_exit=False).get_meter("toonconnect")
    counters = {name: meter.create_counter(name, METRICS[name][0]) for name in instruments.COUNTERS}
    histograms = {name: meter.create_histogram(name, METRICS[name][0]) for name in instruments.HISTOGRAMS}
    monkeypatch.setattr(instruments, "COUNTERS", counters)
    monkeypatch.setattr(instruments, "HISTOGRAMS", histograms)
    return made


def told_metrics(reader: InMemoryMetricReader) -> dict[str, dict[str, Any]]:
    """The attributes of each metric's only point."""
    data = reader.get_metrics_data()
    assert data is not None
    metrics = [metric for of in data.resource_metrics for scope in of.scope_metrics for metric in scope.metrics]
    return {metric.name: dict(metric.data.data_points[0].attributes or {}) for metric in metrics}


def told_event(caplog: pytest.LogCaptureFixture, document: Document) -> dict[str, Any]:
    with caplog.at_level(logging.INFO, "toonconnect"):
        telemetry.job_ended(document, polls=2)
    (record,) = (record for record in caplog.records if record.getMessage() == "job_ended")
    return vars(record)


def test_each_metric_of_a_job_says_its_kind_provider_and_model(reader: InMemoryMetricReader) -> None:
    telemetry.job_ended(DOCUMENT, polls=2)

    told = told_metrics(reader)
    assert sorted(told) == JOB_METRICS
    for name, attributes in told.items():
        assert sorted(attributes) == sorted(METRICS[name][1]), name
        assert (attributes["kind"], attributes["provider"], attributes["model"]) == ("goods", "bfl", "flux-2-klein-9b")


def test_the_end_of_a_job_says_who_made_it_and_whether_its_cost_is_an_estimate(caplog: pytest.LogCaptureFixture) -> None:
    told = told_event(caplog, DOCUMENT)

    assert (told["provider"], told["model"], told["cost_usd"], told["estimated"]) == ("bfl", "flux-2-klein-9b", 0.017, False)
    assert told["fallback_used"] is False
    assert "fallback_from" not in told


def test_a_job_that_fell_back_names_the_model_that_it_came_from(caplog: pytest.LogCaptureFixture) -> None:
    fallback = {"from": "flux-kontext-max", "to": "flux-2-klein-9b"}

    told = told_event(caplog, DOCUMENT | {"fallback_used": True, "fallback": fallback})

    assert (told["fallback_from"], told["model"]) == ("flux-kontext-max", "flux-2-klein-9b")


def test_a_job_that_names_no_model_is_told_all_the_same(reader: InMemoryMetricReader) -> None:
    telemetry.job_ended(DOCUMENT | {"model": None, "provider": None}, polls=0)

    assert {(attributes["provider"], attributes["model"]) for attributes in told_metrics(reader).values()} == {("", "")}
