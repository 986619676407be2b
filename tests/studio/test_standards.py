"""Every view of the page by axe-core: desktop and phone, light and dark. What a first visit loads, and that nothing moves."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
from playwright.sync_api import Browser, Page, expect

from tests.browser import browser, new_context, touch, wait_for_the_first_stage
from tests.patience import PATIENCE
from tests.stack import Stack

__all__ = ["browser"]
pytestmark = [pytest.mark.stack, pytest.mark.browser]

ROOT = Path(__file__).parents[2]
AXE = ROOT / "node_modules/axe-core/axe.min.js"
SAMPLES = ROOT / "web/samples"
CHARACTER, PRODUCT = ((SAMPLES / f"{name}.jpg").read_bytes() for name in ("character-haneul", "product-can"))
STRIP = ROOT / "tests/cases/pictures/strip_690x10000.jpg"
#: What the page of these tests sends: jobs that are made with it are in its history.
TOKEN = {"X-Owner-Token": "s" * 43}
SIZES = {"desktop": {"width": 1440, "height": 900}, "phone": {"width": 390, "height": 844}}
QUICK = {"delay_seconds": 0.3, "start_seconds": 0.1, "longest_side": 512}
#: WCAG 2.2 to AA, what axe-core's authors advise besides, and whether what is read aloud holds what is seen.
CHECK = """async () => {
  const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
  const rules = { "label-content-name-mismatch": { enabled: true }, "target-size": { enabled: true } };
  const { violations } = await axe.run({ runOnly: { type: "tag", values: tags }, rules, resultTypes: ["violations"] });
  return violations.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.target.join(" ")}\n${node.failureSummary}`));
}"""
SHIFTS = """window.shift = 0;
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shift += entry.value;
}).observe({ type: "layout-shift", buffered: true });"""
#: What a browser loads that was never here, without the samples: 58,523 bytes in 33 requests, in English.
FIRST_VISIT = {"bytes": 59_500, "requests": 33}
#: What is seen and says nothing: its words come with the page's second stage.
WITHOUT_WORDS = """[...document.querySelectorAll("[data-i18n]")]
  .filter((element) => element.checkVisibility() && !element.textContent).map((element) => element.dataset.i18n)"""
MOST_SHIFT = 0.02


@dataclass(frozen=True)
class World:
    """A stack with a job of every kind, by its name in `VIEWS`."""

    stack: Stack
    jobs: dict[str, str]

    def make(
        self, name: str, until: Callable[[dict[str, Any]], bool] = lambda job: bool(job["completed_at"]), **fields: Any
    ) -> None:
        """A job of this name, when it has come so far."""
        is_goods = fields.pop("is_goods", False)
        made = self.stack.goods(CHARACTER, TOKEN, **fields) if is_goods else self.stack.ppl(CHARACTER, PRODUCT, TOKEN, **fields)
        assert made.status_code == 202, made.text
        self.jobs[name] = made.json()["id"]
        ends = time.monotonic() + PATIENCE
        while not until(requests.get(f"{self.stack.url}/api/jobs/{self.jobs[name]}", headers=TOKEN, timeout=PATIENCE).json()):
            assert time.monotonic() < ends, name
            time.sleep(0.1)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with Stack(tmp_path_factory.mktemp("standards")) as stack:
        world = World(stack, {})
        stack.configure(replicate=QUICK, bfl=QUICK)
        world.make("done", n="2")
        stack.configure(replicate={**QUICK, "outcome_sequence": ["succeed", "failed", "failed", "failed"]})
        world.make("partial", n="2")
        stack.configure(replicate={**QUICK, "outcome_sequence": [], "outcome": "moderated_input"})
        world.make("refused")
        stack.configure(replicate={"outcome": "succeed", "delay_seconds": 600})
        world.make("drawn", until=lambda job: job["stage"] == "generating")
        stack.configure(bfl={"faults": [{"on": "create", "kind": "status", "status": 503}]})
        world.make("down", until=lambda job: job["stage"] in ("waiting", "submitting"), is_goods=True)
        yield world


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Nothing is wrong there: in the other one a provider is down, which after a while a banner says, above all else."""
    with Stack(tmp_path_factory.mktemp("calm")) as stack:
        yield stack


@pytest.fixture(scope="module")
def page(browser: Browser, world: World) -> Iterator[Page]:
    """One for all views: nothing is sent from it."""
    context = new_context(browser, locale="ko-KR")
    # At the form nobody's jobs are running.
    owner = f"location.search ? '{TOKEN['X-Owner-Token']}' : '{'n' * 43}'"
    context.add_init_script(f"localStorage.clear(); sessionStorage.clear(); localStorage.setItem('toonconnect.owner', {owner})")
    yield context.new_page()
    context.close()


# Ways to a view


def at(page: Page, world: World, address: str = "/") -> None:
    page.goto(world.stack.url + address)
    expect(page.get_by_test_id("submit")).to_be_attached()


def at_job(name: str, *then: str, **seen: str) -> Callable[[Page, World], None]:
    """The job of this name; then these are clicked, one after the other."""

    def way(page: Page, world: World) -> None:
        at(page, world, f"/?job={world.jobs[name]}")
        expect(page.get_by_test_id(seen.get("shows", "stage")).first).to_be_visible()
        for each in then:
            page.get_by_test_id(each).first.click()

    return way


def at_form(*then: str) -> Callable[[Page, World], None]:
    def way(page: Page, world: World) -> None:
        at(page, world)
        for each in then:
            page.get_by_test_id(each).first.click()

    return way


def with_a_sample(page: Page, world: World) -> None:
    at(page, world)
    page.get_by_test_id("use-sample").first.click()
    expect(page.locator(".image-field .preview:visible")).to_have_count(2)


def at_a_strip(page: Page, world: World) -> None:
    at(page, world)
    page.get_by_test_id("file-input_image_1").set_input_files(STRIP)
    page.get_by_test_id("crop-input_image_1").click()
    expect(page.get_by_test_id("crop")).to_be_visible()


def at_a_job_that_is_gone(page: Page, world: World) -> None:
    at(page, world, "/?job=job_00000000000000000000000000000000")
    expect(page.get_by_test_id("stage").first).to_be_visible()


def without_a_server(page: Page, world: World) -> None:
    page.route(f"{world.stack.url}/api/**", lambda route: route.abort())
    at(page, world)
    expect(page.get_by_test_id("backend-down")).to_be_visible()


#: A new view or state is a line here.
VIEWS: dict[str, Callable[[Page, World], None]] = {
    "the form for a scene": at_form(),
    "the form for goods": at_form("tab-goods"),
    "the form with a sample in it": with_a_sample,
    "the choices": at_form("choices-open"),
    "what is missing in the form": at_form("submit"),
    "a part of a strip": at_a_strip,
    "a job that is being drawn": at_job("drawn"),
    "a job whose provider is down": at_job("down"),
    "two pictures": at_job("done", shows="result-image"),
    "what can be done with a picture": at_job("done", "more", shows="result-image"),
    "a picture in large": at_job("done", "open-viewer", shows="result-image"),
    "a picture beside what it was made of": at_job("done", "open-viewer", "viewer-beside", shows="result-image"),
    "one picture of two": at_job("partial", shows="partial"),
    "a refusal": at_job("refused", shows="error"),
    "a job that is gone": at_a_job_that_is_gone,
    "no server": without_a_server,
}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("view", VIEWS)
def test_everybody_can_use_it(page: Page, world: World, view: str, size: str) -> None:
    page.set_viewport_size(SIZES[size])  # type: ignore[arg-type]
    page.emulate_media(color_scheme="light")
    # Drafts of the view before.
    everything = {"origin": world.stack.url, "storageTypes": "all"}
    page.context.new_cdp_session(page).send("Storage.clearDataForOrigin", everything)
    try:
        VIEWS[view](page, world)
        page.evaluate(AXE.read_text())
        found = {"light": page.evaluate(CHECK)}
        page.emulate_media(color_scheme="dark")
        found["dark"] = page.evaluate(CHECK)
    finally:
        page.unroute_all()
    assert found == {"light": [], "dark": []}


@pytest.mark.parametrize(("size", "locale"), [("desktop", "ko-KR"), ("phone", "ko-KR"), ("phone", "en-US")])
def test_a_first_visit_is_light_loads_nothing_twice_and_nothing_moves(
    browser: Browser, calm: Stack, size: str, locale: str
) -> None:
    context = new_context(browser, viewport=SIZES[size], locale=locale)  # type: ignore[arg-type]
    context.add_init_script(SHIFTS)
    page = context.new_page()
    network = context.new_cdp_session(page)
    addresses: dict[str, str] = {}
    loaded: dict[str, int] = {}
    network.on("Network.requestWillBeSent", lambda event: addresses.update({event["requestId"]: event["request"]["url"]}))
    network.on("Network.loadingFinished", lambda event: loaded.update({event["requestId"]: event["encodedDataLength"]}))
    network.send("Network.enable")
    # As on a mobile network: what comes late must not push what is there.
    network.send(
        "Network.emulateNetworkConditions",
        {"offline": False, "latency": 60, "downloadThroughput": 400_000, "uploadThroughput": 400_000},
    )
    page.goto(calm.url)
    wait_for_the_first_stage(page)
    expect(page.get_by_test_id("submit")).to_be_visible()
    assert page.evaluate(WITHOUT_WORDS) == []
    first = dict(loaded)
    # Nor does anything when the rest comes.
    touch(page)
    # Nor a moment later.
    page.wait_for_timeout(500)
    shift = page.evaluate("window.shift")
    context.close()

    own = [(url.removeprefix(calm.url), first[request]) for request, url in addresses.items() if request in first]
    counted = sorted(((size, url) for url, size in own if not url.startswith("/samples/")), reverse=True)
    assert sum(size for size, _ in counted) <= FIRST_VISIT["bytes"], counted
    assert len(counted) <= FIRST_VISIT["requests"], counted
    paths = [url for _, url in counted if url.startswith("/")]
    assert sorted(set(paths)) == sorted(paths), "loaded twice"
    assert shift <= MOST_SHIFT
