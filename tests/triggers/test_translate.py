"""POST translate."""

from typing import Any

import azure.functions as func
import pytest

from shared.translator import Translation
from tests.triggers.calls import (
    body,
    raw,
    request,
)
from triggers import translate


class Words:
    def to_english(self, text: str) -> Translation:
        return Translation(f"{text} in English", "ko")


async def translated(app: Any, sent: bytes) -> func.HttpResponse:
    app.__dict__["translator"] = Words()
    answers = [
        await raw(function)(req=request("POST", body=sent)) for function in (translate.BY_KIND["ppl"], translate.BY_KIND["goods"])
    ]
    assert answers[0].get_body() == answers[1].get_body() or answers[0].status_code >= 400
    return answers[0]


async def test_a_prompt_is_translated(app: Any) -> None:
    answer = await translated(app, '{"prompt": " 영웅 "}'.encode())
    assert body(answer) == {"translated_text": "영웅 in English", "detected_language": "ko"}


@pytest.mark.parametrize(
    ("sent", "code"),
    [(b"", "invalid_request"), (b"[]", "invalid_request"), (b"{}", "validation_failed"),
     (b'{"prompt": " "}', "validation_failed"), (b'{"prompt": 3}', "validation_failed"),
     (b'{"prompt": "' + b"x" * 2001 + b'"}', "validation_failed")],
)  # fmt: skip
async def test_what_is_no_prompt_is_not_translated(app: Any, sent: bytes, code: str) -> None:
    assert body(await translated(app, sent))["code"] == code
