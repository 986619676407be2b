"""A sheet through every real part: what comes of it when two of its pictures fail, and what is made again."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests import pictures
from tests.patience import PATIENCE
from tests.stack import Stack

pytestmark = pytest.mark.stack

PRESETS = "tshirt,mug,keyring,sticker,phonecase,totebag,poster,cushion"


@pytest.fixture
def sheet_stack(tmp_path: Path) -> Iterator[Stack]:
    """Whoever makes no picture within 8 seconds is late."""
    with Stack(tmp_path, GENERATION_TIMEOUT_SECONDS="8") as stack:
        yield stack


def test_a_sheet_of_eight_with_two_that_fail_and_what_is_missing_made_again(sheet_stack: Stack) -> None:
    stack = sheet_stack
    stack.configure(bfl={"delay_seconds": 2, "outcome_sequence": ["moderated_output", "never"]})
    accepted = stack.post(
        "goods-gen/sheet", {"input_image": pictures.photo_jpeg(700, 700)}, presets=PRESETS, prompt="in winter"
    ).json()
    job = stack.ended(accepted["id"])

    assert (job["status"], len(job["outputs"]), len(job["pictures"])) == ("succeeded", 6, 8), job
    missing = {p["index"]: (p["error"]["code"], p["charged"], p["cost_usd"]) for p in job["pictures"] if p["error"]}
    # BFL charges for what it moderates, or not: it does not say; of one that goes on nobody knows.
    assert sorted(code for code, _, _ in missing.values()) == ["content_moderated", "generation_timeout"]
    assert all(p["cost_usd"] == 0.08 and p["charged"] == "yes" for p in job["pictures"] if p["status"] == "succeeded")
    assert job["usage"]["cost_usd"] == round(sum(p["cost_usd"] for p in job["pictures"]), 4)
    assert job["usage"]["settled"] is False
    assert job["summary"].startswith("8장 중 6장을 만들었습니다.")
    assert job["error"]["detail"].endswith(job["summary"])

    (image,) = job["input"]["images"]
    sent = requests.get(image["url"], timeout=PATIENCE)
    assert (sent.status_code, sent.headers["Content-Type"], image["source"]) == (200, "image/jpeg", "upload")

    stack.configure(bfl={"delay_seconds": 1})
    again = requests.post(job["urls"]["retry"], headers={"Prefer": "wait=60"}, timeout=PATIENCE)
    made = again.json()
    assert (again.status_code, made["status"], len(made["outputs"])) == (200, "succeeded", 2), made
    assert made["retry_of"] == {"id": job["id"], "indexes": sorted(missing)}
    wanted = [job["pictures"][index] for index in sorted(missing)]
    told = ("preset", "seed", "prompt_sent", "aspect_ratio")
    assert [[p[name] for name in told] for p in made["pictures"]] == [[p[name] for name in told] for p in wanted]
    (resent,) = made["input"]["images"]
    assert hashlib.sha256(requests.get(resent["url"], timeout=PATIENCE).content).digest() == hashlib.sha256(sent.content).digest()
    assert stack.stats("bfl")["submits"] == 10

    used = requests.post(
        f"{stack.url}/api/goods-gen/generate", headers={"Prefer": "wait=60"}, timeout=PATIENCE,
        files={"prompt": (None, "at night"), "input_image": (None, f"job:{made['id']}/1")},
    )  # fmt: skip
    assert (used.status_code, used.json()["status"]) == (200, "succeeded"), used.text
    assert used.json()["input"]["images"][0]["source"] == f"job:{made['id']}/1"
    assert requests.delete(made["urls"]["self"], timeout=PATIENCE).status_code == 204
    assert requests.get(resent["url"], timeout=PATIENCE).status_code == 404
