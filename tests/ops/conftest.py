"""One stack for all commands; tests that change the gates put them back."""

from collections.abc import Iterator

import pytest

from tests.operator import Operator
from tests.stack import PATIENT, Stack


@pytest.fixture(scope="session")
def ops_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    # What it would mend within five minutes is looked at and mended by hand here.
    with Stack(tmp_path_factory.mktemp("ops"), **{"AzureWebJobs.housekeeping.Disabled": "true"}, **PATIENT) as stack:
        yield stack


@pytest.fixture
def stack(ops_stack: Stack) -> Stack:
    ops_stack.reset()
    ops_stack.configure(replicate={"delay_seconds": 0.5}, bfl={"delay_seconds": 0.5})
    return ops_stack


@pytest.fixture
def operator(stack: Stack) -> Operator:
    return Operator(stack)
