"""`python -m local` when a part of it does not start."""

import os
import subprocess
import sys
from pathlib import Path

from local.ports import free_port
from tests.patience import PATIENCE
from tests.stack import ROOT


def test_a_part_that_has_ended_is_named_with_its_last_words(tmp_path: Path) -> None:
    (tmp_path / "simulators.sqlite").write_bytes(b"not a database" * 1000)
    (tmp_path / "simulators.log").write_text("words of the last time\n")
    environment = os.environ | {"PORT": str(free_port()), "SIM_PORT": str(free_port()), "DEVHOST_DIR": str(tmp_path)}
    ended = subprocess.run(
        [sys.executable, "-m", "local"], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=PATIENCE
    )
    assert ended.returncode == 1
    assert ended.stderr.startswith("simulators ")
    assert str(tmp_path) in ended.stderr
    assert "file is not a database" in ended.stderr
    assert "the last time" not in ended.stderr
