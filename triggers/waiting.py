"""Holding a request until a job changes. Nothing blocks: the event loop serves everybody meanwhile."""

import asyncio
import itertools
import time
from collections.abc import Iterator
from contextlib import contextmanager

import azure.durable_functions as df
import azure.functions as func

from shared import threads
from shared.domain.job import is_deleted, is_terminal
from shared.services import services
from triggers.edge import language
from triggers.job_view import Job, find_document, load_job, refresh_job
from triggers.validators import is_known

#: Nobody notices half a second of a picture that took ten.
LOOK_EVERY_SECONDS = 0.5
#: Each look costs a storage read: when many wait, each of them looks less often.
LOOKS_A_SECOND = 32
#: Of those that only read the document.
LOOKS_BEFORE_THE_HUB = 20

_waiting = 0


@contextmanager
def _one_more() -> Iterator[None]:
    global _waiting
    _waiting += 1
    try:
        yield
    finally:
        _waiting -= 1


async def _pause() -> None:
    await asyncio.sleep(max(LOOK_EVERY_SECONDS, _waiting / LOOKS_A_SECOND))


async def wait_until_ended(req: func.HttpRequest, client: df.DurableOrchestrationClient, job_id: str, seconds: float) -> Job:
    """The job when it has ended, or as it is after `seconds`."""
    ends = time.monotonic() + seconds
    with _one_more():
        for looks in itertools.count(1):
            if time.monotonic() >= ends:
                break
            # Only the end matters here, and the document alone tells it: one read a look. Now and then the hub is asked as
            # well, since an orchestration that died ends nothing.
            document = await threads.run(services().jobs.read, job_id)
            if document is None or is_terminal(document["status"]) or is_deleted(document):
                break
            if looks % LOOKS_BEFORE_THE_HUB == 0:
                await load_job(req, client, job_id)
            await _pause()
    return await load_job(req, client, job_id)


async def wait_until_changed(
    req: func.HttpRequest, client: df.DurableOrchestrationClient, job_id: str, seconds: float, known: str | None
) -> Job:
    """The job as soon as it is not the one that `known` names, an If-None-Match (when None: the one it is now), or as it is after
    `seconds`. Raises JobNotFound, also of one that was deleted meanwhile."""
    job = await load_job(req, client, job_id)
    if not seconds:
        return job
    ends = time.monotonic() + seconds
    spoken = language(req)
    known = known or job.etag(spoken)
    was_held = False
    with _one_more():
        while not job.is_terminal and is_known(known, job.etag(spoken)) and time.monotonic() < ends:
            await _pause()
            was_held = True
            job = await refresh_job(client, job)
    if was_held:
        # Of a job that runs no look read its document: it may be deleted, or another's, by now.
        await find_document(req, job_id)
    return job
