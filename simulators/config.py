"""What the simulators do, as two dataclasses that can be changed while the server runs. Sections name providers.md."""

import dataclasses
import types
import typing
from dataclasses import dataclass, field
from typing import Any

from simulators.lifecycle import OUTCOMES
from simulators.models import MODELS, Span


class ConfigError(ValueError):
    """A key that does not exist or a value of the wrong type; the text names it."""


@dataclass(frozen=True)
class WebhookConfig:
    #: How many times more each delivery is repeated (documented as possible, 1.8).
    duplicates: int = 0
    #: Added to the moment of each event; negative ones arrive before a poll can see the change.
    delay_seconds: float = 0.0
    #: A delivery with a wrong signature and a false `succeeded` goes out before each real one.
    forged: bool = False
    #: Added to the time that is signed: 600 is ten minutes ahead.
    clock_skew_seconds: float = 0.0
    #: Nothing is delivered at all.
    lost: bool = False
    #: Waits before the retries of the terminal event. Replicate's last is about a minute after completion (1.8).
    retry_seconds: list[float] = field(default_factory=lambda: [1.0, 2.0, 4.0, 8.0, 16.0, 30.0])
    timeout_seconds: float = 10.0
    #: BFL only (2.7): A sends the secret itself, B an HMAC. Which one is true is not known.
    signature: str = "B"
    #: BFL only: `new` is {id, status: Ready, ...}, `old` is {task_id, status: SUCCESS, ...}.
    payload: str = "new"


@dataclass(frozen=True)
class ProviderConfig:
    #: Keys that are accepted; None means any non-empty one.
    keys: list[str] | None = None
    #: Seed of everything that is drawn.
    seed: int = 0
    #: From creation to the run's start, never later than its end.
    start_seconds: Span = 0.5
    #: From creation to the end.
    delay_seconds: Span = 5.0
    #: Of single models. A change of `delay_seconds` that does not name this one empties it: one number for all.
    delay_seconds_by_model: dict[str, Span] = field(default_factory=dict)
    outcome: str = "succeed"
    #: A weighted mix, instead of `outcome`: {"succeed": 9, "error_E003": 1}.
    outcomes: dict[str, float] | None = None
    #: The outcomes of the next predictions, in order; then `outcome` or `outcomes` again.
    outcome_sequence: list[str] = field(default_factory=list)
    #: Status names shown one after the other while the prediction runs.
    odd_statuses: list[str] = field(default_factory=list)
    faults: list[dict[str, Any]] = field(default_factory=list)
    create_per_minute: int | None = None
    read_per_minute: int | None = None
    #: Predictions that may be live at once, over all models; more are answered 429.
    max_active: int | None = None
    #: Of single models, within that number. A change of `max_active` that does not name this one empties it: one limit for all.
    max_active_by_model: dict[str, int] = field(default_factory=dict)
    #: US cents by model, where they differ from models.py: first megapixel of output, each further one, each of input.
    prices: dict[str, list[float]] = field(default_factory=dict)
    #: Seconds that a 429 of a limit asks for, None = as long as the limit needs.
    retry_after: float | None = None
    #: Whether a 429 of a limit has the Retry-After header; not confirmed for either provider (?).
    retry_after_header: bool = False
    #: Images with a shorter side are refused; None = no such rule (BFL: 256 is a rule of its client only, 2.2).
    min_image_side: int | None = None
    #: Finished pictures are drawn smaller than the real ones, where a test wants to keep them; None = as the models do.
    longest_side: int | None = None
    #: Whether image URLs are fetched; otherwise such an image is drawn as a plain card.
    fetch_urls: bool = True
    fetch_timeout_seconds: float = 5.0
    #: An image URL that gives no file: a 422 or 400 at create, or `error` = the run ends failed (all guesses, 2.9) (?).
    unfetchable_image: str = "error"
    #: Host name in delivery links, with the request's port; None = the request's host.
    delivery_host: str | None = None
    #: How long a delivery link works, and what it answers then.
    link_seconds: float = 3600.0
    expired_status: int = 404
    #: Whether a download that carries the API key is refused, so that a leak is seen (?).
    refuse_key_on_delivery: bool = False
    webhooks: WebhookConfig = field(default_factory=WebhookConfig)


@dataclass(frozen=True)
class ReplicateConfig(ProviderConfig):
    delay_seconds: Span = field(default_factory=lambda: [4.0, 7.0])
    create_per_minute: int | None = 600
    read_per_minute: int | None = 3000
    #: Credit below $5: 6 creates a minute, burst 1 (1.9).
    low_credit: bool = False
    #: What may still be spent, from now on; None = no end. Used up: 402.
    credit_usd: float | None = None
    #: string | list | null | data_uri | object
    output_shape: str = "string"
    #: The output is there some time before the status is `succeeded` (1.4).
    early_output: bool = False
    #: Whether the E005 text ends with a short id in brackets (1.11).
    moderation_id: bool = False
    #: Not documented for models priced per output (1.12) (?).
    bill_canceled: bool = True
    bill_failed: bool = False
    #: Input, output and logs are removed this long after creation (1.6).
    retention_seconds: float = 3600.0
    longest_run_seconds: float = 1800.0
    page_size: int = 100
    #: A new prediction shows in the list only after this long (?).
    list_lag_seconds: float = 0.0
    #: Longer data URIs are echoed as a URL (?).
    echo_limit_bytes: int = 262_144
    webhook_secret: str = "whsec_c2ltdWxhdG9yLXdlYmhvb2stc2lnbmluZy1zZWNyZXQ="  # noqa: S105 - opens nothing
    #: Real ones must be https; off, so that a local receiver can be used.
    webhook_https_only: bool = False


@dataclass(frozen=True)
class BflConfig(ProviderConfig):
    delay_seconds: Span = field(default_factory=lambda: [3.0, 6.0])
    delay_seconds_by_model: dict[str, Span] = field(
        default_factory=lambda: {name: model.seconds for name, model in MODELS["bfl"].items() if model.seconds is not None}
    )
    max_active: int | None = 24
    max_active_by_model: dict[str, int] = field(
        default_factory=lambda: {name: model.max_active for name, model in MODELS["bfl"].items() if model.max_active is not None}
    )
    unfetchable_image: str = "422"
    link_seconds: float = 600.0
    expired_status: int = 403
    refuse_key_on_delivery: bool = True
    #: The balance, from now on. Below the price: 402.
    credits: float = 100_000.0
    #: Host name in polling_url, with the request's port; None = the other of 127.0.0.1 and localhost, else the request's.
    polling_host: str | None = None
    #: What a poll on another host than the task's answers: not_found | answer.
    wrong_host: str = "not_found"
    #: HTTP code of a status body, by status; 200 where not named. Reported by integrators (2.4) (?).
    poll_status_codes: dict[str, int] = field(default_factory=lambda: {"Task not found": 404})
    #: `details` of a moderated task; None = null, as before 2026-06.
    moderation_reasons: list[str] | None = field(default_factory=lambda: ["Derivative Works Filter"])
    #: Unreadable image: 422 at create, or `error` later (both are guesses, 2.9) (?).
    bad_image: str = "422"
    #: Refuse unknown keys to Kontext too, where it is not known (?); FLUX.2 always does.
    forbid_extra: bool = False
    webhooks: WebhookConfig = field(default_factory=lambda: WebhookConfig(retry_seconds=[1.0, 5.0, 30.0]))


@dataclass(frozen=True)
class TranslatorConfig:
    """Azure AI Translator, version 3.0."""

    #: Keys that are accepted; None means any non-empty one.
    keys: list[str] | None = None
    #: Where the resource is: another `Ocp-Apim-Subscription-Region` is refused; None = any, or none.
    region: str | None = None
    #: Whether tokens are taken, as an address of a resource's own takes them.
    takes_tokens: bool = True
    delay_seconds: float = 0.0
    #: In one request, all texts together.
    max_characters: int = 50_000
    #: Seed of what is drawn.
    seed: int = 0
    faults: list[dict[str, Any]] = field(default_factory=list)


#: One number for all models, and beside it a table of models that differ.
_FOR_ALL = {"delay_seconds": "delay_seconds_by_model", "max_active": "max_active_by_model"}
_BY_MODEL = (*_FOR_ALL.values(), "prices")
_CHOICES = {
    "output_shape": ("string", "list", "null", "data_uri", "object"),
    "wrong_host": ("not_found", "answer"),
    "bad_image": ("422", "error"),
    "unfetchable_image": ("422", "400", "error"),
    "signature": ("A", "B", "none"),
    "payload": ("new", "old"),
}


@dataclass(frozen=True)
class Config:
    replicate: ReplicateConfig = field(default_factory=ReplicateConfig)
    bfl: BflConfig = field(default_factory=BflConfig)
    translator: TranslatorConfig = field(default_factory=TranslatorConfig)

    def of(self, provider: str) -> ProviderConfig:
        return self.replicate if provider == "replicate" else self.bfl

    def merged(self, changes: Any) -> "Config":
        """Changed where `changes` says so. Lists and plain objects are replaced whole. Raises ConfigError."""
        if not isinstance(changes, dict):
            raise ConfigError("the config is an object with `replicate`, `bfl` and `translator`")
        known = vars(self)
        for name in changes:
            if name not in known:
                raise ConfigError(f"unknown provider {name!r}; there are {', '.join(known)}")
        return dataclasses.replace(self, **{name: _merge(known[name], part, name) for name, part in changes.items()})

    def to_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)


def _merge(old: Any, changes: Any, where: str) -> Any:
    if not isinstance(changes, dict):
        raise ConfigError(f"{where} is an object")
    hints = typing.get_type_hints(type(old))
    merged = {}
    for name, value in changes.items():
        if name not in hints:
            raise ConfigError(f"unknown key {where}.{name}; there are {', '.join(sorted(hints))}")
        if dataclasses.is_dataclass(hints[name]):
            merged[name] = _merge(getattr(old, name), value, f"{where}.{name}")
            continue
        if not _fits(value, hints[name]):
            raise ConfigError(f"{where}.{name}: {value!r} is not {hints[name]}")
        if name in _CHOICES and value not in _CHOICES[name]:
            raise ConfigError(f"{where}.{name}: {value!r} is not one of {', '.join(_CHOICES[name])}")
        merged[name] = value
    if not isinstance(old, ProviderConfig):
        return dataclasses.replace(old, **merged)
    for name, by_model in _FOR_ALL.items():
        if name in merged:
            merged.setdefault(by_model, {})
    result = dataclasses.replace(old, **merged)
    _check(result, where)
    return result


def _check(config: ProviderConfig, provider: str) -> None:
    for outcome in [config.outcome, *(config.outcomes or {}), *config.outcome_sequence]:
        if outcome not in OUTCOMES:
            raise ConfigError(f"{provider}: unknown outcome {outcome!r}; there are {', '.join(OUTCOMES)}")
    for name in _BY_MODEL:
        for model in getattr(config, name):
            if model not in MODELS[provider]:
                raise ConfigError(f"{provider}.{name}: unknown model {model!r}; there are {', '.join(MODELS[provider])}")
    for model, figures in config.prices.items():
        if len(figures) != 3:
            raise ConfigError(f"{provider}.prices.{model}: three numbers: first megapixel of output, each further, each of input")


def _fits(value: Any, hint: Any) -> bool:
    origin = typing.get_origin(hint)
    if hint is Any:
        return True
    if origin in (typing.Union, types.UnionType):
        return any(_fits(value, part) for part in typing.get_args(hint))
    if origin is list:
        (item,) = typing.get_args(hint)
        return isinstance(value, list) and all(_fits(v, item) for v in value)
    if origin is dict:
        return isinstance(value, dict) and all(_fits(v, typing.get_args(hint)[1]) for v in value.values())
    if hint is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, hint)
