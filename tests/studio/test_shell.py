"""The page around its parts, against the real host: layout, filmstrip, history, addresses, notices, what goes wrong."""

import re
import time
import unicodedata
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
from playwright.sync_api import Browser, BrowserContext, Locator, Page, ViewportSize, expect

from tests import pictures
from tests.browser import browser, expect_value, new_context, touch, wait_until
from tests.operator import Operator
from tests.patience import PATIENCE
from tests.stack import PATIENT, Stack

pytestmark = [pytest.mark.stack, pytest.mark.browser]

DESKTOP, PHONE = (1440, 900), (390, 844)
#: How far everything that nobody has asked for moves.
SHIFTS = """window.shift = 0;
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shift += entry.value;
}).observe({ type: "layout-shift", buffered: true });"""
#: As where a browser has none.
NO_NOTIFICATIONS = "delete window.Notification;"
#: Somebody who has allowed them and looks at another window, once `elsewhere` is set.
NOTIFICATIONS = """window.notes = [];
window.Notification = class {
  static permission = "default";
  static async requestPermission() { return (this.permission = "granted"); }
  constructor(title, options) { window.notes.push(`${title}: ${options.body}`); }
};
Object.defineProperty(document, "hidden", { get: () => window.elsewhere === true });"""
FOCUS = "document.activeElement === document.body ? 'body' : document.activeElement.id || document.activeElement.dataset.testid"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with Stack(tmp_path_factory.mktemp("stack"), BFL_MAX_ACTIVE="64", BFL_KONTEXT_MAX_ACTIVE="64", **PATIENT) as stack:
        yield stack


@pytest.fixture
def opened(browser: Browser, stack: Stack) -> Iterator[Callable[..., Page]]:
    """Opens the page in a browser of its own. What is complained about is seen to at the end."""
    stack.reset()
    stack.configure(replicate={"delay_seconds": 0.5}, bfl={"delay_seconds": 0.5})
    contexts: list[BrowserContext] = []

    def open_one(size: tuple[int, int] = DESKTOP, script: str = "", at: str = "/") -> Page:
        viewport: ViewportSize = {"width": size[0], "height": size[1]}
        context = new_context(browser, viewport=viewport, locale="ko-KR")
        contexts.append(context)
        context.add_init_script(SHIFTS + script)
        page = context.new_page()
        page.goto(stack.url + at)
        expect(page.get_by_test_id("submit")).to_be_visible()
        return page

    yield open_one
    for context in contexts:
        context.close()


def owner_of(page: Page) -> str:
    """A browser gets its token when somebody has touched the page."""
    touch(page)
    return str(wait_until(page, "() => localStorage.getItem('toonconnect.owner')"))


def made(stack: Stack, page: Page, **fields: Any) -> str:
    """A job of this browser's, made without its page."""
    token = {"X-Owner-Token": owner_of(page)}
    answer = stack.goods(pictures.photo_jpeg(300, 300), token, **fields)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


def ended(stack: Stack, page: Page, job_id: str) -> None:
    token = {"X-Owner-Token": owner_of(page)}
    here = f"{stack.url}/api/jobs/{job_id}?wait=20"
    while requests.get(here, headers=token, timeout=PATIENCE).json()["completed_at"] is None:
        pass


def gone(page: Page, address: str, token: dict[str, str]) -> None:
    """Waits until the server has the job no more."""
    ends = time.monotonic() + PATIENCE
    while requests.get(address, headers=token, timeout=PATIENCE).status_code not in (404, 410):
        assert time.monotonic() < ends
        page.wait_for_timeout(100)


def submit_goods(page: Page, words: str = "머그컵에 그린 캐릭터") -> None:
    page.get_by_test_id("tab-goods").click()
    page.get_by_test_id("use-sample").first.click()
    expect(page.locator(".image-field .preview:visible")).to_have_count(1)
    expect(page.get_by_test_id("use-sample").first).to_be_enabled()
    wait_until(page, f"() => ({FOCUS}) !== 'body'")
    page.get_by_test_id("prompt").fill(words)
    page.get_by_test_id("submit").click()


def expect_a_picture(page: Page) -> None:
    expect(page.get_by_test_id("result-image").first).to_be_visible()


def cards(page: Page, status: str = "") -> Locator:
    return page.get_by_test_id("history-item").and_(page.locator(f"[data-status={status}]" if status else "*"))


def box(page: Page, selector: str) -> dict[str, float]:
    found = page.locator(selector).bounding_box()
    assert found is not None
    return dict(found)


def test_form_result_and_filmstrip_have_their_places_and_nothing_moves_while_they_come(opened: Callable[..., Page]) -> None:
    page = opened((1920, 1080), script="localStorage.setItem('toonconnect.history', '[]');")
    make, result, strip = box(page, ".make"), box(page, ".result"), box(page, "#filmstrip")
    assert round(make["width"]) == 420
    assert 1400 < result["x"] + result["width"] - make["x"] <= 1600
    assert result["width"] > 1000
    assert strip["y"] + strip["height"] <= make["y"]
    assert round(strip["width"]) == round(result["x"] + result["width"] - make["x"])
    expect(page.get_by_test_id("pill")).to_be_hidden()
    expect(page.get_by_test_id("films-all")).to_be_hidden()
    phone = opened(PHONE)
    expect(phone.get_by_test_id("to-history")).to_be_hidden()
    expect(phone.get_by_test_id("filmstrip")).to_be_hidden()
    expect(phone.locator("#result-section")).to_be_hidden()
    for one in (page, phone):
        expect_value(one, "document.fonts.status", "loaded")
        assert one.evaluate("window.shift") <= 0.02
        assert one.evaluate("document.documentElement.scrollWidth") <= one.evaluate("innerWidth")


def test_the_history_is_the_servers_the_same_in_every_tab_and_deleting_can_be_undone(
    opened: Callable[..., Page], stack: Stack
) -> None:
    page = opened()
    first = made(stack, page, prompt="a red mug", preset="mug")
    second = made(stack, page, prompt="푸른 에코백")
    ended(stack, page, first)
    ended(stack, page, second)
    stack.configure(bfl={"outcome": "moderated_output"})
    failed = made(stack, page, prompt="a mug that is refused")
    ended(stack, page, failed)
    stack.configure(bfl={"outcome": "succeed"})
    page.reload()

    # All of them, though this browser has sent none of them itself; with pictures, by words, kind and state.
    expect(cards(page)).to_have_count(3)
    expect(cards(page, "succeeded").locator("img")).to_have_count(2)
    expect(page.get_by_test_id("film")).to_have_count(3)
    # One way there is enough.
    expect(page.get_by_test_id("films-all")).to_be_visible()
    expect(page.get_by_test_id("to-history")).to_be_hidden()
    page.get_by_test_id("history-search").fill(unicodedata.normalize("NFD", "에코백"))
    expect(cards(page)).to_have_attribute("data-job", second)
    page.get_by_test_id("history-search").fill("MUG")
    expect(cards(page)).to_have_count(2)
    page.get_by_test_id("history-status").select_option("failed")
    expect(cards(page)).to_have_attribute("data-job", failed)
    expect(page.get_by_test_id("history-note")).to_contain_text("1개를 찾았어요")
    page.get_by_test_id("history-kind").select_option("ppl")
    expect(page.get_by_test_id("history-note")).to_have_text("찾는 작업이 없어요. 조건을 바꿔 보세요.")
    expect(page.locator("#history-more")).to_be_hidden()
    page.get_by_test_id("language-toggle").click()
    expect(page.get_by_test_id("history-note")).to_contain_text("No such job")
    page.get_by_test_id("language-toggle").click()
    for name in ("kind", "status"):
        page.get_by_test_id(f"history-{name}").select_option("")
    page.get_by_test_id("history-search").fill("")
    expect(cards(page)).to_have_count(3)

    # What is read is what is heard, and an address leads back to it.
    card = page.locator(f".history-item[data-job={second}]")
    expect(card).to_have_accessible_name(card.inner_text().replace("\n", " "))
    card.click()
    expect(page).to_have_url(f"{stack.url}/?job={second}")
    expect(page.locator("#result-title")).to_be_focused()
    expect(page.locator("#result-title")).to_be_in_viewport()
    page.locator(f".film[data-film={first}]").click()
    expect(page).to_have_url(f"{stack.url}/?job={first}")
    page.go_back()
    expect(page.locator(f".film[data-film={second}]")).to_have_attribute("aria-current", "true")
    expect_a_picture(page)

    # Those that are liked, as they are at that moment.
    page.get_by_test_id("history-status").select_option("favourites")
    expect(page.get_by_test_id("history-note")).to_contain_text("하트를 누르면")
    page.get_by_test_id("favourite").click()
    expect(cards(page)).to_have_attribute("data-job", second)
    page.get_by_test_id("favourite").click()
    expect(cards(page)).to_have_count(0)
    page.get_by_test_id("favourite").click()
    expect(page.get_by_test_id("history-note")).to_have_text("1개를 찾았어요.")
    page.get_by_test_id("history-kind").select_option("ppl")
    expect(page.get_by_test_id("history-note")).to_contain_text("찾는 작업이 없어요")
    for name in ("kind", "status"):
        page.get_by_test_id(f"history-{name}").select_option("")
    expect(cards(page)).to_have_count(3)
    page.go_forward()
    expect(page.locator(f".film[data-film={first}]")).to_have_attribute("aria-current", "true")

    beside = page.context.new_page()
    beside.goto(f"{stack.url}/?job={second}")
    expect_a_picture(beside)
    expect(cards(beside)).to_have_count(3)
    # One of those that are liked that the list has not told of is asked for by itself.
    beside.evaluate("id => import('/js/page/store.js').then(({ state }) => state.jobs.delete(id))", second)
    beside.get_by_test_id("history-status").select_option("favourites")
    expect(cards(beside)).to_have_attribute("data-job", second)
    page.locator(f".film[data-film={second}]").click()
    for is_liked in (False, True):
        page.get_by_test_id("favourite").click()
        expect(beside.get_by_test_id("favourite")).to_have_attribute("aria-pressed", str(is_liked).lower())
        expect(cards(beside)).to_have_count(int(is_liked))
    page.locator(f".film[data-film={first}]").click()
    beside.get_by_test_id("history-status").select_option("")
    expect(cards(beside)).to_have_count(3)
    delete = page.locator(f"li[data-job={second}]").get_by_test_id("history-delete")
    beside.get_by_test_id("favourite").focus()
    delete.click()
    for tab in (page, beside):
        expect(cards(tab)).to_have_count(2)
    wait_until(beside, f"() => !['body', 'favourite'].includes({FOCUS})")
    expect_value(page, FOCUS, "notice-action")
    page.evaluate("document.getElementById('language').click()")
    expect(page.get_by_test_id("notice")).to_contain_text("The job was deleted.")
    expect(page.locator("#notices > [role=status]")).to_be_empty()
    page.evaluate("document.getElementById('language').click()")
    page.keyboard.press("Enter")
    for tab in (page, beside):
        expect(cards(tab)).to_have_count(3)
    expect(card).to_be_focused()

    token = {"X-Owner-Token": owner_of(page)}
    here = f"{stack.url}/api/jobs/{second}"
    delete.click()
    expect(page.locator("#notices > [role=status]")).to_have_text("작업을 지웠어요.")
    expect(cards(beside)).to_have_count(2)
    assert requests.get(here, headers=token, timeout=PATIENCE).status_code == 200, "it can still be undone"
    expect(page.get_by_test_id("notice")).to_have_count(0)
    gone(page, here, token)
    for tab in (page, beside):
        expect(cards(tab)).to_have_count(2)
    expect(beside.get_by_test_id("result-image")).to_have_count(0)
    expect_value(page, f"({FOCUS}) !== 'body'", True)
    expect(page.locator("#notices > [role=status]")).to_be_empty()

    # A tab that is closed before the time is over: another one does it.
    page.locator(f"li[data-job={failed}]").get_by_test_id("history-delete").click()
    expect(cards(beside)).to_have_count(1)
    page.close()
    gone(beside, f"{stack.url}/api/jobs/{failed}", token)
    # It is due at once where a clock was put back by a month meanwhile.
    beside.evaluate(
        "([id, dueAt]) => localStorage.setItem('toonconnect.deleting', JSON.stringify([{ id, dueAt }]))",
        [first, (time.time() + 40 * 86_400) * 1000],
    )
    beside.reload()
    expect(cards(beside)).to_have_count(0)
    gone(beside, f"{stack.url}/api/jobs/{first}", token)

    # Of a job that is not this visitor's nothing is said that is not known, and nothing offered that cannot be.
    beside.goto(f"{stack.url}/?job=job_00000000000000000000000000000000")
    expect(beside.get_by_test_id("stage")).to_have_text("이 작업을 열 수 없어요")
    expect(beside.get_by_test_id("not-found")).to_contain_text("‘내 작업’에서 골라 주세요")
    expect(beside.locator("#result .kind:visible, #result button:visible")).to_have_count(0)


def test_several_jobs_run_at_once_and_their_end_is_told_to_who_looks_elsewhere(opened: Callable[..., Page], stack: Stack) -> None:
    stack.configure(bfl={"delay_seconds": 600})
    page = opened(script=NOTIFICATIONS)
    expect(page.get_by_test_id("notify")).to_be_hidden()
    submit_goods(page, "하나")
    expect_value(page, FOCUS, "result-title")
    expect(page.get_by_test_id("history-item")).to_have_count(1)
    page.get_by_test_id("notify").click()
    expect(page.get_by_test_id("notify")).to_have_text("알림 끄기")
    page.get_by_test_id("submit").click()
    expect(page.locator(".film .ring")).to_have_count(2)
    expect(page).to_have_title("2건 진행 중 · ToonConnect")
    page.get_by_test_id("cancel").click()
    expect(cards(page, "canceled")).to_have_count(1)
    expect_value(page, f"({FOCUS}) !== 'body'", True)
    page.evaluate("window.elsewhere = true; document.dispatchEvent(new Event('visibilitychange'))")
    stack.finish()

    expect(cards(page, "succeeded")).to_have_count(1)
    expect_value(page, "window.notes", ["그림이 완성됐어요: 하나"])
    expect(page).to_have_title(re.compile(r"^\(1\) "))
    expect(page.locator(".film.fresh")).to_have_count(1)
    page.evaluate("window.elsewhere = false; document.dispatchEvent(new Event('visibilitychange'))")
    page.locator(".film.fresh").click()
    expect_a_picture(page)
    expect(page).to_have_title("완성됐어요 · ToonConnect")
    expect(page.locator(".film.fresh")).to_have_count(0)

    # A tab that is closed while a picture is made: the next visit shows it without a click, and one after that the last one.
    stack.configure(bfl={"delay_seconds": 600})
    page.get_by_test_id("submit").click()
    expect(cards(page)).to_have_count(3)
    again = page.context.new_page()
    page.close()
    stack.finish()
    for _ in range(2):
        again.goto(stack.url)
        expect_a_picture(again)
        expect(cards(again, "succeeded")).to_have_count(2)
    assert stack.stats("bfl")["submits"] <= 3


def test_on_a_phone_the_result_is_a_sheet_the_form_one_step_back_and_a_pill_tells_what_runs(
    opened: Callable[..., Page], stack: Stack
) -> None:
    stack.configure(bfl={"delay_seconds": 600})
    page = opened(PHONE, script=NO_NOTIFICATIONS)
    sheet, pill = page.locator("#result-section"), page.get_by_test_id("pill")
    submit_goods(page)
    expect(sheet).to_be_visible()
    assert box(page, "#result-section") == {"x": 0, "y": 0, "width": 390, "height": 844}
    expect_value(page, FOCUS, "result-title")
    expect(page.get_by_test_id("notify")).to_be_hidden()
    expect(page.get_by_test_id("cancel")).to_be_visible()
    expect_value(page, "document.querySelector('.make').inert", True)
    page.go_back()
    expect(sheet).to_be_hidden()
    expect(page.get_by_test_id("prompt")).to_have_value("머그컵에 그린 캐릭터")
    expect_value(page, FOCUS, "submit")
    expect(pill).to_contain_text("그림을 만드는 중")
    # A line of the bar, of whichever form is open.
    assert box(page, ".submit-bar")["y"] <= box(page, "#pill")["y"] < box(page, "[data-testid=submit]")["y"]
    page.get_by_test_id("tab-ppl").click()
    expect(pill).to_be_visible()
    page.get_by_test_id("tab-goods").click()
    page.get_by_test_id("language-toggle").click()
    expect(pill).to_contain_text("Making a picture")
    page.get_by_test_id("language-toggle").click()
    pill.click()
    expect(sheet).to_be_visible()
    page.keyboard.press("Escape")
    expect(sheet).to_be_hidden()
    stack.finish()
    expect(pill).to_contain_text("완성됐어요 · 보기")
    pill.click()
    expect_a_picture(page)
    address = page.url
    assert "?job=" in address
    page.get_by_test_id("sheet-close").click()
    expect(sheet).to_be_hidden()
    expect(pill).to_be_hidden()
    page.goto(address)
    expect_a_picture(page)
    page.get_by_test_id("sheet-close").click()
    expect(page).to_have_url(stack.url + "/")
    # What was refused leads to what can be changed, clear of the bar.
    stack.configure(bfl={"outcome": "moderated_input"})
    page.get_by_test_id("tab-goods").click()
    expect(page.locator(".image-field .preview:visible")).to_have_count(1)
    page.get_by_test_id("prompt").fill("거친 그림")
    page.evaluate("scrollTo(0, 0)")
    page.get_by_test_id("submit").click()
    page.get_by_test_id("edit-prompt").click()
    expect(page.get_by_test_id("prompt")).to_be_focused()
    expect(sheet).to_be_hidden()
    page.wait_for_timeout(300)
    prompt = box(page, "[data-testid=prompt]")
    assert 0 <= prompt["y"] < prompt["y"] + prompt["height"] <= box(page, ".submit-bar")["y"]
    page.get_by_test_id("to-history").click()
    expect(page.locator("#history-title")).to_be_focused()
    # From the history, and deleted from within the sheet's job: the form is there again, with the way back.
    page.get_by_test_id("history-item").first.click()
    expect(sheet).to_be_visible()
    page.go_back()
    expect(page.get_by_test_id("history-item").first).to_be_focused()
    page.get_by_test_id("history-item").first.click()
    page.set_viewport_size({"width": 320, "height": 640})
    assert page.evaluate("document.documentElement.scrollWidth") <= 320


def test_what_stands_in_the_way_is_told_before_the_form_and_the_page_says_what_to_do_when_it_fails_itself(
    opened: Callable[..., Page], stack: Stack
) -> None:
    operator = Operator(stack)
    assert operator("pause", "--provider", "bfl", "--reason", "an outage").code == 0
    try:
        page = opened()
        banner = page.get_by_test_id("service-banner")
        # An instance looks at the gate every ten seconds.
        for _ in range(15):
            if banner.is_visible():
                break
            page.wait_for_timeout(1000)
            page.reload()
            expect(page.get_by_test_id("submit")).to_be_visible()
        expect(banner).to_contain_text("굿즈 시안: 지금은 새 그림을 받지 않고 있어요")
        expect(banner).to_contain_text("자동으로 만들어요")
        assert box(page, "#service-banner")["y"] < box(page, "#form-panel")["y"]
        page.get_by_test_id("language-toggle").click()
        expect(banner).to_contain_text("Goods mock-up: new pictures are not being taken right now")
        page.get_by_test_id("language-toggle").click()
    finally:
        operator("resume", "--provider", "bfl")
    expect(banner).to_be_hidden()

    page.context.set_offline(True)
    expect(page.get_by_test_id("backend-down")).to_contain_text("인터넷에 연결되어 있지 않아요")
    page.get_by_test_id("language-toggle").click()
    expect(page.get_by_test_id("backend-down")).to_contain_text("You are offline")
    page.context.set_offline(False)
    expect(page.get_by_test_id("backend-down")).to_be_hidden()

    page.get_by_test_id("prompt").fill("kept")
    page.evaluate("setTimeout(() => { throw new Error('unexpected'); })")
    expect(page.get_by_test_id("alarm")).to_contain_text("Something on this page went wrong")
    page.get_by_test_id("language-toggle").click()
    expect(page.get_by_test_id("alarm")).to_contain_text("새로 고쳐 주세요")
    expect(page.get_by_test_id("submit")).to_be_enabled()
    page.get_by_test_id("alarm-reload").click()
    expect(page.get_by_test_id("alarm")).to_be_hidden()
    # Not even what puts the page together has come.
    page.route("**/js/form/form.js", lambda route: route.abort())
    page.reload()
    expect(page.get_by_test_id("alarm")).to_contain_text("화면에 문제가 생겼어요")


TROUBLES = """async ([checks, options, waiting]) => {
  const { troubleOf } = await import("/js/page/backend.js");
  return troubleOf(checks, options, waiting);
}"""
MODELS = [
    {"kind": "ppl", "model": "a", "provider": "replicate"}, {"kind": "ppl", "model": "b", "provider": "bfl"},
    {"kind": "goods", "model": "c", "provider": "bfl"},
]  # fmt: skip


def test_trouble_is_what_no_model_of_a_kind_is_free_of(opened: Callable[..., Page]) -> None:
    page = opened()
    ok, down = {"status": "ok"}, {"status": "degraded", "code": "provider_unavailable"}
    key = {"status": "failed", "code": "missing_api_key"}

    def trouble(*waiting: str, **checks: Any) -> Any:
        return page.evaluate(TROUBLES, [checks, {"generators": MODELS}, waiting])

    assert trouble(provider_replicate=ok, provider_bfl=ok) is None
    assert trouble(provider_replicate=down, provider_bfl=ok) is None, "the fallback makes it"
    assert trouble(provider_replicate=ok, provider_bfl=down) == {"reason": "provider", "kinds": ["goods"]}
    assert trouble(provider_replicate=key, provider_bfl=down) == {"reason": "setup", "kinds": ["ppl", "goods"]}
    stopped = [{**model, "stopped": "intake_paused" if model["provider"] == "bfl" else None} for model in MODELS]
    assert page.evaluate(TROUBLES, [{}, {"generators": stopped}]) == {"reason": "paused", "kinds": ["goods"]}
    assert trouble(provider_bfl={"status": "degraded", "reason": "no answer"}) is None
    assert trouble("ppl", provider_bfl=key) == {"reason": "provider", "kinds": ["ppl", "goods"]}
    assert trouble("ppl") == {"reason": "provider", "kinds": ["ppl"]}
    assert trouble(storage={"status": "failed"}) == {"reason": "service", "kinds": ["ppl", "goods"]}
