"""The record of an attempt: an intent before each send, at most two that may have been made, and no verdict is taken back."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from shared.domain.ledger import Ledger, SendState
from shared.domain.problem import Problem
from shared.domain.submission import TRANSITIONS, Asked, IllegalTransition, Step, Submission, next_step, not_found

AT = datetime(2026, 6, 1, 12, tzinfo=UTC)
PROBLEM = Problem("provider_unavailable").to_payload()
HANDLE = {"id": "p-1", "poll_url": "https://provider.example/p-1"}
LOOK = {"state": "failed", "problem": PROBLEM, "resubmits": 0, "left_gate": True}


def after(seconds: float) -> datetime:
    return AT + timedelta(seconds=seconds)


def begun() -> Submission:
    return Submission.begun("replicate", 1, AT)


#: A record in each state.
IN = {
    "sending": begun(), "lost": begun().lost(AT), "refused": begun().refused(), "submitted": begun().submitted(HANDLE),
    "ended": begun().submitted(HANDLE).ended(LOOK, "free"), "failed": begun().failed(PROBLEM, is_refused=True),
    "canceled": begun().canceled(),
}  # fmt: skip

#: What brings a record to each state.
TO = {
    "sending": lambda record: record.sent_again(2, AT), "lost": lambda record: record.lost(AT),
    "refused": lambda record: record.refused(), "submitted": lambda record: record.submitted(HANDLE),
    "ended": lambda record: record.ended(LOOK, "free"), "failed": lambda record: record.failed(PROBLEM, is_refused=False),
    "canceled": lambda record: record.canceled(),
}  # fmt: skip

ALLOWED = {
    "sending": ["sending", "lost", "refused", "submitted", "failed", "canceled"],
    "lost": ["sending", "submitted", "failed", "canceled"],
    "refused": ["sending", "failed", "canceled"],
    "submitted": ["ended"],
    "ended": [], "failed": [], "canceled": [],
}  # fmt: skip


# ---- from state to state ----


@pytest.mark.parametrize("there", list(TO))
@pytest.mark.parametrize("here", list(IN))
def test_each_state_leads_only_to_those_of_the_table(here: str, there: str) -> None:
    assert IN[here].state == here
    if there in ALLOWED[here]:
        assert TO[there](IN[here]).state == there
    else:
        with pytest.raises(IllegalTransition):
            TO[there](IN[here])


def test_a_record_begins_with_an_intent_or_with_a_verdict() -> None:
    first = {begun().state, *(Submission.never_sent("bfl", 1, AT, problem).state for problem in (None, PROBLEM))}

    assert first == {"sending", "failed", "canceled"} == TRANSITIONS[None]


@pytest.mark.parametrize(
    ("record", "sends"),
    [
        (begun(), ["open"]),
        (begun().lost(AT), ["open"]),
        (begun().refused(), ["refused"]),
        (begun().submitted(HANDLE), ["accepted"]),
        (begun().lost(AT).submitted(HANDLE), ["accepted"]),
        # A send in the place of one that was refused, or beside one that stays open.
        (begun().refused().sent_again(2, AT), ["open"]),
        (begun().sent_again(2, AT), ["open", "open"]),
        (begun().lost(AT).sent_again(2, AT), ["open", "open"]),
        (begun().lost(AT).sent_again(2, AT).refused(), ["open", "refused"]),
        (begun().lost(AT).sent_again(2, AT).refused().sent_again(3, AT), ["open", "open"]),
        (begun().lost(AT).sent_again(2, AT).lost(AT), ["open", "open"]),
        (begun().lost(AT).sent_again(2, AT).submitted(HANDLE), ["open", "accepted"]),
        (begun().refused().sent_again(2, AT).submitted(HANDLE), ["accepted"]),
        # How the prediction ended.
        (begun().submitted(HANDLE).ended(LOOK, "free"), ["free"]),
        (begun().submitted(HANDLE).ended(LOOK, "may be charged"), ["may be charged"]),
        (begun().lost(AT).sent_again(2, AT).submitted(HANDLE).ended(LOOK, "paid"), ["open", "paid"]),
        # A verdict forgets nothing that was sent.
        (begun().failed(PROBLEM, is_refused=True), ["refused"]),
        (begun().failed(PROBLEM, is_refused=False), ["open"]),
        (begun().refused().failed(PROBLEM, is_refused=False), ["refused"]),
        (begun().lost(AT).sent_again(2, AT).failed(PROBLEM, is_refused=True), ["open", "refused"]),
        (begun().lost(AT).sent_again(2, AT).lost(AT).failed(PROBLEM, is_refused=False), ["open", "open"]),
        (begun().canceled(), ["open"]),
        (begun().canceled(is_refused=True), ["refused"]),
        (begun().refused().canceled(), ["refused"]),
        (begun().lost(AT).canceled(), ["open"]),
        (begun().lost(AT).sent_again(2, AT).canceled(is_refused=True), ["open", "refused"]),
        # Given up before anything was sent.
        (Submission.never_sent("replicate", 1, AT, None), []),
        (Submission.never_sent("replicate", 1, AT, PROBLEM), []),
    ],
)  # fmt: skip
def test_what_was_sent(record: Submission, sends: list[SendState]) -> None:
    assert record.sends == sends
    assert record.document["send_states"] == sends
    # What the former version reads: it knows no attempt without a send.
    assert record.document["sends"] == max(1, len(sends))
    assert record.document["possible_duplicate"] is (len(sends) == 2)


def test_a_record_says_where_and_when_and_by_which_call() -> None:
    again = begun().lost(after(30)).sent_again(2, after(70))

    assert begun().document["generator"] == Submission.never_sent("replicate", 1, AT, None).document["generator"] == "replicate"
    assert (begun().call, begun().sent_at, begun().first_sent_at) == (1, AT, AT)
    assert (again.call, again.sent_at, again.first_sent_at) == (2, after(70), AT), "a lost one is looked for since the first send"
    assert Submission.never_sent("replicate", 4, AT, None).call == 4
    assert Submission.never_sent("replicate", 4, AT, None).first_sent_at == AT


def test_a_record_keeps_what_is_told_to_whoever_asks_again() -> None:
    ended = begun().submitted(HANDLE).ended(LOOK, "free")

    assert (ended.document["handle"], ended.document["look"]) == (HANDLE, LOOK)
    assert begun().failed(PROBLEM, is_refused=True).document["problem"] == PROBLEM
    assert Submission.never_sent("replicate", 1, AT, PROBLEM).document["problem"] == PROBLEM


def test_a_record_is_changed_into_another_one() -> None:
    record = begun()
    record.lost(AT).sent_again(2, AT).submitted(HANDLE)

    assert record == begun()


@pytest.mark.parametrize(
    ("state", "possible_duplicate", "sends"),
    [
        ("sending", False, ["open"]), ("lost", False, ["open"]), ("refused", False, ["refused"]),
        ("submitted", False, ["accepted"]), ("sending", True, ["open", "open"]), ("lost", True, ["open", "open"]),
        ("refused", True, ["open", "refused"]), ("submitted", True, ["open", "accepted"]),
    ],
)  # fmt: skip
def test_records_of_the_former_version_are_read(state: str, possible_duplicate: bool, sends: list[SendState]) -> None:
    record = Submission({
        "state": state, "sends": 2 if possible_duplicate else 1, "possible_duplicate": possible_duplicate,
        "sent_at": AT.isoformat(), "call": 3, **({"handle": HANDLE} if state == "submitted" else {}),
    })  # fmt: skip

    assert record.sends == sends
    assert (record.call, record.sent_at, record.first_sent_at) == (3, AT, AT)
    if state == "submitted":
        assert record.ended(LOOK, "paid").sends == [*sends[:-1], "paid"]
    if state == "lost":
        assert next_step(record, asked(age=5, call=4)) == Step("find", seconds=10)
        assert not_found(record, asked(age=40)).do == ("fail" if possible_duplicate else "repeat")


# ---- what is done with a record that was there before ----


def asked(age: float = 0.0, *, call: int = 2, is_wanted: bool = True, can_find: bool = True) -> Asked:
    """Asked `age` seconds after the send, or after its loss."""
    return Asked(call, after(age), is_wanted, can_find, [5, 15, 40], timedelta(seconds=45))


LOST_TWICE = begun().lost(AT).sent_again(2, AT).lost(AT)


@pytest.mark.parametrize(
    ("record", "question", "step"),
    [
        # A verdict, or a prediction, is told.
        *[(IN[state], asked(age, is_wanted=is_wanted), Step("tell"))
          for state in ("submitted", "ended", "failed", "canceled") for age in (0, 99) for is_wanted in (True, False)],
        # Refused: another call sends, the same one delivered again does not.
        (IN["refused"], asked(call=2), Step("send")),
        (IN["refused"], asked(call=2, can_find=False), Step("send")),
        (IN["refused"], asked(call=1), Step("wait", 5)),
        (IN["refused"], asked(99, call=1), Step("wait", 5)),
        (IN["refused"], asked(call=2, is_wanted=False), Step("cancel")),
        (IN["refused"], asked(call=1, is_wanted=False), Step("cancel")),
        # The send may be under way, whoever asks.
        (IN["sending"], asked(0), Step("wait", 45)),
        (IN["sending"], asked(44), Step("wait", 1)),
        (IN["sending"], asked(44, is_wanted=False), Step("wait", 1)),
        (IN["sending"], asked(44, can_find=False), Step("wait", 1)),
        (IN["sending"], asked(45), Step("find", seconds=5, is_last_look=True)),
        (IN["sending"], asked(45, can_find=False), Step("repeat")),
        (IN["sending"], asked(45, can_find=False, is_wanted=False), Step("cancel")),
        # Lost: looked for after 5, 15 and 40 seconds, wanted or not, by whatever call.
        (IN["lost"], asked(0), Step("wait", 5)),
        (IN["lost"], asked(4), Step("wait", 1)),
        (IN["lost"], asked(5), Step("find", seconds=10)),
        (IN["lost"], asked(5, call=1), Step("find", seconds=10)),
        (IN["lost"], asked(5, is_wanted=False), Step("find", seconds=10)),
        (IN["lost"], asked(14), Step("find", seconds=1)),
        (IN["lost"], asked(15), Step("find", seconds=25)),
        (IN["lost"], asked(39), Step("find", seconds=1)),
        (IN["lost"], asked(40), Step("find", seconds=5, is_last_look=True)),
        (IN["lost"], asked(40, is_wanted=False), Step("find", seconds=5, is_last_look=True)),
        (IN["lost"], asked(99), Step("find", seconds=5, is_last_look=True)),
        (LOST_TWICE, asked(15), Step("find", seconds=25)),
        (LOST_TWICE, asked(40), Step("find", seconds=5, is_last_look=True)),
        # Where it cannot be looked for it is left alone for a moment, and then repeated once.
        (IN["lost"], asked(0, can_find=False), Step("wait", 5)),
        (IN["lost"], asked(4, can_find=False), Step("wait", 1)),
        (IN["lost"], asked(4, can_find=False, is_wanted=False), Step("wait", 1)),
        (IN["lost"], asked(5, can_find=False), Step("repeat")),
        (IN["lost"], asked(5, can_find=False, is_wanted=False), Step("cancel")),
        (LOST_TWICE, asked(5, can_find=False), Step("fail")),
        (LOST_TWICE, asked(5, can_find=False, is_wanted=False), Step("cancel")),
        # A repeat that was refused was no second send.
        (begun().lost(AT).sent_again(2, AT).refused(), asked(call=3), Step("send")),
        (begun().lost(AT).sent_again(2, AT).refused(), asked(call=3, is_wanted=False), Step("cancel")),
    ],
)  # fmt: skip
def test_what_is_done_with_a_record_that_was_there(record: Submission, question: Asked, step: Step) -> None:
    assert next_step(record, question) == step


def test_a_loss_is_counted_from_when_it_was_known_and_a_repeat_from_itself() -> None:
    lost_late = begun().lost(after(30))
    repeated = lost_late.sent_again(2, after(100))

    assert next_step(lost_late, asked(34)) == Step("wait", 1)
    assert next_step(lost_late, asked(45)) == Step("find", seconds=25)
    assert next_step(repeated, asked(144)) == Step("wait", 1)
    assert next_step(repeated, asked(145)) == Step("find", seconds=5, is_last_look=True)


@pytest.mark.parametrize(
    ("record", "is_wanted", "do"),
    [
        (IN["lost"], True, "repeat"), (IN["sending"], True, "repeat"), (IN["lost"], False, "cancel"),
        (LOST_TWICE, True, "fail"), (LOST_TWICE, False, "cancel"),
    ],
)  # fmt: skip
def test_what_is_not_found_is_repeated_once_while_it_is_wanted(record: Submission, is_wanted: bool, do: str) -> None:
    assert not_found(record, asked(is_wanted=is_wanted)) == Step(do)  # type: ignore[arg-type]


# ---- whatever order things come in ----

OUTCOMES = st.sampled_from(["accepted", "lost but made", "lost", "refused", "failed", "died", "died but made"])


class Attempt(RuleBasedStateMachine):
    """Runs of the activity, new or delivered again, against a provider that knows what was made."""

    @initialize(can_find=st.booleans(), outcome=OUTCOMES)
    def begin(self, can_find: bool, outcome: str) -> None:
        self.now, self.call, self.can_find, self.is_wanted = AT, 1, can_find, True
        self.sent, self.made, self.last = 0, 0, ""
        self.record = begun()
        self.send(outcome)

    def send(self, outcome: str) -> None:
        self.sent += outcome not in ("refused", "failed")
        self.made += outcome in ("accepted", "lost but made", "died but made")
        self.last = outcome
        if outcome == "accepted":
            self.record = self.record.submitted(HANDLE)
        elif outcome.startswith("lost"):
            self.record = self.record.lost(self.now)
        elif outcome == "refused":
            self.record = self.record.refused()
        elif outcome == "failed":
            self.record = self.record.failed(PROBLEM, is_refused=True)

    @rule(seconds=st.sampled_from([1, 5, 10, 25, 45]))
    def wait(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @rule()
    def cancel(self) -> None:
        self.is_wanted = False

    @precondition(lambda self: self.record.state == "submitted")
    @rule(state=st.sampled_from(["free", "may be charged", "paid"]))
    def end(self, state: SendState) -> None:
        self.record = self.record.ended(LOOK, state)

    @rule(outcome=OUTCOMES, is_new=st.booleans(), list_lags=st.booleans())
    def run_again(self, outcome: str, is_new: bool, list_lags: bool) -> None:
        self.call += is_new
        question = Asked(self.call, self.now, self.is_wanted, self.can_find, [5, 15, 40], timedelta(seconds=45))
        step = next_step(self.record, question)
        if step.do == "find":
            if self.last.endswith("made") and not list_lags:
                self.record = self.record.submitted(HANDLE)
                return
            step = not_found(self.record, question) if step.is_last_look else Step("wait", step.seconds)
        if step.do in ("send", "repeat"):
            assert self.is_wanted
            self.record = self.record.sent_again(self.call, self.now)
            self.send(outcome)
        elif step.do == "fail":
            self.record = self.record.failed(PROBLEM, is_refused=False)
        elif step.do == "cancel":
            self.record = self.record.canceled()

    @invariant()
    def it_is_sent_twice_at_the_most_and_the_second_is_flagged(self) -> None:
        if not hasattr(self, "record"):
            return
        ledger = Ledger().noted("replicate", 1, self.record.sends)
        assert self.sent <= 2
        assert sum(send != "refused" for send in self.record.sends) == self.sent
        assert ledger.possible_duplicate is (self.sent == 2)
        assert self.record.document["sends"] == len(self.record.sends)
        if ledger.charged == "no" and self.record.state != "ended":
            assert self.made == 0


TestAttempt = Attempt.TestCase
TestAttempt.settings = settings(max_examples=60, stateful_step_count=25)
