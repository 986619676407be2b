"""GET /api/usage: what an owner has spent, by day and kind."""

from datetime import date, datetime, timedelta
from typing import Any

import azure.durable_functions as df
import azure.functions as func

from shared import limits, threads
from shared.domain import spending
from shared.domain.days import day_of, month_of, months_between
from shared.domain.problem import ProblemError, invalid_fields
from shared.services import services
from shared.storage.spending_store import owner_folder
from triggers.edge import endpoint, json_response, owner

blueprint = df.Blueprint()

#: Of one answer: a read of storage for each month of them.
MAX_DAYS = 366


@blueprint.function_name("get_usage")
@blueprint.route("usage", methods=["GET", "HEAD", "OPTIONS"], auth_level=func.AuthLevel.ANONYMOUS)
@endpoint
async def get_usage(req: func.HttpRequest) -> func.HttpResponse:
    """Days are Korea's, and a job counts on the day on which it was accepted. Without `from` they begin with the month of `to`,
    which is today. Who sends no token has nothing of their own here."""
    who, now = owner(req), services().now()
    first, last = _span(req, now)
    return json_response(await threads.run(_told, who, first, last, now), headers={"Cache-Control": "private, no-store"})


def _told(who: str, first: date, last: date, now: datetime) -> dict[str, Any]:
    app, folder = services(), owner_folder(who)
    asked, today = months_between(first, last), month_of(day_of(now))
    budget = limits.own_budget(app)
    is_known = who != limits.STRANGERS
    months = app.spending.months(folder, asked) if is_known else []
    rows = spending.rows(months, first.isoformat(), last.isoformat())
    of_now = next(iter(app.spending.months(folder, [today])), None) if is_known and budget.is_set else None
    return {
        "from": first.isoformat(), "to": last.isoformat(), "time_zone": "Asia/Seoul", "currency": "USD",
        "data": [_row(row) for row in rows], "total": _row(spending.total(rows)),
        "limits": [{**one, "reset_at": _time(one["reset_at"])} for one in spending.left(of_now, budget, now)],
    }  # fmt: skip


def _row(figures: dict[str, Any]) -> dict[str, Any]:
    """As on a job: the cost with what may still turn out to be charged, and how much of it that is."""
    cost, unknown = figures["cost_usd"], figures["open_usd"]
    return {**figures, "cost_usd": round(cost + unknown, 4), "open_usd": round(unknown, 4), "settled": unknown == 0}


def _span(req: func.HttpRequest, now: datetime) -> tuple[date, date]:
    """Raises ProblemError."""
    today = date.fromisoformat(day_of(now))
    last = _date(req, "to") or today
    first = _date(req, "from") or last.replace(day=1)
    if not timedelta() <= last - first < timedelta(days=MAX_DAYS):
        raise ProblemError(
            invalid_fields(
                (
                    "from",
                    f"to와 같거나 그보다 앞선 날짜여야 하고, 한 번에 {MAX_DAYS}일까지 볼 수 있습니다.",
                    f"Must not be after `to`, and at most {MAX_DAYS} days may be asked for at once.",
                )
            )
        )
    return first, last


def _date(req: func.HttpRequest, name: str) -> date | None:
    text = req.params.get(name, "")
    if not text:
        return None
    try:
        # Other forms of ISO 8601 are taken by fromisoformat as well (2026-W48-5).
        found = date.fromisoformat(text)
        if found.isoformat() == text:
            return found
    except ValueError:
        pass
    raise ProblemError(invalid_fields((name, "2026-11-27 같은 날짜여야 합니다.", "Must be a date like 2026-11-27.")))


def _time(text: str) -> str:
    return text.replace("+00:00", "Z")
