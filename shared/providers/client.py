"""What both providers' clients share: the key, the checks before a request leaves, and what a refusal means."""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import NamedTuple

from shared.domain.problem import Charged, Problem
from shared.providers.http import Answer, Budget, ProviderHttp, Unreachable
from shared.providers.keys import A, ProviderKey
from shared.providers.provider import ProviderError
from shared.providers.trust import UntrustedUrl, check_url
from shared.secrets import Secrets
from shared.settings import Settings


class Refusal(NamedTuple):
    """What an HTTP status other than success means for a job."""

    code: str
    #: None: as the code's own.
    retryable: bool | None = None
    #: The call may have taken effect all the same.
    maybe_done: bool = False
    #: The provider is down, rather than busy or right to refuse.
    provider_failed: bool = False


PERMANENT = Refusal("provider_bad_response", retryable=False)
AUTH = Refusal("provider_auth_failed")
QUOTA = Refusal("provider_quota_exhausted")
BUSY = Refusal("provider_unavailable")
DOWN = Refusal("provider_unavailable", provider_failed=True)
#: Nobody can tell what happened behind it.
BROKEN = Refusal("provider_unavailable", maybe_done=True, provider_failed=True)
#: What a refusal says that is about an image: the field (1.10, 2.9), or what could not be done with a link. No source has the
#: words; where these are meant otherwise, one more create is refused.
_ABOUT_IMAGE = re.compile(r"input_image|fetch|download|\burl\b", re.IGNORECASE)


def asked_pause(answer: Answer) -> float | None:
    """Seconds for which an answer that is busy (429) or down (503) asks to be left alone."""
    return answer.retry_after() if answer.status in (429, 503) else None


class ProviderClient:
    """Base of a generator. Subclasses say who the provider is and which hosts its rules allow."""

    label: str
    secret_name: str
    secret_subject_ko: str
    #: What each status means; any other 4xx is permanent, any other 5xx broken.
    refusals: Mapping[int, Refusal]

    def __init__(self, settings: Settings, secrets: Secrets, http: ProviderHttp | None = None) -> None:
        self._extra_hosts = settings.provider_extra_hosts
        self._key = ProviderKey(secrets, self.secret_name, self.missing_key(), self._problem("provider_auth_failed"))
        self._http = http or ProviderHttp(settings.provider_extra_hosts)

    @classmethod
    def missing_key(cls) -> Problem:
        """What callers are told while the key is not set; nothing is sent or charged."""
        return Problem("missing_api_key", params={"setting": cls.secret_name, "setting_ko": cls.secret_subject_ko})

    def webhook_url(self, instance: str, submission: int) -> str | None:
        """Where the provider tells that a prediction has ended; None where it cannot."""
        return None

    def require_key(self) -> None:
        """Raise ProviderError when there is no key that can be sent. Asks the secret store, not the provider."""
        self._key.get()

    # ---- requests ----

    def _is_api_host(self, host: str) -> bool:
        raise NotImplementedError

    def _is_delivery_host(self, host: str) -> bool:
        raise NotImplementedError

    def _auth(self, key: str) -> dict[str, str]:
        raise NotImplementedError

    def _ask(self, url: str, call: Callable[[dict[str, str]], A]) -> A:
        """Make `call` with the key's headers, once it is sure that `url` is the provider's. Raises ProviderError, Unreachable."""
        try:
            check_url(url, self._is_api_host, self._extra_hosts)
        except UntrustedUrl as error:
            raise ProviderError(self._problem("provider_bad_response", "unknown"), note=f"untrusted {error}") from error
        return self._key.use(lambda key: call(self._auth(key)))

    def _post(self, url: str, body: dict[str, object] | None = None, **headers: str) -> Answer:
        """An accepted answer. Raises ProviderError; its `maybe_done` says whether the POST may have taken effect."""
        try:
            answer = self._ask(url, lambda auth: self._http.post(url, {**auth, **headers}, body))
        except Unreachable as error:
            raise self._unavailable(maybe_done=not error.never_sent, note=str(error)) from error
        if not answer.ok:
            raise self._refusal(answer)
        return answer

    def _read(self, url: str, **params: str) -> dict[str, object]:
        """The JSON object at `url`. Raises ProviderError."""
        with self._told_as_unavailable():
            answer = self._ask(url, lambda auth: self._http.get(url, auth, **params))
        if not answer.ok:
            raise self._refusal(answer)
        body = answer.json_object()
        if body is None:
            raise ProviderError(self._problem("provider_bad_response"), note="no JSON object")
        return body

    @contextmanager
    def _streamed(self, url: str, budget: Budget, **params: str) -> Iterator[Iterator[bytes]]:
        """The body at `url` in parts, as it arrives. Raises ProviderError, also while they are read."""
        with self._told_as_unavailable(), ExitStack() as opened:
            streamed = self._ask(url, lambda auth: opened.enter_context(self._http.stream(url, auth, budget, **params)))
            if not streamed.answer.ok:
                raise self._refusal(streamed.answer)
            yield streamed.parts

    def _download(self, url: str) -> bytes:
        def check(target: str) -> str:
            return check_url(target, self._is_delivery_host, self._extra_hosts)

        try:
            return self._http.download(url, check)
        except UntrustedUrl as error:
            raise self._unfetched(f"untrusted {error}", is_final=True) from error
        except Unreachable as error:
            raise self._unfetched(str(error), is_final=error.is_final) from error

    @contextmanager
    def _told_as_unavailable(self) -> Iterator[None]:
        """No answer to a read becomes a ProviderError."""
        try:
            yield
        except Unreachable as error:
            raise self._unavailable(note=str(error)) from error

    # ---- failures ----

    def _refusal(self, answer: Answer) -> ProviderError:
        """What a refused call means, by the provider's table."""
        means = self.refusals.get(answer.status, PERMANENT if 400 <= answer.status < 500 else BROKEN)
        charged: Charged = "unknown" if means.maybe_done else "no"
        return ProviderError(
            replace(self._problem(means.code, charged), retryable=means.retryable),
            retry_after=answer.retry_after(), maybe_done=means.maybe_done, provider_failed=means.provider_failed,
            is_about_image=answer.status in (400, 422) and _ABOUT_IMAGE.search(_detail(answer)) is not None,
            note=f"answered {answer.status}",
        )  # fmt: skip

    def _unavailable(self, *, maybe_done: bool = False, note: str) -> ProviderError:
        charged: Charged = "unknown" if maybe_done else "no"
        return ProviderError(
            self._problem("provider_unavailable", charged), maybe_done=maybe_done, provider_failed=True, note=note
        )

    def _unfetched(self, note: str, *, is_final: bool) -> ProviderError:
        """A picture that is finished, and so paid for, could not be had from its link."""
        code = "provider_bad_response" if is_final else "provider_unavailable"
        return ProviderError(self._problem(code, "yes"), provider_failed=not is_final, is_final=is_final, note=note)

    def _problem(self, code: str, charged: Charged = "no", **params: str) -> Problem:
        if code == "provider_auth_failed":
            params["setting"] = self.secret_name
        return Problem(code, charged=charged, params={"provider": self.label, **params})


def _detail(answer: Answer) -> str:
    """What is wrong, and where: a text, or a list of places and texts (1.10, 2.9). Never to be told: it may echo."""
    detail = (answer.json_object() or {}).get("detail")
    if not isinstance(detail, list):
        return str(detail)
    return " ".join(f"{one.get('loc')} {one.get('msg')}" for one in detail if isinstance(one, dict))
