"""What a user asks for: the form's fields, checked. Limits are the HTTP contract's (design, section 4)."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from shared.domain.kinds import Kind
from shared.domain.presets import PRESETS
from shared.domain.problem import ProblemError, invalid_fields

ASPECT_RATIOS = (
    "match_input_image", "1:1", "16:9", "9:16", "4:3", "3:4", "3:2", "2:3", "4:5", "5:4", "21:9", "9:21", "2:1", "1:2",
)  # fmt: skip
OUTPUT_FORMATS = ("png", "jpeg")
SAFETY_MIN, SAFETY_MAX, SAFETY_DEFAULT = 0, 2, 2
SEED_MAX = 4_294_967_295
PICTURES_MAX = 4
PROMPT_MAX_CHARACTERS = 2000
MAX_IMAGE_PIXELS = 40_000_000
#: Longer side of what goes to a provider.
PROVIDER_IMAGE_SIDE_PX = 1024
METADATA_MAX_KEYS, METADATA_MAX_CHARACTERS = 16, 512

FIELDS = (
    "prompt", "aspect_ratio", "output_format", "safety_tolerance", "seed", "n", "model", "language", "label", "metadata",
)  # fmt: skip


@dataclass(frozen=True)
class Generation:
    """One checked request. `seed` is None when the user left it open."""

    prompt: str
    preset: str | None
    aspect_ratio: str
    output_format: str
    safety_tolerance: int
    seed: int | None
    n: int
    language: str | None
    label: str
    #: None: whichever is the kind's default, with the others as its fallback.
    model: str | None = None
    metadata: dict[str, Any] = field(default_factory=dict)

    @property
    def prompt_sent(self) -> str:
        """The text a provider gets: a preset's template, followed by what the user added to it."""
        if self.preset is None:
            return self.prompt
        return f"{PRESETS[self.preset].prompt} {self.prompt}".strip()


def parse_generation(kind: Kind, fields: Mapping[str, str], files: set[str], *, default_label: str = "none") -> Generation:
    """Check the text fields of a form and that its files are there; every mistake is reported at once. Which models there are is
    a setting: whether the one that is asked for is among them is checked when a job is to be made.

    Raises ProblemError (`validation_failed`) that names each field.
    """
    errors: list[tuple[str, str, str]] = []
    known = {*FIELDS, *kind.images, *(("preset",) if kind.accepts_preset else ())}
    for name in sorted({*fields, *files} - known):
        errors.append((name, "알 수 없는 필드입니다. 지워 주세요.", "Unknown field: remove it."))
    for name in sorted((files & known) - set(kind.images)):
        errors.append((name, "파일이 아니라 텍스트로 보내 주세요.", "Send it as text, not as a file."))
    for name in kind.images:
        if name not in files:
            errors.append((name, "이미지를 올려 주세요.", "Upload an image."))

    def whole(name: str, low: int, high: int, default: int | None) -> int | None:
        text = fields.get(name, "").strip()
        if not text:
            return default
        # The length comes first: Python refuses to read thousands of digits.
        if text.isascii() and text.isdigit() and len(text) <= 20 and low <= int(text) <= high:
            return int(text)
        errors.append((name, f"{low}에서 {high} 사이의 정수여야 합니다.", f"Must be a whole number from {low} to {high}."))
        return default

    def choice(name: str, allowed: Sequence[str], default: str) -> str:
        text = fields.get(name, "").strip() or default
        if text in allowed:
            return text
        errors.append((name, f"다음 중 하나여야 합니다: {', '.join(allowed)}", f"Must be one of: {', '.join(allowed)}"))
        return default

    preset = choice("preset", tuple(PRESETS), "") or None if kind.accepts_preset and fields.get("preset", "").strip() else None
    # A browser sends each line break of a form as two characters (HTML, 4.10.21.8), and counts it as one.
    prompt = fields.get("prompt", "").replace("\r\n", "\n").strip()
    if len(prompt) > PROMPT_MAX_CHARACTERS:
        errors.append(
            ("prompt", f"{PROMPT_MAX_CHARACTERS}자까지 쓸 수 있습니다.", f"At most {PROMPT_MAX_CHARACTERS} characters.")
        )
    if not prompt and preset is None:
        errors.append(
            ("prompt", "프롬프트나 프리셋이 필요합니다.", "A prompt or a preset is needed.") if kind.accepts_preset
            else ("prompt", "프롬프트를 입력해 주세요.", "Write a prompt.")
        )  # fmt: skip
    format_text = "jpeg" if fields.get("output_format", "").strip() == "jpg" else fields.get("output_format", "").strip()
    if format_text and format_text not in OUTPUT_FORMATS:
        errors.append(("output_format", "png 또는 jpeg여야 합니다.", "Must be png or jpeg."))
    checked = Generation(
        prompt=prompt,
        preset=preset,
        aspect_ratio=choice("aspect_ratio", ASPECT_RATIOS, PRESETS[preset].aspect_ratio if preset else "match_input_image"),
        output_format=format_text or "png",
        safety_tolerance=whole("safety_tolerance", SAFETY_MIN, SAFETY_MAX, SAFETY_DEFAULT) or 0,
        seed=whole("seed", 0, SEED_MAX, None),
        n=whole("n", 1, PICTURES_MAX, 1) or 1,
        language=choice("language", ("ko", "en"), "") if fields.get("language", "").strip() else None,
        model=fields.get("model", "").strip() or None,
        label=choice("label", ("none", "visible"), default_label),
        metadata=_metadata(fields.get("metadata", ""), errors),
    )
    if errors:
        raise ProblemError(invalid_fields(*errors))
    return checked


def _metadata(text: str, errors: list[tuple[str, str, str]]) -> dict[str, Any]:
    if not text.strip():
        return {}
    try:
        value = json.loads(text, parse_constant=_refuse)
        # Half a surrogate pair can be written in JSON, but not as UTF-8.
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError):
        value = None
    fits = isinstance(value, dict) and len(value) <= METADATA_MAX_KEYS and all(
        isinstance(v, str | int | float | bool) and len(str(k)) <= METADATA_MAX_CHARACTERS and len(str(v)) <= METADATA_MAX_CHARACTERS
        for k, v in value.items()
    )  # fmt: skip
    if not fits:
        errors.append((
            "metadata", f"값이 문자열이나 숫자인 JSON 객체여야 합니다(최대 {METADATA_MAX_KEYS}개).",
            f"Must be a JSON object of strings or numbers, at most {METADATA_MAX_KEYS} of them.",
        ))  # fmt: skip
        return {}
    return dict(value)


def _refuse(constant: str) -> None:
    """NaN and Infinity are no JSON: browsers could not read the job that holds them."""
    raise ValueError(constant)
