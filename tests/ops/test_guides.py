"""The operator's guides: their commands run, their queries are sound, both languages say the same."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.domain.problem import CATALOGUE
from tests import pictures
from tests.guides import API_GUIDES, GUIDES, ROOT, blocks, section, sections, text_of
from tests.patience import PATIENCE
from tests.stack import Stack

#: What needs an Azure subscription is marked as such, and not run here; messages are
#: JSON, and read by a test of theirs. Python is run by tests/unit/test_signature.py.
LANGUAGES = {"sh", "azurecli", "kusto", "json", "python"}


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with Stack(tmp_path_factory.mktemp("guides")) as stack:
        stack.configure(bfl={"delay_seconds": 0.5}, replicate={"delay_seconds": 0.5})
        yield stack


def job_for(stack: Stack, command: str) -> str:
    """A job as the command needs it: running to cancel, failed without cost to replay, else one that has ended."""
    image = pictures.photo_jpeg(300, 300)
    if "ops cancel" in command:
        stack.configure(replicate={"outcome": "never"})
        job_id = str(stack.ppl(image, image).json()["id"])
        while stack.job(job_id)["stage"] != "generating":
            time.sleep(0.1)
        stack.configure(replicate={"outcome": "succeed"})
        return job_id
    outcome = "moderated_input" if "ops replay" in command else "succeed"
    stack.configure(bfl={"outcome": outcome})
    job_id = stack.goods(image, {"Prefer": "wait=60"}).json()["id"]
    stack.configure(bfl={"outcome": "succeed"})
    return str(job_id)


@pytest.mark.stack
@pytest.mark.parametrize("command", sorted({block.text for guide in GUIDES for block in blocks(guide) if block.language == "sh"}))
def test_every_local_command_of_the_guides_runs(quiet: Stack, command: str) -> None:
    environment = {
        **os.environ, "API": quiet.url, "DEVHOST_DIR": str(quiet.folder), "JOB": job_for(quiet, command),
        "PATH": f"{os.path.dirname(sys.executable)}{os.pathsep}{os.environ['PATH']}",
    }  # fmt: skip
    # Where there is another virtual environment than .venv, as in a container, that one is meant.
    command = command.replace(". .venv/bin/activate", "true")
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", command], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=PATIENCE,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout
    assert "problem:" not in done.stdout, "an answer of the API was an error"
    if "bench.storage_operations" in command:
        counted = re.findall(
            r"^\| \*\*blob operations \(counted\)\*\* \| (.*) \|$", text_of(ROOT / "docs/scaling-and-cost.md"), re.M
        )
        assert re.search(r"^blob operations in all +(.*)$", done.stdout, re.M)[1].split() == re.findall(r"\d+", counted[0])  # type: ignore[index]


def test_blocks_say_what_they_are() -> None:
    assert {block.language for guide in GUIDES for block in blocks(guide)} <= LANGUAGES


#: What the services before this one did not know: starts again, the last of them, deleted jobs, unsettled costs, rushes, requests
#: that cannot be read, the limit of logs, jobs that nobody begins, limits of
#: owners, a sandbox that is none.
OWN_ROWS = [24, 25, 26, 27, 28, 29, 30, 31, 32, 33]


@pytest.mark.parametrize("name", ["troubleshooting", "operations", "models", "requests"])
def test_both_languages_have_the_same_commands_and_queries(name: str) -> None:
    korean, english = (blocks(ROOT / f"docs/{name}.{language}.md") for language in ("ko", "en"))

    assert [(b.language, b.text) for b in korean] == [(b.language, b.text) for b in english]
    assert korean


@pytest.mark.parametrize("language", ["ko", "en"])
def test_the_guide_has_every_row_of_the_old_one_in_order_and_ours_after_them(language: str) -> None:
    assert list(sections(ROOT / f"docs/troubleshooting.{language}.md")) == list(range(1, 24)) + OWN_ROWS


@pytest.mark.parametrize("language", ["ko", "en"])
def test_every_row_says_what_is_seen_where_to_look_what_to_do_and_what_it_costs(language: str) -> None:
    parts = {
        "ko": ("**증상.**", "**확인.**", "**조치.**", "**비용.**"),
        "en": ("**Seen.**", "**Look.**", "**Do.**", "**Costs.**"),
    }
    for row, text in sections(ROOT / f"docs/troubleshooting.{language}.md").items():
        found = [text.find(part) for part in parts[language]]
        assert -1 not in found, row
        assert found == sorted(found), row


SEARCHED = {
    1: "이미지 생성이 2분 내에 완료되지 않았습니다",
    4: "REPLICATE_API_TOKEN이 설정되어 있지 않습니다",
    5: "처리할 수 없는 결과 타입입니다",
    8: "안전성 검사 실패",
    9: "BFL.ai 모델 생성 실패",
    26: "410 `job_deleted`",
    27: "settled: false",
    28: "503 `busy`",
    29: "요청을 읽을 수 없습니다",
    30: "No more logs are taken in today",
    31: "Jobs are accepted and nothing follows",
    32: "429 `too_many_active_jobs`, 429 `quota_exceeded`",
    33: "`SANDBOX`",
}


@pytest.mark.parametrize("language", ["ko", "en"])
@pytest.mark.parametrize("row", SEARCHED)
def test_the_sentences_that_operators_search_for_are_headings_in_both_languages(language: str, row: int) -> None:
    assert SEARCHED[row] in section(row, language).splitlines()[0]


@pytest.mark.parametrize("language", ["ko", "en"])
def test_every_alert_has_its_row(language: str) -> None:
    alerts = (ROOT / "infra/app/alerts.bicep").read_text()
    mails = {
        f"{severity}: {title}" for title, severity in re.findall(r"^    title: '(.*)'\n    severity: '(P\d)'$", alerts, re.M)
    }
    mails |= set(re.findall(r"^    description: '(P\d: .*)'$", alerts, re.M))

    told = dict(re.findall(r"^\| (P\d: .*) \| ([\d, ]+) \|$", text_of(ROOT / f"docs/operations.{language}.md"), re.M))

    assert set(told) == mails
    rows = sections(ROOT / f"docs/troubleshooting.{language}.md")
    assert {int(row) for named in told.values() for row in named.split(", ")} <= rows.keys()


@pytest.mark.parametrize("guide", [*GUIDES, *API_GUIDES], ids=lambda guide: guide.name)
def test_codes_and_files_that_a_guide_names_exist(guide: Path) -> None:
    text = text_of(guide)
    codes = set(re.findall(r"\b\d{3} `([a-z]+(?:_[a-z]+)+)`", text))
    assert codes <= CATALOGUE.keys()
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text):
        assert target.startswith("http") or (guide.parent / target).exists(), target
    for name in re.findall(r"`((?:shared|infra|tests|docs|bench|ops)/[\w./-]*)`", text):
        assert (ROOT / name).exists(), name


@pytest.mark.parametrize("guide", [*GUIDES, *API_GUIDES], ids=lambda guide: guide.name)
def test_anchors_that_a_guide_points_to_exist(guide: Path) -> None:
    for target, anchor in re.findall(r"\]\(([^)#\s]*)#([^)]+)\)", text_of(guide)):
        page = guide.parent / target if target else guide
        titles = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
        assert anchor in {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}, (target, anchor)


def test_commands_of_the_command_line_exist() -> None:
    said = subprocess.run([sys.executable, "-m", "ops", "--help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    named: set[str] = set()
    for guide in GUIDES:
        named |= set(re.findall(r"python -m ops ([a-z][a-z-]*)", text_of(guide)))
    assert named
    assert all(re.search(rf"^    {name}( |$)", said, re.MULTILINE) for name in named), named


def test_the_help_names_both_places_that_an_operator_needs_a_role_on() -> None:
    said = subprocess.run([sys.executable, "-m", "ops", "--help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout

    assert "on the images account\nand on the container documents of the host's account" in said
