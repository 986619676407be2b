"""Replicate's signed webhooks (providers reference 1.8; the scheme of standardwebhooks.com)."""

import base64
import binascii
import hashlib
import hmac
import threading
import time
from collections.abc import Callable, Mapping

from shared.providers.provider import ProviderError

#: Older or newer messages are refused: somebody may play an old one again.
TOLERANCE_SECONDS = 300.0
#: A wrong signature may mean that the secret was changed; it is fetched again no more often than this.
REFETCH_AFTER_SECONDS = 60.0
#: A secret that could not be had is not asked for by every call: Replicate repeats its own (providers reference 1.8).
RETRY_AFTER_SECONDS = 15.0


class Refused(Exception):
    """Not from Replicate, or not now. The text is a reason without content."""


def claimed_signatures(headers: Mapping[str, str], now: float) -> list[str]:
    """The signatures to be compared: what the headers alone tell. Raises Refused, without a secret or the body."""
    message_id, timestamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    signature = headers.get("webhook-signature", "")
    if not (message_id.isascii() and signature.isascii()):
        # Base64 is, and what is not may not even be text.
        raise Refused("not ASCII")
    if not message_id or not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
        raise Refused("no id or time")
    if abs(now - int(timestamp)) > TOLERANCE_SECONDS:
        raise Refused("too old or too new")
    # Several while a secret is being changed.
    given = [part.removeprefix("v1,") for part in signature.split() if part.startswith("v1,")]
    if not given:
        raise Refused("no signature")
    return given


def verify(secret: str, headers: Mapping[str, str], body: bytes, now: float) -> None:
    """Raise Refused unless `body`, the raw bytes, was signed with `secret` ("whsec_...") within five minutes of `now`."""
    given = claimed_signatures(headers, now)
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except binascii.Error:
        raise Refused("unreadable secret") from None
    message_id, timestamp = headers["webhook-id"], headers["webhook-timestamp"]
    signed = f"{message_id}.{timestamp}.".encode() + body
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    # Each is compared in constant time.
    if not any(hmac.compare_digest(expected, one) for one in given):
        raise Refused("wrong signature")


class WebhookVerifier:
    """Verifies with the account's secret, fetched once and again when a signature does not fit."""

    def __init__(self, fetch: Callable[[], str], clock: Callable[[], float] = time.time) -> None:
        self._fetch = fetch
        self._clock = clock
        self._secret: str | None = None
        self._fetched_at = 0.0
        self._failure: ProviderError | None = None
        self._lock = threading.Lock()

    def verify(self, headers: Mapping[str, str], body: bytes) -> None:
        """Raises Refused, and ProviderError when the secret cannot be fetched."""
        now = self._clock()
        # Whoever forges calls costs no request to the provider before they at least look signed.
        claimed_signatures(headers, now)
        secret = self._current(now, older_than=None)
        try:
            verify(secret, headers, body, now)
        except Refused as refused:
            if str(refused) != "wrong signature" or (newer := self._renewed(now)) in (None, secret):
                raise
            verify(newer, headers, body, now)

    def _renewed(self, now: float) -> str | None:
        """The secret fetched anew; None when it was fetched a moment ago or cannot be had."""
        try:
            return self._current(now, older_than=REFETCH_AFTER_SECONDS)
        except ProviderError:
            return None

    def _current(self, now: float, older_than: float | None) -> str:
        with self._lock:
            age = now - self._fetched_at
            if self._secret is None and self._failure is not None and age < RETRY_AFTER_SECONDS:
                raise self._failure
            if self._secret is None or (older_than is not None and age >= older_than):
                # Set first: a provider that is away is not asked by every forged call.
                self._fetched_at = now
                try:
                    self._secret = self._fetch()
                except ProviderError as error:
                    self._failure = error
                    raise
            return self._secret
