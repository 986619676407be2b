"""Tell a job that one of its pictures has ended, while the picture's orchestration goes on to watch a prediction."""

import azure.durable_functions as df

from shared import names, telemetry
from shared.domain.payloads import TellOrder, Told
from shared.services import Services, services
from shared.starting import is_going_on

blueprint = df.Blueprint()


@blueprint.activity_trigger(input_name="payload", activity=names.TELL_JOB)
@blueprint.durable_client_input(client_name="client")
async def tell_job(payload: dict, client) -> dict:  # type: ignore[type-arg,no-untyped-def]  # the worker refuses dict[...]
    with telemetry.step(names.TELL_JOB, payload):
        return await tell(services(), client, payload)  # type: ignore[arg-type,return-value]


async def tell(services: Services, client: df.DurableOrchestrationClient, payload: TellOrder) -> Told:
    """Nobody is told whose job has ended: it does not wait."""
    try:
        await client.raise_event(payload["instance"], payload["event"], payload["end"])
    except Exception:
        if await is_going_on(client, payload["instance"]):
            raise
        return {"told": False}
    return {"told": True}
