"""The gate's rules: never more than the limit, first come first served, the dead make room, an outage is waited out."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.gate import Gate


class Clocked:
    """A gate whose document lives on while the clock moves, as it does between calls of the app."""

    def __init__(
        self,
        limit: int = 2,
        caps: Mapping[str, int] | None = None,
        default_generator: str = "",
        document: dict[str, Any] | None = None,
    ) -> None:
        self.limit, self.caps, self.default_generator = limit, caps, default_generator
        self.now, self.document = 1_000.0, document
        self.events: list[tuple[str, dict[str, Any]]] = []

    def at(self, seconds: float = 0.0) -> Gate:
        self.now += seconds
        gate = Gate(self.document, self.limit, self.now, self.caps, self.default_generator)
        self.document, gate.events = gate.document, self.events
        return gate

    def enter(self, holder: str, **kwargs: Any) -> Any:
        return self.at().enter(holder, f"instance of {holder}", f"event of {holder}", **kwargs)


@pytest.fixture
def gate() -> Clocked:
    return Clocked()


def test_those_who_come_first_get_the_slots_and_the_others_a_place_in_the_queue(gate: Clocked) -> None:
    places = [gate.enter(holder) for holder in ("a/0", "b/0", "c/0", "d/0")]

    assert [place.granted for place in places] == [True, True, False, False]
    assert [place.position for place in places] == [None, None, 1, 2]


def test_who_was_accepted_first_is_served_first_even_when_it_asks_later(gate: Clocked) -> None:
    for holder in ("x/0", "y/0", "d/0", "c/0"):
        gate.enter(holder)
    leaving = gate.at()
    leaving.leave("x/0", "ok")

    assert [(grant.holder, grant.instance, grant.event) for grant in leaving.grants] == [
        ("c/0", "instance of c/0", "event of c/0")
    ]


def test_asking_again_changes_nothing(gate: Clocked) -> None:
    for _ in range(3):
        assert gate.enter("a/0").granted
    gate.enter("b/0")
    assert [gate.enter("c/0").position for _ in range(3)] == [1, 1, 1]
    gate.at().leave("a/0", None)
    gate.at().leave("a/0", None)
    assert gate.enter("c/0").granted
    assert set(gate.at().document["active"]) == {"b/0", "c/0"}


def test_leaving_the_queue_frees_no_slot(gate: Clocked) -> None:
    for holder in ("a/0", "b/0", "c/0", "d/0"):
        gate.enter(holder)
    leaving = gate.at()
    leaving.leave("c/0", None)

    assert leaving.grants == []
    assert gate.enter("d/0").position == 1


def test_the_expected_wait_comes_from_measured_holds(gate: Clocked) -> None:
    gate.enter("a/0")
    gate.at(8).leave("a/0", "ok")
    gate.enter("b/0")
    gate.at(12).leave("b/0", "ok")
    for holder in ("c/0", "d/0", "e/0", "f/0", "g/0"):
        place = gate.enter(holder)

    assert gate.at().typical_seconds(99) == 10
    # Third in line before two slots: two waves.
    assert (place.position, place.wait_seconds) == (3, 20)


def test_a_dead_holder_loses_its_slot_and_a_living_one_keeps_it(gate: Clocked) -> None:
    for holder in ("a/0", "b/0", "c/0"):
        gate.enter(holder)
    assert gate.at(59).overdue() == {}
    late = gate.at(2)
    assert late.overdue() == {"a/0": "instance of a/0", "b/0": "instance of b/0"}, "whoever holds is asked for"
    late.verified({"a/0": True, "b/0": False})

    assert [grant.holder for grant in late.grants] == ["c/0"]
    assert gate.at().overdue() == {}
    assert ("gate_freed", {"job_id": "b", "index": "0", "reason": "dead in active", "model": None}) in gate.events


def test_a_dead_waiter_is_found_too(gate: Clocked) -> None:
    for holder in ("a/0", "b/0", "c/0"):
        gate.enter(holder)
    # It looks again after 15 seconds, and has 90 to do so.
    assert "c/0" not in gate.at(104).overdue()
    late = gate.at(2)
    assert late.overdue()["c/0"] == "instance of c/0"
    late.verified({"a/0": True, "b/0": True, "c/0": False})
    assert late.grants == []
    assert gate.enter("d/0").position == 1


def test_who_waits_looks_again_when_its_turn_may_have_come_but_all_together_no_more_than_twice_a_second(gate: Clocked) -> None:
    places = [gate.enter(f"{n:04}/0") for n in range(1_000)]

    # 15 s for each picture, as long as none was measured, and two at once.
    assert [places[n].look_again_seconds for n in (2, 3, 8, 20, 100)] == [15.0, 15.0, 60.0, 60.0, 60.0]
    assert places[400].look_again_seconds == 399 / 2
    assert places[999].look_again_seconds == 998 / 2
    assert gate.enter("0002/0").look_again_seconds == 998 / 2, "whose turn is next is woken like everybody else"


def test_who_need_not_look_yet_is_not_taken_for_dead(gate: Clocked) -> None:
    for n in range(300):
        gate.enter(f"{n:03}/0")
    # 298 wait: the last one looks after 149 seconds.
    assert "299/0" not in gate.at(149 + 89).overdue()
    assert "299/0" in gate.at(2).overdue()


def test_of_a_long_line_that_has_become_short_somebody_looks_within_a_minute(gate: Clocked) -> None:
    for n in range(400):
        gate.enter(f"{n:03}/0")
    for n in range(394):
        gate.at().leave(f"{n:03}/0", "ok")
    # Two of the six have slots. Four would look after more than three minutes, as behind four hundred.
    assert sorted(gate.at().document["waiting"]) == ["396/0", "397/0", "398/0", "399/0"]
    failing = gate.at(1)
    failing.leave("394/0", "failed")
    words = [grant.holder for grant in failing.grants]
    # The slot goes to the next one, and the first of the others is to look.
    assert words == ["396/0", "397/0"]
    looks = [entry["looks_at"] - gate.now for entry in gate.at().document["waiting"].values()]
    assert min(looks) == 60
    failing = gate.at(1)
    failing.leave("nobody", None)
    assert failing.grants == [], "one is enough"


def test_a_slot_of_the_version_beside_is_told_of_no_more_once_its_holder_has_come(gate: Clocked) -> None:
    for holder in ("a/0", "b/0", "c/0"):
        gate.enter(holder)
    gate.at().leave("a/0", "ok")
    slot = gate.at(5).document["active"]["c/0"]
    # It notes that c has come, and takes nothing away that it does not know; it also leaves when c would have looked.
    slot.update(seen_at=gate.now, looks_at=gate.now + 300)
    later = gate.at(30)
    later.enter("d/0", "instance of d/0", "event of d/0")
    assert later.grants == []
    assert "c/0" in gate.at(31).overdue()


def test_many_who_did_not_come_are_told_again_a_few_at_a_time() -> None:
    gate = Clocked(24)
    for n in range(48):
        gate.enter(f"{n:02}/0")
    for n in range(24):
        gate.at().leave(f"{n:02}/0", "ok")
    told = gate.at(21)
    told.enter("x/0", "i", "e")
    assert len(told.grants) == 5
    again = gate.at()
    again.enter("y/0", "i", "e")
    assert not {grant.holder for grant in again.grants} & {grant.holder for grant in told.grants}


def test_whoever_does_not_come_for_its_slot_is_told_of_it_again(gate: Clocked) -> None:
    for holder in ("a/0", "b/0", "c/0"):
        gate.enter(holder)
    leaving = gate.at()
    leaving.leave("a/0", "ok")
    assert [grant.holder for grant in leaving.grants] == ["c/0"]

    def told(seconds: float) -> list[tuple[str, str, str]]:
        other = gate.at(seconds)
        other.enter("d/0", "instance of d/0", "event of d/0")
        return [(grant.holder, grant.instance, grant.event) for grant in other.grants]

    again = [("c/0", "instance of c/0", "event of c/0")]
    assert [told(seconds) for seconds in (20, 1, 19, 2)] == [[], again, [], again]
    assert gate.enter("c/0").granted
    assert told(100) == [], "it has come"


def test_whoever_asks_again_from_another_instance_is_asked_for_there(gate: Clocked) -> None:
    gate.enter("a/0")
    gate.at().enter("a/0", "a later start of a", "event of a/0")

    assert gate.at(61).overdue() == {"a/0": "a later start of a"}


def test_a_waiter_that_got_its_slot_is_asked_for_where_it_waited(gate: Clocked) -> None:
    for holder in ("a/0", "b/0", "c/0"):
        gate.enter(holder)
    gate.at().leave("a/0", "ok")

    assert gate.at(61).overdue() == {"b/0": "instance of b/0", "c/0": "instance of c/0"}


def test_a_holder_of_the_former_version_has_no_instance(gate: Clocked) -> None:
    gate.enter("a/0")
    assert gate.document is not None
    del gate.document["active"]["a/0"]["instance"]

    assert gate.at(61).overdue() == {"a/0": ""}


def test_what_a_slot_takes_is_unknown_until_one_gave_a_picture(gate: Clocked) -> None:
    gate.enter("a/0")
    gate.at(9).leave("a/0", "failed")
    assert (gate.at().measured_seconds(), gate.at().typical_seconds(15)) == (None, 15)
    gate.enter("b/0")
    gate.at(12).leave("b/0", "ok")
    assert (gate.at().measured_seconds(), gate.at().typical_seconds(15)) == (12, 12)


def picture_after(gate: Clocked, seconds: float) -> float:
    """What a picture takes from now on, after one that held its slot for so long."""
    gate.enter("x/0")
    gate.at(seconds).leave("x/0", "ok")
    return gate.at().typical_seconds(15)


def test_when_a_provider_becomes_slower_or_quicker_the_measure_follows_within_five_pictures(gate: Clocked) -> None:
    for _ in range(20):
        assert picture_after(gate, 8) == 8
    assert [picture_after(gate, 30) for _ in range(5)] == [8, 8, 30, 30, 30]
    assert [picture_after(gate, 18) for _ in range(5)] == [30, 18, 18, 18, 18]
    # Looked for at 0.6 of what was usual, one after the other, until it is not there yet.
    usual, seen = 18.0, []
    for _ in range(5):
        usual = picture_after(gate, max(3.0, 0.6 * usual))
        seen.append(round(usual, 1))
    assert seen == [18, 10.8, 10.8, 6.5, 6.5]


def test_what_passes_until_a_look_sees_the_end_is_no_time_of_the_providers(gate: Clocked) -> None:
    gate.enter("a/0")
    gate.at(13).leave("a/0", "ok", took_seconds=12.08)
    assert gate.at().measured_seconds() == 12.08
    for took in (-8, 0, 1.01):
        gate.enter("b/0")
        gate.at(1).leave("b/0", "ok", took_seconds=took)
    assert gate.document["holds"] == [12.08, 1, 1, 1], "clocks differ"


def test_one_odd_picture_changes_no_measure(gate: Clocked) -> None:
    for _ in range(5):
        picture_after(gate, 10)
    assert [picture_after(gate, seconds) for seconds in (2, 10, 90, 10, 2)] == [10] * 5


@pytest.mark.parametrize(
    ("ages", "expected"),
    [
        # Two slots, five in line, 10 s a picture: each pair has those of the pair before it.
        ((0, 4), [6, 10, 16, 20, 26]), ((9, 12), [0, 1, 10, 11, 20]),
        # Nobody knows when one comes whose picture is late; who gets the other slot knows.
        ((13, 3), [7, None, 17, None, 27]), ((13, 99), [None] * 5),
    ],
)  # fmt: skip
def test_when_a_slot_comes_is_reckoned_by_how_long_those_ahead_have_had_theirs(
    gate: Clocked, ages: tuple[float, float], expected: list[float | None]
) -> None:
    gate.enter("a/0")
    gate.at(10).leave("a/0", "ok")
    first, second = sorted(ages, reverse=True)
    gate.enter("b/0")
    gate.at(first - second)
    gate.enter("c/0")
    gate.at(second)
    waiting = [f"{name}/0" for name in "defgh"]
    for holder in waiting:
        gate.enter(holder)
    assert [gate.at().expected_start(holder) for holder in waiting] == expected
    assert gate.at().expected_start("b/0") is None, "it does not wait"


def test_while_a_provider_is_stopped_nobody_knows_and_while_it_is_left_alone_that_time_is_added(gate: Clocked) -> None:
    fail(gate, 5)
    gate.enter("a/0")
    assert gate.at(10).expected_start("a/0") == 20
    gate.at().stop("provider_quota_exhausted")
    assert gate.at().expected_start("a/0") is None


def fail(gate: Clocked, times: int) -> None:
    for n in range(times):
        gate.enter(f"f{n}/0")
        gate.at().leave(f"f{n}/0", "failed")


def test_failures_in_a_row_close_the_gate_and_a_success_between_does_not(gate: Clocked) -> None:
    fail(gate, 4)
    gate.enter("ok/0")
    gate.at().leave("ok/0", "ok")
    fail(gate, 4)
    assert not gate.at().is_shut

    fail(gate, 1)
    assert gate.at().is_shut
    assert not gate.enter("later/0").granted
    assert gate.at().seconds_until_open == 30


def test_after_an_outage_one_tries_alone_and_opens_the_gate_for_all(gate: Clocked) -> None:
    fail(gate, 5)
    assert [gate.enter(holder).granted for holder in ("a/0", "b/0", "c/0")] == [False] * 3
    gate.at(30)
    assert [gate.enter(holder).granted for holder in ("a/0", "b/0")] == [True, False]

    healed = gate.at(5)
    healed.leave("a/0", "ok")
    assert [grant.holder for grant in healed.grants] == ["b/0", "c/0"]
    assert [name for name, _ in gate.events if name.startswith("breaker")] == ["breaker_opened", "breaker_closed"]


def test_a_failed_trial_closes_the_gate_for_twice_as_long_up_to_a_limit(gate: Clocked) -> None:
    fail(gate, 5)
    waits = []
    for n in range(6):
        waits.append(gate.at().seconds_until_open)
        gate.at(waits[-1])
        assert gate.enter(f"probe{n}/0").granted
        gate.at().leave(f"probe{n}/0", "failed")

    assert waits[:3] == [30, 60, 120]
    assert max(waits) == 300


def test_a_canceled_trial_says_nothing_and_the_next_one_tries(gate: Clocked) -> None:
    fail(gate, 5)
    gate.at(30)
    assert gate.enter("a/0").granted
    gate.enter("b/0")
    leaving = gate.at()
    leaving.leave("a/0", None)
    assert [grant.holder for grant in leaving.grants] == ["b/0"]


def test_a_trial_that_does_not_end_keeps_nobody_else_from_trying(gate: Clocked) -> None:
    fail(gate, 5)
    gate.at(30)
    assert gate.enter("a/0").granted
    assert not gate.enter("b/0").granted
    gate.at(60)

    assert gate.enter("b/0").granted
    assert not gate.enter("c/0").granted, "one at a time"
    gate.at().leave("b/0", "ok")
    assert gate.enter("c/0").granted


def test_a_holder_whose_submit_fails_goes_back_to_its_place_when_that_closes_the_gate(gate: Clocked) -> None:
    gate.enter("a/0")
    fail(gate, 4)
    place = gate.enter("a/0", failed=True)

    assert (place.granted, place.position) == (False, 1)
    assert place.wait_seconds >= 30


def test_a_failure_that_is_noted_counts_and_takes_nothing_from_its_holder(gate: Clocked) -> None:
    gate.enter("a/0")
    for _ in range(4):
        gate.at().note_failure("a/0")
    assert not gate.at().is_shut
    gate.at().note_failure("a/0")
    assert gate.at().is_shut
    assert set(gate.at().document["active"]) == {"a/0"}


def test_a_noted_failure_of_the_one_that_tries_alone_closes_the_gate_again(gate: Clocked) -> None:
    fail(gate, 5)
    gate.at(30)
    assert gate.enter("a/0").granted
    assert not gate.at().is_shut
    gate.at().note_failure("a/0")

    assert gate.at().seconds_until_open == 60


def test_a_stopped_provider_gives_no_slots_until_its_balance_check_passes(gate: Clocked) -> None:
    gate.at().stop("provider_quota_exhausted")
    assert not gate.enter("a/0").granted
    assert not gate.at().is_balance_check_due
    assert gate.at(60).is_balance_check_due
    gate.at().balance_checked(passed=False)
    assert not gate.at().is_balance_check_due
    resumed = gate.at(60)
    resumed.balance_checked(passed=True)
    assert [grant.holder for grant in resumed.grants] == ["a/0"]


HOLDERS = st.sampled_from([f"job{n}/0" for n in range(8)])
STEPS = st.one_of(
    st.tuples(st.just("enter"), HOLDERS, st.booleans()),
    st.tuples(st.just("leave"), HOLDERS, st.sampled_from(["ok", "failed", None])),
    st.tuples(st.just("dead"), HOLDERS, st.booleans()),
    st.tuples(st.just("wait"), st.sampled_from([1.0, 40.0, 400.0]), st.none()),
    st.tuples(st.just("stop"), st.none(), st.none()),
    st.tuples(st.just("balance"), st.booleans(), st.none()),
)


@given(st.integers(1, 3), st.lists(STEPS, max_size=60))
def test_whatever_happens_the_limit_holds_and_no_one_is_both_waiting_and_active(limit: int, steps: list[Any]) -> None:
    gate = Clocked(limit)
    for kind, what, how in steps:
        now = gate.at(what if kind == "wait" else 0.0)
        before = json.dumps(now.document)
        if kind == "enter":
            now.enter(what, what, "e", failed=how)
        elif kind == "leave":
            now.leave(what, how)
        elif kind == "dead":
            now.verified({what: how})
        elif kind == "stop":
            now.stop("provider_quota_exhausted")
        elif kind == "balance":
            now.balance_checked(what)
        active, waiting = now.document["active"], now.document["waiting"]
        assert len(active) <= limit
        assert not set(active) & set(waiting)
        assert sum(slot["probe"] for slot in active.values()) <= 1
        if waiting and not now.is_shut and len(active) < limit:
            # A slot stands empty beside a queue only while one tries alone after an outage, or when nothing but time has passed.
            is_as_before = json.dumps(now.document) == before
            assert any(slot["probe"] for slot in active.values()) or is_as_before or kind in ("enter", "dead")


def test_a_pause_stops_nobody_who_is_here_and_keeps_its_beginning(gate: Clocked) -> None:
    gate.at().pause("incident")
    gate.at(60).pause("still the incident")
    assert gate.document is not None
    assert gate.document["paused"] == {"since": 1_000.0, "reason": "still the incident"}
    assert gate.enter("job_1/0").granted, "jobs that were taken in before go on"

    gate.at().resume()
    assert gate.document["paused"] is None


@pytest.mark.parametrize(("attempt", "call"), [(1, 1), (1, 2), (2, 2)])
@pytest.mark.parametrize("is_granted", [True, False])
def test_a_call_that_is_delivered_again_changes_nothing_for_a_later_one(is_granted: bool, attempt: int, call: int) -> None:
    gate = Clocked(limit=1)
    if not is_granted:
        gate.enter("job_0/0")
    assert gate.enter("job_1/0", attempt=2, call=3, generator="new").granted is is_granted
    before = json.dumps(gate.document)
    late = gate.at(5).enter(
        "job_1/0", "instance of job_1/0", "another event", attempt=attempt, call=call, failed=True, generator="old"
    )

    assert (late.granted, late.is_overtaken) == (False, True)
    assert json.dumps(gate.document) == before


@pytest.mark.parametrize(("instance", "call"), [("instance of job_1/0", 1001), ("its next instance", 1)])
def test_a_story_that_is_told_anew_asks_from_its_beginning(gate: Clocked, instance: str, call: int) -> None:
    """In the same instance its calls go on from a thousand."""
    gate.enter("job_1/0", attempt=2, call=3)
    again = gate.at().enter("job_1/0", instance, "event", attempt=1, call=call)

    assert (again.granted, again.is_overtaken) == (True, False)


def test_an_entry_of_the_former_version_has_no_calls(gate: Clocked) -> None:
    gate.enter("job_1/0", attempt=1, call=3)
    assert gate.document is not None
    del gate.document["active"]["job_1/0"]["call"]

    assert gate.enter("job_1/0", attempt=1, call=3).granted
