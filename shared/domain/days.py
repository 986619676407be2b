"""The days and months that limits and sums are told by: Korea's, where the users are. It has no daylight saving time. Pure."""

from datetime import UTC, date, datetime, timedelta, timezone

KOREA = timezone(timedelta(hours=9))


def day_of(moment: datetime) -> str:
    """As 2026-11-27."""
    return moment.astimezone(KOREA).date().isoformat()


def month_of(day: str) -> str:
    """As 2026-11."""
    return day[:7]


def end_of_day(moment: datetime) -> datetime:
    """The midnight that ends it, in UTC."""
    return _midnight(moment.astimezone(KOREA).date() + timedelta(days=1))


def end_of_month(moment: datetime) -> datetime:
    """The midnight that ends it, in UTC."""
    return _midnight(_first_of_next(moment.astimezone(KOREA).date()))


def days_in_month(moment: datetime) -> int:
    first = moment.astimezone(KOREA).date().replace(day=1)
    return (_first_of_next(first) - first).days


def months_between(first: date, last: date) -> list[str]:
    """Every month that has a day of this span, in order. By their numbers: after the last of the calendar comes no date."""
    numbers = range(first.year * 12 + first.month - 1, last.year * 12 + last.month)
    return [month_of(date(number // 12, number % 12 + 1, 1).isoformat()) for number in numbers]


def _first_of_next(day: date) -> date:
    return (day.replace(day=28) + timedelta(days=4)).replace(day=1)


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=KOREA).astimezone(UTC)
