"""A dead job is started again once, and given up once, by however many it is seen."""

from typing import Any

import pytest
from azure.core.exceptions import ServiceRequestError

from shared.domain.job import is_terminal
from shared.starting import give_up, revive
from tests.activities.orders import Client, Clock
from tests.fakes import FakeBlobs, FakeGenerator, instance_status, make_job, make_services


def test_of_two_who_give_a_job_up_one_tells_of_it(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", logger="toonconnect")
    services = make_services()
    seen = make_job(services, polls=0, fallback_used=False, usage={"cost_usd": 0.08, "estimated": True, "settled": False})
    first, second = [give_up(services, seen, 15) for _ in range(2)]

    assert first == second
    assert [caplog.messages.count(event) for event in ("job_given_up", "job_ended")] == [1, 1]


def test_storage_that_keeps_an_owners_place_does_not_keep_it_for_good() -> None:
    """Nobody comes back to a job that has ended, so it ends when its owner has the place back."""
    services = make_services(blobs=Unwilling(), MAX_ACTIVE_JOBS_PER_OWNER="1")
    seen = make_job(services, polls=0, fallback_used=False, usage={"cost_usd": 0.08, "estimated": True, "settled": False})
    services.quotas.admit(seen["owner"], seen["id"])
    with pytest.raises(ServiceRequestError):
        give_up(services, seen, 15)

    assert not is_terminal(services.jobs.read("job_1")["status"])
    services.blobs.refuses = ""
    give_up(services, seen, 15)
    services.quotas.admit(seen["owner"], "job_2")


class Unwilling(FakeBlobs):
    refuses = "owners/"

    def replace_document(self, name: str, *rest: Any) -> str:
        if self.refuses and name.startswith(self.refuses):
            raise ServiceRequestError("storage away")
        return super().replace_document(name, *rest)


class Goods(FakeGenerator):
    name = "bfl"


async def test_of_two_who_saw_a_job_dead_one_starts_it_though_the_hub_would_take_both() -> None:
    clock, client = Clock(), Client()
    services = make_services(Goods(), clock)
    seen = make_job(services, images={}, created_at=clock().isoformat(), provider=Goods.name)
    for _ in range(2):
        clock.pass_(1)
        document = await revive(services, client, seen, instance_status("Failed"))  # type: ignore[arg-type]

    assert (client.started, document["starts"]) == (["job_1"], 1)
