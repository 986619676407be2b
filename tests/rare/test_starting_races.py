"""Two hands start one job: the document counts another start than the one that runs, and a cancel is told to nobody."""

from shared import starting
from tests.orchestrators.house import House


def test_a_slow_post_and_housekeeping_start_one_job() -> None:
    """The POST stands still for 70 s between document and start; housekeeping counts a start, the POST's start lands first."""
    house = House(can_find=False)
    house.provider.on_cancel = "canceled"
    house.provider.seconds = {1: 100.0, 2: 100.0}
    document = house.accept(2)
    house.bench.let_pass(70.0)
    start_new, done = house.client.start_new, []

    async def start_later(*args, **kwargs):
        if not done:
            done.append(1)
            # meanwhile the POST's own start lands
            await starting.ensure_started(house.services, house.client, document, is_new=True)
        return await start_new(*args, **kwargs)

    house.client.start_new = start_later
    house.see()  # housekeeping
    house.bench.at(20.0, house.cancel)
    house.go_on()
    job = house.job()
    assert job["status"] == "canceled", job["status"]
    assert len(house.provider.canceled) == 2
