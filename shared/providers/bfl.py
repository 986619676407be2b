"""Black Forest Labs: tasks of its models. Facts from the providers reference, section 2."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple
from urllib.parse import parse_qs, quote, urlsplit

from shared.domain.problem import Charged, moderated
from shared.providers.client import AUTH, BROKEN, BUSY, DOWN, PERMANENT, QUOTA, ProviderClient, asked_pause
from shared.providers.http import Answer, ProviderHttp, Unreachable
from shared.providers.provider import Canceled, Failed, Handle, Look, NotFound, ProviderError, Ready, Running, Unusable
from shared.providers.trust import UntrustedUrl, check_url
from shared.secrets import Secrets
from shared.settings import Settings

_TASK_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")
_API_HOST = re.compile(r"api\.([a-z0-9-]+\.)?bfl\.ai")
_DELIVERY_HOST = re.compile(r"delivery[a-z0-9-]*\.([a-z0-9-]+\.)*bfl\.ai")
#: What a refused call means (2.8, 2.9).
REFUSALS = {
    400: PERMANENT, 401: AUTH, 402: QUOTA, 403: AUTH, 404: PERMANENT, 408: BUSY, 409: BUSY, 422: PERMANENT, 429: BUSY,
    500: BROKEN, 503: DOWN,
}  # fmt: skip


#: One credit is one cent (2.10). With less than a Kontext picture costs the account is as good as empty.
LEAST_CREDITS = 8


class _Ended(NamedTuple):
    """What a task that ended without a picture means."""

    code: str
    charged: Charged
    resubmits: int = 0
    moderated: Literal["input", "output", ""] = ""


#: Statuses that end a task without a picture (2.4). Only `Ready` consumes credits (2.10). Any other status is still running.
ENDINGS = {
    "Request Moderated": _Ended("content_moderated", "no", moderated="input"),
    "Content Moderated": _Ended("content_moderated", "no", moderated="output"),
    "Error": _Ended("provider_unavailable", "no", resubmits=2),
    "Failed": _Ended("provider_unavailable", "no", resubmits=2),
}


class Bfl(ProviderClient):
    name = "bfl"
    label = "BFL.ai"
    secret_name = "BFL_API_KEY"  # noqa: S105 - the name of a setting
    secret_subject_ko = "BFL_API_KEY가"  # noqa: S105 - likewise
    refusals = REFUSALS
    #: There is no list of tasks (2.6).
    can_find = False

    def __init__(self, settings: Settings, secrets: Secrets, http: ProviderHttp | None = None) -> None:
        super().__init__(settings, secrets, http)
        self._base = settings.bfl_api_base_url
        self.max_active = settings.bfl_max_active

    def create(self, model: str, fields: dict[str, Any], *, webhook_url: str | None, timeout_seconds: int) -> Handle:
        # No webhook: it would take the place of the polling URL (2.3). There is no deadline either (2.6).
        body = self._post(f"{self._base}/v1/{quote(model)}", fields).json_object() or {}
        task_id = body.get("id")
        if not isinstance(task_id, str) or not _TASK_ID.fullmatch(task_id):
            raise self._unavailable(maybe_done=True, note="create answer without an id")
        return Handle(task_id, self._poll_url(task_id, body.get("polling_url")), _dollars(body.get("cost")))

    def has_made(self, handle: Handle) -> bool:
        return "/v1/get_result" in handle.poll_url

    def find(
        self, model: str, fields: dict[str, Any], images: frozenset[str], webhook_url: str | None, since: datetime
    ) -> Iterator[Handle]:
        return iter(())

    def look(self, handle: Handle) -> Look:
        try:
            answer = self._ask(handle.poll_url, lambda auth: self._http.get(handle.poll_url, auth))
        except (Unreachable, ProviderError) as error:
            return Running(trouble=str(error))
        # A status body may come under 404, 422 or 503: the body speaks first (2.4).
        body = answer.json_object() or {}
        status = body.get("status")
        if isinstance(status, str):
            return self._told(status, body.get("result")) or self._running(answer, is_told=answer.ok)
        # The framework's own 404 has no status (2.9).
        return NotFound() if answer.status == 404 else self._running(answer, is_told=False)

    def _told(self, status: str, result: object) -> Look | None:
        """What a status means; None while it runs."""
        if status == "Ready":
            told = result if isinstance(result, dict) else {}
            sample = told.get("sample")
            if isinstance(sample, str) and sample:
                return Ready(sample, _time(told.get("end_time")))
            return Unusable(self._problem("provider_bad_response", "yes"))
        if status == "Task not found":
            return NotFound()
        ended = ENDINGS.get(status)
        if ended is None:
            return None
        if ended.code == "content_moderated":
            return Failed(moderated(self.label, ended.moderated, ended.charged))
        return Failed(self._problem(ended.code, ended.charged), ended.resubmits)

    def _running(self, answer: Answer, *, is_told: bool) -> Running:
        if is_told:
            return Running()
        return Running(trouble=f"poll answered {answer.status}", retry_after=asked_pause(answer))

    def download(self, ready: Ready) -> bytes:
        return self._download(ready.url)

    def cancel(self, handle: Handle) -> Canceled:
        """There is no way to (2.6): it goes on, and will likely be charged."""
        return "going on"

    def check_account(self) -> None:
        credits = self._read(f"{self._base}/v1/credits").get("credits")
        if isinstance(credits, int | float) and credits < LEAST_CREDITS:
            raise ProviderError(self._problem("provider_quota_exhausted"), note="credits used up")

    def _is_api_host(self, host: str) -> bool:
        return _API_HOST.fullmatch(host) is not None

    def _is_delivery_host(self, host: str) -> bool:
        return _DELIVERY_HOST.fullmatch(host) is not None

    def _auth(self, key: str) -> dict[str, str]:
        return {"x-key": key}

    def _poll_url(self, task_id: str, given: object) -> str:
        """The polling URL of the answer where it keeps the rules (2.1): the key will travel there. Else the API's own."""
        own = f"{self._base}/v1/get_result?id={quote(task_id)}"
        if not isinstance(given, str):
            return own
        try:
            parts = urlsplit(check_url(given, self._is_api_host, self._extra_hosts))
        except UntrustedUrl:
            return own
        return given if parts.path.endswith("/v1/get_result") and parse_qs(parts.query).get("id") == [task_id] else own


def _time(seconds: object) -> datetime | None:
    """Of Unix seconds (2.4, where only the sample is sure); None when it is none."""
    try:
        return datetime.fromtimestamp(float(seconds), UTC) if isinstance(seconds, int | float) and seconds else None
    except (ValueError, OverflowError, OSError):
        return None


def _dollars(credits: object) -> float | None:
    """What a create says that it costs (2.3, 2.10); None where it says nothing."""
    return credits / 100 if isinstance(credits, int | float) and not isinstance(credits, bool) and credits >= 0 else None
