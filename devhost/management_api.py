"""Durable's public HTTP API, which the SDK's client speaks too: start, status, events, terminate, purge, list."""

import asyncio
import json
import re
import uuid
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from aiohttp import web

from devhost import replay, threads
from devhost.engine import Engine
from devhost.taskhub import SUSPENDED, TERMINAL, utc_now

PUBLIC = "/runtime/webhooks/durabletask"
RPC = "/durabletask"
_EVENT_NAMES = {
    0: "ExecutionStarted", 1: "ExecutionCompleted", 3: "ExecutionTerminated", 4: "TaskScheduled", 5: "TaskCompleted",
    6: "TaskFailed", 7: "SubOrchestrationInstanceCreated", 8: "SubOrchestrationInstanceCompleted",
    9: "SubOrchestrationInstanceFailed",
    10: "TimerCreated", 11: "TimerFired", 15: "EventRaised", 19: "ExecutionSuspended", 20: "ExecutionResumed",
}  # fmt: skip
_STATUS_NAMES = {1: "Completed", 2: "ContinuedAsNew", 3: "Failed", 5: "Terminated"}
_PAGE = 100


def client_json(origin: str, hub_name: str) -> str:
    """What a durable client binding gets, where the management API is reached at `origin`."""
    base = f"{origin}{PUBLIC}"
    start = f"{base}/orchestrators/{{functionName}}[/{{instanceId}}]"
    return json.dumps({
        "taskHubName": hub_name, "connectionName": None,
        "creationUrls": {
            "createNewInstancePostUri": start,
            "createAndWaitOnNewInstancePostUri":
                f"{start}?timeout={{timeoutInSeconds}}&pollingInterval={{intervalInSeconds}}",
        },
        "managementUrls": {
            "id": "INSTANCEID", **_urls(origin, hub_name, "INSTANCEID"),
            "rewindPostUri": f"{base}/instances/INSTANCEID/rewind?reason={{text}}&{_query(hub_name)}",
        },
        "baseUrl": base, "requiredQueryStringParameters": "", "rpcBaseUrl": f"{origin}{RPC}/", "httpBaseUrl": None,
    })  # fmt: skip


def _query(hub_name: str) -> str:
    return f"taskHub={hub_name}&connection=Storage"


def _urls(origin: str, hub_name: str, instance_id: str) -> dict[str, str]:
    here, query = f"{origin}{PUBLIC}/instances/{instance_id}", _query(hub_name)
    return {
        "statusQueryGetUri": f"{here}?{query}",
        "sendEventPostUri": f"{here}/raiseEvent/{{eventName}}?{query}",
        "terminatePostUri": f"{here}/terminate?reason={{text}}&{query}",
        "purgeHistoryDeleteUri": f"{here}?{query}",
        "restartPostUri": f"{here}/restart?{query}",
        "suspendPostUri": f"{here}/suspend?reason={{text}}&{query}",
        "resumePostUri": f"{here}/resume?reason={{text}}&{query}",
    }


class ManagementApi:
    def __init__(self, engine: Engine, origin: str, hub_name: str, overridable: str) -> None:
        self._engine = engine
        self._hub = engine.hub
        self._origin = origin
        self._hub_name = hub_name
        self._overridable = overridable

    def routes(self) -> list[web.RouteDef]:
        return [web.route("*", f"{base}/{{rest:.*}}", self._handle) for base in (PUBLIC, RPC)]

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        parts = [p for p in request.match_info["rest"].split("/") if p]
        method, what = request.method, parts[0].lower() if parts else ""
        if what == "orchestrators" and method == "POST" and len(parts) in (2, 3):
            return await self._start(request, parts[1], parts[2] if len(parts) == 3 else uuid.uuid4().hex)
        if what == "instances":
            if len(parts) == 1 and method == "GET":
                return await self._list(request)
            if len(parts) == 1 and method == "DELETE":
                return await self._purge_many(request)
            if len(parts) == 2 and method == "GET":
                return await self._status(request, parts[1])
            if len(parts) == 2 and method == "DELETE":
                return await self._purge(parts[1])
            if len(parts) == 4 and parts[2].lower() == "raiseevent" and method == "POST":
                return await self._raise_event(request, parts[1], parts[3])
            if len(parts) == 3 and method == "POST":
                return await self._operate(request, parts[1], parts[2].lower())
        return web.Response(status=404)

    # ---- start ----

    async def _start(self, request: web.Request, name: str, instance_id: str) -> web.Response:
        body = await request.text()
        input_text: str | None = None
        if body:
            try:
                input_text = json.dumps(json.loads(body), ensure_ascii=False)
            except ValueError:
                return _bad_json()
        refused = await threads.run(
            self._engine.start_instance, name, instance_id, input_text, request.query.get("version"),
            overwrite=self._overridable.lower() == "anystate",
        )  # fmt: skip
        if refused is not None:
            return _json({"Message": f"An Orchestration instance with the status {refused} already exists."}, 409)
        if "timeout" in request.query:
            ends = asyncio.get_running_loop().time() + float(request.query["timeout"])
            pause = float(request.query.get("pollingInterval", "1"))
            while asyncio.get_running_loop().time() < ends:
                row = await threads.run(self._hub.status, instance_id)
                if row and row["status"] in TERMINAL:
                    return _json(_value(row["output"]))
                await asyncio.sleep(pause)
        return self._accepted(instance_id)

    def _accepted(self, instance_id: str) -> web.Response:
        urls = _urls(self._origin, self._hub_name, quote(instance_id, safe=""))
        return _json({"id": instance_id, **urls}, 202, {"Location": urls["statusQueryGetUri"], "Retry-After": "10"})

    # ---- status ----

    async def _status(self, request: web.Request, instance_id: str) -> web.Response:
        # Here on the loop: it waits for nobody, and takes less than the way to a thread and back.
        row = self._hub.status(instance_id)
        if row is None:
            return web.Response(status=404)
        shows = {name: _is_true(request.query.get(name)) for name in ("showHistory", "showHistoryOutput")}
        body = _status_body(row, show_input=request.query.get("showInput", "true").lower() != "false")
        if shows["showHistory"]:
            history = await threads.run(self._hub.history, instance_id)
            body["historyEvents"] = history_view(history, with_results=shows["showHistoryOutput"])
        if row["status"] not in TERMINAL:
            here = f"{self._origin}{PUBLIC}/instances/{instance_id}"
            return _json(body, 202, {"Location": here, "Retry-After": "5"})
        failed = row["status"] == "Failed" and _is_true(request.query.get("returnInternalServerErrorOnFailure"))
        return _json(body, 500 if failed else 200)

    async def _list(self, request: web.Request) -> web.Response:
        rows, more = await threads.run(self._query_rows, request, int(request.query.get("top", _PAGE)))
        headers = {"x-ms-continuation-token": quote(rows[-1]["id"], safe="") if more else ""}
        return _json([_status_body(row, show_input=True) for row in rows], 200, headers)

    def _query_rows(self, request: web.Request, limit: int) -> tuple[list[dict[str, Any]], bool]:
        from urllib.parse import unquote

        names = {s.lower(): s for s in (*TERMINAL, "Running", "Pending", SUSPENDED)}
        asked = [s.strip().lower() for s in request.query.get("runtimeStatus", "").split(",") if s.strip()]
        rows = self._hub.query(
            prefix=request.query.get("instanceIdPrefix", ""),
            # Names that mean nothing are ignored, as the engine does.
            statuses=[names[s] for s in asked if s in names],
            created_from=_moment(request.query.get("createdTimeFrom"), ""),
            created_to=_moment(request.query.get("createdTimeTo"), "9999"),
            after=unquote(request.headers.get("x-ms-continuation-token", "")),
            limit=limit + 1,
        )
        return rows[:limit], len(rows) > limit

    # ---- purge ----

    async def _purge(self, instance_id: str) -> web.Response:
        row = await threads.run(self._hub.status, instance_id)
        if row is None:
            return web.Response(status=404)
        if row["status"] not in TERMINAL:
            return _json(
                "Only orchestrations in a terminal state can be purged, but the orchestration with instance ID "
                f"{instance_id} has status {row['status']}", 412,
            )  # fmt: skip
        return _json({"instancesDeleted": await threads.run(self._hub.purge, instance_id)})

    async def _purge_many(self, request: web.Request) -> web.Response:
        if not request.query.get("createdTimeFrom"):
            return _json("Please provide value for 'createdTimeFrom' parameter.", 400)
        rows, _ = await threads.run(self._query_rows, request, 100_000)
        ended = [row["id"] for row in rows if row["status"] in TERMINAL]
        for instance_id in ended:
            await threads.run(self._hub.purge, instance_id)
        return _json({"instancesDeleted": len(ended)}) if ended else web.Response(status=404)

    # ---- operations ----

    async def _raise_event(self, request: web.Request, instance_id: str, name: str) -> web.Response:
        if request.content_type != "application/json" and request.can_read_body:
            return _json("Only application/json request content is supported", 400)
        body = await request.text()
        if not body:
            return _failure("NullReferenceException", "Object reference not set to an instance of an object.")
        try:
            value = json.loads(body)
        except ValueError:
            return _bad_json()
        event = replay.event_raised(utc_now(), name, json.dumps(value, ensure_ascii=False))
        return self._sent(await threads.run(self._engine.send, instance_id, event))

    def _sent(self, refused: str | None) -> web.Response:
        return web.Response(status=202 if refused is None else 404 if refused == "" else 410)

    async def _operate(self, request: web.Request, instance_id: str, operation: str) -> web.Response:
        reason = request.query.get("reason", "")
        row = await threads.run(self._hub.status, instance_id)
        if operation == "terminate":
            event = replay.execution_terminated(utc_now(), reason)
            return self._sent(await threads.run(self._engine.send, instance_id, event))
        if operation in ("suspend", "resume"):
            if row is None or row["status"] in TERMINAL:
                return web.Response(status=404 if row is None else 410)
            if (row["status"] == SUSPENDED) == (operation == "suspend"):
                text = f"Cannot {operation} the orchestration instance {instance_id} because instance is in the"
                return _failure("InvalidOperationException", f"{text} {row['status']} state.")
            kind = replay.EXECUTION_SUSPENDED if operation == "suspend" else replay.EXECUTION_RESUMED
            return self._sent(await threads.run(self._engine.send, instance_id, replay.switched(kind, utc_now(), reason)))
        if operation == "restart":
            return await self._restart(request, instance_id, row)
        if operation == "rewind":
            if row is None:
                return _json(f'No orchestration with instance ID "${instance_id}" found.', 404)
            if row["status"] != "Failed":
                text = f"This orchestration has status {row['status']}, but only orchestrations in the"
                return _json(f'{text} "Failed" state can be rewound.', 412)
            return web.Response(status=501, text="the devhost does not rewind")
        return web.Response(status=404)

    async def _restart(self, request: web.Request, instance_id: str, row: dict[str, Any] | None) -> web.Response:
        if row is None:
            text = f"No instance with ID '{instance_id}' was found. (Parameter 'instanceId')"
            return _json({
                "Message": "InstanceId does not match a valid orchestration instance.", "ExceptionMessage": text,
                "ExceptionType": "System.ArgumentException",
            }, 400)  # fmt: skip
        fresh = request.query.get("restartWithNewInstanceId", "true").lower() != "false"
        target = uuid.uuid4().hex if fresh else instance_id
        refused = await threads.run(
            self._engine.start_instance, row["name"], target, row["input"], row["version"], overwrite=False
        )
        if refused is not None:
            return _json({"Message": f"An Orchestration instance with the status {refused} already exists."}, 409)
        return self._accepted(target)


def history_view(history: list[dict[str, Any]], *, with_results: bool) -> list[dict[str, Any]]:
    """What a status request shows: decisions merged into their answers, ids and episode marks left out."""
    decided = {e["EventId"]: e for e in history if e["EventType"] in (4, 7)}
    answered = {e.get("TaskScheduledId") for e in history if e["EventType"] in (5, 6, 8, 9)}
    shown = []
    for event in history:
        kind = event["EventType"]
        if kind not in _EVENT_NAMES or (kind in (4, 7) and event["EventId"] in answered):
            continue
        view: dict[str, Any] = {"EventType": _EVENT_NAMES[kind], "Timestamp": event["Timestamp"]}
        if kind == 0:
            view |= {
                "FunctionName": event["Name"],
                "Input": event["Input"],
                "ScheduledStartTime": event.get("ScheduledStartTime"),
            }
        elif kind in (4, 7):
            view |= {"Name": event["Name"], "Input": event["Input"]}
            view |= {"InstanceId": event["InstanceId"]} if kind == 7 else {}
        elif kind in (5, 6, 8, 9):
            decision = decided.get(event["TaskScheduledId"], {})
            view |= {"FunctionName": decision.get("Name"), "ScheduledTime": decision.get("Timestamp"), "Input": None}
            if kind in (6, 9):
                view |= {"Reason": event["Reason"], "Details": event["Details"]}
            elif with_results:
                view["Result"] = _value(event["Result"])
        elif kind in (10, 11):
            view["FireAt"] = event["FireAt"]
        elif kind == 15:
            view |= {"Name": event["Name"], "Input": event["Input"]}
        elif kind == 3:
            view["Input"] = event["Input"]
        elif kind in (19, 20):
            view["Reason"] = event["Reason"]
        elif kind == 1:
            view["OrchestrationStatus"] = _STATUS_NAMES[event["OrchestrationStatus"]]
            if with_results:
                view["Result"] = _value(event["Result"])
        shown.append(view)
    return shown


def _status_body(row: dict[str, Any], *, show_input: bool) -> dict[str, Any]:
    return {
        "name": row["name"], "instanceId": row["id"], "runtimeStatus": row["status"],
        "input": _value(row["input"]) if show_input else None,
        "customStatus": _value(row["custom"]), "output": _value(row["output"]),
        "createdTime": _seconds(row["created"]), "lastUpdatedTime": _seconds(row["updated"]),
    }  # fmt: skip


def _value(text: str | None) -> Any:
    return None if text is None else json.loads(text)


def _seconds(text: str) -> str:
    return re.sub(r"\.\d+Z$", "Z", text)


def _is_true(text: str | None) -> bool:
    return (text or "").lower() == "true"


def _moment(text: str | None, default: str) -> str:
    """A time of a query in the hub's own format, so that texts compare as times do."""
    if not text:
        return default
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00").replace(" ", "+"))
    except ValueError:
        return default
    return replay.format_time(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def _json(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    return web.json_response(body, status=status, headers=headers, dumps=lambda v: json.dumps(v, ensure_ascii=False))


def _bad_json() -> web.Response:
    text = "Unexpected end while parsing unquoted property name. Path '', line 1, position 5."
    body = {"Message": "Invalid JSON content", "ExceptionMessage": text, "ExceptionType": "Newtonsoft.Json.JsonReaderException"}
    return _json(body, 400)


def _failure(kind: str, text: str) -> web.Response:
    message = "Something went wrong while processing your request"
    return _json({"Message": message, "ExceptionMessage": text, "ExceptionType": f"System.{kind}"}, 500)
