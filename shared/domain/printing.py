"""How well a picture prints on what its preset is for. Pure."""

import math
from collections.abc import Iterable, Mapping
from typing import Any, Literal

from shared.domain.presets import PRESETS, Preset
from shared.domain.sizes import size_for
from shared.domain.warning import WarningData, warning

Verdict = Literal["good", "draft_only"]
CM_PER_INCH = 2.54


def dpi(preset: Preset, width_px: int, height_px: int) -> int:
    """Dots per inch of a picture that fills the print area: of both directions the coarser one, rounded down."""
    across, down = width_px / preset.print_width_cm, height_px / preset.print_height_cm
    return math.floor(min(across, down) * CM_PER_INCH)


def verdict(preset: Preset, width_px: int, height_px: int) -> Verdict:
    return "good" if dpi(preset, width_px, height_px) >= preset.least_dpi else "draft_only"


def told(preset: Preset) -> dict[str, Any]:
    """The print of a preset, and what a picture in its own ratio gives there: models make about one megapixel."""
    across, down = preset.aspect_ratio.split(":")
    width, height = size_for(float(across), float(down))
    return {
        "width_cm": preset.print_width_cm, "height_cm": preset.print_height_cm, "least_dpi": preset.least_dpi,
        "picture": {
            "width": width, "height": height, "dpi": dpi(preset, width, height), "verdict": verdict(preset, width, height),
        },
    }  # fmt: skip


def warnings_about(outputs: Iterable[Mapping[str, Any]]) -> list[WarningData]:
    """One for each preset some picture of which has too few pixels to be printed well; of several the smallest one speaks."""
    drafts: dict[str, tuple[int, WarningData]] = {}
    for output in outputs:
        preset = PRESETS.get(output.get("preset") or "")
        if preset is None or verdict(preset, output["width"], output["height"]) == "good":
            continue
        found = dpi(preset, output["width"], output["height"])
        if preset.id not in drafts or found < drafts[preset.id][0]:
            drafts[preset.id] = found, _draft(preset, output["width"], output["height"])
    return [told for _, told in drafts.values()]


def _draft(preset: Preset, width_px: int, height_px: int) -> WarningData:
    # The same shape, as large as it still prints well.
    share = dpi(preset, width_px, height_px) / preset.least_dpi
    return warning(
        "print_size_draft", product_ko=preset.name_ko, product_en=preset.name_en, dpi=dpi(preset, width_px, height_px),
        needed=preset.least_dpi, width=f"{preset.print_width_cm:g}", height=f"{preset.print_height_cm:g}",
        good_width=_down(preset.print_width_cm * share), good_height=_down(preset.print_height_cm * share),
    )  # fmt: skip


def _down(cm: float) -> str:
    return f"{math.floor(cm * 10) / 10:g}"
