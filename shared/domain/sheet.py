"""A sheet: one character on several goods, as one job with a picture for each preset."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from shared.domain.generation import Generation, parse_generation
from shared.domain.job import Document, is_terminal
from shared.domain.kinds import Kind
from shared.domain.presets import PRESETS
from shared.domain.problem import CATALOGUE, Mistake
from shared.domain.text import TooLong, composed

#: The most pictures that one job has: names.PICTURE_SUFFIX has a digit for them.
SHEET_PICTURES_MAX = 9
#: Of a list of presets: longer than any that is taken.
_LIST_MAX_CHARACTERS = 2000
#: What the form of a sheet does not have, and what it has instead.
_INSTEAD: tuple[Mistake, ...] = (
    ("preset", "시트에서는 presets로 보내 주세요.", "A sheet takes presets instead."),
    ("n", "시트는 프리셋마다 한 장씩 만듭니다. 지워 주세요.", "A sheet has one picture a preset: remove it."),
)


def parse_sheet(
    kind: Kind, fields: Mapping[str, str], files: set[str], *, mistakes: Sequence[Mistake] = (), **bounds: Any
) -> Generation:
    """As parse_generation, of a form that has `presets` (a JSON list, or names with commas between them) for `preset` and `n`,
    and whose prompt may be left out. Without an `aspect_ratio` each picture has its preset's.

    Raises ProblemError (`validation_failed`) that names each field.
    """
    told = {mistake[0] for mistake in mistakes}
    presets, mistake = _presets(fields.get("presets", ""))
    found = [*mistakes, *(one for one in _INSTEAD if one[0] in fields)]
    if mistake is not None and "presets" not in told:
        found.append(mistake)
    others = {name: text for name, text in fields.items() if name not in ("presets", "preset", "n")}
    # Any preset makes the prompt one that may be left out.
    one = {"preset": presets[0] if presets else next(iter(PRESETS))}
    asked = parse_generation(kind, others | one, files, mistakes=found, **bounds)
    return replace(
        asked, preset=None, presets=tuple(presets), n=len(presets),
        aspect_ratio=asked.aspect_ratio if "aspect_ratio" in asked.given else None,
        given=asked.given - {"preset"} | {"presets"},
    )  # fmt: skip


def sheet_of(asked: Generation) -> dict[str, Any]:
    """What the document of a sheet's job has beside that of another one: of each picture its preset, and what that adds to it, so
    that a job under way is sent as it was accepted whatever becomes of the preset. Nothing for another job."""
    if not asked.presets:
        return {}
    presets = [PRESETS[name] for name in asked.presets]
    return {
        "presets": list(asked.presets),
        "sheet": [{"prompt": p.prompt, "aspect_ratio": asked.aspect_ratio or p.aspect_ratio} for p in presets],
    }  # fmt: skip


# ---- the pictures of a job ----


def preset_of(document: Document, index: int) -> str | None:
    presets = document.get("presets")
    preset: str | None = presets[index] if presets else document["input"].get("preset")
    return preset


def sent_of(document: Document, index: int) -> tuple[str, str]:
    """(prompt, aspect ratio) that a provider is asked for with one picture of a job."""
    asked, sheet = document["input"], document.get("sheet")
    if sheet is None:
        return asked["prompt_sent"], asked["aspect_ratio"]
    return f"{sheet[index]['prompt']} {asked['prompt_sent']}".strip(), sheet[index]["aspect_ratio"]


def missing_pictures(document: Document) -> list[int]:
    """Those that a job was asked for and has not got."""
    made = {output["index"] for output in document["outputs"]}
    return [index for index in range(len(document["seeds"])) if index not in made]


def how_many(document: Document) -> tuple[str, str] | None:
    """How many of several pictures an ended job has, in Korean and English; None of one that had one to make, or goes on."""
    asked, missing = len(document["seeds"]), len(missing_pictures(document))
    if asked == 1 or not is_terminal(document["status"]):
        return None
    if not missing:
        return f"{asked}장을 모두 만들었습니다.", f"All {asked} pictures were made."
    if not any(CATALOGUE[code].retryable for code in _codes_of_missing(document)):
        # The same request would meet the same refusal.
        return (
            f"{asked}장 중 {asked - missing}장을 만들었습니다. 빠진 그림은 내용을 바꿔야 만들 수 있습니다.",
            f"{asked - missing} of {asked} pictures were made. Those that are missing need another prompt or picture.",
        )
    again_ko = "빠진 그림만 다시 만들 수 있습니다(retry)." if missing < asked else "모두 다시 만들 수 있습니다(retry)."
    again_en = "Those that are missing can be made again alone (retry)." if missing < asked else "They can be made again (retry)."
    if missing == asked:
        return f"{asked}장 중 한 장도 만들지 못했습니다. {again_ko}", f"None of {asked} pictures was made. {again_en}"
    made = asked - missing
    return f"{asked}장 중 {made}장을 만들었습니다. {again_ko}", f"{made} of {asked} pictures were made. {again_en}"


def _codes_of_missing(document: Document) -> list[str]:
    """Why; what no version in use knows counts as what may pass."""
    problems = [picture.get("problem") for picture in document.get("pictures", ()) if not picture.get("output")]
    codes = [problem["code"] if problem else "internal" for problem in problems]
    return [code if code in CATALOGUE else "internal" for code in codes] or ["internal"]


def _presets(text: str) -> tuple[list[str], Mistake | None]:
    """The presets of a list as it was written, or what is wrong with it."""
    try:
        written = composed(text, _LIST_MAX_CHARACTERS)
        read = json.loads(written) if written.startswith("[") else written.split(",")
        names = [name.strip() for name in read]
    except (TooLong, ValueError, RecursionError, AttributeError):
        return [], (
            "presets", '["mug", "tshirt"] 같은 JSON 목록으로, 또는 필드를 여러 번 보내 주세요.',
            'Send a JSON list like ["mug", "tshirt"], or the field several times.',
        )  # fmt: skip
    names = [name for name in names if name]
    known = ", ".join(PRESETS)
    if not names or any(name not in PRESETS for name in names):
        return [], ("presets", f"다음 중에서 하나 이상 골라 주세요: {known}", f"Choose one or more of: {known}")
    if len(set(names)) < len(names):
        return [], ("presets", "프리셋은 한 번씩만 보내 주세요.", "Send each preset once only.")
    if len(names) > SHEET_PICTURES_MAX:
        return [], (
            "presets", f"한 번에 {SHEET_PICTURES_MAX}개까지 보낼 수 있습니다.", f"At most {SHEET_PICTURES_MAX} at once.",
        )  # fmt: skip
    return names, None
