"""The app over fakes, its task hub, and a clock that can be moved on."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from shared.services import Services, use_services
from shared.storage.gate_store import GateStore
from tests.contract.answers import undocumented
from tests.fakes import FakeGenerator, make_services
from tests.triggers.calls import Clock, FakeHub
from triggers import edge, generate, waiting


class FakeLinks:
    """As the real one may, it asks storage: so it is a fault to ask it on the event loop."""

    def sign(self, container: str, blob: str, content_disposition: str | None = None) -> tuple[str, datetime]:
        with pytest.raises(RuntimeError, match="no running event loop"):
            asyncio.get_running_loop()
        return f"https://store/{container}/{blob}?sig=x", datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def generator() -> FakeGenerator:
    return FakeGenerator()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def app(generator: FakeGenerator, clock: Clock) -> Iterator[Services]:
    made = make_services(generator, clock)
    made.__dict__.update(links=FakeLinks())
    limits = dict.fromkeys(("replicate", "bfl", "fake", "other"), 6)
    made.__dict__["gates"] = GateStore(made.documents, limits, lambda: made.now().timestamp())
    use_services(made)
    yield made
    use_services(None)


@pytest.fixture
def hub() -> FakeHub:
    return FakeHub()


@pytest.fixture(autouse=True)
def _quick(monkeypatch: Any) -> None:
    monkeypatch.setattr(waiting, "LOOK_EVERY_SECONDS", 0.01)
    monkeypatch.setattr(generate, "SYNC_WAIT_SECONDS", 5)


@pytest.fixture(autouse=True)
def _every_answer_is_documented(monkeypatch: Any) -> Iterator[None]:
    """Whatever a test is about: no operation answers what /api/openapi.json does not say."""
    answers: list[tuple[str, Any]] = []
    handled = edge._handled

    async def handled_and_kept(handler: Any, req: Any, bindings: dict[str, Any]) -> Any:
        response = await handled(handler, req, bindings)
        answers.append((handler.__name__, response))
        return response

    monkeypatch.setattr(edge, "_handled", handled_and_kept)
    yield
    assert [line for name, response in answers for line in undocumented(name, response)] == []
