"""What providers answer with: decoded to the last row, shown small, labelled."""

from PIL import Image

from shared.domain.generation import MAX_IMAGE_PIXELS
from shared.domain.image_kind import RESULT_TYPES
from shared.domain.problem import Problem, ProblemError
from shared.pictures import content
from shared.pictures.colour import is_of_rgb, to_srgb
from shared.pictures.decoding import DAMAGE, RESULTS, decoded
from shared.pictures.encode import encoded, upright
from shared.pictures.facts import Content, EncodedImage, ImageFacts
from shared.pictures.ground import WHITE, placed_on

THUMBNAIL_SIDE_PX = 384


def read_result(data: bytes, label: str = "") -> tuple[ImageFacts, EncodedImage]:
    """What a provider sent, decoded to its last row, and a small JPEG of it in sRGB, with the label if one is given.

    Raises ProblemError (`provider_bad_response`) unless it is a picture.
    """
    with RESULTS:
        try:
            known = content.read(data)
            facts = known.facts
            if facts.content_type not in RESULT_TYPES or facts.width * facts.height > MAX_IMAGE_PIXELS:
                raise ProblemError(Problem("provider_bad_response"))
            small = _whole(known)
            # By its usual filter: a quicker one makes patterns of fine screentones.
            small.thumbnail((THUMBNAIL_SIDE_PX, THUMBNAIL_SIDE_PX))
            small = upright(_on_white(to_srgb(small, known.profile)), known.orientation)
            if known.orientation >= 5:
                facts = ImageFacts(facts.content_type, facts.height, facts.width)
            if label:
                # Anew: brought down with the picture nobody could read it.
                _write(label, small := small.convert("RGB"), small.height // 24)
            return facts, encoded(small, "image/jpeg", quality=82)
        except (*DAMAGE, ProblemError) as error:
            raise ProblemError(Problem("provider_bad_response", charged="yes")) from error


def with_visible_label(data: bytes, text: str) -> bytes:
    """The picture, upright and on white, with a small mark in its lower right corner, in its format and of its colours."""
    known = content.read(data)
    profile = known.profile
    with RESULTS:
        picture = _whole(known)
        if profile is not None and not is_of_rgb(profile):
            # Of grey or of inks: the label is neither.
            picture, profile = to_srgb(picture, profile), None
        picture = upright(_on_white(picture).convert("RGB"), known.orientation)
        _write(text, picture, picture.height // 45)
        return encoded(picture, known.facts.content_type, quality=95, profile=profile).data


def _write(text: str, picture: Image.Image, size: int) -> None:
    # Fonts and all they need are loaded with the first label: a cold start has none.
    from shared.pictures.label import write

    write(text, picture, size)


def _whole(known: Content) -> Image.Image:
    size = known.facts.width, known.facts.height
    bands, _ = decoded(known, size)
    return bands.band(0, size[1])


def _on_white(picture: Image.Image) -> Image.Image:
    return placed_on(WHITE, picture) if picture.mode == "RGBA" else picture
