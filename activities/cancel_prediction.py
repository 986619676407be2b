"""Ask the provider to stop a prediction that nobody waits for any more."""

from typing import Literal

import azure.durable_functions as df
from azure.core.exceptions import AzureError

from shared import names, slots, telemetry, threads
from shared.domain.payloads import CancelAnswer, CancelOrder
from shared.providers.provider import Handle, ProviderError
from shared.services import Services, services
from shared.storage.documents import Busy

blueprint = df.Blueprint()


@blueprint.activity_trigger(input_name="payload", activity=names.CANCEL_PREDICTION)
@blueprint.durable_client_input(client_name="client")
async def cancel_prediction(payload: dict, client) -> dict:  # type: ignore[type-arg,no-untyped-def]  # the worker refuses dict[...]
    with telemetry.step(names.CANCEL_PREDICTION, payload):
        return await cancel(services(), client, payload)  # type: ignore[arg-type,return-value]


async def cancel(services: Services, client: df.DurableOrchestrationClient, payload: CancelOrder) -> CancelAnswer:
    """What the provider says to it, as Generator.cancel; one that has stopped gives its slot back.

    A refusal is no failure of the job: the prediction goes on.
    """
    generator = services.generator_for(payload)
    state: Literal["canceled", "finished", "going on"]
    try:
        state, retryable = await threads.run(generator.provider.cancel, Handle.from_payload(payload["handle"])), False
    except ProviderError as error:
        state, retryable = "going on", error.problem.is_retryable
    telemetry.event("prediction_canceled", job_id=payload["job_id"], generator=generator.name, state=state)
    left_gate = False
    if state == "canceled":
        try:
            await slots.give_back(services, client, payload, None)
            left_gate = True
        except (AzureError, Busy):
            # Asked for again by the story.
            pass
    return {"state": state, "retryable": retryable, "left_gate": left_gate}
