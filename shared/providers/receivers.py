"""POSTs to addresses that users named: nowhere but on the public internet, bounded in time, and nothing of the address is told.

The name is looked up once, and what is connected to is an address that was judged: no second look-up can differ.
"""

import functools
import http.client
import socket
import threading
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Literal, NamedTuple
from urllib.parse import urlsplit

from requests.utils import DEFAULT_CA_BUNDLE_PATH
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, Timeout
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError, SSLError, TimeoutError
from urllib3.util.connection import create_connection

from shared import telemetry
from shared.domain.webhook_url import is_extra, is_public, mistake_in
from shared.providers.http import Answer

CONNECT_SECONDS = 5.0
#: The whole exchange, however slowly it drips. Standard Webhooks, "Request timeouts": 15 to 30 s.
TOTAL_SECONDS = 15.0
#: A name may lead to many addresses: so many are tried.
_MOST_ADDRESSES = 2
#: What telemetry says instead of the address, which is the user's.
_ADDRESS, _ROUTE = "https://receiver", "/{webhook_url}"

Reason = Literal[
    "address_not_allowed", "host_not_found", "connection_failed", "tls_failed", "timeout", "not_configured"
]  # fmt: skip


class Undelivered(Exception):
    """There was no answer. The text is a reason without content."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason: Reason = reason


class Receipt(NamedTuple):
    """What a receiver answered: of the rest nothing is read."""

    status: int
    retry_after: float | None


class Receivers:
    """`extra_hosts` ("host[:port]") may have addresses that are not public, and speak plain http: local work only."""

    def __init__(self, extra_hosts: tuple[str, ...] = (), total_seconds: float = TOTAL_SECONDS) -> None:
        self._extra_hosts = extra_hosts
        self._total_seconds = total_seconds

    def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Receipt:
        """Send these bytes; no redirect is followed. Raises Undelivered."""
        if mistake_in(url, self._extra_hosts):
            # It was right when the job was posted: a setting, or the rule, has changed since.
            raise Undelivered("address_not_allowed")
        with telemetry.call("POST", _ADDRESS, _ROUTE) as told, _Bounded(self._total_seconds) as exchange:
            try:
                receipt = self._posted(url, headers, body, exchange)
            except Undelivered:
                raise
            except (HTTPError, http.client.HTTPException, OSError, UnicodeError) as error:
                raise Undelivered(_reason(error, exchange)) from None
            told.with_status(receipt.status)
            return receipt

    def _posted(self, url: str, headers: Mapping[str, str], body: bytes, exchange: "_Bounded") -> Receipt:
        parts = urlsplit(url)
        checks = None if is_extra(url, self._extra_hosts) else is_public
        options: dict[str, Any] = {"maxsize": 1, "timeout": Timeout(CONNECT_SECONDS, self._total_seconds)}
        host, port = (parts.hostname or "").strip("[]"), parts.port
        pool: HTTPConnectionPool
        if parts.scheme == "https":
            pool = HTTPSConnectionPool(host, port, cert_reqs="CERT_REQUIRED", ca_certs=DEFAULT_CA_BUNDLE_PATH, **options)
            made: Any = _SecureConnection
        else:
            pool, made = HTTPConnectionPool(host, port, **options), _PlainConnection
        pool.ConnectionCls = functools.partial(made, exchange=exchange, is_allowed=checks)  # type: ignore[assignment]  # it is called, no more
        try:
            target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            response = pool.urlopen(
                "POST", target, body=body, headers=dict(headers), redirect=False, retries=False, preload_content=False,
                decode_content=False,
            )  # fmt: skip
            response.close()
            return Receipt(response.status, Answer(response.status, response.headers, b"").retry_after())
        finally:
            pool.close()


class _Bounded:
    """Ends an exchange when its time is over, wherever it stands: a socket's own timeout begins anew with every byte."""

    def __init__(self, seconds: float) -> None:
        self.is_over = False
        self._sockets: list[socket.socket] = []
        self._lock = threading.Lock()
        self._timer = threading.Timer(seconds, self._cut)
        self._timer.daemon = True

    def __enter__(self) -> "_Bounded":
        self._timer.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._timer.cancel()
        with self._lock:
            for copy in self._sockets:
                copy.close()
            self._sockets.clear()

    def watch(self, made: socket.socket) -> None:
        with self._lock:
            # A copy, since TLS takes the socket over.
            self._sockets.append(made.dup())

    def _cut(self) -> None:
        with self._lock:
            self.is_over = True
            for copy in self._sockets:
                try:
                    copy.shutdown(socket.SHUT_RDWR)
                except OSError:  # the other side was quicker
                    pass


def _connected(host: str, port: int, exchange: _Bounded, is_allowed: Any) -> socket.socket:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise Undelivered("host_not_found") from None
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    if is_allowed is not None and not all(is_allowed(address) for address in addresses):
        # Also where only some are not: the other side would choose when we go there.
        raise Undelivered("address_not_allowed")
    trouble: OSError | None = None
    for address in addresses[:_MOST_ADDRESSES]:
        try:
            made = create_connection((address, port), CONNECT_SECONDS)
        except OSError as error:
            trouble = error
            continue
        exchange.watch(made)
        return made
    raise trouble or OSError("no address")


class _SecureConnection(HTTPSConnection):
    def __init__(self, *args: Any, exchange: _Bounded, is_allowed: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._how = (exchange, is_allowed)

    def _new_conn(self) -> socket.socket:
        return _connected(self.host, self.port, *self._how)


class _PlainConnection(HTTPConnection):
    def __init__(self, *args: Any, exchange: _Bounded, is_allowed: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._how = (exchange, is_allowed)

    def _new_conn(self) -> socket.socket:
        return _connected(self.host, self.port, *self._how)


def _reason(error: Exception, exchange: _Bounded) -> Reason:
    if exchange.is_over or isinstance(error, TimeoutError | socket.timeout):
        return "timeout"
    return "tls_failed" if isinstance(error, SSLError) else "connection_failed"
