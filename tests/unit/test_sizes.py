"""Sizes for models that take pixels: of the asked ratio within 2 %, near one megapixel and never above it."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shared.domain.generation import ASPECT_RATIOS
from shared.domain.sizes import size_for

MEGAPIXEL = 1024 * 1024
RATIOS = [ratio for ratio in ASPECT_RATIOS if ":" in ratio]


@pytest.mark.parametrize("ratio", RATIOS)
def test_each_ratio_has_an_allowed_size_near_a_megapixel(ratio: str) -> None:
    asked_width, _, asked_height = ratio.partition(":")
    width, height = size_for(float(asked_width), float(asked_height))

    assert abs(width / height / (int(asked_width) / int(asked_height)) - 1) <= 0.02
    assert (width % 16, height % 16) == (0, 0)
    assert 0.93 * MEGAPIXEL <= width * height <= MEGAPIXEL


def test_a_square_is_a_whole_megapixel() -> None:
    assert size_for(1, 1) == (1024, 1024)


@given(st.integers(1, 10_000), st.integers(1, 10_000))
def test_whatever_is_to_be_matched_has_an_allowed_size(width: int, height: int) -> None:
    wide, tall = size_for(width, height)

    assert (wide % 16, tall % 16) == (0, 0)
    assert min(wide, tall) >= 64
    assert wide * tall <= MEGAPIXEL
    if 1 / 4 <= width / height <= 4:
        assert abs(wide / tall / (width / height) - 1) <= 0.02


@given(st.integers(1, 4000), st.integers(1, 4000))
@example(117, 1009)
def test_a_picture_on_its_side_has_the_same_size_on_its_side(width: int, height: int) -> None:
    assert size_for(height, width) == size_for(width, height)[::-1]


@given(st.integers(1, 10_000), st.integers(1, 10_000))
def test_a_model_with_larger_steps_gets_multiples_of_those(width: int, height: int) -> None:
    wide, tall = size_for(width, height, 32)

    assert (wide % 32, tall % 32) == (0, 0)
    assert min(wide, tall) >= 64
    assert wide * tall <= MEGAPIXEL


@pytest.mark.parametrize("ratio", RATIOS)
def test_with_larger_steps_too_each_ratio_is_kept(ratio: str) -> None:
    asked_width, _, asked_height = ratio.partition(":")
    width, height = size_for(float(asked_width), float(asked_height), 32)

    assert abs(width / height / (int(asked_width) / int(asked_height)) - 1) <= 0.02


@pytest.mark.parametrize("ratio", ["5:4", "4:5", "3:2", "2:3", "2:1", "1:2"])
def test_a_ratio_that_can_be_met_without_becoming_small_is_met(ratio: str) -> None:
    asked_width, _, asked_height = ratio.partition(":")
    width, height = size_for(float(asked_width), float(asked_height))

    assert width * int(asked_height) == height * int(asked_width)
