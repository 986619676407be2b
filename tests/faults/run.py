"""Plays the matrix: stacks side by side, the cases of one group one after another, everything compared."""

import tempfile
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from azure.core.exceptions import ResourceNotFoundError
from azure.storage.blob import BlobServiceClient

from tests import pictures
from tests.faults.matrix import GROUPS, SETTINGS, Case
from tests.stack import Stack

#: Cases mostly wait, so several stacks share two cores well; each plays a part of a group.
STACKS_AT_ONCE = 6
CASES_A_STACK = 20
ROUNDS_OF_A_SHUT_GATE = 5


@dataclass(frozen=True)
class Result:
    case: Case
    seen: dict[str, Any]
    wrong: list[str]
    seconds: float


def play(cases: Iterable[Case]) -> tuple[list[Result], list[str]]:
    """The results in the order of the cases, and the requests that carried a key to where it does not belong."""
    groups: dict[str, list[Case]] = {}
    for case in cases:
        groups.setdefault(case.lane, []).append(case)
    parts = [(group, its[at : at + CASES_A_STACK]) for group, its in groups.items() for at in range(0, len(its), CASES_A_STACK)]
    results: dict[str, Result] = {}
    leaks: list[str] = []
    with ThreadPoolExecutor(STACKS_AT_ONCE) as pool:
        list(pool.map(lambda part: _play_part(*part, results, leaks), parts))
    return [results[case.name] for group in groups.values() for case in group], leaks


def _play_part(group: str, cases: list[Case], results: dict[str, Result], leaks: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        stack = Stack(Path(folder))
        stack.settings = SETTINGS | {name: value.format(url=stack.url) for name, value in GROUPS[group].items()}
        with stack:
            for case in cases:
                began = time.monotonic()
                try:
                    seen, wrong = _play_case(stack, case)
                except (AssertionError, TimeoutError, requests.RequestException) as error:
                    seen, wrong = {}, [f"{type(error).__name__}: {str(error)[:200]}"]
                results[case.name] = Result(case, seen, wrong, time.monotonic() - began)
                leaks += _leaks(stack)


def _play_case(stack: Stack, case: Case) -> tuple[dict[str, Any], list[str]]:
    _start_afresh(stack)
    other = "bfl" if case.provider == "replicate" else "replicate"
    stack.configure(**{case.provider: {"delay_seconds": 1, **case.config}, other: {"delay_seconds": 1, **case.other}})
    answer = _post(stack, case.provider)
    assert answer.status_code == 202, answer.text
    job_id = answer.json()["id"]
    if case.cancel:
        _wait_for(lambda: stack.job(job_id)["stage"] == case.cancel)
        requests.post(answer.json()["urls"]["cancel"], timeout=20)
    job = stack.ended(job_id, seconds=120)
    error, stats = job["error"] or {}, stack.stats(case.provider)
    seen = {
        "status": job["status"], "code": error.get("code"), "charged": error.get("charged"), "submits": stats["submits"],
        "flagged": job["possible_duplicate"], "made_by": job["provider"], "fallback": job["fallback_used"],
        "attempts": job["attempts"], "duplicates": stats["duplicates"],
    }  # fmt: skip
    made_by = case.made_by or case.provider
    expected = {
        "status": case.status, "code": case.code, "charged": case.charged, "submits": case.submits, "flagged": case.flagged,
        "made_by": made_by, "fallback": made_by != case.provider,
        **({"attempts": case.attempts} if case.attempts is not None else {}),
    }  # fmt: skip
    wrong = [f"{name} {seen[name]!r}, not {value!r}" for name, value in expected.items() if seen[name] != value]
    if job["status"] == "succeeded":
        picture = requests.get(job["outputs"][0]["url"], timeout=20).content
        if not picture.startswith((b"\x89PNG", b"\xff\xd8")):
            wrong.append("the link opens no picture")
    if error and not (error["detail"] and error["status"] >= 400):
        wrong.append("the error says nothing")
    for name in case.also:
        wrong += [] if CHECKS[name](stack, case, job) else [f"not seen: {name}"]
    return seen, wrong


def _post(stack: Stack, provider: str) -> requests.Response:
    image = pictures.photo_jpeg(320, 320)
    return stack.ppl(image, image) if provider == "replicate" else stack.goods(image)


def _start_afresh(stack: Stack) -> None:
    """Simulators as new, and gates without a memory of the case before."""
    stack.reset()
    service = BlobServiceClient.from_connection_string(stack.connection_string)
    for provider in ("replicate", "bfl"):
        try:
            blob = service.get_blob_client("documents", f"gates/{provider}.json")
            was_stopped = b'"stopped": {' in blob.download_blob().readall()
            blob.delete_blob()
        except ResourceNotFoundError:
            continue
        if was_stopped:
            # The host remembers what it saw of a gate for two seconds.
            time.sleep(2.2)


def _wait_for(test: Callable[[], bool], seconds: float = 40) -> bool:
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        if test():
            return True
        time.sleep(0.1)
    return False


def _leaks(stack: Stack) -> list[str]:
    """Requests with a key to anything but the provider's API: deliveries, or whatever a redirect named."""
    seen = requests.get(f"{stack.simulators}/_sim/requests", params={"limit": 5000}, timeout=20).json()
    is_api = ("/replicate/v1/", "/bfl/v1/")
    return [f"{one['method']} {one['path']}" for one in seen if one["key"] and not one["path"].startswith(is_api)]


def _next_post_refused(stack: Stack, case: Case, job: dict[str, Any]) -> bool:
    answer = _post(stack, case.provider)
    return answer.status_code == 503 and answer.json()["code"] == "provider_quota_exhausted"


def _gate_shut_for_the_next(stack: Stack, case: Case, job: dict[str, Any]) -> bool:
    """After so many failures a job ends without being sent at all."""
    with ThreadPoolExecutor(ROUNDS_OF_A_SHUT_GATE) as pool:
        answers = list(pool.map(lambda _: _post(stack, case.provider).json()["id"], range(ROUNDS_OF_A_SHUT_GATE)))
    for job_id in answers:
        stack.ended(job_id)
    before = stack.stats(case.provider)["create_requests"]
    last = stack.ended(_post(stack, case.provider).json()["id"])
    is_unsent = stack.stats(case.provider)["create_requests"] == before
    return is_unsent and (last["error"]["code"], last["error"]["stage"]) == ("provider_unavailable", "waiting")


#: What a case may ask for besides its row.
CHECKS: dict[str, Callable[[Stack, Case, dict[str, Any]], bool]] = {
    "the next POST is refused": _next_post_refused,
    "the prediction was canceled": lambda stack, case, job: stack.stats(case.provider)["cancels"] == 1,
    "the picture is kept": lambda stack, case, job: _wait_for(lambda: len(stack.job(job["id"])["outputs"]) == 1),
    "one look": lambda stack, case, job: stack.stats(case.provider)["polls"] == 1,
    "a webhook was refused": lambda stack, case, job: "webhook_refused" in stack.log,
    "the gate is shut for the next": _gate_shut_for_the_next,
}


def print_table(results: list[Result], leaks: list[str]) -> int:
    """Prints what came of each case; returns how many were wrong."""
    wide = max(len(result.case.name) for result in results)
    print(f"{'case':{wide}}  {'status':9}  {'code':24}  {'charged':7}  submits  flagged  made by    seconds")
    for result in results:
        seen = {"status": "-", "code": None, "charged": None, "submits": "-", "flagged": False, "made_by": "-", **result.seen}
        print(
            f"{result.case.name:{wide}}  {seen['status']:9}  {seen['code'] or '':24}  {seen['charged'] or '':7}  "
            f"{seen['submits']:>7}  {'yes' if seen['flagged'] else '':7}  {seen['made_by']:9}  {result.seconds:7.1f}  "
            f"{'WRONG: ' + '; '.join(result.wrong) if result.wrong else 'right'}"
        )
    wrong = sum(bool(result.wrong) for result in results)
    print(f"\n{len(results)} cases, {len(results) - wrong} right, {wrong} wrong")
    print(f"requests with a key to anything but its provider's API: {len(leaks)} {' '.join(sorted(set(leaks)))}")
    return wrong + len(leaks)
