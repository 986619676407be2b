"""The storage queues of batch producers, in the host's account, beside those of the task hub: with them, all jobs stand still."""

import base64
import json
from collections.abc import Callable
from typing import Any

from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError

#: What one peek or receive gives at most (learn.microsoft.com/rest/api/storageservices/get-messages).
AT_ONCE = 32
#: How long a message that is moved elsewhere is hidden from others.
_MOVING_SECONDS = 60


class Queues:
    """Messages are in base64, as host.json has it (`messageEncoding`). A queue that is missing is made when something is sent."""

    def __init__(self, service: Any) -> None:
        self._service = service

    def send(self, name: str, message: dict[str, Any]) -> None:
        self.send_raw(name, base64.b64encode(json.dumps(message, ensure_ascii=False).encode()).decode())

    def send_raw(self, name: str, content: str) -> None:
        queue = self._service.get_queue_client(name)
        try:
            queue.send_message(content)
        except ResourceNotFoundError:
            try:
                queue.create_queue()
            except ResourceExistsError:
                pass
            queue.send_message(content)

    def length(self, name: str) -> int:
        """About how many messages there are, hidden ones included; none in a queue that does not exist."""
        try:
            return int(self._service.get_queue_client(name).get_queue_properties().approximate_message_count)
        except ResourceNotFoundError:
            return 0

    def peek(self, name: str) -> list[Any]:
        """The first messages, as they are; they stay."""
        try:
            return list(self._service.get_queue_client(name).peek_messages(AT_ONCE))
        except ResourceNotFoundError:
            return []

    def take_out(self, name: str, handle: Callable[[Any], bool]) -> int:
        """Give each message, a few hundred at most, to `handle`, and delete those that it answers True for; returns how many."""
        queue = self._service.get_queue_client(name)
        try:
            # All of them first: one that is put back comes again at once.
            found = list(
                queue.receive_messages(messages_per_page=AT_ONCE, max_messages=10 * AT_ONCE, visibility_timeout=_MOVING_SECONDS)
            )
        except ResourceNotFoundError:
            return 0
        done = 0
        for message in found:
            if handle(message):
                queue.delete_message(message)
                done += 1
            else:
                queue.update_message(message, visibility_timeout=0)
        return done
