"""The end of a job, told to the address that its owner named: try, wait, try again, for hours. No job waits for it."""

import azure.durable_functions as df

from orchestrators.steps import Steps, call, timer
from orchestrators.versions import refuse_other_stories
from shared import names
from shared.domain import payloads as p

blueprint = df.Blueprint()


@blueprint.orchestration_trigger(context_name="context", orchestration=names.DELIVER_WEBHOOK)
def deliver_webhook(context: df.DurableOrchestrationContext) -> Steps:
    """How often, and when, stands in the job's document: a story that is told again goes on where the document is."""
    refuse_other_stories(context)
    order: p.DeliverOrder = context.get_input()
    tell: p.SendOrder = {"job_id": order["job_id"], "traceparent": order["traceparent"]}
    while True:
        answer = yield from call(context, names.SEND_WEBHOOK, tell, order["patience"])
        if answer["wait_seconds"] is None:
            return {}
        yield timer(context, answer["wait_seconds"])
