"""A Key Vault over HTTPS and the endpoint where a managed identity gets its tokens, as an app in the cloud finds them."""

import json
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.azurite import issue_certificate

TENANT_URL = "https://login.microsoftonline.com/5f1c2f0e-3a44-4c3b-9d55-0a2a7f4f9c11"


class Vault(ThreadingHTTPServer):
    """A vault: challenges who comes without a token, then tells its secrets. `asked` holds (path, Authorization)."""

    daemon_threads = True

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Answers)
        cert, key = issue_certificate(folder)
        self.ca_path = str(folder / "ca.pem")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert, key)
        self.socket = context.wrap_socket(self.socket, server_side=True)
        self.url = f"https://127.0.0.1:{self.server_port}"
        self.secrets: dict[str, str] = {}
        self.refusal: int | None = None
        self.resource = "https://vault.azure.net"
        self.asked: list[tuple[str, str | None]] = []

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is no news."""


class _Answers(BaseHTTPRequestHandler):
    server: Vault

    def do_GET(self) -> None:
        token = self.headers.get("Authorization")
        path = urlsplit(self.path).path
        self.server.asked.append((path, token))
        name = path.removeprefix("/secrets/").strip("/")
        if token is None:
            self._answer(401, _error("Unauthorized"))
        elif self.server.refusal:
            self._answer(self.server.refusal, _error("Forbidden"))
        elif name in self.server.secrets:
            value = self.server.secrets[name]
            attributes = {"enabled": True, "created": 1_700_000_000, "updated": 1_700_000_000}
            self._answer(200, {"value": value, "id": f"{self.server.url}/secrets/{name}/0123", "attributes": attributes})
        else:
            self._answer(404, _error("SecretNotFound"))

    def do_PUT(self) -> None:
        """Set secret: a new version."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        token, name = self.headers.get("Authorization"), urlsplit(self.path).path.removeprefix("/secrets/").strip("/")
        if token is None:
            self._answer(401, _error("Unauthorized"))
        elif self.server.refusal:
            self._answer(self.server.refusal, _error("Forbidden"))
        else:
            self.server.secrets[name] = value = json.loads(body)["value"]
            self._answer(200, {"value": value, "id": f"{self.server.url}/secrets/{name}/4567", "attributes": {"enabled": True}})

    def _answer(self, status: int, body: dict[str, Any]) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        if status == 401:
            challenge = f'Bearer authorization="{TENANT_URL}", resource="{self.server.resource}"'
            self.send_header("WWW-Authenticate", challenge)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *values: Any) -> None:
        """Silent."""


def _error(code: str) -> dict[str, Any]:
    return {"error": {"code": code, "message": "The secret r8_hidden is not for you."}}


class ManagedIdentity(ThreadingHTTPServer):
    """The token endpoint of App Service (learn.microsoft.com/azure/app-service/overview-managed-identity, REST endpoint)."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Tokens)
        self.url = f"http://127.0.0.1:{self.server_port}/msi/token"


class _Tokens(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = {"access_token": "made-up-token", "expires_on": "4000000000", "resource": "x", "token_type": "Bearer"}
        data = json.dumps(body).encode()
        self.send_response(200 if self.headers.get("X-IDENTITY-HEADER") else 400)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *values: Any) -> None:
        """Silent."""


class CloudSecrets:
    """Both while its `with` block runs; `settings` are the environment variables of an app that reads its keys there."""

    def __init__(self, folder: Path, **secrets: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.vault, self._identity = Vault(folder), ManagedIdentity()
        self.vault.secrets = secrets
        # The client insists that the vault's host is below the domain of the challenge, as kv.vault.azure.net is.
        self.vault.resource = f"https://0.0.1:{self.vault.server_port}"
        self.settings = {
            "KEY_VAULT_URI": self.vault.url, "IDENTITY_ENDPOINT": self._identity.url, "IDENTITY_HEADER": "anything",
            "REQUESTS_CA_BUNDLE": self.vault.ca_path,
        }  # fmt: skip

    def __enter__(self) -> "CloudSecrets":
        for server in (self.vault, self._identity):
            threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        for server in (self.vault, self._identity):
            server.shutdown()
            server.server_close()
