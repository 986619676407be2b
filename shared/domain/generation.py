"""What a user asks for: the form's fields, checked. Limits are the HTTP contract's (design, section 4)."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from shared.domain.kinds import Kind
from shared.domain.presets import PRESETS
from shared.domain.problem import Mistake, ProblemError, invalid_fields
from shared.domain.text import TooLong, composed, is_blank, is_damaged, is_misread, nfc
from shared.domain.webhook_url import mistake_in

ASPECT_RATIOS = (
    "match_input_image", "1:1", "16:9", "9:16", "4:3", "3:4", "3:2", "2:3", "4:5", "5:4", "21:9", "9:21", "2:1", "1:2",
)  # fmt: skip
OUTPUT_FORMATS = ("png", "jpeg")
#: What is read as one of them.
OUTPUT_FORMAT_SPELLINGS = {"jpg": "jpeg"}
LANGUAGES = ("ko", "en")
LABELS = ("none", "visible")
SAFETY_MIN, SAFETY_MAX, SAFETY_DEFAULT = 0, 2, 2
SEED_MAX = 4_294_967_295
PICTURES_MAX = 4
PROMPT_MAX_CHARACTERS = 2000
MAX_IMAGE_PIXELS = 40_000_000
#: Longer side of what goes to a provider.
PROVIDER_IMAGE_SIDE_PX = 1024
METADATA_MAX_KEYS, METADATA_MAX_CHARACTERS = 16, 512
#: Of a choice or a number: longer than any that is taken.
_WORD_MAX_CHARACTERS = 512
#: Of a name that is nobody's: enough to recognise it.
_NAME_SHOWN_CHARACTERS = 60

FIELDS = (
    "prompt", "aspect_ratio", "output_format", "safety_tolerance", "seed", "n", "model", "language", "label", "metadata",
    "webhook_url",
)  # fmt: skip


#: Of a text that `is_misread`.
MISREAD = (
    "제어 문자가 있어 UTF-16이나 ISO-2022로 쓴 글로 보입니다. 제어 문자 없이 UTF-8로 보내 주세요.",
    "It has control characters, as a text in UTF-16 or ISO-2022 has. Send it as UTF-8, without any.",
)


@dataclass(frozen=True)
class Generation:
    """One checked request. `seed` is None when the user left it open, `aspect_ratio` where each picture has its preset's."""

    prompt: str
    preset: str | None
    aspect_ratio: str | None
    output_format: str
    safety_tolerance: int
    seed: int | None
    n: int
    language: str | None
    label: str
    #: None: whichever is the kind's default, with the others as its fallback.
    model: str | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    #: Of a sheet, one a picture; `preset` is None then.
    presets: tuple[str, ...] = ()
    #: Who is told of the job's end. It may hold a key of the user's: it is content, and goes into the job's document only.
    webhook_url: str | None = field(default=None, repr=False)
    #: Fields that were written out; the others have their defaults.
    given: frozenset[str] = field(default=frozenset(), compare=False)

    @property
    def prompt_sent(self) -> str:
        """What a provider gets of the prompt as it was written."""
        return sent_prompt(self.preset, self.prompt)


def asked_seed(asked: Mapping[str, Any], seeds: Sequence[int]) -> int | None:
    """The `seed` of a form that gives pictures these seeds, each the one before and one more; None where nobody asked for any, or
    where they do not follow each other."""
    follow = all(seed == (seeds[0] + number) % (SEED_MAX + 1) for number, seed in enumerate(seeds))
    return seeds[0] if follow and asked.get("seed") is not None else None


def sent_prompt(preset: str | None, words: str) -> str:
    """The text a provider gets for one picture: a preset's template, followed by what the user added to it. Templates are English."""
    if preset is None:
        return words
    return f"{PRESETS[preset].prompt} {words}".strip()


def parse_generation(
    kind: Kind, fields: Mapping[str, str], files: set[str], *, default_label: str = "none", mistakes: Sequence[Mistake] = (),
    webhook_hosts: tuple[str, ...] = (),
) -> Generation:  # fmt: skip
    """Check the text fields of a form and that its files are there; every mistake is reported at once, after those that were
    found before. Which models there are is a setting: whether the one that is asked for is among them is checked when a job is
    to be made.

    Raises ProblemError (`validation_failed`) that names each field.
    """
    errors: list[Mistake] = []
    known = {*FIELDS, *kind.images, *(("preset",) if kind.accepts_preset else ())}
    for name in sorted({*fields, *files} - known):
        errors.append((shown(name), "알 수 없는 필드입니다. 지워 주세요.", "Unknown field: remove it.", "unknown_field"))
    for name in kind.images:
        if name not in files:
            errors.append((name, "이미지를 올려 주세요.", "Upload an image.", "required"))
    words = {name: _word(text) for name, text in fields.items() if name in known}

    def whole(name: str, low: int, high: int, default: int | None) -> int | None:
        text = words.get(name, "")
        if not text:
            return default
        # The length comes first: Python refuses to read thousands of digits.
        if text.isascii() and text.isdigit() and len(text) <= 20 and low <= int(text) <= high:
            return int(text)
        errors.append(
            (name, f"{low}에서 {high} 사이의 정수여야 합니다.", f"Must be a whole number from {low} to {high}.", "out_of_range")
        )
        return default

    def choice(name: str, allowed: Sequence[str], default: str) -> str:
        text = words.get(name) or default
        if text in allowed:
            return text
        listed = ", ".join(allowed)
        errors.append((name, f"다음 중 하나여야 합니다: {listed}", f"Must be one of: {listed}", "not_a_choice"))
        return default

    preset = choice("preset", tuple(PRESETS), "") or None if kind.accepts_preset and words.get("preset") else None
    prompt = _prompt(fields.get("prompt", ""), errors)
    if prompt == "" and preset is None:
        errors.append(
            ("prompt", "프롬프트나 프리셋이 필요합니다.", "A prompt or a preset is needed.", "required") if kind.accepts_preset
            else ("prompt", "프롬프트를 입력해 주세요.", "Write a prompt.", "required")
        )  # fmt: skip
    format_text = OUTPUT_FORMAT_SPELLINGS.get(words.get("output_format", ""), words.get("output_format"))
    if format_text and format_text not in OUTPUT_FORMATS:
        errors.append(("output_format", "png 또는 jpeg여야 합니다.", "Must be png or jpeg.", "not_a_choice"))
    checked = Generation(
        prompt=prompt or "",
        preset=preset,
        aspect_ratio=choice("aspect_ratio", ASPECT_RATIOS, PRESETS[preset].aspect_ratio if preset else "match_input_image"),
        output_format=format_text or "png",
        safety_tolerance=whole("safety_tolerance", SAFETY_MIN, SAFETY_MAX, SAFETY_DEFAULT) or 0,
        seed=whole("seed", 0, SEED_MAX, None),
        n=whole("n", 1, PICTURES_MAX, 1) or 1,
        language=choice("language", LANGUAGES, "") if words.get("language") else None,
        model=words.get("model") or None,
        label=choice("label", LABELS, default_label),
        metadata=_metadata(fields.get("metadata", ""), errors),
        webhook_url=_webhook_url(fields.get("webhook_url", ""), webhook_hosts, errors),
        given=frozenset(name for name, word in words.items() if word),
    )
    told = {mistake[0] for mistake in mistakes}
    errors = [*mistakes, *(error for error in errors if error[0] not in told)]
    if errors:
        raise ProblemError(invalid_fields(*errors))
    return checked


def checked_prompt(text: str) -> str:
    """A prompt that is to be there, as it is counted and sent. Raises ProblemError (`validation_failed`)."""
    errors: list[Mistake] = []
    prompt = _prompt(text, errors)
    if prompt == "":
        errors.append(("prompt", "프롬프트를 입력해 주세요.", "Write a prompt.", "required"))
    if errors or prompt is None:
        raise ProblemError(invalid_fields(*errors))
    return prompt


def shown(name: str) -> str:
    """A field's name that somebody made up, fit for a sentence."""
    printable = "".join(c if c.isprintable() else "?" for c in name[: _NAME_SHOWN_CHARACTERS + 1])
    return printable if len(name) <= _NAME_SHOWN_CHARACTERS else f"{printable[:_NAME_SHOWN_CHARACTERS]}…"


def _word(text: str) -> str:
    """A choice or a number, or something that is none."""
    try:
        return composed(text, _WORD_MAX_CHARACTERS)
    except TooLong:
        return text


def _prompt(text: str, errors: list[Mistake]) -> str | None:
    """The prompt as it is counted, kept and sent, empty when there is nothing to be seen; None when it cannot be used."""
    if is_misread(text):
        errors.append(("prompt", *MISREAD, "unreadable"))
        return None
    try:
        prompt = composed(text, PROMPT_MAX_CHARACTERS)
    except TooLong:
        errors.append(
            (
                "prompt",
                f"{PROMPT_MAX_CHARACTERS}자까지 쓸 수 있습니다.",
                f"At most {PROMPT_MAX_CHARACTERS} characters.",
                "too_long",
            )
        )
        return None
    if is_damaged(prompt):
        errors.append((
            "prompt", "오는 길에 깨진 글자(�)가 있습니다. 다시 입력하고 UTF-8로 보내 주세요.",
            "Characters of it were lost on the way (�). Write it again and send it as UTF-8.", "unreadable",
        ))  # fmt: skip
        return None
    return "" if is_blank(prompt) else prompt


def _metadata(text: str, errors: list[Mistake]) -> dict[str, Any]:
    if not text.strip("\ufeff \t\r\n"):
        return {}
    try:
        read = json.loads(text.removeprefix("\ufeff"), parse_constant=_refuse)
        # Half a surrogate pair can be written in JSON, but not as UTF-8.
        json.dumps(read, ensure_ascii=False, allow_nan=False).encode()
        value = _composed_metadata(read)
    except (ValueError, RecursionError):
        value = None
    if value is None:
        errors.append((
            "metadata",
            f"값이 문자열이나 숫자인 JSON 객체여야 합니다(최대 {METADATA_MAX_KEYS}개, 이름과 값은 {METADATA_MAX_CHARACTERS}자까지).",
            f"Must be a JSON object of strings or numbers, at most {METADATA_MAX_KEYS} of them, names and values of at most "
            f"{METADATA_MAX_CHARACTERS} characters.", "wrong_type",
        ))  # fmt: skip
        return {}
    return value


def _webhook_url(text: str, extra_hosts: tuple[str, ...], errors: list[Mistake]) -> str | None:
    url = text.strip("\ufeff \t\r\n")
    mistake = mistake_in(url, extra_hosts) if url else None
    if mistake is not None:
        errors.append(("webhook_url", *mistake))
    return url or None


def _composed_metadata(value: Any) -> dict[str, Any] | None:
    """Texts of it in NFC, otherwise as they were sent; None for what is no flat object. Raises TooLong."""
    if not isinstance(value, dict) or len(value) > METADATA_MAX_KEYS:
        return None
    if not all(isinstance(item, str | int | float | bool) and _is_short(item) for item in value.values()):
        return None
    return {
        nfc(name, METADATA_MAX_CHARACTERS): nfc(item, METADATA_MAX_CHARACTERS) if isinstance(item, str) else item
        for name, item in value.items()
    }


def _is_short(item: Any) -> bool:
    return isinstance(item, str) or len(str(item)) <= METADATA_MAX_CHARACTERS


def _refuse(constant: str) -> None:
    """NaN and Infinity are no JSON: browsers could not read the job that holds them."""
    raise ValueError(constant)
