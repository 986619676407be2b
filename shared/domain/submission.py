"""The record of one attempt to make a prediction: a state machine that is only ever moved by conditional writes. Pure.

Neither provider has an idempotency key, and an activity runs at least once. So the intent to send is on record before the call
and its outcome after it; whoever finds an intent without an outcome looks for the prediction first, and repeats the send at
most once.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple, cast

from shared.domain.ledger import Cost, SendState

#: sending: the intent is written, the send may be under way. lost: sent, and its answer told nothing. refused: nothing was made.
#: submitted: the prediction is known. ended: and what came of it, where that was no picture. failed, canceled: the verdicts of
#: an attempt that makes no prediction any more.
State = Literal["sending", "lost", "refused", "submitted", "ended", "failed", "canceled"]

TRANSITIONS: dict[State | None, frozenset[State]] = {
    None: frozenset({"sending", "failed", "canceled"}),
    "sending": frozenset({"sending", "lost", "refused", "submitted", "failed", "canceled"}),
    "lost": frozenset({"sending", "submitted", "failed", "canceled"}),
    "refused": frozenset({"sending", "failed", "canceled"}),
    "submitted": frozenset({"ended"}),
    "ended": frozenset(),
    "failed": frozenset(),
    "canceled": frozenset(),
}
MAX_SENDS = 2
#: A run of the activity that stood still for longer between its intent and its call does not send: another may have taken over.
SEND_WITHIN = timedelta(seconds=10)
#: How long a send without an answer is left alone where its prediction cannot be looked for.
REPEAT_AFTER = timedelta(seconds=5)


class IllegalTransition(Exception):
    """The record cannot go from its state to the one that was asked for."""


class Submission(NamedTuple):
    """What is on record; `document` is how it is stored, `sends` what its sends owe, in order."""

    document: dict[str, Any]

    @classmethod
    def begun(
        cls, generator: str, call: int, at: datetime, instance: str | None = None, provider: str | None = None, *,
        by_link: bool = False,
    ) -> "Submission":  # fmt: skip
        """The intent to send, by the picture's `call`-th call of the activity, for an orchestration that is told the end."""
        begun = {
            "generator": generator,
            "provider": provider,
            "first_sent_at": at.isoformat(),
            "instances": [instance] if instance else [],
            "by_link": by_link,
        }
        return cls(_stored(begun, "sending", ["open"], sent_at=at.isoformat(), call=call))

    @classmethod
    def never_sent(cls, generator: str, call: int, at: datetime, problem: Mapping[str, Any] | None) -> "Submission":
        """Given up before anything was sent, canceled or for a problem: a run that comes later finds this in the place of its
        intent."""
        given_up = {"generator": generator, "problem": problem and dict(problem)}
        return cls(_stored(given_up, "failed" if problem else "canceled", [], sent_at=at.isoformat(), call=call))

    @property
    def state(self) -> State:
        return cast(State, self.document["state"])

    @property
    def sends(self) -> list[SendState]:
        """Records of the former version hold no list: a flagged one was repeated after a send that is still open."""
        if "send_states" in self.document:
            return list(self.document["send_states"])
        last: SendState = {"submitted": "accepted", "refused": "refused"}.get(self.state, "open")  # type: ignore[assignment]
        return ["open", last] if self.document["possible_duplicate"] else [last]

    @property
    def sent_at(self) -> datetime:
        """When the latest send was intended."""
        return datetime.fromisoformat(self.document["sent_at"])

    @property
    def first_sent_at(self) -> datetime:
        return datetime.fromisoformat(self.document.get("first_sent_at") or self.document["sent_at"])

    @property
    def is_open(self) -> bool:
        """Whether the latest send was made or may yet be, and its prediction is not known."""
        return self.state in ("sending", "lost")

    @property
    def prediction_id(self) -> str | None:
        handle = self.document.get("handle")
        return str(handle["id"]) if handle else None

    @property
    def provider(self) -> str | None:
        """Whose prediction it is. Records of before there was a choice of models name the provider as the generator."""
        return self.document.get("provider") or self.document.get("generator")

    @property
    def call(self) -> int:
        return int(self.document["call"])

    @property
    def instances(self) -> list[str]:
        """Whom the provider tells of the ends of the sends, as far as is known; the latest send's comes last."""
        return list(self.document.get("instances", ()))

    @property
    def is_by_link(self) -> bool:
        """Whether the latest send's images are fetched by the provider: what it echoes of them is a link then."""
        return bool(self.document.get("by_link"))

    @property
    def says_how_sent(self) -> bool:
        """Records of the former version do not say."""
        return "by_link" in self.document

    def tells(self, instance: str) -> bool:
        """Whether the provider tells `instance` of the latest send's end: it goes on telling one of a former start."""
        return not self.instances or self.instances[-1] == instance

    # ---- what happens to it; each raises IllegalTransition ----

    def sent_again(self, call: int, at: datetime, instance: str | None = None, *, by_link: bool = False) -> "Submission":
        """Another send: in the place of one that was refused, or beside one that stays open."""
        told = list(dict.fromkeys([*self.instances, *([instance] if instance else [])]))
        sends = self.sends if self.sends and self.sends[-1] == "open" else self.sends[:-1]
        return self._moved(
            "sending", [*sends, "open"], sent_at=at.isoformat(), call=call, lost_at=None, instances=told, by_link=by_link
        )  # fmt: skip

    def refused(self) -> "Submission":
        """The send made nothing."""
        return self._moved("refused", [*self.sends[:-1], "refused"])

    def lost(self, at: datetime) -> "Submission":
        return self._moved("lost", self.sends, lost_at=at.isoformat())

    def submitted(self, handle: Mapping[str, Any], cost: Cost | None = None) -> "Submission":
        """The latest send's prediction is known, by its answer or because it was found."""
        return self._moved("submitted", [*self.sends[:-1], "accepted"], handle=dict(handle), cost=cost)

    @property
    def cost(self) -> Cost | None:
        return cast("Cost | None", self.document.get("cost"))

    def ready(self) -> "Submission":
        """A look has shown the prediction finished and paid for, but its picture could not be had."""
        if self.state != "submitted":
            raise IllegalTransition(f"{self.state} is not ready")
        return Submission(_stored(self.document, "submitted", [*self.sends[:-1], "paid"], was_ready=True))

    @property
    def was_ready(self) -> bool:
        return bool(self.document.get("was_ready"))

    def ended(self, look: Mapping[str, Any], state: SendState) -> "Submission":
        """The prediction ended without a picture: `look` is told to whoever asks again."""
        return self._moved("ended", [*self.sends[:-1], state], look=dict(look))

    def failed(self, problem: Mapping[str, Any], *, is_refused: bool) -> "Submission":
        """No prediction will be made. `is_refused`: the latest send made nothing; else it stays open."""
        sends = self.sends
        return self._moved("failed", [*sends[:-1], "refused"] if is_refused else sends, problem=dict(problem))

    def canceled(self, *, is_refused: bool = False) -> "Submission":
        """Nobody wants it any more. What was sent is owed all the same; `is_refused`: the latest intent was not followed by a
        send."""
        sends = self.sends
        return self._moved("canceled", [*sends[:-1], "refused"] if is_refused else sends)

    def _moved(self, state: State, sends: list[SendState], **fields: Any) -> "Submission":
        if state not in TRANSITIONS[self.state]:
            raise IllegalTransition(f"{self.state} -> {state}")
        return Submission(_stored(self.document, state, sends, **fields))


def _stored(document: dict[str, Any], state: State, sends: list[SendState], **fields: Any) -> dict[str, Any]:
    """`sends` and `possible_duplicate` are what the former version reads."""
    is_repeated = len(sends) > 1 and "open" in sends[:-1]
    return {
        **document, "state": state, "send_states": sends, "sends": max(1, len(sends)), "possible_duplicate": is_repeated,
        **fields,
    }  # fmt: skip


class Step(NamedTuple):
    """What a run of the activity does with a record that it found."""

    do: Literal["tell", "wait", "find", "send", "repeat", "fail", "cancel"]
    #: Of wait: seconds until it is worth while to ask again.
    seconds: float = 0.0
    #: Of find: whether to decide without the prediction when it is not found now.
    is_last_look: bool = False


class Asked(NamedTuple):
    """Who asks, and when."""

    call: int
    at: datetime
    is_wanted: bool
    can_find: bool
    #: Seconds after a loss at which the provider's list is looked through; it may lag.
    find_looks: Sequence[float]
    #: After this a send that is on record has been answered or has died with its host.
    settled_after: timedelta


def next_step(record: Submission, asked: Asked) -> Step:
    """What is to be done with a record that was there before."""
    if record.state not in ("sending", "lost", "refused"):
        return Step("tell")
    if record.state == "refused":
        if not asked.is_wanted:
            return Step("cancel")
        # This call was refused already, and its story may have gone on since.
        return Step("send") if asked.call > record.call else Step("wait", REPEAT_AFTER.total_seconds())
    age = asked.at - record.sent_at
    if record.state == "sending" and age < asked.settled_after:
        return Step("wait", (asked.settled_after - age).total_seconds())
    lost_for = (asked.at - datetime.fromisoformat(record.document.get("lost_at") or record.document["sent_at"])).total_seconds()
    if asked.can_find:
        if lost_for < asked.find_looks[0]:
            return Step("wait", asked.find_looks[0] - lost_for)
        return Step("find", seconds=_until_next_look(lost_for, asked.find_looks), is_last_look=lost_for >= asked.find_looks[-1])
    if lost_for < REPEAT_AFTER.total_seconds():
        return Step("wait", REPEAT_AFTER.total_seconds() - lost_for)
    return not_found(record, asked)


def not_found(record: Submission, asked: Asked) -> Step:
    """What is to be done about an open send whose prediction will not be found any more."""
    if not asked.is_wanted:
        return Step("cancel")
    return Step("repeat") if len(record.sends) < MAX_SENDS else Step("fail")


def _until_next_look(lost_for: float, looks: Sequence[float]) -> float:
    return next((due - lost_for for due in looks if due > lost_for), REPEAT_AFTER.total_seconds())
