"""A browser, a stub backend and a page whose console must stay clean."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Error, Page

from tests.browser import browser, new_context

sys.path.insert(0, str(Path(__file__).parent))

from stub_backend import StubBackend  # noqa: E402  (the folder is not a package)


@pytest.fixture
def backend() -> Iterator[StubBackend]:
    backend = StubBackend()
    yield backend
    backend.close()


@pytest.fixture
def complaints() -> list[str]:
    """What the browser's console complained about; tests that provoke network errors clear it."""
    return []


@pytest.fixture(scope="module")
def kept_pages(browser: Browser) -> Iterator[dict[str, list[Page]]]:
    """Pages of earlier tests by locale: a fresh one costs a process, and that more than most tests. What a test leaves behind
    stays with the origin of its backend."""
    pages: dict[str, list[Page]] = {}
    yield pages
    for page in (page for each in pages.values() for page in each):
        page.context.close()


@pytest.fixture
def open_page(
    browser: Browser, kept_pages: dict[str, list[Page]], backend: StubBackend, complaints: list[str]
) -> Iterator[Callable[..., Page]]:
    """Opens the page as a browser does that has never seen it: `open_page(locale="en-US")`."""
    opened: list[tuple[str, Page]] = []

    def note(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            complaints.append(message.text)

    def note_error(error: Error) -> None:
        complaints.append(str(error))

    def open_one(locale: str = "ko-KR", width: int = 1280, height: int = 900) -> Page:
        kept = kept_pages.setdefault(locale, [])
        page = kept.pop() if kept else new_context(browser, locale=locale).new_page()
        opened.append((locale, page))
        page.set_viewport_size({"width": width, "height": height})
        page.on("console", note)
        page.on("pageerror", note_error)
        page.goto(backend.url)
        return page

    yield open_one
    for locale, page in opened:
        page.remove_listener("console", note)
        page.remove_listener("pageerror", note_error)
        page.unroute_all()
        page.emulate_media(media="null", color_scheme="null", reduced_motion="reduce", forced_colors="null")
        page.goto("about:blank")
        kept_pages[locale].append(page)
    assert complaints == []


@pytest.fixture
def page(open_page: Callable[..., Page]) -> Page:
    """The page in Korean on a desktop."""
    return open_page()
