"""Whether two requests are the same one: by what they mean, however they are spelt (decision 19)."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from shared.domain.generation import FIELDS, Generation


def meanings(asked: Generation, images: Mapping[str, str]) -> tuple[str, str]:
    """Two fingerprints of a checked request, with the digests of its images by field: of what it writes out, and of what that
    comes to with the defaults of today.

    Two requests are the same if they have one of them in common: the first still holds when a default was changed between them,
    the second when one of them wrote out a default that the other left out.
    """
    told = {name: getattr(asked, name) for name in (*FIELDS, "preset")} | {"metadata": _plain(asked.metadata)}
    written = {name: value for name, value in told.items() if name in asked.given}
    # Fields that are left open are not listed, so that one which a later version adds makes no other request of this one.
    whole = {name: value for name, value in told.items() if value not in (None, {})}
    return _digest(written, images), _digest(whole, images)


def _plain(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """1, 1.0 and 1e0 are one number, as they are in JavaScript."""
    return {
        name: int(item) if isinstance(item, float) and item.is_integer() else item for name, item in metadata.items()
    }  # fmt: skip


def _digest(fields: Mapping[str, Any], images: Mapping[str, str]) -> str:
    return hashlib.sha256(json.dumps([fields, images], sort_keys=True).encode()).hexdigest()
