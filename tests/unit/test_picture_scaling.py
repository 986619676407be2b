"""A picture brought to its size in bands: the same pixels as in one, and no copy that is not needed."""

import pytest
from PIL import Image

from shared.pictures import scaling
from shared.pictures.decoding import _PillowBands
from shared.pictures.scaling import scaled
from tests import pictures

LANCZOS = Image.Resampling.LANCZOS


class Cut:
    """A picture that is only to be had in bands, as libheif's."""

    whole = None

    def __init__(self, picture: Image.Image) -> None:
        self.size = picture.size
        self._picture = picture

    def band(self, top: int, bottom: int) -> Image.Image:
        return self._picture.crop((0, top, self.size[0], bottom))


def drawn(mode: str, size: tuple[int, int]) -> Image.Image:
    picture = pictures.character(*size).convert(mode)
    if mode == "RGBA":
        picture.putalpha(Image.linear_gradient("L").resize(size))
    return picture


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK", "RGBA"])
@pytest.mark.parametrize(("size", "sent"), [((331, 257), (170, 132)), ((803, 605), (100, 75)), ((701, 90), (100, 80))])
def test_in_bands_it_is_the_same_picture(
    mode: str, size: tuple[int, int], sent: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    picture = drawn(mode, size)
    whole = scaled(_PillowBands(picture), sent)
    monkeypatch.setattr(scaling, "BAND_PIXELS", 10_000)

    assert whole.size == sent
    assert scaled(_PillowBands(picture), sent).tobytes() == whole.tobytes()
    assert scaled(Cut(picture), sent).tobytes() == whole.tobytes()


def test_up_to_twice_the_size_it_is_pillows_own_resize() -> None:
    picture = drawn("RGB", (500, 400))

    assert scaled(_PillowBands(picture), (251, 201)).tobytes() == picture.resize((251, 201), LANCZOS).tobytes()
    assert scaled(Cut(picture), (251, 201)).tobytes() == picture.resize((251, 201), LANCZOS).tobytes()


@pytest.mark.parametrize("sent", [(251, 201), (50, 40)])
def test_no_band_is_copied_of_what_lies_in_memory_as_it_is_needed(sent: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    cut: list[tuple[int, int]] = []
    band = _PillowBands.band
    monkeypatch.setattr(_PillowBands, "band", lambda bands, top, bottom: cut.append((top, bottom)) or band(bands, top, bottom))

    scaled(_PillowBands(drawn("RGB", (500, 400))), sent)
    # One row may be asked for what it is of.
    assert not [rows for rows in cut if rows != (0, 1)]
    scaled(_PillowBands(drawn("RGBA", (500, 400))), sent)
    assert (0, 400) in cut
