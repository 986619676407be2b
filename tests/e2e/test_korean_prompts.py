"""A Korean prompt through every real part: to the translator, to the provider, and nowhere else."""

from collections.abc import Iterator

import pytest
import requests

from shared.domain.presets import PRESETS
from tests import pictures
from tests.pace import is_within
from tests.patience import PATIENCE
from tests.stack import Stack

pytestmark = pytest.mark.stack

IMAGE = pictures.photo_jpeg(300, 300)
#: Of the prompt, also as JSON writes it (its first letter), and of what the translator makes of it.
MARKS = ("갈매기", "uac08", "galmaegi")


@pytest.fixture(scope="module")
def translating(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """With a translator, which is off unless somebody asks for it."""
    ours = Stack(tmp_path_factory.mktemp("translating"), TRANSLATOR_KEY="simulated")
    ours.settings["TRANSLATOR_ENDPOINT"] = f"{ours.simulators}/translator"
    with ours:
        yield ours


@pytest.fixture
def stack(translating: Stack) -> Stack:
    """What another test made of the translator is over."""
    translating.reset()
    return translating


def prompts_at_replicate(stack: Stack) -> list[str]:
    """As Replicate's list tells them."""
    headers = {"Authorization": "Bearer r8_simulated"}
    listed = requests.get(f"{stack.simulators}/replicate/v1/predictions", headers=headers, timeout=PATIENCE).json()["results"]
    return [str(prediction["input"]["prompt"]) for prediction in listed]


def history(stack: Stack, job_id: str) -> str:
    url = f"{stack.url}/runtime/webhooks/durabletask/instances/{job_id}"
    asked = {"showHistory": "true", "showHistoryOutput": "true", "showInput": "true"}
    return requests.get(url, params=asked, timeout=PATIENCE).text


def test_a_korean_prompt_reaches_the_provider_in_english_and_is_in_no_history_and_no_log(stack: Stack) -> None:
    job = stack.ended(stack.ppl(IMAGE, IMAGE, prompt="웃는 갈매기").json()["id"])

    assert job["status"] == "succeeded", job
    assert (job["input"]["prompt"], job["input"]["prompt_sent"]) == ("웃는 갈매기", "smiling galmaegi")
    assert "prompt_not_translated" not in [warning["code"] for warning in job["warnings"]]
    assert prompts_at_replicate(stack) == ["smiling galmaegi"]
    assert stack.stats("translator")["texts"] == 1
    kept = history(stack, job["id"])
    assert "translate_prompt" in kept
    logs = [path.read_text(errors="replace") for path in stack.folder.glob("*.log")]
    assert [mark for mark in MARKS for text in (kept, *logs) if mark in text.lower()] == []


def test_a_translator_that_is_away_holds_nobody_up_for_long_and_the_job_says_so(stack: Stack) -> None:
    stack.configure(translator={"faults": [{"on": "translate", "kind": "status", "status": 503}]})
    job = stack.ended(stack.goods(IMAGE, prompt="갈매기", preset="sticker").json()["id"])

    assert job["status"] == "succeeded", job
    assert job["input"]["prompt_sent"] == f"{PRESETS['sticker'].prompt} 갈매기"
    assert [warning["field"] for warning in job["warnings"] if warning["code"] == "prompt_not_translated"] == ["prompt"]
    assert is_within(job["metrics"]["queue_ms"] / 1000, 10)
    assert stack.stats("translator")["faults"] == 3
