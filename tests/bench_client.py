"""A durable client over the bench: what the SDK's client says and does, on the bench's clock."""

from typing import Any

from azure.durable_functions.models.DurableOrchestrationStatus import DurableOrchestrationStatus
from azure.durable_functions.models.PurgeHistoryResult import PurgeHistoryResult

from devhost.bench import Bench
from tests.fakes import NO_INSTANCE


class BenchClient:
    def __init__(self, bench: Bench) -> None:
        self._bench = bench

    async def start_new(self, name: str, instance_id: str, client_input: Any = None, version: str | None = None) -> str:
        try:
            self._bench.start(name, client_input, instance_id=instance_id)
        except ValueError:
            raise Exception({"Message": "An Orchestration instance with the status Running already exists."}) from None
        return instance_id

    async def get_status(self, instance_id: str, *_: Any, **__: Any) -> DurableOrchestrationStatus:
        status = self._bench.status(instance_id)
        if status is None:
            return NO_INSTANCE
        return DurableOrchestrationStatus.from_json({
            "name": status.name, "instanceId": instance_id, "runtimeStatus": status.runtime_status,
            "createdTime": status.created_at.isoformat(), "customStatus": status.custom_status, "output": status.output,
        })  # fmt: skip

    async def raise_event(self, instance_id: str, event_name: str, event_data: Any = None) -> None:
        if not self._bench.raise_event(instance_id, event_name, event_data):
            raise Exception(f"No instance with ID {instance_id} found, or it is gone")

    async def terminate(self, instance_id: str, reason: str) -> None:
        if not self._bench.terminate(instance_id, reason) and self._bench.status(instance_id) is None:
            raise Exception(f"The operation failed for instance '{instance_id}'")

    async def suspend(self, instance_id: str, reason: str) -> None:
        if not self._bench.suspend(instance_id, reason):
            raise Exception(f"The operation failed for instance '{instance_id}'")

    async def resume(self, instance_id: str, reason: str) -> None:
        if not self._bench.resume(instance_id, reason):
            raise Exception(f"The operation failed for instance '{instance_id}'")

    async def purge_instance_history(self, instance_id: str) -> PurgeHistoryResult:
        status = self._bench.status(instance_id)
        if status is not None and status.runtime_status not in ("Completed", "Failed", "Terminated"):
            raise Exception("The operation failed with an unexpected status code 412")
        return PurgeHistoryResult(instancesDeleted=int(self._bench.purge(instance_id)))
