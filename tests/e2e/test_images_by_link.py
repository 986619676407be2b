"""The whole app with images by link: providers fetch them from storage, for as long as their prediction may take."""

import re
import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from azure.storage.blob import BlobServiceClient

from shared.storage.image_names import folders
from tests import pictures
from tests.fakes import images_of
from tests.patience import PATIENCE
from tests.stack import Stack

pytestmark = pytest.mark.stack


@pytest.fixture(scope="module")
def linking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with Stack(tmp_path_factory.mktemp("links"), IMAGES_BY_LINK="true") as stack:
        yield stack


@pytest.fixture
def stack(linking: Stack) -> Stack:
    linking.reset()
    linking.configure(replicate={"delay_seconds": 0.5}, bfl={"delay_seconds": 0.5})
    return linking


def fetches(stack: Stack) -> list[dict[str, Any]]:
    return list(requests.get(f"{stack.simulators}/_sim/fetches", timeout=PATIENCE).json())


def names(stack: Stack) -> list[str]:
    with BlobServiceClient.from_connection_string(stack.connection_string) as service:
        return list(service.get_container_client("images").list_blob_names())


def result(stack: Stack, job: dict[str, Any]) -> bytes:
    return stack.client().download(job)


def test_a_picture_is_made_of_images_that_its_provider_fetched(stack: Stack) -> None:
    character, product = pictures.photo_jpeg(640, 480), pictures.png_with_alpha(500, 500)
    job = stack.ended(stack.ppl(character, product, seed=7).json()["id"])
    assert job["status"] == "succeeded", job

    made, fetched = result(stack, job), fetches(stack)
    assert [(fetch["provider"], fetch["failed"]) for fetch in fetched] == [("replicate", 0)] * 2
    assert sorted(fetch["url"].rpartition("/")[2] for fetch in fetched) == ["input_image_1.jpg", "input_image_2.png"]
    for fetch in fetched:
        assert re.search(r"/images/pictures/[0-9a-f]{32}/prepared/", fetch["url"])
        assert job["id"].removeprefix("job_") not in fetch["url"]
        # Its signature is in no log, and it is not opened without.
        assert requests.get(fetch["url"], timeout=PATIENCE).status_code in (403, 404, 409)
    uploads, mine, *_ = folders(job["id"])
    # They go when the job has ended, a moment later.
    ends = time.monotonic() + PATIENCE
    while any(name.startswith(uploads) for name in names(stack)) and time.monotonic() < ends:
        time.sleep(0.1)
    places = {name.rpartition("/")[0] for name in images_of(names(stack), job["id"])}
    assert places == {f"{mine}{place}" for place in ("prepared", "output", "thumbnail")}, "no upload is left"
    assert "sig=" not in stack.log

    # Of other images another picture comes, so it is made of these.
    other = stack.ended(stack.ppl(pictures.photo_jpeg(480, 640), product, seed=7, aspect_ratio="1:1").json()["id"])
    assert made != result(stack, other)


@pytest.mark.parametrize("how", ["422", "400"])
def test_a_link_that_is_refused_is_followed_by_the_images_themselves(stack: Stack, how: str) -> None:
    fault = {"on": "fetch", "kind": "unfetchable"}
    stack.configure(bfl={"unfetchable_image": how, "faults": [fault]})
    job = stack.ended(stack.goods(pictures.photo_jpeg(640, 480)).json()["id"])

    assert (job["status"], job["attempts"], job["usage"]["cost_usd"]) == ("succeeded", 1, 0.08)
    assert (stack.stats("bfl")["submits"], stack.stats("bfl")["fetches_failed"]) == (1, 1)
    assert "image_link_failed" in stack.log


def test_a_run_that_could_not_fetch_is_made_anew_of_the_images_themselves(stack: Stack) -> None:
    stack.configure(bfl={"unfetchable_image": "error", "faults": [{"on": "fetch", "kind": "unfetchable"}]})
    job = stack.ended(stack.goods(pictures.photo_jpeg(640, 480)).json()["id"])

    assert (job["status"], job["attempts"], job["usage"]["cost_usd"]) == ("succeeded", 2, 0.08)
    assert stack.stats("bfl")["fetches"] == 1


def test_nothing_is_left_after_a_delete_while_it_runs(stack: Stack) -> None:
    stack.configure(replicate={"outcome": "never"})
    image = pictures.photo_jpeg(640, 480)
    job_id = stack.ppl(image, image).json()["id"]
    while not fetches(stack):
        stack.job(job_id)
    assert len([name for name in images_of(names(stack), job_id) if "/prepared/" in name]) == 2
    stack.client().delete(job_id)

    assert images_of(names(stack), job_id) == []
