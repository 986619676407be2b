"""What telemetry says of the calls to providers: names under which they add up, and nothing that opens a picture."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.providers.orders import order, until_ended

CALLS = {
    "bfl": {"POST /bfl/v1/flux-kontext-max", "GET /bfl/v1/get_result", "GET /{picture}"},
    "replicate": {
        "POST /replicate/v1/models/flux-kontext-apps/multi-image-kontext-max/predictions",
        "GET /replicate/v1/predictions/{id}", "POST /replicate/v1/predictions/{id}/cancel", "GET /{picture}",
    },
}  # fmt: skip


@pytest.mark.parametrize("name", CALLS)
def test_calls_of_a_kind_have_one_name(build: Callable[..., Any], sim: Any, spans: Any, name: str) -> None:
    generator = build(name)
    handle = generator.submit(order(name), timeout_seconds=60)
    generator.download(until_ended(generator, handle))
    generator.cancel(handle)

    told = spans.get_finished_spans()
    assert {span.name for span in told} == CALLS[name]
    port = int(sim.url.rsplit(":", 1)[1])
    for span in told:
        assert (span.attributes["url.scheme"], span.attributes["server.port"]) == ("http", port)
        assert handle.id not in span.to_json()
        assert "?" not in span.attributes["url.full"]


@pytest.mark.parametrize("name", CALLS)
def test_a_call_that_is_refused_is_a_failure_with_its_result_code(
    build: Callable[..., Any], sim: Any, spans: Any, keys: dict[str, str], name: str
) -> None:
    generator = build(name)
    sim.configure(**{name: {"faults": [{"on": "create", "kind": "status", "status": 429, "times": 1}]}})
    with pytest.raises(Exception):  # noqa: B017, PT011 - which one is told elsewhere
        generator.submit(order(name), timeout_seconds=60)

    (span,) = spans.get_finished_spans()
    assert (span.attributes["http.response.status_code"], span.status.status_code.name) == (429, "ERROR")
