"""Each provider's gate as one document, changed with conditional writes by all instances of the app."""

import copy
import time
from collections.abc import Callable
from typing import TypeVar

from shared import telemetry
from shared.domain.gate import Gate, Grant
from shared.storage.documents import Document, Documents

T = TypeVar("T")

#: How old an answer about the gate may be when somebody only looks: nobody notices, and a rush costs one read.
LOOK_SECONDS = 2.0


class GateStore:
    """Gates by provider. `limits` say how many slots each has; `clock` tells epoch seconds."""

    def __init__(self, documents: Documents, limits: dict[str, int], clock: Callable[[], float] = time.time) -> None:
        self._documents = documents
        self._limits = limits
        self._clock = clock
        self._seen: dict[str, tuple[float, Document | None]] = {}

    def change(self, provider: str, operation: Callable[[Gate], T]) -> tuple[T, list[Grant]]:
        """Apply `operation`, which may run several times; returns its answer and the grants to tell about. Raises Busy."""

        def changed(document: Document | None) -> tuple[Document, tuple[T, Gate]]:
            gate = Gate(document, self._limits[provider], self._clock())
            result = operation(gate)
            return gate.document, (result, gate)

        done = self._documents.change(_gate_name(provider), changed)
        self._seen[provider] = (self._clock(), done.document)
        result, gate = done.result
        telemetry.gate_changed(provider, len(gate.document["active"]), len(gate.document["waiting"]), gate.limit)
        for name, fields in gate.events:
            telemetry.event(name, generator=provider, **fields)
        return result, gate.grants

    def look(self, provider: str, seconds: float = LOOK_SECONDS) -> Gate:
        """The gate as it was at most `seconds` ago, or when this process changed it last; changing what this returns changes
        nothing."""
        now = self._clock()
        seen = self._seen.get(provider)
        if seen is None or not 0 <= now - seen[0] < seconds:
            seen = self._seen[provider] = (now, self._documents.read(_gate_name(provider)))
        return Gate(copy.deepcopy(seen[1]), self._limits[provider], now)


def _gate_name(provider: str) -> str:
    return f"gates/{provider}.json"
