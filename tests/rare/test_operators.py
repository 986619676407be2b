from typing import Any

from shared import names
from shared.slots import who_lives
from tests.fakes import instance_status, make_job
from tests.orchestrators.house import House
from tests.orchestrators.story import JOB


def test_a_terminated_picture_is_not_begun_again() -> None:
    """An operator terminates the instance of one of two pictures: final, design 6 Replay."""
    house = House(GENERATION_TIMEOUT_SECONDS="60")
    house.provider.seconds = {1: 30.0, 2: 30.0}
    house.post(pictures=2)
    child = names.picture_instance_id(JOB, 0, 2)
    house.bench.at(10.0, lambda: house.bench.terminate(child, "an operator's wish"))
    house.go_on()
    house.bench.instances()
    assert house.bench.instances()[child] == "Terminated", house.bench.instances()


def test_a_terminated_watch_tells_the_picture_that_it_had_stored() -> None:
    """Timed out at 60 s, watched; the look that stored the picture is answered, the operator terminates before KEEP."""
    house = House(GENERATION_TIMEOUT_SECONDS="60", can_find=False)
    house.provider.seconds = {1: 90.0}
    house.post()

    # in the middle of the look that stores: terminate
    def stop() -> None:
        house.bench.terminate(JOB, "an operator's wish")

    house.hooks.once("download", stop)
    house.go_on(300.0)
    house.see()
    job = house.job()
    stored = [name for name in house.blobs.images if "/output/" in name]
    assert stored
    assert job["outputs"]
    assert job["usage"]["cost_usd"] == 0.08


def test_a_job_whose_parent_was_terminated_keeps_the_pictures_that_its_children_make() -> None:
    house = House(can_find=False)
    house.provider.seconds = {1: 30.0, 2: 30.0}
    house.post(pictures=2)
    house.bench.at(10.0, lambda: house.bench.terminate(JOB, "an operator's wish"))
    house.see_every(15.0, 20)
    house.go_on()
    job = house.job()
    stored = sorted(name for name in house.blobs.images if "/output/" in name)
    assert len(job["outputs"]) == len(stored)


async def test_a_slot_is_held_by_the_child_of_a_later_start_though_an_operator_has_ended_its_job(
    services: Any, client: Any
) -> None:
    """The slot was taken by the child of the former start, which that of the later one ended."""
    make_job(services, "job_2", seeds=[1, 2], starts=1)
    client.statuses |= {
        "job_2": instance_status("Terminated"), "job_2-0": instance_status("Terminated"), "job_2-1": instance_status("Failed"),
        "job_2-0-1": instance_status("Running"), "job_2-1-1": instance_status("Completed"),
    }  # fmt: skip

    assert await who_lives(services, client, {"job_2/0": "job_2-0", "job_2/1": "job_2-1"}) == {"job_2/0": True, "job_2/1": False}
