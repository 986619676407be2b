"""What an account has spent in a month: sums by day and kind, and the jobs that are not in them yet. Pure.

An account is an owner, an address or all callers together. Its document of a month:

    {"days": {"2026-11-27": {"goods": {"jobs": 2, "pictures": 3, "cost_usd": 0.24, "open_usd": 0.08}}},
     "jobs": {"job_...": {"day", "kind", "pictures", "cost_usd", "open_usd", "until"}},
     "near": {"2026-11-27": 0.5},
     "translated": {"2026-11-27": 0.002}}

A job's own figures can be said again and again, and corrected, for as long as it stands in `jobs`; in the sums it has no name. So
a job that is deleted leaves what it cost, and nothing of itself. What was translated without a job (`translated`,
dollars by day) counts against limits, and is no job's.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from shared.domain.days import day_of, days_in_month, end_of_day, end_of_month, month_of
from shared.domain.job import Document, Prices, ended_pictures, is_terminal
from shared.domain.ledger import Ledger
from shared.domain.quota import Policy, Scope, Standing, used_up

#: A job whose end nobody told: what it was expected to cost counts as spent.
_LEFT_ALONE: Final = timedelta(days=2)
#: The last step of a job may run again for so long (six hours of tries): until then the job is known by its name.
_SAID_AGAIN: Final = timedelta(hours=8)
#: A job that ended longer ago is in the sums, or never will be.
_NEW_UNTIL: Final = timedelta(hours=7)
#: Of a limit, from where on somebody is told.
NEAR: Final = 0.8
#: Sums of dollars are no exact numbers.
_TINY: Final = 1e-9


class Spent(NamedTuple):
    """A job's money: what is known to be paid, and what may be on top of it."""

    job_id: str
    day: str
    kind: str
    pictures: int
    cost_usd: float
    open_usd: float
    ended_at: datetime | None = None


class Budget(NamedTuple):
    """The limits of an account in dollars; None: no limit."""

    daily_usd: float | None
    monthly_usd: float | None

    @property
    def is_set(self) -> bool:
        return self.daily_usd is not None or self.monthly_usd is not None


class Near(NamedTuple):
    """A limit of which most is used, told once in its time."""

    policy: Policy
    spent_usd: float
    limit_usd: float


def spent_by(document: Document, prices: Prices) -> Spent:
    """A job's money as its document has it: expected while it runs, then what its pictures' ledgers say."""
    usage, created = document["usage"], datetime.fromisoformat(document["created_at"])
    ended = is_terminal(document["status"])
    unknown = sum(Ledger.from_payload(picture["sends"] or ()).open_usd(prices) for picture in ended_pictures(document))
    return Spent(
        document["id"], day_of(created), document["kind"], len(document["seeds"]),
        usage["cost_usd"] if ended else 0.0, unknown if ended else usage["cost_usd"],
        datetime.fromisoformat(document["completed_at"]) if ended and document.get("completed_at") else None,
    )  # fmt: skip


def reserved(
    known: Document | None, job: Spent, budget: Budget, scope: Scope, now: datetime
) -> tuple[Document, list[Standing], list[Near]]:
    """With a job that is about to begin: the document, what is left after it, and what is nearly used up now. Raises
    LimitReached. Saying it again changes nothing."""
    month = _current(known, now)
    if job.job_id not in month["jobs"]:
        _require_room(month, job, budget, scope, now)
        month["jobs"][job.job_id] = _entry(job, now + _LEFT_ALONE)
    return _told_of(month, job, budget, scope, now)


def translated(
    known: Document | None, words: Spent, budget: Budget, scope: Scope, now: datetime
) -> tuple[Document, list[Standing], list[Near]]:
    """As `reserved`, with a translation that no job has asked for. Raises LimitReached. Saying it again counts again."""
    month = _current(known, now)
    _require_room(month, words, budget, scope, now)
    days = month.setdefault("translated", {})
    days[words.day] = round(days.get(words.day, 0.0) + words.open_usd, 6)
    return _told_of(month, words, budget, scope, now)


def without_translation(known: Document | None, words: Spent) -> Document | None:
    """Without a translation that did not come about; None where there is none to take out."""
    if known is None or words.day not in known.get("translated", {}):
        return None
    left = max(0.0, round(known["translated"][words.day] - words.open_usd, 6))
    return {**known, "translated": {**known["translated"], words.day: left}}


def _require_room(month: Document, job: Spent, budget: Budget, scope: Scope, now: datetime) -> None:
    """Raises LimitReached."""
    for standing, spent, limit, reset_at in _standings(month, job, budget, scope, now):
        if spent + job.open_usd > limit + _TINY:
            raise used_up(standing, reset_at)


def _told_of(
    month: Document, job: Spent, budget: Budget, scope: Scope, now: datetime
) -> tuple[Document, list[Standing], list[Near]]:
    near = []
    for standing, spent, limit, _ in _standings(month, job, budget, scope, now):
        window = job.day if standing.policy == "dollars-a-day" else month_of(job.day)
        if spent >= NEAR * limit - _TINY and month["near"].get(window) != limit:
            month["near"][window] = limit
            near.append(Near(standing.policy, round(spent, 4), limit))
    return month, [standing for standing, *_ in _standings(month, job, budget, scope, now)], near


def settled(known: Document | None, job: Spent, now: datetime, *, was_reserved: bool) -> Document | None:
    """With what a job has cost as far as is known; None where there is nothing to write. `was_reserved`: where it stands in no
    list any more it is in the sums."""
    month = _current(known, now)
    is_there = job.job_id in month["jobs"]
    if not is_there and (was_reserved or job.ended_at is None or now - job.ended_at > _NEW_UNTIL):
        return None
    if job.ended_at is None or job.open_usd > _TINY:
        if is_there and job.ended_at and month["jobs"][job.job_id]["until"] == (job.ended_at + _SAID_AGAIN).isoformat():
            # Nothing of an ended job becomes open again: who says so is a step that is late.
            return None
        month["jobs"][job.job_id] = _entry(job, now + _LEFT_ALONE)
    elif was_reserved:
        _fold(month, {**_entry(job, now)})
        month["jobs"].pop(job.job_id)
    else:
        month["jobs"][job.job_id] = _entry(job, job.ended_at + _SAID_AGAIN)
    return month


def without_name(known: Document | None, job_id: str, now: datetime) -> Document | None:
    """With a job in the sums that stood in the list; None where it did not."""
    if known is None or job_id not in known["jobs"]:
        return None
    month = _current(known, now)
    if job_id in month["jobs"]:
        _fold(month, month["jobs"].pop(job_id))
    return month


def withdrawn(known: Document | None, job_id: str) -> Document | None:
    """Without a job that did not come about; None where there is none to take out."""
    if known is None or job_id not in known["jobs"]:
        return None
    return {**known, "jobs": {name: entry for name, entry in known["jobs"].items() if name != job_id}}


def withdrawn_after_its_end(known: Document | None, job: Spent) -> Document | None:
    """Without an ended job that was reserved once more after its end, by a POST that was overtaken; None where it was not."""
    entry = known["jobs"].get(job.job_id) if known else None
    # What is in no sum yet was reserved before the end, or has something of its cost unsettled.
    if entry is None or job.ended_at is None or job.open_usd > _TINY or entry["cost_usd"] > _TINY:
        return None
    reserved_at = datetime.fromisoformat(entry["until"]) - _LEFT_ALONE
    return withdrawn(known, job.job_id) if reserved_at > job.ended_at else None


def rows(months: list[Document], first: str, last: str) -> list[dict[str, Any]]:
    """What was spent on the days of a span, by day and kind in this order."""
    sums: dict[tuple[str, str], dict[str, Any]] = {}
    for month in months:
        for day, kind, told in _told(month):
            if first <= day <= last:
                _add(sums.setdefault((day, kind), _nothing()), told)
    return [{"date": day, "kind": kind, **total} for (day, kind), total in sorted(sums.items())]


def total(of: list[dict[str, Any]]) -> dict[str, Any]:
    summed = _nothing()
    for row in of:
        _add(summed, row)
    return summed


def left(known: Document | None, budget: Budget, now: datetime) -> list[dict[str, Any]]:
    """What an account has used of its limits, and until when they count."""
    month, today = _current(known, now), day_of(now)
    told = []
    for window, limit, spent, reset_at in (
        ("day", budget.daily_usd, _spent_on(month, today), end_of_day(now)),
        ("month", budget.monthly_usd, _spent_on(month, None), end_of_month(now)),
    ):
        if limit is not None:
            used = round(spent, 4)
            told.append({"window": window, "limit_usd": limit, "used_usd": used, "reset_at": reset_at.isoformat()})
    return told


def _standings(
    month: Document, job: Spent, budget: Budget, scope: Scope, now: datetime
) -> Iterator[tuple[Standing, float, float, datetime]]:
    """For each limit that is set: what is left of it, what is spent of it, itself, and when it begins anew."""
    each: list[tuple[Policy, float | None, float, datetime, int]] = [
        ("dollars-a-day", budget.daily_usd, _spent_on(month, job.day), end_of_day(now), 1),
        ("dollars-a-month", budget.monthly_usd, _spent_on(month, None), end_of_month(now), days_in_month(now)),
    ]
    for policy, limit, spent, reset_at, days in each:
        if limit is None:
            continue
        price = max(job.open_usd, 0.0001)
        standing = Standing(
            policy, scope, int((limit + _TINY) / price), max(0, int((limit - spent + _TINY) / price)), days * 86_400,
            max(1, round((reset_at - now).total_seconds())), limit,
        )  # fmt: skip
        yield standing, spent, limit, reset_at


def _spent_on(month: Document, day: str | None) -> float:
    """All that is paid, expected or unsettled: of a day, or of the whole month."""
    jobs = (float(row["cost_usd"] + row["open_usd"]) for told, _, row in _told(month) if day in (None, told))
    words = (float(usd) for told, usd in month.get("translated", {}).items() if day in (None, told))
    return sum(jobs, 0.0) + sum(words, 0.0)


def _told(month: Document) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """(day, kind, figures) of sums and of single jobs alike."""
    for day, kinds in month["days"].items():
        for kind, figures in kinds.items():
            yield day, kind, figures
    for entry in month["jobs"].values():
        yield entry["day"], entry["kind"], {**entry, "jobs": 1}


def _current(known: Document | None, now: datetime) -> Document:
    """The document as of now: jobs that nobody will say anything of any more are in the sums."""
    month: Document = known or {"days": {}, "jobs": {}, "near": {}}
    for job_id, entry in list(month["jobs"].items()):
        if datetime.fromisoformat(entry["until"]) <= now:
            _fold(month, month["jobs"].pop(job_id))
    return month


def _fold(month: Document, entry: Mapping[str, Any]) -> None:
    _add(month["days"].setdefault(entry["day"], {}).setdefault(entry["kind"], _nothing()), {**entry, "jobs": 1})


def _add(total: dict[str, Any], figures: Mapping[str, Any]) -> None:
    for name in total:
        total[name] = round(total[name] + figures[name], 6)


def _nothing() -> dict[str, Any]:
    return {"jobs": 0, "pictures": 0, "cost_usd": 0.0, "open_usd": 0.0}


def _entry(job: Spent, until: datetime) -> dict[str, Any]:
    return {
        "day": job.day, "kind": job.kind, "pictures": job.pictures, "cost_usd": round(job.cost_usd, 6),
        "open_usd": round(job.open_usd, 6), "until": until.isoformat(),
    }  # fmt: skip
