"""Stand-ins for storage and a provider; the real ones have tests of their own against Azurite and the simulators."""

import itertools
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from azure.durable_functions.models.DurableOrchestrationStatus import DurableOrchestrationStatus

from shared.providers.generator import Handle, Order, Ready, Running
from shared.services import Services
from shared.settings import Settings
from shared.storage.blob_store import Conflict
from shared.storage.gate_store import GateStore
from shared.storage.job_store import JobStore

#: What the durable client makes of the hub's 404 and of its 500: two statuses that are both false.
NO_INSTANCE = DurableOrchestrationStatus.from_json("")
HUB_TROUBLE = DurableOrchestrationStatus.from_json({"Message": "Something went wrong.", "ExceptionType": "StorageException"})


def instance_status(runtime: str, custom_status: Any = None) -> DurableOrchestrationStatus:
    """What the durable client says of an instance."""
    return DurableOrchestrationStatus.from_json(
        {"instanceId": "i", "runtimeStatus": runtime, "customStatus": custom_status, "createdTime": "2026-01-01T00:00:00Z"}
    )


class FakeBlobs:
    """BlobStore's promises over two dictionaries."""

    def __init__(self) -> None:
        self.images: dict[str, bytes] = {}
        self.documents: dict[str, tuple[dict[str, Any], str]] = {}
        self._etags = itertools.count(1)

    def put_image(self, name: str, data: bytes, content_type: str, metadata: dict[str, str] | None = None) -> None:
        self.images[name] = data

    def get_image(self, name: str) -> bytes:
        return self.images[name]

    def create_document(self, name: str, document: dict[str, Any]) -> str:
        if name in self.documents:
            raise Conflict(name)
        return self._write(name, document)

    def replace_document(self, name: str, document: dict[str, Any], etag: str) -> str:
        if name not in self.documents or self.documents[name][1] != etag:
            raise Conflict(name)
        return self._write(name, document)

    def read_document(self, name: str) -> tuple[dict[str, Any], str] | None:
        found = self.documents.get(name)
        return None if found is None else (dict(found[0]), found[1])

    def delete_all(self, container: str, prefix: str) -> None:
        kept: dict[str, Any] = self.images if container == "images" else self.documents
        for name in [name for name in kept if name.startswith(prefix)]:
            del kept[name]

    def _write(self, name: str, document: dict[str, Any]) -> str:
        etag = str(next(self._etags))
        self.documents[name] = (dict(document), etag)
        return etag


class FakeGenerator:
    """A provider that does what `on_submit` and `looks` say; lists what it was sent."""

    name, label, model = "fake", "Fake", "fake-1"
    secret_name, cost_usd, expected_seconds, on_cancel = "FAKE_KEY", 0.08, 10, "canceled"

    def __init__(self, *, can_find: bool = True) -> None:
        self.can_find = can_find
        self.submitted: list[Order] = []
        self.canceled: list[str] = []
        self.on_submit: list[Any] = []
        self.looks: list[Any] = [Running()]
        self.known: Handle | None = None
        self.picture: Any = b""

    def submit(self, order: Order, *, timeout_seconds: int) -> Handle:
        self.submitted.append(order)
        answer = self.on_submit.pop(0) if self.on_submit else Handle(f"p-{len(self.submitted)}", "https://fake/p")
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def find(self, order: Order, since: datetime) -> Iterator[Handle]:
        return iter(() if self.known is None else (self.known,))

    def look(self, handle: Handle) -> Any:
        return self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]

    def download(self, ready: Ready) -> bytes:
        if isinstance(self.picture, Exception):
            raise self.picture
        return bytes(self.picture)

    def cancel(self, handle: Handle) -> Any:
        self.canceled.append(handle.id)
        return self.on_cancel

    def check_account(self) -> None:
        return None

    def webhook_url(self, instance: str, submission: int) -> str | None:
        return None

    def require_key(self) -> None:
        return None


def make_services(generator: FakeGenerator | None = None) -> Services:
    """Services over the fakes, with default settings."""
    services = Services(Settings.from_environ({"AzureWebJobsStorage": "UseDevelopmentStorage=true"}))
    blobs = FakeBlobs()
    gates = GateStore(blobs, {"fake": 6, "other": 6})  # type: ignore[arg-type]
    made = {"blobs": blobs, "gates": gates, "jobs": JobStore(blobs), "generators": {"fake": generator or FakeGenerator()}}  # type: ignore[arg-type]
    services.__dict__.update(made)
    return services


def make_job(services: Services, job_id: str = "job_1", **changes: Any) -> dict[str, Any]:
    document = {
        "id": job_id, "kind": "goods", "owner": "anonymous", "status": "queued", "created_at": "2026-01-01T00:00:00+00:00",
        "input": {"prompt_sent": "a hero", "aspect_ratio": "1:1", "output_format": "png", "safety_tolerance": 2, "n": 1},
        "seeds": [7], "outputs": [], "error": None, "metrics": None, "attempts": 0, "provider": "fake",
        "possible_duplicate": False, "cancel_requested_at": None, **changes,
    }  # fmt: skip
    services.jobs.create(document)
    return document
