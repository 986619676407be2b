"""Requests at every bound of the document, against a host: a short run of what `python -m bench.schemathesis` does at length."""

import json
import subprocess
import sys

import pytest

from tests.given_host import HOST
from tests.guides import ROOT
from tests.patience import PATIENCE


@pytest.mark.stack
@pytest.mark.skipif(bool(HOST), reason="it starts a host of its own")
def test_the_host_answers_as_the_document_says() -> None:
    bounds = ["--phases", "coverage", "--max-examples", "5"]
    command = [sys.executable, "-m", "bench.schemathesis", *bounds]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    figures = json.loads(done.stdout.splitlines()[-1])
    assert figures["operations"] >= 13
    assert figures["requests"]["generated"] > 100
    assert (figures["failures"], figures["errors"]) == (0, 0)
