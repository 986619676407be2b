"""A generator: a model at a provider, and what a picture asks of it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from shared.generators.image import Image, Linked
from shared.generators.inline import data_uri
from shared.providers.provider import Handle, Provider
from shared.settings import Settings


@dataclass(frozen=True)
class Order:
    """One picture to be made. `images` are PNG or JPEG files in the kind's order, `roles` what each shows; `reference` is our own
    name for it."""

    reference: str
    prompt: str
    images: tuple[Image, ...] = field(repr=False)
    roles: tuple[str, ...]
    aspect_ratio: str
    output_format: str
    safety_tolerance: int
    seed: int
    #: Where the provider tells that the prediction has ended; None where nobody is told.
    webhook_url: str | None = None

    @property
    def is_by_link(self) -> bool:
        return any(isinstance(image, Linked) for image in self.images)


class Model(NamedTuple):
    """What there is to know of a model. Facts come from the providers reference, by the section that each module names."""

    #: As its provider, clients and settings name it.
    id: str
    #: The account that runs it.
    provider: str
    name_ko: str
    name_en: str
    good_for_ko: str
    good_for_en: str
    #: Most images that it takes.
    max_images: int
    #: What a picture usually takes there, before any was measured.
    expected_seconds: int
    #: Dollars for one picture of about one megapixel made from so many images of at most one: the list price, which an answer
    #: of the provider's outranks.
    price_usd: Callable[[int], float]
    #: The body's fields for an order. The seed has to be among them: with the prompt it tells a lost prediction from all others.
    fields: Callable[[Order], dict[str, Any]]
    #: The prompt as it is sent, by the creator's and by what each image shows.
    worded: Callable[[str, tuple[str, ...]], str] = lambda prompt, roles: prompt
    #: Fewest images that it takes.
    min_images: int = 1
    #: The least side of an image that it takes, in pixels. BFL's own client refuses less than this for Kontext (2.2, [B8]); of
    #: other models, and of Replicate, nothing was found, and most of them are the same models.
    min_side_px: int = 256
    #: How many of its provider's predictions at once may be of this model; None where only the account's limit counts.
    cap: Callable[[Settings], int] | None = None


class Generator(NamedTuple):
    """Methods raise ProviderError."""

    model: Model
    provider: Provider

    @property
    def name(self) -> str:
        return self.model.id

    @property
    def expected_seconds(self) -> int:
        return self.model.expected_seconds

    @property
    def min_side_px(self) -> int:
        return self.model.min_side_px

    def price_usd(self, images: int) -> float:
        return self.model.price_usd(images)

    def worded(self, prompt: str, roles: tuple[str, ...]) -> str:
        """What is sent of a creator's prompt."""
        return self.model.worded(prompt, roles)

    def submit(self, order: Order, *, timeout_seconds: int) -> Handle:
        """Start a paid prediction, as Provider.create."""
        return self.provider.create(
            self.model.id, self.model.fields(order), webhook_url=order.webhook_url, timeout_seconds=timeout_seconds
        )

    def find(self, order: Order, since: datetime) -> Iterator[Handle]:
        """The predictions that a lost submit of this order may have made, as Provider.find."""
        if not self.provider.can_find:
            return iter(())
        images = frozenset(data_uri(image) for image in order.images)
        return self.provider.find(self.model.id, self.model.fields(order), images, order.webhook_url, since)
