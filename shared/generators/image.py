"""An image as a provider is given it: bytes go within the request, the other form is fetched."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Linked:
    """An image behind a signed link. Its text shows neither."""

    data: bytes = field(repr=False)
    url: str = field(repr=False)


Image = bytes | Linked


def bytes_of(image: Image) -> bytes:
    return image.data if isinstance(image, Linked) else image
