"""The task hub in one SQLite file: instances, their histories, messages on their way, and activities to run.

One episode is one transaction, one activity's answer is one transaction: kill -9 between any two loses nothing.
"""

import fcntl
import json
import sqlite3
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, Any

from devhost import replay
from devhost.replay import Decisions, Event, Instance

PENDING, RUNNING, SUSPENDED = "Pending", "Running", "Suspended"
ENDED = {replay.COMPLETED: "Completed", replay.FAILED: "Failed", replay.TERMINATED: "Terminated"}
TERMINAL = frozenset(ENDED.values())

_SCHEMA = """
CREATE TABLE IF NOT EXISTS instances (
  id TEXT PRIMARY KEY, name TEXT, execution TEXT, status TEXT, input TEXT, output TEXT, custom TEXT, created TEXT, updated TEXT,
  version TEXT, parent_id TEXT, parent_execution TEXT, parent_task INTEGER);
CREATE INDEX IF NOT EXISTS instances_by_creation ON instances (created, id);
CREATE TABLE IF NOT EXISTS history (id TEXT, seq INTEGER, event TEXT, PRIMARY KEY (id, seq)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS inbox (n INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT, execution TEXT, visible_at REAL, event TEXT);
CREATE INDEX IF NOT EXISTS inbox_by_instance ON inbox (id, visible_at);
CREATE TABLE IF NOT EXISTS work (
  n INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT, execution TEXT, task_id INTEGER, name TEXT, input TEXT);
CREATE TABLE IF NOT EXISTS timers (name TEXT PRIMARY KEY, last TEXT, next TEXT);
"""
_ANSWERS = {replay.TASK_COMPLETED, replay.TASK_FAILED, replay.SUB_COMPLETED, replay.SUB_FAILED, replay.TIMER_FIRED}
#: Messages of one episode, as the extension's control queue hands them over.
_BATCH = 32
_BEFORE_ALL = -1.0


class HubInUse(Exception):
    """Another host has this task hub open."""


@dataclass(frozen=True)
class Work:
    """One activity to run."""

    n: int
    instance_id: str
    execution: str
    task_id: int
    name: str
    input: str | None


@dataclass(frozen=True)
class Episode:
    instance: Instance
    version: str | None
    history: list[Event]
    messages: list[Event]
    consumed: list[int]


@dataclass(frozen=True)
class Sent:
    """What a transaction put on its way: instances with messages (and when), and activities."""

    messages: list[tuple[str, float]]
    work: list[Work]


class TaskHub:
    """Thread-safe. `path` None keeps everything in memory.

    For hosts whose clock does not run by itself there are other ids of executions, and a time that every timer takes.
    """

    def __init__(
        self, path: Path | None = None, wait_seconds: float = 10.0,
        new_execution_id: Callable[[], str] = replay.new_execution_id, timers_take_at_least: timedelta = timedelta(0),
    ) -> None:  # fmt: skip
        self._lock = threading.RLock()
        self._new_execution_id = new_execution_id
        self._timers_take_at_least = timers_take_at_least
        self._guard: IO[str] | None = None
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._guard = _take_lock(path, wait_seconds)
        self._db = sqlite3.connect(str(path) if path else ":memory:", check_same_thread=False, isolation_level=None)
        # Python 3.13 complains of a connection that is left open.
        weakref.finalize(self, self._db.close)
        if path is not None:
            # Survives the death of the process; only losing power could take the last transactions.
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.executescript(_SCHEMA)
        # A reader of its own sees what is committed and waits for no writer: the event loop asks for a status at every look.
        self._reader, self._reading = self._db, self._lock
        if path is not None:
            self._reader, self._reading = (
                sqlite3.connect(str(path), check_same_thread=False, isolation_level=None),
                threading.RLock(),
            )
            weakref.finalize(self, self._reader.close)

    def close(self) -> None:
        with self._lock, self._reading:
            self._reader.close()
            self._db.close()
            if self._guard is not None:
                self._guard.close()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    # ---- instances ----

    def create(
        self, now: datetime, name: str, instance_id: str, input_text: str | None, version: str | None, *, overwrite: bool = False
    ) -> str | None:
        """Create an instance and its first message; None when done, else the status of the live one that has the id.

        An ended instance of that id is replaced: a new execution, of which no message of the former one is.
        """
        with self._transaction() as db:
            row = db.execute("SELECT status FROM instances WHERE id = ?", (instance_id,)).fetchone()
            if row is not None and row[0] not in TERMINAL and not overwrite:
                return str(row[0])
            self._insert(db, now, Instance(instance_id, self._new_execution_id(), name), input_text, version, None)
        return None

    def _insert(
        self, db: sqlite3.Connection, now: datetime, instance: Instance, input_text: str | None, version: str | None,
        parent: tuple[str, str, str, int] | None,
    ) -> None:  # fmt: skip
        # Activities that a former execution has scheduled stay: they run, and their answers are nobody's.
        for table in ("instances", "history", "inbox"):
            db.execute(f"DELETE FROM {table} WHERE id = ?", (instance.id,))  # noqa: S608 - our own table names
        stamp = replay.format_time(now)
        parent_id, parent_name, parent_execution, parent_task = parent or (None, None, None, None)
        db.execute(
            "INSERT INTO instances VALUES (?,?,?,?,?,NULL,NULL,?,?,?,?,?,?)",
            (instance.id, instance.name, instance.execution_id, PENDING, input_text, stamp, stamp, version, parent_id,
             parent_execution, parent_task),
        )  # fmt: skip
        parent_field = None
        if parent is not None:
            parent_field = {
                "Name": parent_name, "TaskScheduleId": parent_task, "Version": "",
                "OrchestrationInstance": {"InstanceId": parent_id, "ExecutionId": parent_execution},
            }  # fmt: skip
        self._post(
            db, instance.id, instance.execution_id, replay.execution_started(now, instance, input_text, version, parent_field)
        )

    def _post(
        self, db: sqlite3.Connection, instance_id: str, execution: str | None, event: Event, visible_at: float = 0.0
    ) -> None:
        db.execute(
            "INSERT INTO inbox (id, execution, visible_at, event) VALUES (?,?,?,?)",
            (instance_id, execution, visible_at, json.dumps(event)),
        )

    def send(self, instance_id: str, event: Event) -> str | None:
        """Give an instance a message from outside; None when done, "" when there is no such instance, else its end status."""
        with self._transaction() as db:
            row = db.execute("SELECT status FROM instances WHERE id = ?", (instance_id,)).fetchone()
            if row is None:
                return ""
            if row[0] in TERMINAL:
                return str(row[0])
            self._post(db, instance_id, None, event)
        return None

    def status(self, instance_id: str) -> dict[str, Any] | None:
        with self._reading:
            rows = self._reader.execute(f"SELECT {_COLUMNS} FROM instances WHERE id = ?", (instance_id,)).fetchall()  # noqa: S608
        return dict(zip(_COLUMNS.split(", "), rows[0], strict=True)) if rows else None

    def query(
        self, *, prefix: str, statuses: list[str], created_from: str, created_to: str, after: str, limit: int
    ) -> list[dict[str, Any]]:
        """Instances by id, from beyond `after`."""
        marks = ",".join("?" * len(statuses))
        query = (
            f"SELECT {_COLUMNS} FROM instances WHERE id > ? AND substr(id, 1, ?) = ? AND created >= ? AND created <= ?"  # noqa: S608
            + (f" AND status IN ({marks})" if statuses else "")
            + " ORDER BY id LIMIT ?"
        )
        with self._lock:
            rows = self._db.execute(query, (after, len(prefix), prefix, created_from, created_to, *statuses, limit)).fetchall()
        return [dict(zip(_COLUMNS.split(", "), row, strict=True)) for row in rows]

    def history(self, instance_id: str) -> list[Event]:
        with self._lock:
            rows = self._db.execute("SELECT event FROM history WHERE id = ? ORDER BY seq", (instance_id,)).fetchall()
        return [json.loads(row[0]) for row in rows]

    def purge(self, instance_id: str) -> int:
        with self._transaction() as db:
            deleted = db.execute("DELETE FROM instances WHERE id = ?", (instance_id,)).rowcount
            for table in ("history", "inbox"):
                db.execute(f"DELETE FROM {table} WHERE id = ?", (instance_id,))  # noqa: S608 - our own table names
        return deleted

    # ---- episodes ----

    def waiting(self) -> list[tuple[str, float]]:
        """Every instance with messages and when the first of them is due: what a starting host goes on with."""
        with self._lock:
            return self._db.execute("SELECT id, visible_at FROM inbox ORDER BY n").fetchall()

    def load(self, instance_id: str, now: datetime) -> Episode | None:
        """The instance with its due messages, or None when there is nothing to do for it."""
        with self._lock:
            row = self._db.execute(
                "SELECT name, execution, status, version, parent_id FROM instances WHERE id = ?", (instance_id,)
            ).fetchone()
            while rows := self._db.execute(
                "SELECT n, execution, event FROM inbox WHERE id = ? AND visible_at <= ? ORDER BY visible_at, n LIMIT ?",
                (instance_id, now.timestamp(), _BATCH),
            ).fetchall():
                numbers = [r[0] for r in rows]
                if row is not None and row[2] not in TERMINAL:
                    history = self.history(instance_id)
                    messages = _news([(r[1], json.loads(r[2])) for r in rows], row[1], history)
                    if messages:
                        replay.mark_played(history)
                        return Episode(Instance(instance_id, row[1], row[0], row[4]), row[3], history, messages, numbers)
                self._db.execute(f"DELETE FROM inbox WHERE n IN ({','.join('?' * len(numbers))})", numbers)  # noqa: S608
        return None

    def commit(self, episode: Episode, decisions: Decisions, now: datetime, default_version: str | None) -> Sent:
        """Make an episode's decisions true, all at once."""
        instance, sent = episode.instance, Sent([], [])
        with self._transaction() as db:
            current = db.execute("SELECT execution, status FROM instances WHERE id = ?", (instance.id,)).fetchone()
            db.execute(f"DELETE FROM inbox WHERE n IN ({','.join('?' * len(episode.consumed))})", episode.consumed)  # noqa: S608
            if current is None or current[0] != instance.execution_id or current[1] in TERMINAL:
                return sent
            if decisions.continue_as_new is not None:
                return self._continue_as_new(db, episode, decisions, now, sent)
            db.executemany(
                "INSERT INTO history VALUES (?,?,?)",
                [(instance.id, len(episode.history) + i, json.dumps(e)) for i, e in enumerate(decisions.events)],
            )
            for task_id, name, text in decisions.activities:
                row = (instance.id, instance.execution_id, task_id, name, text)
                n = db.execute("INSERT INTO work (id, execution, task_id, name, input) VALUES (?,?,?,?,?)", row).lastrowid
                sent.work.append(Work(int(n or 0), *row))
            for task_id, fire_at in decisions.timers:
                visible_at = max(replay.timer_visible_at(fire_at, now), now + self._timers_take_at_least).timestamp()
                event = replay.timer_fired(now, task_id, fire_at)
                self._post(db, instance.id, instance.execution_id, event, visible_at)
                sent.messages.append((instance.id, visible_at))
            for child in decisions.children:
                parent = (instance.id, instance.name, instance.execution_id, child.task_id)
                made = Instance(child.instance_id, self._new_execution_id(), child.name, instance.id)
                self._insert(db, now, made, child.input, child.version or default_version, parent)
                sent.messages.append((child.instance_id, 0.0))
            self._update(db, episode, decisions, now, sent)
        return sent

    def _update(self, db: sqlite3.Connection, episode: Episode, decisions: Decisions, now: datetime, sent: Sent) -> None:
        instance = episode.instance
        status, output = RUNNING, None
        switches = [e for e in (*episode.history, *decisions.events) if e["EventType"] in (19, 20)]
        if switches and switches[-1]["EventType"] == replay.EXECUTION_SUSPENDED:
            status, output = SUSPENDED, json.dumps(switches[-1]["Reason"])
            # Held: the custom status stays as it was.
            db.execute(
                "UPDATE instances SET status = ?, output = ?, updated = ? WHERE id = ?",
                (status, output, replay.format_time(now), instance.id),
            )
            if decisions.ended is None:
                return
        if decisions.ended is not None:
            status, output = ENDED[decisions.ended[0]], decisions.ended[1]
        # A terminated instance did not get to run: it keeps the custom status it had.
        keeps = decisions.ended is not None and decisions.ended[0] == replay.TERMINATED
        db.execute(
            "UPDATE instances SET status = ?, output = ?, custom = CASE WHEN ? THEN custom ELSE ? END, updated = ? WHERE id = ?",
            (status, output, keeps, decisions.custom_status, replay.format_time(now), instance.id),
        )
        if decisions.ended is None:
            return
        db.execute("DELETE FROM inbox WHERE id = ?", (instance.id,))
        row = db.execute("SELECT parent_id, parent_execution, parent_task FROM instances WHERE id = ?", (instance.id,)).fetchone()
        if row[0] is not None:
            if decisions.ended[0] == replay.COMPLETED:
                event = replay.sub_completed(now, row[2], output)
            else:
                event = replay.sub_failed(now, row[2], str(json.loads(output or '""')))
            self._post(db, row[0], row[1], event)
            sent.messages.append((row[0], 0.0))

    def _continue_as_new(self, db: sqlite3.Connection, episode: Episode, decisions: Decisions, now: datetime, sent: Sent) -> Sent:
        """A new execution of the same instance. Events the old one had buffered are gone; later ones are carried over."""
        old = episode.instance
        new = Instance(old.id, self._new_execution_id(), old.name, old.parent_id)
        text = json.dumps(decisions.continue_as_new)
        db.execute("DELETE FROM history WHERE id = ?", (old.id,))
        db.execute("DELETE FROM work WHERE id = ?", (old.id,))
        db.execute(
            "UPDATE instances SET execution = ?, input = ?, custom = ?, updated = ? WHERE id = ?",
            (new.execution_id, text, decisions.custom_status, replay.format_time(now), old.id),
        )
        self._post(db, new.id, new.execution_id, replay.execution_started(now, new, text, episode.version))
        for event in decisions.carried:
            # Before anything that has arrived in the meantime.
            self._post(db, new.id, None, event, _BEFORE_ALL)
        sent.messages.append((new.id, 0.0))
        return sent

    # ---- activities ----

    def open_work(self) -> list[Work]:
        with self._lock:
            rows = self._db.execute("SELECT n, id, execution, task_id, name, input FROM work ORDER BY n").fetchall()
        return [Work(*row) for row in rows]

    def answer(self, work: Work, event: Event) -> None:
        """The activity has ended: its answer goes to the instance and the work is done."""
        with self._transaction() as db:
            db.execute("DELETE FROM work WHERE n = ?", (work.n,))
            self._post(db, work.instance_id, work.execution, event)

    # ---- timer triggers ----

    def timer_state(self, name: str) -> tuple[str | None, str | None]:
        with self._lock:
            row = self._db.execute("SELECT last, next FROM timers WHERE name = ?", (name,)).fetchone()
        return (None, None) if row is None else (row[0], row[1])

    def keep_timer(self, name: str, last: str | None, following: str) -> None:
        with self._transaction() as db:
            db.execute("INSERT OR REPLACE INTO timers VALUES (?,?,?)", (name, last, following))


def _news(received: list[tuple[str | None, Event]], execution: str, history: list[Event]) -> list[Event]:
    """The messages that are for this execution and not known to it, in the order in which they count."""
    seen = {_answered(e) for e in history}
    messages = []
    for addressee, event in received:
        if addressee not in (None, execution):
            continue  # for a former execution: the instance continued as new or was started again
        if event["EventType"] in _ANSWERS:
            if _answered(event) in seen:
                continue  # an activity that ran twice
            seen.add(_answered(event))
        messages.append(event)
    # The first message of an execution begins its history.
    return sorted(messages, key=lambda e: e["EventType"] != replay.EXECUTION_STARTED)


def _answered(event: Event) -> tuple[Any, ...]:
    return (event["EventType"], event.get("TaskScheduledId"), event.get("TimerId"))


_COLUMNS = "id, name, execution, status, input, output, custom, created, updated, version"


def _take_lock(path: Path, wait_seconds: float) -> IO[str]:
    """One writer a hub. A host that is just dying may hold it a moment longer."""
    guard = path.with_suffix(".lock").open("w")
    ends = time.monotonic() + wait_seconds
    while True:
        try:
            fcntl.flock(guard, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            if time.monotonic() > ends:
                guard.close()
                raise HubInUse(f"{path} is in use by another host") from None
            time.sleep(0.1)
        else:
            return guard


def utc_now() -> datetime:
    return datetime.now(UTC)
