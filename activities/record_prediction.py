"""Put a prediction on record whose submit could not, because storage was away."""

import azure.durable_functions as df

from shared import names, telemetry
from shared.domain.payloads import Recorded, RecordOrder
from shared.services import Services, services
from shared.storage.submission_store import Attempt

blueprint = df.Blueprint()


@blueprint.activity_trigger(input_name="payload", activity=names.RECORD_PREDICTION)
def record_prediction(payload: dict) -> dict:  # type: ignore[type-arg]  # the worker refuses dict[...]
    with telemetry.step(names.RECORD_PREDICTION, payload):
        return record(services(), payload)  # type: ignore[arg-type,return-value]


def record(services: Services, payload: RecordOrder) -> Recorded:
    """Nothing but the record leads to a prediction when its story is told again, and to its claim when its job is forgotten."""
    provider, handle = services.generators[payload["generator"]].provider.name, payload["handle"]
    return {"recorded": services.submissions.keep_handle(Attempt.of(payload), provider, handle, payload.get("cost"))}
