"""Every hour: forget orchestrations whose jobs are past their retention, and say how many jobs seem to be stuck."""

import logging
from datetime import UTC, datetime, timedelta
from typing import Any

import azure.durable_functions as df
import azure.functions as func

from shared import telemetry
from shared.services import services

blueprint = df.Blueprint()

_RUNTIME = df.OrchestrationRuntimeStatus
_ENDED = [_RUNTIME.Completed, _RUNTIME.Failed, _RUNTIME.Terminated, _RUNTIME.Canceled]
_GOING_ON = [_RUNTIME.Running, _RUNTIME.Pending, _RUNTIME.Suspended]
#: Longer than the queue's and the generation's deadlines and the watch over leftovers take together.
STUCK_AFTER = timedelta(minutes=45)
#: Before the first job there was.
_BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)


@blueprint.function_name("housekeeping")
@blueprint.timer_trigger(arg_name="timer", schedule="0 17 * * * *")
@blueprint.durable_client_input(client_name="client")
async def housekeeping(timer: func.TimerRequest, client) -> None:  # type: ignore[no-untyped-def]
    await tidy(client, datetime.now(UTC))


async def tidy(client: df.DurableOrchestrationClient, now: datetime) -> None:
    """The engine never removes the history of what has ended; images and documents go by the storage account's own rules."""
    oldest_kept = now - timedelta(days=services().settings.retention_days)
    purged: Any = await client.purge_instance_history_by(_BEGINNING, oldest_kept, _ENDED)
    # One page of at most 100: more than none is what matters.
    stuck = await client.get_status_by(_BEGINNING, now - STUCK_AFTER, _GOING_ON)
    telemetry.event("housekeeping", logging.WARNING if stuck else logging.INFO, purged=purged.instances_deleted, stuck=len(stuck))
