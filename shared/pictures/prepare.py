"""What a provider gets of an upload: what the creator saw, and nothing else."""

import threading
from contextlib import AbstractContextManager

from PIL import Image

from shared.domain.generation import PROVIDER_IMAGE_SIDE_PX
from shared.domain.image_kind import prepared_type
from shared.domain.problem import ProblemError, unsupported, unusable
from shared.domain.warning import WarningData, warning
from shared.pictures import content
from shared.pictures.colour import to_srgb
from shared.pictures.decoding import DAMAGE, UPLOADS, decoded, is_blank
from shared.pictures.encode import encoded, upright
from shared.pictures.facts import Content, Prepared
from shared.pictures.ground import WHITE, on_ground
from shared.pictures.limits import require_real
from shared.pictures.scaling import PROVIDER_MIN_SIDE_PX, scaled, size_to_send

#: Of a long picture that was made smaller: below this its shorter side has lost its detail.
_NARROW_PX = 384
#: What is prepared while its POST waits: no larger than what is sent, and of formats whose decoders take 10 ms for that.
_SMALL_PIXELS, _SMALL_BYTES = PROVIDER_IMAGE_SIDE_PX**2, 1024 * 1024
_SMALL_TYPES = frozenset({"image/jpeg", "image/png"})
#: Small ones wait for each other alone, never for an upload that takes seconds.
_SMALL = threading.BoundedSemaphore(1)


def prepare_for_provider(data: bytes) -> Prepared:
    """Decode an upload for real and bring it to what providers take.

    Upright, in sRGB, on a ground on which it can be seen, no metadata, longer side at most 1024 px; line art (PNG, GIF) stays
    lossless, the rest becomes JPEG. One is decoded at a time.
    Raises ProblemError: `unsupported_image` when the file breaks off or is damaged, `image_unusable` when nothing would be seen.
    """
    return _prepared(content.read(data), UPLOADS)


def prepare_small(data: bytes) -> Prepared | None:
    """As prepare_for_provider, of an image with which that is quickly done; None of any other."""
    known = content.read(data)
    is_plain = known.facts.content_type in _SMALL_TYPES and known.passes == 1 and not known.is_animated
    is_small = known.facts.width * known.facts.height <= _SMALL_PIXELS and len(data) <= _SMALL_BYTES
    return _prepared(known, _SMALL) if is_plain and is_small and not known.breaks_off else None


def _prepared(known: Content, lane: AbstractContextManager[object]) -> Prepared:
    require_real(known)
    with lane:
        try:
            bands, frame = decoded(known, size_to_send((known.facts.width, known.facts.height)))
            full = bands.size
            picture = scaled(bands, size_to_send(full))
        except DAMAGE as error:
            raise ProblemError(unsupported("damaged")) from error
        del bands
        picture, warnings = _shown(to_srgb(upright(picture, known.orientation), known.profile))
        image = encoded(picture, prepared_type(known.facts.content_type))
    original = (known.facts.width, known.facts.height)
    if frame:
        warnings.append(warning("image_first_frame", frame=frame + 1))
    return Prepared(image.data, image.facts, (*_of_size(original, picture.size), *warnings))


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
