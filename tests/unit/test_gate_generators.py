"""One provider, several generators: each within its cap, all within the limit, none in another's way, each measured by itself."""

import random
from typing import Any

import pytest

from shared.domain.gate import BREAKER_FAILURES
from tests.unit.test_gate import Clocked

MAX, PRO = "flux-kontext-max", "flux-2-pro"


@pytest.fixture
def gate() -> Clocked:
    """Four slots, two of them for MAX."""
    return Clocked(limit=4, caps={MAX: 2})


def enter(gate: Clocked, generator: str, *holders: str, owner: str = "") -> list[Any]:
    return [gate.enter(holder, generator=generator, owner=owner) for holder in holders]


def active(gate: Clocked, generator: str) -> list[str]:
    return sorted(holder for holder, slot in gate.at().document["active"].items() if slot["generator"] == generator)


def left(gate: Clocked, *holders: str) -> list[str]:
    """Who is given the slots of holders that leave, in this order."""
    granted = []
    for holder in holders:
        leaving = gate.at()
        leaving.leave(holder, "ok")
        granted += [grant.holder for grant in leaving.grants]
    return granted


def test_a_generator_gets_no_more_than_its_cap_and_the_provider_no_more_than_its_limit(gate: Clocked) -> None:
    places = enter(gate, MAX, "a", "b", "c") + enter(gate, PRO, "d", "e", "f")

    assert [place.granted for place in places] == [True, True, False, True, True, False]


def test_a_cap_above_the_limit_gives_nothing_more() -> None:
    gate = Clocked(limit=2, caps={MAX: 6})
    assert [place.granted for place in enter(gate, MAX, "a", "b", "c")] == [True, True, False]
    assert gate.at().width(MAX) == 2


def test_who_waits_for_a_full_generator_holds_up_nobody_behind_it(gate: Clocked) -> None:
    enter(gate, MAX, "a", "b", "c", "d")

    assert [place.granted for place in enter(gate, PRO, "e", "f")] == [True, True]
    enter(gate, PRO, "g")
    assert left(gate, "e") == ["g"], "c and d came before it, and have no use for this slot"
    assert left(gate, "a") == ["c"]


def test_between_generators_who_came_first_goes_first(gate: Clocked) -> None:
    enter(gate, PRO, "a", "b", "c", "d")
    enter(gate, PRO, "h")
    enter(gate, MAX, "e", "g")
    enter(gate, PRO, "f")

    assert left(gate, "a", "b", "c", "d") == ["e", "f", "g", "h"]


def test_an_owner_waits_behind_nobodys_many_for_another_generator(gate: Clocked) -> None:
    enter(gate, PRO, *(f"m{n}" for n in range(9)), owner="many")
    enter(gate, MAX, "n", owner="one")

    assert "n" in left(gate, "m0", "m1")


def test_the_owner_whose_turn_it_is_says_for_which_generator_a_slot_is() -> None:
    gate = Clocked(limit=1)
    enter(gate, PRO, "a", owner="z")
    enter(gate, PRO, "b", "c", "d", owner="x")
    enter(gate, MAX, "e", owner="x")
    enter(gate, MAX, "f", owner="y")

    # y stands behind x for MAX, and has a slot of MAX given all the same while x has others of PRO before that.
    assert left(gate, *"abefc") == ["b", "e", "f", "c", "d"]


def test_position_and_wait_are_those_of_the_generator(gate: Clocked) -> None:
    enter(gate, MAX, "a", "b")
    enter(gate, PRO, "c", "d")
    gate.at(20)
    assert left(gate, "a", "b", "c", "d") == []
    for holders, generator in (("ab", MAX), ("cd", PRO)):
        enter(gate, generator, *holders)
    gate.at(10)
    left(gate, *"cd")
    enter(gate, PRO, "e", "f")

    assert [place.position for place in enter(gate, MAX, "g", "h", "i")] == [1, 2, 3]
    assert [place.position for place in enter(gate, PRO, "j", "k")] == [1, 2]
    assert (gate.at().typical_seconds(99, MAX), gate.at().typical_seconds(99, PRO)) == (20, 15)
    # Third before two slots: two waves. Second before four: one.
    assert gate.enter("i").wait_seconds == gate.at().expected_wait(3, 99, MAX) == 40
    assert gate.enter("k").wait_seconds == gate.at().expected_wait(2, 99, PRO) == 15


def test_what_a_slot_takes_is_measured_by_generator(gate: Clocked) -> None:
    enter(gate, MAX, "a")
    gate.at(30)
    left(gate, "a")

    assert (gate.at().measured_seconds(MAX), gate.at().measured_seconds(PRO)) == (30, None)
    assert gate.at().typical_seconds(7, PRO) == 7


def test_no_more_than_the_last_holds_of_a_generator_are_remembered(gate: Clocked) -> None:
    for seconds in (99, *([5] * 20)):
        enter(gate, MAX, "a")
        gate.at(seconds)
        left(gate, "a")

    assert gate.at().document["holds_of"] == {MAX: [5] * 20}
    assert gate.at().document["holds"] == [5] * 20


def test_who_does_not_name_its_generator_again_keeps_it(gate: Clocked) -> None:
    enter(gate, MAX, "a", "b", "c", owner="me")
    for holder in "ac":
        gate.enter(holder)

    assert active(gate, MAX) == ["a", "b"]
    waiting = gate.at().document["waiting"]["c"]
    assert (waiting["generator"], waiting["owner"]) == (MAX, "me")


def test_a_slot_keeps_the_generator_and_the_owner_of_who_waited_for_it(gate: Clocked) -> None:
    enter(gate, MAX, "a", "b", "c", owner="me")
    left(gate, "a")

    slot = gate.at().document["active"]["c"]
    assert (slot["generator"], slot["owner"]) == (MAX, "me")


def test_a_slot_of_one_generator_is_none_of_another(gate: Clocked) -> None:
    enter(gate, MAX, "a", "b")
    enter(gate, PRO, "c")
    moving = gate.at()
    place = moving.enter("c", "instance of c", "event of c", generator=MAX)

    assert (place.granted, place.position) == (False, 1)
    assert active(gate, PRO) == []
    assert enter(gate, PRO, "a")[0].granted
    assert (active(gate, MAX), active(gate, PRO)) == (["b", "c"], ["a"])


def test_who_changes_its_generator_comes_anew_there(gate: Clocked) -> None:
    enter(gate, MAX, "m", "n", owner="z")
    enter(gate, PRO, "o", "p", "q", owner="z")
    enter(gate, PRO, "a", owner="x")
    enter(gate, MAX, "s", owner="y")
    left(gate, "o")
    enter(gate, MAX, "a", owner="x")

    assert [gate.at().position(holder) for holder in "sa"] == [1, 2]


def test_the_breaker_and_the_trial_after_it_are_the_providers(gate: Clocked) -> None:
    for n in range(BREAKER_FAILURES):
        enter(gate, MAX, f"f{n}", owner="me")
        gate.at().leave(f"f{n}", "failed")
    assert [place.granted for place in enter(gate, PRO, "p", "q", owner="me")] == [False, False]

    gate.at(30)
    assert [enter(gate, generator, holder, owner="me")[0].granted for generator, holder in ((PRO, "p"), (MAX, "m"))] == [
        True,
        False,
    ]
    assert left(gate, "p") == ["m", "q"]


def test_a_grant_and_the_end_of_the_dead_name_the_generator(gate: Clocked) -> None:
    enter(gate, MAX, "a/0")
    gate.at().verified({"a/0": False})
    gate.enter("b/0")

    assert gate.events == [
        ("gate_granted", {"job_id": "a", "index": "0", "waited_ms": 0, "model": MAX}),
        ("gate_freed", {"job_id": "a", "index": "0", "reason": "dead in active", "model": MAX}),
        ("gate_granted", {"job_id": "b", "index": "0", "waited_ms": 0, "model": None}),
    ]


# ---- what the former version wrote, and what it will read ----


def former() -> dict[str, Any]:
    """One has a slot and two wait."""
    slot = {"since": 990.0, "granted_at": 990.0, "seen_at": 990.0, "probe": False}
    entry = {"instance": "i", "event": "e", "since": 995.0, "seen_at": 995.0}
    return {
        "active": {"a": dict(slot), "b": dict(slot)}, "waiting": {"c": dict(entry), "d": dict(entry)}, "holds": [2.0, 4.0, 9.0],
        "failures": 0, "opened": 0, "open_until": None, "stopped": None, "paused": None,
    }  # fmt: skip


def test_holders_of_the_former_version_count_for_the_default_generator() -> None:
    gate = Clocked(limit=4, caps={MAX: 2}, default_generator=MAX, document=former())

    assert not enter(gate, MAX, "e")[0].granted
    assert [gate.at().position(holder) for holder in "cde"] == [1, 2, 3]
    assert [place.granted for place in enter(gate, PRO, "f", "g", "h")] == [True, True, False]
    assert left(gate, "a", "f", "b") == ["c", "h", "d"]
    assert ("gate_granted", {"job_id": "c", "index": "", "waited_ms": 5_000, "model": MAX}) in gate.events


def test_without_a_default_they_count_for_none_of_the_named() -> None:
    gate = Clocked(limit=4, caps={MAX: 2}, document=former())

    assert [place.granted for place in enter(gate, MAX, "e")] == [False]
    assert left(gate, "a", "b") == ["e"], "c and d had the two slots that stood empty"


def test_a_slot_of_the_former_version_is_kept_by_who_names_the_default() -> None:
    gate = Clocked(limit=2, caps={MAX: 2}, default_generator=MAX, document=former())

    assert enter(gate, MAX, "a", owner="me")[0].granted
    slot = gate.at().document["active"]["a"]
    assert (slot["generator"], slot["owner"]) == (MAX, "me")


def test_who_waits_since_the_former_version_came_first() -> None:
    gate = Clocked(limit=2, default_generator=MAX, document=former() | {"turns": 7})
    enter(gate, MAX, "B", owner="later")

    # Each of the former version has turns of its own, whoever came later.
    assert left(gate, "a", "b") == ["c", "d"]


def test_holds_of_the_former_version_are_what_there_is_until_a_generator_is_measured() -> None:
    gate = Clocked(limit=4, default_generator=MAX, document=former())
    assert [gate.at().measured_seconds(generator) for generator in ("", MAX, PRO)] == [4, 4, 4]
    gate.now = 1_020.0
    left(gate, "a")

    assert gate.at().document["holds"] == [2, 4, 9, 30]
    assert [gate.at().measured_seconds(generator) for generator in ("", MAX, PRO)] == [6.5, 6.5, None]


def test_the_former_version_finds_what_it_reads() -> None:
    gate = Clocked(limit=1)
    enter(gate, MAX, "a", "b", "c", owner="me")
    left(gate, "a")
    document = gate.at().document

    assert set(document) >= set(former())
    assert set(document["active"]["b"]) >= {"since", "granted_at", "seen_at", "probe", "instance", "attempt"}
    assert set(document["waiting"]["c"]) >= {"since", "seen_at", "instance", "event", "attempt"}
    assert document["holds"] == [0]


def test_what_the_former_version_added_since_is_read_again() -> None:
    """An entry of its own has no turns, among others that have some."""
    gate = Clocked(limit=1, default_generator=MAX)
    enter(gate, MAX, "a", "b", owner="me")
    document = gate.at().document
    document["waiting"]["c"] = {"instance": "i", "event": "e", "since": 1_000.0, "seen_at": 1_000.0, "attempt": 1}

    assert left(gate, "a", "c") == ["c", "b"]


@pytest.mark.parametrize("seed", range(5))
def test_two_generators_share_24_slots_of_which_one_has_6_and_none_stands_empty_in_vain(seed: int) -> None:
    chance = random.Random(seed)
    gate = Clocked(limit=24, caps={MAX: 6})
    to_come = [(f"job_{n:02}/0", chance.choice((MAX, PRO)), chance.choice("xyz")) for n in range(60)]
    served: list[str] = []
    while to_come or gate.at().document["active"]:
        if to_come and chance.random() < 0.6:
            holder, generator, owner = to_come.pop(chance.randrange(len(to_come)))
            enter(gate, generator, holder, owner=owner)
        elif holders := sorted(gate.at().document["active"]):
            served.append(chance.choice(holders))
            gate.at(chance.randrange(9)).leave(served[-1], chance.choice(("ok", None)))
        document = gate.at().document
        wanted = {entry["generator"] for entry in document["waiting"].values()}
        assert len(document["active"]) <= 24
        assert len(active(gate, MAX)) <= 6
        assert len(document["active"]) == 24 or PRO not in wanted
        assert len(document["active"]) == 24 or len(active(gate, MAX)) == 6 or MAX not in wanted

    assert (sorted(served), gate.at().document["waiting"]) == ([f"job_{n:02}/0" for n in range(60)], {})
