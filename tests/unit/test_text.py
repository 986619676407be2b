"""What a creator wrote: composed, counted, and whether anything of it can be seen. The page's tests read the same cases."""

import unicodedata
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shared.domain.generation import PROMPT_MAX_CHARACTERS
from shared.domain.text import TooLong, composed, is_blank, is_damaged, is_misread
from tests.cases import PROMPTS as CASES
from tests.pace import at_most

every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case["what"])


@every_case
def test_a_text_is_sent_counted_and_seen_as_its_case_says(case: dict[str, Any]) -> None:
    text, sent = (case[name] * case.get("times", 1) for name in ("text", "sent"))
    if case["count"] > PROMPT_MAX_CHARACTERS:
        with pytest.raises(TooLong):
            composed(text, PROMPT_MAX_CHARACTERS)
        return
    taken = composed(text, PROMPT_MAX_CHARACTERS)

    assert (taken, len(taken)) == (sent, case["count"])
    assert (is_blank(taken), is_damaged(taken)) == (case["is_blank"], case["is_damaged"])
    assert (is_misread(text), is_misread(taken)) == (case.get("is_misread", False), False)


def test_the_cases_have_both_sides_of_each_rule() -> None:
    assert {case["is_blank"] for case in CASES} == {case["is_damaged"] for case in CASES} == {True, False}
    assert {case["count"] > PROMPT_MAX_CHARACTERS for case in CASES} == {True, False}


@given(st.text())
@example("0\r\n0")
@example("0\r\x000\n\r")
def test_composing_twice_is_composing_once_and_spelling_is_no_matter(text: str) -> None:
    once = composed(text, 10_000)

    assert composed(once, 10_000) == once == unicodedata.normalize("NFC", once)
    assert composed(unicodedata.normalize("NFD", text), 10_000) == once
    # As browsers send it; one that has CR LF already would get two line ends of each.
    assert composed(f" {once.replace(chr(10), chr(13) + chr(10))}\n", 10_000) == once


def test_half_a_character_is_damage() -> None:
    """JSON can spell it, no form can."""
    assert is_damaged("a\ud83e")
    assert not is_damaged("a🦸")


def test_a_run_of_marks_takes_no_time_to_be_refused() -> None:
    """To sort them takes the square of their number: 200,000 of them a minute."""
    with at_most(0.5):
        with pytest.raises(TooLong):
            composed("a" + "\u0345\u0334" * 1_000_000, PROMPT_MAX_CHARACTERS)
        with pytest.raises(TooLong):
            composed("a" + "\u0345" * 4000 + "\u0334" * 3999, PROMPT_MAX_CHARACTERS)


def test_spaces_around_a_text_do_not_count_however_many_there_are() -> None:
    assert composed(" " * 50_000 + "a" + "\n" * 50_000, 10) == "a"
