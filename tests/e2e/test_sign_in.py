"""The page on an origin of its own, as in the cloud: through preflights, and signed in where callers must be."""

import base64
import json
import re
import time
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import pytest
import requests
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests import pictures
from tests.browser import browser, expect_draft, new_context, touch, wait_until
from tests.patience import PATIENCE
from tests.receiver import Receiver
from tests.sign_in import CLIENT_ID, SCOPE, Platform, Provider, Site
from tests.stack import PATIENT, Stack

pytestmark = [pytest.mark.stack, pytest.mark.browser]

NO_JOB = "/api/jobs/job_00000000000000000000000000"


def open_paths() -> set[str]:
    """What the deployment leaves out of sign-in."""
    bicep = (Path(__file__).parents[2] / "infra/app/api.bicep").read_text()
    return set(re.findall(r"'(/[\w/.]+)'", bicep.partition("excludedPaths: [")[2].partition("]")[0]))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    site = Site(tmp_path_factory.mktemp("site"))
    yield site
    site.close()


@pytest.fixture
def provider() -> Iterator[Provider]:
    # Somebody new: the history is the server's, and the stack is everybody's.
    provider = Provider(f"{uuid4().hex[:8]}@example.com")
    yield provider
    provider.close()


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


@pytest.fixture(scope="module")
def guarded(site: Site, receiver: Receiver, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    settings = {
        "AUTH_MODE": "easyauth", "AUTH_STAND_IN": "true", "ALLOWED_ORIGINS": site.url, "WEBHOOK_EXTRA_HOSTS": receiver.host,
        **PATIENT,
    }  # fmt: skip
    with Stack(tmp_path_factory.mktemp("guarded"), **settings) as stack:
        yield stack


@pytest.fixture
def platform(guarded: Stack, provider: Provider, site: Site) -> Iterator[Platform]:
    guarded.configure(replicate={"delay_seconds": 1}, bfl={"delay_seconds": 1})
    platform = Platform(guarded.url, provider, open_paths(), [site.url])
    site.tell(platform.url, provider)
    yield platform
    platform.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    context = new_context(browser, viewport={"width": 1280, "height": 900}, locale="ko-KR")
    yield context
    context.close()


def opened(context: BrowserContext, site: Site) -> Page:
    page = context.new_page()
    page.goto(site.url + "/")
    return page


#: A call meets a 401: its token is renewed.
RENEW = """async () => {
  const { token } = await import("./js/account/sign-in.js");
  token({ refused: JSON.parse(localStorage.getItem("toonconnect.session")).accessToken }).catch(() => {});
}"""
SESSION = "localStorage.getItem('toonconnect.session')"
LOCK_IS_FREE = """async () => {
  const { held, pending } = await navigator.locks.query();
  return held.length + pending.length === 0;
}"""


def signed_in(context: BrowserContext, site: Site, provider: Provider) -> Page:
    page = opened(context, site)
    page.get_by_test_id("sign-in").click()
    expect(page.get_by_test_id("account")).to_have_text(provider.user)
    return page


def fill_goods(page: Page) -> None:
    page.get_by_test_id("tab-goods").click()
    page.get_by_test_id("use-sample").first.click()
    page.get_by_test_id("preset").get_by_text("머그컵").click()


def submit_goods(page: Page) -> None:
    fill_goods(page)
    page.get_by_test_id("submit").click()


def expect_a_picture(page: Page) -> None:
    expect(page.get_by_test_id("result-image").first).to_be_visible()


def test_a_page_of_another_origin_makes_a_picture_where_nobody_signs_in(
    context: BrowserContext, site: Site, tmp_path: Path
) -> None:
    with Stack(tmp_path, ALLOWED_ORIGINS=site.url) as stack:
        stack.configure(bfl={"delay_seconds": 1})
        site.tell(stack.url, None)
        page = opened(context, site)
        expect(page.get_by_test_id("sign-in")).to_be_hidden()
        expect(page.get_by_test_id("session-banner")).to_be_hidden()
        submit_goods(page)
        expect_a_picture(page)


def test_a_page_of_an_origin_that_may_not_call_gets_nothing(context: BrowserContext, site: Site, stack: Stack) -> None:
    site.tell(stack.url, None)
    page = opened(context, site)
    expect(page.get_by_test_id("backend-down")).to_be_visible()


def test_a_creator_signs_in_makes_a_picture_and_signs_out(
    context: BrowserContext, site: Site, platform: Platform, provider: Provider
) -> None:
    page = opened(context, site)
    expect(page.get_by_test_id("session-banner")).to_contain_text("로그인이 필요해요")
    submit_goods(page)
    expect(page.get_by_test_id("error")).to_contain_text("로그인")
    assert not [path for method, path, _ in platform.passed if method == "POST"], "the platform let nobody through"

    with context.expect_page() as other:
        page.get_by_test_id("sign-in").click()
    expect(other.value.get_by_test_id("account")).to_have_text(provider.user)
    assert other.value.url == site.url + "/", "neither code nor state stays in the address"
    other.value.close()
    expect(page.get_by_test_id("session-banner")).to_be_hidden()
    # What was entered before is still there.
    page.get_by_test_id("submit").click()
    expect_a_picture(page)
    assert {who for method, path, who in platform.passed if method != "OPTIONS" and path not in open_paths()} == {provider.user}

    page.reload()
    expect(page.get_by_test_id("account")).to_have_text(provider.user)
    expect_a_picture(page)

    with page.expect_navigation(url=site.url + "/"):  # by way of the provider
        page.get_by_test_id("sign-out").click()
    expect(page.get_by_test_id("sign-in")).to_be_visible()
    expect(page.get_by_test_id("session-banner")).to_contain_text("로그인이 필요해요")
    page.reload()
    expect(page.get_by_test_id("sign-in")).to_be_visible()
    assert page.evaluate(SESSION) is None


def test_a_token_that_ends_in_the_middle_of_a_job_is_renewed_unseen(
    context: BrowserContext, site: Site, platform: Platform, provider: Provider, guarded: Stack
) -> None:
    guarded.configure(bfl={"delay_seconds": 600})
    page = opened(context, site)
    page.get_by_test_id("sign-in").click()
    expect(page.get_by_test_id("account")).to_have_text(provider.user)
    submit_goods(page)
    expect(page.get_by_test_id("history-item").first).to_be_visible()
    provider.good.clear()
    ends = time.monotonic() + PATIENCE
    while not provider.renewals and time.monotonic() < ends:
        page.wait_for_timeout(50)
    guarded.finish()

    expect_a_picture(page)
    assert provider.renewals == 1
    expect(page.get_by_test_id("session-banner")).to_be_hidden()


def test_a_session_that_ends_in_the_middle_of_a_job_goes_on_after_signing_in_again(
    context: BrowserContext, site: Site, platform: Platform, provider: Provider, guarded: Stack
) -> None:
    guarded.configure(bfl={"delay_seconds": 600})
    page = opened(context, site)
    page.get_by_test_id("sign-in").click()
    expect(page.get_by_test_id("account")).to_have_text(provider.user)
    submit_goods(page)
    expect(page.get_by_test_id("history-item").first).to_be_visible()
    page.get_by_test_id("prompt").fill("다음 그림의 설명")
    expect_draft(page, "draft.prompt?.text === '다음 그림의 설명'")
    beside = opened(context, site)
    touch(beside)
    # A new tab begins with what was entered last. Until that has come it could come between choosing the text and replacing it.
    expect(beside.get_by_test_id("prompt")).to_have_value("다음 그림의 설명")
    beside.get_by_test_id("prompt").fill("또 다른 그림의 설명")
    provider.good.clear()
    provider.renews = False

    expect(page.get_by_test_id("session-banner")).to_contain_text("로그인이 끝났어요")
    expect(beside.get_by_test_id("session-banner")).to_contain_text("로그인이 끝났어요")
    expect(page.get_by_test_id("error")).to_have_count(0)
    with context.expect_page() as other:
        page.get_by_test_id("session-sign-in").click()
    expect(other.value.get_by_test_id("account")).to_have_text(provider.user)

    expect(page.get_by_test_id("session-banner")).to_be_hidden()
    guarded.finish()
    expect_a_picture(page)
    expect(page.get_by_test_id("prompt")).to_have_value("다음 그림의 설명")
    expect(beside.get_by_test_id("session-banner")).to_be_hidden()
    expect(beside.get_by_test_id("prompt")).to_have_value("또 다른 그림의 설명")


def test_who_signs_in_while_a_call_of_nobody_is_on_its_way_sees_the_job_go_on(
    context: BrowserContext, site: Site, platform: Platform, provider: Provider, guarded: Stack
) -> None:
    guarded.configure(bfl={"delay_seconds": 600})
    page = signed_in(context, site, provider)
    beside = opened(context, site)
    expect(beside.get_by_test_id("account")).to_have_text(provider.user)
    kept = page.evaluate(SESSION)
    submit_goods(page)
    expect(page.get_by_test_id("history-item").first).to_be_visible()
    platform.may_refuse.clear()
    platform.has_turned_away.clear()
    beside.evaluate("localStorage.setItem('toonconnect.session', JSON.stringify({ ended: true }))")
    expect(page.get_by_test_id("session-banner")).to_be_visible()
    assert platform.has_turned_away.wait(PATIENCE), "the page has asked for the job without a token"

    beside.evaluate("(kept) => localStorage.setItem('toonconnect.session', kept)", kept)
    expect(page.get_by_test_id("session-banner")).to_be_hidden()
    platform.may_refuse.set()
    guarded.finish()

    expect_a_picture(page)


def test_a_page_shows_nothing_of_another_person(
    context: BrowserContext, site: Site, platform: Platform, provider: Provider
) -> None:
    page = opened(context, site)
    before = json.dumps([{"id": "job_1", "kind": "goods", "prompt": "남의 비밀", "startedAt": 1, "status": "succeeded"}])
    page.evaluate("(value) => localStorage.setItem('toonconnect.history', value)", before)
    page.reload()
    expect(page.get_by_test_id("session-banner")).to_be_visible()
    expect(page.get_by_test_id("history-item")).to_have_count(0)
    page.get_by_test_id("sign-in").click()
    expect(page.get_by_test_id("account")).to_have_text(provider.user)
    expect(page.get_by_test_id("history-item")).to_have_count(0)

    first = provider.user
    submit_goods(page)
    expect_a_picture(page)
    other = opened(context, site)
    other.get_by_test_id("prompt").fill("다음 그림의 설명")
    with page.expect_navigation(url=site.url + "/"):
        page.get_by_test_id("sign-out").click()
    for tab in (page, other):
        expect(tab.get_by_test_id("sign-in")).to_be_visible()
        expect(tab.get_by_test_id("history-item")).to_have_count(0)
        expect(tab.get_by_test_id("result-image")).to_have_count(0)
        expect(tab.get_by_test_id("prompt")).to_have_value("")

    provider.user = "bada@example.com"
    page.get_by_test_id("sign-in").click()
    expect(page.get_by_test_id("account")).to_have_text(provider.user)
    expect(page.get_by_test_id("history-item")).to_have_count(0)
    with page.expect_navigation(url=site.url + "/"):
        page.get_by_test_id("sign-out").click()

    provider.user = first
    page.get_by_test_id("sign-in").click()
    expect_a_picture(page)
    expect(page.get_by_test_id("history-item")).to_have_attribute("data-status", "succeeded")


def test_a_page_is_left_when_somebody_else_signs_in(
    context: BrowserContext, site: Site, platform: Platform, provider: Provider
) -> None:
    page = signed_in(context, site, provider)
    page.get_by_test_id("prompt").fill("다음 그림의 설명")
    provider.user = "bada@example.com"
    other = context.new_page()
    other.goto(site.url + "/?sign-in")
    expect(other.get_by_test_id("account")).to_have_text(provider.user)
    expect(other.get_by_test_id("taken-note")).to_be_hidden()
    expect(page.get_by_test_id("taken-note")).to_contain_text("다른 계정으로 로그인했어요")
    expect(page.get_by_test_id("account")).to_have_text(provider.user)
    expect(page.get_by_test_id("prompt")).to_have_value("")
    page.get_by_test_id("language-toggle").click()
    expect(page.get_by_test_id("taken-note")).to_contain_text("Another account has signed in")
    page.reload()
    expect(page.get_by_test_id("account")).to_have_text(provider.user)
    expect(page.get_by_test_id("taken-note")).to_be_hidden()


def test_nothing_is_sent_as_somebody_else_before_the_page_knows_of_them(
    context: BrowserContext, site: Site, platform: Platform, provider: Provider
) -> None:
    """A tab hears of another one's sign-in a moment after it happened, and never of what happens in itself."""
    page = signed_in(context, site, provider)
    fill_goods(page)
    page.evaluate("""() => {
      const theirs = { owner: "issuer other", name: "bada@example.com" };
      const session = { ...JSON.parse(localStorage.getItem("toonconnect.session")), ...theirs };
      localStorage.setItem("toonconnect.session", JSON.stringify(session));
      document.querySelector("[data-testid=submit]").click();
    }""")
    expect(page.get_by_test_id("taken-note")).to_be_visible()
    expect(page.get_by_test_id("account")).to_have_text("bada@example.com")
    assert not [path for method, path, _ in platform.passed if method == "POST"]


def test_a_job_whose_page_is_left_while_it_is_sent_is_in_its_owners_history(
    context: BrowserContext, site: Site, platform: Platform, provider: Provider
) -> None:
    page = signed_in(context, site, provider)
    platform.may_answer.clear()
    submit_goods(page)
    assert platform.has_posted.wait(PATIENCE)
    page.get_by_test_id("sign-out").click()
    expect(page.locator("body")).to_be_hidden()
    with page.expect_navigation(url=site.url + "/"):
        platform.may_answer.set()
    expect(page.get_by_test_id("history-item")).to_have_count(0)
    page.get_by_test_id("sign-in").click()
    expect(page.get_by_test_id("history-item")).to_have_count(1)


def test_the_way_back_leads_to_nothing_of_who_has_signed_out(
    context: BrowserContext, site: Site, platform: Platform, provider: Provider
) -> None:
    page = signed_in(context, site, provider)
    page.get_by_test_id("prompt").fill("다음 그림의 설명")
    # In another tab, and this page lay in the browser's memory meanwhile: no event tells it.
    page.evaluate("localStorage.removeItem('toonconnect.session')")
    page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))")
    expect(page.get_by_test_id("sign-in")).to_be_visible()
    expect(page.get_by_test_id("prompt")).to_have_value("")


def test_a_session_that_was_cleared_away_has_ended(
    context: BrowserContext, site: Site, platform: Platform, provider: Provider
) -> None:
    page = signed_in(context, site, provider)
    other = opened(context, site)
    expect(other.get_by_test_id("account")).to_have_text(provider.user)
    other.evaluate("localStorage.clear()")
    expect(page.get_by_test_id("session-banner")).to_contain_text("로그인이 끝났어요")
    # A tab is not told of what happens in itself: it sees it when it needs the session.
    submit_goods(other)
    expect(other.get_by_test_id("error")).to_contain_text("로그인")
    expect(other.get_by_test_id("session-banner")).to_contain_text("로그인이 끝났어요")
    expect(other.get_by_test_id("account")).to_be_hidden()


def test_who_gets_tokens_that_the_platform_never_takes_is_signed_out(
    context: BrowserContext, site: Site, platform: Platform, provider: Provider
) -> None:
    page = opened(context, site)
    page.get_by_test_id("sign-in").click()
    expect(page.get_by_test_id("account")).to_have_text(provider.user)
    provider.good.clear()
    provider.gives_good = False
    submit_goods(page)
    expect(page.get_by_test_id("error")).to_contain_text("로그인")
    expect(page.get_by_test_id("session-banner")).to_contain_text("로그인이 끝났어요")
    expect(page.get_by_test_id("account")).to_be_hidden()


def test_a_provider_that_cannot_renew_now_ends_no_session(
    context: BrowserContext, site: Site, platform: Platform, provider: Provider
) -> None:
    page = signed_in(context, site, provider)
    provider.good.clear()
    provider.trouble = "temporarily_unavailable"
    submit_goods(page)
    expect(page.get_by_test_id("error")).to_contain_text("로그인 서버가 지금 응답하지 못해요")
    page.get_by_test_id("language-toggle").click()
    expect(page.get_by_test_id("account")).to_have_text(provider.user)
    expect(page.get_by_test_id("session-banner")).to_be_hidden()

    provider.trouble = None
    page.get_by_test_id("retry").click()
    expect(page.get_by_test_id("history-item")).to_have_count(1)
    assert provider.renewals == 1


def test_signing_out_is_not_undone_by_a_renewal_on_its_way(
    context: BrowserContext, site: Site, platform: Platform, provider: Provider
) -> None:
    page = signed_in(context, site, provider)
    other = opened(context, site)
    expect(other.get_by_test_id("account")).to_have_text(provider.user)
    provider.may_renew.clear()
    # Two renewals: one at the provider, one that waits for the other's lock.
    for tab in (other, opened(context, site)):
        tab.evaluate(RENEW)
    assert provider.asked_to_renew.wait(PATIENCE)
    with page.expect_navigation(url=site.url + "/"):
        page.get_by_test_id("sign-out").click()
    expect(page.get_by_test_id("sign-in")).to_be_visible()
    provider.may_renew.set()
    wait_until(page, LOCK_IS_FREE)
    assert page.evaluate(SESSION) is None
    page.reload()
    expect(page.get_by_test_id("sign-in")).to_be_visible()

    # The other tabs were left, and their renewals with them; one in a tab that stays is not kept either.
    page.get_by_test_id("sign-in").click()
    expect(page.get_by_test_id("account")).to_have_text(provider.user)
    provider.asked_to_renew.clear()
    provider.may_renew.clear()
    page.evaluate(RENEW)
    assert provider.asked_to_renew.wait(PATIENCE)
    page.evaluate("localStorage.removeItem('toonconnect.session')")
    provider.may_renew.set()
    wait_until(page, LOCK_IS_FREE)
    assert page.evaluate(SESSION) is None


def test_who_is_refused_at_the_provider_is_told(
    context: BrowserContext, site: Site, platform: Platform, provider: Provider
) -> None:
    provider.refuses = True
    page = opened(context, site)
    page.get_by_test_id("sign-in").click()
    expect(page.get_by_test_id("session-banner")).to_contain_text("로그인하지 못했어요")
    page.get_by_test_id("language-toggle").click()
    expect(page.get_by_test_id("session-banner")).to_contain_text("Signing in did not work")


def test_an_answer_that_nobody_asked_for_signs_nobody_in(
    context: BrowserContext, site: Site, platform: Platform, provider: Provider
) -> None:
    """Somebody else's code, sent by a link, would make this browser work for their account."""
    page = opened(context, site)
    page.goto(f"{site.url}/?code=stolen&state=x")
    expect(page.get_by_test_id("session-banner")).to_contain_text("로그인이 필요해요")
    challenge = base64.urlsafe_b64encode(sha256(b"v" * 43).digest()).decode().rstrip("=")
    query = {
        "redirect_uri": f"{site.url}/", "client_id": CLIENT_ID, "scope": SCOPE, "code_challenge_method": "S256", "nonce": "n",
        "state": "theirs", "code_challenge": challenge,
    }  # fmt: skip
    theirs = provider.authorized(query)
    # This browser has just set out to sign in itself; its verifier is known here, so that the state alone stands in the way.
    mine = json.dumps({"state": "mine", "nonce": "n", "verifier": "v" * 43})
    page.evaluate("(value) => sessionStorage.setItem('toonconnect.signIn', value)", mine)
    page.goto(f"{site.url}/?{urlencode(theirs)}")
    expect(page.get_by_test_id("session-banner")).to_contain_text("로그인하지 못했어요")
    assert page.evaluate(SESSION) is None


BLOCKED = """for (const area of ["localStorage", "sessionStorage"]) {
  Object.defineProperty(window, area, { get() { throw new DOMException("blocked", "SecurityError"); } });
}"""


def test_who_blocks_storage_has_the_page_and_is_told_why_signing_in_cannot_work(
    context: BrowserContext, site: Site, platform: Platform
) -> None:
    context.add_init_script(BLOCKED)
    page = opened(context, site)
    page.get_by_test_id("tab-goods").click()
    expect(page.get_by_test_id("preset")).to_contain_text("머그컵")
    page.get_by_test_id("sign-in").click()
    expect(page.get_by_test_id("session-banner")).to_contain_text("이 브라우저에서는 로그인할 수 없어요")
    page.get_by_test_id("language-toggle").click()
    expect(page.get_by_test_id("session-banner")).to_contain_text("allow cookies and site data")


def test_damaged_storage_is_empty_storage(context: BrowserContext, site: Site, platform: Platform, provider: Provider) -> None:
    page = opened(context, site)
    damage = """(value) => {
      sessionStorage.setItem("toonconnect.signIn", value);
      for (const key of ["session", "history", "language"]) localStorage.setItem(`toonconnect.${key}`, value);
    }"""
    for damaged in ("{", '{"accessToken": 7}', '[{"id": "x", "startedAt": "y"}]', "toString"):
        page.evaluate(damage, damaged)
        page.reload()
        expect(page.get_by_test_id("session-banner")).to_contain_text("로그인이 필요해요")
    page.get_by_test_id("sign-in").click()
    expect(page.get_by_test_id("account")).to_have_text(provider.user)


def test_forged_headers_and_tokens_are_nobody(platform: Platform, guarded: Stack, provider: Provider) -> None:
    forged = {"X-MS-CLIENT-PRINCIPAL-ID": provider.user, "X-MS-CLIENT-PRINCIPAL": "e30=", "X-MS-CLIENT-PRINCIPAL-IDP": "aad"}
    for headers in ({}, forged, {"Authorization": "Bearer forged"}, {**forged, "Authorization": "Bearer forged"}):
        assert requests.get(platform.url + NO_JOB, headers=headers, timeout=PATIENCE).status_code == 401
    provider.good["good"] = "someone"
    mine = {"Authorization": "Bearer good", **forged}
    sent = requests.post(
        f"{platform.url}/api/goods-gen/generate", headers=mine, data={"prompt": "a mug"},
        files={"input_image": pictures.photo_jpeg(300, 300)}, timeout=PATIENCE,
    )  # fmt: skip
    assert sent.status_code == 202
    job = f"/api/jobs/{sent.json()['id']}"
    assert requests.get(platform.url + job, headers=mine, timeout=PATIENCE).status_code == 200
    provider.good["other"] = provider.user
    assert requests.get(platform.url + job, headers={"Authorization": "Bearer other"}, timeout=PATIENCE).status_code == 404
    # Past the platform there is nobody who would remove them: only a stand-in's own word makes the app believe them.
    assert requests.get(guarded.url + NO_JOB, timeout=PATIENCE).status_code == 401


@pytest.mark.parametrize("settings", [{"AUTH_MODE": "easyauth"}, {"AUTH_MODE": "easyath", "AUTH_STAND_IN": "true"}])
def test_where_nobody_looks_nobody_is_believed(tmp_path: Path, settings: dict[str, str]) -> None:
    stack = Stack(tmp_path, **settings)
    stack.start("/api/health")
    try:
        forged = {"X-MS-CLIENT-PRINCIPAL-ID": "me", "Accept-Language": "en"}
        answer = requests.get(stack.url + NO_JOB, headers=forged, timeout=PATIENCE)
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (500, "AUTH_MODE")
        translated = requests.post(
            f"{stack.url}/api/goods-gen/translate", json={"prompt": "영웅"}, headers=forged, timeout=PATIENCE
        )
        assert translated.status_code == 500
        assert "AUTH_MODE" in requests.get(f"{stack.url}/api/health/ready", timeout=PATIENCE).text
    finally:
        stack.stop()


# ---- the end of a job, told to its owner's address ----


def test_an_owners_address_is_told_of_the_end_though_the_host_dies_between_two_tries(guarded: Stack, receiver: Receiver) -> None:
    """Over real HTTP. Nothing of the address is anywhere but in the job's document."""
    me, mark = {"X-MS-CLIENT-PRINCIPAL-ID": "haneul@example.com"}, "MARKED7f3a"
    guarded.configure(bfl={"delay_seconds": 1})
    receiver.answers = [500, 204]
    posted = guarded.goods(pictures.photo_jpeg(300, 300), me, webhook_url=f"{receiver.url}/{mark}?{mark}")
    assert posted.status_code == 202, posted.text
    here = f"{guarded.url}/api/jobs/{posted.json()['id']}"

    def deliveries(number: int) -> list[dict[str, Any]]:
        ends = time.monotonic() + PATIENCE
        while len(found := requests.get(here, headers=me, timeout=PATIENCE).json()["deliveries"]) < number:
            assert time.monotonic() < ends, found
            time.sleep(0.1)
        return list(found)

    assert [attempt["status"] for attempt in deliveries(1)] == [500]
    guarded.kill_host()
    guarded.start()
    assert [attempt["status"] for attempt in deliveries(2)] == [500, 204]

    secret = requests.get(f"{guarded.url}/api/webhooks/secret", headers=me, timeout=PATIENCE).json()["secret"]
    first, second = receiver.calls
    for call in (first, second):
        call.is_signed_with(secret)
    assert (first.headers["webhook-id"], first.body) == (second.headers["webhook-id"], second.body)
    assert json.loads(second.body)["data"]["status"] == "succeeded"
    kept = [file for file in guarded.folder.rglob("*") if file.is_file() and "azurite" not in file.parts]
    assert kept
    assert [file.name for file in kept if mark.encode() in file.read_bytes()] == []
