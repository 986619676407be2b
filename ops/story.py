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
from shared.domain.job import MAX_STARTS, charged, is_deleted, is_terminal, is_watched
from shared.domain.ledger import Ledger
from shared.domain.problem import Problem
from shared.domain.starting import GOING_ON
from shared.domain.submission import Submission
from shared.job_ids import is_job_id
from shared.storage.blob_store import DOCUMENTS, IMAGES
from shared.storage.image_names import folders


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
    instances = names.instance_ids(job_id, document["input"]["n"], document.get("starts", 0))
    if "webhook" in document:
        instances.append(names.webhook_instance_id(job_id))
    statuses = {instance: around.hub.status(instance, with_history=True) for instance in instances}
    moments = [*_of_document(document, with_prompt=with_prompt), *_of_submissions(_submissions(around, job_id))]
    for instance, status in statuses.items():
        told = list(_of_history(_who(instance), status))
        moments += told if in_full else _without_routine(told)
    moments.sort(key=lambda moment: moment.at)
    places = _places(around, document)
    blobs: list[dict[str, Any]] = [
        {"name": name, "bytes": count, "at": at.isoformat()}
        for folder in folders(job_id)
        for name, count, at in around.services.blobs.sizes(IMAGES, folder)
    ]
    runtime = statuses[job_id]
    pictures, error = _pictures(around, document), _error(document)
    paid = _paid(document, pictures, is_watched=watch_goes_on(document, runtime))
    job = {
        name: document.get(name)
        for name in ("id", "kind", "status", "created_at", "completed_at", "provider", "model", "attempts", "polls", "deleted_at")
    }
    running = {name: status["runtimeStatus"] for name, status in statuses.items() if status}
    data = {
        "job": job, "starts": _starts(document), "orchestrations": running, "live": _live(runtime),
        "story": [{"at": m.at.isoformat(), "who": m.who, "what": m.what, **m.facts} for m in moments],
        "pictures": pictures, "gate": places, "blobs": blobs, "error": error, "paid": paid,
    }  # fmt: skip
    hidden = ", deleted: hidden until its story ends" if is_deleted(document) else ""
    lines = [f"{job_id}: {document['kind']}, {document['status']}{hidden}{_now(runtime, document)}", ""]
    lines += table(("time (UTC)", "after", "who", "what"), _rows(moments, datetime.fromisoformat(document["created_at"])))
    lines += ["", *_picture_lines(pictures)] if pictures else []
    lines += ["", "Gate: " + ("; ".join(_place_text(place) for place in places) or "holds and waits for nothing")]
    lines += ["", "Blobs:", *(f"  {blob['name']}  {size(blob['bytes'])}" for blob in blobs)] if blobs else ["", "Blobs: none"]
    if error:
        again = "yes" if error["retryable"] else "no"
        where = f"stage {error['stage'] or '-'}, charged: {error['charged']}, worth another try: {again}"
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


def ledgers(around: Surroundings, document: dict[str, Any]) -> dict[int, Ledger]:
    """What the sends of each picture owe: as the job's end wrote it, or as the records say while it runs. Empty for an ended job
    of the former version, whose document holds no sends."""
    if is_terminal(document["status"]):
        return {picture["index"]: Ledger.from_payload(picture["sends"] or ()) for picture in document.get("pictures", ())}
    found = {}
    for index in range(document["input"]["n"]):
        ledger = around.services.submissions.ledger(document["id"], index, document["provider"])
        kept = around.services.pictures.find(document["id"], index)
        found[index] = ledger if kept is None else ledger.ended(kept[1], "paid")
    return found


def watch_goes_on(document: dict[str, Any], status: dict[str, Any] | None) -> bool:
    """The job has ended, its orchestration has not: it looks after a prediction that may still be paid for."""
    return is_watched(document) and (status or {}).get("runtimeStatus") in GOING_ON


def _submissions(around: Surroundings, job_id: str) -> dict[str, dict[str, Any]]:
    found = {}
    for name in around.services.blobs.names(DOCUMENTS, f"jobs/{job_id}/submission-"):
        record = around.services.blobs.read_document(name)
        if record:
            found[name.rpartition("/")[2].removesuffix(".json")] = record[0]
    return found


# ---- the parts of the story ----


def _of_document(document: dict[str, Any], *, with_prompt: bool) -> Iterator[Moment]:
    asked = document["input"]
    told = [
        f"n={asked['n']}",
        *(f"{n}={asked[n]}" for n in ("preset", "aspect_ratio", "output_format", "seed", "model") if asked.get(n) is not None),
    ]
    if "presets" in document:
        told.append(f"presets={','.join(document['presets'])}")
    if with_prompt:
        told.append(f"prompt={asked['prompt']!r}")
    replayed = document["metadata"].get("replay_of")
    told += [f"replay of {clean(replayed)}"] if replayed else []
    yield Moment(_time(document["created_at"]), "document", f"accepted: {', '.join(told)}")
    for number, at in enumerate(_restarts(document), 1):
        yield Moment(
            _time(at), "document", f"started again from its records: {number} of at most {MAX_STARTS}", {"start": number}
        )
    if document.get("deleted_at"):
        yield Moment(_time(document["deleted_at"]), "document", "deleted by its owner: hidden from everybody from now on")
    if document["cancel_requested_at"]:
        yield Moment(_time(document["cancel_requested_at"]), "document", "cancel asked for")
    if document["completed_at"]:
        made = len(document["outputs"])
        ended = f"ended: {document['status']}" + (f" with {made} of {asked['n']} pictures" if made else "")
        metrics = document["metrics"] or {}
        spent = ", ".join(f"{name.removesuffix('_ms')} {length(ms / 1000)}" for name, ms in metrics.items() if ms is not None)
        yield Moment(_time(document["completed_at"]), "document", ended + (f" ({spent})" if spent else ""))


def _restarts(document: dict[str, Any]) -> list[str]:
    """When it was started again, as far as it is known: one time only in a document that holds no list."""
    latest = document.get("started_again_at")
    return list(document.get("restarts") or ([latest] if latest else []))


def _starts(document: dict[str, Any]) -> dict[str, Any]:
    return {"again": document.get("starts", 0), "at_most": MAX_STARTS, "at": [document["created_at"], *_restarts(document)]}


def _of_submissions(records: dict[str, dict[str, Any]]) -> Iterator[Moment]:
    for name, record in records.items():
        submission = Submission(record)
        prediction = (record.get("handle") or {}).get("id")
        what = f"sent to {clean(record['generator'])}" if record.get("generator") else "sent"
        what = f"{what}: {', then '.join(submission.sends)}" if submission.sends else "nothing was sent"
        what += _of_state(submission)
        what += f", prediction {clean(prediction)}" if prediction else ""
        what += ", possibly a duplicate" if record["possible_duplicate"] else ""
        facts = {
            "state": submission.state, "generator": record.get("generator"), "sends": submission.sends,
            "possible_duplicate": record["possible_duplicate"],
        }  # fmt: skip
        yield Moment(_time(record["sent_at"]), name, what, facts)


def _of_state(submission: Submission) -> str:
    """What the state of a record adds to what its sends say."""
    problem = submission.document.get("problem") or (submission.document.get("look") or {}).get("problem") or {}
    code = clean(problem.get("code", ""))
    words = {
        "sending": " (on its way, or its host died with it)",
        "lost": " (its answer was lost)",
        "ended": f" ({code})",
        "failed": f", given up: {code}",
        "canceled": ", canceled",
    }
    return words.get(submission.state, "")


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
        elif kind == "SubOrchestrationInstanceFailed":
            yield Moment(at, who, f"a picture's orchestration died: {clean(event.get('Reason') or event.get('Details') or '')}")
        elif kind == "TaskFailed":
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
    state, because = result.get("state"), _because(result)
    if name == names.PREPARE_IMAGE:
        return (f"image refused{because}" if because else "image checked and made ready"), False
    if name == names.SUBMIT_PREDICTION:
        return _submit(result), False
    if name == names.RECORD_PREDICTION:
        is_kept = result.get("recorded")
        return ("prediction put on record" if is_kept else "prediction not put on record: another run sent as well"), False
    if name == names.CHECK_PREDICTION:
        return _look(result), state == "running"
    if name == names.CANCEL_PREDICTION:
        return f"cancel asked of the provider: {state}", False
    if name == names.LEAVE_GATE:
        return "slot given back", False
    if name == names.TELL_JOB:
        return ("the job heard of its end" if result.get("told") else "the job did not wait for its end any more"), False
    if name == names.LOOK_AT_CHILD:
        how = "was terminated from outside" if result.get("was_terminated") else "died, and can be started again"
        return f"a picture's orchestration {how}", False
    if name == names.KEEP_LEFTOVER:
        what = "its picture is kept" if result.get("kept") else "no picture is kept of it"
        return f"prediction that outlived its picture has ended: {what}", False
    if name == names.FINISH_JOB:
        return f"end written: {result.get('status')}", False
    if name == names.TRANSLATE_PROMPT:
        is_decided = state == "decided"
        return (
            "what is sent of the prompt is decided" if is_decided else "the translator gave no answer: it is asked again"
        ), False
    if name == names.SEND_WEBHOOK:
        wait = result.get("wait_seconds")
        return ("its end was told, or will not be" if wait is None else f"its end is told again in {length(wait)}"), False
    if name == names.FORGET_DELETED:
        return f"forgot deleted jobs: {result.get('left')} left", False
    return f"{name} answered", False


def _because(result: dict[str, Any]) -> str:
    code = (result.get("problem") or {}).get("code")
    return f": {code}" if code else ""


def _submit(result: dict[str, Any]) -> str:
    state, because = result.get("state"), _because(result)
    if state == "submitted":
        age = result.get("age_seconds") or 0.0
        earlier = f", {length(age)} ago" if age >= 5 else ""
        unwanted = "" if result.get("is_wanted", True) else ", which nobody wants any more"
        return f"submitted as prediction {clean((result.get('handle') or {}).get('id', ''))}{earlier}{unwanted}"
    if state == "ended":
        look = result.get("look") or {}
        return f"its prediction had ended in an earlier run: {look.get('state')}{_because(look)}"
    if state == "waiting":
        place = f"at place {result['position']}" if result.get("position") else "in line"
        return f"waits for a slot {place}{because}"
    if state == "again":
        after = result.get("after_seconds")
        again = f", again after {after:.0f} s or more" if isinstance(after, int | float) else ""
        is_open = ", nobody knows whether it was sent" if "open" in (result.get("sends") or ()) else ""
        return f"not submitted yet{because}{again}{is_open}"
    said = {"failed": f"no prediction was made{because}", "canceled": "canceled: no prediction is made any more"}
    return said.get(str(state), f"submit {state}{because}")


def _look(result: dict[str, Any]) -> str:
    state, because = result.get("state"), _because(result)
    trouble = f", trouble: {clean(result['trouble'], 80)}" if result.get("trouble") else ""
    output = result.get("output") or {}
    never = ", and never will be" if result.get("is_final") else " just now"
    said = {
        "running": f"looked: still running{trouble}",
        "missing": "looked: the provider does not know it just now",
        "stored": f"picture stored, {output.get('width')}x{output.get('height')}, {size(output.get('bytes') or 0)}",
        "unstored": f"finished and paid for, but its picture is not to be had{never}{because}",
    }
    return said.get(str(state), f"prediction {state}{because}")


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
    for provider in around.services.providers:
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


def _pictures(around: Surroundings, document: dict[str, Any]) -> list[dict[str, Any]]:
    """Each picture with its sends and what they owe."""
    known = {picture["index"]: picture for picture in document.get("pictures", ())}
    told = []
    for index, ledger in ledgers(around, document).items():
        picture = known.get(index, {})
        told.append({
            "index": index, "state": picture.get("state", "under way"), "code": (picture.get("problem") or {}).get("code"),
            "sends": ledger.to_payload(), "charged": ledger.charged, "settled": ledger.is_settled,
            "cost_usd": round(ledger.cost_usd(around.services.prices), 4), "attempts": ledger.attempts,
            "possible_duplicate": ledger.possible_duplicate, "is_watched": picture.get("is_watched", False),
        })  # fmt: skip
    return told


def _picture_lines(pictures: list[dict[str, Any]]) -> list[str]:
    rows = [
        (
            p["index"], p["state"] + (f": {p['code']}" if p["code"] else ""),
            ", ".join(f"{send['attempt']} {send['generator']} {send['state']}" for send in p["sends"]) or "nothing sent",
            p["charged"], "yes" if p["settled"] else "no", "goes on" if p["is_watched"] else "-",
        )
        for p in pictures
    ]  # fmt: skip
    return table(("picture", "state", "sends (attempt, generator, state)", "charged", "settled", "watch"), rows)


def _paid(document: dict[str, Any], pictures: list[dict[str, Any]], *, is_watched: bool) -> dict[str, Any]:
    """What the provider will bill, as far as anybody here can know."""
    has_ended = is_terminal(document["status"])
    cost = document["usage"]["cost_usd"] if has_ended else sum(picture["cost_usd"] for picture in pictures)
    states = Counter(send["state"] for picture in pictures for send in picture["sends"])
    accepted, in_doubt = sum(picture["attempts"] for picture in pictures), states["open"]
    repeated = bool(document["possible_duplicate"] or any(picture["possible_duplicate"] for picture in pictures))
    told = [f"about {cost:.2f} USD for {len(document['outputs'])} picture(s) kept, {accepted} prediction(s) accepted"]
    if not has_ended:
        told = [f"not settled yet: {accepted} prediction(s) accepted by the provider"]
    told += ["a prediction that could not be canceled goes on and will likely be charged"] if is_watched else []
    in_vain = states["may be charged"] + (0 if is_watched or not has_ended else states["accepted"])
    told += [f"{in_vain} prediction(s) without a picture may have been charged as well"] if in_vain else []
    told += [f"{in_doubt} submit(s) without a known answer"] if in_doubt else []
    told += ["one was sent twice and may have been paid twice"] if repeated else []
    return {
        "cost_usd": cost, "accepted": accepted, "in_doubt": in_doubt, "possible_duplicate": repeated,
        "charged": charged(document), "settled": document["usage"].get("settled", has_ended), "text": "; ".join(told),
    }  # fmt: skip


def _live(status: dict[str, Any] | None) -> dict[str, Any]:
    custom = (status or {}).get("customStatus")
    shown = ("stage", "progress", "model", "provider", "attempts", "eta_seconds", "fallback_used", "job_ended")
    return {name: custom[name] for name in shown if name in custom} if isinstance(custom, dict) else {}


def _now(status: dict[str, Any] | None, document: dict[str, Any]) -> str:
    runtime = (status or {}).get("runtimeStatus")
    if not is_terminal(document["status"]):
        if status is None:
            return ", its orchestration is gone"
        return f", orchestration {runtime}, stage {_live(status).get('stage', 'unknown')}"
    if watch_goes_on(document, status):
        return "; its orchestration still watches a prediction that may be paid for"
    if is_watched(document) and "pictures" in document:
        return f"; its watch over a prediction has died (orchestration {runtime or 'gone'})"
    return "" if status else ", its history is gone"


def _rows(moments: Iterable[Moment], began: datetime) -> list[tuple[str, str, str, str]]:
    return [
        (f"{m.at.astimezone(UTC):%H:%M:%S.%f}"[:12], f"+{length((m.at - began).total_seconds())}", m.who, m.what) for m in moments
    ]


def _who(instance: str) -> str:
    _, dash, rest = instance.partition("-")
    index, again, start = rest.partition("-")
    return f"picture {index}{f', again {start}' if again else ''}" if dash else "job"


def _time(text: str) -> datetime:
    """Durable writes seven digits after the point, and Z."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
