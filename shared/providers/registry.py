"""Which generators there are. A new one is a module beside this and a line here."""

from shared.providers.bfl import BflGenerator
from shared.providers.generator import Generator
from shared.providers.replicate import ReplicateGenerator
from shared.secrets import Secrets
from shared.settings import Settings

GENERATORS = (ReplicateGenerator, BflGenerator)


def build_generators(settings: Settings, secrets: Secrets) -> dict[str, Generator]:
    return {generator.name: generator(settings, secrets) for generator in GENERATORS}
