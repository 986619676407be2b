"""Predictions and counters in SQLite, so that they outlive a kill -9 of the simulators."""

import hashlib
import json
import sqlite3
import threading
import time
from collections import Counter, deque
from dataclasses import dataclass, replace
from typing import Any

from simulators.lifecycle import Plan, state_at


@dataclass(frozen=True)
class Prediction:
    id: str
    provider: str
    number: int
    created_at: float
    plan: Plan
    input: dict[str, Any]
    digest: str
    canceled_after: float | None = None
    polls: int = 0

    def age(self) -> float:
        return time.time() - self.created_at

    def state(self) -> str:
        return state_at(self.plan, self.age(), self.canceled_after)


class Ledger:
    """Thread-safe. Counters count since the last reset."""

    def __init__(self, path: str | None = None) -> None:
        self._lock = threading.RLock()
        self._db = sqlite3.connect(path or ":memory:", check_same_thread=False, isolation_level=None)
        if path:
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.execute(
            "CREATE TABLE IF NOT EXISTS predictions (id TEXT PRIMARY KEY, provider TEXT, number INTEGER, created_at REAL, plan TEXT,"  # noqa: E501 - a row of a table
            " input TEXT, digest TEXT, canceled_after REAL)"
        )
        self._db.execute(
            "CREATE TABLE IF NOT EXISTS counters (provider TEXT, name TEXT, n INTEGER, PRIMARY KEY (provider, name))"
        )
        self._db.execute("CREATE TABLE IF NOT EXISTS config (k INTEGER PRIMARY KEY, v TEXT)")
        self._polls: Counter[str] = Counter()
        self.requests: deque[dict[str, Any]] = deque(maxlen=5000)

    def add(self, prediction: Prediction) -> None:
        with self._lock:
            self._db.execute(
                "INSERT INTO predictions VALUES (?,?,?,?,?,?,?,?)",
                (prediction.id, prediction.provider, prediction.number, prediction.created_at, json.dumps(prediction.plan.to_json()),  # noqa: E501 - a row of a table
                 json.dumps(prediction.input), prediction.digest, None),
            )  # fmt: skip
            self.count(prediction.provider, "submits")
            most = self._db.execute(
                "SELECT n FROM counters WHERE provider = ? AND name = 'max_active'", (prediction.provider,)
            ).fetchone()
            active = self.active(prediction.provider)
            if most is None or active > most[0]:
                self._db.execute("INSERT OR REPLACE INTO counters VALUES (?, 'max_active', ?)", (prediction.provider, active))

    def get(self, provider: str, prediction_id: str) -> Prediction | None:
        with self._lock:
            row = self._db.execute(
                "SELECT * FROM predictions WHERE id = ? AND provider = ?", (prediction_id, provider)
            ).fetchone()
        return None if row is None else replace(_prediction(row), polls=self._polls[prediction_id])

    def polled(self, prediction_id: str) -> None:
        self._polls[prediction_id] += 1

    def all(self, provider: str) -> list[Prediction]:
        """Newest first."""
        with self._lock:
            rows = self._db.execute("SELECT * FROM predictions WHERE provider = ? ORDER BY number DESC", (provider,)).fetchall()
        return [_prediction(row) for row in rows]

    def cancel(self, prediction: Prediction) -> None:
        with self._lock:
            self._db.execute(
                "UPDATE predictions SET canceled_after = ? WHERE id = ? AND canceled_after IS NULL",
                (prediction.age(), prediction.id),
            )

    def active(self, provider: str) -> int:
        with self._lock:
            rows = self._db.execute(
                "SELECT plan, created_at, canceled_after FROM predictions WHERE provider = ?", (provider,)
            ).fetchall()
        now = time.time()
        ended = ("succeeded", "failed", "canceled", "aborted")
        return sum(state_at(Plan(**json.loads(plan)), now - created, canceled) not in ended for plan, created, canceled in rows)

    def next_number(self) -> int:
        with self._lock:
            return int(self._db.execute("SELECT COALESCE(MAX(number), 0) + 1 FROM predictions").fetchone()[0])

    def count(self, provider: str, name: str) -> None:
        with self._lock:
            self._db.execute(
                "INSERT INTO counters VALUES (?,?,1) ON CONFLICT (provider, name) DO UPDATE SET n = n + 1", (provider, name)
            )

    def stats(self, provider: str, price_usd: float) -> dict[str, Any]:
        """Everything that was counted; billed is one a picture that came to be."""
        with self._lock:
            counted = dict(self._db.execute("SELECT name, n FROM counters WHERE provider = ?", (provider,)).fetchall())
        predictions = self.all(provider)
        by_status = Counter(p.state() for p in predictions)
        repeats = Counter(p.digest for p in predictions)
        names = ("submits", "create_requests", "refused", "polls", "downloads", "cancels", "max_active")
        billed = by_status["succeeded"]
        return {
            **{name: counted.get(name, 0) for name in names},
            "active": self.active(provider), "by_status": dict(by_status), "succeeded": billed, "failed": by_status["failed"],
            "moderated": sum(p.state() == "failed" and p.plan.outcome.startswith("moderated") for p in predictions),
            "duplicates": sum(n - 1 for n in repeats.values()), "billed": billed, "cost_usd": round(billed * price_usd, 2),
        }  # fmt: skip

    def keep_config(self, config: dict[str, Any]) -> None:
        with self._lock:
            self._db.execute("INSERT OR REPLACE INTO config VALUES (1, ?)", (json.dumps(config),))

    def kept_config(self) -> dict[str, Any] | None:
        with self._lock:
            row = self._db.execute("SELECT v FROM config").fetchone()
        return None if row is None else dict(json.loads(row[0]))

    def reset(self) -> None:
        with self._lock:
            for table in ("predictions", "counters", "config"):
                self._db.execute(f"DELETE FROM {table}")  # noqa: S608 - our own table names
            self._polls.clear()
            self.requests.clear()

    def close(self) -> None:
        with self._lock:
            self._db.close()


def digest_of(value: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def _prediction(row: tuple[Any, ...]) -> Prediction:
    return Prediction(row[0], row[1], row[2], row[3], Plan(**json.loads(row[4])), json.loads(row[5]), row[6], row[7])
