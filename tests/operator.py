"""An operator at a shell, beside a running stack."""

import json
import multiprocessing
import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ops.__main__ import main
from tests.patience import PATIENCE
from tests.stack import ROOT, Stack

#: Its children have imported all already, which is most of what a command costs. As a shell starts it, `python -m ops` is run by
#: the tests of the guides (tests/ops/test_guides.py) and the drills.
_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload([__name__])


@dataclass(frozen=True)
class Said:
    code: int
    out: str
    err: str


class Operator:
    """Runs commands of `python -m ops`. `environment` is what the shell holds beside the stack's folder."""

    def __init__(self, stack: Stack, **environment: str) -> None:
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("COV_", "PYTEST"))},
            "DEVHOST_DIR": str(stack.folder), "PATH": f"{os.path.dirname(sys.executable)}{os.pathsep}{os.environ['PATH']}",
            **environment,
        }  # fmt: skip

    def __call__(self, *arguments: str, stdin: str = "") -> Said:
        with tempfile.TemporaryDirectory() as folder:
            given, out, err = (Path(folder) / name for name in ("stdin", "stdout", "stderr"))
            given.write_text(stdin)
            command = _FORKS.Process(target=_run, args=(arguments, self.environment, given, out, err))
            command.start()
            command.join(PATIENCE)
            if command.exitcode is None:
                command.kill()
                command.join()
            said = Said(command.exitcode or 0, out.read_text(), err.read_text())
            command.close()
        assert said.code >= 0, f"no end after 200 s: {arguments}"
        assert "Traceback" not in said.err, said.err
        return said

    def data(self, *arguments: str, stdin: str = "") -> dict[str, Any]:
        """What --json prints, whatever the exit code."""
        said = self(*arguments, "--json", stdin=stdin)
        assert said.out, said.err
        return dict(json.loads(said.out))


def _run(arguments: tuple[str, ...], environment: dict[str, str], given: Path, out: Path, err: Path) -> None:
    """The command's whole life, in a process of its own."""
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(ROOT)
    sys.stdin, sys.stdout, sys.stderr = given.open(), out.open("w"), err.open("w")
    for stream, descriptor in ((sys.stdin, 0), (sys.stdout, 1), (sys.stderr, 2)):
        os.dup2(stream.fileno(), descriptor)
    sys.exit(main(arguments))
