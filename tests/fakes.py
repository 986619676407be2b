"""Stand-ins for storage and a provider; the real ones have tests of their own against Azurite and the simulators."""

import copy
import itertools
import json
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from azure.core.exceptions import ServiceRequestError
from azure.durable_functions.models.DurableOrchestrationStatus import DurableOrchestrationStatus

from shared.domain.kinds import KINDS
from shared.generators.generator import Order
from shared.providers.provider import Handle, Ready, Running
from shared.services import Services
from shared.settings import Settings
from shared.storage.blob_store import Conflict, Missing, ascii_only
from shared.storage.gate_store import GateStore
from shared.storage.image_names import folders

#: What the durable client makes of the hub's 404 and of its 500: two statuses that are both false.
NO_INSTANCE = DurableOrchestrationStatus.from_json("")
HUB_TROUBLE = DurableOrchestrationStatus.from_json({"Message": "Something went wrong.", "ExceptionType": "StorageException"})


def instance_status(runtime: str, custom_status: Any = None, output: Any = None) -> DurableOrchestrationStatus:
    """What the durable client says of an instance."""
    return DurableOrchestrationStatus.from_json(
        {
            "instanceId": "i",
            "runtimeStatus": runtime,
            "customStatus": custom_status,
            "output": output,
            "createdTime": "2026-01-01T00:00:00Z",
        }
    )


class FakeBlobs:
    """BlobStore's promises over dictionaries; `images` and `documents` (with their ETags) by name."""

    def __init__(self) -> None:
        self.images: dict[str, bytes] = {}
        self.documents: dict[str, tuple[dict[str, Any], str]] = {}
        self.metadata: dict[tuple[str, str], dict[str, str]] = {}
        #: When a blob was written, where a test says so.
        self.written: dict[str, datetime] = {}
        self._etags = itertools.count(1)
        self._lock = threading.RLock()

    def put_image(self, name: str, data: bytes, content_type: str, metadata: dict[str, str] | None = None) -> None:
        self.images[name] = data
        self.metadata["images", name] = ascii_only(metadata)

    def get_image(self, name: str) -> bytes:
        if not name:
            # As BlobClient does (azure-storage-blob, _blob_client.py), before it asks anybody.
            raise ValueError("Please specify a container name and blob name.")
        if name not in self.images:
            raise Missing(name)
        return self.images[name]

    def image_metadata(self, prefix: str) -> Iterator[tuple[str, dict[str, str]]]:
        return ((name, self.metadata.get(("images", name), {})) for name in self.names("images", prefix))

    def document_metadata(self, prefix: str, page: int | None = None) -> Iterator[tuple[str, dict[str, str]]]:
        return ((name, self.metadata.get(("documents", name), {})) for name in self.names("documents", prefix))

    def create_document(self, name: str, document: dict[str, Any], metadata: dict[str, str] | None = None) -> str:
        with self._lock:
            if name in self.documents:
                raise Conflict(name)
            return self._write(name, document, metadata)

    def replace_document(self, name: str, document: dict[str, Any], etag: str, metadata: dict[str, str] | None = None) -> str:
        with self._lock:
            if name not in self.documents or self.documents[name][1] != etag:
                raise Conflict(name)
            return self._write(name, document, metadata)

    def read_document(self, name: str) -> tuple[dict[str, Any], str] | None:
        with self._lock:
            return copy.deepcopy(self.documents.get(name))

    def names(self, container: str, prefix: str, *, start_from: str | None = None, at_once: int | None = None) -> Iterator[str]:
        with self._lock:
            kept = self._kept(container)
            return iter(sorted(name for name in kept if name.startswith(prefix) and name >= (start_from or "")))

    def sizes(self, container: str, prefix: str) -> Iterator[tuple[str, int, datetime]]:
        now = datetime.now(UTC)
        kept = self._kept(container)
        return ((name, len(kept[name]), self.written.get(name, now)) for name in self.names(container, prefix))

    def delete(self, container: str, name: str, etag: str | None = None) -> None:
        with self._lock:
            if etag is not None and self.documents.get(name, (None, None))[1] != etag:
                return
            self._kept(container).pop(name, None)
            self.metadata.pop((container, name), None)

    def delete_documents_unwritten_since(self, moment: datetime, prefix: str, at_most: int) -> int:
        never = datetime.max.replace(tzinfo=UTC)
        old = [name for name in self.names("documents", prefix) if self.written.get(name, never) < moment][:at_most]
        for name in old:
            self.delete("documents", name)
        return len(old)

    def delete_all(self, container: str, prefix: str) -> None:
        for name in self.names(container, prefix):
            self.delete(container, name)

    def _kept(self, container: str) -> dict[str, Any]:
        return {"images": self.images, "documents": self.documents}[container]

    def _write(self, name: str, document: dict[str, Any], metadata: dict[str, str] | None) -> str:
        etag = str(next(self._etags))
        self.documents[name] = (json.loads(json.dumps(document)), etag)
        self.metadata["documents", name] = ascii_only(metadata)
        return etag


class FakeQueues:
    """Queues' promises over lists; `away` queues take nothing."""

    def __init__(self) -> None:
        self.sent: dict[str, list[dict[str, Any]]] = {}
        self.lengths: dict[str, int] = {}
        self.away: set[str] = set()

    def send(self, name: str, message: dict[str, Any]) -> None:
        if name in self.away:
            raise ServiceRequestError(f"{name} at https://account.queue")
        self.sent.setdefault(name, []).append(json.loads(json.dumps(message)))

    def length(self, name: str) -> int:
        if name in self.away:
            raise ServiceRequestError(name)
        return self.lengths.get(name, len(self.sent.get(name, ())))


class FakeIntake:
    """IntakeBlobs' promises over a dictionary."""

    def __init__(self) -> None:
        self.blobs: dict[str, bytes] = {}
        self.away = False

    def read(self, name: str, at_most: int) -> bytes:
        if self.away:
            raise ServiceRequestError(f"https://account.blob/intake/{name}")
        if name not in self.blobs:
            raise Missing(name)
        return self.blobs[name][: at_most + 1]


def images_of(images: Iterable[str], job_id: str) -> list[str]:
    """Of these names of images those that are a job's."""
    return [name for name in images if name.startswith(folders(job_id)) or job_id in name]


class FakeGenerator:
    """A provider with one model of the same name, which does what `on_submit` and `looks` say; lists what it was sent."""

    name, label = "fake", "Fake"
    model = SimpleNamespace(min_images=1, max_images=4, name_ko="가짜", name_en="Fake", good_for_ko="시험", good_for_en="Tests")
    secret_name, expected_seconds, max_active, on_cancel = "FAKE_KEY", 10, 6, "canceled"
    min_side_px = 256

    def __init__(self, *, can_find: bool = True) -> None:
        self.can_find = can_find
        self.submitted: list[Order] = []
        self.canceled: list[str] = []
        self.on_submit: list[Any] = []
        self.looks: list[Any] = [Running()]
        self.known: Handle | None = None
        self.picture: Any = b""

    @property
    def provider(self) -> "FakeGenerator":
        return self

    def price_usd(self, images: int) -> float:
        return 0.08

    def worded(self, prompt: str, roles: tuple[str, ...]) -> str:
        return prompt

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

    def has_made(self, handle: Handle) -> bool:
        return True

    def require_key(self) -> None:
        return None


def fake_settings(model: str = "fake", **environ: str) -> Settings:
    """Settings in which every kind is made by `model`; so are the jobs of before. Where callers sign in, something is there that
    asks them to."""
    models = {kind.models_setting: model for kind in KINDS.values()}
    in_front = {"AUTH_STAND_IN": "true"} if environ.get("AUTH_MODE") == "easyauth" else {}
    settings = Settings.from_environ({"AzureWebJobsStorage": "UseDevelopmentStorage=true", **models, **in_front, **environ})
    return replace(settings, models_of_before={})


def make_services(
    generator: FakeGenerator | None = None,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    *,
    blobs: FakeBlobs | None = None,
    slots: int = 6,
    **environ: str,
) -> Services:
    """Services over the fakes; each generator serves so many `slots`. `environ`: settings that differ from the defaults."""
    generator = generator or FakeGenerator()
    services = Services(fake_settings(generator.name, **environ), clock=clock)
    made = {generator.name: generator}
    services.__dict__.update(blobs=blobs or FakeBlobs(), generators=made, providers=made)
    limits = {generator.name: slots, "other": slots}
    services.__dict__["gates"] = GateStore(services.standing_documents, limits, lambda: services.now().timestamp())
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
