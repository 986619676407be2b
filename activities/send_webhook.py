"""Tell the end of a job to its owner's address, once: of the address nothing crosses the durable boundary."""

import azure.durable_functions as df

from shared import names, telemetry
from shared.delivering import deliver
from shared.services import services

blueprint = df.Blueprint()


@blueprint.activity_trigger(input_name="payload", activity=names.SEND_WEBHOOK)
def send_webhook(payload: dict) -> dict:  # type: ignore[type-arg]  # the worker refuses dict[...]
    with telemetry.step(names.SEND_WEBHOOK, payload):
        return deliver(services(), payload["job_id"])  # type: ignore[return-value]
