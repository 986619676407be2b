"""Deleted jobs: hidden at once, stopped where they can be, forgotten when their stories have ended. With the real activities."""

import pytest

from shared import names
from tests.orchestrators.house import House, do
from tests.orchestrators.story import JOB

OTHER_JOB = "job_00000000000000000000000002"


@pytest.mark.parametrize("at", [0.0, 1.0, 4.5, 11.0, 60.0])
@pytest.mark.parametrize("pictures", [1, 2])
@pytest.mark.parametrize("stops", [True, False], ids=["the provider stops", "it goes on"])
def test_nothing_is_left_of_a_deleted_job_when_its_story_has_ended(at: float, pictures: int, stops: bool) -> None:
    house = House()
    house.provider.on_cancel = "canceled" if stops else "going on"
    house.post(pictures=pictures)
    house.bench.at(at, house.delete)
    house.go_on()

    assert house.left_of() == []
    assert (house.held, house.provider.running) == (set(), 0)
    if stops and at < 10:
        assert house.provider.billed == 0


def test_a_delete_during_a_slow_create_cancels_what_comes_of_it() -> None:
    house = House()
    house.provider.on_cancel = "canceled"
    house.hooks.once("submit", lambda: (house.bench.at(2.0, house.delete), house.bench.let_pass(8.0)))
    house.post()
    house.go_on()

    assert (house.provider.canceled, house.provider.billed, house.left_of()) == (["p-1"], 0, [])


def test_a_look_that_is_downloading_while_its_job_is_deleted_leaves_nothing_behind() -> None:
    house = House()
    house.hooks.once("download", lambda: (house.bench.at(1.0, house.delete), house.bench.let_pass(5.0)))
    house.post()
    house.go_on()

    assert house.left_of() == []


def test_a_slot_stays_taken_while_the_provider_counts_the_prediction_of_a_deleted_job() -> None:
    house = House(slots=1)
    house.provider.seconds = {1: 100.0}
    house.post()
    house.bench.at(5.0, house.delete)
    house.bench.at(6.0, lambda: house.post(job_id=OTHER_JOB))
    most = house.count_running()
    house.go_on()

    assert (max(most), house.job(OTHER_JOB)["status"], house.left_of()) == (1, "succeeded", [])


def test_a_deleted_job_that_died_is_started_again_to_stop_what_it_may_pay() -> None:
    house = House()
    house.provider.on_cancel = "canceled"
    house.provider.seconds = {1: 100.0}
    house.deaths.when = lambda instance, number: instance == JOB and number == 6
    house.post()
    house.bench.at(8.0, house.delete)
    house.go_on()

    assert house.deaths.happened == 1
    assert (house.provider.canceled, house.provider.billed, house.left_of()) == (["p-1"], 0, [])
    assert (house.bench.now - house.provider.began["p-1"]).total_seconds() < 120


def test_a_hidden_job_is_all_that_is_left_until_its_story_has_ended() -> None:
    house = House()
    house.provider.seconds = {1: 100.0}
    house.post()
    house.bench.at(8.0, house.delete)
    house.go_on(60.0)

    assert house.blobs.images == {}
    assert house.job()["deleted_at"]


def test_a_janitor_is_not_called_twice() -> None:
    house = House()
    house.provider.seconds = {1: 100.0, 2: 100.0}
    house.post()
    house.post(job_id=OTHER_JOB)
    house.bench.at(8.0, house.delete)
    house.bench.at(9.0, lambda: house.delete(OTHER_JOB))
    house.go_on()

    assert (house.left_of(), house.left_of(OTHER_JOB)) == ([], [])
    assert [name for name in house.bench.instances() if not name.startswith("job_")] == [names.JANITOR]
    assert do(house.client.get_status(names.JANITOR)).runtime_status.name == "Completed"
