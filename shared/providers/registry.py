"""Which providers there are. A new one is a module beside this and a line here."""

from shared.providers.bfl import Bfl
from shared.providers.provider import Provider
from shared.providers.replicate import Replicate
from shared.secrets import Secrets
from shared.settings import Settings

PROVIDERS = (Replicate, Bfl)


def build_providers(settings: Settings, secrets: Secrets) -> dict[str, Provider]:
    return {provider.name: provider(settings, secrets) for provider in PROVIDERS}
