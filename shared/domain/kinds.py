"""The kinds of picture that users ask for. A kind names its inputs; which generators make it is a setting."""

from typing import NamedTuple


class Kind(NamedTuple):
    name: str
    #: First path segment of its routes.
    route: str
    #: Form fields of its images in the order in which generators get them, and what each shows, for prompts that name it.
    images: tuple[str, ...]
    roles: tuple[str, ...]
    accepts_preset: bool

    @property
    def models_setting(self) -> str:
        """The setting that lists its generators."""
        return f"{self.name.upper()}_MODELS"


PPL = Kind("ppl", "ppl-gen", ("input_image_1", "input_image_2"), ("character", "product"), accepts_preset=False)
GOODS = Kind("goods", "goods-gen", ("input_image",), ("character",), accepts_preset=True)
KINDS: dict[str, Kind] = {kind.name: kind for kind in (PPL, GOODS)}
