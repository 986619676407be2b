"""Write how a job ended. A terminal status never changes, so running this twice changes nothing."""

from datetime import UTC, datetime, timedelta
from typing import Any

import azure.durable_functions as df

from shared import names, telemetry
from shared.services import Services, services
from shared.storage.job_store import NoSuchJob

blueprint = df.Blueprint()


@blueprint.activity_trigger(input_name="payload", activity=names.FINISH_JOB)
def finish_job(payload: dict) -> dict:  # type: ignore[type-arg]  # the worker refuses dict[...]
    with telemetry.step(names.FINISH_JOB, payload):
        return finish(services(), payload)


def finish(services: Services, payload: dict[str, Any]) -> dict[str, Any]:
    """Payload: `job_id, status, outputs, problem, charges` (of the pictures that failed, by index), `pictures_charged, progress,
    attempts, polls, possible_duplicate, generator, fallback_used, started_at, submitted_at, ready_at`.

    Returns `{"status"}` as it stands in the document. A job that was deleted meanwhile is `canceled`.
    """
    completed_at = datetime.now(UTC)
    generator = services.generators[payload["generator"]]
    cost = round(generator.cost_usd * payload["pictures_charged"], 4)

    def ended(document: dict[str, Any]) -> dict[str, Any]:
        return document | {
            "status": payload["status"],
            "outputs": payload["outputs"],
            "error": payload["problem"],
            "charges": payload["charges"],
            "progress": payload["progress"],
            "attempts": payload["attempts"],
            "possible_duplicate": payload["possible_duplicate"],
            "started_at": payload["started_at"],
            "completed_at": completed_at.isoformat(),
            "expires_at": (completed_at + timedelta(days=services.settings.retention_days)).isoformat(),
            "provider": generator.name,
            "model": generator.model,
            "fallback_used": payload["fallback_used"],
            "polls": payload["polls"],
            "settled_cost_usd": cost,
            "usage": {"cost_usd": cost, "estimated": True},
            "metrics": _metrics(document["created_at"], payload, completed_at),
        }

    try:
        document, _ = services.jobs.end(payload["job_id"], ended)
    except NoSuchJob:
        return {"status": "canceled"}
    services.quotas.release(document["owner"], document["id"])
    telemetry.job_ended(document, payload["polls"])
    return {"status": document["status"]}


def _metrics(created_at: str, payload: dict[str, Any], completed_at: datetime) -> dict[str, int | None]:
    """Milliseconds until the submit, at the provider (as polling saw it), and the rest, which is ours."""
    created = datetime.fromisoformat(created_at)
    submitted, ready = (datetime.fromisoformat(t) if t else None for t in (payload["submitted_at"], payload["ready_at"]))
    whole = _ms(completed_at - created)
    queue = _ms(submitted - created) if submitted else whole
    provider = _ms((ready or completed_at) - submitted) if submitted else 0
    return {"queue_ms": queue, "provider_ms": provider, "overhead_ms": max(0, whole - queue - provider)}


def _ms(length: timedelta) -> int:
    return max(0, round(length.total_seconds() * 1000))
