"""A new version of the story while jobs are under way: they are started again from their records, and pay for nothing twice."""

import json
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from shared import names
from tests import pictures
from tests.stack import ROOT, Stack

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


def second_version(app: Path) -> None:
    """One more activity in the middle of the story, under a version of its own, as docs/operations tell it."""
    changed_story(app)
    old, new = names.STORY_VERSION, names.STORY_VERSION + 1
    change(app / "shared/names.py", f"STORY_VERSION = {old}\n", f"STORY_VERSION = {new}\n")
    host = json.loads((app / "host.json").read_text())
    assert host["extensions"]["durableTask"]["defaultVersion"] == str(old)
    host["extensions"]["durableTask"]["defaultVersion"] = str(new)
    (app / "host.json").write_text(json.dumps(host))


def changed_story(app: Path) -> None:
    (app / "activities/inspect_job.py").write_text(_NEW_ACTIVITY)
    change(
        app / "activities/__init__.py",
        "blueprints = (\n",
        "from activities import inspect_job\n\nblueprints = (\n    inspect_job.blueprint,\n",
    )
    prepared = "    images, problem = yield from _prepared(context, job)\n"
    inspected = '    yield context.call_activity("inspect_job", {"job_id": job["job_id"]})\n'
    change(app / "orchestrators/generate_job.py", prepared, prepared + inspected)


def steps(stack: Stack, job_id: str) -> list[str]:
    """The activities of a job's orchestration, in order."""
    url = f"{stack.url}/runtime/webhooks/durabletask/instances/{job_id}"
    history = requests.get(url, params={"showHistory": "true"}, timeout=20).json()["historyEvents"]
    return [event["FunctionName"] for event in history if event["EventType"] == "TaskCompleted"]


def test_fifty_jobs_in_flight_outlive_a_new_version(tmp_path: Path) -> None:
    stack = Stack(tmp_path / "state", BFL_MAX_ACTIVE="64")
    stack.root = checkout(tmp_path / "first")
    try:
        stack.start()
        stack.configure(replicate={"delay_seconds": 6}, bfl={"delay_seconds": 6, "max_active": 64})
        image = pictures.photo_jpeg(300, 300)

        def post(number: int) -> str:
            return str((stack.goods(image) if number % 2 else stack.ppl(image, image)).json()["id"])

        with ThreadPoolExecutor(8) as pool:
            old = list(pool.map(post, range(50)))
        stack.stop()

        stack.root = checkout(tmp_path / "second")
        second_version(stack.root)
        stack.start()
        with ThreadPoolExecutor(8) as pool:
            new = list(pool.map(post, range(6)))
        # Whoever looks at a job starts it again.
        with ThreadPoolExecutor(16) as pool:
            jobs = list(pool.map(lambda job_id: stack.ended(job_id, seconds=120), (*old, *new)))

        assert [job["status"] for job in jobs] == ["succeeded"] * 56
        in_flight = [job for job in old if stack.job(job)["completed_at"] > stack.job(new[0])["created_at"]]
        assert len(in_flight) >= 25, "most jobs should have been under way when the code changed"
        assert all("inspect_job" in steps(stack, job) for job in (*in_flight, *new)), "all by the new story"
        assert sum(stack.stats(name)["submits"] for name in ("replicate", "bfl")) == 56
        assert not any(job["possible_duplicate"] for job in jobs)
        assert stack.log.count("job_restarted") >= len(in_flight)
    finally:
        stack.stop()


def test_the_same_change_without_a_version_costs_nothing_but_a_start(tmp_path: Path) -> None:
    stack = Stack(tmp_path / "state", BFL_MAX_ACTIVE="64")
    stack.root = checkout(tmp_path / "first")
    try:
        stack.start()
        stack.configure(bfl={"delay_seconds": 6})
        job = stack.goods(pictures.photo_jpeg(300, 300)).json()["id"]
        while stack.job(job)["stage"] != "generating":
            pass
        stack.stop()
        stack.root = checkout(tmp_path / "second")
        changed_story(stack.root)
        stack.start()
        ended = stack.ended(job)
        # Its history no longer fits the code: that is a death like others.
        assert (ended["status"], ended["possible_duplicate"], stack.stats("bfl")["submits"]) == ("succeeded", False, 1)
        assert "inspect_job" in steps(stack, job)
        assert "job_restarted" in stack.log
    finally:
        stack.stop()
