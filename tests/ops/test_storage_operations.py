"""How operations are told from an access log and from a history."""

from bench.storage_operations import count_blob_operations, count_steps

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


def test_steps_are_counted_once_each() -> None:
    kinds = ("ExecutionStarted", "TimerCreated", "TimerFired", "TaskCompleted", "TaskFailed", "EventRaised", "ExecutionCompleted")

    assert count_steps([{"EventType": kind} for kind in kinds]) == {"instance": 1, "activity": 2, "timer": 1, "event": 1}
