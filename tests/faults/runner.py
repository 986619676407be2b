"""Plays cases on real stacks and compares what came of each with what the simulator saw and billed."""

import email.utils
import json
import re
import tempfile
import threading
import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import requests
from azure.core.exceptions import ResourceNotFoundError
from azure.storage.blob import BlobServiceClient

from tests import pictures
from tests.faults.case import CODES, DATE_IN, LABELS, STRANGER, Case
from tests.patience import PATIENCE
from tests.stack import Stack

PRICE = 0.08
PROVIDERS = {"ppl": "replicate", "goods": "bfl"}
#: Long enough for the grace of BFL's "Task not found" (10 s), short enough for a run of minutes.
SETTINGS = {
    "GENERATION_TIMEOUT_SECONDS": "12", "QUEUE_TIMEOUT_SECONDS": "13",
    # It would look at gates that the runner takes away meanwhile.
    "AzureWebJobs.housekeeping.Disabled": "true",
}  # fmt: skip
GROUPS: dict[str, dict[str, str]] = {
    "plain": {},
    "patient": {"GENERATION_TIMEOUT_SECONDS": "60"},
    "webhooks": {"PUBLIC_BASE_URL": "@own"},
    "fallback": {"PPL_FALLBACK": "bfl", "PROVIDER_DOWN": "fail"},
    "patient fallback": {"PPL_FALLBACK": "bfl", "PROVIDER_DOWN": "fail", "GENERATION_TIMEOUT_SECONDS": "60"},
}
_STARTING = threading.Lock()
#: So long a slot is waited for that a picture holds which has outlived its job and may be paid: for up to a quarter of an hour.
#: Then another stack is the quicker one.
_LEFTOVER_SECONDS = 20.0
_API_PATH = re.compile(r"/(replicate|bfl)/v1/")
_CREATE_PATH = re.compile(r"/replicate/v1/models/.*/predictions|/bfl/v1/flux-.*")
_POLL_PATH = re.compile(r"/replicate/v1/predictions/[a-z0-9]+|/bfl/v1/get_result")


@dataclass
class Outcome:
    """What came of a case; `wrong` holds each difference as a sentence."""

    case: Case
    status: str = "-"
    code: str = "-"
    charged: str = "-"
    submits: int = 0
    seconds: float = 0.0
    wrong: list[str] = field(default_factory=list)


@dataclass
class Report:
    outcomes: list[Outcome] = field(default_factory=list)
    #: Requests that carried a key, and those of them (or any to the stranger) that went where no key belongs.
    keyed: int = 0
    strays: list[str] = field(default_factory=list)

    @property
    def wrong(self) -> list[Outcome]:
        return [outcome for outcome in self.outcomes if outcome.wrong]


def run(cases: list[Case], workers: int = 7) -> Report:
    """All cases on `workers` stacks at a time. A stack has the settings of a group; its cases follow one another."""
    waiting = {group: deque(case for case in cases if case.group == group) for group in GROUPS}
    report = Report()
    with _stranger() as stranger, ThreadPoolExecutor(workers) as pool:
        # Small groups first: whoever is done with one helps with the plain cases.
        order = [group for group in ("fallback", "patient fallback", "webhooks", "patient", "plain") if waiting[group]]
        stages = [
            pool.submit(_play_groups, [*order[worker:], *order[:worker]], waiting, stranger.url) for worker in range(workers)
        ]
        for done in [part for stage in stages for part in stage.result()]:
            report.outcomes += done.outcomes
            report.keyed += done.keyed
            report.strays += done.strays
        report.strays += [f"{path} of a stranger" for path in stranger.asked]
    places = {case.name: place for place, case in enumerate(cases)}
    report.outcomes.sort(key=lambda outcome: places[outcome.case.name])
    return report


def _play_groups(groups: list[str], waiting: dict[str, deque[Case]], stranger: str) -> list[Report]:
    done = []
    for group in groups:
        while waiting[group]:
            done.append(_Stage(group, stranger).play(waiting[group]))
    return done


class _Stage:
    """One stack, on which cases are played: until none is left, or one has left something behind."""

    def __init__(self, group: str, stranger: str) -> None:
        self._group = group
        self._stranger = stranger
        self._image = pictures.photo_jpeg(300, 300)
        self.report = Report()

    def play(self, cases: deque[Case]) -> Report:
        """The first and all that follow. Other stages may take from the same ones."""
        with tempfile.TemporaryDirectory() as folder:
            stack = Stack(Path(folder))
            own = {name: stack.url if value == "@own" else value for name, value in GROUPS[self._group].items()}
            stack.settings = {**SETTINGS, **own}
            with ExitStack() as running:
                # One after another: all at once, each would wait for all.
                with _STARTING:
                    running.enter_context(stack)
                self._stack = stack
                service = BlobServiceClient.from_connection_string(stack.connection_string)
                self._documents = service.get_container_client("documents")
                self._make_fresh()
                goes_on = True
                while goes_on:
                    try:
                        outcome = self._played(cases.popleft())
                    except IndexError:
                        break
                    self.report.outcomes.append(outcome)
                    goes_on = self._is_fresh_after(outcome)
        return self.report

    def _is_fresh_after(self, outcome: Outcome) -> bool:
        """Whether another case may be played here. What keeps it from that, and should not, is told of this one."""
        try:
            self._note_requests()
            self._stack.reset()
            # Predictions that outlive their jobs are gone now. Their watchers find that out before they meet another's faults;
            # but one that may still come at a provider that cannot stop it is looked for ever more rarely.
            may_be_left = outcome.status == "canceled" or outcome.charged == "unknown"
            ends = time.monotonic() + (_LEFTOVER_SECONDS if may_be_left else PATIENCE)
            while any(self._gate(name).get("active") for name in LABELS):
                if time.monotonic() > ends:
                    if not may_be_left:
                        outcome.wrong.append(f"slots that nobody lets go of: {[self._gate(name) for name in LABELS]}")
                    return False
                time.sleep(0.3)
            self._make_fresh()
        except Exception as error:  # noqa: BLE001 - the others are still to be played
            outcome.wrong.append(f"after it {type(error).__name__}: {str(error)[:500]}")
            return False
        return True

    def _played(self, case: Case) -> Outcome:
        outcome, began = Outcome(case), time.monotonic()
        try:
            self._play(case, outcome)
        except Exception as error:  # noqa: BLE001 - the others are still to be played
            outcome.wrong.append(f"{type(error).__name__}: {str(error)[:500]}")
        outcome.seconds = time.monotonic() - began
        return outcome

    # ---- before ----

    def _make_fresh(self) -> None:
        """Gates and breakers as if nothing had been."""
        for name in LABELS:
            try:
                self._documents.delete_blob(f"gates/{name}.json")
            except ResourceNotFoundError:
                pass
        self._stack.configure(**{name: {"delay_seconds": 1} for name in LABELS})

    def _gate(self, provider: str) -> dict[str, Any]:
        try:
            return dict(json.loads(self._documents.download_blob(f"gates/{provider}.json").readall()))
        except ResourceNotFoundError:
            return {}

    def _note_requests(self) -> None:
        """Who was given a key. The simulators forget it at each reset."""
        for request in self._requests():
            self.report.keyed += request["key"]
            if request["key"] and not _API_PATH.match(request["path"]):
                self.report.strays.append(request["path"])

    # ---- the case ----

    def _play(self, case: Case, outcome: Outcome) -> None:
        if case.failures_before:
            self._fail_before(case.provider, case.failures_before)
        other = "bfl" if case.provider == "replicate" else "replicate"
        self._stack.configure(**{case.provider: self._filled(case.config), other: self._filled(case.other)})
        logged = len(self._stack.log)
        created = self._post(case.provider)
        if created.status_code != 202:
            outcome.wrong.append(f"POST answered {created.status_code} {created.text[:200]}")
            return
        job = created.json()
        if case.cancel_at:
            self._cancel(job, case.cancel_at)
        job = self._stack.ended(job["id"])
        if case.most_seconds is not None and (seconds := job["metrics"]["provider_ms"] / 1000) > case.most_seconds:
            outcome.wrong.append(f"its end was known after {seconds:.1f} s, at most {case.most_seconds} s")
        if case.heals:
            self._stack.configure(**{case.provider: {"faults": []}})
        if case.is_kept_later:
            self._expect(outcome, "outputs at the end", len(job["outputs"]), 0)
            self._wait(lambda: self._stack.job(job["id"])["outputs"], "a picture after the end")
            job = self._stack.job(job["id"])
        if case.next_post:
            refused = self._post(case.provider)
            self._expect(outcome, "next POST", (refused.status_code, refused.json().get("code")), (503, case.next_post))
        if case.logged and case.logged not in self._stack.log[logged:]:
            outcome.wrong.append(f"{case.logged} is not in the log")
        self._compare(case, other, job, outcome)

    def _post(self, provider: str) -> requests.Response:
        # One shape and seed, so that all cases draw the same picture.
        fields = {"aspect_ratio": "1:1", "seed": 7}
        if provider == "replicate":
            return self._stack.ppl(self._image, self._image, **fields)
        return self._stack.goods(self._image, **fields)

    def _fail_before(self, provider: str, failures: int) -> None:
        """So many jobs that the provider fails, which its breaker counts."""
        self._stack.configure(**{provider: {"outcome": "error_E4875", "start_seconds": 0.1, "delay_seconds": 0.2}})
        # Replicate's code is never tried again; each of BFL's jobs fails three times, where the machine is quick enough for that.
        jobs = failures if provider == "replicate" else -(-failures // 3)
        for job in [self._post(provider).json()["id"] for _ in range(jobs)]:
            self._stack.ended(job)
        while 0 < self._gate(provider).get("failures", 0) < failures:
            self._stack.ended(self._post(provider).json()["id"])
        self._wait(lambda: self._gate(provider).get("failures", 0) >= failures, "failures that are counted")
        self._note_requests()
        self._stack.reset()
        self._stack.configure(**{name: {"delay_seconds": 1} for name in LABELS})

    def _cancel(self, job: dict[str, Any], stage: str) -> None:
        if stage == "sent":
            # The create has arrived, its answer has not.
            self._wait(lambda: self._stack.stats(PROVIDERS[job["kind"]])["create_requests"] > 0, "a create that arrives")
        else:
            self._wait(lambda: self._stack.job(job["id"])["stage"] == stage, f"stage {stage}")
        requests.post(job["urls"]["cancel"], timeout=PATIENCE).raise_for_status()

    # ---- after ----

    def _compare(self, case: Case, other: str, job: dict[str, Any], outcome: Outcome) -> None:
        stats, others = self._stack.stats(case.provider), self._stack.stats(other)
        error = job["error"] or {}
        outcome.status, outcome.submits = job["status"], stats["submits"] + others["submits"]
        outcome.code, outcome.charged = error.get("code", "-"), error.get("charged", "-")

        def expect(what: str, found: Any, wanted: Any) -> None:
            self._expect(outcome, what, found, wanted)

        expect("status", job["status"], case.status)
        expect("code", error.get("code"), case.code)
        expect("charged", error.get("charged"), case.charged)
        expect("submits", stats["submits"], case.submits)
        expect(f"submits at {other}", others["submits"], case.other_submits)
        expect("possible_duplicate", job["possible_duplicate"], case.possible_duplicate)
        expect("fallback_used", job["fallback_used"], case.fallback_used)
        expect("provider", job["provider"], other if case.fallback_used else case.provider)
        expect("cancels", stats["cancels"], case.cancels)
        if case.asked is not None:
            expect("creates asked for", stats["create_requests"], case.asked)
        if case.retryable is not None:
            expect("retryable", error.get("retryable"), case.retryable)
        if case.stage is not None:
            expect("stage of the error", error.get("stage"), case.stage)
        if case.most_polls is not None and stats["polls"] > case.most_polls:
            outcome.wrong.append(f"{stats['polls']} polls, at most {case.most_polls}")
        for what, pattern, least in (("creates", _CREATE_PATH, case.create_gap), ("polls", _POLL_PATH, case.poll_gap)):
            if least:
                self._compare_gap(case.provider, what, pattern, least, outcome)
        self._compare_error(case, job, outcome)
        self._compare_money(case, job, stats, others, outcome)

    def _compare_gap(self, provider: str, what: str, pattern: re.Pattern[str], least: float, outcome: Outcome) -> None:
        times = [r["at"] for r in self._requests() if r["provider"] == provider and pattern.fullmatch(r["path"])]
        # Clocks are read on arrival, and a request travels for some milliseconds.
        if len(times) < 2 or times[1] - times[0] < least - 0.05:
            gap = f"{times[1] - times[0]:.2f} s" if len(times) > 1 else "nothing"
            outcome.wrong.append(f"{gap} between {what}, at least {least} s")

    def _compare_error(self, case: Case, job: dict[str, Any], outcome: Outcome) -> None:
        if job["error"] is None or job["error"]["code"] not in CODES:
            return
        status, begins = CODES[job["error"]["code"]]
        self._expect(outcome, "error's HTTP status", job["error"]["status"], status)
        begins = begins.format(label=LABELS[job["provider"]])
        if not job["error"]["detail"].startswith(begins):
            outcome.wrong.append(f"detail begins {job['error']['detail'][:30]!r}, not {begins!r}")

    def _compare_money(
        self, case: Case, job: dict[str, Any], stats: dict[str, Any], others: dict[str, Any], outcome: Outcome
    ) -> None:
        """What the job says was paid against what was billed; a picture that was made can be fetched."""
        billed, charged = stats["billed"] + others["billed"], (job["error"] or {}).get("charged")
        if charged == "no" and billed:
            outcome.wrong.append(f"says that nothing is charged, {billed} billed")
        if (charged == "yes" or job["outputs"]) and not billed:
            outcome.wrong.append("says that it is charged, nothing billed")
        if billed > 1 and not job["possible_duplicate"] and charged != "unknown":
            outcome.wrong.append(f"{billed} billed without a word")
        has_picture = job["status"] == "succeeded" or case.is_kept_later
        self._expect(outcome, "outputs", len(job["outputs"]), int(has_picture))
        paid = round(job["usage"]["cost_usd"] - job["usage"]["open_usd"], 4)
        self._expect(outcome, "usage", paid, PRICE if has_picture or charged == "yes" else 0)
        for output in job["outputs"]:
            picture = requests.get(output["url"], timeout=PATIENCE)
            self._expect(outcome, "the picture", (picture.status_code, picture.content[:4]), (200, b"\x89PNG"))

    def _expect(self, outcome: Outcome, what: str, found: Any, wanted: Any) -> None:
        if found != wanted:
            outcome.wrong.append(f"{what} is {found}, not {wanted}")

    def _requests(self) -> list[dict[str, Any]]:
        answer = requests.get(f"{self._stack.simulators}/_sim/requests", params={"limit": 5000}, timeout=PATIENCE)
        return list(answer.json())

    def _filled(self, config: Any) -> Any:
        """`config` with what only the run knows."""
        if isinstance(config, dict):
            return {name: self._filled(value) for name, value in config.items()}
        if isinstance(config, list | tuple):
            return [self._filled(value) for value in config]
        if isinstance(config, str) and config.startswith(DATE_IN):
            when = datetime.now(UTC) + timedelta(seconds=float(config.removeprefix(DATE_IN)))
            return email.utils.format_datetime(when, usegmt=True)
        return config.replace(STRANGER, self._stranger) if isinstance(config, str) else config

    def _wait(self, test: Any, what: str) -> None:
        ends = time.monotonic() + PATIENCE
        while not test():
            if time.monotonic() > ends:
                gates = {name: self._gate(name) for name in LABELS}
                raise TimeoutError(f"{what}: not within {PATIENCE:.0f} s; gates {gates}")
            time.sleep(0.1)


@dataclass
class _Stranger:
    url: str
    asked: list[str]


@contextmanager
def _stranger() -> Iterator[_Stranger]:
    """A server that nothing of ours should ever reach."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield _Stranger(f"http://127.0.0.1:{server.server_port}", asked)
        finally:
            server.shutdown()
