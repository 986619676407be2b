"""What a PNG of ours weighs: what is drawn goes without filters, the rest with them."""

import io
from collections.abc import Callable

import pytest
from PIL import Image

from shared.pictures import png
from shared.pictures.encode import encoded
from tests import pictures
from tests.picture_files import display_p3, opened, saved

Make = Callable[[int, int], Image.Image]


def sent(picture: Image.Image) -> bytes:
    return encoded(picture, "image/png").data


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (300, 1), (257, 64), (255, 65), (101, 301)])
def test_without_filters_every_pixel_is_there(size: tuple[int, int]) -> None:
    noise = pictures.noise(*size)

    for data in (png.unfiltered(noise), sent(noise)):
        read = opened(data)
        assert (read.format, read.mode, read.size, read.info) == ("PNG", "RGB", size, {})
        assert read.tobytes() == noise.tobytes()


def test_a_file_without_filters_is_whole() -> None:
    """Pillow passes over checksums of pixels where it reads them; its check of a file does not."""
    whole = png.unfiltered(pictures.noise(40, 30))
    for at, is_sound in ((None, True), (len(whole) - 13, False)):
        data = whole if at is None else whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :]
        with Image.open(io.BytesIO(data)) as read:
            if is_sound:
                read.verify()
                continue
            with pytest.raises(SyntaxError):
                read.verify()


@pytest.mark.parametrize("make", [pictures.line_art, pictures.screentone_page, pictures.character, pictures.painted_character])
def test_what_is_drawn_is_hardly_larger_than_pillow_makes_it_or_much_smaller(make: Make) -> None:
    picture = make(700, 500)
    share = len(sent(picture)) / len(saved(picture, "PNG"))

    assert sent(picture) == png.unfiltered(picture)
    assert share < (0.9 if make in (pictures.line_art, pictures.screentone_page) else 1.08)


@pytest.mark.parametrize("make", [pictures.gradient, pictures.product])
def test_what_filters_help_keeps_them(make: Make) -> None:
    picture = make(700, 500)

    assert len(sent(picture)) < 0.85 * len(png.unfiltered(picture))


def test_colours_that_are_not_srgb_are_told_so() -> None:
    picture = pictures.line_art(300, 300)
    read = opened(encoded(picture, "image/png", profile=display_p3()).data)

    assert read.info["icc_profile"] == display_p3()
    assert read.tobytes() == picture.tobytes()
