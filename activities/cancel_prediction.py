"""Ask the provider to stop a prediction that nobody waits for any more."""

from typing import Any

import azure.durable_functions as df

from shared import names, telemetry
from shared.providers.generator import Handle, ProviderError
from shared.services import Services, services

blueprint = df.Blueprint()


@blueprint.activity_trigger(input_name="payload", activity=names.CANCEL_PREDICTION)
def cancel_prediction(payload: dict) -> dict:  # type: ignore[type-arg]  # the worker refuses dict[...]
    with telemetry.step(names.CANCEL_PREDICTION, payload):
        return cancel(services(), payload)


def cancel(services: Services, payload: dict[str, Any]) -> dict[str, Any]:
    """`{"job_id", "generator", "handle"}` in; `{"state", "retryable"}` out, the state as Generator.cancel says.

    A refusal is no failure of the job.
    """
    generator = services.generators[payload["generator"]]
    try:
        state, retryable = generator.cancel(Handle.from_payload(payload["handle"])), False
    except ProviderError as error:
        state, retryable = "going on", error.problem.is_retryable
    telemetry.event("prediction_canceled", job_id=payload["job_id"], generator=generator.name, state=state)
    return {"state": state, "retryable": retryable}
