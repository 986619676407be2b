"""Runs after all others of this folder."""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.worker.both import DoubleHost


def test_every_function_was_called(host: "DoubleHost", request: pytest.FixtureRequest) -> None:
    there = {item.path for item in request.session.items}
    if request.config.option.keyword or not there >= set(Path(__file__).parent.glob("test_*.py")):
        pytest.skip("not all of this folder's tests were run")

    assert set(host.both.invocations) == set(host.library.functions)


def test_nothing_of_it_took_one_of_the_loops_own_threads(host: "DoubleHost") -> None:
    assert host.loop_threads.given == []
