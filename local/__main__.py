"""`python -m local`: start everything, say where the page is, end everything on Ctrl-C or SIGTERM."""

import argparse
import base64
import hmac
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from local.ports import free_port, is_free

ROOT = Path(__file__).resolve().parent.parent
# Azurite's documented development account (https://learn.microsoft.com/azure/storage/common/storage-use-azurite).
ACCOUNT = "devstoreaccount1"
ACCOUNT_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
START_SECONDS = 60.0
LAST_LINES, LAST_BYTES = 12, 10_000
#: Settings that whoever works on this stack from another shell must know; none is a secret.
TOLD = (
    "REPLICATE_API_BASE_URL", "BFL_API_BASE_URL", "PROVIDER_EXTRA_HOSTS", "REPLICATE_MAX_ACTIVE", "BFL_MAX_ACTIVE",
    "BFL_KONTEXT_MAX_ACTIVE", "PPL_MODELS", "GOODS_MODELS", "REPLICATE_MODEL", "BFL_MODEL", "PPL_FALLBACK", "KEY_VAULT_URI",
    "INTAKE_QUEUE",
)  # fmt: skip


@dataclass(frozen=True)
class Plan:
    """What to run where."""

    port: int
    sim_port: int
    state: Path
    simulators: bool

    @classmethod
    def from_environ(cls) -> "Plan":
        env = os.environ
        return cls(
            port=int(env.get("PORT") or 7071),
            sim_port=int(env.get("SIM_PORT") or 7090),
            state=Path(env.get("DEVHOST_DIR") or ROOT / ".devhost").resolve(),
            simulators=env.get("SIMULATORS", "1") != "0",
        )


class Stack:
    """The processes that were started, in order; stop() ends them in reverse."""

    def __init__(self) -> None:
        self._running: list[tuple[str, subprocess.Popen[bytes]]] = []
        self._logs: dict[str, tuple[Path, int]] = {}

    def start(self, name: str, command: list[str], env: dict[str, str] | None = None, log: Path | None = None) -> None:
        output = log.open("ab") if log else None
        if log:
            self._logs[name] = log, log.stat().st_size
        process = subprocess.Popen(
            [sys.executable, "-m", "local.leash", *command],
            cwd=ROOT, env={**os.environ, **(env or {})}, stdin=subprocess.PIPE, stdout=output, stderr=output,
        )  # fmt: skip
        self._running.append((name, process))

    def ended(self) -> str | None:
        """The name of a process that has ended by itself."""
        return next((name for name, process in self._running if process.poll() is not None), None)

    def last_words(self, name: str) -> str:
        """The end of what it has written, where that went to a file: no links that are signed."""
        log, begin = self._logs.get(name, (None, 0))
        if log is None or not log.exists():
            return ""
        with log.open("rb") as file:
            file.seek(max(begin, log.stat().st_size - LAST_BYTES))
            lines = file.read().decode(errors="replace").splitlines()
        return "".join(f"  {line}\n" for line in lines[-LAST_LINES:] if "sig=" not in line)

    def stop(self) -> None:
        for _, process in reversed(self._running):
            if process.poll() is None:
                process.terminate()
        ends = time.monotonic() + 8
        for _, process in reversed(self._running):
            try:
                process.wait(max(0.1, ends - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()


def main() -> int:
    # It has no options: a word that it does not know is refused, and --help says what it reads.
    argparse.ArgumentParser(
        prog="python -m local", description=__doc__.partition(": ")[2],
        epilog="From the environment: PORT (7071), SIM_PORT (7090), DEVHOST_DIR (.devhost), SIMULATORS=0 for the real providers, "
        "and every setting of the app (local.settings.example.json).",
    ).parse_args()  # fmt: skip
    plan = Plan.from_environ()
    plan.state.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.set())
    # make, killed with -9, tells nobody: then we have another parent.
    parent = os.getppid()
    stack = Stack()
    try:
        if not _wait(lambda: is_free(plan.port) and (not plan.simulators or is_free(plan.sim_port)), stopping, 10):
            print(
                f"port {plan.port} or {plan.sim_port} is in use: choose others, as in PORT=7072 SIM_PORT=7091 make run",
                file=sys.stderr,
            )
            return 1
        ports = _azurite_ports(plan.state)
        # Before it listens Azurite would tidy what another that is still there writes to.
        if not _wait(lambda: all(map(is_free, ports.values())), stopping, 10):
            print(
                f"another stack uses {plan.state}: end it, or choose another folder, as in DEVHOST_DIR=.devhost/2 make run",
                file=sys.stderr,
            )
            return 1
        # At once: of its port nobody knows until it listens.
        if plan.simulators:
            stack.start("simulators", [
                sys.executable, "-m", "simulators", "--port", str(plan.sim_port),
                "--state", str(plan.state / "simulators.sqlite"),
            ], log=plan.state / "simulators.log")  # fmt: skip
        blob_port = ports["blob"]
        _start_azurite(stack, plan.state, ports)
        if not _wait(lambda: _listens(blob_port), stopping, START_SECONDS, stack):
            late = stack.ended() or "Azurite"
            print(f"{late} did not start; see {plan.state}.", stack.last_words(late), sep="\n", file=sys.stderr)
            return 1
        _leave_word(plan)
        stack.start("devhost", [
            sys.executable, "-m", "devhost", "--app", str(ROOT), "--port", str(plan.port), "--state", str(plan.state),
            "--web", str(ROOT / "web"), "--cors-setting", "ALLOWED_ORIGINS",
        ], env=environment(plan))  # fmt: skip
        _let_pages_read(blob_port)
        url = f"http://127.0.0.1:{plan.port}"
        if _wait(lambda: _answers(f"{url}/api/health/ready"), stopping, START_SECONDS, stack):
            print(f"\n  ToonConnect is ready after {time.monotonic() - began:.1f} s:  {url}/\n", flush=True)
        elif not stopping.is_set() and stack.ended() is None:
            print(f"\n  {url}/ is up, but not ready: {url}/api/health/ready says why\n", flush=True)
        while not stopping.wait(0.3) and os.getppid() == parent:
            if name := stack.ended():
                told = f"{name} has ended; see {plan.state}. Start again with make run: every job goes on."
                print(told, stack.last_words(name), sep="\n", file=sys.stderr)
                return 1
        return 0
    finally:
        stack.stop()


def _azurite_ports(state: Path) -> dict[str, int]:
    """By service: chosen once and kept, so that links stay good."""
    kept = state / "azurite.json"
    ports: dict[str, int] = (
        json.loads(kept.read_text()) if kept.exists() else {s: free_port() for s in ("blob", "queue", "table")}
    )
    kept.write_text(json.dumps(ports))
    return ports


def _start_azurite(stack: Stack, state: Path, ports: dict[str, int]) -> None:
    node = ROOT / "node_modules/node/bin/node"
    stack.start("Azurite", [
        str(node) if node.exists() else shutil.which("node") or "node", str(ROOT / "local/azurite.cjs"),
        "--location", str(state / "azurite"), "--skipApiVersionCheck", "--disableTelemetry",
        # Its access log holds signed links; benchmarks that count operations ask for it.
        *([] if os.environ.get("AZURITE_ACCESS_LOG") else ["--silent"]),
        *(part for service, port in ports.items() for part in (f"--{service}Host", "127.0.0.1", f"--{service}Port", str(port))),
    ], log=state / "azurite.log")  # fmt: skip


def _let_pages_read(blob_port: int) -> None:
    """What infra/app/storage.bicep lets the page's origin do: read pictures by their links. Here that origin may be any.

    The SDK would take longer to import than all else here; a shared access signature of the account is one hash.
    """
    rule = (
        "<StorageServiceProperties><Cors><CorsRule><AllowedOrigins>*</AllowedOrigins>"
        "<AllowedMethods>GET,HEAD,OPTIONS</AllowedMethods><MaxAgeInSeconds>3600</MaxAgeInSeconds>"
        "<ExposedHeaders>content-length,content-type,content-disposition,etag</ExposedHeaders>"
        "<AllowedHeaders>range,x-ms-*</AllowedHeaders></CorsRule></Cors></StorageServiceProperties>"
    )
    ends_at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600))
    grant = {"sp": "w", "ss": "b", "srt": "s", "st": "", "se": ends_at, "sip": "", "spr": "", "sv": "2019-12-12"}
    told = "".join(f"{part}\n" for part in (ACCOUNT, *grant.values()))
    signature = hmac.digest(base64.b64decode(ACCOUNT_KEY), told.encode(), "sha256")
    query = urllib.parse.urlencode(
        {"restype": "service", "comp": "properties", **{k: v for k, v in grant.items() if v}, "sig": base64.b64encode(signature)}
    )
    request = urllib.request.Request(  # noqa: S310 - our own loopback address
        f"http://127.0.0.1:{blob_port}/{ACCOUNT}/?{query}", rule.encode(), {"Content-Type": "application/xml"}, method="PUT"
    )
    with urllib.request.urlopen(request, timeout=30):  # noqa: S310
        pass


def environment(plan: Plan) -> dict[str, str]:
    """What the app is told. Whatever is in the environment already wins, so real keys and other servers can be used."""
    ports = json.loads((plan.state / "azurite.json").read_text())
    endpoints = ";".join(f"{service.capitalize()}Endpoint=http://127.0.0.1:{port}/{ACCOUNT}" for service, port in ports.items())
    defaults = {
        "AzureWebJobsStorage": f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={ACCOUNT_KEY};{endpoints};",
        "PYTHON_THREADPOOL_THREAD_COUNT": "32",
    }
    if plan.simulators:
        simulators = f"http://127.0.0.1:{plan.sim_port}"
        defaults |= {
            "REPLICATE_API_BASE_URL": f"{simulators}/replicate",
            "BFL_API_BASE_URL": f"{simulators}/bfl",
            "PROVIDER_EXTRA_HOSTS": f"127.0.0.1:{plan.sim_port},localhost:{plan.sim_port}",
            "REPLICATE_API_TOKEN": "r8_simulated",
            "BFL_API_KEY": "simulated",
            "WEBHOOK_SIGNING_KEY": "simulated-and-the-same-on-every-laptop",
        }
    return {name: value for name, value in defaults.items() if name not in os.environ}


def _leave_word(plan: Plan) -> None:
    """Write down where this stack is and what it uses, for `python -m ops`: Azurite's key is everybody's, others stay out."""
    ours = {name: value for name, value in environment(plan).items() if name in (*TOLD, "AzureWebJobsStorage")}
    given = {name: os.environ[name] for name in TOLD if name in os.environ}
    told = {"url": f"http://127.0.0.1:{plan.port}", "settings": ours | given}
    (plan.state / "running.json").write_text(json.dumps(told, indent=1))


def _wait(test: Callable[[], bool], stopping: threading.Event, seconds: float, stack: Stack | None = None) -> bool:
    ends = time.monotonic() + seconds
    while time.monotonic() < ends and not stopping.is_set() and not (stack and stack.ended()):
        if test():
            return True
        time.sleep(0.1)
    return False


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - our own loopback address
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


if __name__ == "__main__":
    sys.exit(main())
