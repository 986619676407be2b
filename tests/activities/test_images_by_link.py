"""Images that their provider fetches: a link for the first attempt, nowhere on record, dead when the job has ended."""

import io
import json
import logging
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from azure.core.exceptions import ServiceRequestError

from activities.finish_job import finish
from activities.keep_leftover import keep
from activities.prepare_image import prepare
from activities.submit_prediction import submit
from shared import forgetting, starting
from shared.domain.problem import Problem
from shared.generators.image import Linked
from shared.pictures.inline import for_inline
from shared.providers.provider import ProviderError
from shared.storage.job_store import sent_folder
from shared.storage.sent_images import LINK_MARGIN
from tests import pictures
from tests.activities.orders import LOST, REFUSED, Clock, finish_order, keep_order, picture_end, submit_order
from tests.fakes import FakeBlobs, FakeGenerator, instance_status, make_job, make_services

UPLOADS = {"input_image": "job_1/input/input_image.png"}
RECORD = "jobs/job_1/submission-0-1.json"
SENT = f"{sent_folder('job_1')}input_image.png"


def noise_png() -> bytes:
    """Too large to go within a request as it is."""
    buffer = io.BytesIO()
    pictures.noise(320, 320).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


UPLOAD = noise_png()


def unfetched(**changes: Any) -> ProviderError:
    problem = Problem("provider_bad_response", retryable=False, charged="no", params={"provider": "Fake"})
    return ProviderError(problem, **{"is_about_image": True, "note": "answered 422", **changes})


@pytest.fixture
def services(generator: FakeGenerator, clock: Clock) -> Any:
    return prepared(make_services(generator, clock, IMAGES_BY_LINK="true"))


def prepared(services: Any) -> Any:
    """With a job whose image was uploaded and prepared."""
    services.blobs.put_image(UPLOADS["input_image"], UPLOAD, "image/png")
    make_job(services, polls=0, fallback_used=False, images=UPLOADS)
    prepare(services, prepare_order(services))
    return services


def prepare_order(services: Any, field: str = "input_image", **changes: Any) -> Any:
    order = {"job_id": "job_1", "traceparent": None, "field": field, "blob": UPLOADS["input_image"]}
    return {**order, "asked_at": services.now().isoformat(), **changes}


def sending(**changes: Any) -> Any:
    return submit_order(images=[SENT], **changes)


def left(services: Any) -> list[str]:
    return [name for name in services.blobs.images if name.startswith("sent/")]


def record(services: Any, name: str = RECORD) -> Any:
    return services.blobs.read_document(name)[0]


def said(caplog: pytest.LogCaptureFixture, event: str) -> list[Any]:
    return [one for one in caplog.records if one.message == event]


# ---- what is sent ----


async def test_what_is_sent_is_a_link_to_the_prepared_image_as_it_is(
    services: Any, client: Any, generator: FakeGenerator
) -> None:
    assert left(services) == [SENT]
    await submit(services, client, sending())
    (image,) = generator.submitted[0].images

    assert isinstance(image, Linked)
    assert urlsplit(image.url).path.endswith(f"/images/{SENT}")
    assert image.data == services.blobs.images[SENT] != for_inline(image.data)
    assert record(services)["by_link"] is True


async def test_the_link_reads_one_blob_for_as_long_as_a_prediction_may_take(
    services: Any, client: Any, generator: FakeGenerator, clock: Clock
) -> None:
    await submit(services, client, sending(timeout_seconds=300))
    (image,) = generator.submitted[0].images
    query = parse_qs(urlsplit(image.url).query)  # type: ignore[union-attr]

    assert (query["sp"], query["sr"]) == (["r"], ["b"])
    assert datetime.fromisoformat(query["se"][0]) == clock() + timedelta(seconds=300) + LINK_MARGIN
    assert timedelta(minutes=3) <= LINK_MARGIN


async def test_nothing_tells_of_the_link_but_the_request_itself(
    services: Any, client: Any, generator: FakeGenerator, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    generator.on_submit = [unfetched(), LOST]
    answer = await submit(services, client, sending())
    finish(services, finish_order(picture_end()))
    (image,) = generator.submitted[0].images
    told = [str(vars(one)) for one in caplog.records]
    documents = json.dumps([document for document, _ in services.blobs.documents.values()])

    assert isinstance(image, Linked)
    signature = parse_qs(urlsplit(image.url).query)["sig"][0]
    for text in (json.dumps(answer), documents, *told):
        assert "sig=" not in text
        assert signature not in text
        assert "/images/sent/" not in text


async def test_without_the_setting_images_go_inside(client: Any, generator: FakeGenerator, clock: Clock) -> None:
    services = prepared(make_services(generator, clock))
    await submit(services, client, submit_order(images=["job_1/prepared/input_image.png"]))

    data = services.blobs.get_image("job_1/prepared/input_image.png")
    assert (generator.submitted[0].images, left(services)) == ((for_inline(data),), [])
    assert record(services)["by_link"] is False


async def test_what_was_prepared_before_links_were_switched_on_goes_inside(
    services: Any, client: Any, generator: FakeGenerator
) -> None:
    services.blobs.put_image("job_1/prepared/input_image.png", b"image", "image/png")
    await submit(services, client, submit_order(images=["job_1/prepared/input_image.png"]))

    assert generator.submitted[0].images == (b"image",)


async def test_what_was_prepared_before_they_were_switched_off_goes_inside(
    services: Any, client: Any, generator: FakeGenerator, clock: Clock
) -> None:
    services = make_services(generator, clock, blobs=services.blobs)
    await submit(services, client, sending())

    assert generator.submitted[0].images == (for_inline(services.blobs.images[SENT]),)


@pytest.mark.parametrize("attempt", [2, 3])
async def test_an_attempt_after_the_first_goes_inside(services: Any, client: Any, generator: FakeGenerator, attempt: int) -> None:
    await submit(services, client, sending(attempt=attempt))

    assert generator.submitted[0].images == (for_inline(services.blobs.images[SENT]),)


# ---- a link that cannot be fetched ----


async def test_a_link_that_could_not_be_fetched_is_followed_by_one_send_inside(
    services: Any, client: Any, generator: FakeGenerator, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "toonconnect")
    generator.on_submit = [unfetched()]
    answer: Any = await submit(services, client, sending())

    first, second = generator.submitted
    assert (first.is_by_link, second.images) == (True, (for_inline(services.blobs.images[SENT]),))
    assert (answer["state"], answer["sends"]) == ("submitted", ["accepted"])
    assert (record(services)["by_link"], record(services)["possible_duplicate"]) == (False, False)
    (event,) = said(caplog, "image_link_failed")
    assert (event.generator, event.reason) == ("fake", "answered 422")
    assert said(caplog, "submit_refused") == []


async def test_it_is_not_followed_by_a_third(services: Any, client: Any, generator: FakeGenerator) -> None:
    generator.on_submit = [unfetched(), unfetched()]
    answer: Any = await submit(services, client, sending())

    assert (answer["state"], answer["sends"], len(generator.submitted)) == ("failed", ["refused"], 2)
    assert answer["problem"]["charged"] == "no"


async def test_a_refusal_that_is_about_something_else_is_not_repeated(
    services: Any, client: Any, generator: FakeGenerator
) -> None:
    generator.on_submit = [unfetched(is_about_image=False)]
    answer: Any = await submit(services, client, sending())

    assert (answer["state"], len(generator.submitted)) == ("failed", 1)


async def test_nor_is_one_of_an_image_that_went_inside(services: Any, client: Any, generator: FakeGenerator) -> None:
    generator.on_submit = [unfetched()]
    answer: Any = await submit(services, client, sending(attempt=2))

    assert (answer["state"], len(generator.submitted)) == ("failed", 1)


async def test_the_second_send_is_for_somebody_who_still_wants_it(services: Any, client: Any, generator: FakeGenerator) -> None:
    class Canceling(FakeGenerator):
        def submit(self, order: Any, *, timeout_seconds: int) -> Any:
            services.jobs.update("job_1", lambda job: job | {"cancel_requested_at": "2026-01-01T00:00:01+00:00"})
            return super().submit(order, timeout_seconds=timeout_seconds)

    services.generators["fake"] = canceling = Canceling()
    canceling.on_submit = [unfetched()]
    answer = await submit(services, client, sending())

    assert (answer["state"], answer["sends"], len(canceling.submitted)) == ("canceled", ["refused"], 1)


async def test_a_second_send_that_is_put_off_goes_inside_when_it_is_sent(
    services: Any, client: Any, generator: FakeGenerator
) -> None:
    generator.on_submit = [unfetched(), REFUSED]
    answer: Any = await submit(services, client, sending())
    assert (answer["state"], answer["sends"]) == ("again", ["refused"])

    answer = await submit(services, client, sending(call=2, may_be_sent=True))
    assert (answer["state"], [order.is_by_link for order in generator.submitted]) == ("submitted", [True, False, False])


async def test_a_second_send_that_was_lost_is_looked_for_as_it_was_sent(
    services: Any, client: Any, generator: FakeGenerator, clock: Clock
) -> None:
    looked_for: list[Any] = []
    generator.find = lambda order, since: iter(looked_for.append(order) or ())  # type: ignore[method-assign, func-returns-value]
    generator.on_submit = [unfetched(), LOST]
    await submit(services, client, sending())
    clock.pass_(5)
    await submit(services, client, sending(call=2, may_be_sent=True))

    assert [order.is_by_link for order in looked_for] == [False]


async def test_a_link_that_was_lost_is_looked_for_and_repeated_by_link(
    services: Any, client: Any, generator: FakeGenerator, clock: Clock
) -> None:
    looked_for: list[Any] = []
    generator.find = lambda order, since: iter(looked_for.append(order) or ())  # type: ignore[method-assign, func-returns-value]
    generator.on_submit = [LOST]
    await submit(services, client, sending())
    for call, seconds in ((2, 5), (3, 40)):
        clock.pass_(seconds)
        answer: Any = await submit(services, client, sending(call=call, may_be_sent=True))

    assert (answer["state"], answer["sends"]) == ("submitted", ["open", "accepted"])
    assert [order.is_by_link for order in (*looked_for, *generator.submitted)] == [True] * 4


async def test_no_link_is_signed_while_nothing_may_be_sent(clock: Clock, client: Any, generator: FakeGenerator) -> None:
    """Whoever signs may have to ask storage, which may be away: then nothing is on record either."""
    services = prepared(make_services(generator, clock, IMAGES_BY_LINK="true"))

    def away(*args: Any, **kwargs: Any) -> Any:
        raise ServiceRequestError("storage away")

    services.links.sign = away  # type: ignore[method-assign]
    with pytest.raises(ServiceRequestError):
        await submit(services, client, sending())

    assert (generator.submitted, RECORD in services.blobs.documents) == ([], False)


# ---- the end ----


async def test_the_link_dies_with_the_job(services: Any, client: Any) -> None:
    await submit(services, client, sending())
    assert left(services) == [SENT]
    finish(services, finish_order(picture_end()))

    assert left(services) == []
    assert UPLOADS["input_image"] in services.blobs.images


async def test_a_prediction_that_goes_on_may_still_fetch(services: Any, client: Any) -> None:
    await submit(services, client, sending())
    finish(services, finish_order(picture_end(state="failed")))
    assert left(services) == [SENT]

    keep(services, keep_order(picture_end()))
    assert left(services) == []


def test_a_story_that_is_told_again_leaves_nothing_either(services: Any) -> None:
    finish(services, finish_order(picture_end()))
    prepare(services, prepare_order(services))
    assert left(services) == [SENT]
    finish(services, finish_order(picture_end()))

    assert left(services) == []


def test_an_image_that_is_prepared_long_after_the_end_does_not_stay(services: Any, clock: Clock) -> None:
    finish(services, finish_order(picture_end()))
    order = prepare_order(services)
    clock.pass_(60)
    prepare(services, order)

    assert left(services) == []


def test_a_slow_preparation_of_a_job_that_goes_on_stays(services: Any, clock: Clock) -> None:
    order = prepare_order(services)
    clock.pass_(60)
    prepare(services, order)

    assert left(services) == [SENT]


@pytest.mark.parametrize("is_watching", [False, True])
def test_a_job_that_is_given_up_leaves_nothing(services: Any, is_watching: bool) -> None:
    if is_watching:
        finish(services, finish_order(picture_end(state="failed")))
    starting.give_up(services, services.jobs.read("job_1"), 30)

    assert left(services) == []


def test_storage_that_keeps_the_images_of_a_lost_job_is_asked_again(clock: Clock) -> None:
    class Unwilling(FakeBlobs):
        is_away = True

        def delete(self, container: str, name: str, etag: str | None = None) -> None:
            if self.is_away and container == "images":
                raise ServiceRequestError("storage away")
            super().delete(container, name, etag)

    services: Any = prepared(make_services(FakeGenerator(), clock, blobs=Unwilling(), IMAGES_BY_LINK="true"))
    with pytest.raises(ServiceRequestError):
        starting.give_up(services, services.jobs.read("job_1"), 30)
    assert services.jobs.read("job_1")["status"] == "queued"

    services.blobs.is_away = False
    starting.give_up(services, services.jobs.read("job_1"), 30)
    assert left(services) == []


@pytest.mark.parametrize("by_link_now", ["true", "false"])
async def test_nothing_is_left_of_a_deleted_job_whatever_the_setting_is_by_then(
    services: Any, client: Any, clock: Clock, by_link_now: str
) -> None:
    await submit(services, client, sending())
    services = make_services(FakeGenerator(), clock, blobs=services.blobs, IMAGES_BY_LINK=by_link_now)
    client.statuses["job_1"] = instance_status("Completed")
    await forgetting.begin(services, client, "job_1")

    assert left(services) == []
