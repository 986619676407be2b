"""Azure AI Translator, where one is set up: prompts work best in English.

Protocol: https://learn.microsoft.com/azure/ai-services/translator/text-translation/reference/v3/translate
Authentication: https://learn.microsoft.com/azure/ai-services/translator/text-translation/reference/authentication
"""

import json
from collections.abc import Callable
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from azure.core.exceptions import AzureError

from shared.domain.problem import Problem, ProblemError
from shared.domain.text import composed, is_blank, is_damaged
from shared.domain.translation import TRANSLATION_MAX_CHARACTERS
from shared.providers.http import ProviderHttp, Unreachable
from shared.providers.trust import is_host_or_subdomain
from shared.secrets import Secrets, SecretUnavailable
from shared.settings import Settings

#: Of one answer. Texts of 100 characters take the service 150 to 300 ms, and it promises more time than a creator has
#: (https://learn.microsoft.com/azure/ai-services/translator/service-limits, "Response latency").
ANSWER_SECONDS = 3.0
#: A resource with a name of its own; what is at Azure's shared address knows no identity without the resource's id.
_OWN_DOMAIN = "cognitiveservices.azure.com"
_OWN_PATH = "/translator/text/v3.0"
_SCOPE = f"https://{_OWN_DOMAIN}/.default"


class Translation(NamedTuple):
    text: str
    #: As the service names it, "ko".
    detected_language: str


class Translator:
    """With a key where there is one, else as the app itself (Microsoft Entra ID; role Cognitive Services User), which only the
    address of a resource of its own takes."""

    def __init__(
        self, settings: Settings, secrets: Secrets, credential: Callable[[], Any] | None = None, http: ProviderHttp | None = None
    ) -> None:
        """`credential` is only called where a token is needed."""
        self._endpoint, self._knows_identities = _address(settings)
        self._region = settings.translator_region
        self._secrets = secrets
        self._credential = credential
        self._http = http or ProviderHttp(
            settings.provider_extra_hosts, create_seconds=ANSWER_SECONDS, create_read_seconds=ANSWER_SECONDS
        )

    @property
    def is_configured(self) -> bool:
        """Whether there is one, as far as this can be told now: a vault that gives no answer may hold its key."""
        if self._endpoint is None or self._takes_identity:
            return self._endpoint is not None
        try:
            return self._secrets.get("TRANSLATOR_KEY") is not None
        except SecretUnavailable:
            return True

    def to_english(self, text: str, source: str | None = None) -> Translation:
        """`source`: the text's language; without it the service finds out.

        Raises ProblemError: `translator_not_configured`, `translator_unavailable`.
        """
        if self._endpoint is None:
            raise ProblemError(Problem("translator_not_configured"))
        headers = self._authorization() | ({"Ocp-Apim-Subscription-Region": self._region} if self._region else {})
        url = f"{self._endpoint}/translate?api-version=3.0&to=en{f'&from={source}' if source else ''}"
        try:
            answer = self._http.post(url, headers, [{"Text": text}])
            told = json.loads(answer.body)[0] if answer.ok else {}
            language = source or str(told["detectedLanguage"]["language"])
            return Translation(_usable(str(told["translations"][0]["text"])), language)
        except (Unreachable, ValueError, LookupError, TypeError):
            raise ProblemError(Problem("translator_unavailable")) from None

    @property
    def _takes_identity(self) -> bool:
        return self._knows_identities and self._credential is not None

    def _authorization(self) -> dict[str, str]:
        try:
            key = self._secrets.get("TRANSLATOR_KEY")
            if key:
                return {"Ocp-Apim-Subscription-Key": key}
            if self._takes_identity and self._credential is not None:
                return {"Authorization": f"Bearer {self._credential().get_token(_SCOPE).token}"}
        except (SecretUnavailable, AzureError):
            raise ProblemError(Problem("translator_unavailable")) from None
        raise ProblemError(Problem("translator_not_configured"))


def _address(settings: Settings) -> tuple[str | None, bool]:
    """Where `/translate` is, and whether a token may go there: over https, or to where local work says. A resource's own address
    has the service below a path, which may be left out (as the portal shows it) or written out."""
    endpoint = settings.translator_endpoint
    if endpoint is None:
        return None, False
    parts = urlsplit(endpoint)
    is_own = parts.path == _OWN_PATH or is_host_or_subdomain(parts.hostname or "", _OWN_DOMAIN)
    if is_own and not parts.path:
        endpoint += _OWN_PATH
    return endpoint, is_own and (parts.scheme == "https" or parts.netloc in settings.provider_extra_hosts)


def _usable(text: str) -> str:
    """A translation as it can be kept and sent. Raises ValueError for one that says nothing, or more than any prompt."""
    clean = composed(text, TRANSLATION_MAX_CHARACTERS)
    if is_blank(clean) or is_damaged(clean):
        raise ValueError("no text")
    return clean
