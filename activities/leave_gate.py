"""Give a provider's slot back, and wake whoever has it now."""

import azure.durable_functions as df

from shared import names, slots, telemetry
from shared.domain.payloads import LeaveAnswer, LeaveOrder
from shared.services import Services, services

blueprint = df.Blueprint()


@blueprint.activity_trigger(input_name="payload", activity=names.LEAVE_GATE)
@blueprint.durable_client_input(client_name="client")
async def leave_gate(payload: dict, client) -> dict:  # type: ignore[type-arg,no-untyped-def]  # the worker refuses dict[...]
    with telemetry.step(names.LEAVE_GATE, payload):
        return await leave(services(), client, payload)  # type: ignore[arg-type,return-value]


async def leave(services: Services, client: df.DurableOrchestrationClient, payload: LeaveOrder) -> LeaveAnswer:
    return {"woken": await slots.give_back(services, client, payload, payload["outcome"])}
