"""Uploads wait for one another, and hold up nothing else."""

import asyncio
import threading

import pytest

from activities.prepare_image import NotItsTurn, in_turn
from shared.domain.payloads import PrepareAnswer
from tests.patience import PATIENCE

ANSWER: PrepareAnswer = {"blob": "pictures/x/prepared/input_image.png"}


async def test_what_only_waits_gives_its_place_up_and_never_begins() -> None:
    go_on, begun = threading.Event(), []

    def slow() -> PrepareAnswer:
        assert go_on.wait(2 * PATIENCE)
        return ANSWER

    def late() -> PrepareAnswer:
        begun.append(True)
        return ANSWER

    slow_ones = [asyncio.create_task(in_turn(slow, 60)) for _ in range(2)]
    # Each has a thread by now.
    await asyncio.sleep(0)
    try:
        with pytest.raises(NotItsTurn):
            await in_turn(late, 0.01)
    finally:
        go_on.set()

    assert await asyncio.gather(*slow_ones) == [ANSWER, ANSWER], "what has begun ends, however long it takes"
    assert await in_turn(lambda: ANSWER) == ANSWER
    assert not begun


async def test_what_goes_wrong_is_told() -> None:
    def broken() -> PrepareAnswer:
        raise OSError("storage is away")

    with pytest.raises(OSError, match="storage is away"):
        await in_turn(broken)
