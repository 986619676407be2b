"""A visible label can be read: light letters on a dark ground, whatever is below."""

import io

import pytest
from PIL import Image

from shared.pictures.results import with_visible_label


@pytest.mark.parametrize("ground", [(0, 0, 0), (20, 40, 120), (255, 255, 255)])
def test_a_label_has_light_letters_on_a_dark_ground(ground: tuple[int, int, int]) -> None:
    plain = io.BytesIO()
    Image.new("RGB", (1024, 1024), ground).save(plain, "PNG")
    corner = Image.open(io.BytesIO(with_visible_label(plain.getvalue()))).convert("L").crop((880, 990, 1010, 1012))
    # A label without letters would be a dark box: one shade.
    darkest, lightest = corner.getextrema()

    assert isinstance(darkest, int | float)
    assert isinstance(lightest, int | float)
    assert darkest < 130
    assert lightest - darkest > 100
