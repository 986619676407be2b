"""Troubleshooting drills: a failure is caused, the guide is followed to its end, and what it says is seen is what is seen."""

import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests

from tests import pictures
from tests.guides import ROOT, commands, section
from tests.operator import Operator
from tests.patience import PATIENCE
from tests.stack import Stack
from tests.vault import CloudSecrets

pytestmark = pytest.mark.stack

IMAGE = pictures.photo_jpeg(300, 300)
LANGUAGES = ("ko", "en")


def told(row: int, *words: str) -> None:
    """The row says these words, in both languages."""
    for language in LANGUAGES:
        for word in words:
            assert word in section(row, language), (row, language, word)


def follow(row: int, stack: Stack, job_id: str = "") -> str:
    """Run the row's local commands one after the other; returns what they print."""
    environment = {**Operator(stack).environment, "API": stack.url, "JOB": job_id}
    printed = ""
    for command in commands(row):
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", command], cwd=ROOT, env=environment, capture_output=True, text=True,
            timeout=PATIENCE, check=False,
        )  # fmt: skip
        assert done.returncode == 0, (command, done.stdout, done.stderr)
        printed += done.stdout
    assert printed
    return printed


def error_in(stack: Stack, job_id: str, language: str) -> dict[str, Any]:
    answer = requests.get(f"{stack.url}/api/jobs/{job_id}", headers={"Accept-Language": language}, timeout=PATIENCE).json()
    assert answer["status"] == "failed", answer
    return dict(answer["error"])


def seen(stack: Stack, row: int, job_id: str, code: str, korean: str) -> dict[str, Any]:
    """The failure as user and operator see it: the guide's code and sentence, in the job and in `explain`."""
    told(row, code)
    assert korean in section(row, "ko")
    errors = {language: error_in(stack, job_id, language) for language in LANGUAGES}
    assert errors["ko"]["code"] == code
    assert errors["ko"]["detail"].startswith(korean)
    explained = Operator(stack)("explain", job_id).out
    for line in (code, errors["ko"]["detail"], errors["en"]["detail"], f"charged: {errors['ko']['charged']}"):
        assert line in explained
    assert Operator(stack).data("explain", job_id)["error"]["status"] == errors["ko"]["status"]
    return errors["ko"]


def replayed(stack: Stack, job_id: str, *flags: str) -> dict[str, Any]:
    return stack.job(Operator(stack).data("replay", job_id, "--wait", "60", *flags)["id"])


def test_row_1_a_provider_that_is_too_slow(tmp_path: Path) -> None:
    with Stack(tmp_path, GENERATION_TIMEOUT_SECONDS="4") as stack:
        stack.configure(replicate={"outcome": "never"})
        job_id = stack.ppl(IMAGE, IMAGE, {"Prefer": "wait=60"}).json()["id"]

        error = seen(stack, 1, job_id, "generation_timeout", "이미지 생성")
        told(1, "504", "generating", "--yes", "unknown")
        assert (error["status"], error["stage"], error["charged"]) == (504, "generating", "unknown")
        assert "4초 내에 완료되지 않았습니다" in error["detail"], "the setting's own time, as the guide says"
        assert "still running" in follow(1, stack, job_id)
        assert stack.stats("replicate")["cancels"] == 1, "canceled at Replicate, as the guide says"

        stack.configure(replicate={"outcome": "succeed", "delay_seconds": 1})
        refused = Operator(stack)("replay", job_id)
        assert (refused.code, "may have been paid for" in refused.err) == (2, True)
        assert replayed(stack, job_id, "--yes")["status"] == "succeeded"


@pytest.mark.parametrize(("route", "setting", "subject"), [("ppl", "REPLICATE_API_TOKEN", "이"), ("goods", "BFL_API_KEY", "가")])
def test_row_4_a_key_that_is_missing(tmp_path: Path, route: str, setting: str, subject: str) -> None:
    stack = Stack(tmp_path, **{setting: ""})
    stack.start("/api/health")
    try:
        answer = stack.ppl(IMAGE, IMAGE) if route == "ppl" else stack.goods(IMAGE)
        told(4, "503", "missing_api_key", f"{setting}{subject} 설정되어 있지 않습니다", "charged: no")
        assert (answer.status_code, answer.json()["code"], answer.json()["charged"]) == (503, "missing_api_key", "no")
        assert answer.json()["detail"].startswith(f"{setting}{subject} 설정되어 있지 않습니다")
        printed = follow(4, stack)
        assert "NOT ready" in printed
        assert f'"setting": "{setting}"' in printed, "readiness names the key"
        assert Operator(stack)("ready").code == 1

        # The guide for a local stack: change the environment and start again.
        stack.stop()
        del stack.settings[setting]
        stack.start()
        assert "is ready" in follow(4, stack)
        assert Operator(stack)("smoke", "--kind", route).code == 0
    finally:
        stack.stop()


def test_row_4_a_key_that_is_refused(tmp_path: Path) -> None:
    with CloudSecrets(tmp_path / "vault", **{"replicate-api-token": "r8_good", "bfl-api-key": "wrong"}) as cloud:
        stack = Stack(tmp_path / "stack", REPLICATE_API_TOKEN="", BFL_API_KEY="", **cloud.settings)
        stack.start("/api/health")
        try:
            stack.configure(bfl={"keys": ["right"], "delay_seconds": 0.5})
            job_id = stack.goods(IMAGE, {"Prefer": "wait=60"}).json()["id"]
            error = seen(stack, 4, job_id, "provider_auth_failed", "")
            assert "모델 생성 실패: API 키가 거부되었습니다" in error["detail"]
            told(4, "charged: no")
            assert error["charged"] == "no"
            assert "provider_auth_failed" in follow(4, stack)

            operator = Operator(stack, **cloud.settings)
            assert operator("rotate-key", "bfl", stdin="\n right \n").code == 0
            assert "is ready" in follow(4, stack)
            assert replayed(stack, job_id)["status"] == "succeeded", "no restart"
        finally:
            stack.stop()


def test_row_5_an_answer_of_another_shape(tmp_path: Path) -> None:
    with Stack(tmp_path) as stack:
        stack.configure(replicate={"output_shape": "object", "delay_seconds": 0.5})
        job_id = stack.ppl(IMAGE, IMAGE, {"Prefer": "wait=60"}).json()["id"]

        error = seen(stack, 5, job_id, "provider_bad_response", "처리할 수 없는 결과 타입입니다")
        told(5, "502", "shape", "charged: yes", "--yes")
        assert (error["status"], error["charged"]) == (502, "yes")
        assert "provider_bad_response" in follow(5, stack, job_id)
        # It is looked at once more, since it may have been shown too early.
        lines = [line for line in stack.log.splitlines() if "prediction_failed" in line]
        assert len(lines) == 2
        for line in lines:
            assert "dict" in line, "the shape is logged"
            assert "http" not in line, "the content is not"

        stack.configure(replicate={"output_shape": "list"})
        refused = Operator(stack)("replay", job_id)
        assert (refused.code, "was paid for" in refused.err) == (2, True)
        assert replayed(stack, job_id, "--yes")["status"] == "succeeded"


@pytest.mark.parametrize(("outcome", "ko", "en"), [
    ("moderated_input", "입력을 거부했습니다", "refused the input"),
    ("moderated_output", "생성된 이미지를 거부했습니다", "refused the generated picture"),
])  # fmt: skip
def test_row_8_a_refusal_by_the_safety_check(tmp_path: Path, outcome: str, ko: str, en: str) -> None:
    with Stack(tmp_path) as stack:
        stack.configure(
            bfl={"outcome": outcome, "delay_seconds": 0.5}, replicate={"outcome": "moderated_input", "delay_seconds": 0.5}
        )
        job_id = stack.goods(IMAGE, {"Prefer": "wait=60"}).json()["id"]

        error = seen(stack, 8, job_id, "content_moderated", "안전성 검사 실패")
        told(8, "422", "charged: no", "unknown")
        assert (error["status"], error["charged"], error["retryable"]) == (422, "no", False)
        assert ko in error["detail"]
        assert en in error_in(stack, job_id, "en")["detail"]
        assert "content_moderated" in follow(8, stack, job_id)
        assert stack.stats("bfl")["submits"] == 1, "the same is never sent again"
        ppl = stack.ppl(IMAGE, IMAGE, {"Prefer": "wait=60"}).json()["id"]
        assert error_in(stack, ppl, "ko")["charged"] == "unknown", "Replicate does not say"

        stack.configure(bfl={"outcome": "succeed"})
        assert stack.goods(IMAGE, {"Prefer": "wait=60"}, prompt="in other words").json()["status"] == "succeeded"


def test_row_9_a_provider_that_is_down(tmp_path: Path) -> None:
    with Stack(tmp_path, QUEUE_TIMEOUT_SECONDS="6") as stack:
        stack.configure(bfl={"faults": [{"on": "create", "kind": "status", "status": 503}], "delay_seconds": 0.5})
        with ThreadPoolExecutor(5) as pool:
            jobs = [job.json()["id"] for job in pool.map(lambda _: stack.goods(IMAGE, {"Prefer": "wait=60"}), range(5))]

        error = seen(stack, 9, jobs[0], "provider_unavailable", "BFL.ai 모델 생성 실패")
        told(9, "BREAKER", "charged: no")
        assert (error["status"], error["charged"]) == (503, "no")
        printed = follow(9, stack)
        assert "open for" in printed, "the breaker"
        assert "BREAKER" in printed
        gate = Operator(stack).data("gates")["bfl"]
        assert gate["failures"] >= 5
        assert stack.stats("bfl")["submits"] == 0

        # The provider is back: half a minute later one job tries first, and the breaker closes.
        stack.configure(bfl={"faults": []})
        ends = time.monotonic() + PATIENCE
        while Operator(stack).data("gates")["bfl"]["open_seconds"] and time.monotonic() < ends:
            time.sleep(1)
        assert replayed(stack, jobs[0])["status"] == "succeeded"
        gate = Operator(stack).data("gates")["bfl"]
        assert (gate["failures"], gate["open_seconds"]) == (0, 0)


def test_row_9_a_credit_that_is_used_up(tmp_path: Path) -> None:
    with Stack(tmp_path) as stack:
        stack.configure(bfl={"credits": 0.0, "delay_seconds": 0.5})
        job_id = stack.goods(IMAGE, {"Prefer": "wait=60"}).json()["id"]
        seen(stack, 9, job_id, "provider_quota_exhausted", "BFL.ai 모델 생성 실패")
        told(9, "STOPPED", "503 `provider_quota_exhausted`")
        time.sleep(2.1)
        refused = stack.goods(IMAGE)
        assert (refused.status_code, refused.json()["code"]) == (503, "provider_quota_exhausted")
        assert Operator(stack).data("gates")["bfl"]["stopped"] == "provider_quota_exhausted"
        assert "provider_quota_exhausted" in follow(9, stack)

        stack.configure(bfl={"credits": 1000.0})
        ends = time.monotonic() + PATIENCE
        while stack.goods(IMAGE).status_code == 503 and time.monotonic() < ends:
            time.sleep(2)
        assert Operator(stack).data("gates")["bfl"]["stopped"] is None, "within a minute, as the guide says"
        assert replayed(stack, job_id)["status"] == "succeeded"


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[tuple[Stack, list[int]]]:
    """A stack, and its host's resident memory, looked at all the time."""
    with Stack(tmp_path) as stack:
        (host,) = stack.processes("devhost")
        sizes, done = [0], threading.Event()

        def look() -> None:
            while not done.wait(0.05):
                sizes.append(host.memory_info().rss)

        watcher = threading.Thread(target=look, daemon=True)
        watcher.start()
        yield stack, sizes
        done.set()
        watcher.join()


def test_row_11_big_uploads_all_at_once(watched: tuple[Stack, list[int]]) -> None:
    stack, sizes = watched
    stack.configure(replicate={"delay_seconds": 0.5})
    answer = stack.goods(pictures.noisy_jpeg(6_000_000))
    told(11, "413", "image_too_large")
    assert (answer.status_code, answer.json()["code"]) == (413, "image_too_large")
    assert "이미지가 너무 큽니다" in answer.json()["detail"]
    told(2, "413", "image_too_large")
    assert "이미지가 너무 큽니다" in section(2, "ko")

    big = pictures.noisy_jpeg(5_200_000)
    with ThreadPoolExecutor(16) as pool:
        posts = [pool.submit(stack.ppl, big, big, {"Prefer": "wait=120"}) for _ in range(16)]
        while not all(post.done() for post in posts):
            assert requests.get(f"{stack.url}/api/health", timeout=PATIENCE).status_code == 200, "others are served meanwhile"
            time.sleep(0.2)
    assert [post.result().json()["status"] for post in posts] == ["succeeded"] * 16
    assert max(sizes) < 400e6, f"the guide says about 250 MB; it was {max(sizes) / 1e6:.0f}"


def test_row_11_a_host_that_is_killed_while_generating(tmp_path: Path) -> None:
    told(11, "5xx")
    stack = Stack(tmp_path)
    stack.start()
    try:
        stack.configure(replicate={"delay_seconds": 600})
        job_id = stack.ppl(IMAGE, IMAGE).json()["id"]
        while stack.job(job_id)["stage"] != "generating":
            time.sleep(0.05)
        stack.kill_host()
        stack.start()
        stack.finish()
        assert stack.ended(job_id)["status"] == "succeeded", "it goes on, as the guide says"
        assert stack.stats("replicate")["submits"] == 1
    finally:
        stack.stop()


def test_row_12_a_page_on_another_origin(tmp_path: Path) -> None:
    stack = Stack(tmp_path)
    stack.start()
    try:
        told(12, "Access-Control-Allow-Origin", "204", "ALLOWED_ORIGINS", "서버에 연결할 수 없어요")
        assert "서버에 연결할 수 없어요" in (ROOT / "web/js/words/ko.js").read_text(), "what the page says then"
        printed = follow(12, stack)
        assert '"status": "ok"' in printed, "the app lives"
        assert "Access-Control-Allow-Origin" not in printed, "the origin is not allowed"

        stack.stop()
        stack.settings["ALLOWED_ORIGINS"] = "https://page.example"
        stack.start()
        printed = follow(12, stack)
        assert "204" in printed
        assert "Access-Control-Allow-Origin: https://page.example" in printed
    finally:
        stack.stop()
