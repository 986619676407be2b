"""A real Azurite on ports of its own: storage as tests need it."""

import base64
import json
import re
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import trustme
from azure.core.credentials import AccessToken

from tests.patience import PATIENCE

ROOT = Path(__file__).resolve().parent.parent
_NODE = ROOT / "node_modules/node/bin/node"
_SERVICES = ROOT / "node_modules/azurite/dist/src"
#: Azurite's documented development account.
ACCOUNT = "devstoreaccount1"
ACCOUNT_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
_TENANT = "5f1c2f0e-3a44-4c3b-9d55-0a2a7f4f9c11"


class Azurite:
    """Azurite while its `with` block runs. It picks free ports by itself and says them when it listens.

    What it is given is in memory, or under `location`, where a stack's Azurite finds it.
    """

    parts: tuple[str, ...] = ("Blob", "Queue", "Table")
    program = "azurite.js"
    options: tuple[str, ...] = ("--blobPort", "0", "--queuePort", "0", "--tablePort", "0")

    def __init__(self, folder: Path, location: Path | None = None) -> None:
        self._folder = folder
        if location is not None:
            self.program = str(ROOT / "local/azurite.cjs")
        self._persistence = ("--location", str(location)) if location else ("--inMemoryPersistence",)
        self._urls: dict[str, str] = {}
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "Azurite":
        log = self._folder / "azurite.log"
        with log.open("wb") as sink:
            self._process = subprocess.Popen(
                [
                    str(_NODE), "--require", str(ROOT / "local/lean.cjs"), "--require", str(ROOT / "local/steady.cjs"),
                    str(_SERVICES / self.program), "--silent", "--skipApiVersionCheck", "--disableTelemetry",
                    *self._persistence, *self.options,
                ],
                cwd=self._folder, stdout=sink, stderr=subprocess.STDOUT,
            )  # fmt: skip
        ends = time.monotonic() + PATIENCE
        while time.monotonic() < ends and self._process.poll() is None:
            self._urls = _addresses(log.read_text())
            if all(part in self._urls for part in self.parts):
                return self
            time.sleep(0.05)
        self.__exit__(None, None, None)
        raise RuntimeError(f"Azurite did not start:\n{log.read_text()}")

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._process and self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait(PATIENCE)

    def kill(self) -> None:
        """kill -9."""
        assert self._process
        self._process.kill()
        self._process.wait(PATIENCE)

    @property
    def blob_url(self) -> str:
        return f"{self._urls['Blob']}/{ACCOUNT}"

    @property
    def queue_url(self) -> str:
        return f"{self._urls['Queue']}/{ACCOUNT}"

    @property
    def table_url(self) -> str:
        return f"{self._urls['Table']}/{ACCOUNT}"

    @property
    def connection_string(self) -> str:
        return (
            f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={ACCOUNT_KEY};"
            f"BlobEndpoint={self.blob_url};QueueEndpoint={self.queue_url};TableEndpoint={self.table_url};"
        )


class AzuriteOAuth(Azurite):
    """The blob service over HTTPS, where a bearer token opens the account. Clients need `connection_verify=ca_path`."""

    parts = ("Blob",)
    program = "blob/main.js"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.ca_path = str(folder / "ca.pem")
        self.credential = MadeUpIdentity()
        cert, key = issue_certificate(folder)
        self.options = ("--blobPort", "0", "--oauth", "basic", "--cert", cert, "--key", key)


@dataclass
class MadeUpIdentity:
    """A credential whose token nobody signed. Azurite's `--oauth basic` looks at the claims only. Counts its use."""

    tokens_given: int = 0

    def get_token(self, *scopes: str, **options: object) -> AccessToken:
        self.tokens_given += 1
        now = int(time.time())
        claims = {
            "aud": "https://storage.azure.com", "iss": f"https://sts.windows.net/{_TENANT}/", "iat": now - 60, "nbf": now - 60,
            "exp": now + 3600, "oid": "0b6d8f9e-7d3e-4f0e-8f5e-2f1f0f3f7a10", "tid": _TENANT, "sub": "test", "ver": "1.0",
        }  # fmt: skip
        return AccessToken(".".join((_part({"alg": "RS256", "typ": "JWT"}), _part(claims), "c2lnbmF0dXJl")), now + 3600)


def issue_certificate(folder: Path) -> tuple[str, str]:
    """Paths of a certificate for this machine and of its key; `ca.pem` beside them is what clients trust."""
    authority = trustme.CA()
    leaf = authority.issue_cert("127.0.0.1", "localhost")
    authority.cert_pem.write_to_path(folder / "ca.pem")
    leaf.cert_chain_pems[0].write_to_path(folder / "cert.pem")
    leaf.private_key_pem.write_to_path(folder / "key.pem")
    return str(folder / "cert.pem"), str(folder / "key.pem")


def _part(value: dict[str, object]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def _addresses(log: str) -> dict[str, str]:
    """Where each part says it listens; the whole of Azurite and its blob service alone word that differently."""
    found = re.findall(r"Azurite (\w+) service (?:is )?successfully listen\w* (?:at|on) (https?://\S+)", log)
    return dict(found)
