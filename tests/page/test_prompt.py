"""A prompt is counted as the server counts it, and nothing of it is cut off without a word."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from stub_backend import StubBackend
from test_page import use_sample

pytestmark = pytest.mark.browser

#: What the server makes of a text (tests of shared/domain/text.py read the same file); `times`: the text so often. It refuses
#: what is `is_misread` as it stands, and takes what the page makes of it: what is pasted here was read by the clipboard.
PROMPTS: list[dict[str, Any]] = json.loads((Path(__file__).parents[1] / "cases" / "prompts.json").read_text())

READ = """async (texts) => {
  const { cleanPrompt, countCharacters, isBlank, isDamaged } = await import("/js/form/text.js");
  return texts.map((text) => [cleanPrompt(text), countCharacters(text), isBlank(text), isDamaged(text)]);
}"""


def test_a_prompt_is_what_the_server_makes_of_it(page: Page) -> None:
    found = page.evaluate(READ, [row["text"] * row.get("times", 1) for row in PROMPTS])

    wrong = {}
    for row, (sent, count, is_blank, is_damaged) in zip(PROMPTS, found, strict=True):
        expected = (row["sent"] * row.get("times", 1), row["count"], row["is_blank"], row["is_damaged"])
        if (sent, count, is_blank, is_damaged) != expected:
            wrong[row["what"]] = (sent[:80], count, is_blank, is_damaged)
    assert wrong == {}


def paste(page: Page, text: str) -> None:
    """Puts text into the prompt the way the keyboard does, where a field's maxlength counts."""
    page.get_by_test_id("prompt").focus()
    page.keyboard.insert_text(text)


def test_a_long_paste_stays_whole_and_is_refused_with_how_many_are_too_many(page: Page, backend: StubBackend) -> None:
    use_sample(page)
    page.get_by_test_id("prompt").fill("")
    paste(page, "가" * 2013)

    expect(page.get_by_test_id("prompt")).to_have_value("가" * 2013)
    expect(page.get_by_test_id("prompt-count")).to_have_text("2013 / 2000자 · 13자 넘침")
    expect(page.get_by_test_id("prompt-over")).to_contain_text("적은 글은 그대로 두었으니")
    page.get_by_test_id("submit").click()
    expect(page.get_by_test_id("field-error-prompt")).to_have_text("2000자까지 쓸 수 있어요. 13자를 줄여 주세요.")
    expect(page.get_by_test_id("prompt")).to_be_focused()
    page.get_by_test_id("language-toggle").click()
    expect(page.get_by_test_id("prompt-count")).to_have_text("2013 / 2000 · 13 too many")
    expect(page.get_by_test_id("translate")).to_be_hidden()
    words = "You can write up to 2000 characters. Please shorten it by 13."
    expect(page.get_by_test_id("field-error-prompt")).to_have_text(words)
    assert backend.submissions == []


@pytest.mark.parametrize("text", ["\U0001f469" * 2000, "\u1112\u1175\u11c2" * 2000, "  " + "가" * 2000 + "\n\n"])
def test_two_thousand_characters_are_two_thousand_however_they_are_spelt(page: Page, backend: StubBackend, text: str) -> None:
    use_sample(page)
    page.get_by_test_id("prompt").fill("")
    paste(page, text)
    expect(page.get_by_test_id("prompt-count")).to_have_text("2000 / 2000자")
    expect(page.get_by_test_id("prompt-over")).to_be_empty()
    page.get_by_test_id("submit").click()

    expect(page.get_by_test_id("result-image")).to_be_visible()
    assert len(backend.submissions[0].fields["prompt"]) == 2000


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("\u3164\u200b ", "보이는 글자가 하나도 없어요. 어떤 그림을 원하는지 적어 주세요."),
        (" \n", "어떤 그림을 원하는지 적어 주세요."),
        ("머그컵 \ufffd\ufffd", "깨진 글자(�)가 있어요. 지우거나 다시 적어 주세요."),
    ],
)
def test_a_prompt_that_the_server_would_refuse_is_not_sent(page: Page, backend: StubBackend, text: str, words: str) -> None:
    use_sample(page)
    page.get_by_test_id("prompt").fill(text)
    page.get_by_test_id("submit").click()

    expect(page.get_by_test_id("field-error-prompt")).to_have_text(words)
    assert backend.submissions == []


def test_with_a_preset_a_prompt_of_nothing_visible_is_left_out(page: Page, backend: StubBackend) -> None:
    page.get_by_test_id("tab-goods").click()
    use_sample(page)
    page.get_by_test_id("preset").get_by_text("머그컵").click()
    page.get_by_test_id("prompt").fill("\u3164")
    page.get_by_test_id("submit").click()

    expect(page.get_by_test_id("result-image")).to_be_visible()
    assert "prompt" not in backend.submissions[0].fields
