"""Jobs under way while the deployment moves to a new task hub: nobody there has heard of them."""

import pytest

from tests.orchestrators.house import House

#: When the hub is left: as soon as it has the job, while the provider works, and when that is nearly ready.
cases = pytest.mark.parametrize(("pictures", "seconds"), [(1, 0.0), (1, 40.0), (3, 40.0), (1, 99.0)])


def under_way(pictures: int, seconds: float) -> House:
    house = House(can_find=False)
    house.provider.seconds = dict.fromkeys(range(1, 9), 100.0)
    house.post(pictures)
    house.bench.let_pass(seconds)
    return house


@cases
def test_a_job_goes_on_in_the_new_hub_and_nothing_is_sent_twice(pictures: int, seconds: float) -> None:
    house = under_way(pictures, seconds)
    house.move()
    house.see_every(30.0, 20)
    house.go_on()

    job = house.job()
    assert (job["status"], len(job["outputs"]), job["starts"]) == ("succeeded", pictures, 1)
    assert len(house.provider.submitted) == house.provider.billed == pictures
    assert house.held == set()


@cases
def test_nor_while_instances_of_before_still_run_the_old_hub(pictures: int, seconds: float) -> None:
    house = under_way(pictures, seconds)
    former = house.move()
    house.see_every(30.0, 20)
    for _ in range(150):
        with house.at(former):
            house.bench.let_pass(2.0)
        house.bench.let_pass(2.0)

    job = house.job()
    assert (job["status"], len(job["outputs"])) == ("succeeded", pictures)
    assert len(house.provider.submitted) == house.provider.billed == pictures
    assert set(former.instances().values()) | set(house.bench.instances().values()) == {"Completed"}
    assert house.held == set()


def test_a_job_that_has_ended_stays_as_it_is() -> None:
    house = under_way(1, 200.0)
    ended = house.job()
    house.move()
    house.see_every(30.0, 20)
    house.go_on()

    assert ended["status"] == "succeeded"
    assert house.job() == ended
    assert house.bench.instances() == {}
