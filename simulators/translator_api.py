"""Azure AI Translator 3.0, as far as an app asks it to translate
(https://learn.microsoft.com/azure/ai-services/translator/text-translation/reference/v3/translate).

What it says in English is no translation: some words of a prompt are known, all others are romanised. So it is the same each
time, tells what was asked, and has no Hangul.
"""

import asyncio
import re
from typing import Any

from aiohttp import web

from simulators.core import Core, json_body
from simulators.faults import play, refusal_json

#: In one request (https://learn.microsoft.com/azure/ai-services/translator/service-limits).
_MAX_TEXTS = 1000
_WORDS = {
    "영웅": "hero", "주인공": "hero", "캐릭터": "character", "고양이": "cat", "강아지": "puppy", "머그컵": "mug",
    "티셔츠": "T-shirt", "키링": "keyring", "스티커": "sticker", "포스터": "poster", "음료": "drink", "파란색": "blue",
    "빨간색": "red", "웃는": "smiling", "겨울": "winter", "여름": "summer", "배경": "background", "바다": "sea",
}  # fmt: skip
_KNOWN = re.compile("|".join(sorted(_WORDS, key=len, reverse=True)))
_SYLLABLE = re.compile("[가-힣]")
_HANGUL = re.compile("[\u1100-\u11ff\u3131-\u318e\uac00-\ud7a3]")
# Revised Romanization, letter by letter: how sounds change between syllables is left out.
_FIRST = re.split(" ", "g kk n d tt r m b pp s ss  j jj ch k t p h")
_VOWEL = re.split(" ", "a ae ya yae eo e yeo ye o wa wae oe yo u wo we wi yu eu ui i")
_LAST = re.split(" ", " k k k n n n t l k m l l l p l m p p t t ng t t k t p t")


class TranslatorApi:
    name = "translator"

    def __init__(self, core: Core) -> None:
        self._core = core

    async def translate(self, request: web.Request) -> web.StreamResponse:
        counts = self._core.counts[self.name]
        counts["requests"] += 1
        fault = self._core.fault(self.name, "translate", request, await request.text())
        if fault is None:
            return await self._answer(request)
        counts["faults"] += 1
        try:
            return await play(fault, request, self._answer, self.refuse, lambda: self.refuse(404, "Not found", {}))
        except ConnectionResetError:
            # The client gave up in the middle of a slow answer.
            return web.Response(status=499)

    def refuse(self, status: int, detail: str, extra: dict[str, Any]) -> web.Response:
        """In the service's own form: its codes begin with those of HTTP."""
        return refusal_json({"error": {"code": status * 1000, "message": detail}}, status)

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        config, counts = self._core.config.translator, self._core.counts[self.name]
        if refused := self._without_leave(request):
            return refused
        if request.query.get("api-version") != "3.0":
            return self._bad(21, "The API version parameter is missing or invalid.")
        if request.query.get("to") != "en":
            return self._bad(36, "The target language is not valid.")
        if request.query.get("from", "ko") not in ("ko", "en"):
            return self._bad(35, "The source language is not valid.")
        texts = await _texts(request)
        if texts is None:
            return self._bad(74, "The body of the request is not valid JSON.")
        characters = sum(len(text) for text in texts)
        if len(texts) > _MAX_TEXTS or characters > config.max_characters:
            return self._bad(77, "The maximum request size has been exceeded.")
        counts["texts"] += len(texts)
        counts["characters"] += characters
        await asyncio.sleep(config.delay_seconds)
        return web.json_response([self._translated(text, request.query.get("from")) for text in texts])

    def _without_leave(self, request: web.Request) -> web.Response | None:
        config, headers = self._core.config.translator, request.headers
        key, bearer = headers.get("Ocp-Apim-Subscription-Key", ""), headers.get("Authorization", "")
        is_known = bool(key) and (config.keys is None or key in config.keys)
        if not is_known and not (config.takes_tokens and bearer.startswith("Bearer ") and bearer != "Bearer "):
            return refusal_json({"error": {"code": 401000, "message": "The request is not authorized."}}, 401)
        if config.region is not None and headers.get("Ocp-Apim-Subscription-Region") != config.region:
            return refusal_json({"error": {"code": 401000, "message": "The request is not authorized."}}, 401)
        return None

    def _bad(self, code: int, message: str) -> web.Response:
        return refusal_json({"error": {"code": 400_000 + code, "message": message}}, 400)

    def _translated(self, text: str, source: str | None) -> dict[str, Any]:
        """What was detected is said only where nothing was told."""
        found = "ko" if _HANGUL.search(text) else "en"
        detected = {} if source else {"detectedLanguage": {"language": found, "score": 1.0}}
        return {**detected, "translations": [{"text": in_english(text), "to": "en"}]}


async def _texts(request: web.Request) -> list[str] | None:
    """None where the body is no list of texts."""
    body, readable = await json_body(request)
    if not readable or not isinstance(body, list) or not all(isinstance(item, dict) for item in body):
        return None
    texts = [item.get("Text", item.get("text")) for item in body]
    return texts if texts and all(isinstance(text, str) for text in texts) else None


def in_english(text: str) -> str:
    known = _KNOWN.sub(lambda found: f" {_WORDS[found[0]]} ", text)
    return re.sub(" {2,}", " ", _SYLLABLE.sub(lambda found: _romanised(found[0]), known)).strip()


def _romanised(syllable: str) -> str:
    """By the arithmetic of precomposed syllables (The Unicode Standard, 3.12)."""
    number = ord(syllable) - 0xAC00
    first, rest = divmod(number, len(_VOWEL) * len(_LAST))
    vowel, last = divmod(rest, len(_LAST))
    return _FIRST[first] + _VOWEL[vowel] + _LAST[last]
