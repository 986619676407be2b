"""The providers in memory, asked by the real clients; and the world that breaks things."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from shared.generators.generator import Order
from shared.providers.provider import Failed, ProviderError, Ready, Running
from tests.explore.engine import HostDied, WorkerDied
from tests.explore.plan import (
    BFL,
    DIE_AFTER,
    DIE_BEFORE,
    LOST,
    REFUSED,
    REPLICATE,
    STALL,
    WORKER_AFTER,
    Create,
    Fault,
    Outage,
    Plan,
)  # fmt: skip
from tests.explore.virtual import close_loops
from tests.explore.world import World

PAYLOAD = {"job_id": "job_1", "index": 0, "attempt": 1}
ORDER = Order("job_1/0", "a hero", (b"\x89PNG-1",), ("character",), "1:1", "png", 2, 7)


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    close_loops()


class Scene:
    """A world in which a step is about to talk to a provider."""

    def __init__(self, provider: str, *creates: Create, **plan: Any) -> None:
        self.world = World(Plan(creates={provider: creates}, **plan))
        self.provider = provider
        self.generator = self.world.hosts[0].services.generators[provider]

    def submit(self) -> Any:
        with self.world.at_play(), self.world.frame("submit_prediction", PAYLOAD, None):
            return self.generator.submit(ORDER, timeout_seconds=120)

    def look(self, handle: Any) -> Any:
        with self.world.at_play(), self.world.frame("check_prediction", PAYLOAD, None):
            return self.generator.provider.look(handle)

    def found(self, since: Any) -> list[Any]:
        with self.world.at_play(), self.world.frame("submit_prediction", PAYLOAD, None):
            found = self.generator.find(ORDER, since)
            return [] if found is None else [found] if hasattr(found, "id") else list(found)

    def wait(self, seconds: float) -> None:
        self.world.engine.let_pass(seconds)

    @property
    def billed(self) -> int:
        return sum(p.is_billed(self.world.now) for p in self.world.ledger.predictions)


@pytest.mark.parametrize("provider", [REPLICATE, BFL])
def test_a_prediction_runs_ends_is_billed_and_can_be_fetched(provider: str) -> None:
    scene = Scene(provider, Create(seconds=8.0))
    handle = scene.submit()
    assert isinstance(scene.look(handle), Running)
    assert scene.billed == 0
    scene.wait(9)
    look = scene.look(handle)
    assert isinstance(look, Ready)
    assert scene.billed == 1
    with scene.world.at_play(), scene.world.frame("check_prediction", PAYLOAD, None):
        assert scene.generator.provider.download(look).startswith(b"\x89PNG")


@pytest.mark.parametrize(("provider", "minutes"), [(REPLICATE, 61), (BFL, 11)])
def test_links_die(provider: str, minutes: int) -> None:
    scene = Scene(provider, Create(seconds=1.0))
    handle = scene.submit()
    scene.wait(5)
    look = scene.look(handle)
    scene.wait(60 * minutes)
    with scene.world.at_play(), scene.world.frame("check_prediction", PAYLOAD, None), pytest.raises(ProviderError):
        scene.generator.provider.download(look)


@pytest.mark.parametrize("answer", ["lost", "html", "half", "500", "502", "slow and lost"])
@pytest.mark.parametrize("is_made", [True, False])
def test_a_create_whose_answer_tells_nothing(answer: str, is_made: bool) -> None:
    scene = Scene(BFL, Create(answer=answer, is_made=is_made, seconds=1.0))
    with pytest.raises(ProviderError) as raised:
        scene.submit()
    assert raised.value.maybe_done
    scene.wait(10)
    # What was answered with 200 was made, however little the answer tells.
    assert scene.billed == (is_made or answer in ("html", "half"))


@pytest.mark.parametrize("answer", ["400", "401", "402", "408", "429", "503", "never sent"])
def test_a_create_that_is_refused_makes_nothing(answer: str) -> None:
    scene = Scene(REPLICATE, Create(answer=answer))
    with pytest.raises(ProviderError) as raised:
        scene.submit()
    assert not raised.value.maybe_done
    assert scene.world.ledger.predictions == []
    assert scene.world.ledger.asked[-1].is_refused


def test_bfl_allows_so_many_at_once() -> None:
    scene = Scene(BFL, Create(seconds=50.0), settings={"BFL_MAX_ACTIVE": "2"})
    scene.submit()
    scene.submit()
    with pytest.raises(ProviderError, match="429"):
        scene.submit()
    scene.wait(60)
    scene.submit()


def test_the_list_lags() -> None:
    scene = Scene(REPLICATE, Create(answer="lost", list_lag=20.0))
    since = scene.world.now - timedelta(seconds=1)
    with pytest.raises(ProviderError):
        scene.submit()
    assert scene.found(since) == []
    assert scene.world.ledger.predictions[0].listed_at is None
    scene.wait(21)
    assert len(scene.found(since)) == 1
    assert scene.world.ledger.predictions[0].listed_at is not None


@pytest.mark.parametrize("bills", [True, False])
@pytest.mark.parametrize(("outcome", "provider"), [("E003", REPLICATE), ("Error", BFL), ("moderated output", BFL)])
def test_a_run_that_fails(outcome: str, provider: str, bills: bool) -> None:
    scene = Scene(provider, Create(outcome=outcome, seconds=1.0, bills_failed=bills))
    handle = scene.submit()
    scene.wait(5)
    assert isinstance(scene.look(handle), Failed)
    assert scene.billed == (bills and provider == REPLICATE)


@pytest.mark.parametrize(("after", "bills", "billed"), [(1, True, True), (1, False, False), (0, True, False), (20, False, True)])
def test_a_cancel_at_replicate(after: float, bills: bool, billed: bool) -> None:
    scene = Scene(REPLICATE, Create(seconds=10.0, starts_after=0.8, bills_failed=bills))
    handle = scene.submit()
    scene.wait(after)
    with scene.world.at_play(), scene.world.frame("cancel_prediction", PAYLOAD, None):
        assert scene.generator.provider.cancel(handle) == ("finished" if after == 20 else "canceled")
    scene.wait(30)
    assert scene.billed == billed


def test_a_prediction_without_an_end_meets_its_deadline() -> None:
    scene = Scene(REPLICATE, Create(outcome="never"))
    scene.submit()
    scene.wait(170)
    assert scene.world.ledger.predictions[0].outcome(scene.world.now) == "processing"
    scene.wait(20)
    assert scene.world.ledger.predictions[0].outcome(scene.world.now) == "canceled"


@pytest.mark.parametrize("odd", ["500", "503", "401", "429", "html", "half", "list", "dropped"])
@pytest.mark.parametrize("provider", [REPLICATE, BFL])
def test_a_look_that_tells_nothing(provider: str, odd: str) -> None:
    scene = Scene(provider, Create(seconds=0.1, looks=((0, odd),)))
    handle = scene.submit()
    scene.wait(5)
    assert isinstance(scene.look(handle), Running)
    assert isinstance(scene.look(handle), Ready)


@pytest.mark.parametrize("odd", ["500", "broken off", "dropped", "403", "404", "stranger", "empty", "too large"])
@pytest.mark.parametrize("provider", [REPLICATE, BFL])
def test_a_download_that_fails_once(provider: str, odd: str) -> None:
    scene = Scene(provider, Create(seconds=0.1, downloads=((0, odd),)))
    handle = scene.submit()
    scene.wait(5)
    look = scene.look(handle)
    with scene.world.at_play(), scene.world.frame("check_prediction", PAYLOAD, None):
        with pytest.raises(ProviderError):
            scene.generator.provider.download(look)
        assert scene.generator.provider.download(look).startswith(b"\x89PNG")


@pytest.mark.parametrize("how", ["unreachable", "503", "500", "silent"])
@pytest.mark.parametrize("provider", [REPLICATE, BFL])
def test_an_outage_of_a_provider(provider: str, how: str) -> None:
    scene = Scene(provider, Create(), outages=(Outage(provider, 0.0, 100.0, how),))
    with pytest.raises(ProviderError) as raised:
        scene.submit()
    assert raised.value.maybe_done == (how in ("500", "silent"))
    assert scene.world.ledger.predictions == []
    scene.wait(100)
    assert scene.submit()


# ---- what breaks a step ----


def _one_step(kind: str, operation: int = 0) -> tuple[World, Any]:
    world = World(Plan(faults=(Fault("a step", 0, operation, kind, 30.0),)))
    return world, world.hosts[0].services.blobs


@pytest.mark.parametrize(("kind", "error", "is_done"), [
    (DIE_BEFORE, HostDied, False), (DIE_AFTER, HostDied, True), (WORKER_AFTER, WorkerDied, True), (LOST, Exception, True),
    (REFUSED, Exception, False),
])  # fmt: skip
def test_a_fault_strikes_its_operation(kind: str, error: type[BaseException], is_done: bool) -> None:
    world, blobs = _one_step(kind, 1)

    def step() -> None:
        with world.at_play(), world.frame("a step", {}, None):
            blobs.create_document("one", {"n": 1})
            blobs.create_document("two", {"n": 2})

    with pytest.raises(error):
        step()
    assert "one" in world.store.documents
    assert ("two" in world.store.documents) == is_done
    assert world.counts.faults[kind] == 1


def test_the_dead_do_nothing_more_and_forget_what_they_knew() -> None:
    world, _ = _one_step(DIE_BEFORE)
    before = [host.services for host in world.hosts]

    def step() -> None:
        with world.at_play(), world.frame("a step", {}, None) as frame:
            try:
                frame.host.services.blobs.read_document("one")
            finally:
                frame.host.services.blobs.create_document("one", {})

    with pytest.raises(HostDied):
        step()
    assert world.store.documents == {}
    assert [host.services for host in world.hosts] != before


def test_a_step_that_stalls_is_delivered_again_while_others_go_on() -> None:
    world, blobs = _one_step(STALL)
    happened = []
    world.engine.at(10.0, lambda: happened.append("another"))
    with world.at_play():
        with world.frame("a step", {}, lambda seconds: happened.append(f"again in {seconds} s")):
            blobs.create_document("one", {})
            assert happened == ["again in 0.5 s", "another"]
    assert world.seconds >= 30


def test_storage_is_away_for_a_while() -> None:
    world = World(Plan(outages=(Outage("storage", 0.0, 60.0),)))
    blobs = world.hosts[0].services.blobs
    with world.at_play(), world.frame("a step", {}, None):
        with pytest.raises(Exception, match="away"):
            blobs.read_document("one")
        world.engine.let_pass(61)
        assert blobs.read_document("one") is None


def test_slots_are_never_exceeded() -> None:
    scene = Scene(REPLICATE, Create(seconds=50.0), settings={"REPLICATE_MAX_ACTIVE": "1"})
    handle = scene.submit()
    scene.world.records.known(handle.id)
    scene.world.records.jobs["job_1"] = _job("job_1")
    with scene.world.at_play(), scene.world.frame("submit_prediction", {**PAYLOAD, "job_id": "job_2"}, None):
        scene.generator.submit(ORDER, timeout_seconds=120)
    assert [w for w in scene.world.records.wrongs if "allows 1 at once" in w]


def _job(job_id: str) -> Any:
    from tests.explore.records import JobRecord

    return JobRecord(job_id, "a hero")


def test_what_is_known_or_listed_is_not_sent_again() -> None:
    scene = Scene(REPLICATE, Create(seconds=50.0))
    handle = scene.submit()
    scene.world.records.known(handle.id)
    scene.submit()
    assert [w for w in scene.world.records.wrongs if "is known" in w]


def test_two_sends_of_an_attempt_are_enough() -> None:
    scene = Scene(BFL, Create(answer="lost"), Create(answer="429"), Create(answer="lost"), Create(answer="lost"))
    for _ in range(3):
        with pytest.raises(ProviderError):
            scene.submit()
    assert scene.world.records.wrongs == []
    with pytest.raises(ProviderError):
        scene.submit()
    assert [w for w in scene.world.records.wrongs if "3th time" in w]
