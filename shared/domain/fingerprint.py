"""Whether two requests are the same one: by what they mean, however they are spelt (decision 19)."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from shared.domain.generation import FIELDS, Generation
from shared.domain.text import trimmed


def meanings(asked: Generation, images: Mapping[str, str], only_model: str | None = None) -> tuple[str, ...]:
    """Fingerprints of a checked request: of what it writes out, and of what that comes to with the defaults of today. `images`
    by field: their digests, or the names of pictures that are there; `only_model`: the kind's model where it offers one alone,
    which is then what every request comes to.

    Two requests are the same if they have one of them in common: the first still holds when a default was changed between them,
    the second when one of them wrote out a default that the other left out.
    """
    told = {name: getattr(asked, name) for name in (*FIELDS, "preset")} | {"presets": list(asked.presets) or None}
    digests = []
    # As it was sent comes first, which is all that the former version kept.
    for metadata in (_plain(asked.metadata), _trimmed(asked.metadata)):
        said = told | {"metadata": metadata}
        written = {name: value for name, value in said.items() if name in asked.given}
        # Fields that are left open are not listed, so that one which a later version adds makes no other request of this one.
        whole = {name: value for name, value in said.items() if value not in (None, {})}
        digests += [_digest(written, images), _digest(whole, images)]
        if only_model:
            digests.append(_digest({"model": only_model, **whole}, images))
    return tuple(dict.fromkeys(digests))


def _plain(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """1, 1.0 and 1e0 are one number, as they are in JavaScript."""
    return {
        name: int(item) if isinstance(item, float) and item.is_integer() else item for name, item in metadata.items()
    }  # fmt: skip


def _trimmed(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Also without what an editor adds to a text or takes from it: the kind of its line ends, spaces around it."""
    return {name: trimmed(item) if isinstance(item, str) else item for name, item in _plain(metadata).items()}


def _digest(fields: Mapping[str, Any], images: Mapping[str, str]) -> str:
    return hashlib.sha256(json.dumps([fields, images], sort_keys=True).encode()).hexdigest()
