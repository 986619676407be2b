"""The devhost beside the record of the real engine."""

import subprocess
import sys
from pathlib import Path

from tests.patience import PATIENCE

from .conftest import RunningHost

CONFORMANCE = Path(__file__).resolve().parents[1] / "conformance"


def test_behaves_as_the_engine_on_record(tmp_path: Path) -> None:
    host = RunningHost(CONFORMANCE, tmp_path).start()
    try:
        check = [sys.executable, str(CONFORMANCE / "conform.py"), "check", host.url]
        done = subprocess.run(check, capture_output=True, text=True, timeout=PATIENCE, check=False)
    finally:
        host.stop()
    assert done.stdout.splitlines()[-1:] == ["69 passed, 0 failed"], done.stdout[-4000:] + done.stderr[-2000:]
