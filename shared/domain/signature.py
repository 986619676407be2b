"""Signatures of the webhooks that we send, and the secrets they are made with (Standard Webhooks 1.0.0,
github.com/standard-webhooks/standard-webhooks, spec/standard-webhooks.md). `shared.webhooks.verify` is the other side."""

import base64
import hashlib
import hmac
import json

#: Of the signing key: what `openssl rand -base64 32` gives has 44.
KEY_MIN_CHARACTERS = 32
#: Keeps these secrets apart from whatever else may once be derived of the same key.
_SALT = b"toonconnect webhook secrets"


def secret_of(key: str, owner: str, version: int) -> str:
    """An owner's secret of a version, "whsec_" and base64: HKDF-SHA256 (RFC 5869) of the app's one signing key, so that none has
    to be stored. Whoever has it learns nothing of the key, of other owners' secrets or of other versions."""
    chosen = json.dumps([owner, version], ensure_ascii=True).encode()
    pseudorandom = hmac.new(_SALT, key.encode(), hashlib.sha256).digest()
    # One block is as long as the secret.
    made = hmac.new(pseudorandom, chosen + b"\x01", hashlib.sha256).digest()
    return f"whsec_{base64.b64encode(made).decode()}"


def signature(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """One entry of the header webhook-signature: "v1," and base64. `body` is signed as it is sent, byte by byte."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{message_id}.{timestamp}.".encode() + body
    return f"v1,{base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()}"
