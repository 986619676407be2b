"""The app's hosts. How `Services` is put together over the world is told here, and nowhere else."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from shared.providers.registry import PROVIDERS
from shared.services import Services
from shared.settings import Settings

if TYPE_CHECKING:
    from tests.explore.world import World

_ENVIRONMENT = {
    "AzureWebJobsStorage": "UseDevelopmentStorage=true", "REPLICATE_API_TOKEN": "r8_test", "BFL_API_KEY": "test",
}  # fmt: skip


class Host:
    """One process of the app: what it remembers dies with it."""

    def __init__(self, world: "World", number: int) -> None:
        self._world = world
        self.name = f"h{number}"
        self.restart()

    def restart(self) -> None:
        self.services, self.client = make_services(self._world)

    def note_start(self, payload: dict[str, Any]) -> None:
        named = [str(payload[name]) for name in ("job_id", "index", "generator", "attempt", "call") if name in payload]
        self._world.note(f"begins {' '.join(named)}")


class Links:
    """Signs links that open nothing."""

    def sign(self, container: str, blob: str, content_disposition: str | None = None) -> tuple[str, datetime]:
        return f"https://store.example/{container}/{blob}?sig=x", datetime(2030, 1, 1, tzinfo=UTC)


def make_services(world: "World") -> tuple[Services, Any]:
    """(services over the world, their durable client)."""
    blobs, http, client = world.parts()
    settings = Settings.from_environ({**_ENVIRONMENT, **world.plan.settings})
    services = Services(settings, clock=lambda: world.now)
    services.__dict__.update(
        blobs=blobs, links=Links(), webhooks=SimpleNamespace(verify=lambda headers, body: None),
        providers={maker.name: maker(settings, services.secrets, http[maker.name]) for maker in PROVIDERS},  # type: ignore[arg-type]
    )  # fmt: skip
    return services, client
