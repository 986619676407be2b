"""Every operation of the API: what it is for, what it takes, and all that it may answer.

Its `id` is the name of the function that serves it; paths and methods are those of `triggers.no_route.ROUTES`, which a test compares
with this table and another with the app. HEAD answers as GET does, without a body, and OPTIONS as CORS says: neither is listed.
"""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from shared.domain import generation as limits
from shared.domain.image_kind import RESULT_TYPES
from shared.domain.kinds import KINDS, Kind
from shared.domain.presets import PRESETS
from shared.domain.problem import CATALOGUE
from shared.job_ids import PATTERN
from triggers import generate, jobs
from triggers.contract import schemas
from triggers.contract.schemas import Schema, one_of, ref, text, time, whole

#: English and Korean.
Said = tuple[str, str]
JSON, BYTES = "application/json", {content_type: {"type": "string", "format": "binary"} for content_type in RESULT_TYPES}


class Parameter(NamedTuple):
    name: str
    where: str
    schema: Schema
    is_required: bool = False


@dataclass(frozen=True)
class Answer:
    """What comes back when all went well. `content`: schemas by media type."""

    told: Said
    content: dict[str, Schema] = field(default_factory=dict)
    #: Headers that it may have, besides those that every answer has.
    headers: tuple[str, ...] = ()


class Operation(NamedTuple):
    id: str
    method: str
    path: str
    tag: str
    summary: Said
    description: Said
    answers: dict[int, Answer]
    #: Codes of the problems that it may answer with.
    problems: tuple[str, ...]
    parameters: tuple[Parameter, ...] = ()
    #: Media type and schema of its body.
    body: tuple[str, Schema] | None = None
    encoding: Schema | None = None
    is_body_required: bool = True
    example: Any = None
    #: Whether a problem may come after the job was made: then it says where that is.
    makes_a_job: bool = False

    @property
    def codes(self) -> tuple[str, ...]:
        """Of the problems, with those that come from the edge."""
        others = () if self.method == "get" else ("forbidden",)
        lost = ("not_found",) if "{" in self.path else ()
        return tuple(dict.fromkeys((*self.problems, *others, *lost, "internal")))


# ---- problems that come together ----

#: Told of a job, by its error, and by whatever shows that instead of the job.
IN_JOB = (
    "image_too_large", "image_unusable", "unsupported_image", "content_moderated", "missing_api_key", "provider_unavailable",
    "provider_auth_failed", "provider_quota_exhausted", "provider_bad_response", "generation_timeout", "internal",
)  # fmt: skip
# invalid_request: an X-Owner-Token that is none.
_CALLER = ("unauthorized", "invalid_request", "busy")
_OF_A_JOB = (*_CALLER, "job_not_found", "result_expired")
_ACCEPTING = (
    *_CALLER, "validation_failed", "image_too_large", "image_unusable", "unsupported_image",
    "idempotency_in_progress", "idempotency_key_reused", "job_deleted", "too_many_active_jobs", "quota_exceeded", "missing_api_key",
    "provider_unavailable", "provider_auth_failed", "provider_quota_exhausted", "intake_paused",
    # Of webhook_url, and of a picture that is named.
    "webhooks_not_configured", "result_expired",
    # Deleted while this waited for it; with SYNC_RESPONSES how it ended.
    "job_not_found", "result_not_ready", *IN_JOB,
)  # fmt: skip

# ---- parameters ----

_JOB_ID = Parameter("id", "path", text("The job's id.", "작업 ID.", pattern=f"^{PATTERN}$"), is_required=True)
_KEY = Parameter(
    generate.KEY_HEADER, "header",
    text(
        "Send one with every POST, and the same one when you repeat it: for 24 hours it stands for one job.",
        "모든 POST에 붙이고, 다시 보낼 때는 같은 값을 쓰세요. 24시간 동안 작업 하나를 가리킵니다.",
        maxLength=generate.KEY_MAX_CHARACTERS, pattern=f"^[ -~]{{0,{generate.KEY_MAX_CHARACTERS}}}$",
        examples=["5f0d7c1e-3f5e-4d0c-9f43-6a3f7f5b2c11"],
    ),
)  # fmt: skip
_PREFER = Parameter(
    "Prefer", "header",
    text(
        f"wait=N, 1 to {generate.MAX_WAIT_SECONDS}: hold the answer until the job has ended.",
        f"wait=N(1~{generate.MAX_WAIT_SECONDS}초): 작업이 끝날 때까지 응답을 기다립니다.", examples=["wait=60"],
    ),
)  # fmt: skip
_WAIT = Parameter(
    "wait",
    "query",
    whole(
        "Seconds to hold until something changes.",
        "무언가 바뀔 때까지 기다릴 초.",
        minimum=1,
        maximum=jobs.MAX_WAIT_SECONDS,
        examples=[1],
    ),
)
_IF_NONE_MATCH = Parameter(
    "If-None-Match", "header", text("An ETag that you have: 304 while it holds.", "가진 ETag. 그대로면 304.")
)
_INDEX = Parameter(
    "index",
    "query",
    whole(
        "Which picture; left out, the first that is there.",
        "몇 번째 그림인지. 비우면 처음 것.",
        minimum=0,
        maximum=limits.PICTURES_MAX - 1,
    ),
)
_INLINE = Parameter(
    "inline", "query",
    text("1 for the bytes instead of a redirect.", "1이면 리디렉션 대신 바이트.", pattern="^([01]|[tT][rR][uU][eE]|[fF][aA][lL][sS][eE])?$", examples=["1"]),
)  # fmt: skip

#: Whoever sends it owns what was posted with it.
OWNER_TOKEN = Parameter(
    "X-Owner-Token", "header",
    text(
        "Made by the client and kept secret: whoever sends it owns the jobs that were posted with it.",
        "클라이언트가 만들어 비밀로 간직하는 값. 이 값으로 보낸 작업의 주인이 됩니다.", pattern="^[A-Za-z0-9_-]{32,128}$",
    ),
)  # fmt: skip

#: What a message to a `webhook_url` is signed with (https://www.standardwebhooks.com).
SIGNATURE = (
    Parameter("webhook-id", "header", text("The message's: the same for every try.", "메시지의 번호. 다시 보내도 같습니다.")),
    Parameter(
        "webhook-timestamp", "header",
        text("Seconds since 1970 when it was sent.", "보낸 때(1970년부터 센 초).", pattern="^[0-9]+$"),
    ),
    Parameter(
        "webhook-signature", "header",
        text(
            "One or more, with a space between: `v1,` and the HMAC-SHA256 of `<id>.<timestamp>.<body>` in base64.",
            "하나 이상(공백으로 구분): `v1,`과 `<id>.<timestamp>.<본문>`의 HMAC-SHA256(base64).",
            pattern="^v1,[A-Za-z0-9+/=]+( v1,[A-Za-z0-9+/=]+)*$",
        ),
    ),
)  # fmt: skip

# ---- answers ----

_JOB = {JSON: ref("Job")}
_NOT_READY = {"application/problem+json": ref("NotReady")}
LIMITS = ("RateLimit", "RateLimit-Policy")
_HELD = Answer(
    ("The job as it is.", "지금의 작업."), _JOB,
    ("Location", "Retry-After", "Idempotent-Replayed", "Preference-Applied", *LIMITS),
)  # fmt: skip


def _owned(*parameters: Parameter) -> tuple[Parameter, ...]:
    return (*parameters, OWNER_TOKEN)


def _accepted(kind: Kind, name: str) -> dict[int, Answer]:
    return {
        202: Answer((f"Accepted: a {name} job.", "접수됨: 작업을 따라가세요."), _JOB, _HELD.headers),
        200: Answer(
            ("The finished job, with Prefer: wait=N; where the app answers as its forerunner did (SYNC_RESPONSES), the picture.",
             "Prefer: wait=N이면 끝난 작업. 예전 방식(SYNC_RESPONSES)에서는 그림 자체."),
            {**_JOB, **BYTES}, _HELD.headers,
        ),
    }  # fmt: skip


def _generate(kind: Kind, models: tuple[str, ...]) -> Operation:
    name = {"ppl": "product placement", "goods": "goods"}.get(kind.name, kind.name)
    return Operation(
        f"generate_{kind.name}", "post", f"{kind.route}/generate", "generate",
        (f"Make a {name} picture", {"ppl": "PPL 그림 만들기", "goods": "굿즈 그림 만들기"}.get(kind.name, kind.name)),
        ("Answers at once with a job; follow its urls.self. What is refused here costs nothing.",
         "바로 작업으로 답합니다. urls.self로 따라가세요. 여기서 거절된 요청은 비용이 없습니다."),
        _accepted(kind, name), _ACCEPTING, _owned(_KEY, _PREFER),
        body=("multipart/form-data", schemas.form(kind, models)), encoding=schemas.form_encoding(kind), makes_a_job=True,
    )  # fmt: skip


def _translate(kind: Kind) -> Operation:
    return Operation(
        f"translate_{kind.name}", "post", f"{kind.route}/translate", "generate", ("Translate a prompt", "프롬프트 번역"),
        ("In English, before you send it.", "보내기 전에 영어로."),
        {200: Answer(("The prompt in English.", "영어로 옮긴 프롬프트."), {JSON: ref("Translation")}, LIMITS)},
        (*_CALLER, "validation_failed", "quota_exceeded", "translator_not_configured", "translator_unavailable"), _owned(),
        body=(JSON, ref("TranslationRequest")), example={"prompt": "캐릭터가 캔 음료를 마신다"},
    )  # fmt: skip


def operations(models: dict[str, tuple[str, ...]]) -> tuple[Operation, ...]:
    """All that there are. `models`: those that this app offers, by kind."""
    return (
        *(_generate(kind, models.get(kind.name, ())) for kind in KINDS.values()),
        Operation(
            "goods_sheet", "post", "goods-gen/sheet", "generate", ("Put a character on several goods", "한 캐릭터로 굿즈 여러 개"),
            ("One job, one picture for each preset. Some may fail and others succeed: look at `pictures`.",
             "작업 하나에 프리셋마다 그림 한 장. 일부만 실패할 수 있으니 `pictures`를 보세요."),
            _accepted(KINDS["goods"], "sheet"), _ACCEPTING, _owned(_KEY, _PREFER),
            body=("multipart/form-data", schemas.sheet_form(models.get("goods", ()))), encoding=schemas.form_encoding(KINDS["goods"]), makes_a_job=True,
        ),
        *(_translate(kind) for kind in KINDS.values()),
        Operation(
            "list_jobs", "get", "jobs", "jobs", ("List your jobs", "내 작업 목록"),
            ("Newest first; jobs that are posted meanwhile neither repeat nor skip one.", "최신 순. 그사이 새 작업이 생겨도 빠지거나 겹치지 않습니다."),
            {200: Answer(("A page of jobs.", "작업 한 쪽."), {JSON: ref("JobList")})},
            (*_CALLER, "validation_failed"),
            _owned(
                Parameter("kind", "query", one_of(KINDS, "", "")), Parameter("status", "query", one_of(schemas.STATUSES, "", "")),
                Parameter("preset", "query", one_of(PRESETS, "", "")),
                Parameter("created_after", "query", time("", "")), Parameter("created_before", "query", time("", "")),
                Parameter("limit", "query", whole("", "", minimum=1, maximum=100, default=20)),
                Parameter("cursor", "query", text("next_cursor of the page before.", "앞 쪽의 next_cursor.")),
            ),
        ),
        Operation(
            "claim_jobs", "post", "jobs/claim", "jobs", ("Take over jobs by their ids", "작업 ID로 가져오기"),
            ("Jobs that were posted without an owner become yours, once.", "주인 없이 보낸 작업을 한 번 내 것으로 만듭니다."),
            {200: Answer(("Which were taken over.", "가져온 작업."), {JSON: ref("Claims")})},
            (*_CALLER, "validation_failed"), _owned(), body=(JSON, ref("ClaimRequest")),
        ),
        Operation(
            "get_job", "get", "jobs/{id}", "jobs", ("Look at a job", "작업 보기"),
            ("With ?wait=N and If-None-Match it is held until something changes: the cheapest way to follow a job.",
             "?wait=N과 If-None-Match를 함께 쓰면 바뀔 때까지 기다립니다. 가장 싸게 따라가는 방법입니다."),
            {
                200: Answer(("The job.", "작업."), _JOB, ("ETag", "Retry-After")),
                304: Answer(("Nothing has changed.", "바뀐 것이 없음."), {}, ("ETag", "Retry-After")),
            },
            (*_OF_A_JOB, "validation_failed"), _owned(_JOB_ID, _WAIT, _IF_NONE_MATCH),
        ),
        Operation(
            "get_job_result", "get", "jobs/{id}/result", "jobs", ("Fetch a picture", "그림 받기"),
            ("A redirect to a fresh link, or the bytes with ?inline=1. Works for the whole retention window.",
             "새 링크로 리디렉션하거나 ?inline=1이면 바이트를 줍니다. 보관 기간 내내 열립니다."),
            {
                200: Answer(("The picture's bytes.", "그림의 바이트."), dict(BYTES), ("Content-Disposition",)),
                302: Answer(("To a signed link.", "서명된 링크로."), {}, ("Location",)),
            },
            (*_OF_A_JOB, "validation_failed", "result_not_ready", "result_expired", *IN_JOB), _owned(_JOB_ID, _INDEX, _INLINE),
        ),
        Operation(
            "cancel_job", "post", "jobs/{id}/cancel", "jobs", ("Cancel a job", "작업 취소"),
            ("Stops what can be stopped. A picture that is paid for by then is kept.", "멈출 수 있는 것을 멈춥니다. 이미 결제된 그림은 남깁니다."),
            {202: Answer(("The job; it is canceled soon after.", "작업. 곧 취소됩니다."), _JOB)},
            (*_OF_A_JOB, "job_already_finished"), _owned(_JOB_ID),
        ),
        Operation(
            "retry_job", "post", "jobs/{id}/retry", "jobs", ("Make the missing pictures again", "빠진 그림 다시 만들기"),
            ("A new job from the same inputs, for the pictures that are missing; all of them where none is.",
             "같은 입력으로 빠진 그림만 새 작업으로 만듭니다. 빠진 것이 없으면 전부 다시 만듭니다."),
            _accepted(KINDS["goods"], "new"), (*_ACCEPTING, "job_not_finished", "inputs_expired"), _owned(_JOB_ID, _KEY, _PREFER),
            body=(JSON, ref("RetryRequest")), is_body_required=False, makes_a_job=True,
        ),
        Operation(
            "delete_job", "delete", "jobs/{id}", "jobs", ("Delete a job", "작업 삭제"),
            ("Images, documents and history are gone.", "이미지, 문서, 이력을 모두 지웁니다."),
            {204: Answer(("Nobody sees it any more.", "더는 보이지 않습니다."))}, _OF_A_JOB, _owned(_JOB_ID),
        ),
        Operation(
            "get_usage", "get", "usage", "money", ("What you have spent", "사용액"), ("By day and kind.", "날짜와 종류별."),
            {200: Answer(("Sums.", "합계."), {JSON: ref("UsageSum")})}, (*_CALLER, "validation_failed"),
            _owned(Parameter("from", "query", text("", "", format="date")), Parameter("to", "query", text("", "", format="date"))),
        ),
        Operation(
            "get_webhook_secret", "get", "webhooks/secret", "webhooks", ("Your webhook secret", "웹훅 서명 비밀 키"),
            ("Verifies what webhook_url is told.", "webhook_url로 온 것을 검증합니다."),
            {200: Answer(("The secret.", "서명 비밀 키."), {JSON: ref("WebhookSecret")})},
            (*_CALLER, "validation_failed", "webhooks_not_configured"), _owned(),
        ),
        Operation(
            "rotate_webhook_secret", "post", "webhooks/secret/rotate", "webhooks", ("Change your webhook secret", "웹훅 서명 비밀 키 바꾸기"),
            ("Messages are signed with both for a while.", "한동안 두 서명 비밀 키로 함께 서명합니다."),
            {200: Answer(("The new secret.", "새 서명 비밀 키."), {JSON: ref("WebhookSecret")})},
            (*_CALLER, "validation_failed", "quota_exceeded", "webhooks_not_configured"), _owned(),
        ),
        Operation(
            "get_options", "get", "options", "about", ("What a form may offer", "폼의 선택지"),
            ("Models, limits, presets, expected seconds.", "모델, 한도, 프리셋, 예상 시간."),
            {200: Answer(("The options.", "선택지."), {JSON: ref("Options")})}, (),
        ),
        Operation(
            "problem_catalogue", "get", "problems", "about", ("All problems", "모든 오류"), ("In both languages.", "두 언어로."),
            {200: Answer(("A page.", "페이지."), {"text/html": {"type": "string"}}, ("Content-Language",))}, (),
        ),
        Operation(
            "problem_page", "get", "problems/{code}", "about", ("About a problem", "문제 설명"),
            ("What a problem's `type` leads to.", "문제의 `type`이 가리키는 설명."),
            {200: Answer(("A page in both languages.", "두 언어로 된 페이지."), {"text/html": {"type": "string"}}, ("Content-Language",))},
            ("not_found",), (Parameter("code", "path", one_of(CATALOGUE, "", ""), is_required=True),),
        ),
        Operation(
            "health", "get", "health", "about", ("Whether the process lives", "살아 있는지"), ("For probes.", "상태 점검용."),
            {200: Answer(("It does.", "살아 있음."), {JSON: ref("Health")})}, (),
        ),
        Operation(
            "health_ready", "get", "health/ready", "about", ("Whether a job could be made", "작업을 만들 수 있는지"),
            ("A check per part.", "부분마다 점검."),
            {
                200: Answer(("Ready.", "준비됨."), {JSON: ref("Ready")}),
                503: Answer(("Something that an operator can mend.", "관리자가 고칠 것이 있음."), _NOT_READY, ("Content-Language", "Retry-After")),
            }, (),
        ),
        Operation(
            "get_openapi", "get", "openapi.json", "about", ("This document", "이 문서"), ("OpenAPI 3.1.", "OpenAPI 3.1."),
            {200: Answer(("The document.", "문서."), {JSON: {"type": "object"}}, ("ETag",)), 304: Answer(("As you have it.", "그대로임."), {}, ("ETag",))},
            (), (_IF_NONE_MATCH,),
        ),
        Operation(
            "get_docs", "get", "docs", "about", ("This document, to read", "읽기 좋은 문서"), ("HTML.", "HTML."),
            {200: Answer(("The page.", "페이지."), {"text/html": {"type": "string"}}, ("ETag",)), 304: Answer(("As you have it.", "그대로임."), {}, ("ETag",))},
            (), (_IF_NONE_MATCH,),
        ),
        Operation(
            "replicate_webhook", "post", "webhooks/replicate", "webhooks", ("Replicate's own calls", "Replicate가 부르는 곳"),
            ("Signed; nobody else is heard.", "서명된 호출만 받습니다."),
            {204: Answer(("Heard.", "받음."))}, ("unauthorized", "invalid_request", "busy", "provider_unavailable", "provider_auth_failed", "missing_api_key", "provider_bad_response", "provider_quota_exhausted"),
            body=(JSON, {"type": "object"}), example={"id": "ufawqhfynnddngldkgtslldrkq", "status": "succeeded"},
        ),
    )  # fmt: skip


#: What an answer may carry besides its body.
HEADERS: dict[str, Schema] = {
    "X-Request-Id": text("Tell it to your administrator.", "관리자에게 알려 줄 번호."),
    "Content-Language": one_of(("ko", "en", "ko, en"), "", ""),
    "Retry-After": text("Seconds until it is worth asking again.", "다시 물어볼 때까지의 초.", pattern="^[0-9]+$"),
    "Location": schemas.text("", "", format="uri-reference"),
    "ETag": text("", "", pattern='^(W/)?".*"$'),
    "Idempotent-Replayed": one_of(("true",), "The job was there already.", "이미 있던 작업."),
    "Preference-Applied": text("", ""),
    "Content-Disposition": text("A name for the file.", "파일 이름."),
    "RateLimit": text("What is left (draft-ietf-httpapi-ratelimit-headers).", "남은 한도."),
    "RateLimit-Policy": text("Which limits there are.", "한도의 종류."),
}
