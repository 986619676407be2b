"""The page as it is deployed: all of it, with the API's address in the one file that says so."""

from pathlib import Path

import pytest

from infra.package_page import package, sign_in_from
from tests.infra.compiler import ROOT

WEB = ROOT / "web"


def test_the_page_is_told_the_address_of_the_api(tmp_path: Path) -> None:
    package("https://func-api-x.azurewebsites.net/", WEB, tmp_path / "dist")

    told = (tmp_path / "dist/config.js").read_text()
    assert told == 'export const apiBase = "https://func-api-x.azurewebsites.net/api";\nexport const signIn = null;\n'


SIGN_IN = {"issuer": "https://login.example/t/v2.0", "clientId": "c-1", "scope": "api://c-2/access"}


def test_the_page_is_told_where_callers_sign_in(tmp_path: Path) -> None:
    outputs = {"AUTH_PAGE_ISSUER": SIGN_IN["issuer"], "AUTH_PAGE_CLIENT": "c-1", "AUTH_PAGE_SCOPE": "api://c-2/access"}
    package("https://func-api-x.azurewebsites.net", WEB, tmp_path / "dist", sign_in_from(outputs))

    told = (tmp_path / "dist/config.js").read_text().splitlines()[1]
    assert told == (
        'export const signIn = { issuer: "https://login.example/t/v2.0", clientId: "c-1", scope: "api://c-2/access" };'
    )
    assert sign_in_from({"AUTH_PAGE_ISSUER": "", "AUTH_PAGE_CLIENT": "c-1"}) is None
    assert {f"output {name} " in (ROOT / "infra/main.bicep").read_text() for name in outputs} == {True}


@pytest.mark.parametrize("wrong", [{"issuer": "login.example"}, {"issuer": 'https://x"'}, {"clientId": ""}, {"scope": ""}])
def test_half_a_sign_in_is_refused(wrong: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="sign in"):
        package("https://func-api-x.azurewebsites.net", WEB, tmp_path / "dist", SIGN_IN | wrong)


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

    assert (source / "dist/config.js").read_text().startswith('export const apiBase = "https://two.example/api";\n')
    assert not (source / "dist/dist").exists()
    assert (source / "config.js").read_text() == "old"


@pytest.mark.parametrize("address", ["", "func-api-x.azurewebsites.net", "https://x.example/path", 'https://x.example";evil("'])
def test_what_is_no_address_is_refused(address: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not the address"):
        package(address, WEB, tmp_path / "dist")
