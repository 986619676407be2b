"""Whether the orchestration of a picture that failed was terminated: the engine tells its job the same of both."""

import azure.durable_functions as df

from shared import names, telemetry
from shared.domain.payloads import ChildAnswer, ChildOrder
from shared.domain.starting import STOPPED
from shared.services import Services, services
from shared.task_hub import find_instance

blueprint = df.Blueprint()


@blueprint.activity_trigger(input_name="payload", activity=names.LOOK_AT_CHILD)
@blueprint.durable_client_input(client_name="client")
async def look_at_child(payload: dict, client) -> dict:  # type: ignore[type-arg,no-untyped-def]  # the worker refuses dict[...]
    with telemetry.step(names.LOOK_AT_CHILD, payload):
        return await look(services(), client, payload)  # type: ignore[arg-type,return-value]


async def look(services: Services, client: df.DurableOrchestrationClient, payload: ChildOrder) -> ChildAnswer:
    status = await find_instance(client, payload["instance"])
    return {"was_terminated": status is not None and status.runtime_status.name in STOPPED}
