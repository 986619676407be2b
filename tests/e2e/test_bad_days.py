"""The app with other settings, and on days when its host dies."""

import random
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from tests import pictures
from tests.patience import PATIENCE
from tests.preflights import PREFLIGHTS
from tests.stack import Stack

pytestmark = pytest.mark.stack


def test_a_provider_that_never_finishes_ends_at_the_deadline_and_is_canceled(tmp_path: Path) -> None:
    with Stack(tmp_path, GENERATION_TIMEOUT_SECONDS="8") as stack:
        stack.configure(replicate={"outcome": "never"}, bfl={"outcome": "never"})
        image = pictures.photo_jpeg(300, 300)
        ppl, goods = stack.ppl(image, image).json(), stack.goods(image).json()
        ppl, goods = stack.ended(ppl["id"]), stack.ended(goods["id"])

        for job in (ppl, goods):
            assert (job["status"], job["error"]["code"], job["error"]["status"]) == ("failed", "generation_timeout", 504)
            assert "8초" in job["error"]["detail"]
        assert stack.stats("replicate")["cancels"] == 1


@pytest.mark.parametrize(("route", "setting"), [("ppl-gen", "REPLICATE_API_TOKEN"), ("goods-gen", "BFL_API_KEY")])
def test_a_missing_key_is_503_in_both_languages_before_anything_is_sent(tmp_path: Path, route: str, setting: str) -> None:
    stack = Stack(tmp_path, **{setting: ""})
    stack.start("/api/health")
    try:
        image = pictures.photo_jpeg(200, 200)
        fields = ("input_image_1", "input_image_2") if route == "ppl-gen" else ("input_image",)
        for language, words in (("ko", "설정되어 있지 않습니다"), ("en", "is not set")):
            answer = stack.post(f"{route}/generate", dict.fromkeys(fields, image), {"Accept-Language": language}, prompt="x")
            assert (answer.status_code, answer.json()["code"]) == (503, "missing_api_key")
            assert setting in answer.json()["detail"]
            assert words in answer.json()["detail"]
        ready = requests.get(f"{stack.url}/api/health/ready", timeout=PATIENCE)
        assert ready.status_code == 503
        assert setting in ready.text
        assert stack.stats("replicate")["submits"] == stack.stats("bfl")["submits"] == 0
    finally:
        stack.stop()


def test_sync_responses_answer_as_the_old_services_did(tmp_path: Path) -> None:
    with Stack(tmp_path, SYNC_RESPONSES="true") as stack:
        stack.configure(bfl={"delay_seconds": 1}, replicate={"delay_seconds": 1})
        image = pictures.photo_jpeg(300, 300)
        picture = stack.goods(image)
        assert (picture.status_code, picture.headers["Content-Type"]) == (200, "image/png")
        assert picture.content.startswith(b"\x89PNG")

        stack.configure(replicate={"outcome": "moderated_input"})
        refused = stack.ppl(image, image)
        assert refused.status_code == 422
        assert refused.json()["error"].startswith("안전성 검사 실패")


def test_no_job_is_lost_and_none_submitted_twice_when_the_host_is_killed_three_times(tmp_path: Path) -> None:
    stack = Stack(tmp_path)
    stack.start()
    try:
        stack.configure(replicate={"delay_seconds": 6}, bfl={"delay_seconds": 6, "max_active": 64})
        image, rng = pictures.photo_jpeg(400, 400), random.Random(24)
        with ThreadPoolExecutor(8) as pool:
            posts = [pool.submit(stack.goods, image) if i % 2 else pool.submit(stack.ppl, image, image) for i in range(24)]
            accepted = [post.result().json()["id"] for post in posts]
        for kill in (stack.kill_host, stack.kill_everything, stack.kill_host):
            time.sleep(rng.uniform(0.3, 2.0))
            kill()
            stack.start()
        jobs = [stack.ended(job_id) for job_id in accepted]

        assert [job["status"] for job in jobs] == ["succeeded"] * 24, [job["error"] for job in jobs]
        submits = stack.stats("replicate")["submits"] + stack.stats("bfl")["submits"]
        flagged = sum(job["possible_duplicate"] for job in jobs)
        assert 24 <= submits <= 24 + flagged
    finally:
        stack.stop()


def test_a_job_that_ended_stays_ended_when_everything_is_killed_at_that_moment(tmp_path: Path) -> None:
    stack = Stack(tmp_path)
    stack.start()
    try:
        stack.configure(bfl={"delay_seconds": 1})
        done = stack.ended(stack.goods(pictures.photo_jpeg(300, 300)).json()["id"])
        stack.kill_everything()
        stack.start()
        again = stack.job(done["id"])
        assert (again["status"], again["completed_at"]) == ("succeeded", done["completed_at"])
        assert requests.get(again["outputs"][0]["url"], timeout=PATIENCE).status_code == 200
    finally:
        stack.stop()


def test_host_and_app_allow_the_same_origins(tmp_path: Path) -> None:
    with Stack(tmp_path, ALLOWED_ORIGINS="https://page.example") as stack:
        url = f"{stack.url}/api/options"
        for asked in PREFLIGHTS:
            preflight = requests.options(url, headers={"Origin": "https://page.example", **asked}, timeout=PATIENCE)
            assert preflight.status_code == 204
            assert preflight.headers["Access-Control-Allow-Origin"] == "https://page.example"
            assert "X-Request-Id" not in preflight.headers, "the app is not asked"
            unknown = requests.options(url, headers={"Origin": "https://evil.example", **asked}, timeout=PATIENCE)
            assert (unknown.status_code, unknown.headers.get("Access-Control-Allow-Origin")) == (204, None)
        allowed = requests.get(url, headers={"Origin": "https://page.example"}, timeout=PATIENCE)
        assert "X-Request-Id" in allowed.headers["Access-Control-Expose-Headers"]
        stranger = requests.get(url, headers={"Origin": "https://evil.example"}, timeout=PATIENCE)
        assert "Access-Control-Allow-Origin" not in stranger.headers


def test_a_folder_is_of_one_stack_at_a_time(tmp_path: Path) -> None:
    with Stack(tmp_path) as stack:
        with pytest.raises(RuntimeError, match="another stack uses"):
            Stack(tmp_path).start()
        assert stack.goods(pictures.photo_jpeg(300, 300), {"Prefer": "wait=60"}).json()["status"] == "succeeded"
