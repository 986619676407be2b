"""One stack for the tests that only use it; tests that break it start their own."""

from collections.abc import Iterator

import pytest

from tests.browser import browser
from tests.given_host import HOST, GivenHost, needs_a_host_of_its_own
from tests.stack import Stack


@pytest.fixture(scope="session", autouse=True)
def _only_what_any_host_can() -> Iterator[None]:
    """Where a host is given, whatever would start another one is skipped."""
    with pytest.MonkeyPatch.context() as patch:
        if HOST:
            start = Stack.start

            def start_or_skip(stack: Stack, path: str = "/api/health/ready") -> None:
                needs_a_host_of_its_own(stack)
                start(stack, path)

            patch.setattr(Stack, "start", start_or_skip)
        yield


@pytest.fixture(scope="session")
def shared_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    if HOST:
        with GivenHost(tmp_path_factory.mktemp("given"), HOST) as given:
            yield given
        return
    # The gate has tests of its own: here nobody should wait for a slot.
    with Stack(tmp_path_factory.mktemp("stack"), BFL_MAX_ACTIVE="64", BFL_KONTEXT_MAX_ACTIVE="64") as stack:
        yield stack


@pytest.fixture
def stack(shared_stack: Stack) -> Stack:
    """The shared stack with quick simulators and clean counters."""
    shared_stack.reset()
    shared_stack.configure(replicate={"delay_seconds": 1}, bfl={"delay_seconds": 1})
    return shared_stack
