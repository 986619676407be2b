"""Whether a client knows what it asks for already: If-None-Match (RFC 9110, 13.1.2), by weak comparison (8.8.3.2)."""

import functools
import re

_ANYTHING = "*"


def is_known(if_none_match: str | None, etag: str) -> bool:
    """Whether the header names the current representation's `etag`, or any by `*`. One that is malformed names nothing."""
    listed = (if_none_match or "").strip(" \t")
    return listed == _ANYTHING or etag.removeprefix("W/") in _opaque_tags(listed)


def _opaque_tags(listed: str) -> set[str]:
    tags: set[str] = set()
    place, pattern = 0, _element()
    while place < len(listed):
        element = pattern.match(listed, place)
        if element is None:
            return set()
        if element.group(1):
            tags.add(element.group(1))
        place = element.end()
    return tags


@functools.cache
def _element() -> re.Pattern[str]:
    """An element of the list, which may be empty (5.6.1.2), and the comma after it. Compiled for the first who asks: a cold start
    need not wait for it.

    An `entity-tag` (8.8.3) may have commas of its own; its `W/` is not part of what is compared. Nothing is tried twice (`*+`:
    docs.python.org, re, possessive quantifiers): spaces that may stand before a tag or after it would be divided in every way.
    """
    return re.compile(r'[ \t]*+(?:(?:W/)?("[\x21\x23-\x7e\x80-\U0010ffff]*+"))?[ \t]*+(?:,|\Z)')
