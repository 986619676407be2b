"""What a provider is sent is what the job's document says, and what comes back is stored as the picture that it is."""

from typing import Any

import pytest

from activities.check_prediction import check
from activities.submit_prediction import submit
from shared.providers.provider import Ready
from shared.storage.image_names import output_name, thumbnail_name
from tests import pictures
from tests.activities.orders import Clock, check_order, submit_order
from tests.activities.test_lost_sends import Telling
from tests.fakes import FakeGenerator, make_job, make_services

ASKED = {
    "prompt": "in blue", "prompt_sent": "a mug in blue", "aspect_ratio": "16:9", "output_format": "jpeg", "safety_tolerance": 0,
    "n": 3,
}  # fmt: skip


@pytest.mark.parametrize("index", [0, 2])
async def test_an_order_is_what_its_job_asks_for(services: Any, client: Any, generator: FakeGenerator, index: int) -> None:
    make_job(services, "job_2", input=ASKED, seeds=[7, 8, 9])
    await submit(services, client, submit_order(job_id="job_2", index=index))

    (order,) = generator.submitted
    assert (order.prompt, order.aspect_ratio, order.output_format, order.safety_tolerance, order.seed, order.reference) == (
        "a mug in blue", "16:9", "jpeg", 0, 7 + index, f"job_2/{index}",
    )  # fmt: skip


async def test_images_are_sent_in_the_order_in_which_the_story_names_them(
    services: Any, client: Any, generator: FakeGenerator
) -> None:
    names = ["z.png", "a.png"]
    for name in names:
        services.blobs.put_image(name, name.encode(), "image/png")
    await submit(services, client, submit_order(images=names))

    assert generator.submitted[0].images == (b"z.png", b"a.png")


@pytest.mark.parametrize("attempt", [1, 3])
async def test_a_provider_is_told_whom_to_call_and_of_which_attempt(client: Any, clock: Clock, attempt: int) -> None:
    services: Any = make_services(generator := Telling(), clock)
    services.blobs.put_image("in.png", b"image", "image/png")
    make_job(services)
    answer: Any = await submit(services, client, submit_order(instance="job_1-0", attempt=attempt))

    assert generator.submitted[0].webhook_url == f"https://app/job_1-0/{attempt}"
    assert answer["will_be_told"] is True


@pytest.mark.parametrize("index", [0, 1])
async def test_a_picture_is_stored_under_its_own_number(services: Any, client: Any, generator: FakeGenerator, index: int) -> None:
    generator.looks, generator.picture = [Ready("https://fake/x")], pictures.drawing_png(64, 64)
    answer: Any = await check(services, client, check_order(index=index))

    assert (answer["output"]["index"], answer["output"]["blob"]) == (index, output_name("job_1", index, "png"))
    assert {output_name("job_1", index, "png"), thumbnail_name("job_1", index)} <= set(services.blobs.images)
