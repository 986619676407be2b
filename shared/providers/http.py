"""HTTP to providers: bounded in size and time, no redirect followed unchecked, no key left in an error."""

import email.utils
import json
import re
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPSConnectionPool
from urllib3.connection import HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, HTTPError, MaxRetryError, NewConnectionError

from shared import telemetry
from shared.domain.webhook_url import is_public

CONNECT_SECONDS = 5.0
READ_SECONDS = 15.0
#: A whole exchange that reads, slow drips included.
TOTAL_SECONDS = 20.0
#: A create waits longer: giving up on a slow one buys the picture a second time.
CREATE_READ_SECONDS = 30.0
#: A whole create. submit_prediction waits longer than this before it judges a lost submit.
CREATE_SECONDS = 35.0
DOWNLOAD_SECONDS = 60.0
#: Replicate echoes the input, which may be two images as data URIs.
MAX_ANSWER_BYTES = 32 * 1024 * 1024
MAX_PICTURE_BYTES = 40 * 1024 * 1024
MAX_REDIRECTS = 3
#: A link that answers so has gone, or was never ours to follow.
_DEAD_LINK = (403, 404, 410)
#: What telemetry says instead of the path of a picture, which opens it.
_PICTURE = "/{picture}"
#: What requests refuses to put on the wire.
_UNSENDABLE = (requests.exceptions.InvalidHeader, requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema)


class Unreachable(Exception):
    """No complete answer. `never_sent`: the request cannot have arrived, so repeating it is free. `is_final`: the same request
    can never do better."""

    def __init__(self, reason: str, *, never_sent: bool = False, is_final: bool = False) -> None:
        super().__init__(reason)
        self.never_sent = never_sent
        self.is_final = is_final


class Budget:
    """How much may be read, and until when; one may serve several answers."""

    def __init__(self, max_bytes: int, seconds: float) -> None:
        self.bytes_left = max_bytes
        self._ends = time.monotonic() + seconds

    def spend(self, size: int) -> None:
        """Raises Unreachable when that is more than is left."""
        self.bytes_left -= size
        if self.bytes_left < 0:
            raise Unreachable("answer too large", is_final=True)

    def check_time(self) -> None:
        if time.monotonic() > self._ends:
            raise Unreachable("answer too slow")


class Answer(NamedTuple):
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    def json_object(self) -> dict[str, Any] | None:
        """The body as a JSON object; None for anything else (HTML, a list, half an answer)."""
        try:
            value = json.loads(self.body)
        except (ValueError, RecursionError):
            return None
        return value if isinstance(value, dict) else None

    def retry_after(self, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> float | None:
        """Seconds the provider asks us to wait: header (seconds or a date), then body, then the number in its text."""
        header = self.headers.get("Retry-After", "").strip()
        if re.fullmatch(r"\d+(\.\d+)?", header):
            return _bounded(header)
        if header:
            try:
                return _bounded((email.utils.parsedate_to_datetime(header) - now()).total_seconds())
            except (TypeError, ValueError, OverflowError):
                pass
        body = self.json_object() or {}
        asked = body.get("retry_after")
        if isinstance(asked, int | float) and not isinstance(asked, bool) and asked >= 0:
            return _bounded(asked)
        # "Your rate limit resets in ~30s." / "Expected available in 1 second." (providers reference 1.9)
        text = re.search(r"\bin ~?(\d+(?:\.\d+)?) ?s", str(body.get("detail", "")))
        return _bounded(text.group(1)) if text else None


class Streamed(NamedTuple):
    """An answer whose body is still on its way. Of a refusal it is in `answer` already."""

    answer: Answer
    parts: Iterator[bytes]

    @property
    def status(self) -> int:
        return self.answer.status


def _bounded(seconds: str | float) -> float:
    """Between nothing and a day: an endless wait would be no JSON on its way through the orchestration."""
    try:
        return min(max(0.0, float(seconds)), 86_400.0)
    except OverflowError:
        return 86_400.0


class _PublicConnection(HTTPSConnection):
    """Leaves before the first byte when the name led to an address that is not public: a private net, loopback, link-local
    (where clouds keep their metadata services). Checked on the connection itself, so no second look-up can differ."""

    def _new_conn(self) -> socket.socket:
        made = super()._new_conn()
        if not is_public(made.getpeername()[0]):
            made.close()
            raise NewConnectionError(self, "not a public address")
        return made


class _PublicPool(HTTPSConnectionPool):
    ConnectionCls = _PublicConnection


class PublicAddressAdapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"https": _PublicPool}


class _Session(requests.Session):
    """Follows no redirect, not even in thought: requests would read the whole body first, and fail at a bad Location."""

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        return None


class ProviderHttp:
    """One provider's connections. Safe to use from many threads: nothing in the session is changed after building."""

    def __init__(
        self,
        private_hosts: tuple[str, ...] = (),
        pool_size: int = 32,
        total_seconds: float = TOTAL_SECONDS,
        read_seconds: float = READ_SECONDS,
        create_seconds: float = CREATE_SECONDS,
        create_read_seconds: float = CREATE_READ_SECONDS,
    ) -> None:
        """`private_hosts` ("host[:port]") may have addresses that are not public: local work only."""
        self._private_hosts = private_hosts
        self._session = _session(pool_size, private_hosts)
        self._total_seconds = total_seconds
        self._read_seconds = read_seconds
        self._create_seconds = create_seconds
        self._create_read_seconds = create_read_seconds

    def get(self, url: str, headers: Mapping[str, str], **params: str) -> Answer:
        return self._exchange(self._session, "GET", url, headers, self._reading(), params=params or None)

    def post(self, url: str, headers: Mapping[str, str], body: Any = None) -> Answer:
        """POST on a connection of its own: a kept one that the server has closed would look like a lost answer."""
        budget = Budget(MAX_ANSWER_BYTES, self._create_seconds)
        with _session(1, self._private_hosts) as session:
            return self._exchange(session, "POST", url, headers, budget, read_seconds=self._create_read_seconds, json=body)

    @contextmanager
    def stream(self, url: str, headers: Mapping[str, str], budget: Budget, **params: str) -> Iterator[Streamed]:
        """A GET whose body is read while it arrives, within `budget`. Raises Unreachable, also while the parts are read."""
        with _told_as_unreachable():
            # The span ends with the head of the answer: whoever reads the body may do other work between its parts.
            with telemetry.call("GET", url, _route(url)) as told:
                response = self._send(self._session, "GET", url, headers, params=params or None)
                told.with_status(response.status_code)
            with response:
                answer = Answer(response.status_code, response.headers, b"")
                if not answer.ok:
                    answer = answer._replace(body=b"".join(_parts(response, self._reading())))
                yield Streamed(answer, _parts(response, budget))

    def download(self, url: str, check: Callable[[str], str]) -> bytes:
        """The bytes at a trusted URL, without any key; every redirect is checked again.

        Raises Unreachable, and what `check` raises.
        """
        for _ in range(MAX_REDIRECTS + 1):
            budget = Budget(MAX_PICTURE_BYTES, DOWNLOAD_SECONDS)
            answer = self._exchange(self._session, "GET", check(url), {}, budget, _PICTURE)
            if answer.status in (301, 302, 303, 307, 308) and answer.headers.get("Location"):
                url = _redirected(url, answer.headers["Location"])
                continue
            if answer.ok and answer.body:
                return answer.body
            said = f"download answered {answer.status} with {len(answer.body)} bytes"
            raise Unreachable(said, is_final=answer.status in _DEAD_LINK)
        raise Unreachable("too many redirects")

    def _reading(self) -> Budget:
        return Budget(MAX_ANSWER_BYTES, self._total_seconds)

    def _exchange(
        self, session: requests.Session, method: str, url: str, headers: Mapping[str, str], budget: Budget,
        route: str | None = None, **options: Any,
    ) -> Answer:  # fmt: skip
        with (
            _told_as_unreachable(),
            telemetry.call(method, url, route or _route(url)) as told,
            self._send(session, method, url, headers, **options) as response,
        ):
            told.with_status(response.status_code)
            return Answer(response.status_code, response.headers, b"".join(_parts(response, budget)))

    def _send(
        self, session: requests.Session, method: str, url: str, headers: Mapping[str, str], *,
        read_seconds: float | None = None, **options: Any,
    ) -> requests.Response:  # fmt: skip
        return session.request(
            # No compression: a few hostile bytes must not unpack to gigabytes.
            method, url, headers={"Accept-Encoding": "identity", **headers}, allow_redirects=False, stream=True,
            timeout=(CONNECT_SECONDS, read_seconds or self._read_seconds), **options,
        )  # fmt: skip


@contextmanager
def _told_as_unreachable() -> Iterator[None]:
    """Whatever goes wrong on the wire, as Unreachable: by its kind only, as its text may hold a URL or a key."""
    try:
        yield
    except _UNSENDABLE as error:
        raise Unreachable(type(error).__name__, never_sent=True, is_final=True) from error
    except requests.RequestException as error:
        raise Unreachable(type(error).__name__, never_sent=_never_sent(error)) from error
    except UnicodeError as error:
        # A header or a URL that cannot be written: the HTTP library writes them before it sends a byte.
        raise Unreachable(type(error).__name__, never_sent=True, is_final=True) from error
    except (HTTPError, OSError) as error:
        raise Unreachable(type(error).__name__) from error


def _route(url: str) -> str:
    """The path for telemetry: the same for every prediction."""
    return re.sub(r"(?<=/predictions/)[^/]+", "{id}", urlsplit(url).path) or "/"


def _redirected(url: str, location: str) -> str:
    try:
        return str(requests.compat.urljoin(url, location))
    except ValueError:
        raise Unreachable("unreadable redirect", is_final=True) from None


def _session(pool_size: int, private_hosts: tuple[str, ...]) -> requests.Session:
    session = _Session()
    # Neither proxies nor .netrc credentials of the machine belong in calls that carry our keys.
    session.trust_env = False
    session.mount("https://", PublicAddressAdapter(pool_connections=8, pool_maxsize=pool_size))
    # Only hosts of PROVIDER_EXTRA_HOSTS, local work, are ever asked over plain http: trust.check_url.
    session.mount("http://", HTTPAdapter(pool_connections=8, pool_maxsize=pool_size))
    for host in private_hosts:
        session.mount(f"https://{host}/", HTTPAdapter(pool_connections=8, pool_maxsize=pool_size))
    return session


def _parts(response: requests.Response, budget: Budget) -> Iterator[bytes]:
    """The body as it arrives, refusing one that is too long, too slow or shorter than announced."""
    header = response.headers.get("Content-Length", "")
    announced = int(header) if header.isdigit() else None
    if announced is not None and announced > budget.bytes_left:
        raise Unreachable("answer too large", is_final=True)
    size = 0
    # read1 hands over what has arrived: read() would wait for a whole block while a server drips single bytes.
    while part := response.raw.read1(65536):
        size += len(part)
        budget.spend(len(part))
        yield part
        if size != announced:
            # A late answer that is here in full is still the answer.
            budget.check_time()
    if announced is not None and size < announced:
        raise Unreachable("answer cut short")


def _never_sent(error: requests.RequestException) -> bool:
    """Whether not even a connection was made (refused, name unknown, connect timeout)."""
    if isinstance(error, requests.ConnectTimeout):
        return True
    cause = error.args[0] if error.args else None
    reason = cause.reason if isinstance(cause, MaxRetryError) else cause
    return isinstance(reason, NewConnectionError | ConnectTimeoutError)
