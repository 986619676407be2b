"""The words of a job's life, and the document clients see."""

from datetime import datetime, timedelta
from typing import Any

from shared.domain.problem import Problem

QUEUED, PROCESSING, SUCCEEDED, FAILED, CANCELED = "queued", "processing", "succeeded", "failed", "canceled"
TERMINAL = frozenset({SUCCEEDED, FAILED, CANCELED})

VALIDATING, TRANSLATING, WAITING, SUBMITTING, GENERATING, STORING = (
    "validating", "translating", "waiting", "submitting", "generating", "storing",
)  # fmt: skip

#: Where the progress bar stands when a stage begins; generating moves on from here by elapsed time.
STAGE_PROGRESS = {VALIDATING: 5, TRANSLATING: 10, WAITING: 15, SUBMITTING: 25, GENERATING: 30, STORING: 92}


def is_terminal(status: str) -> bool:
    return status in TERMINAL


def asked_to_cancel(document: dict[str, Any], at: datetime) -> dict[str, Any]:
    """The mark that stops a submit which has not happened yet; the first one stands."""
    return document | {"cancel_requested_at": document["cancel_requested_at"] or at.isoformat()}


def given_up(document: dict[str, Any], at: datetime, progress: int, retention_days: int) -> dict[str, Any]:
    """How a job ends whose orchestration is gone: nobody can tell what it has paid for."""
    error = Problem("internal", charged="unknown").to_payload()
    return document | {
        "status": FAILED, "error": error, "completed_at": at.isoformat(), "progress": progress,
        "expires_at": (at + timedelta(days=retention_days)).isoformat(),
    }  # fmt: skip


def status_at(stage: str, **fields: Any) -> dict[str, Any]:
    """The custom status of an orchestration in a stage: what a GET shows while the job runs."""
    return {"stage": stage, "progress": STAGE_PROGRESS[stage], **fields}
