"""The gate's document under contention: several instances of the app, many threads each, on a real storage account."""

import random
from concurrent.futures import ThreadPoolExecutor

import pytest
from azure.storage.blob import BlobServiceClient

from shared.storage.blob_store import BlobStore
from shared.storage.documents import Documents
from shared.storage.gate_store import GateStore
from tests.azurite import Azurite

LIMIT = 6


def stores(azurite: Azurite, instances: int, provider: str) -> list[GateStore]:
    service = BlobServiceClient.from_connection_string(azurite.connection_string)
    return [GateStore(Documents(BlobStore(service)), {provider: LIMIT}) for _ in range(instances)]


def test_no_slot_is_given_twice_and_none_is_lost(azurite: Azurite) -> None:
    apps = stores(azurite, 4, "contended")

    def enter(number: int) -> bool:
        holder = f"job_{number:03}/0"
        place, _ = apps[number % 4].change("contended", lambda gate: gate.enter(holder, holder, "event"))
        return place.granted

    def leave(holder: str) -> list[str]:
        _, grants = random.choice(apps).change("contended", lambda gate: gate.leave(holder, "ok"))
        return [grant.holder for grant in grants]

    with ThreadPoolExecutor(24) as pool:
        # Nobody is let in twice: what one is told at once and what the document says is the same number.
        assert sum(pool.map(enter, range(60))) <= LIMIT
        served = wave = sorted(apps[0].look("contended").document["active"])
        while wave:
            assert len(wave) <= LIMIT
            wave = sorted(holder for freed in pool.map(leave, wave) for holder in freed)
            served = served + wave

    # The first ones to come were random; after them the order is that of acceptance.
    assert sorted(served) == [f"job_{n:03}/0" for n in range(60)]
    assert served[LIMIT:] == sorted(served[LIMIT:])


def test_a_change_that_raises_reaches_its_caller_and_leaves_the_gate_alone(azurite: Azurite) -> None:
    (gates,) = stores(azurite, 1, "raising")
    gates.change("raising", lambda gate: gate.enter("a/0", "i", "e"))
    with pytest.raises(ZeroDivisionError):
        gates.change("raising", lambda gate: 1 / 0)
    assert gates.change("raising", lambda gate: sorted(gate.document["active"]))[0] == ["a/0"]
