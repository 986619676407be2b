"""The end of a job is told by a story of its own, for hours, whatever happens to it; the job waits for none of it."""

from collections.abc import Callable
from typing import Any

import pytest

from shared import delivering, names
from shared.providers.receivers import Receipt, Undelivered
from tests.orchestrators.house import House, do
from tests.orchestrators.story import JOB

WEBHOOK = names.webhook_instance_id(JOB)
AT_EACH_TRY = [0, 5, 305, 2105, 9305, 27305, 63305]
DAY = 86_400.0


class FakeReceivers:
    """A receiver that answers in turn, the last answer for ever; `heard` is when it was called, and under which id."""

    def __init__(self, house: House, *answers: Any) -> None:
        self._house = house
        self._answers = list(answers)
        self.heard: list[tuple[float, str]] = []
        self.then: Callable[[], object] = lambda: None

    def post(self, url: str, headers: Any, body: bytes) -> Receipt:
        self.heard.append(((self._house.bench.now - self._house.began).total_seconds(), headers["webhook-id"]))
        self.then()
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        return Receipt(answer, None)

    @property
    def times(self) -> list[float]:
        return [at for at, _ in self.heard]


class ToldHouse(House):
    """One job whose owner waits to be told; `receiver` is who is told."""

    def __init__(self, *answers: Any, **how: Any) -> None:
        super().__init__(WEBHOOK_SIGNING_KEY="a signing key of more than thirty-two characters", **how)
        self.began = self.bench.now
        self.receiver = FakeReceivers(self, *answers)
        self.services.__dict__["receivers"] = self.receiver

    def post_expecting(self) -> None:
        from shared import starting

        document = self.accept(owner="me", webhook={"url": "https://hooks.example/"})
        self.services.deliveries.expect(JOB)
        do(starting.ensure_started(self.services, self.client, document, is_new=True))

    def tidy(self) -> None:
        """As housekeeping does."""
        do(delivering.start_missing(self.services, self.client, self.bench.now))

    def tidy_every(self, seconds: float, times: int) -> None:
        for n in range(1, times + 1):
            self.bench.at(n * seconds, self.tidy)

    @property
    def statuses(self) -> list[Any]:
        return [attempt["status"] for attempt in self.job()["deliveries"]]


@pytest.fixture(autouse=True)
def _no_chance(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivering.random, "random", lambda: 0.0)


def test_it_is_told_when_the_job_has_ended_and_then_no_more() -> None:
    house = ToldHouse(204)
    house.post_expecting()
    house.go_on(DAY)

    assert (house.statuses, len(house.receiver.heard)) == ([204], 1)
    assert house.job()["status"] == "succeeded"
    # A step more than the job: it is told within a second or two of its end.
    assert house.receiver.times[0] < 20
    status = house.bench.status(WEBHOOK)
    assert status is not None
    assert status.runtime_status == "Completed"
    assert house.services.deliveries.all() == []


def test_a_receiver_that_never_takes_it_is_told_seven_times_in_seventeen_hours_and_the_job_never_waits() -> None:
    house = ToldHouse(500, 503, Undelivered("timeout"), 404)
    house.post_expecting()
    house.go_on(DAY)

    first = house.receiver.times[0]
    assert [round(at - first) for at in house.receiver.times] == pytest.approx(AT_EACH_TRY, abs=15)
    assert house.statuses == [500, 503, None, *[404] * 4]
    assert len({name for _, name in house.receiver.heard}) == 1
    assert house.services.deliveries.all() == []
    ended = house.bench.status(JOB)
    assert ended is not None
    assert (ended.runtime_status, house.held) == ("Completed", set())


@pytest.mark.parametrize("episode", range(1, 8))
def test_a_worker_that_dies_under_it_ends_nothing(episode: int) -> None:
    house = ToldHouse(500, 500, 204)
    house.deaths.when = lambda instance, number: instance == WEBHOOK and number == episode
    house.post_expecting()
    house.tidy_every(300, 8)
    house.go_on(DAY)

    assert (house.statuses, house.deaths.happened) == ([500, 500, 204], int(episode <= house.deaths.of[WEBHOOK]))
    assert len({name for _, name in house.receiver.heard}) == 1
    assert house.services.deliveries.all() == []


def test_a_job_whose_last_step_died_before_it_could_begin_is_told_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    house = ToldHouse(204)

    async def died(*_: Any) -> None:
        return None

    with monkeypatch.context() as patch:
        patch.setattr(delivering, "start", died)
        house.post_expecting()
        house.go_on(60)
    assert (house.job()["status"], house.receiver.heard) == ("succeeded", [])
    house.tidy()
    house.go_on(DAY)

    assert house.statuses == [204]


def test_what_the_hub_delivers_twice_is_one_event_to_the_receiver() -> None:
    house = ToldHouse(500, 204, twice=True)
    house.post_expecting()
    house.go_on(DAY)

    assert 204 in house.statuses
    assert len({name for _, name in house.receiver.heard}) == 1
    assert house.services.deliveries.all() == []


def test_storage_that_is_away_when_a_try_is_written_down_costs_one_more_try(monkeypatch: pytest.MonkeyPatch) -> None:
    house, amend = ToldHouse(204), []
    real = house.services.jobs.amend

    def away(*args: Any) -> Any:
        amend.append(args)
        if len(amend) == 1:
            raise OSError("storage is away")
        return real(*args)

    monkeypatch.setattr(house.services.jobs, "amend", away)
    house.post_expecting()
    house.go_on(DAY)

    assert (house.statuses, len(house.receiver.heard)) == ([204], 2)


def test_a_new_task_hub_goes_on_where_the_old_one_was() -> None:
    house = ToldHouse(500, 500, 204)
    house.post_expecting()
    house.go_on(60)
    house.move()
    house.tidy()
    house.go_on(DAY)

    assert house.statuses == [500, 500, 204]


def test_a_deleted_job_is_told_no_more_and_leaves_nothing() -> None:
    house = ToldHouse(500)
    house.post_expecting()
    house.go_on(60)
    assert len(house.receiver.heard) == 2
    house.delete()
    house.go_on(DAY)

    assert (len(house.receiver.heard), house.left_of()) == (2, [])


def test_its_history_names_the_job_and_nothing_else() -> None:
    house = ToldHouse(500, 204)
    house.post_expecting()
    house.go_on(DAY)

    said = repr(house.bench.history(WEBHOOK)) if hasattr(house.bench, "history") else repr(house.bench.status(WEBHOOK))
    assert "hooks.example" not in said
    assert "hooks.example" not in repr([house.bench.status(instance) for instance in house.bench.instances()])
