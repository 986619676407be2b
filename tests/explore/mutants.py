"""Gross faults of the app that the judge must see, each as patches of the real code."""

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from typing import Any
from unittest import mock

import shared.forgetting
import triggers.jobs
from shared import originals, slots
from shared.domain.gate import Gate
from shared.domain.ledger import CHARGES, Ledger
from tests.explore.explorer import play
from tests.explore.plan import from_seed
from triggers import webhooks

Patches = list[AbstractContextManager[Any]]


@dataclass(frozen=True)
class Mutant:
    patches: Callable[[], Patches]
    #: What the judge says of it, and a seed in which it does.
    told: str
    seed: int

    def wrongs(self, seed: int) -> list[str]:
        """What is wrong with a seed under this fault."""
        with ExitStack() as stack:
            for patch in self.patches():
                stack.enter_context(patch)
            return play(from_seed(seed)).wrongs


async def _wakes_nobody(client: Any, document: Any) -> None:
    return None


async def _keeps_it(services: Any, client: Any, payload: Any, outcome: Any) -> int:
    return 0


_fill = Gate._fill


def _fills_too_much(gate: Gate, asking: str | None = None) -> None:
    gate.limit += 1
    _fill(gate, asking)


def _forgets_nothing(app: Any, document: Any) -> None:
    return None


def _finds_none(app: Any, now: Any, **which: Any) -> int:
    return 0


def _leaves_alone(gate: Gate, holder: str, outcome: str | None, *told: Any) -> None:
    gate.document["active"].pop(holder, None)
    gate.document["waiting"].pop(holder, None)


def _never_no(ledger: Ledger) -> str:
    return "yes" if any(send.state == "paid" for send in ledger.sends) else "unknown"


def _as(value: Any) -> property:
    return property(lambda ledger: value)


MUTANTS: dict[str, Mutant] = {
    "nobody hears a cancel or a DELETE": Mutant(
        lambda: [
            mock.patch.object(triggers.jobs, "wake", _wakes_nobody), mock.patch.object(shared.forgetting, "wake", _wakes_nobody),
        ],
        "was canceled or deleted at", 13,
    ),
    "charged is never no": Mutant(
        lambda: [mock.patch.object(Ledger, "charged", property(_never_no))], "says charged unknown", 13
    ),
    "settled is never true": Mutant(lambda: [mock.patch.object(Ledger, "is_settled", _as(False))], "says settled false", 11),
    "everything is a possible duplicate": Mutant(
        lambda: [mock.patch.object(Ledger, "possible_duplicate", _as(True))], "says possible_duplicate", 0
    ),
    "no story gives its slot back": Mutant(
        lambda: [mock.patch.object(slots, "give_back", _keeps_it)], "its slot was kept", 8
    ),
    "webhooks reach nobody": Mutant(
        lambda: [mock.patch.object(webhooks, "_is_instance", return_value=False)], "was not followed by a look", 22
    ),
    "a lost send owes nothing": Mutant(lambda: [mock.patch.dict(CHARGES, {"open": "no"})], "says charged no", 0),
    "a gate lets one more in": Mutant(lambda: [mock.patch.object(Gate, "_fill", _fills_too_much)], "has given slots to", 4),
    "a slot that is free is given to nobody": Mutant(
        lambda: [mock.patch.object(Gate, "leave", _leaves_alone)], "had a free slot", 12
    ),
    "nobody deletes an upload": Mutant(
        lambda: [
            mock.patch.object(originals, "forget", _forgets_nothing), mock.patch.object(originals, "forget_left", _finds_none),
        ],
        "has ended, and uploads/", 2,
    ),
}  # fmt: skip


def survivors(seeds: int) -> list[str]:
    """Mutants with which none of the first `seeds` is wrong; tells of each."""
    alive = []
    for name, mutant in MUTANTS.items():
        seed, wrongs = next(((seed, found) for seed in range(seeds) if (found := mutant.wrongs(seed))), (None, []))
        print(f"{name}: " + (f"seed {seed}: {wrongs[0]}" if wrongs else f"not seen in {seeds} seeds"), flush=True)
        alive += [] if wrongs else [name]
    return alive
