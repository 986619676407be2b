"""POST /api/jobs/{id}/retry: the pictures that a job has not got, or all of them again, as a new job of the same inputs."""

import hashlib
import secrets
from functools import partial
from typing import Any, Literal

import azure.durable_functions as df
import azure.functions as func
from werkzeug.http import parse_options_header

from shared.domain.generation import SEED_MAX, asked_seed, shown
from shared.domain.job import charged, is_expired, is_terminal
from shared.domain.kinds import KINDS, Kind
from shared.domain.problem import Problem, ProblemError, invalid_fields
from shared.domain.sheet import missing_pictures
from shared.services import Services, services
from shared.storage.blob_store import Missing
from shared.storage.key_store import Fingerprints
from triggers.bodies import read_json_object
from triggers.edge import endpoint, owner, request_id
from triggers.generate import Made, Wish, accept_wish, given_key, needed_side, new_document, take
from triggers.job_view import JobNotFound, is_long_over, own_document
from triggers.jobs import job_id_of
from triggers.upload import Form, inspect_images, read_fields

blueprint = df.Blueprint()

Seeds = Literal["same", "new"]
#: What a document says of all pictures besides what was asked for, where it does: where the images came from and what is poor
#: about the inputs, which are not looked at anew; what became of the prompt; who is told of the end.
_TAKEN_OVER = ("image_sources", "warnings", "translated", "webhook")


@blueprint.function_name("retry_job")
@blueprint.route("jobs/{id}/retry", methods=["POST", "OPTIONS"], auth_level=func.AuthLevel.ANONYMOUS)
@blueprint.durable_client_input(client_name="client")
@endpoint
async def retry_job(req: func.HttpRequest, client) -> func.HttpResponse:  # type: ignore[no-untyped-def]
    """202 with the new job; 404, 409 `job_not_finished` or 410 `inputs_expired` where there is nothing to make it of."""
    return await take(req, client, partial(_accept, req))


def _accept(req: func.HttpRequest) -> tuple[dict[str, Any], bool]:
    app, who, key = services(), owner(req), given_key(req)
    job_id, seeds = job_id_of(req), _seeds(req)
    said = hashlib.sha256(f"retry of {job_id} with seeds: {seeds}".encode()).hexdigest()
    wish = Wish("jobs/retry", partial(Fingerprints, said), partial(_made, app, who, job_id, seeds))
    return accept_wish(app, wish, who, key, request_id(req))


def _made(app: Services, who: str, job_id: str, seeds: Seeds) -> Made:
    """What the new job is made of. Raises ProblemError."""
    source = own_document(app, who, job_id)
    if source is None:
        # As GET tells it: the same before and after the janitor came.
        raise ProblemError(Problem("inputs_expired", charged="unknown")) if is_long_over(app, job_id) else JobNotFound()
    if not is_terminal(source["status"]):
        raise ProblemError(Problem("job_not_finished", charged=charged(source)))
    if is_expired(source, app.now()):
        raise ProblemError(Problem("inputs_expired", charged=charged(source)))
    kind = KINDS[source["kind"]]
    images = _sent_images(app, kind, source)
    # Ours already: what bounds an upload is no matter here.
    form = Form({}, images, references=dict.fromkeys(images, ""))
    facts = inspect_images(form, kind, app.settings, needed_side(app, kind, source["input"].get("model")))
    return Made(_document(app, kind, who, source, seeds), form, facts)


def _sent_images(app: Services, kind: Kind, source: dict[str, Any]) -> dict[str, bytes]:
    """What the former job's pictures were made of, by field: kept as long as its pictures. Raises ProblemError."""
    images: dict[str, bytes] = {}
    for field in kind.images:
        name = source.get("sent", {}).get(field) or _prepared_by_post(source, field) or app.sent_images.find(source["id"], field)
        try:
            if name is None:
                # It was never prepared: the job was canceled or refused before.
                raise Missing(field)
            images[field] = app.blobs.get_image(name)
        except Missing:
            raise ProblemError(Problem("inputs_expired", charged=charged(source))) from None
    return images


def _prepared_by_post(source: dict[str, Any], field: str) -> str | None:
    """Where the image lies that the former job's POST prepared, whatever became of its story."""
    name: str | None = source["images"].get(field) if field in source.get("prepared", {}) else None
    return name


def _document(app: Services, kind: Kind, who: str, source: dict[str, Any], seeds: Seeds) -> dict[str, Any]:
    again = missing_pictures(source) or list(range(len(source["seeds"])))
    # Of a field that the version did not know which made the former job, the default.
    asked = {"preset": None, "label": "none", "model": None, **source["input"], "n": len(again)}
    numbers = [source["seeds"][index] if seeds == "same" else secrets.randbelow(SEED_MAX + 1) for index in again]
    # Who posts what the job says of itself gets these pictures again.
    asked["seed"] = asked_seed(asked, numbers) if seeds == "same" else None
    document = new_document(app, kind, who, asked, numbers, source["metadata"])
    of_each = {name: [source[name][index] for index in again] for name in ("presets", "sheet") if name in source}
    of_all = {name: source[name] for name in _TAKEN_OVER if source.get(name)}
    return document | of_each | of_all | {"retry_of": {"id": source["id"], "indexes": again}}


def _seeds(req: func.HttpRequest) -> Seeds:
    """`seed` of the query, of a form or of a JSON object; `same` without one. Raises ProblemError."""
    fields: dict[str, Any] = {}
    if req.get_body():
        media_type = parse_options_header(req.headers.get("content-type", ""))[0].lower()
        # Also what is told by its suffix (RFC 6839, 3.1).
        is_json = media_type.endswith(("/json", "+json"))
        fields = read_json_object(req, '{"seed": "new"}') if is_json else read_fields(req, {"seed"})
    unknown = [
        (shown(name), "알 수 없는 필드입니다. 지워 주세요.", "Unknown field: remove it.")
        for name in sorted(set(fields) - {"seed"})
    ]
    if unknown:
        raise ProblemError(invalid_fields(*unknown))
    seed = fields.get("seed") or req.params.get("seed") or "same"
    if seed == "same":
        return "same"
    if seed == "new":
        return "new"
    raise ProblemError(invalid_fields(("seed", "same 또는 new여야 합니다.", "Must be same or new.")))
