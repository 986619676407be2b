"""Log events: one line with fields at each boundary. No prompt text, secret, SAS or provider body ever goes in."""

import json
import logging
from typing import Any

_log = logging.getLogger("toonconnect")


def event(name: str, level: int = logging.INFO, **fields: Any) -> None:
    """Log `name` with its fields; Application Insights parses the JSON part, people read the line."""
    _log.log(
        level, "%s %s", name, json.dumps({k: v for k, v in fields.items() if v is not None}, ensure_ascii=False, default=str)
    )
