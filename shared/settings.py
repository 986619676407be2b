"""The only reader of the environment. A malformed value never breaks an import: it is reported by name where it matters."""

import math
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar
from urllib.parse import urlsplit

Number = TypeVar("Number", int, float)


@dataclass(frozen=True)
class Settings:
    """Every tunable of the app, with the defaults of the design's section 7.

    `problems` maps the name of each missing or malformed setting to a sentence; such a setting has its default here.
    """

    storage_connection_string: str | None = None
    storage_account_name: str | None = None
    storage_blob_url: str | None = None
    storage_client_id: str | None = None
    images_storage_account: str | None = None
    key_vault_uri: str | None = None
    #: Secrets that came with the environment; only shared/secrets.py looks inside.
    environment_secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    replicate_api_base_url: str = "https://api.replicate.com"
    bfl_api_base_url: str = "https://api.bfl.ai"
    replicate_model: str = "flux-kontext-apps/multi-image-kontext-max"
    bfl_model: str = "flux-kontext-max"
    provider_extra_hosts: tuple[str, ...] = ()
    public_base_url: str | None = None
    poll_interval_seconds: float = 1.0
    poll_max_attempts: int = 120
    generation_timeout_seconds: int = 120
    queue_timeout_seconds: int = 600
    bfl_max_active: int = 6
    replicate_max_active: int = 50
    max_upload_bytes: int = 5_242_880
    retention_days: int = 30
    sas_ttl_minutes: int = 60
    allowed_origins: tuple[str, ...] = ()
    sync_responses: bool = False
    auth_mode: str = "none"
    max_active_jobs_per_owner: int | None = None
    daily_jobs_per_owner: int | None = None
    translator_endpoint: str | None = None
    translator_region: str | None = None
    ppl_fallback: str = "none"
    provider_down: str = "wait"
    ai_label: str = "metadata"
    problems: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def from_environ(cls, environ: Mapping[str, str] | None = None) -> "Settings":
        env = os.environ if environ is None else environ
        problems: dict[str, str] = {}

        def text(name: str, default: str | None = None) -> str | None:
            return env.get(name, "").strip() or default

        def required(name: str, default: str) -> str:
            return text(name) or default

        def number(name: str, default: Number, convert: Callable[[str], Number], low: float, high: float = math.inf) -> Number:
            given = text(name)
            if given is None:
                return default
            try:
                value = convert(given)
                if low <= value <= high:
                    return value
            except ValueError:
                pass
            problems[name] = f"must be a number of at least {low:g}" + (f" and at most {high:g}" if high < math.inf else "")
            return default

        def choice(name: str, default: str, *allowed: str) -> str:
            given = (text(name) or default).lower()
            if given not in allowed:
                problems[name] = f"must be one of: {', '.join(allowed)}"
                return default
            return given

        def several(name: str) -> tuple[str, ...]:
            return tuple(part.strip().rstrip("/") for part in env.get(name, "").split(",") if part.strip())

        def url(name: str, default: str | None) -> str | None:
            given = text(name, default)
            if given is not None and not _is_web_address(given):
                problems[name] = "must be a URL with http or https"
                return default
            return given.rstrip("/") if given else None

        def optional_count(name: str) -> int | None:
            return number(name, 0, int, 1) or None

        connection_string = text("AzureWebJobsStorage")
        account_name = text("AzureWebJobsStorage__accountName")
        blob_url = url("AzureWebJobsStorage__blobServiceUri", None)
        if not (connection_string or account_name or blob_url):
            problems["AzureWebJobsStorage"] = "is missing: a connection string, or AzureWebJobsStorage__accountName"
        host_name = text("WEBSITE_HOSTNAME")
        # On a laptop it is loopback with a port, where no webhook arrives; Flex Consumption has no instance id to tell by.
        is_cloud = host_name is not None and ":" not in host_name and host_name not in ("localhost", "127.0.0.1")
        default_public = f"https://{host_name}" if is_cloud else None
        return cls(
            storage_connection_string=connection_string,
            storage_account_name=account_name,
            storage_blob_url=blob_url,
            storage_client_id=text("AzureWebJobsStorage__clientId") or text("AZURE_CLIENT_ID"),
            images_storage_account=text("IMAGES_STORAGE_ACCOUNT"),
            key_vault_uri=url("KEY_VAULT_URI", None),
            environment_secrets={
                name: env[name] for name in ("REPLICATE_API_TOKEN", "BFL_API_KEY", "TRANSLATOR_KEY") if env.get(name)
            },
            replicate_api_base_url=url("REPLICATE_API_BASE_URL", cls.replicate_api_base_url) or "",
            bfl_api_base_url=url("BFL_API_BASE_URL", cls.bfl_api_base_url) or "",
            replicate_model=required("REPLICATE_MODEL", cls.replicate_model),
            bfl_model=required("BFL_MODEL", cls.bfl_model),
            provider_extra_hosts=tuple(host.lower() for host in several("PROVIDER_EXTRA_HOSTS")),
            public_base_url=url("PUBLIC_BASE_URL", default_public),
            poll_interval_seconds=number("POLL_INTERVAL_SECONDS", 1.0, float, 0.1, 60),
            poll_max_attempts=number("POLL_MAX_ATTEMPTS", 120, int, 1, 10_000),
            generation_timeout_seconds=number("GENERATION_TIMEOUT_SECONDS", 120, int, 1, 86_400),
            queue_timeout_seconds=number("QUEUE_TIMEOUT_SECONDS", 600, int, 1, 86_400),
            bfl_max_active=number("BFL_MAX_ACTIVE", 6, int, 1, 10_000),
            replicate_max_active=number("REPLICATE_MAX_ACTIVE", 50, int, 1, 10_000),
            max_upload_bytes=number("MAX_UPLOAD_BYTES", 5_242_880, int, 1024, 100_000_000),
            retention_days=number("RETENTION_DAYS", 30, int, 1, 3650),
            sas_ttl_minutes=number("SAS_TTL_MINUTES", 60, int, 1, 7 * 24 * 60),
            allowed_origins=several("ALLOWED_ORIGINS"),
            sync_responses=choice("SYNC_RESPONSES", "false", "true", "false") == "true",
            auth_mode=choice("AUTH_MODE", "none", "none", "easyauth"),
            max_active_jobs_per_owner=optional_count("MAX_ACTIVE_JOBS_PER_OWNER"),
            daily_jobs_per_owner=optional_count("DAILY_JOBS_PER_OWNER"),
            translator_endpoint=url("TRANSLATOR_ENDPOINT", None),
            translator_region=text("TRANSLATOR_REGION"),
            ppl_fallback=choice("PPL_FALLBACK", "none", "none", "bfl"),
            provider_down=choice("PROVIDER_DOWN", "wait", "wait", "fail"),
            ai_label=choice("AI_LABEL", "metadata", "metadata", "visible"),
            problems=problems,
        )


def _is_web_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # half an IPv6 address, or a port that is none
        return False
