"""A producer's list through the real queue, host and app: one job a request, an answer to each, poison that an operator sees."""

import base64
import contextlib
import json
import time
from pathlib import Path
from typing import Any

import pytest
import requests
from azure.core.exceptions import ResourceNotFoundError
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueServiceClient

from shared.domain.queue_messages import INTAKE, POISON, REQUESTS, RESULTS
from tests import pictures
from tests.azurite import ACCOUNT
from tests.operator import Operator
from tests.patience import PATIENCE
from tests.stack import Stack

pytestmark = pytest.mark.stack

QUICK = {
    "INTAKE_QUEUE": "true",
    **{f"AzureFunctionsJobHost__extensions__queues__{name}": value for name, value in {
        "maxDequeueCount": "2", "visibilityTimeout": "00:00:01", "maxPollingInterval": "00:00:00.3",
    }.items()},
}  # fmt: skip
#: In every message, in its key and in the names of blobs: none of it is to be found anywhere else.
MARK = "zebra-crossing"


def asked(**request: Any) -> dict[str, Any]:
    return {"kind": "goods", "request": {"prompt": f"영웅 {MARK}", "input_image": f"{MARK}/hero.png", **request}}


def encoded(message: Any) -> str:
    text = message if isinstance(message, str) else json.dumps(message)
    return base64.b64encode(text.encode()).decode()


def test_a_producers_list_becomes_jobs_answers_and_poison(tmp_path: Path) -> None:
    with Stack(tmp_path / "stack", **QUICK) as stack:
        stack.configure(bfl={"delay_seconds": 0.5})
        port = json.loads((stack.folder / "azurite.json").read_text())["queue"]
        queues = QueueServiceClient.from_connection_string(
            f"{stack.connection_string}QueueEndpoint=http://127.0.0.1:{port}/{ACCOUNT};"
        )
        blobs = BlobServiceClient.from_connection_string(stack.connection_string)
        blobs.create_container(INTAKE).upload_blob(f"{MARK}/hero.png", pictures.png_with_alpha(400, 500))
        sent = queues.get_queue_client(REQUESTS)
        row = {**asked(n=2, label="visible"), "key": f"{MARK}-17", "correlation_id": "row-17"}
        for content in (
            encoded(row),
            encoded(row),
            encoded(asked(seed=MARK) | {"correlation_id": "row-18"}),
            encoded(MARK),
            MARK,
        ):
            sent.send_message(content)
        told = collected(queues, lambda found: len(found) == 4)
        wait_for(lambda: queues.get_queue_client(POISON).get_queue_properties().approximate_message_count == 2)

        assert [(m["event"], m["status"], m["code"]) for m in told if m["correlation_id"] == "row-18"] == [
            ("refused", "refused", "validation_failed")
        ]
        events = sorted(m["event"] for m in told if m["correlation_id"] == "row-17")
        (job_id,) = {m["id"] for m in told if m["correlation_id"] == "row-17"}
        assert events == ["accepted", "accepted", "ended"]
        job = stack.job(job_id)
        assert (job["status"], len(job["outputs"]), job["provenance"]["label"]) == ("succeeded", 2, "visible")
        assert stack.stats("bfl")["submits"] == 2
        report = Operator(stack).data("intake")
        assert [row["why"].split(" ")[:3] for row in report["poison"]] == [["it", "is", "not"], ["it", "is", "no"]]
        assert MARK not in json.dumps(report)
        assert MARK not in stack.log
        assert "intake_failed" in stack.log


def collected(queues: QueueServiceClient, is_all: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []

    def look() -> bool:
        for message in queues.get_queue_client(RESULTS).receive_messages():
            found.append(json.loads(base64.b64decode(message.content)))
        return bool(is_all(found))

    wait_for(look)
    return found


def wait_for(test: Any) -> None:
    ends = time.monotonic() + PATIENCE
    while time.monotonic() < ends:
        # The queues are made by the host and the app.
        with contextlib.suppress(ResourceNotFoundError):
            if test():
                return
        time.sleep(0.2)
    raise TimeoutError
