"""What was asked and what it cost: predictions and their inputs on SQLite, and counts that follow from them."""

import dataclasses
import json
import sqlite3
import time
import weakref
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simulators.lifecycle import Phase, Plan, State, end_of, state_at

#: Oldest predictions are forgotten beyond this, and oldest inputs beyond this many bytes.
MAX_RECORDS = 20_000
MAX_IMAGE_BYTES = 128 * 1024 * 1024

_SCHEMA = """
CREATE TABLE IF NOT EXISTS predictions (id TEXT PRIMARY KEY, created_at REAL, doc TEXT);
CREATE TABLE IF NOT EXISTS images (sha TEXT PRIMARY KEY, at REAL, jpeg BLOB, original TEXT, bytes INTEGER);
CREATE TABLE IF NOT EXISTS files (id TEXT PRIMARY KEY, doc TEXT, content BLOB);
CREATE TABLE IF NOT EXISTS kept (name TEXT PRIMARY KEY, value TEXT);
"""


@dataclass(frozen=True)
class Record:
    id: str
    provider: str
    model: str
    created_at: float
    plan: Plan
    #: As it came; an image given as data stands as `sim-image:<sha256>`.
    input: dict[str, Any]
    prompt: str
    #: sha256 of each input image, None where there is nothing to draw.
    images: list[str | None]
    size: list[int]
    output_format: str
    scene: str
    #: Equal for creates with the same body.
    body_hash: str
    #: Scheme, host and port that the create came to.
    base: str
    home_host: str
    canceled_at: float | None = None
    webhook: dict[str, Any] | None = None
    webhook_done: bool = False
    input_mp: float | None = None
    #: Of a picture that is no png.
    quality: int = 90

    def state(self, now: float) -> State:
        return state_at(self.plan, self.created_at, now, self.canceled_at)

    def ends_at(self) -> float:
        return end_of(self.plan, self.created_at, self.canceled_at)[0]

    def is_active(self, now: float) -> bool:
        return now < self.ends_at()

    def to_json(self) -> str:
        return json.dumps({**self.__dict__, "plan": self.plan.to_json()})

    @staticmethod
    def from_json(text: str) -> "Record":
        data = json.loads(text)
        return Record(**{**data, "plan": Plan.from_json(data["plan"])})


class Ledger:
    """Used from the server's loop only. Every change is on disk before the answer leaves."""

    def __init__(self, path: Path | None) -> None:
        self._db = sqlite3.connect(str(path) if path else ":memory:", isolation_level=None, check_same_thread=False)
        # Python 3.13 complains of a connection that is left open.
        weakref.finalize(self, self._db.close)
        # The log survives a kill of the process; only a power cut could lose the last moments.
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.executescript(_SCHEMA)
        rows = self._db.execute("SELECT doc FROM predictions ORDER BY created_at").fetchall()
        self._records = {record.id: record for record in (Record.from_json(doc) for (doc,) in rows)}
        self._image_bytes = int(self._db.execute("SELECT COALESCE(SUM(bytes), 0) FROM images").fetchone()[0])

    def close(self) -> None:
        self._db.close()

    def clear(self) -> None:
        for table in ("predictions", "images", "files", "kept"):
            self._db.execute(f"DELETE FROM {table}")  # noqa: S608 - the names stand above
        self._records.clear()
        self._image_bytes = 0

    # ---- predictions ----

    def add(self, record: Record) -> None:
        self._db.execute("INSERT INTO predictions VALUES (?, ?, ?)", (record.id, record.created_at, record.to_json()))
        self._records[record.id] = record
        while len(self._records) > MAX_RECORDS:
            oldest = next(iter(self._records))
            del self._records[oldest]
            self._db.execute("DELETE FROM predictions WHERE id = ?", (oldest,))

    def change(self, record: Record, **fields: Any) -> Record:
        changed = dataclasses.replace(self._records.get(record.id, record), **fields)
        if record.id in self._records:
            self._db.execute("UPDATE predictions SET doc = ? WHERE id = ?", (changed.to_json(), record.id))
            self._records[record.id] = changed
        return changed

    def get(self, provider: str, prediction_id: str) -> Record | None:
        record = self._records.get(prediction_id)
        return record if record and record.provider == provider else None

    def of(self, provider: str) -> Iterator[Record]:
        """Newest first."""
        return (record for record in reversed(list(self._records.values())) if record.provider == provider)

    def active(self, provider: str, model: str | None = None) -> int:
        now = time.time()
        return sum(record.is_active(now) for record in self.of(provider) if model in (None, record.model))

    def billed_usd(self, provider: str, until: float) -> float:
        return sum(r.plan.price_usd for r in self.of(provider) if r.state(until).is_billed)

    def stats(self, provider: str) -> dict[str, Any]:
        now, records = time.time(), list(self.of(provider))
        phases = Counter(record.state(now).phase for record in records)
        billed = [record.plan.price_usd for record in records if record.state(now).is_billed]
        return {
            "submits": len(records),
            "active": sum(record.is_active(now) for record in records),
            "max_active": _most_at_once(records),
            "succeeded": phases[Phase.SUCCEEDED],
            "failed": phases[Phase.FAILED],
            "moderated": phases[Phase.MODERATED_INPUT] + phases[Phase.MODERATED_OUTPUT],
            "canceled": phases[Phase.CANCELED],
            "aborted": phases[Phase.ABORTED],
            "cancels": sum(record.canceled_at is not None for record in records),
            "billed": len(billed),
            "cost_usd": round(sum(billed), 4),
            "duplicates": len(records) - len({record.body_hash for record in records}),
            "by_status": {str(phase): count for phase, count in phases.items()},
            "by_model": _by_model(records, now),
        }

    # ---- inputs and files ----

    def add_image(self, sha: str, jpeg: bytes, original: str | None) -> None:
        """Keep a normalised image, and the text it came as where that is short enough to be echoed."""
        size = len(jpeg) + len(original or "")
        row = self._db.execute("SELECT original FROM images WHERE sha = ?", (sha,)).fetchone()
        if row is not None and (row[0] is not None or original is None):
            return
        if row is not None:
            self._forget_image(sha)
        self._db.execute("INSERT INTO images VALUES (?, ?, ?, ?, ?)", (sha, time.time(), jpeg, original, size))
        self._image_bytes += size
        while self._image_bytes > MAX_IMAGE_BYTES:
            (oldest,) = self._db.execute("SELECT sha FROM images ORDER BY at LIMIT 1").fetchone()
            self._forget_image(oldest)

    def _forget_image(self, sha: str) -> None:
        (size,) = self._db.execute("SELECT bytes FROM images WHERE sha = ?", (sha,)).fetchone()
        self._db.execute("DELETE FROM images WHERE sha = ?", (sha,))
        self._image_bytes -= size

    def image(self, sha: str | None) -> bytes | None:
        row = self._db.execute("SELECT jpeg FROM images WHERE sha = ?", (sha,)).fetchone()
        return bytes(row[0]) if row else None

    def original(self, sha: str) -> str | None:
        row = self._db.execute("SELECT original FROM images WHERE sha = ?", (sha,)).fetchone()
        return row[0] if row else None

    def add_file(self, doc: dict[str, Any], content: bytes) -> None:
        self._db.execute("INSERT INTO files VALUES (?, ?, ?)", (doc["id"], json.dumps(doc), content))

    def files(self) -> list[dict[str, Any]]:
        return [json.loads(doc) for (doc,) in self._db.execute("SELECT doc FROM files ORDER BY rowid DESC")]

    def file(self, file_id: str) -> tuple[dict[str, Any], bytes] | None:
        row = self._db.execute("SELECT doc, content FROM files WHERE id = ?", (file_id,)).fetchone()
        return (json.loads(row[0]), bytes(row[1])) if row else None

    def remove_file(self, file_id: str) -> bool:
        return self._db.execute("DELETE FROM files WHERE id = ?", (file_id,)).rowcount > 0

    # ---- settings that outlive the process ----

    def keep(self, name: str, value: Any) -> None:
        self._db.execute("INSERT OR REPLACE INTO kept VALUES (?, ?)", (name, json.dumps(value)))

    def kept(self, name: str) -> Any:
        row = self._db.execute("SELECT value FROM kept WHERE name = ?", (name,)).fetchone()
        return json.loads(row[0]) if row else None


def _by_model(records: list[Record], now: float) -> dict[str, dict[str, float]]:
    counts: dict[str, dict[str, float]] = {}
    for record in records:
        count = counts.setdefault(record.model, {"submits": 0, "active": 0, "billed": 0, "cost_usd": 0.0})
        is_billed = record.state(now).is_billed
        count["submits"] += 1
        count["active"] += record.is_active(now)
        count["billed"] += is_billed
        count["cost_usd"] = round(count["cost_usd"] + is_billed * record.plan.price_usd, 4)
    return counts


def _most_at_once(records: list[Record]) -> int:
    """The most predictions that were live at one moment."""
    # At equal times an end comes before a start: the slot was free.
    now = time.time()
    moments = [(r.created_at, 1) for r in records] + [(min(r.ends_at(), now + 1), -1) for r in records]
    live = most = 0
    for _, step in sorted(moments):
        live += step
        most = max(most, live)
    return most
