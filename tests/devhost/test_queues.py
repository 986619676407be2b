"""Queue triggers over Azurite (the fixture `azurite` is the owner's)."""

import asyncio
import base64
import time
from types import SimpleNamespace
from typing import Any

import pytest

from devhost.background_triggers import InvalidQueueRules, QueueRules, QueueTriggers
from tests.patience import PATIENCE


@pytest.fixture
def connection(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    try:
        text = str(request.getfixturevalue("azurite").connection_string)
    except pytest.FixtureLookupError:
        pytest.skip("no azurite fixture")
    monkeypatch.setenv("QueueTestStorage", text)
    return text


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


class Recorder:
    def __init__(self, *, fails: bool = False, seconds: float = 0) -> None:
        self.messages: list[Any] = []
        self.at: list[float] = []
        self.fails = fails
        self.seconds = seconds
        self.running = self.most = 0

    async def call(self, function: Any, message: Any) -> None:
        self.messages.append(message)
        self.at.append(time.monotonic())
        self.running += 1
        self.most = max(self.most, self.running)
        await asyncio.sleep(self.seconds)
        self.running -= 1
        if self.fails:
            raise ValueError("on purpose")


async def run_until(recorder: Recorder, name: str, count: int, rules: QueueRules | None = None, poison: Any = None) -> None:
    """The host's part, until so many calls were made, and something lies in the queue `poison`."""
    function = SimpleNamespace(name="taker", trigger=SimpleNamespace(queue_name=name, connection="QueueTestStorage"))
    tasks = QueueTriggers([function], recorder, rules).start()  # type: ignore[arg-type, list-item]
    try:
        async with asyncio.timeout(PATIENCE):
            while len(recorder.messages) < count or (poison is not None and not holds_something(poison)):
                await asyncio.sleep(0.05)
            # And what comes of the last call.
            await asyncio.sleep(0.3)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def is_there(queue: Any) -> bool:
    from azure.core.exceptions import ResourceNotFoundError

    try:
        return bool(queue.get_queue_properties())
    except ResourceNotFoundError:
        return False


def holds_something(queue: Any) -> bool:
    return is_there(queue) and bool(queue.peek_messages())


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
        while not is_there(queue):
            await asyncio.sleep(0.05)
        queue.send_message(encoded("text"))
        await running
        assert recorder.messages[0].get_body() == b"text"


async def test_five_failures_lead_to_the_poison_queue(connection: str) -> None:
    from azure.storage.queue import QueueClient

    with (
        QueueClient.from_connection_string(connection, "devhost-bad") as queue,
        QueueClient.from_connection_string(connection, "devhost-bad-poison") as poison,
    ):
        queue.create_queue()
        queue.send_message(encoded("bad"))
        recorder = Recorder(fails=True)
        await run_until(recorder, "devhost-bad", 5, poison=poison)
        assert [m.dequeue_count for m in recorder.messages] == [1, 2, 3, 4, 5]
        assert queue.receive_message() is None
        assert poison.receive_message().content == encoded("bad")


async def test_a_missing_connection_is_said(caplog: pytest.LogCaptureFixture) -> None:
    function = SimpleNamespace(name="taker", trigger=SimpleNamespace(queue_name="q", connection="NoSuchSetting"))
    await asyncio.gather(*QueueTriggers([function], Recorder()).start())  # type: ignore[arg-type, list-item]
    assert "NoSuchSetting is not set" in caplog.text


async def test_it_fails_as_often_as_host_json_says_and_comes_again_after_its_visibility_timeout(connection: str) -> None:
    from azure.storage.queue import QueueClient

    rules = QueueRules.of(
        {"extensions": {"queues": {"maxDequeueCount": 2, "visibilityTimeout": "00:00:01", "maxPollingInterval": "00:00:00.2"}}}
    )
    with (
        QueueClient.from_connection_string(connection, "devhost-twice") as queue,
        QueueClient.from_connection_string(connection, "devhost-twice-poison") as poison,
    ):
        queue.create_queue()
        queue.send_message(encoded("bad"))
        recorder = Recorder(fails=True)
        await run_until(recorder, "devhost-twice", 2, rules, poison)
        assert [m.dequeue_count for m in recorder.messages] == [1, 2]
        # Times of the storage service are whole seconds.
        assert recorder.at[1] - recorder.at[0] > 0.7
        assert poison.receive_message().content == encoded("bad")


async def test_what_is_not_in_the_encoding_is_poison_at_once_and_never_called(connection: str) -> None:
    from azure.storage.queue import QueueClient

    with (
        QueueClient.from_connection_string(connection, "devhost-plain-text") as queue,
        QueueClient.from_connection_string(connection, "devhost-plain-text-poison") as poison,
    ):
        queue.create_queue()
        queue.send_message('{"not": "base64"}')
        queue.send_message(encoded("good"))
        recorder = Recorder()
        await run_until(recorder, "devhost-plain-text", 1, poison=poison)
        assert [m.get_body() for m in recorder.messages] == [b"good"]
        assert poison.receive_message().content == '{"not": "base64"}'


async def test_where_messages_are_not_encoded_they_come_as_they_are(connection: str) -> None:
    from azure.storage.queue import QueueClient

    with QueueClient.from_connection_string(connection, "devhost-none") as queue:
        queue.create_queue()
        queue.send_message(encoded("still base64"))
        recorder = Recorder()
        await run_until(recorder, "devhost-none", 1, QueueRules.of({"extensions": {"queues": {"messageEncoding": "none"}}}))
        assert recorder.messages[0].get_body() == encoded("still base64").encode()


async def test_a_message_that_killed_its_worker_each_time_is_poison_without_another_call(connection: str) -> None:
    from azure.storage.queue import QueueClient

    with (
        QueueClient.from_connection_string(connection, "devhost-killer") as queue,
        QueueClient.from_connection_string(connection, "devhost-killer-poison") as poison,
    ):
        queue.create_queue()
        queue.send_message(encoded("killer"))
        for _ in range(2):
            queue.update_message(queue.receive_message(), visibility_timeout=0)
        queue.send_message(encoded("good"))
        recorder = Recorder()
        await run_until(recorder, "devhost-killer", 1, QueueRules(max_dequeue_count=2), poison)
        assert [m.get_body() for m in recorder.messages] == [b"good"]
        assert poison.receive_message().content == encoded("killer")


async def test_a_poison_queue_has_no_poison_queue_of_its_own(connection: str) -> None:
    from azure.storage.queue import QueueClient, QueueServiceClient

    with QueueClient.from_connection_string(connection, "devhost-end-poison") as queue:
        queue.create_queue()
        queue.send_message(encoded("bad"))
        recorder = Recorder(fails=True)
        await run_until(recorder, "devhost-end-poison", 3, QueueRules(max_dequeue_count=2))
        names = [q.name for q in QueueServiceClient.from_connection_string(connection).list_queues("devhost-end")]
    assert names == ["devhost-end-poison"]


async def test_a_batch_more_than_the_threshold_is_worked_on_at_once_and_no_more(connection: str) -> None:
    from azure.storage.queue import QueueClient

    with QueueClient.from_connection_string(connection, "devhost-many") as queue:
        queue.create_queue()
        for number in range(12):
            queue.send_message(encoded(str(number)))
        recorder = Recorder(seconds=0.3)
        await run_until(recorder, "devhost-many", 12, QueueRules(batch_size=3, new_batch_threshold=2))
    assert 3 <= recorder.most <= 5
    assert sorted(int(m.get_body()) for m in recorder.messages) == list(range(12))


@pytest.mark.parametrize(
    "queues",
    [
        {"batchSize": 33}, {"batchSize": 0}, {"batchSize": "many"}, {"maxDequeueCount": 0}, {"newBatchThreshold": -1},
        {"visibilityTimeout": "30"}, {"messageEncoding": "utf8"},
    ],
)  # fmt: skip
def test_rules_that_the_host_does_not_take_are_refused(queues: dict[str, Any]) -> None:
    with pytest.raises(InvalidQueueRules):
        QueueRules.of({"extensions": {"queues": queues}})


def test_rules_are_the_hosts_own_where_host_json_says_nothing() -> None:
    assert QueueRules.of({}) == QueueRules(16, 8, 5, 0.0, 60.0, True)
    # From the environment they come as texts.
    assert QueueRules.of({"extensions": {"queues": {"batchSize": "4"}}}) == QueueRules(4, 2)
