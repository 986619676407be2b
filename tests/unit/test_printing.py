"""The catalogue of goods, and how well pictures print on them."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain import printing
from shared.domain.generation import ASPECT_RATIOS
from shared.domain.presets import PRESETS, Preset
from shared.domain.warning import worded

each = pytest.mark.parametrize("preset", PRESETS.values(), ids=lambda preset: preset.id)


def output(preset: str | None, width: int = 1024, height: int = 1024, index: int = 0) -> dict[str, Any]:
    return {"index": index, "preset": preset, "width": width, "height": height}


def test_the_catalogue_has_nine_products_whose_ids_stay() -> None:
    """Documents, requests and links of clients have them."""
    assert list(PRESETS) == [
        "tshirt", "mug", "keyring", "acrylicstand", "sticker", "phonecase", "totebag", "cushion", "poster",
    ]  # fmt: skip
    assert len({preset.name_ko for preset in PRESETS.values()}) == len({preset.name_en for preset in PRESETS.values()}) == 9


@each
def test_a_product_has_names_a_prompt_a_ratio_and_a_print(preset: Preset) -> None:
    assert all((preset.name_ko, preset.name_en, preset.prompt))
    assert preset.prompt.isascii()
    assert preset.aspect_ratio in ASPECT_RATIOS
    assert min(preset.print_width_cm, preset.print_height_cm) >= 5
    assert preset.print_size == f"{preset.print_width_cm} x {preset.print_height_cm} cm"
    assert preset.least_dpi in (150, 300)


@pytest.mark.parametrize(
    ("preset", "size", "dpi", "verdict"),
    [
        # 7 cm are 2.756 inches.
        ("sticker", (1024, 1024), 371, "good"), ("sticker", (827, 827), 300, "good"), ("sticker", (826, 826), 299, "draft_only"),
        # The coarser direction counts: 880 / 1.9685 = 447, 1184 / 2.7559 = 429.
        ("keyring", (880, 1184), 429, "good"), ("keyring", (1184, 880), 319, "good"), ("keyring", (580, 4000), 294, "draft_only"),
        ("tshirt", (1024, 1024), 65, "draft_only"), ("tshirt", (2400, 2400), 152, "good"),
        ("poster", (832, 1248), 42, "draft_only"),
        ("cushion", (2658, 2658), 150, "good"), ("cushion", (2657, 2657), 149, "draft_only"),
    ],
)  # fmt: skip
def test_dots_per_inch_are_those_of_a_picture_that_fills_the_print(
    preset: str, size: tuple[int, int], dpi: int, verdict: str
) -> None:
    assert (printing.dpi(PRESETS[preset], *size), printing.verdict(PRESETS[preset], *size)) == (dpi, verdict)


@each
@given(width=st.integers(1, 20_000), height=st.integers(1, 20_000), more=st.integers(1, 500))
def test_more_pixels_never_print_worse(preset: Preset, width: int, height: int, more: int) -> None:
    assert printing.dpi(preset, width + more, height + more) >= printing.dpi(preset, width, height)


@each
def test_a_product_tells_what_a_picture_of_its_ratio_gives(preset: Preset) -> None:
    told = printing.told(preset)
    picture = told["picture"]

    assert (told["width_cm"], told["height_cm"], told["least_dpi"]) == (
        preset.print_width_cm, preset.print_height_cm, preset.least_dpi,
    )  # fmt: skip
    assert 0.9e6 < picture["width"] * picture["height"] <= 1024 * 1024
    assert picture["dpi"] == printing.dpi(preset, picture["width"], picture["height"])
    assert picture["verdict"] == printing.verdict(preset, picture["width"], picture["height"])


def test_a_picture_with_too_few_pixels_for_its_print_is_told_to_be_a_draft() -> None:
    (warning,) = printing.warnings_about([output("tshirt")])

    english, korean = worded(warning, "en"), worded(warning, "ko")
    assert english["code"] == "print_size_draft"
    assert "T-shirt" in str(english["detail"])
    assert "filling 30 × 40 cm it has 65 dpi, and 150 are needed" in str(english["detail"])
    assert "at 13 × 17.3 cm or smaller" in str(english["detail"])
    assert "티셔츠" in str(korean["detail"])
    assert "65dpi" in str(korean["detail"])


@pytest.mark.parametrize(
    "outputs",
    [
        [], [output(None)], [output("sticker")], [output("of a later version")], [output("tshirt", 4724, 6300)],
        [{"width": 1, "height": 1}],
    ],
)  # fmt: skip
def test_what_prints_well_or_is_for_no_print_has_no_warning(outputs: list[dict[str, Any]]) -> None:
    assert printing.warnings_about(outputs) == []


def test_each_product_is_told_once_by_its_smallest_picture() -> None:
    outputs = [output("tshirt"), output("tshirt", 512, 512), output("poster", 832, 1248), output("sticker"), output("tshirt")]
    told = printing.warnings_about(outputs)

    assert [(warning["params"]["product_en"], warning["params"]["dpi"]) for warning in told] == [
        ("T-shirt", "32"),
        ("Poster", "42"),
    ]


@each
@given(width=st.integers(64, 4096), height=st.integers(64, 4096))
def test_the_size_that_a_draft_may_have_prints_well(preset: Preset, width: int, height: int) -> None:
    for warning in printing.warnings_about([output(preset.id, width, height)]):
        params = warning["params"]
        across, down = float(params["good_width"]), float(params["good_height"])
        assert across * preset.least_dpi <= width * printing.CM_PER_INCH
        assert down * preset.least_dpi <= height * printing.CM_PER_INCH
