"""An operator at a shell, beside a running stack."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

from tests.stack import ROOT, Stack


@dataclass(frozen=True)
class Said:
    code: int
    out: str
    err: str


class Operator:
    """Runs `python -m ops`. `environment` is what the shell holds beside the stack's folder."""

    def __init__(self, stack: Stack, **environment: str) -> None:
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("COV_", "PYTEST"))},
            "DEVHOST_DIR": str(stack.folder), "PATH": f"{os.path.dirname(sys.executable)}{os.pathsep}{os.environ['PATH']}",
            **environment,
        }  # fmt: skip

    def __call__(self, *arguments: str, stdin: str = "") -> Said:
        done = subprocess.run(
            [sys.executable, "-m", "ops", *arguments], cwd=ROOT, env=self.environment, input=stdin, capture_output=True,
            text=True, timeout=200, check=False,
        )  # fmt: skip
        assert "Traceback" not in done.stderr, done.stderr
        return Said(done.returncode, done.stdout, done.stderr)

    def data(self, *arguments: str, stdin: str = "") -> dict[str, Any]:
        """What --json prints, whatever the exit code."""
        said = self(*arguments, "--json", stdin=stdin)
        assert said.out, said.err
        return dict(json.loads(said.out))
