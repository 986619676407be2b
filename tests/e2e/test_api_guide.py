"""The guide to the API and the clients' READMEs: what stands in them works, letter by letter, in a fresh folder."""

import base64
import hashlib
import hmac
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from shared.domain.problem import CATALOGUE
from tests.clients.stub import Answer, StubServer
from tests.guides import ROOT
from tests.patience import PATIENCE
from tests.stack import Stack
from triggers.contract import examples

GUIDES = ("docs/api.en.md", "docs/api.ko.md")
READMES = ("clients/python/README.md", "clients/js/README.md")
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
#: The address that the samples name.
_LOCAL = "http://127.0.0.1:7071"


def samples(name: str, language: str) -> list[str]:
    """Of one language, in their order: each goes on where the one before it ended."""
    return [text for spoken, text in _BLOCK.findall((ROOT / name).read_text()) if spoken == language]


def receive_a_webhook() -> str:
    """What the sample for webhooks is called with."""
    key, body = b"0123456789abcdef01234567", b'{"type":"job.succeeded","data":{"id":"job_1"}}'
    at = str(int(time.time()))
    signature = "v1," + base64.b64encode(hmac.new(key, f"msg_1.{at}.".encode() + body, hashlib.sha256).digest()).decode()
    headers = {"webhook-id": "msg_1", "webhook-timestamp": at, "webhook-signature": signature}
    secret = f"whsec_{base64.b64encode(key).decode()}"
    return (
        f"\nassert receive({secret!r}, {headers!r}, {body!r}) == 204"
        f"\nassert receive({secret!r}, {headers!r}, {body + b' '!r}) == 401\n"
        # As Flask and others spell them.
        f"\nassert receive({secret!r}, {{name.title(): one for name, one in {headers!r}.items()}}, {body!r}) == 204\n"
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """With a picture, and the JavaScript client as one copies it."""
    shutil.copy(ROOT / "web/samples/character-jun.jpg", tmp_path / "character.jpg")
    shutil.copy(ROOT / "clients/js/toonconnect.js", tmp_path)
    (tmp_path / "package.json").write_text('{"type": "module"}')
    return tmp_path


def run(stack: Stack, folder: Path, command: list[str], script: str) -> str:
    environment = {
        **os.environ, "API": stack.url, "PYTHONPATH": str(ROOT / "clients/python"),
        "PATH": f"{os.path.dirname(sys.executable)}{os.pathsep}{os.environ['PATH']}",
    }  # fmt: skip
    script = script.replace(_LOCAL, stack.url)
    done = subprocess.run(
        command, cwd=folder, env=environment, input=script, capture_output=True, text=True, timeout=PATIENCE, check=False
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.stack
@pytest.mark.parametrize("language", ["sh", "python", "js"])
def test_every_sample_of_the_guide_works(stack: Stack, folder: Path, language: str) -> None:
    script = "\n".join(samples(GUIDES[0], language))
    if language == "sh":
        assert "succeeded" in run(stack, folder, ["bash", "-euo", "pipefail"], script)
        assert (folder / "mug.png").read_bytes().startswith(b"\x89PNG")
        assert (folder / "picture.png").read_bytes().startswith(b"\x89PNG")
    elif language == "python":
        said = run(stack, folder, [sys.executable, "-"], script + receive_a_webhook())
        assert (folder / "mug-1.png").read_bytes().startswith(b"\x89PNG")
        assert "aspect_ratio" in said
    else:
        assert "bytes" in run(stack, folder, ["node", "--input-type=module", "-"], script)


@pytest.mark.stack
@pytest.mark.parametrize(("readme", "language"), [(READMES[0], "python"), (READMES[1], "js")])
def test_the_clients_readmes_can_be_followed(stack: Stack, folder: Path, readme: str, language: str) -> None:
    (script,) = samples(readme, language)
    command = [sys.executable, "-"] if language == "python" else ["node", "--input-type=module", "-"]
    said = run(stack, folder, command, script)
    assert language == "python" or re.search(r"^\d+ bytes$", said, re.MULTILINE)
    assert language == "js" or (folder / "mug.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.stack
def test_what_the_host_answers_is_what_the_document_says(stack: Stack, folder: Path) -> None:
    """The document that is served, and a job as it is served: through a host, not past it."""
    import requests

    from tests.contract.answers import validator

    document = requests.get(f"{stack.url}/api/openapi.json", timeout=PATIENCE).json()
    assert document["servers"] == [{"url": stack.url}]
    job = stack.goods((folder / "character.jpg").read_bytes(), {"Prefer": "wait=60"}).json()
    validator({"$ref": "#/components/schemas/Job"}).validate(job)
    shown = requests.get(f"{stack.url}/api/docs", timeout=PATIENCE)
    assert shown.headers["Content-Type"].startswith("text/html")
    assert "default-src 'none'" in shown.headers["Content-Security-Policy"]


def test_both_languages_have_the_same_samples() -> None:
    korean, english = (_BLOCK.findall((ROOT / name).read_text()) for name in GUIDES)
    assert korean == english
    assert {language for language, _ in english} == {"sh", "python", "js"}


def test_the_guide_begins_with_ten_lines_that_work() -> None:
    for name in GUIDES:
        text = (ROOT / name).read_text()
        first = samples(name, "sh")[0]
        assert len(first.splitlines()) == 10
        assert text.index(first) < text.index("\n## ")


@pytest.mark.parametrize("guide", GUIDES)
def test_the_webhook_sample_takes_headers_in_any_case(folder: Path, guide: str) -> None:
    (sample,) = [text for text in samples(guide, "python") if "def receive" in text]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "clients/python")}
    subprocess.run(
        [sys.executable, "-c", sample + receive_a_webhook()], cwd=folder, env=environment, timeout=PATIENCE, check=True
    )


@pytest.mark.parametrize("guide", GUIDES)
def test_the_guide_says_what_to_do_about_every_code(guide: str) -> None:
    """But for those that it sums up by their status, and those that no call of a client meets."""
    text = (ROOT / guide).read_text()
    summed_up = {code for code, kind in CATALOGUE.items() if kind.status in (400, 413, 415, 422)}
    others = {"not_found", "method_not_allowed", "not_ready"}
    assert [code for code in CATALOGUE if code not in summed_up | others and f"`{code}`" not in text] == []


def test_the_sample_of_the_python_readme_bears_a_canceled_job(folder: Path) -> None:
    """Its job was canceled: what it prints is no error of its own."""
    (script,) = samples(READMES[0], "python")
    with StubServer(Answer(202, examples.QUEUED), Answer(200, {**examples.QUEUED, "status": "canceled"})) as server:
        done = subprocess.run(
            [sys.executable, "-c", script.replace(_LOCAL, server.url)], cwd=folder, capture_output=True, text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT / "clients/python")}, timeout=PATIENCE, check=False,
        )  # fmt: skip
    assert "canceled None" in done.stdout
    assert "toonconnect.errors.JobFailed" in done.stderr.splitlines()[-1]
