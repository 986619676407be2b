"""What an upload is, told by its bytes before anything of it is decoded."""

from shared.domain.problem import ProblemError, unusable
from shared.pictures import content
from shared.pictures.facts import ImageFacts
from shared.pictures.limits import require_bounded, too_large
from shared.pictures.scaling import size_to_send


def inspect_upload(data: bytes, max_bytes: int, memory_mb: int = 400, min_side_px: int = 0) -> ImageFacts:
    """`memory_mb`: what decoding it may take; `min_side_px`: what its generator needs of what is sent.

    Raises ProblemError: `image_too_large`, `unsupported_image` or `image_unusable`.
    """
    if len(data) > max_bytes:
        raise ProblemError(too_large(max_bytes))
    known = content.read(data)
    require_bounded(known, max_bytes, memory_mb)
    require_wide_enough((known.facts.width, known.facts.height), min_side_px)
    return known.facts


def require_wide_enough(size: tuple[int, int], min_side_px: int) -> None:
    """Raises ProblemError (`image_unusable`) for a picture whose shorter side, as it is sent, is less than that."""
    side = min(size_to_send(size))
    if side < min_side_px:
        params = {"width": size[0], "height": size[1], "side": side, "needed": min_side_px}
        raise ProblemError(unusable("narrow", **params))
