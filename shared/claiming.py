"""Makes jobs of nobody in particular somebody's: of whoever holds their ids, once."""

from collections.abc import Collection

from shared import telemetry
from shared.domain.job import Document, given_to, is_deleted, is_terminal
from shared.services import Services
from shared.storage.job_store import NoSuchJob


class NotToBeClaimed(Exception):
    """There is no such job, or it is somebody's already."""


def claim(app: Services, job_id: str, owner: str, unowned: Collection[str]) -> None:
    """Make a job `owner`'s that is one of `unowned`'s; one that is theirs already stays so. Raises NotToBeClaimed, Busy."""
    seen = app.jobs.read(job_id)
    if seen is None:
        raise NotToBeClaimed
    mine = _owned(seen, owner, unowned)
    # Before the job: one that is theirs is always in their list.
    app.index.add(mine)
    try:
        document = app.jobs.amend(job_id, lambda known: _owned(known, owner, unowned))
    except (NotToBeClaimed, NoSuchJob):
        app.index.remove(mine)
        raise NotToBeClaimed from None
    # The lists that it was in, also when it is theirs already: the claim before may have been cut short here. It goes on to count
    # where it was counted: else each claim would make room for another job.
    app.index.remove_former(document)
    if seen["owner"] == owner:
        return
    telemetry.event("job_claimed", job_id=job_id)
    if is_terminal(document["status"]) and not is_terminal(seen["status"]):
        app.index.tell_end(document)


def _owned(document: Document, owner: str, unowned: Collection[str]) -> Document:
    if is_deleted(document) or document["owner"] not in (owner, *unowned):
        raise NotToBeClaimed
    return given_to(document, owner)
