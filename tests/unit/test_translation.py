"""What is translated, and what a document says of it."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain import translation
from shared.domain.presets import PRESETS


@pytest.mark.parametrize(
    ("prompt", "is_korean"),
    [
        ("웃는 영웅", True), ("a hero", False), ("머그컵 with a hero", True), ("hero 입니다", True), ("ㅋㅋㅋ", True),
        ("ﾡ", True),
        ('a T-shirt that says "안녕"', False), ("a T-shirt that says “안녕”", False), ("a sign 「안녕」", False),
        ('"안녕"이라고 쓴 티셔츠', True), ('half a quote "안녕', True), ("ヒーロー", False),
        ("英雄", False), ("", False), ("123 🎨", False),
    ],
)  # fmt: skip
def test_a_prompt_is_korean_by_its_script_outside_of_what_it_quotes(prompt: str, is_korean: bool) -> None:
    assert translation.is_korean(prompt) is is_korean


@pytest.mark.parametrize(
    ("prompt", "language", "is_translated"),
    [
        ("웃는 영웅", None, True), ("웃는 영웅", "ko", True), ("웃는 영웅", "en", False),
        ("a hero", None, False), ("a hero", "en", False),
        ("a hero", "ko", True), ("", "ko", False), ("", None, False),
    ],
)  # fmt: skip
def test_a_language_that_is_named_decides(prompt: str, language: str | None, is_translated: bool) -> None:
    assert translation.is_to_be_translated(prompt, language) is is_translated


@pytest.mark.parametrize(("prompt", "source"), [("웃는 영웅", "ko"), ("K-pop hero 머그", "ko"), ("a hero", None)])
def test_what_has_hangul_is_told_to_be_korean(prompt: str, source: str | None) -> None:
    assert translation.source_of(prompt) == source


def test_a_job_that_needs_no_translation_has_nothing_of_it() -> None:
    assert translation.asked("a hero", None, is_configured=True) == {}
    assert translation.asked("", "ko", is_configured=False) == {}


def test_without_a_translator_the_job_says_so() -> None:
    asked = translation.asked("영웅", None, is_configured=False)

    assert [warning["code"] for warning in asked["warnings"]] == ["prompt_not_translated"]
    assert not translation.is_open(asked)


def job(preset: str | None = None, **changes: Any) -> dict[str, Any]:
    asked = {"prompt": "영웅", "prompt_sent": "as it was", "preset": preset}
    return {"input": asked, **translation.asked("영웅", None, is_configured=True), **changes}


def test_a_translation_follows_the_presets_template_which_is_not_translated() -> None:
    decided = translation.with_translation(job("mug"), "a hero")

    assert decided["input"] == {"prompt": "영웅", "prompt_sent": f"{PRESETS['mug'].prompt} a hero", "preset": "mug"}
    assert "warnings" not in decided


def test_each_picture_of_a_job_has_its_own_template_before_the_same_words() -> None:
    decided = translation.with_translation(job(), "a hero")

    assert translation.picture_prompt(decided, None) == "a hero"
    assert translation.picture_prompt(decided, "keyring") == f"{PRESETS['keyring'].prompt} a hero"
    assert translation.picture_prompt(job(), "keyring") == f"{PRESETS['keyring'].prompt} 영웅"


def test_what_is_not_translated_is_sent_as_it_was_written_and_the_job_says_so() -> None:
    decided = translation.without_translation(job(warnings=[{"code": "image_small"}]))

    assert decided["input"]["prompt_sent"] == "as it was"
    assert [warning["code"] for warning in decided["warnings"]] == ["image_small", "prompt_not_translated"]
    assert decided["warnings"][1]["field"] == "prompt"


@given(st.lists(st.sampled_from(["a hero", "another hero", None]), min_size=1, max_size=5))
def test_the_first_decision_stands_whatever_comes_later(decisions: list[str | None]) -> None:
    def decided(document: dict[str, Any], text: str | None) -> dict[str, Any]:
        return translation.without_translation(document) if text is None else translation.with_translation(document, text)

    first = document = decided(job(), decisions[0])
    for text in decisions[1:]:
        document = decided(document, text)

    assert document == first
    assert not translation.is_open(document)


@pytest.mark.parametrize("document", [{}, {"translated": None}])
def test_a_job_of_before_is_translated_by_nobody(document: dict[str, Any]) -> None:
    before = {"input": {"prompt": "영웅", "prompt_sent": "영웅"}, **document}

    assert not translation.is_open(before)
    assert translation.with_translation(before, "a hero") == translation.without_translation(before) == before
    assert translation.picture_prompt(before, None) == "영웅"
