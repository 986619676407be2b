"""Give a provider's slot back, and wake whoever has it now."""

import asyncio
from typing import Any

import azure.durable_functions as df

from activities.telling import tell
from shared import names, telemetry
from shared.domain.gate import holder_name
from shared.services import Services, services

blueprint = df.Blueprint()


@blueprint.activity_trigger(input_name="payload", activity=names.LEAVE_GATE)
@blueprint.durable_client_input(client_name="client")
async def leave_gate(payload: dict, client) -> dict:  # type: ignore[type-arg,no-untyped-def]
    with telemetry.step(names.LEAVE_GATE, payload):
        return await leave(services(), client, payload)


async def leave(services: Services, client: df.DurableOrchestrationClient, payload: dict[str, Any]) -> dict[str, Any]:
    """Payload: `job_id, index, generator, outcome` ("ok", "failed" or None, as Gate.leave says)."""
    holder = holder_name(payload["job_id"], payload["index"])
    _, grants = await asyncio.to_thread(
        services.gates.change, payload["generator"], lambda gate: gate.leave(holder, payload["outcome"])
    )
    await tell(client, grants)
    return {"woken": len(grants)}
