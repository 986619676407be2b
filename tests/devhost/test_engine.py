"""The engine's clock: timers as on the real one."""

import json
import time
from typing import Any

import pytest

from devhost.taskhub import TERMINAL

from .stories import running_engine


def seconds_of(story: str, value: Any) -> float:
    with running_engine() as engine:
        began = time.monotonic()
        engine.start_instance(story, "i1", json.dumps(json.dumps(value)), None, overwrite=False)
        while (row := engine.hub.status("i1")) is None or row["status"] not in TERMINAL:
            assert time.monotonic() < began + 10
            time.sleep(0.005)
        assert row["status"] == "Completed"
        return time.monotonic() - began


@pytest.mark.parametrize(("asked", "least", "most"), [(1.0, 0.0, 0.7), (1.9, 1.0, 1.7), (2.0, 1.0, 1.7), (2.9, 2.0, 2.7)])
def test_a_timer_fires_after_the_whole_seconds_that_are_left(asked: float, least: float, most: float) -> None:
    assert least <= seconds_of("waits", asked) <= most
