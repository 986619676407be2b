"""Each provider's gate as one document, changed with conditional writes by all instances of the app."""

import copy
import time
from collections.abc import Callable, Mapping
from functools import cache
from types import MappingProxyType
from typing import TypeVar

from shared import telemetry
from shared.domain.gate import Gate, Grant
from shared.storage.documents import Document, Documents

T = TypeVar("T")

#: How old an answer about the gate may be when somebody only looks: nobody notices, and a rush costs one read.
LOOK_SECONDS = 2.0


class GateStore:
    """Gates by provider. `limits` say how many slots each has; `clock` tells epoch seconds. `caps` say how many of them each of a
    provider's generators may have, and `defaults` which generator its holders count for that have named none."""

    def __init__(
        self,
        documents: Documents,
        limits: dict[str, int],
        clock: Callable[[], float] = time.time,
        caps: Mapping[str, Mapping[str, int]] | None = None,
        defaults: Mapping[str, str] | None = None,
    ) -> None:
        self._documents = documents
        self._limits = limits
        self._clock = clock
        self._caps = caps or {}
        self._defaults = defaults or {}
        #: When each gate was seen, and what was, parsed when somebody looks.
        self._seen: dict[str, tuple[float, Callable[[], Gate]]] = {}

    def change(self, provider: str, operation: Callable[[Gate], T]) -> tuple[T, list[Grant]]:
        """Apply `operation`, which may run several times; returns its answer and the grants to tell about. Raises Busy."""

        def changed(document: Document | None) -> tuple[Document, tuple[T, Gate]]:
            gate = self._gate(provider, document, self._clock())
            result = operation(gate)
            return gate.document, (result, gate)

        done = self._documents.change(gate_name(provider), changed, in_place=True)
        self._seen[provider] = self._clock(), cache(lambda: self._looked_at(provider, done.document))
        result, gate = done.result
        telemetry.gate_changed(provider, len(gate.document["active"]), len(gate.document["waiting"]), gate.limit)
        for name, fields in gate.events:
            telemetry.event(name, generator=provider, **fields)
        return result, gate.grants

    def look(self, provider: str, seconds: float = LOOK_SECONDS) -> Gate:
        """The gate as it was at most `seconds` ago, or when this process changed it last. All who look meanwhile share it: it is
        not to be changed, and nobody can enter or leave it."""
        now = self._clock()
        seen = self._seen.get(provider)
        if seen is None or not 0 <= now - seen[0] < seconds:
            document = self._documents.read(gate_name(provider))
            seen = self._seen[provider] = now, cache(lambda: self._looked_at(provider, document))
        gate = copy.copy(seen[1]())
        gate.now = now
        return gate

    def _looked_at(self, provider: str, document: Document | None) -> Gate:
        gate = self._gate(provider, document, 0.0)
        groups = {name: MappingProxyType(gate.document[name]) for name in ("active", "waiting")}
        gate.document = MappingProxyType({**gate.document, **groups})  # type: ignore[assignment]
        return gate

    def _gate(self, provider: str, document: Document | None, now: float) -> Gate:
        return Gate(document, self._limits[provider], now, self._caps.get(provider), self._defaults.get(provider, ""))


def gate_name(provider: str) -> str:
    """The document of a provider's gate."""
    return f"gates/{provider}.json"
