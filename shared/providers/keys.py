"""A provider's API key on its way into a request: read once more when the provider refuses it."""

from collections.abc import Callable

from shared.domain.problem import Problem
from shared.providers.generator import ProviderError
from shared.providers.http import Answer
from shared.secrets import Secrets, SecretUnavailable


class ProviderKey:
    def __init__(self, secrets: Secrets, secret_name: str, missing: Problem) -> None:
        self._secrets = secrets
        self._name = secret_name
        self._missing = missing

    def use(self, call: Callable[[str], Answer]) -> Answer:
        """Make `call` with the key; on 401 or 403 read the key again and, if it has changed, call once more.

        A refused call did nothing, so repeating it is safe even for a submit. Raises ProviderError when there is no key.
        """
        key = self.get()
        answer = call(key)
        if answer.status in (401, 403):
            newer = self._secrets.reread(self._name, refused=key)
            if newer is not None and newer != key:
                return call(newer)
        return answer

    def get(self) -> str:
        try:
            key = self._secrets.get(self._name)
        except SecretUnavailable as error:
            raise ProviderError(self._missing, note=str(error)) from error
        if key is None:
            raise ProviderError(self._missing)
        return key
