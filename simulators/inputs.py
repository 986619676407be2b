"""Input images as the providers take them: data URIs, base64 text, URLs."""

import base64
import binascii
import hashlib
import json
import re
from dataclasses import dataclass
from typing import Any

import aiohttp

from simulators.pictures import UnreadableImage, normalise

_DATA_URI = re.compile(r"data:[^,]*,", re.I)
MAX_FETCHED_BYTES = 20 * 1024 * 1024


@dataclass(frozen=True)
class InputImage:
    name: str
    text: str
    sha: str
    #: None for an image that cannot be read.
    jpeg: bytes | None
    size: tuple[int, int] | None
    error: str | None = None


def is_url(text: str) -> bool:
    return text.startswith(("http://", "https://"))


def is_data_uri(text: str) -> bool:
    return _DATA_URI.match(text) is not None


def decode(name: str, text: str) -> InputImage:
    """Really decoded, so that a broken upload is seen. Takes a data URI or plain base64. Slow: call it in a thread."""
    head = _DATA_URI.match(text)
    sha = hashlib.sha256(text.encode(errors="replace")).hexdigest()
    if head and ";base64" not in head.group().lower():
        return InputImage(name, text, sha, None, None, "the data URI is not base64")
    try:
        data = base64.b64decode(text[head.end() :] if head else text, validate=True)
    except (binascii.Error, ValueError):
        return InputImage(name, text, sha, None, None, "not base64")
    return from_bytes(name, text, sha, data)


def from_bytes(name: str, text: str, sha: str, data: bytes) -> InputImage:
    try:
        jpeg, size = normalise(data)
    except UnreadableImage as error:
        return InputImage(name, text, sha, None, None, str(error))
    return InputImage(name, text, sha, jpeg, size)


async def fetch(session: aiohttp.ClientSession, url: str) -> bytes | None:
    """The bytes behind a URL; None when they cannot be had."""
    try:
        async with session.get(url, timeout=aiohttp.ClientTimeout(total=10)) as answer:
            if answer.status != 200:
                return None
            return await answer.content.read(MAX_FETCHED_BYTES)
    except (aiohttp.ClientError, TimeoutError, ValueError):
        return None


def body_hash(body: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
