"""What the sends of a picture owe: paid is never less, and "no" is said only when nothing can have been charged."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.ledger import ENDINGS, Cost, Ledger, Send, SendState
from shared.domain.problem import Charged

PRICES = {"replicate": 0.08, "bfl": 0.05}

states = st.sampled_from(["open", "accepted", "refused", "free", "may be charged", "paid"])
costs = st.none() | st.builds(
    lambda usd, quoted: Cost(usd=usd, quoted=quoted), st.sampled_from([0.0, 0.045, 0.08]), st.booleans()
)
sends = st.builds(Send, st.sampled_from(["replicate", "bfl"]), st.integers(1, 3), states, costs)
ledgers = st.builds(Ledger, st.lists(sends, max_size=6).map(tuple))

#: From the least that can be said to the most.
WORSE = ["no", "unknown", "yes"]


def picture(*attempts: list[SendState]) -> Ledger:
    """A picture whose attempts, from 1 on, sent this."""
    ledger = Ledger()
    for attempt, sent in enumerate(attempts, start=1):
        ledger = ledger.noted("replicate", attempt, sent)
    return ledger


@pytest.mark.parametrize(
    ("attempts", "charged", "possible_duplicate", "predictions", "is_settled", "is_open"),
    [
        # the sends of each attempt                          charged   duplicate made settled open
        ([], "no", False, 0, True, False),
        ([[]], "no", False, 0, True, False),
        ([["refused"]], "no", False, 0, True, False),
        ([["open"]], "unknown", False, 0, False, True),
        ([["accepted"]], "unknown", False, 1, False, False),
        ([["free"]], "no", False, 1, True, False),
        ([["may be charged"]], "unknown", False, 1, False, False),
        ([["paid"]], "yes", False, 1, True, False),
        # A lost send was repeated, and nobody knows of either; or the repeat made nothing, or something.
        ([["open", "open"]], "unknown", True, 0, False, True),
        ([["open", "refused"]], "unknown", False, 0, False, True),
        ([["open", "accepted"]], "unknown", True, 1, False, True),
        ([["open", "free"]], "unknown", True, 1, False, True),
        ([["open", "may be charged"]], "unknown", True, 1, False, True),
        ([["open", "paid"]], "yes", True, 1, False, True),
        # A send in the place of one that made nothing is no repeat.
        ([["refused", "accepted"]], "unknown", False, 1, False, False),
        # An attempt after another is no repeat of it.
        ([["free"], ["paid"]], "yes", False, 2, True, False),
        ([["paid"], ["free"]], "yes", False, 2, True, False),
        ([["free"], ["refused"]], "no", False, 1, True, False),
        ([["free"], ["free"], ["free"]], "no", False, 3, True, False),
        ([["may be charged"], ["free"]], "unknown", False, 2, False, False),
        ([["paid"], ["may be charged"]], "yes", False, 2, False, False),
        ([["free"], ["accepted"]], "unknown", False, 2, False, False),
        ([["open"], ["free"]], "unknown", False, 1, False, True),
        ([["open"], ["paid"]], "yes", False, 1, False, True),
        ([["open", "refused"], ["paid"]], "yes", False, 1, False, True),
        ([["free"], ["open", "accepted"]], "unknown", True, 2, False, True),
    ],
)  # fmt: skip
def test_what_a_picture_owes_and_whether_two_may_be_paid_for_it(
    attempts: list[list[SendState]], charged: Charged, possible_duplicate: bool, predictions: int, is_settled: bool, is_open: bool
) -> None:
    ledger = picture(*attempts)

    assert ledger.charged == charged
    assert ledger.possible_duplicate is possible_duplicate
    assert ledger.attempts == predictions
    assert ledger.is_settled is is_settled
    assert ledger.is_open is is_open


@given(ledgers)
def test_no_is_said_only_when_every_send_made_nothing_or_was_free(ledger: Ledger) -> None:
    assert (ledger.charged == "no") == ({send.state for send in ledger.sends} <= {"refused", "free"})
    assert (ledger.charged == "yes") == any(send.state == "paid" for send in ledger.sends)


@given(ledgers, sends)
def test_another_send_never_lowers_what_is_owed(ledger: Ledger, send: Send) -> None:
    more = Ledger((*ledger.sends, send))

    assert WORSE.index(more.charged) >= WORSE.index(ledger.charged)
    assert more.cost_usd(PRICES) >= ledger.cost_usd(PRICES)
    assert more.possible_duplicate >= ledger.possible_duplicate
    assert more.is_settled <= ledger.is_settled
    assert more.is_open >= ledger.is_open


@given(ledgers, st.lists(st.tuples(st.integers(1, 4), st.sampled_from(["free", "may be charged", "paid"])), max_size=5))
def test_what_is_paid_stays_paid_whatever_is_told_of_it_later(ledger: Ledger, ends: list[tuple[int, SendState]]) -> None:
    for attempt, state in ends:
        later = ledger.ended(attempt, state)
        assert later.cost_usd(PRICES) >= ledger.cost_usd(PRICES)
        assert later.charged == "yes" or ledger.charged != "yes"
        assert len(later.sends) == len(ledger.sends), "an end is no other send"
        ledger = later


def test_the_end_of_a_prediction_is_that_of_its_attempts_last_send() -> None:
    sent = picture(["open", "accepted"], ["accepted"])

    assert sent.ended(1, "free") == picture(["open", "free"], ["accepted"])
    assert sent.ended(2, "paid") == picture(["open", "accepted"], ["paid"])
    assert sent.ended(3, "paid") == sent, "nothing was sent for it"


def test_the_free_end_of_a_repeat_leaves_the_lost_send_before_it_unknown() -> None:
    assert picture(["open", "accepted"]).ended(1, "free").charged == "unknown"


@pytest.mark.parametrize(
    ("first", "later", "stands"),
    [
        ("accepted", "free", "free"), ("accepted", "may be charged", "may be charged"), ("accepted", "paid", "paid"),
        ("may be charged", "paid", "paid"), ("free", "paid", "paid"), ("paid", "free", "paid"),
        ("paid", "may be charged", "paid"),
    ],
)  # fmt: skip
def test_a_later_word_of_a_prediction_stands_unless_it_was_paid(first: SendState, later: SendState, stands: SendState) -> None:
    assert picture([first]).ended(1, later) == picture([stands])


def test_what_the_provider_says_is_charged_is_how_a_prediction_ended() -> None:
    assert ENDINGS == {"no": "free", "unknown": "may be charged", "yes": "paid"}


def test_what_is_known_of_an_attempt_takes_the_place_of_what_was_known_and_of_no_other() -> None:
    ledger = picture(["free"], ["open"]).noted("replicate", 2, ["open", "accepted"])

    assert ledger == picture(["free"], ["open", "accepted"])
    assert ledger.noted("replicate", 2, []) == picture(["free"])


def test_each_paid_picture_costs_what_its_own_generator_takes() -> None:
    ledger = Ledger().noted("replicate", 1, ["open", "paid"]).noted("replicate", 2, ["may be charged"]).noted("bfl", 3, ["paid"])

    assert ledger.cost_usd(PRICES) == pytest.approx(0.13)
    assert ledger.noted("bfl", 4, ["paid"]).cost_usd(PRICES) == pytest.approx(0.18)


@pytest.mark.parametrize("state", ["open", "accepted", "refused", "free", "may be charged"])
def test_only_what_is_known_to_be_paid_costs(state: SendState) -> None:
    assert picture([state]).cost_usd(PRICES) == 0


QUOTED, LISTED = Cost(usd=0.045, quoted=True), Cost(usd=0.06, quoted=False)


def test_a_paid_picture_costs_what_is_on_record_of_its_send_and_else_its_generators_price() -> None:
    ledger = Ledger().noted("bfl", 1, ["paid"], QUOTED).noted("bfl", 2, ["free"], QUOTED).noted("replicate", 3, ["paid"], LISTED)

    assert ledger.cost_usd(PRICES) == pytest.approx(0.045 + 0.06)
    assert ledger.noted("bfl", 4, ["paid"]).cost_usd(PRICES) == pytest.approx(0.045 + 0.06 + 0.05)


@pytest.mark.parametrize(
    ("paid", "is_quoted"),
    [([QUOTED], True), ([QUOTED, QUOTED], True), ([LISTED], False), ([None], False), ([QUOTED, LISTED], False),
     ([QUOTED, None], False)],
)  # fmt: skip
def test_a_cost_is_the_providers_word_when_it_has_said_so_of_every_paid_send(paid: list[Cost | None], is_quoted: bool) -> None:
    ledger = Ledger()
    for attempt, cost in enumerate(paid, start=1):
        ledger = ledger.noted("bfl", attempt, ["paid"], cost)

    assert ledger.is_quoted is is_quoted
    assert ledger.noted("bfl", 9, ["free"], LISTED).is_quoted is is_quoted, "what is not paid does not count"


def test_the_end_of_a_prediction_changes_no_cost() -> None:
    assert Ledger().noted("bfl", 1, ["accepted"], QUOTED).ended(1, "paid").sends == (Send("bfl", 1, "paid", QUOTED),)


@given(ledgers)
def test_a_ledger_survives_storage(ledger: Ledger) -> None:
    assert Ledger.from_payload(json.loads(json.dumps(ledger.to_payload()))) == ledger
