"""What a trace tells of a step that failed: which kind of error it was, and none of its words."""

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from shared import telemetry

SIGNED = "https://store.example/images/a.png?sig=c2VjcmV0"


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> InMemorySpanExporter:
    """What an operator's tool is sent."""
    exporter, provider = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(telemetry, "_tracer", provider.get_tracer("toonconnect"))
    return exporter


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
