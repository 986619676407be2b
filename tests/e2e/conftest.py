"""One stack for the tests that only use it; tests that break it start their own."""

from collections.abc import Iterator

import pytest

from tests.browser import browser
from tests.stack import Stack


@pytest.fixture(scope="session")
def shared_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    # The gate has tests of its own: here nobody should wait for a slot.
    with Stack(tmp_path_factory.mktemp("stack"), BFL_MAX_ACTIVE="64", BFL_KONTEXT_MAX_ACTIVE="64") as stack:
        yield stack


@pytest.fixture
def stack(shared_stack: Stack) -> Stack:
    """The shared stack with quick simulators and clean counters."""
    shared_stack.reset()
    shared_stack.configure(replicate={"delay_seconds": 1}, bfl={"delay_seconds": 1})
    return shared_stack
