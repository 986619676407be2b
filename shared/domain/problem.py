"""Every failure a user can meet: its code, HTTP status and sentences in Korean and English (RFC 9457 problem details)."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Literal, NamedTuple, TypedDict, get_args
from urllib.parse import quote

from shared.domain.image_kind import OTHER_FILES

Language = Literal["ko", "en"]
Charged = Literal["yes", "no", "unknown"]


class ProblemData(TypedDict):
    """A Problem as it crosses the durable boundary and lies in storage."""

    code: str
    stage: str | None
    charged: Charged
    retryable: bool | None
    params: dict[str, str]
    errors: list[dict[str, str]]


class Kind(NamedTuple):
    """How one code is told: `detail` sentences may hold {placeholders} that the problem's params fill."""

    status: int
    retryable: bool
    title_ko: str
    title_en: str
    detail_ko: str
    detail_en: str


# The Korean details begin with the sentences that operators of the old services search for (design, section 4).
CATALOGUE: dict[str, Kind] = {
    "invalid_request": Kind(
        400,
        False,
        "잘못된 요청",
        "Invalid request",
        "요청을 읽을 수 없습니다. {reason_ko}",
        "The request could not be read. {reason_en}",
    ),
    "image_too_large": Kind(
        413,
        False,
        "이미지가 너무 큼",
        "Image too large",
        "이미지가 너무 큽니다: {format_ko}파일당 {max_megabytes}MB, {max_megapixels}메가픽셀까지 가능합니다. 줄이거나 압축해서 다시 올려 주세요.",
        "The image is too large: at most {max_megabytes} MB and {max_megapixels} megapixels {format_en}a file. "
        "Shrink or compress it and upload it again.",
    ),
    "image_unusable": Kind(
        422,
        False,
        "쓸 수 없는 이미지",
        "Unusable image",
        "이 이미지로는 그림을 만들 수 없습니다: {why_ko} 비용은 발생하지 않았습니다.",
        "No picture can be made of this image: {why_en} Nothing was charged.",
    ),
    "unsupported_image": Kind(
        415,
        False,
        "지원하지 않는 이미지",
        "Unsupported image",
        "사용할 수 없는 파일입니다: {found_ko}입니다. {advice_ko}",
        "This file cannot be used: it is {found_en}. {advice_en}",
    ),
    "unauthorized": Kind(
        401,
        False,
        "로그인 필요",
        "Sign-in needed",
        "로그인이 필요합니다. 로그인한 뒤 다시 시도해 주세요.",
        "Sign in and try again.",
    ),
    "forbidden": Kind(
        403,
        False,
        "허용되지 않은 페이지",
        "Page not allowed",
        "이 주소의 웹페이지에서는 요청할 수 없습니다. 관리자에게 ALLOWED_ORIGINS에 페이지 주소를 추가해 달라고 해 주세요.",
        "Pages of this address may not make requests here. Ask your administrator to add the page's address to ALLOWED_ORIGINS.",
    ),
    "job_not_found": Kind(
        404,
        False,
        "작업 없음",
        "Job not found",
        "작업을 찾을 수 없습니다. 작업 번호를 확인해 주세요. 보관 기간이 지났을 수도 있습니다.",
        "There is no such job. Check its id; its retention time may have passed.",
    ),
    "not_found": Kind(
        404,
        False,
        "주소 없음",
        "No such address",
        "이런 주소는 없습니다. 주소의 철자를 확인해 주세요.",
        "There is nothing at this address. Check its spelling.",
    ),
    "method_not_allowed": Kind(
        405,
        False,
        "허용되지 않는 메서드",
        "Method not allowed",
        "이 주소에는 쓸 수 없는 HTTP 메서드입니다. {methods}로 다시 보내 주세요.",
        "This address does not take this HTTP method. Send it again with {methods}.",
    ),
    "job_deleted": Kind(
        410,
        False,
        "삭제된 작업",
        "Job deleted",
        "이 Idempotency-Key의 작업은 삭제되었습니다. 다시 만들려면 새 키로 보내 주세요.",
        "The job of this Idempotency-Key was deleted. To make it again send it with a new key.",
    ),
    "result_expired": Kind(
        410,
        False,
        "결과 만료",
        "Result expired",
        "보관 기간이 지나 결과 이미지가 삭제되었습니다. 다시 생성해 주세요.",
        "The result was deleted after its retention time. Generate it again.",
    ),
    "result_not_ready": Kind(
        409,
        True,
        "결과 준비 중",
        "Result not ready",
        "결과가 {result_ko}",
        "The result is not {result_en}",
    ),
    "job_not_finished": Kind(
        409,
        True,
        "끝나지 않은 작업",
        "Job not finished",
        "작업이 아직 진행 중이라 다시 만들 수 없습니다. 끝나거나 취소된 뒤에 다시 요청해 주세요.",
        "The job is still under way, so it cannot be made again. Ask again when it has ended, or was canceled.",
    ),
    "inputs_expired": Kind(
        410,
        False,
        "입력 이미지 없음",
        "Inputs gone",
        "이 작업의 입력 이미지가 더 이상 보관되어 있지 않아 다시 만들 수 없습니다. 이미지를 올려 새 작업을 만들어 주세요.",
        "The images that this job was made of are not kept any more, so it cannot be made again. Upload them for a new job.",
    ),
    "job_already_finished": Kind(
        409,
        False,
        "이미 끝난 작업",
        "Job already finished",
        "이미 끝난 작업이라 취소할 수 없습니다. 결과를 확인해 주세요.",
        "The job has already ended and cannot be canceled. Look at its result.",
    ),
    "idempotency_in_progress": Kind(
        409,
        True,
        "같은 요청 처리 중",
        "Same request in progress",
        "같은 Idempotency-Key의 요청을 처리하고 있습니다. 잠시 후 같은 키로 다시 보내 주세요.",
        "A request with this Idempotency-Key is being handled. Send it again with the same key in a moment.",
    ),
    "validation_failed": Kind(
        422,
        False,
        "입력값 오류",
        "Invalid input",
        "입력값을 확인해 주세요: {fields}",
        "Check the input: {fields}",
    ),
    "idempotency_key_reused": Kind(
        422,
        False,
        "Idempotency-Key 재사용",
        "Idempotency-Key reused",
        "이 Idempotency-Key는 다른 내용의 요청에 이미 쓰였습니다. 새 키로 다시 보내 주세요.",
        "This Idempotency-Key was used for a different request. Send it again with a new key.",
    ),
    "content_moderated": Kind(
        422,
        False,
        "안전성 검사",
        "Content moderated",
        "안전성 검사 실패: {provider}가 {stage_ko} 거부했습니다. 프롬프트의 표현이나 이미지를 바꿔서 다시 시도해 주세요.",
        "The safety check failed: {provider} refused {stage_en}. Change the prompt's wording or the images and try again.",
    ),
    "too_many_active_jobs": Kind(
        429,
        True,
        "진행 중인 작업이 많음",
        "Too many active jobs",
        "진행 중인 작업이 너무 많습니다. 하나가 끝난 뒤 다시 시도해 주세요.",
        "Too many {whose_en} are under way. Try again when one has ended.",
    ),
    "quota_exceeded": Kind(
        429,
        False,
        "한도 초과",
        "Quota exceeded",
        "{used_ko}를 모두 사용했습니다. 한국 시간 {reset_ko}부터 다시 시도해 주세요.",
        "{used_en} is used up. Try again from {reset_en} Korean time on.",
    ),
    "missing_api_key": Kind(
        503,
        False,
        "API 키 없음",
        "API key missing",
        "{setting_ko} 설정되어 있지 않습니다. 관리자가 키를 등록해야 이미지를 생성할 수 있습니다. 비용은 발생하지 않았습니다.",
        "{setting} is not set. An administrator has to add the key before pictures can be made. Nothing was charged.",
    ),
    "provider_unavailable": Kind(
        503,
        True,
        "이미지 생성 서비스 장애",
        "Image provider unavailable",
        "{provider} 모델 생성 실패: 이미지 생성 서비스가 응답하지 않거나 혼잡합니다. 잠시 후 다시 시도해 주세요.",
        "{provider} could not make the picture: the service is down or busy. Try again in a few minutes.",
    ),
    "provider_auth_failed": Kind(
        503,
        False,
        "이미지 생성 서비스 인증 실패",
        "Image provider refused the key",
        "{provider} 모델 생성 실패: API 키가 거부되었습니다. 관리자가 키를 확인해야 합니다{setting_note}.",
        "{provider} refused our API key. An administrator has to check it{setting_note}.",
    ),
    "provider_quota_exhausted": Kind(
        503,
        False,
        "이미지 생성 서비스 잔액 부족",
        "Image provider's credit used up",
        "{provider} 모델 생성 실패: 생성 서비스의 잔액이 부족합니다. 관리자가 충전한 뒤 다시 시도해 주세요.",
        "{provider}'s credit is used up. Try again after an administrator has topped it up.",
    ),
    "not_ready": Kind(
        503,
        True,
        "아직 준비되지 않음",
        "Not ready",
        "지금은 작업을 만들 수 없습니다. 실패한 점검({checks})을 관리자가 바로잡은 뒤 다시 확인해 주세요.",
        "No job could be made now. Look again when an administrator has mended what failed: {checks}.",
    ),
    "busy": Kind(
        503,
        True,
        "지금은 처리하지 못함",
        "Busy just now",
        "요청이 몰렸거나 작업을 실행하는 쪽이 잠시 응답하지 않아 처리하지 못했습니다. 잠시 후 다시 시도해 주세요. 이 요청으로 비용은 발생하지 않았습니다.",
        "Too many requests came in at once, or what runs the jobs gave no answer, so this was not handled. Try again in a moment. Nothing was charged for it.",
    ),
    "intake_paused": Kind(
        503,
        True,
        "접수 일시 중지",
        "Intake paused",
        "관리자가 {provider} 작업의 접수를 잠시 멈췄습니다. 나중에 다시 시도해 주세요. 비용은 발생하지 않았습니다.",
        "An administrator has paused new jobs for {provider}. Try again later. Nothing was charged.",
    ),
    "provider_bad_response": Kind(
        502,
        True,
        "처리할 수 없는 응답",
        "Unusable answer from the provider",
        "처리할 수 없는 결과 타입입니다: {provider}가 예상과 다른 결과를 보냈습니다. 다시 시도해 주세요.",
        "{provider} sent a result that cannot be used. Try again.",
    ),
    "generation_timeout": Kind(
        504,
        True,
        "생성 시간 초과",
        "Generation timed out",
        "이미지 생성이 {limit_ko} 내에 완료되지 않았습니다. 잠시 후 다시 시도해 주세요.",
        "The picture was not finished within {limit_en}. Try again in a few minutes.",
    ),
    "translator_not_configured": Kind(
        501,
        False,
        "번역기 없음",
        "Translator not configured",
        "번역기가 설정되어 있지 않습니다. 프롬프트를 영어로 직접 입력해 주세요.",
        "No translator is configured. Write the prompt in English.",
    ),
    "translator_unavailable": Kind(
        503,
        True,
        "번역기 응답 없음",
        "Translator unavailable",
        "번역기가 응답하지 않습니다. 잠시 후 다시 시도하거나 프롬프트를 영어로 직접 입력해 주세요.",
        "The translator does not answer. Try again in a moment, or write the prompt in English.",
    ),
    "webhooks_not_configured": Kind(
        501,
        False,
        "웹훅 설정 안 됨",
        "Webhooks not configured",
        "웹훅에 서명할 키 {setting}가 없거나 너무 짧습니다. webhook_url 없이 보내거나 관리자에게 키를 등록해 달라고 해 주세요. 비용은 발생하지 않았습니다.",
        "The key that signs webhooks, {setting}, is missing or too short. Send the request without webhook_url, or ask your administrator to add the key. Nothing was charged.",
    ),
    "internal": Kind(
        500,
        True,
        "내부 오류",
        "Internal error",
        "내부 오류가 발생했습니다. 다시 시도하고, 계속되면 작업 번호와 함께 관리자에게 문의해 주세요.",
        "Something went wrong on our side. Try again; if it goes on, tell your administrator the job's id.",
    ),
}

#: Where the pages about problems lie (triggers/problem_pages.py).
PAGES = "/api/problems/"

#: What may be wrong with a field of a request, in Korean and English. Beside these it may be the code of a problem that an image
#: has, or `setting_broken`, where it names a setting of the app.
FIELD_CODES: dict[str, tuple[str, str]] = {
    "required": ("필요한 값이 없습니다.", "A value is needed."),
    "unknown_field": ("그런 필드는 없습니다.", "There is no such field."),
    "repeated": ("한 번만 보낼 수 있습니다.", "It may be sent once only."),
    "out_of_range": ("범위 안의 정수가 아닙니다.", "It is no whole number of the range."),
    "not_a_choice": ("고를 수 있는 값이 아닙니다.", "It is none of the values to choose from."),
    "too_long": ("너무 깁니다.", "It is too long."),
    "unreadable": ("글자를 읽을 수 없습니다.", "Its characters cannot be read."),
    "wrong_type": ("다른 종류의 값이어야 합니다.", "It must be a value of another kind."),
    "invalid": ("쓸 수 없는 값입니다.", "The value cannot be used."),
}

_VALUE = re.compile(r"\{(\w+)\}")

STAGE_WORDS = {
    "input": ("입력을", "the input"),
    "output": ("생성된 이미지를", "the generated picture"),
    "": ("내용을", "the content"),
}


#: Why an image is unusable, and what to do, by the problem's param `why`.
UNUSABLE = {
    "narrow": (
        "폭이 너무 좁거나 깁니다({width} × {height}px). 전송할 크기로 줄이면 짧은 변이 {side}px로, 필요한 {needed}px보다 작습니다. "
        "필요한 장면만 잘라서 다시 올려 주세요.",
        "it is too long and narrow ({width} × {height} px). Brought to the size that is sent its shorter side is {side} px, and "
        "{needed} px are needed. Crop it to the scene that you need and upload that.",
    ),
    "one_colour": (
        "처음부터 끝까지 한 가지 색이라 보이는 것이 없습니다. 다른 이미지를 골라 주세요.",
        "it is of one colour from edge to edge, so nothing is to be seen. Choose another one.",
    ),
    "transparent": (
        "전체가 투명해서 보이는 것이 없습니다. 배경을 넣거나 다른 이미지를 골라 주세요.",
        "all of it is transparent, so nothing is to be seen. Give it a ground, or choose another one.",
    ),
    "": ("다른 이미지를 골라 주세요.", "choose another one."),
}


@dataclass(frozen=True)
class Problem:
    """One failure, as data: it crosses the durable boundary and is worded only when it is shown.

    `charged` says whether the provider bills for it; `params` fill the sentences and hold nothing secret.
    """

    code: str
    stage: str | None = None
    charged: Charged = "no"
    retryable: bool | None = None
    params: dict[str, str] = field(default_factory=dict)
    errors: tuple[dict[str, str], ...] = ()

    def __post_init__(self) -> None:
        if self.code not in CATALOGUE:
            raise ValueError(f"unknown problem code {self.code!r}")

    @property
    def status(self) -> int:
        return CATALOGUE[self.code].status

    @property
    def is_retryable(self) -> bool:
        return CATALOGUE[self.code].retryable if self.retryable is None else self.retryable

    def at(self, stage: str) -> "Problem":
        """The same problem, said to have happened in a stage of the job's life."""
        return replace(self, stage=stage)

    def about(self, name: str) -> "Problem":
        """The same problem, said beside one field of the form."""
        detail_ko, detail_en = (self.to_document(language)["detail"] for language in get_args(Language))
        return replace(self, errors=({"field": name, "code": self.code, "message_ko": detail_ko, "message_en": detail_en},))

    def to_payload(self) -> ProblemData:
        return {
            "code": self.code, "stage": self.stage, "charged": self.charged, "retryable": self.retryable,
            "params": dict(self.params), "errors": list(self.errors),
        }  # fmt: skip

    @classmethod
    def from_payload(cls, payload: ProblemData) -> "Problem":
        return cls(**{**payload, "errors": tuple(payload.get("errors", ()))})  # type: ignore[arg-type]

    def to_document(
        self, language: Language, *, instance: str | None = None, request_id: str | None = None, base_url: str = ""
    ) -> dict[str, Any]:
        """The problem document that clients get; they branch on `code`, people read `detail`, and `type` is a page about it.
        `base_url`: of the server, which that address begins with."""
        kind = CATALOGUE[self.code]
        setting = self.params.get("setting")
        words = {
            "reason_ko": "형식을 확인한 뒤 다시 보내 주세요.", "reason_en": "Check its format and send it again.",
            "fields": ", ".join(e["field"] for e in self.errors),
            # Named where it is known; documents of before have none.
            "result_ko": "아직 준비되지 않았습니다. 작업 상태를 확인한 뒤 다시 요청해 주세요.",
            "result_en": "ready. Look at the job's status and ask again.",
            "setting_note": f" ({setting})" if setting else "", "format_ko": "", "format_en": "", "whose_en": "of your jobs", **self.params,
            **_told_file(self.params.get("found", "")), **_told_why(self.params),
        }  # fmt: skip
        detail = (kind.detail_ko if language == "ko" else kind.detail_en).format_map(_Words(words))
        return {
            "type": f"{base_url}{PAGES}{self.code}",
            "title": kind.title_ko if language == "ko" else kind.title_en,
            "status": kind.status,
            "detail": detail,
            "instance": instance,
            "code": self.code,
            "stage": self.stage,
            "retryable": self.is_retryable,
            "charged": self.charged,
            "request_id": request_id,
            "errors": [_told_field(error, language) for error in self.errors],
            # The old page reads this field.
            "error": detail,
            # Of a limit: which it is, and when it begins anew.
            **({name: self.params[name] for name in ("limit", "reset_at")} if "reset_at" in self.params else {}),
        }


def _told_field(error: dict[str, str], language: Language) -> dict[str, str]:
    """`pointer` is a JSON Pointer as a fragment of a URI (RFC 6901, 6), to a field of the request as if that were JSON."""
    pointer = "#/" + quote(error["field"].replace("~", "~0").replace("/", "~1"), errors="replace")
    message = error.get(f"message_{language}", error.get("message", ""))
    # Documents of before have no codes.
    return {"field": error["field"], "pointer": pointer, "code": error.get("code", "invalid"), "message": message}


def _told_file(found: str) -> dict[str, str]:
    """What an unsupported file is and what to do with it; of one that a version before refused nobody knows."""
    file = OTHER_FILES.get(found, OTHER_FILES[""])
    return {"found_ko": file.ko, "found_en": file.en, "advice_ko": file.advice_ko, "advice_en": file.advice_en}


def _told_why(params: dict[str, str]) -> dict[str, str]:
    ko, en = UNUSABLE.get(params.get("why", ""), UNUSABLE[""])
    return {"why_ko": ko.format_map(_Words(params)), "why_en": en.format_map(_Words(params))}


def without_values(sentence: str) -> str:
    """A sentence of the catalogue as it is read where nothing has happened: an ellipsis for each value, nothing for a note."""
    return _VALUE.sub(lambda found: "" if found[1].endswith("_note") else "…", sentence)


def worst_charge(charges: Iterable[Charged]) -> Charged:
    """What can be said of several: paid if one is paid, unknown if one is unknown."""
    order: tuple[Charged, ...] = ("no", "unknown", "yes")
    return max(charges, key=order.index, default="no")


class ProblemError(Exception):
    """Carries a Problem up to the edge of a trigger or an activity."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.code)
        self.problem = problem


class _Words(dict[str, str]):
    """A sentence with a missing word is still a sentence: an error about an error helps nobody."""

    def __missing__(self, key: str) -> str:
        return "-"


def unsupported(found: str) -> Problem:
    """A file that is not taken: `found` is a word of OTHER_FILES."""
    return Problem("unsupported_image", params={"found": found})


def unusable(why: str, **params: object) -> Problem:
    """An image of which no picture can be made: `why` is a word of UNUSABLE."""
    return Problem("image_unusable", params={"why": why, **{name: str(value) for name, value in params.items()}})


def moderated(provider: str, stage: Literal["input", "output", ""], charged: Charged) -> Problem:
    """The safety check refused the input or the picture."""
    ko, en = STAGE_WORDS[stage]
    return Problem("content_moderated", charged=charged, params={"provider": provider, "stage_ko": ko, "stage_en": en})


def timed_out(seconds: int, charged: Charged) -> Problem:
    """No picture before the deadline; whole minutes are said in minutes, as operators search for '2분'."""
    minutes, rest = divmod(seconds, 60)
    limit_ko = f"{minutes}분" if minutes and not rest else f"{seconds}초"
    amount, unit = (minutes, "minute") if minutes and not rest else (seconds, "second")
    limit_en = f"{amount} {unit}" if amount == 1 else f"{amount} {unit}s"
    return Problem("generation_timeout", charged=charged, params={"limit_ko": limit_ko, "limit_en": limit_en})


def broken_settings(*names: str) -> Problem:
    """What a call needs is not set, or malformed: only an operator can mend it."""
    errors = tuple(
        {
            "field": name,
            "code": "setting_broken",
            "message_ko": "이 설정이 없거나 잘못되었습니다. 관리자에게 알려 주세요.",
            "message_en": "This setting is missing or malformed: tell your administrator.",
        }
        for name in names
    )
    return Problem("internal", retryable=False, errors=errors)


def unreadable(reason_ko: str, reason_en: str) -> Problem:
    """The request as a whole makes no sense: whole sentences that say what is wrong with it and what to do."""
    return Problem("invalid_request", params={"reason_ko": reason_ko, "reason_en": reason_en})


def canceled_result(charged: Charged) -> Problem:
    """Of a picture that never will be there."""
    words = {
        "result_ko": "없습니다. 작업이 취소되었으니 필요하면 다시 만들어 주세요(retry).",
        "result_en": "there: the job was canceled. Make it again if you need one (retry).",
    }
    return Problem("result_not_ready", charged=charged, retryable=False, params=words)


#: A field and what is wrong with it: in Korean, in English, and the word of FIELD_CODES for it ("invalid" when left out).
Mistake = tuple[str, str, str] | tuple[str, str, str, str]


def invalid_fields(*errors: Mistake) -> Problem:
    return Problem("validation_failed", errors=tuple(_field_error(*error) for error in errors))


def _field_error(field: str, ko: str, en: str, code: str = "invalid") -> dict[str, str]:
    if code not in FIELD_CODES:
        raise ValueError(f"unknown code {code!r} of a field")
    return {"field": field, "code": code, "message_ko": ko, "message_en": en}
