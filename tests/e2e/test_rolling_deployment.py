"""A new version of the app while jobs are under way: old ones end by the old story, new ones by the new."""

import json
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests
from azure.storage.blob import BlobServiceClient

from shared.names import STORY_VERSION
from tests import pictures
from tests.patience import PATIENCE
from tests.stack import PATIENT, ROOT, Stack

pytestmark = pytest.mark.stack

_NEW_ACTIVITY = '''"""A step that the first version did not have."""

import azure.durable_functions as df

blueprint = df.Blueprint()


@blueprint.activity_trigger(input_name="payload", activity="inspect_job")
def inspect_job(payload: dict) -> dict:
    return {"seen": payload["job_id"]}
'''


def checkout(folder: Path) -> Path:
    """A copy of the app as it stands here."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    for name in listed.stdout.split("\n"):
        if name and not name.startswith(("tests/", "docs/")) and (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    (folder / "node_modules").symlink_to((ROOT / "node_modules").resolve())
    return folder


def change(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert text.count(old) == 1, f"{file.name} has changed: the drill has to follow"
    file.write_text(text.replace(old, new))


def releases(app: Path, version: str) -> None:
    """New instances are of this version."""
    host = json.loads((app / "host.json").read_text())
    assert host["extensions"]["durableTask"]["defaultVersion"] == str(STORY_VERSION)
    host["extensions"]["durableTask"]["defaultVersion"] = version
    (app / "host.json").write_text(json.dumps(host))


def one_more_step(app: Path, condition: str) -> None:
    """One more activity in the middle of the story, as docs/operations tell it: under the version that it came with."""
    (app / "activities/inspect_job.py").write_text(_NEW_ACTIVITY)
    change(
        app / "activities/__init__.py",
        "blueprints = (\n",
        "from activities import inspect_job\n\nblueprints = (\n    inspect_job.blueprint,\n",
    )
    step = 'yield from call(context, "inspect_job", {"job_id": job["job_id"]}, [2, 5])'
    before = "    orders = [_order(job, wish, images, problem, started_at)"
    change(app / "orchestrators/generate_job.py", before, f"    if {condition}:\n        {step}\n{before}")
    releases(app, f"{STORY_VERSION}.1")


def another_story(app: Path) -> None:
    """A change that no history of before survives: the step is there for everybody, so the story's version is raised."""
    one_more_step(app, "True")
    change(app / "host.json", f'"{STORY_VERSION}.1"', f'"{STORY_VERSION + 1}"')
    change(app / "shared/names.py", f"STORY_VERSION = {STORY_VERSION}\n", f"STORY_VERSION = {STORY_VERSION + 1}\n")


def steps(stack: Stack, job_id: str) -> list[str]:
    """The activities of a job's orchestration, in order."""
    history = orchestration(stack, job_id)["historyEvents"]
    return [event["FunctionName"] for event in history if event["EventType"] == "TaskCompleted"]


def orchestration(stack: Stack, job_id: str) -> dict[str, Any]:
    url = f"{stack.url}/runtime/webhooks/durabletask/instances/{job_id}"
    return dict(requests.get(url, params={"showHistory": "true"}, timeout=PATIENCE).json())


def starts(stack: Stack, job_id: str) -> int:
    """How often the job's orchestration was started again."""
    container = BlobServiceClient.from_connection_string(stack.connection_string).get_container_client("documents")
    return int(json.loads(container.download_blob(f"jobs/{job_id}/job.json").readall())["starts"])


def post(stack: Stack, number: int, **fields: Any) -> str:
    """Goods of an image that a step of its own prepares, product placement of two that its POST prepares."""
    image = pictures.photo_jpeg(1100, 1100) if number % 2 else pictures.photo_jpeg(300, 300)
    return str((stack.goods(image, **fields) if number % 2 else stack.ppl(image, image, **fields)).json()["id"])


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    """The first version."""
    stack = Stack(tmp_path / "state", BFL_MAX_ACTIVE="64", BFL_KONTEXT_MAX_ACTIVE="64", **PATIENT)
    stack.root = checkout(tmp_path / "first")
    try:
        stack.start()
        # Whatever is sent is with its provider when the code changes, however long it takes to get all of it there.
        stack.configure(replicate={"delay_seconds": 600}, bfl={"delay_seconds": 600, "max_active": 64})
        yield stack
    finally:
        stack.stop()


def generating(stack: Stack, job_id: str) -> None:
    while stack.job(job_id)["stage"] != "generating":
        time.sleep(0.1)


def deploy(stack: Stack, tmp_path: Path, change_it: Callable[[Path], None]) -> None:
    """Stop, change the code, start."""
    stack.stop()
    stack.root = checkout(tmp_path / "second")
    change_it(stack.root)
    stack.start()


def test_fifty_jobs_in_flight_outlive_a_new_version(stack: Stack, tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        old = list(pool.map(lambda number: post(stack, number), range(50)))
    deploy(stack, tmp_path, lambda app: one_more_step(app, f'context.version != "{STORY_VERSION}"'))
    with ThreadPoolExecutor(8) as pool:
        new = list(pool.map(lambda number: post(stack, number), range(6)))
    stack.finish()
    jobs = [stack.ended(job_id) for job_id in (*old, *new)]

    assert [job["status"] for job in jobs] == ["succeeded"] * 56
    in_flight = [job for job in old if stack.job(job)["completed_at"] > stack.job(new[0])["created_at"]]
    assert len(in_flight) >= 25, "most jobs should have been under way when the code changed"
    assert all("inspect_job" not in steps(stack, job) for job in old)
    assert all(steps(stack, job)[1] == "inspect_job" for job in new if stack.job(job)["kind"] == "goods")
    ppl, goods = ([job for job in jobs if job["kind"] == kind] for kind in ("ppl", "goods"))
    assert stack.stats("replicate")["submits"] == len(ppl)
    # BFL has no list of what it was sent: a create whose answer the old host did not live to hear is sent again, which is said.
    sent_again = stack.stats("bfl")["submits"] - len(goods)
    assert 0 <= sent_again <= len([job for job in goods if job["possible_duplicate"]]) <= 2
    assert sum(starts(stack, job) for job in (*old, *new)) == 0, "each goes on in the story that it began"
    assert "job_restarted" not in stack.log


def test_jobs_of_an_older_story_are_told_again_from_their_records_and_paid_once(stack: Stack, tmp_path: Path) -> None:
    single, several = [post(stack, number) for number in range(6)], [post(stack, 1, n=3) for _ in range(2)]
    for job_id in (*single, *several):
        generating(stack, job_id)
    deploy(stack, tmp_path, another_story)
    stack.finish()
    jobs = [stack.ended(job_id) for job_id in (*single, *several)]

    assert [(job["status"], len(job["outputs"])) for job in jobs] == [("succeeded", 1)] * 6 + [("succeeded", 3)] * 2
    assert [job["usage"]["cost_usd"] for job in jobs] == [0.08] * 6 + [0.24] * 2
    assert not any(job["possible_duplicate"] for job in jobs)
    assert all(job["usage"]["settled"] for job in jobs)
    assert sum(stack.stats(name)["submits"] for name in ("replicate", "bfl")) == 12, "nothing was sent again"
    assert [starts(stack, job["id"]) for job in jobs] == [1] * 8
    assert all("inspect_job" in steps(stack, job["id"]) for job in jobs), "it is the new story that ended them"
    assert "job_restarted" in stack.log


def test_the_same_change_without_a_version_costs_a_start_and_no_picture(stack: Stack, tmp_path: Path) -> None:
    job_id = post(stack, 1)
    generating(stack, job_id)
    deploy(stack, tmp_path, lambda app: one_more_step(app, "True"))
    stack.finish()
    job = stack.ended(job_id)

    assert "job_restarted" in stack.log, "its history did not fit, which is what the drill is for"
    assert (job["status"], job["usage"]["cost_usd"], job["possible_duplicate"]) == ("succeeded", 0.08, False)
    assert (stack.stats("bfl")["submits"], starts(stack, job_id)) == (1, 1)
