"""The queues and the intake of batch producers, over Azurite."""

import base64
import json
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from azure.storage.queue import QueueServiceClient

from devhost.background_triggers import QueueRules
from ops import intake
from ops.failing import CannotDo
from ops.surroundings import Surroundings
from shared.domain.queue_messages import INTAKE, POISON, REQUESTS, RESULTS
from shared.services import Services
from shared.settings import Settings
from shared.storage.blob_store import Missing
from shared.storage.intake_blobs import IntakeBlobs
from tests.azurite import Azurite

ROOT = Path(__file__).resolve().parents[2]
ASKED = {"kind": "goods", "correlation_id": "row-17", "request": {"prompt": "zebra", "input_image": "x.png"}}


@pytest.fixture
def queues(azurite: Azurite) -> QueueServiceClient:
    service = QueueServiceClient.from_connection_string(azurite.connection_string)
    for queue in service.list_queues("generation-"):
        service.get_queue_client(queue).clear_messages()
    return service


@pytest.fixture
def around(azurite: Azurite, queues: QueueServiceClient) -> Surroundings:
    return Surroundings({"AzureWebJobsStorage": azurite.connection_string, "INTAKE_QUEUE": "true"}, "http://x", "http://x")


@pytest.fixture
def app(around: Surroundings) -> Services:
    return around.services


def put(queues: QueueServiceClient, name: str, content: str) -> str:
    queue = queues.get_queue_client(name)
    if name not in [known.name for known in queues.list_queues()]:
        queue.create_queue()
    return str(queue.send_message(content).id)


def encoded(message: Any) -> str:
    return base64.b64encode(json.dumps(message).encode()).decode()


def seen_again(around: Surroundings, count: int) -> list[Any]:
    """What was put back is seen within a second."""
    ends = time.monotonic() + 5
    while len(found := around.services.queues.peek(POISON)) < count and time.monotonic() < ends:
        time.sleep(0.05)
    assert len(found) == count
    return found


def test_host_json_is_what_the_queues_are_written_for() -> None:
    host = json.loads((ROOT / "host.json").read_text())
    rules = QueueRules.of(host)
    assert rules == QueueRules(4, 2, 5, 30.0, 10.0, is_base64=True)
    # A message that is worked on is hidden for ten minutes.
    assert host["functionTimeout"] < "00:10:00"


def test_a_queue_that_is_missing_is_made_and_has_no_length(app: Services, queues: QueueServiceClient) -> None:
    name = "generation-new"
    assert (app.queues.length(name), app.queues.peek(name)) == (0, [])
    app.queues.send(name, {"text": "한글"})
    assert app.queues.length(name) == 1
    (message,) = queues.get_queue_client(name).receive_messages()
    assert json.loads(base64.b64decode(message.content)) == {"text": "한글"}
    queues.delete_queue(name)


def test_it_is_reached_by_identity_where_there_is_no_key() -> None:
    def urls(**environ: str) -> str:
        app = Services(Settings.from_environ(environ), credential=SimpleNamespace(get_token=lambda *_, **__: None))
        return str(app.queues._service.url).rstrip("/")

    assert urls(AzureWebJobsStorage__accountName="toon") == "https://toon.queue.core.windows.net"
    assert urls(AzureWebJobsStorage__queueServiceUri="https://q.example/") == "https://q.example"


def test_an_image_is_read_from_its_container_alone_and_no_further_than_needed(app: Services, azurite: Azurite) -> None:
    service = app._blob_service
    for name in (INTAKE, "images"):
        if not service.get_container_client(name).exists():
            service.create_container(name)
    service.get_blob_client(INTAKE, "a folder/영웅.png").upload_blob(b"0123456789", overwrite=True)
    service.get_blob_client(INTAKE, "empty").upload_blob(b"", overwrite=True)
    service.get_blob_client("images", "secret").upload_blob(b"secret", overwrite=True)

    assert app.intake_blobs.read("a folder/영웅.png", 100) == b"0123456789"
    assert app.intake_blobs.read("a folder/영웅.png", 4) == b"01234"
    assert app.intake_blobs.read("empty", 4) == b""
    for name in (
        "nothing",
        "../images/secret",
        "/../images/secret",
        "a/./../../images/secret",
        "..%2Fimages%2Fsecret",
        "?comp=list",
    ):
        with pytest.raises(Missing):
            app.intake_blobs.read(name, 100)


@pytest.mark.parametrize("name", ["../images/secret", "a/../../images/secret", "..", "./x", "a/."])
def test_no_name_leads_out_of_the_container_where_a_token_opens_all_of_them(name: str) -> None:
    class Anything:
        def __getattr__(self, name: str) -> Any:
            raise AssertionError("asked for")

    with pytest.raises(Missing):
        IntakeBlobs(Anything()).read(name, 100)


def test_poison_messages_are_shown_with_the_reason_and_without_what_they_ask(
    around: Surroundings, queues: QueueServiceClient
) -> None:
    assert intake.intake(around).code == 0
    for content in ("zebra", encoded("zebra")[:-2], encoded(["zebra"]), encoded({"kind": "zebra"}), encoded(ASKED)):
        put(queues, POISON, content)
    report = intake.intake(around)
    said = report.printed(as_json=False) + report.printed(as_json=True)

    assert report.code == 1
    assert [row["why"].split(" ")[:4] for row in report.data["poison"]] == [
        ["it", "is", "not", "in"], ["it", "is", "not", "in"], ["it", "is", "no", "JSON"], ["validation_failed"],
        ["a", "request", "that", "can"],
    ]  # fmt: skip
    assert report.data["lengths"][POISON] == 5
    assert report.data["poison"][-1]["correlation_id"] == "row-17"
    assert "zebra" not in said


def test_a_poison_message_goes_back_as_it_is_where_a_repeat_cannot_pay_again(
    around: Surroundings, queues: QueueServiceClient
) -> None:
    keyless, keyed = put(queues, POISON, encoded(ASKED)), put(queues, POISON, encoded({**ASKED, "key": "k"}))
    with pytest.raises(CannotDo, match="may be paid for again"):
        intake.again(around, keyless, is_sure=False)
    seen_again(around, 2)
    report = intake.again(around, "all", is_sure=False)
    assert report.data == {"messages": 1, "refused": [keyless]}
    assert [m.content for m in queues.get_queue_client(REQUESTS).receive_messages()] == [encoded({**ASKED, "key": "k"})]
    seen_again(around, 1)
    assert intake.again(around, keyless, is_sure=True).data["messages"] == 1
    assert (around.services.queues.length(POISON), around.services.queues.length(REQUESTS)) == (0, 2)
    with pytest.raises(CannotDo, match="there is no message"):
        intake.again(around, keyed, is_sure=True)


def test_a_poison_message_is_deleted_alone(around: Surroundings, queues: QueueServiceClient) -> None:
    first, second = put(queues, POISON, "x"), put(queues, POISON, "y")
    assert intake.discard(around, first).data == {"messages": 1}
    assert [message.id for message in seen_again(around, 1)] == [second]
    assert intake.discard(around, "all").data == {"messages": 1}
    assert around.services.queues.length(RESULTS) == 0
