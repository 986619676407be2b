"""Every failure a user can meet, in both languages."""

import json
import re
from datetime import UTC, datetime

import pytest

from shared.domain.image_kind import OTHER_FILES
from shared.domain.problem import (
    CATALOGUE,
    UNUSABLE,
    Problem,
    canceled_result,
    invalid_fields,
    moderated,
    timed_out,
    unreadable,
    unsupported,
    unusable,
)
from shared.domain.quota import Standing, too_many_at_once, used_up
from shared.pictures.limits import too_large
from shared.providers.registry import PROVIDERS

STATUSES = {
    "invalid_request": 400, "image_too_large": 413, "unsupported_image": 415, "image_unusable": 422,
    "unauthorized": 401, "forbidden": 403,
    "job_not_found": 404, "result_expired": 410, "job_deleted": 410, "result_not_ready": 409, "job_already_finished": 409,
    "idempotency_in_progress": 409, "validation_failed": 422, "idempotency_key_reused": 422, "content_moderated": 422,
    "too_many_active_jobs": 429, "quota_exceeded": 429, "missing_api_key": 503, "provider_unavailable": 503,
    "provider_auth_failed": 503, "provider_quota_exhausted": 503, "provider_bad_response": 502, "generation_timeout": 504,
    "intake_paused": 503, "busy": 503, "translator_not_configured": 501, "translator_unavailable": 503, "internal": 500,
    "not_found": 404, "method_not_allowed": 405, "job_not_finished": 409, "inputs_expired": 410,
    "webhooks_not_configured": 501,
    "not_ready": 503,
}  # fmt: skip

HANGUL = re.compile("[가-힣]")

#: Problems as the app builds them, one or more for each code.
BUILT = [
    *(Problem(code) for code in STATUSES if "{" not in CATALOGUE[code].detail_ko),
    Problem("invalid_request"),
    Problem("result_not_ready"),
    canceled_result("no"),
    Problem("method_not_allowed", params={"methods": "POST"}),
    Problem("webhooks_not_configured", params={"setting": "WEBHOOK_SIGNING_KEY"}),
    Problem("not_ready", params={"checks": "storage"}),
    unreadable("본문이 없습니다.", "There is no body."),
    too_large(5_242_880),
    invalid_fields(("seed", "정수여야 합니다.", "Must be a whole number."), ("prompt", "입력해 주세요.", "Write one.")),
    *(moderated(g.label, stage, "unknown") for g in PROVIDERS for stage in ("input", "output", "")),
    *(g.missing_key() for g in PROVIDERS),
    *(
        Problem(code, params={"provider": g.label})
        for g in PROVIDERS
        for code in (
            "provider_unavailable",
            "provider_auth_failed",
            "provider_quota_exhausted",
            "provider_bad_response",
            "intake_paused",
        )
    ),
    *(unsupported(found) for found in OTHER_FILES),
    *(unusable(why, width=690, height=10000, side=71, needed=256) for why in UNUSABLE),
    too_large(5_242_880, 22_000_000, "image/webp"),
    timed_out(120, "unknown"),
    timed_out(90, "no"),
    *(
        used_up(Standing(policy, scope, 1, 0), datetime(2026, 6, 1, 15, tzinfo=UTC)).problem
        for policy in ("jobs-a-day", "translations-a-day", "dollars-a-day", "dollars-a-month")
        for scope in ("own", "all")
    ),
    too_many_at_once(Standing("jobs-at-once", "all", 1, 0)).problem,
]

every_code = pytest.mark.parametrize("code", sorted(CATALOGUE))
every_problem = pytest.mark.parametrize("problem", BUILT, ids=lambda p: p.code)


def test_the_codes_and_their_statuses_are_the_contracts() -> None:
    assert {code: kind.status for code, kind in CATALOGUE.items()} == STATUSES


def test_the_app_can_build_every_code() -> None:
    assert {problem.code for problem in BUILT} == set(STATUSES)


@every_code
def test_every_code_speaks_korean_and_english(code: str) -> None:
    kind = CATALOGUE[code]
    assert HANGUL.search(kind.title_ko) or kind.title_ko.startswith("Idempotency-Key")
    assert HANGUL.search(kind.detail_ko)
    for english in (kind.title_en, kind.detail_en):
        assert english.strip()
        assert not HANGUL.search(english)


@every_problem
@pytest.mark.parametrize("language", ["ko", "en"])
def test_no_sentence_has_a_gap(problem: Problem, language: str) -> None:
    document = problem.to_document(language)  # type: ignore[arg-type]

    assert document["detail"].strip()
    assert not re.search(r"[{}]|(^|\s)-(\s|[가-힣]|$)|\(\)", document["detail"])
    if language == "en":
        assert not HANGUL.search(document["detail"])


@every_problem
def test_a_problem_survives_the_way_through_the_orchestration(problem: Problem) -> None:
    assert Problem.from_payload(json.loads(json.dumps(problem.to_payload()))) == problem


@every_problem
def test_the_old_page_reads_the_detail_as_error(problem: Problem) -> None:
    document = problem.to_document("ko")

    assert document["error"] == document["detail"]
    assert json.loads(json.dumps(document)) == document


def test_a_document_has_the_members_of_the_contract() -> None:
    problem = invalid_fields(("seed", "정수여야 합니다.", "Must be a whole number.")).at("validating")

    assert problem.to_document("en", instance="/api/jobs/job_1", request_id="r-1") == {
        "type": "/api/problems/validation_failed", "title": "Invalid input", "status": 422,
        "detail": "Check the input: seed", "error": "Check the input: seed", "instance": "/api/jobs/job_1",
        "code": "validation_failed", "stage": "validating", "retryable": False, "charged": "no", "request_id": "r-1",
        "errors": [{"field": "seed", "pointer": "#/seed", "code": "invalid", "message": "Must be a whole number."}],
    }  # fmt: skip
    assert problem.to_document("ko")["errors"][0]["message"] == "정수여야 합니다."
    assert problem.to_document("ko", base_url="https://a.b")["type"] == "https://a.b/api/problems/validation_failed"


@pytest.mark.parametrize(
    ("field", "pointer"), [("a/b~c", "#/a~1b~0c"), ("그림 1", "#/%EA%B7%B8%EB%A6%BC%201"), ("\ud800", "#/%3F")]
)
def test_a_pointer_names_a_field_of_any_letters(field: str, pointer: str) -> None:
    assert invalid_fields((field, "-", "-")).to_document("ko")["errors"][0]["pointer"] == pointer


def test_a_field_has_the_code_that_it_was_given_and_none_that_is_unknown() -> None:
    assert invalid_fields(("n", "-", "-", "out_of_range")).to_document("ko")["errors"][0]["code"] == "out_of_range"
    assert Problem("image_unusable").about("input_image").to_document("ko")["errors"][0]["code"] == "image_unusable"
    of_before = Problem.from_payload({**Problem("internal").to_payload(), "errors": [{"field": "n", "message": "-"}]})
    assert of_before.to_document("en")["errors"][0]["code"] == "invalid"
    with pytest.raises(ValueError, match="nonsense"):
        invalid_fields(("n", "-", "-", "nonsense"))


REPLICATE, BFL = PROVIDERS


@pytest.mark.parametrize(
    ("problem", "sentence"),
    [
        (moderated("BFL.ai", "input", "no"), "안전성 검사 실패"),
        (REPLICATE.missing_key(), "REPLICATE_API_TOKEN이 설정되어 있지 않습니다"),
        (BFL.missing_key(), "BFL_API_KEY가 설정되어 있지 않습니다"),
        *(
            (Problem(code, params={"provider": generator.label}), f"{name} 모델 생성 실패")
            for code in ("provider_unavailable", "provider_auth_failed", "provider_quota_exhausted")
            for generator, name in ((REPLICATE, "Replicate"), (BFL, "BFL.ai"))
        ),
        (Problem("provider_bad_response", params={"provider": "Replicate"}), "처리할 수 없는 결과 타입입니다"),
        (timed_out(120, "unknown"), "이미지 생성이 2분 내에 완료되지 않았습니다"),
    ],
)
def test_korean_details_begin_with_the_sentences_operators_search_for(problem: Problem, sentence: str) -> None:
    assert problem.to_document("ko")["detail"].startswith(sentence)


@pytest.mark.parametrize(
    ("params", "korean", "english"),
    [
        ({"setting": "BFL_API_KEY"}, "확인해야 합니다 (BFL_API_KEY).", "has to check it (BFL_API_KEY)."),
        # As documents of before have it.
        ({}, "확인해야 합니다.", "has to check it."),
    ],
)
def test_a_refused_key_is_told_by_its_setting_where_that_is_known(params: dict, korean: str, english: str) -> None:
    problem = Problem("provider_auth_failed", params={"provider": "BFL.ai", **params})

    assert problem.to_document("ko")["detail"].endswith(korean)
    assert problem.to_document("en")["detail"].endswith(english)


@pytest.mark.parametrize(
    ("seconds", "korean", "english"),
    [
        (1, "1초", "1 second"),
        (60, "1분", "1 minute"),
        (120, "2분", "2 minutes"),
        (90, "90초", "90 seconds"),
        (45, "45초", "45 seconds"),
    ],
)
def test_a_deadline_is_told_in_whole_minutes_or_else_in_seconds(seconds: int, korean: str, english: str) -> None:
    problem = timed_out(seconds, "no")

    assert f" {korean} 내에" in problem.to_document("ko")["detail"]
    assert f"within {english}." in problem.to_document("en")["detail"]


@pytest.mark.parametrize("charged", ["yes", "no", "unknown"])
def test_a_problem_says_what_it_cost(charged: str) -> None:
    assert timed_out(120, charged).to_document("ko")["charged"] == charged  # type: ignore[arg-type]
    assert Problem("internal").charged == "no"


def test_a_problem_may_overrule_whether_its_code_is_worth_a_retry() -> None:
    assert Problem("provider_bad_response").is_retryable
    assert not Problem("provider_bad_response", retryable=False).is_retryable
    assert Problem("provider_bad_response", retryable=False).to_document("en")["retryable"] is False
    assert not moderated("BFL.ai", "input", "no").is_retryable


def test_a_word_that_is_missing_leaves_a_sentence_all_the_same() -> None:
    assert Problem("provider_unavailable").to_document("en")["detail"].startswith("- could not make the picture")


def test_a_word_with_braces_is_not_taken_for_a_gap() -> None:
    assert "{x}" in unreadable("{x}", "{x}").to_document("en")["detail"]


def test_an_unknown_code_is_refused_where_it_is_built() -> None:
    with pytest.raises(ValueError, match="no_such_code"):
        Problem("no_such_code")
