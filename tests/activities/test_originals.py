"""Uploads go when their job has ended; what was prepared of them stays, and is what a story goes on with that is told again."""

import json
import logging
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from azure.core.exceptions import ServiceRequestError

from activities.finish_job import finish
from activities.keep_leftover import keep
from activities.prepare_image import prepare
from shared import originals, starting
from shared.domain.problem import Problem
from shared.job_ids import new_job_id
from shared.storage.blob_store import Missing
from shared.storage.image_names import folders, output_name, prepared_name, upload_name
from tests import pictures
from tests.activities.orders import Clock, finish_order, keep_order, picture_end
from tests.fakes import FakeBlobs, FakeGenerator, images_of, make_job, make_services

JOB = new_job_id()
UPLOAD = upload_name(JOB, "input_image", "jpg")
#: Where uploads lay in the version before.
UPLOAD_OF_BEFORE = f"{JOB}/input/input_image.jpg"
PREPARED = prepared_name(JOB, "input_image", "jpg")
PHOTO = pictures.photo_jpeg(300, 300)


class Unwilling(FakeBlobs):
    """Deletes no image while it is away."""

    is_away = True

    def delete(self, container: str, name: str, etag: str | None = None) -> None:
        if self.is_away and container == "images":
            raise ServiceRequestError("storage away")
        super().delete(container, name, etag)


@pytest.fixture
def services(generator: FakeGenerator, clock: Clock) -> Any:
    return accepted(make_services(generator, clock))


def accepted(services: Any, job_id: str = JOB, upload: str = UPLOAD) -> Any:
    """With a job whose image was uploaded."""
    services.blobs.put_image(upload, PHOTO, "image/jpeg")
    make_job(services, job_id, polls=0, fallback_used=False, images={"input_image": upload})
    return services


def order(services: Any, blob: str = UPLOAD, **changes: Any) -> Any:
    asked_at = services.now().isoformat()
    return {"job_id": JOB, "traceparent": None, "field": "input_image", "blob": blob, "asked_at": asked_at, **changes}


def end(services: Any, *, is_watched: bool = False, **changes: Any) -> Any:
    return finish(services, finish_order(picture_end(is_watched=is_watched), job_id=JOB, **changes))


def images(services: Any) -> set[str]:
    return set(services.blobs.images)


# ---- the end of a job ----


@pytest.mark.parametrize("upload", [UPLOAD, UPLOAD_OF_BEFORE], ids=["today", "of before"])
def test_the_upload_goes_with_the_end_and_what_was_prepared_stays(generator: FakeGenerator, clock: Clock, upload: str) -> None:
    services = accepted(make_services(generator, clock), upload=upload)
    prepare(services, order(services, upload))
    assert images(services) == {upload, PREPARED}
    end(services)

    assert images(services) == {PREPARED}


def test_all_of_several_uploads_go(services: Any) -> None:
    other = upload_name(JOB, "input_image_2", "png")
    services.blobs.put_image(other, PHOTO, "image/png")
    services.jobs.update(JOB, lambda job: job | {"images": {"input_image_1": UPLOAD, "input_image_2": other}})
    end(services)

    assert images(services) == set()


def test_nothing_is_deleted_of_a_job_that_does_not_end(services: Any) -> None:
    prepare(services, order(services))

    assert images(services) == {UPLOAD, PREPARED}


def test_a_refused_upload_goes_too(services: Any) -> None:
    services.blobs.put_image(UPLOAD, pictures.truncated_jpeg(), "image/jpeg")
    problem: Any = prepare(services, order(services))["problem"]
    finish(services, finish_order(problem=problem, job_id=JOB))

    assert images(services) == set()


def test_what_a_prediction_that_goes_on_may_fetch_stays(services: Any) -> None:
    prepare(services, order(services))
    end(services, is_watched=True)
    assert images(services) == {PREPARED}
    keep(services, keep_order(picture_end(), JOB))

    assert images(services) == {PREPARED}


@pytest.mark.parametrize("has_ended", [False, True])
def test_a_job_that_is_given_up_keeps_no_upload(services: Any, has_ended: bool) -> None:
    prepare(services, order(services))
    if has_ended:
        end(services, is_watched=True)
    starting.give_up(services, services.jobs.read(JOB), 30)

    assert images(services) == {PREPARED}


def test_storage_that_does_not_delete_neither_fails_nor_hides_the_end(
    generator: FakeGenerator, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "toonconnect")
    services = accepted(make_services(generator, clock, blobs=Unwilling()))

    assert end(services) == {"status": "succeeded"}
    assert services.jobs.read(JOB)["status"] == "succeeded"
    assert UPLOAD in images(services)
    (event,) = [one for one in caplog.records if one.message == "uploads_kept"]
    assert (event.levelname, event.job_id, event.reason) == ("WARNING", JOB, "ServiceRequestError")


def test_the_end_is_on_record_before_anything_is_deleted(generator: FakeGenerator, clock: Clock) -> None:
    """A worker that dies in between leaves a job that ends, not one whose upload is gone."""
    seen = []

    class Watching(FakeBlobs):
        def delete(self, container: str, name: str, etag: str | None = None) -> None:
            seen.append(services.jobs.read(JOB)["status"])
            super().delete(container, name, etag)

    services: Any = accepted(make_services(generator, clock, blobs=Watching()))
    end(services)

    assert seen == ["succeeded"]


# ---- a story that is told again ----


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_prepare_after_the_end_goes_on_with_what_was_prepared(services: Any, place: int) -> None:
    """By this version, or by earlier ones: with its job, or where providers fetched it."""
    _, today, jobs, sent = folders(JOB)
    name = [PREPARED, f"{jobs}prepared/input_image.jpg", f"{sent}input_image.jpg"][place]
    assert PREPARED.startswith(today)
    services.blobs.put_image(name, b"prepared", "image/jpeg")
    end(services)

    assert prepare(services, order(services)) == {"blob": name}
    assert services.blobs.images == {name: b"prepared"}


def test_a_prepare_that_stood_still_over_the_end_leaves_no_upload(services: Any, clock: Clock) -> None:
    """It had read the upload, and writes what it made of it once more: that is removed with the job."""
    late, put = order(services), services.blobs.put_image

    def after_the_end(*args: Any) -> None:
        services.blobs.put_image = put
        clock.pass_(60)
        end(services)
        put(*args)

    services.blobs.put_image = after_the_end
    prepare(services, late)
    assert images(services) == {PREPARED}

    services.pictures.forget(JOB)
    assert images(services) == set()


def test_a_missing_upload_of_a_job_that_runs_is_trouble_of_storage(services: Any) -> None:
    services.blobs.delete("images", UPLOAD)
    with pytest.raises(Missing):
        prepare(services, order(services))


def test_a_job_that_ended_without_what_is_needed_is_no_trouble(services: Any) -> None:
    """Its upload was refused, and is gone: a prepare that is delivered once more is answered, and nobody hears it."""
    finish(services, finish_order(problem=Problem("unsupported_image").to_payload(), job_id=JOB))

    assert prepare(services, order(services))["problem"]["code"] == "internal"


# ---- pictures of the version before ----


def test_a_picture_of_the_version_before_is_found_where_it_lies(services: Any) -> None:
    output = {"index": 0, "blob": f"{JOB}/output/0.png", "thumbnail_blob": f"{JOB}/thumbnail/0.jpg"}
    services.blobs.put_image(output["blob"], b"x", "image/png", {"attempt": "2", "output": f"{output}".replace("'", '"')})

    assert services.pictures.find(JOB, 0) == (output, 2)
    assert services.pictures.find(JOB, 1) is None


# ---- housekeeping ----

LONG_AGO = timedelta(minutes=30)


def lying(services: Any, name: str, since: timedelta) -> None:
    services.blobs.put_image(name, b"x", "image/jpeg")
    services.blobs.written[name] = services.now() - since


def swept(services: Any, *, of_before: bool = False) -> int:
    return originals.forget_left(services, services.now(), of_before=of_before)


def test_housekeeping_removes_what_an_end_has_left(generator: FakeGenerator, clock: Clock) -> None:
    services = accepted(make_services(generator, clock, blobs=Unwilling()))
    end(services)
    services.blobs.is_away = False
    lying(services, UPLOAD, LONG_AGO)

    assert (swept(services), images(services)) == (1, set())
    assert swept(services) == 0


@pytest.mark.parametrize("what", ["runs", "young", "unclaimed"])
def test_it_leaves_what_is_needed(services: Any, what: str) -> None:
    if what == "young":
        end(services)
    if what == "unclaimed":
        # Of a POST that may be at it still.
        services.jobs.delete(JOB)
    lying(services, UPLOAD, timedelta(minutes=9 if what == "young" else 59))

    assert (swept(services), images(services)) == (0, {UPLOAD})


@pytest.mark.parametrize("name", [UPLOAD, upload_name(JOB, "input_image", "jpg", "0badcafe")], ids=["without a key", "with one"])
def test_it_removes_what_a_post_left_that_died(services: Any, name: str) -> None:
    services.jobs.delete(JOB)
    services.blobs.delete("images", UPLOAD)
    lying(services, name, timedelta(minutes=61))

    assert (swept(services), images(services)) == (1, set())


def test_no_post_is_at_it_for_as_long_as_that() -> None:
    """What housekeeping removes then is of one that died."""
    limit = json.loads((Path(__file__).parents[2] / "host.json").read_text())["functionTimeout"]
    hours, minutes, _ = map(int, limit.split(":"))
    assert timedelta(hours=hours, minutes=minutes) * 2 < originals._UNCLAIMED


def test_it_removes_the_uploads_of_the_version_before_and_nothing_beside_them(services: Any) -> None:
    kept = {f"{JOB}/output/0.jpg", f"{JOB}/thumbnail/0.jpg", f"{JOB}/prepared/input_image.jpg", output_name(JOB, 0, "png")}
    for name in (*kept, UPLOAD_OF_BEFORE):
        lying(services, name, LONG_AGO)
    services.blobs.delete("images", UPLOAD)
    assert (swept(services, of_before=True), images(services)) == (0, {*kept, UPLOAD_OF_BEFORE}), "its job runs"
    end(services)
    lying(services, UPLOAD_OF_BEFORE, LONG_AGO)
    assert swept(services) == 0, "each has its own listing"

    assert (swept(services, of_before=True), images(services)) == (1, kept)


@pytest.mark.parametrize("of_before", [False, True])
def test_one_run_removes_no_more_than_so_many(services: Any, monkeypatch: pytest.MonkeyPatch, of_before: bool) -> None:
    monkeypatch.setattr(originals, "JOBS_AT_ONCE", 2)
    end(services)
    for job_id in sorted(new_job_id() for _ in range(5)):
        name = f"{job_id}/input/input_image.jpg" if of_before else upload_name(job_id, "input_image", "jpg")
        accepted(services, job_id, upload=name)
        services.jobs.update(job_id, lambda job: job | {"status": "failed"})
        services.blobs.written[name] = services.now() - LONG_AGO

    assert [swept(services, of_before=of_before) for _ in range(4)] == [2, 2, 1, 0]
    assert images(services) == set()


def test_a_deleted_job_loses_all_whatever_lies_where(services: Any) -> None:
    for folder in folders(JOB):
        services.blobs.put_image(f"{folder}x.png", b"x", "image/png")
    services.jobs.delete(JOB)

    assert images_of(images(services), JOB) == []
