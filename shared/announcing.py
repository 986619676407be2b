"""Tells batch producers, on the queue `generation-results`, what became of their requests. At least once: it may come twice."""

import logging
from typing import Any

from shared import telemetry
from shared.domain import queue_messages
from shared.domain.job import Document
from shared.domain.problem import Problem
from shared.services import Services


def accepted(app: Services, document: Document, correlation_id: str) -> None:
    """Raises what the storage client raises."""
    app.queues.send(queue_messages.RESULTS, queue_messages.accepted(document, correlation_id))


def refused(app: Services, problem: Problem, correlation_id: str) -> None:
    """Raises what the storage client raises."""
    app.queues.send(queue_messages.RESULTS, queue_messages.refused(problem, correlation_id))


def ended(app: Services, document: Document) -> None:
    """Of a job that came by HTTP nobody is told here. Raises what the storage client raises: whoever ended it tries again."""
    correlation_id = _asked_as(document)
    if correlation_id is not None:
        app.queues.send(queue_messages.RESULTS, queue_messages.ended(document, correlation_id))


def ended_or_not_told(app: Services, document: Document) -> None:
    """As ended, where nobody would try again."""
    try:
        ended(app, document)
    except Exception as error:  # noqa: BLE001 - the job has ended, told or not
        telemetry.event("announcement_lost", logging.ERROR, job_id=document["id"], reason=type(error).__name__)


def _asked_as(document: Document) -> str | None:
    queued: dict[str, Any] = document.get("queued") or {}
    return queued.get("correlation_id")
