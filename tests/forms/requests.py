"""Requests made of a seed: forms that are nearly right, with one thing or several wrong at every layer."""

import gzip
import json
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from random import Random
from typing import Any

from shared.domain.generation import FIELDS
from tests import pictures
from tests.cases import FOLDER, PROMPTS

BOUNDARY = "----fuzz"
_JOB = "job_0123456789abcdefghjkmnpqrs"
_PNG, _JPEG = pictures.drawing_png(300, 300), pictures.photo_jpeg(300, 300)
_WHOLE = [path.read_bytes() for path in sorted(FOLDER.glob("*.multipart"))]
#: What is not in any header that a client's library writes.
_STRANGE = [
    "", " ", "\ud800", "영웅", "\udcff\udcfe", "\x00", "a\nb", "a\rb", "x" * 9000, "\u200b", "'\"\\;,=", "%00", "é", "null",
    "1" * 5000, "\x7f",
    "ÿ", "-1", "0", "1", "true", "{}", "[]", "../../etc", "\u2028", "\ufeff", "🦸",
]  # fmt: skip
_CHARSETS = [
    "utf-8", "UTF8", "euc-kr", "cp949", "ks_c_5601-1987", "utf-16", "utf-16le", "utf-32", "iso-2022-kr", "shift_jis", "gb18030",
    "big5", "latin1", "us-ascii", "utf-7", "klingon", "base64", "idna", "punycode", "unicode_escape", "undefined", "",
    "x" * 200, "\x00", "hz", "johab", "csEUCKR", "ks_c_5601-1989", "unicode-1-1-utf-8", "iso-2022-jp", "windows-1252",
]  # fmt: skip
_WORDS = [
    "a mug",
    "영웅이 손을 흔든다",
    "영웅\r\n머그컵",
    "英雄",
    "café",
    "🦸 hero",
    "\u3164",
    "\x00",
    "a\ufffdb",
    "\u0301",
    "",
    " ",
    "x" * 2001,
]
_CHOICES = {
    "aspect_ratio": ["1:1", "16:9", "match_input_image", "7:7", ""], "output_format": ["png", "jpg", "jpeg", "PNG", "gif"],
    "safety_tolerance": ["0", "2", "6", "-1", "1.0"], "seed": ["0", "007", "4294967295", "4294967296", "x", "9" * 5000, "١"],
    "n": ["1", "4", "5", "02", ""], "model": ["fake", "dall-e", ""], "language": ["ko", "en", "fr"],
    "label": ["none", "visible", "x"],
    "preset": ["mug", "keyring", "spaceship", ""],
    "metadata": [
        '{"a":1}', "{}", "[" * 4000, '{"a":' * 4000, '{"a":NaN}', '{"a":1e999}', '{"\\ud800":1}', "null",
        '{"a":"' + "가" * 600 + '"}', "{",
    ],
    "webhook_url": ["https://example.com"], "_charset_": _CHARSETS, "colour": ["red"], "__proto__": ["1"], "input_image_2": ["x"],
}  # fmt: skip


class Dice(Random):
    """Some requests are right, some have a fault here and there, some little that is right."""

    @cached_property
    def severity(self) -> float:
        return self.choice([0.0, 0.25, 0.5, 1.0])

    def chance(self, share: float) -> bool:
        """Of a fault."""
        return self.random() < share * self.severity


@dataclass
class Sent:
    """One request. `what` names its target."""

    what: str
    method: str = "POST"
    headers: dict[str, str] = field(default_factory=dict)
    params: dict[str, str] = field(default_factory=dict)
    route: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    signs_in: bool = False
    url: str = "https://app.example/api/x"


def make(seed: str) -> Sent:
    """The same for the same seed."""
    rng = Dice(seed)
    target = rng.choices(
        ["goods", "ppl", "translate", "get", "result", "cancel", "delete", "webhook", "options", "health"],
        [50, 20, 10, 4, 4, 2, 2, 5, 2, 1],
    )[0]
    sent = Sent(target, signs_in=rng.random() < 0.2)
    if target in ("goods", "ppl"):
        _form(rng, sent)
    elif target == "translate":
        sent.body = _json(rng)
        sent.headers["content-type"] = rng.choice(
            ["application/json", "application/json; charset=" + rng.choice(_CHARSETS), "text/plain", ""]
        )
    elif target == "webhook":
        sent.body = _junk(rng)
        sent.params = {"instance": rng.choice([_JOB, f"{_JOB}-1", *_STRANGE]), "submission": rng.choice(["1", *_STRANGE])}
        for name in ("webhook-id", "webhook-timestamp", "webhook-signature"):
            sent.headers[name] = rng.choice(["v1,AAAA", "msg_1", "1800000000", *_STRANGE])
    elif target in ("get", "result", "cancel", "delete"):
        sent.method = {"cancel": "POST", "delete": "DELETE"}.get(target, "GET")
        sent.route = {"id": rng.choice([_JOB, "{job}", "{job}", *_STRANGE])}
        sent.params = {name: rng.choice(_STRANGE) for name in ("wait", "inline", "index") if rng.chance(0.4)}
        # So that nobody waits for half a minute.
        sent.params.pop("wait", None) if sent.params.get("wait") == "1" else None
    _headers(rng, sent)
    if rng.chance(0.03):
        sent.url = rng.choice(["https://[::1/x", "//", "", "http://영웅/x", "https://\ud800/"])
    return sent


# ---- bodies ----


def _form(rng: Dice, sent: Sent) -> None:
    sent.headers["content-type"] = f"multipart/form-data; boundary={BOUNDARY}"
    if rng.chance(0.05):
        sent.body = rng.choice(_WHOLE)
        sent.headers["content-type"] = "multipart/form-data; boundary=----TOONCASE"
    elif rng.chance(0.05):
        pairs = [f"{name}={value}" for name, value in _fields(rng)]
        sent.body = "&".join(pairs).encode("utf-8", "surrogatepass")
        sent.headers["content-type"] = rng.choice(["", "; charset=euc-kr"]).join(["application/x-www-form-urlencoded", ""])
    else:
        sent.body = _multipart(rng, sent.what)
    if rng.chance(0.3):
        for _ in range(rng.randint(1, 4)):
            sent.body = rng.choice(_DAMAGES)(rng, sent.body)
    if rng.chance(0.1):
        sent.headers["content-type"] = rng.choice([
            "multipart/form-data", "", "application/json", f"Multipart/FORM-DATA; boundary={BOUNDARY}",
            "multipart/form-data; boundary=",
            'multipart/form-data; boundary="', f'multipart/form-data; boundary="{BOUNDARY}"; charset={rng.choice(_CHARSETS)}',
            "multipart/form-data; boundary=경계", f"multipart/mixed; boundary={BOUNDARY}", "multipart/form-data; boundary=other",
            f"multipart/form-data; boundary*=utf-8''{BOUNDARY}", "multipart/form-data; boundary=" + "-" * 5000, *_STRANGE,
        ])  # fmt: skip


def _fields(rng: Dice) -> list[tuple[str, str]]:
    fields = [("prompt", rng.choice(_WORDS[:6]))]
    if rng.chance(0.4):
        fields = [("prompt", rng.choice([*_WORDS, *(case["text"] * case.get("times", 1) for case in PROMPTS)]))]
    for name, values in _CHOICES.items():
        if rng.chance(0.1):
            fields.append((name, rng.choice(values)))
        elif name in FIELDS and rng.random() < 0.15:
            fields.append((name, values[0]))
    if rng.chance(0.1):
        fields.append((rng.choice([*_STRANGE, "이름", "x" * 20_000, "prompt", "input_image"]), rng.choice(_STRANGE)))
    if rng.chance(0.1):
        fields.append(rng.choice(fields))
    if rng.chance(0.02):
        fields *= 60
    rng.shuffle(fields)
    return fields if not rng.chance(0.05) else []


def _multipart(rng: Dice, kind: str) -> bytes:
    parts = [_text_part(rng, name, value) for name, value in _fields(rng)]
    for name in ["input_image"] if kind == "goods" else ["input_image_1", "input_image_2"]:
        parts.insert(rng.randint(0, len(parts)), _image_part(rng, name))
    if rng.chance(0.05):
        # A form within the form.
        parts.append(
            b'Content-Disposition: form-data; name="prompt"\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n'
            + _text_part(rng, "a", "b")
        )
    line = f"--{BOUNDARY}".encode()
    end = b"" if rng.chance(0.03) else line + b"--\r\n"
    return b"".join(line + b"\r\n" + part + b"\r\n" for part in parts) + end


def _text_part(rng: Dice, name: str, value: str) -> bytes:
    charset = rng.choice(_CHARSETS) if rng.chance(0.2) else "utf-8"
    if rng.chance(0.1):
        value = unicodedata.normalize("NFD", value)
    try:
        data = value.encode(
            charset
            if not rng.chance(0.2)
            else rng.choice(["cp949", "utf-16", "latin1", "utf-16-le", "utf-16-be", "utf-32-le", "iso-2022-kr"])
        )
    except (ValueError, LookupError):
        data = value.encode("utf-8", "surrogatepass")
    headers = [_disposition(rng, name, None if not rng.chance(0.07) else b"a.txt")]
    if charset != "utf-8" or rng.chance(0.1):
        headers.append(f"Content-Type: text/plain; charset={charset}".encode("utf-8", "surrogatepass"))
    if rng.chance(0.04):
        headers.append(b"Content-Transfer-Encoding: " + rng.choice([b"base64", b"8bit", b"quoted-printable", b"\xff"]))
    if rng.chance(0.03):
        headers.append(
            rng.choice(
                [
                    b"X: " + b"y" * 20_000,
                    b"X: " + b'; a="1"' * 2000,
                    b": ",
                    b"\xff\xfe: \x00",
                    b" folded",
                    b"Content-Disposition: form-data",
                    b"no colon",
                ]
            )
        )
    rng.shuffle(headers)
    return b"\r\n".join([*headers, b"", data])


def _disposition(rng: Dice, name: str, file_name: bytes | None) -> bytes:
    spelt = name.encode("utf-8", "surrogatepass") if not rng.chance(0.03) else name.encode("cp949", "replace")
    usual = b'Content-Disposition: form-data; name="%s"'
    text = usual if not rng.chance(0.1) else rng.choice([
        b"content-disposition:form-data;name=%s", b"Content-Disposition: attachment; name=\"%s\"",
        b"Content-Disposition: form-data; name*=utf-8''%s",
        b"Content-Disposition: form-data", b"Content-Disposition: form-data; name=\"%s", b"Content-Type: %s",
    ])  # fmt: skip
    disposition = text.replace(b"%s", spelt)
    return disposition if file_name is None else disposition + b'; filename="' + file_name + b'"'


def _image_part(rng: Dice, name: str) -> bytes:
    data = rng.choices(
        [_PNG, _JPEG, _PNG[: rng.randint(0, len(_PNG))], b"", b"a.png", b"data:image/png;base64,AAAA", b"%PDF-1.7",
         _junk(rng), b"GIF89a", b"\xff\xd8\xff" * 2_000_000],
        [60, 60, 2, 2, 2, 2, 2, 2, 2, 0.3],
    )[0]  # fmt: skip
    file_name = rng.choice(
        [b"a.png", b"a.png", None, b"", "캐릭터.png".encode("cp949"), b"\xff", b"x" * 9000, "表.png".encode("shift_jis")]
    )
    headers = [
        _disposition(rng, name, file_name),
        b"Content-Type: " + rng.choice([b"image/png", b"text/plain", b"", b"\xff", b"application/octet-stream"]),
    ]
    return b"\r\n".join([*headers, b"", data])


def _json(rng: Dice) -> bytes:
    value: Any = {"prompt": rng.choice([*_WORDS, *_STRANGE, 3, None, [], {"prompt": "a"}])}
    text = json.dumps(value, ensure_ascii=rng.random() < 0.5)
    body = text.encode(rng.choice(["utf-8", "utf-8", "utf-8", "utf-16", "utf-8-sig"]), "surrogatepass")
    return rng.choice(
        [body] * 10
        + [b"", b"[" * 4000, b'{"a":' * 4000, b'"a"', b"{", b'{"prompt":NaN}', gzip.compress(body), _junk(rng), b" " * 300_000]
    )


def _junk(rng: Dice) -> bytes:
    return rng.randbytes(rng.choice([0, 1, 7, 300, 70_000]))


# ---- damage to a whole body ----


def _at(rng: Dice, body: bytes) -> int:
    return rng.randint(0, len(body))


def _cut(rng: Dice, body: bytes) -> bytes:
    return body[: _at(rng, body)]


def _flip(rng: Dice, body: bytes) -> bytes:
    damaged = bytearray(body)
    for _ in range(min(len(damaged), rng.randint(1, 20))):
        damaged[rng.randrange(len(damaged))] ^= 1 << rng.randrange(8)
    return bytes(damaged)


def _insert(rng: Dice, body: bytes) -> bytes:
    at = _at(rng, body)
    pieces = [
        b"\r\n",
        b"\n",
        b"\r",
        b"--",
        f"--{BOUNDARY}\r\n".encode(),
        f"\r\n--{BOUNDARY}--".encode(),
        b"\x00",
        b"\r\n\r\n",
        b'"',
        b"\xff" * 9,
    ]
    return body[:at] + rng.choice(pieces) + body[at:]


def _repeat(rng: Dice, body: bytes) -> bytes:
    start, end = sorted((_at(rng, body), _at(rng, body)))
    return body[:end] + body[start:end][:200_000] * rng.randint(1, 3) + body[end:]


def _drop(rng: Dice, body: bytes) -> bytes:
    start = _at(rng, body)
    return body[:start] + body[start + rng.randint(1, 60) :]


def _line_feeds(rng: Dice, body: bytes) -> bytes:
    return body.replace(b"\r\n", rng.choice([b"\n", b"\r"]), rng.randint(1, 40))


def _other_boundary(rng: Dice, body: bytes) -> bytes:
    return body.replace(BOUNDARY.encode(), rng.choice([b"other", b"", BOUNDARY.encode() + b" \t", b"\xff"]), rng.randint(1, 9))


def _around(rng: Dice, body: bytes) -> bytes:
    return _junk(rng) + rng.choice([b"", b"\r\n"]) + body + _junk(rng)


_DAMAGES: list[Callable[[Dice, bytes], bytes]] = [_cut, _flip, _insert, _repeat, _drop, _line_feeds, _other_boundary, _around]


# ---- headers ----

_USUAL = {
    "content-encoding": ["gzip", "identity", "br"], "transfer-encoding": ["chunked"], "prefer": ["respond-async", "wait=x"],
    "origin": ["https://page.example"], "traceparent": ["00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"],
    "idempotency-key": [f"k{number}" for number in range(40)],
}  # fmt: skip


def _headers(rng: Dice, sent: Sent) -> None:
    for name, share in {
        "idempotency-key": 0.15, "prefer": 0.05, "origin": 0.1, "x-request-id": 0.1, "x-ms-client-principal-id": 0.1,
        "traceparent": 0.1,
        "if-none-match": 0.05, "content-encoding": 0.02, "transfer-encoding": 0.03, "cookie": 0.02, "\ud800": 0.01,
        "tracestate": 0.05,
    }.items():  # fmt: skip
        if rng.chance(share):
            usual = _USUAL.get(name, [])
            sent.headers[name] = rng.choice([*usual, *usual, *_STRANGE])
    if sent.signs_in and not rng.chance(0.3):
        sent.headers["x-ms-client-principal-id"] = "somebody"
    if rng.chance(0.03):
        sent.body = b""
    if rng.chance(0.02):
        sent.method = rng.choice(["OPTIONS", "HEAD", "PUT"])
