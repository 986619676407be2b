"""The compiler and the project's infrastructure, compiled once for all tests. Without a compiler these tests are skipped."""

import pytest

from tests.infra.compiler import Infra, find_compiler


@pytest.fixture(scope="session")
def compiler() -> str:
    found = find_compiler()
    if found is None:
        pytest.skip("no Bicep compiler: infra/ is not checked (put bicep on PATH, or name it in BICEP)")
    return found


@pytest.fixture(scope="session")
def infra(compiler: str, tmp_path_factory: pytest.TempPathFactory) -> Infra:
    return Infra(tmp_path_factory.mktemp("infra") / "project", compiler)
