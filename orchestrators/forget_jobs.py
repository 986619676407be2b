"""The janitor: one instance that forgets deleted jobs when their stories have ended, and ends when none is left."""

import azure.durable_functions as df

from orchestrators.steps import Steps, call, timer
from shared import names
from shared.domain import payloads as p

blueprint = df.Blueprint()


@blueprint.orchestration_trigger(context_name="context", orchestration=names.FORGET_JOBS)
def forget_jobs(context: df.DurableOrchestrationContext) -> Steps:
    """Look, forget what has ended, wait; begun anew each time, so that its history stays short."""
    order: p.JanitorOrder = context.get_input()
    look: p.ForgetOrder = {"traceparent": None}
    answer = yield from call(context, names.FORGET_DELETED, look, order["patience"]["lasting"])
    if answer["left"]:
        yield timer(context, order["look_again_seconds"])
        context.continue_as_new(order)
    return {"left": answer["left"]}
