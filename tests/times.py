"""What every suite took, as a table at the end of a run: where the minutes of the tests go."""

from collections import Counter
from collections.abc import Iterator

import psutil
import pytest

#: So many of the dearest files are named below the suites.
NAMED = 12


class Measuring:
    """In a process that runs tests: the CPU seconds of each file, of this process and of all that it has started.

    What outlives a file (a stack of the session) counts for whichever file runs meanwhile; what has left the tree of
    processes before it was looked at, as the children of what was killed, is not seen.
    """

    def __init__(self) -> None:
        self._spent = 0.0
        self._collecting: float | None = None
        self._ends_file = False

    def pytest_collection_finish(self) -> None:
        self._spent = self._collecting = cpu_seconds()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> Iterator[None]:
        self._ends_file = nextitem is None or nextitem.path != item.path
        return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self) -> Iterator[None]:
        report = yield
        if report.when == "teardown" and self._ends_file:
            spent = cpu_seconds()
            # A session's processes may have ended before their parent: what they took is gone then.
            report.cpu_seconds = max(0.0, spent - self._spent)
            report.collecting_seconds, self._collecting = self._collecting, None
            self._spent = spent
        return report


class Telling:
    """In the process that prints: what the reports of all others add up to."""

    def __init__(self) -> None:
        self._tests: Counter[str] = Counter()
        self._seconds: Counter[str] = Counter()
        self._cpu: Counter[str] = Counter()
        self._collecting: list[float] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        file = report.nodeid.partition("::")[0]
        self._tests[file] += report.when == "setup"
        self._seconds[file] += report.duration
        self._cpu[file] += getattr(report, "cpu_seconds", 0.0)
        if collecting := getattr(report, "collecting_seconds", None):
            self._collecting.append(collecting)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if len(self._tests) > 1:
            terminalreporter.section("seconds by suite")
            for line in self.lines():
                terminalreporter.write_line(line)

    def lines(self) -> Iterator[str]:
        suites = {suite: [file for file in self._tests if suite_of(file) == suite] for suite in map(suite_of, self._tests)}
        row = "{:<44}{:>7}{:>10}{:>10}".format
        yield row("", "tests", "seconds", "CPU")
        for names in (suites, {file: [file] for file, _ in self._cpu.most_common(NAMED)}):
            for name, files in sorted(names.items(), key=lambda each: -sum(self._cpu[file] for file in each[1])):
                yield row(name, *(f"{sum(of[file] for file in files):.0f}" for of in (self._tests, self._seconds, self._cpu)))
            yield ""
        yield row("collecting, in every process", "", "", f"{sum(self._collecting):.0f}")
        yield row(
            "all",
            *(f"{of.total():.0f}" for of in (self._tests, self._seconds)),
            f"{self._cpu.total() + sum(self._collecting):.0f}",
        )


def suite_of(file: str) -> str:
    """The folder of tests/ that a test file is in."""
    return file.removeprefix("tests/").partition("/")[0]


def cpu_seconds() -> float:
    """What this process has taken, its children that have ended, and those that run with theirs."""
    spent = 0.0
    here = psutil.Process()
    for process in (here, *here.children(recursive=True)):
        try:
            times = process.cpu_times()
        except psutil.Error:
            continue
        spent += times.user + times.system + times.children_user + times.children_system
    return spent
