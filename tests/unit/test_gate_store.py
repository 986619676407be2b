"""Each provider's gate is opened with its own limit, caps and default generator, to change it and to look at it."""

from typing import Any

import pytest

from shared.storage.documents import Documents
from shared.storage.gate_store import GateStore
from tests.fakes import FakeBlobs

CAPS, DEFAULTS = {"bfl": {"max": 1}}, {"bfl": "max"}


@pytest.fixture
def gates() -> GateStore:
    documents = Documents(FakeBlobs())  # type: ignore[arg-type]
    return GateStore(documents, {"bfl": 3, "replicate": 2}, lambda: 1_000.0, CAPS, DEFAULTS)


def enter(gates: GateStore, provider: str, *holders: str, **named: str) -> list[Any]:
    return [gates.change(provider, lambda gate, h=holder: gate.enter(h, "i", "e", **named))[0].granted for holder in holders]  # type: ignore[misc]


def test_a_cap_is_its_providers_own(gates: GateStore) -> None:
    assert enter(gates, "bfl", "a", "b", generator="max") == [True, False]
    assert enter(gates, "bfl", "c", "d", "e", generator="pro") == [True, True, False]
    assert enter(gates, "replicate", "a", "b", generator="max") == [True, True]


def test_who_names_no_generator_counts_for_the_providers_default(gates: GateStore) -> None:
    assert enter(gates, "bfl", "a", "b") == [True, False]
    assert enter(gates, "replicate", "a", "b") == [True, True]


def test_a_look_knows_what_a_change_knows(gates: GateStore) -> None:
    gate = gates.look("bfl")

    assert (gate.limit, gate.width("max"), gate.width(), gate.width("pro")) == (3, 1, 1, 3)
    assert gates.look("replicate").width() == 2


def test_what_is_looked_at_cannot_be_changed_and_is_as_this_process_changed_it_last(gates: GateStore) -> None:
    enter(gates, "bfl", "a", "b", generator="max")
    seen = gates.look("bfl")
    assert seen.position("b") == 1
    with pytest.raises((TypeError, AttributeError)):
        seen.leave("b", None)
    with pytest.raises((TypeError, AttributeError)):
        seen.stop("out of credit")

    gates.change("bfl", lambda gate: gate.leave("a", "ok"))
    assert (seen.position("b"), gates.look("bfl").position("b")) == (1, None)


def test_without_caps_a_provider_serves_as_many_as_its_limit() -> None:
    documents = Documents(FakeBlobs())  # type: ignore[arg-type]
    assert enter(GateStore(documents, {"bfl": 2}), "bfl", "a", "b", "c", generator="max") == [True, True, False]


def test_an_operators_pause_outlives_the_move_into_the_hosts_account() -> None:
    here, before = FakeBlobs(), FakeBlobs()
    former = GateStore(Documents(before), {"bfl": 2})  # type: ignore[arg-type]
    former.change("bfl", lambda gate: gate.enter("job_1/0", "i", "e"))
    former.change("bfl", lambda gate: gate.pause("a bill to look into"))
    moved = GateStore(Documents(here, before=before), {"bfl": 2})  # type: ignore[arg-type]

    assert moved.look("bfl").document["paused"]["reason"] == "a bill to look into"
    assert enter(moved, "bfl", "job_2/0", "job_3/0") == [True, False], "who held a slot holds it"
    assert moved.look("bfl", seconds=0).document["paused"]["reason"] == "a bill to look into"
    moved.change("bfl", lambda gate: gate.resume())
    assert moved.look("bfl", seconds=0).document["paused"] is None
