"""Commands that change something: cancel, replay, pause, resume, rotate-key, smoke."""

import asyncio
import contextlib
import hashlib
import io
import time
from collections.abc import Callable
from typing import Any, cast

import azure.durable_functions as df

from clients.python.toonconnect import ApiError
from ops.app_api import problem_text
from ops.failing import FOUND, UNREACHABLE, CannotDo
from ops.report import Report, length, size
from ops.story import ledgers, read_job, watch_goes_on
from ops.surroundings import Surroundings
from ops.task_hub import HubClient
from shared.canceling import wake
from shared.domain.generation import asked_seed
from shared.domain.job import SUCCEEDED, asked_to_cancel, charged, is_deleted, is_terminal, is_watched
from shared.domain.kinds import KINDS
from shared.domain.presets import PRESETS
from shared.intake import INTAKE_SECONDS
from shared.providers.provider import ProviderError
from shared.providers.registry import build_providers
from shared.secrets import VAULT_NAMES, EnvironmentSecrets, Secrets
from shared.services import Services
from shared.starting import revive
from shared.storage.blob_store import Missing
from shared.task_hub import find_instance

_PAUSE_SECONDS = 0.5
#: Metadata of a job may have so many keys (design, section 4).
_METADATA_KEYS = 16
#: Of what was asked for, what a replay asks for again.
AGAIN = (
    "prompt", "preset", "aspect_ratio", "output_format", "safety_tolerance", "seed", "n", "model", "language", "label",
)  # fmt: skip


def cancel(around: Surroundings, job_id: str, seconds: float) -> Report:
    """End a job as its owner's cancel would, whoever owns it. One that is suspended is resumed, one whose orchestration died is
    started again and ends from its records, one that was terminated is closed."""
    app = around.services
    _refuse_ended(read_job(around, job_id))
    document = app.jobs.update(job_id, lambda found: asked_to_cancel(found, app.now()))
    _refuse_ended(document)
    client = HubClient(around.hub)
    starts = document.get("starts", 0)
    document = asyncio.run(_stopped(app, client, document))
    data = {"id": job_id, "status": document["status"], "told": client.told, "resumed": client.resumed}
    if is_terminal(document["status"]):
        text = f"{job_id}: its orchestration was gone, so the job is closed as {document['status']}"
        return Report(data, [text, f"what it owes by its records: charged {charged(document)}"])
    document = _awaited(lambda: app.jobs.read(job_id), seconds) or document
    lines = [f"{job_id}: {document['status']}"]
    if not is_terminal(document["status"]):
        lines = [f"{job_id}: cancel asked for; it ends after its present step. python -m ops explain {job_id}"]
    elif is_watched(document):
        lines.append("the provider could not cancel its prediction: it is watched for up to 15 minutes, and likely charged")
    lines += ["its orchestration had been suspended: it was resumed"] if client.resumed else []
    lines += ["its orchestration had died: it was started again from its records"] if document.get("starts", 0) > starts else []
    return Report({**data, "status": document["status"]}, lines)


async def _stopped(app: Services, client: HubClient, document: dict[str, Any]) -> dict[str, Any]:
    """The job after its story was told; or after it was started again, when it finds the mark; or closed, when nobody will."""
    spoken = cast("df.DurableOrchestrationClient", client)
    status = await find_instance(spoken, document["id"])
    document = await revive(app, spoken, document, status)
    if not is_terminal(document["status"]):
        await wake(spoken, document)
    return document


def _refuse_ended(document: dict[str, Any]) -> None:
    if is_terminal(document["status"]):
        raise CannotDo(f"{document['id']} has ended already: {document['status']}")


def replay(around: Surroundings, job_id: str, *, is_sure: bool, seconds: float) -> Report:
    """A new job from the inputs of one that has ended, by the same POST that the page sends."""
    document = read_job(around, job_id)
    if not is_terminal(document["status"]):
        raise CannotDo(f"{job_id} has not ended ({document['status']}): cancel it first, or wait")
    if is_deleted(document):
        raise CannotDo(f"{job_id} was deleted by its owner: its images are gone")
    risks = _money_at_stake(around, document)
    if risks and not is_sure:
        raise CannotDo(f"{job_id} {'; '.join(risks)}. A replay pays again: add --yes if that is meant")
    kind = KINDS[document["kind"]]
    files = _inputs(around, document)
    fields = form_of(document)
    metadata = dict(document["metadata"])
    if len(metadata) < _METADATA_KEYS:
        metadata["replay_of"] = job_id
    # The same command twice, or after an answer that was lost, finds the job that it made before.
    try:
        job, is_known = around.app.make(kind, {**fields, "metadata": metadata}, files, f"replay-{job_id}")
    except ApiError as error:
        raise CannotDo(f"the app did not take the job: {problem_text(error)}") from None
    new = around.services.jobs.read(job["id"])
    lines = [f"{job_id} was replayed today already as {job['id']}" if is_known else f"{job_id} is replayed as {job['id']}"]
    if is_known:
        lines.append(f"to make yet another picture, replay that one: python -m ops replay {job['id']}")
    else:
        lines.append(f"it costs about {job['usage']['cost_usd']:.2f} USD" + (", simulated" if around.is_simulated else ""))
    if document["input"].get("seed") is not None and "seed" not in fields:
        lines.append("its pictures have seeds that no form can ask for together, so new ones were drawn")
    if new and new["owner"] != document["owner"]:
        lines.append("it belongs to you, not to the owner of the first: send them the picture")
    if seconds and new:
        new = _awaited(lambda: around.services.jobs.read(job["id"]), seconds) or new
        lines.append(f"{job['id']}: {new['status']}")
    return Report({"id": job["id"], "replay_of": job_id, "was_known": is_known, "status": (new or job)["status"]}, lines)


def form_of(document: dict[str, Any]) -> dict[str, Any]:
    """The fields of a form that asks for a job's pictures once more, all that it has but images, metadata, and who is told: the
    new job is the operator's. Of a sheet they have `presets`, and its form is the sheet's."""
    fields = {name: document["input"].get(name) for name in AGAIN} | {"seed": asked_seed(document["input"], document["seeds"])}
    if "presets" in document:
        presets, sheet = document["presets"], document["sheet"]
        ratios = [part["aspect_ratio"] for part in sheet]
        of_presets = [PRESETS[name].aspect_ratio if name in PRESETS else None for name in presets]
        fields |= {"presets": presets, "aspect_ratio": None if ratios == of_presets else ratios[0]}
        del fields["n"], fields["preset"]
    return {name: value for name, value in fields.items() if value not in (None, "")}


def _inputs(around: Surroundings, document: dict[str, Any]) -> dict[str, bytes]:
    """What was prepared of each upload, which is what its job sent: the upload itself has gone with the job's end.

    Raises CannotDo.
    """
    files = {}
    for field in document["images"]:
        name = around.services.sent_images.find(document["id"], field)
        with contextlib.suppress(Missing):
            files[field] = around.services.blobs.get_image(name) if name else b""
        if not files.get(field):
            raise CannotDo(f"the images of {document['id']} are gone, or were refused: only their owner can upload them again")
    return files


def _money_at_stake(around: Surroundings, document: dict[str, Any]) -> list[str]:
    """Why a replay might pay for what has been paid for already."""
    risks = []
    if document["outputs"]:
        risks.append(f"has {len(document['outputs'])} picture(s) that are paid for")
    owed = charged(document)
    if owed != "no" and not document["outputs"]:
        risks.append("was paid for" if owed == "yes" else "may have been paid for")
    if document["status"] != SUCCEEDED and watch_goes_on(document, around.hub.status(document["id"])):
        risks.append("still has a prediction at the provider whose picture may come")
    if any(ledger.is_open for ledger in ledgers(around, document).values()):
        risks.append("has a submit whose answer nobody knows")
    return risks


def pause(around: Surroundings, providers: list[str], reason: str) -> Report:
    """No new jobs for these providers; those that are here go on."""
    for provider in providers:
        around.services.gates.change(provider, lambda gate: gate.pause(reason))
    told = f"{', '.join(providers)}: new jobs get intake_paused (503) within {INTAKE_SECONDS:.0f} seconds; running ones go on"
    return Report({"paused": providers, "reason": reason}, [told, "python -m ops resume takes them in again"])


def resume(around: Surroundings, providers: list[str]) -> Report:
    for provider in providers:
        around.services.gates.change(provider, lambda gate: gate.resume())
    return Report({"resumed": providers}, [f"{', '.join(providers)}: new jobs are taken in again"])


def rotate_key(around: Surroundings, provider: str, value: str, *, is_unchecked: bool, seconds: float) -> Report:
    """A new version of a provider's key in Key Vault: tried at the provider first, then awaited in the app's readiness."""
    settings, key = around.services.settings, value.strip()
    secret = around.services.providers[provider].secret_name
    if not settings.key_vault_uri:
        raise CannotDo(f"KEY_VAULT_URI is not set: there keys come from the environment. Set {secret} and start the app again")
    if not key or not key.isprintable() or " " in key:
        raise CannotDo("no key on standard input, or more than one word: nothing was changed")
    if not is_unchecked:
        _try_key(around, provider, secret, key)
    from azure.core.exceptions import AzureError
    from azure.keyvault.secrets import SecretClient

    client = SecretClient(vault_url=settings.key_vault_uri, credential=around.services.credential())
    try:
        version = client.set_secret(VAULT_NAMES[secret], key, content_type="api key").properties.version
    except AzureError as error:
        # Its text may repeat what was sent.
        reason = f"{type(error).__name__} {getattr(error, 'status_code', None) or ''}".strip()
        raise CannotDo(f"Key Vault did not take the key ({reason}): nothing was changed", UNREACHABLE) from None
    part = f"provider_{provider}"
    check = _awaited_check(around, part, seconds)
    lines = [
        f"{VAULT_NAMES[secret]} has a new version {version}",
        f"readiness says {part}: {check['status']}" + (f" ({check['code']})" if check.get("code") else ""),
        "every instance reads it within 5 minutes, or when the old key is refused: withdraw the old one after that",
    ]
    data = {"secret": VAULT_NAMES[secret], "version": version, "check": check}
    return Report(data, lines, 0 if check["status"] == "ok" else FOUND)


def _try_key(around: Surroundings, provider: str, secret: str, key: str) -> None:
    """Raise CannotDo unless the provider takes the key: a wrong one in the vault would stop everybody."""
    account = build_providers(around.services.settings, Secrets(EnvironmentSecrets({secret: key})))[provider]
    try:
        account.check_account()
    except ProviderError as error:
        if error.problem.code == "provider_quota_exhausted":
            # The key works, its account is empty: readiness will say so.
            return
        raise CannotDo(
            f"{account.label} did not take this key ({error.problem.code}): nothing was changed. "
            "Where the provider itself is away, --unchecked writes it all the same"
        ) from None


def _awaited_check(around: Surroundings, part: str, seconds: float) -> dict[str, Any]:
    ends = time.monotonic() + seconds
    while True:
        check: dict[str, Any] = around.app.readiness()["checks"][part]
        if check["status"] == "ok" or time.monotonic() >= ends:
            return check
        time.sleep(2)


def smoke(around: Surroundings, kind_name: str, *, is_sure: bool, seconds: float) -> Report:
    """One job through everything: made, downloaded by its link, compared with its sha256."""
    kind = KINDS[kind_name]
    generator = around.services.generators_of(kind)[0]
    price = f"about {generator.price_usd(len(kind.images)):.2f} USD at {generator.provider.label}"
    if not around.is_simulated and not is_sure:
        raise CannotDo(f"a smoke job makes a real picture and costs {price}: add --yes if that is meant")
    began = time.monotonic()
    fields = {"prompt": "smoke test: a small blue star", "output_format": "png", "metadata": {"smoke_test": "true"}}
    known: dict[str, Any] = {}
    try:
        job, _ = around.app.make(kind, fields, dict.fromkeys(kind.images, _small_picture()))
        known = {"id": job["id"]}
        job = around.app.waited_for(job, seconds)
    except ApiError as error:
        return Report({"ok": False, **known, "why": problem_text(error)}, [f"FAILED: {problem_text(error)}"], FOUND)
    why = _what_is_wrong(around, job)
    took = time.monotonic() - began
    data = {"ok": not why, "id": job["id"], "status": job["status"], "seconds": round(took, 1), "why": why, "usage": job["usage"]}
    if why:
        return Report(data, [f"FAILED after {length(took)}: {why}", f"python -m ops explain {job['id']}"], FOUND)
    output = job["outputs"][0]
    made = f"{output['width']}x{output['height']} {output['content_type']}, {size(output['bytes'])}"
    cost = "nothing: the providers are simulated" if around.is_simulated else price
    return Report(data, [f"OK after {length(took)}: {job['id']}, {made}, sha256 is right", f"it cost {cost}"])


def _what_is_wrong(around: Surroundings, job: dict[str, Any]) -> str:
    """What keeps a smoke job from being right; empty when nothing does."""
    if job["status"] != SUCCEEDED:
        error = job["error"] or {}
        return f"the job is {job['status']}" + (f": {error.get('code')}: {error.get('detail')}" if error else "")
    output = job["outputs"][0]
    picture = around.app.download(output["url"])
    if picture.status_code != 200:
        return f"its link answered {picture.status_code}"
    if hashlib.sha256(picture.content).hexdigest() != output["sha256"] or len(picture.content) != output["bytes"]:
        return "its link gave other bytes than were stored"
    return ""


def _small_picture() -> bytes:
    """A star on white, as small as providers take."""
    from PIL import Image, ImageDraw

    picture = Image.new("RGB", (256, 256), "white")
    star = [(128, 20), (158, 96), (238, 100), (176, 150), (198, 228), (128, 184), (58, 228), (80, 150), (18, 100), (98, 96)]
    ImageDraw.Draw(picture).polygon(star, fill=(40, 90, 200))
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


def _awaited(read: Callable[[], dict[str, Any] | None], seconds: float) -> dict[str, Any] | None:
    """The document when its job has ended, or as it is after `seconds`."""
    ends = time.monotonic() + seconds
    while True:
        document = read()
        if document is None or is_terminal(document["status"]) or time.monotonic() >= ends:
            return document
        time.sleep(_PAUSE_SECONDS)
