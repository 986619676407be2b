"""Deletes uploads as soon as nothing needs them: when their job has ended, and where that failed, by housekeeping.

A story that is told again goes on with what was prepared of them.
"""

import logging
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from shared import telemetry
from shared.domain.job import Document, is_terminal
from shared.services import Services
from shared.storage.uploads import Left

#: What is younger is looked at later: its job goes on, or removes it just now.
_YOUNG = timedelta(minutes=10)
#: Without a job, those of a POST that died: none lives longer than a function may run (host.json, `functionTimeout`). Whoever
#: sends it again, under the same id where it has a key, writes uploads of his own.
_UNCLAIMED = timedelta(hours=1)
#: Jobs whose uploads one run of housekeeping removes at most: about ten seconds of storage operations.
JOBS_AT_ONCE = 500


def forget(app: Services, document: Document) -> None:
    """Delete the uploads of a job that has ended. Raises nothing: what storage does not take now housekeeping does later."""
    _or_tell(document, lambda: app.uploads.forget(document))


def take_back(app: Services, document: Document) -> None:
    """Delete the images that a POST stored whose job another POST made: what it prepared of them too. Raises nothing."""
    _or_tell(document, lambda: app.uploads.delete(document["images"].values()))


def _or_tell(document: Document, delete: Callable[[], None]) -> None:
    try:
        delete()
    except Exception as error:  # noqa: BLE001 - the job has ended, and is told so, whatever storage says
        telemetry.event("uploads_kept", logging.WARNING, job_id=document["id"], reason=type(error).__name__)


def forget_left(app: Services, now: datetime, *, of_before: bool = False) -> int:
    """Delete what is left of the uploads of ended jobs, and of POSTs that died; returns of how many jobs. `of_before`: those
    that earlier versions kept, for which all that their jobs have is listed."""
    left = app.uploads.left_by_before() if of_before else app.uploads.left()
    return _forget(app, now, left)


def _forget(app: Services, now: datetime, left: Iterable[Left]) -> int:
    jobs = 0
    for found in left:
        if now - found.written < _YOUNG:
            continue
        document = app.jobs.read(found.job_id)
        if is_terminal(document["status"]) if document else now - found.written > _UNCLAIMED:
            app.uploads.delete(found.names)
            jobs += 1
            if jobs == JOBS_AT_ONCE:
                break
    return jobs
