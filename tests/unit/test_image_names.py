"""Names of images: what a link may lead to tells nothing of its job, and all that a job has is found by its id."""

import hashlib
import re

import pytest

from shared.job_ids import new_job_id
from shared.storage import image_names as names

PICTURES = (
    lambda job_id: names.prepared_name(job_id, "input_image", "png"),
    lambda job_id: names.output_name(job_id, 0, "png"),
    lambda job_id: names.thumbnail_name(job_id, 0),
)


@pytest.mark.parametrize("named", PICTURES)
def test_what_may_be_linked_to_tells_nothing_of_its_job_and_has_the_same_name_each_time(named) -> None:
    job_id = new_job_id()
    name = named(job_id)

    assert re.fullmatch(r"pictures/[0-9a-f]{32}/(prepared|output|thumbnail)/\w+\.(png|jpg)", name)
    assert name == named(job_id) != named(new_job_id())
    assert job_id.removeprefix("job_")[:6] not in name
    # Nor is it a plain digest of the id, which may stand elsewhere.
    assert hashlib.sha256(job_id.encode()).hexdigest()[:32] not in name
    assert names.may_be_linked(name)


def test_no_name_that_tells_its_job_is_linked_to() -> None:
    job_id = new_job_id()
    of_before = [f"{job_id}/{place}/input_image.png" for place in ("input", "prepared")]

    assert not any(map(names.may_be_linked, [names.upload_name(job_id, "input_image", "png"), *of_before]))


def test_the_images_of_a_job_are_in_its_folders_and_no_others() -> None:
    mine, other = new_job_id(), new_job_id()
    upload = names.upload_name(mine, "input_image", "png")
    sent = hashlib.sha256(f"sent images of {mine}".encode()).hexdigest()[:32]
    of_before = [f"{mine}/output/0.png", f"{mine}/prepared/input_image.png", f"sent/{sent}/input_image.png"]

    for name in (upload, *(named(mine) for named in PICTURES), *of_before):
        assert name.startswith(names.folders(mine)), name
        assert not name.startswith(names.folders(other)), name
    assert all(folder.endswith("/") for folder in names.folders(mine)), "one id is no beginning of another"


def test_what_was_prepared_and_made_is_looked_for_today_and_before() -> None:
    job_id = new_job_id()
    prepared, output = names.prepared_prefixes(job_id, "input_image"), names.output_prefixes(job_id, 1)
    sent = hashlib.sha256(f"sent images of {job_id}".encode()).hexdigest()[:32]

    assert prepared[1:] == (f"{job_id}/prepared/input_image.", f"sent/{sent}/input_image.")
    assert names.prepared_name(job_id, "input_image", "jpg").startswith(prepared[0])
    assert not names.prepared_name(job_id, "input_image_1", "jpg").startswith(prepared)
    assert output[1:] == (f"{job_id}/output/1.",)
    assert names.output_name(job_id, 1, "jpg").startswith(output[0])


def test_an_upload_tells_its_job_and_nothing_else_is_one() -> None:
    job_id = new_job_id()

    assert names.job_of_upload(names.upload_name(job_id, "input_image", "png")) == job_id
    assert names.job_of_upload(f"{job_id}/input/input_image.png") == job_id
    for other in (f"{job_id}/prepared/x.png", names.output_name(job_id, 0, "png"), "uploads/x.png", "uploads/other/x.png", "x"):
        assert names.job_of_upload(other) is None, other
