"""Owners take turns: nobody is kept waiting by another's many, nobody waits for ever, and a position says when a slot comes."""

import random
from collections import Counter
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.gate import Gate
from tests.pace import at_most
from tests.unit.test_gate import Clocked

OWNERS, PROVIDERS = "xyz", ("max", "pro")
CAPPED, LIMITS = st.integers(1, 3), st.integers(1, 4)
#: Who it is of, what it is for, and how early it was accepted.
COMES = st.tuples(st.sampled_from(OWNERS), st.sampled_from(PROVIDERS), st.integers(0, 9))


def enter(gate: Clocked, owner: str, *holders: str, generator: str = "max") -> None:
    for holder in holders:
        gate.enter(holder, owner=owner, generator=generator)


def leave(gate: Clocked, which: int) -> list[str]:
    """One of those that are served leaves; who is given slots then, in this order."""
    served = sorted(gate.at().document["active"])
    leaving = gate.at()
    leaving.leave(served[which % len(served)], None)
    return [grant.holder for grant in leaving.grants]


def served_one_by_one(gate: Clocked) -> list[str]:
    order = []
    while gate.at().document["active"]:
        order += leave(gate, 0)
    return order


def waiting(gate: Clocked, **named: str) -> list[str]:
    entries: dict[str, dict[str, Any]] = gate.at().document["waiting"]
    return sorted(holder for holder, entry in entries.items() if named.items() <= entry.items())


def test_one_picture_waits_for_two_grants_at_most_however_many_came_before_it() -> None:
    for served_before in range(9):
        gate = Clocked(limit=3)
        enter(gate, "many", *(f"m{n:02}" for n in range(64)))
        for _ in range(served_before):
            leave(gate, 0)
        enter(gate, "one", "n")

        assert gate.at().position("n") == 2
        assert "n" in leave(gate, 0) + leave(gate, 0)


def test_owners_take_turns_and_each_owners_own_go_in_the_order_in_which_they_came() -> None:
    gate = Clocked(limit=1)
    enter(gate, "x", "a", "b", "c", "d", "e")
    enter(gate, "y", "g", "f")
    enter(gate, "z", "h")

    assert [gate.at().position(holder) for holder in "bcdefgh"] == [1, 4, 6, 7, 2, 5, 3]
    assert served_one_by_one(gate) == list("bfhcgde")


def test_of_those_who_came_since_the_last_grant_who_was_accepted_first_goes_first() -> None:
    gate = Clocked(limit=1)
    enter(gate, "x", "a")
    for owner, holder in (("x", "d"), ("y", "c"), ("z", "b")):
        enter(gate, owner, holder)

    assert served_one_by_one(gate) == ["b", "c", "d"]


def test_who_comes_after_a_grant_goes_behind_those_who_waited_though_it_was_accepted_before_them() -> None:
    gate = Clocked(limit=1)
    enter(gate, "x", "a", "m")
    enter(gate, "y", "n")
    leave(gate, 0)
    enter(gate, "z", "b")

    assert served_one_by_one(gate) == ["n", "b"]


def test_asking_again_takes_no_turn() -> None:
    gate = Clocked(limit=1)
    enter(gate, "x", "a", "b", "c")
    enter(gate, "y", "d")
    leave(gate, 0)
    for holder, owner in (("c", "x"), ("d", "y"), ("c", "x")):
        enter(gate, owner, holder)

    assert [gate.at().position(holder) for holder in "dc"] == [1, 2]


def test_who_lost_its_slot_to_an_outage_has_its_turn_back() -> None:
    gate = Clocked(limit=1)
    enter(gate, "x", "a")
    enter(gate, "x", "b")
    enter(gate, "y", "c", "d")
    leave(gate, 0)
    for _ in range(5):
        gate.enter("b", failed=True)

    assert [gate.at().position(holder) for holder in "bcd"] == [1, 2, 3]


@given(LIMITS, CAPPED, st.lists(COMES, max_size=30))
def test_one_owner_is_served_in_the_order_of_acceptance_within_each_generator(
    limit: int, cap: int, coming: list[tuple[str, str, int]]
) -> None:
    gate = Clocked(limit, {"max": cap})
    for n, (_, generator, early) in enumerate(coming):
        enter(gate, "me", f"{early}{n:02}", generator=generator)
    queues = {generator: waiting(gate, generator=generator) for generator in PROVIDERS}
    assert [[gate.at().position(holder) for holder in queue] for queue in queues.values()] == [
        list(range(1, len(queue) + 1)) for queue in queues.values()
    ]
    order = served_one_by_one(gate)

    assert {g: [holder for holder in order if holder in queue] for g, queue in queues.items()} == queues


@given(LIMITS, CAPPED, st.lists(COMES, max_size=40), st.lists(st.integers(0, 9), max_size=5), st.randoms())
def test_positions_are_the_order_in_which_slots_are_given_if_nobody_else_comes(
    limit: int, cap: int, coming: list[tuple[str, str, int]], left: list[int], chance: random.Random
) -> None:
    gate = Clocked(limit, {"max": cap})
    for n, (owner, generator, early) in enumerate(coming):
        enter(gate, owner, f"{early}{n:02}", generator=generator)
        if n in left:
            leave(gate, n)
    seen = gate.at()
    positions = {g: {seen.position(holder): holder for holder in waiting(gate, generator=g)} for g in PROVIDERS}
    order = []
    while gate.at().document["active"]:
        order += leave(gate, chance.randrange(9))

    for queue in positions.values():
        assert [holder for holder in order if holder in queue.values()] == [queue[n] for n in range(1, len(queue) + 1)]


@given(LIMITS, CAPPED, st.lists(st.tuples(COMES, st.integers(0, 9), st.booleans()), max_size=60))
def test_while_an_owner_waits_for_a_generator_nobody_else_is_served_there_twice(
    limit: int, cap: int, steps: list[tuple[tuple[str, str, int], int, bool]]
) -> None:
    """Whoever comes meanwhile, in whatever order, and whoever leaves."""
    gate = Clocked(limit, {"max": cap})
    kept: dict[tuple[str, str], Counter[str]] = {}
    for n, ((owner, generator, early), which, is_leaving) in enumerate(steps):
        holder = f"{early}{n:02}"
        if is_leaving and gate.at().document["active"]:
            granted = leave(gate, which)
        else:
            enter(gate, owner, holder, generator=generator)
            granted = [holder] if holder in gate.at().document["active"] else []
        for slot in (gate.at().document["active"][holder] for holder in granted):
            for (waits, wants), others in kept.items():
                if wants == slot["generator"]:
                    others[slot["owner"]] += 1
                    assert waits == slot["owner"] or others[slot["owner"]] <= 1, (waits, others)
            kept.pop((slot["owner"], slot["generator"]), None)
        for entry in gate.at().document["waiting"].values():
            kept.setdefault((entry["owner"], entry["generator"]), Counter())
        wanted = {(entry["owner"], entry["generator"]) for entry in gate.at().document["waiting"].values()}
        kept = {line: others for line, others in kept.items() if line in wanted}


@settings(max_examples=60)
@given(LIMITS, CAPPED, st.lists(COMES, max_size=8), st.lists(st.tuples(COMES, st.integers(0, 9)), min_size=1, max_size=5))
def test_whoever_waits_is_served_though_others_come_again_and_again(
    limit: int, cap: int, before: list[tuple[str, str, int]], again: list[tuple[tuple[str, str, int], int]]
) -> None:
    """Within its owner's turns: each of them may take as many grants as there are pairs of owners, for each generator."""
    gate = Clocked(limit, {"max": cap})
    patience: dict[str, int] = {}

    def come(owner: str, generator: str, n: int) -> None:
        holder = f"{n:04}"
        enter(gate, owner, holder, generator=generator)
        patience[holder] = len(waiting(gate, owner=owner)) * len(OWNERS) ** 2 * len(PROVIDERS)

    for n, (owner, generator, _) in enumerate(before):
        come(owner, generator, n)
    for n in range(100):
        (owner, generator, _), which = again[n % len(again)]
        come(owner, generator, 100 + n)
        granted = leave(gate, which)
        has_room = Counter(slot["generator"] for slot in gate.at().document["active"].values())["max"] < min(cap, limit)
        for holder in waiting(gate) if has_room else waiting(gate, generator="pro"):
            patience[holder] -= len(granted)
            assert patience[holder] > 0, holder


def test_a_thousand_who_wait_are_ordered_quickly() -> None:
    gate = Clocked(limit=24, caps={"max": 6})
    for n in range(1_000):
        # All at once, as from a document: entering one after the other is not what is measured.
        gate.at().document["waiting"][f"job_{n:04}/0"] = {
            "instance": "i", "event": "e", "since": 0.0, "seen_at": gate.now, "attempt": 1, "owner": f"owner {n % 97}",
            "generator": PROVIDERS[n % 2], "turn": n // 50, "provider_turn": n // 50,
        }  # fmt: skip

    with at_most(5 * 0.05):
        for _ in range(5):
            gate.at().position("job_0777/0")
    # All 24 slots are given at once.
    with at_most(0.5):
        gate.at().leave("nobody", None)
    assert len(gate.at().document["active"]) == 24


def test_those_of_the_former_version_wait_for_nobody_who_came_after_them() -> None:
    """Their owners are not known, so each has turns of its own."""
    gate = Gate(None, 1, 0.0)
    gate.enter("a/0", "a", "e")
    for name in "bcd":
        gate.enter(f"{name}/0", name, "e")
    for number in range(6):
        gate.enter(f"x{number}/0", f"x{number}", "e", owner="somebody")
    order = []
    for _ in range(5):
        (holder,) = gate.document["active"]
        order.append(holder)
        gate.leave(holder, "ok")

    assert order[:4] == ["a/0", "b/0", "c/0", "d/0"]
