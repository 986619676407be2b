"""Replicate's signed webhooks (providers reference 1.8; the scheme of standardwebhooks.com)."""

import base64
import binascii
import hashlib
import hmac
import threading
import time
from collections.abc import Callable, Mapping

from shared.domain.problem import Problem
from shared.providers.provider import ProviderError

#: Older or newer messages are refused: somebody may play an old one again.
TOLERANCE_SECONDS = 300.0
#: A wrong signature may mean that the secret was changed; it is fetched again no more often than this.
REFETCH_AFTER_SECONDS = 60.0
#: A secret that could not be had is not asked for by every call. Short: until it is known, pictures wait for the next look.
RETRY_AFTER_SECONDS = 2.0


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
    """Verifies with the account's secret, fetched once and again when a signature does not fit.

    Anybody can send what looks signed, so nobody waits for a fetch but the call that makes it: while the secret is not known
    the others are told so at once, and while it is fetched again they are judged by the one that is known.
    """

    def __init__(self, fetch: Callable[[], str], clock: Callable[[], float] = time.time) -> None:
        self._fetch = fetch
        self._clock = clock
        self._secret: str | None = None
        self._failure = (Problem("provider_unavailable", params={"provider": "Replicate"}), "the webhook secret is on its way")
        self._fetched_at: float | None = None
        self._fetching = threading.Lock()

    def verify(self, headers: Mapping[str, str], body: bytes) -> None:
        """Raises Refused, and ProviderError when the secret cannot be fetched or is being fetched for the first time."""
        now = self._clock()
        # Whoever forges calls costs no request to the provider before they at least look signed.
        claimed_signatures(headers, now)
        secret = self._known()
        try:
            verify(secret, headers, body, now)
        except Refused as refused:
            if str(refused) != "wrong signature":
                raise
            self._fetch_again(REFETCH_AFTER_SECONDS)
            if self._known() == secret:
                raise
            verify(self._known(), headers, body, now)

    def _known(self) -> str:
        if self._secret is None:
            self._fetch_again(RETRY_AFTER_SECONDS)
        if self._secret is None:
            # A new one for each call: one that is kept keeps what its callers held, bodies too.
            problem, note = self._failure
            raise ProviderError(problem, note=note)
        return self._secret

    def _fetch_again(self, after_seconds: float) -> None:
        """Fetch the secret, unless another call is about it, or ended less than `after_seconds` ago."""
        if not self._fetching.acquire(blocking=False):
            return
        try:
            if self._fetched_at is not None and 0 <= self._clock() - self._fetched_at < after_seconds:
                return
            try:
                self._secret = self._fetch()
            except ProviderError as error:
                self._failure = (error.problem, error.note)
            finally:
                # When it ended: what takes longer than it is good for would be forgotten as it is learned.
                self._fetched_at = self._clock()
        finally:
            self._fetching.release()
