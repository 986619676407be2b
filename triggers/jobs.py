"""GET a job, its result, and cancel it."""

from datetime import datetime
from typing import Any

import azure.durable_functions as df
import azure.functions as func

from shared import forgetting, telemetry, threads
from shared.canceling import wake
from shared.domain.file_names import content_disposition
from shared.domain.job import FAILED, asked_to_cancel, charged, is_terminal
from shared.domain.problem import Problem, ProblemError, canceled_result, invalid_fields
from shared.job_ids import is_job_id
from shared.services import services
from shared.storage.blob_store import IMAGES, Missing
from triggers.edge import endpoint, json_response, language
from triggers.job_view import Job, find_document, load_job, shown
from triggers.no_route import ROUTES, wrong_method
from triggers.validators import is_known
from triggers.waiting import wait_until_changed

blueprint = df.Blueprint()

MAX_WAIT_SECONDS = 30
_CACHED_SECONDS = 3600
#: What `inline` may be, in any case of letters.
_YES, _NO = {"1", "true"}, {"", "0", "false"}


@blueprint.function_name("get_job")
@blueprint.route("jobs/{id}", methods=["GET", "HEAD", "OPTIONS"], auth_level=func.AuthLevel.ANONYMOUS)
@blueprint.durable_client_input(client_name="client")
@endpoint
async def get_job(req: func.HttpRequest, client) -> func.HttpResponse:  # type: ignore[no-untyped-def]
    """200 with the job while it exists; ?wait=N holds until something changes; 304 for an ETag that still holds."""
    known = req.headers.get("if-none-match")
    job = await wait_until_changed(req, client, job_id_of(req), _wait_seconds(req), known)
    etag = job.etag(language(req))
    services().askers.note(job.document["id"], job.live, goes_on=not job.is_terminal)
    headers = {"ETag": etag, "Cache-Control": "private, no-cache"}
    if not job.is_terminal:
        headers["Retry-After"] = job.retry_after
    if is_known(known, etag):
        return func.HttpResponse(status_code=304, headers=headers)
    return json_response(await shown(req, job), headers=headers)


@blueprint.function_name("get_job_result")
@blueprint.route("jobs/{id}/result", methods=["GET", "HEAD", "OPTIONS"], auth_level=func.AuthLevel.ANONYMOUS)
@blueprint.durable_client_input(client_name="client")
@endpoint
async def get_job_result(req: func.HttpRequest, client) -> func.HttpResponse:  # type: ignore[no-untyped-def]
    """302 to a fresh link, or the bytes themselves: with ?inline=1 (or true), and for a page of another origin, whose browser
    follows a redirect to storage with `Origin: null` (Fetch standard, HTTP-redirect fetch), which storage refuses. ?index= for
    one of several pictures."""
    is_inline = _is_inline(req) or bool(req.headers.get("origin"))
    job = await load_job(req, client, job_id_of(req))
    output = _output(job, req.params.get("index"))
    name = content_disposition(job.document, output)
    if is_inline:
        try:
            data = await threads.run(services().blobs.get_image, output["blob"])
        except Missing:
            raise ProblemError(Problem("result_expired", charged=charged(job.document))) from None
        headers = {"Cache-Control": f"private, max-age={_kept_seconds(job)}", "Content-Disposition": name}
        return func.HttpResponse(data, mimetype=output["content_type"], headers=headers)
    url, _ = await threads.run(services().links.sign, IMAGES, output["blob"], name)
    return func.HttpResponse(status_code=302, headers={"Location": url})


@blueprint.function_name("cancel_job")
@blueprint.route("jobs/{id}/cancel", methods=["POST", "OPTIONS"], auth_level=func.AuthLevel.ANONYMOUS)
@blueprint.durable_client_input(client_name="client")
@endpoint
async def cancel_job(req: func.HttpRequest, client) -> func.HttpResponse:  # type: ignore[no-untyped-def]
    """202 with the job; it is canceled soon after, unless its picture is already paid for and on its way."""
    job = await load_job(req, client, job_id_of(req))
    document = await _request_cancel(client, job)
    if is_terminal(document["status"]):
        raise ProblemError(Problem("job_already_finished", charged=charged(document)))
    return json_response(await shown(req, Job(document, job.live)), 202)


@blueprint.function_name("delete_job")
@blueprint.route("jobs/{id}", methods=["DELETE"], auth_level=func.AuthLevel.ANONYMOUS)
@blueprint.durable_client_input(client_name="client")
@endpoint
async def delete_job(req: func.HttpRequest, client) -> func.HttpResponse:  # type: ignore[no-untyped-def]
    """204: nobody sees the job any more. What of it may still be paid is watched to its end, then nothing of it is left."""
    # Not asking the task hub: also while that is away.
    document = await find_document(req, job_id_of(req))
    await forgetting.begin(services(), client, document["id"])
    telemetry.event("job_deleted", job_id=document["id"])
    return func.HttpResponse(status_code=204)


async def _request_cancel(client: df.DurableOrchestrationClient, job: Job) -> dict[str, Any]:
    """The job's document, marked unless it has ended. The mark stops a submit to come; the event wakes a job that waits."""
    now = services().now()
    document = await threads.run(services().jobs.update, job.document["id"], lambda known: asked_to_cancel(known, now))
    if not is_terminal(document["status"]):
        await wake(client, document)
        telemetry.event("cancel_requested", job_id=document["id"])
    return document


def _output(job: Job, index: str | None) -> dict[str, Any]:
    """The asked-for picture, as soon as it is there; when `index` is None the first one that a finished job has. Raises
    ProblemError: its own, of a picture that failed."""
    document = job.document
    if index is not None and index not in map(str, range(len(document["seeds"]))):
        message = ("index", "그런 번호의 그림이 없습니다.", "There is no picture of this number.", "out_of_range")
        raise ProblemError(invalid_fields(message))
    # A paid picture that came after the job had been canceled or had timed out is kept, and served.
    for output in document["outputs"] if index is None else job.outputs:
        if index is None or str(output["index"]) == index:
            return dict(output)
    failed = next((each for each in job.ended_pictures if str(each["index"]) == index and each["problem"]), None)
    if failed is not None:
        raise ProblemError(Problem.from_payload(failed["problem"]))
    if document["status"] == FAILED and document["error"]:
        raise ProblemError(Problem.from_payload(document["error"]))
    if job.is_terminal:
        raise ProblemError(canceled_result(charged(document)))
    raise ProblemError(Problem("result_not_ready", charged=charged(document)))


def _kept_seconds(job: Job) -> int:
    """How long a browser may keep a picture: not beyond the job's own time, which begins with its end."""
    if job.document["expires_at"] is None:
        return _CACHED_SECONDS
    left = datetime.fromisoformat(job.document["expires_at"]) - services().now()
    return max(0, min(_CACHED_SECONDS, int(left.total_seconds())))


def job_id_of(req: func.HttpRequest) -> str:
    job_id: str = req.route_params["id"]
    if methods := ROUTES.get(f"jobs/{job_id.lower()}"):
        # Another route's word where an id would be: only the method is wrong.
        raise ProblemError(wrong_method(methods))
    if not is_job_id(job_id):
        raise ProblemError(Problem("job_not_found", charged="unknown"))
    return job_id


def _is_inline(req: func.HttpRequest) -> bool:
    text = req.params.get("inline", "").lower()
    if text not in _YES | _NO:
        raise ProblemError(
            invalid_fields(("inline", "1(true) 또는 0(false)이어야 합니다.", "Must be 1 (true) or 0 (false).", "not_a_choice"))
        )
    return text in _YES


def _wait_seconds(req: func.HttpRequest) -> int:
    text = req.params.get("wait", "")
    if not text:
        return 0
    if not (text.isascii() and text.isdigit() and len(text) <= 9 and 1 <= int(text) <= MAX_WAIT_SECONDS):
        raise ProblemError(
            invalid_fields(
                (
                    "wait",
                    f"1에서 {MAX_WAIT_SECONDS} 사이의 정수여야 합니다.",
                    f"Must be a whole number from 1 to {MAX_WAIT_SECONDS}.",
                    "out_of_range",
                )
            )
        )
    return int(text)
