"""A prediction that went on after its job had ended: keep its picture if it came, and say truly what was charged."""

import contextlib
from typing import Any

import azure.durable_functions as df

from shared import names, telemetry
from shared.domain.problem import Charged, worst_charge
from shared.services import Services, services
from shared.storage.job_store import NoSuchJob

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
    index = str(payload["index"])

    def amended(document: dict[str, Any]) -> dict[str, Any]:
        outputs = [output for output in document["outputs"] if output["index"] != payload["index"]]
        if look["state"] == "stored":
            outputs = sorted([*outputs, look["output"]], key=lambda output: int(output["index"]))
        if "charges" not in document:
            # Nobody wrote how the job ended: it was given up, and now something is known of it.
            document = document | {"charges": {}, "settled_cost_usd": 0.0}
        # What the job's end has counted already is not counted again.
        late = document.get("late_charges", {})
        late = {**late, index: late.get(index, charged == "yes" and document["charges"].get(index) != "yes")}
        # What is known to be paid for stays so.
        is_paid = charged == "yes" or document["charges"].get(index) == "yes"
        charges = {**document["charges"], index: "yes" if is_paid else charged}
        usage = {"cost_usd": round(document["settled_cost_usd"] + cost * sum(late.values()), 4), "estimated": True}
        return document | {
            "outputs": outputs, "error": _told(document["error"], charges, outputs), "charges": charges, "late_charges": late,
            "usage": usage,
        }  # fmt: skip

    with contextlib.suppress(NoSuchJob):
        # Deleted meanwhile.
        services.jobs.amend(payload["job_id"], amended)
    telemetry.event(
        "leftover_ended", job_id=payload["job_id"], index=payload["index"], generator=payload["generator"], state=look["state"]
    )
    return {"state": look["state"]}


def _told(error: dict[str, Any] | None, charges: dict[str, Charged], outputs: list[dict[str, Any]]) -> dict[str, Any] | None:
    """The job's error, which tells of the pictures that are missing; of those that came late when none is."""
    made = {str(output["index"]) for output in outputs}
    missing = [charge for index, charge in charges.items() if index not in made]
    return error and {**error, "charged": worst_charge(missing or charges.values())}
