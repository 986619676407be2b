"""Azure AI Translator, where one is set up: prompts work best in English.

Protocol: https://learn.microsoft.com/azure/ai-services/translator/text-translation/reference/v3/translate
"""

import json
from dataclasses import dataclass

from shared.domain.problem import Problem, ProblemError
from shared.providers.http import ProviderHttp, Unreachable
from shared.secrets import Secrets, SecretUnavailable
from shared.settings import Settings


@dataclass(frozen=True)
class Translation:
    text: str
    #: As the service names it, "ko".
    detected_language: str


class Translator:
    def __init__(self, settings: Settings, secrets: Secrets, http: ProviderHttp | None = None) -> None:
        self._endpoint = settings.translator_endpoint
        self._region = settings.translator_region
        self._secrets = secrets
        self._http = http or ProviderHttp(settings.provider_extra_hosts)

    def to_english(self, text: str) -> Translation:
        """Raises ProblemError: `translator_not_configured`, `translator_unavailable`."""
        try:
            key = self._secrets.get("TRANSLATOR_KEY")
        except SecretUnavailable:
            key = None
        if not self._endpoint or not key:
            raise ProblemError(Problem("translator_not_configured"))
        headers = {"Ocp-Apim-Subscription-Key": key, **({"Ocp-Apim-Subscription-Region": self._region} if self._region else {})}
        try:
            answer = self._http.post(f"{self._endpoint}/translate?api-version=3.0&to=en", headers, [{"Text": text}])
            told = json.loads(answer.body)[0] if answer.ok else {}
            return Translation(str(told["translations"][0]["text"]), str(told["detectedLanguage"]["language"]))
        except (Unreachable, ValueError, LookupError, TypeError):
            raise ProblemError(Problem("translator_unavailable")) from None
