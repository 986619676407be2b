"""A provider's API key on its way into a request: read once more when the provider refuses it, or when no header can hold it."""

import re
from collections.abc import Callable
from typing import Protocol, TypeVar

from shared.domain.problem import Problem
from shared.providers.provider import ProviderError
from shared.secrets import Secrets, SecretUnavailable

#: What every HTTP header can hold. Both providers' keys are of these (1.1, 2.1).
_SENDABLE = re.compile(r"[ -~]+")


class _Answered(Protocol):
    @property
    def status(self) -> int: ...


A = TypeVar("A", bound=_Answered)


class ProviderKey:
    def __init__(self, secrets: Secrets, secret_name: str, missing: Problem, refused: Problem) -> None:
        self._secrets = secrets
        self._name = secret_name
        self._missing = missing
        self._refused = refused

    def use(self, call: Callable[[str], A]) -> A:
        """Make `call` with the key; on 401 or 403 read the key again and, if it has changed, call once more.

        A refused call did nothing, so repeating it is safe even for a submit. Raises ProviderError, with nothing sent, when
        there is no key or no header can hold it.
        """
        key = self.get()
        answer = call(key)
        if answer.status in (401, 403):
            newer = self._secrets.reread(self._name, refused=key)
            if newer is not None and newer != key:
                return call(self._sendable(newer))
        return answer

    def get(self) -> str:
        key = self._read()
        if _SENDABLE.fullmatch(key):
            return key
        # Mended meanwhile, perhaps.
        return self._sendable(self._secrets.reread(self._name, refused=key) or key)

    def _sendable(self, key: str) -> str:
        if not _SENDABLE.fullmatch(key):
            # A zero-width space that was pasted along, a newline in the middle: no request can carry it.
            raise ProviderError(self._refused, note="the key has characters that no header can hold")
        return key

    def _read(self) -> str:
        try:
            key = self._secrets.get(self._name)
        except SecretUnavailable as error:
            raise ProviderError(self._missing, note=str(error)) from error
        if key is None:
            raise ProviderError(self._missing)
        return key
