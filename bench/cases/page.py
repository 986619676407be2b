"""A first visit to the page on slow 3G, in a real Chromium: its first paint, what it loads, and the time to a first picture.

Slow 3G as Chrome's DevTools has it: 2 s for every request's way, 50,000 bytes a second both ways. The first picture is that of
somebody who takes the sample and sends it, at a provider that takes 3 s: from the page's address to the picture drawn. Nothing is
in the browser's cache; each visit is a new browser context. Bytes and requests are those until the line is quiet for the first
time, without the pictures of the samples.
"""

import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, expect, sync_playwright

from bench.table import Row, spread
from tests.browser import ARGUMENTS, new_context, path_of_chromium, wait_for_the_first_stage, wait_until
from tests.stack import Stack

SLOW_3G = {"offline": False, "latency": 2000, "downloadThroughput": 50_000, "uploadThroughput": 50_000}
PROVIDER_SECONDS = 3
VISITS = 3
_PAINTED = "() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
_DRAWN = "image => image.complete && image.naturalWidth > 0"


def rows(is_long: bool) -> Iterator[Row]:
    chromium = path_of_chromium()
    if chromium is None:
        yield Row("a first visit", "not measured", limit="no Chromium: apt-get install chromium fonts-noto-cjk, or set CHROMIUM")
        return
    with tempfile.TemporaryDirectory() as folder, Stack(Path(folder)) as stack, sync_playwright() as playwright:
        stack.configure(replicate={"delay_seconds": PROVIDER_SECONDS}, bfl={"delay_seconds": PROVIDER_SECONDS})
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        looked = [_look(browser, stack) for _ in range(VISITS)]
        made = [_picture(browser, stack) for _ in range(VISITS)]
        browser.close()
    painted, usable, sizes, requests = (list(each) for each in zip(*looked, strict=True))
    yield Row("slow 3G: first contentful paint", spread(painted, digits=1))
    yield Row("slow 3G: the form is there", spread(usable, digits=1))
    drawn, heaviest = (list(each) for each in zip(*made, strict=True))
    heavy = statistics.median(heaviest)
    yield Row(
        f"slow 3G: first picture, {PROVIDER_SECONDS} s at its provider", spread(drawn, digits=1),
        limit=f"the picture's own {heavy / 1e6:.1f} MB, which take {heavy / SLOW_3G['downloadThroughput']:.0f} s",
    )  # fmt: skip
    yield Row("first visit", f"{statistics.median(sizes) / 1000:.0f} KB in {statistics.median(requests):.0f} requests")


def _look(browser: Browser, stack: Stack) -> tuple[float, float, int, int]:
    """Seconds to the first paint and to the form; bytes and requests of the first visit."""
    with _visitor(browser) as page:
        loaded, began = _slow(page), time.perf_counter()
        page.goto(f"{stack.url}/", wait_until="commit")
        expect(page.get_by_test_id("use-sample").first).to_be_visible()
        usable = time.perf_counter() - began
        painted = float(wait_until(page, _PAINTED)) / 1000
        wait_for_the_first_stage(page)
        own = [size for url, size in loaded if "/samples/" not in url]
        return painted, usable, sum(own), len(own)


def _picture(browser: Browser, stack: Stack) -> tuple[float, int]:
    """Seconds from the page's address to the first picture; bytes of the heaviest that was loaded, which is that."""
    with _visitor(browser) as page:
        loaded, began = _slow(page), time.perf_counter()
        page.goto(f"{stack.url}/", wait_until="commit")
        for pressed in ("use-sample", "submit"):
            page.get_by_test_id(pressed).first.click()
        picture = page.get_by_test_id("result-image").first
        expect(picture).to_be_visible()
        wait_until(page, _DRAWN, picture.element_handle())
        return time.perf_counter() - began, max(size for _, size in loaded)


@contextmanager
def _visitor(browser: Browser) -> Iterator[Page]:
    """Somebody who was never here."""
    context = new_context(browser, locale="ko-KR", viewport={"width": 390, "height": 844}, reduced_motion="no-preference")
    try:
        yield context.new_page()
    finally:
        context.close()


def _slow(page: Page) -> list[tuple[str, int]]:
    """Slows the page's line down; gives the list into which address and bytes of what it loads are written."""
    network = page.context.new_cdp_session(page)
    addresses: dict[str, str] = {}
    loaded: list[tuple[str, int]] = []

    def note(event: dict[str, Any]) -> None:
        loaded.append((addresses.get(event["requestId"], ""), event["encodedDataLength"]))

    network.on("Network.requestWillBeSent", lambda event: addresses.update({event["requestId"]: event["request"]["url"]}))
    network.on("Network.loadingFinished", note)
    network.send("Network.enable")
    network.send("Network.emulateNetworkConditions", SLOW_3G)
    return loaded
