"""The task hub's file, read beside the host that writes it: to ask the host itself would be its work."""

import json
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from devhost.taskhub import TERMINAL
from tests.patience import PATIENCE

_LOOK_SECONDS = 0.05


class Hub:
    """`folder`: where the host keeps its state."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "taskhub.sqlite"

    def rows(self, prefix: str = "") -> list[dict[str, Any]]:
        """The instances whose ids begin so, with their runtime status."""
        found = self._read("SELECT id, status FROM instances WHERE substr(id, 1, ?) = ?", len(prefix), prefix)
        return [{"id": instance, "status": status} for instance, status in found]

    def under_way(self) -> list[str]:
        """The activities without an answer, by name."""
        return [name for (name,) in self._read("SELECT name FROM work")]

    def history(self, instance: str) -> list[dict[str, Any]]:
        """The stored events of an instance, as they are on the wire."""
        return [json.loads(text) for (text,) in self._read("SELECT event FROM history WHERE id = ? ORDER BY seq", instance)]

    def wait_until_ended(self, instance: str, seconds: float) -> None:
        """Raises TimeoutError."""
        self._wait(lambda: any(row["id"] == instance and row["status"] in TERMINAL for row in self.rows(instance)), seconds)

    def wait_until_idle(self, seconds: float) -> None:
        """Until no orchestration runs. Raises TimeoutError."""
        self._wait(lambda: all(row["status"] in TERMINAL for row in self.rows()), seconds)

    def _wait(self, is_so: Callable[[], bool], seconds: float) -> None:
        ends = time.monotonic() + seconds
        while not is_so():
            if time.monotonic() > ends:
                raise TimeoutError(
                    f"after {seconds:.0f} s these go on: {[r for r in self.rows() if r['status'] not in TERMINAL]}"
                )
            time.sleep(_LOOK_SECONDS)

    def _read(self, query: str, *values: Any) -> list[Any]:
        with closing(sqlite3.connect(f"file:{self._path}?mode=ro", uri=True, timeout=PATIENCE)) as hub:
            return hub.execute(query, values).fetchall()
