"""One job over fakes, on a clock that is moved by hand."""

from typing import Any

import pytest

from tests.activities.orders import Client, Clock
from tests.fakes import FakeGenerator, make_job, make_services


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def client() -> Any:
    return Client()


@pytest.fixture
def generator() -> FakeGenerator:
    return FakeGenerator()


@pytest.fixture
def services(generator: FakeGenerator, clock: Clock) -> Any:
    made = make_services(generator, clock)
    made.blobs.put_image("in.png", b"image", "image/png")
    make_job(made, polls=0, fallback_used=False)
    return made
