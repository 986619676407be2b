"""What an operator gives back to the app: nothing that may be paid for again, unless that is meant."""

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from ops.failing import CannotDo
from ops.intake import again


class Poison:
    def __init__(self, key: str | None, age: timedelta) -> None:
        text = json.dumps({"kind": "goods", "key": key, "request": {}})
        content = base64.b64encode(text.encode()).decode()
        self.messages = [SimpleNamespace(id="m-1", content=content, inserted_on=datetime.now(UTC) - age)]
        self.given: list[str] = []

    def take_out(self, queue: str, moved: Callable[[Any], bool]) -> int:
        return sum(moved(message) for message in self.messages)

    def send_raw(self, queue: str, content: str) -> None:
        self.given.append(content)


@pytest.mark.parametrize(("key", "days"), [(None, 0.1), ("row-17", 7.1)])
def test_a_message_whose_job_nobody_would_know_is_given_back_when_that_is_meant(key: str | None, days: float) -> None:
    queues = Poison(key, timedelta(days=days))
    around: Any = SimpleNamespace(services=SimpleNamespace(queues=queues))
    with pytest.raises(CannotDo, match="--yes"):
        again(around, "m-1", is_sure=False)
    assert queues.given == []
    again(around, "m-1", is_sure=True)
    assert len(queues.given) == 1


def test_a_message_with_a_key_is_given_back_within_a_week() -> None:
    queues = Poison("row-17", timedelta(days=6.9))
    around: Any = SimpleNamespace(services=SimpleNamespace(queues=queues))
    again(around, "m-1", is_sure=False)
    assert len(queues.given) == 1
