"""What a provider gets of an upload: what the creator saw, and nothing else."""

import threading

from PIL import Image

from shared.domain.generation import PROVIDER_IMAGE_SIDE_PX
from shared.domain.image_kind import prepared_type
from shared.domain.problem import ProblemError, unsupported, unusable
from shared.domain.warning import WarningData, warning
from shared.pictures import content
from shared.pictures.colour import to_srgb
from shared.pictures.common_jpeg import is_common
from shared.pictures.decoding import DAMAGE, UPLOADS, decoded, holds_just, is_blank
from shared.pictures.encode import encoded, upright
from shared.pictures.facts import Content, EncodedImage, ImageFacts, Prepared
from shared.pictures.ground import WHITE, on_ground
from shared.pictures.limits import require_real
from shared.pictures.scaling import PROVIDER_MIN_SIDE_PX, scaled, size_to_send

#: Of a long picture that was made smaller: below this its shorter side has lost its detail.
_NARROW_PX = 384
#: What is prepared while its POST waits, no larger than what is sent, and of formats whose decoders take a few ms for that; and
#: the most bytes of a JPEG that is sent as it came.
_SMALL_PIXELS, _SMALL_BYTES = PROVIDER_IMAGE_SIDE_PX**2, 1024 * 1024
_SMALL_TYPES = frozenset({"image/jpeg", "image/png"})
#: Small ones wait for nobody: who finds another one at it goes the usual way.
_SMALL = threading.Lock()


def prepare_for_provider(data: bytes) -> Prepared:
    """Decode an upload for real and bring it to what providers take.

    Upright, in sRGB, on a ground on which it can be seen, no metadata, longer side at most 1024 px; line art (PNG, GIF) stays
    lossless, the rest becomes JPEG, and a JPEG that is all that already keeps its pixels' data as they are. One is decoded at a
    time.
    Raises ProblemError: `unsupported_image` when the file breaks off or is damaged, `image_unusable` when nothing would be seen.
    """
    known = content.read(data)
    with UPLOADS:
        return _prepared(known)


def prepare_small(data: bytes, facts: ImageFacts) -> Prepared | None:
    """As prepare_for_provider, of an image with which that is quickly done, while no other small one is at it; else None. To find
    a ground for what is transparent takes ten times the time."""
    if facts.content_type not in _SMALL_TYPES or facts.width * facts.height > _SMALL_PIXELS or len(data) > _SMALL_BYTES:
        return None
    known = content.read(data)
    if known.has_alpha or known.is_animated or known.breaks_off or known.passes > 1 or not _SMALL.acquire(blocking=False):
        return None
    try:
        return _prepared(known)
    finally:
        _SMALL.release()


def _prepared(known: Content) -> Prepared:
    require_real(known)
    try:
        bands, frame = decoded(known, size_to_send((known.facts.width, known.facts.height)))
        full = bands.size
        picture = scaled(bands, size_to_send(full))
    except DAMAGE as error:
        raise ProblemError(unsupported("damaged")) from error
    del bands
    turned = to_srgb(upright(picture, known.orientation), known.profile)
    # Made anew it would lose a little, and mostly be larger (decision 18).
    is_kept = turned is picture and picture.size == known.facts[1:] and _may_be_kept(known, picture)
    picture, warnings = _shown(turned)
    image = EncodedImage(known.pixels, known.facts) if is_kept else encoded(picture, prepared_type(known.facts.content_type))
    original = (known.facts.width, known.facts.height)
    if frame:
        warnings.append(warning("image_first_frame", frame=frame + 1))
    return Prepared(image.data, image.facts, (*_of_size(original, picture.size), *warnings))


def _may_be_kept(known: Content, picture: Image.Image) -> bool:
    return (
        known.facts.content_type == "image/jpeg"
        and len(known.pixels) <= _SMALL_BYTES
        and is_common(known.pixels)
        and holds_just(known, picture)
    )


def prepared_before(data: bytes) -> Prepared:
    """An image that was prepared for another job: made anew a JPEG would lose a little each time, and be another input. Raises
    ProblemError where it is none."""
    return Prepared(data, content.read(data).facts)


def _shown(picture: Image.Image) -> tuple[Image.Image, list[WarningData]]:
    """On its ground. Raises ProblemError where nothing is to be seen."""
    warnings = []
    if picture.mode == "RGBA":
        if picture.getchannel("A").getextrema()[1] == 0:
            raise ProblemError(unusable("transparent"))
        picture, ground = on_ground(picture)
        if ground != WHITE:
            warnings.append(warning("image_ground_changed", ground_ko=ground.ko, ground_en=ground.en))
    if is_blank(picture):
        raise ProblemError(unusable("one_colour"))
    return picture, warnings


def _of_size(original: tuple[int, int], sent: tuple[int, int]) -> list[WarningData]:
    if min(original) < PROVIDER_MIN_SIDE_PX and max(sent) > max(original):
        return [warning("image_small", width=original[0], height=original[1])]
    if min(sent) < _NARROW_PX and max(original) > PROVIDER_IMAGE_SIDE_PX:
        return [warning("image_narrow", side=min(sent))]
    return []
