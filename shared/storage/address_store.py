"""Addresses of callers, as what limits are counted by: a hash with a key that lives for a month, and nothing that leads back."""

import hashlib
import secrets
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from shared.domain.days import day_of, month_of
from shared.storage.documents import Document, Documents

_KEYS = "addresses/"
#: The key of a month is deleted soon after it: then no hash of that month is anybody's any more.
_KEPT = timedelta(days=33)
_AT_ONCE = 100


class AddressStore:
    """An address alone can be guessed from its hash, as there are so few. So it is hashed with a key, made at random by whoever
    needs it first in a month."""

    def __init__(self, documents: Documents, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._documents = documents
        self._clock = clock
        self._keys: dict[str, str] = {}
        self._lock = threading.Lock()

    def account(self, address: str) -> str:
        """The name of an address in this month. Raises Busy and what storage raises, once a month in each process."""
        key = self._key(month_of(day_of(self._clock())))
        return "address:" + hashlib.blake2b(address.encode(), key=bytes.fromhex(key), digest_size=16).hexdigest()

    def forget_old(self) -> int:
        return self._documents.forget_unwritten_since(self._clock() - _KEPT, _KEYS, _AT_ONCE)

    def _key(self, month: str) -> str:
        with self._lock:
            if month in self._keys:
                return self._keys[month]

        def made(known: Document | None) -> tuple[Document | None, str]:
            new = {"key": secrets.token_hex(32)} if known is None else None
            return new, str((new or known or {})["key"])

        key = self._documents.change(f"{_KEYS}{month}.json", made).result
        with self._lock:
            self._keys = {month: key}
        return key
