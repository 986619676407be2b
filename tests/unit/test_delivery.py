"""What is told of a job's end, how often, and what is kept of it."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.delivery import (
    LONGEST_WAIT_SECONDS,
    SCHEDULE_SECONDS,
    attempted,
    body_of,
    due_in,
    is_expected,
    message_id,
    shown,
)
from shared.domain.job import deleted

NOW = datetime(2026, 11, 27, 9, tzinfo=UTC)
URL = "https://hooks.example/?token=secret"


def ended(**changes: Any) -> dict[str, Any]:
    return {
        "id": "job_01", "status": "succeeded", "kind": "goods", "completed_at": "2026-11-27T08:59:58.123456+00:00",
        "webhook": {"url": URL}, "input": {"prompt": "a hero"}, "outputs": [{"blob": "x"}], "cancel_requested_at": None,
        **changes,
    }  # fmt: skip


def tried(document: dict[str, Any], status: int | None = 500, **how: Any) -> dict[str, Any]:
    due = due_in(document, NOW)
    assert due is not None
    given: dict[str, Any] = {"reason": None, "retry_after": None, "jitter": 0.0, **how}
    return attempted(document, NOW + timedelta(seconds=due), status=status, **given)


def test_the_message_names_the_job_and_nothing_of_what_it_is_about() -> None:
    assert json.loads(body_of(ended(), "https://toon.example")) == {
        "type": "job.succeeded", "timestamp": "2026-11-27T08:59:58.123Z",
        "data": {
            "id": "job_01", "status": "succeeded", "kind": "goods",
            "urls": {"self": "https://toon.example/api/jobs/job_01", "result": "https://toon.example/api/jobs/job_01/result"},
        },
    }  # fmt: skip


@pytest.mark.parametrize("status", ["succeeded", "failed", "canceled"])
def test_each_end_has_a_type_of_its_own_and_every_try_the_same_bytes_and_id(status: str) -> None:
    first, later = ended(status=status), tried(tried(ended(status=status)))

    assert json.loads(body_of(first, ""))["type"] == f"job.{status}"
    assert (body_of(first, "x"), message_id(first)) == (body_of(later, "x"), message_id(later))
    assert message_id(first) == "msg_01"
    assert "." not in message_id(first)


def test_it_is_tried_at_once_and_then_ever_more_seldom_for_seventeen_hours() -> None:
    document, at = ended(), [0.0]
    assert due_in(document, NOW) == 0
    while (due := due_in(document := tried(document), NOW)) is not None:
        at.append(due)

    assert at == [0, 5, 305, 2105, 9305, 27305, 63305]
    assert len(document["deliveries"]) == len(SCHEDULE_SECONDS) == 7
    assert document["deliveries"][-1]["next_at"] is None
    assert not is_expected(document)


@pytest.mark.parametrize(
    ("status", "goes_on"),
    [(200, False), (204, False), (299, False), (410, False), (None, True), (301, True), (307, True), (400, True), (401, True),
     (404, True), (408, True), (429, True), (500, True), (503, True), (100, True), (300, True)],
)  # fmt: skip
def test_only_what_was_taken_or_is_unwanted_ends_it(status: int | None, goes_on: bool) -> None:
    after = tried(ended(), status, reason=None if status else "timeout")

    assert (due_in(after, NOW) is not None, is_expected(after)) == (goes_on, goes_on)
    assert (after["deliveries"][0]["status"], after["deliveries"][0]["reason"]) == (status, None if status else "timeout")


@given(st.floats(0, 1e9), st.floats(0, 1), st.integers(1, 5))
def test_a_receiver_may_ask_for_more_time_but_not_for_less_nor_for_ever(asked: float, jitter: float, before: int) -> None:
    document = ended()
    for _ in range(before):
        document = tried(document)
    after = tried(document, 503, retry_after=asked, jitter=jitter)
    last = after["deliveries"][-1]
    wait = (datetime.fromisoformat(last["next_at"]) - datetime.fromisoformat(last["at"])).total_seconds()

    assert SCHEDULE_SECONDS[before + 1] <= wait <= max(LONGEST_WAIT_SECONDS, SCHEDULE_SECONDS[before + 1]) * 1.1
    if SCHEDULE_SECONDS[before + 1] * 1.1 < asked <= LONGEST_WAIT_SECONDS:
        assert wait == pytest.approx(asked, abs=0.001)


def test_chance_spreads_them_by_a_tenth() -> None:
    waits = [due_in(tried(tried(ended()), jitter=jitter), NOW + timedelta(seconds=5)) for jitter in (0.0, 1.0)]

    assert waits == [300, 330]


@pytest.mark.parametrize(
    "changes",
    [{"webhook": None}, {"webhook": {"url": None}}, {"deleted_at": NOW.isoformat()},
     {"deliveries": [{"at": "x", "status": 204, "reason": None, "next_at": None}]}],
)  # fmt: skip
def test_nobody_is_told_where_nobody_waits(changes: dict[str, Any]) -> None:
    document = ended(**changes)

    assert (is_expected(document), due_in(document, NOW)) == (False, None)
    assert attempted(document, NOW, status=500, reason=None, retry_after=None, jitter=0) is document


def test_of_a_job_that_runs_nothing_is_told_yet() -> None:
    running = ended(status="processing")

    assert (is_expected(running), due_in(running, NOW)) == (True, None)


def test_a_job_of_before_expects_nothing() -> None:
    document = ended()
    del document["webhook"]

    assert (is_expected(document), due_in(document, NOW), shown(document)) == (False, None, [])
    assert "webhook" not in deleted(document, NOW)


def test_a_deleted_job_forgets_the_address_at_once() -> None:
    assert URL not in json.dumps(deleted(ended(), NOW))


def test_a_job_shows_its_tries_and_not_where_they_went() -> None:
    document = tried(tried(ended(), None, reason="timeout"), 204)

    assert shown(document) == [
        {"attempt": 1, "id": "msg_01", "at": "2026-11-27T09:00:00+00:00", "status": None, "reason": "timeout",
         "next_at": "2026-11-27T09:00:05+00:00"},
        {"attempt": 2, "id": "msg_01", "at": "2026-11-27T09:00:05+00:00", "status": 204, "reason": None, "next_at": None},
    ]  # fmt: skip
    assert "hooks.example" not in json.dumps(shown(document))
