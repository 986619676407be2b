"""Canceling at the provider, and giving an image its final shape before anything is sent."""

import io
from typing import Any

import pytest
from azure.core.exceptions import ServiceRequestError
from PIL import Image

from activities.cancel_prediction import cancel
from activities.prepare_image import prepare
from activities.submit_prediction import submit
from shared.domain.problem import Problem
from shared.providers.provider import Handle, ProviderError
from shared.storage.blob_store import Missing
from tests import pictures
from tests.activities.orders import Clock, check_order, submit_order
from tests.fakes import FakeBlobs, FakeGenerator, make_job, make_services


class Refusing(FakeGenerator):
    """Answers a cancel with an error."""

    error: ProviderError | None = None

    def cancel(self, handle: Handle) -> Any:
        if self.error:
            raise self.error
        return super().cancel(handle)


@pytest.fixture
def generator() -> Refusing:
    return Refusing()


async def test_a_cancel_reaches_the_provider_and_gives_the_slot_back(services: Any, client: Any, generator: Refusing) -> None:
    await submit(services, client, submit_order())

    assert await cancel(services, client, check_order()) == {"state": "canceled", "retryable": False, "left_gate": True}
    assert (generator.canceled, services.gates.look("fake").document["active"]) == (["p-1"], {})


@pytest.mark.parametrize("state", ["finished", "going on"])
async def test_a_prediction_that_was_not_stopped_keeps_its_slot(
    services: Any, client: Any, generator: Refusing, state: str
) -> None:
    await submit(services, client, submit_order())
    generator.on_cancel = state

    assert await cancel(services, client, check_order()) == {"state": state, "retryable": False, "left_gate": False}
    assert set(services.gates.look("fake").document["active"]) == {"job_1/0"}


@pytest.mark.parametrize(("code", "retryable"), [("provider_unavailable", True), ("provider_auth_failed", False)])
async def test_a_refused_cancel_is_no_failure(
    services: Any, client: Any, generator: Refusing, code: str, retryable: bool
) -> None:
    generator.error = ProviderError(Problem(code, params={"provider": "Fake"}))

    answer = await cancel(services, client, check_order())
    assert answer == {"state": "going on", "retryable": retryable, "left_gate": False}


async def test_a_gate_that_cannot_be_written_is_told_so(client: Any, clock: Clock) -> None:
    class Unwilling(FakeBlobs):
        def create_document(self, name: str, *rest: Any) -> str:
            if name.startswith("gates/"):
                raise ServiceRequestError("away")
            return super().create_document(name, *rest)

    services: Any = make_services(FakeGenerator(), clock, blobs=Unwilling())
    make_job(services)

    assert await cancel(services, client, check_order()) == {"state": "canceled", "retryable": False, "left_gate": False}


# ---- preparing an image ----

PREPARE: Any = {
    "job_id": "job_1",
    "traceparent": None,
    "field": "input_image",
    "blob": "up.jpg",
    "asked_at": "2026-01-01T00:00:00+00:00",
}


def test_an_upload_is_prepared_and_stored_under_its_job(services: Any) -> None:
    services.blobs.put_image("up.jpg", pictures.photo_jpeg(2000, 1000), "image/jpeg")
    answer = prepare(services, PREPARE)

    assert answer == {"blob": "job_1/prepared/input_image.jpg"}
    assert Image.open(io.BytesIO(services.blobs.images[answer["blob"]])).size == (1024, 512)


def test_a_damaged_upload_is_a_problem_not_an_exception(services: Any) -> None:
    services.blobs.put_image("up.jpg", pictures.truncated_jpeg(), "image/jpeg")
    answer = prepare(services, PREPARE)

    assert (answer["problem"]["code"], answer["problem"]["stage"]) == ("unsupported_image", "validating")
    ((field, sentence),) = [(error["field"], error["message_en"]) for error in answer["problem"]["errors"]]
    assert (field, "damaged or breaks off" in sentence) == ("input_image", True)


def test_the_images_of_a_deleted_job_are_not_waited_for(services: Any, clock: Clock) -> None:
    with pytest.raises(Missing):
        prepare(services, PREPARE)
    services.jobs.hide("job_1", clock())

    assert prepare(services, PREPARE)["problem"]["code"] == "internal"
