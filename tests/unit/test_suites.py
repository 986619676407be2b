"""What `make quick` runs and what it leaves out are together all tests, and its list is told."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.conftest import BUSY, LONGEST, WAITING
from tests.patience import PATIENCE

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def recipe() -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    made = ["make", "-n", "-o", ".venv/.ready", "-o", "node_modules/.ready", "quick"]
    return subprocess.run(made, cwd=ROOT, env=environment, capture_output=True, text=True, check=True, timeout=PATIENCE).stdout


def left_out(recipe: str) -> set[str]:
    return set(re.search(r"left out, .*: ([^\"]*)\"", recipe)[1].split())  # type: ignore[index]


def run(recipe: str) -> set[str]:
    return set(re.findall(r" tests/(\w+)(?= )", recipe))


def test_every_suite_is_run_by_make_quick_or_named_as_left_out(recipe: str) -> None:
    suites = {file.relative_to(ROOT / "tests").parts[0] for file in (ROOT / "tests").rglob("test_*.py")}

    named = run(recipe) | {name for name in left_out(recipe) if "/" not in name}
    assert named == suites
    assert run(recipe) & left_out(recipe) == set()


def test_files_that_make_quick_leaves_out_of_a_suite_are_named(recipe: str) -> None:
    ignored = set(re.findall(r"--ignore(?:-glob)?='?tests/([^\s']+)", recipe))

    assert ignored == {name for name in left_out(recipe) if "/" in name}
    assert all(list((ROOT / "tests").glob(name)) for name in ignored)


def test_the_guide_has_the_same_list(recipe: str) -> None:
    listed = re.search(r"\*\*`make quick` leaves out\*\* (.*?):", (ROOT / "CONTRIBUTING.md").read_text(), re.DOTALL)

    assert listed
    assert set(re.findall(r"`([^`]+)`", listed[1])) == left_out(recipe)


def test_what_is_begun_with_is_there() -> None:
    assert [name for name in (*LONGEST, *BUSY) if not (ROOT / "tests" / name).is_file()] == []
    assert [name for name in WAITING if not (ROOT / "tests" / name).is_dir()] == []
