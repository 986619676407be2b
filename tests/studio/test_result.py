"""The result panel against the real host: what is said while a job is made, what can be done with its pictures, refusals."""

import re
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
import requests
from playwright.sync_api import Browser, Locator, Page, expect

from shared.domain import printing
from shared.domain.file_names import content_disposition
from shared.domain.presets import PRESETS
from shared.domain.problem import CATALOGUE, Problem
from tests.browser import browser, new_context, wait_until
from tests.patience import PATIENCE
from tests.stack import PATIENT, Stack

__all__ = ["browser"]
pytestmark = [pytest.mark.stack, pytest.mark.browser]

SAMPLES = Path(__file__).parents[2] / "web/samples"
CHARACTER, PRODUCT = ((SAMPLES / f"{name}.jpg").read_bytes() for name in ("character-haneul", "product-can"))
#: Small and soon there.
QUICK = {
    "delay_seconds": 0.5,
    "start_seconds": 0.1,
    "longest_side": 512,
    "outcome": "succeed",
    "outcome_sequence": [],
    "faults": [],
}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with Stack(tmp_path_factory.mktemp("result"), MAX_ACTIVE_JOBS_PER_OWNER="1", **PATIENT) as stack:
        yield stack


#: Of the test that runs.
posted: list[str] = []


@pytest.fixture(autouse=True)
def quick(stack: Stack) -> Iterator[None]:
    stack.configure(replicate=QUICK, bfl=QUICK)
    posted.clear()
    yield
    for job_id in posted:
        requests.post(f"{stack.url}/api/jobs/{job_id}/cancel", timeout=PATIENCE)


def cancel_all(stack: Stack, token: str) -> None:
    """What a browser has begun: a test that fails leaves nothing that keeps the next one from its place."""
    headers = {"X-Owner-Token": token}
    for job in requests.get(f"{stack.url}/api/jobs", headers=headers, timeout=PATIENCE).json()["data"]:
        if job["status"] not in ("succeeded", "failed", "canceled"):
            requests.post(f"{stack.url}/api/jobs/{job['id']}/cancel", headers=headers, timeout=PATIENCE)


@pytest.fixture
def page(browser: Browser, stack: Stack) -> Iterator[Page]:
    context = new_context(
        browser, viewport={"width": 1440, "height": 900}, locale="ko-KR", permissions=["clipboard-read", "clipboard-write"]
    )
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    cancel_all(stack, page.evaluate("localStorage.getItem('toonconnect.owner')"))
    context.close()
    assert complaints == []


def ppl(stack: Stack, **fields: Any) -> str:
    """A job that belongs to nobody: whoever knows its id opens it."""
    answer = stack.ppl(CHARACTER, PRODUCT, **{"prompt": "편의점 앞에서 캐릭터가 캔을 들고 웃는 장면", **fields})
    assert answer.status_code == 202, answer.text
    posted.append(answer.json()["id"])
    return posted[-1]


def show(page: Page, stack: Stack, job_id: str) -> Locator:
    page.goto(f"{stack.url}/?job={job_id}")
    return page.get_by_test_id("stage")


def shown_job(page: Page) -> str:
    return page.url.partition("job=")[2]


def is_loaded(image: Locator) -> None:
    wait_until(image.page, "image => image.complete && image.naturalWidth > 100", image.element_handle())


def test_a_picture_is_looked_at_closely_beside_what_it_was_made_of(page: Page, stack: Stack) -> None:
    job_id = ppl(stack)
    stack.ended(job_id)
    expect(show(page, stack, job_id)).to_have_text("완성됐어요")
    opener = page.get_by_test_id("open-viewer")
    opener.click()
    level, stage = page.get_by_test_id("viewer-level"), page.get_by_test_id("viewer-stage")
    expect(stage).to_be_focused()
    is_loaded(page.get_by_test_id("viewer-image"))

    # By keys, by wheel, by two fingers, and dragged.
    page.keyboard.press("+")
    expect(level).to_have_text("150%")
    page.keyboard.press("0")
    expect(level).to_have_text("100%")
    box = stage.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.wheel(0, -300)
    expect(level).to_have_text("212%")
    before = page.get_by_test_id("viewer-image").get_attribute("style")
    page.mouse.down()
    page.mouse.move(x + 50, y + 40)
    page.mouse.up()
    assert page.get_by_test_id("viewer-image").get_attribute("style") != before
    page.keyboard.press("0")
    pinch(page, x, y)
    expect(level).to_have_text("300%")

    # Beside its character and product, all enlarged alike.
    page.get_by_test_id("viewer-beside").click()
    images = page.get_by_test_id("viewer-image")
    expect(images).to_have_count(3)
    for at in range(3):
        is_loaded(images.nth(at))
    expect(page.get_by_test_id("viewer").locator("figcaption")).to_have_text(["캐릭터 이미지", "제품 이미지", "결과"])
    page.get_by_test_id("viewer-nearer").click()
    styles = images.evaluate_all("images => images.map((image) => image.style.transform)")
    assert len(set(styles)) == 1
    assert "scale(1.5)" in styles[0]
    steps = page.evaluate("history.length")
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("viewer")).to_have_count(0)
    expect(opener).to_be_focused()

    # What is done with it leads away from it; and the way back leads to the job.
    opener.click()
    page.get_by_test_id("viewer-use-as-character").click()
    expect(page.get_by_test_id("viewer")).to_have_count(0)
    expect(page.get_by_role("img", name="캐릭터 이미지 미리보기")).to_be_visible()
    assert page.evaluate("[history.length, history.state?.isOver ?? false]") == [steps, False]


def pinch(page: Page, x: float, y: float) -> None:
    """Two fingers that go from 100 px apart to 300 px."""
    touch = page.context.new_cdp_session(page)
    for kind, apart in (("touchStart", 50), ("touchMove", 100), ("touchMove", 150)):
        points = [{"x": x - apart, "y": y, "id": 0}, {"x": x + apart, "y": y, "id": 1}]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


def test_what_can_be_done_with_a_picture(page: Page, stack: Stack) -> None:
    job_id = ppl(stack, seed="77")
    job = stack.ended(job_id)
    show(page, stack, job_id)
    is_loaded(page.get_by_test_id("result-image"))

    # It says what it cost, until when it is kept, and what it is.
    expect(page.get_by_test_id("money")).to_have_text(re.compile(r"비용 (약 )?\$0\.08"))
    expect(page.get_by_test_id("job-facts")).to_contain_text("까지 보관돼요")
    page.get_by_test_id("about").locator("summary").click()
    expect(page.get_by_test_id("about")).to_contain_text("AI로 만든 그림")
    expect(page.get_by_test_id("about")).to_contain_text("편의점 앞에서")

    # It is saved under the name that the API gives it.
    told = requests.get(f"{stack.url}/api/jobs/{job_id}/result?inline=1", timeout=PATIENCE).headers["Content-Disposition"]
    with page.expect_download() as waiting:
        page.get_by_test_id("download").click()
    assert waiting.value.suggested_filename == unquote(told.partition("UTF-8''")[2])
    assert Path(waiting.value.path()).read_bytes() == requests.get(job["outputs"][0]["url"], timeout=PATIENCE).content

    # A favourite stays one.
    page.get_by_test_id("favourite").click()
    expect(page.get_by_test_id("notice").last).to_contain_text("찜했어요")
    page.reload()
    expect(page.get_by_test_id("favourite")).to_have_attribute("aria-pressed", "true")

    # Its link opens for whoever has it, and it is said until when; also where the page may not write to the clipboard.
    page.get_by_test_id("copy-link").click()
    expect(page.get_by_test_id("notice").last).to_contain_text(re.compile(r"\d+월 \d+일 .*까지 누구나 열 수 있어요"))
    link = page.evaluate("navigator.clipboard.readText()")
    assert requests.get(link, timeout=PATIENCE).headers["Content-Type"] == "image/png"
    page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    page.get_by_test_id("caption-fold").locator("summary").click()
    page.get_by_test_id("caption").fill("[광고] 내 문구")
    page.get_by_test_id("copy-caption").click()
    expect(page.get_by_test_id("notice").last).to_contain_text("문구를 복사했어요")
    expect(page.get_by_test_id("copy-caption")).to_be_focused()
    page.evaluate("document.execCommand = () => false")
    page.get_by_test_id("copy-link").click()
    expect(page.get_by_test_id("by-hand")).to_have_value(re.compile(r"^http.*sig="))

    # It becomes the character of the next one, without an upload.
    page.get_by_test_id("use-as-character").click()
    expect(page.get_by_role("img", name="캐릭터 이미지 미리보기")).to_be_visible()
    page.get_by_test_id("use-seed").click()
    expect(page.get_by_test_id("seed")).to_have_value("77")

    # And it is made again, of what the server keeps.
    page.get_by_test_id("again-same").click()
    page.wait_for_url(re.compile(f"job=(?!{job_id})"))
    expect(page.get_by_test_id("stage")).to_have_text("완성됐어요")
    again = stack_job(page, stack)
    assert (again["retry_of"]["id"], again["outputs"][0]["seed"]) == (job_id, 77)


def stack_job(page: Page, stack: Stack) -> dict[str, Any]:
    """The job on show, which is this browser's own."""
    token = page.evaluate("localStorage.getItem('toonconnect.owner')")
    answer = requests.get(f"{stack.url}/api/jobs/{shown_job(page)}", headers={"X-Owner-Token": token}, timeout=PATIENCE)
    return dict(answer.json())


def test_four_pictures_come_one_by_one_and_are_all_in_view(page: Page, stack: Stack) -> None:
    stack.configure(replicate={"delay_seconds": 600, "seed": 3})
    page.goto(stack.url)
    job_id = ppl(stack, n="4")
    show(page, stack, job_id)
    expect(page.get_by_test_id("picture-coming")).to_have_count(4)
    expect(page.get_by_test_id("cancel")).to_be_in_viewport(ratio=1)
    # Of what is begun, or once the first is there of what is paid.
    expect(page.get_by_test_id("cancel-cost")).to_have_text(re.compile("청구될 수 있어요|청구되고"))
    expect(page.get_by_test_id("eta")).to_have_text(re.compile("남음|곧 끝나요|늦어지고"))
    expect(page.get_by_test_id("waiting-hint")).to_contain_text("끝나는 대로 제자리에")
    # Some are there while others are still being drawn, and are counted.
    ends = time.monotonic() + PATIENCE
    while stack.stats("replicate")["active"] < 4 and time.monotonic() < ends:
        page.wait_for_timeout(100)
    stack.finish_first(2)
    expect(page.get_by_test_id("stage")).to_have_text("4장 중 2장 완성")
    expect(page.get_by_test_id("result-image")).to_have_count(2)
    stack.finish()
    expect(page.get_by_test_id("stage")).to_have_text("4장 모두 완성됐어요")
    images = page.get_by_test_id("result-image")
    expect(images).to_have_count(4)
    # In tiles of one size, beside each other.
    tiles = page.locator("#result .frame").evaluate_all(
        "all => all.map((each) => JSON.stringify([each.offsetTop, each.offsetWidth, each.offsetHeight]))"
    )
    assert len(set(tiles)) == 1
    for at in range(4):
        is_loaded(images.nth(at))
    bottoms = images.evaluate_all("images => images.map((image) => image.getBoundingClientRect().bottom)")
    assert max(bottoms) <= 900
    inner = """() => [...document.querySelectorAll("#result-section, #result-section *")].filter((element) =>
      /auto|scroll/.test(getComputedStyle(element).overflowY) && element.scrollHeight > element.clientHeight + 1).length"""
    assert page.evaluate(inner) == 0

    # All of them in one file, each under its own name.
    job = stack.job(job_id)
    with page.expect_download() as waiting:
        page.get_by_test_id("zip").click()
    assert re.fullmatch(r"툰커넥트_PPL_\d{4}-\d\d-\d\d\.zip", waiting.value.suggested_filename)
    with zipfile.ZipFile(waiting.value.path()) as archive:
        assert archive.testzip() is None
        names = {
            unquote(content_disposition({**job, "kind": "ppl"}, output).partition("UTF-8''")[2]) for output in job["outputs"]
        }
        assert set(archive.namelist()) == names

    # One after the other in the large view; the focus comes back to the last one.
    page.get_by_test_id("open-viewer").first.click()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_test_id("viewer").locator("h2")).to_have_text("그림 2 / 4")
    # A heart that is set here is set there.
    page.get_by_test_id("viewer").get_by_test_id("favourite").click()
    expect(page.locator("#result").get_by_test_id("favourite").nth(1)).to_have_attribute("aria-pressed", "true")
    page.get_by_test_id("viewer-stage").focus()
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("open-viewer").nth(1)).to_be_focused()
    page.get_by_test_id("more").nth(1).click()
    expect(page.get_by_test_id("copy-link").nth(1)).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("copy-link").nth(1)).to_be_hidden()
    expect(page.get_by_test_id("more").nth(1)).to_be_focused()


def test_a_picture_that_is_missing_is_told_as_such_and_made_alone(page: Page, stack: Stack) -> None:
    stack.configure(replicate={"outcome_sequence": ["succeed", "failed", "failed", "failed"]})
    job_id = ppl(stack, n="2")
    stack.ended(job_id)
    expect(show(page, stack, job_id)).to_have_text("2장 중 1장을 만들었어요")
    expect(page.get_by_test_id("error")).to_have_count(0)
    expect(page.get_by_test_id("partial")).to_contain_text("빠진 그림만 다시 만들 수 있어요")
    expect(page.get_by_test_id("history-item").first).to_contain_text("2장 중 1장")
    expect(page.get_by_test_id("film").first).to_have_accessible_name(re.compile("^2장 중 1장, PPL"))
    expect(page.get_by_test_id("picture-missing")).to_contain_text("그림 서비스가 응답하지 않았어요")
    stack.configure(replicate=QUICK)
    page.get_by_test_id("retry-missing").click()
    page.wait_for_url(re.compile(f"job=(?!{job_id})"))
    expect(page.get_by_test_id("stage")).to_have_text("완성됐어요")
    expect(page.get_by_test_id("result-image")).to_have_count(1)
    again = stack_job(page, stack)
    assert (again["retry_of"]["id"], again["input"]["n"]) == (job_id, 1)

    # Of mixed reasons each is told, and what making them again does and does not.
    stack.configure(replicate={"outcome_sequence": ["succeed", "moderated_output", "failed", "failed", "failed"]})
    job_id = ppl(stack, n="3")
    stack.ended(job_id)
    expect(show(page, stack, job_id)).to_have_text("3장 중 1장을 만들었어요")
    partial = page.get_by_test_id("partial")
    expect(partial).to_contain_text("안전 검사에 걸렸어요 (1장)")
    expect(partial).to_contain_text("그림 서비스가 응답하지 않았어요 (1장)")
    expect(partial).to_contain_text("그중 1장은 장면이나 이미지를 바꿔야")
    # What the server makes again.
    expect(page.get_by_test_id("retry-missing")).to_have_text("빠진 2장만 다시 만들기 · 약 $0.16")
    expect(page.get_by_test_id("edit-prompt")).to_be_visible()

    # What only another scene can mend leads there.
    stack.configure(replicate={"outcome_sequence": ["succeed", "moderated_output"]})
    job_id = ppl(stack, n="2", prompt="거친 장면")
    stack.ended(job_id)
    expect(show(page, stack, job_id)).to_have_text("2장 중 1장을 만들었어요")
    expect(page.get_by_test_id("retry-missing")).to_have_count(0)
    expect(page.get_by_test_id("picture-missing")).to_contain_text("안전 검사")
    page.get_by_test_id("edit-prompt").click()
    expect(page.get_by_test_id("prompt")).to_be_focused()
    expect(page.get_by_test_id("prompt")).to_have_value("거친 장면")


def test_goods_are_told_by_name_and_by_how_they_print(page: Page, stack: Stack) -> None:
    files = {"input_image": CHARACTER}
    answer = stack.post("goods-gen/sheet", files, presets="mug,poster")
    job_id = answer.json()["id"]
    stack.ended(job_id)
    show(page, stack, job_id)
    expect(page.locator(".preset-name")).to_have_text(["머그컵", "포스터"])
    # Without a prompt it is called by its goods.
    expect(page.get_by_test_id("history-item").first).to_contain_text(re.compile("완성.*2장.*머그컵 외 1", re.DOTALL))
    expect(page.get_by_test_id("film").first).to_have_accessible_name("완성, 굿즈: 머그컵 외 1")
    page.get_by_test_id("history-search").fill("포스터")
    expect(page.get_by_test_id("history-item")).to_have_count(1)
    expect(page.get_by_test_id("print").first).to_contain_text("시안용")
    # Said once: at the picture, not among the warnings as well.
    expect(page.get_by_test_id("warnings").get_by_text("dpi")).to_have_count(0)
    page.get_by_test_id("more").first.click()
    page.get_by_test_id("same-seed-elsewhere").first.click()
    expect(page.get_by_test_id("tab-goods")).to_have_attribute("aria-selected", "true")
    seed = stack.job(job_id)["outputs"][0]["seed"]
    expect(page.get_by_test_id("seed")).to_have_value(str(seed))

    # The rules are the server's, written again.
    sizes = [(64 * across, 64 * down) for across in (5, 16, 40) for down in (5, 17, 60)]
    verdicts = page.evaluate(
        """async ({ sizes }) => {
          const { printOf } = await import("/js/result/prints.js");
          const { presets } = await (await fetch("/api/options")).json();
          return presets.map(({ id }) => sizes.map(([width, height]) => {
            const { values, isGood } = printOf({ preset: id, width, height }, presets);
            return [values.dpi, isGood];
          }));
        }""",
        {"sizes": sizes},
    )
    assert verdicts == [
        [[printing.dpi(preset, *size), printing.verdict(preset, *size) == "good"] for size in sizes]
        for preset in PRESETS.values()
    ]
    day, evening = "2026-06-30T15:30:00.000Z", "2026-01-31T14:59:59.000Z"
    documents = [
        {"kind": kind, "completed_at": ended, "created_at": day} for kind in ("ppl", "goods") for ended in (None, evening)
    ]
    types = ("image/png", "image/jpeg")
    outputs = [{"index": 2, "preset": preset, "content_type": kind} for preset in (None, "mug") for kind in types]
    names = page.evaluate(
        """async ({ documents, outputs }) => {
          const { fileName } = await import("/js/result/file-names.js");
          const { setLanguage } = await import("/js/words/words.js");
          const { presets } = await (await fetch("/api/options")).json();
          const all = () => documents.flatMap((job) => outputs.map((output) => fileName(job, output, presets)));
          const korean = all();
          await setLanguage("en");
          return [korean, all()];
        }""",
        {"documents": documents, "outputs": outputs},
    )
    told = [content_disposition(document, output) for document in documents for output in outputs]
    assert names == [
        [unquote(each.partition("UTF-8''")[2]) for each in told],
        [each.partition('"')[2].partition('"')[0] for each in told],
    ]


def test_a_provider_that_is_down_is_told_as_such_and_a_cancel_says_what_it_cost(page: Page, stack: Stack) -> None:
    stack.configure(replicate={"faults": [{"on": "create", "kind": "status", "status": 503}]})
    stage = show(page, stack, ppl(stack))
    expect(stage).to_have_text("그림 서비스가 지금 요청을 받지 못하고 있어요")
    expect(page.get_by_test_id("waiting-hint")).to_contain_text("자동으로 이어서 만들어요")
    expect(page.get_by_test_id("picture-coming")).to_contain_text("그림 서비스를 기다려요")
    page.get_by_test_id("language-toggle").click()
    expect(stage).to_have_text("The picture service is not taking requests right now")
    page.get_by_test_id("language-toggle").click()
    # Before the form too, until it goes on or is no more.
    banner = page.get_by_test_id("service-banner")
    expect(banner).to_contain_text("PPL 광고 컷: 그림 서비스가 잠시 멈췄어요")
    expect(page.get_by_test_id("cancel-cost")).to_contain_text("취소하면")
    page.get_by_test_id("cancel").click()
    expect(stage).to_have_text("취소했어요")
    expect(banner).to_be_hidden()
    expect(stage).to_be_focused()
    expect(page.get_by_test_id("money")).to_have_text("취소했고, 비용은 들지 않았어요.")

    # One that was being drawn may be charged, and its provider never says.
    stack.configure(replicate={**QUICK, "delay_seconds": 60})
    stage = show(page, stack, ppl(stack))
    expect(stage).to_have_text("그림을 그리는 중이에요")
    expect(page.get_by_test_id("cancel-cost")).to_have_text(re.compile(r"많으면 \$0\.08까지 청구될 수 있어요"))
    page.get_by_test_id("cancel").click()
    expect(page.get_by_test_id("money")).to_have_text(re.compile(r"많으면 \$0\.08까지 청구됐을 수 있어요"))

    # One that cannot be stopped is told of in the end, and its picture comes all the same.
    stack.configure(bfl={"delay_seconds": 600})
    stage = show(page, stack, str(stack.goods(CHARACTER).json()["id"]))
    expect(stage).to_have_text("그림을 그리는 중이에요")
    page.get_by_test_id("cancel").click()
    expect(page.get_by_test_id("money")).to_contain_text("정해지면 여기에 적어 드려요")
    stack.finish()
    expect(page.get_by_test_id("money")).to_have_text(re.compile(r"그림의 비용\(\$0\.08\)이 청구됐어요"))
    is_loaded(page.get_by_test_id("result-image"))


def test_a_refusal_says_what_to_change_in_either_language(page: Page, stack: Stack) -> None:
    stack.configure(replicate={"outcome": "moderated_input"})
    job_id = ppl(stack, prompt="거친 장면")
    stack.ended(job_id)
    show(page, stack, job_id)
    error, details = page.get_by_test_id("error"), page.get_by_test_id("error-details")
    expect(page.locator(".error-detail")).to_contain_text("장면을 더 부드럽게")
    expect(page.get_by_test_id("error-code")).to_be_hidden()
    expect(page.get_by_test_id("retry")).to_have_count(0)
    details.locator("summary").click()
    expect(page.get_by_test_id("error-code")).to_have_text("content_moderated")
    page.get_by_test_id("copy-details").click()
    expect(page.get_by_test_id("notice").last).to_contain_text("내용을 복사했어요")
    assert f"작업 번호: {job_id}" in page.evaluate("navigator.clipboard.readText()")
    page.get_by_test_id("language-toggle").click()
    expect(page.locator(".error-detail")).to_contain_text("Describe the scene more gently")
    expect(error).to_contain_text("safety check failed", ignore_case=True)
    page.get_by_test_id("edit-prompt").click()
    expect(page.get_by_test_id("prompt")).to_be_focused()

    # Every refusal that the server knows: no settings, codes or numbers, and helpers are named only where nothing else helps.
    for language in ("ko", "en"):
        problems = [Problem(code).to_document(language, request_id="r") for code in CATALOGUE]  # type: ignore[arg-type]
        told = page.evaluate(
            """async ({ problems, language }) => {
              const { sentenceOf, stepFor } = await import("/js/result/refusal.js");
              const { setLanguage } = await import("/js/words/words.js");
              setLanguage(language);
              return problems.map((problem) => [problem.code, sentenceOf(problem), stepFor(problem)]);
            }""",
            {"problems": problems, "language": language},
        )
        own = [each for each in told if each[0] not in NOT_OF_THE_PAGE]
        # A banner says that a new one can be sent all the same: of these a refusal is of this one job.
        down = [each[1] for each in own if each[0] in WITH_A_BANNER]
        assert len(down) == len(WITH_A_BANNER)
        assert [each for each in down if not re.search("이 작업은|this job", each)] == []
        assert [each for each in own if re.search(r"[A-Z]{3,}_|[a-z]+_[a-z]+|\b[45]\d\d\b", each[1])] == []
        assert [each for each in own if re.search("관리자|운영자|operator|administrator", each[1]) and each[2] != "copy"] == []
        assert [each for each in own if each[2] == "copy" and not re.search("운영자|operator", each[1])] == []


#: Above the form a banner tells of these too.
WITH_A_BANNER = {"intake_paused", "missing_api_key", "provider_auth_failed", "provider_quota_exhausted", "provider_unavailable"}
#: What no call of the page is answered with, or not where the panel shows it.
NOT_OF_THE_PAGE = {
    "not_found", "method_not_allowed", "job_already_finished", "result_not_ready", "not_ready", "translator_not_configured",
    "translator_unavailable", "webhooks_not_configured",
}  # fmt: skip


def test_what_is_refused_leaves_the_job_on_show(page: Page, stack: Stack) -> None:
    ended = ppl(stack)
    stack.ended(ended)
    show(page, stack, ended)
    refusal = {"status": 410, "code": "inputs_expired", "title": "t", "detail": "d", "retryable": False, "charged": "no"}
    page.route("**/jobs/*/retry", lambda route: route.fulfill(status=410, json=refusal), times=1)
    page.get_by_test_id("again-new").click()
    expect(page.get_by_test_id("error")).to_contain_text("이미 지워졌어요")
    expect(page.get_by_test_id("result-image")).to_be_visible()
    assert shown_job(page) == ended
    page.get_by_test_id("close-refusal").click()
    expect(page.get_by_test_id("error")).to_have_count(0)
    expect(page.get_by_test_id("stage")).to_be_focused()
    stack.configure(replicate={"delay_seconds": 60})

    # A request that has to wait gives way to the job that is being made, and is sent by itself.
    page.get_by_test_id("use-sample").first.click()
    expect(page.locator(".image-field .preview:visible")).to_have_count(2)
    page.get_by_test_id("prompt").fill("캔을 들고 웃는 장면")
    page.get_by_test_id("submit").click()
    expect(page.get_by_test_id("stage")).to_have_text("그림을 그리는 중이에요")
    running = shown_job(page)
    page.get_by_test_id("prompt").fill("다른 장면")
    page.get_by_test_id("submit").click()
    expect(page.get_by_test_id("notice").last).to_contain_text("하나가 끝나면 자동으로 보내요")
    expect(page.get_by_test_id("stage")).to_have_text("그림을 그리는 중이에요")
    assert shown_job(page) == running
    stack.configure(replicate=QUICK)
    page.get_by_test_id("cancel").click()
    expect(page.get_by_test_id("stage")).to_have_text("취소했어요")
    done = page.get_by_test_id("history-item").and_(page.locator("[data-status=succeeded]"))
    expect(done.filter(has_text="다른 장면")).to_have_count(1)


def test_on_a_phone_the_pictures_fill_the_sheet(browser: Browser, stack: Stack) -> None:
    context = new_context(browser, viewport={"width": 320, "height": 640}, locale="en-US", has_touch=True, color_scheme="dark")
    page = context.new_page()
    job_id = ppl(stack, n="2")
    stack.ended(job_id)
    show(page, stack, job_id)
    is_loaded(page.get_by_test_id("result-image").first)
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    page.get_by_test_id("open-viewer").first.tap()
    page.get_by_test_id("viewer-beside").tap()
    expect(page.get_by_test_id("viewer-image")).to_have_count(3)
    wide = page.get_by_test_id("viewer").evaluate("dialog => dialog.scrollWidth - dialog.clientWidth")
    assert wide <= 0
    page.get_by_test_id("viewer-close").tap()
    expect(page.get_by_test_id("viewer")).to_have_count(0)

    # It is a step of its own: the way back leads to the sheet, and the next one to the form.
    sheet = page.locator("#result-section.sheet-open")
    page.get_by_test_id("sheet-close").tap()
    page.evaluate("async (id) => (await import('/js/page/panel.js')).open(id)", job_id)
    page.get_by_test_id("open-viewer").first.tap()
    page.go_back()
    expect(page.get_by_test_id("viewer")).to_have_count(0)
    expect(sheet).to_have_count(1)
    expect(page.get_by_test_id("open-viewer").first).to_be_focused()
    page.go_back()
    expect(sheet).to_have_count(0)
    context.close()
