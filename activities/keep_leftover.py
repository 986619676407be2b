"""A prediction that went on after its job had ended: keep its picture if it came, and say truly what was charged."""

from typing import Any

import azure.durable_functions as df

from shared import names, telemetry
from shared.services import Services, services

blueprint = df.Blueprint()


@blueprint.activity_trigger(input_name="payload", activity=names.KEEP_LEFTOVER)
def keep_leftover(payload: dict) -> dict:  # type: ignore[type-arg]  # the worker refuses dict[...]
    with telemetry.step(names.KEEP_LEFTOVER, payload):
        return keep(services(), payload)


def keep(services: Services, payload: dict[str, Any]) -> dict[str, Any]:
    """Payload: `job_id, index, generator`, and `look`, the last answer of check_prediction.

    The job's status stays as it is; its `outputs`, cost and the `charged` of its error become what they are. Running this
    twice changes nothing. Returns `{"state"}` of the look.
    """
    look, cost = payload["look"], services.generators[payload["generator"]].cost_usd
    charged = "yes" if look["state"] in ("stored", "unstored") else look["problem"]["charged"]

    def amended(document: dict[str, Any]) -> dict[str, Any]:
        outputs = [output for output in document["outputs"] if output["index"] != payload["index"]]
        if look["state"] == "stored":
            outputs = sorted([*outputs, look["output"]], key=lambda output: int(output["index"]))
        charges = {**document.get("late_charges", {}), str(payload["index"]): charged == "yes"}
        usage = {"cost_usd": round(document["settled_cost_usd"] + cost * sum(charges.values()), 4), "estimated": True}
        error = document["error"] and {**document["error"], "charged": charged}
        return document | {"outputs": outputs, "error": error, "late_charges": charges, "usage": usage}

    try:
        services.jobs.amend(payload["job_id"], amended)
    except KeyError:
        # Deleted meanwhile.
        pass
    telemetry.event(
        "leftover_ended", job_id=payload["job_id"], index=payload["index"], generator=payload["generator"], state=look["state"]
    )
    return {"state": look["state"]}
