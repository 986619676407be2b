"""What a benchmark gives: rows, and how they are printed and kept in docs/performance.md."""

import os
import platform
import re
import statistics
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tests.pace import QUIET_SECONDS, work_seconds

GUIDE = Path(__file__).resolve().parent.parent / "docs/performance.md"


@dataclass(frozen=True)
class Row:
    what: str
    #: With its unit, and the spread where several were taken: see `spread`.
    measured: str
    #: What it is compared with in the same run, with its unit; the ratio is measured / baseline.
    baseline: str = ""
    ratio: float | None = None
    goal: str = ""
    #: Whether the goal holds; None where there is only something to report.
    holds: bool | None = None
    #: What keeps the figure from being better.
    limit: str = ""


HEAD = ("", "measured", "baseline", "ratio", "goal", "", "limited by")


def markdown(rows: Iterable[Row]) -> str:
    words = {True: "holds", False: "**missed**", None: ""}
    lines = [
        (
            row.what,
            row.measured,
            row.baseline,
            _ratio(row),
            row.goal,
            words[row.holds],
            row.limit,
        )
        for row in rows
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in (HEAD, ("---",) * len(HEAD), *lines)) + "\n"


def _ratio(row: Row) -> str:
    return "" if row.ratio is None else f"{row.ratio:.2f}"


def spread(values: Sequence[float], unit: str = "s", scale: float = 1.0, digits: int = 2) -> str:
    """The median, with the least and the most beside it."""
    low, middle, high = (scale * value for value in (min(values), statistics.median(values), max(values)))
    return f"{middle:.{digits}f} {unit} ({low:.{digits}f} to {high:.{digits}f})"


def percentile(values: Sequence[float], percent: int) -> float:
    """By linear interpolation between the nearest two; of one value that value."""
    if len(values) == 1:
        return values[0]
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]


def where() -> str:
    """The day, the machine and the commit of a run."""
    asked = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True, cwd=GUIDE.parent.parent)
    # Who compiled Python matters: docs/performance.md says how much.
    machine = f"{_cpu()}, {os.cpu_count()} cores, Python {platform.python_version()} in {sys.base_prefix}"
    return f"{datetime.now(UTC):%Y-%m-%d}, {machine}, commit {asked.stdout.strip()}, load {os.getloadavg()[0]:.1f} at its start"


def pace() -> float:
    """How many times its quiet CPU seconds the machine takes at the moment: who shares a core with others pays for it."""
    return statistics.median(work_seconds() for _ in range(5)) / QUIET_SECONDS


def paced(run: str, before: float) -> str:
    """`where` with the pace that was seen at its start and now."""
    paces = sorted([before, pace()])
    return f"{run}; CPU seconds were {paces[0]:.1f} to {paces[1]:.1f} times as many as on a quiet machine"


def _cpu() -> str:
    names = re.findall(r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return names[0] if names else platform.machine()


def keep(case: str, table: str, run: str) -> None:
    """Puts a case's table into the guide, behind its comment. Raises LookupError if the guide has no place for it."""
    guide = GUIDE.read_text()
    before, mark, after = guide.partition(f"<!-- bench: {case} -->\n")
    if not mark:
        raise LookupError(f"docs/performance.md has no place for {case}")
    rest = re.sub(r"\A(_.*_\n\n)?(\|.*\n)*", "", after)
    GUIDE.write_text(f"{before}{mark}_{run}_\n\n{table}{rest}")
