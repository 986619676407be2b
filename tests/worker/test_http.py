"""Every HTTP function with what clients really send: devhost and library make the same of it, and of the answer."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from tests import pictures
from tests.triggers.bodies import FORM, image, multipart, part

if TYPE_CHECKING:
    from tests.worker.both import DoubleHost

JSON = ("Content-Type", "application/json")
MULTIPART = ("Content-Type", FORM)
GOODS = multipart(part("prompt", "영웅 머그컵".encode()), image())
# The first is large enough for a step of its own, the second is prepared at once.
PPL = multipart(part("prompt", b"hero drinks it"), part("input_image_1", pictures.photo_jpeg(1200, 900), file_name=b"1.jpg"),
                part("input_image_2", pictures.png_with_alpha(300, 300), file_name="상품.png".encode()))  # fmt: skip
BIG = multipart(part("prompt", b"a mug"), part("input_image", bytes(range(256)) * (24 << 12), file_name=b"big.bin"))
TOO_BIG = multipart(part("prompt", b"a mug"), part("input_image", bytes(90 << 20), file_name=b"big.bin"))
NEVER = "job_00000000000000000000000000"
#: (method, target, headers, body, status): the status so that it is known that the request got as far as it should.
REQUESTS: dict[str, tuple[str, str, Sequence[tuple[str, str]], bytes, int]] = {
    "liveness": ("GET", "/api/health", [], b"", 200),
    "readiness": ("GET", "/api/health/ready", [], b"", 200),
    "options": ("GET", "/api/options", [], b"", 200),
    "all problems": ("GET", "/api/problems", [], b"", 200),
    "a problem": ("GET", "/api/problems/busy", [("Accept", "text/html")], b"", 200),
    "no such problem": ("GET", "/api/problems/%3Cscript%3E", [], b"", 404),
    "the contract": ("GET", "/api/openapi.json", [], b"", 200),
    "the contract to read": ("GET", "/api/docs", [], b"", 200),
    "options in another case": ("GET", "/API/Options", [("Accept-Language", "en"), ("accept-encoding", "gzip, br")], b"", 200),
    "a preflight": (
        "OPTIONS", "/api/ppl-gen/generate",
        [("Origin", "https://page.example"), ("Access-Control-Request-Method", "POST"),
         ("Access-Control-Request-Headers", "baggage,sentry-trace,x-owner-token")],
        b"", 204,
    ),
    "a form without a picture": ("POST", "/api/goods-gen/generate", [MULTIPART], multipart(part("prompt", b"a")), 422),
    "a form without an end": ("POST", "/api/goods-gen/generate", [MULTIPART], GOODS[:-9], 400),
    "a form without a boundary": ("POST", "/api/ppl-gen/generate", [("Content-Type", "multipart/form-data")], PPL, 400),
    "bytes that are no form": ("POST", "/api/ppl-gen/generate", [MULTIPART], bytes(range(256)) * 99, 400),
    "no body at all": ("POST", "/api/goods-gen/generate", [], b"", 400),
    "a form in another charset": (
        "POST", "/api/goods-gen/generate", [MULTIPART], multipart(part("prompt", "영웅".encode("cp949")), image()), 422,
    ),
    "24 MiB": ("POST", "/api/goods-gen/generate", [MULTIPART], BIG, 413),
    "90 MiB": ("POST", "/api/goods-gen/generate", [MULTIPART], TOO_BIG, 413),
    "a body said to be compressed": ("POST", "/api/goods-gen/generate", [MULTIPART, ("Content-Encoding", "gzip")], GOODS, 400),
    "a text to translate": ("POST", "/api/ppl-gen/translate", [JSON], b'{"prompt": "hello"}', 501),
    "the other's text": ("POST", "/api/goods-gen/translate", [JSON], b'{"prompt": "a mug"}', 501),
    "broken JSON": ("POST", "/api/goods-gen/translate", [JSON], b'{"prompt": ', 400),
    "JSON that is no UTF-8": ("POST", "/api/goods-gen/translate", [JSON], '{"prompt": "영웅"}'.encode("cp949"), 400),
    "JSON with a mark": ("POST", "/api/goods-gen/translate", [JSON], b'\xef\xbb\xbf{"prompt": "a"}', 501),
    "no such job": ("GET", f"/api/jobs/{NEVER}?wait=1", [], b"", 404),
    "no such result": ("GET", f"/api/jobs/{NEVER}/result?inline=1", [("Accept", "image/*")], b"", 404),
    "nothing to cancel": ("POST", f"/api/jobs/{NEVER}/cancel", [], b"", 404),
    "nothing to make again": ("POST", f"/api/jobs/{NEVER}/retry?seed=new", [], b"", 404),
    "a sheet of no preset": ("POST", "/api/goods-gen/sheet", [MULTIPART], GOODS, 422),
    "a list": ("GET", "/api/jobs?limit=5&kind=goods", [("X-Owner-Token", "t" * 32)], b"", 200),
    "nobody's claim": ("POST", "/api/jobs/claim", [JSON], b'{"ids": ["job_1"]}', 400),
    "what was spent": ("GET", "/api/usage?from=2026-11-01&to=2026-11-30", [("X-Owner-Token", "t" * 32)], b"", 200),
    "nothing to delete": ("DELETE", f"/api/jobs/{NEVER}", [], b"", 404),
    "a webhook without a signature": ("POST", "/api/webhooks/replicate", [JSON], b"{}", 401),
    "a webhook with a query": ("POST", "/api/webhooks/replicate?instance=a&attempt=1&a=2&A=3", [JSON], b"{}", 401),
    "nobody's webhook secret": ("GET", "/api/webhooks/secret", [], b"", 422),
    "nobody's new webhook secret": ("POST", "/api/webhooks/secret/rotate", [], b"", 422),
    "no route": ("PUT", "/api/nothing/here", [], b"x", 404),
    "a wrong method": ("GET", "/api/goods-gen/generate", [], b"", 405),
    "a page": ("HEAD", "/api/nothing", [], b"", 404),
}  # fmt: skip


@pytest.mark.parametrize("name", REQUESTS)
def test_a_request(both: "DoubleHost", name: str) -> None:
    method, target, headers, body, status = REQUESTS[name]

    got = both.send(method, target, *headers, body=body)

    assert got.status == status, got.body[:500]


#: What proxies, browsers and attackers make of paths, queries and headers.
SPELLINGS: dict[str, tuple[str, Sequence[tuple[str, str]]]] = {
    "a Korean id": (f"/api/jobs/{quote('작업')}", []),
    "letters that need no escape": ("/api/jobs/%6A%6f%62", []),
    "an escaped slash": ("/api/jobs/a%2Fb", []),
    "an escaped slash in small letters": ("/api/jobs/a%2fb", []),
    "an escaped percent": ("/api/jobs/a%25b", []),
    "no UTF-8": ("/api/jobs/%FF%FE", []),
    "a broken escape": ("/api/jobs/a%zz", []),
    "a plus and a blank": ("/api/jobs/a+b%20c", []),
    "a semicolon and others": ("/api/jobs/a;b=c,d:e@f!$&'()*~", []),
    "a slash at the end": (f"/api/jobs/{NEVER}/", []),
    "a query of all kinds": ("/api/options?a=1&a=&a=2&b=&c&=d&e=f=g&h=%20+&i=%ED%95%9C&j=%FF", []),
    "a query in two cases": ("/api/options?Name=1&name=2", []),
    "a query with question marks": ("/api/options?a=?&b=%3F&c=%26%3D", []),
    "an empty query": ("/api/options?", []),
    "a header twice": ("/api/options", [("X-Forwarded-For", "1.2.3.4"), ("x-forwarded-for", "5.6.7.8")]),
    "a header twice and once empty": ("/api/options", [("X-Tag", ""), ("X-Tag", "a"), ("X-TAG", "")]),
    "an empty header": ("/api/options", [("X-Tag", "")]),
    "blanks around a value": ("/api/options", [("X-Tag", "  a  b \t")]),
    "a header in Korean": ("/api/options", [("X-Tag", "영웅")]),
    "cookies": ("/api/options", [("Cookie", "a=1; b=2"), ("Cookie", "c=3")]),
    "what clients trace with": (
        "/api/options", [("traceparent", "00-" + "a" * 32 + "-" + "b" * 16 + "-01"), ("tracestate", "x=1"),
                         ("baggage", "k=v"), ("Request-Id", "|1.2.")],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SPELLINGS)
def test_a_spelling(both: "DoubleHost", name: str) -> None:
    target, headers = SPELLINGS[name]

    assert both.send("GET", target, *headers).status in (200, 404, 405)


@pytest.mark.parametrize(("path", "body"), [("goods-gen", GOODS), ("ppl-gen", PPL)])
def test_a_chunked_form_comes_without_a_body(both: "DoubleHost", path: str, body: bytes) -> None:
    got = both.send("POST", f"/api/{path}/generate", MULTIPART, body=body, chunked=True)

    assert got.status == 400
    assert "chunked" in json.dumps(got.json())


def test_a_client_of_http_1_0_names_no_host(both: "DoubleHost") -> None:
    assert both.send("GET", "/api/options", version="HTTP/1.0").status == 200


@pytest.mark.parametrize("target", ["/api//jobs/x", "/api//", "/api//x/"])
def test_an_empty_part_where_a_route_begins_reaches_no_function(both: "DoubleHost", target: str) -> None:
    before = both.both.invocations.total()

    assert (got := both.send("GET", target)).status == 404
    assert not got.body
    assert both.both.invocations.total() == before


@pytest.mark.parametrize(
    ("method", "target", "status"),
    [
        ("GET", "/api", 404), ("POST", "/API", 404), ("GET", "/api/", 404), ("GET", "/api/jobs//x", 404),
        ("GET", "/api/x//y", 404), ("GET", "/api/jobs/x//", 404), ("GET", "/api/health//", 404),
        ("DELETE", "/api/nothing/", 404),
        ("TRACE", "/api/options", 405), ("PROPFIND", "/api/jobs/x", 405), ("MKCOL", "/api/nothing", 404),
        ("PURGE", "/api", 404), ("HEAD", "/api/goods-gen/generate/", 405),
    ],
)  # fmt: skip
def test_every_other_address_and_method_is_told_by_the_app(both: "DoubleHost", method: str, target: str, status: int) -> None:
    got = both.send(method, target, ("X-Request-Id", "mine"))

    assert (got.status, got.headers["x-request-id"]) == (status, "mine")
    assert got.headers["content-type"].startswith("application/problem+json")
