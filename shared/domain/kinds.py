"""The kinds of picture that users ask for. A kind names its inputs and its generator; no other code knows the pairing."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    name: str
    #: First path segment of its routes.
    route: str
    #: Form fields of its images, in the order the generator expects them.
    images: tuple[str, ...]
    generator: str
    accepts_preset: bool


PPL = Kind("ppl", "ppl-gen", ("input_image_1", "input_image_2"), "replicate", accepts_preset=False)
GOODS = Kind("goods", "goods-gen", ("input_image",), "bfl", accepts_preset=True)
KINDS: dict[str, Kind] = {kind.name: kind for kind in (PPL, GOODS)}
