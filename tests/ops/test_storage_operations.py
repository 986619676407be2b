"""How operations are told from an access log and from a history."""

from typing import Any

import pytest

from bench.storage_operations import active_seconds, blob_operations, count_blob_operations, count_steps

LOG = """\
127.0.0.1 - - [23/Nov/2026:08:32:29 +0000] "PUT /devstoreaccount1/images/uploads/job_1/input_image.png HTTP/1.1" 201 -
127.0.0.1 - - [23/Nov/2026:08:32:29 +0000] "GET /devstoreaccount1/documents/jobs/job_1/job.json HTTP/1.1" 200 -
127.0.0.1 - - [23/Nov/2026:08:32:29 +0000] "GET /devstoreaccount1/documents?restype=container&comp=list HTTP/1.1" 200 -
127.0.0.1 - - [23/Nov/2026:08:32:29 +0000] "PUT /devstoreaccount1/images?restype=container HTTP/1.1" 409 -
127.0.0.1 - - [23/Nov/2026:08:32:29 +0000] "DELETE /devstoreaccount1/images/uploads/job_1/input_image.png HTTP/1.1" 202 -
Azurite Blob service is successfully listening at http://127.0.0.1:10000
"""


def test_operations_are_counted_by_what_they_cost() -> None:
    assert count_blob_operations(LOG) == {"blob write": 1, "blob read": 1, "blob list": 2, "blob delete": 1}


def test_each_operation_is_told_by_its_method_and_what_lies_there() -> None:
    assert list(blob_operations(LOG)) == [
        "PUT upload", "GET job document", "GET documents", "PUT images", "DELETE upload",
    ]  # fmt: skip


def _at(second: float, kind: int, **more: Any) -> dict[str, Any]:
    return {"EventType": kind, "Timestamp": f"2026-11-27T08:00:{second:06.3f}Z", **more}


def test_an_instance_is_active_for_a_second_at_least_and_is_not_billed_twice() -> None:
    started, scheduled, completed, ended = 12, 4, 5, 13
    history = [
        _at(0, started), _at(0.1, scheduled, EventId=0), _at(0.1, ended),
        # It goes on for 2.5 s, beyond what its episode is billed for.
        _at(2.6, completed, TaskScheduledId=0),
        _at(10, started), _at(10.1, ended),
    ]  # fmt: skip

    assert active_seconds(history) == pytest.approx(2.6 + 1.0)
    assert active_seconds(history, seconds_of_http=[1.0]) == pytest.approx(4.6)


def test_steps_are_counted_once_each() -> None:
    kinds = ("ExecutionStarted", "TimerCreated", "TimerFired", "TaskCompleted", "TaskFailed", "EventRaised", "ExecutionCompleted")

    assert count_steps([{"EventType": kind} for kind in kinds]) == {"instance": 1, "activity": 2, "timer": 1, "event": 1}
