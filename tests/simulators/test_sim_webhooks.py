"""Webhooks arrive signed, and go wrong in the ways that the providers' do."""

import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from replicate.webhook import InvalidSignatureError, Webhooks, WebhookSigningSecret

from simulators import Simulators
from tests.patience import PATIENCE


class Receiver(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.got: list[tuple[dict[str, str], str]] = []
        #: Codes of the next answers; then 200.
        self.codes: list[int] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/hook"

    def bodies(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, body in list(self.got)]


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.server.got.append((dict(self.headers), body))
        self.send_response(self.server.codes.pop(0) if self.server.codes else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    server = Receiver()
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def secret(client: Any, sim: Simulators) -> WebhookSigningSecret:
    url = f"{sim.replicate_base_url}/v1/webhooks/default/secret"
    return WebhookSigningSecret(**client.get(url, headers=client.replicate_key).json())


ALL = ["start", "output", "logs", "completed"]


def test_replicates_own_helper_accepts_the_signature(
    client: Any, receiver: Receiver, secret: WebhookSigningSecret, helpers: dict[str, Any]
) -> None:
    created = client.replicate_create(top={"webhook": receiver.url, "webhook_events_filter": ["completed"]}).json()
    helpers["until"](lambda: receiver.got)

    headers, body = receiver.got[0]
    Webhooks.validate(headers=headers, body=body, secret=secret, tolerance=60)
    told = json.loads(body)
    assert (told["id"], told["status"]) == (created["id"], "succeeded")
    assert client.get(told["output"]).status_code == 200


@pytest.mark.parametrize(
    ("events", "statuses"),
    [
        (ALL, ["processing", "processing", "processing", "succeeded"]), (None, ["processing", "succeeded"]),
        (["start"], ["processing"]),
    ],
)  # fmt: skip
def test_the_filter_says_which_events_come(
    client: Any, sim: Simulators, receiver: Receiver, helpers: dict[str, Any], events: Any, statuses: list[str]
) -> None:
    sim.configure(replicate={"start_seconds": 0.05, "delay_seconds": 0.2})
    top = {"webhook": receiver.url, **({"webhook_events_filter": events} if events else {})}
    client.ended("replicate", client.replicate_create(top=top).json())
    helpers["until"](lambda: len(receiver.got) >= len(statuses))
    assert [body["status"] for body in receiver.bodies()] == statuses


def test_only_the_terminal_event_is_retried_with_the_same_id(
    client: Any, sim: Simulators, receiver: Receiver, helpers: dict[str, Any]
) -> None:
    sim.configure(replicate={"webhooks": {"retry_seconds": [0.05, 0.05]}})
    receiver.codes = [500, 500, 503]
    client.replicate_create(top={"webhook": receiver.url, "webhook_events_filter": ["start", "completed"]})
    helpers["until"](lambda: len(receiver.got) == 4)

    ids = [headers["webhook-id"] for headers, _ in receiver.got]
    assert ids[0] != ids[1] == ids[2] == ids[3]
    helpers["until"](lambda: sim.stats()["replicate"]["webhooks_sent"] == 4)
    assert sim.stats()["replicate"]["webhooks_failed"] == 3


def test_duplicates_and_forgeries(
    client: Any, sim: Simulators, receiver: Receiver, secret: WebhookSigningSecret, helpers: dict[str, Any]
) -> None:
    sim.configure(replicate={"webhooks": {"duplicates": 1, "forged": True}})
    client.replicate_create(top={"webhook": receiver.url, "webhook_events_filter": ["completed"]})
    helpers["until"](lambda: len(receiver.got) == 3)

    (forged, forged_body), first, second = receiver.got
    with pytest.raises(InvalidSignatureError):
        Webhooks.validate(headers=forged, body=forged_body, secret=secret)
    assert first[1] == second[1]
    assert first[0]["webhook-id"] == second[0]["webhook-id"]


def test_a_webhook_may_come_before_a_poll_can_see_it(
    client: Any, sim: Simulators, receiver: Receiver, helpers: dict[str, Any]
) -> None:
    sim.configure(replicate={"delay_seconds": 600, "webhooks": {"delay_seconds": -599.8}})
    created = client.replicate_create(top={"webhook": receiver.url, "webhook_events_filter": ["completed"]}).json()
    (told,) = helpers["until"](receiver.bodies)
    assert told["status"] == "succeeded"
    assert client.poll("replicate", created).json()["status"] == "processing"
    assert client.get(told["output"]).status_code == 200


def test_a_cancel_is_told_at_once(client: Any, sim: Simulators, receiver: Receiver, helpers: dict[str, Any]) -> None:
    sim.configure(replicate={"outcome": "never"})
    created = client.replicate_create(top={"webhook": receiver.url, "webhook_events_filter": ["completed"]}).json()
    client.http.post(created["urls"]["cancel"], headers=client.replicate_key, timeout=PATIENCE)
    (told,) = helpers["until"](receiver.bodies)
    assert told["status"] == "canceled"


@pytest.mark.parametrize("signature", ["A", "B", "none"])
@pytest.mark.parametrize("payload", ["new", "old"])
def test_bfl_in_all_its_described_forms(
    client: Any, sim: Simulators, receiver: Receiver, helpers: dict[str, Any], signature: str, payload: str
) -> None:
    sim.configure(bfl={"webhooks": {"signature": signature, "payload": payload}})
    created = client.bfl_create(webhook_url=receiver.url, webhook_secret="s3").json()
    assert "polling_url" not in created
    assert client.poll("bfl", created).json()["status"] == "Ready"

    helpers["until"](lambda: receiver.got)
    headers, text = receiver.got[0]
    body = json.loads(text)
    assert (body.get("id") or body["task_id"], body["status"]) == (created["id"], {"new": "Ready", "old": "SUCCESS"}[payload])
    digest = hmac.new(b"s3", text.encode(), hashlib.sha256).hexdigest()
    assert headers.get("X-Webhook-Secret") == ("s3" if signature == "A" else None)
    assert headers.get("X-BFL-Signature") == (f"sha256={digest}" if signature == "B" else None)
