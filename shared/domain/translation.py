"""Whether a creator's words are translated before they are sent, and what a job's document says of it. Pure.

A job that is to be translated has `translated` in its document: open until the story has decided, once and for all. What is sent
follows from the document alone, so nothing that comes later can change it (decision 29).
"""

import re
from collections.abc import Mapping
from typing import Any, Literal

from shared.domain.generation import sent_prompt
from shared.domain.payloads import TranslationPlan
from shared.domain.warning import WarningData, warning

#: Azure AI Translator's name of it.
KOREAN = "ko"
#: Longer than any translation of a prompt: English takes two or three letters for a syllable.
TRANSLATION_MAX_CHARACTERS = 10_000
#: A character's example price in USD (https://azure.microsoft.com/pricing/details/translator/: 10 USD a million, standard tier).
USD_A_CHARACTER = 10 / 1_000_000
#: Two further tries, one and two seconds apart; one that begins this late is the last. A translator that refuses holds a picture
#: up for 5 seconds, one that is silent for 8.
PLAN: TranslationPlan = {"pauses_seconds": [1, 2], "last_after_seconds": 4}

Why = Literal["not_configured", "unavailable"]
_WHY: dict[Why, tuple[str, str]] = {
    "not_configured": ("이 서버에는 번역기가 설정되어 있지 않습니다.", "no translator is set up here."),
    "unavailable": ("번역기가 제때 응답하지 않았습니다.", "the translator gave no answer in time."),
}
#: Syllables, letters by themselves, old ones and those of half width (Unicode's script Hangul, Scripts.txt).
_HANGUL = re.compile("[\u1100-\u11ff\u3131-\u318e\ua960-\ua97c\uac00-\ud7a3\ud7b0-\ud7fb\uffa1-\uffdc]")
#: What is to be written on the picture: an English prompt that quotes Korean lettering is an English one.
_QUOTED = re.compile('"[^"]*"|“[^”]*”|‘[^’]*’|「[^」]*」|『[^』]*』|《[^》]*》')


def is_korean(text: str) -> bool:
    """By its script: whether there is any Hangul outside of quotation marks."""
    return _HANGUL.search(_QUOTED.sub(" ", text)) is not None


def is_to_be_translated(prompt: str, language: str | None) -> bool:
    """Whether a creator's own words, without a preset's, are to be sent in English: as `language` says, else by their script."""
    return bool(prompt) and (is_korean(prompt) if language is None else language == KOREAN)


def source_of(prompt: str) -> str | None:
    """What the translator is told of the prompt's language: names in Latin letters make it take a Korean one for another. None:
    it is to find out by itself."""
    return KOREAN if _HANGUL.search(prompt) else None


# ---- what a job's document says ----


def asked(prompt: str, language: str | None, *, is_configured: bool) -> dict[str, Any]:
    """What the document of a new job has besides; nothing where nothing is to be translated."""
    if not is_to_be_translated(prompt, language):
        return {}
    return {"translated": {"state": "open"}} if is_configured else {"warnings": [_not_translated("not_configured")]}


def is_open(document: Mapping[str, Any]) -> bool:
    """Whether it is still to be decided what is sent."""
    return (document.get("translated") or {}).get("state") == "open"


def with_translation(document: dict[str, Any], text: str) -> dict[str, Any]:
    """The document with `text` as what is sent of the creator's words. The first decision stands."""
    if not is_open(document):
        return document
    decided = document | {"translated": {"state": "yes", "text": text}}
    sent = picture_prompt(decided, document["input"].get("preset"))
    return decided | {"input": {**document["input"], "prompt_sent": sent}}


def without_translation(document: dict[str, Any]) -> dict[str, Any]:
    """The document of a job whose words are sent as they were written, and says so. The first decision stands."""
    if not is_open(document):
        return document
    warnings = [*document.get("warnings", ()), _not_translated("unavailable")]
    return document | {"translated": {"state": "no"}, "warnings": warnings}


def translated(document: Mapping[str, Any]) -> str | None:
    """What the translator made of the creator's words; None where they are sent as they were written, or that is not decided."""
    return (document.get("translated") or {}).get("text")


def picture_prompt(document: Mapping[str, Any], preset: str | None) -> str:
    """What is sent for a picture of a job that is made with this preset, once that is decided."""
    words: str = translated(document) or document["input"]["prompt"]
    return sent_prompt(preset, words)


def _not_translated(why: Why) -> WarningData:
    ko, en = _WHY[why]
    return warning("prompt_not_translated", "prompt", why_ko=ko, why_en=en)
