"""Pictures and uploads that the former version had written, where they lie."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from shared import originals
from shared.domain.job import is_terminal
from shared.storage.image_names import job_of_upload
from tests.fakes import make_services
from tests.former.load import STATE, moment


def names(room: str, pattern: str) -> list[Path]:
    return sorted((STATE / room).glob(pattern))


@pytest.fixture
def services() -> Any:
    services: Any = make_services()
    headers = moment()["images"]
    for file in names("images", "*/*/*"):
        name = file.relative_to(STATE / "images").as_posix()
        services.blobs.put_image(name, file.read_bytes(), headers[name]["content_type"], headers[name]["metadata"])
        services.blobs.written[name] = services.now() - timedelta(hours=1)
    for file in names("documents", "jobs/*/job.json"):
        services.blobs.create_document(file.relative_to(STATE / "documents").as_posix(), json.loads(file.read_text()))
    return services


def documents(services: Any) -> list[dict[str, Any]]:
    return [services.jobs.read(file.parent.name) for file in names("documents", "jobs/*/job.json")]


def test_what_was_prepared_is_found_for_every_upload(services: Any) -> None:
    found = [
        services.sent_images.find(job["id"], field) for job in documents(services) if job["outputs"] for field in job["images"]
    ]
    assert found
    assert all(name and services.blobs.get_image(name) for name in found)


def test_housekeeping_removes_the_uploads_of_those_that_have_ended_and_nothing_else(services: Any) -> None:
    before = set(services.blobs.images)
    ended = {job["id"] for job in documents(services) if is_terminal(job["status"])}
    uploads = {name for name in before if job_of_upload(name) in ended}
    assert len(ended) == originals.forget_left(services, services.now(), of_before=True) > 3

    assert before - set(services.blobs.images) == uploads
    assert any(job_of_upload(name) for name in services.blobs.images), "some are still under way"


def test_a_delete_leaves_nothing_of_a_job(services: Any) -> None:
    for job in documents(services):
        services.jobs.delete(job["id"])

    left = {name.partition("/")[0] for name in services.blobs.images}
    assert left.isdisjoint(job["id"] for job in documents(services) if job)
    # Of POSTs that died: they have no documents.
    assert left <= {job["id"] for job in moment()["jobs"].values()}
