"""`python -m bench.screenshots [FOLDER]`: the pictures of the page in docs/images, from the whole app on this machine.

Each is what a screen shows, not the whole length of the page. What a picture shows is a line of `SHOTS`.
"""

import io
import re
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.browser import ARGUMENTS, new_context, path_of_chromium, wait_until
from tests.stack import Stack

ROOT = Path(__file__).parents[1]
CHARACTER, PRODUCT = ((ROOT / f"web/samples/{name}.jpg").read_bytes() for name in ("character-haneul", "product-can"))
SIZES = {"desktop": {"width": 1440, "height": 900}, "phone": {"width": 390, "height": 844}}
LOCALES = {"ko": "ko-KR", "en": "en-US"}
TOKEN = {"X-Owner-Token": "d" * 43}
PROMPT = {
    "ko": "편의점 앞에서 캐릭터가 복숭아톡 캔을 들고 환하게 웃는 여름 광고 컷",
    "en": "A summer ad: the character holds up a can in front of a convenience store and smiles",
}
SECONDS = {"delay_seconds": 1, "start_seconds": 0.1}
SAID_OF_DOWN = re.compile("다시 보내지 않아도|do not have to send it again")
DOWN = [{"on": "create", "kind": "status", "status": 503}]


DRAWN = """async () => {
  const images = [...document.images].filter((image) => image.checkVisibility() && image.loading !== "lazy");
  await Promise.all(images.map((image) => image.decode().catch(() => {})));
}"""


@dataclass(frozen=True)
class Shot:
    """What is shown, of which job: one of `make_jobs`, or none for the page as a newcomer finds it."""

    name: str
    job: str | None
    size: str
    language: str
    colours: str = "light"


SHOTS = [
    # The README's.
    Shot("page", "ppl", "desktop", "ko"),
    Shot("goods", "goods", "desktop", "ko"),
    Shot("first-visit-phone", None, "phone", "ko"),
    Shot("ppl-desktop-dark", "ppl", "desktop", "en", "dark"),
    Shot("ppl-phone", "ppl", "phone", "ko"),
    Shot("ppl-phone-dark", "ppl", "phone", "en", "dark"),
    Shot("goods-desktop-dark", "goods", "desktop", "en", "dark"),
    Shot("goods-phone", "goods", "phone", "en"),
    Shot("goods-phone-dark", "goods", "phone", "ko", "dark"),
    Shot("partial-desktop", "partial", "desktop", "ko"),
    Shot("partial-phone-dark", "partial", "phone", "en", "dark"),
    Shot("provider-down-desktop-dark", "down", "desktop", "ko", "dark"),
    Shot("provider-down-phone", "down", "phone", "en"),
]


def main() -> int:
    expect.set_options(timeout=30_000)
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs/images"
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as place, Stack(Path(place)) as stack, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path_of_chromium(), args=ARGUMENTS)
        for language in LOCALES:
            jobs = make_jobs(stack, language)
            for shot in SHOTS:
                if shot.language == language:
                    file = folder / f"{shot.name}.png"
                    file.write_bytes(smaller(taken(browser, stack, shot, jobs)))
                    print(f"{file}  {file.stat().st_size / 1024:.0f} KB")
            forget(stack, jobs)
        browser.close()
    return 0


def make_jobs(stack: Stack, language: str) -> dict[str, str]:
    """Ids by name. The last one is left waiting for a provider that takes nothing."""
    stack.reset()
    stack.configure(replicate=SECONDS, bfl=SECONDS)
    prompt = PROMPT[language]
    headers = {**TOKEN, "Accept-Language": language}
    ended: dict[str, Callable[[], requests.Response]] = {
        "goods": lambda: stack.post("goods-gen/sheet", {"input_image": CHARACTER}, headers, presets="tshirt,mug,keyring,sticker"),
        "ppl": lambda: stack.ppl(CHARACTER, PRODUCT, headers, prompt=prompt, aspect_ratio="4:5", seed="4207"),
        "partial": lambda: stack.ppl(CHARACTER, PRODUCT, headers, prompt=prompt, aspect_ratio="1:1", n="4"),
    }
    jobs = {}
    for name, make in ended.items():
        if name == "partial":
            stack.configure(replicate={"outcome_sequence": ["succeed", "succeed", "succeed", "moderated_output"]})
        jobs[name] = id_of(make())
        reached(stack, jobs[name], lambda job: bool(job["completed_at"]))
    stack.configure(replicate={"outcome_sequence": [], "faults": DOWN})
    jobs["down"] = id_of(stack.ppl(CHARACTER, PRODUCT, headers, prompt=prompt))
    reached(stack, jobs["down"], lambda job: job["stage"] in ("waiting", "submitting"))
    return jobs


def forget(stack: Stack, jobs: dict[str, str]) -> None:
    """The next language begins with an empty history."""
    stack.reset()
    requests.post(f"{stack.url}/api/jobs/{jobs['down']}/cancel", headers=TOKEN, timeout=30)
    reached(stack, jobs["down"], lambda job: bool(job["completed_at"]))
    for job in jobs.values():
        requests.delete(f"{stack.url}/api/jobs/{job}", headers=TOKEN, timeout=30)


def id_of(answer: requests.Response) -> str:
    answer.raise_for_status()
    return str(answer.json()["id"])


def reached(stack: Stack, job: str, is_there: Any) -> None:
    ends = time.monotonic() + 120
    while not is_there(requests.get(f"{stack.url}/api/jobs/{job}", headers=TOKEN, timeout=30).json()):
        if time.monotonic() > ends:
            raise TimeoutError(job)
        time.sleep(0.2)


def taken(browser: Browser, stack: Stack, shot: Shot, jobs: dict[str, str]) -> bytes:
    context = new_context(
        browser,
        viewport=SIZES[shot.size],
        locale=LOCALES[shot.language],
        color_scheme="dark" if shot.colours == "dark" else "light",
    )
    if shot.job:
        context.add_init_script(f"localStorage.setItem('toonconnect.owner', '{TOKEN['X-Owner-Token']}')")
    page = context.new_page()
    page.goto(f"{stack.url}/?job={jobs[shot.job]}" if shot.job else stack.url)
    expect(page.get_by_test_id("submit")).to_be_attached()
    if shot.size == "desktop":
        fill_form(page, "goods" if shot.job == "goods" else "ppl")
    if shot.job:
        shows(page, shot.job)
    page.evaluate(DRAWN)
    page.evaluate("() => { scrollTo(0, 0); document.activeElement?.blur(); }")
    picture = page.screenshot()
    context.close()
    return picture


def fill_form(page: Page, kind: str) -> None:
    """As somebody would have done who has just sent it."""
    page.get_by_test_id(f"tab-{kind}").click()
    page.get_by_test_id("use-sample").first.click()
    expect(page.locator(".image-field .preview:visible")).to_have_count({"ppl": 2, "goods": 1}[kind])


def shows(page: Page, job: str) -> None:
    if job == "down":
        # It says so after a while.
        expect(page.locator("#result [data-testid=waiting-hint]")).to_contain_text(SAID_OF_DOWN)
        return
    pictures = page.get_by_test_id("result-image")
    expect(pictures).to_have_count({"ppl": 1, "goods": 4, "partial": 3}[job])
    wait_until(page, "images => images.every((image) => image.naturalWidth > 0)", pictures.element_handles())


def smaller(picture: bytes) -> bytes:
    """256 colours do for a page, and take a third."""
    file = io.BytesIO()
    few = Image.open(io.BytesIO(picture)).convert("RGB").quantize(256, kmeans=2, dither=Image.Dither.NONE)
    few.save(file, "PNG", optimize=True)
    return file.getvalue()


if __name__ == "__main__":
    sys.exit(main())
