"""What the worker does with logs and OpenTelemetry: readable lines on the console and, if asked, everything in a file.

With DEVHOST_TELEMETRY=FILE the OpenTelemetry SDK is set up before the app is loaded, as the worker's distro does it in the
cloud, and each span, metric and log record becomes a line of JSON. The SDK is a development requirement.

With PYTHON_APPLICATIONINSIGHTS_ENABLE_TELEMETRY=true and APPLICATIONINSIGHTS_CONNECTION_STRING the distro itself is set up, by
the same call as in the worker, and sends what it would send from there: tests put an address of their own into the string.
"""

import json
import logging
import os
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

_STANDARD = {*logging.makeLogRecord({}).__dict__, "message", "asctime", "taskName"}


class FieldsFormatter(logging.Formatter):
    """A record's own fields (`extra`) as JSON after its message."""

    def format(self, record: logging.LogRecord) -> str:
        fields = {name: value for name, value in record.__dict__.items() if name not in _STANDARD}
        line = super().format(record)
        return f"{line} {json.dumps(fields, ensure_ascii=False, default=str)}" if fields else line


def set_up_logging() -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(FieldsFormatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    logging.captureWarnings(True)


def capture_from_environment() -> Callable[[], None]:
    """Begin to capture, or to send, when the environment says so; returns what must be called at the end."""
    file = os.environ.get("DEVHOST_TELEMETRY")
    if file:
        # The app changes the working directory, and another process of ours has another one.
        path = Path(file).resolve()
        os.environ["DEVHOST_TELEMETRY"] = str(path)
        return _capture(path)
    address = os.environ.get("APPLICATIONINSIGHTS_CONNECTION_STRING")
    if address and os.environ.get("PYTHON_APPLICATIONINSIGHTS_ENABLE_TELEMETRY", "").lower() in ("1", "true"):
        return _send(address)
    return lambda: None


def _send(address: str) -> Callable[[], None]:
    """As azure_functions_runtime 1.3.0 does it (otel.py, initialize_azure_monitor)."""
    from azure.monitor.opentelemetry import configure_azure_monitor
    from opentelemetry import _logs, metrics, trace

    os.environ.setdefault("OTEL_EXPERIMENTAL_RESOURCE_DETECTORS", "azure_functions")
    configure_azure_monitor(connection_string=address, logger_name=os.environ.get("PYTHON_APPLICATIONINSIGHTS_LOGGER_NAME", ""))

    def end() -> None:
        for provider in (trace.get_tracer_provider(), metrics.get_meter_provider(), _logs.get_logger_provider()):
            provider.shutdown()  # type: ignore[union-attr]

    return end


class _Lines:
    """Appends lines to the file, from any thread."""

    def __init__(self, file: Path) -> None:
        self._file = file.open("a", buffering=1)
        self._lock = threading.Lock()

    def write(self, signal: str, text: str) -> None:
        with self._lock:
            self._file.write(json.dumps({"signal": signal, **json.loads(text)}, ensure_ascii=False) + "\n")


def _capture(file: Path) -> Callable[[], None]:
    from opentelemetry import metrics, trace
    from opentelemetry._logs import set_logger_provider
    from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
    from opentelemetry.sdk._logs.export import LogRecordExporter, LogRecordExportResult, SimpleLogRecordProcessor
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import MetricExporter, MetricExportResult, PeriodicExportingMetricReader
    from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult

    lines = _Lines(file)

    class Spans(SpanExporter):
        def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
            for span in spans:
                lines.write("span", span.to_json())
            return SpanExportResult.SUCCESS

    class Logs(LogRecordExporter):
        def export(self, batch: Sequence[Any]) -> LogRecordExportResult:
            for record in batch:
                lines.write("log", record.to_json())
            return LogRecordExportResult.SUCCESS

        def shutdown(self) -> None:
            pass

        def force_flush(self, timeout_millis: int = 10_000) -> bool:
            return True

    class Metrics(MetricExporter):
        def export(self, metrics_data: Any, timeout_millis: float = 10_000, **kwargs: Any) -> MetricExportResult:
            lines.write("metrics", metrics_data.to_json())
            return MetricExportResult.SUCCESS

        def force_flush(self, timeout_millis: float = 10_000) -> bool:
            return True

        def shutdown(self, timeout_millis: float = 30_000, **kwargs: Any) -> None:
            pass

    spans, logs = TracerProvider(), LoggerProvider()
    spans.add_span_processor(SimpleSpanProcessor(Spans()))
    logs.add_log_record_processor(SimpleLogRecordProcessor(Logs()))
    meters = MeterProvider([PeriodicExportingMetricReader(Metrics(), export_interval_millis=2000)])
    trace.set_tracer_provider(spans)
    metrics.set_meter_provider(meters)
    set_logger_provider(logs)
    logging.getLogger().addHandler(LoggingHandler(logger_provider=logs))

    def end() -> None:
        meters.shutdown()
        spans.shutdown()

    return end
