"""Tell waiting orchestrations that they have a slot, and ask the task hub who is still alive."""

import contextlib
from collections.abc import Iterable

import azure.durable_functions as df

from shared.domain.gate import Grant
from shared.task_hub import find_instance

_RUNTIME = df.OrchestrationRuntimeStatus
_ENDED = (_RUNTIME.Completed, _RUNTIME.Failed, _RUNTIME.Terminated, _RUNTIME.Canceled)
#: Dead holders are asked about a few at a time: the next one who comes asks about the rest.
MOST_AT_ONCE = 5


async def tell(client: df.DurableOrchestrationClient, grants: Iterable[Grant]) -> None:
    """Wake those who were given a slot. One who misses it looks at the gate again by itself."""
    for grant in grants:
        with contextlib.suppress(Exception):
            await client.raise_event(grant.instance, grant.event, {})


async def who_lives(client: df.DurableOrchestrationClient, holders: Iterable[str]) -> dict[str, bool]:
    """Whether the orchestration of each holder's job goes on. When the task hub gives no answer, it does."""
    alive = {}
    for holder in list(holders)[:MOST_AT_ONCE]:
        job_id = holder.partition("/")[0]
        try:
            status = await find_instance(client, job_id)
        except Exception:  # noqa: BLE001 - the client raises whatever its HTTP library does
            alive[holder] = True
        else:
            alive[holder] = status is not None and status.runtime_status not in _ENDED
    return alive
