"""What stands in for storage can be called as storage can: a call that only a double refuses hides the step that makes it."""

import inspect
from typing import Any

import pytest

from shared.storage.blob_store import BlobStore
from shared.storage.intake_blobs import IntakeBlobs
from shared.storage.queues import Queues
from tests.explore.store import MemoryBlobs
from tests.fakes import FakeBlobs, FakeIntake, FakeQueues


def asked(call: Any) -> list[tuple[str, Any, Any]]:
    """Name, kind and default of what it takes, but for its type."""
    return [(one.name, one.kind, one.default) for one in inspect.signature(call).parameters.values()]


@pytest.mark.parametrize(
    ("real", "double"), [(BlobStore, FakeBlobs), (BlobStore, MemoryBlobs), (Queues, FakeQueues), (IntakeBlobs, FakeIntake)]
)
def test_a_double_takes_what_the_real_one_takes(real: type, double: type) -> None:
    told = {name: asked(call) for name, call in vars(real).items() if inspect.isfunction(call) and not name.startswith("_")}

    assert told
    assert {name: asked(getattr(double, name)) for name in told if hasattr(double, name)} == {
        name: call for name, call in told.items() if hasattr(double, name)
    }
