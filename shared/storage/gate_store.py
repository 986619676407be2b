"""Each provider's gate as one document, changed with conditional writes by all instances of the app."""

import copy
import json
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from shared import telemetry
from shared.domain.gate import Gate, Grant
from shared.storage.blob_store import BlobStore, Conflict

T = TypeVar("T")

_ATTEMPTS = 30
#: How old an answer about the gate may be when somebody only looks: nobody notices, and a rush costs one read.
LOOK_SECONDS = 2.0


@dataclass
class _Change(Generic[T]):
    operation: Callable[[Gate], T]
    result: T | None = None
    error: BaseException | None = None
    is_done: bool = False


@dataclass
class _Line:
    """Changes of this process to one gate that wait to be written together."""

    changes: list[_Change[Any]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)
    writing: threading.Lock = field(default_factory=threading.Lock)


class GateStore:
    """Gates by provider. `limits` say how many slots each has.

    Threads of one process that change a gate at the same moment share one read and one write; conflicts are left for
    other instances.
    """

    def __init__(self, blobs: BlobStore, limits: dict[str, int], clock: Callable[[], float] = time.time) -> None:
        self._blobs = blobs
        self._limits = limits
        self._clock = clock
        self._lines = {provider: _Line() for provider in limits}
        self._seen: dict[str, tuple[float, dict[str, Any] | None]] = {}

    def change(self, provider: str, operation: Callable[[Gate], T]) -> tuple[T, list[Grant]]:
        """Apply `operation`, which may run several times; returns its answer and the grants to tell about.

        Grants of changes that were written together are given to one of their callers. Raises Conflict after many tries.
        """
        line, mine = self._lines[provider], _Change(operation)
        with line.lock:
            line.changes.append(mine)
        grants: list[Grant] = []
        with line.writing:
            if not mine.is_done:
                with line.lock:
                    batch, line.changes = line.changes, []
                grants = self._write(provider, batch)
        if mine.error is not None:
            raise mine.error
        return mine.result, grants  # type: ignore[return-value]

    def look(self, provider: str) -> Gate:
        """The gate as it was moments ago; changing what this returns changes nothing."""
        now = self._clock()
        seen = self._seen.get(provider)
        if seen is None or not 0 <= now - seen[0] < LOOK_SECONDS:
            found = self._blobs.read_document(_gate_name(provider))
            seen = self._seen[provider] = (now, found[0] if found else None)
        return Gate(copy.deepcopy(seen[1]), self._limits[provider], now)

    def _write(self, provider: str, batch: list[_Change[Any]]) -> list[Grant]:
        try:
            gate = self._apply(provider, batch)
        except BaseException as error:
            for change in batch:
                change.error = error
            raise
        finally:
            for change in batch:
                change.is_done = True
        telemetry.gate_changed(provider, len(gate.document["active"]), len(gate.document["waiting"]), gate.limit)
        for name, fields in gate.events:
            telemetry.event(name, generator=provider, **fields)
        return gate.grants

    def _apply(self, provider: str, batch: list[_Change[Any]]) -> Gate:
        name = _gate_name(provider)
        for attempt in range(_ATTEMPTS):
            found = self._blobs.read_document(name)
            before = json.dumps(found[0], sort_keys=True) if found else None
            gate = Gate(found[0] if found else None, self._limits[provider], self._clock())
            for change in batch:
                change.result = change.operation(gate)
            if before == json.dumps(gate.document, sort_keys=True):
                return gate
            try:
                if found:
                    self._blobs.replace_document(name, gate.document, found[1])
                else:
                    self._blobs.create_document(name, gate.document)
            except Conflict:
                time.sleep(random.uniform(0, 0.02 * (attempt + 1)))  # noqa: S311 - spreads instances, hides nothing
                continue
            self._seen[provider] = (self._clock(), copy.deepcopy(gate.document))
            return gate
        raise Conflict(name)


def _gate_name(provider: str) -> str:
    return f"gates/{provider}.json"
