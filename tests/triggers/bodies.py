"""Bodies of forms, byte by byte: what a client's library would never write, and what curl and browsers do."""

from typing import Any

import azure.functions as func

from tests import pictures
from tests.triggers.calls import FakeHub, request, user
from triggers import generate

BOUNDARY = "----TOONCASE"
FORM = f"multipart/form-data; boundary={BOUNDARY}"
PNG = pictures.drawing_png(300, 300)


def part(name: bytes | str, data: bytes, *, file_name: bytes | None = None, **headers: str) -> bytes:
    """`headers` of the part, with `_` for `-`."""
    spelt = name.encode() if isinstance(name, str) else name
    disposition = b'Content-Disposition: form-data; name="' + spelt + b'"'
    if file_name is not None:
        disposition += b'; filename="' + file_name + b'"'
    others = [f"{key.replace('_', '-')}: {value}".encode() for key, value in headers.items()]
    return b"\r\n".join([disposition, *others, b"", data])


def image(data: bytes = PNG, file_name: bytes | None = b"a.png") -> bytes:
    return part("input_image", data, file_name=file_name, Content_Type="image/png")


def multipart(*parts: bytes, boundary: str = BOUNDARY, end: bool = True) -> bytes:
    line = f"--{boundary}".encode()
    body = b"".join(line + b"\r\n" + one + b"\r\n" for one in parts)
    return body + (line + b"--\r\n" if end else b"")


async def send(
    hub: FakeHub, body: bytes, content_type: str | None = FORM, *, kind: str = "goods", **headers: str
) -> func.HttpResponse:
    """POST to generate; `headers` with `_` for `-`."""
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    if content_type is not None:
        sent["Content-Type"] = content_type
    asked = request("POST", f"/api/{kind}-gen/generate", headers=sent, body=body)
    return await user(generate.BY_KIND[kind])(req=asked, client=hub)


def errors(document: dict[str, Any]) -> dict[str, str]:
    """What is said of each field."""
    return {error["field"]: error["message"] for error in document["errors"]}
