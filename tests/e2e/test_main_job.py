"""Both generators from the HTTP request to the stored picture, through every real part."""

import hashlib
import io
import json
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests
from PIL import Image

from tests import pictures
from tests.patience import PATIENCE
from tests.stack import Stack

pytestmark = pytest.mark.stack

#: Of links, prompts, pictures and keys.
SECRETS = ("sig=", "zebra", "base64", "simulated", "AccountKey")


def curl(stack: Stack, folder: Path, *extra: str) -> dict:
    """The old guide's command, unchanged but for the host."""
    (folder / "test1.jpg").write_bytes(pictures.photo_jpeg(640, 480))
    (folder / "test2.jpg").write_bytes(pictures.photo_jpeg(300, 500))
    command = [
        "curl", "-sS", "-w", "\n%{http_code}", *extra, "-X", "POST", f"{stack.url}/api/ppl-gen/generate",
        "-F", "prompt=test prompt", "-F", "input_image_1=@test1.jpg", "-F", "input_image_2=@test2.jpg",
        "-F", "aspect_ratio=1:1", "-F", "output_format=png", "-F", "safety_tolerance=2",
    ]  # fmt: skip
    output = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout
    body, status = output.rsplit("\n", 1)
    return {"status_code": int(status), **json.loads(body)}


def test_the_old_guides_curl_gives_202_and_a_job_that_succeeds(stack: Stack, tmp_path: Path) -> None:
    accepted = curl(stack, tmp_path)

    assert accepted["status_code"] == 202
    assert accepted["status"] in ("queued", "processing")
    job = stack.ended(accepted["id"])
    assert job["status"] == "succeeded", job
    assert job["progress"] == 100
    assert job["provider"] == "replicate"


def test_the_old_guides_curl_with_prefer_wait_gives_the_finished_job(stack: Stack, tmp_path: Path) -> None:
    job = curl(stack, tmp_path, "-H", "Prefer: wait=60")

    assert (job["status_code"], job["status"]) == (200, "succeeded")
    assert job["outputs"][0]["width"] == job["outputs"][0]["height"]


@pytest.mark.parametrize(
    "image",
    [
        pytest.param(lambda: pictures.photo_jpeg(1600, 1200, exif_orientation=6), id="camera JPEG on its side"),
        pytest.param(lambda: pictures.png_with_alpha(700, 900), id="PNG with alpha"),
        pytest.param(lambda: pictures.webp(800, 600), id="WebP"),
        pytest.param(lambda: pictures.photo_jpeg(4000, 3000), id="4000x3000"),
        pytest.param(lambda: pictures.photo_jpeg(256, 256), id="256x256"),
    ],
)
def test_real_inputs_of_all_kinds_become_goods(stack: Stack, image) -> None:
    answer = stack.goods(image(), {"Prefer": "wait=60"}, preset="mug", output_format="jpg")

    job = answer.json()
    assert answer.status_code == 200, job
    assert job["status"] == "succeeded", job
    assert job["outputs"][0]["content_type"] == "image/jpeg"
    assert job["outputs"][0]["preset"] == "mug"


def test_the_link_opens_without_credentials_and_not_without_its_signature(stack: Stack) -> None:
    job = stack.ppl(pictures.photo_jpeg(500, 500), pictures.png_with_alpha(400, 400), {"Prefer": "wait=60"}).json()
    output = job["outputs"][0]

    picture = requests.get(output["url"], timeout=PATIENCE)
    assert picture.status_code == 200
    assert picture.headers["Content-Type"] == output["content_type"]
    assert hashlib.sha256(picture.content).hexdigest() == output["sha256"]
    assert len(picture.content) == output["bytes"]
    assert Image.open(io.BytesIO(picture.content)).size == (output["width"], output["height"])
    assert requests.get(output["thumbnail_url"], timeout=PATIENCE).status_code == 200
    assert requests.get(output["url"].split("?")[0], timeout=PATIENCE).status_code in (403, 404, 409)


def test_the_result_redirects_to_a_fresh_link_or_gives_the_bytes_inline(stack: Stack) -> None:
    job = stack.goods(pictures.photo_jpeg(500, 500), {"Prefer": "wait=60"}).json()

    redirect = requests.get(job["urls"]["result"], allow_redirects=False, timeout=PATIENCE)
    assert redirect.status_code == 302
    assert requests.get(redirect.headers["Location"], timeout=PATIENCE).status_code == 200
    inline = requests.get(job["urls"]["result"], params={"inline": "1"}, headers={"Accept": "image/*"}, timeout=PATIENCE)
    assert hashlib.sha256(inline.content).hexdigest() == job["outputs"][0]["sha256"]


def test_a_running_job_shows_its_stage_and_no_result_yet(stack: Stack) -> None:
    stack.configure(bfl={"delay_seconds": 4})
    accepted = stack.goods(pictures.photo_jpeg(300, 300)).json()

    assert requests.get(accepted["urls"]["result"], allow_redirects=False, timeout=PATIENCE).json()["code"] == "result_not_ready"
    seen = [accepted["progress"]]
    job = accepted
    while job["status"] not in ("succeeded", "failed"):
        # Looked at again and again: progress alone ends no wait.
        time.sleep(0.2)
        job = stack.job(accepted["id"])
        seen.append(job["progress"])
    assert job["status"] == "succeeded"
    assert seen == sorted(seen)
    assert len(set(seen)) > 2, "progress moved while it ran"


def test_several_variations_are_made_side_by_side_with_a_seed_each(stack: Stack) -> None:
    job = stack.goods(pictures.photo_jpeg(400, 400), {"Prefer": "wait=90"}, n=3, seed=7).json()

    assert job["status"] == "succeeded", job
    assert [output["seed"] for output in job["outputs"]] == [7, 8, 9]
    assert stack.stats("bfl")["submits"] == 3


def test_the_same_idempotency_key_gives_the_same_job_and_one_submit(stack: Stack) -> None:
    image, headers = pictures.photo_jpeg(400, 400), {"Idempotency-Key": "again", "Prefer": "wait=60"}
    first = stack.goods(image, headers)
    again = stack.goods(image, headers)
    other = stack.goods(image, headers, prompt="another")

    assert again.json()["id"] == first.json()["id"]
    assert again.headers["Idempotent-Replayed"] == "true"
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert stack.stats("bfl")["submits"] == 1


def test_a_canceled_job_ends_and_its_prediction_is_canceled(stack: Stack) -> None:
    stack.configure(replicate={"delay_seconds": 60})
    job = stack.ppl(pictures.photo_jpeg(300, 300), pictures.photo_jpeg(300, 300)).json()
    while stack.job(job["id"])["stage"] != "generating":
        pass

    assert requests.post(job["urls"]["cancel"], timeout=PATIENCE).status_code == 202
    assert stack.ended(job["id"])["status"] == "canceled"
    assert stack.stats("replicate")["cancels"] == 1
    again = requests.post(job["urls"]["cancel"], timeout=PATIENCE)
    assert (again.status_code, again.json()["code"]) == (409, "job_already_finished")


@pytest.mark.parametrize("spoken", ["ko", "en"])
def test_a_moderated_prompt_ends_at_once_and_says_so(stack: Stack, spoken: str) -> None:
    stack.configure(bfl={"outcome": "moderated_input"})
    job = stack.goods(pictures.photo_jpeg(300, 300), {"Prefer": "wait=60", "Accept-Language": spoken}).json()

    assert job["status"] == "failed"
    error = job["error"]
    assert (error["code"], error["charged"], error["retryable"]) == ("content_moderated", "no", False)
    assert ("안전성 검사 실패" in error["detail"]) == (spoken == "ko")
    assert stack.stats("bfl")["submits"] == 1
    assert requests.get(job["urls"]["result"], timeout=PATIENCE).status_code == 422


MISTAKES = [
    pytest.param({"input_image": b""}, {}, 415, "unsupported_image", "input_image", id="empty file"),
    pytest.param({"input_image": b"just some text\n" * 40}, {}, 415, "unsupported_image", "input_image", id="text as PNG"),
    pytest.param({"input_image": b"\xff\xd8\xff" + b"\0" * 6_291_456}, {}, 413, "image_too_large", None, id="6 MB"),
    pytest.param({"input_image": pictures.bomb_png()}, {}, 413, "image_too_large", "input_image", id="decompression bomb"),
    pytest.param({"input_image": pictures.photo_jpeg(99, 99)}, {"prompt": ""}, 422, "validation_failed", "prompt", id="no prompt"),  # noqa: E501 - a row of a table
    pytest.param({}, {}, 422, "validation_failed", "input_image", id="no image"),
    pytest.param(
        {"input_image": pictures.photo_jpeg(99, 99)}, {"safety_tolerance": "9"}, 422, "validation_failed", "safety_tolerance",
        id="safety_tolerance=9",
    ),
    pytest.param({"input_image": pictures.photo_jpeg(99, 99)}, {"seed": "abc"}, 422, "validation_failed", "seed", id="seed=abc"),
    pytest.param({"input_image": pictures.photo_jpeg(99, 99)}, {"colour": "red"}, 422, "validation_failed", "colour", id="unknown"),  # noqa: E501 - a row of a table
]  # fmt: skip


@pytest.mark.parametrize(("files", "fields", "status", "code", "field"), MISTAKES)
def test_a_mistake_is_told_by_name_and_nothing_is_sent(stack, files, fields, status, code, field) -> None:
    answer = stack.post("goods-gen/generate", files, {"Accept-Language": "en"}, **{"prompt": "x", **fields})

    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (status, code), problem
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert problem["error"] == problem["detail"]
    assert problem["charged"] == "no"
    assert field is None or field in [error["field"] for error in problem["errors"]]
    assert stack.stats("bfl")["submits"] == 0


def test_a_file_that_breaks_off_fails_the_job_before_anything_is_sent(stack: Stack) -> None:
    job = stack.goods(pictures.truncated_jpeg(), {"Prefer": "wait=60"}).json()

    assert (job["status"], job["error"]["code"], job["error"]["charged"]) == ("failed", "unsupported_image", "no")
    assert stack.stats("bfl")["submits"] == 0


def test_unknown_jobs_are_404(stack: Stack) -> None:
    for job_id in ("job_" + "0" * 26, "nonsense", "job_..%2F.."):
        answer = requests.get(f"{stack.url}/api/jobs/{job_id}", timeout=PATIENCE)
        assert answer.status_code == 404


def test_no_link_key_or_prompt_reaches_the_history(stack: Stack) -> None:
    job = stack.goods(pictures.photo_jpeg(300, 300), {"Prefer": "wait=60"}, prompt="zebra crossing").json()
    hub = f"{stack.url}/runtime/webhooks/durabletask/instances/{job['id']}"
    history = requests.get(
        hub, params={"showHistory": "true", "showHistoryOutput": "true", "showInput": "true"}, timeout=PATIENCE
    ).text

    assert job["id"] in history
    for secret in SECRETS:
        assert secret not in history, secret


def test_no_link_key_or_prompt_reaches_the_log(stack: Stack) -> None:
    log = stack.log
    job = stack.goods(pictures.photo_jpeg(300, 300), {"Prefer": "wait=60"}, prompt="zebra crossing").json()

    assert job["id"] in stack.log[len(log) :]
    for secret in SECRETS:
        assert secret not in stack.log, secret


def test_32_goods_jobs_at_once_all_succeed(stack: Stack) -> None:
    stack.configure(bfl={"delay_seconds": 3, "max_active": 64})
    image = pictures.photo_jpeg(512, 512)
    with ThreadPoolExecutor(32) as pool:
        answers = list(pool.map(lambda _: stack.goods(image, {"Prefer": "wait=120"}).json(), range(32)))

    assert [job["status"] for job in answers] == ["succeeded"] * 32
    assert stack.stats("bfl")["submits"] == 32


def test_options_offer_what_the_contract_names(stack: Stack) -> None:
    options = requests.get(f"{stack.url}/api/options", timeout=PATIENCE).json()

    assert len(options["aspect_ratios"]) == 14
    assert {generator["kind"] for generator in options["generators"]} == {"ppl", "goods"}
    assert all(preset["name"]["ko"] and preset["name"]["en"] for preset in options["presets"])


def test_every_answer_has_a_request_id_and_ready_names_each_part(stack: Stack) -> None:
    answer = requests.get(f"{stack.url}/api/health/ready", headers={"X-Request-Id": "mine-1"}, timeout=PATIENCE)

    assert answer.headers["X-Request-Id"] == "mine-1"
    assert set(answer.json()["checks"]) == {
        "settings", "storage", "task_hub", "images", "webhooks", "provider_replicate", "provider_bfl",
    }  # fmt: skip
