"""A real Chromium for tests of the page: `from tests.browser import browser`."""

import os
import shutil
import time
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.patience import PATIENCE, PATIENCE_MS

expect.set_options(timeout=PATIENCE_MS)

ARGUMENTS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def new_context(browser: Browser, **options: Any) -> BrowserContext:
    """Somebody's own browser, whose pages wait as long as all tests do, also for an address to load. Nothing moves in it unless
    a test says so: without a graphics card what moves takes half a core for as long as a picture is being drawn."""
    context = browser.new_context(**{"reduced_motion": "reduce", **options})
    context.set_default_timeout(PATIENCE_MS)
    return context


def wait_for_the_first_stage(page: Page) -> None:
    """Until what a page asks for last before somebody touches it was answered or refused, and a moment in which more would come.

    What a browser calls idle never comes where one of the many things that nobody waits for does not end.
    """
    wait_until(page, "() => performance.getEntriesByType('resource').some(({ name }) => name.endsWith('/api/health/ready'))")
    page.wait_for_timeout(500)


def touch(page: Page) -> None:
    """As whoever comes to a page does first: the second stage comes. The first move only says where
    the mouse is, and one is lost now and then on a busy machine."""
    wait_for_the_first_stage(page)
    ends, place = time.monotonic() + PATIENCE, 200
    while page.get_by_test_id("history-search").count() == 0 and time.monotonic() < ends:
        place += 1
        page.mouse.move(place, place)
        page.wait_for_timeout(100)
    expect(page.get_by_test_id("history-search")).to_be_attached()


def wait_until(page: Page, script: str, arg: Any = None) -> Any:
    """Until `script`, a function in JavaScript, async or not, gives something true, which is returned. Playwright's
    wait_for_function takes the promise of an async one for that, and waits for nothing. Not for while a page is being left."""
    ends = time.monotonic() + PATIENCE
    while not (found := page.evaluate(script, arg)):
        assert time.monotonic() < ends, f"never true: {script}"
        page.wait_for_timeout(50)
    return found


def expect_value(page: Page, script: str, value: Any) -> None:
    """`script` comes to this in a moment, as what Playwright expects of an element does."""
    ends = time.monotonic() + PATIENCE
    while (found := page.evaluate(script)) != value and time.monotonic() < ends:
        page.wait_for_timeout(50)
    assert found == value


#: Of a draft, in JavaScript.
HAS_PICTURE = "[...(draft.images ?? []).values()].some(Boolean)"


def expect_draft(page: Page, told: str) -> None:
    """One is kept, of which `told` holds (in JavaScript): a moment after the last change, once the second stage is there."""
    # What is being put is told of at once; what is asked for after that comes when it is on disk.
    wait_until(
        page,
        f"""async () => {{
          const {{ entries }} = await import("/js/kept/database.js");
          const isThere = async () => (await entries("drafts")).some(([, draft]) => {told});
          return (await isThere()) && (await isThere());
        }}""",
    )


def path_of_chromium() -> str | None:
    return os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")


def path_of_engine() -> str | None:
    """Chromium without the part that has windows, where that is installed: it takes a third fewer CPU seconds for a page."""
    return os.environ.get("CHROMIUM") or shutil.which("chromium-headless-shell") or path_of_chromium()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    # Module scope, not session: the synchronous API keeps an event loop running in this thread while it is open, and
    # asyncio tests of other modules need theirs.
    path = path_of_engine()
    if path is None:
        assert not os.environ.get("CI"), "continuous integration needs Chromium"
        pytest.skip("no Chromium: apt-get install chromium fonts-noto-cjk, or set CHROMIUM")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield running
        running.close()
