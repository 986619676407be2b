"""What a `webhook_url` is told, verified: https://github.com/standard-webhooks/standard-webhooks."""

import base64
import binascii
import hashlib
import hmac
import json
import time
from collections.abc import Iterable, Mapping
from typing import Any

from .errors import ToonConnectError

#: Older or newer messages are refused: somebody may play an old one again.
TOLERANCE_SECONDS = 300.0


class BadSignature(ToonConnectError):
    """Not from the app, changed on the way, or not from now. Answer 401, and do nothing of what it says."""


def verify_webhook(
    secret: str | Iterable[str], headers: Mapping[str, str], body: bytes, *, now: float | None = None
) -> dict[str, Any]:
    """The message, of `body` as it came, byte by byte. Several secrets while one is being changed. Raises BadSignature.

    A message may come more than once: its `webhook-id` tells.
    """
    told = {name.lower(): value for name, value in headers.items()}
    message_id, timestamp = told.get("webhook-id", ""), told.get("webhook-timestamp", "")
    given = [part[3:] for part in told.get("webhook-signature", "").split(" ") if part.startswith("v1,")]
    if not message_id or not given or not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):  # noqa: PLR2004
        raise BadSignature("no signature")
    if abs((time.time() if now is None else now) - int(timestamp)) > TOLERANCE_SECONDS:
        raise BadSignature("too old or too new")
    signed = f"{message_id}.{timestamp}.".encode() + body
    for one in [secret] if isinstance(secret, str) else secret:
        try:
            key = base64.b64decode(one.removeprefix("whsec_"), validate=True)
        except binascii.Error:
            raise ValueError("the secret is none: whsec_ and base64") from None
        expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest())
        # Each in constant time.
        if any(hmac.compare_digest(expected, signature.encode()) for signature in given):
            return dict(json.loads(body))
    raise BadSignature("wrong signature")
