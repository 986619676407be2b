"""Holding a request until a job changes. Nothing blocks: the event loop serves everybody meanwhile."""

import asyncio
import time

import azure.durable_functions as df
import azure.functions as func

from triggers.job_view import Job, load_job

#: Each look costs a storage read or two; a person does not notice half a second.
LOOK_EVERY_SECONDS = 0.5


async def wait_until_ended(req: func.HttpRequest, client: df.DurableOrchestrationClient, job_id: str, seconds: float) -> Job:
    """The job when it has ended, or as it is after `seconds`."""
    ends = time.monotonic() + seconds
    while True:
        job = await load_job(req, client, job_id)
        if job.is_terminal or time.monotonic() >= ends:
            return job
        await asyncio.sleep(LOOK_EVERY_SECONDS)


async def wait_until_changed(
    req: func.HttpRequest, client: df.DurableOrchestrationClient, job_id: str, seconds: float, known_etag: str | None
) -> Job:
    """The job as soon as it differs from `known_etag` (from how it is now when None), or as it is after `seconds`."""
    ends = time.monotonic() + seconds
    job = await load_job(req, client, job_id)
    known_etag = known_etag or job.etag()
    while not job.is_terminal and job.etag() == known_etag and time.monotonic() < ends:
        await asyncio.sleep(LOOK_EVERY_SECONDS)
        job = await load_job(req, client, job_id)
    return job
