"""Look once at a prediction; when it is ready, download and store its picture in the same step (BFL's links die in 10 min)."""

import asyncio
import hashlib
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Literal

import azure.durable_functions as df
from azure.core.exceptions import AzureError

from shared import names, provenance, slots, telemetry, threads
from shared.domain import payloads as p
from shared.domain.job import GENERATING, STORING, is_deleted
from shared.domain.ledger import ENDINGS
from shared.domain.problem import Problem, ProblemData, ProblemError
from shared.generators.generator import Generator
from shared.pictures.results import read_result, with_visible_label
from shared.providers.provider import Failed, Handle, NotFound, ProviderError, Ready, Running, Unusable
from shared.services import Services, services
from shared.storage.blob_store import Conflict
from shared.storage.documents import Busy
from shared.storage.picture_store import output_names
from shared.storage.submission_store import Attempt

blueprint = df.Blueprint()

#: A look that is stored this soon after it was asked for has its story still waiting.
ANSWERED_WITHIN = timedelta(seconds=10)


@blueprint.activity_trigger(input_name="payload", activity=names.CHECK_PREDICTION)
@blueprint.durable_client_input(client_name="client")
async def check_prediction(payload: dict, client) -> dict:  # type: ignore[type-arg,no-untyped-def]  # the worker refuses dict[...]
    with telemetry.step(names.CHECK_PREDICTION, payload):
        return await check(services(), client, payload)  # type: ignore[arg-type,return-value]


async def check(services: Services, client: df.DurableOrchestrationClient, payload: p.CheckOrder) -> p.LookAnswer:
    """The prediction as it is now. The first look that shows it finished gives its slot back, whatever becomes of its picture."""
    generator = services.generator_for(payload)
    telemetry.name_prediction(payload["handle"]["id"])
    look = await threads.run(generator.provider.look, Handle.from_payload(payload["handle"]))
    if isinstance(look, Running):
        if look.trouble:
            telemetry.event("poll_trouble", job_id=payload["job_id"], generator=generator.name, trouble=look.trouble)
        return {"state": "running", "trouble": look.trouble, "after_seconds": look.retry_after}
    if isinstance(look, NotFound):
        telemetry.event("poll_trouble", job_id=payload["job_id"], generator=generator.name, trouble="not found")
        unknown = Problem("provider_unavailable", charged="unknown", params={"provider": generator.provider.label})
        return {"state": "missing", "problem": unknown.at(GENERATING).to_payload()}
    has_failed = isinstance(look, Failed) and look.problem.code == "provider_unavailable"
    took = _took_seconds(services.now(), payload, look.ended_at if isinstance(look, Ready) else None)
    leaving = asyncio.create_task(_leave_gate(services, client, payload, "failed" if has_failed else "ok", took))
    if isinstance(look, Failed):
        return await threads.run(_failed, services, payload, look, await leaving)
    # Side by side: who waits for the slot does not wait for the picture, nor the other way round.
    try:
        answer = await threads.run(_finished, services, payload, look)
    finally:
        left_gate = await leaving
    answer["left_gate"] = left_gate
    return answer


def _took_seconds(now: datetime, payload: p.CheckOrder, ended_at: datetime | None) -> float | None:
    """From the submit until the end; None in a story of the version before, which does not tell when that was."""
    if "submitted_at" not in payload:
        return None
    since = (now - datetime.fromisoformat(payload["submitted_at"])).total_seconds()
    return since - late_seconds(now, payload["ran_at"], ended_at)


def late_seconds(now: datetime, ran_at: str | None, ended_at: datetime | None) -> float:
    """How long a prediction that is seen to have ended `now` probably had by then: as its provider says, but not longer than
    since it was seen to run, as clocks differ; else half of that time. Where nothing is known it was not late."""
    since = None if ran_at is None else max(0.0, (now - datetime.fromisoformat(ran_at)).total_seconds())
    if ended_at is None:
        return 0.0 if since is None else since / 2
    said = max(0.0, (now - ended_at).total_seconds())
    return said if since is None else min(said, since)


async def _leave_gate(
    services: Services,
    client: df.DurableOrchestrationClient,
    payload: p.CheckOrder,
    outcome: Literal["ok", "failed"],
    took: float | None,
) -> bool:
    """Whether the slot was given back. If not now, then later: a picture is not lost for that."""
    try:
        await slots.give_back(services, client, payload, outcome, took)
    except (AzureError, Busy):
        return False
    return True


def _failed(services: Services, payload: p.CheckOrder, look: Failed, left_gate: bool) -> p.LookFailed | p.Unstored:
    """The end is put on record, since the provider forgets what a story that is told again would ask."""
    _tell_failure(payload, look.problem)
    answer: p.LookFailed = {
        "state": "failed", "problem": look.problem.at(GENERATING).to_payload(), "resubmits": look.resubmits,
        "left_gate": left_gate,
    }  # fmt: skip
    record = services.submissions.find(Attempt.of(payload))
    if record is not None and record.submission.was_ready:
        return _was_ready(services, payload, left_gate)
    if record is not None and record.submission.state == "submitted":
        try:
            services.submissions.change(record, record.submission.ended(answer, ENDINGS[look.problem.charged]))
        except Conflict:
            # Another look has written the same.
            pass
    return answer


def _was_ready(services: Services, payload: p.CheckOrder, left_gate: bool) -> p.Unstored:
    """A prediction that an earlier look saw ready: paid for, whatever its provider says of it now."""
    label, ready_at = services.generator_for(payload).provider.label, services.now().isoformat()
    problem = Problem("provider_bad_response", charged="yes", params={"provider": label}).at(STORING)
    return {"state": "unstored", "problem": problem.to_payload(), "ready_at": ready_at, "is_final": True, "left_gate": left_gate}


def _note_ready(services: Services, payload: p.CheckOrder) -> None:
    """Put on record that the prediction is paid for, so that a story that is told again does not order it anew."""
    try:
        record = services.submissions.find(Attempt.of(payload))
        if record is not None and record.submission.state == "submitted" and not record.submission.was_ready:
            services.submissions.change(record, record.submission.ready())
    except (AzureError, Conflict):
        # The next look notes it, or there is a picture by then.
        return


def _tell_failure(payload: p.CheckOrder, problem: Problem) -> None:
    """`shape`: of an answer that nobody could read."""
    telemetry.event(
        "prediction_failed", job_id=payload["job_id"], generator=payload["generator"], code=problem.code,
        shape=problem.params.get("shape"),
    )  # fmt: skip


def _finished(services: Services, payload: p.CheckOrder, look: Ready | Unusable) -> p.Stored | p.Unstored:
    """The picture, or why there is none; of the gate it knows nothing."""
    generator = services.generator_for(payload)
    ready_at = services.now().isoformat()
    try:
        if isinstance(look, Unusable):
            _tell_failure(payload, look.problem)
            raise ProviderError(look.problem, is_final=True, note="nothing to fetch")
        with telemetry.span("store_picture", **payload):
            output = _store(services, generator, look, payload)
    except (ProviderError, ProblemError, AzureError) as error:
        reason = type(error).__name__ if isinstance(error, AzureError) else str(error)
        telemetry.event("result_not_stored", job_id=payload["job_id"], generator=generator.name, reason=reason)
        _note_ready(services, payload)
        # What is no picture will not become one.
        is_final = isinstance(error, ProblemError) or (isinstance(error, ProviderError) and error.is_final)
        return {
            "state": "unstored", "problem": _unfetched(error, generator), "ready_at": ready_at, "is_final": is_final,
            "left_gate": False,
        }  # fmt: skip
    return {"state": "stored", "output": output, "ready_at": ready_at, "left_gate": False}


def _unfetched(error: ProviderError | ProblemError | AzureError, generator: Generator) -> ProblemData:
    """The failure to get or keep a picture that the provider has finished, and so charged for."""
    if isinstance(error, ProviderError) and not error.is_final:
        problem = error.problem
    else:
        problem = Problem("internal" if isinstance(error, AzureError) else "provider_bad_response")
    params = {**problem.params, "provider": generator.provider.label}
    return replace(problem, stage=STORING, charged="yes", params=params).to_payload()


def _store(services: Services, generator: Generator, ready: Ready, payload: p.CheckOrder) -> p.Output:
    data = generator.provider.download(ready)
    is_sample = services.settings.is_sandbox
    tool = provenance.tool(generator.provider.label, generator.name, is_sample=is_sample)
    label = ""
    if is_sample:
        label = "SAMPLE"
    elif payload["label"] == "visible":
        label = provenance.VISIBLE_LABEL
    facts, small = read_result(data, label)
    if label:
        data = with_visible_label(data, label)
    data = provenance.without_words(data, facts.content_type)
    data = provenance.with_provenance(data, facts.content_type, tool, is_sample=is_sample)
    job_id, index = payload["job_id"], payload["index"]
    blob, thumbnail_blob = output_names(job_id, index, facts.content_type)
    output: p.Output = {
        "index": index, "blob": blob, "thumbnail_blob": thumbnail_blob, "content_type": facts.content_type,
        "width": facts.width, "height": facts.height, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest(),
        "seed": payload["seed"], "preset": payload["preset"],
    }  # fmt: skip
    services.pictures.keep(job_id, output, payload["attempt"], data, small)
    asked = datetime.fromisoformat(payload["asked_at"])
    if not payload["is_followed"] or services.now() - asked > ANSWERED_WITHIN:
        document = services.jobs.read(job_id)
        if document is None or is_deleted(document):
            # Deleted before or meanwhile: paid for, but nobody's any more.
            services.pictures.forget(job_id)
    telemetry.event("stored", job_id=job_id, index=index, generator=generator.name, bytes=len(data))
    return output
