"""POST translate."""

import gzip
import json
import re
import unicodedata
from typing import Any

import azure.functions as func
import pytest

from shared.translator import Translation
from tests.cases import PROMPTS
from tests.triggers.calls import (
    body,
    raw,
    request,
)
from triggers import translate


class Words:
    is_configured = True

    def to_english(self, text: str) -> Translation:
        return Translation(f"{text} in English", "ko")


async def translated(app: Any, sent: bytes, **headers: str) -> func.HttpResponse:
    app.__dict__["translator"] = Words()
    answers = [
        await raw(function)(req=request("POST", body=sent, headers=headers))
        for function in (translate.BY_KIND["ppl"], translate.BY_KIND["goods"])
    ]
    assert answers[0].get_body() == answers[1].get_body() or answers[0].status_code >= 400
    return answers[0]


async def test_a_prompt_is_translated(app: Any) -> None:
    answer = await translated(app, '{"prompt": " 영웅 "}'.encode())
    assert body(answer) == {"translated_text": "영웅 in English", "detected_language": "ko"}


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        (b"", "body is empty"), (b"[]", "not a JSON object"), (b'"a"', "not a JSON object"), (b"null", "not a JSON object"),
        (b"{", "It is not JSON"), (b"prompt=a", "It is not JSON"), (b'{"prompt":' + b"9" * 5000 + b"}", "It is not JSON"),
        (b'{"prompt":"' + "영웅".encode("cp949") + b'"}', "as UTF-8"), (b'{"prompt":"\xed\xa0\xbd"}', "as UTF-8"),
        ('{"prompt":"a"}'.encode("utf-16"), "as UTF-8"), (b"[" * 4000 + b"]" * 4000, "nested too deeply"),
        (b'{"a":' * 101 + b"1" + b"}" * 101, "nested too deeply"), (b"[" * 100_000 + b"]" * 100_000, "nested too deeply"),
        (b'{"prompt":' * 4000 + b"1" + b"}" * 4000, "nested too deeply"), (b'{"prompt":"' + b" " * 300_000 + b'"}', "too large"),
    ],
)  # fmt: skip
async def test_a_body_that_is_no_json_object_is_told_by_what_it_is(app: Any, sent: bytes, words: str) -> None:
    answer = await translated(app, sent, **{"Accept-Language": "en"})

    assert (answer.status_code, body(answer)["code"]) == (400, "invalid_request")
    assert words in body(answer)["detail"]
    korean = body(await translated(app, sent))
    assert re.search("[가-힣]", korean["detail"].removeprefix("요청을 읽을 수 없습니다."))


@pytest.mark.parametrize(
    ("headers", "words"),
    [({"Content-Encoding": "gzip"}, "compressed"), ({"Content-Encoding": "deflate, br"}, "compressed"),
     ({"Content-Type": "application/json; charset=klingon"}, "as UTF-8")],
)  # fmt: skip
async def test_a_body_that_cannot_be_read_is_told_why(app: Any, headers: dict[str, str], words: str) -> None:
    answer = await translated(app, gzip.compress(b'{"prompt":"a"}'), **headers, **{"Accept-Language": "en"})
    assert (answer.status_code, words in body(answer)["detail"]) == (400, True)


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "iso-2022-kr"])
async def test_json_in_an_encoding_that_nobody_named_is_asked_for_as_utf8(app: Any, encoding: str) -> None:
    answer = await translated(app, '{"prompt":"영웅 a"}'.encode(encoding), **{"Accept-Language": "en"})
    assert (answer.status_code, "as UTF-8" in body(answer)["detail"]) == (400, True)


async def test_a_chunked_body_is_told_of(app: Any) -> None:
    answer = await translated(app, b"", **{"Transfer-Encoding": "chunked", "Accept-Language": "en"})
    assert "Transfer-Encoding: chunked" in body(answer)["detail"]


@pytest.mark.parametrize(
    "sent",
    [
        '\ufeff{"prompt":"영웅"}'.encode(),
        b'{"prompt":"\\uc601\\uc6c5"}',
        unicodedata.normalize("NFD", '{"prompt":"영웅"}').encode(),
    ],
)
async def test_a_prompt_is_translated_in_composed_letters(app: Any, sent: bytes) -> None:
    assert body(await translated(app, sent))["translated_text"] == "영웅 in English"


async def test_json_may_be_nested_a_hundred_deep(app: Any) -> None:
    deep = b'{"prompt":"a","other":' + b"[" * 99 + b"1" + b"]" * 99 + b"}"
    assert (await translated(app, deep)).status_code == 200


async def test_json_that_names_its_charset_is_read_in_it(app: Any) -> None:
    headers = {"Content-Type": "application/json; charset=euc-kr"}
    assert body(await translated(app, '{"prompt":"영웅"}'.encode("cp949"), **headers))["translated_text"] == "영웅 in English"


@pytest.mark.parametrize(
    "sent",
    [b"{}", b'{"prompt": 3}', b'{"prompt": null}', b'{"prompt": "\\ud800"}', b'{"prompt": "\\ud83e a"}',
     *(json.dumps({"prompt": case["text"] * case.get("times", 1)}).encode()
       for case in PROMPTS if case["is_blank"] or case["is_damaged"] or case["count"] > 2000 or "is_misread" in case)],
)  # fmt: skip
async def test_what_is_no_prompt_is_not_translated(app: Any, sent: bytes) -> None:
    answer = await translated(app, sent)
    assert (answer.status_code, [error["field"] for error in body(answer)["errors"]]) == (422, ["prompt"])
