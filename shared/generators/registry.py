"""Which generators there are. A new one is a module beside this and a line here."""

from collections.abc import Mapping

from shared.generators import flux2_at_bfl, flux2_at_replicate, kontext_at_bfl, kontext_at_replicate
from shared.generators.generator import Generator, Model
from shared.providers.provider import Provider

MODELS: tuple[Model, ...] = (
    *kontext_at_replicate.MODELS,
    *kontext_at_bfl.MODELS,
    *flux2_at_bfl.MODELS,
    *flux2_at_replicate.MODELS,
)


class Generators(dict[str, Generator]):
    """By model. Jobs of before there was a choice of models name their provider instead: `of_before` says whose it was."""

    def __init__(self, providers: Mapping[str, Provider], of_before: Mapping[str, str]) -> None:
        super().__init__({model.id: Generator(model, providers[model.provider]) for model in MODELS})
        self._of_before = of_before

    def __missing__(self, name: str) -> Generator:
        model = self._of_before.get(name, name)
        if model in self:
            return self[model]
        # One that was set and is not known: it was asked as the provider's first one is.
        found = next((generator for generator in self.values() if generator.provider.name == name), None)
        if found is None:
            raise KeyError(name)
        return found._replace(model=found.model._replace(id=model)) if name in self._of_before else found
