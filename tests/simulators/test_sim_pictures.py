"""What is delivered is a real picture, of the right size and format, and made of its inputs."""

import io
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from PIL import Image, ImageChops

from simulators import Simulators
from simulators.pictures import GRID, UnreadableImage, draw, goods_of, normalise, output_size


@pytest.mark.parametrize(
    ("provider", "asked", "pillow", "content_type"),
    [
        ("replicate", None, "PNG", "image/png"), ("replicate", "jpg", "JPEG", "image/jpeg"),
        ("bfl", None, "PNG", "image/png"), ("bfl", "jpeg", "JPEG", "image/jpeg"), ("bfl", "webp", "WEBP", "image/webp"),
    ],
)  # fmt: skip
def test_formats(client: Any, provider: str, asked: str | None, pillow: str, content_type: str) -> None:
    answer = client.get(client.picture_url(provider, output_format=asked, aspect_ratio="16:9"))
    picture = Image.open(io.BytesIO(answer.content))
    picture.load()
    assert (picture.format, picture.size, answer.headers["Content-Type"]) == (pillow, (1392, 752), content_type)


@pytest.mark.parametrize(
    ("ratio", "first", "size"),
    [
        ("1:1", None, (1024, 1024)), ("match_input_image", (300, 240), (1104, 944)), (None, None, (1024, 1024)),
        (None, (1000, 1500), (832, 1248)), ("21:9", None, (1568, 672)),
        ("9:21", None, (672, 1568)), ("2:1", None, (1456, 720)),
    ],
)  # fmt: skip
def test_sizes_follow_the_grid(ratio: str | None, first: tuple[int, int] | None, size: tuple[int, int]) -> None:
    assert output_size(ratio, first) == size
    assert all(900_000 < w * h < 1_100_000 for w, h in GRID)


def near(picture: Image.Image, at: tuple[int, int], colour: tuple[int, int, int]) -> bool:
    return all(abs(a - b) < 12 for a, b in zip(picture.convert("RGB").getpixel(at), colour, strict=True))


@pytest.mark.parametrize("provider", ["replicate", "bfl"])
def test_pictures_can_be_small(client: Any, sim: Simulators, provider: str) -> None:
    sim.configure(**{provider: {"longest_side": 256}})
    answer = client.get(client.picture_url(provider, aspect_ratio="16:9"))
    assert Image.open(io.BytesIO(answer.content)).size == (256, 138)


def test_ppl_shows_the_character_with_the_product(client: Any, helpers: dict[str, Any]) -> None:
    product = helpers["data_uri"](helpers["png"](200, 200, "#00ff00"))
    picture = Image.open(io.BytesIO(client.get(client.picture_url("replicate", input_image_2=product)).content))
    assert near(picture, (picture.width // 2, 20), (0xC0, 0x40, 0x60))
    green = sum(count for count, (r, g, b) in picture.getcolors(2_000_000) or [] if g > 240 and r < 30 and b < 30)
    assert green > 30_000


def test_goods_show_the_character_on_the_thing(client: Any) -> None:
    picture = Image.open(io.BytesIO(client.get(client.picture_url("bfl", aspect_ratio="1:1", prompt="티셔츠")).content))
    assert near(picture, (512, 490), (0xC0, 0x40, 0x60))
    assert not near(picture, (20, 20), (0xC0, 0x40, 0x60))


@pytest.mark.parametrize(
    ("prompt", "goods"),
    [
        ("a cute mug", "mug"), ("머그컵에 넣어줘", "mug"), ("키링", "keyring"), ("sticker sheet", "sticker"),
        ("폰케이스", "phone case"),
        ("tote bag", "tote bag"), ("에코백", "tote bag"), ("포스터", "poster"), ("쿠션", "cushion"), ("티셔츠", "T-shirt"),
        ("a t-shirt beside a mug", "T-shirt"), ("something nice", "T-shirt"),
    ],
)  # fmt: skip
def test_the_prompt_chooses_the_goods(prompt: str, goods: str) -> None:
    assert goods_of(prompt) == goods


#: Of the square on which it is drawn, what a print takes, less its corners and what lies over it.
PRINTS = {
    "mug": 0.220, "keyring": 0.248, "sticker": 0.525, "phone case": 0.394, "tote bag": 0.220, "poster": 0.528, "cushion": 0.481,
    "T-shirt": 0.182,
}  # fmt: skip


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("goods", PRINTS)
def test_the_character_fills_its_print_however_that_is_tilted(goods: str, seed: int) -> None:
    """Neither more, over a camera, nor less, with a corner that the turn left empty."""
    file = io.BytesIO()
    Image.new("RGB", (700, 900), (255, 0, 255)).save(file, "PNG")
    made = draw([file.getvalue()], prompt=f"on a {goods}", size=(1024, 1024), seed=seed, output_format="png", scene="goods")
    red, green, blue = Image.open(io.BytesIO(made)).crop((0, 0, 1024, 960)).split()
    magenta = ImageChops.multiply(ImageChops.multiply(_over(red, 200), _over(blue, 200)), _over(ImageChops.invert(green), 200))
    dark = ImageChops.multiply(_over(ImageChops.invert(red), 200), _over(ImageChops.invert(blue), 200))

    assert magenta.histogram()[255] / int(1024 * 0.74) ** 2 == pytest.approx(PRINTS[goods], rel=0.02)
    if goods not in ("phone case", "poster"):
        assert dark.getbbox() is None


def _over(band: Image.Image, limit: int) -> Image.Image:
    return band.point(lambda value: 255 if value > limit else 0)


def test_same_inputs_and_seed_same_bytes(client: Any) -> None:
    first, again, other = (client.get(client.picture_url("bfl", seed=seed)).content for seed in (1, 1, 2))
    assert first == again != other


@pytest.mark.parametrize("prompt", ["하늘이가 마신다", "x" * 500, "", "😀\n\t"])
def test_any_prompt_can_be_drawn(prompt: str) -> None:
    assert draw([None], prompt=prompt, size=(1024, 1024), seed=1, output_format="jpeg", scene="goods")


def test_inputs_are_kept_small_and_upright(helpers: dict[str, Any]) -> None:
    image = Image.new("RGBA", (3000, 1500), (0, 0, 0, 0))
    image.getexif()[0x0112] = 6
    file = io.BytesIO()
    image.save(file, "PNG", exif=image.getexif())
    jpeg, size = normalise(file.getvalue())
    kept = Image.open(io.BytesIO(jpeg))
    assert (size, kept.size) == ((3000, 1500), (512, 1024))
    assert kept.getpixel((5, 5)) == (255, 255, 255)
    for bad in (b"", b"GIF89a", helpers["png"]()[:60]):
        with pytest.raises(UnreadableImage):
            normalise(bad)


def test_many_downloads_at_once(client: Any, sim: Simulators, helpers: dict[str, Any]) -> None:
    urls = [client.picture_url("replicate", seed=seed) for seed in range(6)] * 3
    with ThreadPoolExecutor(18) as pool:
        answers = list(pool.map(lambda url: helpers["Client"](sim).get(url), urls))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 6
    assert sim.stats()["replicate"]["downloads"] == 18
