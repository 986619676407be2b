"""Times of histories, read as what they are: the durable SDK asks dateutil, whose parser reads whatever people write.

Each replay reads the time of every event before it again, so that was a seventh of the CPU time that a job took.
"""

import importlib
from collections.abc import Callable
from datetime import datetime
from typing import Any

#: Where the SDK calls dateutil, and by which name.
_READERS = ("models.history.HistoryEvent", "models.DurableOrchestrationStatus")
_NAME = "dt_parse"


def read_quickly() -> None:
    """From now on this process's SDK reads ISO 8601 itself, and all else as before. Should it have its parser elsewhere one day,
    only time is lost."""
    for reader in _READERS:
        try:
            module = importlib.import_module(f"azure.durable_functions.{reader}")
        except ModuleNotFoundError:
            continue
        known = getattr(module, _NAME, None)
        if known is not None and not isinstance(known, _Quick):
            setattr(module, _NAME, _Quick(known))


class _Quick:
    def __init__(self, known: Callable[[str], datetime]) -> None:
        self._known = known

    def __call__(self, text: Any) -> datetime:
        try:
            return datetime.fromisoformat(text)
        except (TypeError, ValueError):
            return self._known(text)
