"""The page as it is deployed: all of it, with the API's address in the one file that says so."""

from pathlib import Path

import pytest

from infra.package_page import package
from tests.infra.compiler import ROOT

WEB = ROOT / "web"


def test_the_page_is_told_the_address_of_the_api(tmp_path: Path) -> None:
    package("https://func-api-x.azurewebsites.net/", WEB, tmp_path / "dist")

    assert (tmp_path / "dist/config.js").read_text() == 'export const apiBase = "https://func-api-x.azurewebsites.net/api";\n'


def test_everything_else_is_as_it_was(tmp_path: Path) -> None:
    package("https://func-api-x.azurewebsites.net", WEB, tmp_path / "dist")

    packaged = {file.relative_to(tmp_path / "dist") for file in (tmp_path / "dist").rglob("*") if file.is_file()}
    page = {file.relative_to(WEB) for file in WEB.rglob("*") if file.is_file() and "dist" not in file.relative_to(WEB).parts}
    assert page - packaged == {Path("README.md")}
    assert packaged - page == set()
    for name in packaged - {Path("config.js")}:
        assert (tmp_path / "dist" / name).read_bytes() == (WEB / name).read_bytes()


def test_a_second_packaging_replaces_the_first_and_is_not_packaged_itself(tmp_path: Path) -> None:
    source = tmp_path / "web"
    (source / "js").mkdir(parents=True)
    (source / "config.js").write_text("old")
    package("https://one.example", source, source / "dist")
    package("https://two.example", source, source / "dist")

    assert (source / "dist/config.js").read_text() == 'export const apiBase = "https://two.example/api";\n'
    assert not (source / "dist/dist").exists()
    assert (source / "config.js").read_text() == "old"


@pytest.mark.parametrize("address", ["", "func-api-x.azurewebsites.net", "https://x.example/path", 'https://x.example";evil("'])
def test_what_is_no_address_is_refused(address: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not the address"):
        package(address, WEB, tmp_path / "dist")
