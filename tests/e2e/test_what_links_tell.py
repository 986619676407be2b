"""Who is given a picture's link learns the picture, and nothing that opens, renews, cancels or deletes its job."""

import json
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from azure.storage.blob import BlobServiceClient

from tests import pictures
from tests.patience import PATIENCE
from tests.stack import Stack
from tests.telling import told

pytestmark = pytest.mark.stack

OWNER, PROMPT = "creator@toon.example", "zebra crossing in Mapo"
SIGNED_IN = {"X-MS-CLIENT-PRINCIPAL-ID": OWNER}


@pytest.fixture(scope="module")
def signed_in(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with Stack(tmp_path_factory.mktemp("links"), AUTH_MODE="easyauth", AUTH_STAND_IN="true", AI_LABEL="visible") as stack:
        stack.configure(replicate={"delay_seconds": 0.5}, bfl={"delay_seconds": 0.5})
        yield stack


@pytest.fixture(params=["goods as PNG", "goods as JPEG", "PPL"])
def job(request: pytest.FixtureRequest, signed_in: Stack) -> dict[str, Any]:
    """A job that has ended, as its owner sees it."""
    headers, image = {**SIGNED_IN, "Prefer": "wait=60"}, pictures.photo_jpeg(400, 300)
    if request.param == "PPL":
        answer = signed_in.ppl(image, image, headers, prompt=PROMPT)
    else:
        kind = request.param.rpartition(" ")[2].lower()
        answer = signed_in.goods(image, headers, prompt=PROMPT, preset="mug", n=2, output_format=kind)
    job: dict[str, Any] = answer.json()
    assert job["status"] == "succeeded", job
    return job


def secrets(stack: Stack, job: dict[str, Any]) -> dict[str, str]:
    """What no link may tell. The last letters of an id, which are its random part, are enough."""
    with BlobServiceClient.from_connection_string(stack.connection_string) as service:
        documents = service.get_container_client("documents")
        names = list(documents.list_blob_names(name_starts_with=f"jobs/{job['id']}/submission-"))
        handles = [json.loads(documents.download_blob(name).readall())["handle"] for name in names]
    assert len(handles) == len(job["outputs"])
    predictions = {f"prediction {number}": handle["id"] for number, handle in enumerate(handles)}
    return {"id": job["id"].removeprefix("job_"), "tail": job["id"][-16:], "owner": OWNER, "prompt": PROMPT, **predictions}


def said_of(answer: requests.Response) -> Iterator[tuple[str, str | bytes]]:
    """All that an answer says, but for the address that it was asked under."""
    for name, value in answer.headers.items():
        yield f"{name} of {answer.url[:80]}", f"{name}: {value}"
    yield f"body of {answer.url[:80]}", answer.content


def test_no_link_tells_the_job_its_prediction_its_owner_or_its_prompt(signed_in: Stack, job: dict[str, Any]) -> None:
    hidden, result = secrets(signed_in, job), job["urls"]["result"]
    links = [output[name] for output in job["outputs"] for name in ("url", "thumbnail_url")]
    said: list[tuple[str, str | bytes]] = []
    for index in range(len(job["outputs"])):
        moved = requests.get(result, params={"index": index}, headers=SIGNED_IN, allow_redirects=False, timeout=PATIENCE)
        inline = requests.get(result, params={"index": index, "inline": 1}, headers=SIGNED_IN, timeout=PATIENCE)
        assert (moved.status_code, inline.status_code) == (302, 200)
        links.append(moved.headers["Location"])
        said += [*said_of(moved), *said_of(inline)]
    for link in links:
        answer = requests.get(link, timeout=PATIENCE)
        assert answer.status_code == 200
        said += [("link", link), *said_of(answer)]

    assert any("x-ms-meta-" in where for where, _ in said), "what is known of a blob travels with it"
    assert len(said) > 10 * len(links)
    assert {where: found for where, what in said if (found := told(what, hidden))} == {}


def test_all_that_has_a_name_without_the_job_is_a_picture(signed_in: Stack, job: dict[str, Any]) -> None:
    """The rest of what lies in storage is linked to by nobody, and of the uploads nothing is left."""
    with BlobServiceClient.from_connection_string(signed_in.connection_string) as service:
        images = service.get_container_client("images")
        # The last step of a story, after the job has ended.
        ends = time.monotonic() + PATIENCE
        while list(images.list_blob_names(name_starts_with="uploads/")) and time.monotonic() < ends:
            time.sleep(0.1)
        names = list(images.list_blob_names())
    linked = {
        urlsplit(output[name]).path.partition("/images/")[2] for output in job["outputs"] for name in ("url", "thumbnail_url")
    }

    assert linked <= set(names)
    assert [name for name in names if not name.startswith("pictures/") or told(name, secrets(signed_in, job))] == []
