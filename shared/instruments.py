"""What telemetry counts and measures, as OpenTelemetry's instruments."""

from opentelemetry import metrics

from shared.telemetry_names import METRICS

_METER = metrics.get_meter("toonconnect")
COUNTERS = {name: _METER.create_counter(name, METRICS[name][0]) for name in ("toonconnect.jobs", "toonconnect.cost")}
HISTOGRAMS = {
    name: _METER.create_histogram(name, METRICS[name][0])
    for name in (
        "toonconnect.queue.duration", "toonconnect.provider.duration", "toonconnect.overhead.duration", "toonconnect.polls",
    )
}  # fmt: skip
GAUGES = {
    name: _METER.create_gauge(name, METRICS[name][0])
    for name in ("toonconnect.gate.active", "toonconnect.gate.waiting", "toonconnect.gate.limit")
}
