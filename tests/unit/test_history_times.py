"""The SDK reads the times of a history without dateutil, and they are the same."""

import importlib
from datetime import UTC, datetime
from typing import Any

import pytest
from azure.durable_functions.models.history import HistoryEvent
from dateutil.parser import parse
from hypothesis import given
from hypothesis import strategies as st

from shared import history_times

moments = st.datetimes(min_value=datetime(2000, 1, 1), max_value=datetime(2100, 1, 1))  # noqa: DTZ001 - their zone is in the text


@pytest.fixture(autouse=True)
def _as_the_app_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("models.history.HistoryEvent", "models.DurableOrchestrationStatus"):
        module = importlib.import_module(f"azure.durable_functions.{name}")
        # What is put in its place is taken back after the test.
        monkeypatch.setattr(module, "dt_parse", parse)
    history_times.read_quickly()


def read(text: str) -> Any:
    return HistoryEvent(12, -1, True, text).timestamp


@given(moments, st.sampled_from(["", ".5", ".123456", ".1234567", ".0000000"]), st.sampled_from(["Z", "+00:00"]))
def test_what_the_engine_writes_is_the_time_that_dateutil_reads(moment: datetime, fraction: str, zone: str) -> None:
    text = moment.isoformat(timespec="seconds") + fraction + zone
    assert read(text) == parse(text)
    assert read(text).isoformat() == parse(text).astimezone(UTC).isoformat()


def test_what_is_written_otherwise_is_read_as_before() -> None:
    assert read("Fri, 27 Nov 2026 19:01:34 GMT") == datetime(2026, 11, 27, 19, 1, 34, tzinfo=UTC)


def test_dateutil_is_not_asked_for_the_times_of_a_history(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would take a seventh of a job's CPU time. Red when the SDK calls its parser by another name: then look where it is."""
    asked: list[str] = []
    module = importlib.import_module("azure.durable_functions.models.history.HistoryEvent")
    monkeypatch.setattr(module.dt_parse, "_known", asked.append)
    monkeypatch.setattr("dateutil.parser.parser.parse", lambda self, text, **_: asked.append(text))
    read("2026-11-27T19:01:34.1234567Z")
    assert asked == []
