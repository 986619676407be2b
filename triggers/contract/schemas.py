"""What is sent and what comes back, as JSON Schema 2020-12. Each limit and each choice is the one that the app checks with."""

from typing import Any, get_args

from shared.domain import generation as limits
from shared.domain import job, warning
from shared.domain.image_kind import EXTENSIONS, RESULT_TYPES
from shared.domain.kinds import KINDS, Kind
from shared.domain.presets import PRESETS
from shared.domain.problem import CATALOGUE, Charged
from shared.job_ids import PATTERN
from shared.settings import Settings

Schema = dict[str, Any]

STATUSES = (job.QUEUED, job.PROCESSING, job.SUCCEEDED, job.FAILED, job.CANCELED)
STAGES = (job.VALIDATING, job.TRANSLATING, job.WAITING, job.SUBMITTING, job.GENERATING, job.STORING)
#: Something that can be seen: what a prompt needs cannot be said in a regular expression, so it has a format of its own.
PROMPT_FORMAT = "visible-text"
_MEGABYTES = Settings.max_upload_bytes / 1024 / 1024

# ---- words of a schema ----


def text(en: str, ko: str, **more: Any) -> Schema:
    return {"type": "string", **_told(en, ko), **more}


def whole(en: str, ko: str, **more: Any) -> Schema:
    return {"type": "integer", **_told(en, ko), **more}


def number(en: str, ko: str, **more: Any) -> Schema:
    return {"type": "number", **_told(en, ko), **more}


def yes_or_no(en: str, ko: str, **more: Any) -> Schema:
    return {"type": "boolean", **_told(en, ko), **more}


def one_of(words: Any, en: str, ko: str, **more: Any) -> Schema:
    return {"type": "string", "enum": list(words), **_told(en, ko), **more}


def time(en: str, ko: str) -> Schema:
    return text(en, ko, format="date-time")


def several(items: Schema, en: str, ko: str, **more: Any) -> Schema:
    return {"type": "array", "items": items, **_told(en, ko), **more}


def ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def or_null(schema: Schema) -> Schema:
    if "$ref" in schema:
        return {"anyOf": [schema, {"type": "null"}]}
    return {**schema, "type": [schema["type"], "null"], **({"enum": [*schema["enum"], None]} if "enum" in schema else {})}


def thing(name: str, properties: dict[str, Schema], optional: tuple[str, ...] = (), **more: Any) -> Schema:
    """An object with all of these properties but for the optional ones. Of what a version to come adds clients are to take no
    notice, so it is not closed."""
    required = [key for key in properties if key not in optional]
    return {"type": "object", "properties": properties, **({"required": required} if required else {}), **more}


def _told(en: str, ko: str) -> Schema:
    return {"description": f"{en} · {ko}"} if en or ko else {}


# ---- what is sent ----


def form(kind: Kind, models: tuple[str, ...]) -> Schema:
    """The form of a kind. `models`: those that this app offers for it."""
    return {
        "type": "object", "properties": {**_texts(kind, models), **{field: _image(field, role) for field, role in _images(kind)}},
        "required": [*kind.images, *(() if kind.accepts_preset else ("prompt",))],
        **({"anyOf": [{"required": ["prompt"]}, {"required": ["preset"]}]} if kind.accepts_preset else {}),
        # Unknown fields are refused by name.
        "additionalProperties": False,
    }  # fmt: skip


def sheet_form(models: tuple[str, ...]) -> Schema:
    kind = KINDS["goods"]
    fields = {name: schema for name, schema in _texts(kind, models).items() if name not in ("preset", "n")}
    return {
        "type": "object",
        "properties": {
            **fields,
            "presets": several(
                one_of(PRESETS, "", ""), "The goods, one picture each.", "굿즈마다 그림 한 장.", minItems=1, uniqueItems=True
            ),
            **{field: _image(field, role) for field, role in _images(kind)},
        },
        "required": [*kind.images, "presets"],
        "additionalProperties": False,
    }


def form_encoding(kind: Kind) -> Schema:
    images = ", ".join(EXTENSIONS)
    return {**{field: {"contentType": images} for field in kind.images}, "metadata": {"contentType": "application/json"}}


def _images(kind: Kind) -> list[tuple[str, str]]:
    return list(zip(kind.images, kind.roles, strict=True))


def _image(field: str, role: str) -> Schema:
    file = {
        "type": "string", "format": "binary",
        **_told(
            f"The {role}'s picture: a file of at most {_MEGABYTES:g} MB (`image.max_bytes` of /api/options where that is set "
            f"otherwise), by its content one of {', '.join(EXTENSIONS)}.",
            f"{'캐릭터' if role == 'character' else '상품'} 그림 파일. 최대 {_MEGABYTES:g} MB(설정이 다르면 /api/options의 `image.max_bytes`). "
            f"형식은 내용으로 판단합니다: {', '.join(EXTENSIONS)}.",
        ),
    }  # fmt: skip
    own = text(
        "Or a picture of an own job: job:<id>/<index>.", "또는 내 작업의 그림: job:<id>/<index>.",
        pattern=f"^job:{PATTERN}/[0-9]+$", examples=["job:job_06f3k2m8r4s9v1w5x7y0z2a4b6/0"],
    )  # fmt: skip
    return {"anyOf": [file, own]}


def _texts(kind: Kind, models: tuple[str, ...]) -> dict[str, Schema]:
    """The text fields of a kind's form, in the order in which `generation.FIELDS` has them."""
    described = {
        # Beside a preset an empty one is one that was left out.
        "prompt": prompt(least=0 if kind.accepts_preset else 1),
        "aspect_ratio": one_of(
            limits.ASPECT_RATIOS, "Shape of the picture. A preset has its own default.", "그림의 비율. 프리셋마다 기본값이 있습니다.",
            default="match_input_image", examples=["1:1"],
        ),
        "output_format": one_of(
            (*limits.OUTPUT_FORMATS, *limits.OUTPUT_FORMAT_SPELLINGS), "jpg is read as jpeg.", "jpg는 jpeg로 읽습니다.",
            default=limits.OUTPUT_FORMATS[0], examples=["png"],
        ),
        "safety_tolerance": whole(
            "0 is the strictest.", "0이 가장 엄격합니다.", minimum=limits.SAFETY_MIN, maximum=limits.SAFETY_MAX,
            default=limits.SAFETY_DEFAULT, examples=[2],
        ),
        "seed": whole(
            "The same seed, the same picture, as far as the model goes. Left out: a random one, told in the job.",
            "같은 시드는 (모델이 허용하는 만큼) 같은 그림. 비우면 임의의 값을 쓰고 작업에 알려 줍니다.",
            minimum=0, maximum=limits.SEED_MAX, examples=[11],
        ),
        "n": whole(
            "Variations, with consecutive seeds. Each is paid for.", "변형 장수. 시드가 이어지며 장마다 비용이 듭니다.", minimum=1,
            maximum=limits.PICTURES_MAX, default=1, examples=[1],
        ),
        "model": one_of(
            models, "One of the kind's in /api/options. Left out: the default one, with the others as its fallback.",
            "/api/options에 있는 모델. 비우면 기본 모델을 쓰고, 안 되면 다음 모델로 넘어갑니다.",
        ) if models else text("One of the kind's in /api/options.", "/api/options에 있는 모델."),
        "language": one_of(limits.LANGUAGES, "The prompt's language.", "프롬프트의 언어.", examples=["ko"]),
        "label": one_of(
            limits.LABELS, "visible: an AI label on the picture. The default is the app's.", "visible: 그림에 AI 표시를 넣습니다. 기본값은 앱의 설정.",
            examples=["none"],
        ),
        "metadata": metadata(),
    }  # fmt: skip
    if kind.accepts_preset:
        described["preset"] = one_of(
            PRESETS,
            "What the character is put on; its prompt comes before yours.",
            "캐릭터를 올릴 굿즈. 프리셋의 프롬프트가 앞에 붙습니다.",
            examples=["mug"],
        )
    described["webhook_url"] = text(
        "Told when the job has ended, signed as Standard Webhooks says.",
        "작업이 끝나면 알려 줄 주소. Standard Webhooks 방식으로 서명합니다.",
        format="uri",
        examples=["https://example.com/hooks/toonconnect"],
    )
    return described


def prompt(least: int = 1) -> Schema:
    return text(
        "At least one character that can be seen, counted in NFC.",
        "눈에 보이는 글자가 하나는 있어야 하며, NFC로 셉니다.",
        minLength=least,
        maxLength=limits.PROMPT_MAX_CHARACTERS,
        format=PROMPT_FORMAT,
        examples=["캐릭터가 비 오는 거리에서 캔 음료를 마신다"],
    )


def metadata() -> Schema:
    return {
        "type": "object", "maxProperties": limits.METADATA_MAX_KEYS,
        "propertyNames": {"maxLength": limits.METADATA_MAX_CHARACTERS},
        "additionalProperties": {
            "anyOf": [{"type": "string", "maxLength": limits.METADATA_MAX_CHARACTERS}, {"type": "number"}, {"type": "boolean"}]
        },
        **_told("Your own words, given back with the job.", "작업과 함께 되돌려 주는 값."), "examples": [{"episode": "12"}],
    }  # fmt: skip


# ---- what comes back ----


def _charged(en: str, ko: str) -> Schema:
    return one_of(get_args(Charged), en, ko)


def _names() -> Schema:
    return thing("Names", {"ko": text("", ""), "en": text("", "")})


def _link(en: str, ko: str) -> Schema:
    # One without a host where nobody knows it (HTTP/1.0).
    return text(en, ko, format="uri-reference")


def problem_schemas() -> dict[str, Schema]:
    return {
        "FieldError": thing("FieldError", {
            "field": text("The form field, query parameter or setting.", "필드, 쿼리 매개변수 또는 설정의 이름."),
            "message": text("What is wrong with it, for people.", "사람이 읽을 설명."),
            "pointer": text("A JSON Pointer to it, as a fragment (RFC 6901, 6).", "필드를 가리키는 JSON Pointer(RFC 6901, 6)."),
            "code": text("What is wrong, for programs.", "프로그램이 읽을 코드."),
        }),
        "Problem": thing("Problem", {
            "type": text("Names the kind of problem.", "문제의 종류.", format="uri-reference"),
            "title": text("", ""),
            "status": whole("The HTTP status.", "HTTP 상태.", minimum=400, maximum=599),
            "detail": text("What happened and what to do, in the language of the request.", "무슨 일이고 어떻게 할지(요청의 언어)."),
            "instance": or_null(text("The address that it is about.", "문제가 난 주소.", format="uri-reference")),
            "code": one_of(CATALOGUE, "What clients branch on.", "클라이언트가 분기할 값."),
            "stage": or_null(text("Where in the job's life.", "작업의 어느 단계에서.")),
            "retryable": yes_or_no("Whether the same request may succeed later.", "같은 요청이 나중에 될 수 있는지."),
            "charged": _charged("Whether it cost anything. `no` is only said when nothing can have been charged.", "비용이 들었는지. `no`는 들었을 리 없을 때만 씁니다."),
            "request_id": or_null(text("Tell it to your administrator.", "관리자에게 알려 줄 번호.")),
            "errors": several(ref("FieldError"), "One for each field.", "필드마다 하나."),
            "error": text("Repeats `detail`, for the old page.", "`detail`과 같습니다(예전 페이지용)."),
            "limit": text("Which limit was met.", "어느 한도인지."),
            "reset_at": text("When it begins anew.", "한도가 다시 시작되는 때.", format="date-time"),
        }, optional=("limit", "reset_at"), description="RFC 9457 problem details · 문제 설명(RFC 9457)"),
    }  # fmt: skip


def job_schemas() -> dict[str, Schema]:
    return {
        "Job": thing("Job", {
            "id": text("", "", pattern=f"^{PATTERN}$"),
            "kind": one_of(KINDS, "", ""),
            "status": one_of(STATUSES, "One that you do not know means: still running. A terminal one never changes.", "모르는 값은 진행 중으로 읽으세요. 끝난 상태는 바뀌지 않습니다."),
            "stage": or_null(one_of(STAGES, "While it runs.", "진행 중일 때의 단계.")),
            "progress": whole("Never goes back.", "줄어들지 않습니다.", minimum=0, maximum=100),
            "queue_position": or_null(whole("Its place in line while it waits.", "기다리는 동안의 순번.", minimum=1)),
            "eta_seconds": or_null(whole("Null when nobody knows.", "알 수 없으면 null.", minimum=0)),
            "overdue": yes_or_no("Later than expected.", "예상보다 늦어짐."),
            "waiting_for": or_null(one_of(("turn", "provider"), "While it waits: its turn, or a provider that takes nothing now.", "기다리는 이유: 차례(turn), 또는 지금 요청을 받지 않는 생성 서비스(provider).")),
            "created_at": time("", ""),
            "started_at": or_null(time("", "")),
            "completed_at": or_null(time("", "")),
            "expires_at": or_null(time("When its results are deleted.", "결과가 삭제되는 때.")),
            "input": ref("Input"),
            "outputs": several(ref("Output"), "The pictures that are there; of several each as soon as it is.", "만들어진 그림. 여러 장이면 되는 대로 하나씩."),
            "pictures": several(ref("Picture"), "One for each that was asked for.", "요청한 그림마다 하나."),
            "warnings": several(ref("Warning"), "What is merely poor.", "실패는 아니지만 알아 둘 점."),
            "error": or_null(ref("Problem")),
            "provider": text("", ""), "model": text("", ""),
            "fallback_used": yes_or_no("", ""),
            "fallback": or_null(ref("Fallback")),
            "attempts": whole("Sends to a provider.", "생성 서비스에 보낸 횟수.", minimum=0),
            "possible_duplicate": yes_or_no("A picture may have been paid for twice.", "한 장이 두 번 결제되었을 수 있음."),
            "usage": ref("Usage"),
            "metrics": or_null(ref("Metrics")),
            "sample": yes_or_no("Made in a sandbox: simulated and not paid.", "샌드박스에서 만든 것(모의 결과, 비용 없음)."),
            "metadata": {**metadata(), "examples": [{"episode": "12"}]},
            "urls": ref("Urls"),
            "summary": or_null(text("How many of several pictures there are.", "여러 장 중 몇 장인지.")),
            "provenance": or_null(ref("Provenance")),
            "deliveries": several(ref("Delivery"), "What webhook_url was told.", "webhook_url에 보낸 기록."),
            "retry_of": or_null(ref("RetryOf")),
        }, optional=("provenance", "deliveries", "retry_of", "summary", "waiting_for")),
        "RetryOf": thing("RetryOf", {
            "id": text("The job whose pictures are made again.", "다시 만드는 원래 작업.", pattern=f"^{PATTERN}$"),
            "indexes": several(whole("", "", minimum=0), "The numbers that its pictures have there.", "원래 작업에서의 그림 번호."),
        }),
        "Provenance": thing("Provenance", {
            "digital_source_type": _link("What kind of picture it is, in IPTC's words.", "그림의 출처 종류(IPTC)."),
            "generator": text("What made it, as its file says.", "파일에 적힌 생성 도구."),
            "model": text("", ""), "provider": text("", ""), "created_at": or_null(time("", "")),
            "label": one_of(limits.LABELS, "What can be seen on it.", "그림에 보이는 표시."),
        }),
        "InputImage": thing("InputImage", {
            "field": text("The form's field.", "폼의 필드."),
            "source": text("`upload`, or the picture that was named.", "`upload` 또는 지정한 그림."),
            "url": _link("", ""), "url_expires_at": time("", ""), "thumbnail_url": _link("", ""),
        }),
        "Input": thing("Input", {
            "prompt": text("As it was written, in NFC.", "쓴 그대로(NFC)."),
            "prompt_sent": text("As the provider gets it.", "생성 서비스에 보내는 글."),
            "prompt_translated": or_null(text("What the translator made of it.", "번역기가 옮긴 영어.")),
            "preset": or_null(one_of(PRESETS, "", "")),
            "aspect_ratio": or_null(one_of(limits.ASPECT_RATIOS, "Null for a sheet: each picture has its own.", "시트에서는 null(그림마다 다름).")),
            "output_format": one_of(limits.OUTPUT_FORMATS, "", ""),
            "safety_tolerance": whole("", "", minimum=limits.SAFETY_MIN, maximum=limits.SAFETY_MAX),
            "seed": or_null(whole("", "", minimum=0, maximum=limits.SEED_MAX)),
            "n": whole("", "", minimum=1),
            "label": one_of(limits.LABELS, "", ""),
            "model": or_null(text("", "")),
            "language": or_null(one_of(limits.LANGUAGES, "", "")),
            "images": several(ref("InputImage"), "Once it has ended: what was sent, freshly linked.", "끝난 뒤: 보낸 이미지(새 링크)."),
            "presets": or_null(several(one_of(PRESETS, "", ""), "Of a sheet.", "시트의 프리셋.")),
        }, optional=("preset", "label", "model", "language", "images", "presets")),
        "Output": thing("Output", {
            "index": whole("", "", minimum=0),
            "url": _link("Opens without credentials until url_expires_at; signed anew at each GET.", "url_expires_at까지 인증 없이 열립니다. GET마다 새로 서명합니다."),
            "url_expires_at": time("", ""),
            "thumbnail_url": _link("", ""),
            "content_type": one_of(RESULT_TYPES, "", ""),
            "width": whole("", "", minimum=1), "height": whole("", "", minimum=1), "bytes": whole("", "", minimum=1),
            "sha256": text("Of the file.", "파일의 SHA-256."),
            "seed": or_null(whole("", "", minimum=0)),
            "preset": or_null(one_of(PRESETS, "", "")),
        }),
        "Picture": thing("Picture", {
            "index": whole("", "", minimum=0),
            "status": one_of(STATUSES, "", ""),
            "preset": or_null(one_of(PRESETS, "", "")),
            "seed": or_null(whole("", "", minimum=0)),
            "charged": _charged("`unknown` while the job runs.", "진행 중에는 `unknown`."),
            "error": or_null(ref("Problem")),
            "cost_usd": or_null(number("What it owes, or may. Null when nobody knows.", "드는(들 수 있는) 비용. 알 수 없으면 null.", minimum=0)),
            "settled": yes_or_no("False while that may change.", "바뀔 수 있으면 false."),
            "prompt_sent": text("Of a sheet.", "시트에서."), "aspect_ratio": one_of(limits.ASPECT_RATIOS, "Of a sheet.", "시트에서."),
        }, optional=("prompt_sent", "aspect_ratio")),
        "Warning": thing("Warning", {
            "code": text(f"Today: {', '.join(warning.CATALOGUE)}.", "새 코드가 늘어날 수 있습니다."),
            "detail": text("In the language of the request.", "요청의 언어로."),
            "field": or_null(text("The form's field.", "관련 필드.")),
        }),
        "Delivery": thing("Delivery", {
            "attempt": whole("", "", minimum=1), "id": text("The same for every try.", "시도마다 같습니다."), "at": time("", ""),
            "status": or_null(whole("What was answered.", "받은 응답.")), "reason": or_null(text("Why there was none.", "응답이 없던 이유.")),
            "next_at": or_null(time("When it is tried again.", "다시 시도할 때.")),
        }),
        "Fallback": thing("Fallback", {"from": text("", ""), "to": text("", "")}),
        "Usage": thing("Usage", {
            "cost_usd": or_null(number("All pictures together. Null when nobody knows.", "모든 그림의 비용. 알 수 없으면 null.", minimum=0)),
            "open_usd": number("How much of it may still fall away.", "그중 청구되지 않을 수도 있는 금액.", minimum=0),
            "estimated": yes_or_no("By list price: the provider's quote is not known.", "정가 기준 추정."),
            "settled": yes_or_no("False while something may still be charged.", "더 청구될 수 있으면 false."),
        }),
        "Metrics": thing("Metrics", {
            "queue_ms": or_null(whole("Until it was sent.", "보내기까지.", minimum=0)),
            "provider_ms": or_null(whole("At the provider.", "생성 서비스에서.", minimum=0)),
            "overhead_ms": or_null(whole("Ours.", "우리 쪽에서.", minimum=0)),
        }),
        "Urls": thing("Urls", {
            "self": _link("", ""), "result": _link("Works for the whole retention window.", "보관 기간 내내 열립니다."),
            "cancel": _link("", ""), "retry": _link("", ""),
        }),
    }  # fmt: skip


def other_schemas() -> dict[str, Schema]:
    bounds = thing("Bounds", {"min": whole("", ""), "max": whole("", ""), "default": whole("", "")}, optional=("default",))
    return {
        "Options": thing("Options", {
            "sandbox": yes_or_no("Nothing here is paid.", "샌드박스: 비용이 없습니다."),
            "translator": yes_or_no("Whether Korean prompts are translated here.", "한국어 프롬프트를 번역하는지."),
            "aspect_ratios": several(one_of(limits.ASPECT_RATIOS, "", ""), "", ""),
            "output_formats": several(one_of(limits.OUTPUT_FORMATS, "", ""), "", ""),
            "safety_tolerance": bounds, "seed": bounds, "n": bounds,
            "prompt": thing("PromptBounds", {"min_length": whole("", ""), "max_length": whole("", "")}),
            "image": thing("ImageBounds", {
                "max_bytes": whole("", ""), "max_pixels": whole("", ""),
                "max_pixels_by_type": {"type": "object", "additionalProperties": {"type": "integer"}},
                "content_types": several(one_of(EXTENSIONS, "", ""), "", ""),
            }),
            "sheet": thing("SheetBounds", {"max_presets": whole("", "", minimum=1)}),
            "presets": several(ref("Preset"), "", ""),
            "generators": several(ref("Generator"), "", ""),
        }),
        "Preset": thing("Preset", {
            "id": one_of(PRESETS, "", ""), "name": _names(), "aspect_ratio": one_of(limits.ASPECT_RATIOS, "", ""),
            "print_size": text("", ""), "print": ref("Print"),
        }),
        "Print": thing("Print", {
            "width_cm": number("", "", minimum=0), "height_cm": number("", "", minimum=0),
            "least_dpi": whole("For a good print.", "좋은 인쇄에 필요한 값.", minimum=1),
            "picture": thing("PrintedPicture", {
                "width": whole("", "", minimum=1), "height": whole("", "", minimum=1), "dpi": whole("", "", minimum=1),
                "verdict": one_of(("good", "draft_only"), "", ""),
            }),
        }),
        "Generator": thing("Generator", {
            "kind": one_of(KINDS, "", ""), "path": text("", ""), "provider": text("", ""), "model": text("", ""),
            "is_default": yes_or_no("", ""), "name": _names(), "good_for": _names(),
            "expected_seconds": whole("As measured on the last pictures.", "최근 그림으로 잰 시간.", minimum=0),
            "price_usd": number("For one picture.", "그림 한 장의 가격.", minimum=0),
            "min_side_px": whole("", "", minimum=0), "images": several(text("", ""), "", ""),
            "stopped": or_null(text(
                "Why no job is taken in for it now: an error's code.", "지금 작업을 받지 않는 까닭: 오류 코드.",
            )),
        }),
        "Health": thing("Health", {"status": one_of(("ok",), "", "")}),
        "Ready": thing("Ready", {
            "status": one_of(("ready", "not_ready"), "", ""), "sandbox": yes_or_no("", ""),
            "checks": {"type": "object", "additionalProperties": ref("Check")},
        }),
        "NotReady": thing("Ready", {
            **problem_schemas()["Problem"]["properties"], "sandbox": yes_or_no("", ""),
            "checks": {"type": "object", "additionalProperties": ref("Check")},
        }, optional=("limit", "reset_at")),
        "Check": {**thing("Check", {"status": one_of(("ok", "off", "degraded", "failed"), "", "")}), "additionalProperties": True},
        "Translation": thing("Translation", {
            "translated_text": text("In English.", "영어 번역."), "detected_language": or_null(text("", "")),
        }),
        "TranslationRequest": {"type": "object", "properties": {"prompt": prompt()}, "required": ["prompt"]},
    }  # fmt: skip


def schemas_of_answers() -> dict[str, Schema]:
    """Of lists, money, claims and webhooks."""
    return {
        "JobList": thing("JobList", {
            "data": several(ref("Job"), "Newest first.", "최신 순."),
            "has_more": yes_or_no("", ""),
            "next_cursor": or_null(text("Send it as cursor.", "cursor로 보내세요.")),
        }),
        "UsageSum": thing("UsageSum", {
            "from": text("", "", format="date"), "to": text("", "", format="date"), "time_zone": text("", ""), "currency": text("", ""),
            "data": several(ref("Spent"), "By day and kind.", "날짜와 종류별."), "total": ref("Spent"),
            "limits": several(ref("Limit"), "Those that are set.", "정해진 한도."),
        }),
        "Spent": {**thing("Spent", {
            "date": text("", "", format="date"), "kind": one_of(KINDS, "", ""),
            "cost_usd": number("With what may still be charged.", "청구될 수 있는 것까지.", minimum=0),
            "open_usd": number("How much of it that is.", "그중 확정되지 않은 금액.", minimum=0),
            "settled": yes_or_no("", ""),
        }, optional=("date", "kind")), "additionalProperties": True},
        "Limit": thing("Limit", {
            "window": one_of(("day", "month"), "", ""), "limit_usd": number("", ""), "used_usd": number("", ""), "reset_at": time("", ""),
        }),
        "Claims": thing("Claims", {"data": several(thing("Claim", {
            "id": text("", ""), "claimed": yes_or_no("It is yours now.", "이제 내 것."), "error": or_null(ref("Problem")),
        }), "In the order of the request.", "요청한 순서대로.")}),
        "WebhookSecret": thing("WebhookSecret", {
            "secret": text("Verifies what webhook_url is told.", "webhook_url로 온 것을 검증할 서명 비밀 키.", pattern="^whsec_[A-Za-z0-9+/=]+$"),
            "version": whole("", "", minimum=1),
            "rotated_at": or_null(time("", "")),
            "also_signing": several(
                thing("FormerSecret", {"version": whole("", ""), "until": time("", "")}), "Former ones that sign beside it.", "함께 서명하는 이전 서명 비밀 키."
            ),
        }),
        "RetryRequest": {
            "type": "object", "properties": {"seed": one_of(("same", "new"), "", "", default="same")},
        },
        "ClaimRequest": {
            "type": "object", "properties": {"ids": several(text("", ""), "", "", minItems=1, maxItems=100)}, "required": ["ids"],
            "additionalProperties": False,
        },
        "JobEnded": thing("JobEnded", {
            "type": one_of([f"job.{status}" for status in STATUSES[2:]], "", ""), "timestamp": time("", ""),
            "data": thing("EndedJob", {
                "id": text("", "", pattern=f"^{PATTERN}$"), "status": one_of(STATUSES[2:], "", ""), "kind": one_of(KINDS, "", ""),
                "urls": thing("EndedUrls", {"self": _link("", ""), "result": _link("", "")}),
            }),
        }),
    }  # fmt: skip
