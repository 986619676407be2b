"""The task hub over Durable's management API: what an orchestration did, and words to it."""

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import requests
from azure.durable_functions.models.DurableOrchestrationStatus import DurableOrchestrationStatus

from ops.failing import UNREACHABLE, CannotDo

_SECONDS = 30.0


class TaskHub:
    """`url` ends in /runtime/webhooks/durabletask; on Azure its system key is needed, locally none."""

    def __init__(self, url: str, key: str | None) -> None:
        self._url = url
        self._session = requests.Session()
        self._session.trust_env = False
        if key:
            # In a header: addresses are logged on the way.
            self._session.headers["x-functions-key"] = key

    def status(self, instance: str, *, with_history: bool = False) -> dict[str, Any] | None:
        """The instance, or None when there is none."""
        history = {"showHistory": "true", "showHistoryOutput": "true"} if with_history else {}
        answer = self._ask("GET", f"instances/{quote(instance, safe='')}", params={"showInput": "false", **history})
        if answer.status_code == 404:
            return None
        try:
            return dict(answer.json())
        except (ValueError, TypeError):
            raise CannotDo(f"the task hub answered {answer.status_code} without a status", UNREACHABLE) from None

    def instances(self, statuses: Sequence[str], since: datetime) -> Iterator[dict[str, Any]]:
        """Every instance in one of the runtime states that was created after `since`, page by page."""
        asked = {
            "runtimeStatus": ",".join(statuses), "createdTimeFrom": f"{since.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}",
            "showInput": "false",
        }  # fmt: skip
        token = ""
        while True:
            answer = self._ask("GET", "instances", params=asked, headers={"x-ms-continuation-token": token} if token else {})
            if answer.status_code != 200:
                raise CannotDo(f"the task hub answered {answer.status_code} when it was asked for its instances", UNREACHABLE)
            yield from answer.json()
            token = answer.headers.get("x-ms-continuation-token", "")
            if not token:
                return

    def raise_event(self, instance: str, name: str) -> bool:
        """Whether there is a running instance that will hear of it."""
        return self._ask("POST", f"instances/{quote(instance, safe='')}/raiseEvent/{name}", json={}).status_code == 202

    def operate(self, operation: str, instance: str, reason: str) -> bool:
        """`resume` or `terminate`; whether the instance was there for it."""
        path = f"instances/{quote(instance, safe='')}/{operation}"
        return self._ask("POST", path, params={"reason": reason}).status_code == 202

    def purge(self, instance: str) -> None:
        """Remove an instance's history; one that is not there has none. Raises CannotDo where it goes on."""
        answer = self._ask("DELETE", f"instances/{quote(instance, safe='')}")
        if answer.status_code not in (200, 404):
            raise CannotDo(f"the task hub answered {answer.status_code} to the purge of {instance}", UNREACHABLE)

    def start(self, name: str, instance: str, given: Any) -> None:
        """Raises CannotDo when the hub did not take it."""
        # JSON in a JSON text, as the client of the SDK sends it and its orchestrators read it.
        path = f"orchestrators/{quote(name, safe='')}/{quote(instance, safe='')}"
        answer = self._ask("POST", path, json=json.dumps(given))
        if answer.status_code > 202:
            raise CannotDo(f"the task hub answered {answer.status_code} to the start of {instance}", UNREACHABLE)

    def _ask(self, method: str, path: str, **kwargs: Any) -> requests.Response:
        try:
            answer = self._session.request(method, f"{self._url}/{path}", timeout=_SECONDS, **kwargs)
        except requests.RequestException as error:
            raise CannotDo(f"the task hub at {self._url} gave no answer ({type(error).__name__})", UNREACHABLE) from None
        if answer.status_code in (401, 403):
            raise CannotDo(
                "the task hub wants its system key: put durabletask_extension's key into TOONCONNECT_DURABLE_KEY", UNREACHABLE
            )
        return answer


class HubClient:
    """What shared/ asks of Durable's client, for an operator's shell, which has no binding: a part of the client's own methods.

    `told` and `resumed` are the instances that were.
    """

    def __init__(self, hub: TaskHub) -> None:
        self._hub = hub
        self.told: list[str] = []
        self.resumed: list[str] = []

    async def get_status(self, instance_id: str) -> DurableOrchestrationStatus:
        found = self._hub.status(instance_id)
        return DurableOrchestrationStatus.from_json("" if found is None else found)

    async def raise_event(self, instance_id: str, event_name: str, event_data: Any = None) -> None:
        """One that ended a moment ago hears nothing: whoever asked sees that in the job."""
        if self._hub.raise_event(instance_id, event_name):
            self.told.append(instance_id)

    async def resume(self, instance_id: str, reason: str) -> None:
        if self._hub.operate("resume", instance_id, reason):
            self.resumed.append(instance_id)

    async def terminate(self, instance_id: str, reason: str) -> None:
        self._hub.operate("terminate", instance_id, reason)

    async def purge_instance_history(self, instance_id: str) -> None:
        self._hub.purge(instance_id)

    async def start_new(self, orchestration_function_name: str, instance_id: str, client_input: Any) -> str:
        self._hub.start(orchestration_function_name, instance_id, client_input)
        return instance_id
