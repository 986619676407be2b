"""Ids of jobs: sortable by time, unguessable, and legal as Durable instance ids and blob names."""

import re
import secrets
import time
from datetime import UTC, datetime

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_PATTERN = re.compile(r"job_[0-9a-hjkmnp-tv-z]{26}")


def new_job_id() -> str:
    """`job_` and 26 characters of Crockford's base32: 48 bits of milliseconds, then 80 random bits, as in a ULID."""
    number = (time.time_ns() // 1_000_000) << 80 | secrets.randbits(80)
    return "job_" + "".join(_ALPHABET[number >> shift & 31] for shift in range(125, -1, -5))


def accepted_at(job_id: str) -> datetime:
    """When the id was made."""
    number = 0
    for letter in job_id.removeprefix("job_"):
        number = number << 5 | _ALPHABET.index(letter)
    return datetime.fromtimestamp((number >> 80) / 1000, UTC)


def is_job_id(text: str) -> bool:
    return _PATTERN.fullmatch(text) is not None
