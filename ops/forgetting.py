"""The command that removes all of an owner's: forget."""

import asyncio
import contextlib
import re
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import cast

import azure.durable_functions as df

from ops.failing import FOUND, CannotDo
from ops.report import Report, table
from ops.surroundings import Surroundings
from ops.task_hub import HubClient
from shared import forgetting, listing
from shared.domain.owners import ANONYMOUS, TOKENS, token_owner
from shared.services import Services
from shared.storage.blob_store import DOCUMENTS, IMAGES
from shared.storage.image_names import folders
from shared.storage.job_index import folder_of
from shared.storage.job_store import NoSuchJob, mark_name
from shared.storage.quota_store import owner_name
from shared.storage.spending_store import owner_folder
from shared.storage.webhook_store import versions_name

_PAUSE_SECONDS = 1.0
_AT_ONCE = 8
_PARTS = ("images", "documents", "index rows", "counters")


def owner_named(text: str, token: str) -> str:
    """The owner that an operator means: a principal's id, the digest of a token, or `-` for the one of `token` itself.

    Raises CannotDo.
    """
    if text == "-":
        owner = token_owner(token.strip())
        if owner is None:
            raise CannotDo("that is no owner token: 32 to 128 characters of A-Z, a-z, 0-9, _ and -")
        return owner
    if text == ANONYMOUS:
        raise CannotDo("jobs that were posted without a token are nobody's and in no list: DELETE them by their ids")
    return f"{TOKENS}{text}" if re.fullmatch("[0-9a-f]{64}", text) else text


def forget(around: Surroundings, owner: str, *, is_sure: bool, seconds: float) -> Report:
    """Delete every job of an owner as their own DELETEs would, and what is kept of the owner. What may still be paid is watched
    to its end first; without `is_sure` it is only counted."""
    app = around.services
    _index_the_rest(app)
    jobs = _jobs_of(app, owner)
    before = _counted(app, owner, jobs)
    data = {"owner": owner, "jobs": len(jobs), "before": before}
    if not jobs and not before.total():
        return Report(data, [f"nothing is known of {owner}: a token itself is given on stdin, as -"])
    if not is_sure:
        counts = table(("what", "now"), before.items())
        return Report(data, [f"{owner} has {len(jobs)} job(s)", "", *counts, "", "to remove all of it: --yes"])
    asyncio.run(_all_begun(app, cast("df.DurableOrchestrationClient", HubClient(around.hub)), jobs))
    ends = time.monotonic() + seconds
    while left := _jobs_of(app, owner):
        if time.monotonic() >= ends:
            break
        time.sleep(_PAUSE_SECONDS)
    for row in app.index.rows(owner):
        if row.job_id not in left:
            app.index.drop(row)
    # Last, since the end of a job writes them too.
    for blobs in {app.blobs, app.host_blobs}:
        for name in [name for begins in _standing(owner) for name in blobs.names(DOCUMENTS, begins)]:
            blobs.delete(DOCUMENTS, name)
    after = _counted(app, owner, jobs)
    lines = [f"{owner} had {len(jobs)} job(s)", "", *table(("what", "before", "now"), [(p, before[p], after[p]) for p in _PARTS])]
    if left:
        lines += ["", "hidden, and removed by the app when nothing more can be paid for them:", *left]
    return Report({**data, "after": after, "left": left}, lines, FOUND if after.total() else 0)


def _index_the_rest(app: Services) -> None:
    """Jobs of before there were lists, in case that housekeeping is not through with them yet."""
    while not listing.is_all_indexed(app):
        listing.index_left(app, app.now())


def _jobs_of(app: Services, owner: str) -> list[str]:
    """Ids of what the owner's rows lead to. A row may be left of a job that has become another's."""

    def is_theirs(job_id: str) -> bool:
        document = app.jobs.read(job_id)
        return document is not None and document["owner"] == owner

    job_ids = list(dict.fromkeys(row.job_id for row in app.index.rows(owner)))
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return [job_id for job_id, is_one in zip(job_ids, pool.map(is_theirs, job_ids), strict=True) if is_one]


async def _all_begun(app: Services, client: df.DurableOrchestrationClient, job_ids: list[str]) -> None:
    lines = asyncio.Semaphore(_AT_ONCE)

    async def begun(job_id: str) -> None:
        async with lines:
            # One that somebody deleted just now is on its way.
            with contextlib.suppress(NoSuchJob):
                await forgetting.begin(app, client, job_id)

    await asyncio.gather(*(begun(job_id) for job_id in job_ids))


def _counted(app: Services, owner: str, job_ids: list[str]) -> Counter[str]:
    def of_job(job_id: str) -> tuple[int, int]:
        images = sum(1 for folder in folders(job_id) for _ in app.blobs.names(IMAGES, folder))
        return images, sum(1 for prefix in (f"jobs/{job_id}/", mark_name(job_id)) for _ in app.blobs.names(DOCUMENTS, prefix))

    found = Counter(dict.fromkeys(_PARTS, 0))
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for images, documents in pool.map(of_job, job_ids):
            found["images"] += images
            found["documents"] += documents
    found["index rows"] = sum(1 for _ in app.blobs.names(DOCUMENTS, folder_of(owner)))
    found["counters"] = sum(1 for name in _standing(owner) for _ in app.host_blobs.names(DOCUMENTS, name))
    return found


def _standing(owner: str) -> tuple[str, ...]:
    """What is kept of an owner beside the jobs, as beginnings of names: how much they have under way, which version their
    webhooks' secret has, and what they have spent by month."""
    return owner_name(owner), versions_name(owner), owner_folder(owner)
