"""What providers answer with: decoded to the last row, shown small, labelled."""

import io

from PIL import Image, ImageDraw, ImageFont

from shared.domain.generation import MAX_IMAGE_PIXELS
from shared.domain.image_kind import RESULT_TYPES
from shared.domain.problem import Problem, ProblemError
from shared.pictures import content
from shared.pictures.colour import is_of_rgb, to_srgb
from shared.pictures.decoding import DAMAGE, RESULTS, decoded
from shared.pictures.encode import encoded
from shared.pictures.facts import EncodedImage, ImageFacts
from shared.pictures.ground import WHITE

THUMBNAIL_SIDE_PX = 384


def read_result(data: bytes) -> tuple[ImageFacts, EncodedImage]:
    """What a provider sent, decoded to its last row, and a small JPEG of it in sRGB.

    Raises ProblemError (`provider_bad_response`) unless it is a picture.
    """
    with RESULTS:
        try:
            known = content.read(data)
            facts = known.facts
            if facts.content_type not in RESULT_TYPES or facts.width * facts.height > MAX_IMAGE_PIXELS:
                raise ProblemError(Problem("provider_bad_response"))
            bands, _ = decoded(known, (facts.width, facts.height))
            small = bands.band(0, facts.height)
            small.thumbnail((THUMBNAIL_SIDE_PX, THUMBNAIL_SIDE_PX))
            return facts, encoded(_on_white(to_srgb(small, known.profile)), "image/jpeg", quality=82)
        except (*DAMAGE, ProblemError) as error:
            raise ProblemError(Problem("provider_bad_response", charged="yes")) from error


def with_visible_label(data: bytes, text: str = "AI-generated") -> bytes:
    """The picture with a small mark in its lower right corner, in the same format and of the same colours."""
    known = content.read(data)
    facts, profile = known.facts, known.profile
    with RESULTS, Image.open(io.BytesIO(known.pixels)) as opened:
        if profile is None or is_of_rgb(profile):
            picture = opened.convert("RGB")
        else:
            # Of grey or of inks: the label is neither.
            picture, profile = _on_white(to_srgb(opened.convert("L") if opened.mode == "1" else opened, profile)), None
        size = max(12, facts.height // 45)
        font = ImageFont.load_default(size)
        draw = ImageDraw.Draw(picture, "RGBA")
        left, top, right, bottom = draw.textbbox((0, 0), text, font=font)
        width, height, pad = right - left, bottom - top, size // 2
        corner = (facts.width - width - 3 * pad, facts.height - height - 3 * pad)
        draw.rounded_rectangle((*corner, facts.width - pad, facts.height - pad), radius=pad, fill=(0, 0, 0, 140))
        draw.text((corner[0] + pad - left, corner[1] + pad - top), text, font=font, fill=(255, 255, 255, 235))
        return encoded(picture, facts.content_type, quality=95, profile=profile).data


def _on_white(picture: Image.Image) -> Image.Image:
    if picture.mode != "RGBA":
        return picture
    whole = Image.new("RGB", picture.size, WHITE.colour)
    whole.paste(picture, mask=picture.getchannel("A"))
    return whole
