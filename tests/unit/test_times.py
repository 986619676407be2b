"""The table at the end of a test run."""

import subprocess
import sys
from types import SimpleNamespace

from tests.times import Telling, cpu_seconds, suite_of

BURN = "import time\nwhile time.process_time() < 0.4: pass\n"


def test_what_children_took_is_counted_while_they_run_and_when_they_have_ended() -> None:
    before = cpu_seconds()
    with subprocess.Popen([sys.executable, "-c", BURN + "print(flush=True)\ninput()"], stdin=-1, stdout=-1) as child:
        assert child.stdout
        child.stdout.readline()
        running = cpu_seconds() - before
        child.communicate(b"\n")
    ended = cpu_seconds() - before

    assert running >= 0.35, "the clock of processes ticks in hundredths"
    assert ended >= running - 0.05


def test_suites_are_the_folders_of_tests() -> None:
    assert suite_of("tests/unit/test_times.py") == "unit"
    assert suite_of("tests/contract/deeper/test_of.py") == "contract"


def test_a_suite_is_the_sum_of_its_files_and_the_dearest_comes_first() -> None:
    telling = Telling()
    for nodeid, when, duration, more in (
        ("tests/unit/test_a.py::test_one", "setup", 1.0, {}),
        ("tests/unit/test_a.py::test_one", "call", 2.0, {}),
        ("tests/unit/test_a.py::test_one", "teardown", 0.0, {"cpu_seconds": 2.5, "collecting_seconds": 7.0}),
        ("tests/unit/test_b.py::test_two[x::y]", "setup", 0.0, {}),
        ("tests/unit/test_b.py::test_two[x::y]", "call", 4.0, {}),
        ("tests/unit/test_b.py::test_two[x::y]", "teardown", 0.0, {"cpu_seconds": 1.5, "collecting_seconds": None}),
        ("tests/e2e/test_c.py::test_three", "setup", 30.0, {}),
        ("tests/e2e/test_c.py::test_three", "teardown", 0.0, {"cpu_seconds": 20.0, "collecting_seconds": 8.0}),
    ):
        telling.pytest_runtest_logreport(SimpleNamespace(nodeid=nodeid, when=when, duration=duration, **more))  # type: ignore[arg-type]

    rows = [line.split() for line in telling.lines() if line]
    assert rows[1:3] == [["e2e", "1", "30", "20"], ["unit", "2", "7", "4"]]
    assert rows[3:6] == [
        ["tests/e2e/test_c.py", "1", "30", "20"], ["tests/unit/test_a.py", "1", "3", "2"], ["tests/unit/test_b.py", "1", "4", "2"]
    ]  # fmt: skip
    assert rows[6][-1] == "15"
    assert rows[7] == ["all", "3", "37", "39"]
