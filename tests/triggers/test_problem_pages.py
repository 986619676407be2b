"""The pages that the `type` of a problem leads to."""

import re
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlsplit

import pytest

from shared.domain.problem import CATALOGUE, FIELD_CODES, without_values
from tests.triggers.calls import FakeHub, body, get, raw, request
from triggers import problem_pages
from triggers.no_route import no_route


async def page(code: str) -> Any:
    return await raw(problem_pages.problem_page)(req=request(route={"code": code}))


class Texts(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.text, self.ids, self.open = "", [], 0

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.open += tag not in ("meta", "html", "body")
        self.ids += [value for name, value in attrs if name == "id"]

    def handle_endtag(self, tag: str) -> None:
        self.open -= tag not in ("html", "body")

    def handle_data(self, data: str) -> None:
        self.text += data


def read(answer: Any) -> Texts:
    assert (answer.status_code, answer.mimetype, answer.charset) == (200, "text/html", "utf-8")
    assert "script" not in answer.get_body().decode()
    texts = Texts()
    texts.feed(answer.get_body().decode())
    assert texts.open == 0
    return texts


@pytest.mark.parametrize("code", sorted(CATALOGUE))
async def test_each_code_has_a_page_in_both_languages(app: Any, code: str) -> None:
    told, kind = read(await page(code)), CATALOGUE[code]
    for words in (code, str(kind.status), kind.title_ko, kind.title_en):
        assert words in told.text
    for sentence in (kind.detail_ko, kind.detail_en):
        assert without_values(sentence) in told.text
    assert not re.search(r"\{\w+\}", told.text)


async def test_one_page_has_them_all_and_the_codes_of_fields(app: Any) -> None:
    told = read(await raw(problem_pages.problem_catalogue)(req=request()))
    assert sorted(told.ids) == sorted(CATALOGUE)
    for code, sentences in FIELD_CODES.items():
        assert code in told.text
        assert all(sentence in told.text for sentence in sentences)


@pytest.mark.parametrize("code", ["", "no_such", "<script>", "\ud800", "BUSY"])
async def test_of_no_other_code_there_is_one(app: Any, code: str) -> None:
    answer = await page(code)
    assert (answer.status_code, body(answer)["code"]) == (404, "not_found")


async def test_a_type_is_an_address_of_this_server_that_answers(app: Any, hub: FakeHub) -> None:
    """Also that of a host that stands before it (PUBLIC_BASE_URL)."""
    for base in ("https://app.example", "https://front.example"):
        if "front" in base:
            app.settings = app.settings.__class__.from_environ({"PUBLIC_BASE_URL": base})
        kind = body(await get(hub, "job_x"))["type"]
        assert kind == f"{base}/api/problems/job_not_found"
    assert read(await page(urlsplit(kind).path.removeprefix("/api/problems/")))


async def test_they_take_no_other_method(app: Any) -> None:
    answer = await raw(no_route)(req=request("POST", "/api/problems/busy", route={"rest": "problems/busy"}))
    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET, HEAD, OPTIONS")
