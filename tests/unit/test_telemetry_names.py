"""The words that alerts and queries search by are those that the code says: read from the code, in both directions."""

import ast
from collections.abc import Iterator
from pathlib import Path

from shared import instruments
from shared.telemetry_names import EVENTS, METRICS

ROOT = Path(__file__).resolve().parents[2]
#: May be on any event.
EVERYWHERE = {"job_id", "index", "request_id", "generator"}


def calls() -> Iterator[tuple[str, set[str]]]:
    """(event, fields) of each `telemetry.event(...)`, and of each event that the gate's rules hand to their store."""
    for folder in ("shared", "triggers", "activities", "orchestrators"):
        for file in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text())):
                if not isinstance(node, ast.Call) or not node.args:
                    continue
                called = ast.unparse(node.func)
                if called.endswith("telemetry.event") or (called == "event" and file.name == "telemetry.py"):
                    if isinstance(node.args[0], ast.Constant):
                        yield str(node.args[0].value), {k.arg for k in node.keywords if k.arg}
                elif called == "self.events.append":
                    name, fields = node.args[0].elts  # type: ignore[attr-defined]
                    yield name.value, {key.value for key in fields.keys if key is not None}


def test_every_event_and_field_that_the_code_says_is_on_the_list() -> None:
    for name, fields in calls():
        assert name in EVENTS, name
        assert fields - EVERYWHERE <= set(EVENTS[name]), name


def test_every_event_and_field_on_the_list_is_said_by_the_code() -> None:
    said: dict[str, set[str]] = {}
    for name, fields in calls():
        said.setdefault(name, set()).update(fields)
    assert set(said) == set(EVENTS)
    assert {name: sorted(set(fields) - said[name]) for name, fields in EVENTS.items() if set(fields) - said[name]} == {}


def test_every_metric_on_the_list_has_an_instrument() -> None:
    assert {*instruments.COUNTERS, *instruments.HISTOGRAMS, *instruments.GAUGES} == set(METRICS)
