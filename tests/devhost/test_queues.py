"""Queue triggers over Azurite (the fixture `azurite` is the owner's)."""

import asyncio
import base64
from types import SimpleNamespace
from typing import Any

import pytest

from devhost.background_triggers import QueueTriggers


@pytest.fixture
def connection(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    try:
        text = str(request.getfixturevalue("azurite").connection_string)
    except pytest.FixtureLookupError:
        pytest.skip("no azurite fixture")
    monkeypatch.setenv("QueueTestStorage", text)
    return text


class Recorder:
    def __init__(self, *, fails: bool = False) -> None:
        self.messages: list[Any] = []
        self.fails = fails

    async def call(self, function: Any, message: Any) -> None:
        self.messages.append(message)
        if self.fails:
            raise ValueError("on purpose")


async def run_until(recorder: Recorder, name: str, count: int) -> None:
    function = SimpleNamespace(name="taker", trigger=SimpleNamespace(queue_name=name, connection="QueueTestStorage"))
    tasks = QueueTriggers([function], recorder).start()  # type: ignore[arg-type, list-item]
    try:
        async with asyncio.timeout(20):
            while len(recorder.messages) < count:
                await asyncio.sleep(0.05)
            await asyncio.sleep(0.3)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_message_is_decoded_and_deleted(connection: str) -> None:
    from azure.storage.queue import QueueClient

    with QueueClient.from_connection_string(connection, "devhost-plain") as queue:
        queue.create_queue()
        queue.send_message(base64.b64encode('{"text": "한글"}'.encode()).decode())
        recorder = Recorder()
        await run_until(recorder, "devhost-plain", 1)
        assert recorder.messages[0].get_json() == {"text": "한글"}
        assert recorder.messages[0].dequeue_count == 1
        assert queue.receive_message() is None


async def test_a_queue_that_does_not_exist_is_made(connection: str) -> None:
    from azure.storage.queue import QueueClient

    with QueueClient.from_connection_string(connection, "devhost-absent") as queue:
        recorder = Recorder()
        running = asyncio.create_task(run_until(recorder, "devhost-absent", 1))
        await asyncio.sleep(1)
        queue.send_message("plain text")
        await running
        assert recorder.messages[0].get_body() == b"plain text"


async def test_five_failures_lead_to_the_poison_queue(connection: str) -> None:
    from azure.storage.queue import QueueClient

    with (
        QueueClient.from_connection_string(connection, "devhost-bad") as queue,
        QueueClient.from_connection_string(connection, "devhost-bad-poison") as poison,
    ):
        queue.create_queue()
        queue.send_message("bad")
        recorder = Recorder(fails=True)
        await run_until(recorder, "devhost-bad", 5)
        assert [m.dequeue_count for m in recorder.messages] == [1, 2, 3, 4, 5]
        assert queue.receive_message() is None
        assert poison.receive_message().content == "bad"


async def test_a_missing_connection_is_said(caplog: pytest.LogCaptureFixture) -> None:
    function = SimpleNamespace(name="taker", trigger=SimpleNamespace(queue_name="q", connection="NoSuchSetting"))
    await asyncio.gather(*QueueTriggers([function], Recorder()).start())  # type: ignore[arg-type, list-item]
    assert "NoSuchSetting is not set" in caplog.text
