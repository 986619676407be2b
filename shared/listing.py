"""Keeps the lists of owners: what a row says of its job, and the rows of jobs from before there were lists."""

import contextlib
import logging
from datetime import datetime, timedelta
from itertools import islice

from azure.core.exceptions import AzureError

from shared import telemetry
from shared.domain.job import Document, is_deleted
from shared.domain.owners import is_listed
from shared.job_ids import is_job_id
from shared.services import Services
from shared.storage.blob_store import DOCUMENTS
from shared.storage.documents import Busy
from shared.storage.job_index import Row

#: How far the search for jobs of before has come.
PROGRESS = "indexing.json"
#: Names that one run of housekeeping lists, of about five for each job.
NAMES_AT_ONCE = 5000
#: Versions from before may take jobs in beside this one for so long, during a deployment; then they are looked for once more.
SIDE_BY_SIDE = timedelta(hours=2)


def tell_end(app: Services, document: Document) -> None:
    """Note in the owner's list how a job has ended. Raises nothing: what storage does not take now is found by whoever reads the
    list, since a job that is not known to have ended is looked at."""
    if is_deleted(document):
        # Nobody sees it; its row goes with it.
        return
    try:
        app.index.tell_end(document)
    except Exception as error:  # noqa: BLE001 - the job has ended, and is told so, whatever storage says
        telemetry.event("index_behind", logging.WARNING, job_id=document["id"], reason=type(error).__name__)


def drop(app: Services, row: Row) -> None:
    """Delete a row that leads to no job. Raises nothing: it is passed over until somebody does."""
    with contextlib.suppress(AzureError):
        app.index.drop(row)


def index_left(app: Services, now: datetime, names_at_once: int = NAMES_AT_ONCE) -> int:
    """Put jobs into their owners' lists that a version from before accepted, a part of them each time; returns how many it was.

    All jobs are gone through twice, the second time when no such version is at work any more; then this costs one read.
    """
    progress = app.documents.read(PROGRESS) or {"since": now.isoformat(), "passes": 0, "after": ""}
    if progress["passes"] >= 2 or _is_too_early(progress, now):
        return 0
    found = list(islice(app.blobs.names(DOCUMENTS, "jobs/", start_from=progress["after"]), names_at_once))
    indexed = sum(_index(app, name) for name in found if name > progress["after"])
    is_through = len(found) < names_at_once
    further = {**progress, "after": "" if is_through else found[-1], "passes": progress["passes"] + is_through}
    with contextlib.suppress(Busy):
        app.documents.change(PROGRESS, lambda known: (_further(known, progress, further), None))
    return indexed


def is_all_indexed(app: Services) -> bool:
    return bool((app.documents.read(PROGRESS) or {"passes": 0})["passes"])


def _is_too_early(progress: Document, now: datetime) -> bool:
    is_at_its_start = progress["passes"] == 1 and not progress["after"]
    return is_at_its_start and now < datetime.fromisoformat(progress["since"]) + SIDE_BY_SIDE


def _further(known: Document | None, seen: Document, further: Document) -> Document | None:
    """What another run has written meanwhile stands."""
    return further if known is None or known == seen else None


def _index(app: Services, name: str) -> bool:
    _, job_id, file = name.split("/", 2)
    if file != "job.json" or not is_job_id(job_id):
        return False
    document = app.jobs.read(job_id)
    if document is None or is_deleted(document) or not is_listed(document["owner"]):
        return False
    return app.index.add(document)
