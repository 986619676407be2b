"""Ids of jobs: sortable by time, unguessable, and legal as Durable instance ids and blob names."""

import re
import secrets
import time
from datetime import UTC, datetime, timedelta

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
#: What every id is, as a regular expression.
PATTERN = "job_[0-9a-hjkmnp-tv-z]{26}"
#: The first characters tell the time, in milliseconds.
_TIME_CHARACTERS = 10
_LAST_MOMENT = 2**48 - 1
#: Before the first job there was.
FIRST_JOB = datetime(2026, 1, 1, tzinfo=UTC)
#: Each prefix is a listing of its own.
_MOST_PREFIXES = 32


def new_job_id() -> str:
    """`job_` and 26 characters of Crockford's base32: 48 bits of milliseconds, then 80 random bits, as in a ULID."""
    number = (time.time_ns() // 1_000_000) << 80 | secrets.randbits(80)
    return "job_" + _letters(number, 26)


def accepted_at(job_id: str) -> datetime:
    """When the id was made."""
    number = 0
    for letter in job_id.removeprefix("job_"):
        number = number << 5 | _ALPHABET.index(letter)
    return datetime.fromtimestamp((number >> 80) / 1000, UTC)


def is_past(job_id: str, retention: timedelta, now: datetime) -> bool:
    """Whether nothing is left of a job of this id, if there was one: it was accepted so long ago. It is not said of ids of times
    before the first job there was, or of times to come: there was no such job."""
    try:
        accepted = accepted_at(job_id)
    except (ValueError, OverflowError, OSError):  # no such year
        return False
    return FIRST_JOB <= accepted <= now - retention


def prefixes_of(accepted_from: datetime, accepted_to: datetime) -> list[str]:
    """In the order of time: what the ids begin with that were made in this span, both ends included; none for an empty span.

    At most 32 prefixes of one length. They may cover some time before and after too.
    """
    first, last = (min(max(0, _milliseconds(at)), _LAST_MOMENT) for at in (accepted_from, accepted_to))
    if accepted_from > accepted_to:
        return []
    shift = 0
    while (last >> shift) - (first >> shift) >= _MOST_PREFIXES:
        shift += 5
    length = _TIME_CHARACTERS - shift // 5
    return ["job_" + _letters(part, length) for part in range(first >> shift, (last >> shift) + 1)]


def _milliseconds(at: datetime) -> int:
    return (at - datetime.fromtimestamp(0, UTC)) // timedelta(milliseconds=1)


def _letters(number: int, length: int) -> str:
    return "".join(_ALPHABET[number >> 5 * place & 31] for place in reversed(range(length)))


def is_job_id(text: str) -> bool:
    return re.fullmatch(PATTERN, text) is not None
