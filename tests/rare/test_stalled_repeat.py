"""Fewer attempts after a deployment, and a watch that is told twice."""

from shared import starting
from shared.domain.problem import Problem
from shared.providers.provider import Failed
from tests.orchestrators.house import House


def test_fewer_attempts_after_a_deployment(monkeypatch) -> None:
    """BFL: attempts 1 and 2 end as Error (free), attempt 3 runs; a deployment with MAX_ATTEMPTS = 2, and the worker dies."""
    house = House(can_find=False)
    house.provider.seconds = {1: 5.0, 2: 5.0, 3: 60.0}
    look = house.provider.look
    free = Failed(Problem("provider_unavailable", charged="no", params={"provider": "Fake"}), 2)
    house.provider.look = lambda handle: (
        free if handle.id in ("p-1", "p-2") and house.provider._has_ended(handle.id) else look(handle)
    )
    house.post()

    def deployed() -> None:
        assert len(house.provider.submitted) == 3
        monkeypatch.setattr(starting, "MAX_ATTEMPTS", 2)
        house.deaths.when = lambda instance, number: house.deaths.happened == 0

    house.bench.at(50.0, deployed)
    house.see_every(15.0, 40)
    house.go_on()
    job = house.job()
    assert job["status"] == "succeeded", (job["status"], job["error"], job.get("starts"))
