"""Application Insights' door, as the distro's exporter meets it: takes what is sent and keeps it, in the order of its coming."""

import gzip
import json
import threading
import time
from collections import Counter
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

from tests.patience import PATIENCE


@dataclass(frozen=True)
class Item:
    """One record, as it is billed: its own JSON, without the compression of the way."""

    record: dict[str, Any]
    bytes: int

    @property
    def type(self) -> str:
        """MessageData, RequestData, RemoteDependencyData, MetricData or ExceptionData."""
        return str(self.record["data"]["baseType"])

    @property
    def data(self) -> dict[str, Any]:
        return dict(self.record["data"]["baseData"])

    @property
    def said(self) -> str:
        """What a person sees of it first."""
        metric = (self.data.get("metrics") or [{}])[0].get("name")
        return str(self.data.get("message") or self.data.get("name") or metric)


class Ingestion:
    """Listens on a port of its own while it is entered."""

    def __init__(self) -> None:
        self.items: list[Item] = []
        door = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:  # noqa: N802 - the name that http.server calls
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                taken = door._take(body) if "/track" in self.path else {}
                answer = json.dumps(taken).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    def __enter__(self) -> "Ingestion":
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def connection_string(self) -> str:
        address = f"http://127.0.0.1:{self._server.server_port}"
        return f"InstrumentationKey=00000000-0000-0000-0000-00000000abcd;IngestionEndpoint={address}/;LiveEndpoint={address}/"

    @property
    def settings(self) -> dict[str, str]:
        """For the process that sends here, soon, and nothing of its own to Microsoft."""
        return {
            "OTEL_BSP_SCHEDULE_DELAY": "500",
            "OTEL_BLRP_SCHEDULE_DELAY": "500",
            "APPLICATIONINSIGHTS_CONNECTION_STRING": self.connection_string,
            "APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL": "true",
            "APPLICATIONINSIGHTS_SDKSTATS_DISABLED": "true",
            "APPLICATIONINSIGHTS_CONTROLPLANE_DISABLED": "true",
        }

    def wait_for(self, said: str) -> None:
        """Until a record says so."""
        ends = time.monotonic() + PATIENCE
        while not any(item.said == said for item in list(self.items)):
            assert time.monotonic() < ends, f"no record says {said}"
            time.sleep(0.1)

    def quiet(self, seconds: float = 2, patience: float = PATIENCE) -> int:
        """Wait until nothing has come for so long, at most `patience`. How many records there are."""
        ends, seen, since = time.monotonic() + patience, len(self.items), time.monotonic()
        while time.monotonic() < min(ends, since + seconds):
            time.sleep(0.1)
            if len(self.items) != seen:
                seen, since = len(self.items), time.monotonic()
        return len(self.items)

    def _take(self, body: bytes) -> dict[str, Any]:
        text = body.decode()
        records = json.loads(text) if text.startswith("[") else [json.loads(line) for line in text.splitlines()]
        self.items += [Item(record, len(json.dumps(record, separators=(",", ":")).encode())) for record in records]
        return {"itemsReceived": len(records), "itemsAccepted": len(records), "errors": []}


def totals(items: list[Item]) -> dict[str, tuple[int, int]]:
    """Records and bytes by type, and of all."""
    records, size = Counter(item.type for item in items), Counter[str]()
    for item in items:
        size[item.type] += item.bytes
    return {**{name: (records[name], size[name]) for name in sorted(records)}, "all": (len(items), sum(size.values()))}
