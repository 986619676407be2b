"""Input images as the providers take them: data URIs, base64 text, URLs."""

import base64
import binascii
import hashlib
import json
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from simulators.pictures import UnreadableImage, normalise

_DATA_URI = re.compile(r"data:[^,]*,", re.I)
MAX_FETCHED_BYTES = 20 * 1024 * 1024


@dataclass(frozen=True)
class InputImage:
    #: Where it stands, such as `input_image` or `input_images.0`.
    name: str
    text: str
    #: Of the text; of the file where the text is a link that gave one, as such a link is signed anew each time.
    sha: str
    #: None for an image that cannot be read.
    jpeg: bytes | None
    size: tuple[int, int] | None
    error: str | None = None
    #: It was a URL that gave no file.
    is_unfetched: bool = False


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


async def fetch(session: aiohttp.ClientSession, url: str, seconds: float) -> bytes | None:
    """The bytes behind a URL; None when they cannot be had, are too many or take too long. Redirects stay with http."""
    data = bytearray()
    try:
        async with session.get(url, timeout=aiohttp.ClientTimeout(total=seconds), max_redirects=3) as answer:
            if answer.status != 200:
                return None
            async for part in answer.content.iter_any():
                data += part
                if len(data) > MAX_FETCHED_BYTES:
                    return None
    except (aiohttp.ClientError, TimeoutError, ValueError):
        return None
    return bytes(data)


def shown(url: str) -> str:
    """A URL without what may open it: query, fragment, user and password."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "(not a URL)"
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def outcome_of(images: list[InputImage]) -> str | None:
    """How a run with such inputs ends by itself; None where nothing is wrong with them."""
    if any(image.is_unfetched for image in images):
        return "error_unfetched_image"
    return "error_bad_image" if any(image.error for image in images) else None


def replaced(given: dict[str, Any], texts: dict[str, str]) -> dict[str, Any]:
    """`given` with other texts at places such as `input_image` or `input_images.0`."""

    def at(place: str, value: Any) -> Any:
        if isinstance(value, list):
            return [at(f"{place}.{number}", item) for number, item in enumerate(value)]
        return texts.get(place, value)

    return {name: at(name, value) for name, value in given.items()}


def body_hash(body: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
