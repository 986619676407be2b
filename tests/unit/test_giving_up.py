"""A dead job is started again once, and given up once, by however many it is seen."""

from typing import Any

import pytest

from shared.starting import give_up, revive
from tests.activities.orders import Client, Clock
from tests.fakes import FakeGenerator, instance_status, make_job, make_services


def test_of_two_who_give_a_job_up_one_tells_of_it(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", logger="toonconnect")
    services = make_services()
    seen = make_job(services, polls=0, fallback_used=False, usage={"cost_usd": 0.08, "estimated": True, "settled": False})
    released: list[Any] = []
    services.quotas.release = lambda *owed: released.append(owed)  # type: ignore[method-assign]
    first, second = [give_up(services, seen, 15) for _ in range(2)]

    assert first == second
    assert [caplog.messages.count(event) for event in ("job_given_up", "job_ended")] == [1, 1]
    assert released == [("anonymous", "job_1")]


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
