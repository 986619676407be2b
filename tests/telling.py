"""Whether a text or a file tells a secret, however it is written there."""

import base64
import binascii
import io
import re
from urllib.parse import unquote_to_bytes

from PIL import Image

#: What could be base64, of either alphabet.
_BASE64 = re.compile(rb"[A-Za-z0-9+/_-]{8,}={0,2}")
_HEX = re.compile(rb"(?:[0-9a-fA-F]{2}){4,}")
#: A character as JSON may write it, in a text that lies in another one as well.
_ESCAPED = re.compile(rb"\\+u([0-9a-fA-F]{4})")
#: In no form of a secret.
_BETWEEN = b"\xff\xff\xff"


def told(said: str | bytes, secrets: dict[str, str]) -> set[str]:
    """Names of the `secrets` that `said` tells: as they are, in either case, percent-encoded (also twice), escaped as in JSON,
    in base64 or in hex, in UTF-8 or UTF-16; of a file also in what its text chunks hold when they are unpacked. Of
    more than 100 KB only the beginning is decoded."""
    spelt = _BETWEEN.join(_spellings(said.encode() if isinstance(said, str) else said))
    return {name for name, secret in secrets.items() if any(form in spelt for form in _forms(secret))}


def _forms(secret: str) -> list[bytes]:
    assert len(secret) >= 6, "a shorter one stands anywhere"
    return [secret.lower().encode(), secret.lower().encode("utf-16-le"), secret.lower().encode("utf-16-be")]


def _spellings(said: bytes) -> list[bytes]:
    plain = [said, *_unpacked(said)]
    plain += [_ESCAPED.sub(_character, one) for one in plain if b"\\u" in one]
    for _ in range(2):
        plain += [unquote_to_bytes(one.replace(b"+", b" ")) for one in plain if b"%" in one[:100_000]]
    coded = [decoded for one in plain for word in _BASE64.findall(one[:100_000]) for decoded in _from_base64(word)]
    coded += [binascii.unhexlify(word) for one in plain for word in _HEX.findall(one[:100_000])]
    return [one.lower() for one in (*plain, *coded)]


def _character(escaped: re.Match[bytes]) -> bytes:
    return chr(int(escaped[1], 16)).encode(errors="replace")


def _from_base64(word: bytes) -> list[bytes]:
    """Also of a part of a word: from each of the four places where it may begin."""
    plain = word.rstrip(b"=").translate(bytes.maketrans(b"-_", b"+/"))
    parts = [plain[start:] for start in range(4)]
    return [base64.b64decode(part[: len(part) // 4 * 4] + _rest(part)) for part in parts if len(part) >= 4]


def _rest(part: bytes) -> bytes:
    rest = part[len(part) // 4 * 4 :]
    return b"" if len(rest) < 2 else rest + b"=" * (4 - len(rest))


def _unpacked(said: bytes) -> list[bytes]:
    """What a picture's file holds beside pixels."""
    if not said.startswith((b"\x89PNG", b"\xff\xd8")):
        return []
    with Image.open(io.BytesIO(said)) as picture:
        picture.load()
        words = [value for value in picture.info.values() if isinstance(value, str | bytes)]
        exif = picture.getexif()
        words += [str(value) for tags in (exif, exif.get_ifd(0x8769)) for value in tags.values()]
    return [word.encode("utf-8", "replace") if isinstance(word, str) else word for word in words]
