"""Looking, storing, canceling and finishing."""

import io
from typing import Any

import pytest
from azure.core.exceptions import ServiceRequestError
from PIL import Image

from activities import cancel_prediction, check_prediction, finish_job, prepare_image
from shared.domain.problem import Problem, moderated
from shared.providers.generator import Failed, ProviderError, Ready, Running
from tests import pictures
from tests.fakes import FakeGenerator, make_job, make_services

CHECK = {
    "job_id": "job_1", "index": 0, "generator": "fake", "handle": {"id": "p-1", "poll_url": "https://fake/p-1"}, "age_seconds": 3.0,  # noqa: E501 - a row of a table
    "seed": 7, "preset": "mug", "label": "none",
}  # fmt: skip


@pytest.fixture
def generator() -> FakeGenerator:
    return FakeGenerator()


@pytest.fixture
def services(generator: FakeGenerator) -> Any:
    made = make_services(generator)
    make_job(made)
    return made


def test_an_upload_is_prepared_and_stored_under_its_job(services: Any) -> None:
    services.blobs.put_image("up.jpg", pictures.photo_jpeg(2000, 1000), "image/jpeg")
    answer = prepare_image.prepare(services, {"job_id": "job_1", "field": "input_image", "blob": "up.jpg"})

    assert answer == {"blob": "job_1/prepared/input_image.jpg"}
    assert Image.open(io.BytesIO(services.blobs.images[answer["blob"]])).size == (1024, 512)


def test_a_damaged_upload_is_a_problem_not_an_exception(services: Any) -> None:
    services.blobs.put_image("up.jpg", pictures.truncated_jpeg(), "image/jpeg")
    answer = prepare_image.prepare(services, {"job_id": "job_1", "field": "input_image", "blob": "up.jpg"})

    assert (answer["problem"]["code"], answer["problem"]["stage"]) == ("unsupported_image", "validating")
    ((field, sentence),) = [(error["field"], error["message_en"]) for error in answer["problem"]["errors"]]
    assert (field, "not a readable PNG" in sentence) == ("input_image", True)


def test_a_running_prediction_is_running_whatever_kept_us_from_looking(services: Any, generator: FakeGenerator) -> None:
    generator.looks = [Running(trouble="poll answered 500")]
    assert check_prediction.check(services, CHECK) == {"state": "running", "trouble": "poll answered 500", "after_seconds": None}


def test_a_ready_picture_is_stored_with_thumbnail_and_provenance_in_the_same_step(
    services: Any, generator: FakeGenerator
) -> None:
    generator.looks, generator.picture = [Ready("https://fake/x")], pictures.png_with_alpha(600, 400)
    answer = check_prediction.check(services, CHECK)

    output = answer["output"]
    assert (answer["state"], output["width"], output["height"], output["preset"], output["seed"]) == (
        "stored",
        600,
        400,
        "mug",
        7,
    )
    kept = services.blobs.images[output["blob"]]
    assert len(kept) == output["bytes"]
    assert b"trainedAlgorithmicMedia" in kept
    assert max(Image.open(io.BytesIO(services.blobs.images[output["thumbnail_blob"]])).size) == 384


def test_a_visible_label_changes_the_picture(services: Any, generator: FakeGenerator) -> None:
    generator.looks, generator.picture = [Ready("https://fake/x")], pictures.photo_jpeg(600, 400)
    plain = check_prediction.check(services, CHECK)["output"]["sha256"]
    labelled = check_prediction.check(services, CHECK | {"label": "visible"})["output"]["sha256"]

    assert plain != labelled


@pytest.mark.parametrize(
    ("picture", "code"),
    [
        (b"<html>not a picture</html>", "provider_bad_response"),
        (pictures.truncated_jpeg(), "provider_bad_response"),
        (ProviderError(Problem("provider_unavailable")), "provider_unavailable"),
    ],
)
def test_a_finished_picture_that_cannot_be_had_is_unstored_and_charged(
    services: Any, generator: FakeGenerator, picture: Any, code: str
) -> None:
    generator.looks, generator.picture = [Ready("https://fake/x")], picture
    answer = check_prediction.check(services, CHECK)

    assert (answer["state"], answer["problem"]["code"], answer["problem"]["charged"]) == ("unstored", code, "yes")
    assert answer["problem"]["params"]["provider"] == "Fake"


def test_storage_that_is_away_does_not_lose_a_finished_picture(services: Any, generator: FakeGenerator, monkeypatch: Any) -> None:
    def away(*_: Any) -> None:
        raise ServiceRequestError("away")

    generator.looks, generator.picture = [Ready("https://fake/x")], pictures.photo_jpeg(600, 400)
    monkeypatch.setattr(services.blobs, "put_image", away)
    assert check_prediction.check(services, CHECK)["state"] == "unstored"


def test_a_failed_prediction_is_told_with_its_class(services: Any, generator: FakeGenerator) -> None:
    generator.looks = [Failed(moderated("Fake", "input", "no"))]
    answer = check_prediction.check(services, CHECK)

    assert (answer["state"], answer["problem"]["code"], answer["resubmits"]) == ("failed", "content_moderated", 0)


def test_a_cancel_reaches_the_provider_and_its_refusal_is_no_failure(
    services: Any, generator: FakeGenerator, monkeypatch: Any
) -> None:
    assert cancel_prediction.cancel(services, CHECK) == {"state": "canceled", "retryable": False}

    def refuse(*_: Any) -> bool:
        raise ProviderError(Problem("provider_unavailable"))

    monkeypatch.setattr(generator, "cancel", refuse)
    assert cancel_prediction.cancel(services, CHECK) == {"state": "going on", "retryable": True}


ENDING = {
    "job_id": "job_1", "generator": "fake", "status": "succeeded", "outputs": [{"index": 0}], "problem": None, "attempts": 1,
    "polls": 3, "fallback_used": False, "pictures_charged": 1, "charges": {}, "progress": 92,
    "possible_duplicate": False, "started_at": "2026-01-01T00:00:01+00:00", "submitted_at": "2026-01-01T00:00:02+00:00",
    "ready_at": "2026-01-01T00:00:09+00:00",
}  # fmt: skip


def test_an_ended_job_has_its_costs_and_times(services: Any) -> None:
    assert finish_job.finish(services, ENDING) == {"status": "succeeded"}

    job = services.jobs.read("job_1")
    assert job["usage"] == {"cost_usd": 0.08, "estimated": True}
    assert (job["metrics"]["queue_ms"], job["metrics"]["provider_ms"]) == (2000, 7000)
    assert job["expires_at"] > job["completed_at"]


def test_a_terminal_status_never_changes(services: Any) -> None:
    finish_job.finish(services, ENDING)
    again = finish_job.finish(services, ENDING | {"status": "failed", "outputs": []})

    assert again == {"status": "succeeded"}
    assert services.jobs.read("job_1")["outputs"] == [{"index": 0}]


def test_a_job_that_was_deleted_meanwhile_ends_quietly(services: Any) -> None:
    assert finish_job.finish(services, ENDING | {"job_id": "job_gone"}) == {"status": "canceled"}
