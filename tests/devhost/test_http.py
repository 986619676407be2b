"""HTTP as the Functions host does it, over real HTTP."""

import concurrent.futures
import contextlib
import gzip
import http.client
import json
import socket
from pathlib import Path
from typing import Any

import brotli
import psutil
import pytest
import requests

from tests.patience import PATIENCE

from .conftest import RunningHost, StartHost

APP = """
import json, threading, time
import azure.functions as func
app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)

@app.route("echo/{id?}")
async def echo(req: func.HttpRequest) -> func.HttpResponse:
    seen = {"method": req.method, "url": req.url, "headers": dict(req.headers), "params": dict(req.params),
            "route": dict(req.route_params), "body": req.get_body().decode()}
    return func.HttpResponse(json.dumps(seen), mimetype="application/json")

@app.route("form", methods=["POST"])
def form(req: func.HttpRequest) -> func.HttpResponse:
    name = req.files["file"].filename if req.files else None
    return func.HttpResponse(json.dumps([dict(req.form), name]), mimetype="application/json")

@app.route("items/{id}")
def a_general(req: func.HttpRequest) -> str:
    return "general"

@app.route("items/new")
def z_special(req: func.HttpRequest) -> str:
    return "special"

@app.route("numbers/{n:int}")
def number(req: func.HttpRequest) -> str:
    return req.route_params["n"]

@app.route("files/{*rest}")
def rest(req: func.HttpRequest) -> str:
    return req.route_params.get("rest", "")

@app.route("fails")
def fails(req: func.HttpRequest) -> str:
    raise ValueError("on purpose")

@app.route("gives_nothing")
def gives_nothing(req: func.HttpRequest):
    return None

@app.route("cookies")
def cookies(req: func.HttpRequest) -> func.HttpResponse:
    response = func.HttpResponse("ok", status_code=201, headers={"X-One": "1"})
    response.headers.add("Set-Cookie", "a=1; Path=/")
    response.headers.add("Set-Cookie", "b=2; HttpOnly")
    return response

@app.route("strange_header")
def strange_header(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse("ok", headers={"X-Name": "\uc601\uc6c5"})

@app.route("where")
async def where(req: func.HttpRequest) -> str:
    return threading.current_thread().name

@app.route("where_sync")
def where_sync(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    seen = [threading.current_thread().name, context.function_name, context.function_directory, len(context.invocation_id),
            context.trace_context.trace_parent]
    return func.HttpResponse(json.dumps(seen))

@app.route("upload", methods=["POST"])
def upload(req: func.HttpRequest) -> str:
    time.sleep(0.3)
    return str(len(req.get_body()))
"""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("outside") / "web"
    (folder / "js").mkdir(parents=True)
    (folder / "index.html").write_text("<h1>the page</h1>")
    (folder / "js" / "main.js").write_text("export {}")
    (folder / "js" / "worker.js").write_text("export {}")
    (folder / "api").mkdir()
    (folder / "api" / "where").write_text("shadow")
    (folder.parent / "secret.txt").write_text("secret")
    return folder


@pytest.fixture(scope="module")
def host(start_host: StartHost, page: Path) -> RunningHost:
    return start_host(APP, "--web", str(page))


def test_the_request(host: RunningHost) -> None:
    headers = {"X-MiXed": "Case", "Accept": "a/b"}
    url = f"{host.url}/api/ECHO/7?a=1&a=2&empty=&b=x%20y"
    seen = requests.put(url, data="한글".encode(), headers=headers, timeout=PATIENCE).json()
    assert (seen["method"], seen["url"], seen["body"]) == ("PUT", url, "한글")
    assert seen["params"] == {"a": "1,2", "b": "x y"}
    assert seen["route"] == {"id": "7"}
    assert seen["headers"]["x-mixed"] == "Case"
    assert requests.get(f"{host.url}/api/echo", timeout=PATIENCE).json()["route"] == {}


def test_a_chunked_body_arrives_empty(host: RunningHost) -> None:
    assert requests.post(f"{host.url}/api/echo", data=iter([b"some", b"thing"]), timeout=PATIENCE).json()["body"] == ""


def sent_raw(host: RunningHost, *lines: bytes, body: bytes = b"") -> bytes:
    """Everything that the host answers to these bytes."""
    with socket.create_connection(("127.0.0.1", host.port), timeout=PATIENCE) as connection:
        connection.sendall(b"\r\n".join([*lines, b"Host: x", b"Connection: close", b"", body]))
        return b"".join(iter(lambda: connection.recv(65536), b""))


def exchange(host: RunningHost, *lines: bytes) -> tuple[int, bytes]:
    """Status and body of the answer to exactly these lines."""
    with socket.create_connection(("127.0.0.1", host.port), timeout=PATIENCE) as connection:
        connection.sendall(b"\r\n".join([*lines, b"", b""]))
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    return int(answer.split(b" ", 2)[1]), answer.partition(b"\r\n\r\n")[2]


def test_http_1_0_needs_no_host_and_then_the_address_has_none(host: RunningHost) -> None:
    status, answer = exchange(host, b"GET /api/echo/1?a=b HTTP/1.0")
    assert (status, json.loads(answer)["url"]) == (200, "http:///api/echo/1?a=b")
    status, answer = exchange(host, b"GET /api/echo HTTP/1.0", b"Host: named.example")
    assert (status, json.loads(answer)["url"]) == (200, "http://named.example/api/echo")


@pytest.mark.parametrize("lines", [(), (b"Host: a", b"Host: b")])
def test_http_1_1_needs_one_host(host: RunningHost, lines: tuple[bytes, ...]) -> None:
    assert exchange(host, b"GET /api/echo HTTP/1.1", b"Connection: close", *lines)[0] == 400


def test_head_is_answered_without_a_body(host: RunningHost) -> None:
    status, answer = exchange(host, b"HEAD /api/echo HTTP/1.1", b"Host: x", b"Connection: close")
    assert (status, answer) == (200, b"")


@pytest.mark.parametrize("encoding", [b"gzip", b"deflate", b"br", b"zstd", b"GZIP, br", b"identity", b"nonsense"])
def test_a_body_arrives_as_it_was_sent_whatever_its_encoding_is_called(host: RunningHost, encoding: bytes) -> None:
    headers = (b"POST /api/echo HTTP/1.1", b"Content-Encoding: " + encoding, b"Content-Length: 5")
    answer = sent_raw(host, *headers, body=b"plain")
    seen = json.loads(answer.partition(b"\r\n\r\n")[2])
    assert (seen["body"], seen["headers"]["content-encoding"]) == ("plain", encoding.decode())


def test_a_body_that_is_compressed_stays_so(host: RunningHost) -> None:
    sent = gzip.compress(b"x" * 5000)
    headers = (b"POST /api/upload HTTP/1.1", b"Content-Encoding: gzip", b"Content-Length: %d" % len(sent))
    assert sent_raw(host, *headers, body=sent).endswith(b"\r\n\r\n%d" % len(sent))


def test_a_header_of_more_than_8_kb_arrives(host: RunningHost) -> None:
    seen = requests.get(f"{host.url}/api/echo", headers={"X-Long": "x" * 20_000}, timeout=PATIENCE).json()
    assert len(seen["headers"]["x-long"]) == 20_000


def test_the_front_end_says_who_spoke_to_it_behind_what_the_caller_says(host: RunningHost) -> None:
    for said in ({}, {"X-Forwarded-For": "203.0.113.9, 198.51.100.1:80"}):
        seen = requests.get(f"{host.url}/api/echo", headers=said, timeout=PATIENCE).json()["headers"]["x-forwarded-for"]
        before, _, last = seen.rpartition(",")
        assert (before, last.partition(":")[0]) == (said.get("X-Forwarded-For", ""), "127.0.0.1")
        assert last.partition(":")[2].isdigit()


def test_more_headers_than_kestrel_takes_are_refused(host: RunningHost) -> None:
    for headers in ({f"X-{n}": "x" * 10_000 for n in range(4)}, {f"X-{n}": "x" for n in range(101)}):
        assert requests.get(f"{host.url}/api/echo", headers=headers, timeout=PATIENCE).status_code == 431


def test_headers_are_utf8_or_no_request(host: RunningHost) -> None:
    hero = sent_raw(host, b"GET /api/echo HTTP/1.1", "X-Name: 영웅".encode())
    assert json.loads(hero.partition(b"\r\n\r\n")[2])["headers"]["x-name"] == "영웅"
    assert sent_raw(host, b"GET /api/echo HTTP/1.1", "X-Name: 영웅".encode("cp949")).startswith(b"HTTP/1.1 400 ")


def test_a_header_that_comes_twice_is_joined(host: RunningHost) -> None:
    answer = sent_raw(host, b"GET /api/echo HTTP/1.1", b"X-Twice: a", b"x-twice: b")
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["headers"]["x-twice"] == "a,b"


def test_an_answer_with_a_header_that_is_not_ascii_cannot_be_sent(host: RunningHost) -> None:
    assert requests.get(f"{host.url}/api/strange_header", timeout=PATIENCE).status_code == 500


def test_forms_and_files(host: RunningHost) -> None:
    answer = requests.post(f"{host.url}/api/form", data={"a": "1"}, files={"file": ("name.png", b"...")}, timeout=PATIENCE)
    assert answer.json() == [{"a": "1"}, "name.png"]


@pytest.mark.parametrize(
    ("path", "status", "text"),
    [
        ("items/new", 200, "general"),  # the first by name wins, not the most specific
        ("numbers/12", 200, "12"),
        ("numbers/twelve", 404, ""),
        ("files/a/b.txt", 200, "a/b.txt"),
        ("files/a//b/", 200, "a//b/"),
        ("files/a%0Ab", 200, "a\nb"),
        ("files//a", 404, ""),
        ("form", 404, ""),  # wrong method
        ("nothing", 404, ""),
        ("fails", 500, ""),
        ("gives_nothing", 500, ""),
    ],
)
def test_routing_and_failures(host: RunningHost, path: str, status: int, text: str) -> None:
    answer = requests.get(f"{host.url}/api/{path}", timeout=PATIENCE)
    assert (answer.status_code, answer.text) == (status, text)


@pytest.mark.parametrize("method", ["TRACE", "PROPFIND", "PURGE"])
def test_a_function_without_methods_takes_every_one(host: RunningHost, method: str) -> None:
    status, answer = exchange(host, f"{method} /api/echo HTTP/1.1".encode(), b"Host: x", b"Connection: close")
    assert (status, json.loads(answer)["method"]) == (200, method)
    assert exchange(host, f"{method} /api/form HTTP/1.1".encode(), b"Host: x", b"Connection: close") == (404, b"")


def test_the_log_has_the_traceback(host: RunningHost) -> None:
    requests.get(f"{host.url}/api/fails", timeout=PATIENCE)
    assert 'raise ValueError("on purpose")' in host.log


def test_the_answer(host: RunningHost) -> None:
    answer = requests.get(f"{host.url}/api/cookies", timeout=PATIENCE)
    assert (answer.status_code, answer.headers["Content-Type"]) == (201, "text/plain; charset=utf-8")
    assert answer.headers["X-One"] == "1"
    assert {c.name: c.value for c in answer.cookies} == {"a": "1", "b": "2"}


def test_threads_and_context(host: RunningHost) -> None:
    assert requests.get(f"{host.url}/api/where", timeout=PATIENCE).text == "MainThread"
    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    seen: Any = json.loads(requests.get(f"{host.url}/api/where_sync", headers={"traceparent": parent}, timeout=PATIENCE).text)
    assert seen[0].startswith("function")
    assert seen[1:] == ["where_sync", str(host.app), 36, parent]


def test_the_page(host: RunningHost) -> None:
    index, script = requests.get(f"{host.url}/", timeout=PATIENCE), requests.get(f"{host.url}/js/main.js", timeout=PATIENCE)
    assert (index.text, index.headers["Content-Type"], index.headers["Cache-Control"]) == (
        "<h1>the page</h1>",
        "text/html; charset=utf-8",
        "no-cache",
    )
    assert script.headers["Content-Type"].startswith("text/javascript")
    assert requests.get(f"{host.url}/api/where", timeout=PATIENCE).text == "MainThread"
    assert requests.get(f"{host.url}/api/nothing", timeout=PATIENCE).status_code == 404


def test_the_page_is_compressed_and_sent_once(host: RunningHost, page: Path) -> None:
    file = page / "js" / "long.js"
    file.write_text("// 긴 이야기\n" * 200)
    url = f"{host.url}/js/long.js"
    accepted = {
        "identity": None, "gzip;q=0": None, "gzip;q=0, br;q=0.000": None, "zstd": None, "gzip": "gzip",
        "br;q=0, gzip;q=0.8": "gzip", "*;q=0, gzip": "gzip", "gzip, deflate, br, zstd": "br", "*": "br",
        "gzip;q=1.0, BR;q=0.1": "br",
    }  # fmt: skip
    answers = {each: requests.get(url, headers={"Accept-Encoding": each}, timeout=PATIENCE) for each in accepted}
    assert {each: answer.headers.get("Content-Encoding") for each, answer in answers.items()} == accepted
    # requests unpacks what it knows of.
    assert {answer.text for each, answer in answers.items() if accepted[each] != "br"} == {file.read_text()}
    packed = {coding: sent_raw(host, b"GET /js/long.js HTTP/1.1", b"Accept-Encoding: " + coding) for coding in (b"br", b"gzip")}
    bodies = {coding: answer.partition(b"\r\n\r\n")[2] for coding, answer in packed.items()}
    assert brotli.decompress(bodies[b"br"]) == gzip.decompress(bodies[b"gzip"]) == file.read_bytes()
    plain, zipped = answers["identity"], answers["gzip"]
    assert len(bodies[b"br"]) < len(bodies[b"gzip"]) < len(plain.content) / 10
    assert {each.headers["Vary"] for each in answers.values()} == {"Accept-Encoding"}
    assert b"\r\nServer:" not in packed[b"br"]

    again = requests.get(url, headers={"If-None-Match": zipped.headers["ETag"]}, timeout=PATIENCE)
    assert (again.status_code, again.content) == (304, b"")
    file.write_text("// a short one\n")
    changed = requests.get(url, headers={"If-None-Match": zipped.headers["ETag"]}, timeout=PATIENCE)
    assert (changed.status_code, changed.text) == (200, "// a short one\n")
    file.write_text("// 다른 이야기\n" * 200)
    changed_body = sent_raw(host, b"GET /js/long.js HTTP/1.1", b"Accept-Encoding: br").partition(b"\r\n\r\n")[2]
    assert brotli.decompress(changed_body) == file.read_bytes()


def test_the_page_has_the_headers_of_its_configuration(host: RunningHost, page: Path) -> None:
    configuration = page / "staticwebapp.config.json"
    policy = "default-src 'self'"
    configuration.write_text(
        json.dumps(
            {
                "globalHeaders": {"Content-Security-Policy": policy, "Strict-Transport-Security": "max-age=9"},
                "routes": [
                    {"route": "/js/worker.js", "headers": {"Cache-Control": "no-cache"}},
                    {"route": "/*.{js,css}", "headers": {"Cache-Control": "public, max-age=9", "Content-Security-Policy": ""}},
                    {"route": "/*", "headers": {"Cache-Control": "no-store"}},
                ],
            }
        )
    )
    try:
        paths = ("", "js/main.js", "js/worker.js", "no", configuration.name)
        index, script, worker, nothing, itself = (requests.get(f"{host.url}/{path}", timeout=PATIENCE) for path in paths)
    finally:
        configuration.unlink()
    assert {each.headers["Content-Security-Policy"] for each in (index, worker, nothing)} == {policy}
    assert "Content-Security-Policy" not in script.headers
    assert [each.headers["Cache-Control"] for each in (index, script, worker)] == ["no-store", "public, max-age=9", "no-cache"]
    assert "Strict-Transport-Security" not in index.headers
    assert (nothing.status_code, itself.status_code) == (404, 404)
    assert "Content-Security-Policy" not in requests.get(f"{host.url}/api/where", timeout=PATIENCE).headers


@pytest.mark.parametrize("path", ["/../secret.txt", "/%2e%2e/secret.txt", "/js/..%2f..%2f..%2fsecret.txt", "//etc/passwd"])
def test_no_way_out_of_the_page_folder(host: RunningHost, path: str) -> None:
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", host.port, timeout=PATIENCE)) as connection:
        connection.request("GET", path)
        answer = connection.getresponse()
        assert (answer.status, b"secret" in answer.read()) == (404, False)


def test_sixteen_large_uploads_at_once_fit_in_memory(host: RunningHost) -> None:
    data = b"x" * 10 * 1024 * 1024

    def upload(_: int) -> str:
        return requests.post(f"{host.url}/api/upload", data=data, timeout=PATIENCE).text

    peak, process = 0, psutil.Process(host.process.pid)
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        answers = [pool.submit(upload, n) for n in range(32)]
        while not all(a.done() for a in answers):
            peak = max(peak, process.memory_info().rss)
    assert {a.result() for a in answers} == {str(len(data))}
    assert peak < 400 * 1024 * 1024


def test_it_stops_soon_after_sigterm(start_host: StartHost) -> None:
    assert start_host(APP).stop() < 3.5
