"""The task hub of a story: the bench, on which steps are run by hosts that die, and a client of it as the SDK's.

All that is not of `Bench`'s public side is here.
"""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Protocol

import azure.durable_functions as df
from azure.durable_functions.models.DurableOrchestrationStatus import DurableOrchestrationStatus
from azure.durable_functions.models.PurgeHistoryResult import PurgeHistoryResult

import orchestrators
from devhost import replay
from devhost.activities import run_activity
from devhost.bench import Bench
from devhost.taskhub import TERMINAL, Work
from shared import names

#: What becomes of a step whose host is gone: its message shows again after this.
REDELIVERED_AFTER_SECONDS = 60.0
_EXIT = "python exited with code 137 (0x89)"


class HostDied(BaseException):
    """The process is gone: whoever ran in it says nothing more. No Exception, so that no code of the app sees it."""


class WorkerDied(BaseException):
    """The Python worker is gone while its host lives: the step ends as failed."""


class HubAnswers500(Exception):
    """The SDK raises for it, but where it asks for a status."""


class Runner(Protocol):
    """Who runs the steps."""

    def perform(self, name: str, payload: Any, again: Callable[[float], None]) -> Any:
        """An activity's answer. `again(seconds)` has it delivered once more. Raises HostDied, WorkerDied, what it raises."""

    def episode_dies(self, instance_id: str) -> bool: ...


class Engine(Bench):
    def __init__(self, runner: Runner, shuffle: int | None) -> None:
        super().__init__(
            orchestrators.blueprints, shuffle=shuffle, before_episode=runner.episode_dies,
            default_version=str(names.STORY_VERSION),
        )  # fmt: skip
        self._runner = runner

    def skip(self, seconds: float) -> None:
        """Time passes, and nothing else happens meanwhile."""
        self._now += timedelta(seconds=seconds)

    def rows(self, prefix: str = "") -> list[dict[str, Any]]:
        """Everything that the hub knows of its instances."""
        return self._hub.query(prefix=prefix, statuses=[], created_from="", created_to="9999", after="", limit=-1)

    def row(self, instance_id: str) -> dict[str, Any] | None:
        return self._hub.status(instance_id)

    def _activity(self, work: Work) -> None:
        def again(seconds: float) -> None:
            self.at(seconds, partial(self._activity, work))

        def call(payload: Any) -> Any:
            try:
                return self._runner.perform(work.name, payload, again)
            except WorkerDied:
                raise RuntimeError(_EXIT) from None

        try:
            event, _ = run_activity(call, work.name, work.task_id, work.input, lambda: self.now)
        except HostDied:
            again(REDELIVERED_AFTER_SECONDS)
        else:
            self.at(0.0, partial(self._deliver, work, event))


class Client:
    """Stands in for the SDK's DurableOrchestrationClient. `do(what, call)` runs each of its operations."""

    def __init__(self, engine: Engine, do: Callable[[str, Callable[[], Any]], Any]) -> None:
        self._engine = engine
        self._do = do

    async def start_new(self, name: str, instance_id: str, client_input: Any = None, version: str | None = None) -> str:
        def start() -> str:
            try:
                self._engine.start(name, client_input, instance_id=instance_id)
            except ValueError:
                raise Exception({"Message": "An Orchestration instance with the status Running already exists."}) from None
            return instance_id

        return str(self._do(f"start {instance_id}", start))

    async def get_status(self, instance_id: str, *_: Any, **__: Any) -> DurableOrchestrationStatus:
        try:
            return self._do(f"status of {instance_id}", lambda: _status(self._engine.row(instance_id)))
        except HubAnswers500:
            # As empty as that of an unknown instance (durable-host reference 3), but for its message.
            return DurableOrchestrationStatus.from_json({"Message": "Something went wrong.", "ExceptionType": "StorageException"})

    async def get_status_by(
        self, created_time_from: datetime | None = None, created_time_to: datetime | None = None,
        runtime_status: Iterable[df.OrchestrationRuntimeStatus] | None = None,
    ) -> list[DurableOrchestrationStatus]:  # fmt: skip
        rows = self._do("statuses", lambda: self._between(created_time_from, created_time_to, runtime_status))
        return [_status(row) for row in rows][:100]

    async def raise_event(self, instance_id: str, event_name: str, event_data: Any = None) -> None:
        def send() -> None:
            if not self._engine.raise_event(instance_id, event_name, event_data):
                raise Exception(f"No instance with ID {instance_id} found, or it is gone")

        self._do(f"raise {event_name} at {instance_id}", send)

    async def terminate(self, instance_id: str, reason: str) -> None:
        self._do(f"terminate {instance_id}", lambda: self._told(instance_id, self._engine.terminate(instance_id, reason)))

    async def suspend(self, instance_id: str, reason: str) -> None:
        self._do(f"suspend {instance_id}", lambda: self._told(instance_id, self._engine.suspend(instance_id, reason)))

    async def resume(self, instance_id: str, reason: str) -> None:
        self._do(f"resume {instance_id}", lambda: self._told(instance_id, self._engine.resume(instance_id, reason)))

    async def purge_instance_history(self, instance_id: str) -> PurgeHistoryResult:
        def purge() -> PurgeHistoryResult:
            row = self._engine.row(instance_id)
            if row is not None and row["status"] not in TERMINAL:
                raise Exception("The operation failed with an unexpected status code 412")
            return PurgeHistoryResult(instancesDeleted=self._engine.purge(instance_id))

        return self._do(f"purge {instance_id}", purge)

    async def purge_instance_history_by(
        self, created_time_from: datetime | None = None, created_time_to: datetime | None = None,
        runtime_status: Iterable[df.OrchestrationRuntimeStatus] | None = None,
    ) -> PurgeHistoryResult:  # fmt: skip
        def purge() -> PurgeHistoryResult:
            found = self._between(created_time_from, created_time_to, runtime_status)
            ended = [row["id"] for row in found if row["status"] in TERMINAL]
            return PurgeHistoryResult(instancesDeleted=sum(self._engine.purge(instance) for instance in ended))

        return self._do("purge by age", purge)

    def _told(self, instance_id: str, is_done: bool) -> None:
        """To end an ended one is no error (410); to switch one that is so already is (500), as is an unknown one (404)."""
        row = self._engine.row(instance_id)
        if row is None or not (is_done or row["status"] in TERMINAL):
            raise Exception(f"The operation failed for instance '{instance_id}'")

    def _between(
        self, created_from: datetime | None, created_to: datetime | None,
        statuses: Iterable[df.OrchestrationRuntimeStatus] | None,
    ) -> list[dict[str, Any]]:  # fmt: skip
        wanted = {status.value for status in statuses or ()}
        low = replay.format_time(created_from) if created_from else ""
        high = replay.format_time(created_to) if created_to else "9"
        return [r for r in self._engine.rows() if low <= r["created"] <= high and (not wanted or r["status"] in wanted)]


def _status(row: dict[str, Any] | None) -> DurableOrchestrationStatus:
    if row is None:
        return DurableOrchestrationStatus.from_json("")
    load = replay.json.loads
    return DurableOrchestrationStatus.from_json({
        "name": row["name"], "instanceId": row["id"], "runtimeStatus": row["status"], "createdTime": row["created"],
        "lastUpdatedTime": row["updated"], "input": None,
        "customStatus": load(row["custom"]) if row["custom"] else None, "output": load(row["output"]) if row["output"] else None,
    })  # fmt: skip
