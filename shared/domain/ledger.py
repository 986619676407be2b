"""What the sends of a picture owe: the only source of `charged`, `possible_duplicate`, attempts and cost. Pure."""

from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple, NotRequired, TypedDict

from shared.domain.problem import Charged, worst_charge

#: open: sent, or perhaps sent, and nobody knows whether a prediction was made of it. accepted: its prediction has not ended, as
#: far as is known. refused: nothing was made. free, may be charged, paid: its prediction has ended, and the provider bills
#: nothing, something perhaps, or for sure.
SendState = Literal["open", "accepted", "refused", "free", "may be charged", "paid"]

CHARGES: dict[SendState, Charged] = {
    "open": "unknown", "accepted": "unknown", "refused": "no", "free": "no", "may be charged": "unknown", "paid": "yes",
}  # fmt: skip
#: How a prediction ended, by what its provider says is charged.
ENDINGS: dict[Charged, SendState] = {"no": "free", "unknown": "may be charged", "yes": "paid"}


#: How much a state says.
_KNOWS: dict[SendState, int] = {"open": 0, "accepted": 1, "refused": 2, "free": 2, "may be charged": 2, "paid": 3}


class Cost(TypedDict):
    """Dollars for one prediction. `quoted`: by its provider's own answer; else by the list price."""

    usd: float
    quoted: bool


class SendRow(TypedDict):
    """A send as it is stored: where it went, and which of the picture's attempts to make a prediction it belongs to."""

    generator: str
    attempt: int
    state: SendState
    cost: NotRequired[Cost]


class Send(NamedTuple):
    generator: str
    attempt: int
    state: SendState
    cost: Cost | None = None

    @property
    def charged(self) -> Charged:
        return CHARGES[self.state]


class Ledger(NamedTuple):
    """The sends of one picture in the order in which they were made; of one attempt the later ones are repeats."""

    sends: tuple[Send, ...] = ()

    def noted(self, generator: str, attempt: int, states: Iterable[SendState], cost: Cost | None = None) -> "Ledger":
        """With what is now known of an attempt's sends, in place of what was known before."""
        others = tuple(send for send in self.sends if send.attempt != attempt)
        return Ledger((*others, *(Send(generator, attempt, state, cost) for state in states)))

    def ended(self, attempt: int, state: SendState) -> "Ledger":
        """With the end of an attempt's prediction, which is its last send. What is known to be paid stays so."""
        last = max((i for i, send in enumerate(self.sends) if send.attempt == attempt), default=None)
        if last is None or self.sends[last].state == "paid":
            return self
        return Ledger(tuple(send._replace(state=state) if i == last else send for i, send in enumerate(self.sends)))

    def beside(self, known: "Ledger") -> "Ledger":
        """With what was known before, where that says more: an end outranks what runs, and a payment every other end."""
        attempts = list(dict.fromkeys(send.attempt for send in (*known.sends, *self.sends)))
        sends: list[Send] = []
        for attempt in sorted(attempts):
            before, now = ([send for send in ledger.sends if send.attempt == attempt] for ledger in (known, self))
            pairs = zip(before, now, strict=False)
            longer = before[len(now) :] or now[len(before) :]
            sends += [*(_better_known(*pair) for pair in pairs), *longer]
        return Ledger(tuple(sends))

    @property
    def charged(self) -> Charged:
        """yes when one send is paid for, no when none can be."""
        return worst_charge(send.charged for send in self.sends)

    @property
    def is_settled(self) -> bool:
        """Nothing more may be charged than what is known to be paid."""
        return all(send.charged != "unknown" for send in self.sends)

    @property
    def is_open(self) -> bool:
        """A send of which nobody knows whether it was made: nothing else may be started beside it."""
        return any(send.state == "open" for send in self.sends)

    @property
    def possible_duplicate(self) -> bool:
        """A send that may have been made was repeated, and the repeat was not refused: two may be paid for one picture."""
        return any(
            send.state == "open" and later.attempt == send.attempt and later.state != "refused"
            for i, send in enumerate(self.sends)
            for later in self.sends[i + 1 :]
        )

    @property
    def attempts(self) -> int:
        """Predictions that are known to have been made."""
        return sum(send.state not in ("open", "refused") for send in self.sends)

    def cost_usd(self, prices: Mapping[str, float]) -> float:
        """What is known to be paid: what a send cost, and where that is not on record its generator's price."""
        return sum(_usd(send, prices) for send in self.sends if send.state == "paid")

    def open_usd(self, prices: Mapping[str, float]) -> float:
        """What may be paid on top of that: all sends of which nobody knows, as if each were."""
        return sum(_usd(send, prices) for send in self.sends if send.charged == "unknown")

    @property
    def is_quoted(self) -> bool:
        """What is known to be paid costs what its provider said."""
        return all(send.cost is not None and send.cost["quoted"] for send in self.sends if send.state == "paid")

    def to_payload(self) -> list[SendRow]:
        return [_row(send) for send in self.sends]

    @classmethod
    def from_payload(cls, rows: Iterable[SendRow]) -> "Ledger":
        return cls(tuple(Send(row["generator"], row["attempt"], row["state"], row.get("cost")) for row in rows))


def _better_known(before: Send, now: Send) -> Send:
    """The one of which more is known, the newer of two alike; what it cost is known when either says it."""
    known = now if _KNOWS[now.state] >= _KNOWS[before.state] else before
    return known._replace(cost=known.cost or before.cost or now.cost)


def _usd(send: Send, prices: Mapping[str, float]) -> float:
    return prices.get(send.generator, 0.0) if send.cost is None else send.cost["usd"]


def _row(send: Send) -> SendRow:
    row: SendRow = {"generator": send.generator, "attempt": send.attempt, "state": send.state}
    return row if send.cost is None else {**row, "cost": send.cost}
