"""What the task hub says of an orchestration."""

from collections.abc import Iterator
from contextlib import contextmanager

import azure.durable_functions as df
from azure.durable_functions.models.DurableOrchestrationStatus import DurableOrchestrationStatus


class TaskHubUnavailable(Exception):
    """It gave no answer; nothing is known of the instance."""


@contextmanager
def asked() -> Iterator[None]:
    """Whatever the client raises, which is what its HTTP library does, is raised as TaskHubUnavailable."""
    try:
        yield
    except Exception as error:
        raise TaskHubUnavailable from error


def reason(error: Exception) -> str:
    """The class of what went wrong, for the log: of a hub that is unavailable, what its client raised."""
    return type(error.__cause__ if isinstance(error, TaskHubUnavailable) and error.__cause__ else error).__name__


async def find_instance(client: df.DurableOrchestrationClient, instance_id: str) -> DurableOrchestrationStatus | None:
    """The instance's status, or None where there is none. Raises TaskHubUnavailable.

    The client answers a 500 with a status that is as empty as that of an unknown instance; only of the latter is the body
    empty as well (durable-host reference 3).
    """
    with asked():
        status = await client.get_status(instance_id)
    if status:
        return status
    if getattr(status, "message", None) == "":
        return None
    raise TaskHubUnavailable
