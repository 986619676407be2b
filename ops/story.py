"""One job's whole story in the order in which it happened: `explain`."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import groupby, pairwise
from typing import Any

from ops.failing import CannotDo
from ops.report import Report, clean, length, size, table
from ops.surroundings import Surroundings
from shared import names
from shared.domain.gate import holder_name
from shared.domain.job import is_terminal
from shared.domain.problem import Problem
from shared.job_ids import is_job_id
from shared.storage.blob_store import DOCUMENTS, IMAGES


@dataclass(frozen=True)
class Moment:
    """Something that happened. `what` is a sentence, `facts` are for programs; neither holds links, keys or prompts."""

    at: datetime
    who: str
    what: str
    facts: dict[str, Any] = field(default_factory=dict)
    #: A look at a prediction that still ran, or a wait between two: told together unless all is asked for.
    is_routine: bool = False


def explain(around: Surroundings, job_id: str, *, with_prompt: bool = False, in_full: bool = False) -> Report:
    document = read_job(around, job_id)
    pictures = document["input"]["n"]
    instances = dict.fromkeys([job_id, *(names.picture_instance_id(job_id, index, pictures) for index in range(pictures))])
    statuses = {instance: around.hub.status(instance, with_history=True) for instance in instances}
    submissions = dict(_submissions(around, job_id))
    moments = [*_of_document(document, with_prompt=with_prompt), *_of_submissions(submissions)]
    for instance, status in statuses.items():
        told = list(_of_history(_who(instance), status))
        moments += told if in_full else _without_routine(told)
    moments.sort(key=lambda moment: moment.at)
    places = _places(around, document)
    blobs: list[dict[str, Any]] = [
        {"name": name.removeprefix(f"{job_id}/"), "bytes": count, "at": at.isoformat()}
        for name, count, at in around.services.blobs.sizes(IMAGES, f"{job_id}/")
    ]
    runtime = statuses[job_id]
    error, paid = _error(document), _paid(document, submissions, is_watched=_is_watched(document, runtime))
    job = {
        name: document[name] for name in ("id", "kind", "status", "created_at", "completed_at", "provider", "attempts", "polls")
    }
    running = {name: status["runtimeStatus"] for name, status in statuses.items() if status}
    data = {
        "job": job, "orchestrations": running, "live": _live(runtime),
        "story": [{"at": m.at.isoformat(), "who": m.who, "what": m.what, **m.facts} for m in moments],
        "gate": places, "blobs": blobs, "error": error, "paid": paid,
    }  # fmt: skip
    lines = [f"{job_id}: {document['kind']}, {document['status']}{_now(runtime, document)}", ""]
    lines += table(("time (UTC)", "after", "who", "what"), _rows(moments, datetime.fromisoformat(document["created_at"])))
    lines += ["", "Gate: " + ("; ".join(_place_text(place) for place in places) or "holds and waits for nothing")]
    lines += ["", "Blobs:", *(f"  {blob['name']}  {size(blob['bytes'])}" for blob in blobs)] if blobs else ["", "Blobs: none"]
    if error:
        again = "yes" if error["retryable"] else "no"
        where = f"stage {error['stage']}, charged: {error['charged']}, worth another try: {again}"
        lines += ["", f"Error: {error['code']} ({error['status']}), {where}", f"  {error['ko']}", f"  {error['en']}"]
    return Report(data, [*lines, "", f"Paid: {paid['text']}"])


def read_job(around: Surroundings, job_id: str) -> dict[str, Any]:
    """The job's document. Raises CannotDo."""
    if not is_job_id(job_id):
        raise CannotDo(f"{clean(job_id, 60)!r} is no id of a job: job_ and 26 letters and digits")
    document = around.services.jobs.read(job_id)
    if document is None:
        raise CannotDo(f"there is no job {job_id}: it was deleted, its retention time has passed, or it is another deployment's")
    return document


def read_submissions(around: Surroundings, job_id: str) -> dict[str, dict[str, Any]]:
    return dict(_submissions(around, job_id))


def _submissions(around: Surroundings, job_id: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for name in around.services.blobs.names(DOCUMENTS, f"jobs/{job_id}/submission-"):
        found = around.services.blobs.read_document(name)
        if found:
            yield name.rpartition("/")[2].removesuffix(".json"), found[0]


# ---- the parts of the story ----


def _of_document(document: dict[str, Any], *, with_prompt: bool) -> Iterator[Moment]:
    asked = document["input"]
    told = [
        f"n={asked['n']}",
        *(f"{n}={asked[n]}" for n in ("preset", "aspect_ratio", "output_format", "seed") if asked[n] is not None),
    ]
    if with_prompt:
        told.append(f"prompt={asked['prompt']!r}")
    replayed = document["metadata"].get("replay_of")
    told += [f"replay of {clean(replayed)}"] if replayed else []
    yield Moment(_time(document["created_at"]), "document", f"accepted: {', '.join(told)}")
    if document["cancel_requested_at"]:
        yield Moment(_time(document["cancel_requested_at"]), "document", "cancel asked for")
    if document["completed_at"]:
        made = len(document["outputs"])
        ended = f"ended: {document['status']}" + (f" with {made} of {asked['n']} pictures" if made else "")
        metrics = document["metrics"] or {}
        spent = ", ".join(f"{name.removesuffix('_ms')} {length(ms / 1000)}" for name, ms in metrics.items() if ms is not None)
        yield Moment(_time(document["completed_at"]), "document", ended + (f" ({spent})" if spent else ""))


def _of_submissions(records: dict[str, dict[str, Any]]) -> Iterator[Moment]:
    words = {
        "sending": "on its way, or its host died with it",
        "lost": "sent, its answer was lost",
        "refused": "refused: nothing was made",
        "submitted": "accepted by the provider",
    }
    for name, record in records.items():
        prediction = (record.get("handle") or {}).get("id")
        what = f"{words.get(record['state'], clean(record['state']))}, sent {record['sends']} time(s)"
        what += f", prediction {clean(prediction)}" if prediction else ""
        what += ", possibly a duplicate" if record["possible_duplicate"] else ""
        facts = {"state": record["state"], "sends": record["sends"], "possible_duplicate": record["possible_duplicate"]}
        yield Moment(_time(record["sent_at"]), name, what, facts)


def _of_history(who: str, status: dict[str, Any] | None) -> Iterator[Moment]:
    for event in (status or {}).get("historyEvents") or ():
        kind, at = event["EventType"], _time(event["Timestamp"])
        if kind == "TaskCompleted":
            took = (at - _time(event["ScheduledTime"])).total_seconds() if event.get("ScheduledTime") else None
            result = event.get("Result")
            what, is_routine = _activity(str(event.get("FunctionName")), result if isinstance(result, dict) else {})
            facts = {"activity": event.get("FunctionName"), "seconds": took}
            if isinstance(result, dict) and result.get("trouble"):
                facts["trouble"] = clean(result["trouble"], 80)
            yield Moment(at, who, what + (f" ({length(took)})" if took is not None else ""), facts, is_routine)
        elif kind in ("TaskFailed", "SubOrchestrationInstanceFailed"):
            reason = clean(event.get("Reason") or event.get("Details") or "")
            yield Moment(at, who, f"{event.get('FunctionName')} raised: {reason}", {"activity": event.get("FunctionName")})
        elif kind in ("TaskScheduled", "SubOrchestrationInstanceCreated"):
            name = event.get("Name") or event.get("FunctionName")
            yield Moment(at, who, f"{name} was asked for and has not answered", {"activity": name})
        elif kind == "TimerFired":
            yield Moment(at, who, "a timer fired", {}, is_routine=True)
        elif kind == "EventRaised":
            yield Moment(at, who, f"was told: {clean(event.get('Name'), 60)}", {"event": event.get("Name")})
        elif kind == "ExecutionStarted":
            yield Moment(at, who, "orchestration started")
        elif kind == "SubOrchestrationInstanceCompleted":
            yield Moment(at, who, "a picture's orchestration ended")
        elif kind in ("ExecutionTerminated", "ExecutionSuspended", "ExecutionResumed"):
            reason = clean(event.get("Reason") or event.get("Input") or "no reason given")
            yield Moment(at, who, f"{kind.removeprefix('Execution').lower()} from outside: {reason}")
        elif kind == "ExecutionCompleted":
            yield Moment(at, who, f"orchestration ended: {event.get('OrchestrationStatus')}")


def _activity(name: str, result: dict[str, Any]) -> tuple[str, bool]:
    """(what an activity's answer says, whether that is routine). Only words that we gave it are repeated."""
    problem = result.get("problem") or {}
    state, code = result.get("state"), problem.get("code")
    because = f": {code}" if code else ""
    if name == names.PREPARE_IMAGE:
        return (f"image refused{because}" if problem else "image checked and made ready"), False
    if name == names.ENTER_GATE:
        at = f" at place {result.get('position')}" if state == "waiting" else ""
        return {"granted": "slot given", "waiting": f"waits for a slot{at}"}.get(str(state), f"no slot to be had{because}"), False
    if name == names.SUBMIT_PREDICTION:
        prediction = clean((result.get("handle") or {}).get("id", ""))
        after = result.get("after_seconds")
        again = f", again after {after:.0f} s or more" if isinstance(after, int | float) else ""
        said = {"submitted": f"submitted as prediction {prediction}", "wait": f"not submitted yet{because}{again}"}
        return said.get(str(state), f"submit {state}{because}"), False
    if name == names.CHECK_PREDICTION:
        trouble = f", trouble: {clean(result['trouble'], 80)}" if result.get("trouble") else ""
        output = result.get("output") or {}
        stored = f"picture stored, {output.get('width')}x{output.get('height')}, {size(output.get('bytes') or 0)}"
        said = {
            "running": f"looked: still running{trouble}",
            "stored": stored,
            "unstored": f"finished, but not to be had{because}",
        }
        return said.get(str(state), f"prediction {state}{because}"), state == "running"
    if name == names.CANCEL_PREDICTION:
        return f"cancel asked of the provider: {state}", False
    if name == names.LEAVE_GATE:
        return "slot given back", False
    if name == names.KEEP_LEFTOVER:
        return f"prediction that outlived the job: {state}", False
    if name == names.FINISH_JOB:
        return f"end written: {result.get('status')}", False
    return f"{name} answered", False


def _without_routine(moments: list[Moment]) -> list[Moment]:
    """One history, with runs of looks and timers told as one; the timers of a wait that was no polling vanish."""
    told: list[Moment] = []
    for is_routine, run in groupby(moments, key=lambda moment: moment.is_routine):
        if not is_routine:
            told += run
            continue
        looks = [moment for moment in run if moment.facts]
        if len(looks) < 2:
            told += looks
            continue
        gaps = [(later.at - earlier.at).total_seconds() for earlier, later in pairwise(looks)]
        troubles = Counter(look.facts["trouble"] for look in looks if look.facts.get("trouble"))
        what = f"looked {len(looks)} times, every {length(min(gaps))} to {length(max(gaps))}: still running"
        what += "".join(f", {times} times trouble: {trouble}" for trouble, times in troubles.items())
        told.append(Moment(looks[-1].at, looks[0].who, what, {"looks": len(looks), "troubles": dict(troubles)}))
    return told


# ---- how it stands ----


def _places(around: Surroundings, document: dict[str, Any]) -> list[dict[str, Any]]:
    found = []
    for provider in around.services.generators:
        gate = around.services.gates.look(provider)
        for index in range(document["input"]["n"]):
            holder = holder_name(document["id"], index)
            position = gate.position(holder)
            if holder in gate.document["active"] or position:
                found.append({"provider": provider, "index": index, "position": position})
    return found


def _place_text(place: dict[str, Any]) -> str:
    where = f"waits at place {place['position']}" if place["position"] else "has a slot"
    return f"picture {place['index']} {where} of {place['provider']}"


def _error(document: dict[str, Any]) -> dict[str, Any] | None:
    if not document["error"]:
        return None
    problem = Problem.from_payload(document["error"])
    told = {language: problem.to_document(language)["detail"] for language in ("ko", "en")}
    return {
        "code": problem.code, "status": problem.status, "stage": problem.stage, "charged": problem.charged,
        "retryable": problem.is_retryable, "params": {k: clean(v) for k, v in problem.params.items()}, **told,
    }  # fmt: skip


def _paid(document: dict[str, Any], submissions: dict[str, dict[str, Any]], *, is_watched: bool) -> dict[str, Any]:
    """What the provider will bill, as far as anybody here can know."""
    cost = document["usage"]["cost_usd"] if is_terminal(document["status"]) else 0.0
    accepted = sum(record["state"] == "submitted" for record in submissions.values())
    in_doubt = sum(record["state"] in ("sending", "lost") for record in submissions.values())
    repeated = any(record["possible_duplicate"] for record in submissions.values())
    charged = (document["error"] or {}).get("charged")
    told = [f"about {cost:.2f} USD for {len(document['outputs'])} picture(s) kept, {accepted} prediction(s) accepted"]
    if not is_terminal(document["status"]):
        told = [f"not settled yet: {accepted} prediction(s) accepted by the provider"]
    told += ["a prediction that could not be canceled goes on and will likely be charged"] if is_watched else []
    told += ["its failure may have been charged as well"] if charged == "unknown" else []
    told += [f"{in_doubt} submit(s) without a known answer"] if in_doubt else []
    told += ["one was sent twice and may have been paid twice"] if repeated else []
    return {
        "cost_usd": cost, "accepted": accepted, "in_doubt": in_doubt, "possible_duplicate": repeated, "charged": charged,
        "text": "; ".join(told),
    }  # fmt: skip


def _live(status: dict[str, Any] | None) -> dict[str, Any]:
    custom = (status or {}).get("customStatus")
    shown = ("stage", "progress", "provider", "attempts", "eta_seconds", "fallback_used", "job_ended")
    return {name: custom[name] for name in shown if name in custom} if isinstance(custom, dict) else {}


def _is_watched(document: dict[str, Any], status: dict[str, Any] | None) -> bool:
    """The job has ended, its orchestration has not: it looks after predictions that could not be canceled."""
    return is_terminal(document["status"]) and (status or {}).get("runtimeStatus") == "Running"


def _now(status: dict[str, Any] | None, document: dict[str, Any]) -> str:
    if status is None:
        return ", its orchestration is gone" if not is_terminal(document["status"]) else ", its history is gone"
    if is_terminal(document["status"]):
        return (
            "; its orchestration still watches a prediction that could not be canceled" if _is_watched(document, status) else ""
        )
    return f", orchestration {status['runtimeStatus']}, stage {_live(status).get('stage', 'unknown')}"


def _rows(moments: Iterable[Moment], began: datetime) -> list[tuple[str, str, str, str]]:
    return [
        (f"{m.at.astimezone(UTC):%H:%M:%S.%f}"[:12], f"+{length((m.at - began).total_seconds())}", m.who, m.what) for m in moments
    ]


def _who(instance: str) -> str:
    _, dash, index = instance.partition("-")
    return f"picture {index}" if dash else "job"


def _time(text: str) -> datetime:
    """Durable writes seven digits after the point, and Z."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
