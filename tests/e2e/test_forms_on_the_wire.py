"""Forms over real HTTP, byte by byte, through the whole app to the providers: what these get is what the creator wrote."""

import gzip
import json
import socket
import sqlite3
import unicodedata
from contextlib import closing
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from tests.cases import FOLDER
from tests.patience import PATIENCE
from tests.stack import Stack
from tests.triggers.bodies import FORM, image, multipart, part

pytestmark = pytest.mark.stack


def post(stack: Stack, body: bytes, route: str = "goods-gen/generate", **headers: str) -> requests.Response:
    sent = {"Content-Type": FORM, "Accept-Language": "en"} | {name.replace("_", "-"): value for name, value in headers.items()}
    return requests.post(f"{stack.url}/api/{route}", data=body, headers=sent, timeout=PATIENCE)


def raw(stack: Stack, *headers: bytes, body: bytes = b"", target: bytes = b"POST /api/goods-gen/generate") -> tuple[int, bytes]:
    """Status and body of the answer to a request whose headers no library would send."""
    with socket.create_connection((urlsplit(stack.url).hostname, stack.port), timeout=PATIENCE) as connection:
        lines = [target + b" HTTP/1.1", b"Host: x", b"Connection: close", b"Content-Length: %d" % len(body), *headers, b"", b""]
        connection.sendall(b"\r\n".join(lines) + body)
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    return int(answer.split(b" ", 2)[1]), answer.partition(b"\r\n\r\n")[2]


def prompts_at_providers(stack: Stack) -> list[str]:
    """Of all predictions, as the simulators keep them."""
    with closing(sqlite3.connect(f"file:{stack.folder / 'simulators.sqlite'}?mode=ro", uri=True)) as ledger:
        return [
            json.loads(document)["prompt"] for (document,) in ledger.execute("SELECT doc FROM predictions ORDER BY created_at")
        ]


SYLLABLES = 798
#: Sent as it was written, though a translator is there.
UNTRANSLATED = b'------TOONCASE\r\nContent-Disposition: form-data; name="language"\r\n\r\nen\r\n'


@pytest.mark.parametrize(("name", "wrote"), [("filename_cp949", "a mug"), ("prompt_nfd_798", None)])
def test_what_is_taken_is_made_of_what_was_written(stack: Stack, name: str, wrote: str | None) -> None:
    sent = UNTRANSLATED + (FOLDER / f"{name}.multipart").read_bytes()
    answer = post(stack, sent)
    assert answer.status_code == 202, answer.text
    job = stack.ended(answer.json()["id"])
    assert job["status"] == "succeeded", job

    (got,) = prompts_at_providers(stack)
    assert got == job["input"]["prompt_sent"] == unicodedata.normalize("NFC", got)
    if wrote is None:
        assert (len(got), unicodedata.normalize("NFD", got).encode() in sent) == (SYLLABLES, True)
    else:
        assert got == wrote


@pytest.mark.parametrize("name", ["prompt_cp949", "prompt_hangul_filler"])
def test_what_cannot_be_meant_costs_nothing(stack: Stack, name: str) -> None:
    answer = post(stack, (FOLDER / f"{name}.multipart").read_bytes())
    problem = answer.json()

    assert (answer.status_code, problem["charged"], [error["field"] for error in problem["errors"]]) == (422, "no", ["prompt"])
    assert ("UTF-8" in problem["errors"][0]["message"]) == (name == "prompt_cp949")
    assert stack.stats("bfl")["submits"] == 0


def test_a_chunked_form_is_told_of(stack: Stack) -> None:
    body = multipart(part("prompt", b"a mug"), image())
    answer = requests.post(
        f"{stack.url}/api/goods-gen/generate", data=iter([body[:99], body[99:]]), timeout=PATIENCE,
        headers={"Content-Type": FORM, "Accept-Language": "en"},
    )  # fmt: skip
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")
    assert "Transfer-Encoding: chunked" in answer.json()["detail"]


@pytest.mark.parametrize("encoding", [b"gzip", b"deflate", b"br", b"zstd"])
@pytest.mark.parametrize(
    ("path", "content_type", "sent"),
    [
        (b"goods-gen/generate", FORM.encode(), multipart(part("prompt", b"a mug"), image())),
        (b"goods-gen/translate", b"application/json", b'{"prompt":"a"}'),
    ],
)
def test_a_body_that_is_said_to_be_compressed_is_told_of(
    stack: Stack, encoding: bytes, path: bytes, content_type: bytes, sent: bytes
) -> None:
    """Whether it is or not: the host hands it on as it came."""
    headers = (b"Content-Encoding: " + encoding, b"Content-Type: " + content_type, b"Accept-Language: en")
    for body in (sent, gzip.compress(sent)):
        code, answer = raw(stack, *headers, body=body, target=b"POST /api/" + path)
        assert (code, json.loads(answer)["code"]) == (400, "invalid_request")
        assert "compressed" in json.loads(answer)["detail"]


@pytest.mark.parametrize("encoding", [b"gzip", b"br"])
def test_a_webhook_that_is_said_to_be_compressed_is_judged_by_its_signature(stack: Stack, encoding: bytes) -> None:
    code, answer = raw(stack, b"Content-Encoding: " + encoding, body=b"{}", target=b"POST /api/webhooks/replicate")
    assert (code, json.loads(answer)["code"]) == (401, "unauthorized")


@pytest.mark.parametrize(
    ("headers", "status", "words"),
    [
        ({"Content-Encoding": "gzip"}, 400, "compressed"),
        ({"Content-Type": "application/json"}, 400, "application/json"),
        ({"Content-Type": "multipart/form-data"}, 400, "boundary"),
        ({"Idempotency-Key": "k" * 20_000}, 400, "255"),
        ({"Idempotency-Key": "열쇠".encode()}, 400, "255"),
        ({"Prefer": "x" * 9000, "Accept-Language": "en, " + "x" * 9000}, 202, "queued"),
    ],
)
def test_headers_that_are_strange_are_told_of_or_passed_over(
    stack: Stack, headers: dict[str, Any], status: int, words: str
) -> None:
    body = multipart(part("prompt", b"a mug"), image())
    sent = gzip.compress(body) if "Content-Encoding" in headers else body
    spelt = [f"{name}: ".encode() + (v if isinstance(v, bytes) else v.encode()) for name, v in headers.items()]
    usual = [
        line
        for line in (b"Content-Type: " + FORM.encode(), b"Accept-Language: en")
        if line.split(b":")[0].decode() not in headers
    ]
    code, answer = raw(stack, *spelt, *usual, body=sent)

    assert code == status, answer
    assert words in answer.decode()
    if code == 202:
        # So that the next test finds its own predictions only.
        stack.ended(json.loads(answer)["id"])


def test_a_webhook_with_a_signature_of_other_letters_is_not_signed(stack: Stack) -> None:
    headers = (b"webhook-id: msg", b"webhook-timestamp: 1", "webhook-signature: v1,서명".encode())
    code, answer = raw(stack, *headers, body=b"{}", target=b"POST /api/webhooks/replicate")
    assert (code, json.loads(answer)["code"]) == (401, "unauthorized")


def test_json_nested_4000_deep_is_told_of(stack: Stack) -> None:
    answer = post(stack, b'{"prompt":' * 4000 + b"1" + b"}" * 4000, "goods-gen/translate", Content_Type="application/json")
    assert (answer.status_code, "nested" in answer.json()["detail"]) == (400, True)


def test_the_same_form_in_two_spellings_is_one_job(stack: Stack) -> None:
    prompt = part("prompt", "영웅 머그컵".encode())
    korean = part("prompt", "영웅 머그컵".encode("cp949"), Content_Type="text/plain; charset=euc-kr")
    forms = [multipart(prompt, image()), multipart(image(file_name=None), korean, part("n", b"1"), part("output_format", b"png"))]
    answers = [post(stack, form, Idempotency_Key="two spellings") for form in forms]
    assert [answer.status_code for answer in answers] == [202, 202]
    assert answers[0].json()["id"] == answers[1].json()["id"]
    assert stack.ended(answers[0].json()["id"])["status"] == "succeeded"
    assert stack.stats("bfl")["submits"] == 1


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [("GET", "goods-gen/generate", 405, "method_not_allowed"), ("PUT", "ppl-gen/generate", 405, "method_not_allowed"),
     ("POST", "jobs/job_1", 405, "method_not_allowed"), ("GET", "nothing", 404, "not_found"),
     ("POST", "goods-gen", 404, "not_found")],
)  # fmt: skip
def test_a_wrong_method_and_a_wrong_address_are_told(stack: Stack, method: str, path: str, status: int, code: str) -> None:
    answer = requests.request(method, f"{stack.url}/api/{path}", timeout=PATIENCE)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
