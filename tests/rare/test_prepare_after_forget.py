"""prepare_image delivered twice: the first run stands still before its write until the job is deleted and forgotten."""

from datetime import timedelta

from activities.prepare_image import prepare
from tests.orchestrators.house import House
from tests.orchestrators.story import JOB


def test_nothing_is_left_after_a_delete() -> None:
    house = House()
    document = house.accept()

    def forgotten() -> None:
        house.services.jobs.hide(JOB, house.bench.now)
        house.services.pictures.forget(JOB)
        house.services.jobs.delete(JOB)

    house.hooks.once("put_image", forgotten)
    prepare(house.services, {
        "job_id": JOB, "traceparent": None, "field": "input_image", "blob": document["images"]["input_image"],
        "asked_at": (house.bench.now - timedelta(seconds=60)).isoformat(),
    })  # fmt: skip
    assert house.left_of() == []
