"""The compiler and the project's infrastructure, compiled once for all tests. Without a compiler these tests are skipped."""

import pytest

from tests.infra.compiler import Infra, find_compiler

NO_COMPILER = "no Bicep compiler: infra/ was not checked (put bicep on PATH, or name it in BICEP)"


@pytest.fixture(scope="session")
def compiler() -> str:
    found = find_compiler()
    if found is None:
        pytest.skip(NO_COMPILER)
    return found


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """A skipped test is easily overlooked."""
    if any(NO_COMPILER in str(report.longrepr) for report in terminalreporter.stats.get("skipped", [])):
        terminalreporter.write_line(NO_COMPILER, yellow=True)


@pytest.fixture(scope="session")
def infra(compiler: str, tmp_path_factory: pytest.TempPathFactory) -> Infra:
    return Infra(tmp_path_factory.mktemp("infra") / "project", compiler)
