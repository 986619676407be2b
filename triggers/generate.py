"""POST /api/{ppl-gen|goods-gen}/generate: check, store, start, answer 202 (or wait for the end)."""

import asyncio
import contextlib
import logging
import re
import secrets
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import azure.durable_functions as df
import azure.functions as func
from azure.core.exceptions import AzureError

from shared import delivering, intake, limits, originals, telemetry, threads
from shared.domain import translation
from shared.domain.fingerprint import meanings
from shared.domain.generation import SEED_MAX, Generation, parse_generation
from shared.domain.image_kind import EXTENSIONS
from shared.domain.job import QUEUED, SUCCEEDED, charged, is_deleted, is_terminal
from shared.domain.kinds import KINDS, Kind
from shared.domain.problem import Problem, ProblemError, broken_settings, invalid_fields, unreadable
from shared.domain.sheet import sheet_of
from shared.generators.generator import Generator
from shared.job_ids import new_job_id
from shared.pictures.facts import ImageFacts, Prepared
from shared.pictures.prepare import prepare_small
from shared.services import Services, services
from shared.starting import ensure_started, generators_for, plan_of
from shared.storage.documents import Busy
from shared.storage.image_names import upload_name
from shared.storage.key_store import Deleted, Fingerprints, InProgress, Known, Reused, Taken, key_name
from triggers.bodies import set_aside, take_back
from triggers.edge import endpoint, job_url, json_response, owner, problem_response, request_id
from triggers.job_view import Job, JobNotFound, shown, view
from triggers.own_pictures import read_pictures
from triggers.upload import Form, inspect_images, read_form
from triggers.waiting import wait_until_ended

blueprint = df.Blueprint()

#: Requests whose images are in memory at once; the others wait a moment, so that a rush does not end in a dead host.
accepting = asyncio.Semaphore(4)
MAX_WAIT_SECONDS = 200
SYNC_WAIT_SECONDS = 200
KEY_HEADER = "Idempotency-Key"
KEY_MAX_CHARACTERS = 255
_KEY = re.compile(rf"[ -~]{{0,{KEY_MAX_CHARACTERS}}}")
_BAD_KEY = unreadable(
    f"Idempotency-Key는 {KEY_MAX_CHARACTERS}자까지의 ASCII 문자여야 합니다. UUID 같은 값을 새로 만들어 보내 주세요.",
    f"The Idempotency-Key must have at most {KEY_MAX_CHARACTERS} printable ASCII characters. Send one like a UUID.",
)


def _serve(kind: Kind) -> Any:
    """The route of a kind."""

    async def handler(req: func.HttpRequest, client) -> func.HttpResponse:  # type: ignore[no-untyped-def]
        return await generate(req, client, kind)

    # What its requests are called in a trace.
    handler.__name__ = f"generate_{kind.name}"
    served = blueprint.durable_client_input(client_name="client")(endpoint(handler))
    served = blueprint.route(f"{kind.route}/generate", methods=["POST", "OPTIONS"], auth_level=func.AuthLevel.ANONYMOUS)(served)
    return blueprint.function_name(handler.__name__)(served)


BY_KIND = {kind.name: _serve(kind) for kind in KINDS.values()}


async def generate(req: func.HttpRequest, client: df.DurableOrchestrationClient, kind: Kind) -> func.HttpResponse:
    """Start a job, or answer with the one that the same Idempotency-Key started before."""
    return await take(req, client, partial(_accept, req, kind), is_synchronous=services().settings.sync_responses)


async def take(
    req: func.HttpRequest,
    client: df.DurableOrchestrationClient,
    accepted: Callable[[], tuple[dict[str, Any], bool]],
    *,
    is_synchronous: bool = False,
) -> func.HttpResponse:
    """Start the job that is `accepted` (its document, and whether it was there before), and answer. `is_synchronous`: as the
    FastAPI services answered."""
    async with _turn(req):
        document, replayed = await threads.run(accepted)
    telemetry.event("job_accepted", job_id=document["id"], kind=document["kind"], request_id=request_id(req), replayed=replayed)
    headers = {"Location": job_url(req, document["id"]), **({"Idempotent-Replayed": "true"} if replayed else {})}
    # Terminal is terminal, whatever the hub has forgotten of it.
    if not is_terminal(document["status"]):
        document = await ensure_started(services(), client, document, is_new=not replayed)
    try:
        if is_synchronous:
            return await _synchronous(req, client, document["id"], headers)
        return await _answer(req, client, document, headers, waits=replayed)
    except JobNotFound:  # deleted while this waited for it
        return problem_response(req, Problem("job_not_found", charged="unknown"), headers)
    except Exception as error:  # noqa: BLE001 - the job exists and may be paid for: nothing that goes wrong now says otherwise
        reason = repr(type(error))
        telemetry.event("answer_failed", logging.WARNING, job_id=document["id"], request_id=request_id(req), reason=reason)
        if is_synchronous or is_terminal(document["status"]):
            problem = Problem("result_not_ready", charged=charged(document), retryable=False)
            return problem_response(req, problem, headers)
        job = Job(document)
        return json_response(view(req, job), 202, {**headers, "Retry-After": job.retry_after})


@contextlib.asynccontextmanager
async def _turn(req: func.HttpRequest) -> AsyncIterator[None]:
    """One of the places of `accepting`. The body of who has to wait for it lies in a file meanwhile."""
    aside = await threads.run(set_aside, req) if accepting.locked() else None
    try:
        async with accepting:
            if aside is not None:
                await threads.run(take_back, req, aside)
            yield
    finally:
        if aside is not None:
            aside.close()


async def _answer(
    req: func.HttpRequest,
    client: df.DurableOrchestrationClient,
    document: dict[str, Any],
    headers: dict[str, str],
    *,
    waits: bool,
) -> func.HttpResponse:
    """202 with the job, or 200 when it ended within the time that the caller is ready to wait."""
    job, status = Job(document), 202
    seconds = _preferred_wait(req)
    if seconds or waits:
        job = await wait_until_ended(req, client, document["id"], seconds)
        status = 200 if job.is_terminal else 202
        headers = headers | ({"Preference-Applied": f"wait={seconds}"} if seconds else {})
    body = await shown(req, job)
    return json_response(body, status, headers | ({"Retry-After": job.retry_after} if status == 202 else {}))


def _accept(req: func.HttpRequest, kind: Kind) -> tuple[dict[str, Any], bool]:
    app = services()
    who, key = owner(req), given_key(req)
    return accept(app, kind, who, key, read_form(req, kind, app.settings.max_upload_bytes), request_id(req))


class Made(NamedTuple):
    """What a job is made of: its document, and the images of a form with what they are."""

    document: dict[str, Any]
    form: Form
    facts: dict[str, ImageFacts]


class Wish(NamedTuple):
    """A request for a job, as far as it is known without looking at what it names."""

    #: What an Idempotency-Key counts for, beside its owner.
    route: str
    #: What tells the request from others. Asked for where there is a key alone: it reads all of its images.
    request: Callable[[], Fingerprints]
    #: Raises ProblemError.
    made: Callable[[], Made]


def accept(
    app: Services,
    kind: Kind,
    who: str,
    key: str,
    form: Form,
    asked_as: str,
    *,
    parse: Callable[..., Generation] = parse_generation,
    route: str | None = None,
    **more: Any,
) -> tuple[dict[str, Any], bool]:
    """As accept_wish, of a form, however it came; `parse` reads its fields, and the document gets what else (`more`) is to be
    kept of it. Raises ProblemError."""
    default_label = "visible" if app.settings.ai_label == "visible" else "none"
    asked = parse(
        kind, form.fields, form.images, default_label=default_label, mistakes=form.mistakes,
        webhook_hosts=app.settings.webhook_extra_hosts,
    )  # fmt: skip

    def made() -> Made:
        whole = replace(form, files={**form.files, **read_pictures(app, who, form.references)})
        facts = inspect_images(whole, kind, app.settings, needed_side(app, kind, asked.model))
        sources = {"image_sources": form.references} if form.references else {}
        return Made(_document(app, kind, asked, who) | sources | more, whole, facts)

    def request() -> Fingerprints:
        return Fingerprints(form.spelling(), meanings(asked, form.image_digests, _only_model(app, kind)))

    return accept_wish(app, Wish(route or kind.route, request, made), who, key, asked_as)


def accept_wish(app: Services, wish: Wish, who: str, key: str, asked_as: str) -> tuple[dict[str, Any], bool]:
    """Check everything that is cheap, then store inputs and document: (document, whether it was there before). `asked_as`: what
    the request is known by in the log.

    Raises ProblemError; a job that cannot succeed leaves nothing behind.
    """
    name = key_name(who, wish.route, key) if key else ""
    try:
        made = wish.made()
    except ProblemError:
        # A repeated one was taken under the bounds of its day, and may be paid for. The key of a new one stays free.
        claim = app.keys.look(name, wish.request()) if key else None
        if claim is None:
            raise
        return _known(claim, who), True
    document, form, facts = made.document | {"request_id": asked_as}, made.form, made.facts
    kind = KINDS[document["kind"]]
    if not key:
        return _create(app, kind, document, form, facts, None), False
    # Before anything else can refuse the request: the job of a repeated one may be paid for already.
    document["key"] = name
    taken = app.keys.take(name, wish.request(), document["id"])
    if not isinstance(taken, Taken):
        return _known(taken, who), True
    mine = document | {"id": taken.job_id}
    try:
        created = _create(app, kind, mine, form, facts, taken)
    except Exception as error:
        # Who may have left something, or does not know, says something else than no.
        is_refused = isinstance(error, ProblemError) and error.problem.charged == "no"
        app.keys.give_back(name, taken, is_refused=is_refused)
        raise
    if app.keys.is_of_deleted_job(name):
        # It stood still for so long that its job was made by another POST, and deleted.
        app.index.remove(created)
        app.jobs.delete(taken.job_id)
        limits.withdraw(app, created)
        raise ProblemError(Problem("job_deleted", charged="unknown"))
    # One POST had the key for so long that another took over, and both got here: one of them made the job.
    return created, created["created_at"] != mine["created_at"]


def job_of(app: Services, kind: Kind, who: str, key: str) -> dict[str, Any] | None:
    """The job that a key of a form stands for, whatever was asked for; None where it is free. Raises ProblemError."""
    claim = app.keys.look(key_name(who, kind.route, key), None)
    return None if claim is None else _known(claim, who)


def _only_model(app: Services, kind: Kind) -> str | None:
    """Where a kind offers one model: to name it and to leave it out come to the same, as there is no other to fall back on."""
    known = app.generators_of(kind)
    return known[0].name if len(known) == 1 else None


def given_key(req: func.HttpRequest) -> str:
    """The request's Idempotency-Key, empty when it has none. Raises ProblemError."""
    key: str = req.headers.get(KEY_HEADER.lower(), "").strip(" \t")
    if not _KEY.fullmatch(key):
        raise ProblemError(_BAD_KEY)
    return key


def _known(claim: Known | InProgress | Reused | Deleted, who: str) -> dict[str, Any]:
    """The job that a key stands for. Raises ProblemError."""
    if isinstance(claim, Reused):
        raise ProblemError(Problem("idempotency_key_reused"))
    if isinstance(claim, Deleted):
        raise ProblemError(Problem("job_deleted", charged="unknown"))
    if isinstance(claim, InProgress):
        # By now its job may be there, and may be paid for.
        raise ProblemError(Problem("idempotency_in_progress", charged="unknown"))
    if is_deleted(claim.job):
        raise ProblemError(Problem("job_deleted", charged=charged(claim.job)))
    if claim.job["owner"] != who:
        # Claimed meanwhile, by whoever knew its id.
        raise ProblemError(Problem("job_not_found", charged="unknown"))
    return claim.job


def _create(
    app: Services, kind: Kind, document: dict[str, Any], form: Form, facts: dict[str, ImageFacts], taken: Taken | None
) -> dict[str, Any]:
    """Store a job that may begin, or find it where another POST with its key has. Raises ProblemError when it may not begin."""
    if "webhook" in document:
        delivering.require(app, document["owner"])
    _require_settings(app, kind)
    generators = _taken_in(app, kind, _asked_for(app, kind, document["input"]["model"]))
    document = document | _made_by(app, kind, generators, document["input"]["n"])
    job_id = document["id"]
    document = document | limits.accounts_of(app, document["owner"])
    try:
        limits.admit(app, document)
    except AzureError:
        # It may have been counted all the same.
        with contextlib.suppress(Busy, AzureError):
            if _is_alone(app, document, taken):
                limits.withdraw(app, document)
        raise
    small = _prepared_at_once(form, facts) if "retry_of" not in document else {}
    # Of this POST alone, so that neither of two with one key can remove, or write anew, what the other's job is made of.
    post = taken.holder if taken else ""
    document = document | {"images": _image_names(app, document, facts, small, post)}
    if small:
        document["prepared"] = {field: image.warnings_about(field) for field, image in small.items()}
    try:
        for field, name in document["images"].items():
            if field in small:
                app.sent_images.keep(job_id, field, small[field], post)
            else:
                app.uploads.keep(name, form.files[field], facts[field].content_type)
        if "webhook" in document:
            # First what leads back to it, whatever version of the app ends the job.
            app.deliveries.expect(job_id)
        app.index.add(document)
        app.jobs.create(document)
    except Exception as error:
        known = _found_or_undone(app, document, taken, error)
        if known is None:
            raise
        if is_terminal(known["status"]):
            with contextlib.suppress(Busy, AzureError):
                limits.overtaken(app, document, known)
        return known
    return document


def _prepared_at_once(form: Form, facts: dict[str, ImageFacts]) -> dict[str, Prepared]:
    """Small images, as what providers get: their uploads need not be kept. Whatever cannot be prepared goes the usual way, where
    the job's own step tells why."""
    found: dict[str, Prepared] = {}
    for field, known in facts.items():
        with contextlib.suppress(Exception):
            if (prepared := prepare_small(form.files[field], known)) is not None:
                found[field] = prepared
    return found


def _image_names(
    app: Services, document: dict[str, Any], facts: dict[str, ImageFacts], small: dict[str, Prepared], post: str
) -> dict[str, str]:
    """Where each is stored, as it came or prepared."""
    job_id = document["id"]
    is_prepared = "retry_of" in document
    return {
        field: app.sent_images.name(job_id, field, small[field], post)
        if field in small
        else upload_name(job_id, field, EXTENSIONS[known.content_type], post, is_prepared=is_prepared)
        for field, known in facts.items()
    }


def _is_alone(app: Services, document: dict[str, Any], taken: Taken | None) -> bool:
    """Whether no other POST can be making this job: without a key, or while the key is this one's."""
    return taken is None or app.keys.hold(document["key"], taken)


def _found_or_undone(app: Services, document: dict[str, Any], taken: Taken | None, error: Exception) -> dict[str, Any] | None:
    """The job, where its document is there after all: its write was answered with an error, or another POST with the same key
    made it, and somebody may have started it. None when nothing of it is left. Raises ProblemError when neither is known, or
    when the other POST is still at it."""
    try:
        known = app.jobs.read(document["id"])
        is_alone = known is not None or _is_alone(app, document, taken)
        if known is None and is_alone:
            app.index.remove(document)
            # What was prepared of them too: nobody else can be making this job.
            app.uploads.delete(document["images"].values())
            limits.withdraw(app, document)
        elif known is None or known["created_at"] != document["created_at"]:
            # The other one's has a place of its own in the list.
            app.index.remove(document)
    except Exception:  # noqa: BLE001 - storage is away, however it says so
        raise ProblemError(Problem("internal", charged="unknown")) from error
    if not is_alone or (known and known["images"] != document["images"]):
        originals.take_back(app, document)
    if not is_alone:
        raise ProblemError(Problem("idempotency_in_progress", charged="unknown")) from error
    return known


def _require_settings(app: Services, kind: Kind) -> None:
    """Raises ProblemError that names the broken settings a job of this kind needs; /api/health/ready says what is wrong."""
    used = {generator.provider.name for generator in app.generators_of(kind)}
    # A provider's settings, the translator's and the queue's begin with their names.
    unused = {*app.providers, "translator", "intake"} - used
    others = {other.models_setting for other in KINDS.values()} - {kind.models_setting}
    broken = sorted(name for name in app.setting_problems if name.split("_")[0].lower() not in unused and name not in others)
    if broken:
        telemetry.event("settings_broken", names=broken)
        raise ProblemError(broken_settings(*broken))


def _asked_for(app: Services, kind: Kind, model: str | None) -> list[Generator]:
    """Raises ProblemError that lists the kind's models."""
    found = generators_for(app, kind.name, model)
    if found:
        return found
    known = ", ".join(generator.name for generator in app.generators_of(kind))
    raise ProblemError(invalid_fields(("model", f"다음 중 하나여야 합니다: {known}", f"Must be one of: {known}", "not_a_choice")))


def needed_side(app: Services, kind: Kind, model: str | None) -> int:
    """Of the generators that may make the picture; a model that nobody knows is refused later."""
    return max((generator.min_side_px for generator in generators_for(app, kind.name, model)), default=0)


def _taken_in(app: Services, kind: Kind, generators: list[Generator]) -> list[Generator]:
    """Those whose providers take jobs in: with another one to go to, a job is welcome as long as one of them works. Raises
    ProblemError."""
    refused = {g.provider.name: problem for g in generators if (problem := intake.refusal(app, g.provider))}
    willing = [generator for generator in generators if generator.provider.name not in refused]
    if not willing:
        problem = refused[generators[0].provider.name]
        telemetry.event("job_refused", kind=kind.name, code=problem.code)
        raise ProblemError(problem)
    willing[0].provider.require_key()
    return willing


def _made_by(app: Services, kind: Kind, generators: list[Generator], pictures: int) -> dict[str, Any]:
    """Who makes a job, and what it is expected to cost."""
    first = generators[0]
    cost = round(first.price_usd(len(kind.images)) * pictures, 4)
    return {
        "provider": first.provider.name, "model": first.name, "plan": plan_of(app, generators),
        "usage": {"cost_usd": cost, "estimated": True, "settled": False},
    }  # fmt: skip


def _document(app: Services, kind: Kind, asked: Generation, who: str) -> dict[str, Any]:
    # Without a seed of the user's each picture gets its own here: it is told with the output, and it tells a lost
    # prediction from all others.
    seeds = [
        (asked.seed + i) % (SEED_MAX + 1) if asked.seed is not None else secrets.randbelow(SEED_MAX + 1) for i in range(asked.n)
    ]
    told = {
        "prompt": asked.prompt, "prompt_sent": asked.prompt_sent, "preset": asked.preset, "aspect_ratio": asked.aspect_ratio,
        "output_format": asked.output_format, "safety_tolerance": asked.safety_tolerance, "seed": asked.seed, "n": asked.n,
        "label": asked.label, "model": asked.model, "language": asked.language,
    }  # fmt: skip
    if asked.presets:
        # The version before knows no sheet, and would make the same picture n times. Where the ratio is missing it sends nothing.
        del told["aspect_ratio"]
    told_at_the_end = {"webhook": {"url": asked.webhook_url}} if asked.webhook_url else {}
    more = sheet_of(asked) | told_at_the_end | _translation(app, asked)
    return new_document(app, kind, who, told, seeds, asked.metadata) | more


def new_document(
    app: Services, kind: Kind, who: str, asked: dict[str, Any], seeds: list[int], metadata: dict[str, Any]
) -> dict[str, Any]:
    """A job's that is not yet begun, without what it is made of."""
    return {
        "id": new_job_id(), "kind": kind.name, "owner": who, "status": QUEUED,
        "created_at": app.now().isoformat(), "started_at": None, "completed_at": None, "expires_at": None,
        "input": asked,
        "seeds": seeds, "images": {}, "outputs": [], "error": None, "attempts": 0, "polls": 0,
        "fallback_used": False, "possible_duplicate": False, "metadata": metadata, "metrics": None,
        "cancel_requested_at": None, "deleted_at": None, "starts": 0, "sample": app.settings.is_sandbox,
    }  # fmt: skip


def _translation(app: Services, asked: Generation) -> dict[str, Any]:
    """What the document says of the prompt's translation. Of a prompt that needs none nobody asks for a translator's key."""
    is_wanted = translation.is_to_be_translated(asked.prompt, asked.language)
    return translation.asked(asked.prompt, asked.language, is_configured=is_wanted and app.translator.is_configured)


async def _synchronous(
    req: func.HttpRequest, client: df.DurableOrchestrationClient, job_id: str, headers: dict[str, str]
) -> func.HttpResponse:
    """As the FastAPI services answered: the image's bytes, or a problem."""
    job = await wait_until_ended(req, client, job_id, SYNC_WAIT_SECONDS)
    document = job.document
    if document["status"] == SUCCEEDED:
        output = document["outputs"][0]
        data = await threads.run(services().blobs.get_image, output["blob"])
        return func.HttpResponse(data, mimetype=output["content_type"], headers=headers)
    if document["error"]:
        return problem_response(req, Problem.from_payload(document["error"]), headers)
    # To send it again would be another job: this one goes on, and Location says where.
    return problem_response(req, Problem("result_not_ready", charged=charged(document), retryable=False), headers)


def _preferred_wait(req: func.HttpRequest) -> int:
    """Seconds of `Prefer: wait=N` (RFC 7240), 0 without one; N above the limit is the limit."""
    found = re.search(r"(?:^|[,;\s])wait\s*=\s*\"?(\d{1,9})", req.headers.get("prefer", ""), re.IGNORECASE)
    return min(int(found.group(1)), MAX_WAIT_SECONDS) if found else 0
