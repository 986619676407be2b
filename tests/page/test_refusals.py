"""What the server refuses or warns of, in its own words, stands beside the field that it is about."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from stub_backend import StubBackend
from test_page import submit_sample

from shared.domain.image_kind import OTHER_FILES
from shared.domain.problem import UNUSABLE, Problem, invalid_fields, unsupported, unusable
from shared.domain.warning import CATALOGUE, warning, worded
from shared.pictures.limits import too_large

pytestmark = pytest.mark.browser

OpenPage = Callable[..., Page]
LOCALES = {"ko": "ko-KR", "en": "en-US"}
FIELD = "input_image_2"
ABOUT_PICTURES = [
    *(unusable(why, width=690, height=10_000, side=71, needed=256) for why in UNUSABLE if why),
    *(unsupported(found) for found in OTHER_FILES if found),
    too_large(5 * 1024 * 1024),
    too_large(5 * 1024 * 1024, 8_000_000, "image/heic"),
]
TEXTS = invalid_fields(
    *(
        (name, f"{name}을(를) 고쳐 주세요.", f"Mend {name}.")
        for name in ("prompt", "aspect_ratio", "n", "output_format", "safety_tolerance", "seed", "input_image_1", "metadata")
    )
)
PARAMS = {"width": 60, "height": 90, "side": 300, "frame": 2, "ground_ko": "회색", "ground_en": "grey"}


class Refusal:
    """A problem as the server words it."""

    def __init__(self, problem: Problem) -> None:
        self._problem = problem
        self.status, self.code = problem.status, problem.code

    def body(self, language: Any) -> dict[str, Any]:
        return self._problem.to_document(language, request_id="req_stub_1")


def told(problem: Problem, language: Any) -> dict[str, str]:
    return {error["field"]: error["message"] for error in problem.to_document(language)["errors"]}


@pytest.mark.parametrize("language", LOCALES)
def test_whatever_is_wrong_with_a_picture_stands_beside_it(
    open_page: OpenPage, backend: StubBackend, complaints: list[str], language: str
) -> None:
    page = open_page(locale=LOCALES[language])
    problems = [problem.about(FIELD) for problem in ABOUT_PICTURES]
    backend.refusals = [Refusal(problem) for problem in problems]  # type: ignore[misc]
    submit_sample(page)
    for number, problem in enumerate(problems):
        if number:
            page.get_by_test_id("submit").click()
        expect(page.get_by_test_id(f"field-error-{FIELD}")).to_have_text(told(problem, language)[FIELD])
        expect(page.get_by_test_id("field-error-input_image_1")).to_be_hidden()
        expect(page.get_by_test_id("error-code")).to_have_text(problem.code)
        expect(page.get_by_test_id(f"file-{FIELD}")).to_be_focused()
    assert len(backend.submissions) == len(problems)
    complaints.clear()


@pytest.mark.parametrize("language", LOCALES)
def test_each_field_has_its_own_words(open_page: OpenPage, backend: StubBackend, complaints: list[str], language: str) -> None:
    page = open_page(locale=LOCALES[language])
    backend.refusals = [Refusal(TEXTS)]  # type: ignore[list-item]
    submit_sample(page)
    words = told(TEXTS, language)
    # What the form has no field for is told in the panel.
    expect(page.get_by_test_id("error")).to_contain_text(words.pop("metadata"))

    for name, message in words.items():
        expect(page.get_by_test_id(f"field-error-{name}")).to_have_text(message)
    complaints.clear()


def test_a_job_that_fails_over_its_picture_says_so_beside_it_in_the_language_that_is_on(page: Page, backend: StubBackend) -> None:
    problem = unusable("one_colour").about(FIELD).at("validating")
    backend.job_problem = Refusal(problem)  # type: ignore[assignment]
    submit_sample(page)
    error = page.get_by_test_id(f"field-error-{FIELD}")
    expect(error).to_have_text(told(problem, "ko")[FIELD])
    # In the panel it is said once, and of what.
    expect(page.locator(".error-detail")).to_have_text(f"제품 이미지: {told(problem, 'ko')[FIELD]}")
    expect(page.get_by_test_id("error").get_by_role("listitem")).to_have_count(0)
    page.get_by_test_id("language-toggle").click()

    expect(error).to_have_text(told(problem, "en")[FIELD])


def test_a_picture_of_a_job_that_is_there_no_more_is_told_without_ids_in_either_language(
    page: Page, backend: StubBackend, complaints: list[str]
) -> None:
    unknown = invalid_fields((FIELD, "내 작업에 그런 그림이 없습니다. job:<번호>/<번호>.", "Check job:<id>/<index>."))
    poor = unusable("one_colour").about("input_image_1")
    backend.refusals = [Refusal(unknown), Refusal(poor)]  # type: ignore[list-item]
    submit_picture = """async (name) => {
      const form = (await import('/js/page/kinds.js')).openForm();
      form.usePicture(name, { jobId: "job_1", index: 0, url: "/samples/product-can.jpg" });
    }"""
    page.get_by_test_id("use-sample").first.click()
    expect(page.locator(".image-field .preview:visible")).to_have_count(2)
    page.evaluate(submit_picture, FIELD)
    expect(page.locator(".image-note").last).to_contain_text("여기서 만든 그림")
    page.get_by_test_id("submit").click()
    error = page.get_by_test_id(f"field-error-{FIELD}")
    expect(error).to_have_text("이 그림은 보관 기간이 지났거나 지워졌어요. 다른 이미지를 넣어 주세요.")
    expect(page.locator(".image-note").last).to_have_text("")
    expect(page.locator(".error-detail")).to_have_text(re.compile("표시된 항목을 고쳐서"))
    page.get_by_test_id("language-toggle").click()
    expect(error).to_contain_text("Please add another image.")
    page.get_by_test_id("language-toggle").click()

    # What the server says of an image is kept with its language, and said by its code in the other one.
    page.get_by_test_id("use-sample").first.click()
    expect(page.locator(".image-field .preview:visible")).to_have_count(2)
    page.get_by_test_id("submit").click()
    error = page.get_by_test_id("field-error-input_image_1")
    expect(error).to_have_text(told(poor, "ko")["input_image_1"])
    page.get_by_test_id("language-toggle").click()
    expect(error).to_contain_text("No picture can be made from this image")
    page.get_by_test_id("language-toggle").click()
    expect(error).to_have_text(told(poor, "ko")["input_image_1"])
    complaints.clear()


def test_what_the_page_itself_found_is_told_again_in_the_other_language(page: Page, backend: StubBackend) -> None:
    page.get_by_test_id("submit").click()
    expect(page.get_by_test_id("field-error-prompt")).to_have_text("어떤 그림을 원하는지 적어 주세요.")
    page.get_by_test_id("language-toggle").click()

    expect(page.get_by_test_id("field-error-input_image_1")).to_have_text("Please add an image.")
    expect(page.get_by_test_id("field-error-prompt")).to_contain_text("Please")
    expect(page.get_by_test_id("field-error-seed")).to_be_hidden()


@pytest.mark.parametrize("language", LOCALES)
def test_every_warning_names_its_field(open_page: OpenPage, backend: StubBackend, language: Any) -> None:
    page = open_page(locale=LOCALES[language])
    given = [warning(code, FIELD, **PARAMS) for code in CATALOGUE]
    backend.warnings = [
        {**worded(each, "ko"), "detail": {name: worded(each, name)["detail"] for name in LOCALES}}  # type: ignore[arg-type]
        for each in given
    ]
    submit_sample(page)
    name = {"ko": "제품 이미지", "en": "Product image"}[language]

    expect(page.get_by_test_id("warnings").get_by_role("listitem")).to_have_text(
        [f"{name}: {worded(each, language)['detail']}" for each in given]
    )
