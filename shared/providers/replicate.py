"""Replicate: predictions of an official model. Facts from the providers reference, section 1."""

import base64
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlsplit

from shared.domain.problem import moderated
from shared.providers.client import AUTH, BROKEN, BUSY, DOWN, PERMANENT, QUOTA, ProviderClient, asked_pause
from shared.providers.http import MAX_ANSWER_BYTES, Budget, ProviderHttp, Unreachable
from shared.providers.pages import NotAPage, Page
from shared.providers.provider import Canceled, Failed, Handle, Look, NotFound, ProviderError, Ready, Running, Unusable
from shared.providers.trust import is_host_or_subdomain
from shared.secrets import Secrets
from shared.settings import Settings

#: What a refused call means (1.9, 1.10).
REFUSALS = {
    400: PERMANENT, 401: AUTH, 402: QUOTA, 403: AUTH, 404: PERMANENT, 408: BUSY, 409: BUSY, 413: PERMANENT, 422: PERMANENT,
    429: BUSY, 500: BROKEN, 503: DOWN,
}  # fmt: skip
#: What the text of a failed run means (1.11): code, and how many new predictions are worth a try. The first that fits counts.
#: Whether a failed run is billed is not documented (1.12), so only "unknown" is true.
RUN_FAILURES = (
    (re.compile(r"flagged as sensitive|\bE005\b", re.IGNORECASE), "content_moderated", 0),
    # busy, platform, start-up
    (re.compile(r"\b(E003|E8765|E9828|E6716)\b", re.IGNORECASE), "provider_unavailable", 2),
    # the worker was lost
    (re.compile(r"\bcode: PA\b", re.IGNORECASE), "provider_unavailable", 2),
    # the model: unknown error, out of memory
    (re.compile(r"\b(E1000|E1001)\b", re.IGNORECASE), "provider_unavailable", 1),
    # whatever else: it may be paid for, so it is not repeated
    (re.compile(""), "provider_unavailable", 0),
)
_PREDICTION_ID = re.compile(r"[a-z0-9]{8,64}")
#: How long the provider may go on after our own deadline before it cancels by itself (Cancel-After).
_CANCEL_GRACE_SECONDS = 60
#: Our clock and theirs differ.
_CLOCK_SKEW = timedelta(seconds=60)
#: What is read of the list to find one prediction: it echoes inputs, which may be whole data URIs of megabytes (1.4).
_LIST_BYTES = 1024**3
_LIST_SECONDS = 60.0
#: Of 100 predictions each (1.5); at most 600 are made in a minute (1.9).
_LIST_PAGES = 50


class Replicate(ProviderClient):
    name = "replicate"
    label = "Replicate"
    secret_name = "REPLICATE_API_TOKEN"  # noqa: S105 - the name of a setting
    secret_subject_ko = "REPLICATE_API_TOKEN이"  # noqa: S105 - likewise
    refusals = REFUSALS
    can_find = True

    def __init__(self, settings: Settings, secrets: Secrets, http: ProviderHttp | None = None) -> None:
        super().__init__(settings, secrets, http)
        self.max_active = settings.replicate_max_active
        self._base = settings.replicate_api_base_url
        self._public_base = settings.public_base_url

    def webhook_url(self, instance: str, submission: int) -> str | None:
        if not self._public_base:
            return None
        return f"{self._public_base}/api/webhooks/replicate?instance={instance}&submission={submission}"

    def has_made(self, handle: Handle) -> bool:
        return "/v1/predictions/" in handle.poll_url

    def webhook_secret(self) -> str:
        """The account's signing secret, "whsec_...". Raises ProviderError."""
        key = self._read(f"{self._base}/v1/webhooks/default/secret").get("key")
        if not isinstance(key, str) or not key.startswith("whsec_"):
            raise ProviderError(self._problem("provider_bad_response"), note="no webhook secret")
        return key

    def create(self, model: str, fields: dict[str, Any], *, webhook_url: str | None, timeout_seconds: int) -> Handle:
        answer = self._post(
            f"{self._base}/v1/models/{quote(model)}/predictions",
            {
                "input": fields,
                **({"webhook": webhook_url, "webhook_events_filter": ["completed"]} if webhook_url else {}),
            },
            **{"Cancel-After": f"{max(5, timeout_seconds + _CANCEL_GRACE_SECONDS)}s"},
        )
        prediction_id = (answer.json_object() or {}).get("id")
        if not isinstance(prediction_id, str) or not _PREDICTION_ID.fullmatch(prediction_id):
            raise self._unavailable(maybe_done=True, note="create answer without an id")
        return self._handle(prediction_id)

    def find(
        self, model: str, fields: dict[str, Any], images: frozenset[str], webhook_url: str | None, since: datetime
    ) -> Iterator[Handle]:
        """Those that tell our webhook; where none does, those of exactly this input (its seed makes it all but unique)."""
        earliest = since - _CLOCK_SKEW
        alike, is_told = [], False
        for item in self._listed(earliest):
            prediction_id = item.get("id")
            if not isinstance(prediction_id, str) or not _PREDICTION_ID.fullmatch(prediction_id):
                continue
            if item.get("webhook"):
                # It names the instance and the submission, so it decides alone (echoed in traffic, 1.4).
                if item["webhook"] == webhook_url:
                    is_told = True
                    yield self._handle(prediction_id)
            elif item.get("model") in (None, model) and _is_made_from(item, fields, images, earliest):
                alike.append(self._handle(prediction_id))
        if not is_told:
            yield from alike

    def look(self, handle: Handle) -> Look:
        try:
            answer = self._ask(handle.poll_url, lambda auth: self._http.get(handle.poll_url, auth))
        except (Unreachable, ProviderError) as error:
            return Running(trouble=str(error))
        if answer.status == 404:
            # Right after a create it is replication lag (1.13).
            return NotFound()
        body = answer.json_object()
        if not answer.ok or body is None:
            return Running(trouble=f"poll answered {answer.status}", retry_after=asked_pause(answer))
        status = body.get("status")
        if status == "succeeded":
            return self._finished(body.get("output"), _time(body.get("completed_at")))
        if status == "failed":
            return self._failed(str(body.get("error") or ""))
        if status in ("canceled", "aborted"):
            # Not by us: a job that cancels does not look again. `aborted` never started and is free (1.7).
            return Failed(self._problem("provider_unavailable", "no" if status == "aborted" else "unknown"))
        return Running()

    def download(self, ready: Ready) -> bytes:
        if not ready.url.startswith("data:"):
            return self._download(ready.url)
        data = _from_data_uri(ready.url)
        if not data:
            raise self._unfetched("a data URI that cannot be read", is_final=True)
        return data

    def cancel(self, handle: Handle) -> Canceled:
        status = (self._post(f"{handle.poll_url}/cancel").json_object() or {}).get("status")
        if status in ("canceled", "aborted"):
            return "canceled"
        # The answer may show the old status for a moment (1.7).
        return "finished" if status in ("succeeded", "failed") else "going on"

    def check_account(self) -> None:
        """Proves the token; Replicate has no way to ask for the balance (1.12)."""
        self._read(f"{self._base}/v1/account")

    def _is_api_host(self, host: str) -> bool:
        return host == "api.replicate.com"

    def _is_delivery_host(self, host: str) -> bool:
        return is_host_or_subdomain(host, "replicate.delivery")

    def _auth(self, key: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {key}"}

    def _handle(self, prediction_id: str) -> Handle:
        return Handle(prediction_id, f"{self._base}/v1/predictions/{prediction_id}")

    def _listed(self, earliest: datetime) -> Iterator[dict[str, Any]]:
        """The account's predictions made since `earliest`, each read when it is asked for (1.5). Raises ProviderError."""
        budget = Budget(_LIST_BYTES, _LIST_SECONDS)
        url, params = f"{self._base}/v1/predictions", {"created_after": earliest.isoformat()}
        for _ in range(_LIST_PAGES):
            with self._streamed(url, budget, **params) as parts:
                page = Page(parts, MAX_ANSWER_BYTES)
                try:
                    yield from (item for item in page.items() if isinstance(item, dict))
                except NotAPage as error:
                    raise ProviderError(self._problem("provider_bad_response"), note="no list of predictions") from error
            if not page.following:
                return
            url, params = page.following, {}
        # Not to have come to its end is not to know.
        raise self._unavailable(note="the list of predictions is too long")

    def _finished(self, output: Any, ended_at: datetime | None) -> Look:
        if isinstance(output, list) and output:
            output = output[0]
        if isinstance(output, str) and output:
            return Ready(output, ended_at)
        # Paid for, and no picture: the shape is worth telling, the content is not.
        return Unusable(self._problem("provider_bad_response", "yes", shape=type(output).__name__))

    def _failed(self, error: str) -> Failed:
        code, resubmits = next((code, resubmits) for pattern, code, resubmits in RUN_FAILURES if pattern.search(error))
        if code == "content_moderated":
            return Failed(moderated(self.label, "", "unknown"))
        return Failed(self._problem(code, "unknown"), resubmits)


def _is_made_from(item: dict[str, Any], wanted: dict[str, Any], images: frozenset[str], earliest: datetime) -> bool:
    echo, created_at = item.get("input"), _time(item.get("created_at"))
    if not isinstance(echo, dict) or created_at is None or created_at < earliest:
        return False
    return all(echo.get(name) == value or _may_show(value, echo.get(name), images) for name, value in wanted.items())


def _may_show(wanted: Any, echo: Any, images: frozenset[str]) -> bool:
    """Whether an echo that is not what was sent may be of the same images: of one, or of a list of them."""
    if isinstance(wanted, list) and isinstance(echo, list):
        pairs = zip(wanted, echo, strict=False)
        return len(wanted) == len(echo) and all(sent == shown or _may_show(sent, shown, images) for sent, shown in pairs)
    if isinstance(wanted, list):
        return bool(wanted) and all(sent in images for sent in wanted)
    return wanted in images and _may_be(wanted, echo)


def _may_be(wanted: str, echo: object) -> bool:
    """An image may come back as a URL of theirs, which tells nothing. A link of ours names its image, whatever its signature."""
    if str(echo).startswith("data:"):
        return wanted == echo
    sent, shown = _named_by(wanted), _named_by(str(echo))
    return sent is None or shown is None or sent[0] != shown[0] or sent == shown


def _named_by(url: str) -> tuple[str, str] | None:
    """(host, path) of a link; None of any other text."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    return (parts.netloc, parts.path) if parts.scheme in ("http", "https") else None


def _time(text: object) -> datetime | None:
    """Of RFC 3339 in UTC (1.4); None when it is not."""
    try:
        time = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def _from_data_uri(uri: str) -> bytes:
    """The bytes of a base64 data URI, which early wait-mode answers carried (1.5); empty when it is not one."""
    head, _, data = uri.partition(",")
    try:
        return base64.b64decode(data, validate=True) if head.endswith(";base64") else b""
    except ValueError:
        return b""
