"""What `stuck` finds: a job as its document and the task hub have it, what comes of it by itself, and what to do."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ops import looking
from ops.looking import _finding
from triggers import housekeeping

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def ago(**length: float) -> str:
    return (NOW - timedelta(**length)).isoformat()


def job(status: str = "queued", *, watched: bool = False, **fields: Any) -> dict[str, Any]:
    ended = {"completed_at": ago(minutes=1), "pictures": [{"is_watched": watched}]} if status != "queued" else {}
    return {"id": "job_1", "status": status, "created_at": ago(minutes=5), "starts": 0, "deleted_at": None, **ended, **fields}


CANCELED_WATCH = job("canceled", watched=True)
DELETED = job(deleted_at=ago(minutes=1))


@pytest.mark.parametrize(
    ("document", "runtime", "why", "by_itself"),
    [
        # open
        (job(), "Failed", "its orchestration died", "started again from its records (1 of at most 5), within 5 minutes"),
        (job(starts=4, started_again_at=ago(minutes=1)), "Failed", "its orchestration died", "(5 of at most 5)"),
        (job(), None, "its orchestration is gone", "started again from its records"),
        (job(), "Completed", "has ended (Completed) without closing the job", "started again"),
        (job(created_at=ago(hours=3)), "Failed", "its orchestration died", "when its owner looks at it"),
        (job(), "Terminated", "was stopped from outside (Terminated)",
         "ends as failed with what its records say, within 5 minutes"),
        (job(starts=5, started_again_at=ago(minutes=1)), "Failed", "died for the last time", "ends as failed"),
        (job(), "Suspended", "was suspended", "nothing: it waits to be resumed"),
        (job(starts=5), "Running", "it is at its last start", "if it dies once more it ends as failed (internal)"),
        (job(created_at=ago(minutes=20)), "Running", "not ended after 20 min", "its deadlines end it"),
        (job(created_at=ago(minutes=20)), "Pending", "has not begun (Pending)", "a host of the version that started it"),
        # ended
        (job("canceled", watched=True, completed_at=ago(hours=1)), "Running", "a prediction of it is watched on",
         "15 minutes at most"),
        (CANCELED_WATCH, "Failed", "its orchestration died", "started again from its records"),
        (CANCELED_WATCH, "Terminated", "its watch over a prediction was stopped", "what it owes stays unknown"),
        (CANCELED_WATCH, None, "its watch over a prediction is gone", "what it owes stays unknown"),
        # deleted
        (DELETED, "Failed", "its orchestration died", "started again from its records"),
        (job("canceled", deleted_at=ago(hours=1)), "Completed", "deleted 1 h ago and not forgotten",
         "tried again every 5 minutes"),
    ],
)  # fmt: skip
def test_what_is_stuck_is_told_with_what_comes_of_it(
    document: dict[str, Any], runtime: str | None, why: str, by_itself: str
) -> None:
    found = _finding(document, runtime, NOW, 15)

    assert found is not None
    assert why in found.why
    assert by_itself in found.by_itself
    assert found.is_stuck
    assert found.do


@pytest.mark.parametrize(
    ("document", "runtime", "why"),
    [
        (CANCELED_WATCH, "Running", "ended; a prediction of it is watched on"),
        (DELETED, "Running", "deleted; a prediction of it may still be paid for"),
        (job("canceled", deleted_at=ago(minutes=1)), "Completed", "deleted; about to be forgotten"),
        (
            job("canceled", watched=True, deleted_at=ago(minutes=9)),
            "Running",
            "deleted; a prediction of it may still be paid for",
        ),
    ],
)
def test_what_is_under_way_is_told_and_is_not_stuck(document: dict[str, Any], runtime: str, why: str) -> None:
    found = _finding(document, runtime, NOW, 15)

    assert found is not None
    assert (found.why, found.is_stuck) == (why, False)


@pytest.mark.parametrize(
    ("document", "runtime"),
    [
        (job(), "Running"),
        (job(), "Pending"),
        # accepted a moment ago, or started again a moment ago
        (job(created_at=ago(seconds=20)), None),
        (job(starts=1, started_again_at=ago(seconds=3)), "Failed"),
        # ended by the former version, which did not write down whether it watches
        ({key: value for key, value in job("canceled").items() if key != "pictures"}, "Completed"),
    ],
)
def test_what_is_well_is_not_told(document: dict[str, Any], runtime: str | None) -> None:
    assert _finding(document, runtime, NOW, 15) is None


def test_it_knows_how_far_housekeeping_looks_back() -> None:
    assert looking.LOOK_BACK == housekeeping.LOOK_BACK
