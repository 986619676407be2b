"""What an operator can see: one trace per job, events with fields, metrics. No prompt, secret, signed link or provider's body.

Only OpenTelemetry's API is used here. The Functions worker brings the SDK and its exporter when
PYTHON_APPLICATIONINSIGHTS_ENABLE_TELEMETRY is set; without them spans and metrics cost next to nothing and go nowhere.

The exporter is told to take the records of one logger, LOGGER, and of those below it (PYTHON_APPLICATIONINSIGHTS_LOGGER_NAME).
Of all loggers it would take its own words about each sending too, send them, and so never be silent again (decision 23).
"""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import urlsplit

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from shared.domain.job import Document, charged

#: Whose records are sent; infra/main.bicep tells the worker this name.
LOGGER = "toonconnect"
_log = logging.getLogger(LOGGER)
_tracer = trace.get_tracer("toonconnect")
_propagator = TraceContextTextMapPropagator()
#: Asked every few minutes, for ever, by whoever watches: the host's own row says all there is.
_PROBES = ("health", "health_ready")
#: Payload fields that name a span's job, as attributes.
_NAMED = ("job_id", "index", "generator", "attempt", "instance")

# Azure's clients tell of every request and answer, with its headers, at INFO, which is the worker's level: two kilobytes for each
# blob that is read, in the host's log stream as well. What goes wrong they say louder.
for _chatty in ("azure.core", "azure.identity", "azure.monitor"):
    logging.getLogger(_chatty).setLevel(logging.WARNING)


def event(name: str, level: int = logging.INFO, **fields: Any) -> None:
    """Log an event. Its name is the message and its fields are the record's, which Application Insights keeps as properties.

    Raises nothing: that something could not be told undoes nothing of it.
    """
    with suppress(Exception):
        _log.log(level, name, extra={field: value for field, value in fields.items() if value is not None})


class Answered:
    """A span that is told how its request was answered."""

    def __init__(self, span: trace.Span, failed_from: int) -> None:
        self._span = span
        self._failed_from = failed_from

    def with_status(self, status: int) -> None:
        self._span.set_attribute("http.response.status_code", status)
        if status >= self._failed_from:
            self._span.set_status(trace.StatusCode.ERROR)


@contextmanager
def request(name: str, method: str, headers: Mapping[str, str]) -> Iterator[Answered]:
    """A span for an HTTP request: in the host's trace where the worker has one, else in the caller's.

    The host counts its requests itself, with their result codes, so that below its span ours is no second request (SERVER), but a
    part of that one. A 4xx is an answer like any other: only 5xx is a failure of ours, as OpenTelemetry has it for servers
    (opentelemetry.io/docs/specs/semconv/http/http-spans, "Status").
    """
    is_known = trace.get_current_span().get_span_context().is_valid
    context = None if is_known else _propagator.extract({"traceparent": headers.get("traceparent", "")})
    if is_known and name in _PROBES:
        yield Answered(trace.INVALID_SPAN, failed_from=500)
        return
    kind = trace.SpanKind.INTERNAL if is_known else trace.SpanKind.SERVER
    with _span(name, context, kind=kind, attributes={"http.request.method": method}) as made:
        yield Answered(made, failed_from=500)


@contextmanager
def step(name: str, payload: Mapping[str, Any]) -> Iterator[None]:
    """A span for an activity, below the request that its job began with: `payload["traceparent"]`."""
    context = _propagator.extract({"traceparent": payload.get("traceparent") or ""})
    with _span(name, context, attributes=_attributes(payload)):
        yield


@contextmanager
def span(name: str, **fields: Any) -> Iterator[None]:
    """A span for a part of a step."""
    with _span(name, attributes=_attributes(fields)):
        yield


@contextmanager
def call(method: str, url: str, route: str) -> Iterator[Answered]:
    """A span for a request to a provider. Of the URL it says scheme, host and port; nothing of the trace is sent.

    `route` stands for the path: the same for all calls of a kind, without ids, so that they add up, and without what a path may
    have that nobody else should know. Azure's exporter makes a dependency's name of the path of `url.full`, and its target of
    address and port: without these, every call is a "POST /" to "api.bfl.ai:None" (azure-monitor-opentelemetry-exporter 1.0.0b58,
    export/trace/_utils.py). For clients 4xx is a failure too, as OpenTelemetry has it.
    """
    parts = urlsplit(url)
    host, port = parts.hostname or "", _port(parts.scheme, parts.netloc)
    stated = "" if port == _PORTS.get(parts.scheme) else f":{port}"
    attributes = {
        "http.request.method": method, "url.scheme": parts.scheme, "server.address": host, "server.port": port,
        "url.full": f"{parts.scheme}://{host}{stated}{route}",
    }  # fmt: skip
    with _span(f"{method} {route}", kind=trace.SpanKind.CLIENT, attributes=attributes) as made:
        yield Answered(made, failed_from=400)


def name_prediction(prediction_id: str) -> None:
    """Name the prediction on the present span."""
    trace.get_current_span().set_attribute("toonconnect.prediction_id", prediction_id)


def traceparent() -> str | None:
    """The present span as W3C traceparent, for what goes on in another process."""
    carrier: dict[str, str] = {}
    _propagator.inject(carrier)
    return carrier.get("traceparent")


def job_ended(document: Document, polls: int) -> None:
    """The metrics of a job that has just ended, and its event. It counts for the model that made its first picture."""
    # With the first value: a cold start has none.
    from shared import instruments

    code = (document["error"] or {}).get("code")
    cost, times = document["usage"]["cost_usd"], document["metrics"] or {}
    kind, provider, model = document["kind"], document["provider"] or "", document.get("model") or ""
    maker = {"kind": kind, "provider": provider, "model": model}
    instruments.COUNTERS["toonconnect.jobs"].add(1, {**maker, "status": document["status"], "code": code or ""})
    instruments.COUNTERS["toonconnect.cost"].add(cost, maker)
    instruments.HISTOGRAMS["toonconnect.polls"].record(polls, maker)
    for part in ("queue", "provider", "overhead"):
        if times.get(f"{part}_ms") is not None:
            instruments.HISTOGRAMS[f"toonconnect.{part}.duration"].record(times[f"{part}_ms"] / 1000, maker)
    event(
        "job_ended", job_id=document["id"], kind=kind, status=document["status"], code=code, provider=provider, model=model,
        attempts=document["attempts"], polls=polls, fallback_used=document["fallback_used"],
        fallback_from=(document.get("fallback") or {}).get("from"), possible_duplicate=document["possible_duplicate"],
        cost_usd=cost, estimated=document["usage"].get("estimated"), charged=charged(document),
        settled=document["usage"].get("settled"), starts=document.get("starts", 0),
        watched=sum(picture["is_watched"] for picture in document.get("pictures", ())), queue_ms=times.get("queue_ms"),
        provider_ms=times.get("provider_ms"), overhead_ms=times.get("overhead_ms"),
    )  # fmt: skip


def gate_changed(provider: str, active: int, waiting: int, limit: int) -> None:
    from shared import instruments

    for name, value in (("active", active), ("waiting", waiting), ("limit", limit)):
        instruments.GAUGES[f"toonconnect.gate.{name}"].set(value, {"provider": provider})


@contextmanager
def _span(
    name: str, context: Context | None = None, kind: trace.SpanKind = trace.SpanKind.INTERNAL, attributes: Any = None
) -> Iterator[trace.Span]:
    """A failed span says what kind of error it was. Its text stays out: it may hold a URL with its signature."""
    with _tracer.start_as_current_span(
        name, context, kind, attributes, record_exception=False, set_status_on_exception=False
    ) as made:
        try:
            yield made
        except Exception as error:
            made.set_attribute("error.type", type(error).__name__)
            made.set_status(trace.StatusCode.ERROR)
            raise


_PORTS = {"https": 443, "http": 80}


def _port(scheme: str, netloc: str) -> int:
    """As stated, else the scheme's own; a URL that cannot be called still has a span."""
    stated = netloc.rpartition(":")[2]
    return int(stated) if stated.isascii() and stated.isdigit() else _PORTS.get(scheme, 0)


def _attributes(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {f"toonconnect.{name}": fields[name] for name in _NAMED if fields.get(name) is not None}
