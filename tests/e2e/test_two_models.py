"""Several models on the real stack: an account's limits are kept, and what one account cannot do another does."""

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests import pictures
from tests.patience import PATIENCE
from tests.stack import ROOT, Stack

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]

KONTEXT, FLUX = "flux-kontext-max", "flux-2-pro"
MULTI = "flux-kontext-apps/multi-image-kontext-max"
IMAGE = pictures.photo_jpeg(400, 400)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("models")
    with Stack(
        folder, PPL_MODELS=f"{MULTI},{FLUX}", GOODS_MODELS=f"{KONTEXT},{FLUX},flux-2-klein-9b", PROVIDER_DOWN="fail"
    ) as made:
        yield made


@pytest.fixture(autouse=True)
def _fresh(stack: Stack) -> Iterator[None]:
    stack.reset()
    yield
    stack.reset()


def told(job: dict[str, Any]) -> tuple[Any, ...]:
    return job["status"], job["model"], job["provider"], job["fallback"]


def test_sixty_jobs_over_two_models_keep_both_limits_and_neither_holds_the_other_up(stack: Stack) -> None:
    limits = {"max_active": 24, "max_active_by_model": {KONTEXT: 6}}
    stack.configure(bfl={"delay_seconds": 4, "longest_side": 64, **limits})
    wanted = [KONTEXT] * 30 + [FLUX] * 30
    with ThreadPoolExecutor(8) as pool:
        ids = [answer.json()["id"] for answer in pool.map(lambda model: stack.goods(IMAGE, model=model), wanted)]
        jobs = list(pool.map(lambda job: stack.ended(job, 240), ids))
    stats = stack.stats("bfl")

    assert {(job["status"], job["model"]) for job in jobs} == {("succeeded", KONTEXT), ("succeeded", FLUX)}
    # The simulator refuses what is more than either limit.
    assert (stats["submits"], stats["refused"], stats["http"].get("429", 0)) == (60, 0, 0)
    assert 6 < stats["max_active"] <= 24
    last = {model: max(job["completed_at"] for job in jobs if job["model"] == model) for model in (KONTEXT, FLUX)}
    # Those of the one that waited for its six slots held nobody up.
    assert last[FLUX] < last[KONTEXT]


def test_ppl_goes_to_another_model_when_replicate_is_down_and_says_so(stack: Stack) -> None:
    stack.configure(replicate={"faults": [{"on": "create", "kind": "status", "status": 503}]})
    job = stack.ended(stack.ppl(IMAGE, IMAGE).json()["id"])

    assert told(job) == ("succeeded", FLUX, "bfl", {"from": MULTI, "to": FLUX})
    assert job["usage"] == {"cost_usd": 0.06, "open_usd": 0, "estimated": False, "settled": True}
    assert job["input"]["prompt_sent"] == "Image 1 is the character, image 2 is the product. hero drinks it"
    assert (stack.stats("replicate")["billed"], stack.stats("bfl")["billed"]) == (0, 1)


def test_a_moderated_picture_is_nobody_elses(stack: Stack) -> None:
    job = stack.ended(stack.ppl(IMAGE, IMAGE, prompt="hero drinks it [[moderated]]").json()["id"])

    assert (job["status"], job["error"]["code"], job["model"], job["fallback"]) == ("failed", "content_moderated", MULTI, None)
    assert stack.stats("bfl")["submits"] == 0


def test_who_names_a_model_is_not_sent_elsewhere(stack: Stack) -> None:
    stack.configure(replicate={"faults": [{"on": "create", "kind": "status", "status": 401}]})
    job = stack.ended(stack.ppl(IMAGE, IMAGE, model=MULTI).json()["id"])

    assert (job["status"], job["error"]["code"], job["model"]) == ("failed", "provider_auth_failed", MULTI)
    assert stack.stats("bfl")["submits"] == 0


def test_credit_that_is_used_up_at_one_model_stops_the_account(tmp_path: Path) -> None:
    with Stack(tmp_path, GOODS_MODELS=f"{KONTEXT},{FLUX}") as stack:
        stack.configure(bfl={"faults": [{"on": "create", "kind": "status", "status": 402, "times": 1}]})
        first = stack.ended(stack.goods(IMAGE, model=FLUX).json()["id"])
        assert first["error"]["code"] == "provider_quota_exhausted"
        refused = stack.goods(IMAGE, model=KONTEXT)

        assert (refused.status_code, refused.json()["code"]) == (503, "provider_quota_exhausted")
        assert "provider_quota_exhausted" in ops(stack, "gates")


def ops(stack: Stack, *command: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "ops", *command], cwd=ROOT, env={"PATH": "/usr/bin:/bin", "DEVHOST_DIR": str(stack.folder)},
        capture_output=True, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip
    assert done.returncode in (0, 1), done.stderr
    return done.stdout
