"""Look once at a prediction; when it is ready, download and store its picture in the same step (BFL's links die in 10 min)."""

import hashlib
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import azure.durable_functions as df
from azure.core.exceptions import AzureError

from shared import images, names, provenance, telemetry
from shared.domain.image_kind import EXTENSIONS
from shared.domain.job import GENERATING, STORING
from shared.domain.problem import Problem, ProblemError
from shared.providers.generator import Failed, Generator, Handle, NotFound, ProviderError, Ready, Running, Unusable
from shared.services import Services, services
from shared.storage.job_store import output_name, thumbnail_name

blueprint = df.Blueprint()


@blueprint.activity_trigger(input_name="payload", activity=names.CHECK_PREDICTION)
def check_prediction(payload: dict) -> dict:  # type: ignore[type-arg]  # the worker refuses dict[...]
    with telemetry.step(names.CHECK_PREDICTION, payload):
        return check(services(), payload)


def check(services: Services, payload: dict[str, Any]) -> dict[str, Any]:
    """Payload: `job_id, index, generator, handle, age_seconds, seed, label, preset`.

    Returns one of
    `{"state": "running", "trouble", "after_seconds"}`: the latter where the provider asked for a pause,
    `{"state": "stored", "output", "ready_at"}`,
    `{"state": "unstored", "problem"}`: finished at the provider, but its picture could not be had just now,
    `{"state": "failed", "problem", "resubmits"}`: with how many new predictions are worth a try.
    """
    generator = services.generators[payload["generator"]]
    telemetry.name_prediction(payload["handle"]["id"])
    look = generator.look(Handle.from_payload(payload["handle"]))
    if isinstance(look, NotFound):
        look = Running(trouble="not found")
    if isinstance(look, Unusable):
        look = Failed(look.problem)
    if isinstance(look, Running):
        if look.trouble:
            telemetry.event("poll_trouble", job_id=payload["job_id"], generator=generator.name, trouble=look.trouble)
        return {"state": "running", "trouble": look.trouble, "after_seconds": look.retry_after}
    if isinstance(look, Failed):
        telemetry.event("prediction_failed", job_id=payload["job_id"], generator=generator.name, code=look.problem.code,
                        shape=look.problem.params.get("shape"))  # fmt: skip
        return {"state": "failed", "problem": look.problem.at(GENERATING).to_payload(), "resubmits": look.resubmits}
    ready_at = datetime.now(UTC).isoformat()
    try:
        with telemetry.span("store_picture", **payload):
            output = _store(services, generator, look, payload)
    except (ProviderError, ProblemError, AzureError) as error:
        telemetry.event(
            "result_not_stored",
            job_id=payload["job_id"],
            generator=generator.name,
            reason=type(error).__name__ if isinstance(error, AzureError) else str(error),
        )
        return {"state": "unstored", "problem": _unfetched(error, generator), "ready_at": ready_at}
    return {"state": "stored", "output": output, "ready_at": ready_at}


def _unfetched(error: ProviderError | ProblemError | AzureError, generator: Generator) -> dict[str, Any]:
    """The failure to get or keep a picture that the provider has finished, and so charged for."""
    problem = Problem("internal") if isinstance(error, AzureError) else error.problem
    params = {**problem.params, "provider": generator.label}
    return replace(problem, stage=STORING, charged="yes", params=params).to_payload()


def _store(services: Services, generator: Generator, ready: Ready, payload: dict[str, Any]) -> dict[str, Any]:
    data = generator.download(ready)
    facts, small = images.read_result(data)
    if payload["label"] == "visible":
        data = images.with_visible_label(data)
    data = provenance.with_provenance(data, facts.content_type, f"{generator.label} {generator.model}")
    job_id, index = payload["job_id"], payload["index"]
    blob = output_name(job_id, index, EXTENSIONS[facts.content_type])
    services.blobs.put_image(
        blob, data, facts.content_type,
        {"job_id": job_id, "generator": generator.name, "model": generator.model, "prediction_id": payload["handle"]["id"],
         "seed": str(payload["seed"])},
    )  # fmt: skip
    services.blobs.put_image(thumbnail_name(job_id, index), small.data, small.facts.content_type)
    telemetry.event("stored", job_id=job_id, index=index, generator=generator.name, bytes=len(data))
    return {
        "index": index, "blob": blob, "thumbnail_blob": thumbnail_name(job_id, index), "content_type": facts.content_type,
        "width": facts.width, "height": facts.height, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest(),
        "seed": payload["seed"], "preset": payload["preset"],
    }  # fmt: skip
