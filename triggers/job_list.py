"""GET /api/jobs, the caller's own jobs, newest first; POST /api/jobs/claim, which makes jobs of nobody the caller's."""

import asyncio
import base64
import binascii
import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import azure.durable_functions as df
import azure.functions as func
from azure.core.exceptions import AzureError

from shared import listing, telemetry, threads
from shared.claiming import NotToBeClaimed, claim
from shared.domain.job import CANCELED, FAILED, PROCESSING, QUEUED, SUCCEEDED, is_deleted, is_expired, is_terminal
from shared.domain.kinds import KINDS
from shared.domain.owners import ANONYMOUS
from shared.domain.presets import PRESETS
from shared.domain.problem import Problem, ProblemError, invalid_fields, unreadable
from shared.job_ids import is_job_id
from shared.services import services
from shared.storage.account import StorageNotConfigured
from shared.storage.job_index import MOST_AT_ONCE, Row, is_place, place_of
from triggers.bodies import read_json_object
from triggers.edge import base_url, endpoint, job_url, json_response, language, owner, request_id, token_holder
from triggers.job_view import Job, JobNotFound, refresh_job, view

blueprint = df.Blueprint()

LIMIT, MAX_LIMIT = 20, 100
#: What one request looks through at most for what it filters by; then it answers with what it found, and where to go on.
MAX_ROWS, MAX_JOBS = 10_000, 200
MAX_CLAIMS = 100
#: A row without its job may be that of a POST under way for as long as a function may run (host.json, `functionTimeout`).
ORPHANED_AFTER = timedelta(hours=1)
_STATUSES = (QUEUED, PROCESSING, SUCCEEDED, FAILED, CANCELED)
_PARAMETERS = ("limit", "cursor", "kind", "status", "preset", "created_after", "created_before")
_NO_OWNER = unreadable(
    "누구의 작업으로 할지 알 수 없습니다. X-Owner-Token 헤더에 직접 만든 무작위 값을 담아 보내 주세요.",
    "Nobody is there to own the jobs. Send a random value of your own in the header X-Owner-Token.",
)
#: Jobs that are read, and asked after, at the same time.
_AT_ONCE = 16


class _Asked(NamedTuple):
    limit: int
    after: str
    kind: str | None
    status: str | None
    preset: str | None
    created_after: datetime | None
    created_before: datetime | None

    def may_have(self, row: Row) -> bool:
        """Of a job that was not seen to end only a look at itself tells its status."""
        return (
            self.kind in (None, row.kind)
            and (self.preset is None or self.preset in row.presets)
            and (self.status in (None, row.status) or row.status is None)
        )

    @property
    def rows_at_once(self) -> int:
        """Without a filter the page is known beforehand, and one row tells whether there are more."""
        is_filtered = self.kind or self.status or self.preset
        return MOST_AT_ONCE if is_filtered else self.limit + 1


class _Page(NamedTuple):
    jobs: list[Job]
    #: Where the next one begins; None where there is none.
    last: str | None


@blueprint.function_name("list_jobs")
@blueprint.route("jobs", methods=["GET", "HEAD", "OPTIONS"], auth_level=func.AuthLevel.ANONYMOUS)
@blueprint.durable_client_input(client_name="client")
@endpoint
async def list_jobs(req: func.HttpRequest, client) -> func.HttpResponse:  # type: ignore[no-untyped-def]
    """A page of the caller's jobs. Pages stand still while jobs come and go: the next one goes on behind the last job of this."""
    who, asked = owner(req), _asked(req)
    page = await _page(client, who, asked)
    told = await threads.run(_told, req, page.jobs)
    cursor = None if page.last is None else _cursor(page.last)
    return json_response({"data": told, "has_more": cursor is not None, "next_cursor": cursor})


@blueprint.function_name("claim_jobs")
@blueprint.route("jobs/claim", methods=["POST", "OPTIONS"], auth_level=func.AuthLevel.ANONYMOUS)
@endpoint
async def claim_jobs(req: func.HttpRequest) -> func.HttpResponse:
    """Which of these jobs are the caller's from now on: one entry for each, in the order in which they were named.

    Of a caller who signed in those of the token that comes along are taken over as well: it proves whose they are.
    """
    who, holder = owner(req), token_holder(req)
    if who == ANONYMOUS:
        raise ProblemError(_NO_OWNER)
    unowned = {ANONYMOUS, holder or ANONYMOUS}
    ids = _ids(req)
    lines = asyncio.Semaphore(_AT_ONCE)

    async def claimed(job_id: str) -> bool:
        async with lines:
            try:
                if not is_job_id(job_id):
                    return False
                await threads.run(claim, services(), job_id, who, unowned)
            except NotToBeClaimed:
                return False
            return True

    answers = await asyncio.gather(*(claimed(job_id) for job_id in ids))
    return json_response({"data": [_claim(req, job_id, is_mine) for job_id, is_mine in zip(ids, answers, strict=True)]})


def _claim(req: func.HttpRequest, job_id: str, is_mine: bool) -> dict[str, Any]:
    """A job that is another's is told as one that does not exist."""
    problem = Problem("job_not_found", charged="unknown")
    here = job_url(req, job_id) if is_job_id(job_id) else None
    error = (
        None if is_mine else problem.to_document(language(req), instance=here, request_id=request_id(req), base_url=base_url(req))
    )
    return {"id": job_id, "claimed": is_mine, "error": error}


# ---- a page ----


def _told(req: func.HttpRequest, jobs: list[Job]) -> list[dict[str, Any]]:
    """One job that cannot be told is passed over. While storage is away none can be: that is no empty list."""
    told = []
    for job in jobs:
        try:
            told.append(view(req, job))
        except (AzureError, StorageNotConfigured):
            raise
        except Exception as error:  # noqa: BLE001 - a document may be whatever a version wrote
            _tell_failed(job.document["id"], error)
    return told


def _tell_failed(job_id: str, error: Exception) -> None:
    telemetry.event("answer_failed", logging.WARNING, job_id=job_id, reason=type(error).__name__)


async def _page(client: df.DurableOrchestrationClient, who: str, asked: _Asked) -> _Page:
    jobs: list[Job] = []
    rows = services().index.rows(who, asked.after, created_before=asked.created_before, at_once=asked.rows_at_once)
    seen, looked_at = _Seen(), 0
    while len(jobs) < asked.limit and looked_at < MAX_JOBS:
        wanted = await threads.run(_next, rows, asked, seen, asked.limit - len(jobs))
        looked_at += len(wanted)
        jobs += await _jobs_of(client, who, asked, wanted)
        if not wanted:
            break
    if not seen.is_through:
        seen.is_through = await threads.run(_is_through, rows, asked)
    return _Page(jobs, None if seen.is_through else seen.place)


@dataclass
class _Seen:
    """How far a request has come in the list; `is_through`: there is nothing behind it."""

    place: str | None = None
    rows: int = 0
    is_through: bool = False


def _next(rows: Iterator[Row], asked: _Asked, seen: _Seen, most: int) -> list[Row]:
    """The next rows of which the caller may want the jobs, so many at most."""
    wanted: list[Row] = []
    while len(wanted) < most and seen.rows < MAX_ROWS:
        row = next(rows, None)
        if row is None or _is_too_old(row, asked):
            seen.is_through = True
            break
        seen.place, seen.rows = row.place, seen.rows + 1
        if asked.may_have(row):
            wanted.append(row)
    return wanted


def _is_through(rows: Iterator[Row], asked: _Asked) -> bool:
    """Whether no row of this list is left."""
    row = next(rows, None)
    return row is None or _is_too_old(row, asked)


def _is_too_old(row: Row, asked: _Asked) -> bool:
    return asked.created_after is not None and row.created_at <= asked.created_after


async def _jobs_of(client: df.DurableOrchestrationClient, who: str, asked: _Asked, rows: list[Row]) -> list[Job]:
    lines = asyncio.Semaphore(_AT_ONCE)

    async def job_of(row: Row) -> Job | None:
        async with lines:
            return await _job_of(client, who, asked, row)

    found = await asyncio.gather(*(job_of(row) for row in rows))
    return [job for job in found if job is not None and asked.status in (None, job.status)]


async def _job_of(client: df.DurableOrchestrationClient, who: str, asked: _Asked, row: Row) -> Job | None:
    """The job as it is now; None for one that is not there to be seen, or not at this place."""
    app = services()
    document = await threads.run(app.jobs.read, row.job_id)
    if document is None or document["owner"] != who or place_of(document) != row.place:
        if app.now() - row.created_at > ORPHANED_AFTER:
            await threads.run(listing.drop, app, row)
        return None
    if is_deleted(document) or is_expired(document, app.now()):
        return None
    if asked.status is not None and is_terminal(asked.status) and not is_terminal(document["status"]):
        return None
    try:
        job = await refresh_job(client, Job(document))
    except JobNotFound:
        return None
    except Exception as error:  # noqa: BLE001 - one job that nothing can be learned of does not take the others from the list
        _tell_failed(row.job_id, error)
        job = Job(document)
    if job.is_terminal and row.status is None:
        await threads.run(listing.tell_end, app, job.document)
    return job


# ---- what is asked ----


def _asked(req: func.HttpRequest) -> _Asked:
    """Raises ProblemError that names what is wrong with each parameter."""
    given = {name: value for name, value in req.params.items() if value != ""}
    mistakes: list[tuple[str, str, str]] = []
    known = ", ".join(_PARAMETERS)
    mistakes += [
        (name[:64], f"모르는 매개변수입니다. 다음 중에서 쓰세요: {known}", f"Unknown parameter. There are: {known}")
        for name in given if name not in _PARAMETERS
    ]  # fmt: skip
    for name, values in (("kind", tuple(KINDS)), ("status", _STATUSES), ("preset", tuple(PRESETS))):
        if name in given and given[name] not in values:
            listed = ", ".join(values)
            mistakes.append((name, f"다음 중 하나여야 합니다: {listed}", f"Must be one of: {listed}"))
    limit = _limit(given.get("limit", ""))
    if limit is None:
        mistakes.append(("limit", f"1에서 {MAX_LIMIT} 사이의 정수여야 합니다.", f"Must be a whole number from 1 to {MAX_LIMIT}."))
    place = _place(given["cursor"]) if "cursor" in given else ""
    if place is None:
        mistakes.append(
            ("cursor", "앞 페이지의 next_cursor를 그대로 보내 주세요.", "Send the next_cursor of the page before, as it was.")
        )
    moments = {name: _moment(given[name]) for name in ("created_after", "created_before") if name in given}
    mistakes += [
        (
            name,
            "2026-01-31T09:00:00Z처럼 시간대가 있는 RFC 3339 시각이어야 합니다.",
            "Must be a time as in RFC 3339 with its offset, like 2026-01-31T09:00:00Z.",
        )
        for name, moment in moments.items() if moment is None
    ]  # fmt: skip
    if mistakes or limit is None or place is None:
        raise ProblemError(invalid_fields(*mistakes))
    return _Asked(
        limit, place, given.get("kind"), given.get("status"), given.get("preset"), moments.get("created_after"),
        moments.get("created_before"),
    )  # fmt: skip


def _limit(text: str) -> int | None:
    if not text:
        return LIMIT
    is_number = text.isascii() and text.isdigit() and len(text) <= 9
    return int(text) if is_number and 1 <= int(text) <= MAX_LIMIT else None


def _moment(text: str) -> datetime | None:
    """To the millisecond, as the times of jobs are told. The `+` of an offset that was not escaped has become a space."""
    try:
        found = datetime.fromisoformat(re.sub(r" (?=\d\d:?\d\d$)", "+", text.strip()))
        if found.tzinfo is None or "T" not in text.upper():
            return None
        moment = found.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def _cursor(place: str) -> str:
    return base64.urlsafe_b64encode(place.encode()).rstrip(b"=").decode()


def _place(cursor: str) -> str | None:
    try:
        place = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        return None
    return place if is_place(place) else None


def _ids(req: func.HttpRequest) -> list[str]:
    """Raises ProblemError."""
    given = read_json_object(req, '{"ids": ["job_..."]}')
    ids = given.get("ids")
    unknown = [(name[:64], "모르는 필드입니다.", "Unknown field.") for name in given if name != "ids"]
    if not isinstance(ids, list) or not 1 <= len(ids) <= MAX_CLAIMS or not all(isinstance(one, str) for one in ids):
        unknown.append(
            (
                "ids",
                f"작업 번호 1~{MAX_CLAIMS}개를 배열로 보내 주세요.",
                f"Send the ids of 1 to {MAX_CLAIMS} jobs, as an array of strings.",
            )
        )
    if unknown:
        raise ProblemError(invalid_fields(*unknown))
    return list(dict.fromkeys(str(one) for one in ids or ()))
