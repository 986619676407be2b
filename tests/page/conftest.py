"""A browser, a stub backend and a page whose console must stay clean."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect

from tests.browser import browser

sys.path.insert(0, str(Path(__file__).parent))

from stub_backend import StubBackend  # noqa: E402  (the folder is not a package)

# A browser beside other tests on two cores takes its time over large pictures.
expect.set_options(timeout=10_000)


@pytest.fixture
def backend() -> Iterator[StubBackend]:
    backend = StubBackend()
    yield backend
    backend.close()


@pytest.fixture
def complaints() -> list[str]:
    """What the browser's console complained about; tests that provoke network errors clear it."""
    return []


@pytest.fixture
def open_page(browser: Browser, backend: StubBackend, complaints: list[str]) -> Iterator[Callable[..., Page]]:
    """Opens the page in a browser of its own: `open_page(locale="en-US")`."""
    contexts: list[BrowserContext] = []

    def note(message: ConsoleMessage) -> None:
        complaints.append(message.text)

    def open_one(locale: str = "ko-KR", width: int = 1280, height: int = 900) -> Page:
        context = browser.new_context(locale=locale, viewport={"width": width, "height": height})
        context.set_default_timeout(10_000)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: note(message) if message.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(backend.url)
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture
def page(open_page: Callable[..., Page]) -> Page:
    """The page in Korean on a desktop."""
    return open_page()
