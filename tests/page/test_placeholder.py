"""The tile that stands for a picture until it is there."""

import pytest
from playwright.sync_api import Browser
from stub_backend import WEB

from tests.browser import new_context

pytestmark = pytest.mark.browser

WORDS = "그림 서비스가 응답하지 않았어요"
TILE = """<style>{css}</style><div style="--ratio: 2.33; --high: 420px; width: 155px">
<div class="placeholder{more}"><svg class="icon"></svg><p class="placeholder-words">{words}</p></div></div>"""
IS_CUT = "tile => tile.scrollHeight > tile.clientHeight"


@pytest.mark.parametrize("more", ["", " still"])
def test_a_tile_of_a_wide_picture_on_a_phone_is_as_high_as_its_words(browser: Browser, more: str) -> None:
    css = "".join((WEB / f"css/{name}.css").read_text() for name in ("base", "result"))
    page = new_context(browser, viewport={"width": 320, "height": 640}).new_page()
    page.set_content(TILE.format(css=css, more=more, words=WORDS))
    is_cut = page.locator(".placeholder").evaluate(IS_CUT)
    page.context.close()
    assert not is_cut
