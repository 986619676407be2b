"""Where the app, its storage and its task hub are: from the app's own settings, or from a local stack's note."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ops.app_api import AppApi
from ops.failing import CannotDo
from ops.task_hub import TaskHub
from shared.services import Services
from shared.settings import Settings

#: What an operator's shell may hold. Secrets come by the environment alone: a command line is seen by every process.
SETTINGS, URL, DURABLE_URL = "TOONCONNECT_SETTINGS", "TOONCONNECT_URL", "TOONCONNECT_DURABLE_URL"
TOKEN, DURABLE_KEY = "TOONCONNECT_TOKEN", "TOONCONNECT_DURABLE_KEY"  # noqa: S105 - names of variables
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True)
class Surroundings:
    """`environment` is the app's, as far as it is known here."""

    environment: Mapping[str, str]
    url: str
    durable_url: str

    @classmethod
    def found(cls, settings_file: str | None, url: str | None, durable_url: str | None) -> "Surroundings":
        """From the flags, then the environment, then `settings_file`, then the note of a local stack (DEVHOST_DIR)."""
        note, settings_file = _local_note(), settings_file or os.environ.get(SETTINGS)
        given = _settings_in(Path(settings_file)) if settings_file else {}
        # A file of settings means another app than the local one: nothing of that is mixed in.
        environment = {**({} if given else note.get("settings", {})), **given, **os.environ}
        host = environment.get("WEBSITE_HOSTNAME", "")
        base = url or environment.get(URL) or (f"https://{host}" if given and host else None) or note.get("url")
        base = (base or "http://127.0.0.1:7071").rstrip("/")
        hub = durable_url or environment.get(DURABLE_URL) or f"{base}/runtime/webhooks/durabletask"
        return cls(environment, base, hub.rstrip("/"))

    @cached_property
    def services(self) -> Services:
        return Services(Settings.from_environ(self.environment))

    @cached_property
    def app(self) -> AppApi:
        return AppApi(self.url, self.environment.get(TOKEN))

    @cached_property
    def hub(self) -> TaskHub:
        return TaskHub(self.durable_url, self.environment.get(DURABLE_KEY))

    @property
    def is_simulated(self) -> bool:
        """Whether pictures cost nothing: the app is the local stack, and its providers are on this machine too."""
        is_local_stack = self.url == _local_note().get("url")
        providers = (self.environment.get(name, "") for name in ("REPLICATE_API_BASE_URL", "BFL_API_BASE_URL"))
        return is_local_stack and all(urlsplit(provider).hostname in _LOOPBACK for provider in providers)


def _local_note() -> dict[str, Any]:
    """What `make run` left in its folder."""
    folder = Path(os.environ.get("DEVHOST_DIR") or Path(__file__).resolve().parent.parent / ".devhost")
    try:
        return dict(json.loads((folder / "running.json").read_text()))
    except (OSError, ValueError):
        return {}


def _settings_in(file: Path) -> dict[str, str]:
    """The answer of `az functionapp config appsettings list -o json`, or a local.settings.json."""
    try:
        content = json.loads(file.read_text())
    except (OSError, ValueError) as error:
        raise CannotDo(f"{file} cannot be read as JSON: {error}") from None
    if isinstance(content, dict) and isinstance(content.get("Values"), dict):
        return {str(name): str(value) for name, value in content["Values"].items()}
    if isinstance(content, list) and all(isinstance(item, dict) and "name" in item for item in content):
        return {str(item["name"]): str(item.get("value") or "") for item in content}
    raise CannotDo(f"{file} holds no settings: neither a list of name and value, nor an object with Values")
