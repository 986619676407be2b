"""What stands around the app where callers sign in: an OpenID provider, the platform in front of the host, the page's own site.

The platform is App Service authentication as the Functions host runs it on Flex Consumption (Azure/azure-functions-host,
WebScriptHostBuilderExtension): after CORS, so that it sees no preflight and its 401 has CORS headers; it removes what callers say
of themselves, and vouches for those whose token is good.
"""

import base64
import json
import threading
import time
from collections.abc import Mapping
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit
from uuid import uuid4

import requests

from devhost.cors import HostCors
from infra.package_page import package
from tests.patience import PATIENCE

ROOT = Path(__file__).resolve().parent.parent
CLIENT_ID, SCOPE = "page-client", "api://toonconnect/access"


class _Server:
    """A server of its own in a thread; `url` is its origin."""

    def __init__(self, handler: type[BaseHTTPRequestHandler]) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class Provider(_Server):
    """An OpenID provider at which `user` signs in without being asked; PKCE is checked, each code and refresh token good once."""

    def __init__(self, user: str = "haneul@example.com") -> None:
        self.user = user
        self.token_seconds = 3600
        self.refuses = False
        self.renews = True
        self.gives_good = True
        #: The OAuth error that a renewal meets instead of a token.
        self.trouble: str | None = None
        #: Renewals wait for it.
        self.may_renew = threading.Event()
        self.may_renew.set()
        self.asked_to_renew = threading.Event()
        self.renewals = 0
        self.asked: list[dict[str, str]] = []
        #: Access tokens that are good, and whose they are.
        self.good: dict[str, str] = {}
        self._codes: dict[str, dict[str, str]] = {}
        self._refresh: dict[str, str] = {}
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: object) -> None:
                pass

            def do_GET(self) -> None:
                path, query = urlsplit(self.path).path, _one_each(urlsplit(self.path).query)
                if path == "/t/v2.0/.well-known/openid-configuration":
                    self._json(200, provider.configuration())
                elif path == "/t/v2.0/authorize":
                    self._redirect(f"{query['redirect_uri']}?{urlencode(provider.authorized(query))}")
                else:
                    self._redirect(query["post_logout_redirect_uri"])

            def do_POST(self) -> None:
                form = _one_each(self.rfile.read(int(self.headers["Content-Length"])).decode())
                answer = provider.tokens(form)
                self._json(200 if "access_token" in answer else 400, answer)

            def _json(self, status: int, value: object) -> None:
                _answer(
                    self,
                    status,
                    {"Content-Type": "application/json", "Access-Control-Allow-Origin": "*"},
                    json.dumps(value).encode(),
                )

            def _redirect(self, to: str) -> None:
                _answer(self, 302, {"Location": to}, b"")

        super().__init__(Handler)
        self.issuer = f"{self.url}/t/v2.0"

    def configuration(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer, "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "end_session_endpoint": f"{self.issuer}/logout", "jwks_uri": f"{self.issuer}/keys",
            "response_types_supported": ["code"],
            "id_token_signing_alg_values_supported": ["RS256"], "code_challenge_methods_supported": ["S256"],
        }  # fmt: skip

    def authorized(self, query: dict[str, str]) -> dict[str, str]:
        self.asked.append(query)
        if self.refuses:
            return {"error": "access_denied", "state": query["state"]}
        assert (query["client_id"], query["code_challenge_method"]) == (CLIENT_ID, "S256")
        assert SCOPE in query["scope"].split(" ")
        code = uuid4().hex
        self._codes[code] = query
        return {"code": code, "state": query["state"]}

    def tokens(self, form: dict[str, str]) -> dict[str, Any]:
        nonce = None
        if form["grant_type"] == "authorization_code":
            asked = self._codes.pop(form["code"], None)
            challenge = base64.urlsafe_b64encode(sha256(form["code_verifier"].encode()).digest()).decode().rstrip("=")
            if asked is None or asked["code_challenge"] != challenge or asked["redirect_uri"] != form["redirect_uri"]:
                return {"error": "invalid_grant"}
            nonce = asked["nonce"]
            user = self.user
        else:
            self.asked_to_renew.set()
            self.may_renew.wait(PATIENCE)
            if self.trouble:
                return {"error": self.trouble}
            if not self.renews or form["refresh_token"] not in self._refresh:
                return {"error": "invalid_grant"}
            user = self._refresh.pop(form["refresh_token"])
            self.renewals += 1
        access, refresh = uuid4().hex, uuid4().hex
        if self.gives_good:
            self.good[access] = user
        self._refresh[refresh] = user
        now = int(time.time())
        claims = {
            "iss": self.issuer, "aud": CLIENT_ID, "sub": user, "iat": now, "exp": now + self.token_seconds,
            "preferred_username": user, **({"nonce": nonce} if nonce else {}),
        }  # fmt: skip
        return {
            "access_token": access, "refresh_token": refresh, "token_type": "Bearer", "expires_in": self.token_seconds,
            "id_token": ".".join([*(_base64(part) for part in ({"alg": "RS256"}, claims)), "c2lnbmF0dXJl"]),
        }  # fmt: skip


class Platform(_Server):
    """In front of a host: `url` is what the world knows of it."""

    def __init__(self, host: str, provider: Provider, open_paths: set[str], origins: list[str]) -> None:
        cors = HostCors(origins)
        #: (method, path, who) of all that was passed on.
        self.passed: list[tuple[str, str, str | None]] = []
        #: Answers to POSTs wait for it.
        self.may_answer = threading.Event()
        self.may_answer.set()
        self.has_posted = threading.Event()
        #: Calls of nobody are refused when it is set.
        self.may_refuse = threading.Event()
        self.may_refuse.set()
        self.has_turned_away = threading.Event()
        platform = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: object) -> None:
                pass

            def _pass(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                headers = {name: value for name, value in self.headers.items() if not name.lower().startswith("x-ms-")}
                headers.pop("Connection", None)
                path = urlsplit(self.path).path
                scheme, _, given = headers.get("Authorization", "").partition(" ")
                who = provider.good.get(given) if scheme == "Bearer" else None
                is_preflight = cors.preflight(self.command, self.headers) is not None
                if who is None and not is_preflight and path not in open_paths:
                    platform.has_turned_away.set()
                    platform.may_refuse.wait(PATIENCE)
                    _answer(self, 401, {"WWW-Authenticate": "Bearer", **cors.added(self.headers)}, b"")
                    return
                if who is not None and path not in open_paths:
                    headers["X-MS-CLIENT-PRINCIPAL-ID"] = who
                platform.passed.append((self.command, path, who))
                answer = requests.request(
                    self.command, host + self.path, headers=headers, data=body, timeout=240, allow_redirects=False
                )
                if self.command == "POST":
                    platform.has_posted.set()
                    platform.may_answer.wait(PATIENCE)
                told = {
                    k: v
                    for k, v in answer.headers.items()
                    if k.lower() not in ("content-length", "transfer-encoding", "connection")
                }
                _answer(self, answer.status_code, told, answer.content)

            do_GET = do_HEAD = do_POST = do_DELETE = do_OPTIONS = _pass

        super().__init__(Handler)


class Site(_Server):
    """The page as it is deployed, on an origin of its own, under the headers of its configuration."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "dist"
        configured = json.loads((ROOT / "web/staticwebapp.config.json").read_text())["globalHeaders"]
        site = self

        class Handler(SimpleHTTPRequestHandler):
            def __init__(self, *args: Any) -> None:
                super().__init__(*args, directory=str(site._folder))

            def end_headers(self) -> None:
                for name, value in configured.items():
                    self.send_header(name, value)
                super().end_headers()

            def log_message(self, *_: object) -> None:
                pass

        super().__init__(Handler)

    def tell(self, api: str, provider: Provider | None) -> None:
        sign_in = {"issuer": provider.issuer, "clientId": CLIENT_ID, "scope": SCOPE} if provider else None
        package(api, ROOT / "web", self._folder, sign_in)


def _answer(handler: BaseHTTPRequestHandler, status: int, headers: Mapping[str, str], body: bytes) -> None:
    try:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        if status not in (204, 304):
            handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        if handler.command != "HEAD":
            handler.wfile.write(body)
    except (BrokenPipeError, ConnectionResetError):
        handler.close_connection = True


def _one_each(query: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(query).items()}


def _base64(value: Mapping[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")
