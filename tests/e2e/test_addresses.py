"""Addresses over the wire: HEAD, HTTP/1.0 without a host, and links that lead through what stands in front."""

import json
import socket
from pathlib import Path

import pytest
import requests

from tests import pictures
from tests.patience import PATIENCE
from tests.stack import Stack
from tests.triggers.test_edge import FORWARDED

pytestmark = pytest.mark.stack


def exchange(stack: Stack, *lines: bytes) -> tuple[int, dict[str, str], bytes]:
    """Status, headers (in small letters) and body of the answer to exactly these lines."""
    with socket.create_connection(("127.0.0.1", stack.port), timeout=PATIENCE) as connection:
        connection.sendall(b"\r\n".join([*lines, b"", b""]))
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    first, *rest = head.decode().split("\r\n")
    return int(first.split(" ")[1]), {line.partition(": ")[0].lower(): line.partition(": ")[2] for line in rest}, body


def test_head_tells_what_get_would(stack: Stack) -> None:
    job = stack.goods(pictures.photo_jpeg(300, 300)).json()
    stack.ended(job["id"])
    for path in ("options", "health", "health/ready", f"jobs/{job['id']}", f"jobs/{job['id']}/result?inline=1"):
        got = requests.get(f"{stack.url}/api/{path}", timeout=PATIENCE)
        head = requests.head(f"{stack.url}/api/{path}", timeout=PATIENCE)
        assert (head.status_code, head.content) == (200, b"")
        for name in ("Content-Type", "ETag", "Cache-Control", "Vary"):
            assert head.headers.get(name) == got.headers.get(name), (path, name)
        assert head.headers["X-Request-Id"]
    assert requests.head(f"{stack.url}/api/jobs/{job['id']}/result", timeout=PATIENCE).status_code == 302
    refused = requests.head(f"{stack.url}/api/goods-gen/generate", timeout=PATIENCE)
    assert (refused.status_code, refused.headers["Allow"]) == (405, "POST, OPTIONS")
    assert requests.head(f"{stack.url}/api/nothing", timeout=PATIENCE).status_code == 404


def test_http_1_0_without_a_host_gets_links_to_the_same_server(stack: Stack) -> None:
    job = stack.goods(pictures.photo_jpeg(300, 300)).json()
    status, headers, body = exchange(stack, f"GET /api/jobs/{job['id']} HTTP/1.0".encode())

    assert (status, headers["content-type"].split(";")[0]) == (200, "application/json")
    assert json.loads(body)["urls"]["self"] == f"/api/jobs/{job['id']}"
    assert exchange(stack, b"GET /api/nothing HTTP/1.0")[0] == 404


def test_links_lead_through_what_stands_in_front_and_nowhere_else(tmp_path: Path) -> None:
    front = "https://front.example/toon"
    with Stack(tmp_path, PUBLIC_BASE_URL=f"{front}/") as stack:
        answer = stack.goods(pictures.photo_jpeg(300, 300), headers=FORWARDED)
        expected = f"{front}/api/jobs/{answer.json()['id']}"
        assert answer.headers["Location"] == expected
        done = stack.ended(answer.json()["id"])
        assert done["urls"] == {"self": expected, **{name: f"{expected}/{name}" for name in ("result", "cancel", "retry")}}


def test_forwarded_headers_are_believed_from_nobody(stack: Stack) -> None:
    answer = stack.goods(pictures.photo_jpeg(300, 300), headers=FORWARDED)
    assert answer.headers["Location"] == f"{stack.url}/api/jobs/{answer.json()['id']}"
    assert "evil" not in answer.text
