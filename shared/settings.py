"""The only reader of the environment. A malformed value never breaks an import: it is reported by name where it matters."""

import math
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar
from urllib.parse import urlsplit

#: What the Functions host takes of a request, unless the operator's FUNCTIONS_REQUEST_BODY_SIZE_LIMIT says otherwise
#: (Azure/azure-functions-host, ScriptConstants.DefaultMaxRequestBodySize).
HOST_REQUEST_BYTES = 104_857_600
#: Room in a form for its text fields and the multipart frame beside the images.
FORM_OVERHEAD_BYTES = 256 * 1024
#: Of an image: a form has two at most. The host answers 500 to what it does not take, and the app never sees it.
LARGEST_UPLOAD_BYTES = (HOST_REQUEST_BYTES - FORM_OVERHEAD_BYTES) // 2

#: What no URL holds, and what no header could be sent with (RFC 3986, 2): urlsplit takes it out, or lets it pass.
_UNSPEAKABLE = re.compile(r'[^!-~]|["<>\\^`{|}]')
_PORTS = {"http": "80", "https": "443"}
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
Number = TypeVar("Number", int, float)


DEFAULT_MODELS = {"ppl": ("flux-kontext-apps/multi-image-kontext-max",), "goods": ("flux-kontext-max",)}


@dataclass(frozen=True)
class Settings:
    """Every tunable of the app, with the defaults of the design's section 7.

    `problems` maps the name of each missing or malformed setting to a sentence; such a setting has its default here.
    """

    storage_connection_string: str | None = None
    storage_account_name: str | None = None
    storage_blob_url: str | None = None
    storage_queue_url: str | None = None
    storage_client_id: str | None = None
    images_storage_account: str | None = None
    key_vault_uri: str | None = None
    #: Secrets that came with the environment; only shared/secrets.py looks inside.
    environment_secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    replicate_api_base_url: str = "https://api.replicate.com"
    bfl_api_base_url: str = "https://api.bfl.ai"
    #: By kind, in order: the first is the default, the others are the fallback.
    models: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: dict(DEFAULT_MODELS))
    #: The model that each provider had when there was one only: what jobs of then, which name the provider, are made by.
    models_of_before: Mapping[str, str] = field(default_factory=dict)
    provider_extra_hosts: tuple[str, ...] = ()
    #: Where webhooks may go beside the public internet, with plain http too: local work only.
    webhook_extra_hosts: tuple[str, ...] = ()
    #: Where others reach the app: PUBLIC_BASE_URL, in the cloud else the platform's own name for it.
    public_base_url: str | None = None
    #: PUBLIC_BASE_URL itself, with which every address begins that is handed out.
    stated_base_url: str | None = None
    poll_interval_seconds: float = 1.0
    poll_max_attempts: int = 120
    generation_timeout_seconds: int = 120
    queue_timeout_seconds: int = 600
    bfl_max_active: int = 24
    bfl_kontext_max_active: int = 6
    replicate_max_active: int = 50
    max_upload_bytes: int = 5_242_880
    #: What decoding an upload may take of the memory; formats that take more for a pixel are taken with fewer pixels.
    decode_memory_mb: int = 400
    #: Of the worker for functions without `async`, and of the app for what blocks (shared/threads.py).
    python_threads: int = 32
    retention_days: int = 30
    sas_ttl_minutes: int = 60
    allowed_origins: tuple[str, ...] = ()
    sync_responses: bool = False
    #: Who says who calls: "none" (nobody: all are one owner), "easyauth" (the platform's sign-in), or "closed", which lets nobody
    #: in, because the setting is malformed or the platform's sign-in is off.
    auth_mode: str = "none"
    max_active_jobs_per_owner: int | None = None
    daily_jobs_per_owner: int | None = None
    #: Of all callers together.
    max_active_jobs: int | None = None
    daily_jobs: int | None = None
    #: Dollars that may be spent, expected and unsettled ones included, on a day and in a month of Korea.
    daily_usd_per_owner: float | None = None
    monthly_usd_per_owner: float | None = None
    daily_usd: float | None = None
    monthly_usd: float | None = None
    translator_endpoint: str | None = None
    translator_region: str | None = None
    provider_down: str = "wait"
    images_by_link: bool = False
    ai_label: str = "metadata"
    #: Whether requests are also taken from a storage queue; whose jobs those become.
    intake_queue: bool = False
    intake_owner: str = "anonymous"
    #: Simulators stand in for the providers: every job is a sample, and no secret is ever read.
    is_sandbox: bool = False
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
            problems[name] = f"must be a number of at least {low:.12g}" + (f" and at most {high:.12g}" if high < math.inf else "")
            return default

        def choice(name: str, default: str, *allowed: str) -> str:
            given = (text(name) or default).lower()
            if given not in allowed:
                problems[name] = f"must be one of: {', '.join(allowed)}"
                return default
            return given

        def switch(name: str, default: bool) -> bool:
            """One that is malformed is off."""
            return default if text(name) is None else choice(name, "false", "true", "false") == "true"

        def several(name: str) -> tuple[str, ...]:
            return tuple(dict.fromkeys(part.strip().rstrip("/") for part in env.get(name, "").split(",") if part.strip()))

        def url(name: str, default: str | None) -> str | None:
            given = text(name, default)
            if given is not None and not _is_web_address(given):
                problems[name] = "must be a URL with http or https, without spaces and in ASCII"
                return default
            return _as_browsers_spell(given).rstrip("/") if given else None

        def origins(name: str) -> tuple[str, ...]:
            """Those that are none are left out. "*" and "null", the origin of any page in a sandboxed frame, say that whose a
            page is does not matter, as it does where people sign in."""
            listed = several(name)
            wrong = [one for one in listed if one not in ("*", "null") and web_origin(one) is None]
            if wrong:
                problems[name] = "must be origins, each of a scheme, a host and perhaps a port, without a path and in ASCII"
            elif auth_mode != "none" and ("*" in listed or "null" in listed):
                problems[name] = "must be the origins of pages: with AUTH_MODE=easyauth neither * nor null is taken"
            anybody = () if auth_mode != "none" else tuple(one for one in listed if one in ("*", "null"))
            return tuple(dict.fromkeys((*anybody, *(one for given in listed if (one := web_origin(given))))))

        def optional_count(name: str) -> int | None:
            return number(name, 0, int, 1) or None

        def optional_dollars(name: str) -> float | None:
            return number(name, 0.0, float, 0.01, 10_000_000) or None

        # Old forms, from when each provider had one model.
        multi_image = required("REPLICATE_MODEL", DEFAULT_MODELS["ppl"][0])
        single_image = required("BFL_MODEL", DEFAULT_MODELS["goods"][0])
        fallback = (single_image,) if choice("PPL_FALLBACK", "none", "none", "bfl") == "bfl" else ()
        old = {"ppl": (multi_image, *fallback), "goods": (single_image,)}
        models = {kind: several(f"{kind.upper()}_MODELS") or old.get(kind, default) for kind, default in DEFAULT_MODELS.items()}

        connection_string = text("AzureWebJobsStorage")
        account_name = text("AzureWebJobsStorage__accountName")
        blob_url = url("AzureWebJobsStorage__blobServiceUri", None)
        if not (connection_string or account_name or blob_url):
            problems["AzureWebJobsStorage"] = "is missing: a connection string, or AzureWebJobsStorage__accountName"
        host_name = text("WEBSITE_HOSTNAME")
        # On a laptop it is loopback with a port, where no webhook arrives; Flex Consumption has no instance id to tell by.
        is_cloud = host_name is not None and ":" not in host_name and host_name not in ("localhost", "127.0.0.1")
        default_public = f"https://{host_name}" if is_cloud else None
        stated_base_url = url("PUBLIC_BASE_URL", None)
        auth_mode = choice("AUTH_MODE", "none", "none", "easyauth")
        # The host sets it on Linux where App Service authentication is on (Azure/azure-functions-host, HostAssignmentContext and
        # HostEasyAuthOptionsSetup): only then are callers' own X-MS-CLIENT-PRINCIPAL headers removed.
        is_signed_in = required("WEBSITE_AUTH_ENABLED", "").lower() == "true"
        if switch("AUTH_STAND_IN", False):
            if is_cloud:
                problems["AUTH_STAND_IN"] = "is for local work only"
            is_signed_in = is_signed_in or not is_cloud
        if auth_mode == "easyauth" and not is_signed_in:
            problems["AUTH_MODE"] = "is easyauth, but App Service authentication is off: anybody could say who they are"
        if "AUTH_MODE" in problems:
            auth_mode = "closed"
        webhook_hosts = tuple(one.lower() for one in several("WEBHOOK_EXTRA_HOSTS"))
        if is_cloud and webhook_hosts:
            # Users name the addresses: what is allowed here is open to all of them.
            problems["WEBHOOK_EXTRA_HOSTS"] = "is for local work only"
            webhook_hosts = ()
        intake_queue, intake_owner = switch("INTAKE_QUEUE", False), text("INTAKE_OWNER")
        if intake_owner and not (intake_owner.isascii() and intake_owner.isprintable()):
            problems["INTAKE_OWNER"] = "must be printable ASCII: the id of who signs in"
        elif intake_queue and auth_mode != "none" and not intake_owner:
            # An owner whom nobody can be: its jobs would be paid for and seen by nobody.
            problems["INTAKE_OWNER"] = "is missing: where callers sign in, the id of who fetches the pictures of queued requests"
        if "INTAKE_OWNER" in problems or auth_mode == "closed":
            intake_queue = False
        is_sandbox = switch("SANDBOX", False)
        if choice("ENVIRONMENT_TYPE", "prod", "prod", "dev") != "dev" and is_sandbox:
            # New jobs are refused then; those under way are finished by the providers that they are paid at.
            problems["SANDBOX"] = "is for environments whose ENVIRONMENT_TYPE is dev"
            is_sandbox = False
        sandbox_port = number("SANDBOX_PORT", 7099, int, 1024, 65_535)
        images_account = text("IMAGES_STORAGE_ACCOUNT")
        is_public_storage = is_cloud and _is_reached_from_outside(images_account or connection_string or blob_url or account_name)
        settings = cls(
            storage_connection_string=connection_string,
            storage_account_name=account_name,
            storage_blob_url=blob_url,
            storage_queue_url=url("AzureWebJobsStorage__queueServiceUri", None),
            storage_client_id=text("AzureWebJobsStorage__clientId") or text("AZURE_CLIENT_ID"),
            images_storage_account=images_account,
            key_vault_uri=url("KEY_VAULT_URI", None),
            environment_secrets={
                name: env[name]
                for name in ("REPLICATE_API_TOKEN", "BFL_API_KEY", "TRANSLATOR_KEY", "WEBHOOK_SIGNING_KEY")
                if env.get(name)
            },
            replicate_api_base_url=url("REPLICATE_API_BASE_URL", cls.replicate_api_base_url) or "",
            bfl_api_base_url=url("BFL_API_BASE_URL", cls.bfl_api_base_url) or "",
            models=models,
            models_of_before={"replicate": multi_image, "bfl": single_image},
            provider_extra_hosts=tuple(host.lower() for host in several("PROVIDER_EXTRA_HOSTS")),
            webhook_extra_hosts=webhook_hosts,
            public_base_url=stated_base_url or default_public,
            stated_base_url=stated_base_url,
            poll_interval_seconds=number("POLL_INTERVAL_SECONDS", 1.0, float, 0.1, 60),
            poll_max_attempts=number("POLL_MAX_ATTEMPTS", 120, int, 1, 10_000),
            generation_timeout_seconds=number("GENERATION_TIMEOUT_SECONDS", 120, int, 1, 86_400),
            queue_timeout_seconds=number("QUEUE_TIMEOUT_SECONDS", 600, int, 1, 86_400),
            bfl_max_active=number("BFL_MAX_ACTIVE", cls.bfl_max_active, int, 1, 10_000),
            bfl_kontext_max_active=number("BFL_KONTEXT_MAX_ACTIVE", cls.bfl_kontext_max_active, int, 1, 10_000),
            replicate_max_active=number("REPLICATE_MAX_ACTIVE", 50, int, 1, 10_000),
            max_upload_bytes=number("MAX_UPLOAD_BYTES", 5_242_880, int, 1024, LARGEST_UPLOAD_BYTES),
            decode_memory_mb=number("DECODE_MEMORY_MB", cls.decode_memory_mb, int, 100, 10_000),
            # The worker takes any number of at least one (azure_functions_runtime, utils/threadpool.py).
            python_threads=number("PYTHON_THREADPOOL_THREAD_COUNT", cls.python_threads, int, 1),
            retention_days=number("RETENTION_DAYS", 30, int, 1, 3650),
            sas_ttl_minutes=number("SAS_TTL_MINUTES", 60, int, 1, 7 * 24 * 60),
            allowed_origins=origins("ALLOWED_ORIGINS"),
            sync_responses=choice("SYNC_RESPONSES", "false", "true", "false") == "true",
            auth_mode=auth_mode,
            max_active_jobs_per_owner=optional_count("MAX_ACTIVE_JOBS_PER_OWNER"),
            daily_jobs_per_owner=optional_count("DAILY_JOBS_PER_OWNER"),
            max_active_jobs=optional_count("MAX_ACTIVE_JOBS"),
            daily_jobs=optional_count("DAILY_JOBS"),
            daily_usd_per_owner=optional_dollars("DAILY_USD_PER_OWNER"),
            monthly_usd_per_owner=optional_dollars("MONTHLY_USD_PER_OWNER"),
            daily_usd=optional_dollars("DAILY_USD"),
            monthly_usd=optional_dollars("MONTHLY_USD"),
            translator_endpoint=url("TRANSLATOR_ENDPOINT", None),
            translator_region=text("TRANSLATOR_REGION"),
            provider_down=choice("PROVIDER_DOWN", "wait", "wait", "fail"),
            images_by_link=switch("IMAGES_BY_LINK", is_public_storage),
            ai_label=choice("AI_LABEL", "metadata", "metadata", "visible"),
            intake_queue=intake_queue,
            intake_owner=(None if "INTAKE_OWNER" in problems else intake_owner) or cls.intake_owner,
            problems=problems,
        )
        return settings.in_sandbox(sandbox_port) if is_sandbox else settings

    @property
    def has_limits_of_all(self) -> bool:
        """Whether anything limits all callers together."""
        return any((self.max_active_jobs, self.daily_jobs, self.daily_usd, self.monthly_usd))

    def in_sandbox(self, port: int) -> "Settings":
        """With the simulators on this machine as the only providers: whatever else is set, no key and no vault is known here."""
        simulators = f"127.0.0.1:{port}"
        return replace(
            self, is_sandbox=True, key_vault_uri=None, translator_endpoint=None,
            environment_secrets=dict.fromkeys(("REPLICATE_API_TOKEN", "BFL_API_KEY"), "sandbox"),
            replicate_api_base_url=f"http://{simulators}/replicate", bfl_api_base_url=f"http://{simulators}/bfl",
            # BFL's hands out polling addresses on another host than the one that was asked, as BFL does.
            provider_extra_hosts=(simulators, f"localhost:{port}"),
            # What was sent is kept by the simulators, and a link is not to be kept.
            images_by_link=False,
        )  # fmt: skip


def web_origin(url: str) -> str | None:
    """The origin of a URL as browsers send it: in small letters, without the scheme's own port (RFC 6454, 6.2;
    https://url.spec.whatwg.org/#concept-url-serializer). None where it is more than an origin, or none."""
    try:
        parts = urlsplit(url)
        is_origin = bool(parts.scheme and parts.hostname) and url.count("/") == 2 and parts.port != 0  # noqa: PLR2004 - "://"
    except ValueError:
        return None
    return _as_browsers_spell(url) if is_origin and not _UNSPEAKABLE.search(url) and not set("@?#") & set(url) else None


def _as_browsers_spell(url: str) -> str:
    """With scheme and host in small letters, and without the scheme's own port."""
    parts = urlsplit(url)
    host = parts.netloc.lower().removesuffix(f":{_PORTS.get(parts.scheme, '')}")
    return f"{parts.scheme}://{host}{parts.path}"


def _is_web_address(text: str) -> bool:
    if _UNSPEAKABLE.search(text):
        return False
    try:
        parts = urlsplit(text)
        is_plain = not (parts.query or parts.fragment or parts.username)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0 and is_plain
    except ValueError:  # half an IPv6 address, or a port that is none
        return False


def _is_reached_from_outside(storage: str | None) -> bool:
    """Whether a provider could fetch from a storage account: by its name, its URL or its connection string, not an emulator's."""
    if not storage or storage.startswith("UseDevelopmentStorage"):
        return False
    parts = dict(part.partition("=")[::2] for part in storage.split(";")) if ";" in storage else {"BlobEndpoint": storage}
    # An account that is only named is at Azure, by https unless it says otherwise.
    url = parts.get("BlobEndpoint") or f"{parts.get('DefaultEndpointsProtocol', 'https')}://azure"
    url = url if "://" in url else f"https://{url}"
    return _is_web_address(url) and urlsplit(url).scheme == "https" and urlsplit(url).hostname not in _LOOPBACK
