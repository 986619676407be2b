"""`make mutants` (`python -m tests.mutants [--only TEXT] [--list]`): makes each fault in a copy of the tree and runs its tests.

A fault that no test notices has survived: then a test is missing, or the rule is. Ends with 1 when one has, when one does not
apply any more, or when the tests were not green without it.
"""

import argparse
import os
import queue
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tests.mutants import MUTANTS
from tests.mutants.mutant import ROOT, Mutant

#: Of all tests of one fault, and of one test: some faults make a story that never ends.
_LIMIT_SECONDS, _TEST_SECONDS = 240, 30
_PYTEST = (
    "-x", "-q", "-p", "no:randomly", "-p", "no:cacheprovider", "--no-cov", "--durations=0", "--no-header",
    f"--timeout={_TEST_SECONDS}",
)  # fmt: skip
_RED, _GREEN = 1, 0
_FAILED = re.compile(r"^(?:FAILED|ERROR) (\S+)", re.MULTILINE)

#: killed: a test turned red. stale: the text it replaces is gone. broken: the tests could not be run with it. late: they did not
#: end in time.
Verdict = Literal["killed", "survived", "stale", "broken", "late"]


@dataclass(frozen=True)
class Outcome:
    mutant: Mutant
    verdict: Verdict
    #: The test that noticed, or what went wrong.
    by: str
    seconds: float


class Copy:
    """The tree as it stands here, without what is not under version control."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._stamp = time.time()
        listed = subprocess.run(
            ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
        for name in filter(None, listed.stdout.split("\n")):
            if (ROOT / name).is_file():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, folder / name)
        for name in (".venv", "node_modules"):
            if not (folder / name).exists():
                (folder / name).symlink_to((ROOT / name).resolve())

    def play(self, mutant: Mutant) -> Outcome:
        file = self._folder / mutant.file
        began, text = time.monotonic(), file.read_text("utf-8")
        try:
            self._write(file, mutant.applied(text))
        except ValueError as stale:
            return Outcome(mutant, "stale", str(stale), 0.0)
        try:
            code, said = self.test(mutant.tests)
        except subprocess.TimeoutExpired:
            return Outcome(mutant, "late", f"no end after {_LIMIT_SECONDS} s", time.monotonic() - began)
        finally:
            self._write(file, text)
        verdict: Verdict = "killed" if code == _RED else "survived" if code == _GREEN else "broken"
        found = _FAILED.search(said)
        by = found.group(1) if found else "" if code == _GREEN else said[-300:].replace("\n", " ")
        return Outcome(mutant, verdict, by, time.monotonic() - began)

    def test(self, tests: Sequence[str], *options: str, seconds: float | None = _LIMIT_SECONDS) -> tuple[int, str]:
        """(pytest's exit code, what it printed). Raises TimeoutExpired."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "COV_"))}
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *_PYTEST, *options, *tests], cwd=self._folder, env=environment, capture_output=True,
            text=True, timeout=seconds,
        )  # fmt: skip
        return done.returncode, done.stdout + done.stderr

    def _write(self, file: Path, text: str) -> None:
        """With a time of its own: Python tells by time and length whether what it compiled before still holds."""
        file.write_text(text, "utf-8")
        self._stamp += 2
        os.utime(file, (self._stamp, self._stamp))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--only", default="", metavar="TEXT", help="only faults with this in their file or description")
    parser.add_argument("--list", action="store_true", help="say what there is, and run nothing")
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    mutants = [mutant for mutant in MUTANTS if options.only.lower() in f"{mutant.file} {mutant.what}".lower()]
    if options.list:
        for mutant in mutants:
            print(f"{mutant.file:36} {mutant.what}")
        return 0
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        copies = [Copy(Path(folder) / str(number)) for number in range(options.workers)]
        tests = sorted({test for mutant in mutants for test in mutant.tests})
        # All of them, as no fault asks for: that ends by itself, in minutes.
        code, said = copies[0].test(tests, "-n", str(options.workers), "--dist", "loadfile", seconds=None)
        if code != _GREEN:
            print(f"without any fault the tests are not green, so they prove nothing:\n{said[-3000:]}", file=sys.stderr)
            return 1
        outcomes = _played(mutants, copies)
    return _told(outcomes)


def _played(mutants: list[Mutant], copies: list[Copy]) -> list[Outcome]:
    free: queue.SimpleQueue[Copy] = queue.SimpleQueue()
    for copy in copies:
        free.put(copy)

    def play(mutant: Mutant) -> Outcome:
        copy = free.get()
        try:
            outcome = copy.play(mutant)
        finally:
            free.put(copy)
        print(f"{outcome.verdict:8} {outcome.seconds:5.1f} s  {mutant.file}: {mutant.what}  {outcome.by}", flush=True)
        return outcome

    with ThreadPoolExecutor(len(copies)) as pool:
        return list(pool.map(play, mutants))


def _told(outcomes: list[Outcome]) -> int:
    """The table by file, and what is left to do."""
    files = list(dict.fromkeys(outcome.mutant.file for outcome in outcomes))
    print(f"\n{'':40} faults  killed")
    for file in files:
        of_file = [outcome for outcome in outcomes if outcome.mutant.file == file]
        print(f"{file:40} {len(of_file):6}  {sum(outcome.verdict == 'killed' for outcome in of_file):6}")
    print(f"{'in all':40} {len(outcomes):6}  {sum(outcome.verdict == 'killed' for outcome in outcomes):6}")
    left = [outcome for outcome in outcomes if outcome.verdict != "killed"]
    for outcome in left:
        mutant = outcome.mutant
        print(f"\n{outcome.verdict}: {mutant.what} ({mutant.file}; {', '.join(mutant.tests)})\n  {outcome.by}")
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main())
