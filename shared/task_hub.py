"""What the task hub says of an orchestration."""

import azure.durable_functions as df
from azure.durable_functions.models.DurableOrchestrationStatus import DurableOrchestrationStatus


class TaskHubUnavailable(Exception):
    """It gave no answer; nothing is known of the instance."""


async def find_instance(client: df.DurableOrchestrationClient, instance_id: str) -> DurableOrchestrationStatus | None:
    """The instance's status, or None where there is none. Raises TaskHubUnavailable, and whatever the client raises.

    The client answers a 500 with a status that is as empty as that of an unknown instance; only of the latter is the body
    empty as well (durable-host reference 3).
    """
    status = await client.get_status(instance_id)
    if status:
        return status
    if getattr(status, "message", None) == "":
        return None
    raise TaskHubUnavailable(instance_id)
