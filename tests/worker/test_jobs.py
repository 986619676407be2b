"""Jobs from the request to the stored picture, and what follows: each step goes through Microsoft's library."""

import base64
import contextlib
import hashlib
import json
import time
from typing import TYPE_CHECKING, Any

import pytest
import requests
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueServiceClient

from devhost.background_triggers import next_due
from devhost.replay import format_time
from devhost.taskhub import utc_now
from shared import names
from shared.domain.queue_messages import INTAKE, RESULTS
from tests.activities import orders
from tests.azurite import Azurite
from tests.patience import PATIENCE
from tests.pictures import photo_jpeg
from tests.triggers.bodies import image, multipart, part
from tests.worker.test_http import MULTIPART, PPL

if TYPE_CHECKING:
    from tests.worker.both import DoubleHost

GOODS = multipart(part("prompt", "영웅 머그컵".encode()), part("n", b"2"), image())
_HANDLE = {"id": "p-1", "poll_url": "https://api.bfl.ai/v1/get_result?id=p-1"}
_NAMED = {"job_id": "job_1", "traceparent": None, "index": 0, "generator": "bfl", "attempt": 1}
#: Bodies of the steps that only a bad day takes, as the orchestrators give them.
RARE: dict[str, Any] = {
    names.RECORD_PREDICTION: {**_NAMED, "handle": _HANDLE, "cost": None},
    names.CANCEL_PREDICTION: {**_NAMED, "handle": _HANDLE},
    names.LEAVE_GATE: {**_NAMED, "outcome": "failed"},
    names.KEEP_LEFTOVER: orders.keep_order(orders.picture_end(0, "canceled")),
    names.TELL_JOB: {
        "job_id": "job_1", "traceparent": None, "index": 0, "instance": "job_1", "event": "picture-0",
        "end": orders.picture_end(0, "failed"),
    },
    names.TRANSLATE_PROMPT: {"job_id": "job_1", "traceparent": None, "start": 0, "is_last": True},
    names.SEND_WEBHOOK: {"job_id": "job_1", "traceparent": None},
    names.LOOK_AT_CHILD: {"job_id": "job_1", "traceparent": None, "index": 0, "instance": "job_1-0"},
}  # fmt: skip


def ended(both: "DoubleHost", job_id: str) -> dict[str, Any]:
    ends = time.monotonic() + PATIENCE
    while time.monotonic() < ends:
        job = both.send("GET", f"/api/jobs/{job_id}?wait=20").json()
        if job["status"] in ("succeeded", "failed", "canceled"):
            return dict(job)
    raise TimeoutError(job)


def test_a_picture_of_two_images(both: "DoubleHost") -> None:
    job = both.send("POST", "/api/ppl-gen/generate", MULTIPART, ("Prefer", "wait=60"), body=PPL).json()

    assert job["status"] == "succeeded", job
    inline = both.send("GET", f"/api/jobs/{job['id']}/result?inline=1", ("Accept", "image/*"))
    assert hashlib.sha256(inline.body).hexdigest() == job["outputs"][0]["sha256"]


def test_two_pictures_each_with_an_orchestration_of_its_own(both: "DoubleHost") -> None:
    accepted = both.send("POST", "/api/goods-gen/generate", MULTIPART, ("Idempotency-Key", "k"), body=GOODS)
    again = both.send("POST", "/api/goods-gen/generate", MULTIPART, ("Idempotency-Key", "k"), body=GOODS)
    assert (accepted.status, again.headers["idempotent-replayed"]) == (202, "true")

    job = ended(both, accepted.json()["id"])
    assert [output["index"] for output in job["outputs"]] == [0, 1]
    redirect = both.send("GET", f"/api/jobs/{job['id']}/result")
    assert redirect.status == 302
    assert requests.get(redirect.headers["location"], timeout=PATIENCE).status_code == 200


def test_a_job_that_is_canceled_and_deleted(both: "DoubleHost", simulators: str) -> None:
    requests.post(f"{simulators}/_sim/config", json={"bfl": {"delay_seconds": 6}}, timeout=PATIENCE).raise_for_status()
    job_id = both.send("POST", "/api/goods-gen/generate", MULTIPART, body=multipart(part("prompt", b"a"), image())).json()["id"]
    # So far that the provider works at it.
    deadline = time.monotonic() + PATIENCE
    while both.send("GET", f"/api/jobs/{job_id}").json()["stage"] != "generating" and time.monotonic() < deadline:
        time.sleep(0.2)

    assert both.send("POST", f"/api/jobs/{job_id}/cancel").status in (200, 202)
    ended(both, job_id)
    assert both.send("DELETE", f"/api/jobs/{job_id}").status in (200, 202, 204)
    while not both.both.invocations[names.FORGET_DELETED] and time.monotonic() < deadline:
        time.sleep(0.2)
    requests.post(f"{simulators}/_sim/config", json={"bfl": {"delay_seconds": 1}}, timeout=PATIENCE).raise_for_status()


@pytest.mark.parametrize("name", RARE)
def test_a_step_of_a_bad_day(both: "DoubleHost", name: str) -> None:
    """What it does has tests of its own: here the same comes in and goes out, an error too."""
    before = both.both.invocations[name]
    with contextlib.suppress(Exception):
        both.run_activity(name, json.dumps(RARE[name]))
    assert both.both.invocations[name] == before + 1


@pytest.mark.parametrize(
    "text", ["null", "", "no JSON", '"a text"', "[1, 2]", '{"__class__": "X", "__module__": "nowhere", "__data__": "{}"}']
)
def test_what_is_no_payload(both: "DoubleHost", text: str) -> None:
    with pytest.raises(Exception):  # noqa: B017, PT011 - which one is compared already
        both.run_activity(names.CHECK_PREDICTION, text)


def test_the_timer(both: "DoubleHost") -> None:
    following = format_time(next_due("0 */5 * * * *", utc_now()))
    for last, past_due in ((None, False), (format_time(utc_now()), True)):
        assert both.run_timer("housekeeping", last, following, past_due=past_due).error is None


def test_a_request_by_queue_and_one_that_nobody_can_read(both: "DoubleHost", azurite: Azurite) -> None:
    with (
        BlobServiceClient.from_connection_string(azurite.connection_string) as blobs,
        QueueServiceClient.from_connection_string(azurite.connection_string) as queues,
    ):
        blobs.create_container(INTAKE)
        blobs.get_blob_client(INTAKE, "hero.jpg").upload_blob(photo_jpeg(300, 300))
        requests_queue = queues.create_queue("worker-requests")
        asked = {"kind": "goods", "key": "w-1", "request": {"prompt": "영웅", "input_image": "hero.jpg"}}
        for text in (json.dumps(asked), "no JSON"):
            requests_queue.send_message(base64.b64encode(text.encode()).decode())
        taken, unread = (both.run_queue("generation_requests", message) for message in requests_queue.receive_messages())
        results = [json.loads(base64.b64decode(m.content)) for m in queues.get_queue_client(RESULTS).receive_messages()]

    assert (taken.error, results[0]["event"]) == (None, "accepted")
    assert ended(both, results[0]["id"])["status"] == "succeeded"
    assert unread.error is not None
    assert "no JSON" in str(unread.error.message)
