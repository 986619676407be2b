"""Ask for one of a provider's slots. First come, first served; asking again changes nothing."""

import asyncio
from typing import Any

import azure.durable_functions as df

from activities.telling import tell, who_lives
from shared import names, telemetry
from shared.domain.gate import Gate, Place, holder_name
from shared.domain.job import WAITING, is_terminal
from shared.domain.problem import Problem
from shared.intake import refresh_balance
from shared.services import Services, services

blueprint = df.Blueprint()

#: A waiting job is woken when its turn comes. It looks by itself as a safety net: sooner when its turn is near.
_LOOK_AGAIN_SECONDS = (15.0, 60.0)


@blueprint.activity_trigger(input_name="payload", activity=names.ENTER_GATE)
@blueprint.durable_client_input(client_name="client")
async def enter_gate(payload: dict, client) -> dict:  # type: ignore[type-arg,no-untyped-def]
    with telemetry.step(names.ENTER_GATE, payload):
        return await enter(services(), client, payload)


async def enter(services: Services, client: df.DurableOrchestrationClient, payload: dict[str, Any]) -> dict[str, Any]:
    """Payload: `job_id, index, generator, instance, event` (raised there with a slot), `failed, may_wait_when_down`.

    Returns one of
    `{"state": "granted", "expected_seconds"}`,
    `{"state": "waiting", "position", "wait_seconds", "look_again_seconds", "problem"}`: why, when nobody gets a slot just now,
    `{"state": "closed", "problem"}`: the place is given up, there is no use in waiting,
    `{"state": "canceled"}`: the same, as nobody wants the picture any more.
    """
    generator = services.generators[payload["generator"]]
    holder = holder_name(payload["job_id"], payload["index"])

    def ask(gate: Gate) -> tuple[Place | None, dict[str, Any] | None, bool, list[str], float]:
        place: Place | None = gate.enter(holder, payload["instance"], payload["event"], failed=payload["failed"])
        stopped = gate.document["stopped"]
        if place and not place.granted and (stopped or (gate.is_shut and not payload["may_wait_when_down"])):
            gate.leave(holder, None)
            place = None
        overdue = gate.overdue() if place and not place.granted else []
        return place, stopped, gate.is_shut, overdue, gate.typical_seconds(generator.expected_seconds)

    await asyncio.to_thread(refresh_balance, services, generator)
    (place, stopped, is_shut, overdue, expected), grants = await asyncio.to_thread(services.gates.change, generator.name, ask)
    if overdue:
        alive = await who_lives(client, overdue)
        _, freed = await asyncio.to_thread(services.gates.change, generator.name, lambda gate: gate.verified(alive))
        grants = [*grants, *freed]
    await tell(client, grants)
    problem = Problem(stopped["code"] if stopped else "provider_unavailable", params={"provider": generator.label}).at(WAITING)
    if place is None:
        return {"state": "closed", "problem": problem.to_payload()}
    if place.granted:
        return {"state": "granted", "expected_seconds": expected}
    # The cancel's event may have come before there was anybody to be woken. Who does not wait is stopped by the submit.
    job = await asyncio.to_thread(services.jobs.read, payload["job_id"])
    if job is None or job["cancel_requested_at"] or is_terminal(job["status"]):
        _, grants = await asyncio.to_thread(services.gates.change, generator.name, lambda gate: gate.leave(holder, None))
        await tell(client, grants)
        return {"state": "canceled"}
    telemetry.event(
        "gate_waiting", job_id=payload["job_id"], index=payload["index"], generator=generator.name, position=place.position
    )
    soonest, latest = _LOOK_AGAIN_SECONDS
    return {
        "state": "waiting", "position": place.position, "wait_seconds": place.wait_seconds,
        "look_again_seconds": min(max(place.wait_seconds, soonest), latest),
        "problem": problem.to_payload() if is_shut else None,
    }  # fmt: skip
