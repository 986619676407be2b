"""What leaves for an address that a user named, over real sockets: where to, for how long, and what is told of it."""

import json
import logging
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from shared.providers.receivers import Receipt, Receivers, Undelivered
from tests.patience import PATIENCE
from tests.receiver import Raw, Receiver

HEADERS = {"Content-Type": "application/json", "webhook-id": "msg_1"}
PUBLIC = "93.184.215.14"
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as made:
        yield made


def why(receivers: Receivers, url: str) -> str:
    with pytest.raises(Undelivered) as told:
        receivers.post(url, HEADERS, b"{}")
    return told.value.reason


def leads_to(monkeypatch: pytest.MonkeyPatch, *addresses: str, port: int | None = None) -> list[str]:
    """Every name leads there. Returns the names that were asked for."""
    asked: list[str] = []

    def found(host: str, its_port: int, *_: Any, **__: Any) -> list[Any]:
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port or its_port)) for address in addresses]

    monkeypatch.setattr("shared.providers.receivers.socket.getaddrinfo", found)
    return asked


def test_what_is_sent_arrives_byte_by_byte(receiver: Receiver) -> None:
    body = '{"a": "영웅"}'.encode()
    receipt = Receivers((receiver.host,)).post(f"{receiver.url}/a/b?token=x%20y", HEADERS, body)

    (call,) = receiver.calls
    assert receipt == Receipt(204, None)
    assert (call.path, call.body, call.headers["webhook-id"]) == ("/a/b?token=x%20y", body, "msg_1")


def test_a_wish_for_time_is_heard(receiver: Receiver) -> None:
    receiver.answers = [(503, {"Retry-After": "120"})]

    assert Receivers((receiver.host,)).post(receiver.url, HEADERS, b"{}") == Receipt(503, 120.0)


def test_no_redirect_is_followed(receiver: Receiver) -> None:
    receiver.answers = [(307, {"Location": f"{receiver.url}/elsewhere"})]

    assert Receivers((receiver.host,)).post(receiver.url, HEADERS, b"{}").status == 307
    assert [call.path for call in receiver.calls] == ["/"]


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.1", "169.254.169.254", "168.63.129.16", "::1", "fd00::1"])
def test_a_name_that_leads_into_a_private_net_is_not_gone_to(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    leads_to(monkeypatch, PUBLIC, address)
    monkeypatch.setattr("shared.providers.receivers.create_connection", lambda *_: pytest.fail("it was connected to"))

    assert why(Receivers(), "https://hooks.example/") == "address_not_allowed"


def test_a_name_is_looked_up_once_and_what_was_judged_is_what_is_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, connected = leads_to(monkeypatch, PUBLIC), []

    def refuse(address: tuple[str, int], *_: Any) -> Any:
        connected.append(address)
        raise OSError

    monkeypatch.setattr("shared.providers.receivers.create_connection", refuse)

    assert why(Receivers(), "https://hooks.example/") == "connection_failed"
    assert (asked, connected) == (["hooks.example"], [(PUBLIC, 443)])


def test_an_address_that_was_allowed_once_is_not_when_the_setting_has_gone(receiver: Receiver) -> None:
    assert why(Receivers(), receiver.url) == "address_not_allowed"
    assert receiver.calls == []


def test_names_that_do_not_exist_and_doors_that_are_closed_have_reasons() -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        closed = f"127.0.0.1:{probe.getsockname()[1]}"

    assert why(Receivers(("nowhere.invalid",)), "http://nowhere.invalid/") == "host_not_found"
    assert why(Receivers((closed,)), f"http://{closed}/") == "connection_failed"


def test_what_does_not_speak_tls_or_http_has_a_reason() -> None:
    with Raw(lambda made: made.sendall(b"no such thing\r\n\r\n")) as raw:
        host = f"127.0.0.1:{raw.port}"
        assert why(Receivers((host,)), f"https://{host}/") == "tls_failed"
        assert why(Receivers((host,)), f"http://{host}/") == "connection_failed"


def test_a_body_of_an_answer_is_not_waited_for() -> None:
    answered = threading.Event()

    def endless(made: socket.socket) -> None:
        made.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
        answered.wait(PATIENCE)

    with Raw(endless) as raw:
        host = f"127.0.0.1:{raw.port}"
        try:
            assert Receivers((host,)).post(f"http://{host}/", HEADERS, b"{}").status == 200
        finally:
            answered.set()


def dripping(made: socket.socket) -> None:
    """A byte now and then: no single wait is long."""
    for letter in b"HTTP/1.1 200 OK\r\nX-Slow: " + b"x" * 200:
        made.sendall(bytes([letter]))
        time.sleep(0.1)


def silent(made: socket.socket) -> None:
    time.sleep(8)


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("act", [dripping, silent])
def test_an_answer_that_drips_is_cut_off(act: Any, scheme: str) -> None:
    with Raw(act) as raw:
        host, began = f"127.0.0.1:{raw.port}", time.monotonic()
        reason = why(Receivers((host,), total_seconds=0.5), f"{scheme}://{host}/")

        assert time.monotonic() - began < 10
        # What drips over TLS is no TLS, which may be seen before its time is over.
        assert reason in (("tls_failed", "timeout") if (act, scheme) == (dripping, "https") else ("timeout",))


def test_nothing_of_the_address_is_told(receiver: Receiver, spans: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    mark = "MARKED"
    Receivers((receiver.host,)).post(f"{receiver.url}/{mark}?{mark}", HEADERS, b"{}")
    with pytest.raises(Undelivered) as told:
        Receivers(("nowhere.invalid",)).post(f"http://nowhere.invalid/{mark}", HEADERS, b"{}")

    said = json.dumps([dict(span.attributes) | {"name": span.name} for span in spans.get_finished_spans()]) + caplog.text
    assert spans.get_finished_spans()
    assert mark not in said + str(told.value)
    assert receiver.host not in said
    assert "nowhere" not in said
