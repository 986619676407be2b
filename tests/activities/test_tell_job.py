"""A child tells its job that its picture has ended, while it goes on to watch a prediction."""

from typing import Any

import pytest

from activities.tell_job import tell
from shared import names
from tests.activities.orders import Client, picture_end
from tests.fakes import NO_INSTANCE, instance_status

ORDER: Any = {
    "job_id": "job_1", "traceparent": None, "index": 0, "instance": "job_1", "event": names.picture_event(0),
    "end": picture_end(state="failed"),
}  # fmt: skip


class Deaf(Client):
    """Takes no event."""

    async def raise_event(self, instance: str, event: str, data: Any = None) -> None:
        raise RuntimeError("No instance found")


async def test_the_job_is_told(services: Any, client: Client) -> None:
    assert await tell(services, client, ORDER) == {"told": True}  # type: ignore[arg-type]
    assert client.events == [("job_1", "picture-0")]


@pytest.mark.parametrize("status", [instance_status("Completed"), instance_status("Terminated"), NO_INSTANCE])
async def test_a_job_that_has_ended_need_not_hear_it(services: Any, status: Any) -> None:
    deaf = Deaf()
    deaf.statuses["job_1"] = status

    assert await tell(services, deaf, ORDER) == {"told": False}  # type: ignore[arg-type]


async def test_a_job_that_goes_on_is_told_again_until_it_has_heard(services: Any) -> None:
    with pytest.raises(RuntimeError):
        await tell(services, Deaf(), ORDER)  # type: ignore[arg-type]
